"""The training loop."""

from __future__ import annotations

import json
import os
import time
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from tinyae._validate import check_function, check_layer, check_optimizer, short
from tinyae.backend import device_of, to_numpy
from tinyae.data.augmentation import Augmentation
from tinyae.data.batches import BatchSize, Data, batch_size_at, examples_of
from tinyae.data.validation import check_data
from tinyae.io import check_ending, copy_into, locked, remove_leftovers, writable_folder
from tinyae.layers.base import Layer
from tinyae.objectives.base import BaseObjective, ObjectiveFunction, as_objective
from tinyae.optim import Optimizer
from tinyae.training.averaging import WeightAverage, averaged
from tinyae.training.checkpoint import TrainingState, resume_run, save_checkpoint, set_aside
from tinyae.training.epoch import Run, train_epoch, validation_loss
from tinyae.training.history import History
from tinyae.training.identity import describe_run
from tinyae.training.machines import Machines, find_machines
from tinyae.training.progress import progress_bar
from tinyae.training.symptoms import DeadNetwork, check_checkpoint_size
from tinyae.training.validation import (
    check_examples,
    check_finite,
    check_settings,
    layer_with_state,
)
from tinyae.training.workers import Workers, default_workers


def fit(
    model: Layer,
    data: Data,
    objective: BaseObjective | ObjectiveFunction,
    optimizer: Optimizer,
    epochs: int,
    batch_size: BatchSize = 128,
    validation: Data | None = None,
    workers: int | None = None,
    rng: int | np.random.Generator = 0,
    progress: bool = True,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    patience: int | None = None,
    settings: dict[str, Any] | None = None,
    machines: Machines | None = None,
    augment: Augmentation | None = None,
    average: float | None = None,
) -> History:
    """Minimize ``objective`` over ``data``. Each epoch visits every example once, in a new random
    order.

    The same ``rng`` (a seed, or a generator from which a seed is drawn) and the same number of
    workers give the same weights bit for bit, also when the run is interrupted and resumed.

    Args:
        data: the examples, (N, ...), floating point, on the model's device. A memory map and what
            ``load_data`` gives for a large file are read batch by batch. A tuple
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
        checkpoint: an .npz file, written after every epoch. The run locks it. A new run renames an
            earlier checkpoint of this name to ``NAME.previous.npz``, with a warning.
        resume: continue from ``checkpoint``. Data, model, objective, optimizer and settings must be
            those of the run (schedules are compared at a few steps, the data by 256 examples;
            functions that are defined inside others are not compared).
        patience: stop after this many epochs without a lower ``val_loss``, and restore the weights
            of the best epoch.
        settings: further values to keep in the checkpoint (JSON). A resumed run must have the same.
        machines: the processes that train together. Default: those that ``mpiexec`` has started.
        augment: ``augment(x, rng) -> x'``, such as ``shifts(1, 0.3)``: changes the examples of each
            batch before the objective sees them, so inputs and targets change together. Validation
            data stay as they are.
        average: in (0, 1): keep a running mean of the weights, ``mean ← a · mean + (1 − a) · w``
            after every step, with a = min(average, 1 − 1/t) at step t. Validation uses the mean,
            and at the end the model holds it (Polyak & Juditsky 1992).

    Raises:
        ValueError: the data are empty, not floating point, contain NaN, exceed [0, 1] for a model
            that ends in Sigmoid, or do not fit the model.
        ValueError: ``epochs`` is negative, or another setting is out of range.
        ValueError: the checkpoint belongs to another run. The message names what differs.
        ValueError: several processes, and an objective that needs the full batch.
        TypeError: an argument has another type: the model is not a layer, the data are not an
            array, the objective is neither an objective nor a function, ...
        TrainingDiverged: the loss is no longer finite.
        FileNotFoundError: ``resume`` without a checkpoint.
        OSError: the checkpoint's folder cannot be written to, or has no room, or another run
            writes to this checkpoint.
        OSError: a file of data was changed or cut off during training.

    Example:
        >>> x = data.strokes(200, 50).train.flat
        >>> model = models.basic_autoencoder(rng=0)
        >>> history = fit(model, x, Objective(), Adam(model.params), epochs=3, progress=False)
        >>> history["loss"][-1] < history["loss"][0]
        True
    """
    # Refuse bad input before anything is changed.
    check_settings(
        epochs, batch_size_at(batch_size, 0), workers, patience, validation, rng, progress,
        checkpoint, resume, settings,
    )  # fmt: skip
    for epoch in range(epochs):
        batch_size_at(batch_size, epoch)  # a function may fail later
    if augment is not None:
        check_function("fit", "augment", augment, "shifts(1, 0.3)")
    check_layer("fit", "model", model)
    objective = as_objective(objective)
    for name, part in {"data": data, "validation": validation}.items():
        if part is not None or name == "data":
            check_examples(name, part)
            check_data(model, part, name)
            objective.check(model, part)
    check_optimizer(model, optimizer)
    averaging = None if average is None else WeightAverage(model.params, average)
    if not isinstance(machines, Machines | None):
        raise TypeError(f"fit: machines is {short(machines)}, expected Machines(comm)")
    machines = machines or find_machines()
    if machines.size > 1 and objective.needs_full_batch:
        raise ValueError(
            f"{type(objective).__name__} needs the full batch, so {machines.size} processes cannot "
            "share it: start a single one"
        )
    if checkpoint is not None:
        check_ending(checkpoint)
        folder = writable_folder(Path(checkpoint).parent)
        check_checkpoint_size(checkpoint, model, optimizer, patience is not None, objective)

    x = examples_of(data)
    n, on_gpu = len(x), device_of(x) != "cpu"
    if workers is None:
        one = on_gpu or objective.needs_full_batch
        share = batch_size_at(batch_size, 0) // machines.size
        workers = 1 if one else machines.threads(default_workers(share))
    if workers > 1 and (stateful := layer_with_state(model, x)):
        warnings.warn(
            f"layer {stateful} keeps state between forward and backward (self.x = ...?), so worker "
            "threads would mix up its gradients: training continues with one worker. Return what "
            "backward needs as the cache instead",
            stacklevel=2,
        )
        workers = 1
    seed = int(rng.integers(2**63)) if isinstance(rng, np.random.Generator) else int(rng)
    size = "a function of the epoch" if callable(batch_size) else batch_size
    run_settings = {"batch_size": size, "workers": workers, "examples": n, **(settings or {})}
    run_settings |= {} if average is None else {"average": average}
    run_settings |= {} if machines.size == 1 else {"machines": machines.size}
    identity = describe_run(model, data, objective, optimizer, batch_size, augment)
    # As they will be read back from JSON: a tuple becomes a list.
    run_settings, identity = json.loads(json.dumps([run_settings, identity]))
    state = TrainingState(seed=seed, settings=run_settings, identity=identity)

    first = machines.is_first
    with machines, nullcontext() if checkpoint is None or not first else locked(checkpoint):
        if checkpoint is not None and first:
            remove_leftovers(folder)
        if checkpoint is not None and resume:
            state = resume_run(checkpoint, model, optimizer, objective, state)
            if averaging is not None:
                copy_into(averaging.mean, state.average, str(checkpoint))
        elif checkpoint is not None and first:
            set_aside(checkpoint)
        shown = progress and first
        bar = progress_bar(total=epochs * n, done=state.epoch * n, disable=not shown)
        with Workers(workers) as pool, bar:
            run = Run(
                model, data, objective, optimizer, batch_size, state.seed, pool, machines,
                augment, averaging,
            )  # fmt: skip
            _train_epochs(run, state, epochs, validation, patience, checkpoint, bar)
    if averaging is not None and optimizer.steps:
        averaging.swap()  # the model keeps the mean
    if patience is not None and state.best:
        copy_into(model.params, state.best, "the best epoch")
    return state.history


