"""Homework on activations, softmax, gates and dropout."""

from __future__ import annotations

import math

import numpy as np

from tinyae.known_bugs.base import with_bug
from tinyae.known_bugs.correct_activations import (
    Dropout,
    Elementwise,
    Gate,
    LogSoftmax,
    LogSumExp,
    Softmax,
    gelu_tanh_inner,
)
from tinyae.known_bugs.correct_base import sigmoid, softmax
from tinyae.known_bugs.homework_base import homework
from tinyae.layers import Layer

SLOPE = r"slope|derivative|f['′]|elementwise"
PRODUCT = r"product rule|term|both factors|second (factor|path)|\bpath\b"


def rows(rng, n=5, d=6):
    return (rng.normal(size=(n, d)),)


@homework("x", SLOPE, r"square")
def softsign_square_forgotten(rng):
    """Softsign: the slope is 1/(1+|x|)², I forgot the square."""
    return Elementwise(lambda x: x / (1 + np.abs(x)), lambda x: 1 / (1 + np.abs(x))), rows(rng)


@homework("x", SLOPE, r"alpha|α|factor|negative")
def elu_alpha_forgotten(rng):
    """ELU with α = 0.5: the slope of the negative side is α eˣ, I forgot α."""
    elu = Elementwise(
        lambda x: np.where(x > 0, x, 0.5 * np.expm1(x)), lambda x: np.where(x > 0, 1.0, np.exp(x))
    )
    return elu, rows(rng)


@homework("x", SLOPE, r"negative|\by\b|plus 1|\+ ?1|offset|constant")
def elu_output_without_one(rng):
    """ELU: on the negative side I used y where y + 1 is right."""
    elu = Elementwise(
        lambda x: np.where(x > 0, x, np.expm1(x)), lambda x: np.where(x > 0, 1.0, np.expm1(x))
    )
    return elu, rows(rng)


@homework("x", PRODUCT, SLOPE)
def gelu_product_term(rng):
    """GELU: I forgot the second term of the product rule, x φ(x)."""
    gelu = Elementwise(
        lambda x: 0.5 * x * (1 + gelu_tanh_inner(x)), lambda x: 0.5 * (1 + gelu_tanh_inner(x))
    )
    return gelu, rows(rng)


@homework("x", SLOPE, r"inner|chain rule|cubic")
def gelu_inner_derivative(rng):
    """GELU by tanh: I forgot the inner derivative of the cubic."""

    def slope(x):
        t = gelu_tanh_inner(x)
        return 0.5 * (1 + t) + 0.5 * x * (1 - t**2) * math.sqrt(2 / math.pi)

    return Elementwise(lambda x: 0.5 * x * (1 + gelu_tanh_inner(x)), slope), rows(rng)


@homework("x", PRODUCT, SLOPE)
def swish_product_term(rng):
    """Swish: dx = dy·σ(x), the term x σ′(x) of the product rule is missing."""
    return Elementwise(lambda x: x * sigmoid(x), sigmoid), rows(rng)


@homework("x", PRODUCT, SLOPE)
def swish_slope_of_sigmoid(rng):
    """Swish: dx = dy·x·σ′(x), the term σ(x) is missing."""
    slope = lambda x: x * sigmoid(x) * (1 - sigmoid(x))  # noqa: E731
    return Elementwise(lambda x: x * sigmoid(x), slope), rows(rng)


@homework("x", SLOPE, r"square|\by²|1 ?[−-] ?y")
def tanh_square_forgotten(rng):
    """tanh: 1 − y for 1 − y²."""
    return Elementwise(np.tanh, lambda x: 1 - np.tanh(x)), rows(rng)


@homework("x", SLOPE, r"1 ?[−-] ?y|twice|input .* output|output .* input")
def sigmoid_of_the_output(rng):
    """Sigmoid: σ′(y) with the output put in where the input belongs."""
    slope = lambda x: sigmoid(sigmoid(x)) * (1 - sigmoid(sigmoid(x)))  # noqa: E731
    return Elementwise(sigmoid, slope), rows(rng)


@homework("x", SLOPE, r"negative|swapped|other (side|way)|wrong side|exchanged")
def leaky_relu_sides_swapped(rng):
    """Leaky ReLU: the two sides are swapped in backward."""
    leaky = Elementwise(lambda x: np.where(x > 0, x, 0.1 * x), lambda x: np.where(x > 0, 0.1, 1.0))
    return leaky, rows(rng)


@homework("x", SLOPE, r"sigmoid|\by\b|output")
def softplus_of_the_output(rng):
    """Softplus: σ(y) for σ(x)."""
    f = lambda x: np.logaddexp(0, x)  # noqa: E731
    return Elementwise(f, lambda x: sigmoid(f(x))), rows(rng)


@homework("x", r"clip|saturat|flat|outside|mask|let through|passe[sd]")
def hard_tanh_no_mask(rng):
    """Hard tanh: dx = dy also where the input was clipped."""
    hard = Elementwise(lambda x: np.clip(x, -1, 1), np.ones_like)
    return hard, (2 * rows(rng)[0],)


