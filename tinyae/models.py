"""The architectures of the chapters. Each takes ``rng``, a seed or a generator: the same seed gives the same weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyae.layers import Autoencoder, Linear, ReLU, Sequential, Sigmoid


def basic_autoencoder(rng: Any = 0, features: int = 784, dtype: Any = np.float32) -> Autoencoder:
    """784 → 512 → 256 → **32** → 256 → 512 → 784, ReLU inside, Sigmoid at the end. Takes and gives (N, 784) in [0, 1].

    ``features``: pixels a picture, where pictures are not 28×28.
    """
    rng = np.random.default_rng(rng)

    def linear(a: int, b: int) -> Linear:
        return Linear(a, b, rng=rng, dtype=dtype)

    return Autoencoder(
        encoder=Sequential(linear(features, 512), ReLU(), linear(512, 256), ReLU(), linear(256, 32), ReLU()),
        decoder=Sequential(linear(32, 256), ReLU(), linear(256, 512), ReLU(), linear(512, features), Sigmoid()),
    )


def linear_autoencoder(rng: Any = 0, features: int = 784, code: int = 30, dtype: Any = np.float32) -> Autoencoder:
    """784 → **30** → 784 without activations. At its best it spans the plane of the first 30 principal components
    (Baldi & Hornik 1989), so PCA's error is the least that it can reach."""
    rng = np.random.default_rng(rng)
    return Autoencoder(
        encoder=Sequential(Linear(features, code, rng=rng, dtype=dtype)),
        decoder=Sequential(Linear(code, features, rng=rng, dtype=dtype)),
    )
