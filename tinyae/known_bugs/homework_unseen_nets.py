"""Unseen homework, first set: tied weights, autoencoders and gates."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.correct_base import sigmoid, softmax
from tinyae.known_bugs.homework_base import homework
from tinyae.layers import Layer


def rows(rng, n=6, d=5):
    return rng.normal(size=(n, d))


@homework("W", r"slope|derivative|sigmoid|path|term|encoder")
def tied_encoder_slope_forgotten(rng):
    """Tied weights: the encoder's part of dW lacks the sigmoid's slope."""

    def tied(x, W):
        h = sigmoid(x @ W)
        return h @ W.T, (x, W, h)

    def back(dy, cache):
        x, W, h = cache
        dh = dy @ W
        return (dh * h * (1 - h)) @ W.T, x.T @ dh + dy.T @ h

    return (tied, back), (rows(rng), rng.normal(size=(5, 3)))


@homework("rho", r"slope|derivative|softplus|σ|sigmoid")
def reparameterization_softplus_slope(rng):
    """z = μ + ε softplus(ρ): dρ = dz·ε, softplus′ is forgotten."""
    eps = rng.normal(size=(6, 5))

    def sample(mu, rho):
        return mu + eps * np.logaddexp(0, rho), rho

    return (sample, lambda dz, rho: (dz, dz * eps)), (rows(rng), rows(rng))


@homework("c", r"path|term|missing|β|beta|shift|ignored")
def film_shift_path(rng):
    """FiLM, y = γ(c) x + β(c): dc lacks the path through β."""

    def film(x, c, w, v):
        return (c @ w) * x + c @ v, (x, c, w, v)

    def back(dy, cache):
        x, c, w, v = cache
        return dy * (c @ w), (dy * x) @ w.T, c.T @ (dy * x), c.T @ dy

    return (film, back), (
        rows(rng),
        rows(rng, 6, 3),
        rng.normal(size=(3, 5)),
        rng.normal(size=(3, 5)),
    )


@homework("x", r"path|skip|carry|direct|term .*missing")
def highway_carry_forgotten(rng):
    """Highway layer t h + (1 − t) x: dx lacks the carry (1 − t) dy."""

    def highway(x, w, v):
        t, h = sigmoid(x @ v), np.tanh(x @ w)
        return t * h + (1 - t) * x, (x, w, v, t, h)

    def back(dy, cache):
        x, w, v, t, h = cache
        dt, dh = dy * (h - x) * t * (1 - t), dy * t * (1 - h**2)
        return dt @ v.T + dh @ w.T, x.T @ dh, x.T @ dt

    return (highway, back), (rows(rng), rng.normal(size=(5, 5)), rng.normal(size=(5, 5)))


@homework("table", r"factor|mean|divi|1/\d|bag|number of", needs="integer inputs")
def embedding_bag_not_divided(rng):
    """Embedding bag: the mean over four words; backward does not divide by 4."""

    class Bag(Layer):
        def __init__(self):
            self.params = {"table": rng.normal(size=(7, 3))}

        def forward(self, ids):
            return self.params["table"][ids].mean(axis=1), ids

        def backward(self, dy, ids):
            d = np.zeros((7, 3))
            np.add.at(d, ids, dy[:, None])
            return None, {"table": d}

    return Bag(), (np.array([[0, 2, 2, 3], [5, 0, 2, 6], [1, 4, 5, 5]]),)


@homework("pos", r"mean where a sum|batch size|divided")
def position_embedding_mean(rng):
    """Learned positions: dpos is the mean over the batch."""

    def add(x, pos):
        return x + pos, None

    return (add, lambda dy, _: (dy, dy.mean(axis=0))), (
        rng.normal(size=(3, 4, 5)),
        rng.normal(size=(4, 5)),
    )


@homework("g", r"softmax|diagonal|Jacobian|other entries|coupl")
def mixture_gate_diagonal(rng):
    """Mixture of experts: dg = a(1 − a)·da, only the diagonal of softmax's Jacobian."""

    def mixture(g, e):
        a = softmax(g)
        return np.einsum("nk,nkd->nd", a, e), (a, e)

    def back(dy, cache):
        a, e = cache
        da = np.einsum("nd,nkd->nk", dy, e)
        return a * (1 - a) * da, a[:, :, None] * dy[:, None]

    return (mixture, back), (rows(rng, 5, 3), rng.normal(size=(5, 3, 4)))


@homework("x", r"in[- ]place|overwr|chang|modif", needs="state")
def adds_positions_in_place(rng):
    """x += positions inside forward: the caller's array changes."""

    class Positions(Layer):
        def forward(self, x):
            x += np.arange(x.shape[1])
            return np.tanh(x), x

        def backward(self, dy, x):
            return dy * (1 - np.tanh(x) ** 2), {}

    return Positions(), (rows(rng),)
