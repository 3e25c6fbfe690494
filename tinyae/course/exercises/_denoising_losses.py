"""The losses of exercise 13, and those that mistakes lead to.

The model is ``x̂ = tanh(x W1ᵀ + b1) W2ᵀ + b2``.
"""

from typing import NamedTuple

import numpy as np

from tinyae.backend import Array
from tinyae.course.values import Seed

SETTINGS = {"denoising": (0.5,), "emphasized": (0.4, 1.5, 0.25)}  # sigma; nu, alpha, beta

Params = tuple[Array, Array, Array, Array]


class Loss(NamedTuple):
    """``Σ weights · (g(f(seen)) − target)² / (N D)``"""

    seen: Array
    target: Array
    weights: Array | float = 1.0

    def value(self, params: Params) -> Array:
        W1, b1, W2, b2 = params
        x_hat = np.tanh(self.seen @ W1.T + b1) @ W2.T + b2
        return (self.weights * (x_hat - self.target) ** 2).mean()

    def gradients(self, params: Params, cached: Array | None = None) -> list[Array]:
        """dW1, db1, dW2, db2; ``cached`` takes the place of ``seen`` in dW1."""
        W1, b1, W2, b2 = params
        h = np.tanh(self.seen @ W1.T + b1)
        dy = 2 * self.weights * (h @ W2.T + b2 - self.target) / self.target.size
        da = (dy @ W2) * (1 - h * h)
        return [
            da.T @ (self.seen if cached is None else cached),
            da.sum(axis=0),
            dy.T @ h,
            dy.sum(axis=0),
        ]


Losses = list[tuple[str, Loss]]  # (what the mistake is, the loss that it leads to)


def denoising(x: Array, seed: Seed) -> tuple[Loss, Losses]:
    """The reference, and the losses that mistakes lead to."""
    (sigma,) = SETTINGS["denoising"]
    noise, second = np.random.default_rng(seed.value).standard_normal((2, *x.shape))
    uniform = np.random.default_rng(seed.value).random(x.shape)
    noisy = x + sigma * noise
    seen = np.clip(noisy, 0, 1)

    def clipped(noise: Array) -> Loss:
        return Loss(np.clip(x + noise, 0, 1), x)

    one_side = "the noisy images are clipped on one side only"
    a_sum = "it is the sum over the pixels, expected the mean"
    is_uniform = "the noise is uniform, expected normal"
    return Loss(seen, x), [
        ("x̂ is compared with the noisy images, expected with the clean ones", Loss(seen, seen)),
        ("the noisy images are not clipped to [0, 1]", Loss(noisy, x)),
        (one_side, Loss(np.maximum(noisy, 0), x)),
        (one_side, Loss(np.minimum(noisy, 1), x)),
        ("the noise was clipped before it was added", Loss(x + np.clip(noisy - x, 0, 1), x)),
        ("the model gets the clean images", Loss(x, x)),
        ("the model gets only the noise", Loss(np.clip(noisy - x, 0, 1), x)),
        ("sigma is the standard deviation, not the variance", clipped(np.sqrt(sigma) * noise)),
        ("the noise has the standard deviation sigma², expected sigma", clipped(sigma**2 * noise)),
        ("sigma is not used", clipped(noise)),
        (is_uniform, clipped(sigma * uniform)),
        (is_uniform, clipped(sigma * (uniform - 0.5))),
        (is_uniform, clipped(sigma * (2 * uniform - 1))),
        ("the noise was drawn twice", clipped(sigma * second)),
        ("the images are multiplied by the noise", clipped(sigma * x * noise)),
        (a_sum, Loss(seen, x, x.shape[1])),
        (a_sum, Loss(seen, x, x.size)),
        ("the factor ½ is not in this loss", Loss(seen, x, 0.5)),
    ]


def emphasized(x: Array, seed: Seed) -> tuple[Loss, Losses]:
    """The reference, and the losses that mistakes lead to."""
    nu, alpha, beta = SETTINGS["emphasized"]
    masked = np.random.default_rng(seed.value).random(x.shape) < nu
    seen, other = np.where(masked, 0, x), np.where(masked, x, 0)
    weights, swapped = np.where(masked, alpha, beta), np.where(masked, beta, alpha)
    own_means = np.where(masked, alpha / masked.mean(), beta / (1 - masked.mean()))
    wrong_pixels = "the pixels that are not masked were set to 0"
    target = "x̂ is compared with the damaged images, expected with the clean ones"
    a_sum = "it is the sum over the pixels, expected the mean"
    each = "each of the sums is divided by its own number of pixels, expected by N·D"
    by_weights = "it is divided by the sum of the weights, expected by N·D"
    return Loss(seen, x, weights), [
        ("alpha and beta are exchanged", Loss(seen, x, swapped)),
        (wrong_pixels, Loss(other, x, swapped)),
        (wrong_pixels, Loss(other, x, weights)),
        ("nothing was set to 0", Loss(x, x, weights)),
        ("all pixels have the same weight", Loss(seen, x)),
        (target, Loss(seen, seen, weights)),
        ("only the masked pixels are counted", Loss(seen, x, alpha * masked)),
        (each, Loss(seen, x, own_means)),
        (by_weights, Loss(seen, x, weights / weights.mean())),
        ("alpha and beta are squared", Loss(seen, x, weights**2)),
        (a_sum, Loss(seen, x, weights * x.shape[1])),
        (a_sum, Loss(seen, x, weights * x.size)),
    ]


def denoising_mistakes(x: Array, seed: Seed, loss: Loss, params: Params) -> dict[str, list[Array]]:
    """The gradients that mistakes lead to."""
    (sigma,) = SETTINGS["denoising"]
    noise, second = np.random.default_rng(seed.value).standard_normal((2, *x.shape))
    fresh = np.clip(x + sigma * second, 0, 1)
    return {
        "backward sees the clean images: dW₁ needs the noisy ones": loss.gradients(params, x),
        "it belongs to the clean images as input": loss._replace(seen=x).gradients(params),
        "it belongs to the noisy images as target": (
            loss._replace(target=loss.seen).gradients(params)
        ),
        "the noise was drawn a second time for the gradients": (
            loss._replace(seen=fresh).gradients(params)
        ),
        "the noise was drawn a second time for dW₁": loss.gradients(params, fresh),
        "backward sees the images before they are clipped": (
            loss.gradients(params, x + sigma * noise)
        ),
    }


def emphasized_mistakes(x: Array, seed: Seed, loss: Loss, params: Params) -> dict[str, list[Array]]:
    return {
        "alpha and beta are missing": loss._replace(weights=1.0).gradients(params),
        "alpha and beta are exchanged": (
            loss._replace(weights=sum(SETTINGS["emphasized"][1:]) - loss.weights).gradients(params)
        ),
        "alpha and beta are squared": loss._replace(weights=loss.weights**2).gradients(params),
        "backward sees the clean images: dW₁ needs the damaged ones": loss.gradients(params, x),
    }
