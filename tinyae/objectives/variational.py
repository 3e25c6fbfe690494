"""The objective of the variational autoencoder (Kingma & Welling 2014).

The encoder gives 2K values per example, K means μ and K log-variances: the latent code is random, z
~ N(μ, e^logvar), and its prior is N(0, 1). The loss is the negative evidence lower bound (ELBO,
their equation 3). Per example it is

    reconstruction(decode(z), x) + β · KL(N(μ, e^logvar) ‖ N(0, 1)),   z = μ + e^{logvar/2} ε,   ε ~
    N(0, 1)

Two parts are new: ``reparameterize`` with its backward pass, and ``gaussian_kl``, which has the
form of a penalty on the code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyae._validate import as_rng, check_array, check_function, check_shape, check_weight
from tinyae.backend import Array, scalar, standard_normal
from tinyae.data.batches import Data
from tinyae.layers.base import Layer
from tinyae.layers.vae import VAE, split_mean_logvar
from tinyae.losses import Loss, bce
from tinyae.objectives.base import BaseObjective, ObjectiveResult
from tinyae.objectives.reconstruction import check_reconstruction


def reparameterize(code: Array, noise: Array) -> tuple[Array, Array]:
    """``z = μ + s``, ``s = e^{logvar/2} ε``: a sample from N(μ, e^logvar) that can be
    differentiated with respect to μ and logvar, because all randomness is in the input ε. Kingma &
    Welling 2014, section 2.4.

    Args:
        code: (N, 2K), μ and logvar side by side.
        noise: ε, (N, K).

    Returns:
        ``z, s``, both (N, K). s is what ``reparameterize_backward`` remembers.

    Raises:
        TypeError: the code or the noise is not an array.
        ValueError: the code is not (N, 2K), or the noise is not (N, K).

    Example:
        >>> from tinyae.objectives.variational import reparameterize
        >>> code = np.array([[1.0, 2.0, 0.0, 0.0]])  # μ = (1, 2), σ = (1, 1)
        >>> reparameterize(code, noise=np.array([[0.5, -0.5]]))[0]
        array([[1.5, 1.5]])
    """
    mean, logvar = split_mean_logvar(code)
    check_array("reparameterize", "noise", noise)
    if noise.shape != mean.shape:
        raise ValueError(
            f"reparameterize: noise has shape {noise.shape}, expected {mean.shape}, "
            "one value per mean"
        )
    s = np.exp(logvar / 2) * noise
    return mean + s, s


def reparameterize_backward(dz: Array, s: Array) -> Array:
    """dcode (N, 2K): ``dμ = dz``, ``dlogvar = dz · s / 2``, since ∂s/∂logvar = s/2.

    Raises:
        TypeError: dz or s is not an array.
        ValueError: they differ in shape.

    Example:
        >>> from tinyae.objectives.variational import reparameterize_backward
        >>> reparameterize_backward(dz=np.array([[1.0, 1.0]]), s=np.array([[0.5, -0.5]]))
        array([[ 1.  ,  1.  ,  0.25, -0.25]])
    """
    check_shape("reparameterize_backward", "dz", dz, s)
    return np.concatenate([dz, dz * s / 2], axis=1)


def gaussian_kl(code: Array) -> tuple[Any, Array]:
    """``KL(N(μ, e^logvar) ‖ N(0, 1))``, summed over the K latent dimensions, mean over the batch.
    Range [0, ∞), and 0 at μ = logvar = 0.

        ``value = −½ Σ (1 + logvar − μ² − e^logvar) / N``,   ``dμ = μ / N``,   ``dlogvar = (e^logvar
        − 1) / 2N``

    Kingma & Welling 2014, appendix B. ``code`` is (N, 2K) as the encoder gives it; returns ``value,
    dcode``.

    Raises:
        ValueError: the code is not (N, 2K).

    Example:
        >>> from tinyae.objectives import gaussian_kl
        >>> value, dcode = gaussian_kl(np.array([[1.0, 0.0]]))  # μ = 1, logvar = 0
        >>> value, dcode
        (0.5, array([[1., 0.]]))
    """
    mean, logvar = split_mean_logvar(code)
    variance, n = np.exp(logvar), len(code)
    value = -0.5 * (1 + logvar - mean * mean - variance).sum() / n
    return scalar(value), np.concatenate([mean, (variance - 1) / 2], axis=1) / n


@dataclass(frozen=True)
class Variational(BaseObjective):
    """The objective of a VAE: ``D · reconstruction(decode(z), x) + β · KL``, mean over the batch,
    with D values per example.

    With ``bce`` and β = 1 it is the negative ELBO in nats: a bound on −log p(x) for pixels that are
    probabilities. Another β gives the KL another weight (Higgins et al. 2017), and then it is no
    longer a bound. Each call draws a new ε for each example from ``rng``.

    Args:
        beta: β, non-negative.
        reconstruction: a loss that is a mean over all elements, as ``bce`` and ``mse`` are. It is
            multiplied by D.

    Raises:
        ValueError: β is negative.
        TypeError: in a call, the model is not a VAE.

    Example:
        >>> model, x = models.vae(rng=0), data.strokes(50, 10).train.flat
        >>> loss, grads, terms = Variational(beta=4)(model, x, np.random.default_rng(0))
        >>> list(terms)
        ['reconstruction', 'kl']
    """

    beta: float = 1.0
    reconstruction: Loss = bce

    def __post_init__(self) -> None:
        check_weight("Variational", "beta", self.beta)
        check_function("Variational", "reconstruction", self.reconstruction, "bce or mse")

    def check(self, model: Layer, data: Data) -> None:
        """Refuse, before anything is changed, a model or data that do not fit."""
        _check_model(model)
        check_reconstruction("Variational", model, data, self.reconstruction)

    def __call__(self, model: VAE, x: Array, rng: Any = None) -> ObjectiveResult:
        """``loss, grads, terms`` for the batch ``x``: (N, ...)."""
        _check_model(model)
        check_array("Variational", "x", x)
        rng = as_rng("Variational", rng)
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

        terms = {"reconstruction": pixels * value, "kl": kl}
        grads = model.named({"encoder": encoder_grads, "decoder": decoder_grads})
        return terms["reconstruction"] + self.beta * kl, grads, terms


def _check_model(model: Any) -> None:
    if not isinstance(model, VAE):
        raise TypeError(
            f"Variational: the model is of type {type(model).__name__}, expected a VAE, as "
            "models.vae() makes it"
        )
