"""k-sparse codes: of each example's code, only the k largest entries stay (Makhzani & Frey
2014)."""

from __future__ import annotations

import math

import numpy as np

from tinyae._validate import check_array, check_int, check_shape
from tinyae.backend import Array
from tinyae.layers.base import Gradients, Layer


class KSparse(Layer):
    """``y_i = x_i`` for the k largest entries x_i of each example, ``y_i = 0`` for the others.
    Largest by value, not by magnitude.

    The set of the k largest changes only where two entries are equal. Everywhere else the layer
    multiplies by a fixed mask of zeros and ones, ``kept``; so does its backward, and f'' = 0. Among
    equal entries the first ones are kept, so there are always exactly k.

    Raises:
        ValueError: k is not an integer of at least 1.
        ValueError: in a call, k is larger than the code.

    Example:
        >>> y = KSparse(2)(np.array([[3.0, -5.0, 1.0, 2.0]]))
        >>> y != 0
        array([[ True, False, False,  True]])
    """

    def __init__(self, k: int) -> None:
        check_int("KSparse", "k", k)
        self.k = int(k)

    def forward(self, x: Array) -> tuple[Array, Array]:
        check_array(self, "input", x)
        kept = self._largest(x)
        return x * kept, kept  # a product, so that NaN stays NaN

    def backward(self, dy: Array, kept: Array) -> tuple[Array, Gradients]:
        check_shape(self, "dy", dy, kept)
        return dy * kept, {}

    def jvp(self, dx: Array, kept: Array) -> Array:
        check_shape(self, "dx", dx, kept, probes=True)
        return dx * kept

    def vjp(self, dy: Array, kept: Array) -> Array:
        check_shape(self, "dy", dy, kept, probes=True)
        return dy * kept

    def double_backward(self, g: Array, dy: Array, kept: Array) -> tuple[Array, None, Gradients]:
        check_shape(self, "g", g, kept, probes=True)
        check_shape(self, "dy", dy, g)
        return g * kept, None, {}  # s = Σ g · kept · dy

    def output_shape(self, kept: Array) -> tuple[int, ...]:
        return kept.shape

    def _largest(self, x: Array) -> Array:
        """True where an entry is among the k largest of its example: bool, the shape of x."""
        units = math.prod(x.shape[1:])
        if self.k > units:
            raise ValueError(
                f"{self!r}: k is {self.k}, but the code has only {units} units (shape {x.shape})"
            )
        rows = x.real.reshape(len(x), units)  # (N, K)
        nth = units - self.k
        kth = np.partition(rows, nth, axis=1)[:, nth, None]  # the k-th largest of each row: (N, 1)
        above, equal = rows > kth, rows == kth
        room = self.k - above.sum(axis=1, keepdims=True)  # how many of the equal entries to keep
        return (above | (equal & (equal.cumsum(axis=1) <= room))).reshape(x.shape)

    def __repr__(self) -> str:
        return f"KSparse({self.k})"
