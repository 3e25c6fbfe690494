"""Layers that only change the shape. Their Jacobian is the identity."""

from __future__ import annotations

import math

from tinyae.backend import Array
from tinyae.layers.base import Gradients, LinearMap


class Reshape(LinearMap):
    """(N, *any) -> (N, *shape): the same entries in the same order, for example
    ``Reshape(1, 28, 28)``.

    Raises:
        ValueError: a size is below 1.
        ValueError: in a call, an example does not have as many entries as ``shape``.
    """

    def __init__(self, *shape: int) -> None:
        if not shape or any(size < 1 for size in shape):
            raise ValueError(
                f"Reshape{shape}: expected one or more sizes of at least 1, without the batch axis"
            )
        self.shape = shape

    def forward(self, x: Array) -> tuple[Array, tuple[int, ...]]:
        entries = math.prod(self.shape)
        if math.prod(x.shape[1:]) != entries:
            raise ValueError(
                f"{self!r}: an example of shape {x.shape[1:]} does not have {entries} entries"
            )
        return x.reshape(len(x), *self.shape), x.shape

    def backward(self, dy: Array, x_shape: tuple[int, ...]) -> tuple[Array, Gradients]:
        return dy.reshape(x_shape), {}

    def jvp(self, dx: Array, x_shape: tuple[int, ...]) -> Array:
        probes = dx.shape[: dx.ndim - len(x_shape)]  # (K,) or ()
        return dx.reshape(*probes, x_shape[0], *self.shape)

    def vjp(self, dy: Array, x_shape: tuple[int, ...]) -> Array:
        probes = dy.shape[: dy.ndim - 1 - len(self.shape)]  # (K,) or ()
        return dy.reshape(*probes, *x_shape)

    def output_shape(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        return x_shape[0], *self.shape

    def __repr__(self) -> str:
        return f"Reshape({', '.join(map(str, self.shape))})"


class Flatten(LinearMap):
    """(N, ...) -> (N, D), for example (N, 1, 28, 28) -> (N, 784).

    Raises:
        ValueError: in a call, x has fewer than two axes.
    """

    def forward(self, x: Array) -> tuple[Array, tuple[int, ...]]:
        if x.ndim < 2:
            raise ValueError(
                f"Flatten(): expected (N, ...) with at least two axes, got shape {x.shape}"
            )
        return x.reshape(len(x), -1), x.shape

    def backward(self, dy: Array, x_shape: tuple[int, ...]) -> tuple[Array, Gradients]:
        return dy.reshape(x_shape), {}

    def jvp(self, dx: Array, x_shape: tuple[int, ...]) -> Array:
        probes = dx.shape[: dx.ndim - len(x_shape)]  # (K,) or ()
        return dx.reshape(*probes, x_shape[0], -1)

    def vjp(self, dy: Array, x_shape: tuple[int, ...]) -> Array:
        return dy.reshape(*dy.shape[:-2], *x_shape)

    def output_shape(self, x_shape: tuple[int, ...]) -> tuple[int, int]:
        return x_shape[0], math.prod(x_shape[1:])
