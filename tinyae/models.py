"""The architectures of the chapters. Each takes ``rng``, a seed or a generator: the same seed gives the same weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyae.layers import (
    Autoencoder,
    Conv2d,
    ConvTranspose2d,
    Layer,
    LeakyReLU,
    Linear,
    ReLU,
    Sequential,
    Sigmoid,
    TiedAutoencoder,
    TransposedLinear,
)
from tinyae.layers.vae import VAE
from tinyae.penalties.sparsity import check_rho


def basic_autoencoder(
    rng: Any = 0, features: int = 784, code: int = 32, dtype: Any = np.float32
) -> Autoencoder:
    """784 → 512 → 256 → **32** → 256 → 512 → 784, ReLU between the layers, Sigmoid at the end. Takes and gives
    (N, 784) in [0, 1]. The code itself is linear: behind a ReLU many of its 32 units would die early and stay 0.

    ``features``: pixels a picture, where pictures are not 28×28. ``code``: how many numbers a code has.
    """
    rng = np.random.default_rng(rng)

    def linear(a: int, b: int) -> Linear:
        return Linear(a, b, rng=rng, dtype=dtype)

    return Autoencoder(
        encoder=Sequential(
            linear(features, 512), ReLU(), linear(512, 256), ReLU(), linear(256, code)
        ),
        decoder=Sequential(
            linear(code, 256), ReLU(), linear(256, 512), ReLU(), linear(512, features), Sigmoid()
        ),
    )


def linear_autoencoder(
    rng: Any = 0, features: int = 784, code: int = 30, dtype: Any = np.float32
) -> Autoencoder:
    """784 → **30** → 784 without activations. At its best it spans the plane of the first 30 principal components
    (Baldi & Hornik 1989), so PCA's error is the least that it can reach."""
    rng = np.random.default_rng(rng)
    return Autoencoder(
        encoder=Sequential(Linear(features, code, rng=rng, dtype=dtype)),
        decoder=Sequential(Linear(code, features, rng=rng, dtype=dtype)),
    )


def sparse_autoencoder(
    rng: Any = 0,
    code: Layer | None = None,
    units: int = 256,
    features: int = 784,
    rho: float | None = None,
    dtype: Any = np.float32,
) -> Autoencoder:
    """784 → **256** → 784, one wide layer of code and Sigmoid at the end: not the width is the bottleneck, but that few units
    may be active at a time. ``code``: what follows the first Linear, Sigmoid (default), ReLU or KSparse.

    ``rho``: about how active a sigmoid unit is at the start, its bias being log(ρ/(1−ρ)). Else it is 1/2, and a KL penalty has a
    long way to bring it down, on which some units get stuck.

    Raises:
        ValueError: ρ outside (0, 1).
    """
    rng = np.random.default_rng(rng)
    linear = Linear(features, units, rng=rng, dtype=dtype)
    if rho is not None:
        check_rho("sparse_autoencoder", rho)
        linear.params["bias"][...] = np.log(rho / (1 - rho))
    return Autoencoder(
        encoder=Sequential(linear, Sigmoid() if code is None else code),
        decoder=Sequential(Linear(units, features, rng=rng, dtype=dtype), Sigmoid()),
    )


def conv_autoencoder(rng: Any = 0, dtype: Any = np.float32) -> Autoencoder:
    """(N, 1, 28, 28) → 32×14×14 → 64×7×7 → **128×1×1** and back by transposed convolutions; Sigmoid at the end.

    The 7×7 kernel takes the whole of the 7×7 image, so the code is 128 numbers. On the way back ``output_padding=1``
    makes 14 of 7 and 28 of 14, where 13 and 27 would have the same grid.
    """
    like = {"rng": np.random.default_rng(rng), "dtype": dtype}
    half = {"kernel_size": 3, "stride": 2, "padding": 1}
    return Autoencoder(
        encoder=Sequential(
            Conv2d(1, 32, **half, **like),
            ReLU(),
            Conv2d(32, 64, **half, **like),
            ReLU(),
            Conv2d(64, 128, kernel_size=7, **like),
            ReLU(),
        ),
        decoder=Sequential(
            ConvTranspose2d(128, 64, kernel_size=7, **like),
            ReLU(),
            ConvTranspose2d(64, 32, **half, output_padding=1, **like),
            ReLU(),
            ConvTranspose2d(32, 1, **half, output_padding=1, **like),
            Sigmoid(),
        ),
    )


