"""The variational autoencoder's model (Kingma & Welling 2014): the encoder gives a mean and a log-variance for each latent
dimension. Its objective is in ``tinyae.objectives.variational``."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyae.backend import Array, standard_normal
from tinyae.layers.base import Gradients, Layer
from tinyae.layers.containers import Autoencoder, Chain, indented


def split_mean_logvar(code: Array) -> tuple[Array, Array]:
    """The encoder's output (N, 2K) -> μ, logvar, each (N, K): views, no copies.

    Raises:
        ValueError: it is not (N, 2K).
    """
    if code.ndim != 2 or code.shape[1] % 2:
        raise ValueError(
            f"VAE: the encoder gives an array of shape {code.shape}, expected (N, 2K): K means, then K log-variances"
        )
    k = code.shape[1] // 2
    return code[:, :k], code[:, k:]


class PosteriorMean(Layer):
    """(N, 2K) -> (N, K): of means and log-variances, the means. Linear: ``dx`` is dy, and 0 for the log-variances."""

    def __init__(self, code: int) -> None:
        self.code = code

    def forward(self, x: Array) -> tuple[Array, int]:
        mean = split_mean_logvar(x)[0]
        if mean.shape[1] != self.code:
            raise ValueError(
                f"VAE with a code of {self.code} numbers: its encoder gives {x.shape[1]} numbers an example, "
                f"expected {2 * self.code}, that many means and as many log-variances"
            )
        return mean, len(x)

    def backward(self, dy: Array, n: int) -> tuple[Array, Gradients]:
        return self.vjp(dy, n), {}

    def jvp(self, dx: Array, n: int) -> Array:
        return dx[..., : self.code]

    def vjp(self, dy: Array, n: int) -> Array:
        return np.concatenate([dy, np.zeros_like(dy)], axis=-1)

    def double_backward(self, g: Array, dy: Array, n: int) -> tuple[Array, None, Gradients]:
        return self.jvp(g, n), None, {}

    def output_shape(self, n: int) -> tuple[int, int]:
        return n, self.code

    def __repr__(self) -> str:
        return f"PosteriorMean({2 * self.code} → {self.code})"


class VAE(Autoencoder):
    """An autoencoder whose encoder gives (N, 2K), K means and K log-variances, and whose decoder takes (N, K).

    As a layer, and in ``encode``, it uses the mean: ``model(x) = decode(μ(x))``, always the same. Only training and ``sample``
    draw. Keys as in Autoencoder, ``"encoder.0.weight"``, ...

    Args:
        encoder, decoder: the decoder ends in Sigmoid where the loss is ``bce``.
        code: K, at least 1.

    Raises:
        ValueError: K below 1; in use, an encoder that does not give 2K numbers.
    """

    def __init__(self, encoder: Layer, decoder: Layer, code: int) -> None:
        if code < 1:
            raise ValueError(f"VAE: code is {code}, expected at least 1 number")
        Chain.__init__(self, {"encoder": encoder, "mean": PosteriorMean(code), "decoder": decoder})

    @property
    def code(self) -> int:
        return self.named_layers["mean"].code

    def encode(self, x: Array) -> Array:
        """The means of the examples' codes, (N, K)."""
        return self.named_layers["mean"](self.encoder(x))

    def posterior(self, x: Array) -> tuple[Array, Array]:
        """``μ, σ`` of each example's code, both (N, K)."""
        mean, logvar = split_mean_logvar(self.encoder(x))
        return mean, np.exp(logvar / 2)

    def sample(self, n: int, rng: Any = None) -> Array:
        """``n`` new examples: decoded draws from the prior N(0, 1).

        Raises:
            ValueError: n below 1.
        """
        if n < 1:
            raise ValueError(f"sample: n is {n}, expected at least 1")
        like = next(iter(self.decoder.params.values()))
        return self.decode(standard_normal((n, self.code), like, rng))

    def __repr__(self) -> str:
        return f"VAE(\n  encoder: {indented(self.encoder)}\n  code: {self.code}\n  decoder: {indented(self.decoder)}\n)"
