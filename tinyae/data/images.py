"""Arrays of images: converted to (N, C, H, W) float32 in [0, 1], or refused with the reason."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from tinyae.backend import Array, to_numpy


def scale_images(x: ArrayLike, name: str = "images") -> np.ndarray:
    """Convert an array of images to (N, C, H, W) float32 in [0, 1].

    Shapes: (N, H, W); (N, C, H, W) or (N, H, W, C) with C = 1 or 3; (N, D) becomes (N, 1, √D, √D),
    or (N, 1, 1, D) if D is not a square.

    Values: integers from 0 to 255 are divided by 255, except if all are 0 or 1 (black and white;
    the same for bool). Floating point values must be in [0, 1].

    Args:
        x: the array.
        name: what error messages call it.

    Raises:
        ValueError: another shape or range, no images, or NaN or infinite values, with the index of
            the first bad image.
    """
    x = np.asarray(x)
    if x.dtype.kind not in "buif":
        raise ValueError(f"{name}: expected numbers, got {x.dtype}")
    x = _as_nchw(x, name)
    if x.size == 0:
        raise ValueError(f"{name}: no images in an array of shape {x.shape}")
    if x.dtype.kind == "f":
        bad = ~np.isfinite(x).all(axis=(1, 2, 3))  # (N,)
        if bad.any():
            raise ValueError(
                f"{name}: NaN or infinity in {bad.sum()} of {len(x)} images, "
                f"first in image {bad.argmax()}"
            )
    low, high = x.min(), x.max()
    if x.dtype.kind in "ui":
        if low < 0 or high > 255:
            raise ValueError(f"{name}: integers from {low} to {high}, expected 0 to 255")
        return np.divide(x, 1 if high <= 1 else 255, dtype=np.float32, order="C")
    if x.dtype.kind == "f" and (low < -1e-6 or high > 1 + 1e-6):
        raise ValueError(
            f"{name}: values from {low:g} to {high:g}, expected 0 to 1: "
            + ("divide by 255 first?" if low >= 0 and 1 < high <= 255 else "scale them first")
        )
    x = np.array(x, np.float32, order="C")
    return np.clip(x, 0, 1, out=x)  # rounding errors up to 1e-6 are accepted


def _as_nchw(x: np.ndarray, name: str) -> np.ndarray:
    if x.ndim == 2:
        side = math.isqrt(x.shape[1])
        return x.reshape(len(x), 1, side, side) if side * side == x.shape[1] else x[:, None, None]
    if x.ndim == 3:
        return x[:, None]
    if x.ndim == 4 and x.shape[1] in (1, 3):
        return x
    if x.ndim == 4 and x.shape[3] in (1, 3):
        return x.transpose(0, 3, 1, 2)
    raise ValueError(
        f"{name}: shape {x.shape}, expected (N, D), (N, H, W), (N, C, H, W) or (N, H, W, C) with C "
        "= 1 or 3"
    )


def as_labels(y: ArrayLike, n: int, name: str = "labels") -> np.ndarray:
    """The labels of n images as (n,) int64; they may be (n,) or (n, 1), integer or float.

    Raises:
        ValueError: the labels are not n non-negative integers.
    """
    y = np.asarray(y)
    if y.shape not in ((n,), (n, 1)):
        raise ValueError(
            f"{name}: shape {y.shape}, expected ({n},): one label for each of the {n} images"
        )
    if y.dtype.kind not in "biu" and not (
        y.dtype.kind == "f" and np.all(y == np.floor(y)) and np.isfinite(y).all()
    ):
        raise ValueError(f"{name}: {y.dtype}, expected integers")
    if len(y) and y.min() < 0:
        raise ValueError(f"{name}: {y.min()} found, expected non-negative integers")
    return y.reshape(n).astype(np.int64)


def as_display_images(x: Array) -> np.ndarray:
    """Gray (N, H, W) or color (N, H, W, 3) images for display, on the CPU.

    Accepts (N, D) with D a square, (N, H, W), (N, 1, H, W), (N, 3, H, W) and (N, H, W, 3).

    Raises:
        ValueError: the length of the rows is not a square, or the array does not hold images.
    """
    x = to_numpy(x)
    if x.ndim == 2:
        side = round(x.shape[1] ** 0.5)
        if side * side != x.shape[1]:
            raise ValueError(
                f"as_display_images: rows of {x.shape[1]} values are not square images; "
                "reshape them to (N, 1, H, W)"
            )
        return x.reshape(-1, side, side)
    if x.ndim == 4 and x.shape[1] in (1, 3):
        return x[:, 0] if x.shape[1] == 1 else x.transpose(0, 2, 3, 1)
    if x.ndim == 4 and x.shape[3] == 3:
        return x
    if x.ndim == 3:
        return x
    raise ValueError(
        f"as_display_images: shape {x.shape} does not hold images, "
        "expected (N, D), (N, H, W), (N, 1, H, W), (N, 3, H, W) or (N, H, W, 3)"
    )
