"""Penalties on a net's Jacobian J = ∂z/∂x: exact, for any net of the layers, without autograd.

    Ω = (1/N) Σ_n ‖∂z_n/∂x_n‖²_F

For z = f_L(… f_1(x)), the rows of J are cotangents on their way down: V_L = identity, V_{l−1} = vjp_l(V_l), J = V_0. The
gradient of Ω at J is 2 V_0 / N. On the way up each layer's ``double_backward`` takes the gradient at V_{l−1} to the one at V_l
and adds the gradient of its own weights. A layer that bends (f'' ≠ 0) has one more, at its input; an ordinary backward
collects these. So the price is a sweep down and one up for each of the K = dim z rows, and one backward for all of them.

The rows are made in blocks, so that memory does not grow with K. A first Linear layer needs no array of the input's width.
What a Jacobian looks like (its singular values, say) is in ``measures``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinyae._validate import check_weight
from tinyae.backend import Array, device_of, scalar, to_device
from tinyae.layers import Flatten, Linear, Reshape
from tinyae.layers.activations import Elementwise
from tinyae.layers.base import Gradients, Layer
from tinyae.layers.containers import Chain, add_gradients
from tinyae.penalties.chain import check_chain, flattened, reshapes

BLOCK = (
    1 << 19
)  # numbers in the widest layer's cotangents at a time: 2 MiB in float32, about what stays in a core's cache
BLOCK_GPU = 1 << 28
Bends = dict[str, Array | None]


def contractive(
    encoder: Layer, caches: Any, probes: int | None = None, rng: Any = None
) -> tuple[Any, Array | None, Gradients]:
    """``Ω, dx, grads``: the batch mean of ‖∂z/∂x‖²_F and its gradient, at the point ``z, caches = encoder.forward(x)``.

    The norm of Rifai et al. 2011 (eq. 1), theirs for one sigmoid layer, here for any encoder of the layers. Range [0, ∞). dx has
    the shape of x, or is None where Ω does not depend on x (all layers linear or piecewise linear).

    Args:
        probes: None takes all K rows, which is exact. A number k ≥ 1 takes k random ±1 sums v of the rows (Hutchinson 1990):
            E ‖Jᵀv‖² = ‖J‖²_F, so value and gradient are unbiased. An example's value then has the variance
            (2/k) Σ_{i≠j} (J Jᵀ)²_ij. For wide codes.
        rng: of the probes, a seed or a generator.

    Raises:
        ValueError: probes < 1; a batch of 0 examples; caches of another net, as far as their shapes tell.
        TypeError: a layer of the encoder lacks a method: vjp, double_backward or output_shape.
    """
    net, caches, names = flattened(encoder, caches)
    value, bends, grads = _norm(net, caches, probes, rng)
    dx, more = net.backward(None, caches, bends=bends)
    return value, dx, names(add_gradients(grads, more))


def contractive_backward(
    encoder: Layer,
    dz: Array,
    caches: Any,
    weight: float,
    probes: int | None = None,
    rng: Any = None,
) -> tuple[Any, Gradients]:
    """``Ω, grads`` for a loss + weight · Ω, where dz is the loss's gradient at the code: its backward and the one that
    collects the penalty's bends are one pass. For training: no dx.

    Raises:
        ValueError: a weight that is negative or not finite; a dz that has not the code's shape; what ``contractive`` raises.
    """
    check_weight("contractive_backward", "weight", weight)
    net, caches, names = flattened(encoder, caches)
    check_chain(net, caches, probes)
    if dz.shape != net.output_shape(caches):
        raise ValueError(
            f"contractive_backward: dz has shape {dz.shape}, expected that of the code, {net.output_shape(caches)}"
        )
    value, bends, grads = _norm(net, caches, probes, rng, weight)
    _, more = net.backward(dz, caches, input_gradient=False, bends=bends)
    return value, names(add_gradients(grads, more))


def reconstruction_contractive(
    model: Layer, caches: Any, probes: int | None = None, rng: Any = None
) -> tuple[Any, Array | None, Gradients]:
    """``Ω, dx, grads`` with the Jacobian of the whole reconstruction, mean ‖∂x̂/∂x‖²_F (Alain & Bengio 2014).

    That is ``contractive`` of the autoencoder itself. It has as many rows as x has numbers: with ``probes`` it is much
    cheaper. Unlike the encoder's alone, it cannot be cheated by a small code and large decoder weights.
    """
    return contractive(model, caches, probes, rng)


def higher_order_contractive(
    encoder: Layer, x: Array, sigma: float = 0.1, samples: int = 1, rng: Any = None
) -> tuple[Any, Array | None, Gradients]:
    """``value, dx, grads`` of (1/N) Σ E‖J(x) − J(x + ε)‖²_F, ε ~ N(0, σ²), the second-order term of the CAE+H.

    For small σ it is σ² times the squared norm of the Jacobian's own derivative, so it keeps J from turning. ``samples`` draws of
    ε are averaged. Add it to ``contractive`` with a weight of its own. Rifai et al., Higher order contractive auto-encoder, 2011.

    Raises:
        ValueError: sigma ≤ 0 or samples < 1; an x that is not floating point or empty. TypeError: a layer has no double_backward.
    """
    check_floating("higher_order_contractive", x)
    if not sigma > 0 or samples < 1 or samples % 1:
        raise ValueError(
            f"higher_order_contractive: sigma is {sigma} and samples {samples}, expected above 0 and at least 1"
        )
    rng = np.random.default_rng(rng)
    _, nested = encoder.forward(x)
    net, caches, names = flattened(encoder, nested)
    check_chain(net, caches, None)
    value, grads, dx = 0.0, {}, None
    for _ in range(samples):
        noise = sigma * rng.standard_normal(x.shape)
        shifted = flattened(
            encoder, encoder.forward(x + to_device(noise.astype(x.dtype), device_of(x)))[1]
        )[1]
        for v in _rows(net, caches, None, None, like=x, width=math.prod(x.shape[1:])):
            difference = net.vjp(v, caches) - net.vjp(v, shifted)
            value += scalar((difference * difference).sum()) / (len(x) * samples)
            g = difference * (2 / (len(x) * samples))
            for sign, at in (
                (1, caches),
                (-1, shifted),
            ):  # the value falls as J(x + ε) comes nearer: hence −g there
                _, more_dx, more = net.double_backward(sign * g, v, at)
                grads = add_gradients(grads, more)
                dx = more_dx if dx is None else dx if more_dx is None else dx + more_dx
    return value, dx, names(grads)


def jacobian(net: Layer, x: Array) -> Array:
    """``∂y/∂x`` of every example: (N, *out, *in). By rows (vjp) or by columns (jvp), whichever are fewer.

    Raises:
        ValueError: an input that does not fit the net, or is not floating point.
    """
    check_floating("jacobian", x)
    y, nested = net.forward(x)
    chain, caches, _ = flattened(net, nested)
    out, n = math.prod(y.shape[1:]), math.prod(x.shape[1:])
    at_a_time = _rows_at_a_time(y, out * len(y), n * len(x))
    result = np.empty_like(y, shape=(len(x), out, n))
    start = 0
    if out <= n:
        for v in _identity(y.shape, y, at_a_time):  # (B, N, *out)
            rows = chain.vjp(v, caches).reshape(len(v), len(x), n)
            result[:, start : start + len(v)] = rows.swapaxes(0, 1)
            start += len(v)
    else:
        for v in _identity(x.shape, y, at_a_time):  # (B, N, *in)
            columns = chain.jvp(v, caches).reshape(len(v), len(x), out)
            result[:, :, start : start + len(v)] = columns.transpose(1, 2, 0)
            start += len(v)
    return result.reshape(len(x), *y.shape[1:], *x.shape[1:])


def check_floating(who: str, x: Array) -> None:
    if x.dtype.kind not in "fc":
        raise ValueError(
            f"{who}: x has dtype {x.dtype}, expected floating point: for pixels x.astype(np.float32) / 255"
        )


def _norm(
    net: Chain, caches: list[Any], probes: int | None, rng: Any, weight: float = 1.0
) -> tuple[Any, Bends, Gradients]:
    """``Ω`` and, times ``weight``, the layers' bends and the gradients of the weights through J at a fixed point;
    ``net.backward(dz, caches, bends=bends)`` gives what comes through the point."""
    check_chain(net, caches, probes)
    first, *others = net.layers[reshapes(net.layers) :]
    if (
        type(first) is Linear
        and not probes
        and len(others) < 2
        and all(isinstance(layer, Elementwise) for layer in others)
    ):
        return _one_layer(net, caches, reshapes(net.layers), weight)
    return _by_rows(net, caches, probes, rng, weight)


def _one_layer(
    net: Chain, caches: list[Any], first: int, weight: float
) -> tuple[Any, Bends, Gradients]:
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
        slope, curvature = activation.derivative(y), activation.second_derivative(y)  # (N, H)
        squared_slopes = (slope * slope).mean(axis=0, dtype=w.dtype)
        if curvature is not None:
            bends[list(net.named_layers)[first + 1]] = (2 * weight / n) * slope * curvature * norms
    grads = {key: np.zeros_like(a) for key, a in layer.params.items()}
    grads["weight"] = (2 * weight) * squared_slopes[:, None] * w
    return scalar((squared_slopes * norms).sum()), bends, net.named({name: grads})


def _by_rows(
    net: Chain, caches: list[Any], probes: int | None, rng: Any, weight: float
) -> tuple[Any, Bends, Gradients]:
    """The general case: block after block of rows goes down and up."""
    names, (n, *code) = list(net.named_layers), net.output_shape(caches)
    live = None if probes else _live_units(net, caches)
    n_rows = n * (probes or (math.prod(code) if live is None else live.shape[1]))
    scale = 1 / (n * (probes or 1))
    start = reshapes(net.layers)  # which leave the norm as it is
    name, linear = names[start], net.layers[start]
    if (
        shortcut := type(linear) is Linear
        and len(names) > start + 1
        and n_rows > linear.out_features
    ):
        # J = V W. With G = W Wᵀ and C = VᵀV, ‖V W‖² = Σ C ∘ G, its gradient at V is 2 V G, that at W is 2 C W: no array as wide
        # as the input, and at H = 512 units on D = 784 inputs less work, as soon as there are more rows than the H of G itself.
        start += 1
        w = linear.params["weight"]  # (H, D)
        gram, vtv = w @ w.T, np.zeros_like(w, shape=(len(w), len(w)))  # (H, H)
        g_of_v = (2 * scale * weight) * gram
    above, upper = Chain({name: net.named_layers[name] for name in names[start:]}), caches[start:]
    value, bends, grads = 0.0, {}, {}
    for rows in _rows(net, caches, probes, rng, live):  # (B, N, *z)
        cotangents, v = above.cotangents(rows, upper)
        if shortcut:
            flat = v.reshape(-1, len(w))  # (B·N, H)
            vtv += flat.T @ flat
            g = (flat @ g_of_v).reshape(v.shape)
        else:
            value += scalar((v * v).sum()) * scale
            g = (2 * scale * weight) * v
        _, more_bends, more = above.tangents(g, cotangents, upper)
        grads = add_gradients(grads, more)
        bends = add_gradients(
            bends, {name: bend for name, bend in more_bends.items() if bend is not None}
        )
    if shortcut:
        value = scalar((vtv * gram).sum()) * scale
        of_first = {key: np.zeros_like(a) for key, a in linear.params.items()}
        of_first["weight"] = (2 * scale * weight) * (vtv @ w)
        grads = {**net.named({name: of_first}), **grads}
    return value, bends, grads


def _rows(
    net: Chain,
    caches: list[Any],
    probes: int | None,
    rng: Any,
    units: Array | None = None,
    like: Array | None = None,
    width: int = 0,
) -> Iterator[Array]:
    """The cotangents to send down, in blocks (B, N, *z): all unit vectors, or those of ``units``, or random ±1."""
    shape, like = net.output_shape(caches), _like(net, caches) if like is None else like
    sizes = [
        math.prod(layer.output_shape(cache))
        for layer, cache in zip(net.layers, caches, strict=True)
    ]
    at_a_time = _rows_at_a_time(like, *sizes, shape[0] * width)
    if probes is None:
        yield from _identity(shape, like, at_a_time, units)
        return
    rng = np.random.default_rng(rng)
    for start in range(0, probes, at_a_time):
        signs = rng.integers(0, 2, (min(at_a_time, probes - start), *shape)) * 2 - 1
        yield to_device(signs.astype(like.dtype), device_of(like))


def _identity(
    shape: tuple[int, ...], like: Array, at_a_time: int, units: Array | None = None
) -> Iterator[Array]:
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
    layer, y = next(
        (
            pair
            for pair in reversed(list(zip(net.layers, caches, strict=True)))
            if not isinstance(pair[0], Flatten | Reshape)
        ),
        (None, None),
    )
    if not isinstance(layer, Elementwise) or device_of(y) != "cpu":
        return None
    dead = layer.derivative(y).reshape(len(y), -1) == 0  # (N, K)
    most = max(1, dead.shape[1] - int(dead.sum(axis=1).min(initial=dead.shape[1])))
    return np.argsort(dead, axis=1, kind="stable")[:, :most]


def _rows_at_a_time(like: Array, *sizes: int) -> int:
    """``sizes``: how many numbers one row has on each stage of its way, all examples counted."""
    return max(1, (BLOCK if device_of(like) == "cpu" else BLOCK_GPU) // max(1, *sizes))


def _like(net: Chain, caches: list[Any]) -> Array:
    """An array of the dtype and on the device that the rows are to have; a net of frozen layers has no params to ask."""
    arrays = [*net.params.values(), *(cache for cache in caches if hasattr(cache, "dtype"))]
    return next((a for a in arrays if a.dtype.kind in "fc"), np.empty(0, np.float32))
