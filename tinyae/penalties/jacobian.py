"""Penalties on a net's Jacobian J = ∂z/∂x: exact, for any net of the layers, without autograd.

    Ω = (1/N) Σ_n ‖∂z_n/∂x_n‖²_F

For z = f_L(… f_1(x)), the rows of J are cotangents on their way down: V_L = identity, V_{l−1} = vjp_l(V_l), J = V_0. The
gradient of Ω at J is 2 V_0 / N. On the way up each layer's ``double_backward`` takes the gradient at V_{l−1} to the one at V_l
and adds the gradient of its own weights. A layer that bends (f'' ≠ 0) has one more, at its input; an ordinary backward
collects these. So the price is a vjp sweep, a tangent sweep and a backward, for each of the K = dim z rows.

The rows are made in blocks, so that memory does not grow with K. A first Linear layer needs no array of the input's width.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinyae.backend import Array, device_of, scalar, to_device
from tinyae.layers import Flatten, Linear, Reshape
from tinyae.layers.activations import Elementwise
from tinyae.layers.base import Gradients, Layer
from tinyae.layers.sequential import Chain, added

BLOCK = 1 << 18  # numbers in the widest layer's cotangents at a time: 1 MiB in float32, which stays in the cache
BLOCK_GPU = 1 << 28
Bends = dict[str, Array | None]


def contractive(encoder: Layer, caches: Any, probes: int | None = None, rng: Any = None) -> tuple[Any, Array | None, Gradients]:
    """``Ω, dx, grads``: the batch mean of ‖∂z/∂x‖²_F and its gradient, at the point ``z, caches = encoder.forward(x)``.

    Rifai et al. 2011 (eq. 5 and 7) for one sigmoid layer, here for any encoder of the layers. Range [0, ∞). dx has the shape
    of x, or is None where Ω does not depend on x (all layers linear or piecewise linear).

    Args:
        probes: None takes all K rows, which is exact. A number k ≥ 1 takes k random ±1 sums v of the rows (Hutchinson 1990):
            E ‖Jᵀv‖² = ‖J‖²_F, so value and gradient are unbiased. An example's value then has the variance
            (2/k) Σ_{i≠j} (J Jᵀ)²_ij. For wide codes.
        rng: of the probes, a seed or a generator.

    Raises:
        ValueError: probes < 1, or caches of another net.
        TypeError: a layer of the encoder has no double_backward.
    """
    net, caches, names = _flattened(encoder, caches)
    value, bends, grads = _norm(net, caches, probes, rng)
    dx, more = net.backward(None, caches, bends=bends)
    return value, dx, names(added(grads, more))


def contractive_backward(
    encoder: Layer, dz: Array, caches: Any, weight: float, probes: int | None = None, rng: Any = None
) -> tuple[Any, Gradients]:
    """``Ω, grads`` for a loss + weight · Ω, where dz is the loss's gradient at the code: its backward and the one that
    collects the penalty's bends are one pass. For training: no dx."""
    net, caches, names = _flattened(encoder, caches)
    value, bends, grads = _norm(net, caches, probes, rng, weight)
    _, more = net.backward(dz, caches, input_gradient=False, bends=bends)
    return value, names(added(grads, more))


def reconstruction_contractive(
    model: Layer, caches: Any, probes: int | None = None, rng: Any = None
) -> tuple[Any, Array | None, Gradients]:
    """``Ω, dx, grads`` with the Jacobian of the whole reconstruction, mean ‖∂x̂/∂x‖²_F (Alain & Bengio 2014, eq. 9).

    That is ``contractive`` of the autoencoder itself. It has as many rows as x has numbers: with ``probes`` it is much
    cheaper. Unlike the encoder's alone, it cannot be cheated by a small code and large decoder weights.
    """
    return contractive(model, caches, probes, rng)


