"""One pass over the data, and the measurement on the validation data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyae.backend import device_of, namespace
from tinyae.data.augmentation import Augmentation, augmented
from tinyae.data.batches import BatchSize, Data, batch_size_at, examples_of, take
from tinyae.gradients import weighted_sum
from tinyae.layers.base import Layer
from tinyae.objectives.base import BaseObjective, ObjectiveFunction, ObjectiveResult, Terms
from tinyae.optim import Optimizer
from tinyae.training.averaging import WeightAverage
from tinyae.training.machines import ALONE, Machines
from tinyae.training.validation import TrainingDiverged, advice, loss_diverged
from tinyae.training.workers import Workers, loss_and_gradients

# Takes the place of the step in the seeds of the validation's random numbers
VALIDATION = 2**32 - 1
SECOND_NETWORK = 2**32 - 2  # marks the random numbers of an objective's second network
AUGMENT = 2**32 - 3  # marks the random numbers of the augmentation


@dataclass
class Run:
    """What stays the same from the first epoch of a run to the last."""

    model: Layer
    data: Data
    objective: BaseObjective
    optimizer: Optimizer
    batch_size: BatchSize
    seed: int
    pool: Workers
    machines: Machines = ALONE
    augment: Augmentation | None = None
    average: WeightAverage | None = None


def train_epoch(run: Run, epoch: int, bar: Any) -> dict[str, float]:
    """One pass over the data: the means of the loss and of its terms."""
    x = examples_of(run.data)
    n, on_cpu = len(x), device_of(x) == "cpu"
    order = namespace(x).asarray(np.random.default_rng([run.seed, epoch]).permutation(n))
    log: list[Terms] = []
    weights = []  # each batch's fraction of the data
    size = batch_size_at(run.batch_size, epoch)
    for step, start in enumerate(range(0, n, size)):
        batch = take(run.data, order[start : start + size])
        if run.augment is not None:
            batch = augmented(batch, run.augment, [run.seed, epoch, step, AUGMENT])
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
            f"would name the layer. {advice(run.model)}"
        )
    return means


def _train_step(run: Run, batch: Data, epoch: int, step: int, on_cpu: bool) -> Terms:
    """One step of the optimizer (and of a second network's, where the objective has one)."""
    seed = [run.seed, epoch, step]

    def gradients(network: Layer, objective: ObjectiveFunction) -> ObjectiveResult:
        seeds = [*seed, SECOND_NETWORK]
        loss, grads, terms = loss_and_gradients(
            network, batch, objective, run.pool, seeds, run.machines
        )
        return loss, dict(grads), terms

    try:
        more = run.objective.before_step(run.model, batch, gradients)
        loss, grads, terms = loss_and_gradients(
            run.model, batch, run.objective, run.pool, seed, run.machines
        )
        if on_cpu and not math.isfinite(loss):
            raise FloatingPointError(loss_diverged(run.model, batch, loss))
    except FloatingPointError as error:
        at = f"epoch {epoch + 1}, step {step + 1}"
        raise TrainingDiverged(f"{at}: {error}. {advice(run.model)}") from error
    if type(run.optimizer).step is not Optimizer.step:
        grads = dict(grads)  # a step of another kind may change them
    run.optimizer.step(grads, run.pool.map)
    if run.average is not None:
        run.average.update(run.optimizer.steps)
    return {"loss": loss, **terms, **more}


def validation_loss(run: Run, data: Data) -> float:
    """The mean of the objective over ``data``. Every epoch uses the same random numbers, so that
    epochs can be compared."""
    n, size = len(examples_of(data)), batch_size_at(run.batch_size, 0)

    def one(start: int) -> float:
        batch = take(data, slice(start, start + size))
        rng = np.random.default_rng([run.seed, VALIDATION, start])
        return float(run.objective(run.model, batch, rng)[0]) * len(examples_of(batch)) / n

    starts = run.machines.mine(list(range(0, n, size)))
    return float(run.machines.sum_numbers([sum(run.pool.map(one, starts))])[0])
