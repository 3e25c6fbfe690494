"""The training loop."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinyae.backend import Array, device_of, namespace, to_numpy
from tinyae.files import writable_folder
from tinyae.layers import Sigmoid, leaves
from tinyae.layers.base import Gradients, Layer
from tinyae.optim import Optimizer
from tinyae.training.checkpoint import Progress, load_checkpoint, read_checkpoint, save_checkpoint
from tinyae.training.history import History
from tinyae.training.workers import Workers, default_workers, shards, sum_gradients, weighted_sum
from tinyae.weights import check_ending, copy_into

ObjectiveFunction = Callable[[Any, Array, np.random.Generator], tuple[Any, Gradients, dict[str, Any]]]
VALIDATION = 2**32 - 1  # stands for the step in the seeds of the validation's random numbers


class TrainingDiverged(FloatingPointError):
    """The loss became NaN or infinite. The message says where; the last good checkpoint stays as it is."""


def fit(
    model: Layer,
    data: Array,
    objective: ObjectiveFunction,
    optimizer: Optimizer,
    epochs: int,
    batch_size: int = 128,
    validation: Array | None = None,
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
        data: the examples, (N, ...), floating point, on the model's device. A batch larger than N is one of all N.
        objective: ``objective(model, x, rng) -> loss, grads, parts``.
        epochs: how many in all, those of a resumed run counted.
        validation: examples to measure the objective on after every epoch, as ``val_loss``.
        workers: threads that share each batch; default: as many as there are cores, 1 on a GPU. With several, the
            objective is called once a shard, and its loss must be a mean over examples; an objective whose loss is not
            says so by an attribute ``whole_batch = True``, and the default is 1.
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
    _check_settings(epochs, batch_size, patience, validation)
    _check_optimizer(model, optimizer)
    if checkpoint is not None:
        check_ending(checkpoint)
        writable_folder(Path(checkpoint).parent)
    _check_data(model, data, "data")
    if validation is not None:
        _check_data(model, validation, "validation")
    on_gpu = device_of(data) != "cpu"
    workers = workers or (1 if on_gpu or getattr(objective, "whole_batch", False) else default_workers(batch_size))
    seed = int(rng.integers(2**63)) if isinstance(rng, np.random.Generator) else int(rng)

    same = {"batch_size": batch_size, "workers": workers, "examples": len(data), **(settings or {})}
    state = Progress(seed=seed, settings=json.loads(json.dumps(same)))  # as it will be read back: a tuple becomes a list
    if resume:
        if checkpoint is None:
            raise ValueError("resume=True needs checkpoint=..., the file to go on from")
        state = _resumed(checkpoint, model, optimizer, state)

    bar = _progress_bar(total=epochs * len(data), done=state.epoch * len(data), disable=not progress)
    with Workers(workers) as team, bar:
        for epoch in range(state.epoch, epochs):
            if patience is not None and epoch - state.best_epoch >= patience:
                break
            started = time.perf_counter()
            row = _train_epoch(model, data, objective, optimizer, team, state.seed, epoch, batch_size, bar)
            if validation is not None:
                row["val_loss"] = _validation_loss(model, validation, objective, team, seed, batch_size)
            seconds = time.perf_counter() - started
            row.update(seconds=seconds, images_per_s=len(data) / seconds, lr=float(optimizer.rate))
            state.history.append(epoch=epoch + 1, **row)
            state.epoch = epoch + 1
            _check_finite(model, epoch)
            if patience is not None and row["val_loss"] < state.best_loss:
                state.best_loss, state.best_epoch = row["val_loss"], epoch + 1
                state.best = {key: to_numpy(w).copy() for key, w in model.params.items()}
            if checkpoint is not None:
                save_checkpoint(checkpoint, model, optimizer, state)
    if patience is not None and state.best:
        copy_into(model.params, state.best, "the best epoch")
    return state.history


def evaluate(model: Layer, x: Array, batch_size: int = 500, workers: int | None = None) -> dict[str, float]:
    """How well ``model`` reconstructs ``x``: ``mse``, the mean over all numbers of (x̂ − x)², and ``psnr`` in dB,
    ``10 log₁₀ (1 / mse)`` for pictures in [0, 1].

    Raises:
        ValueError: data that ``fit`` would refuse too.
    """
    _check_data(model, x, "x")

    def squared_error(start: int) -> float:
        batch = x[start : start + batch_size]
        d = (model(batch) - batch).ravel()
        return float(d.dot(d))

    with Workers(workers or (1 if device_of(x) != "cpu" else default_workers(batch_size))) as team:
        error = sum(team.map(squared_error, range(0, len(x), batch_size))) / x.size
    return {"mse": error, "psnr": 10 * math.log10(1 / error) if error else math.inf}


def _train_epoch(
    model: Layer, data: Array, objective: ObjectiveFunction, optimizer: Optimizer, team: Workers, seed: int, epoch: int,
    batch_size: int, bar: Any,
) -> dict[str, float]:  # fmt: skip
    """One pass over the data; the epoch's mean loss and parts."""
    order = namespace(data).asarray(np.random.default_rng([seed, epoch]).permutation(len(data)))
    terms: list[dict[str, Any]] = []
    weights = []
    for step, start in enumerate(range(0, len(data), batch_size)):
        batch = data[order[start : start + batch_size]]
        loss, grads, parts = loss_and_gradients(model, batch, objective, team, [seed, epoch, step])
        if device_of(data) == "cpu" and not math.isfinite(loss):
            raise TrainingDiverged(_where_it_broke(model, batch, loss, epoch, step))
        optimizer.step(grads, team.map)
        terms.append({"loss": loss, **parts})
        weights.append(len(batch) / len(data))
        bar.update(len(batch))
        if device_of(data) == "cpu":
            bar.set_postfix(epoch=epoch + 1, loss=f"{loss:.5f}", refresh=False)
    means = {key: float(weighted_sum([term[key] for term in terms], weights)) for key in terms[0]}
    if not math.isfinite(means["loss"]):  # on a GPU: looked at once an epoch, so that no step waits for the device
        step = next(i for i, term in enumerate(terms) if not math.isfinite(float(term["loss"])))
        raise TrainingDiverged(
            f"epoch {epoch + 1}, step {step + 1}: the loss is {float(terms[step]['loss'])}. On a GPU it is looked at once an "
            f"epoch, when the NaN is everywhere already; on the CPU the same run would name the layer. {ADVICE}"
        )
    return means


