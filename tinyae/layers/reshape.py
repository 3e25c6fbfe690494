"""Layers that only change the shape. Their Jacobian is the identity."""

from __future__ import annotations

import math

from tinyae._validate import check_array, check_int, check_shape, short
from tinyae.backend import Array
from tinyae.layers.base import Gradients, LinearMap


class Reshape(LinearMap):
    """(N, *any) -> (N, *shape): the same entries in the same order, for example
    ``Reshape(1, 28, 28)``. The cache is the shape of x.

    Raises:
        TypeError: a size is not a number.
        ValueError: there is no size, or one is not an integer of at least 1.
        ValueError: in a call, an example does not have as many entries as ``shape``.

    Example:
        >>> Reshape(1, 28, 28)(np.zeros((5, 784))).shape
        (5, 1, 28, 28)
    """

    def __init__(self, *shape: int) -> None:
        if not shape:
            raise ValueError("Reshape(): expected one or more sizes of at least 1")
        for size in shape:
            check_int("Reshape", "a size", size)
        self.shape = shape

    def forward(self, x: Array) -> tuple[Array, tuple[int, ...]]:
        check_array(self, "input", x, kinds="fcOiub")
        entries = math.prod(self.shape)
        if math.prod(x.shape[1:]) != entries:
            raise ValueError(
                f"{self!r}: an example of shape {x.shape[1:]} does not have {entries} entries"
            )
        return x.reshape(self.output_shape(x.shape)), x.shape

    def backward(self, dy: Array, x_shape: tuple[int, ...]) -> tuple[Array, Gradients]:
        check_shape(self, "dy", dy, self.output_shape(x_shape))
        return dy.reshape(x_shape), {}

    def jvp(self, dx: Array, x_shape: tuple[int, ...]) -> Array:
        check_shape(self, "dx", dx, x_shape, probes=True)
        probes = dx.shape[: dx.ndim - len(x_shape)]  # (K,) or ()
        return dx.reshape(*probes, *self.output_shape(x_shape))

    def vjp(self, dy: Array, x_shape: tuple[int, ...]) -> Array:
        shape = self.output_shape(x_shape)
        check_shape(self, "dy", dy, shape, probes=True)
        return dy.reshape(*dy.shape[: dy.ndim - len(shape)], *x_shape)

    def output_shape(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        if not isinstance(x_shape, tuple) or not x_shape:
            raise TypeError(f"{self!r}: the cache is {short(x_shape)}, expected the shape of x")
        return x_shape[0], *self.shape

    def __repr__(self) -> str:
        return f"Reshape({', '.join(map(str, self.shape))})"


class Flatten(Reshape):
    """(N, ...) -> (N, D), for example (N, 1, 28, 28) -> (N, 784).

    Raises:
        ValueError: in a call, x has fewer than two axes.

    Example:
        >>> Flatten()(np.zeros((5, 1, 28, 28))).shape
        (5, 784)
    """

    def __init__(self) -> None:
        pass

    def forward(self, x: Array) -> tuple[Array, tuple[int, ...]]:
        check_array(self, "input", x, kinds="fcOiub")
        if x.ndim < 2:
            raise ValueError(
                f"Flatten(): expected (N, ...) with at least two axes, got shape {x.shape}"
            )
        return x.reshape(self.output_shape(x.shape)), x.shape

    def output_shape(self, x_shape: tuple[int, ...]) -> tuple[int, ...]:
        if not isinstance(x_shape, tuple):
            raise TypeError(f"{self!r}: the cache is {short(x_shape)}, expected the shape of x")
        return x_shape[0], math.prod(x_shape[1:])

    def __repr__(self) -> str:
        return "Flatten()"
