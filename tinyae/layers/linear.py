"""The fully connected layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyae.backend import Array
from tinyae.layers.base import Gradients, Layer, uniform_init


class Linear(Layer):
    """``y = x Wᵀ + b``, x: (N, in) -> y: (N, out), W: (out, in), b: (out,), as in PyTorch.

    Each example is a row. With the loss's gradient dy: (N, out) given,

        ``dx = dy W``,   ``dW = dyᵀ x``,   ``db = Σ_n dy_n``.

    W and b start as U(±1/√in). ``rng`` is a seed or a ``numpy.random.Generator``.

    Raises:
        ValueError: an input whose last axis is not ``in_features`` long, or that has not two axes.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        rng: Any = None,
        dtype: Any = np.float32,
    ) -> None:
        if in_features < 1 or out_features < 1:
            raise ValueError(
                f"Linear({in_features} → {out_features}): both sizes must be at least 1"
            )
        rng = np.random.default_rng(rng)
        self.in_features, self.out_features = in_features, out_features
        self.params = {"weight": uniform_init((out_features, in_features), in_features, rng, dtype)}
        if bias:
            self.params["bias"] = uniform_init((out_features,), in_features, rng, dtype)

    def forward(self, x: Array) -> tuple[Array, Array]:
        self._check(x)
        y = x @ self.params["weight"].T  # (N, in) (in, out) -> (N, out)
        if "bias" in self.params:
            y += self.params["bias"]
        return y, x

    def backward(self, dy: Array, x: Array) -> tuple[Array, Gradients]:
        return self.vjp(dy, x), self.parameter_gradients(dy, x)

    def parameter_gradients(self, dy: Array, x: Array) -> Gradients:
        grads = {
            "weight": dy.T @ x
        }  # (out, N) (N, in) -> (out, in): the sum over examples is the product's own
        if "bias" in self.params:
            grads["bias"] = dy.sum(axis=0)
        return grads

    def jvp(self, dx: Array, x: Array) -> Array:
        return _rows_times(dx, self.params["weight"].T)  # the map without its offset

    def vjp(self, dy: Array, x: Array) -> Array:
        return _rows_times(dy, self.params["weight"])

    def double_backward(self, g: Array, dy: Array, x: Array) -> tuple[Array, None, Gradients]:
        # s = Σ g · (dy W): the three products of backward once more, with g in the place of x; x itself is not in s.
        rows = (
            dy.reshape(-1, self.out_features),
            g.reshape(-1, self.in_features),
        )  # (K·N, out), (K·N, in)
        grads = {"weight": rows[0].T @ rows[1]}
        if "bias" in self.params:
            grads["bias"] = np.zeros_like(self.params["bias"])
        return self.jvp(g, x), None, grads

    def output_shape(self, x: Array) -> tuple[int, int]:
        self._check(x)
        return len(x), self.out_features

    def _check(self, x: Array) -> None:
        if x.ndim == 2 and x.shape[1] == self.in_features:
            return
        hint = (
            ": flatten it first?"
            if x.ndim > 2
            else ": one example alone needs x[None]"
            if x.ndim == 1
            else ""
        )
        features = x.shape[-1] if x.ndim else 0
        raise ValueError(
            f"{self!r}: input has {features} features, expected {self.in_features} "
            f"as (N, {self.in_features}), got shape {x.shape}{hint}"
        )

    def __repr__(self) -> str:
        return f"Linear({self.in_features} → {self.out_features}{'' if 'bias' in self.params else ', no bias'})"


def _rows_times(a: Array, w: Array) -> Array:
    """``a @ w`` for a: (N, D) or (K, N, D), as one product: K small ones would be slower."""
    return (a.reshape(-1, a.shape[-1]) @ w).reshape(*a.shape[:-1], w.shape[1])
