"""Training: the loop, its log, its checkpoints, and the threads that share a batch."""

from tinyae.training.evaluation import evaluate, psnr
from tinyae.training.history import History
from tinyae.training.loop import fit
from tinyae.training.validation import TrainingDiverged

__all__ = ["History", "TrainingDiverged", "evaluate", "fit", "psnr"]