def higher_order_contractive(
    encoder: Layer, x: Array, sigma: float = 0.1, samples: int = 1, rng: Any = None
) -> tuple[Any, Array | None, Gradients]:
    """``value, dx, grads`` of (1/N) Σ E‖J(x) − J(x + ε)‖²_F, ε ~ N(0, σ²): the CAE+H's second term (Rifai et al. 2011b, eq. 6).

    For small σ it is σ² times the squared norm of the Jacobian's own derivative, so it keeps J from turning. ``samples``
    draws of ε are averaged. Add it to ``contractive`` with a weight of its own.

    Raises:
        ValueError: sigma ≤ 0 or samples < 1. TypeError: a layer has no double_backward.
    """
    if not sigma > 0 or samples < 1:
        raise ValueError(f"higher_order_contractive: sigma is {sigma} and samples {samples}, expected above 0 and at least 1")
    rng = np.random.default_rng(rng)
    _, nested = encoder.forward(x)
    net, caches, names = _flattened(encoder, nested)
    _check(net, caches, None)
    value, grads, dx = 0.0, {}, None
    for _ in range(samples):
        noise = sigma * rng.standard_normal(x.shape)
        shifted = _flattened(encoder, encoder.forward(x + to_device(noise.astype(x.dtype), device_of(x)))[1])[1]
        for v in _rows(net, caches, None, None):
            difference = net.vjp(v, caches) - net.vjp(v, shifted)
            value += scalar((difference * difference).sum()) / (len(x) * samples)
            g = difference * (2 / (len(x) * samples))
            for sign, at in ((1, caches), (-1, shifted)):  # the value falls as J(x + ε) comes nearer: hence −g there
                _, more_dx, more = net.double_backward(sign * g, v, at)
                grads = added(grads, more)
                dx = more_dx if dx is None else dx if more_dx is None else dx + more_dx
    return value, dx, names(grads)


def jacobian(net: Layer, x: Array) -> Array:
    """``∂y/∂x`` of every example: (N, *out, *in). By rows (vjp) or by columns (jvp), whichever are fewer.

    Raises:
        ValueError: an input that does not fit the net.
    """
    y, nested = net.forward(x)
    chain, caches, _ = _flattened(net, nested)
    out, n = math.prod(y.shape[1:]), math.prod(x.shape[1:])
    result = np.empty_like(x, shape=(len(x), out, n))
    start = 0
    if out <= n:
        for v in _rows(chain, caches, None, None):  # (B, N, *out)
            rows = chain.vjp(v, caches).reshape(len(v), len(x), n)
            result[:, start : start + len(v)] = rows.swapaxes(0, 1)
            start += len(v)
    else:
        for v in _identity(x.shape, x, _rows_at_a_time(chain, caches)):  # (B, N, *in)
            columns = chain.jvp(v, caches).reshape(len(v), len(x), out)
            result[:, :, start : start + len(v)] = columns.transpose(1, 2, 0)
            start += len(v)
    return result.reshape(len(x), *y.shape[1:], *x.shape[1:])


def singular_values(net: Layer, x: Array) -> Array:
    """The singular values of every example's Jacobian, (N, min(out, in)), largest first: along how many directions, and how
    strongly, the code still moves (Rifai et al. 2011, figure 3)."""
    j = jacobian(net, x)
    out = math.prod(net.forward(x[:1])[0].shape[1:])
    return np.linalg.svd(j.reshape(len(x), out, -1), compute_uv=False)


def contraction_ratios(encoder: Layer, x: Array, distances: Any, rng: Any = 0) -> np.ndarray:
    """``mean ‖z(x + r u) − z(x)‖ / r`` for each distance r, over examples x and random unit vectors u: below 1 the encoder
    brings points closer (Rifai et al. 2011, figure 2). Shape (len(distances),).

    Raises:
        ValueError: a distance that is not above 0.
    """
    distances = np.asarray(distances, dtype=float)
    if not (distances > 0).all():
        raise ValueError(f"contraction_ratios: distances are {distances}, expected numbers above 0")
    u = np.random.default_rng(rng).standard_normal((len(x), math.prod(x.shape[1:])))
    u = to_device((u / np.linalg.norm(u, axis=1, keepdims=True)).astype(x.dtype), device_of(x)).reshape(x.shape)
    z = encoder(x).reshape(len(x), -1)
    moved = (encoder(x + x.dtype.type(r) * u).reshape(len(x), -1) - z for r in distances)
    return np.array([float(np.sqrt((d * d).sum(axis=1)).mean()) for d in moved]) / distances


def _norm(
    net: Chain, caches: list[Any], probes: int | None, rng: Any, weight: float = 1.0
) -> tuple[Any, Bends, Gradients]:
    """``Ω`` and, times ``weight``, the layers' bends and the gradients of the weights through J at a fixed point;
    ``net.backward(dz, caches, bends=bends)`` gives what comes through the point."""
    _check(net, caches, probes)
    reshapes, rest = _without_reshapes(net)  # which leave the norm as it is
    if isinstance(rest[0], Linear) and (len(rest) == 1 or len(rest) == 2 and isinstance(rest[1], Elementwise)) and not probes:
        return _one_layer(net, caches, len(reshapes), weight)
    return _by_rows(net, caches, len(reshapes), probes, rng, weight)


