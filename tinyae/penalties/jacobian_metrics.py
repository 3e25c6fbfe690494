"""What a Jacobian looks like: norms, singular values, and how near points come to each other. For tables and plots."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinyae.backend import Array, device_of, to_device
from tinyae.layers.base import Layer
from tinyae.penalties.jacobian_penalty import check_floating, jacobian


def jacobian_norms(net: Layer, x: Array) -> Array:
    """``‖∂y/∂x‖_F`` of every example, (N,): how far y moves when x moves, all directions taken together."""
    j = jacobian(net, x).reshape(len(x), -1)
    return np.sqrt((j * j).sum(axis=1))


def normalized_contraction(encoder: Layer, x: Array) -> float:
    """``mean ‖∂z/∂x‖_F / √(Σ_i Var z_i)``: the norm beside the spread of the codes over the examples x.

    ‖J‖ alone falls when all codes are made smaller, which an untied decoder makes up for (Rifai et al. 2011, footnote 2). This
    ratio does not.
    """
    z = encoder(x).reshape(len(x), -1)
    return float(jacobian_norms(encoder, x).mean()) / float(np.sqrt(z.var(axis=0).sum()))


def singular_values(net: Layer, x: Array) -> Array:
    """The singular values of every example's Jacobian, (N, min(out, in)), largest first: along how many directions, and how
    strongly, the code still moves (Rifai et al. 2011)."""
    j = jacobian(net, x)
    out = math.prod(net.forward(x[:1])[0].shape[1:])
    return np.linalg.svd(j.reshape(len(x), out, -1), compute_uv=False)


def contraction_ratios(encoder: Layer, x: Array, distances: Any, rng: Any = 0) -> np.ndarray:
    """``mean ‖z(x + r u) − z(x)‖ / r`` for each distance r, over examples x and random unit vectors u: below 1 the encoder
    brings points closer (the contraction ratio of Rifai et al. 2011). Shape (len(distances),).

    Raises:
        ValueError: a distance that is not above 0; an x that is not floating point.
    """
    check_floating("contraction_ratios", x)
    distances = np.atleast_1d(np.asarray(distances, dtype=float))
    if not (distances > 0).all():
        raise ValueError(f"contraction_ratios: distances are {distances}, expected numbers above 0")
    u = np.random.default_rng(rng).standard_normal((len(x), math.prod(x.shape[1:])))
    u = to_device(
        (u / np.linalg.norm(u, axis=1, keepdims=True)).astype(x.dtype), device_of(x)
    ).reshape(x.shape)
    z = encoder(x).reshape(len(x), -1)
    moved = (encoder(x + x.dtype.type(r) * u).reshape(len(x), -1) - z for r in distances)
    return np.array([float(np.sqrt((d * d).sum(axis=1)).mean()) for d in moved]) / distances
