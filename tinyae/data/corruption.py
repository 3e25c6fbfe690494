"""Noise for images: a denoising autoencoder reconstructs the clean image from the corrupted one.

    corrupt = Gaussian(0.3)
    noisy = corrupt(x, rng)  # new noise at every call; a generator in the same state repeats it

A corruption is a function ``corrupt(x, rng) -> x̃``. It does not change x, and x̃ has the shape,
dtype and device of x. The random values are drawn on the CPU and moved to the device of x: a run on
a GPU gets exactly the noise that a run on the CPU gets, so the two can be compared value by value.
Drawing a batch of noise costs little compared with the training step that uses it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyae._validate import as_rng, check_array, check_flag, check_number
from tinyae.backend import Array, Rng, namespace

Corruption = Callable[[Array, np.random.Generator], Array]


@dataclass(frozen=True)
class Gaussian:
    """``x̃ = clip(x + σ ε, 0, 1)``, with ε standard normal, independent for every value of x.

    Args:
        sigma: σ ≥ 0, the standard deviation of the noise before clipping.
        clip: clip to [0, 1], the range of images. Use False for data outside [0, 1].

    Raises:
        ValueError: σ is negative, infinite or NaN; when called: x has an integer dtype or, with
            ``clip``, values outside [0, 1].

    Example:
        >>> x = np.full((1000, 10), 0.5, np.float32)
        >>> noisy = Gaussian(0.1)(x, rng=0)
        >>> round(float((noisy - x).std()), 2)
        0.1
    """

    sigma: float
    clip: bool = True

    def __post_init__(self) -> None:
        expected = "a finite non-negative number, such as 0.3"
        check_number("Gaussian", "sigma", self.sigma, lambda v: 0 <= v < np.inf, expected)
        check_flag("Gaussian", "clip", self.clip)

    def __call__(self, x: Array, rng: Rng) -> Array:
        rng = _checked_rng("Gaussian", x, rng)
        if self.clip:
            _check_unit_range("Gaussian", x, ", or use Gaussian(sigma, clip=False)")
        # Not backend.standard_normal: other dtypes (float16) are drawn and scaled in float32 here.
        dtype = x.dtype if x.dtype in (np.float32, np.float64) else np.float32
        noise = rng.standard_normal(x.shape, dtype=dtype)
        noise *= self.sigma
        noisy = namespace(x).asarray(noise.astype(x.dtype, copy=False))
        noisy += x
        return np.clip(noisy, 0, 1, out=noisy) if self.clip else noisy


@dataclass(frozen=True)
class Masking:
    """Set a fraction ν of the values of each example to 0: exactly ``round(ν D)`` of D, at random.

    The other values stay as they are. They are not scaled up to compensate, as dropout does.
    Source: Vincent, Larochelle, Bengio & Manzagol 2008.

    Args:
        fraction: ν, from 0 to 1.

    Raises:
        ValueError: ν is outside [0, 1]; when called: x has an integer dtype or no axis of examples.

    Example:
        >>> noisy = data.Masking(0.25)(np.ones((3, 8), np.float32), rng=0)
        >>> noisy.sum(axis=1)  # of the 8 values of each example, 2 are 0
        array([6., 6., 6.], dtype=float32)
    """

    fraction: float

    def __post_init__(self) -> None:
        _check_fraction("Masking", self.fraction)

    def __call__(self, x: Array, rng: Rng) -> Array:
        rng = _checked_rng("Masking", x, rng)
        _check_has_examples("Masking", x)
        masked = _choose(x.shape, self.fraction, rng)
        return np.where(namespace(x).asarray(masked), x.dtype.type(0), x)


@dataclass(frozen=True)
class SaltAndPepper:
    """Set a fraction ν of the values of each example to 0 or 1: exactly ``round(ν D)`` of D.

    The values are chosen at random; each of them becomes 0 or 1 with probability 1/2.
    Source: Vincent, Larochelle, Lajoie, Bengio & Manzagol 2010.

    Args:
        fraction: ν, from 0 to 1.

    Raises:
        ValueError: ν is outside [0, 1]; when called: x has an integer dtype, no axis of examples,
            or values outside [0, 1] (then 0 and 1 are not the extremes).

    Example:
        >>> noisy = data.SaltAndPepper(0.5)(np.full((3, 8), 0.5, np.float32), rng=0)
        >>> (noisy == 0.5).sum(axis=1)  # half of the values of each example stay
        array([4, 4, 4])
    """

    fraction: float

    def __post_init__(self) -> None:
        _check_fraction("SaltAndPepper", self.fraction)

    def __call__(self, x: Array, rng: Rng) -> Array:
        rng = _checked_rng("SaltAndPepper", x, rng)
        _check_has_examples("SaltAndPepper", x)
        _check_unit_range("SaltAndPepper", x)
        replaced = _choose(x.shape, self.fraction, rng)
        coin_flips = rng.integers(0, 2, x.shape, dtype=bool)
        asarray = namespace(x).asarray
        return np.where(asarray(replaced), asarray(coin_flips).astype(x.dtype), x)


def _choose(shape: tuple[int, ...], fraction: float, rng: np.random.Generator) -> np.ndarray:
    """True at exactly ``k = round(fraction · D)`` random places of the D of each example: (N, ...).

    Each place gets a random integer as its key; the k places with the smallest keys are chosen. The
    lowest bits of a key hold the column, so no two keys of an example are equal, and "key < the key
    of rank k" is true exactly k times. This needs a partition, not a sort.
    """
    n, d = shape[0], int(np.prod(shape[1:]))
    k = round(fraction * d)
    if k in (0, d) or n == 0:
        return np.full(shape, k > 0)
    dtype: Any = np.uint32 if d <= 4096 else np.uint64  # leaves at least 20 random bits
    column_bits = dtype(d.bit_length())
    keys = rng.integers(0, np.iinfo(dtype).max, (n, d), dtype=dtype, endpoint=True)
    keys >>= column_bits
    keys <<= column_bits
    keys |= np.arange(d, dtype=dtype)
    return (keys < np.partition(keys, k, axis=1)[:, k : k + 1]).reshape(shape)


def _checked_rng(name: str, x: Array, rng: Rng) -> np.random.Generator:
    check_array(name, "x", x, kinds="f", axes=0)
    return as_rng(name, rng)


def _check_has_examples(name: str, x: Array) -> None:
    if x.ndim < 2:
        raise ValueError(
            f"{name}: x has shape {x.shape}, expected (N, ...): the fraction is per example; "
            "use x[None] for one example"
        )


def _check_unit_range(name: str, x: Array, alternative: str = "") -> None:
    # Only on the CPU: on a GPU this check would make every step wait for the device.
    # NaN passes: it is a different mistake, and training reports it.
    if isinstance(x, np.ndarray) and x.size and (x.min() < 0 or x.max() > 1):
        raise ValueError(
            f"{name}: x runs from {float(x.min()):.4g} to {float(x.max()):.4g}, "
            f"expected [0, 1]: scale it first{alternative}"
        )


def _check_fraction(name: str, fraction: float) -> None:
    expected = "a number from 0 to 1, such as 0.25"
    check_number(name, "fraction", fraction, lambda v: 0 <= v <= 1, expected)
