"""Unseen homework, first set: recurrent steps and activations."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.correct_activations import Elementwise
from tinyae.known_bugs.correct_base import sigmoid
from tinyae.known_bugs.homework_base import homework
from tinyae.layers import Layer

FACTOR = r"factor"


def rows(rng, n=6, d=5):
    return rng.normal(size=(n, d))


@homework("x, h, w", r"tanh|slope|derivative|1 ?− ?|activation")
def cell_slope_of_preactivation(rng):
    """A recurrent cell: the tanh's slope is 1 − a² with the pre-activation a, it must be 1 − h²."""

    def cell(x, h, w):
        a = np.concatenate([x, h], axis=1) @ w
        return np.tanh(a), (x, h, w, a)

    def back(dy, cache):
        x, h, w, a = cache
        da = dy * (1 - a**2)
        d = da @ w.T
        return d[:, : x.shape[1]], d[:, x.shape[1] :], np.concatenate([x, h], axis=1).T @ da

    return (cell, back), (rows(rng, 4, 3), rows(rng, 4, 4), 0.5 * rng.normal(size=(7, 4)))


@homework("x, u, w, b", r"time|step|earlier|later|carr|truncat|path")
def rnn_state_gradient_not_carried(rng):
    """rnn_forward with all states as output: dh of step t ignores what comes back from t + 1."""

    def rnn(x, u, w, b):
        h, hs = np.zeros((len(x), w.shape[0])), []
        for t in range(x.shape[1]):
            h = np.tanh(x[:, t] @ u + h @ w + b)
            hs.append(h)
        return np.stack(hs, axis=1), (x, u, w, hs)

    def back(dy, cache):
        x, u, w, hs = cache
        dx, du, dw, db = np.zeros_like(x), np.zeros_like(u), np.zeros_like(w), 0.0
        for t in reversed(range(x.shape[1])):
            da = dy[:, t] * (1 - hs[t] ** 2)
            before = hs[t - 1] if t else np.zeros_like(hs[0])
            dx[:, t], du, dw, db = (
                da @ u.T,
                du + x[:, t].T @ da,
                dw + before.T @ da,
                db + da.sum(axis=0),
            )
        return dx, du, dw, db

    return (rnn, back), (
        rng.normal(size=(2, 4, 3)),
        rng.normal(size=(3, 3)),
        rng.normal(size=(3, 3)),
        rng.normal(size=3),
    )


@homework("x, h, w", r"gate|sigmoid|slope|z ?\(1|σ|derivative")
def minimal_gru_gate_slope(rng):
    """Minimal gated unit h′ = (1−z) h + z n, z = σ(x w): dz is not multiplied by z(1−z)."""

    def unit(x, h, w, v):
        z, n = sigmoid(x @ w + h), np.tanh(x @ v)
        return (1 - z) * h + z * n, (x, h, w, v, z, n)

    def back(dy, cache):
        x, h, w, v, z, n = cache
        da, dn = dy * (n - h), dy * z * (1 - n**2)
        return da @ w.T + dn @ v.T, dy * (1 - z) + da, x.T @ da, x.T @ dn

    return (unit, back), (
        rows(rng, 4, 3),
        rows(rng, 4, 4),
        rng.normal(size=(3, 4)),
        rng.normal(size=(3, 4)),
    )


class PReLU(Layer):
    """max(0, x) + α min(0, x), α per channel."""

    def __init__(self, rng, dx, dalpha):
        self.params, self.dx, self.dalpha = {"alpha": rng.uniform(0.1, 0.4, 5)}, dx, dalpha

    def forward(self, x):
        return np.where(x > 0, x, self.params["alpha"] * x), x

    def backward(self, dy, x):
        a = self.params["alpha"]
        return dy * self.dx(x, a), {"alpha": (dy * self.dalpha(x)).sum(axis=0)}


@homework("alpha", r"negative|mask|side|positive|where|min\(0|condition")
def prelu_slope_gradient_without_mask(rng):
    """PReLU: dα = Σ dy·x, the positive entries must not count."""
    return PReLU(rng, lambda x, a: np.where(x > 0, 1, a), lambda x: x), (rows(rng, 8),)


@homework("x", r"positive|side|mask|branch")
def prelu_alpha_on_both_sides(rng):
    """PReLU: dx = α dy on both sides."""
    return PReLU(rng, lambda x, a: a + 0 * x, lambda x: np.minimum(x, 0)), (rows(rng, 8),)


@homework("x", FACTOR, r"β|beta")
def softplus_beta_twice(rng):
    """softplus(βx)/β with β = 3: the slope is σ(βx), I multiplied with β."""
    f = lambda x: np.logaddexp(0, 3 * x) / 3  # noqa: E731
    return Elementwise(f, lambda x: 3 * sigmoid(3 * x)), (rows(rng),)


@homework("x", r"negative|λ|scale|factor")
def selu_scale_forgotten_below_zero(rng):
    """SELU: λ is forgotten on the negative side."""
    lam, alpha = 1.0507, 1.67326
    f = lambda x: lam * np.where(x > 0, x, alpha * np.expm1(x))  # noqa: E731
    return Elementwise(f, lambda x: np.where(x > 0, lam, alpha * np.exp(x))), (rows(rng),)


@homework("x", r"power|square|root|slope|derivative")
def squareplus_root(rng):
    """(x + √(x² + 4))/2: the slope divides by x² + 4, the root is forgotten."""
    f = lambda x: (x + np.sqrt(x**2 + 4)) / 2  # noqa: E731
    return Elementwise(f, lambda x: (1 + x / (x**2 + 4)) / 2), (rows(rng),)
