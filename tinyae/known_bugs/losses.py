"""Wrong gradients of losses, of a course's pairs of functions, and of containers."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.base import bug, conv, dense, images, rows, with_bug
from tinyae.layers import Flatten, Linear, ReLU, Sequential, Sigmoid, Tanh
from tinyae.losses import bce, bce_with_logits, cross_entropy


def net(rng, *layers):
    return Sequential(
        Linear(5, 6, rng=rng, dtype=np.float64), *layers, Linear(6, 4, rng=rng, dtype=np.float64)
    )


@bug("0.weight", "slope missing")
def sequential_skips_activation(rng):
    """The chain's backward passes over the activation."""
    return net(rng, with_bug(Tanh(), x=lambda g, dy, *_: dy)), (rows(rng),)


@bug("0.weight", "swapped")
def sequential_swapped_names(rng):
    """Two layers of the same shape get each other's gradient."""

    class Swapped(Sequential):
        def backward(self, dy, caches, input_gradient=True):
            dx, grads = super().backward(dy, caches, input_gradient)
            return dx, grads | {"0.weight": grads["2.weight"], "2.weight": grads["0.weight"]}

    return Swapped(dense(rng, 5, 5), Tanh(), dense(rng, 5, 5)), (rows(rng),)


@bug("0.bias", "factor")
def sequential_bias_mean(rng):
    """The first layer's db is a mean in a net where all others are sums."""
    model = net(rng, Sigmoid())
    with_bug(model[0], bias=lambda g, dy, *_: dy.mean(axis=0))
    return model, (rows(rng),)


@bug("x", "upstream")
def sequential_stops_early(rng):
    """A net of convolutions whose first dx is changed: all parameters are right."""
    first = with_bug(conv(rng), x=lambda g, *_: np.tanh(np.roll(g, 1, 2)))
    return Sequential(first, ReLU(), Flatten(), Linear(48, 4, rng=rng, dtype=np.float64)), (
        images(rng),
    )


@bug("y", "factor")
def mse_without_two(rng):
    """dy = (y − t) / M, without the 2 of the square."""

    def loss(y, target):
        return ((y - target) ** 2).mean(), (y - target) / y.size

    return loss, (rows(rng), rows(rng))


@bug("y", "factor")
def mse_not_divided(rng):
    """dy = 2 (y − t): the value is a mean, its gradient that of a sum."""

    def loss(y, target):
        return ((y - target) ** 2).mean(), 2 * (y - target)

    return loss, (rows(rng), rows(rng))


@bug("y", "factor")
def mse_divided_by_batch(rng):
    """dy is divided by the batch size, the value by the number of elements."""

    def loss(y, target):
        return ((y - target) ** 2).mean(), 2 * (y - target) / len(y)

    return loss, (rows(rng), rows(rng))


@bug("y", "factor")
def mse_sign(rng):
    """dy = 2 (t − y) / M."""

    def loss(y, target):
        return ((y - target) ** 2).mean(), 2 * (target - y) / y.size

    return loss, (rows(rng), rows(rng))


@bug("y", "factor")
def bce_sum_for_mean(rng):
    """The gradient of the sum for the value's mean."""

    def loss(y, target):
        value, dy = bce(y, target)
        return value, dy * y.size

    return loss, (rng.uniform(0.1, 0.9, (6, 5)), rng.random((6, 5)))


@bug("logits", "slope twice")
def bce_with_logits_extra_slope(rng):
    """(σ − t) σ (1 − σ): the sigmoid's slope, which cancels in cross-entropy, is multiplied in."""

    def loss(logits, target):
        value, dy = bce_with_logits(logits, target)
        s = 1 / (1 + np.exp(-logits))
        return value, dy * s * (1 - s)

    return loss, (rows(rng), rng.random((6, 5)))


@bug("logits", "factor")
def cross_entropy_not_divided(rng):
    """The gradient is not divided by the batch size."""

    def loss(logits, target):
        value, dy = cross_entropy(logits, target)
        return value, dy * len(logits)

    return loss, (rows(rng), rng.integers(0, 5, 6))


@bug("logits", "missing path")
def cross_entropy_forgets_label(rng):
    """softmax / N, without subtracting 1 at the label."""

    def loss(logits, target):
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        return cross_entropy(logits, target)[0], e / e.sum(axis=1, keepdims=True) / len(logits)

    return loss, (rows(rng), rng.integers(0, 5, 6))


@bug("x", "factor")
def pair_affine_mean(rng):
    """A course's pair of functions: dx, dw and db divided by the batch size."""

    def affine(x, w, b):
        return x @ w + b, (x, w)

    def affine_backward(dout, cache):
        x, w = cache
        n = len(x)
        return dout @ w.T / n, x.T @ dout / n, dout.sum(axis=0) / n

    return (affine, affine_backward), (
        rows(rng),
        rng.standard_normal((5, 4)),
        rng.standard_normal(4),
    )


@bug("w", "transpose", "swapped")
def pair_returns_swapped(rng):
    """A course's pair of functions that returns db before dw."""

    def affine(x, w, b):
        return x @ w + b, (x, w)

    def affine_backward(dout, cache):
        x, w = cache
        return dout @ w.T, (x.T @ dout).T, dout.sum(axis=0)

    return (affine, affine_backward), (
        rows(rng),
        rng.standard_normal((5, 4)),
        rng.standard_normal(4),
    )
