"""The training loop."""

from __future__ import annotations

import json
import math
import os
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinyae._validate import check_optimizer
from tinyae.backend import device_of, namespace, to_numpy
from tinyae.data.batches import Data, examples_of, take
from tinyae.data.validation import check_data
from tinyae.io import check_ending, copy_into, writable_folder
from tinyae.layers.base import Layer
from tinyae.objectives.base import (
    BaseObjective,
    ObjectiveFunction,
    ObjectiveResult,
    Terms,
    as_objective,
)
from tinyae.optim import Optimizer
from tinyae.training.checkpoint import (
    TrainingState,
    load_checkpoint,
    read_checkpoint,
    save_checkpoint,
)
from tinyae.training.history import History
from tinyae.training.machines import ALONE, Machines, find_machines
from tinyae.training.validation import (
    ADVICE,
    TrainingDiverged,
    check_finite,
    check_settings,
    layer_with_state,
    loss_diverged,
)
from tinyae.training.workers import Workers, default_workers, loss_and_gradients, weighted_sum

# Takes the place of the step in the seeds of the validation's random numbers
VALIDATION = 2**32 - 1
SECOND_NETWORK = 2**32 - 2  # marks the random numbers of an objective's second network


@dataclass
class Run:
    """What stays the same from the first epoch of a run to the last."""

    model: Layer
    data: Data
    objective: BaseObjective
    optimizer: Optimizer
    batch_size: int
    seed: int
    pool: Workers
    machines: Machines = ALONE


