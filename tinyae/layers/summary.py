"""A table of a model's layers."""

from __future__ import annotations

import numpy as np

from tinyae._validate import check_int, check_layer, shape_text, short
from tinyae.backend import Array
from tinyae.layers.base import Layer
from tinyae.layers.containers import leaves


def summary(model: Layer, input_shape: tuple[int, ...]) -> str:
    """A table of the model's layers, with their output shapes and numbers of parameters.

    ``input_shape`` is the shape of one example, without the batch axis: ``(784,)`` or
    ``(1, 28, 28)``.

    Raises:
        TypeError: ``model`` is not a layer, or ``input_shape`` is not a tuple.
        ValueError: a layer does not accept the output of the layer before it, or ``input_shape``.

    Example:
        >>> print(summary(Sequential(Linear(784, 32), ReLU()), (784,)))
        input                    784
        0      Linear(784 → 32)   32  25,120
        1      ReLU()             32       -
        25,120 parameters, 0.1 MiB as float32
    """
    check_layer("summary", "model", model)
    if not isinstance(input_shape, tuple | list):
        raise TypeError(f"summary: input_shape is {short(input_shape)}, expected (784,) or similar")
    for length in input_shape:
        check_int("summary", "a size in input_shape", length)
    dtype = next((a.dtype for a in model.params.values()), np.float32)
    rows, x = [("input", "", shape_text(input_shape), "")], np.zeros((1, *input_shape), dtype)
    model = model.to("cpu")
    for name, layer in leaves(model):
        x = layer(x)
        n_params = f"{_count(layer):,}" if layer.params else "-"
        rows.append((name, repr(layer), shape_text(x.shape[1:]), n_params))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = [
        f"{n:<{widths[0]}}  {r:<{widths[1]}}  {s:>{widths[2]}}  {p:>{widths[3]}}"
        for n, r, s, p in rows
    ]
    megabytes = sum(a.nbytes for a in model.params.values()) / 2**20
    size = f"{megabytes:.1f} MiB as {np.dtype(dtype).name}"
    return "\n".join([*lines, f"{_count(model):,} parameters, {size}"])


def first_nonfinite(model: Layer, x: Array) -> str | None:
    """Where the first NaN or infinite value appears in ``model(x)``: the input, a parameter, or the
    output of a layer. None if all values are finite."""
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


def _count(layer: Layer) -> int:
    return sum(a.size for a in layer.params.values())
