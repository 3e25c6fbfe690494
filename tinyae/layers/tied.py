"""Tied weights: a decoder that uses the encoder's own matrix, transposed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np

from tinyae.backend import Array
from tinyae.layers.base import Gradients, Layer
from tinyae.layers.containers import Autoencoder, leaves
from tinyae.layers.linear import Linear


class TransposedLinear(Layer):
    """``y = z W + c``: the way back through a Linear layer's W (out, in), the very array. z: (N, out) -> y: (N, in).

    With dy given, ``dz = dy Wᵀ``, ``dW = zᵀ dy``, ``dc = Σ_n dy_n``. W also gets the Linear's own gradient: ``TiedAutoencoder``
    adds the two. c starts at 0.

    Raises:
        TypeError: not a Linear. ValueError: an input whose last axis has not the length of the Linear's output.
    """

    def __init__(self, linear: Linear, bias: bool = True) -> None:
        if not isinstance(linear, Linear):
            raise TypeError(
                f"TransposedLinear: expected the Linear layer whose weights it shares, got {linear!r}"
            )
        weight = linear.params["weight"]
        self.params = {"weight": weight}
        if bias:
            self.params["bias"] = np.zeros_like(weight, shape=weight.shape[1:])

    def forward(self, z: Array) -> tuple[Array, Array]:
        self._check(z)
        y = z @ self.params["weight"]  # (N, out) (out, in) -> (N, in)
        if "bias" in self.params:
            y += self.params["bias"]
        return y, z

    def backward(self, dy: Array, z: Array) -> tuple[Array, Gradients]:
        return self.vjp(dy, z), self.parameter_gradients(dy, z)

    def parameter_gradients(self, dy: Array, z: Array) -> Gradients:
        grads = {"weight": z.T @ dy}  # (out, N) (N, in) -> (out, in)
        if "bias" in self.params:
            grads["bias"] = dy.sum(axis=0)
        return grads

    def jvp(self, dz: Array, z: Array) -> Array:
        return dz @ self.params["weight"]

    def vjp(self, dy: Array, z: Array) -> Array:
        return dy @ self.params["weight"].T

    def double_backward(self, g: Array, dy: Array, z: Array) -> tuple[Array, None, Gradients]:
        # s = Σ g · (dy Wᵀ): linear in dy and W
        code, features = self.params["weight"].shape
        grads = {"weight": g.reshape(-1, code).T @ dy.reshape(-1, features)}
        if "bias" in self.params:
            grads["bias"] = np.zeros_like(self.params["bias"])
        return self.jvp(g, z), None, grads

    def output_shape(self, z: Array) -> tuple[int, int]:
        self._check(z)
        return len(z), self.params["weight"].shape[1]

    def _check(self, z: Array) -> None:
        code = len(self.params["weight"])
        if z.ndim != 2 or z.shape[1] != code:
            raise ValueError(f"{self!r}: input has shape {z.shape}, expected (N, {code})")

    def __repr__(self) -> str:
        code, features = self.params["weight"].shape
        return (
            f"TransposedLinear({code} → {features}{'' if 'bias' in self.params else ', no bias'})"
        )


class TiedAutoencoder(Autoencoder):
    """An autoencoder whose decoder uses arrays of its encoder: each is one parameter, under the encoder's name, with the sum of
    both gradients. (d/dW of L(W, W) is ∂L/∂(first W) + ∂L/∂(second W).)

    Raises:
        ValueError: encoder and decoder have no array in common.
    """

    def __init__(self, encoder: Layer, decoder: Layer) -> None:
        super().__init__(encoder, decoder)
        names = {
            id(array): key for key, array in reversed(super().params.items())
        }  # the first of each array's names
        self.ties = {
            key: names[id(a)] for key, a in super().params.items() if names[id(a)] != key
        }  # the other -> the first
        if not self.ties:
            raise ValueError(
                "TiedAutoencoder: encoder and decoder share no weights: TransposedLinear(linear) takes an encoder's layer"
            )

    @property
    def params(self) -> Gradients:
        return {key: a for key, a in super().params.items() if key not in self.ties}

    def merged(self, grads: Gradients) -> Gradients:
        merged = {key: g for key, g in grads.items() if key not in self.ties}
        for key, first in self.ties.items():
            if key in grads:
                merged[first] = merged[first] + grads[key] if first in merged else grads[key]
        return merged

    def map_params(self, f: Callable[[Array], Array]) -> Self:
        new = super().map_params(f)
        layers = dict(leaves(new))
        for (
            key,
            first,
        ) in self.ties.items():  # the copy's arrays are tied to each other, not to ours
            (layer, _, name), (owner, _, owners) = key.rpartition("."), first.rpartition(".")
            layers[layer].params[name] = layers[owner].params[owners]
        return new

    def __repr__(self) -> str:
        return f"Tied{super().__repr__()}"
