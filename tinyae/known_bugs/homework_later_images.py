"""Unseen homework, second set: images, and others."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.correct_base import softmax
from tinyae.known_bugs.homework_base import homework

PATH = r"path|term|branch|as a constant"


def rows(rng, n=6, d=5):
    return rng.normal(size=(n, d))


def images(rng, n=2, c=2, h=6, w=6):
    return rng.normal(size=(n, c, h, w))


def conv_im2col(x, w):
    n, c, h, wd = x.shape
    k = w.shape[2]
    view = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(2, 3))
    cols = view.transpose(0, 2, 3, 1, 4, 5).reshape(n, h - k + 1, wd - k + 1, -1)
    y = cols @ w.reshape(len(w), -1).T
    return y.transpose(0, 3, 1, 2), (x, w, cols)


def conv_dx(dy, x, w):
    dx, k = np.zeros_like(x), w.shape[2]
    for i in range(k):
        for j in range(k):
            dx[:, :, i : i + dy.shape[2], j : j + dy.shape[3]] += np.einsum(
                "nohw,oc->nchw", dy, w[:, :, i, j]
            )
    return dx


@homework("w", r"order|permut|transpos|reshape|places|swap")
def im2col_weight_reshaped_wrongly(rng):
    """im2col: dW comes as (O, C·k·k) and is reshaped as (O, k, k, C)."""

    def back(dy, cache):
        x, w, cols = cache
        dw = np.einsum("nohw,nhwc->oc", dy, cols)
        return conv_dx(dy, x, w), dw.reshape(len(w), 3, 3, -1).transpose(0, 3, 1, 2)

    return (conv_im2col, back), (images(rng, h=5, w=5), rng.normal(size=(3, 2, 3, 3)))


@homework("x", r"swap|transpos|order|permut|height|rows and columns|axes")
def conv_kernel_axes_swapped(rng):
    """Convolution: dx uses w[:, :, j, i]."""

    def back(dy, cache):
        x, w, cols = cache
        return conv_dx(dy, x, w.swapaxes(2, 3)), np.einsum("nohw,nhwc->oc", dy, cols).reshape(
            w.shape
        )

    return (conv_im2col, back), (images(rng, h=5, w=5), rng.normal(size=(3, 2, 3, 3)))


@homework("x", r"edge|border|reflect|padding|first|last|share|leaves")
def reflection_padding_cropped(rng):
    """Reflection padding: backward only crops, the reflected pixels' gradients are lost."""

    def pad(x):
        return np.concatenate([x[:, 2:0:-1], x, x[:, -2:-4:-1]], axis=1), None

    return (pad, lambda dy, _: dy[:, 2:-2]), (rows(rng, 3, 6),)


@homework("x", r"stride|every|order|places|second|index|half|interleav")
def strided_slice_backward(rng):
    """x[:, ::2]: backward writes the first half of the columns."""

    def back(dy, shape):
        dx = np.zeros(shape)
        dx[:, : dy.shape[1]] = dy
        return dx

    return (lambda x: (x[:, ::2].copy(), x.shape), back), (rows(rng, 4, 6),)


@homework("a, b", r"split|shift|index|wrong places|order|off by one|permut|other places|axis 1")
def concat_split_off_by_one(rng):
    """concat(a, b) with five columns each: dy is split one column too early."""

    def back(dy, _):
        return np.roll(dy, 1, axis=1)[:, :5], np.roll(dy, 1, axis=1)[:, 5:]

    return (lambda a, b: (np.concatenate([a, b], axis=1), None), back), (rows(rng), rows(rng))