def _one_layer(net: Chain, caches: list[Any], first: int, weight: float) -> tuple[Any, Bends, Gradients]:
    """One layer z = f(Wx + b) in O(D·H): row i of J is f'(a_i) W_i, so with s = f'(a), n_i = Σ_j W²_ij,

        ``‖J‖²_F = Σ_i s_i² n_i``,   ``∂/∂W_ij = 2 s_i² W_ij`` at fixed s,   ``∂/∂a_i = 2 s_i f''(a_i) n_i``

    (Rifai et al. 2011, section 3; with s = 1, the linear encoder, Ω = ‖W‖² is weight decay.)
    """
    name, layer = list(net.named_layers.items())[first]
    w, x = layer.params["weight"], caches[first]
    n = len(x)
    norms = (w * w).sum(axis=1)  # n_i: (H,)
    bends: Bends = {}
    squared_slopes = np.full_like(norms, 1)  # the batch mean of s_i²: (H,)
    if len(net.layers) > first + 1:
        activation, y = net.layers[first + 1], caches[first + 1]
        slope, curvature = activation.slope(y), activation.curvature(y)  # (N, H)
        squared_slopes = (slope * slope).mean(axis=0, dtype=w.dtype)
        if curvature is not None:
            bends[list(net.named_layers)[first + 1]] = (2 * weight / n) * slope * curvature * norms
    grads = {key: np.zeros_like(a) for key, a in layer.params.items()}
    grads["weight"] = (2 * weight) * squared_slopes[:, None] * w
    return scalar((squared_slopes * norms).sum()), bends, net.named({name: grads})


def _by_rows(
    net: Chain, caches: list[Any], first: int, probes: int | None, rng: Any, weight: float
) -> tuple[Any, Bends, Gradients]:
    """The general case: block after block of rows goes down and up."""
    names, layers = list(net.named_layers), net.layers
    linear = layers[first] if isinstance(layers[first], Linear) else None
    start = first + 1 if linear else first
    above, upper = Chain({name: net.named_layers[name] for name in names[start:]}), caches[start:]
    scale = 1 / (net.output_shape(caches)[0] * (probes or 1))
    if linear:
        w = linear.params["weight"]  # (H, D)
        wwt, vtv = w @ w.T, np.zeros_like(w, shape=(len(w), len(w)))  # (H, H)
    value, bends, grads = 0.0, {}, {}
    live = None if probes else _live_units(net, caches)
    for rows in _rows(net, caches, probes, rng, live):  # (B, N, *z)
        cotangents, v = above.cotangents(rows, upper)
        if linear:
            # J = V W. At D = 784 inputs and H = 512 units, ‖V W‖² = Σ (V WWᵀ) ∘ V needs no array as wide as the input
            flat = v.reshape(-1, len(w))  # (B·N, H)
            g = flat @ wwt
            value += scalar((g * flat).sum()) * scale
            vtv += flat.T @ flat
            g = g.reshape(v.shape)
        else:
            g = v
            value += scalar((v * v).sum()) * scale
        g *= 2 * scale * weight
        _, more_bends, more = above.tangents(g, cotangents, upper)
        grads = added(grads, more)
        bends = added(bends, {name: bend for name, bend in more_bends.items() if bend is not None})
    if linear:
        first_grads = {key: np.zeros_like(a) for key, a in linear.params.items()}
        first_grads["weight"] = (2 * scale * weight) * (vtv @ w)  # ∂/∂W Σ ‖V W‖² = 2 VᵀV W
        grads = {**net.named({names[first]: first_grads}), **grads}
    return value, bends, grads


def _rows(net: Chain, caches: list[Any], probes: int | None, rng: Any, units: Array | None = None) -> Iterator[Array]:
    """The cotangents to send down, in blocks (B, N, *z): all unit vectors, or those of ``units``, or random ±1."""
    shape, like = net.output_shape(caches), next(iter(net.params.values()), None)
    at_a_time = _rows_at_a_time(net, caches)
    if probes is None:
        yield from _identity(shape, like, at_a_time, units)
        return
    rng = np.random.default_rng(rng)
    for start in range(0, probes, at_a_time):
        signs = rng.integers(0, 2, (min(at_a_time, probes - start), *shape)) * 2 - 1
        yield to_device(signs.astype(like.dtype), device_of(like))


