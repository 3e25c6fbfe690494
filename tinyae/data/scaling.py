"""What the numbers in a file mean, and how they become the floating point values of images.

Floating point values are used as they are. Integers are divided by the largest value that they can
have: 255 for 8-bit images. Where the file does not say which value that is, it is inferred from the
largest value found, and a ``DataNote`` says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import NamedTuple

import numpy as np

from tinyae.backend import Array
from tinyae.data.file_checks import note
from tinyae.data.lazy import LazyArray

BITS = (8, 10, 12, 14, 16)  # of cameras, scanners and microscopes
DARK = 0.25  # images without a brighter pixel get a note


class Scale(NamedTuple):
    """What the values of a file are divided by.

    ``data.scale`` is the scale of a data set that was read. Images that are read later with
    ``scale=data.scale`` are divided by the same number.

    Example:
        >>> import tempfile
        >>> depth = np.full((10, 8, 8), 4095, np.uint16)  # a camera with 12 bits
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.save(f"{folder}/depth.npy", depth)
        ...     images = data.read_images(f"{folder}/depth.npy", scale=data.Scale(4095))
        >>> float(images.images.max())
        1.0
    """

    divisor: float
    of: str = "all"  # "integers": only integers are divided by it


def as_scale(who: str, scale: float | Scale | None) -> Scale | None:
    """A number, as a ``Scale`` for all values.

    Raises:
        TypeError: it is not a number.
        ValueError: it is not positive and finite.
    """
    if scale is None or isinstance(scale, Scale):
        return scale
    if not isinstance(scale, Real) or isinstance(scale, bool):
        raise TypeError(
            f"{who}: scale is {scale!r}, expected a number to divide by, such as 255, or None"
        )
    if not 0 < float(scale) < math.inf:
        raise ValueError(f"{who}: scale is {scale}, expected a positive finite number")
    return Scale(float(scale))


def scaled(
    arrays: Sequence[Array], scale: Scale | None, name: str, is_table: bool = False
) -> tuple[list[Array], Scale | None]:
    """The arrays as float32, all divided by the same number.

    Args:
        arrays: (N, ...) each, such as a training and a test part.
        scale: what to divide by; None infers it.
        name: what error messages and notes call the data.
        is_table: the arrays are rows of a table, not images: integers are used as they are.

    Returns:
        The arrays, and the scale if one was given or inferred.

    Raises:
        ValueError: NaN or infinite values, also those that are too large for float32.
    """
    low = min(a.min() for a in arrays)
    high = max(a.max() for a in arrays)
    if scale is None and arrays[0].dtype.kind in "ui":
        scale = _integer_scale(arrays[0].dtype, int(low), int(high), name, is_table)
    applies = scale is not None and (scale.of == "all" or arrays[0].dtype.kind in "ui")
    divisor = scale.divisor if scale is not None and applies else 1
    return [_divided(a, divisor, name) for a in arrays], scale


def _divided(x: Array, divisor: float, name: str) -> Array:
    if isinstance(x, LazyArray):
        return _divided_lazily(x, divisor, name)
    y = _quotient(x, divisor)
    if x.dtype.kind != "f":
        return y
    _check_finite(x, ~np.isfinite(y.reshape(len(y), -1)).all(axis=1), name)
    low, high = float(y.min()), float(y.max())
    return np.clip(y, 0, 1, out=y) if _is_rounded(low, high) else y


def _divided_lazily(x: LazyArray, divisor: float, name: str) -> LazyArray:
    """The same, of examples in a file: one pass finds what is to be done with each batch."""
    if x.dtype.kind != "f":
        return x.map(lambda batch: _quotient(batch, divisor))
    low, high = (float(_quotient(np.array([v]), divisor)[0]) for v in (x.min(), x.max()))
    if not (math.isfinite(low) and math.isfinite(high)):
        parts = (x[i : i + 1000] for i in range(0, len(x), 1000))
        quotients = (_quotient(part, divisor).reshape(len(part), -1) for part in parts)
        _check_finite(x, np.concatenate([~np.isfinite(y).all(axis=1) for y in quotients]), name)
    if _is_rounded(low, high):
        return x.map(lambda batch: _quotient(batch, divisor).clip(0, 1))
    return x.map(lambda batch: _quotient(batch, divisor))


def _quotient(x: np.ndarray, divisor: float) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.divide(x, divisor, dtype=np.float32, order="C")


def _is_rounded(low: float, high: float) -> bool:
    """Values that are outside [0, 1] only by rounding errors."""
    return (low < 0 or high > 1) and low >= -1e-6 and high <= 1 + 1e-6


def _check_finite(x: Array, bad: np.ndarray, name: str) -> None:
    """``bad``: (N,), True for examples with values that are not finite."""
    if bad.any():
        first = int(bad.argmax())
        if np.isfinite(x[first]).all():
            raise ValueError(
                f"{name}: example {first} has values up to {np.abs(x[first]).max():g}, too large "
                "for float32: divide them first"
            )
        raise ValueError(
            f"{name}: NaN or infinity in {bad.sum()} of {len(x)} examples, first in example "
            f"{first}: replace these values or drop these examples first"
        )


def _integer_scale(dtype: np.dtype, low: int, high: int, name: str, is_table: bool) -> Scale | None:
    """What to divide integers by, which may be pixels or may be counts, scores or gray levels."""
    if low < 0 or high <= 1:
        return None  # a table; black and white
    if is_table and dtype != np.uint8 and high != 255:
        return None
    if high > 255:
        return inferred_depth(high, name) if dtype == np.uint16 and not is_table else None
    if high >= 128:
        return Scale(255, "integers")
    note(
        f"{name}: integers from {low} to {high}: divided by {high}, not by 255 as pixels would be. "
        "To choose another divisor: --scale 255, or scale=255 in Python"
    )
    return Scale(high, "integers")


def inferred_depth(high: float, name: str) -> Scale:
    """The scale of images with more than 8 bits per pixel, whose largest value is ``high``: 4095
    for 12 bits in a 16-bit file."""
    if high <= 1:  # black and white
        return Scale(1, "integers")
    bits = next((b for b in BITS if high < 2**b), None)
    divisor = 2.0**bits - 1 if bits else float(high)
    if bits != 16:
        largest = f"{bits} bits" if bits else "their maximum"
        note(
            f"{name}: values up to {high:g} in 16 or more bits per pixel: taken for {largest}, and "
            f"divided by {divisor:g}. To choose another divisor: --scale 65535, or scale=65535 in "
            "Python"
        )
    return Scale(divisor, "integers")


def note_dark(images: Array, name: str) -> None:
    """Say so if images use only the lowest part of [0, 1]: were they divided by too much?"""
    low, high = float(images.min()), float(images.max())
    if 0 <= low and high < DARK:
        note(
            f"{name}: the brightest pixel is {high:.3g}, of 1. If the images should not be dark, "
            "divide them by less: --scale, or scale=... in Python"
        )