def conv_denoiser(rng: Any = 0, dtype: Any = np.float32) -> Autoencoder:
    """(N, 1, 28, 28) → 32×14×14 → 64×7×7 and back. The code is wider than the picture: who cleans need not compress. What it does
    is local, so it may also clean the tiles of larger pictures. LeakyReLU, since with ReLU some seeds lose all their units to 0
    in the first steps, and draw empty pictures ever after."""
    like = {"rng": np.random.default_rng(rng), "dtype": dtype}
    half = {"kernel_size": 3, "stride": 2, "padding": 1}
    f = LeakyReLU(0.1)
    return Autoencoder(
        encoder=Sequential(Conv2d(1, 32, **half, **like), f, Conv2d(32, 64, **half, **like), f),
        decoder=Sequential(
            ConvTranspose2d(64, 32, **half, output_padding=1, **like),
            f,
            ConvTranspose2d(32, 1, **half, output_padding=1, **like),
            Sigmoid(),
        ),
    )


def tied_autoencoder(
    rng: Any = 0, features: int = 784, code: int = 256, dtype: Any = np.float32
) -> TiedAutoencoder:
    """``z = σ(W x + b)``, ``x̂ = σ(Wᵀ z + c)``: one sigmoid layer, and the decoder uses the encoder's own W (code, features).

    The model of the contractive autoencoder's paper (Rifai et al. 2011). Small codes cannot be made large again without large
    weights, which are the encoder's too, so the contractive penalty cannot be cheated by scaling.
    """
    linear = Linear(features, code, rng=rng, dtype=dtype)
    return TiedAutoencoder(
        Sequential(linear, Sigmoid()), Sequential(TransposedLinear(linear), Sigmoid())
    )


def vae(
    rng: Any = 0, features: int = 784, hidden: int = 400, code: int = 20, dtype: Any = np.float32
) -> VAE:
    """784 → 400 → **20 + 20** → 400 → 784: the encoder gives 20 means and 20 log-variances, the decoder takes 20 numbers. ReLU,
    and Sigmoid at the end. One hidden layer on each side as in Kingma & Welling 2014, sizes as in PyTorch's example."""
    rng = np.random.default_rng(rng)

    def linear(a: int, b: int) -> Linear:
        return Linear(a, b, rng=rng, dtype=dtype)

    return VAE(
        encoder=Sequential(linear(features, hidden), ReLU(), linear(hidden, 2 * code)),
        decoder=Sequential(linear(code, hidden), ReLU(), linear(hidden, features), Sigmoid()),
        code=code,
    )


def discriminator(rng: Any = 0, features: int = 784, dtype: Any = np.float32) -> Sequential:
    """784 → 128 → 64 → **1**, LeakyReLU: the opponent of an adversarial game. It gives logits, of "this is real"."""
    rng = np.random.default_rng(rng)
    sizes, layers = (features, 128, 64), []
    for a, b in zip(sizes, sizes[1:], strict=False):
        layers += [Linear(a, b, rng=rng, dtype=dtype), LeakyReLU(0.2)]
    return Sequential(*layers, Linear(64, 1, rng=rng, dtype=dtype))


def classifier(
    rng: Any = 0, features: int = 784, classes: int = 10, hidden: int = 256, dtype: Any = np.float32
) -> Sequential:
    """784 → 256 → **10** logits, ReLU between: a judge of pictures. A perceptual loss looks at its hidden layer."""
    rng = np.random.default_rng(rng)
    return Sequential(
        Linear(features, hidden, rng=rng, dtype=dtype),
        ReLU(),
        Linear(hidden, classes, rng=rng, dtype=dtype),
    )
