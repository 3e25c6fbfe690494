"""What ``fit`` refuses before it changes anything, and what it says when a run diverges."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np

from tinyae._validate import check_flag, check_int, check_path, is_array, short
from tinyae.backend import Array, to_numpy
from tinyae.data.batches import Data, examples_of
from tinyae.layers import leaves
from tinyae.layers.base import Layer
from tinyae.layers.summary import first_nonfinite

SAVED = "The last good checkpoint, if one was requested, is unchanged."


class TrainingDiverged(FloatingPointError):
    """The loss became NaN or infinite. The message says where; the last good checkpoint stays."""


def check_settings(
    epochs: Any,
    batch_size: Any,
    workers: Any,
    patience: Any,
    validation: Any,
    rng: Any,
    progress: Any,
    checkpoint: Any,
    resume: Any,
    settings: Any,
) -> None:
    """Check the settings of ``fit``.

    Raises:
        TypeError: a setting has another type.
        ValueError: a setting is out of range.
    """
    check_int("fit", "epochs", epochs, least=0, expected="0 or more")
    check_int("fit", "batch_size", batch_size)
    if workers is not None:
        check_int("fit", "workers", workers)
    if patience is not None:
        text = "an integer: patience must be at least 1"
        check_int("early stopping", "patience", patience, expected=text)
        if validation is None:
            raise ValueError(f"early stopping: patience is {patience}, which needs validation data")
    if not isinstance(rng, np.random.Generator):
        check_int("fit", "rng", rng, least=0, expected="a seed or a numpy.random.Generator")
    check_flag("fit", "progress", progress)
    check_flag("fit", "resume", resume)
    if checkpoint is not None:
        check_path("fit: checkpoint", checkpoint)
    elif resume:
        raise ValueError("resume=True needs checkpoint=..., the file to resume from")
    if not isinstance(settings, dict | None):
        raise TypeError(f"fit: settings is {short(settings)}, expected a dictionary")
    try:
        json.dumps(settings)
    except (TypeError, ValueError) as error:
        raise TypeError(f"fit: settings must be JSON values: {error}") from None


def check_examples(name: str, data: Any) -> None:
    """Check that the data are an array, or arrays of the same length.

    Raises:
        TypeError: they are not.
        ValueError: an array has no axis of examples.
    """
    if isinstance(data, tuple) and not data:
        raise ValueError(f"{name} is an empty tuple, expected (examples, labels)")
    for a in data if isinstance(data, tuple) else (data,):
        if not is_array(a):
            hint = ".detach().numpy()" if type(a).__module__ == "torch" else "np.array(...)"
            hint = f"expected an array: its .flat or .images, or {hint}"
            raise TypeError(f"{name} is of type {type(a).__name__}, {hint}")
        if not a.ndim:
            raise ValueError(f"{name} has shape (), expected (N, ...)")
        if a.dtype.kind not in "fciub":
            raise ValueError(f"{name} has dtype {a.dtype}, expected numbers")


def check_finite(model: Layer, epoch: int) -> None:
    for key, w in model.params.items():
        if not bool(np.isfinite(w).all()):
            raise TrainingDiverged(f"epoch {epoch + 1}: {key} is no longer finite. {advice(model)}")


def advice(model: Layer) -> str:
    """What may help a run that diverged."""
    if any(w.dtype == np.float16 for w in model.params.values()):
        return f"{SAVED} float16 ends at 65504: try model.astype(np.float32) first."
    return f"{SAVED} A smaller learning rate or clip_norm may help."


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
