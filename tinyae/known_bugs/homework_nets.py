"""Homework on nets: residual blocks, tied weights, joined and split inputs, functions with several
arguments."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.correct_nets import Branches, Residual, Tied
from tinyae.known_bugs.correct_normalization import Norm, dense
from tinyae.known_bugs.homework_base import homework, with_backward
from tinyae.layers import Layer, ReLU, Sequential, Tanh

SKIP = (
    r"\bskip\b|identity|residual|direct path|\+ ?dy|dy (itself )?is missing|shortcut|missing term"
    r"|adds? dy"
)
INNER = (r"error is in (the dx of )?(layer )?f\b",)
PATH = r"path|branch|second use|used twice|missing|term|both uses|other use"


def rows(rng, n=6, d=5):
    return (rng.normal(size=(n, d)),)


def prefixed(name, grads):
    return {f"{name}.{key}": g for key, g in grads.items()}


def block(rng, *after):
    return Residual(Sequential(dense(rng, 5, 5), Tanh(), *after))


@homework("x", SKIP, misleading=INNER)
def residual_skip_forgotten(rng):
    """Residual block: dx = f's dx, I forgot to add dy."""

    def backward(self, dy, cache):
        dx, grads = self.f.backward(dy, cache)
        return dx, prefixed("f", grads)

    return with_backward(block(rng), backward), rows(rng)


@homework("x", SKIP, r"twice|2 ?dy|doubl|too (often|much)", misleading=INNER)
def residual_skip_twice(rng):
    """Residual block: dy is added twice."""

    def backward(self, dy, cache):
        dx, grads = self.f.backward(dy, cache)
        return dx + 2 * dy, prefixed("f", grads)

    return with_backward(block(rng), backward), rows(rng)


@homework("x", SKIP, r"\bf\b.*(missing|path)|path|branch|passe[sd]")
def residual_only_skip(rng):
    """Residual block: dx = dy, the path through f is missing."""

    def backward(self, dy, cache):
        return dy.copy(), prefixed("f", self.f.backward(dy, cache)[1])

    return with_backward(block(rng), backward), rows(rng)


@homework("x", r"input|\bx\b|forward value|skip")
def residual_adds_x(rng):
    """Residual block: backward adds x where it must add dy."""

    class AddsInput(Residual):
        def forward(self, x):
            y, cache = super().forward(x)
            return y, (x, cache)

        def backward(self, dy, cache):
            dx, grads = self.f.backward(dy, cache[1])
            return dx + cache[0], prefixed("f", grads)

    return AddsInput(Sequential(dense(rng, 5, 5), Tanh())), rows(rng)


@homework("x", SKIP, r"norm|before|after|order", misleading=INNER)
def residual_skip_through_norm(rng):
    """Pre-norm block: I added dy before the norm's backward, so the skip goes through the norm
    too."""

    def backward(self, dy, cache):
        norm, linear = self.f.layers
        dz, grads = linear.backward(dy, cache[1])
        dx, more = norm.backward(dz + dy, cache[0])
        return dx, {**prefixed("f.0", more), **prefixed("f.1", grads)}

    layer = Residual(Sequential(Norm(-1, (5,), rng), dense(rng, 5, 5)))
    return with_backward(layer, backward), rows(rng)


@homework("W", PATH, r"tied|decoder")
def tied_decoder_path_forgotten(rng):
    """Tied weights: dW has the encoder's part only."""

    def backward(self, dy, cache):
        dx, grads = Tied.backward(self, dy, cache)
        return dx, {**grads, "W": grads["W"] - cache[1].T @ dy}

    return with_backward(Tied(5, 3, rng), backward), rows(rng)


@homework("W", r"transpos")
def tied_second_path_transposed(rng):
    """Tied square weights: the decoder's part of dW is transposed."""

    def backward(self, dy, cache):
        dx, grads = Tied.backward(self, dy, cache)
        second = cache[1].T @ dy
        return dx, {**grads, "W": grads["W"] - second + second.T}

    return with_backward(Tied(5, 5, rng), backward), rows(rng)


@homework("W", r"half|averag|mean|factor|½|1/2|\b2\b")
def tied_mean_of_paths(rng):
    """Tied weights: dW is the mean of the two parts, it must be their sum."""

    def backward(self, dy, cache):
        dx, grads = Tied.backward(self, dy, cache)
        return dx, {**grads, "W": grads["W"] / 2}

    return with_backward(Tied(5, 3, rng), backward), rows(rng)


def branches(rng):
    return Branches(Sequential(dense(rng, 5, 3), Tanh()), Sequential(dense(rng, 5, 3), ReLU()))


