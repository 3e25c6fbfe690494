"""Homework on normalization: batch norm, layer norm, rows of length one, scale and shift."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.base import with_bug
from tinyae.known_bugs.correct_normalization import (
    Norm,
    RMSNorm,
    RowNorm,
    batch_norm_1d,
    batch_norm_2d,
)
from tinyae.known_bugs.homework_base import homework, with_backward

STATISTICS = (
    r"statistic|mean and (the )?(variance|std|standard)|as (a )?constants?|depends? on (all of )?x"
)
AXIS = (
    r"\baxis\b|\baxes\b|over the wrong|keepdims|whole (array|batch|tensor)"
    r"|all (rows|examples|entries)"
)
FACTOR = r"factor|scaled? by|too (large|small)|times|ratio"
NORM = r"\bnorm\b|length|constant|‖|projection|denominator"


def rows(rng, n=6, d=5):
    return (rng.normal(size=(n, d)),)


def images(rng, c=3):
    return (rng.normal(size=(3, c, 4, 4)),)


@homework("x", STATISTICS)
def batch_norm_constant_statistics(rng):
    """Batch norm: I treated the mean and the variance as constants, dx = γ dy / σ."""
    layer = batch_norm_1d(rng)
    return with_bug(layer, x=lambda g, dy, c, l: dy * l.params["gamma"] * c[1]), rows(rng)


@homework("x", STATISTICS, r"variance|\bstd\b|standard deviation")
def batch_norm_constant_variance(rng):
    """Batch norm: I differentiated the mean but treated the variance as a constant."""

    def dx(g, dy, cache, layer):
        dn = dy * layer.params["gamma"]
        return cache[1] * (dn - dn.mean(axis=0))

    return with_bug(batch_norm_1d(rng), x=dx), rows(rng)


@homework("x", STATISTICS, r"\bmean\b")
def batch_norm_constant_mean(rng):
    """Batch norm: I forgot that the mean depends on x; the variance's path is there."""

    def dx(g, dy, cache, layer):
        n, s = cache
        dn = dy * layer.params["gamma"]
        return s * (dn - n * (dn * n).mean(axis=0))

    return with_bug(batch_norm_1d(rng), x=dx), rows(rng)


@homework("x", r"mean|batch size|1/N|divi|sum")
def batch_norm_sums_for_means(rng):
    """Batch norm: I forgot to divide the two sums over the batch by N."""

    def dx(g, dy, cache, layer):
        n, s = cache
        dn = dy * layer.params["gamma"]
        return s * (dn - dn.sum(axis=0) - n * (dn * n).sum(axis=0))

    return with_bug(batch_norm_1d(rng), x=dx), rows(rng)


@homework("x", r"gamma|γ|\bscale\b")
def batch_norm_gamma_forgotten(rng):
    """Batch norm: I forgot γ in dx."""
    return with_bug(
        batch_norm_1d(rng), x=lambda g, dy, c, l: Norm.backward(l, dy / l.params["gamma"], c)[0]
    ), rows(rng)


@homework("gamma", r"beta|β|another parameter|\bn\b|x[- ]?hat|normalized|multipl")
def batch_norm_gamma_is_beta(rng):
    """Batch norm: dγ = Σ dy, I forgot to multiply with the normalized input."""
    return with_bug(batch_norm_1d(rng), gamma=lambda g, dy, *_: dy.sum(axis=0)), rows(rng)


@homework("gamma", r"normalized|x[- ]?hat|input|before the normalization")
def batch_norm_gamma_with_raw_input(rng):
    """Batch norm: dγ = Σ dy·x with the raw x in place of the normalized one."""

    def gamma(g, dy, cache, layer):
        n, s = cache
        return (dy * (n / s + 2)).sum(axis=0)  # n / s + 2: the input, whose mean is 2

    layer, (x,) = batch_norm_1d(rng), rows(rng)
    return with_bug(layer, gamma=gamma), (x - x.mean(axis=0) + 2,)


@homework("x", r"\beps(ilon)?\b|ε|variance")
def batch_norm_epsilon_forgotten(rng):
    """Batch norm: backward divides by √var, forward by √(var + ε)."""
    layer = Norm(0, (5,), rng, eps=0.1)

    def backward(self, dy, cache):
        n, s = cache
        t = 1 / np.sqrt(1 / s**2 - self.eps)
        dx, grads = Norm.backward(self, dy, (n * t / s, t))
        return dx, {**grads, "gamma": (dy * n).sum(axis=0)}

    return with_backward(layer, backward), rows(rng)


@homework("x", r"N ?[−-] ?1|ddof|unbiased|batch size|factor|variance")
def batch_norm_unbiased(rng):
    """Batch norm: forward uses the unbiased variance (ddof=1), backward divides by N."""

    class BatchNorm(Norm):
        def forward(self, x):
            s = 1 / np.sqrt(x.var(axis=0, ddof=1) + self.eps)
            n = (x - x.mean(axis=0)) * s
            return self.params["gamma"] * n + self.params["beta"], (n, s)

    return BatchNorm(0, (5,), rng), rows(rng)


