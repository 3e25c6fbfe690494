"""A table of a model's layers."""

from __future__ import annotations

import numpy as np

from tinyae.backend import Array
from tinyae.layers.base import Layer
from tinyae.layers.containers import leaves


def summary(model: Layer, input_shape: tuple[int, ...]) -> str:
    """A table of the model's layers: each one's output shape and number of parameters.

    ``input_shape`` is that of one example, without the batch axis: ``(784,)`` or ``(1, 28, 28)``.

    Raises:
        ValueError: a layer refuses what the layers before it, or ``input_shape``, give it.
    """
    dtype = next((a.dtype for a in model.params.values()), np.float32)
    rows, x = [("input", "", shape_text(input_shape), "")], np.zeros((1, *input_shape), dtype)
    model = model.to("cpu")
    for name, layer in leaves(model):
        x = layer(x)
        rows.append(
            (
                name,
                repr(layer),
                shape_text(x.shape[1:]),
                f"{count(layer):,}" if layer.params else "-",
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = [
        f"{n:<{widths[0]}}  {r:<{widths[1]}}  {s:>{widths[2]}}  {p:>{widths[3]}}"
        for n, r, s, p in rows
    ]
    megabytes = sum(a.nbytes for a in model.params.values()) / 2**20
    return "\n".join(
        [*lines, f"{count(model):,} parameters, {megabytes:.1f} MiB as {np.dtype(dtype).name}"]
    )


def count(layer: Layer) -> int:
    return sum(a.size for a in layer.params.values())


def shape_text(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def first_nonfinite(model: Layer, x: Array) -> str | None:
    """Where the first value that is NaN or infinite appears in ``model(x)``: the input, a parameter,
    or a layer's output, layer by layer. None if all are finite."""
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