def loss_and_gradients(
    model: Layer, batch: Array, objective: ObjectiveFunction, team: Workers, seed: list[int]
) -> tuple[Any, Gradients, dict[str, Any]]:
    """The objective on the whole batch, each worker on its part: ``loss, grads, parts``."""
    cuts = shards(len(batch), team.n)

    def one(i: int) -> tuple[Any, Gradients, dict[str, Any]]:
        return objective(model, batch[cuts[i]], np.random.default_rng([*seed, i]))

    losses, grads, parts = zip(*team.map(one, range(len(cuts))), strict=True)
    weights = [(cut.stop - cut.start) / len(batch) for cut in cuts]
    total = {key: weighted_sum([part[key] for part in parts], weights) for key in parts[0]}
    return weighted_sum(losses, weights), sum_gradients(grads, weights, team), total


def _validation_loss(
    model: Layer, x: Array, objective: ObjectiveFunction, team: Workers, seed: int, batch_size: int
) -> float:
    """The objective's mean over ``x``, with the same random numbers after every epoch so that epochs compare."""
    starts = range(0, len(x), batch_size)

    def one(start: int) -> float:
        batch = x[start : start + batch_size]
        return float(objective(model, batch, np.random.default_rng([seed, VALIDATION, start]))[0]) * len(batch) / len(x)

    return sum(team.map(one, starts))


def _progress_bar(total: int, done: int, disable: bool) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, initial=done, unit="img", unit_scale=True, disable=disable, dynamic_ncols=True, mininterval=0.2)


