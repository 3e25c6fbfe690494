"""The training loop."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinyae.backend import Array, device_of, namespace, to_numpy
from tinyae.io import check_ending, copy_into, writable_folder
from tinyae.layers.base import Gradients, Layer
from tinyae.optim import Optimizer
from tinyae.training.batches import Data, examples_of, shards, take
from tinyae.training.checkpoint import (
    TrainingState,
    load_checkpoint,
    read_checkpoint,
    save_checkpoint,
)
from tinyae.training.history import History
from tinyae.training.validation import (
    ADVICE,
    TrainingDiverged,
    check_data,
    check_finite,
    check_optimizer,
    check_settings,
    divergence_message,
)
from tinyae.training.workers import Workers, default_workers, sum_gradients, weighted_sum

ObjectiveFunction = Callable[
    [Any, Array, np.random.Generator], tuple[Any, Gradients, dict[str, Any]]
]
VALIDATION = 2**32 - 1  # stands for the step in the seeds of the validation's random numbers


def fit(
    model: Layer,
    data: Data,
    objective: ObjectiveFunction,
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
) -> History:
    """Minimise ``objective`` over ``data``: each epoch goes once through the examples in a new random order.

    The same ``rng`` (a seed, or a generator that a seed is drawn from) gives the same weights bit for bit, for the same
    number of workers, also when the run is interrupted and resumed.

    Args:
        data: the examples, (N, ...), floating point, on the model's device. A batch larger than N is one of all N. A tuple
            (examples, labels) is handed to the objective as such, batch by batch: ``objective(model, (x, labels), rng)``.
        objective: ``objective(model, x, rng) -> loss, grads, parts``. One that has more to do, as ``Adversarial`` has, says so
            by methods: ``check(model, x)``, ``before_step(model, x, team, seed) -> parts``, ``state_dict``, ``load_state_dict``.
        epochs: how many in all, those of a resumed run counted.
        validation: examples to measure the objective on after every epoch, as ``val_loss``.
        workers: threads that share each batch, from 1 on; default: as many as there are cores, 1 on a GPU. With several, the
            objective is called once a shard, and its loss must be a mean over examples; an objective whose loss is not
            says so by an attribute ``needs_full_batch = True``, and the default is 1.
        progress: show a bar with loss, images/s and the time left.
        checkpoint: an .npz file, written after every epoch.
        resume: go on from ``checkpoint``.
        patience: stop after so many epochs without a lower ``val_loss``, and put the best epoch's weights back.
        settings: further values kept in the checkpoint (JSON), which a resumed run must share.

    Raises:
        ValueError: data that are empty, not floating point, hold NaN, are not scaled to [0, 1] for a model that ends in
            Sigmoid, or do not fit the model; epochs < 0; a checkpoint of another run.
        TrainingDiverged: the loss is no longer a finite number.
        FileNotFoundError: ``resume`` without a checkpoint. OSError: the checkpoint's folder cannot be written to.
    """
    check_settings(epochs, batch_size, patience, validation)
    check_optimizer(model, optimizer)
    if checkpoint is not None:
        check_ending(checkpoint)
        writable_folder(Path(checkpoint).parent)
    check_data(model, data, "data")
    if validation is not None:
        check_data(model, validation, "validation")
    if hasattr(objective, "check"):
        objective.check(model, data)
    on_gpu, examples = device_of(examples_of(data)) != "cpu", len(examples_of(data))
    if workers is None:
        workers = (
            1
            if on_gpu or getattr(objective, "needs_full_batch", False)
            else default_workers(batch_size)
        )
    seed = int(rng.integers(2**63)) if isinstance(rng, np.random.Generator) else int(rng)

    same = {"batch_size": batch_size, "workers": workers, "examples": examples, **(settings or {})}
    state = TrainingState(
        seed=seed, settings=json.loads(json.dumps(same))
    )  # as it will be read back: a tuple becomes a list
    if resume:
        if checkpoint is None:
            raise ValueError("resume=True needs checkpoint=..., the file to go on from")
        state = _resumed(checkpoint, model, optimizer, objective, state)

    bar = _progress_bar(total=epochs * examples, done=state.epoch * examples, disable=not progress)
    with Workers(workers) as team, bar:
        for epoch in range(state.epoch, epochs):
            if patience is not None and epoch - state.best_epoch >= patience:
                break
            started = time.perf_counter()
            row = _train_epoch(
                model, data, objective, optimizer, team, state.seed, epoch, batch_size, bar
            )
            if validation is not None:
                row["val_loss"] = _validation_loss(
                    model, validation, objective, team, seed, batch_size
                )
            seconds = time.perf_counter() - started
            row.update(
                seconds=seconds, images_per_s=examples / seconds, lr=float(optimizer.current_lr)
            )
            state.history.append(epoch=epoch + 1, **row)
            state.epoch = epoch + 1
            check_finite(model, epoch)
            if patience is not None and row["val_loss"] < state.best_loss:
                state.best_loss, state.best_epoch = row["val_loss"], epoch + 1
                state.best = {key: to_numpy(w).copy() for key, w in model.params.items()}
            if checkpoint is not None:
                save_checkpoint(checkpoint, model, optimizer, state, objective)
    if patience is not None and state.best:
        copy_into(model.params, state.best, "the best epoch")
    return state.history


def evaluate(
    model: Layer,
    x: Array,
    batch_size: int = 500,
    workers: int | None = None,
    seen: Array | None = None,
) -> dict[str, float]:
    """How well ``model`` reconstructs ``x``: ``mse``, the mean over all numbers of (x̂ − x)², and ``psnr`` in dB,
    ``10 log₁₀ (1 / mse)`` for pictures in [0, 1].

    ``seen`` is what the model is given in place of x, such as x with noise: the error is still against x, and the result
    also holds ``seen_mse`` and ``seen_psnr``, how near to x it was before.

    Raises:
        ValueError: data that ``fit`` would refuse too; a ``seen`` of another shape than x.
    """
    check_data(model, x, "x")
    if seen is not None and seen.shape != x.shape:
        raise ValueError(
            f"evaluate: seen has shape {seen.shape} and x {x.shape}: they must be equal"
        )

    def squared_error(start: int) -> float:
        batch = slice(start, start + batch_size)
        d = (model((x if seen is None else seen)[batch]) - x[batch]).ravel()
        return float(d.dot(d))

    if workers is None:
        workers = 1 if device_of(x) != "cpu" else default_workers(batch_size)
    with Workers(workers) as team:
        error = sum(team.map(squared_error, range(0, len(x), batch_size))) / x.size
    result = {"mse": error, "psnr": psnr(error)}
    if seen is not None:
        before = (seen - x).ravel()
        error = float(before.dot(before)) / x.size
        result |= {"seen_mse": error, "seen_psnr": psnr(error)}
    return result


def psnr(mse: float) -> float:
    """The peak signal-to-noise ratio in dB that belongs to a mean squared error of pictures in [0, 1]."""
    return 10 * math.log10(1 / mse) if mse else math.inf


def _train_epoch(
    model: Layer,
    data: Data,
    objective: ObjectiveFunction,
    optimizer: Optimizer,
    team: Workers,
    seed: int,
    epoch: int,
    batch_size: int,
    bar: Any,
) -> dict[str, float]:
    """One pass over the data; the epoch's mean loss and parts."""
    x = examples_of(data)
    n, on_cpu = len(x), device_of(x) == "cpu"
    order = namespace(x).asarray(np.random.default_rng([seed, epoch]).permutation(n))
    terms: list[dict[str, Any]] = []
    weights = []
    for step, start in enumerate(range(0, n, batch_size)):
        batch = take(data, order[start : start + batch_size])
        before = (
            objective.before_step(model, batch, team, [seed, epoch, step])
            if hasattr(objective, "before_step")
            else {}
        )
        loss, grads, parts = loss_and_gradients(model, batch, objective, team, [seed, epoch, step])
        if on_cpu and not math.isfinite(loss):
            raise TrainingDiverged(divergence_message(model, batch, loss, epoch, step))
        optimizer.step(grads, team.map)
        terms.append({"loss": loss, **parts, **before})
        weights.append(len(examples_of(batch)) / n)
        bar.update(len(examples_of(batch)))
        if on_cpu:
            bar.set_postfix(epoch=epoch + 1, loss=f"{loss:.5f}", refresh=False)
    means = {key: float(weighted_sum([term[key] for term in terms], weights)) for key in terms[0]}
    if not math.isfinite(
        means["loss"]
    ):  # on a GPU: looked at once an epoch, so that no step waits for the device
        step = next(i for i, term in enumerate(terms) if not math.isfinite(float(term["loss"])))
        raise TrainingDiverged(
            f"epoch {epoch + 1}, step {step + 1}: the loss is {float(terms[step]['loss'])}. On a GPU it is looked at once an "
            f"epoch, when the NaN is everywhere already; on the CPU the same run would name the layer. {ADVICE}"
        )
    return means


