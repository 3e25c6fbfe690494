"""The rows of a Jacobian, in blocks, and the whole Jacobian of every example.

A row of J = ∂y/∂x is ``vjp`` of a unit vector at the output. A block holds as many rows as fit the
processor's cache, so memory does not grow with the number of rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinyae._validate import as_rng, check_array, check_layer
from tinyae.backend import Array, Rng, device_of, to_device
from tinyae.layers import Flatten, Reshape
from tinyae.layers.activations import Elementwise
from tinyae.layers.base import Layer
from tinyae.layers.containers import Chain
from tinyae.penalties.chain import as_chain

# Entries of the widest layer's cotangents at a time: 2 MiB in float32, about what fits into the
# cache of one core.
BLOCK = 1 << 19
BLOCK_GPU = 1 << 28


def jacobian(net: Layer, x: Array) -> Array:
    """``∂y/∂x`` of every example: (N, *out, *in). Computed by rows (vjp) or by columns (jvp),
    whichever are fewer.

    Raises:
        TypeError: ``net`` is not a layer, or x is not an array.
        ValueError: x does not fit the net, or is not floating point.

    Example:
        >>> jacobian(Tanh(), np.array([[0.0, 1.0]])).round(3)
        array([[[1.  , 0.  ],
                [0.  , 0.42]]])
    """
    check_layer("jacobian", "net", net)
    check_array("jacobian", "x", x)
    y, nested = net.forward(x)
    chain, caches = as_chain(net, nested)
    n_out, n_in = math.prod(y.shape[1:]), math.prod(x.shape[1:])
    at_a_time = _rows_at_a_time(y, n_out * len(y), n_in * len(x))
    j = np.empty_like(y, shape=(len(x), n_out, n_in))
    start = 0
    if n_out <= n_in:
        for v in _unit_vectors(y.shape, y, at_a_time):  # (B, N, *out)
            rows = chain.vjp(v, caches).reshape(len(v), len(x), n_in)
            j[:, start : start + len(v)] = rows.swapaxes(0, 1)
            start += len(v)
    else:
        for v in _unit_vectors(x.shape, y, at_a_time):  # (B, N, *in)
            columns = chain.jvp(v, caches).reshape(len(v), len(x), n_out)
            j[:, :, start : start + len(v)] = columns.transpose(1, 2, 0)
            start += len(v)
    return j.reshape(len(x), *y.shape[1:], *x.shape[1:])


def row_blocks(
    net: Chain,
    caches: list[Any],
    probes: int | None,
    rng: Rng,
    units: Array | None = None,
    like: Array | None = None,
    width: int = 0,
) -> Iterator[Array]:
    """The cotangents to send backward, in blocks (B, N, *z).

    Args:
        probes: None for unit vectors; a number for this many vectors of random ±1.
        units: the unit vectors to take, (N, K') as ``active_units`` returns them. None takes all.
        like: an array with the dtype and device of the result. None chooses one from the net.
        width: the entries per example of a further array that the caller makes for each row.
    """
    shape, like = net.output_shape(caches), _like(net, caches) if like is None else like
    sizes = [
        math.prod(layer.output_shape(cache))
        for layer, cache in zip(net.layers, caches, strict=True)
    ]
    at_a_time = _rows_at_a_time(like, *sizes, shape[0] * width)
    if probes is None:
        yield from _unit_vectors(shape, like, at_a_time, units)
        return
    rng = as_rng("contractive", rng)
    for start in range(0, probes, at_a_time):
        signs = rng.integers(0, 2, (min(at_a_time, probes - start), *shape)) * 2 - 1
        yield to_device(signs.astype(like.dtype), device_of(like))


def active_units(net: Chain, caches: list[Any]) -> Array | None:
    """(N, K'): for each example, the code units whose row of J is not 0. None means all units.

    A ReLU code is 0 in about half of its units. K' is the largest number of active units in the
    batch; examples with fewer fill up with inactive units. Examples do not mix in J, so the i-th
    row may belong to a different unit in each example. On a GPU all rows are taken: to find K', the
    CPU would have to wait for the device.
    """
    chain = reversed(list(zip(net.layers, caches, strict=True)))
    layer, y = next(
        (pair for pair in chain if not isinstance(pair[0], Flatten | Reshape)), (None, None)
    )
    if y is None or not isinstance(layer, Elementwise) or device_of(y) != "cpu":
        return None
    inactive = layer.derivative(y).reshape(len(y), -1) == 0  # (N, K)
    most = max(1, inactive.shape[1] - int(inactive.sum(axis=1).min(initial=inactive.shape[1])))
    return np.argsort(inactive, axis=1, kind="stable")[:, :most]


def _unit_vectors(
    shape: tuple[int, ...], like: Array, at_a_time: int, units: Array | None = None
) -> Iterator[Array]:
    """The unit vectors of every example, (B, N, *shape[1:]), B at a time. ``units`` (N, K') chooses
    some of them for each example."""
    n, size = shape[0], math.prod(shape[1:])
    count = size if units is None else units.shape[1]
    for start in range(0, count, at_a_time):
        block = np.zeros_like(like, shape=(min(at_a_time, count - start), n, size), order="C")
        for i in range(len(block)):
            if units is None:
                block[i, :, start + i] = 1
            else:
                block[i, range(n), units[:, start + i]] = 1
        yield block.reshape(len(block), *shape)


def _rows_at_a_time(like: Array, *sizes: int) -> int:
    """``sizes``: the entries of one row at each layer, for all examples together."""
    return max(1, (BLOCK if device_of(like) == "cpu" else BLOCK_GPU) // max(1, *sizes))


def _like(net: Chain, caches: list[Any]) -> Array:
    """An array with the dtype and on the device that the rows should have. A net of frozen layers
    has no params, so the caches are candidates too."""
    arrays = [*net.params.values(), *(cache for cache in caches if hasattr(cache, "dtype"))]
    return next((a for a in arrays if a.dtype.kind in "fc"), np.empty(0, np.float32))
