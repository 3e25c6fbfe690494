"""Unseen homework, third set: dense layers, distances, losses and joined blocks."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.correct_base import sigmoid
from tinyae.known_bugs.homework_base import homework
from tinyae.layers import Layer


def rows(rng, n=6, d=5):
    return rng.normal(size=(n, d))


class Dense(Layer):
    def __init__(self, rng, d=5, k=4):
        self.params = {"W": rng.normal(size=(d, k)), "b": rng.normal(size=k)}


@homework("W", r"first|loop|pass|example|missing|left out|short")
def dense_loop_starts_at_one(rng):
    """A dense layer with a loop over examples in backward: the loop starts at 1."""

    class L(Dense):
        def forward(self, x):
            return x @ self.params["W"] + self.params["b"], x

        def backward(self, dy, x):
            dW = np.zeros_like(self.params["W"])
            for i in range(1, len(x)):
                dW += np.outer(x[i], dy[i])
            return dy @ self.params["W"].T, {"W": dW, "b": dy.sum(axis=0)}

    return L(rng), (rows(rng),)


@homework("b", r"slope|derivative|activation|tanh")
def dense_tanh_bias_before_slope(rng):
    """tanh(xW + b): db sums dy and not da."""

    class L(Dense):
        def forward(self, x):
            y = np.tanh(x @ self.params["W"] + self.params["b"])
            return y, (x, y)

        def backward(self, dy, cache):
            x, y = cache
            da = dy * (1 - y**2)
            return da @ self.params["W"].T, {"W": x.T @ da, "b": dy.sum(axis=0)}

    return L(rng), (rows(rng),)


@homework("x", r"another array|where .* belongs|W2|updated|orientation|transpos")
def two_dense_wrong_weight(rng):
    """Two square layers: dx uses W2 in both places."""

    def net(x, W1, W2):
        h = np.tanh(x @ W1)
        return h @ W2, (x, W1, W2, h)

    def back(dy, c):
        x, W1, W2, h = c
        da = dy @ W2.T * (1 - h**2)
        return da @ W2.T, x.T @ da, h.T @ dy

    return (net, back), (rows(rng), rng.normal(size=(5, 5)), rng.normal(size=(5, 5)))


@homework("s", r"sum|mean|batch size|factor|1/")
def scalar_scale_mean(rng):
    """y = s x with one s: ds is the mean of dy·x."""
    return (
        lambda x, s: (x * s, (x, s)),
        lambda dy, c: (dy * c[1], np.array([(dy * c[0]).mean()])),
    ), (rows(rng), np.array([1.3]))


@homework("x", r"sign")
def centering_sign(rng):
    """Layer that subtracts the row's mean: the mean's path is added."""
    return (
        lambda x: (x - x.mean(axis=1, keepdims=True), None),
        lambda dy, _: dy + dy.mean(axis=1, keepdims=True),
    ), (rows(rng),)


@homework("x", r"axis|over the wrong")
def centering_wrong_axis(rng):
    """Layer that subtracts the row's mean: backward subtracts the column's."""
    return (
        lambda x: (x - x.mean(axis=1, keepdims=True), None),
        lambda dy, _: dy - dy.mean(axis=0),
    ), (rows(rng),)


@homework("x", r"path|constant|maximum|\bmax")
def divided_by_maximum(rng):
    """x / max|x| per row: the maximum was taken as a constant."""

    def f(x):
        m = np.abs(x).max(axis=1, keepdims=True)
        return x / m, m

    return (f, lambda dy, m: dy / m), (rows(rng),)


@homework("x", r"square|power|factor|slope|derivative")
def l2_distance_to_centers(rng):
    """Squared distances to centers: dx lacks the 2."""
    c0 = rng.normal(size=(3, 5))

    def dist(x):
        gap = x[:, None] - c0
        return (gap**2).sum(axis=2), gap

    return (dist, lambda dy, gap: (dy[:, :, None] * gap).sum(axis=1)), (rows(rng),)


@homework("c", r"sign|missing|path|zero")
def distance_center_sign(rng):
    """Squared distances: dc has the sign of dx."""

    def dist(x, c):
        gap = x[:, None] - c
        return (gap**2).sum(axis=2), gap

    def back(dy, gap):
        d = 2 * dy[:, :, None] * gap
        return d.sum(axis=1), d.sum(axis=0)

    return (dist, back), (rows(rng), rng.normal(size=(3, 5)))


@homework("y", r"sigmoid|slope|derivative|\by ?\(1|p ?\(1")
def mse_after_sigmoid(rng):
    """Loss ½(σ(y) − t)²: the sigmoid's slope is missing."""

    def loss(y, t):
        p = sigmoid(y)
        return 0.5 * ((p - t) ** 2).sum(), p - t

    return loss, (rows(rng), rng.uniform(size=(6, 5)))


@homework("y", r"mask|padding|ignore|not selected|do not move|factor|weight")
def masked_mse(rng):
    """MSE with a mask of valid entries: the gradient is not masked."""
    m = (rng.random((6, 5)) < 0.6).astype(float)
    return (lambda y, t: ((m * (y - t) ** 2).sum() / m.sum(), 2 * (y - t) / m.sum())), (
        rows(rng),
        rows(rng),
    )


@homework("y", r"number of|divi|mean|factor|size|count")
def masked_mse_normalization(rng):
    """MSE with a mask: the gradient is divided by all entries, the loss by the valid ones."""
    m = (rng.random((6, 5)) < 0.6).astype(float)
    return (lambda y, t: ((m * (y - t) ** 2).sum() / m.sum(), 2 * m * (y - t) / m.size)), (
        rows(rng),
        rows(rng),
    )


@homework("y", r"label|right class|smooth|term|target")
def label_smoothing_forgotten(rng):
    """Cross-entropy with label smoothing 0.1: the gradient uses the hard labels."""
    lab = rng.integers(0, 5, 6)

    def loss(y, labels):
        t = np.full((6, 5), 0.02)
        t[np.arange(6), labels] += 0.9
        z = y - y.max(axis=1, keepdims=True)
        lp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        return -(t * lp).sum() / 6, (np.exp(lp) - np.eye(5)[labels]) / 6

    return loss, (rows(rng), lab)


@homework("z", r"batch size|mean|factor|1/6|divi")
def l1_sum_gradient(rng):
    """L1 penalty as mean over the batch: the gradient is sign(z)."""
    return (lambda z: (np.abs(z).sum() / len(z), np.sign(z))), (rows(rng),)


@homework("x", r"path|skip|missing|direct")
def dense_block_concat_path(rng):
    """DenseNet: y = [x, f(x)]; dx lacks the direct part."""

    def f(x, w):
        h = np.maximum(0, x @ w)
        return np.concatenate([x, h], axis=1), (x, w, h)

    def back(dy, c):
        x, w, h = c
        da = dy[:, 5:] * (h > 0)
        return da @ w.T, x.T @ da

    return (f, back), (rows(rng), rng.normal(size=(5, 3)))


@homework("x", r"order|swap|permut|split|halves|places")
def dense_block_split_wrong(rng):
    """y = [x, f(x)] with equal widths: backward takes the parts in the wrong order."""

    def f(x, w):
        h = np.tanh(x @ w)
        return np.concatenate([x, h], axis=1), (x, w, h)

    def back(dy, c):
        x, w, h = c
        dh, dx = dy[:, :5], dy[:, 5:]
        da = dh * (1 - h**2)
        return dx + da @ w.T, x.T @ (dy[:, 5:] * (1 - h**2))

    return (f, back), (rows(rng), rng.normal(size=(5, 5)))
