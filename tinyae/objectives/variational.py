"""The variational autoencoder (Kingma & Welling 2014): a code that is a small cloud, and a prior to draw new codes from.

The encoder gives 2K numbers an example, K means μ and K log-variances: z ~ N(μ, e^logvar), and the prior of z is N(0, 1).
To be minimised is the negative bound on the log-likelihood (their equation 3), an example's share of it being

    reconstruction(decode(z), x) + β · KL(N(μ, e^logvar) ‖ N(0, 1)),      z = μ + e^{logvar/2} ε,   ε ~ N(0, 1)

Its new parts are ``reparameterize`` with its backward, and ``gaussian_kl``, which has the form of a penalty on the code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyae._validate import check_function, check_weight
from tinyae.backend import Array, scalar, standard_normal
from tinyae.layers.base import Gradients
from tinyae.layers.vae import VAE, split_mean_logvar
from tinyae.losses import Loss, bce


def reparameterize(code: Array, noise: Array) -> tuple[Array, Array]:
    """``z = μ + s``, ``s = e^{logvar/2} ε``: a draw from N(μ, e^logvar) that can be differentiated by μ and logvar, because the
    chance is in ε and ε is an input. Kingma & Welling 2014, section 2.4.

    Args:
        code: (N, 2K), μ and logvar side by side. noise: ε, (N, K).

    Returns:
        ``z, s``, both (N, K). s is what ``reparameterize_backward`` remembers.

    Raises:
        ValueError: a code that is not (N, 2K), or a noise that is not (N, K).
    """
    mean, logvar = split_mean_logvar(code)
    if noise.shape != mean.shape:
        raise ValueError(
            f"reparameterize: noise has shape {noise.shape}, expected {mean.shape}, one number for each mean"
        )
    s = np.exp(logvar / 2) * noise
    return mean + s, s


def reparameterize_backward(dz: Array, s: Array) -> Array:
    """dcode (N, 2K): ``dμ = dz``, ``dlogvar = dz · s / 2``, since ∂s/∂logvar = s/2."""
    return np.concatenate([dz, dz * s / 2], axis=1)


def gaussian_kl(code: Array) -> tuple[Any, Array]:
    """``KL(N(μ, e^logvar) ‖ N(0, 1))``, summed over a code's K numbers, mean over the batch. Range [0, ∞), 0 at μ = logvar = 0.

        ``value = −½ Σ (1 + logvar − μ² − e^logvar) / N``,   ``dμ = μ / N``,   ``dlogvar = (e^logvar − 1) / 2N``

    Kingma & Welling 2014, appendix B. ``code`` is (N, 2K) as the encoder gives it; returns ``value, dcode``.

    Raises:
        ValueError: a code that is not (N, 2K).
    """
    mean, logvar = split_mean_logvar(code)
    variance, n = np.exp(logvar), len(code)
    value = -0.5 * (1 + logvar - mean * mean - variance).sum() / n
    return scalar(value), np.concatenate([mean, (variance - 1) / 2], axis=1) / n


@dataclass(frozen=True)
class Variational:
    """The objective of a VAE: ``D · reconstruction(decode(z), x) + β · KL``, the mean over the batch, D numbers an example.

    With ``bce`` and β = 1 it is the negative bound on log p(x) in nats, for pixels that are the probabilities of ink. Another β
    weighs the KL (Higgins et al. 2017), and it is a bound no more. Each call draws a fresh ε for each example from ``rng``.

    Args:
        beta: β, from 0 on.
        reconstruction: a loss that is a mean over all numbers, as ``bce`` and ``mse`` are; it is multiplied by D again.

    Raises:
        ValueError: a negative β. TypeError, in a call: a model that is no VAE.
    """

    beta: float = 1.0
    reconstruction: Loss = bce

    def __post_init__(self) -> None:
        check_weight("Variational", "beta", self.beta)
        check_function("Variational", "reconstruction", self.reconstruction, "bce or mse")

    def __call__(
        self, model: VAE, x: Array, rng: np.random.Generator | None = None
    ) -> tuple[Any, Gradients, dict[str, Any]]:
        """``loss, grads, parts`` for the batch ``x``: (N, ...)."""
        if not isinstance(model, VAE):
            raise TypeError(
                f"Variational: the model is of type {type(model).__name__}, expected a VAE, as models.vae() makes it"
            )
        code, encoder_caches = model.encoder.forward(x)
        noise = standard_normal((len(code), model.code), code, rng)
        z, s = reparameterize(code, noise)
        y, decoder_caches = model.decoder.forward(z)

        pixels = y.size // len(y)
        value, dy = self.reconstruction(y, x)
        kl, dcode = gaussian_kl(code)
        dz, decoder_grads = model.decoder.backward(pixels * dy, decoder_caches)
        dcode = self.beta * dcode + reparameterize_backward(dz, s)
        encoder_grads = model.encoder.parameter_gradients(dcode, encoder_caches)

        parts = {"reconstruction": pixels * value, "kl": kl}
        grads = model.named({"encoder": encoder_grads, "decoder": decoder_grads})
        return parts["reconstruction"] + self.beta * kl, grads, parts