@homework("x", r"channel|mask|maximum|\bmax|selected|do not move|index")
def max_pool_first_channel_mask(rng):
    """Max pooling: the first channel's argmax is used for all channels."""

    def pool(x):
        n, c, h, w = x.shape
        b = (
            x.reshape(n, c, h // 2, 2, w // 2, 2)
            .transpose(0, 1, 2, 4, 3, 5)
            .reshape(n, c, h // 2, w // 2, 4)
        )
        return b.max(axis=-1), (b.argmax(axis=-1), x.shape)

    def back(dy, cache):
        arg, shape = cache
        n, c, h, w = shape
        b = (np.arange(4) == arg[:, :1, :, :, None]) * dy[..., None]
        return b.reshape(n, c, h // 2, w // 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(shape)

    return (pool, back), (images(rng, h=4, w=4),)


@homework("x", r"factor|0\.5|½|half|2 times|twice|scale")
def residual_scale_forgotten(rng):
    """x + ½ f(x): the ½ is forgotten in backward."""

    def block(x, w):
        return x + 0.5 * np.tanh(x @ w), (x, w)

    def back(dy, cache):
        x, w = cache
        da = dy * (1 - np.tanh(x @ w) ** 2)
        return dy + da @ w.T, 0.5 * x.T @ da

    return (block, back), (rows(rng), rng.normal(size=(5, 5)))


@homework("x", r"mean|sum|factor|divi|number of|1/\d")
def depth_to_mean(rng):
    """Mean over channels: backward copies dy to each channel and does not divide."""
    f = lambda x: (x.mean(axis=1), x.shape)  # noqa: E731
    return (f, lambda dy, s: np.broadcast_to(dy[:, None], s).copy()), (images(rng, c=3),)


@homework("x", PATH)
def attention_pooling_weights(rng):
    """Σ_t a_t x_t with a = softmax(x·v): dx lacks the path through the weights a."""

    def pool(x, v):
        a = softmax(x @ v)
        return (a[:, :, None] * x).sum(axis=1), (x, v, a)

    def back(dy, cache):
        x, v, a = cache
        da = (x * dy[:, None]).sum(axis=2)
        ds = a * (da - (da * a).sum(axis=1, keepdims=True))
        return a[:, :, None] * dy[:, None], np.einsum("nt,ntd->d", ds, x)

    return (pool, back), (rng.normal(size=(3, 4, 2)), rng.normal(size=2))


@homework("b", r"norm|another array|where .* belongs|\ba\b")
def cosine_layer_wrong_norm(rng):
    """Cosine of two inputs: db divides by the norm of a twice."""

    def cosine(a, b):
        na, nb = np.linalg.norm(a, axis=1, keepdims=True), np.linalg.norm(b, axis=1, keepdims=True)
        return (a * b).sum(axis=1, keepdims=True) / (na * nb), (a, b, na, nb)

    def back(dy, cache):
        a, b, na, nb = cache
        cos = (a * b).sum(axis=1, keepdims=True) / (na * nb)
        return dy * (b / nb - cos * a / na) / na, dy * (a / na - cos * b / nb) / na

    return (cosine, back), (rows(rng), rows(rng))


@homework("logvar", r"factor|twice|½|half|\b2\b|power")
def reparameterization_full_logvar(rng):
    """z = μ + ε σ with σ = exp(½ log σ²): d log σ² = dz·ε·σ² /2, σ counted twice."""
    eps = rng.normal(size=(6, 5))

    def sample(mu, logvar):
        return mu + eps * np.exp(0.5 * logvar), logvar

    return (sample, lambda dz, v: (dz, 0.5 * dz * eps * np.exp(v))), (rows(rng), rows(rng))


@homework("a", r"sign")
def solve_sign(rng):
    """y = A⁻¹ x: dA = −A⁻ᵀ dy yᵀ, the minus is missing."""

    def solve(x, a):
        y = np.linalg.solve(a, x)
        return y, (a, y)

    def back(dy, cache):
        a, y = cache
        dx = np.linalg.solve(a.T, dy)
        return dx, dx @ y.T

    return (solve, back), (rows(rng, 4, 3), 3 * np.eye(4) + rng.normal(size=(4, 4)))


@homework("w", r"transpos|swap")
def outer_product_layer(rng):
    """y = x W xᵀ (pairs of examples): dW is transposed."""

    def pairs(x, w):
        return x @ w @ x.T, (x, w)

    def back(dy, cache):
        x, w = cache
        return dy @ x @ w.T + dy.T @ x @ w, (x.T @ dy @ x).T

    return (pairs, back), (rows(rng, 4, 3), rng.normal(size=(3, 3)))


@homework("x", r"ones|ignores|dy")
def mean_layer_ignores_dy(rng):
    """Column means: backward returns 1/N, it forgets dy."""
    f = lambda x: (x.mean(axis=0), x.shape)  # noqa: E731
    return (f, lambda dy, s: np.full(s, 1 / s[0])), (rows(rng),)
