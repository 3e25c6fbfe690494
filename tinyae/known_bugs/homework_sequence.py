"""Homework on attention, recurrent steps and embeddings."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.base import with_bug
from tinyae.known_bugs.correct_base import softmax
from tinyae.known_bugs.correct_sequence import Attention, Embedding
from tinyae.known_bugs.homework_base import homework, with_backward

PATH = r"path|branch|term|missing|forgot|also|second"


def sequence(rng, n=2, t=5, d=4):
    return (rng.normal(size=(n, t, d)),)


def step_inputs(rng):
    return rng.normal(size=(3, 4)), rng.normal(size=(3, 5)), rng.normal(size=(3, 5))


def words():
    return (np.array([[0, 2, 2], [5, 0, 2]]),)


@homework("Wq, Wk, bq, x", r"√d|sqrt|factor|times|\bscal|0\.5|\b2\b|ratio")
def attention_scale_forgotten(rng):
    """Attention: forward divides the scores by √d, backward does not."""

    def backward(self, dy, cache):
        x, q, k, _, a = cache
        ds = self.score_gradient(dy, cache)
        return self.collect(x, ds @ k, ds.swapaxes(1, 2) @ q, a.swapaxes(1, 2) @ dy)

    return with_backward(Attention(4, rng), backward), sequence(rng)


@homework("Wq, Wk, x", r"softmax|diagonal|Jacobian|other entries|y ?\(1")
def attention_softmax_diagonal(rng):
    """Attention: the softmax's gradient is a(1 − a)·da, its diagonal only."""
    layer = Attention(4, rng)

    def score_gradient(dy, cache):
        a = cache[-1]
        return dy @ cache[3].swapaxes(1, 2) * a * (1 - a)

    layer.score_gradient = score_gradient
    return layer, sequence(rng)


@homework("Wq, Wk, x", r"\baxis\b|\baxes\b|softmax")
def attention_softmax_axis(rng):
    """Attention: the sum in the softmax's gradient is over the queries."""
    layer = Attention(4, rng)

    def score_gradient(dy, cache):
        a, da = cache[-1], dy @ cache[3].swapaxes(1, 2)
        return a * (da - (da * a).sum(axis=1, keepdims=True))

    layer.score_gradient = score_gradient
    return layer, sequence(rng)


@homework("Wk, x", r"transpos|swapaxes")
def attention_keys_not_transposed(rng):
    """Attention: dk = ds q, I forgot to transpose ds."""

    def backward(self, dy, cache):
        x, q, k, _, a = cache
        ds = self.score_gradient(dy, cache) / 2
        return self.collect(x, ds @ k, ds @ q, a.swapaxes(1, 2) @ dy)

    return with_backward(Attention(4, rng), backward), sequence(rng)


@homework("Wv, bv, x", r"transpos|swapaxes|Wv")
def attention_values_not_transposed(rng):
    """Attention: dv = a dy, I forgot to transpose a."""

    def backward(self, dy, cache):
        x, q, k, _, a = cache
        ds = self.score_gradient(dy, cache) / 2
        return self.collect(x, ds @ k, ds.swapaxes(1, 2) @ q, a @ dy)

    return with_backward(Attention(4, rng), backward), sequence(rng)


@homework("x", PATH, r"values|Wv|\+=|overwr")
def attention_value_path(rng):
    """Attention: x reaches y three times; dx lacks the path through the values."""

    def dx(g, dy, cache, layer):
        return g - cache[-1].swapaxes(1, 2) @ dy @ layer.params["Wv"].T

    return with_bug(Attention(4, rng), x=dx), sequence(rng)


@homework("Wq, Wk, bq", r"swap|exchang|other parameter|belongs to|order|gradient of W?[qk]")
def attention_queries_and_keys_swapped(rng):
    """Attention: the gradients of Wq and Wk are swapped."""

    def backward(self, dy, cache):
        dx, grads = Attention.backward(self, dy, cache)
        names = {"Wq": "Wk", "Wk": "Wq", "bq": "bk", "bk": "bq"}
        return dx, {name: grads[names.get(name, name)] for name in grads}

    return with_backward(Attention(4, rng), backward), sequence(rng)


@homework("Wq, Wk, x", r"mask|causal|future|later|softmax")
def attention_mask_forgotten(rng):
    """Causal attention: backward computes the softmax anew and forgets the mask."""

    def backward(self, dy, cache):
        x, q, k, v, _ = cache
        return Attention.backward(self, dy, (x, q, k, v, softmax(q @ k.swapaxes(1, 2) / 2)))

    return with_backward(Attention(4, rng, causal=True), backward), sequence(rng)


@homework("weight", r"repeat|duplicate|twice|\+=|overwr|add\.at|accumulat", needs="integer inputs")
def embedding_duplicates_lost(rng):
    """Embedding: dW[index] += dy counts a repeated word once; np.add.at is right."""

    def backward(self, dy, index):
        dw = np.zeros_like(self.params["weight"])
        dw[index] += dy
        return None, {"weight": dw}

    return with_backward(Embedding(7, 3, rng), backward), words()


@homework("weight", r"batch size|mean|number of|factor|times|1/6", needs="integer inputs")
def embedding_averaged(rng):
    """Embedding: dW is divided by the number of words in the batch."""

    def backward(self, dy, index):
        return None, {"weight": Embedding.backward(self, dy, index)[1]["weight"] / index.size}

    return with_backward(Embedding(7, 3, rng), backward), words()


@homework("weight", r"row|index|shift|offset|order|permut|off by one", needs="integer inputs")
def embedding_off_by_one(rng):
    """Embedding: index 0 was meant for padding; backward writes to row index + 1."""

    def backward(self, dy, index):
        return Embedding.backward(self, dy, index + 1)

    return with_backward(Embedding(7, 3, rng), backward), words()
