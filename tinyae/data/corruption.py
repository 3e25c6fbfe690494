"""Ways to spoil a picture: what a denoising autoencoder sees in place of the clean one.

    corrupt = Gaussian(0.3)
    seen = corrupt(x, rng)          # another draw each time; the same rng, the same draw

A corruption is a value, ``corrupt(x, rng) -> x̃``. It changes nothing, and x̃ has the shape, dtype and device of x. The random
numbers are drawn on the CPU and moved to where x is: a run on a GPU sees the very noise that a run on the CPU sees, and the two
can be compared number by number. A batch of noise is small beside the step that it is drawn for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyae.backend import Array, namespace

Corruption = Callable[[Array, np.random.Generator], Array]


@dataclass(frozen=True)
class Gaussian:
    """``x̃ = clip(x + σ ε, 0, 1)``, ε standard normal, for every number anew.

    Args:
        sigma: σ, the standard deviation of the noise before the clip, from 0 on.
        clip: cut at 0 and 1, as pictures are. False for data that do not lie in [0, 1].

    Raises:
        ValueError: a σ below 0, infinite or NaN; in a call, an x of whole numbers, or with ``clip`` one outside [0, 1].
    """

    sigma: float
    clip: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.sigma < np.inf:
            raise ValueError(
                f"Gaussian: sigma is {self.sigma}, expected a finite number from 0 on, such as 0.3"
            )

    def __call__(self, x: Array, rng: np.random.Generator | int | None) -> Array:
        rng = _checked("Gaussian", x, rng)
        if self.clip:
            _in_unit_range("Gaussian", x, ", or Gaussian(sigma, clip=False)")
        draw = x.dtype if x.dtype in (np.float32, np.float64) else np.float32
        noise = rng.standard_normal(x.shape, dtype=draw)
        noise *= self.sigma
        seen = namespace(x).asarray(noise.astype(x.dtype, copy=False))
        seen += x
        return np.clip(seen, 0, 1, out=seen) if self.clip else seen


@dataclass(frozen=True)
class Masking:
    """Exactly a share ν of each example's numbers is set to 0, the others stay: ``round(ν D)`` of D, chosen at random.

    Vincent et al. 2008. What is left is not enlarged to make up for the loss, as dropout does.

    Args:
        share: ν, from 0 to 1.

    Raises:
        ValueError: ν outside [0, 1]; in a call, an x of whole numbers, or one without an axis of examples.
    """

    share: float

    def __post_init__(self) -> None:
        _check_share("Masking", self.share)

    def __call__(self, x: Array, rng: np.random.Generator | int | None) -> Array:
        rng = _checked("Masking", x, rng)
        _in_rows("Masking", x)
        hidden = _choose(x.shape, self.share, rng)
        return np.where(namespace(x).asarray(hidden), x.dtype.type(0), x)


@dataclass(frozen=True)
class SaltAndPepper:
    """Exactly a share ν of each example's numbers, chosen at random, becomes 0 or 1 by the toss of a coin. Vincent et al. 2010.

    Args:
        share: ν, from 0 to 1.

    Raises:
        ValueError: ν outside [0, 1]; in a call, an x of whole numbers, without an axis of examples, or outside [0, 1], where 0
            and 1 are not the extremes.
    """

    share: float

    def __post_init__(self) -> None:
        _check_share("SaltAndPepper", self.share)

    def __call__(self, x: Array, rng: np.random.Generator | int | None) -> Array:
        rng = _checked("SaltAndPepper", x, rng)
        _in_rows("SaltAndPepper", x)
        _in_unit_range("SaltAndPepper", x)
        flipped = _choose(x.shape, self.share, rng)
        coins = rng.integers(0, 2, x.shape, dtype=bool)
        to = namespace(x).asarray
        return np.where(to(flipped), to(coins).astype(x.dtype), x)


def _choose(shape: tuple[int, ...], share: float, rng: np.random.Generator) -> np.ndarray:
    """True at exactly ``round(share · D)`` of the D numbers of each example: (N, ...).

    Every number draws a lot, and the lowest k lots of each example win. The last bits of a lot are its column: so no two are
    equal, and one comparison with the lot of rank k finds exactly k. That needs no sort, only a partition.
    """
    n, d = shape[0], int(np.prod(shape[1:]))
    k = round(share * d)
    if k in (0, d) or n == 0:
        return np.full(shape, k > 0)
    dtype = np.dtype(np.uint32 if d <= 4096 else np.uint64)  # at least 20 bits of chance
    bits = dtype.type(d.bit_length())
    lots = rng.integers(0, np.iinfo(dtype).max, (n, d), dtype=dtype, endpoint=True)
    lots >>= bits
    lots <<= bits
    lots |= np.arange(d, dtype=dtype)
    return (lots < np.partition(lots, k, axis=1)[:, k : k + 1]).reshape(shape)


def _checked(name: str, x: Array, rng: Any) -> np.random.Generator:
    if x.dtype.kind != "f":
        raise ValueError(
            f"{name}: x has dtype {x.dtype}, expected floating point numbers: x.astype(np.float32) / 255 for pixels"
        )
    return np.random.default_rng(rng)


def _in_rows(name: str, x: Array) -> None:
    if x.ndim < 2:
        raise ValueError(
            f"{name}: x has shape {x.shape}, expected (N, ...), a share of each example: x[None] for one"
        )


def _in_unit_range(name: str, x: Array, else_: str = "") -> None:
    # Looked at on the CPU alone: a GPU's step would have to wait. NaN is not this mistake and goes through.
    if isinstance(x, np.ndarray) and x.size and (x.min() < 0 or x.max() > 1):
        raise ValueError(
            f"{name}: x runs from {float(x.min()):.4g} to {float(x.max()):.4g}, expected [0, 1]: scale it first{else_}"
        )


def _check_share(name: str, share: float) -> None:
    if not 0 <= share <= 1:
        raise ValueError(f"{name}: share is {share}, expected a number from 0 to 1, such as 0.25")
