"""Tied weights: a decoder that uses the encoder's own weight matrix, transposed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Self

import numpy as np

from tinyae._validate import check_array, check_flag, check_shape
from tinyae.backend import Array
from tinyae.layers.base import Gradients, Layer, LinearMap
from tinyae.layers.containers import Autoencoder, leaves
from tinyae.layers.linear import Linear


class TransposedLinear(LinearMap):
    """``y = z W + c``: the way back through a Linear layer, with that layer's own array W (out,
    in).
    z: (N, out) -> y: (N, in).

    Given dy, ``dz = dy Wᵀ``, ``dW = zᵀ dy``, ``dc = Σ_n dy_n``. The Linear layer has a gradient
    with respect to W too: ``TiedAutoencoder`` adds the two. c starts at 0.

    Raises:
        TypeError: not a Linear layer.
        ValueError: in a call, the input does not have the shape (N, out).

    Example:
        >>> from tinyae.layers import TransposedLinear
        >>> linear = Linear(4, 2)
        >>> back = TransposedLinear(linear)
        >>> back(linear(np.ones((3, 4)))).shape, back.params["weight"] is linear.params["weight"]
        ((3, 4), True)
    """

    def __init__(self, linear: Linear, bias: bool = True) -> None:
        if not isinstance(linear, Linear):
            raise TypeError(
                "TransposedLinear: expected the Linear layer whose weights it shares, "
                f"got {linear!r}"
            )
        check_flag("TransposedLinear", "bias", bias)
        w = linear.params["weight"]
        self.params = {"weight": w}
        if bias:
            self.params["bias"] = np.zeros_like(w, shape=w.shape[1:])

    def forward(self, z: Array) -> tuple[Array, Array]:
        self._check(z)
        w = self.params["weight"]
        y = z @ w  # (N, out) (out, in) -> (N, in)
        return self.add_bias(y), z

    def backward(self, dy: Array, z: Array) -> tuple[Array, Gradients]:
        return self.vjp(dy, z), self.parameter_gradients(dy, z)

    def weight_gradient(self, dy: Array, z: Array) -> Array:
        return z.T @ dy  # (out, N) (N, in) -> (out, in)

    def vjp(self, dy: Array, z: Array) -> Array:
        check_shape(self, "dy", dy, self.output_shape(z), probes=True)
        w = self.params["weight"]
        return dy @ w.T  # dz: (N, in) (in, out) -> (N, out)

    def jvp(self, dz: Array, z: Array) -> Array:
        check_shape(self, "dz", dz, z, probes=True)
        w = self.params["weight"]
        return dz @ w

    def output_shape(self, z: Array) -> tuple[int, int]:
        self._check(z)
        return len(z), self.params["weight"].shape[1]

    def _check(self, z: Array) -> None:
        check_array(self, "input", z)
        code = len(self.params["weight"])
        if z.ndim != 2 or z.shape[1] != code:
            raise ValueError(f"{self!r}: input has shape {z.shape}, expected (N, {code})")

    def __repr__(self) -> str:
        code, features = self.params["weight"].shape
        no_bias = "" if "bias" in self.params else ", no bias"
        return f"TransposedLinear({code} → {features}{no_bias})"


class TiedAutoencoder(Autoencoder):
    """An autoencoder whose decoder uses arrays of its encoder. Each shared array is one parameter.
    It has the encoder's name for it, and its gradient is the sum of both gradients: d/dW of L(W, W)
    is ∂L/∂(first W) + ∂L/∂(second W).

    Raises:
        ValueError: encoder and decoder share no array.

    Example:
        >>> from tinyae.layers import TiedAutoencoder, TransposedLinear
        >>> linear = Linear(4, 2)
        >>> model = TiedAutoencoder(linear, TransposedLinear(linear))
        >>> list(model.params)  # one weight matrix, two biases
        ['encoder.weight', 'encoder.bias', 'decoder.bias']
    """

    def __init__(self, encoder: Layer, decoder: Layer) -> None:
        super().__init__(encoder, decoder)
        named = super().params
        first = {id(array): key for key, array in reversed(named.items())}
        # the other name of a shared array -> its first name
        self.ties = {key: first[id(a)] for key, a in named.items() if first[id(a)] != key}
        if not self.ties:
            raise ValueError(
                "TiedAutoencoder: encoder and decoder share no weights: "
                "use TransposedLinear(linear) with a Linear layer of the encoder"
            )

    @property
    def params(self) -> dict[str, Array]:  # type: ignore[override]  # computed: read-only
        return {key: a for key, a in super().params.items() if key not in self.ties}

    def merged(self, grads: Gradients) -> Gradients:
        merged = {key: g for key, g in grads.items() if key not in self.ties}
        for key, first in self.ties.items():
            if key in grads:
                merged[first] = merged[first] + grads[key] if first in merged else grads[key]
        return merged

    def spread(self, dparams: Mapping[str, Array]) -> Mapping[str, Array]:
        return {**dparams, **{key: dparams[first] for key, first in self.ties.items()}}

    def map_params(self, f: Callable[[Array], Array]) -> Self:
        new = super().map_params(f)
        layers = dict(leaves(new))
        for key, first in self.ties.items():  # tie the arrays of the copy to each other
            (layer, _, name), (owner, _, owners_name) = key.rpartition("."), first.rpartition(".")
            layers[layer].params[name] = layers[owner].params[owners_name]
        return new

    def __repr__(self) -> str:
        return f"Tied{super().__repr__()}"
