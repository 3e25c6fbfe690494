"""Checkpoints: everything that a run needs to continue to exactly the same final weights."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinyae.backend import to_numpy
from tinyae.io import check_arrays, copy_into, read_arrays, write_arrays
from tinyae.layers.base import Layer
from tinyae.objectives.base import BaseObjective
from tinyae.optim import Optimizer
from tinyae.training.history import History


@dataclass
class TrainingState:
    """How far a run has come. The random numbers of epoch e, step s and worker i come from the
    generator with the seed (seed, e, s, i), so the seed and the epoch are the whole state of the
    generators."""

    seed: int
    epoch: int = 0  # completed epochs
    history: History = field(default_factory=History)
    settings: dict[str, Any] = field(default_factory=dict)  # a resumed run must have the same
    best: dict[str, np.ndarray] = field(default_factory=dict)  # early stopping: the best weights
    best_epoch: int = 0
    best_loss: float = float("inf")
    average: dict[str, Any] = field(default_factory=dict)  # the running mean of the weights


GROUPS = ("model", "optimizer", "objective", "best", "average")
NO_OBJECTIVE = BaseObjective()  # one that learns nothing of its own


def save_checkpoint(
    path: str | os.PathLike[str],
    model: Layer,
    optimizer: Optimizer,
    state: TrainingState,
    objective: BaseObjective,
) -> None:
    """Write everything to ``path`` (.npz), atomically: a run that is killed at any moment leaves
    the last complete checkpoint."""
    groups = {
        "model": model.params,
        "optimizer": optimizer.state_dict(),
        "objective": objective.state_dict(),
        "best": state.best,
        "average": state.average,
    }
    arrays = {
        f"{group}/{key}": to_numpy(a)
        for group, members in groups.items()
        for key, a in members.items()
    }
    metadata = {
        "seed": state.seed,
        "epoch": state.epoch,
        "settings": state.settings,
        "history": state.history.rows,
        "best_epoch": state.best_epoch,
        "best_loss": state.best_loss,
    }
    write_arrays(path, arrays, metadata)


def load_checkpoint(
    path: str | os.PathLike[str],
    model: Layer,
    optimizer: Optimizer,
    objective: BaseObjective = NO_OBJECTIVE,
) -> TrainingState:
    """Copy a checkpoint into ``model``, ``optimizer`` and an objective that learns. Return how far
    the run had come.

    Raises:
        FileNotFoundError: there is no checkpoint.
        ValueError: it is damaged, or it belongs to another model, optimizer or objective. Nothing
            is changed then.
    """
    state, groups = read_checkpoint(path)
    learns = bool(objective.state_dict())
    if learns != bool(groups["objective"]):
        now, then = ("learns, too", "did not") if learns else ("does not learn", "did")
        raise ValueError(f"{path}: another objective: this one {now}, and that of the run {then}")
    # first all checks, then all changes
    check_arrays(model.params, groups["model"], str(path))
    optimizer.check_state_dict(groups["optimizer"])
    if learns:
        objective.load_state_dict(groups["objective"])
    optimizer.load_state_dict(groups["optimizer"])
    copy_into(model.params, groups["model"], str(path))
    return state


def read_checkpoint(
    path: str | os.PathLike[str],
) -> tuple[TrainingState, dict[str, dict[str, np.ndarray]]]:
    """The state and the arrays of a checkpoint, without a model:
    ``state, {"model": {...}, "optimizer": {...}, "objective": {...}, "best": {...}}``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a checkpoint, or it is damaged.
    """
    arrays, meta = read_arrays(path)
    if not {"epoch", "seed", "history"} <= meta.keys():
        raise ValueError(f"{path}: this is not a checkpoint of a training run (a weight file?)")
    groups: dict[str, dict[str, np.ndarray]] = {group: {} for group in GROUPS}
    for key, a in arrays.items():
        group, _, name = key.partition("/")
        groups[group][name] = a
    meta["history"] = History(meta["history"])
    return TrainingState(best=groups["best"], average=groups["average"], **meta), groups
