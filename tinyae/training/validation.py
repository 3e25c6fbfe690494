"""What ``fit`` refuses before it changes anything, and what it says when a run diverges."""

from __future__ import annotations

import numpy as np

from tinyae.data.batches import Data, examples_of
from tinyae.layers.base import Layer
from tinyae.layers.summary import first_nonfinite

ADVICE = (
    "The last good checkpoint, if one was requested, is unchanged. A smaller learning rate or "
    "clip_norm may help."
)


class TrainingDiverged(FloatingPointError):
    """The loss became NaN or infinite. The message says where; the last good checkpoint stays."""


def check_settings(
    epochs: int, batch_size: int, patience: int | None, validation: Data | None
) -> None:
    if epochs < 0:
        raise ValueError(f"epochs is {epochs}, expected 0 or more")
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}, expected at least 1")
    if patience is not None and (patience < 1 or validation is None):
        raise ValueError("early stopping: patience must be at least 1, and needs validation data")


def check_finite(model: Layer, epoch: int) -> None:
    for key, w in model.params.items():
        if not bool(np.isfinite(w).all()):
            raise TrainingDiverged(f"epoch {epoch + 1}: {key} is no longer finite. {ADVICE}")


def loss_diverged(model: Layer, batch: Data, loss: float) -> str:
    """The loss, and where the first value that is not finite appears."""
    where = first_nonfinite(model, examples_of(batch))
    where = where or "the loss itself: every layer's output is finite"
    return f"the loss is {float(loss)}. First not finite: {where}"