def _train_epochs(
    run: Run,
    state: TrainingState,
    epochs: int,
    validation: Data | None,
    patience: int | None,
    checkpoint: str | os.PathLike[str] | None,
    bar: Any,
) -> None:
    model, optimizer, n = run.model, run.optimizer, len(examples_of(run.data))
    watch = DeadNetwork(model, run.data)
    for epoch in range(state.epoch, epochs):
        # early stopping
        if patience is not None and epoch - state.best_epoch >= patience:
            break
        # one pass over the data
        started = time.perf_counter()
        row = train_epoch(run, epoch, bar)
        if validation is not None:
            with averaged(run.average):
                row["val_loss"] = validation_loss(run, validation)
        seconds = time.perf_counter() - started
        # the log
        row.update(seconds=seconds, images_per_s=n / seconds, lr=float(optimizer.current_lr))
        state.history.append(epoch=epoch + 1, **row)
        state.epoch = epoch + 1
        # the best weights so far, and the checkpoint
        check_finite(model, epoch)
        watch.check(state.history)
        if patience is not None and row["val_loss"] < state.best_loss:
            state.best_loss, state.best_epoch = row["val_loss"], epoch + 1
            judged = model.params if run.average is None else run.average.mean
            state.best = {key: to_numpy(w).copy() for key, w in judged.items()}
        if run.average is not None:
            state.average = run.average.mean
        if checkpoint is not None and run.machines.is_first:
            save_checkpoint(checkpoint, model, optimizer, state, run.objective)
        run.machines.wait()
