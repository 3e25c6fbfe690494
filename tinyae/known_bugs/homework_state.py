"""Homework with old-style layers: values kept on self, arrays that are overwritten, weights that
nobody lists.

Where ``needs`` is ``"state"``, the first backward after a forward is right; a second use of the
layer shows the mistake.
"""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.homework_base import homework
from tinyae.layers import Layer

STALE = (
    r"self\b|\bstate|stale|remember|keeps|second forward|another forward"
    r"|forward .*again|(earlier|last|latest) forward|cache"
)
TWICE = r"accumulat|second (call|time|backward)|twice|reset|\bstate|repeat|again|not the same"
IN_PLACE = r"in[- ]place|overwr|chang(es|ed)|modif|mutat"
UNLISTED = r"params|not listed|unlisted|is missing from|never checked|not (a )?parameter"


def rows(rng, n=6, d=5):
    return (rng.normal(size=(n, d)),)


class Affine(Layer):
    """y = x W + b."""

    def __init__(self, rng):
        self.params = {"W": rng.normal(size=(5, 4)), "b": rng.normal(size=4)}

    def forward(self, x):
        return x @ self.params["W"] + self.params["b"], x

    def backward(self, dy, x):
        return dy @ self.params["W"].T, {"W": x.T @ dy, "b": dy.sum(axis=0)}


@homework("W", STALE, needs="state")
def keeps_input(rng):
    """The layer keeps self.x; a second forward overwrites it before the first backward."""

    class KeepsInput(Affine):
        def forward(self, x):
            self.x = x
            return super().forward(x)[0], None

        def backward(self, dy, cache):
            return super().backward(dy, self.x)

    return KeepsInput(rng), rows(rng)


@homework("x", STALE, r"mask", needs="state")
def keeps_mask(rng):
    """ReLU keeps self.mask, which belongs to the latest forward."""

    class KeepsMask(Layer):
        def forward(self, x):
            self.mask = x > 0
            return x * self.mask, None

        def backward(self, dy, cache):
            return dy * self.mask, {}

    return KeepsMask(), rows(rng)


@homework("x", STALE, needs="state")
def keeps_output(rng):
    """Sigmoid keeps self.out, which belongs to the latest forward."""

    class KeepsOutput(Layer):
        def forward(self, x):
            self.out = 1 / (1 + np.exp(-x))
            return self.out, None

        def backward(self, dy, cache):
            return dy * self.out * (1 - self.out), {}

    return KeepsOutput(), rows(rng)


@homework("x", STALE, needs="state")
def keeps_output_buffer(rng):
    """tanh writes into one buffer that it made at first use: an earlier y changes with each
    forward."""

    class Buffered(Layer):
        buffer = None

        def forward(self, x):
            if self.buffer is None or self.buffer.shape != x.shape:
                self.buffer = np.empty_like(x)
            np.tanh(x, out=self.buffer)
            return self.buffer, self.buffer

        def backward(self, dy, y):
            return dy * (1 - y**2), {}

    return Buffered(), rows(rng)


@homework("W, b", TWICE, needs="state")
def never_reset(rng):
    """self.dW += in backward, and nobody resets it."""

    class NeverReset(Affine):
        def __init__(self, rng):
            super().__init__(rng)
            self.grads = {name: np.zeros_like(p) for name, p in self.params.items()}

        def backward(self, dy, x):
            dx, grads = super().backward(dy, x)
            for name, g in grads.items():
                self.grads[name] += g
            return dx, {name: g.copy() for name, g in self.grads.items()}

    return NeverReset(rng), rows(rng)


@homework("W, b", TWICE, r"same array|shared|view|alias", needs="state")
def shared_gradient_arrays(rng):
    """backward returns the same arrays each time: gradients that were kept change later."""

    class SharedArrays(Affine):
        def __init__(self, rng):
            super().__init__(rng)
            self.grads = {name: np.zeros_like(p) for name, p in self.params.items()}

        def backward(self, dy, x):
            dx, grads = super().backward(dy, x)
            for name, g in grads.items():
                self.grads[name][...] = g
            return dx, self.grads

    return SharedArrays(rng), rows(rng)


