"""What must hold of data before a model is trained or evaluated on it."""

from __future__ import annotations

import math

import numpy as np

from tinyae.backend import device_of, to_numpy
from tinyae.data.batches import Data, examples_of
from tinyae.data.ranges import check_range
from tinyae.layers.base import Layer


def check_data(model: Layer, data: Data, name: str) -> None:
    """Refuse data on which ``model`` could not be trained, before anything is changed.

    Raises:
        TypeError: it is not an array.
        ValueError: it is empty, not floating point, has another dtype or device than the model,
            holds NaN, exceeds [0, 1] for a model that ends in Sigmoid, or does not fit the first
            layer.
    """
    x = examples_of(data)
    for other in data[1:] if isinstance(data, tuple) else ():
        if len(other) != len(x):
            raise ValueError(f"{name}: {len(x)} examples, but {len(other)} labels")
    if not hasattr(x, "dtype"):
        raise TypeError(
            f"{name} is of type {type(x).__name__}, expected an array: its .flat or .images, or "
            "np.array(...)"
        )
    if len(x) == 0:
        raise ValueError(f"{name} is empty (shape {x.shape}): there is nothing to learn from")
    if x.dtype.kind in "iub":
        raise ValueError(
            f"{name} has dtype {x.dtype}: convert pixels to floating point in [0, 1], "
            "x.astype(np.float32) / 255, or read the file with load_data, which converts each "
            "batch of a large one"
        )
    dtype = next((w.dtype for w in model.params.values()), x.dtype)
    if x.dtype != dtype:
        raise ValueError(
            f"{name} has dtype {x.dtype} and the model {dtype}: x.astype(np.{dtype}), or "
            f"model.astype(np.{x.dtype})"
        )
    if any(device_of(w) != device_of(x) for w in model.params.values()):
        here, there = ("cpu", "gpu") if device_of(x) == "cpu" else ("gpu", "cpu")
        raise ValueError(
            f"{name} is on the {here} and the model on the {there}: to_device(x, {there!r}), or "
            f"model.to({here!r})"
        )
    low, high = float(x.min()), float(x.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        bad = int(to_numpy(~np.isfinite(x).reshape(len(x), -1).all(axis=1)).argmax())
        raise ValueError(f"{name} holds NaN or infinite values, first in example {bad}")
    y = model(x[:1])  # a layer that does not fit says so here
    if not isinstance(data, tuple) and y.shape == x[:1].shape:  # the model reconstructs x
        check_range(model, low, high, name)