@homework(
    "x", r"softmax|diagonal|off-diagonal|other (entries|classes|outputs)|Jacobian|y ?\(1 ?[−-] ?y\)"
)
def softmax_diagonal_only(rng):
    """Softmax: dx = dy·y(1 − y), only the diagonal of the Jacobian."""
    return with_bug(Softmax(), x=lambda g, dy, y, _: dy * y * (1 - y)), rows(rng)


@homework(
    "x", r"\baxis\b|\baxes\b|keepdims|whole (array|batch)|other (rows|examples)|all (rows|examples)"
)
def softmax_sum_without_axis(rng):
    """Softmax: (dy * y).sum() without axis."""
    return with_bug(Softmax(), x=lambda g, dy, y, _: y * (dy - (dy * y).sum())), rows(rng)


@homework("x", r"softmax|sum|\bterm\b|normaliz|denominator")
def softmax_denominator_forgotten(rng):
    """Softmax: dx = dy·y, the denominator was treated as a constant."""
    return with_bug(Softmax(), x=lambda g, dy, y, _: dy * y), rows(rng)


@homework("x", r"Σ ?dy|sum of dy|linear in dy|softmax")
def log_softmax_sum_forgotten(rng):
    """Log-softmax: dx = dy − softmax(x), the factor Σ dy is missing."""
    return with_bug(LogSoftmax(), x=lambda g, dy, y, _: dy - np.exp(y)), rows(rng)


@homework("x", r"log|exp|softmax")
def log_softmax_log_in_backward(rng):
    """Log-softmax: I subtracted y·Σ dy, it must be exp(y)·Σ dy."""
    return with_bug(
        LogSoftmax(), x=lambda g, dy, y, _: dy - y * dy.sum(axis=1, keepdims=True)
    ), rows(rng)


@homework("x", r"normaliz|softmax|denominator|divi|per (row|example)|each (row|example)|factor")
def log_sum_exp_not_normalized(rng):
    """Log-sum-exp: dx = dy·exp(x − max), not divided by the sum."""
    return with_bug(
        LogSumExp(), x=lambda g, dy, x, _: dy[:, None] * np.exp(x - x.max(axis=1, keepdims=True))
    ), rows(rng)


@homework("x", r"\bmax|argmax|only|softmax|others?")
def log_sum_exp_as_max(rng):
    """Log-sum-exp: all of the gradient goes to the largest entry."""
    return with_bug(
        LogSumExp(),
        x=lambda g, dy, x, _: dy[:, None] * (softmax(x) == softmax(x).max(axis=1, keepdims=True)),
    ), rows(rng)


@homework("x", r"zero|half|part|missing|gate|path")
def gate_one_part(rng):
    """a·σ(b): only a gets a gradient, that of b is 0."""

    def dx(g, dy, cache, _):
        return np.concatenate([dy * cache[1], 0 * dy], axis=1)

    return with_bug(Gate(), x=dx), rows(rng)


@homework("x", SLOPE, r"gate|part|half|columns", misleading=(r"\bloop\b",))
def gate_slope_forgotten(rng):
    """a·σ(b): db = dy·a, σ′(b) is forgotten."""
    return with_bug(
        Gate(), x=lambda g, dy, c, _: np.concatenate([dy * c[1], dy * c[0]], axis=1)
    ), rows(rng)


@homework("x", r"swap|order|exchang|permut")
def gate_parts_swapped(rng):
    """a·σ(b): the two parts of dx are joined in the wrong order."""
    return with_bug(Gate(), x=lambda g, *_: np.roll(g, 3, axis=1)), rows(rng)


@homework("x", r"keep|1 ?/ ?p|factor|times|ratio|scale")
def dropout_scale_forgotten(rng):
    """Inverted dropout: forward divides by the keep rate, backward does not."""
    return with_bug(Dropout(0.6, 1), x=lambda g, dy, mask, _: dy * (mask > 0)), rows(rng)


@homework("x", r"mask|dropped|zero(ed)? in|let through|passe[sd]")
def dropout_mask_forgotten(rng):
    """Dropout: backward scales by the keep rate but applies no mask."""
    return with_bug(Dropout(0.6, 1), x=lambda g, dy, *_: dy / 0.6), rows(rng)


@homework("x", r"mask|inver|opposite|the other|zero")
def dropout_mask_inverted(rng):
    """Dropout: backward uses the dropped entries as the mask."""
    return with_bug(Dropout(0.6, 1), x=lambda g, dy, m, _: dy * (m == 0) / 0.6), rows(rng)


@homework("x", r"mask|draw|random|another|seed")
def dropout_new_mask(rng):
    """Dropout: backward draws another mask."""
    return with_bug(Dropout(0.6, 1), x=lambda g, dy, *_: Dropout(0.6, 2).forward(dy)[0]), rows(rng)


class Maxout(Layer):
    """The larger one of the two halves of x."""

    def forward(self, x):
        a, b = np.split(x, 2, axis=1)
        return np.maximum(a, b), (a, b)

    def backward(self, dy, cache):
        a, b = cache
        return np.concatenate([dy * (a > 0), dy * (b > 0)], axis=1), {}


@homework("x", r"mask|compar|where|larger|\bmax")
def maxout_compared_with_zero(rng):
    """Maxout: the mask asks a > 0, it must ask a > b."""
    return Maxout(), rows(rng)
