"""Checkpoints: everything that a run needs to continue to exactly the same final weights."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from tinyae._validate import short
from tinyae.backend import to_numpy
from tinyae.io import check_arrays, copy_into, read_arrays, write_arrays
from tinyae.layers.base import Layer
from tinyae.objectives.base import BaseObjective
from tinyae.optim import Optimizer
from tinyae.training.history import History
from tinyae.training.identity import difference


@dataclass
class TrainingState:
    """How far a run has come. The random numbers of epoch e, step s and worker i come from the
    generator with the seed (seed, e, s, i), so the seed and the epoch are the whole state of the
    generators."""

    seed: int
    epoch: int = 0  # completed epochs
    history: History = field(default_factory=History)
    settings: dict[str, Any] = field(default_factory=dict)  # a resumed run must have the same
    identity: dict[str, Any] = field(default_factory=dict)  # likewise: see ``describe_run``
    best: dict[str, np.ndarray] = field(default_factory=dict)  # early stopping: the best weights
    best_epoch: int = 0
    best_loss: float = float("inf")
    average: dict[str, Any] = field(default_factory=dict)  # the running mean of the weights


FORMAT = 1  # grows with every change that an older version could not read
TYPES: dict[str, Any] = {
    "seed": int,
    "epoch": int,
    "settings": dict,
    "identity": dict,
    "history": list,
    "best_epoch": int,
    "best_loss": Real,
}
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
        "format": FORMAT,
        "seed": state.seed,
        "epoch": state.epoch,
        "settings": state.settings,
        "identity": state.identity,
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
    if groups["best"]:
        check_arrays(model.params, groups["best"], f"{path}, the best epoch")
    optimizer.check_state_dict(groups["optimizer"])
    if learns:
        objective.load_state_dict(groups["objective"])
    optimizer.load_state_dict(groups["optimizer"])
    copy_into(model.params, groups["model"], str(path))
    return state


def resume_run(
    path: str | os.PathLike[str],
    model: Layer,
    optimizer: Optimizer,
    objective: BaseObjective,
    expected: TrainingState,
) -> TrainingState:
    """``load_checkpoint``, after a check that this is the run that the checkpoint belongs to.

    Raises:
        FileNotFoundError: there is no checkpoint.
        ValueError: see ``load_checkpoint``.
        ValueError: seed, settings, data, model, objective or optimizer differ.
    """
    saved, _ = read_checkpoint(path)
    then = {"seed": saved.seed, **saved.settings}
    now = {"seed": expected.seed, **expected.settings}
    different = difference(then, now)
    if different is None and saved.identity:  # empty: written by an earlier version
        different = difference(saved.identity, expected.identity)
    if different is not None:
        name, a, b = different
        raise ValueError(
            f"{path}: the run was started with {name} = {a}, and cannot continue with {name} = "
            f"{b}. For a new run with these weights: load_weights(model, path), and another "
            "checkpoint"
        )
    return load_checkpoint(path, model, optimizer, objective)


def set_aside(path: str | os.PathLike[str]) -> None:
    """Rename the checkpoint of an earlier run. Otherwise, if the new run is killed in its first
    epoch, resuming it would continue the earlier one."""
    path = Path(path)
    if path.is_file():
        previous = path.with_name(f"{path.stem}.previous{path.suffix}")
        os.replace(path, previous)
        warnings.warn(
            f"{path} was the checkpoint of an earlier run, which this run does not continue "
            f"(resume is False). It is now {previous.name}",
            stacklevel=3,
        )


def read_checkpoint(
    path: str | os.PathLike[str],
) -> tuple[TrainingState, dict[str, dict[str, np.ndarray]]]:
    """The state and the arrays of a checkpoint, without a model:
    ``state, {"model": {...}, "optimizer": {...}, "objective": {...}, "best": {...}}``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a checkpoint, is damaged, or is of another version of tinyae.
    """
    arrays, meta = read_arrays(path)
    if not {"epoch", "seed", "history"} <= meta.keys():
        raise ValueError(f"{path}: this is not a checkpoint of a training run (a weight file?)")
    written = meta.pop("format", FORMAT)
    if not isinstance(written, int) or written > FORMAT:
        raise ValueError(
            f"{path}: a later version of tinyae wrote this checkpoint (format {written}; this "
            f"version reads up to {FORMAT})"
        )
    for key, value in meta.items():
        if not isinstance(value, TYPES.get(key, ())) or (key in ("seed", "epoch") and value < 0):
            raise ValueError(
                f"{path}: not a checkpoint of this version of tinyae, or damaged: its {key} is "
                f"{short(value)}"
            )
    groups: dict[str, dict[str, np.ndarray]] = {group: {} for group in GROUPS}
    for key, a in arrays.items():
        group, _, name = key.partition("/")
        if group not in groups:
            raise ValueError(
                f"{path}: not a checkpoint of this version of tinyae: it has an array {key!r}"
            )
        groups[group][name] = a
    try:
        meta["history"] = History(meta["history"])
    except TypeError as error:
        raise ValueError(f"{path}: damaged: {error}") from error
    return TrainingState(best=groups["best"], average=groups["average"], **meta), groups
