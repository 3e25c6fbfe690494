"""Arrays of one's own, brought to (N, C, H, W) float32 in [0, 1], or refused with the reason."""

import math

import numpy as np

from tinyae.backend import Array, to_numpy


def scale_images(x: np.ndarray, name: str = "images") -> np.ndarray:
    """Bring an array of pictures to (N, C, H, W) float32 in [0, 1].

    Shapes: (N, H, W); (N, C, H, W) or (N, H, W, C) with C = 1 or 3; (N, D) becomes (N, 1, √D, √D), or (N, 1, 1, D) where
    D is no square. Numbers: whole numbers from 0 to 255 are divided by 255 (but 0 and 1 alone, and bool, mean black and
    white and stay); floating point numbers must lie in [0, 1].

    Args:
        name: of the array, for messages.

    Raises:
        ValueError: another shape or range, no pictures, or NaN or infinity, with the index of the first bad picture.
    """
    x = np.asarray(x)
    if x.dtype.kind not in "buif":
        raise ValueError(f"{name}: expected numbers, got {x.dtype}")
    x = _as_nchw(x, name)
    if x.size == 0:
        raise ValueError(f"{name}: no pictures in an array of shape {x.shape}")
    if x.dtype.kind == "f":
        bad = ~np.isfinite(x).all(axis=(1, 2, 3))  # (N,)
        if bad.any():
            raise ValueError(
                f"{name}: NaN or infinity in {bad.sum()} of {len(x)} pictures, first in picture {bad.argmax()}"
            )
    low, high = x.min(), x.max()
    if x.dtype.kind in "ui":
        if low < 0 or high > 255:
            raise ValueError(f"{name}: whole numbers from {low} to {high}, expected 0 to 255")
        return np.divide(x, 1 if high <= 1 else 255, dtype=np.float32, order="C")
    if x.dtype.kind == "f" and (low < -1e-6 or high > 1 + 1e-6):
        raise ValueError(
            f"{name}: numbers from {low:g} to {high:g}, expected 0 to 1: "
            + ("divide by 255 first?" if low >= 0 and 1 < high <= 255 else "scale them first")
        )
    x = np.array(x, np.float32, order="C")
    return np.clip(x, 0, 1, out=x)  # a rounding error is no reason to refuse


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
        f"{name}: shape {x.shape}, expected (N, D), (N, H, W), (N, C, H, W) or (N, H, W, C) with C = 1 or 3"
    )


def as_labels(y: np.ndarray, n: int, name: str = "labels") -> np.ndarray:
    """Labels as (N,) int64, for N = n pictures. Raises ValueError if they are not n whole numbers from 0."""
    y = np.asarray(y)
    if y.shape not in ((n,), (n, 1)):
        raise ValueError(
            f"{name}: shape {y.shape}, expected ({n},): one label for each of the {n} pictures"
        )
    if y.dtype.kind not in "bui" and not (
        y.dtype.kind == "f" and np.all(y == np.floor(y)) and np.isfinite(y).all()
    ):
        raise ValueError(f"{name}: {y.dtype}, expected whole numbers")
    if len(y) and y.min() < 0:
        raise ValueError(f"{name}: {y.min()} found, expected 0 or more")
    return y.reshape(n).astype(np.int64)


def as_display_images(x: Array) -> np.ndarray:
    """(N, 784), (N, 1, H, W), (N, H, W), (N, 3, H, W) or (N, H, W, 3) -> (N, H, W) or (N, H, W, 3), on the CPU.

    Raises:
        ValueError: rows whose length is no square number, or an array that holds no pictures.
    """
    x = to_numpy(x)
    if x.ndim == 2:
        side = round(x.shape[1] ** 0.5)
        if side * side != x.shape[1]:
            raise ValueError(
                f"plots: rows of {x.shape[1]} numbers are no square pictures; reshape them to (N, 1, H, W)"
            )
        return x.reshape(-1, side, side)
    if x.ndim == 4 and x.shape[1] in (1, 3):
        return x[:, 0] if x.shape[1] == 1 else x.transpose(0, 2, 3, 1)
    if x.ndim == 4 and x.shape[3] == 3:
        return x
    if x.ndim == 3:
        return x
    raise ValueError(
        f"plots: shape {x.shape} holds no pictures, expected (N, D), (N, H, W), (N, 1, H, W) or (N, 3, H, W)"
    )
