"""Penalties on the Jacobian J = ∂z/∂x: exact, for any net of this library's layers, without
autograd.

    Ω = (1/N) Σ_n ‖∂z_n/∂x_n‖²_F

For ``z = f_L(… f_1(x))``, the rows of J are cotangents on their way back: V_L is the identity,
``V_{l−1} = vjp_l(V_l)``, ``J = V_0``. The gradient of Ω with respect to J is ``2 V_0 / N``. In a
forward sweep, each layer's ``double_backward`` turns the gradient with respect to ``V_{l−1}`` into
the one with respect to ``V_l`` and adds the gradient of the layer's own weights. A nonlinear layer
(``f'' ≠ 0``) has one more gradient, the second-order gradient with respect to its input. An
ordinary backward pass collects these. So the cost is one backward and one forward sweep for each of
the K = dim z rows, and one backward pass for all of them.

The rows are made in blocks, so that memory does not grow with K (``rows``). A first Linear layer
needs no array as wide as the input. Norms and singular values are in ``jacobian_metrics``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinyae._validate import as_rng, check_array, check_int, check_layer, check_number, check_weight
from tinyae.backend import Array, Rng, Scalar, device_of, scalar, to_device
from tinyae.layers import Linear
from tinyae.layers.activations import Elementwise
from tinyae.layers.base import Gradients, Layer
from tinyae.layers.containers import Chain, add_gradients
from tinyae.penalties.chain import as_chain, gradients_of, n_leading_reshapes, validate_chain
from tinyae.penalties.rows import active_units, row_blocks

SecondOrder = dict[str, Array | None]  # each layer's second-order gradient, by the layer's name


def contractive(
    encoder: Layer, caches: Any, probes: int | None = None, rng: Rng = None
) -> tuple[Scalar, Array | None, Gradients]:
    """``Ω, dx, grads``: the batch mean of ``‖∂z/∂x‖²_F`` and its gradient, at the point
    ``z, caches = encoder.forward(x)``.

    The penalty of Rifai et al. 2011 (eq. 1), there for one sigmoid layer, here for any encoder.
    Range [0, ∞). dx has the shape of x, or is None if Ω does not depend on x (all layers are linear
    or piecewise linear).

    Args:
        probes: None takes all K rows, which is exact. A number k ≥ 1 takes k random ±1 sums v of
            the rows (Hutchinson 1990): ``E ‖Jᵀv‖² = ‖J‖²_F``, so value and gradient are unbiased.
            The value of one example then has the variance ``(2/k) Σ_{i≠j} (J Jᵀ)²_ij``. Useful for
            wide codes.
        rng: a seed or generator for the probes.

    Raises:
        ValueError: ``probes`` is below 1, the batch has 0 examples, or the caches are those of
            another net, as far as their shapes show it.
        TypeError: a layer of the encoder has no vjp, double_backward or output_shape.

    Example:
        >>> encoder = Sequential(Linear(6, 4, rng=0), Tanh())
        >>> x = np.random.default_rng(0).normal(size=(5, 6))
        >>> z, caches = encoder.forward(x)
        >>> value, dx, grads = contractive(encoder, caches)
        >>> j = jacobian(encoder, x)  # (N, K, D)
        >>> bool(np.isclose(value, (j * j).sum() / len(x)))
        True
    """
    net, flat = as_chain(encoder, caches)
    value, second_order, grads = _norm(net, flat, probes, rng)
    dx, more = net.backward(None, flat, second_order=second_order)
    return value, dx, gradients_of(encoder, add_gradients(grads, more))


def contractive_backward(
    encoder: Layer,
    dz: Array,
    caches: Any,
    weight: float,
    probes: int | None = None,
    rng: Rng = None,
) -> tuple[Scalar, Gradients]:
    """``Ω, grads`` for the sum loss + weight · Ω, where dz is the gradient of the loss with respect
    to the code. One backward pass serves both the loss and the second-order gradients of the
    penalty. For training, so without dx.

    Raises:
        ValueError: ``weight`` is negative or not finite, or dz does not have the code's shape.
        ValueError: see ``contractive``.
        TypeError: see ``contractive``.

    Example:
        >>> from tinyae.penalties.jacobian_penalty import contractive_backward
        >>> encoder, x = Sequential(Linear(6, 4, rng=0), Tanh()), np.ones((5, 6))
        >>> z, caches = encoder.forward(x)
        >>> value, grads = contractive_backward(encoder, dz=z, caches=caches, weight=0.1)
        >>> list(grads)
        ['0.weight', '0.bias']
    """
    check_weight("contractive_backward", "weight", weight)
    net, flat = as_chain(encoder, caches)
    validate_chain(net, flat, probes)
    if dz.shape != net.output_shape(flat):
        raise ValueError(
            f"contractive_backward: dz has shape {dz.shape}, expected that of the code, "
            f"{net.output_shape(flat)}"
        )
    value, second_order, grads = _norm(net, flat, probes, rng, weight)
    _, more = net.backward(dz, flat, input_gradient=False, second_order=second_order)
    return value, gradients_of(encoder, add_gradients(grads, more))


def reconstruction_contractive(
    model: Layer, caches: Any, probes: int | None = None, rng: Rng = None
) -> tuple[Scalar, Array | None, Gradients]:
    """``Ω, dx, grads`` for the Jacobian of the whole reconstruction, mean ``‖∂x̂/∂x‖²_F`` (Alain &
    Bengio 2014).

    It is ``contractive`` of the autoencoder itself. J has one row per entry of x, so ``probes``
    makes it much cheaper. Unlike the encoder's penalty, it cannot be made small by scaling the code
    down and the decoder's weights up.

    Example:
        >>> from tinyae.penalties import reconstruction_contractive
        >>> model = Autoencoder(Linear(6, 2, rng=0), Linear(2, 6, rng=1))
        >>> xhat, caches = model.forward(np.ones((5, 6)))
        >>> value, dx, grads = reconstruction_contractive(model, caches)
        >>> dx, list(grads)  # the Jacobian of a linear model does not depend on x
        (None, ['encoder.weight', 'encoder.bias', 'decoder.weight', 'decoder.bias'])
    """
    return contractive(model, caches, probes, rng)


def higher_order_contractive(
    encoder: Layer, x: Array, sigma: float = 0.1, samples: int = 1, rng: Rng = None
) -> tuple[Scalar, Array | None, Gradients]:
    """``value, dx, grads`` of ``(1/N) Σ E‖J(x) − J(x + ε)‖²_F``, ``ε ~ N(0, σ²)``: the second-order
    term of the CAE+H (Rifai et al. 2011b, Higher order contractive auto-encoder).

    For small σ it is σ² times the squared norm of the derivative of J, so it keeps J from changing.
    The expectation is a mean over ``samples`` samples of ε. Add it to ``contractive`` with a
    separate weight.

    Raises:
        ValueError: sigma ≤ 0, samples < 1, or x is not floating point or empty.
        TypeError: an argument has another type, or a layer has no double_backward.

    Example:
        >>> from tinyae.penalties import higher_order_contractive
        >>> linear, x = Linear(6, 4, rng=0), np.ones((5, 6))
        >>> higher_order_contractive(linear, x, rng=0)[0]  # its Jacobian is the same everywhere
        0.0
        >>> higher_order_contractive(Sequential(linear, Tanh()), x, rng=0)[0] > 0
        True
    """
    name, expected = "higher_order_contractive", "above 0 and at least 1 sample"
    check_layer(name, "encoder", encoder)
    check_array(name, "x", x)
    check_number(name, "sigma", sigma, lambda v: 0 < v < math.inf, expected)
    check_int(name, "samples", samples, expected=expected)
    rng = as_rng(name, rng)
    net, caches = as_chain(encoder, encoder.forward(x)[1])
    validate_chain(net, caches, None)
    value: Scalar = 0.0
    dx: Array | None = None
    grads: Gradients = {}
    for _ in range(samples):
        noise = (sigma * rng.standard_normal(x.shape)).astype(x.dtype)
        noisy = x + to_device(noise, device_of(x))
        _, noisy_caches = as_chain(encoder, encoder.forward(noisy)[1])
        for v in row_blocks(net, caches, None, None, like=x, width=math.prod(x.shape[1:])):
            difference = net.vjp(v, caches) - net.vjp(v, noisy_caches)
            value += scalar((difference * difference).sum()) / (len(x) * samples)
            g = difference * (2 / (len(x) * samples))  # ∂value/∂J(x); for J(x + ε) it is −g
            for sign, at in ((1, caches), (-1, noisy_caches)):
                _, more_dx, more = net.double_backward(sign * g, v, at)
                grads = add_gradients(grads, more)
                if more_dx is not None:
                    dx = more_dx if dx is None else dx + more_dx
    return value, dx, gradients_of(encoder, grads)


def _norm(
    net: Chain, caches: list[Any], probes: int | None, rng: Rng, weight: float = 1.0
) -> tuple[Scalar, SecondOrder, Gradients]:
    """``Ω`` and, multiplied by ``weight``, the layers' second-order gradients and the gradients of
    the weights through J at a fixed point. ``net.backward(dz, caches, second_order=...)`` computes
    what comes through the point."""
    validate_chain(net, caches, probes)
    start = n_leading_reshapes(net.layers)
    first, *others = net.layers[start:]
    one_layer = len(others) < 2 and all(isinstance(layer, Elementwise) for layer in others)
    if type(first) is Linear and one_layer and not probes:
        return _one_layer(net, caches, start, weight)
    return _by_rows(net, caches, probes, rng, weight)


def _one_layer(
    net: Chain, caches: list[Any], start: int, weight: float
) -> tuple[Scalar, SecondOrder, Gradients]:
    """One layer z = f(Wx + b) in O(D·H). With a = Wx + b, row i of J is f'(a_i) W_i, so with
    s = f'(a) and n_i = Σ_j W²_ij,

        ``‖J‖²_F = Σ_i s_i² n_i``,   ``∂/∂W_ij = 2 s_i² W_ij`` at fixed s,
        ``∂/∂a_i = 2 s_i f''(a_i) n_i``

    (Rifai et al. 2011, section 3; with s = 1, the linear encoder, Ω = ‖W‖² is weight decay.)
    """
    names = list(net.named_layers)
    name, layer, x = names[start], net.layers[start], caches[start]
    w, n = layer.params["weight"], len(x)
    norms = (w * w).sum(axis=1)  # n_i: (H,)
    second_order: SecondOrder = {}
    mean_s2 = np.full_like(norms, 1)  # the batch mean of s_i²: (H,)
    for activation, y in zip(net.layers[start + 1 :], caches[start + 1 :], strict=True):
        assert isinstance(activation, Elementwise)  # at most one: _norm made sure of it
        s, ds = activation.derivative(y), activation.second_derivative(y)  # (N, H)
        mean_s2 = (s * s).mean(axis=0, dtype=w.dtype)
        if ds is not None:
            second_order[names[start + 1]] = (2 * weight / n) * s * ds * norms
    grads = {key: np.zeros_like(a) for key, a in layer.params.items()}
    grads["weight"] = (2 * weight) * mean_s2[:, None] * w
    return scalar((mean_s2 * norms).sum()), second_order, net.named({name: grads})


def _by_rows(
    net: Chain, caches: list[Any], probes: int | None, rng: Rng, weight: float
) -> tuple[Scalar, SecondOrder, Gradients]:
    """The general case: one block of rows after the other goes backward and forward."""
    names, (n, *code) = list(net.named_layers), net.output_shape(caches)
    active = None if probes else active_units(net, caches)
    n_rows = n * (probes or (math.prod(code) if active is None else active.shape[1]))
    scale = 1 / (n * (probes or 1))
    start = n_leading_reshapes(net.layers)  # a reshape does not change the norm
    name, linear = names[start], net.layers[start]
    w: Array = None
    if type(linear) is Linear and len(names) > start + 1 and n_rows > linear.out_features:
        # A shortcut for a first Linear layer, J = V W. With G = W Wᵀ and C = VᵀV,
        # ‖V W‖² = Σ C ∘ G. Its gradient with respect to V is 2 V G, with respect to W it is 2 C W.
        # This needs no array as wide as the input, and it is less work as soon as there are more
        # rows than the H rows of G (measured at H = 512 units, D = 784 inputs).
        start += 1
        w = linear.params["weight"]  # (H, D)
        gram, vtv = w @ w.T, np.zeros_like(w, shape=(len(w), len(w)))  # G, C: (H, H)
        dv = (2 * scale * weight) * gram
    rest, rest_caches = Chain({key: net.named_layers[key] for key in names[start:]}), caches[start:]
    value: Scalar = 0.0
    second_order: SecondOrder = {}
    grads: Gradients = {}
    for rows in row_blocks(net, caches, probes, rng, active):  # (B, N, *z)
        cotangents, v = rest.cotangents(rows, rest_caches)
        if w is not None:
            flat = v.reshape(-1, len(w))  # (B·N, H)
            vtv += flat.T @ flat
            g = (flat @ dv).reshape(v.shape)
        else:
            value += scalar((v * v).sum()) * scale
            g = (2 * scale * weight) * v
        _, block_second_order, block_grads = rest.tangents(g, cotangents, rest_caches)
        grads = add_gradients(grads, block_grads)
        nonzero = {key: d for key, d in block_second_order.items() if d is not None}
        second_order = add_gradients(second_order, nonzero)
    if w is not None:
        value = scalar((vtv * gram).sum()) * scale
        of_first = {key: np.zeros_like(a) for key, a in linear.params.items()}
        of_first["weight"] = (2 * scale * weight) * (vtv @ w)
        grads = {**net.named({name: of_first}), **grads}
    return value, second_order, grads