@homework("x", AXIS, r"pixels|per channel|batch only")
def batch_norm_images_batch_axis(rng):
    """Batch norm of images: backward averages over the batch only, forward over the pixels too."""

    def dx(g, dy, cache, layer):
        n, s = cache
        dn = dy * layer.params["gamma"]
        return s * (dn - dn.mean(axis=0) - n * (dn * n).mean(axis=0))

    return with_bug(batch_norm_2d(rng), x=dx), images(rng)


@homework("beta", AXIS, r"sum|shape")
def batch_norm_images_beta_not_summed(rng):
    """Batch norm of images: dβ is summed over the batch, not over the pixels."""
    return with_bug(batch_norm_2d(rng), beta=lambda g, dy, *_: dy.sum(axis=0)), images(rng)


@homework("gamma, beta", r"\bmean\b|batch size|1/N|divi|factor")
def batch_norm_parameter_means(rng):
    """Batch norm: dγ and dβ are means over the batch, they must be sums."""
    return with_bug(
        batch_norm_1d(rng),
        gamma=lambda g, dy, *_: g / len(dy),
        beta=lambda g, dy, *_: dy.mean(axis=0),
    ), rows(rng)


@homework("x", r"running|evaluation|statistic|as (a )?constants?")
def batch_norm_running_statistics(rng):
    """Batch norm: backward is the one of evaluation mode, with the running variance."""
    return with_bug(
        batch_norm_1d(rng),
        x=lambda g, dy, c, l: dy * l.params["gamma"] / np.sqrt(0.9 + 0.1 / c[1] ** 2),
    ), rows(rng)


@homework("x", AXIS, r"over the (batch|features|examples)|batch norm")
def layer_norm_batch_axis(rng):
    """Layer norm: the means in backward are over axis 0, copied from batch norm."""

    def dx(g, dy, cache, layer):
        n, s = cache
        dn = dy * layer.params["gamma"]
        return s * (dn - dn.mean(axis=0) - n * (dn * n).mean(axis=0))

    return with_bug(Norm(-1, (5,), rng), x=dx), rows(rng)


@homework("x", r"sign|added|minus|subtract|\bmean\b")
def layer_norm_sign(rng):
    """Layer norm: the mean's path is added, it must be subtracted."""

    def dx(g, dy, cache, layer):
        n, s = cache
        dn = dy * layer.params["gamma"]
        mean = dn.mean(axis=-1, keepdims=True)
        return s * (dn + mean - n * (dn * n).mean(axis=-1, keepdims=True))

    return with_bug(Norm(-1, (5,), rng), x=dx), rows(rng)


@homework("x", r"twice|square|divided|σ²|std|standard deviation|variance|per (row|example)")
def layer_norm_variance_for_std(rng):
    """Layer norm: I divided by the variance, it must be the standard deviation."""
    return with_bug(Norm(-1, (5,), rng), x=lambda g, dy, c, l: g * c[1]), rows(rng)


@homework("x", NORM, STATISTICS)
def rms_norm_constant(rng):
    """RMS norm: I treated the root mean square as a constant."""
    layer = RMSNorm(5, rng)
    return with_bug(layer, x=lambda g, dy, c, l: dy * l.params["gamma"] * c[1]), rows(rng)


@homework("x", r"\bmean\b|number of features|divi|1/D|sum")
def rms_norm_sum(rng):
    """RMS norm: Σ dy·n over the features where it must be the mean."""

    def dx(g, dy, cache, layer):
        x, s = cache
        dn = dy * layer.params["gamma"]
        return s * (dn - x * s * (dn * x * s).sum(axis=-1, keepdims=True))

    return with_bug(RMSNorm(5, rng), x=dx), rows(rng)


@homework("x", AXIS)
def row_norm_sum_without_axis(rng):
    """Rows of length one: (dy * y).sum() without axis=1."""
    return with_bug(RowNorm(), x=lambda g, dy, c, _: (dy - c[0] * (dy * c[0]).sum()) / c[1]), rows(
        rng
    )


@homework("x", NORM, r"divi|per (row|example)|each (row|example)")
def row_norm_not_divided(rng):
    """Rows of length one: I forgot to divide by ‖x‖."""
    return with_bug(RowNorm(), x=lambda g, dy, c, _: g * c[1]), rows(rng)


@homework("x", NORM, STATISTICS)
def row_norm_constant(rng):
    """Rows of length one: I treated the norm as a constant."""
    return with_bug(RowNorm(), x=lambda g, dy, c, _: dy / c[1]), rows(rng)


@homework("x", NORM, r"\bx\b (for|in place of|instead of) y|input .* output|output .* input")
def row_norm_x_for_y(rng):
    """Rows of length one: x in the projection where y belongs."""

    def dx(g, dy, cache, _):
        y, r = cache
        return (dy - y * r * (dy * y).sum(axis=1, keepdims=True)) / r

    return with_bug(RowNorm(), x=dx), rows(rng)
