"""Training: the loop, its log, its checkpoints, and the threads that share a batch."""

from tinyae.training.history import History
from tinyae.training.loop import TrainingDiverged, evaluate, fit, psnr

__all__ = ["History", "TrainingDiverged", "evaluate", "fit", "psnr"]
