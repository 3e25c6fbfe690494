"""Unseen homework, first set: losses."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.correct_base import sigmoid, softmax
from tinyae.known_bugs.homework_base import homework


def rows(rng, n=6, d=5):
    return rng.normal(size=(n, d))


@homework("y", r"\bnorm\b|as (if it were )?a constant|projection|path through|term .*missing")
def cosine_norm_as_constant(rng):
    """Cosine loss 1 − cos(y, t): the norm of y was treated as a constant."""

    def cosine(y, t):
        ny, nt = np.linalg.norm(y, axis=1, keepdims=True), np.linalg.norm(t, axis=1, keepdims=True)
        cos = (y * t).sum(axis=1, keepdims=True) / (ny * nt)
        return (1 - cos).mean(), -t / (ny * nt) / len(y)

    return cosine, (rows(rng), rows(rng))


@homework("y", r"\bnorm\b|‖")
def cosine_not_divided_by_norm(rng):
    """Cosine loss: the gradient is not divided by ‖y‖."""

    def cosine(y, t):
        u = y / np.linalg.norm(y, axis=1, keepdims=True)
        v = t / np.linalg.norm(t, axis=1, keepdims=True)
        cos = (u * v).sum(axis=1, keepdims=True)
        return (1 - cos).mean(), -(v - cos * u) / len(y)

    return cosine, (rows(rng), rows(rng))


@homework("p", r"logit|sigmoid|slope|y \(1 − y\)|p \(1 − p\)|denominator")
def bce_of_probabilities(rng):
    """Binary cross-entropy of probabilities: dp = (p − t)/n, the gradient for logits."""

    def bce(p, t):
        return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(), (p - t) / p.size

    return bce, (rng.uniform(0.1, 0.9, (6, 4)), rng.integers(0, 2, (6, 4)).astype(float))


@homework("y", r"weight|where t|label|one part|part has|positive")
def bce_positive_weight_forgotten(rng):
    """BCE with logits and pos_weight = 3: the weight is not in the gradient."""

    def bce(y, t):
        value = 3 * t * np.logaddexp(0, -y) + (1 - t) * np.logaddexp(0, y)
        return value.mean(), (sigmoid(y) - t) / y.size

    return bce, (rows(rng), rng.integers(0, 2, (6, 5)).astype(float))


@homework("y", r"softmax\(|softmax of|reverse|direction|other loss")
def kl_in_the_other_direction(rng):
    """KL(softmax(y) ‖ t): the gradient is that of KL(t ‖ softmax(y)), p − t."""
    t = softmax(rows(rng))

    def kl(y, t):
        p = softmax(y)
        return (p * np.log(p / t)).sum() / len(y), (p - t) / len(y)

    return kl, (rows(rng), t)


@homework("y", r"distance|\bnorm\b|‖|per row|each row|divi")
def contrastive_not_divided_by_distance(rng):
    """Contrastive loss max(0, m − ‖y − t‖)²: the direction (y − t)/‖y − t‖ is not divided."""

    def contrastive(y, t):
        d = np.linalg.norm(y - t, axis=1, keepdims=True)
        gap = np.maximum(0, 6 - d)
        return (gap**2).mean(), -2 * gap * (y - t) / len(y)

    return contrastive, (rows(rng), rows(rng))


@homework("y", r"side|swapped|other (side|way)")
def pinball_sides_swapped(rng):
    """Quantile loss: τ and 1 − τ are exchanged in the gradient."""

    def pinball(y, t, q=0.8):
        e = t - y
        return np.maximum(q * e, (q - 1) * e).mean(), np.where(e > 0, q - 1, q) / y.size

    return pinball, (rows(rng), rows(rng))


@homework("y", r"weight|row|example|\bw\b")
def sample_weights_forgotten(rng):
    """Weighted squared error: the weights of the examples are not in the gradient."""

    def weighted(y, t, w):
        return (w[:, None] * (y - t) ** 2).mean(), 2 * (y - t) / y.size

    return weighted, (rows(rng), rows(rng), rng.uniform(0.5, 2, 6))


@homework("w", r"\b2\b|½|factor")
def orthogonality_factor(rng):
    """‖wᵀw − 1‖²: the gradient is 4 w (wᵀw − 1), I wrote 2."""

    def orthogonality(w):
        gap = w.T @ w - np.eye(w.shape[1])
        return (gap**2).sum(), 2 * w @ gap

    return orthogonality, (rows(rng, 6, 3),)


@homework("y", r"inside|small|β|beta|delta|part|piece|some entries")
def smooth_l1_beta_forgotten(rng):
    """Smooth L1 with β = 0.5: e²/2β where |e| < β, the gradient there is e, β is forgotten."""

    def smooth_l1(y, t, b=0.5):
        e = y - t
        value = np.where(np.abs(e) < b, e**2 / (2 * b), np.abs(e) - b / 2).mean()
        return value, np.where(np.abs(e) < b, e, np.sign(e)) / e.size

    return smooth_l1, (rows(rng), rows(rng))
