"""Correct losses, penalties, pairs and nets that look suspicious; see ``correct``."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.base import dense, rows
from tinyae.known_bugs.correct import correct_example
from tinyae.known_bugs.published import as_pair, codes, contraction, contraction_gradients, encoder
from tinyae.layers import Layer, ReLU, Sequential, Sigmoid
from tinyae.losses import bce, bce_with_logits, cross_entropy, mse


@correct_example
def large_tensor(rng):
    """A layer large enough to be sampled."""
    return Sequential(dense(rng, 200, 50), ReLU()), (rows(rng, 8, 200),)


@correct_example
def mse_loss(rng):
    """Mean squared error."""
    return mse, (rows(rng), rows(rng))


@correct_example
def mse_at_minimum(rng):
    """Mean squared error where it is 0: all slopes are 0, only the curvature is not."""
    y = rows(rng)
    return mse, (y, y.copy())


@correct_example
def mse_near_minimum(rng):
    """Mean squared error 1e-9 from its minimum."""
    y = rows(rng)
    return mse, (y, y + 1e-9 * rows(rng))


@correct_example
def mse_float32(rng):
    """Mean squared error of float32 arrays."""
    return mse, (rows(rng).astype(np.float32), rows(rng).astype(np.float32))


@correct_example
def mse_large(rng):
    """Mean squared error over 20,000 values: gradients of 1e-5 to 1e-9."""
    return mse, (rows(rng, 20, 1000), rows(rng, 20, 1000))


@correct_example
def bce_loss(rng):
    """Binary cross-entropy, probabilities down to 1e-4."""
    return bce, (1 / (1 + np.exp(-4 * rows(rng))), (rng.random((6, 5)) > 0.5).astype(float))


@correct_example
def bce_near_edge(rng):
    """Binary cross-entropy of probabilities within 1e-6 of 0 and 1: a step leaves the domain."""
    p = rng.uniform(0.2, 0.8, (6, 5))
    p[0, :2] = 1e-6, 1 - 1e-6
    return bce, (p, (rng.random((6, 5)) > 0.5).astype(float))


@correct_example
def bce_with_logits_loss(rng):
    """Binary cross-entropy of logits, with some that saturate."""
    return bce_with_logits, (20 * rows(rng), (rng.random((6, 5)) > 0.5).astype(float))


@correct_example
def bce_with_logits_zero(rng):
    """Binary cross-entropy at logits of exactly 0, where its formula has |a|, but no kink."""
    return bce_with_logits, (np.zeros((6, 5)), rng.random((6, 5)))


@correct_example
def cross_entropy_labels(rng):
    """Cross-entropy with integer labels."""
    return cross_entropy, (3 * rows(rng), rng.integers(0, 5, 6))


@correct_example
def l1_penalty(rng):
    """L1 with exact zeros."""

    def l1(z):
        return np.abs(z).sum() / len(z), np.sign(z) / len(z)

    z = rows(rng)
    z[0, :2] = 0
    return l1, (z,)


@correct_example
def norm_of_tiny(rng):
    """Norms of vectors of 1e-9: the usual step is a thousand times larger than they are."""

    def norm(z):
        n = np.sqrt((z * z).sum(axis=1))
        return n.sum(), z / n[:, None]

    return norm, (1e-9 * rows(rng),)


@correct_example
def batch_norm(rng):
    """Batch normalization of inputs around 1e6."""

    class BatchNorm(Layer):
        def forward(self, x):
            d = np.sqrt(x.var(axis=0) + 1e-5)
            y = (x - x.mean(axis=0)) / d
            return y, (y, d)

        def backward(self, dy, cache):
            y, d = cache
            return (dy - dy.mean(axis=0) - y * (dy * y).mean(axis=0)) / d, {}

    return BatchNorm(), (1e6 + rows(rng),)


@correct_example
def deep_relu(rng):
    """Six layers with ReLU, a hundred examples: many kinks close by."""
    layers = [layer for _ in range(5) for layer in (dense(rng, 5, 5), ReLU())]
    return Sequential(*layers, dense(rng, 5, 2)), (rows(rng, 100),)


@correct_example
def kl_penalty(rng):
    """KL divergence of the batch mean from ρ."""

    def kl(z, rho=0.1):
        r = z.mean(axis=0)
        value = (rho * np.log(rho / r) + (1 - rho) * np.log((1 - rho) / (1 - r))).sum()
        return value, np.broadcast_to(((1 - rho) / (1 - r) - rho / r) / len(z), z.shape).copy()

    return kl, (codes(rng),)


@correct_example
def contraction_pair(rng):
    """The contraction of one sigmoid layer, with its gradients."""

    def penalty(x, w, b):
        h, s, norms, value = contraction(x, w, b)
        return value, contraction_gradients(x, w, h, s, norms)

    return as_pair(penalty), encoder(rng)


@correct_example
def affine_pair(rng):
    """A course's pair of functions."""

    def affine(x, w, b):
        return x @ w + b, (x, w)

    def affine_backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout, dout.sum(axis=0)

    return (affine, affine_backward), (
        rows(rng),
        rng.standard_normal((5, 4)),
        rng.standard_normal(4),
    )


@correct_example
def autoencoder_objective(rng):
    """A denoising objective with a model: the noise comes from the generator that it is given."""

    def objective(model, x, rng):
        noisy = x + 0.1 * rng.standard_normal(x.shape)
        y, caches = model.forward(noisy)
        value, dy = mse(y, x)
        return value, model.backward(dy, caches)[1], {"mse": value}

    return objective, (Sequential(dense(rng, 5, 3), Sigmoid(), dense(rng, 3, 5)), rows(rng))
