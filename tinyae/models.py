"""The architectures of the chapters. Each takes ``rng``, a seed or a generator. The same seed gives
the same weights.

Wrong arguments are refused by the layers that are made of them: a TypeError or a ValueError.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import DTypeLike

from tinyae._validate import as_rng, check_int, short
from tinyae.backend import Rng
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
    initialize,
)
from tinyae.layers.vae import VAE
from tinyae.penalties.sparsity import check_rho


class _Init(TypedDict):
    rng: np.random.Generator
    dtype: DTypeLike


class _Halving(TypedDict):
    kernel_size: int
    stride: int
    padding: int


_HALVE: _Halving = {"kernel_size": 3, "stride": 2, "padding": 1}  # 28 → 14 → 7


def basic_autoencoder(
    rng: Rng = 0, features: int = 784, code: int = 32, dtype: DTypeLike = np.float32
) -> Autoencoder:
    """784 → 512 → 256 → **32** → 256 → 512 → 784, ReLU between the layers, Sigmoid at the end.
    Input and output are (N, 784) in [0, 1]. The code is linear: after a ReLU, many of its 32 units
    would die early and stay 0.

    Args:
        features: pixels per image, if the images are not 28×28.
        code: the dimension of the code.

    Example:
        >>> model = models.basic_autoencoder(rng=0)
        >>> x = np.zeros((5, 784), np.float32)
        >>> model.encode(x).shape, model(x).shape
        ((5, 32), (5, 784))
    """
    rng = as_rng("basic_autoencoder", rng)

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


def deep_autoencoder(
    sizes: Sequence[int] = (784, 1000, 500, 250, 30),
    activation: Callable[[], Layer] = Sigmoid,
    rng: Rng = 0,
    init: str = "sparse",
    dtype: DTypeLike = np.float32,
) -> Autoencoder:
    """784 → 1000 → 500 → 250 → **30** and back, the activation between the layers, a linear code,
    Sigmoid at the end: the net of Hinton & Salakhutdinov 2006.

    Args:
        sizes: pixels, the widths of the encoder's layers, and the dimension of the code last.
        activation: the class of the hidden activations, such as ``Sigmoid`` or ``ReLU``.
        init: how the weights start, as in ``tinyae.layers.initialize``: "sparse", "glorot" or "he".

    Raises:
        TypeError: the activation is not a class, or a size is not a number.
        ValueError: fewer than two sizes, a size below 1, or an unknown ``init``.

    Example:
        >>> model = models.deep_autoencoder((784, 128, 64, 12), activation=ReLU, init="he")
        >>> model.encode(np.zeros((5, 784), np.float32)).shape
        (5, 12)
    """
    if not isinstance(sizes, Sequence) or len(sizes) < 2:
        raise ValueError(f"deep_autoencoder: sizes are {short(sizes)}, expected pixels, ..., code")
    if not callable(activation) or isinstance(activation, Layer):
        text = f"deep_autoencoder: activation is {short(activation)}"
        raise TypeError(f"{text}, expected a class such as ReLU")
    rng = as_rng("deep_autoencoder", rng)

    def chain(sizes: Sequence[int], end: list[Layer]) -> Sequential:
        layers: list[Layer] = []
        for a, b in zip(sizes, sizes[1:], strict=False):
            layers += [Linear(a, b, rng=rng, dtype=dtype), activation()]
        return Sequential(*layers[:-1], *end)

    model = Autoencoder(chain(sizes, []), chain(sizes[::-1], [Sigmoid()]))
    initialize(model, init, rng)
    return model


def linear_autoencoder(
    rng: Rng = 0, features: int = 784, code: int = 30, dtype: DTypeLike = np.float32
) -> Autoencoder:
    """784 → **30** → 784 without activations. At its optimum it spans the subspace of the first 30
    principal components (Baldi & Hornik 1989), so the error of PCA is its minimum.

    Example:
        >>> model = models.linear_autoencoder(code=2)
        >>> [model.params[key].shape for key in model.params]
        [(2, 784), (2,), (784, 2), (784,)]
    """
    rng = as_rng("linear_autoencoder", rng)
    return Autoencoder(
        encoder=Sequential(Linear(features, code, rng=rng, dtype=dtype)),
        decoder=Sequential(Linear(code, features, rng=rng, dtype=dtype)),
    )


def sparse_autoencoder(
    rng: Rng = 0,
    code: Layer | None = None,
    units: int = 256,
    features: int = 784,
    rho: float | None = None,
    dtype: DTypeLike = np.float32,
) -> Autoencoder:
    """784 → **256** → 784 with one wide code layer and Sigmoid at the end. The bottleneck is not
    the width but the small number of units that may be active at a time.

    Args:
        code: the layer after the first Linear: Sigmoid (default), ReLU or KSparse.
        units: the width of the code.
        features: pixels per image.
        rho: the approximate initial activation of a sigmoid unit; the bias is log(ρ/(1−ρ)). With
            None it is about 1/2, and a KL penalty needs many steps to lower it, during which some
            units get stuck.

    Raises:
        ValueError: ρ is outside (0, 1).

    Example:
        >>> model = models.sparse_autoencoder(rho=0.05)
        >>> z = model.encode(np.zeros((5, 784), np.float32))
        >>> bool(0.03 < z.mean() < 0.07)
        True
    """
    rng = as_rng("sparse_autoencoder", rng)
    linear = Linear(features, units, rng=rng, dtype=dtype)
    if rho is not None:
        check_rho("sparse_autoencoder", rho)
        linear.params["bias"][...] = np.log(rho / (1 - rho))
    return Autoencoder(
        encoder=Sequential(linear, Sigmoid() if code is None else code),
        decoder=Sequential(Linear(units, features, rng=rng, dtype=dtype), Sigmoid()),
    )


def conv_autoencoder(rng: Rng = 0, dtype: DTypeLike = np.float32) -> Autoencoder:
    """(N, 1, 28, 28) → 32×14×14 → 64×7×7 → **128×1×1** and back with transposed convolutions;
    Sigmoid at the end.

    The 7×7 kernel covers the whole 7×7 image, so the code has 128 dimensions. On the way back,
    ``output_padding=1`` turns 7 into 14 and 14 into 28. Without it they would become 13 and 27,
    which a convolution maps to 7 and 14 as well.

    Example:
        >>> model = models.conv_autoencoder()
        >>> x = np.zeros((2, 1, 28, 28), np.float32)
        >>> model.encode(x).shape, model(x).shape
        ((2, 128, 1, 1), (2, 1, 28, 28))
    """
    init: _Init = {"rng": as_rng("conv_autoencoder", rng), "dtype": dtype}
    return Autoencoder(
        encoder=Sequential(
            Conv2d(1, 32, **_HALVE, **init),
            ReLU(),
            Conv2d(32, 64, **_HALVE, **init),
            ReLU(),
            Conv2d(64, 128, kernel_size=7, **init),
            ReLU(),
        ),
        decoder=Sequential(
            ConvTranspose2d(128, 64, kernel_size=7, **init),
            ReLU(),
            ConvTranspose2d(64, 32, **_HALVE, output_padding=1, **init),
            ReLU(),
            ConvTranspose2d(32, 1, **_HALVE, output_padding=1, **init),
            Sigmoid(),
        ),
    )


def conv_denoiser(rng: Rng = 0, dtype: DTypeLike = np.float32) -> Autoencoder:
    """(N, 1, 28, 28) → 32×14×14 → 64×7×7 and back. The code is larger than the image: denoising
    does not need compression. The model works locally, so it can also denoise the tiles of larger
    images. It uses LeakyReLU: with ReLU, for some seeds, all units become 0 in the first steps, and
    the output stays empty.

    Example:
        >>> model = models.conv_denoiser()
        >>> model(np.zeros((1, 1, 40, 60), np.float32)).shape  # any size that 4 divides
        (1, 1, 40, 60)
    """
    init: _Init = {"rng": as_rng("conv_denoiser", rng), "dtype": dtype}
    f = LeakyReLU(0.1)
    return Autoencoder(
        encoder=Sequential(Conv2d(1, 32, **_HALVE, **init), f, Conv2d(32, 64, **_HALVE, **init), f),
        decoder=Sequential(
            ConvTranspose2d(64, 32, **_HALVE, output_padding=1, **init),
            f,
            ConvTranspose2d(32, 1, **_HALVE, output_padding=1, **init),
            Sigmoid(),
        ),
    )


def tied_autoencoder(
    rng: Rng = 0, features: int = 784, code: int = 256, dtype: DTypeLike = np.float32
) -> TiedAutoencoder:
    """``z = σ(W x + b)``, ``x̂ = σ(Wᵀ z + c)``: one sigmoid layer, and the decoder uses the
    encoder's own W (code, features).

    The model of the contractive autoencoder's paper (Rifai et al. 2011). A decoder needs large
    weights to make small codes large again. Here these are the encoder's weights too, so scaling
    cannot make the contractive penalty small.

    Example:
        >>> model = models.tied_autoencoder(code=100)
        >>> list(model.params)
        ['encoder.0.weight', 'encoder.0.bias', 'decoder.0.bias']
    """
    linear = Linear(features, code, rng=rng, dtype=dtype)
    return TiedAutoencoder(
        Sequential(linear, Sigmoid()), Sequential(TransposedLinear(linear), Sigmoid())
    )


def vae(
    rng: Rng = 0,
    features: int = 784,
    hidden: int = 400,
    code: int = 20,
    dtype: DTypeLike = np.float32,
) -> VAE:
    """784 → 400 → **20 + 20** → 400 → 784: the encoder outputs 20 means and 20 log-variances, the
    decoder takes a 20-dimensional code. ReLU, and Sigmoid at the end. One hidden layer on each side
    as in Kingma & Welling 2014, sizes as in PyTorch's example.

    Example:
        >>> model = models.vae()
        >>> x = np.zeros((5, 784), np.float32)
        >>> model.encode(x).shape, model.sample(3, rng=0).shape
        ((5, 20), (3, 784))
    """
    rng = as_rng("vae", rng)
    check_int("vae", "code", code)

    def linear(a: int, b: int) -> Linear:
        return Linear(a, b, rng=rng, dtype=dtype)

    return VAE(
        encoder=Sequential(linear(features, hidden), ReLU(), linear(hidden, 2 * code)),
        decoder=Sequential(linear(code, hidden), ReLU(), linear(hidden, features), Sigmoid()),
        code=code,
    )


def discriminator(rng: Rng = 0, features: int = 784, dtype: DTypeLike = np.float32) -> Sequential:
    """784 → 128 → 64 → **1**, LeakyReLU: for adversarial training. It outputs the logit of "this is
    real".

    Example:
        >>> net = models.discriminator(features=32)  # of codes with 32 dimensions
        >>> net(np.zeros((5, 32), np.float32)).shape
        (5, 1)
    """
    rng = as_rng("discriminator", rng)
    layers: list[Layer] = []
    for a, b in ((features, 128), (128, 64)):
        layers += [Linear(a, b, rng=rng, dtype=dtype), LeakyReLU(0.2)]
    return Sequential(*layers, Linear(64, 1, rng=rng, dtype=dtype))


def classifier(
    rng: Rng = 0,
    features: int = 784,
    classes: int = 10,
    hidden: int = 256,
    dtype: DTypeLike = np.float32,
) -> Sequential:
    """784 → 256 → **10** logits, with a ReLU between: a classifier of images. A perceptual loss
    uses its hidden layer.

    Example:
        >>> net = models.classifier()
        >>> net(np.zeros((5, 784), np.float32)).shape
        (5, 10)
    """
    rng = as_rng("classifier", rng)
    return Sequential(
        Linear(features, hidden, rng=rng, dtype=dtype),
        ReLU(),
        Linear(hidden, classes, rng=rng, dtype=dtype),
    )