def _resumed(path: str | os.PathLike[str], model: Layer, optimizer: Optimizer, fresh: Progress) -> Progress:
    saved, _ = read_checkpoint(path)
    for key in fresh.settings.keys() | saved.settings.keys() | {"seed"}:
        mine = fresh.seed if key == "seed" else fresh.settings.get(key)
        theirs = saved.seed if key == "seed" else saved.settings.get(key)
        if mine != theirs:
            raise ValueError(f"{path}: the run was started with {key} = {theirs}, and cannot go on with {key} = {mine}")
    return load_checkpoint(path, model, optimizer)


def _check_settings(epochs: int, batch_size: int, patience: int | None, validation: Array | None) -> None:
    if epochs < 0:
        raise ValueError(f"epochs is {epochs}, expected 0 or more")
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}, expected at least 1")
    if patience is not None and (patience < 1 or validation is None):
        raise ValueError("early stopping: patience must be at least 1, and needs validation data")


def _check_optimizer(model: Layer, optimizer: Optimizer) -> None:
    params = model.params
    for key, w in optimizer.params.items():
        if key in params and params[key] is not w:
            raise ValueError(f"the optimizer updates another array than the model's {key}: make it after astype() and to()")


def _check_data(model: Layer, x: Array, name: str) -> None:
    """Refuse, before anything is changed, what would train to nonsense."""
    if not hasattr(x, "dtype"):
        raise TypeError(f"{name} is of type {type(x).__name__}, expected an array: its .flat or .images, or np.array(...)")
    if len(x) == 0:
        raise ValueError(f"{name} is empty (shape {x.shape}): there is nothing to learn from")
    if x.dtype.kind in "iub":
        raise ValueError(f"{name} has dtype {x.dtype}: convert pixels to floating point in [0, 1], x.astype(np.float32) / 255")
    dtype = next((w.dtype for w in model.params.values()), x.dtype)
    if x.dtype != dtype:
        raise ValueError(f"{name} has dtype {x.dtype} and the model {dtype}: x.astype(np.{dtype}), or model.astype(np.{x.dtype})")
    if any(device_of(w) != device_of(x) for w in model.params.values()):
        here, there = ("cpu", "gpu") if device_of(x) == "cpu" else ("gpu", "cpu")
        raise ValueError(f"{name} is on the {here} and the model on the {there}: to_device(x, {there!r}), or model.to({here!r})")
    low, high = float(x.min()), float(x.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        bad = int(to_numpy(~np.isfinite(x).reshape(len(x), -1).all(axis=1)).argmax())
        raise ValueError(f"{name} holds NaN or infinite values, first in example {bad}")
    if isinstance(list(leaves(model))[-1][1], Sigmoid) and (low < 0 or high > 1):
        raise ValueError(
            f"{name} runs from {low:g} to {high:g}, but the model ends in Sigmoid, whose outputs lie in [0, 1]: divide by 255?"
        )
    model(x[:1])  # a layer that does not fit says so here


def _check_finite(model: Layer, epoch: int) -> None:
    for key, w in model.params.items():
        if not bool(np.isfinite(w).all()):
            raise TrainingDiverged(f"epoch {epoch + 1}: {key} is not finite any more. {ADVICE}")


ADVICE = "The last good checkpoint, if one was asked for, is untouched. A smaller learning rate or clip_norm may help."


def _where_it_broke(model: Layer, batch: Array, loss: float, epoch: int, step: int) -> str:
    """Go through the net once more, layer by layer, and name the first place that is not finite."""
    where = "the loss itself: every layer's output is finite"
    for key, w in model.params.items():
        if not bool(np.isfinite(w).all()):
            where = f"parameter {key}: the gradient of the step before was not finite"
            break
    else:
        x = batch
        for name, layer in leaves(model):
            x = layer(x)
            if not bool(np.isfinite(x).all()):
                where = f"the output of {name}, {layer!r}"
                break
    return f"epoch {epoch + 1}, step {step + 1}: the loss is {float(loss)}. First not finite: {where}. {ADVICE}"
