"""Every layer, with an input that fits it: one row for each, for the tests that hold for all."""

import numpy as np
from numeric import away_from_kinks

from tinyae import ELU, Autoencoder, Flatten, LeakyReLU, Linear, ReLU, Reshape, Sequential, Sigmoid, Softplus, Tanh

ACTIVATIONS = {
    "ReLU": ReLU, "LeakyReLU": lambda: LeakyReLU(0.2), "ELU": lambda: ELU(1.3), "Sigmoid": Sigmoid, "Tanh": Tanh,
    "Softplus": Softplus,
}  # fmt: skip


def net(rng, d, k, activation):
    linear = lambda a, b: Linear(a, b, rng=rng, dtype=np.float64)  # noqa: E731
    return Autoencoder(
        Sequential(Flatten(), linear(2 * d, 4), activation(), linear(4, k), activation()),
        Sequential(linear(k, 4), Tanh(), linear(4, 2 * d), Sigmoid(), Reshape(2, d)),
    )


def make(kind, n, d, k, seed):
    """``layer, x`` in float64: n examples of d (or (2, d)) numbers, k outputs."""
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
    return Linear(d, k, bias=kind == "Linear", rng=rng, dtype=np.float64), x[:, 0]


KINDS = ["Linear", "Linear without bias", *ACTIVATIONS, "Flatten", "Reshape", *(f"net {name}" for name in ACTIVATIONS)]
