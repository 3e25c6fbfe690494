"""The wall of wrong gradients: sparsity and contraction as people have published and copied
them."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.activations import SigmoidLayer
from tinyae.known_bugs.base import bug, rows, with_bug


def codes(rng, n=6, k=5):
    return rng.uniform(0.1, 0.9, (n, k))


@bug("z", "slope missing")
def l1_without_sign(rng):
    """dz = 1 / N also where z is negative."""

    def l1(z):
        return np.abs(z).sum() / len(z), np.ones_like(z) / len(z)

    return l1, (rows(rng),)


@bug("z", "factor")
def kl_forgets_batch(rng):
    """KL on the batch mean, its gradient without the 1/N of that mean."""

    def kl(z, rho=0.1):
        r = z.mean(axis=0)
        value = (rho * np.log(rho / r) + (1 - rho) * np.log((1 - rho) / (1 - r))).sum()
        return value, np.broadcast_to((1 - rho) / (1 - r) - rho / r, z.shape).copy()

    return kl, (codes(rng),)


@bug("z", "unknown", published=True)
def kl_per_element(rng):
    """The gradient is that of KL taken element by element, the value that of the batch mean."""

    def kl(z, rho=0.1):
        r = z.mean(axis=0)
        value = (rho * np.log(rho / r) + (1 - rho) * np.log((1 - rho) / (1 - r))).sum()
        return value, ((1 - rho) / (1 - z) - rho / z) / len(z)

    return kl, (codes(rng),)


@bug("z", "unknown", published=True)
def kl_misplaced_brackets(rng):
    """−ρ/(ρ̂ + (1 − ρ))/(1 − ρ̂) for −ρ/ρ̂ + (1 − ρ)/(1 − ρ̂)."""

    def kl(z, rho=0.1):
        r = z.mean(axis=0)
        value = (rho * np.log(rho / r) + (1 - rho) * np.log((1 - rho) / (1 - r))).sum()
        return value, np.broadcast_to(-rho / (r + (1 - rho)) / (1 - r) / len(z), z.shape).copy()

    return kl, (codes(rng),)


def contraction(x, w, b):
    """Ω = Σ_n Σ_j (h_j (1 − h_j))² Σ_i W_ji² / N of one sigmoid layer (Rifai et al. 2011), and what
    its gradient needs."""
    h = 1 / (1 + np.exp(-(x @ w.T + b)))
    s = h * (1 - h)
    norms = (w * w).sum(axis=1)
    return h, s, norms, ((s * s) @ norms).sum() / len(x)


def contraction_gradients(x, w, h, s, norms):
    da = 2 * s * s * (1 - 2 * h) * norms / len(x)
    return da @ w, da.T @ x + 2 * (s * s).sum(axis=0)[:, None] * w / len(x), da.sum(axis=0)


def as_pair(value_and_gradients):
    """A function (x, w, b) -> value, (dx, dw, db) as a pair of plain functions."""

    def f(x, w, b):
        return value_and_gradients(x, w, b)

    def f_backward(dout, gradients):
        return tuple(dout * g for g in gradients)

    return f, f_backward


def encoder(rng):
    return rows(rng), rng.standard_normal((4, 5)), rng.standard_normal(4)


@bug("w", "factor", published=True)
def contraction_half(rng):
    """ynd/cae.py: the penalty's gradient is half of that of its own value, so λ is silently
    halved."""

    def penalty(x, w, b):
        h, s, norms, value = contraction(x, w, b)
        return value, tuple(g / 2 for g in contraction_gradients(x, w, h, s, norms))

    return as_pair(penalty), encoder(rng)


@bug("w", "flat", published=True)
def contraction_floor_division(rng):
    """DeepLearningTutorials cA.py, line 211: T.sum(J ** 2) // n has no gradient."""

    def penalty(x, w, b):
        h, s, norms, value = contraction(x, w, b)
        return value * len(x) // len(x), contraction_gradients(x, w, h, s, norms)

    return as_pair(penalty), encoder(rng)


@bug("w", "zero", published=True)
def contraction_no_gradient(rng):
    """The other side of that: an autograd returns zeros for what floor division touched."""

    def penalty(x, w, b):
        return contraction(x, w, b)[-1], (np.zeros_like(x), np.zeros_like(w), np.zeros_like(b))

    return as_pair(penalty), encoder(rng)


@bug("w", "missing path", published=True)
def contraction_frozen_weights(rng):
    """A much-copied blog post: Σ W² comes from a frozen copy of the weights, so its share of dW is
    missing."""

    def penalty(x, w, b):
        h, s, norms, value = contraction(x, w, b)
        da = 2 * s * s * (1 - 2 * h) * norms / len(x)
        return value, (da @ w, da.T @ x, da.sum(axis=0))

    return as_pair(penalty), encoder(rng)


@bug("w", "unknown", published=True)
def contraction_sigmoid_formula_on_relu(rng):
    """A much-copied PyTorch model: the sigmoid's h (1 − h) on a ReLU encoder."""

    def penalty(x, w, b):
        a = x @ w.T + b
        h = np.maximum(a, 0)
        value = ((h > 0) @ (w * w).sum(axis=1)).sum() / len(x)
        s, norms = h * (1 - h), (w * w).sum(axis=1)
        da = 2 * s * (1 - 2 * h) * (h > 0) * norms / len(x)
        return value, (
            da @ w,
            da.T @ x + 2 * (s * s).sum(axis=0)[:, None] * w / len(x),
            da.sum(axis=0),
        )

    return as_pair(penalty), encoder(rng)


@bug("w", "unknown", published=True)
def contraction_square_of_sum(rng):
    """The gradient of (Σ h')² for that of Σ h'²: the sum over the batch is inside the square."""

    def penalty(x, w, b):
        h, s, norms, value = contraction(x, w, b)
        da = 2 * s.sum(axis=0) * s * (1 - 2 * h) * norms / len(x)
        return value, (
            da @ w,
            da.T @ x + 2 * (s.sum(axis=0) ** 2)[:, None] * w / len(x),
            da.sum(axis=0),
        )

    return as_pair(penalty), encoder(rng)


@bug("w", "unknown", published=True)
def contraction_weights_summed_first(rng):
    """pylearn2 #90: the gradient of (Σ W)² for that of Σ W², the weights are summed, then
    squared."""

    def penalty(x, w, b):
        h, s, _, value = contraction(x, w, b)
        sums = w.sum(axis=1)
        da = 2 * s * s * (1 - 2 * h) * sums**2 / len(x)
        direct = 2 * (s * s).sum(axis=0)[:, None] * sums[:, None] / len(x)
        return value, (da @ w, da.T @ x + direct, da.sum(axis=0))

    return as_pair(penalty), encoder(rng)


@bug("bias", "factor", published=True)
def denoising_bias_mean(rng):
    """yusugomori dA.py: the weight's step is a batch sum, the bias's a batch mean, N times
    apart."""
    return with_bug(SigmoidLayer(5, 4, rng=rng), bias=lambda g, dy, *_: g / len(dy)), (rows(rng),)
