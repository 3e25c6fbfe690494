"""Unseen homework, first set: images."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.homework_base import homework
from tinyae.layers import Layer

FACTOR = r"factor"


def rows(rng, n=6, d=5):
    return rng.normal(size=(n, d))


@homework("x", r"\+=|overlap|overwr|accumulat")
def overlapping_average_pool(rng):
    """Average pooling with overlap (3, stride 2): dx[window] = where += belongs."""

    def pool(x):
        m = (x.shape[2] - 3) // 2 + 1
        y = np.empty((*x.shape[:2], m, m))
        for i in range(m):
            for j in range(m):
                y[:, :, i, j] = x[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].mean(axis=(2, 3))
        return y, x.shape

    def back(dy, shape):
        dx = np.zeros(shape)
        for i in range(dy.shape[2]):
            for j in range(dy.shape[3]):
                dx[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] = (
                    dy[:, :, i, j][:, :, None, None] / 9
                )
        return dx

    return (pool, back), (rng.normal(size=(2, 2, 7, 7)),)


@homework("x", r"interpol|nearest|bilinear|weights?\b")
def bilinear_upsampling_as_nearest(rng):
    """Bilinear upsampling of rows by 2: backward sums pairs, as for nearest neighbors."""
    n = 5
    m = np.zeros((n, 2 * n))
    for j in range(2 * n):
        s = min(max((j + 0.5) / 2 - 0.5, 0), n - 1)
        lo = int(s)
        hi = min(lo + 1, n - 1)
        m[lo, j] += 1 - (s - lo)
        m[hi, j] += s - lo

    def upsample(x):
        return x @ m, None

    return (upsample, lambda dy, _: dy[:, ::2] + dy[:, 1::2]), (rows(rng, 4, n),)


@homework("x", r"reshape|order|places|axes|tile|permut")
def nearest_upsampling_reshape(rng):
    """Nearest upsampling by 3: backward folds (3, h) where (h, 3) belongs."""

    def upsample(x):
        return x.repeat(3, axis=2).repeat(3, axis=3), x.shape

    def back(dy, shape):
        n, c, h, w = shape
        return dy.reshape(n, c, 3, h, 3, w).sum(axis=(2, 4))

    return (upsample, back), (rng.normal(size=(2, 2, 3, 3)),)


class CausalConv1d(Layer):
    """Convolution over time, (N, C, T), padded with zeros on the left."""

    def __init__(self, rng, cut=None, bias=None):
        self.params = {"weight": rng.normal(size=(3, 2, 3)), "bias": rng.normal(size=3)}
        self.cut, self.bias = (
            cut or (lambda d: d[:, :, 2:]),
            bias or (lambda dy: dy.sum(axis=(0, 2))),
        )

    def forward(self, x):
        p = np.pad(x, ((0, 0), (0, 0), (2, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(p, 3, axis=2)  # (N, C, T, 3)
        y = np.einsum("nctk,ock->not", windows, self.params["weight"])
        return y + self.params["bias"][:, None], windows.copy()

    def backward(self, dy, windows):
        dw = np.einsum("not,nctk->ock", dy, windows)
        dp = np.zeros((len(dy), 2, dy.shape[2] + 2))
        for k in range(3):
            dp[:, :, k : k + dy.shape[2]] += np.einsum(
                "not,oc->nct", dy, self.params["weight"][:, :, k]
            )
        return self.cut(dp), {"weight": dw, "bias": self.bias(dy)}


@homework("x", r"padding|cut|shift|crop|\bside\b")
def causal_conv_cut_at_the_other_end(rng):
    """Causal convolution: the padding is cut off on the right, it is on the left."""
    return CausalConv1d(rng, cut=lambda d: d[:, :, :-2]), (rng.normal(size=(2, 2, 7)),)


@homework("bias", r"mean where a sum|number of|positions|divided|1/\d")
def causal_conv_bias_mean_over_time(rng):
    """Causal convolution: db is averaged over time."""
    return CausalConv1d(rng, bias=lambda dy: dy.sum(axis=0).mean(axis=1)), (
        rng.normal(size=(2, 2, 7)),
    )


@homework("x", FACTOR, r"mean|divi|1/\d")
def global_max_pool_divided(rng):
    """Global max pooling: the gradient is divided by H·W, copied from average pooling."""

    def pool(x):
        flat = x.reshape(*x.shape[:2], -1)
        return flat.max(axis=2), (flat.argmax(axis=2), x.shape)

    def back(dy, cache):
        arg, shape = cache
        flat = np.zeros((*shape[:2], shape[2] * shape[3]))
        np.put_along_axis(flat, arg[..., None], dy[..., None] / flat.shape[2], axis=2)
        return flat.reshape(shape)

    return (pool, back), (rng.normal(size=(2, 3, 4, 4)),)


@homework("x", r"path|denominator|constant|norm")
def response_normalization_path(rng):
    """x / (1 + Σ x² over channels): the denominator was treated as a constant."""

    def lrn(x):
        d = 1 + (x**2).sum(axis=1, keepdims=True)
        return x / d, d

    return (lrn, lambda dy, d: dy / d), (rng.normal(size=(2, 4, 3, 3)),)
