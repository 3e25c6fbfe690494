"""What a Jacobian looks like: norms, singular values, contraction ratios. For tables and plots."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from tinyae._validate import as_rng, check_array, check_layer, check_number, short
from tinyae.backend import Array, Rng, device_of, to_device
from tinyae.layers.activations import Elementwise
from tinyae.layers.base import Layer
from tinyae.layers.linear import Linear
from tinyae.penalties.chain import as_chain
from tinyae.penalties.rows import jacobian


def jacobian_norms(net: Layer, x: Array) -> Array:
    """``‖∂y/∂x‖_F`` of every example, (N,): how far y moves when x moves, over all directions.

    For one layer ``y = f(a)`` with ``a = W x + b``, row i of J is ``f'(a_i) W_i``, so
    ``‖J‖² = Σ_i f'(a_i)² ‖W_i‖²``. That needs no J: 10,000 images and 1000 units need 40 MB instead
    of 31 GB.

    Raises:
        TypeError: ``net`` is not a layer, or x is not an array.
        ValueError: x does not fit the net, or is not floating point.

    Example:
        >>> from tinyae.penalties import jacobian_norms
        >>> layer = Linear(3, 2, rng=0).astype(np.float64)
        >>> norms = jacobian_norms(layer, np.ones((4, 3)))
        >>> bool(np.allclose(norms, np.linalg.norm(layer.params["weight"])))
        True
    """
    check_layer("jacobian_norms", "net", net)
    check_array("jacobian_norms", "x", x)
    y, nested = net.forward(x)
    chain, caches = as_chain(net, nested)
    first, *others = chain.layers
    if type(first) is Linear and len(others) == 1 and isinstance(others[0], Elementwise):
        slope, w = others[0].derivative(caches[1]), first.params["weight"]  # (N, H), (H, D)
        return np.sqrt((slope * slope) @ (w * w).sum(axis=1))
    j = jacobian(net, x).reshape(len(x), -1)
    return np.sqrt((j * j).sum(axis=1))


def saturation(z: Array, threshold: float = 0.05) -> float:
    """The fraction of sigmoid activations that are below ``threshold`` or above 1 − ``threshold``,
    where the slope is close to 0 (Rifai et al. 2011, section 5.2). Range [0, 1].

    Raises:
        TypeError: z is not an array, or the threshold is not a number.
        ValueError: the threshold is not between 0 and 1/2.
        ValueError: z is empty or has values outside [0, 1].

    Example:
        >>> from tinyae.penalties import saturation
        >>> saturation(np.array([[0.01, 0.5], [0.99, 0.7]]))
        0.5
    """
    expected = "a number between 0 and 0.5"
    check_number("saturation", "threshold", threshold, lambda v: 0 < v < 0.5, expected)
    check_array("saturation", "z", z)
    if not z.size or not 0 <= float(z.min()) <= float(z.max()) <= 1:
        raise ValueError(
            f"saturation: z has shape {z.shape} and values that are not all in [0, 1], expected "
            "activations of a Sigmoid"
        )
    return float(((z < threshold) | (z > 1 - threshold)).mean())


def normalized_contraction(encoder: Layer, x: Array) -> float:
    """``mean ‖∂z/∂x‖_F / √(Σ_i Var z_i)``: the norm relative to the spread of the codes over x.

    ‖J‖ alone becomes smaller when all codes are scaled down, and an untied decoder can undo the
    scaling (Rifai et al. 2011, footnote 2). Scaling does not change this ratio.

    Example:
        >>> from tinyae.penalties import normalized_contraction
        >>> encoder, x = Linear(3, 2, rng=0), np.random.default_rng(0).normal(size=(50, 3))
        >>> half = encoder.map_params(lambda w: w / 2)
        >>> a, b = normalized_contraction(encoder, x), normalized_contraction(half, x)
        >>> bool(np.isclose(a, b))  # unlike the norm, it does not change with the scale
        True
    """
    check_layer("normalized_contraction", "encoder", encoder)
    check_array("normalized_contraction", "x", x)
    z = encoder(x).reshape(len(x), -1)
    return float(jacobian_norms(encoder, x).mean()) / float(np.sqrt(z.var(axis=0).sum()))


def singular_values(net: Layer, x: Array) -> Array:
    """The singular values of every example's Jacobian, (N, min(out, in)), largest first: in how
    many directions, and how strongly, the code still moves (Rifai et al. 2011).

    Example:
        >>> from tinyae.penalties import singular_values
        >>> singular_values(ReLU(), np.array([[3.0, -1.0, 2.0]]))  # one unit does not move
        array([[1., 1., 0.]])
    """
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

    Example:
        >>> from tinyae.penalties import contraction_ratios
        >>> contraction_ratios(Tanh(), np.zeros((20, 3)), [0.01, 1.0, 100.0]).round(2)
        array([1.  , 0.85, 0.02])
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
