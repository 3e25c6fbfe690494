"""Correct normalization layers. Their gradients are small differences of large terms, some of them
exactly 0."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyae.known_bugs.correct_base import Array, Rng, correct, sum_to
from tinyae.layers import Conv2d, Layer, Linear, ReLU, Sequential


class Norm(Layer):
    """y = γ n + β with n = (x − mean) / √(var + ε), both over ``axis``: batch norm and layer
    norm."""

    def __init__(self, axis: Any, shape: tuple[int, ...], rng: Rng, eps: float = 1e-5):
        self.axis, self.eps = axis, eps
        self.params = {"gamma": rng.normal(1, 0.3, shape), "beta": rng.normal(0, 0.3, shape)}

    def mean(self, a: Array) -> Array:
        return a.mean(axis=self.axis, keepdims=True)

    def forward(self, x: Array) -> tuple[Array, Any]:
        centered = x - self.mean(x)
        s = 1 / np.sqrt(self.mean(centered**2) + self.eps)
        n = centered * s
        return self.params["gamma"] * n + self.params["beta"], (n, s)

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        n, s = cache
        dn = dy * self.params["gamma"]
        dx = s * (dn - self.mean(dn) - n * self.mean(dn * n))
        shape = self.params["gamma"].shape
        return dx, {"gamma": sum_to(dy * n, shape), "beta": sum_to(dy, shape)}


class RMSNorm(Layer):
    """y = γ x / √(mean(x²) + ε) along the last axis."""

    def __init__(self, features: int, rng: Rng, eps: float = 1e-6):
        self.eps = eps
        self.params = {"gamma": rng.normal(1, 0.3, features)}

    def forward(self, x: Array) -> tuple[Array, Any]:
        s = 1 / np.sqrt((x**2).mean(axis=-1, keepdims=True) + self.eps)
        return self.params["gamma"] * x * s, (x, s)

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        x, s = cache
        dn, n = dy * self.params["gamma"], x * s
        dx = s * (dn - n * (dn * n).mean(axis=-1, keepdims=True))
        return dx, {"gamma": sum_to(dy * n, self.params["gamma"].shape)}


class RowNorm(Layer):
    """y = x / ‖x‖, row by row."""

    def forward(self, x: Array) -> tuple[Array, Any]:
        r = np.sqrt((x**2).sum(axis=-1, keepdims=True))
        return x / r, (x / r, r)

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        y, r = cache
        return (dy - y * (dy * y).sum(axis=-1, keepdims=True)) / r, {}


class GroupNorm(Layer):
    """Images (N, C, H, W), normalized over each group of C / groups channels; γ and β per
    channel."""

    def __init__(self, groups: int, channels: int, rng: Rng):
        self.groups, self.norm = groups, Norm((2, 3, 4), (1,), rng)
        self.norm.params = {"gamma": np.ones(1), "beta": np.zeros(1)}
        self.params = {
            "gamma": rng.normal(1, 0.3, (channels, 1, 1)),
            "beta": rng.normal(0, 0.3, (channels, 1, 1)),
        }

    def forward(self, x: Array) -> tuple[Array, Any]:
        n, c, h, w = x.shape
        y, cache = self.norm.forward(x.reshape(n, self.groups, c // self.groups, h, w))
        y = y.reshape(x.shape)
        return self.params["gamma"] * y + self.params["beta"], (y, cache)

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        y, inner = cache
        dn = (dy * self.params["gamma"]).reshape(inner[0].shape)
        dx = self.norm.backward(dn, inner)[0].reshape(y.shape)
        shape = self.params["gamma"].shape
        return dx, {"gamma": sum_to(dy * y, shape), "beta": sum_to(dy, shape)}


class WeightNorm(Layer):
    """y = x Wᵀ with rows W_i = g_i v_i / ‖v_i‖."""

    def __init__(self, inputs: int, outputs: int, rng: Rng):
        self.params = {"v": rng.normal(size=(outputs, inputs)), "g": rng.normal(1, 0.3, outputs)}

    def forward(self, x: Array) -> tuple[Array, Any]:
        u, cache = RowNorm().forward(self.params["v"])
        return x @ (self.params["g"][:, None] * u).T, (x, u, cache)

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        x, u, inner = cache
        g, dw = self.params["g"][:, None], dy.T @ x
        dv = RowNorm().backward(g * dw, inner)[0]
        return dy @ (g * u), {"v": dv, "g": (dw * u).sum(axis=1)}


def batch_norm_1d(rng: Rng, features: int = 5) -> Norm:
    return Norm(0, (features,), rng)


def batch_norm_2d(rng: Rng, channels: int = 3) -> Norm:
    return Norm((0, 2, 3), (channels, 1, 1), rng)


def dense(rng: Rng, inputs: int, outputs: int) -> Linear:
    return Linear(inputs, outputs, rng=rng, dtype=np.float64)


@correct
def batch_norm(rng, scale):
    """Batch norm of a table."""
    return batch_norm_1d(rng), (scale * rng.normal(size=(6, 5)),)


@correct
def batch_norm_of_two(rng, scale):
    """Batch norm of two examples: n is ±1 whatever x is, and dx is nearly 0."""
    return batch_norm_1d(rng), (scale * rng.normal(size=(2, 5)),)


@correct
def batch_norm_far_from_zero(rng, scale):
    """Batch norm of inputs with a mean of 100 and a spread of 1."""
    return batch_norm_1d(rng), (scale * (100 + rng.normal(size=(6, 5))),)


@correct
def batch_norm_constant_feature(rng, scale):
    """Batch norm where one feature is the same for all examples: its variance is 0."""
    x = rng.normal(size=(6, 5))
    x[:, 2] = 0.5
    return batch_norm_1d(rng), (scale * x,)


@correct
def batch_norm_images(rng, scale):
    """Batch norm of images, one mean per channel."""
    return batch_norm_2d(rng), (scale * rng.normal(size=(3, 3, 4, 4)),)


@correct
def linear_batch_norm_relu_linear(rng, scale):
    """Linear, batch norm, ReLU, Linear: the gradient of the first bias is exactly 0."""
    net = Sequential(dense(rng, 5, 8), batch_norm_1d(rng, 8), ReLU(), dense(rng, 8, 3))
    return net, (scale * rng.normal(size=(6, 5)),)


@correct
def conv_batch_norm(rng, scale):
    """Conv2d and batch norm: the gradient of the convolution's bias is exactly 0."""
    net = Sequential(Conv2d(2, 3, 3, rng=rng, dtype=np.float64), batch_norm_2d(rng))
    return net, (scale * rng.normal(size=(2, 2, 6, 6)),)


