"""Correct losses: with kinks, with flat parts, saturated. ``loss(y, t) -> value, dy``."""

from __future__ import annotations

import math

import numpy as np

from tinyae.known_bugs.correct_base import Array, correct, sigmoid, softmax


def log_softmax(a: Array) -> Array:
    a = a - a.max(axis=1, keepdims=True)
    return a - np.log(np.exp(a).sum(axis=1, keepdims=True))


def softplus(a: Array) -> Array:
    return np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a)))


def rows(rng, scale, n=6, d=4):
    return scale * rng.normal(size=(n, d))


def one_hot(rng, n=6, d=4):
    return np.eye(d)[rng.integers(0, d, n)]


@correct
def huber(rng, scale):
    """Huber's loss, δ = 0.7, mean over entries: the slope has corners at ±δ, the loss has none."""

    def huber(y, t):
        e, d = y - t, 0.7
        value = np.where(np.abs(e) <= d, 0.5 * e**2, d * (np.abs(e) - 0.5 * d)).mean()
        return value, np.clip(e, -d, d) / e.size

    return huber, (rows(rng, scale), rows(rng, scale))


@correct
def absolute_error(rng, scale):
    """Mean absolute error, with two entries exactly on the kink."""

    def absolute_error(y, t):
        return np.abs(y - t).mean(), np.sign(y - t) / y.size

    y, t = rows(rng, scale), rows(rng, scale)
    t[1, 2], t[3, 0] = y[1, 2], y[3, 0]
    return absolute_error, (y, t)


@correct
def hinge(rng, scale):
    """Multi-class hinge loss: flat where a class is right by the margin 1."""

    def hinge(y, t):
        right = (y * t).sum(axis=1, keepdims=True)
        over = (1 - t) * np.maximum(0, y - right + 1)
        d = (over > 0).astype(float)
        return over.sum() / len(y), (d - t * d.sum(axis=1, keepdims=True)) / len(y)

    return hinge, (rows(rng, scale), one_hot(rng))


@correct
def binary_hinge(rng, scale):
    """max(0, 1 − t y) with two scores exactly at the margin."""

    def binary_hinge(y, t):
        on = t * y < 1
        return np.maximum(0, 1 - t * y).mean(), -t * on / y.size

    y, t = rows(rng, scale), rng.choice([-1.0, 1.0], (6, 4))
    y[0, 0], y[2, 1] = t[0, 0], t[2, 1]
    return binary_hinge, (y, t)


@correct
def focal(rng, scale):
    """Binary focal loss with γ = 2 on logits."""

    def focal(y, t):
        s = np.where(t > 0, y, -y)  # the right class's logit: p = σ(s)
        p, q, log_p = sigmoid(s), sigmoid(-s), -softplus(-s)
        ds = 2 * q * p * q * log_p - q**3
        return -(q**2 * log_p).mean(), np.where(t > 0, ds, -ds) / y.size

    return focal, (rows(rng, scale), rng.integers(0, 2, (6, 4)).astype(float))


@correct
def label_smoothing(rng, scale):
    """Cross-entropy with a tenth of the target spread over all classes."""

    def label_smoothing(y, t):
        t = 0.9 * t + 0.1 / t.shape[1]
        return -(t * log_softmax(y)).sum() / len(y), (softmax(y) - t) / len(y)

    return label_smoothing, (rows(rng, scale), one_hot(rng))


@correct
def kl_of_softmax(rng, scale):
    """KL(t ‖ softmax(y)), for distillation."""

    def kl_of_softmax(y, t):
        return (t * (np.log(t) - log_softmax(y))).sum() / len(y), (softmax(y) - t) / len(y)

    return kl_of_softmax, (rows(rng, scale), softmax(rows(rng, 1.0)))


@correct
def entropy_of_softmax(rng, scale):
    """The entropy of softmax(y), −Σ p log p: nearly 0 where saturated."""

    def entropy_of_softmax(y):
        p, log_p = softmax(y), log_softmax(y)
        plogp = np.where(p > 0, p * log_p, 0.0)
        dy = -(plogp - p * plogp.sum(axis=1, keepdims=True))
        return -plogp.sum() / len(y), dy / len(y)

    return entropy_of_softmax, (rows(rng, scale),)


@correct
def log_cosh(rng, scale):
    """log cosh(y − t)."""

    def log_cosh(y, t):
        e = np.abs(y - t)
        value = e + np.log1p(np.exp(-2 * e)) - math.log(2)
        return value.mean(), np.tanh(y - t) / y.size

    return log_cosh, (rows(rng, scale), rows(rng, scale))


@correct
def triplet(rng, scale):
    """max(0, 1 + ‖y − a‖² − ‖y − b‖²) with two fixed sets of points."""

    def triplet(y, a, b):
        gap = 1 + ((y - a) ** 2).sum(axis=1) - ((y - b) ** 2).sum(axis=1)
        on = (gap > 0)[:, None] / len(y)
        return np.maximum(0, gap).mean(), 2 * (b - a) * on

    return triplet, (rows(rng, scale), rows(rng, 1.0), rows(rng, 1.0))


@correct
def dice(rng, scale):
    """1 − 2 Σ p t / (Σ p + Σ t), p = σ(y): one fraction of two sums."""

    def dice(y, t):
        p = sigmoid(y)
        top, bottom = 2 * (p * t).sum(), p.sum() + t.sum()
        dp = -(2 * t * bottom - top) / bottom**2
        return 1 - top / bottom, dp * p * (1 - p)

    return dice, (rows(rng, scale), rng.integers(0, 2, (6, 4)).astype(float))


@correct
def group_sparsity(rng, scale):
    """Σ ‖row‖: the kink is at a row of zeros only."""

    def group_sparsity(z):
        r = np.sqrt((z**2).sum(axis=1, keepdims=True))
        return r.sum(), z / r

    return group_sparsity, (rows(rng, scale),)


@correct
def cauchy(rng, scale):
    """Σ log(1 + (y − t)²), a robust loss whose slope goes down again."""

    def cauchy(y, t):
        e = y - t
        return np.log1p(e**2).sum(), 2 * e / (1 + e**2)

    return cauchy, (rows(rng, scale), rows(rng, scale))


@correct
def total_variation(rng, scale):
    """Σ |y[i+1] − y[i]| along rows, with two equal neighbors."""

    def total_variation(y):
        s, dy = np.sign(np.diff(y, axis=1)), np.zeros_like(y)
        dy[:, 1:] += s
        dy[:, :-1] -= s
        return np.abs(np.diff(y, axis=1)).sum(), dy

    y = rows(rng, scale, d=6)
    y[0, 2] = y[0, 3]
    return total_variation, (y,)
