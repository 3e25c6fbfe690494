"""Encoders in float64, each with an input, for the tests of Jacobian penalties."""

import numpy as np
import pytest

from helpers.numeric import close
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
    contractive,
)

ACTIVATIONS = {
    "ReLU": ReLU,
    "LeakyReLU": lambda: LeakyReLU(0.2),
    "ELU": lambda: ELU(1.3),
    "Sigmoid": Sigmoid,
    "Tanh": Tanh,
    "Softplus": Softplus,
}


def build(kind, f=Tanh, seed=0):
    """``net, x``: small, with more than one activation each, pre-activations of about 1."""
    like = {"rng": np.random.default_rng(seed), "dtype": np.float64}
    x = np.random.default_rng(seed + 1).normal(size=(4, 6))
    pics = np.random.default_rng(seed + 2).normal(size=(3, 2, 6, 5))
    linear = lambda a, b: Linear(a, b, **like)  # noqa: E731
    net, x = {
        "one layer": lambda: (Sequential(linear(6, 4), f()), x),
        "linear": lambda: (Sequential(linear(6, 4)), x),
        "dense": lambda: (Sequential(linear(6, 7), f(), linear(7, 5), f(), linear(5, 3), f()), x),
        "dense, linear code": lambda: (Sequential(linear(6, 5), f(), linear(5, 8)), x),
        "activation first": lambda: (Sequential(f(), linear(6, 5), f()), x),
        "conv": lambda: (
            Sequential(
                Conv2d(2, 3, 3, 2, 1, **like),
                f(),
                Conv2d(3, 4, (3, 2), dilation=(1, 2), **like),
                f(),
            ),
            pics,
        ),
        "conv to flat": lambda: (
            Sequential(Conv2d(2, 3, 3, **like), f(), Flatten(), linear(36, 4), f()),
            pics,
        ),
        "transposed": lambda: (
            Sequential(
                Conv2d(2, 3, 3, 2, **like), f(), ConvTranspose2d(3, 2, 3, 2, 1, 1, **like), f()
            ),
            pics,
        ),
        "flat to transposed": lambda: (
            Sequential(
                linear(6, 8), f(), Reshape(2, 2, 2), ConvTranspose2d(2, 1, 2, 2, **like), f()
            ),
            x,
        ),
        "flatten": lambda: (
            Sequential(Flatten(), linear(60, 6), f(), linear(6, 4), f(), Reshape(2, 2)),
            pics,
        ),
        "nested": lambda: (
            Sequential(
                Sequential(linear(6, 5), f()),
                Sequential(Sequential(linear(5, 4)), f(), linear(4, 3)),
            ),
            x,
        ),
        "autoencoder": lambda: (
            Autoencoder(Sequential(linear(6, 4), f()), Sequential(linear(4, 6), Sigmoid())),
            x,
        ),
    }[kind]()
    for w in net.params.values():
        w *= 1.5
    return net, x


KINDS = [
    "one layer",
    "linear",
    "dense",
    "dense, linear code",
    "activation first",
    "conv",
    "conv to flat",
    "transposed",
    "flat to transposed",
    "flatten",
    "nested",
    "autoencoder",
]


def omega(net, x, **options):
    """``value, dx, grads`` of the contractive penalty at x."""
    return contractive(net, net.forward(x)[1], **options)


def same_results(a, b, tolerance=1e-12):
    """Check that two results (value, dx, grads) are equal."""
    assert a[0] == pytest.approx(b[0], rel=tolerance)
    assert (a[1] is None) == (b[1] is None) and a[2].keys() == b[2].keys()
    if a[1] is not None:
        close(a[1], b[1], tolerance)
    for key in a[2]:
        close(a[2][key], b[2][key], tolerance)
