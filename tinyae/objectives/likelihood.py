"""What a loss says about the data: its probability distribution and its curvature. The Fisher
matrix needs both."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinyae.backend import Array, namespace, standard_normal
from tinyae.layers import Sigmoid
from tinyae.losses import Loss, bce, bce_with_logits, mse


@dataclass(frozen=True)
class Likelihood:
    """What a loss says about a target t, given the net's output a: D · loss is −log p(t | a) plus a
    constant, where D is the number of outputs.

    Args:
        loss: the mean over all elements.
        sample: draws targets from p(t | a).
        curvature: the second derivative of −log p with respect to each output, (N, D).
    """

    loss: Loss
    sample: Callable[[Array, np.random.Generator], Array]
    curvature: Callable[[Array], Array]


def _sample_bernoulli(a: Array, rng: np.random.Generator) -> Array:
    uniform = namespace(a).asarray(rng.random(a.shape, dtype=np.float32))
    return (uniform < Sigmoid()(a)).astype(a.dtype)


def _bernoulli_curvature(a: Array) -> Array:
    return Sigmoid().derivative(Sigmoid()(a))  # p (1 − p)


BERNOULLI = Likelihood(bce_with_logits, _sample_bernoulli, _bernoulli_curvature)
# Σ (a − t)² is −log of a normal density with variance 1/2
GAUSSIAN = Likelihood(
    mse,
    lambda a, rng: a + a.dtype.type(math.sqrt(0.5)) * standard_normal(a.shape, a, rng),
    lambda a: np.full_like(a, 2),
)
LIKELIHOODS: dict[Loss, Likelihood] = {bce: BERNOULLI, bce_with_logits: BERNOULLI, mse: GAUSSIAN}
