"""What ``fit`` refuses before it changes anything, and what it says when a run diverges."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from tinyae.backend import Array, to_numpy
from tinyae.data.batches import Data, examples_of
from tinyae.layers import leaves
from tinyae.layers.base import Layer
from tinyae.layers.summary import first_nonfinite

ADVICE = (
    "The last good checkpoint, if one was requested, is unchanged. A smaller learning rate or "
    "clip_norm may help."
)


class TrainingDiverged(FloatingPointError):
    """The loss became NaN or infinite. The message says where; the last good checkpoint stays."""


def check_settings(
    epochs: int, batch_size: int, patience: int | None, validation: Data | None
) -> None:
    if epochs < 0:
        raise ValueError(f"epochs is {epochs}, expected 0 or more")
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}, expected at least 1")
    if patience is not None and (patience < 1 or validation is None):
        raise ValueError("early stopping: patience must be at least 1, and needs validation data")


def check_finite(model: Layer, epoch: int) -> None:
    for key, w in model.params.items():
        if not bool(np.isfinite(w).all()):
            raise TrainingDiverged(f"epoch {epoch + 1}: {key} is no longer finite. {ADVICE}")


def loss_diverged(model: Layer, batch: Data, loss: float) -> str:
    """The loss, and where the first value that is not finite appears."""
    where = first_nonfinite(model, examples_of(batch))
    where = where or "the loss itself: every layer's output is finite"
    return f"the loss is {float(loss)}. First not finite: {where}"


def layer_with_state(model: Layer, x: Array) -> str | None:
    """The name of a layer that keeps state between forward and backward, such as ``self.x = x``.
    None if there is none. Worker threads would mix up such a layer's gradients without an error.

    Only layers from outside tinyae are tried: two forward passes on different examples and then the
    backward pass of the first must give what a fresh copy gives without the second.
    """
    n = min(2, len(x) // 2)
    if n == 0:
        return None  # a single example is not shared by workers
    a, b = x[:n], x[n : 2 * n]
    for name, layer in leaves(model):
        if not type(layer).__module__.startswith("tinyae.") and _mixes(layer, a, b):
            return f"{name}, {layer!r}"
        fresh = copy.deepcopy(layer)  # a layer's own random numbers must not move
        a, b = fresh.forward(a)[0], fresh.forward(b)[0]
    return None


def _mixes(layer: Layer, a: Array, b: Array) -> bool:
    alone, shared = copy.deepcopy(layer), copy.deepcopy(layer)
    y, cache = alone.forward(a)
    dy = np.cos(np.arange(y.size, dtype=y.real.dtype)).reshape(y.shape)  # any cotangent
    expected = alone.backward(dy, cache)
    try:
        _, cache = shared.forward(a)
        shared.forward(b)
        got = shared.backward(dy, cache)
    except Exception:
        return True
    return not _same(expected, got)


def _same(expected: Any, got: Any) -> bool:
    (dx, grads), (dx2, grads2) = expected, got
    pairs = [(dx, dx2), *((grads[key], grads2.get(key)) for key in grads)]
    return all(
        p is q is None or np.array_equal(to_numpy(p), to_numpy(q), equal_nan=True) for p, q in pairs
    )
