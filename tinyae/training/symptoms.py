"""Warnings of a run that cannot learn, or that needs more disk than expected. They are computed
from what the run has seen, at the start or once per epoch."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import numpy as np

from tinyae.backend import Array
from tinyae.data.batches import Data, examples_of
from tinyae.io.files import PathLike
from tinyae.layers import leaves
from tinyae.layers.base import Layer
from tinyae.objectives.base import BaseObjective
from tinyae.optim import Optimizer
from tinyae.training.history import History

STILL = 1e-4  # the loss of two epochs, relative change
ALIKE = 1e-6  # outputs, relative to their size
LARGE_CHECKPOINT = 1 << 30  # bytes
GB = 1e9


class DeadNetwork:
    """Warns once when the loss no longer changes and the model's output is the same for every
    example. Then all units of a ReLU layer are 0, or those of a Sigmoid or Tanh layer are
    saturated, and no gradient reaches the layers before it. Usually one step was far too large."""

    def __init__(self, model: Layer, data: Data) -> None:
        x = examples_of(data)
        self.model, self.x, self.warned = model, x[:: -(-len(x) // 32)], False

    def check(self, history: History) -> None:
        if self.warned or len(history) < 2:
            return
        before, now = history["loss"][-2:]
        if abs(now - before) > STILL * abs(now):
            return
        where = alike_from(self.model, self.x)
        if where:
            self.warned = True
            warnings.warn(
                f"epoch {len(history)}: the model's output is the same for every example, and the "
                f"loss stays at {now:.5g}. The first layer whose output is the same for all of "
                f"them is {where}, so nothing before it can learn. Start again with new initial "
                f"weights and a smaller learning rate (it is {history['lr'][-1]:g}), or a smaller "
                "penalty",
                stacklevel=4,  # the line that calls fit
            )


def alike_from(model: Layer, x: Array) -> str | None:
    """The first layer whose output is the same for all examples x. None if the model's output
    differs between examples, or x does not."""
    if _alike(x) or not _alike(model(x)):
        return None
    first = None
    try:
        for name, layer in leaves(model):
            x = layer(x)
            first = (first or f"{name}, {layer!r}") if _alike(x) else None
    except Exception:  # a user's container, whose layers are not applied one after the other
        first = None
    return first or "the last one"


def _alike(x: Array) -> bool:
    spread = np.abs(x.max(axis=0) - x.min(axis=0)).max()
    return bool(spread <= ALIKE * np.abs(x).max())


def check_checkpoint_size(
    path: PathLike, model: Layer, optimizer: Optimizer, keeps_best: bool, objective: BaseObjective
) -> None:
    """Warn of a checkpoint of gigabytes, and refuse one that does not fit on the disk.

    Args:
        keeps_best: early stopping keeps a second copy of the weights.
        objective: it may have arrays of its own in the checkpoint.

    Raises:
        OSError: there is not enough room.
    """
    weights = {key: w.nbytes for key, w in model.params.items()}
    states = [*optimizer.state_dict().values(), *objective.state_dict().values()]
    others = sum(a.nbytes for a in states)
    size = sum(weights.values()) * (2 if keeps_best else 1) + others
    if size > LARGE_CHECKPOINT:
        largest = max(weights, key=lambda key: weights[key])
        warnings.warn(
            f"{path}: each checkpoint will have {size / GB:.1f} GB, and is written after every "
            f"epoch. The largest parameter is {largest}, of shape {model.params[largest].shape}: "
            "smaller images, fewer units or convolutions would make the model smaller",
            stacklevel=3,
        )
    free = shutil.disk_usage(Path(path).parent).free
    if size > free:
        raise OSError(
            f"cannot write {path}: a checkpoint needs {size / GB:.3g} GB, and {free / GB:.3g} GB "
            "are free"
        )
