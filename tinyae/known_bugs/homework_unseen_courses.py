"""Unseen homework, first set: functions in the style of courses."""

from __future__ import annotations

import math

import numpy as np

from tinyae.known_bugs.correct_base import softmax
from tinyae.known_bugs.homework_base import homework
from tinyae.layers import Layer

FACTOR = r"factor"


def rows(rng, n=6, d=5):
    return rng.normal(size=(n, d))


@homework("b", r"mean where a sum|batch size")
def affine_bias_mean(rng):
    """affine of flattened images: db is the mean over the batch."""

    def affine(x, w, b):
        return x.reshape(len(x), -1) @ w + b, (x, w)

    def backward(dout, cache):
        x, w = cache
        return (dout @ w.T).reshape(x.shape), x.reshape(len(x), -1).T @ dout, dout.mean(axis=0)

    return (affine, backward), (
        rng.normal(size=(6, 2, 3)),
        rng.normal(size=(6, 4)),
        rng.normal(size=4),
    )


@homework("x, w1, b1", r"mask|ReLU|slope|activation|derivative of")
def two_layer_relu_mask_forgotten(rng):
    """Two-layer net: dh = dout w2ᵀ is not masked with h > 0."""

    def net(x, w1, b1, w2):
        h = np.maximum(0, x @ w1 + b1)
        return h @ w2, (x, w1, h, w2)

    def backward(dout, cache):
        x, w1, h, w2 = cache
        dh = dout @ w2.T
        return dh @ w1.T, x.T @ dh, dh.sum(axis=0), h.T @ dout

    return (net, backward), (
        rows(rng),
        rng.normal(size=(5, 7)),
        rng.normal(size=7),
        rng.normal(size=(7, 3)),
    )


@homework("y", r"right class|label|count|target")
def svm_right_class_counts_once(rng):
    """Multi-class SVM loss: the right class gets −1, it must be minus the number of violations."""
    labels = rng.integers(0, 5, 6)

    def svm_loss(y, labels):
        i = np.arange(len(y))
        margins = np.maximum(0, y - y[i, labels][:, None] + 1)
        margins[i, labels] = 0
        d = (margins > 0).astype(float)
        d[i, labels] -= 1
        return margins.sum() / len(y), d / len(y)

    return svm_loss, (rows(rng), labels)


@homework("y", FACTOR, r"temperature|1/T|times")
def softmax_temperature_forgotten(rng):
    """Softmax loss with a temperature of 3: the gradient lacks 1/T."""
    labels = rng.integers(0, 5, 6)

    def loss(y, labels):
        p = softmax(y / 3.0)
        i = np.arange(len(y))
        d = p.copy()
        d[i, labels] -= 1
        return -np.log(p[i, labels]).mean(), d / len(y)

    return loss, (rows(rng), labels)


@homework("x", r"reshape|order|transpos|places|swap|permut")
def spatial_norm_reshaped_back(rng):
    """Scale of images as (N·H·W, C): backward reshapes without transposing back."""

    def spatial(x, g):
        n, c, h, w = x.shape
        flat = x.transpose(0, 2, 3, 1).reshape(-1, c)
        return (flat * g).reshape(n, h, w, c).transpose(0, 3, 1, 2), (x, g)

    def backward(dy, cache):
        x, g = cache
        n, c, h, w = x.shape
        d = dy.transpose(0, 2, 3, 1).reshape(-1, c)
        xf = x.transpose(0, 2, 3, 1).reshape(-1, c)
        return (d * g).reshape(n, c, h, w), (d * xf).sum(axis=0)

    return (spatial, backward), (rng.normal(size=(2, 3, 4, 4)), rng.normal(1, 0.3, 3))


@homework("table", r"√|sqrt|factor|scale", needs="integer inputs")
def scaled_embedding_scale_forgotten(rng):
    """Transformer's embedding: forward multiplies by √d, backward does not."""

    class Embed(Layer):
        def __init__(self):
            self.params = {"table": rng.normal(size=(7, 6))}

        def forward(self, ids):
            return self.params["table"][ids] * math.sqrt(6), ids

        def backward(self, dy, ids):
            d = np.zeros((7, 6))
            np.add.at(d, ids, dy)
            return None, {"table": d}

    return Embed(), (np.array([[0, 2, 2, 3], [5, 0, 2, 6]]),)


@homework("b", r"mean where a sum|1/\d|number of|divided|averag")
def temporal_affine_bias(rng):
    """Temporal affine (N, T, D): db is summed over the batch and averaged over time."""

    def temporal_affine(x, w, b):
        return x @ w + b, (x, w)

    def backward(dout, cache):
        x, w = cache
        dw = np.einsum("ntd,ntm->dm", x, dout)
        return dout @ w.T, dw, dout.sum(axis=0).mean(axis=0)

    return (temporal_affine, backward), (
        rng.normal(size=(2, 5, 3)),
        rng.normal(size=(3, 4)),
        rng.normal(size=4),
    )


@homework("x", r"order|place|transpos|swap|position|not selected|do not move")
def max_pool_indices_swapped(rng):
    """Max pooling: argmax // 2 and argmax % 2 are exchanged."""

    def max_pool(x):
        n, c, h, w = x.shape
        b = (
            x.reshape(n, c, h // 2, 2, w // 2, 2)
            .transpose(0, 1, 2, 4, 3, 5)
            .reshape(n, c, h // 2, w // 2, 4)
        )
        return b.max(axis=-1), (x.shape, b.argmax(axis=-1))

    def backward(dout, cache):
        shape, arg = cache
        dx = np.zeros(shape)
        n, c, i, j = np.indices(dout.shape)
        dx[n, c, 2 * i + arg % 2, 2 * j + arg // 2] = dout
        return dx

    return (max_pool, backward), (rng.normal(size=(2, 2, 6, 6)),)
