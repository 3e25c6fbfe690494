"""The model of the variational autoencoder (Kingma & Welling 2014): the encoder outputs a mean and
a log-variance for each latent dimension. Its objective is in ``tinyae.objectives.variational``."""

from __future__ import annotations

import numpy as np

from tinyae._validate import as_rng, check_array, check_int, check_shape
from tinyae.backend import Array, Rng, standard_normal
from tinyae.layers.base import Gradients, Layer, LinearMap
from tinyae.layers.containers import EncoderDecoder, indented


def split_mean_logvar(code: Array) -> tuple[Array, Array]:
    """The encoder's output (N, 2K) -> μ, logvar, each (N, K): views, not copies.

    Raises:
        ValueError: ``code`` is not (N, 2K).

    Example:
        >>> from tinyae.layers.vae import split_mean_logvar
        >>> mean, logvar = split_mean_logvar(np.arange(8.0).reshape(2, 4))
        >>> mean, logvar
        (array([[0., 1.],
               [4., 5.]]), array([[2., 3.],
               [6., 7.]]))
    """
    check_array("VAE", "code", code)
    if code.ndim != 2 or code.shape[1] % 2:
        raise ValueError(
            f"VAE: the encoder gives an array of shape {code.shape}, expected (N, 2K): "
            "K means, then K log-variances"
        )
    k = code.shape[1] // 2
    return code[:, :k], code[:, k:]


class PosteriorMean(LinearMap):
    """(N, 2K) -> (N, K): of means and log-variances, the means. Linear: the gradient with respect
    to the means is dy, with respect to the log-variances 0.

    Raises:
        ValueError: in a call, x is not (N, 2K).
    """

    def __init__(self, code: int) -> None:
        self.code = code

    def forward(self, x: Array) -> tuple[Array, int]:
        mean, _ = split_mean_logvar(x)
        if mean.shape[1] != self.code:
            raise ValueError(
                f"VAE with a {self.code}-dimensional code: its encoder gives {x.shape[1]} values "
                f"per example, expected {2 * self.code}: {self.code} means, "
                f"then {self.code} log-variances"
            )
        return mean, len(x)

    def backward(self, dy: Array, n: int) -> tuple[Array, Gradients]:
        return self.vjp(dy, n), {}

    def jvp(self, dx: Array, n: int) -> Array:
        check_shape(self, "dx", dx, (*np.shape(dx)[:-1], 2 * self.code))
        return dx[..., : self.code]

    def vjp(self, dy: Array, n: int) -> Array:
        check_shape(self, "dy", dy, (*np.shape(dy)[:-1], self.code))
        return np.concatenate([dy, np.zeros_like(dy)], axis=-1)

    def output_shape(self, n: int) -> tuple[int, int]:
        return n, self.code

    def __repr__(self) -> str:
        return f"PosteriorMean({2 * self.code} → {self.code})"


class VAE(EncoderDecoder):
    """An encoder that outputs (N, 2K), K means and K log-variances, and a decoder that takes (N,
    K).

    As a layer, and in ``encode``, it uses the mean: ``model(x) = decode(μ(x))`` is deterministic.
    Only training and ``sample`` draw random codes. Keys as in Autoencoder,
    ``"encoder.0.weight"``, ...

    Args:
        encoder: (N, ...) -> (N, 2K).
        decoder: (N, K) -> (N, ...). It ends in Sigmoid if the loss is ``bce``.
        code: K, at least 1.

    Raises:
        ValueError: K is below 1.
        ValueError: in a call, the encoder does not output 2K values per example.

    Example:
        >>> model = models.vae(rng=0)
        >>> mean, sigma = model.posterior(np.zeros((5, 784), np.float32))
        >>> mean.shape, sigma.shape
        ((5, 20), (5, 20))
        >>> model.sample(3, rng=0).shape
        (3, 784)
    """

    def __init__(self, encoder: Layer, decoder: Layer, code: int) -> None:
        check_int("VAE", "code", code, expected="at least 1 dimension")
        super().__init__({"encoder": encoder, "mean": PosteriorMean(code), "decoder": decoder})
        self.code = code

    def encode(self, x: Array) -> Array:
        """The means of the examples' codes, (N, K)."""
        return self.named_layers["mean"](self.encoder(x))

    def posterior(self, x: Array) -> tuple[Array, Array]:
        """``μ, σ`` of each example's code, both (N, K)."""
        mean, logvar = split_mean_logvar(self.encoder(x))
        return mean, np.exp(logvar / 2)

    def sample(self, n: int, rng: Rng = None) -> Array:
        """``n`` new examples: decoded samples of the prior N(0, 1).

        Raises:
            TypeError: n is not a number, or ``rng`` is neither a seed nor a generator.
            ValueError: n is below 1.
        """
        check_int("sample", "n", n, expected="at least 1")
        like = next(iter(self.decoder.params.values()))
        return self.decode(standard_normal((n, self.code), like, as_rng("sample", rng)))

    def __repr__(self) -> str:
        encoder, decoder = indented(self.encoder), indented(self.decoder)
        return f"VAE(\n  encoder: {encoder}\n  code: {self.code}\n  decoder: {decoder}\n)"
