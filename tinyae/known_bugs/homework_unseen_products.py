"""Unseen homework, first set: attention, kernels and products."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.correct_base import softmax
from tinyae.known_bugs.homework_base import homework

FACTOR = r"factor"


def rows(rng, n=6, d=5):
    return rng.normal(size=(n, d))


def attend(q, k, v):
    a = softmax(q @ k.T / 2)
    return a @ v, (q, k, v, a)


def score_gradient(dy, cache):
    a, da = cache[3], dy @ cache[2].T
    return a * (da - (da * a).sum(axis=1, keepdims=True)) / 2


@homework("k", r"√|sqrt|factor")
def attention_key_scaled_twice(rng):
    """Attention: the scale 1/√d is applied twice in dk."""

    def back(dy, c):
        ds = score_gradient(dy, c)
        return ds @ c[1], ds.T @ c[0] / 2, c[3].T @ dy

    return (attend, back), (rows(rng, 6, 4), rows(rng, 5, 4), rows(rng, 5, 4))


@homework("q", r"\bv\b.*(where|place|instead|for) .*\bk\b|\bv\b")
def attention_value_for_key(rng):
    """Attention: dq = ds v, it must be ds k."""

    def back(dy, c):
        ds = score_gradient(dy, c)
        return ds @ c[2], ds.T @ c[0], c[3].T @ dy

    return (attend, back), (rows(rng, 6, 4), rows(rng, 5, 4), rows(rng, 5, 4))


def rbf(x, c):
    gap = x[:, None] - c  # (N, K, D)
    phi = np.exp(-0.5 * (gap**2).sum(axis=2))
    return phi, (gap, phi)


@homework("c", r"sign")
def rbf_center_sign(rng):
    """RBF layer: the sign of the centers' gradient."""

    def back(dy, cache):
        gap, phi = cache
        d = -(dy * phi)[:, :, None] * gap
        return d.sum(axis=1), d.sum(axis=0)

    return (rbf, back), (0.5 * rows(rng, 6, 3), 0.5 * rows(rng, 4, 3))


@homework("x", r"slope|derivative|φ|phi|output|\by\b|exp")
def rbf_output_forgotten(rng):
    """RBF layer: the factor φ itself is forgotten in dx, the exponential's derivative."""

    def back(dy, cache):
        gap, phi = cache
        return -(dy[:, :, None] * gap).sum(axis=1), ((dy * phi)[:, :, None] * gap).sum(axis=0)

    return (rbf, back), (0.5 * rows(rng, 6, 3), 0.5 * rows(rng, 4, 3))


@homework("w", r"transpos|swap")
def bilinear_form_transposed(rng):
    """x1ᵀ W x2: dW = Σ x2 x1ᵀ, it must be Σ x1 x2ᵀ."""

    def form(a, b, w):
        return np.einsum("ni,ij,nj->n", a, w, b), (a, b, w)

    def back(dy, cache):
        a, b, w = cache
        return dy[:, None] * (b @ w.T), dy[:, None] * (a @ w), np.einsum("n,ni,nj->ij", dy, b, a)

    return (form, back), (rows(rng), rows(rng), rng.normal(size=(5, 5)))


@homework("x", r"term|path|missing|second|x itself")
def factorization_machine_term(rng):
    """½ ((xV)² − x²V²): the second part is missing in dx."""

    def fm(x, v):
        s = x @ v
        return 0.5 * (s**2 - x**2 @ v**2).sum(axis=1), (x, v, s)

    def back(dy, cache):
        x, v, s = cache
        dv = x.T @ (dy[:, None] * s) - v * ((x**2).T @ dy)[:, None]
        return dy[:, None] * (s @ v.T), dv

    return (fm, back), (rows(rng), rng.normal(size=(5, 3)))


@homework("x, w", r"maximum|\bmax|mask|not selected|do not move|winner|all pieces")
def maxout_gradient_to_all_pieces(rng):
    """Maxout with three pieces: each piece gets the gradient, not only the largest."""

    def maxout(x, w):
        z = np.einsum("nd,dok->nok", x, w)
        return z.max(axis=2), (x, w, z)

    def back(dy, cache):
        x, w, z = cache
        dz = np.broadcast_to(dy[:, :, None], z.shape)
        return np.einsum("nok,dok->nd", dz, w), np.einsum("nok,nd->dok", dz, x)

    return (maxout, back), (rows(rng), rng.normal(size=(5, 3, 3)))
