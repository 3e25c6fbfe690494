"""Unseen homework, second set: losses."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.correct_base import softmax
from tinyae.known_bugs.homework_base import homework

PATH = r"path|term|branch|as a constant"


def rows(rng, n=6, d=5):
    return rng.normal(size=(n, d))


@homework("y", r"exp|slope|derivative|formula")
def poisson_exp_forgotten(rng):
    """Poisson loss eʸ − t y: the gradient is eʸ − t, I wrote y − t."""
    f = lambda y, t: ((np.exp(y) - t * y).sum(), y - t)  # noqa: E731
    return f, (rows(rng), rng.integers(0, 4, (6, 5)).astype(float))


@homework("logvar", r"sign")
def gaussian_likelihood_sign(rng):
    """½(log σ² + (y − t)²/σ²): the second part of d log σ² has the wrong sign."""

    def nll(y, logvar):
        return 0.5 * (logvar + y**2 * np.exp(-logvar)), (y, logvar)

    def back(d, cache):
        y, logvar = cache
        return d * y * np.exp(-logvar), 0.5 * d * (1 + y**2 * np.exp(-logvar))

    return (nll, back), (rows(rng), rows(rng))


@homework("z", r"batch size|1/6|mean|6 times|factor")
def sparsity_kl_batch_mean(rng):
    """KL sparsity of the batch mean: dz lacks 1/N."""

    def kl(z, rho=0.1):
        r = z.mean(axis=0)
        value = (rho * np.log(rho / r) + (1 - rho) * np.log((1 - rho) / (1 - r))).sum()
        return value, np.broadcast_to(-rho / r + (1 - rho) / (1 - r), z.shape).copy()

    return kl, (rng.uniform(0.1, 0.9, (6, 4)),)


@homework("n", r"sign")
def triplet_negative_sign(rng):
    """Triplet loss of three inputs: the negative's gradient has the wrong sign."""

    def triplet(a, p, n):
        return ((a - p) ** 2).sum(axis=1) - ((a - n) ** 2).sum(axis=1), (a, p, n)

    def back(d, cache):
        a, p, n = cache
        d = 2 * d[:, None]
        return d * (n - p), d * (p - a), d * (n - a)

    return (triplet, back), (rows(rng), rows(rng), rows(rng))


@homework("z", PATH, r"transpos|columns|symmetr")
def similarity_loss_columns(rng):
    """A loss of the similarities z zᵀ: dz lacks the part in which z is the other factor."""

    def loss(z):
        s = z @ z.T
        return (s**3).sum(), 3 * s**2 @ z

    return loss, (0.5 * rows(rng, 5, 3),)


@homework("x", PATH, r"transpos")
def quadratic_form_half(rng):
    """xᵀ A x row by row: dx = A x, it must be (A + Aᵀ) x."""

    def form(x, a):
        return ((x @ a) * x).sum(axis=1), (x, a)

    def back(dy, cache):
        x, a = cache
        d = dy[:, None]
        return d * (x @ a), np.einsum("n,ni,nj->ij", dy, x, x)

    return (form, back), (rows(rng), rng.normal(size=(5, 5)))


@homework("y", r"\bnorm\b|std|as a constant|path|deviation|statistic")
def loss_normalized_by_batch(rng):
    """A squared error divided by the batch's standard deviation, which was taken as a constant."""

    def loss(y, t):
        s = y.std()
        return ((y - t) ** 2).mean() / s, 2 * (y - t) / s / y.size

    return loss, (rows(rng), rows(rng))


@homework("z", r"sign|\babs\b|derivative|slope")
def elastic_net_sign(rng):
    """Σ|z| + ½Σz²: dz = 1 + z, the sign is missing."""
    return lambda z: (np.abs(z).sum() + 0.5 * (z**2).sum(), 1 + z), (rows(rng),)


@homework("g", r"temperature|factor|times|divi|\bscal")
def gumbel_softmax_temperature(rng):
    """Softmax of g/τ with τ = 0.5: backward forgets 1/τ."""

    def gumbel(g):
        return softmax(g / 0.5), softmax(g / 0.5)

    return (gumbel, lambda dy, y: y * (dy - (dy * y).sum(axis=1, keepdims=True))), (rows(rng),)


@homework("y", r"log|slope|derivative|factor|power")
def relative_error_power(rng):
    """Squared logarithmic error (log y − t)²: the gradient lacks 1/y."""
    f = lambda y, t: (((np.log(y) - t) ** 2).mean(), 2 * (np.log(y) - t) / y.size)  # noqa: E731
    return f, (rng.uniform(0.5, 2, (6, 5)), rows(rng))