def fit(
    model: Layer,
    data: Data,
    objective: BaseObjective | ObjectiveFunction,
    optimizer: Optimizer,
    epochs: int,
    batch_size: int = 128,
    validation: Data | None = None,
    workers: int | None = None,
    rng: int | np.random.Generator = 0,
    progress: bool = True,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    patience: int | None = None,
    settings: dict[str, Any] | None = None,
    machines: Machines | None = None,
) -> History:
    """Minimize ``objective`` over ``data``. Each epoch visits every example once, in a new random
    order.

    The same ``rng`` (a seed, or a generator from which a seed is drawn) and the same number of
    workers give the same weights bit for bit, also when the run is interrupted and resumed.

    Args:
        data: the examples, (N, ...), floating point, on the model's device. A tuple
            (examples, labels) is passed to the objective batch by batch:
            ``objective(model, (x, labels), rng)``.
        objective: ``objective(model, x, rng) -> loss, grads, terms``. A function, or a
            ``tinyae.objectives.BaseObjective``.
        epochs: the total number of epochs, including those of a resumed run.
        batch_size: examples per step, at least 1. A batch larger than N holds all N.
        validation: examples on which the objective is measured after every epoch, as ``val_loss``.
        workers: threads that share each batch, at least 1. Default: one per core, 1 on a GPU, and 1
            where the objective needs the full batch. With several workers, the objective is called
            once per shard, and its loss must be a mean over examples. A layer that keeps state
            between forward and backward cannot be shared by threads: then a warning says so, and
            there is one worker.
        progress: show a bar with the loss, images/s and the time left.
        checkpoint: an .npz file, written after every epoch.
        resume: continue from ``checkpoint``.
        patience: stop after this many epochs without a lower ``val_loss``, and restore the weights
            of the best epoch.
        settings: further values to keep in the checkpoint (JSON). A resumed run must have the same.
        machines: the processes that train together. Default: those that ``mpiexec`` has started.

    Raises:
        ValueError: the data are empty, not floating point, contain NaN, exceed [0, 1] for a model
            that ends in Sigmoid, or do not fit the model.
        ValueError: ``epochs`` is negative, or another setting is out of range.
        ValueError: the checkpoint belongs to another run.
        ValueError: several processes, and an objective that needs the full batch.
        TypeError: the objective is neither an objective nor a function.
        TrainingDiverged: the loss is no longer finite.
        FileNotFoundError: ``resume`` without a checkpoint.
        OSError: the checkpoint's folder cannot be written to.
    """
    # Refuse bad input before anything is changed.
    check_settings(epochs, batch_size, patience, validation)
    check_optimizer(model, optimizer)
    objective = as_objective(objective)
    if checkpoint is not None:
        check_ending(checkpoint)
        writable_folder(Path(checkpoint).parent)
    check_data(model, data, "data")
    if validation is not None:
        check_data(model, validation, "validation")
    objective.check(model, data)
    machines = machines or find_machines()
    if machines.size > 1 and objective.needs_full_batch:
        raise ValueError(
            f"{type(objective).__name__} needs the full batch, so {machines.size} processes cannot "
            "share it: start a single one"
        )

    # A new run, or the state of an interrupted one.
    x = examples_of(data)
    n, on_gpu = len(x), device_of(x) != "cpu"
    if workers is None:
        one = on_gpu or objective.needs_full_batch
        workers = 1 if one else machines.threads(default_workers(batch_size // machines.size))
    if workers > 1 and (name := layer_with_state(model, x)):
        warnings.warn(
            f"layer {name} keeps state between forward and backward (self.x = ...?), so worker "
            "threads would mix up its gradients: training continues with one worker. Return what "
            "backward needs as the cache instead",
            stacklevel=2,
        )
        workers = 1
    seed = int(rng.integers(2**63)) if isinstance(rng, np.random.Generator) else int(rng)
    run_settings = {"batch_size": batch_size, "workers": workers, "examples": n, **(settings or {})}
    if machines.size > 1:
        run_settings["machines"] = machines.size
    # As it will be read back from JSON: a tuple becomes a list.
    state = TrainingState(seed=seed, settings=json.loads(json.dumps(run_settings)))
    if resume:
        if checkpoint is None:
            raise ValueError("resume=True needs checkpoint=..., the file to resume from")
        state = _resumed(checkpoint, model, optimizer, objective, state)

    shown = progress and machines.is_first
    bar = _progress_bar(total=epochs * n, done=state.epoch * n, disable=not shown)
    with machines, Workers(workers) as pool, bar:
        run = Run(model, data, objective, optimizer, batch_size, state.seed, pool, machines)
        for epoch in range(state.epoch, epochs):
            # early stopping
            if patience is not None and epoch - state.best_epoch >= patience:
                break
            # one pass over the data
            started = time.perf_counter()
            row = _train_epoch(run, epoch, bar)
            if validation is not None:
                row["val_loss"] = _validation_loss(run, validation)
            seconds = time.perf_counter() - started
            # the log
            row.update(seconds=seconds, images_per_s=n / seconds, lr=float(optimizer.current_lr))
            state.history.append(epoch=epoch + 1, **row)
            state.epoch = epoch + 1
            # the best weights so far, and the checkpoint
            check_finite(model, epoch)
            if patience is not None and row["val_loss"] < state.best_loss:
                state.best_loss, state.best_epoch = row["val_loss"], epoch + 1
                state.best = {key: to_numpy(w).copy() for key, w in model.params.items()}
            if checkpoint is not None and machines.is_first:
                save_checkpoint(checkpoint, model, optimizer, state, objective)
            machines.wait()
    if patience is not None and state.best:
        copy_into(model.params, state.best, "the best epoch")
    return state.history


def _train_epoch(run: Run, epoch: int, bar: Any) -> dict[str, float]:
    """One pass over the data: the means of the loss and of its terms."""
    x = examples_of(run.data)
    n, on_cpu = len(x), device_of(x) == "cpu"
    order = namespace(x).asarray(np.random.default_rng([run.seed, epoch]).permutation(n))
    log: list[Terms] = []
    weights = []  # each batch's fraction of the data
    for step, start in enumerate(range(0, n, run.batch_size)):
        batch = take(run.data, order[start : start + run.batch_size])
        terms = _train_step(run, batch, epoch, step, on_cpu)
        log.append(terms)
        weights.append(len(examples_of(batch)) / n)
        bar.update(len(examples_of(batch)))
        if on_cpu:
            bar.set_postfix(epoch=epoch + 1, loss=f"{terms['loss']:.5f}", refresh=False)
    means = {key: float(weighted_sum([terms[key] for terms in log], weights)) for key in log[0]}
    # On a GPU the loss is only looked at here, so that no step waits for the device.
    if not math.isfinite(means["loss"]):
        losses = [float(terms["loss"]) for terms in log]
        step = next(i for i, loss in enumerate(losses) if not math.isfinite(loss))
        raise TrainingDiverged(
            f"epoch {epoch + 1}, step {step + 1}: the loss is {losses[step]}. On a GPU it is "
            "checked once per epoch, when the NaN is already everywhere; on the CPU the same run "
            f"would name the layer. {ADVICE}"
        )
    return means


def _train_step(run: Run, batch: Data, epoch: int, step: int, on_cpu: bool) -> Terms:
    """One step of the optimizer (and of a second network's, where the objective has one)."""
    seed = [run.seed, epoch, step]

    def gradients(network: Layer, objective: ObjectiveFunction) -> ObjectiveResult:
        seeds = [*seed, SECOND_NETWORK]
        return loss_and_gradients(network, batch, objective, run.pool, seeds, run.machines)

    try:
        more = run.objective.before_step(run.model, batch, gradients)
        loss, grads, terms = loss_and_gradients(
            run.model, batch, run.objective, run.pool, seed, run.machines
        )
        if on_cpu and not math.isfinite(loss):
            raise FloatingPointError(loss_diverged(run.model, batch, loss))
    except FloatingPointError as error:
        at = f"epoch {epoch + 1}, step {step + 1}"
        raise TrainingDiverged(f"{at}: {error}. {ADVICE}") from error
    run.optimizer.step(grads, run.pool.map)
    return {"loss": loss, **terms, **more}


def _validation_loss(run: Run, data: Data) -> float:
    """The mean of the objective over ``data``. Every epoch uses the same random numbers, so that
    epochs can be compared."""
    n = len(examples_of(data))

    def one(start: int) -> float:
        batch = take(data, slice(start, start + run.batch_size))
        rng = np.random.default_rng([run.seed, VALIDATION, start])
        return float(run.objective(run.model, batch, rng)[0]) * len(examples_of(batch)) / n

    starts = run.machines.mine(list(range(0, n, run.batch_size)))
    return float(run.machines.sum_numbers([sum(run.pool.map(one, starts))])[0])


def _progress_bar(total: int, done: int, disable: bool) -> Any:
    from tqdm import tqdm

    # In a log file or a notebook every update stays or costs.
    interval = 0.2 if sys.stderr.isatty() else 2  # seconds
    return tqdm(
        total=total,
        initial=done,
        unit="img",
        unit_scale=True,
        disable=disable,
        dynamic_ncols=True,
        mininterval=interval,
    )


def _resumed(
    path: str | os.PathLike[str],
    model: Layer,
    optimizer: Optimizer,
    objective: BaseObjective,
    expected: TrainingState,
) -> TrainingState:
    saved, _ = read_checkpoint(path)
    for key in expected.settings.keys() | saved.settings.keys() | {"seed"}:
        now = expected.seed if key == "seed" else expected.settings.get(key)
        then = saved.seed if key == "seed" else saved.settings.get(key)
        if now != then:
            raise ValueError(
                f"{path}: the run was started with {key} = {then}, and cannot continue with "
                f"{key} = {now}"
            )
    return load_checkpoint(path, model, optimizer, objective)