def loss_and_gradients(
    model: Layer, batch: Data, objective: ObjectiveFunction, team: Workers, seed: list[int]
) -> tuple[Any, Gradients, dict[str, Any]]:
    """The objective on the whole batch, each worker on its part: ``loss, grads, parts``."""
    n = len(examples_of(batch))
    cuts = shards(n, team.n)

    def one(i: int) -> tuple[Any, Gradients, dict[str, Any]]:
        return objective(model, take(batch, cuts[i]), np.random.default_rng([*seed, i]))

    losses, grads, parts = zip(*team.map(one, range(len(cuts))), strict=True)
    weights = [(cut.stop - cut.start) / n for cut in cuts]
    total = {key: weighted_sum([part[key] for part in parts], weights) for key in parts[0]}
    return weighted_sum(losses, weights), sum_gradients(grads, weights, team), total


def _validation_loss(
    model: Layer,
    data: Data,
    objective: ObjectiveFunction,
    team: Workers,
    seed: int,
    batch_size: int,
) -> float:
    """The objective's mean over ``data``, with the same random numbers after every epoch so that epochs compare."""
    n = len(examples_of(data))

    def one(start: int) -> float:
        batch = take(data, slice(start, start + batch_size))
        return (
            float(objective(model, batch, np.random.default_rng([seed, VALIDATION, start]))[0])
            * len(examples_of(batch))
            / n
        )

    return sum(team.map(one, range(0, n, batch_size)))


def _progress_bar(total: int, done: int, disable: bool) -> Any:
    from tqdm import tqdm

    often = (
        0.2 if sys.stderr.isatty() else 2
    )  # seconds; in a log file or a notebook every update stays or costs
    return tqdm(
        total=total,
        initial=done,
        unit="img",
        unit_scale=True,
        disable=disable,
        dynamic_ncols=True,
        mininterval=often,
    )


def _resumed(
    path: str | os.PathLike[str],
    model: Layer,
    optimizer: Optimizer,
    objective: ObjectiveFunction,
    fresh: TrainingState,
) -> TrainingState:
    saved, _ = read_checkpoint(path)
    for key in fresh.settings.keys() | saved.settings.keys() | {"seed"}:
        mine = fresh.seed if key == "seed" else fresh.settings.get(key)
        theirs = saved.seed if key == "seed" else saved.settings.get(key)
        if mine != theirs:
            raise ValueError(
                f"{path}: the run was started with {key} = {theirs}, and cannot go on with {key} = {mine}"
            )
    return load_checkpoint(path, model, optimizer, objective)
