"""Augmentation: small changes of the training images that should not matter. The autoencoder has to
reconstruct the changed image, so input and target change together."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyae._validate import as_rng, check_array, check_int, check_number
from tinyae.backend import Array, namespace
from tinyae.data.batches import Data, examples_of

Augmentation = Callable[[Array, np.random.Generator], Array]


def augmented(batch: Data, augment: Augmentation, seed: Any) -> Data:
    """The batch with its examples changed. Labels stay as they are.

    Raises:
        ValueError: ``augment`` returns another shape or dtype than that of the examples.
    """
    x = examples_of(batch)
    new = augment(x, np.random.default_rng(seed))
    if getattr(new, "shape", None) != x.shape or new.dtype != x.dtype:
        got = f"{new.dtype} {new.shape}" if hasattr(new, "shape") else type(new).__name__
        raise ValueError(f"augment returned {got}, expected {x.dtype} {x.shape} as it was given")
    return (new, *batch[1:]) if isinstance(batch, tuple) else new


@dataclass(frozen=True)
class Shifts:
    """``shifts(pixels, fraction)(x, rng)``: move some of the images by a few pixels.

    Each image is chosen with probability ``fraction``. It moves by −pixels, ..., pixels rows and as
    many columns, at random. What moves in at the edge is 0; what moves out is lost.

    Args:
        pixels: the largest distance in each direction, at least 1.
        fraction: between 0 and 1.
        shape: (H, W) of images that are given as rows (N, D), D = H·W or C·H·W. None: they are
            square, with one channel.

    Raises:
        TypeError: pixels or fraction is not a number.
        ValueError: pixels or fraction is out of range.
        ValueError: in a call, x is neither (N, C, H, W) nor rows of such images.

    Example:
        >>> from tinyae.data import shifts
        >>> x = np.zeros((1, 1, 5, 5), np.float32)
        >>> x[0, 0, 2, 2] = 1
        >>> moved = shifts(1)(x, rng=0)
        >>> float(moved.sum()), np.argwhere(moved[0, 0])
        (1.0, array([[3, 2]]))
    """

    pixels: int = 1
    fraction: float = 1.0
    shape: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        check_int("shifts", "pixels", self.pixels)
        expected = "a number from 0 to 1"
        check_number("shifts", "fraction", self.fraction, lambda v: 0 <= v <= 1, expected)

    def __call__(self, x: Array, rng: np.random.Generator) -> Array:
        check_array("shifts", "x", x, kinds="fiub")
        rng = as_rng("shifts", rng)
        images, (n, p) = self._images(x), (len(x), self.pixels)
        moves = rng.integers(-p, p + 1, (n, 2))
        moves[rng.random(n) >= self.fraction] = 0
        moved, asarray = images.copy(), namespace(x).asarray
        for down, right in {(int(a), int(b)) for a, b in moves} - {(0, 0)}:
            chosen = asarray(np.flatnonzero((moves == (down, right)).all(axis=1)))
            moved[chosen] = _move(images[chosen], down, right)
        return moved.reshape(x.shape)

    def _images(self, x: Array) -> Array:
        if x.ndim == 4:
            return x
        side = math.isqrt(x.shape[-1]) if x.ndim == 2 else 0
        h, w = self.shape or (side, side)
        if x.ndim != 2 or not h * w or x.shape[1] % (h * w):
            raise ValueError(
                f"shifts: x has shape {x.shape}, expected images (N, C, H, W) or square images as "
                "rows (N, D); for others, shifts(..., shape=(H, W))"
            )
        return x.reshape(len(x), -1, h, w)


shifts = Shifts  # fit(..., augment=shifts(1, 0.3))


def _move(images: Array, down: int, right: int) -> Array:
    """Images (N, C, H, W), moved; zeros come in at the edge."""
    h, w = images.shape[2:]
    moved = np.zeros_like(images)
    rows, columns = _overlap(down, h), _overlap(right, w)
    moved[:, :, rows[1], columns[1]] = images[:, :, rows[0], columns[0]]
    return moved


def _overlap(by: int, size: int) -> tuple[slice, slice]:
    """Where the part that stays visible is, before and after the move."""
    by = max(-size, min(size, by))
    return slice(max(0, -by), size - max(0, by)), slice(max(0, by), size - max(0, -by))
