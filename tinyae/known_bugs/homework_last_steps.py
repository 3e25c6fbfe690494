"""Unseen homework, third set: loops, recurrent steps, attention, activations."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.correct_activations import Elementwise
from tinyae.known_bugs.correct_base import softmax
from tinyae.known_bugs.homework_base import homework
from tinyae.layers import Layer


def rows(rng, n=6, d=5):
    return rng.normal(size=(n, d))


@homework("x", r"stride|shift|offset|places|window|order|index")
def max_pool_1d_offset(rng):
    """1-D max pooling in a loop: the window's start is forgotten when the gradient is written."""

    def pool(x):
        n, t = x.shape
        y, arg = np.zeros((n, t // 2)), np.zeros((n, t // 2), int)
        for j in range(t // 2):
            w = x[:, 2 * j : 2 * j + 2]
            arg[:, j] = w.argmax(axis=1)
            y[:, j] = w.max(axis=1)
        return y, (x.shape, arg)

    def back(dy, c):
        shape, arg = c
        dx = np.zeros(shape)
        for j in range(dy.shape[1]):
            dx[np.arange(len(dx)), arg[:, j]] += dy[:, j]
        return dx

    return (pool, back), (rows(rng, 4, 6),)


@homework("w", r"flip|revers|180|order|permut")
def conv1d_weight_flipped(rng):
    """1-D convolution by np.convolve: dw is not flipped."""

    def conv(x, w):
        y = np.zeros((len(x), x.shape[1] - 2))
        for k in range(3):
            y += x[:, k : k + y.shape[1]] * w[2 - k]
        return y, (x, w)

    def back(dy, c):
        x, w = c
        dx, dw = np.zeros_like(x), np.zeros(3)
        for k in range(3):
            dx[:, k : k + dy.shape[1]] += dy * w[2 - k]
            dw[k] = (dy * x[:, k : k + dy.shape[1]]).sum()
        return dx, dw

    return (conv, back), (rows(rng, 3, 7), rng.normal(size=3))


@homework("x", r"overwr|\+=|add")
def conv1d_x_overwritten(rng):
    """1-D convolution: dx[...] = in the loop over the kernel."""

    def conv(x, w):
        y = np.zeros((len(x), x.shape[1] - 2))
        for k in range(3):
            y += x[:, k : k + y.shape[1]] * w[k]
        return y, (x, w)

    def back(dy, c):
        x, w = c
        dx, dw = np.zeros_like(x), np.zeros(3)
        for k in range(3):
            dx[:, k : k + dy.shape[1]] = dy * w[k]
            dw[k] = (dy * x[:, k : k + dy.shape[1]]).sum()
        return dx, dw

    return (conv, back), (rows(rng, 3, 7), rng.normal(size=3))


@homework("h, W", r"time|step|loop|pass|path")
def rnn_bptt_truncated(rng):
    """Recurrent net with h0 and x given: the gradient is stopped after two steps."""
    xs = rng.normal(size=(4, 3, 4))

    def rnn(h, W):
        hs = [h]
        for t in range(4):
            hs.append(np.tanh(hs[-1] @ W + xs[t]))
        return hs[-1], (hs, W)

    def back(dy, c):
        hs, W = c
        dW, dh = np.zeros_like(W), dy
        for t in (3, 2):
            da = dh * (1 - hs[t + 1] ** 2)
            dW += hs[t].T @ da
            dh = da @ W.T
        return dh, dW

    return (rnn, back), (rows(rng, 3, 4), 0.7 * rng.normal(size=(4, 4)))


@homework("W", r"last|first|one|overwr|\+=|pass")
def shared_weight_last_use(rng):
    """The same layer applied three times: dW of the last use only."""

    def f(x, W):
        a = np.tanh(x @ W)
        b = np.tanh(a @ W)
        return np.tanh(b @ W), (x, W, a, b)

    def back(dy, c):
        x, W, a, b = c
        y = np.tanh(b @ W)
        d3 = dy * (1 - y**2)
        d2 = d3 @ W.T * (1 - b**2)
        d1 = d2 @ W.T * (1 - a**2)
        return d1 @ W.T, b.T @ d3

    return (f, back), (rows(rng, 4, 4), rng.normal(size=(4, 4)))


@homework("q", r"softmax|path|constant|derivative")
def attention_weights_constant(rng):
    """Attention with a skip connection: the weights were treated as constants, dq = dy."""

    def att(q, k, v):
        a = softmax(q @ k.T)
        return a @ v + q, (q, k, v, a)

    def back(dy, c):
        q, k, v, a = c
        da = dy @ v.T
        ds = a * (da - (da * a).sum(axis=1, keepdims=True))
        return dy.copy(), ds.T @ q, a.T @ dy

    return (att, back), (rows(rng, 3, 4), rows(rng, 5, 4), rows(rng, 5, 4))


@homework("k, q", r"sum|axis|softmax|diagonal|other entries|constant|path")
def attention_softmax_no_sum(rng):
    """Attention: ds = a·da, the softmax's second term is missing."""

    def att(q, k, v):
        a = softmax(q @ k.T)
        return a @ v, (q, k, v, a)

    def back(dy, c):
        q, k, v, a = c
        ds = a * (dy @ v.T)
        return ds @ k, ds.T @ q, a.T @ dy

    return (att, back), (rows(rng, 3, 4), rows(rng, 5, 4), rows(rng, 5, 4))


@homework("x", r"slope|derivative|inner|factor|chain|3")
def sine_inner(rng):
    """sin(3x): the inner 3 is missing."""
    return Elementwise(lambda x: np.sin(3 * x), lambda x: np.cos(3 * x)), (rows(rng),)


@homework("x", r"slope|derivative|sin|cos|foreign|sign|formula")
def cosine_slope(rng):
    """cos(x): the slope is written as cos x."""
    return Elementwise(np.cos, np.cos), (rows(rng),)


@homework("x", r"side|negative|mask|slope|derivative|condition")
def leaky_relu_of_gradient(rng):
    """Leaky ReLU: the mask asks dy > 0."""

    class L(Layer):
        def forward(self, x):
            return np.where(x > 0, x, 0.1 * x), x

        def backward(self, dy, x):
            return np.where(dy > 0, dy, 0.1 * dy), {}

    return L(), (rows(rng),)


@homework("x", r"product|path|term|constant|derivative")
def layer_scale_by_own_mean(rng):
    """y = x·mean(x) per row: the mean was taken as a constant."""
    return (
        lambda x: (x * x.mean(axis=1, keepdims=True), x),
        lambda dy, x: dy * x.mean(axis=1, keepdims=True),
    ), (rows(rng),)


@homework("x", r"\beps|constant")
def normalize_eps_in_backward(rng):
    """x / (‖x‖ + 0.1): backward leaves the 0.1 out."""

    def f(x):
        r = np.sqrt((x**2).sum(axis=1, keepdims=True))
        return x / (r + 0.1), (x, r)

    def back(dy, c):
        x, r = c
        return dy / r - x * (dy * x).sum(axis=1, keepdims=True) / r**3

    return (f, back), (rows(rng),)


@homework("mu, logvar", r"batch size|mean|factor|sum|1/6")
def vae_kl_sum_for_mean(rng):
    """KL as a mean over the batch: the gradients lack 1/N."""

    def kl(mu, logvar):
        return np.array(0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).sum() / len(mu)), (mu, logvar)

    return (kl, lambda d, c: (d * c[0], 0.5 * d * (np.exp(c[1]) - 1))), (rows(rng), rows(rng))


@homework("table", r"twice|factor|2|count", needs="integer inputs")
def embedding_counted_twice(rng):
    """Embedding: the gradient is added in a loop and once more with np.add.at."""

    class E(Layer):
        def __init__(self):
            self.params = {"table": rng.normal(size=(6, 3))}

        def forward(self, ids):
            return self.params["table"][ids], ids

        def backward(self, dy, ids):
            d = np.zeros((6, 3))
            for i, w in enumerate(ids):
                d[w] += dy[i]
            np.add.at(d, ids, dy)
            return None, {"table": d}

    return E(), (np.array([0, 2, 2, 5]),)


@homework("x", r"transpos|swap|order|axes")
def einsum_wrong_order(rng):
    """y[n,i,j] = x[n,j,i]·c: backward does not swap the axes back."""
    return (lambda x: (2.5 * x.transpose(0, 2, 1), None), lambda dy, _: 2.5 * dy), (
        rng.normal(size=(2, 4, 4)),
    )


@homework("x", r"sum|broadcast|axis|missing sum|shape|one of|only|share")
def broadcast_not_summed(rng):
    """A column (N, 1) is broadcast to (N, 5): dx takes the first column of dy."""
    return (lambda x: (x * np.arange(1.0, 6.0), None), lambda dy, _: dy[:, :1].copy()), (
        rng.normal(size=(6, 1)),
    )
