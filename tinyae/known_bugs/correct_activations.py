"""Correct elementwise functions, gates and softmax: saturated, or with kinks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinyae.known_bugs.correct_base import Array, correct, sigmoid, softmax
from tinyae.layers import Layer


class Elementwise(Layer):
    """y = f(x), dx = dy · f′(x)."""

    def __init__(self, f: Callable[[Array], Array], slope: Callable[[Array], Array]):
        self.f, self.slope = f, slope

    def forward(self, x: Array) -> tuple[Array, Any]:
        return self.f(x), x

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        return dy * self.slope(cache), {}


class Softmax(Layer):
    """Softmax along the last axis."""

    def forward(self, x: Array) -> tuple[Array, Any]:
        y = softmax(x)
        return y, y

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        return cache * (dy - (dy * cache).sum(axis=-1, keepdims=True)), {}


class LogSoftmax(Layer):
    """x − log Σ exp x along the last axis."""

    def forward(self, x: Array) -> tuple[Array, Any]:
        shifted = x - x.max(axis=-1, keepdims=True)
        y = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        return y, y

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        return dy - np.exp(cache) * dy.sum(axis=-1, keepdims=True), {}


class LogSumExp(Layer):
    """log Σ exp x along the last axis."""

    def forward(self, x: Array) -> tuple[Array, Any]:
        top = x.max(axis=-1)
        return top + np.log(np.exp(x - top[..., None]).sum(axis=-1)), x

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        return dy[..., None] * softmax(cache), {}


class Gate(Layer):
    """y = a · σ(b) with x = [a, b] along the last axis (a gated linear unit)."""

    def forward(self, x: Array) -> tuple[Array, Any]:
        a, b = np.split(x, 2, axis=-1)
        return a * sigmoid(b), (a, sigmoid(b))

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        a, s = cache
        return np.concatenate([dy * s, dy * a * s * (1 - s)], axis=-1), {}


class Dropout(Layer):
    """Inverted dropout with a mask that depends on the shape and the seed only: each forward draws
    the same."""

    def __init__(self, keep: float, seed: int):
        self.keep, self.seed = keep, seed

    def forward(self, x: Array) -> tuple[Array, Any]:
        mask = (np.random.default_rng(self.seed).random(x.shape) < self.keep) / self.keep
        return x * mask, mask

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        return dy * cache, {}


def gelu_tanh_inner(x: Array) -> Array:
    return np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))


def gelu_tanh_slope(x: Array) -> Array:
    t = gelu_tanh_inner(x)
    inner = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)
    return 0.5 * (1 + t) + 0.5 * x * (1 - t**2) * inner


def normal_cdf(x: Array) -> Array:
    return 0.5 * np.vectorize(math.erfc, otypes=[float])(-x / math.sqrt(2))


def normal_pdf(x: Array) -> Array:
    return np.exp(-0.5 * x**2) / math.sqrt(2 * math.pi)


def swish_slope(x: Array) -> Array:
    s = sigmoid(x)
    return s + x * s * (1 - s)


def rows(rng, scale, n=5, d=6):
    return (scale * rng.normal(size=(n, d)),)


@correct
def gelu(rng, scale):
    """GELU, x Φ(x)."""
    gelu = Elementwise(lambda x: x * normal_cdf(x), lambda x: normal_cdf(x) + x * normal_pdf(x))
    return gelu, rows(rng, scale)


@correct
def gelu_by_tanh(rng, scale):
    """GELU in its tanh form."""
    layer = Elementwise(lambda x: 0.5 * x * (1 + gelu_tanh_inner(x)), gelu_tanh_slope)
    return layer, rows(rng, scale)


@correct
def swish(rng, scale):
    """Swish, x σ(x)."""
    return Elementwise(lambda x: x * sigmoid(x), swish_slope), rows(rng, scale)


@correct
def softsign(rng, scale):
    """Softsign, x / (1 + |x|)."""
    layer = Elementwise(lambda x: x / (1 + np.abs(x)), lambda x: 1 / (1 + np.abs(x)) ** 2)
    return layer, rows(rng, scale)


@correct
def hard_tanh(rng, scale):
    """Hard tanh: two kinks, and flat outside."""
    layer = Elementwise(lambda x: np.clip(x, -1, 1), lambda x: (np.abs(x) < 1).astype(float))
    return layer, rows(rng, scale)


@correct
def soft_threshold(rng, scale):
    """sign(x) max(|x| − 0.5, 0), the shrinkage of sparse coding."""
    layer = Elementwise(
        lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
        lambda x: (np.abs(x) > 0.5).astype(float),
    )
    return layer, rows(rng, scale)


@correct
def sine(rng, scale):
    """sin(3x), a coordinate network's activation."""
    return Elementwise(lambda x: np.sin(3 * x), lambda x: 3 * np.cos(3 * x)), rows(rng, scale)


@correct
def softmax_of_rows(rng, scale):
    """Softmax, saturated where the inputs are large."""
    return Softmax(), rows(rng, scale)


@correct
def log_softmax(rng, scale):
    """Log-softmax: each row of dx has the sum 0."""
    return LogSoftmax(), rows(rng, scale)


@correct
def log_sum_exp(rng, scale):
    """Log-sum-exp, a smooth maximum."""
    return LogSumExp(), rows(rng, scale)


@correct
def gate(rng, scale):
    """a · σ(b)."""
    return Gate(), rows(rng, scale)


@correct
def dropout_fixed_mask(rng, scale):
    """Inverted dropout with a mask from a fixed seed: about half of the entries have the gradient
    0."""
    return Dropout(0.5, 3), rows(rng, scale)
