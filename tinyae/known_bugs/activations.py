"""Wrong gradients of activations, of softmax and normalization, and of layers with an activation
inside."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.base import bug, rows, with_bug
from tinyae.layers import ELU, Layer, LeakyReLU, Linear, ReLU, Sigmoid, Softplus, Tanh


@bug("x", "slope missing")
def sigmoid_slope_missing(rng):
    """dx = dy: the derivative is missing."""
    return with_bug(Sigmoid(), x=lambda g, dy, *_: dy), (rows(rng),)


@bug("x", "slope at output")
def sigmoid_slope_at_output(rng):
    """The derivative is evaluated at the output: σ'(σ(x))."""
    return with_bug(Sigmoid(), x=lambda g, dy, y, s: dy * s.derivative(s.f(y))), (rows(rng),)


@bug("x", "foreign slope")
def sigmoid_formula_on_input(rng):
    """dx = x (1 − x) dy: the output's formula with the input put in."""

    class Cached(Sigmoid):
        def forward(self, x):
            return self.f(x), x

        def backward(self, dy, x):
            return dy * x * (1 - x), {}

    return Cached(), (rows(rng),)


@bug("x", "slope twice")
def sigmoid_slope_twice(rng):
    """The derivative is multiplied in twice."""
    return with_bug(Sigmoid(), x=lambda g, dy, y, s: g * s.derivative(y)), (rows(rng),)


@bug("x", "foreign slope")
def tanh_forgets_square(rng):
    """1 − y for 1 − y²."""
    return with_bug(Tanh(), x=lambda g, dy, y, _: dy * (1 - y)), (rows(rng),)


@bug("x", "foreign slope")
def tanh_with_sigmoid_slope(rng):
    """y (1 − y), the sigmoid's slope, in a tanh."""
    return with_bug(Tanh(), x=lambda g, dy, y, _: dy * y * (1 - y)), (rows(rng),)


@bug("x", "mask missing")
def relu_passes_everything(rng):
    """dx = dy, also where the input was negative."""
    return with_bug(ReLU(), x=lambda g, dy, *_: dy), (rows(rng),)


@bug("x", "linear")
def relu_masks_dy(rng):
    """The mask is taken from dy instead of from x."""
    return with_bug(ReLU(), x=lambda g, dy, *_: np.maximum(dy, 0)), (rows(rng),)


@bug("x", "missing path")
def leaky_relu_without_leak(rng):
    """LeakyReLU's gradient is ReLU's."""
    return with_bug(LeakyReLU(0.1), x=lambda g, dy, y, _: dy * (y > 0)), (rows(rng),)


@bug("x", "factor missing")
def elu_without_alpha(rng):
    """ELU's slope for α = 1, whatever α is."""
    return with_bug(ELU(0.5), x=lambda g, dy, y, _: np.where(y > 0, dy, dy * (y + 0.5) / 0.5)), (
        rows(rng),
    )


@bug("x", "foreign slope")
def softplus_wrong_slope(rng):
    """Softplus with the sigmoid's slope y (1 − y)."""
    return with_bug(Softplus(), x=lambda g, dy, y, _: dy * y * (1 - y)), (rows(rng),)


class Softmax(Layer):
    """``y = eˣ / Σ eˣ`` over the classes of each example, ``dx = y (dy − Σ dy y)``.

    Example:
        >>> from tinyae.known_bugs import Softmax
        >>> Softmax()(np.array([[0.0, 0.0], [0.0, 100.0]])).round(3)
        array([[0.5, 0.5],
               [0. , 1. ]])
    """

    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        y = e / e.sum(axis=1, keepdims=True)
        return y, y

    def backward(self, dy, y):
        return y * (dy - (dy * y).sum(axis=1, keepdims=True)), {}


@bug("x", "diagonal")
def softmax_diagonal(rng):
    """dx = y (1 − y) dy: softmax taken for an elementwise function."""
    return with_bug(Softmax(), x=lambda g, dy, y, _: dy * y * (1 - y)), (rows(rng),)


@bug("x", "zero")
def softmax_zero(rng):
    """dx = 0, which a cotangent of ones takes for right."""
    return with_bug(Softmax(), x=lambda g, *_: 0 * g), (rows(rng),)


@bug("x", "weight")
def batch_norm_constant_statistics(rng):
    """Mean and deviation are taken for constants, though they depend on x."""

    class BatchNorm(Layer):
        def forward(self, x):
            d = x.std(axis=0) + 1e-5
            return (x - x.mean(axis=0)) / d, d

        def backward(self, dy, d):
            return dy / d, {}

    return BatchNorm(), (rows(rng),)


class SigmoidLayer(Linear):
    """σ(x Wᵀ + b) in one layer, as many courses write it."""

    def forward(self, x):
        y = 1 / (1 + np.exp(-super().forward(x)[0]))
        return y, (x, y)

    def backward(self, dy, cache):
        x, y = cache
        return super().backward(dy * y * (1 - y), x)


@bug("weight", "slope missing")
def sigmoid_layer_slope_missing(rng):
    """σ(x Wᵀ + b) in one layer, backward without σ'."""

    class Missing(SigmoidLayer):
        def backward(self, dy, cache):
            return Linear.backward(self, dy, cache[0])

    return Missing(5, 4, rng=rng), (rows(rng),)


@bug("weight", "slope twice")
def sigmoid_layer_slope_twice(rng):
    """σ(x Wᵀ + b) in one layer, backward with σ'²."""

    class Twice(SigmoidLayer):
        def backward(self, dy, cache):
            return super().backward(dy * cache[1] * (1 - cache[1]), cache)

    return Twice(5, 4, rng=rng), (rows(rng),)
