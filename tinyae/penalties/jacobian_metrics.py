"""What a Jacobian looks like: norms, singular values, contraction ratios. For tables and plots."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from tinyae._validate import as_rng, check_array, check_layer, short
from tinyae.backend import Array, Rng, device_of, to_device
from tinyae.layers.base import Layer
from tinyae.penalties.rows import jacobian


def jacobian_norms(net: Layer, x: Array) -> Array:
    """``‖∂y/∂x‖_F`` of every example, (N,): how far y moves when x moves, over all directions."""
    j = jacobian(net, x).reshape(len(x), -1)
    return np.sqrt((j * j).sum(axis=1))


def normalized_contraction(encoder: Layer, x: Array) -> float:
    """``mean ‖∂z/∂x‖_F / √(Σ_i Var z_i)``: the norm relative to the spread of the codes over x.

    ‖J‖ alone becomes smaller when all codes are scaled down, and an untied decoder can undo the
    scaling (Rifai et al. 2011, footnote 2). Scaling does not change this ratio.
    """
    check_layer("normalized_contraction", "encoder", encoder)
    check_array("normalized_contraction", "x", x)
    z = encoder(x).reshape(len(x), -1)
    return float(jacobian_norms(encoder, x).mean()) / float(np.sqrt(z.var(axis=0).sum()))


def singular_values(net: Layer, x: Array) -> Array:
    """The singular values of every example's Jacobian, (N, min(out, in)), largest first: in how
    many directions, and how strongly, the code still moves (Rifai et al. 2011)."""
    j = jacobian(net, x)
    out = math.prod(net.forward(x[:1])[0].shape[1:])
    return np.linalg.svd(j.reshape(len(x), out, -1), compute_uv=False)


def contraction_ratios(encoder: Layer, x: Array, distances: ArrayLike, rng: Rng = 0) -> np.ndarray:
    """``mean ‖z(x + r u) − z(x)‖ / r`` for each distance r, over the examples x and random unit
    vectors u: below 1, the encoder brings points closer together (the contraction ratio of Rifai et
    al. 2011). Shape (len(distances),).

    Raises:
        TypeError: an argument has another type.
        ValueError: a distance is not above 0, or x is not floating point.
    """
    check_layer("contraction_ratios", "encoder", encoder)
    check_array("contraction_ratios", "x", x)
    try:
        distances = np.atleast_1d(np.asarray(distances, dtype=float))
    except (TypeError, ValueError):
        expected = "expected numbers above 0"
        raise TypeError(
            f"contraction_ratios: distances are {short(distances)}, {expected}"
        ) from None
    if not (distances > 0).all():
        raise ValueError(f"contraction_ratios: distances are {distances}, expected numbers above 0")
    u = as_rng("contraction_ratios", rng).standard_normal((len(x), math.prod(x.shape[1:])))
    u = (u / np.linalg.norm(u, axis=1, keepdims=True)).astype(x.dtype)
    directions = to_device(u, device_of(x)).reshape(x.shape)
    z = encoder(x).reshape(len(x), -1)
    moved = (encoder(x + x.dtype.type(r) * directions).reshape(len(x), -1) - z for r in distances)
    return np.array([float(np.sqrt((d * d).sum(axis=1)).mean()) for d in moved]) / distances
