"""Homework: weight norm, scale and shift, standardization of the whole batch."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.base import with_bug
from tinyae.known_bugs.correct_normalization import WeightNorm
from tinyae.known_bugs.homework_base import homework
from tinyae.known_bugs.homework_normalization import AXIS, NORM, STATISTICS, rows
from tinyae.layers import Layer


@homework("v", NORM, STATISTICS)
def weight_norm_constant(rng):
    """Weight norm: I treated ‖v‖ as a constant."""

    def v(g, dy, cache, layer):
        x, _, inner = cache
        return layer.params["g"][:, None] * (dy.T @ x) / inner[1]

    return with_bug(WeightNorm(5, 4, rng), v=v), rows(rng)


class ScaleShift(Layer):
    """y = γ x + β."""

    def __init__(self, d, rng):
        self.params = {"gamma": rng.normal(1, 0.5, d), "beta": rng.normal(size=d)}

    def forward(self, x):
        return self.params["gamma"] * x + self.params["beta"], x

    def backward(self, dy, x):
        grads = {"gamma": (dy * x).sum(axis=0), "beta": dy.sum(axis=0)}
        return dy * self.params["gamma"], grads


@homework("x", r"gamma|γ|\bscale\b|passe[sd] (through|on)|dy itself|parameter")
def scale_shift_gamma_forgotten(rng):
    """y = γx + β: dx = dy, I forgot γ."""
    return with_bug(ScaleShift(5, rng), x=lambda g, dy, *_: dy.copy()), rows(rng)


@homework("gamma", AXIS, r"shape|sum")
def scale_shift_sum_without_axis(rng):
    """y = γx + β: dγ = (dy * x).sum() without axis=0, one number for all features."""
    return with_bug(ScaleShift(5, rng), gamma=lambda g, *_: np.full_like(g, g.sum())), rows(rng)


class WholeNorm(Layer):
    """y = (x − mean) / std, both over the whole array."""

    def forward(self, x):
        return (x - x.mean()) / x.std(), (x - x.mean(), x.std())

    def backward(self, dy, cache):
        return dy / cache[1], {}


@homework("x", STATISTICS, misleading=(r"factor",))
def standardized_by_constants(rng):
    """I standardized the batch inside the layer and treated mean and std as constants: dx = dy /
    std."""
    return WholeNorm(), rows(rng)


class GlobalNorm(Layer):
    """y = x / ‖x‖ with one norm for the whole batch."""

    def forward(self, x):
        return x / np.linalg.norm(x), x

    def backward(self, dy, x):
        r = np.linalg.norm(x)
        y = x / r
        return (dy - y * (dy * y).sum(axis=1, keepdims=True)) / r, {}


@homework("x", AXIS, r"\bnorm\b|per (row|example)|other (rows|examples)|batch")
def global_norm_row_by_row(rng):
    """x / ‖x‖ with one norm for the batch: backward projects row by row."""
    return GlobalNorm(), rows(rng)
