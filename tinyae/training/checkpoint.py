"""Checkpoints: all that a run needs to go on to the very same final weights."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinyae.backend import to_numpy
from tinyae.io import check_arrays, copy_into, read_arrays, write_arrays
from tinyae.layers.base import Layer
from tinyae.optim import Optimizer
from tinyae.training.history import History


@dataclass
class TrainingState:
    """How far a run is. The random numbers of epoch e, step s and worker i come from the generator seeded with
    (seed, e, s, i), so the seed and the epoch are the whole state of the generators."""

    seed: int
    epoch: int = 0  # epochs done
    history: History = field(default_factory=History)
    settings: dict[str, Any] = field(
        default_factory=dict
    )  # what must be the same when the run goes on
    best: dict[str, np.ndarray] = field(
        default_factory=dict
    )  # early stopping: the best epoch's weights
    best_epoch: int = 0
    best_loss: float = float("inf")


GROUPS = ("model", "optimizer", "objective", "best")


def save_checkpoint(
    path: str | os.PathLike[str],
    model: Layer,
    optimizer: Optimizer,
    progress: TrainingState,
    objective: Any = None,
) -> None:
    """Write everything to ``path`` (.npz), atomically: a run killed at any moment leaves the last whole checkpoint.

    An objective that learns, too, as ``Adversarial`` does, has a ``state_dict`` of its own.
    """
    of_objective = objective.state_dict() if hasattr(objective, "state_dict") else {}
    groups = dict(
        zip(
            GROUPS, (model.params, optimizer.state_dict(), of_objective, progress.best), strict=True
        )
    )
    arrays = {
        f"{group}/{key}": to_numpy(a)
        for group, members in groups.items()
        for key, a in members.items()
    }
    write_arrays(
        path,
        arrays,
        {
            "seed": progress.seed,
            "epoch": progress.epoch,
            "settings": progress.settings,
            "history": progress.history.rows,
            "best_epoch": progress.best_epoch,
            "best_loss": progress.best_loss,
        },
    )


def load_checkpoint(
    path: str | os.PathLike[str], model: Layer, optimizer: Optimizer, objective: Any = None
) -> TrainingState:
    """Copy a checkpoint into ``model``, ``optimizer`` and an objective that learns, and return how far it was.

    Raises:
        FileNotFoundError: there is none. ValueError: it is damaged, or of another model or optimiser.
    """
    progress, groups = read_checkpoint(path)
    learns = hasattr(objective, "load_state_dict")
    if learns != bool(groups["objective"]):
        has, had = (
            ("learns, too", "did not") if learns else ("does not learn", "did, as Adversarial does")
        )
        raise ValueError(f"{path}: another objective: this one {has}, and that of the run {had}")
    check_arrays(model.params, groups["model"], str(path))  # first all checks, then all changes
    optimizer.check_state_dict(groups["optimizer"])
    if learns:
        objective.load_state_dict(groups["objective"])
    optimizer.load_state_dict(groups["optimizer"])
    copy_into(model.params, groups["model"], str(path))
    return progress


def read_checkpoint(
    path: str | os.PathLike[str],
) -> tuple[TrainingState, dict[str, dict[str, np.ndarray]]]:
    """``progress, {"model": {...}, "optimizer": {...}, "objective": {...}, "best": {...}}`` of a checkpoint, without a model."""
    arrays, meta = read_arrays(path)
    if not {"epoch", "seed", "history"} <= meta.keys():
        raise ValueError(f"{path}: this is no checkpoint of a training run (a weight file?)")
    groups: dict[str, dict[str, np.ndarray]] = {group: {} for group in GROUPS}
    for key, a in arrays.items():
        group, _, name = key.partition("/")
        groups[group][name] = a
    meta["history"] = History(meta["history"])
    return TrainingState(best=groups["best"], **meta), groups
