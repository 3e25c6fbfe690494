"""Every layer with an input that fits it, for the tests that hold for all layers."""

import numpy as np

from helpers.numeric import away_from_kinks
from tinyae import (
    ELU,
    Autoencoder,
    Conv2d,
    ConvTranspose2d,
    Flatten,
    LeakyReLU,
    Linear,
    ReLU,
    Reshape,
    Sequential,
    Sigmoid,
    Softplus,
    Tanh,
    freeze,
)
from tinyae.layers import KSparse
from tinyae.layers.tied import TiedAutoencoder, TransposedLinear

ACTIVATIONS = {
    "ReLU": ReLU,
    "LeakyReLU": lambda: LeakyReLU(0.2),
    "ELU": lambda: ELU(1.3),
    "Sigmoid": Sigmoid,
    "Tanh": Tanh,
    "Softplus": Softplus,
}

CONVOLUTIONS = {
    "Conv2d": lambda d, k, rng: Conv2d(d, k, 3, stride=2, padding=1, rng=rng, dtype=np.float64),
    "Conv2d dilated": lambda d, k, rng: Conv2d(
        d, k, (2, 1), dilation=(2, 1), bias=False, rng=rng, dtype=np.float64
    ),
    "ConvTranspose2d": lambda d, k, rng: ConvTranspose2d(
        d, k, 3, stride=2, padding=1, output_padding=1, rng=rng, dtype=np.float64
    ),
}


def net(rng, d, k, activation):
    linear = lambda a, b: Linear(a, b, rng=rng, dtype=np.float64)  # noqa: E731
    return Autoencoder(
        Sequential(Flatten(), linear(2 * d, 4), activation(), linear(4, k), activation()),
        Sequential(linear(k, 4), Tanh(), linear(4, 2 * d), Sigmoid(), Reshape(2, d)),
    )


def make(kind, n, d, k, seed):
    """``layer, x`` in float64: n examples with d (or (2, d)) entries, k outputs."""
    rng = np.random.default_rng(seed)
    x = away_from_kinks(rng.normal(size=(n, 2, d)))
    if kind.startswith("net"):
        return net(rng, d, k, ACTIVATIONS[kind.removeprefix("net ")]), x
    if kind in ACTIVATIONS:
        return ACTIVATIONS[kind](), x
    if kind == "Flatten":
        return Flatten(), x
    if kind == "Reshape":
        return Reshape(d, 2, 1), x
    if kind == "KSparse":
        return KSparse(min(k, 2 * d)), x
    if kind == "Frozen":
        return freeze(Sequential(Linear(d, k, rng=rng, dtype=np.float64), Tanh())), x[:, 0]
    if kind == "tied":
        linear = Linear(d, k, rng=rng, dtype=np.float64)
        return TiedAutoencoder(
            Sequential(linear, Tanh()), Sequential(TransposedLinear(linear), Sigmoid())
        ), x[:, 0]
    if kind in CONVOLUTIONS:
        d = min(d, 2)
        return CONVOLUTIONS[kind](d, k, rng), rng.normal(size=(n, d, 3, 4))
    return Linear(d, k, bias=kind == "Linear", rng=rng, dtype=np.float64), x[:, 0]


LAYERS = [
    "Linear",
    "Linear without bias",
    *CONVOLUTIONS,
    *ACTIVATIONS,
    "KSparse",
    "Flatten",
    "Reshape",
    "Frozen",
]
KINDS = [*LAYERS, "tied", *(f"net {name}" for name in ACTIVATIONS)]
