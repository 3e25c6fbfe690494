"""Initial weights by name: how large a layer's random weights should be before training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinyae._validate import as_rng, check_layer, check_number, did_you_mean, short
from tinyae.backend import Array, Rng, namespace
from tinyae.layers.base import Layer
from tinyae.layers.containers import leaves
from tinyae.layers.convolution import ConvTranspose2d
from tinyae.layers.tied import TransposedLinear

SPARSE = 15  # incoming weights of each unit (Martens 2010, section 5)


def initialize(model: Layer, scheme: str, rng: Rng = 0, gain: float = 1.0) -> None:
    """Draw the weights of all layers anew, in place. Biases become 0.

    With ``in`` inputs and ``out`` outputs per unit (for a convolution: channels times the size of
    the kernel):

    - ``"glorot"``: U(−a, a), a = gain · √(6 / (in + out)) (Glorot & Bengio 2010, eq. 16). Signal
      and gradient keep their size through layers with slope 1, such as Tanh near 0. A Sigmoid has
      slope 1/4: use ``gain=4``.
    - ``"he"``: N(0, gain² · 2 / in) (He et al. 2015, eq. 10), for ReLU.
    - ``"sparse"``: 15 weights of each unit are N(0, gain²), all others 0 (Martens 2010, section 5).
      However wide the layer is, each unit's input has the same size, and units differ.

    A decoder that shares its encoder's weights is left to the encoder.

    Args:
        rng: a seed or a generator.

    Raises:
        TypeError: an argument has another type.
        ValueError: the scheme is unknown, or the gain is not above 0.
        ValueError: the model has no layer with weights.

    Example:
        >>> from tinyae.layers import initialize
        >>> net = Sequential(Linear(400, 200), ReLU())
        >>> initialize(net, "he", rng=0)
        >>> round(float(net.params["0.weight"].std()), 3), round((2 / 400) ** 0.5, 3)
        (0.071, 0.071)
    """
    check_layer("initialize", "model", model)
    if not isinstance(scheme, str):
        raise TypeError(f"initialize: scheme is {short(scheme)}, expected a name such as 'he'")
    if scheme not in _SCHEMES:
        raise ValueError(did_you_mean("initialization", scheme, _SCHEMES))
    check_number("initialize", "gain", gain, lambda v: 0 < v < np.inf, "a number above 0")
    rng = as_rng("initialize", rng)
    own = [
        layer
        for _, layer in leaves(model)
        if "weight" in layer.params and not isinstance(layer, TransposedLinear)
    ]
    if not own:
        raise ValueError("initialize: the model has no layer with weights")
    for layer in own:
        w = layer.params["weight"]
        if isinstance(layer, ConvTranspose2d):  # (in, out, kh, kw), the others (out, in, ...)
            w = w.swapaxes(0, 1)
        values = gain * _SCHEMES[scheme](w.shape, rng)
        w[...] = namespace(w).asarray(values.astype(w.dtype))
        if "bias" in layer.params:
            layer.params["bias"][...] = 0


def _glorot(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    out, fan_in = shape[0], int(np.prod(shape[1:]))
    fan_out = out * (fan_in // shape[1])
    a = np.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-a, a, shape)


def _he(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)


def _sparse(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    out, fan_in = shape[0], int(np.prod(shape[1:]))
    w = np.zeros((out, fan_in))
    for row in w:  # one unit's incoming weights
        chosen = rng.choice(fan_in, min(SPARSE, fan_in), replace=False)
        row[chosen] = rng.standard_normal(len(chosen))
    return w.reshape(shape)


_SCHEMES: dict[str, Callable[[tuple[int, ...], np.random.Generator], Array]] = {
    "glorot": _glorot,
    "he": _he,
    "sparse": _sparse,
}