@homework("x", IN_PLACE, r"\bdy\b", needs="state")
def overwrites_dy(rng):
    """ReLU's backward sets dy[x <= 0] = 0 in the caller's array."""

    class OverwritesCotangent(Layer):
        def forward(self, x):
            return np.maximum(x, 0), x

        def backward(self, dy, x):
            dy[x <= 0] = 0
            return dy, {}

    return OverwritesCotangent(), rows(rng)


@homework("x", IN_PLACE, needs="state")
def overwrites_x(rng):
    """ReLU works in place: forward overwrites the caller's x."""

    class OverwritesInput(Layer):
        def forward(self, x):
            np.maximum(x, 0, out=x)
            return x, x > 0

        def backward(self, dy, mask):
            return dy * mask, {}

    return OverwritesInput(), rows(rng)


@homework("x", IN_PLACE, TWICE, r"cache", needs="state")
def overwrites_cache(rng):
    """Sigmoid's backward computes y *= 1 − y in the cache: a second backward is wrong."""

    class OverwritesCache(Layer):
        def forward(self, x):
            y = 1 / (1 + np.exp(-x))
            return y.copy(), y

        def backward(self, dy, y):
            y *= 1 - y
            return dy * y, {}

    return OverwritesCache(), rows(rng)


@homework("x", TWICE, r"cache|pop", needs="state")
def pops_cache(rng):
    """The cache is a list and backward pops it: a second backward finds nothing."""

    class Pops(Layer):
        def forward(self, x):
            return x**2, [x]

        def backward(self, dy, cache):
            return 2 * cache.pop() * dy if cache else np.zeros_like(dy), {}

    return Pops(), rows(rng)


@homework(
    "x", r"random|draw|seed|mask|not repeat|does not repeat|each (call|time|forward)", needs="state"
)
def draws_each_time(rng):
    """Dropout draws a mask in forward and another one in backward, both from self.rng."""

    class Draws(Layer):
        def __init__(self):
            self.rng = np.random.default_rng(0)

        def forward(self, x):
            return x * (self.rng.random(x.shape) < 0.5) * 2, None

        def backward(self, dy, cache):
            return dy * (self.rng.random(dy.shape) < 0.5) * 2, {}

    return Draws(), rows(rng)


@homework("W, b", r"updat|step|learning|chang(es|ed)|paramet", IN_PLACE, needs="state")
def updates_in_backward(rng):
    """backward takes the optimizer's step itself: W -= 0.01 dW."""

    class Updates(Affine):
        def backward(self, dy, x):
            dx, grads = super().backward(dy, x)
            for name, g in grads.items():
                self.params[name] -= 0.01 * g
            return dx, grads

    return Updates(rng), rows(rng)


@homework("W, b", UNLISTED, needs="unlisted arrays")
def weights_not_in_params(rng):
    """self.W and self.b are in no params, and self.dW is wrong by a factor of 2."""

    class CourseAffine(Layer):
        def __init__(self, rng):
            self.W, self.b = rng.normal(size=(5, 4)), rng.normal(size=4)

        def forward(self, x):
            return x @ self.W + self.b, x

        def backward(self, dy, x):
            self.dW, self.db = 2 * x.T @ dy, dy.sum(axis=0)
            return dy @ self.W.T, {}

    return CourseAffine(rng), rows(rng)


@homework("b", UNLISTED, r"missing", needs="unlisted arrays")
def bias_not_in_params(rng):
    """The weight is in params, the bias was forgotten there: it is never trained."""

    class NoBias(Layer):
        def __init__(self, rng):
            self.params = {"W": rng.normal(size=(5, 4))}
            self.b = rng.normal(size=4)

        def forward(self, x):
            return x @ self.params["W"] + self.b, x

        def backward(self, dy, x):
            return dy @ self.params["W"].T, {"W": x.T @ dy}

    return NoBias(rng), rows(rng)


@homework("inner.W", UNLISTED, r"inner|nested|sub-?layer", needs="unlisted arrays")
def inner_layer_not_in_params(rng):
    """A layer inside the layer: its weights are in no params, its gradients are thrown away."""

    class Outer(Layer):
        def __init__(self, rng):
            self.inner = Affine(rng)

        def forward(self, x):
            return self.inner.forward(x)

        def backward(self, dy, cache):
            return self.inner.backward(dy, cache)[0], {}

    return Outer(rng), rows(rng)
