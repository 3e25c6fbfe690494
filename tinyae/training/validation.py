"""What ``fit`` refuses before it changes anything, and what it says when a run breaks."""

from __future__ import annotations

import math

import numpy as np

from tinyae.backend import Array, device_of, to_numpy
from tinyae.layers import Sigmoid, leaves
from tinyae.layers.base import Layer
from tinyae.optim import Optimizer
from tinyae.training.batches import Data, examples_of

ADVICE = "The last good checkpoint, if one was asked for, is untouched. A smaller learning rate or clip_norm may help."


class TrainingDiverged(FloatingPointError):
    """The loss became NaN or infinite. The message says where; the last good checkpoint stays as it is."""


def check_settings(
    epochs: int, batch_size: int, patience: int | None, validation: Data | None
) -> None:
    if epochs < 0:
        raise ValueError(f"epochs is {epochs}, expected 0 or more")
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}, expected at least 1")
    if patience is not None and (patience < 1 or validation is None):
        raise ValueError("early stopping: patience must be at least 1, and needs validation data")


def check_optimizer(model: Layer, optimizer: Optimizer) -> None:
    params = model.params
    for key, w in optimizer.params.items():
        if key in params and params[key] is not w:
            raise ValueError(
                f"the optimizer updates another array than the model's {key}: make it after astype() and to()"
            )


def check_data(model: Layer, data: Data, name: str) -> None:
    """Refuse, before anything is changed, what would train to nonsense."""
    x = examples_of(data)
    for other in data[1:] if isinstance(data, tuple) else ():
        if len(other) != len(x):
            raise ValueError(f"{name}: {len(x)} examples, but {len(other)} labels")
    if not hasattr(x, "dtype"):
        raise TypeError(
            f"{name} is of type {type(x).__name__}, expected an array: its .flat or .images, or np.array(...)"
        )
    if len(x) == 0:
        raise ValueError(f"{name} is empty (shape {x.shape}): there is nothing to learn from")
    if x.dtype.kind in "iub":
        raise ValueError(
            f"{name} has dtype {x.dtype}: convert pixels to floating point in [0, 1], x.astype(np.float32) / 255"
        )
    dtype = next((w.dtype for w in model.params.values()), x.dtype)
    if x.dtype != dtype:
        raise ValueError(
            f"{name} has dtype {x.dtype} and the model {dtype}: x.astype(np.{dtype}), or model.astype(np.{x.dtype})"
        )
    if any(device_of(w) != device_of(x) for w in model.params.values()):
        here, there = ("cpu", "gpu") if device_of(x) == "cpu" else ("gpu", "cpu")
        raise ValueError(
            f"{name} is on the {here} and the model on the {there}: to_device(x, {there!r}), or model.to({here!r})"
        )
    low, high = float(x.min()), float(x.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        bad = int(to_numpy(~np.isfinite(x).reshape(len(x), -1).all(axis=1)).argmax())
        raise ValueError(f"{name} holds NaN or infinite values, first in example {bad}")
    if isinstance(list(leaves(model))[-1][1], Sigmoid) and (low < 0 or high > 1):
        raise ValueError(
            f"{name} runs from {low:g} to {high:g}, but the model ends in Sigmoid, whose outputs lie in [0, 1]: divide by 255?"
        )
    model(x[:1])  # a layer that does not fit says so here


def check_finite(model: Layer, epoch: int) -> None:
    for key, w in model.params.items():
        if not bool(np.isfinite(w).all()):
            raise TrainingDiverged(f"epoch {epoch + 1}: {key} is not finite any more. {ADVICE}")


def divergence_message(model: Layer, batch: Data, loss: float, epoch: int, step: int) -> str:
    where = (
        first_nonfinite(model, examples_of(batch))
        or "the loss itself: every layer's output is finite"
    )
    return f"epoch {epoch + 1}, step {step + 1}: the loss is {float(loss)}. First not finite: {where}. {ADVICE}"


def first_nonfinite(model: Layer, x: Array) -> str | None:
    """Go through the net once more, layer by layer, and name the first place that is not finite; None if all are."""
    if not bool(np.isfinite(x).all()):
        return "its input"
    for key, w in model.params.items():
        if not bool(np.isfinite(w).all()):
            return f"parameter {key}: the gradient of the step before was not finite"
    for name, layer in leaves(model):
        x = layer(x)
        if not bool(np.isfinite(x).all()):
            return f"the output of {name}, {layer!r}"
    return None
