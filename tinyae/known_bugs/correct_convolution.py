"""Correct convolutions, pooling and other layers of images (N, C, H, W)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyae.known_bugs.correct_activations import Elementwise
from tinyae.known_bugs.correct_base import Array, Rng, correct, sigmoid
from tinyae.layers import Layer, Linear, ReLU, Sequential


class Conv(Layer):
    """A convolution with stride, padding and dilation: one loop over the kernel's places."""

    def __init__(self, a: int, b: int, rng: Rng, k=3, stride=1, padding=0, dilation=1):
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.params = {"weight": rng.normal(size=(b, a, k, k)) / k, "bias": rng.normal(size=b)}

    def padded(self, x: Array) -> Array:
        p = self.padding
        return np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))

    def cut(self, dx: Array) -> Array:
        p = self.padding
        return dx[:, :, p : dx.shape[2] - p, p : dx.shape[3] - p]

    def window(self, i: int, j: int, oh: int, ow: int) -> tuple[Any, ...]:
        """Where kernel place (i, j) lies on the padded image, for all outputs at once."""
        s, d = self.stride, self.dilation
        return (
            ...,
            slice(i * d, i * d + s * (oh - 1) + 1, s),
            slice(j * d, j * d + s * (ow - 1) + 1, s),
        )

    def places(self) -> list[tuple[int, int]]:
        k = self.params["weight"].shape[-1]
        return [(i, j) for i in range(k) for j in range(k)]

    def forward(self, x: Array) -> tuple[Array, Any]:
        xp, w = self.padded(x), self.params["weight"]
        reach = self.dilation * (w.shape[-1] - 1)
        oh, ow = ((n - reach - 1) // self.stride + 1 for n in xp.shape[2:])
        y = np.zeros((len(x), len(w), oh, ow)) + self.params["bias"][:, None, None]
        for i, j in self.places():
            y += np.einsum("nahw,ba->nbhw", xp[self.window(i, j, oh, ow)], w[:, :, i, j])
        return y, xp

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        w, size = self.params["weight"], dy.shape[2:]
        dxp, dw = np.zeros_like(cache), np.zeros_like(w)
        for i, j in self.places():
            at = self.window(i, j, *size)
            dxp[at] += np.einsum("nbhw,ba->nahw", dy, w[:, :, i, j])
            dw[:, :, i, j] = np.einsum("nbhw,nahw->ba", dy, cache[at])
        return self.cut(dxp), {"weight": dw, "bias": dy.sum(axis=(0, 2, 3))}


class DepthwiseConv(Layer):
    """One k×k kernel per channel, no padding."""

    def __init__(self, channels: int, rng: Rng, k: int = 3):
        self.params = {"weight": rng.normal(size=(channels, k, k)) / k}

    def places(self, size: tuple[int, ...]) -> list[tuple[int, int, tuple[Any, ...]]]:
        k, (oh, ow) = self.params["weight"].shape[-1], size
        at = [(i, j) for i in range(k) for j in range(k)]
        return [(i, j, (..., slice(i, i + oh), slice(j, j + ow))) for i, j in at]

    def forward(self, x: Array) -> tuple[Array, Any]:
        w = self.params["weight"]
        size = tuple(n - w.shape[-1] + 1 for n in x.shape[2:])
        y = sum(x[at] * w[:, i, j, None, None] for i, j, at in self.places(size))
        return y, x

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        w = self.params["weight"]
        dx, dw = np.zeros_like(cache), np.zeros_like(w)
        for i, j, at in self.places(dy.shape[2:]):
            dx[at] += dy * w[:, i, j, None, None]
            dw[:, i, j] = (dy * cache[at]).sum(axis=(0, 2, 3))
        return dx, {"weight": dw}


def blocks(x: Array, k: int) -> Array:
    """(N, C, H, W) -> (N, C, H/k, W/k, k·k): the windows of a pooling layer."""
    n, c, h, w = x.shape
    parts = x.reshape(n, c, h // k, k, w // k, k)
    return parts.transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h // k, w // k, k * k)


def unblocks(b: Array, k: int) -> Array:
    """The inverse of ``blocks``."""
    n, c, h, w, _ = b.shape
    parts = b.reshape(n, c, h, w, k, k).transpose(0, 1, 2, 4, 3, 5)
    return parts.reshape(n, c, h * k, w * k)


class MaxPool(Layer):
    """The largest of each k×k window; of several equal ones the first gets the gradient."""

    def __init__(self, k: int = 2):
        self.k = k

    def forward(self, x: Array) -> tuple[Array, Any]:
        b = blocks(x, self.k)
        return b.max(axis=-1), (b, b.argmax(axis=-1))

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        b, index = cache
        db = np.zeros_like(b)
        np.put_along_axis(db, index[..., None], dy[..., None], axis=-1)
        return unblocks(db, self.k), {}


class OverlappingMaxPool(Layer):
    """The largest of each 3×3 window, the windows two steps apart."""

    def forward(self, x: Array) -> tuple[Array, Any]:
        windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))[:, :, ::2, ::2]
        flat = windows.reshape(*windows.shape[:4], 9)
        return flat.max(axis=-1), (x.shape, flat.argmax(axis=-1))

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        shape, index = cache
        dx = np.zeros(shape)
        n, c, h, w = np.indices(dy.shape)
        np.add.at(dx, (n, c, 2 * h + index // 3, 2 * w + index % 3), dy)
        return dx, {}


class AveragePool(Layer):
    """The mean of each k×k window."""

    def __init__(self, k: int = 2):
        self.k = k

    def forward(self, x: Array) -> tuple[Array, Any]:
        return blocks(x, self.k).mean(axis=-1), None

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        k = self.k
        return dy.repeat(k, axis=2).repeat(k, axis=3) / k**2, {}


class GlobalAveragePool(Layer):
    """The mean of each channel."""

    def forward(self, x: Array) -> tuple[Array, Any]:
        return x.mean(axis=(2, 3)), x.shape

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        return np.broadcast_to(dy[:, :, None, None] / (cache[2] * cache[3]), cache).copy(), {}


class Upsample(Layer):
    """Each pixel becomes 2×2 equal ones."""

    def forward(self, x: Array) -> tuple[Array, Any]:
        return x.repeat(2, axis=2).repeat(2, axis=3), None

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        return blocks(dy, 2).sum(axis=-1), {}


class PixelShuffle(Layer):
    """(N, 4C, H, W) -> (N, C, 2H, 2W)."""

    def forward(self, x: Array) -> tuple[Array, Any]:
        n, c, h, w = x.shape
        return unblocks(x.reshape(n, c // 4, 4, h, w).transpose(0, 1, 3, 4, 2), 2), x.shape

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        return blocks(dy, 2).transpose(0, 1, 4, 2, 3).reshape(cache), {}


class SqueezeExcite(Layer):
    """y = x · g, the gate g = σ(net(mean over pixels)) per image and channel."""

    def __init__(self, channels: int, rng: Rng):
        linear = [Linear(channels, channels, rng=rng, dtype=np.float64) for _ in range(2)]
        gate = Elementwise(sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x)))
        self.net = Sequential(GlobalAveragePool(), linear[0], ReLU(), linear[1], gate)

    @property
    def params(self):
        return self.net.params

    def forward(self, x: Array) -> tuple[Array, Any]:
        g, cache = self.net.forward(x)
        return x * g[:, :, None, None], (x, g, cache)

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        x, g, inner = cache
        dx, grads = self.net.backward((dy * x).sum(axis=(2, 3)), inner)
        return dy * g[:, :, None, None] + dx, grads


def images(rng, scale, c=2, h=6, w=6, n=2):
    return (scale * rng.normal(size=(n, c, h, w)),)


@correct
def conv_with_loops(rng, scale):
    """A convolution with stride 2 and padding 1 on an odd size: the last column is reached by few
    windows."""
    return Conv(2, 3, rng, stride=2, padding=1), images(rng, scale, h=6, w=5)


@correct
def dilated_conv(rng, scale):
    """A convolution with dilation 2."""
    return Conv(2, 3, rng, dilation=2, padding=1), images(rng, scale)


@correct
def conv_unseen_edge(rng, scale):
    """Stride 3 on 6 pixels: the last ones are in no window, and their gradient is exactly 0."""
    return Conv(2, 3, rng, k=2, stride=3), images(rng, scale)


@correct
def depthwise_conv(rng, scale):
    """A depthwise convolution."""
    return DepthwiseConv(3, rng), images(rng, scale, c=3)


@correct
def max_pool(rng, scale):
    """Max pooling."""
    return MaxPool(2), images(rng, scale)


@correct
def max_pool_with_ties(rng, scale):
    """Max pooling where two windows hold their maximum twice: there every subgradient is right."""
    (x,) = images(rng, scale)
    x[0, 0, 0:2, 0:2] = scale * np.array([[1.0, 0.5], [0.5, 1.0]])
    x[1, 1, 2:4, 2:4] = scale * np.array([[0.0, 2.0], [2.0, -1.0]])
    return MaxPool(2), (x,)


@correct
def max_pool_equal_below_the_maximum(rng, scale):
    """Max pooling where equal values are not the maximum: no kink."""
    (x,) = images(rng, scale)
    x[:, :, ::2, ::2], x[:, :, 1::2, 1::2], x[:, :, ::2, 1::2] = 0, 0, 0
    x[:, :, 1::2, ::2] = scale * (1 + np.abs(x[:, :, 1::2, ::2]) / scale)
    return MaxPool(2), (x,)


@correct
def overlapping_max_pool(rng, scale):
    """Max pooling with overlapping windows: one pixel may be the maximum of four."""
    return OverlappingMaxPool(), images(rng, scale, h=7, w=7)


@correct
def average_pool(rng, scale):
    """Average pooling."""
    return AveragePool(2), images(rng, scale)


@correct
def global_average_pool(rng, scale):
    """The mean of each channel."""
    return GlobalAveragePool(), images(rng, scale)


@correct
def upsample_nearest(rng, scale):
    """Nearest-neighbor upsampling."""
    return Upsample(), images(rng, scale, h=3, w=3)


@correct
def pixel_shuffle(rng, scale):
    """Channels become pixels."""
    return PixelShuffle(), images(rng, scale, c=4, h=3, w=3)


@correct
def squeeze_excite(rng, scale):
    """Squeeze and excite: x reaches y twice."""
    return SqueezeExcite(3, rng), images(rng, scale, c=3, h=4, w=4)
