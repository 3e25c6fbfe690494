"""Layers that only rename axes: their Jacobian is a permutation of entries, here even the identity."""

from __future__ import annotations

import math

from tinyae.backend import Array
from tinyae.layers.base import Gradients, Layer


class Reshape(Layer):
    """(N, *any) -> (N, *shape): the same numbers in the same order, for example ``Reshape(1, 28, 28)``.

    Raises:
        ValueError: an input whose examples have not as many numbers as ``shape``.
    """

    def __init__(self, *shape: int) -> None:
        if not shape or any(size < 1 for size in shape):
            raise ValueError(
                f"Reshape{shape}: expected one or more sizes of at least 1, without the batch axis"
            )
        self.shape = shape

    def forward(self, x: Array) -> tuple[Array, tuple[int, ...]]:
        if math.prod(x.shape[1:]) != math.prod(self.shape):
            raise ValueError(
                f"{self!r}: an example of shape {x.shape[1:]} has not {math.prod(self.shape)} numbers"
            )
        return x.reshape(len(x), *self.shape), x.shape

    def backward(self, dy: Array, x_shape: tuple[int, ...]) -> tuple[Array, Gradients]:
        return dy.reshape(x_shape), {}

    def jvp(self, dx: Array, x_shape: tuple[int, ...]) -> Array:
        probes = dx.shape[: dx.ndim - len(x_shape)]  # (K,) or ()
        return dx.reshape(*probes, x_shape[0], *self.shape)

    def vjp(self, dy: Array, x_shape: tuple[int, ...]) -> Array:
        probes = dy.shape[: dy.ndim - 1 - len(self.shape)]
        return dy.reshape(*probes, *x_shape)

    def double_backward(
        self, g: Array, dy: Array, x_shape: tuple[int, ...]
    ) -> tuple[Array, None, Gradients]:
        return self.jvp(g, x_shape), None, {}

    def output_shape(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        return x_shape[0], *self.shape

    def __repr__(self) -> str:
        return f"Reshape({', '.join(map(str, self.shape))})"


class Flatten(Layer):
    """(N, ...) -> (N, D), for example (N, 1, 28, 28) -> (N, 784)."""

    def forward(self, x: Array) -> tuple[Array, tuple[int, ...]]:
        if x.ndim < 2:
            raise ValueError(
                f"Flatten(): expected (N, ...) with at least two axes, got shape {x.shape}"
            )
        return x.reshape(len(x), -1), x.shape

    def backward(self, dy: Array, x_shape: tuple[int, ...]) -> tuple[Array, Gradients]:
        return dy.reshape(x_shape), {}

    def jvp(self, dx: Array, x_shape: tuple[int, ...]) -> Array:
        probes = dx.shape[: dx.ndim - len(x_shape)]
        return dx.reshape(*probes, x_shape[0], -1)

    def vjp(self, dy: Array, x_shape: tuple[int, ...]) -> Array:
        return dy.reshape(*dy.shape[:-2], *x_shape)

    def double_backward(
        self, g: Array, dy: Array, x_shape: tuple[int, ...]
    ) -> tuple[Array, None, Gradients]:
        return self.jvp(g, x_shape), None, {}

    def output_shape(self, x_shape: tuple[int, ...]) -> tuple[int, int]:
        return x_shape[0], math.prod(x_shape[1:])
