"""The fully connected layer."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from tinyae._validate import as_rng, check_array, check_dtype, check_flag, check_int, check_shape
from tinyae.backend import Array, Rng
from tinyae.layers.base import Gradients, LinearMap, uniform_init


class Linear(LinearMap):
    """``y = x Wᵀ + b``, x: (N, in) -> y: (N, out), W: (out, in), b: (out,), as in PyTorch.

    Each example is a row. Given dy: (N, out), the gradient of the loss with respect to y,

        ``dx = dy W``,   ``dW = dyᵀ x``,   ``db = Σ_n dy_n``.

    W and b start as samples of U(±1/√in). ``rng`` is a seed or a ``numpy.random.Generator``.

    Raises:
        TypeError: a size is not a number, or the input is not an array.
        ValueError: a size is below 1, or the dtype is not floating point.
        ValueError: in a call, the input does not have the shape (N, ``in_features``).

    Example:
        >>> layer = Linear(3, 2, rng=0)
        >>> layer
        Linear(3 → 2)
        >>> layer(np.zeros((5, 3), np.float32)).shape
        (5, 2)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        rng: Rng = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        check_int("Linear", "in_features", in_features)
        check_int("Linear", "out_features", out_features)
        check_flag("Linear", "bias", bias)
        check_dtype("Linear", dtype)
        rng = as_rng("Linear", rng)
        self.in_features, self.out_features = in_features, out_features
        self.params = {"weight": uniform_init((out_features, in_features), in_features, rng, dtype)}
        if bias:
            self.params["bias"] = uniform_init((out_features,), in_features, rng, dtype)

    def forward(self, x: Array) -> tuple[Array, Array]:
        self._check(x)
        w = self.params["weight"]
        y = x @ w.T  # (N, in) (in, out) -> (N, out)
        return self.add_bias(y), x

    def backward(self, dy: Array, x: Array) -> tuple[Array, Gradients]:
        return self.vjp(dy, x), self.parameter_gradients(dy, x)

    def weight_gradient(self, dy: Array, x: Array) -> Array:
        return dy.T @ x  # (out, N) (N, in) -> (out, in): the product sums over the examples

    def vjp(self, dy: Array, x: Array) -> Array:
        check_shape(self, "dy", dy, self.output_shape(x), probes=True)
        w = self.params["weight"]
        dx = _flat(dy) @ w  # (N, out) (out, in) -> (N, in)
        return dx.reshape(*dy.shape[:-1], self.in_features)

    def jvp(self, dx: Array, x: Array) -> Array:
        check_shape(self, "dx", dx, x, probes=True)
        w = self.params["weight"]
        dy = _flat(dx) @ w.T  # forward without the bias
        return dy.reshape(*dx.shape[:-1], self.out_features)

    def output_shape(self, x: Array) -> tuple[int, int]:
        self._check(x)
        return len(x), self.out_features

    def _check(self, x: Array) -> None:
        check_array(self, "input", x, axes=0)
        if x.ndim == 2 and x.shape[1] == self.in_features:
            return
        hint = ""
        if x.ndim != 2:
            hint = ": flatten it first?" if x.ndim > 2 else ": a single example needs x[None]"
        features = x.shape[-1] if x.ndim else 0
        raise ValueError(
            f"{self!r}: input has {features} features, expected {self.in_features} "
            f"as (N, {self.in_features}), got shape {x.shape}{hint}"
        )

    def __repr__(self) -> str:
        no_bias = "" if "bias" in self.params else ", no bias"
        return f"Linear({self.in_features} → {self.out_features}{no_bias})"


def _flat(a: Array) -> Array:
    """(K, N, D) -> (K·N, D), (N, D) stays: one large product is faster than K small ones."""
    return a.reshape(-1, a.shape[-1])
