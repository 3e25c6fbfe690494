"""Unseen homework, second set: attention, sequences and activations."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.correct_activations import Elementwise
from tinyae.known_bugs.correct_base import sigmoid, softmax
from tinyae.known_bugs.homework_base import homework
from tinyae.layers import Layer

PATH = r"path|term|branch|as a constant"


def rows(rng, n=6, d=5):
    return rng.normal(size=(n, d))


def heads(x, w, n=2):
    q = x @ w
    t, d = q.shape
    q = q.reshape(t, n, d // n).transpose(1, 0, 2)
    a = softmax(q @ q.transpose(0, 2, 1))
    y = (a @ q).transpose(1, 0, 2).reshape(t, d)
    return y, (x, w, q, a)


def heads_back(split, paths=(1, 1, 1)):
    def back(dy, cache):
        x, w, q, a = cache
        do = split(dy, q)
        da = do @ q.transpose(0, 2, 1)
        ds = a * (da - (da * a).sum(axis=-1, keepdims=True))
        dq = (
            paths[0] * a.transpose(0, 2, 1) @ do
            + paths[1] * ds @ q
            + paths[2] * ds.transpose(0, 2, 1) @ q
        )
        dq = dq.transpose(1, 0, 2).reshape(x.shape[0], -1)
        return dq @ w.T, x.T @ dq

    return back


def right_split(dy, q):
    return dy.reshape(q.shape[1], q.shape[0], -1).transpose(1, 0, 2)


@homework("x, w", r"reshape|order|permut|transpos|places|head")
def heads_split_without_transpose(rng):
    """Two heads: dy is reshaped to heads without the transpose."""
    split = lambda dy, q: dy.reshape(q.shape)  # noqa: E731
    return (heads, heads_back(split)), (rows(rng, 4, 3), 0.5 * rng.normal(size=(3, 4)))


@homework("x, w", PATH)
def heads_key_path_forgotten(rng):
    """Self-attention with shared q and k: dq lacks the keys' part."""
    return (heads, heads_back(right_split, (1, 1, 0))), (
        rows(rng, 4, 3),
        0.5 * rng.normal(size=(3, 4)),
    )


@homework("y", r"mask|factor|weight")
def masked_sequence_loss(rng):
    """Temporal softmax loss: the mask of the padding is not applied to the gradient."""
    labels = rng.integers(0, 4, (2, 3))
    mask = np.array([[1, 1, 0], [1, 0, 0]], float)

    def loss(y):
        flat, t, m = y.reshape(-1, 4), labels.reshape(-1), mask.reshape(-1)
        p = softmax(flat)
        i = np.arange(len(flat))
        d = p.copy()
        d[i, t] -= 1
        return -(m * np.log(p[i, t])).sum() / 2, (d / 2).reshape(y.shape)

    return loss, (rng.normal(size=(2, 3, 4)),)


@homework("table", PATH, r"second use|used twice|other use", needs="integer inputs")
def tied_embedding_output_path(rng):
    """A language model with tied embeddings: dE lacks the output layer's part."""

    class Tied(Layer):
        def __init__(self):
            self.params = {"table": rng.normal(size=(6, 3))}

        def forward(self, ids):
            e = self.params["table"][ids]
            h = np.tanh(e)
            return h @ self.params["table"].T, (ids, h)

        def backward(self, dy, cache):
            ids, h = cache
            d = np.zeros((6, 3))
            np.add.at(d, ids, dy @ self.params["table"] * (1 - h**2))
            return None, {"table": d}

    return Tied(), (np.array([0, 2, 2, 5]),)


@homework("x", r"revers|flip|transpos|cumsum|other side|both sides|later|axis 1")
def cumulative_sum_not_reversed(rng):
    """Cumulative sum over time: backward is the cumulative sum from the end, I used the same."""
    return (lambda x: (np.cumsum(x, axis=1), None), lambda dy, _: np.cumsum(dy, axis=1)), (
        rows(rng),
    )


@homework("x", r"permut|order|inverse|places|index|sort")
def sort_backward_not_inverse(rng):
    """Sorting along rows: backward applies the permutation again, not its inverse."""

    def sort(x):
        order = np.argsort(x, axis=1)
        return np.take_along_axis(x, order, axis=1), order

    return (sort, lambda dy, order: np.take_along_axis(dy, order, axis=1)), (rows(rng),)


@homework("x", r"factor 2|\b2\b|½|twice|power|square")
def gaussian_two_forgotten(rng):
    """exp(−x²): the slope is −2x y, I forgot the 2."""
    return Elementwise(lambda x: np.exp(-(x**2)), lambda x: -x * np.exp(-(x**2))), (rows(rng),)


@homework("x", PATH, r"derivative of")
def mish_second_term(rng):
    """Mish, x·tanh(softplus(x)): the slope lacks x·(…)′."""
    f = lambda x: x * np.tanh(np.log1p(np.exp(x)))  # noqa: E731
    return Elementwise(f, lambda x: np.tanh(np.log1p(np.exp(x)))), (rows(rng),)


@homework("x", PATH, r"constant")
def cubic_minus_x(rng):
    """x³ − x: the slope 3x² lacks the −1."""
    return Elementwise(lambda x: x**3 - x, lambda x: 3 * x**2), (rows(rng),)


@homework("beta", r"\bx\b|factor|slope|derivative|term")
def swish_beta_gradient(rng):
    """Swish x σ(βx): dβ = Σ dy·x σ′, one factor x is missing."""

    def swish(x, beta):
        s = sigmoid(beta * x)
        return x * s, (x, beta, s)

    def back(dy, cache):
        x, beta, s = cache
        slope = s * (1 - s)
        return dy * (s + x * beta * slope), (dy * x * slope).sum(axis=0)

    return (swish, back), (rows(rng), rng.uniform(0.5, 1.5, 5))


@homework("x", r"mask|clip|passe|outside|saturat|selected|do not move")
def hard_sigmoid_mask(rng):
    """Hard sigmoid clip(0.2x + 0.5, 0, 1): the slope 0.2 also where it is clipped."""
    f = lambda x: np.clip(0.2 * x + 0.5, 0, 1)  # noqa: E731
    return Elementwise(f, lambda x: 0.2 + 0 * x), (3 * rows(rng),)


@homework("x", r"sign|abs|slope|derivative")
def abs_power_sign(rng):
    """|x|^1.5: the slope lacks the sign."""
    return Elementwise(lambda x: np.abs(x) ** 1.5, lambda x: 1.5 * np.abs(x) ** 0.5), (rows(rng),)