def _identity(shape: tuple[int, ...], like: Array, at_a_time: int, units: Array | None = None) -> Iterator[Array]:
    """The unit vectors of every example, (B, N, *shape[1:]), B at a time. ``units`` (N, K') names those of each example."""
    n, size = shape[0], math.prod(shape[1:])
    count = size if units is None else units.shape[1]
    for start in range(0, count, at_a_time):
        block = np.zeros_like(like, shape=(min(at_a_time, count - start), n, size), order="C")
        for i in range(len(block)):
            if units is None:
                block[i, :, start + i] = 1
            else:
                block[i, range(n), units[:, start + i]] = 1
        yield block.reshape(len(block), *shape)


def _live_units(net: Chain, caches: list[Any]) -> Array | None:
    """(N, K'): for each example the code units that move at all, K' of them in the batch's busiest example (others fill up with
    units that do not). A ReLU code is 0 for about half of its units, and their rows of J are 0. None means all units.

    Examples do not meet in J, so the i-th row that is sent down may be another unit's for each of them. On a GPU all rows are
    taken: there, asking for K' would wait for the device."""
    layer, y = next((pair for pair in reversed(list(zip(net.layers, caches, strict=True)))
                     if not isinstance(pair[0], Flatten | Reshape)), (None, None))  # fmt: skip
    if not isinstance(layer, Elementwise) or device_of(y) != "cpu":
        return None
    dead = layer.slope(y).reshape(len(y), -1) == 0  # (N, K)
    most = max(1, dead.shape[1] - int(dead.sum(axis=1).min(initial=dead.shape[1])))
    return np.argsort(dead, axis=1, kind="stable")[:, :most]


def _rows_at_a_time(net: Chain, caches: list[Any]) -> int:
    shapes = [layer.output_shape(cache) for layer, cache in zip(net.layers, caches, strict=True)]
    like = next(iter(net.params.values()))
    return max(1, (BLOCK if device_of(like) == "cpu" else BLOCK_GPU) // max(1, *(math.prod(shape) for shape in shapes)))


def _flattened(net: Layer, caches: Any) -> tuple[Chain, list[Any], Any]:
    """Containers inside containers -> one chain of plain layers, its caches, and a function that gives the gradients the
    names that ``net`` has for them."""
    if not isinstance(net, Chain):
        return Chain({"net": net}), [caches], lambda grads: {key.removeprefix("net."): g for key, g in grads.items()}
    layers, flat = {}, []

    def walk(chain: Chain, chain_caches: Any, prefix: str) -> None:
        if not isinstance(chain_caches, list) or len(chain_caches) != len(chain.layers):
            raise ValueError(f"{type(chain).__name__}: these are the caches of another net, expected {len(chain.layers)} of them")
        for (name, layer), cache in zip(chain.named_layers.items(), chain_caches, strict=True):
            if isinstance(layer, Chain):
                walk(layer, cache, f"{prefix}{name}.")
            else:
                layers[prefix + name] = layer
                flat.append(cache)

    walk(net, caches, "")
    return Chain(layers), flat, net.merged


def _without_reshapes(net: Chain) -> tuple[list[Layer], list[Layer]]:
    layers = net.layers
    first = next((i for i, layer in enumerate(layers) if not isinstance(layer, Flatten | Reshape)), 0)
    return layers[:first], layers[first:]


def _check(net: Chain, caches: list[Any], probes: int | None) -> None:
    if probes is not None and (not isinstance(probes, int | np.integer) or probes < 1):
        raise ValueError(f"contractive: probes is {probes}, expected None (exact) or a whole number of at least 1")
    shape = None
    for (name, layer), cache in zip(net.named_layers.items(), caches, strict=True):
        for method in ("vjp", "double_backward", "output_shape"):
            if getattr(type(layer), method, None) in (None, getattr(Layer, method)):
                raise TypeError(
                    f"contractive: layer {name} of the encoder, {layer!r}, has no {method}, which a Jacobian penalty needs: "
                    f"add it. What it must return stands in tinyae.layers.base.Layer.{method}"
                )
        cached = getattr(cache, "shape", None)  # an array: the layer's input, or its output of the same shape
        if shape is not None and cached is not None and cached != shape:
            raise ValueError(
                f"contractive: layer {name}, {layer!r}, has a cache of shape {cached}, expected {shape}: "
                "these are the caches of another net"
            )
        shape = layer.output_shape(cache)