@homework("x", PATH, r"\+=|overwr|add(ed)? up|sum")
def branches_second_overwrites(rng):
    """Two branches: the second dx overwrites the first, they must be added."""

    def backward(self, dy, cache):
        _, grads = Branches.backward(self, dy, cache)
        return self.g.backward(dy[:, 3:], cache[1])[0], grads

    return with_backward(branches(rng), backward), rows(rng)


@homework(
    "x, f.0.weight, f.0.bias, g.0.weight, g.0.bias",
    r"swap|order|exchang|permut|other (half|part|columns)",
)
def concatenation_split_swapped(rng):
    """Concatenation: the halves of dy go to the wrong branches."""

    def backward(self, dy, cache):
        return Branches.backward(self, np.concatenate([dy[:, 3:], dy[:, :3]], axis=1), cache)

    return with_backward(branches(rng), backward), rows(rng)


@homework(
    "x, f.0.weight, f.0.bias, g.0.weight, g.0.bias",
    r"split|every second|interleav|order|permut|columns|slice",
)
def concatenation_split_interleaved(rng):
    """Concatenation: dy[:, ::2] and dy[:, 1::2] for the first and the second half."""

    def backward(self, dy, cache):
        return Branches.backward(self, np.concatenate([dy[:, ::2], dy[:, 1::2]], axis=1), cache)

    return with_backward(branches(rng), backward), rows(rng)


def concat(a, b):
    return np.concatenate([a, b], axis=1), a.shape[1]


@homework("a, b", r"swap|order|exchang")
def concat_gradients_swapped(rng):
    """concat(a, b): backward returns db, da."""
    return (concat, lambda dy, k: (dy[:, k:], dy[:, :k])), (*rows(rng), *rows(rng))


@homework("b", r"zero|copy|\ba\b|same|other (argument|input)|swap")
def concat_same_gradient(rng):
    """concat(a, b): both get the first half."""
    return (concat, lambda dy, k: (dy[:, :k], dy[:, :k].copy())), (*rows(rng), *rows(rng))


def affine(x, w, b):
    return x @ w + b, (x, w)


@homework("x, w", r"swap|order|exchang|shape")
def affine_square_order(rng):
    """affine(x, w, b) with square x and w: backward returns dw, dx, db."""

    def affine_backward(dy, cache):
        x, w = cache
        return x.T @ dy, dy @ w.T, dy.sum(axis=0)

    return (affine, affine_backward), (*rows(rng, 5), *rows(rng, 5), rng.normal(size=5))


@homework("b", r"broadcast|batch size|sum|\baxis\b|factor|times")
def affine_bias_outer_sum(rng):
    """affine: db = the sum over everything, the same for each output."""

    def affine_backward(dy, cache):
        x, w = cache
        return dy @ w.T, x.T @ dy, np.full(dy.shape[1], dy.sum())

    return (affine, affine_backward), (*rows(rng), *rows(rng, 5, 4), rng.normal(size=4))


def bilinear(a, b, w):
    return np.einsum("ni,ij,nj->n", a, w, b), (a, b, w)


@homework("a", r"transpos")
def bilinear_not_transposed(rng):
    """aᵀ W b: da = Wᵀ b, it must be W b."""

    def bilinear_backward(dy, cache):
        a, b, w = cache
        return dy[:, None] * (b @ w), dy[:, None] * (a @ w), np.einsum("n,ni,nj->ij", dy, a, b)

    return (bilinear, bilinear_backward), (*rows(rng), *rows(rng), *rows(rng, 5, 5))


class AddInputs(Layer):
    """y = f(a) + b, two inputs."""

    def __init__(self, rng):
        self.f = dense(rng, 5, 5)
        self.params = self.f.params

    def forward(self, a, b):
        y, cache = self.f.forward(a)
        return y + b, cache

    def backward(self, dy, cache):
        da, grads = self.f.backward(dy, cache)
        return (dy, da), grads


@homework("a, b", r"swap|order|exchang", needs="several inputs")
def add_inputs_swapped(rng):
    """f(a) + b: backward returns db, da."""
    return AddInputs(rng), (*rows(rng), *rows(rng))


class SplitOutput(Layer):
    """y1 = tanh(x), y2 = x²: two outputs."""

    def forward(self, x):
        return (np.tanh(x), x**2), x

    def backward(self, dy, x):
        return dy[0] * (1 - np.tanh(x) ** 2), {}


@homework("x", r"output|path|second|missing|zero|ignored", needs="several outputs")
def second_output_ignored(rng):
    """tanh(x) and x² from one layer: the second output's gradient is ignored."""
    return SplitOutput(), rows(rng)