@correct
def batch_norm_twice(rng, scale):
    """Two batch norms in a row: the gradient of the first γ and β is nearly 0."""
    return Sequential(batch_norm_1d(rng), batch_norm_1d(rng)), (scale * rng.normal(size=(6, 5)),)


@correct
def layer_norm(rng, scale):
    """Layer norm."""
    return Norm(-1, (5,), rng), (scale * rng.normal(size=(6, 5)),)


@correct
def layer_norm_of_two_features(rng, scale):
    """Layer norm of two features: n is ±1 and dx is nearly 0."""
    return Norm(-1, (2,), rng), (scale * rng.normal(size=(4, 2)),)


@correct
def layer_norm_of_a_sequence(rng, scale):
    """Layer norm of (N, T, D)."""
    return Norm(-1, (4,), rng), (scale * rng.normal(size=(2, 5, 4)),)


@correct
def rms_norm(rng, scale):
    """RMS norm."""
    return RMSNorm(5, rng), (scale * rng.normal(size=(6, 5)),)


@correct
def row_norm(rng, scale):
    """Rows of length one. The gradient grows as the input shrinks."""
    return RowNorm(), (scale * rng.normal(size=(6, 5)),)


@correct
def group_norm(rng, scale):
    """Group norm of 4 channels in 2 groups."""
    return GroupNorm(2, 4, rng), (scale * rng.normal(size=(2, 4, 3, 3)),)


@correct
def instance_norm(rng, scale):
    """Group norm with one channel per group."""
    return GroupNorm(3, 3, rng), (scale * rng.normal(size=(2, 3, 3, 3)),)


@correct
def weight_norm(rng, scale):
    """A linear layer whose weight is g v / ‖v‖."""
    return WeightNorm(5, 4, rng), (scale * rng.normal(size=(6, 5)),)


@correct
def cosine_similarity(rng, scale):
    """The cosine of the angle between rows of a and rows of b; it does not change with their
    lengths."""

    def cosine(a, b):
        u, r = RowNorm().forward(a)[1]
        v, s = RowNorm().forward(b)[1]
        return (u * v).sum(axis=1), (u, r, v, s)

    def cosine_backward(dy, cache):
        u, r, v, s = cache
        c, dy = (u * v).sum(axis=1, keepdims=True), dy[:, None]
        return dy * (v - c * u) / r, dy * (u - c * v) / s

    a, b = rng.normal(size=(2, 6, 5))
    return (cosine, cosine_backward), (scale * a, b)
