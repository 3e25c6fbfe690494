"""Arrays of images: converted to (N, C, H, W) float32, or refused with the reason."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from tinyae.backend import Array, to_numpy
from tinyae.data.file_checks import note
from tinyae.data.lazy import mapped
from tinyae.data.scaling import Scale, as_scale, scaled


def scale_images(
    x: ArrayLike, name: str = "images", scale: float | Scale | None = None
) -> np.ndarray:
    """Convert an array of images, or a table, to (N, C, H, W) float32.

    Shapes: (N, H, W); (N, C, H, W) or (N, H, W, C) with C = 1, 3 or 4 (RGBA, placed on white);
    (N, D) becomes (N, 1, √D, √D), or (N, 1, 1, D) if D is not a square; (H, W, 3) and (H, W, 4) are
    one color image.

    Values: floating point values stay as they are. Integers are divided by 255 if their largest is
    128 to 255, by their largest value if it is 2 to 127, and by 1023, 4095, 16383 or 65535 if they
    are uint16; 0 and 1 stay. Larger and negative integers stay as they are, and so do those of a
    table, except bytes and values up to exactly 255.

    Args:
        x: the array.
        name: what error messages and notes call it.
        scale: divide all values by this number instead.

    Warns:
        DataNote: the shape or the range can be understood in several ways.

    Raises:
        ValueError: another shape, no images, or NaN or infinite values, with the index of the first
            bad image.
    """
    try:
        array = np.asarray(x)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{name}: expected an array or equally long lists: {error}") from error
    (images,), _ = scaled(
        [as_nchw(array, name)], as_scale(name, scale), name, rows_of_table(array.shape)
    )
    return images


def rows_of_table(shape: tuple[int, ...]) -> bool:
    """Rows (N, D) that are not square images."""
    return len(shape) == 2 and math.isqrt(shape[1]) ** 2 != shape[1]


def as_nchw(x: Array, name: str) -> Array:
    """Images of any accepted shape as (N, C, H, W), with the values that they have.

    Raises:
        ValueError: another shape, no images, or values that are not numbers.
    """
    if x.dtype.kind not in "buif":
        hint = ""
        if x.dtype.names:
            hint = f" with the fields {', '.join(x.dtype.names)}: np.stack([x[f] for f in fields])"
        raise ValueError(f"{name}: expected numbers, got {x.dtype}{hint}")
    _note_other_readings(x.shape, x.dtype, name)
    return mapped(lambda batch: _as_nchw(batch, name), x)


def is_one_color_image(n: tuple[int, ...]) -> bool:
    """A shape (H, W, 3) or (H, W, 4) that is not (N, H, W)."""
    return len(n) == 3 and n[2] in (3, 4) and min(n[0], n[1]) > n[2]


def _note_other_readings(n: tuple[int, ...], dtype: np.dtype, name: str) -> None:
    """Say so if an array of this shape can be understood in several ways."""
    if rows_of_table(n) and dtype == np.uint8 and n[0] >= 8:
        note(
            f"{name}: shape {n}, read as {n[0]} examples of {n[1]} values. If it is one "
            "gray image, save x[None]"
        )
    elif is_one_color_image(n):
        note(
            f"{name}: shape {n}, read as one color image of {n[0]}×{n[1]} pixels. If it is {n[0]} "
            f"gray images of {n[1]}×{n[2]} pixels, save x[:, None]"
        )
    elif len(n) == 3 and n[0] == 3 and min(n[1], n[2]) > 4:
        note(
            f"{name}: shape {n}, read as 3 gray images of {n[1]}×{n[2]} pixels. If it is one "
            "color image, save x[None]"
        )
    elif len(n) == 4 and n[1] in (1, 3) and n[3] in (3, 4) and n[2] > 4:
        note(
            f"{name}: shape {n}, read as (N, C, H, W), {n[2]}×{n[3]} pixels. If the channels "
            "are last, save x.transpose(0, 3, 1, 2)"
        )


def _as_nchw(x: np.ndarray, name: str) -> np.ndarray:
    x = _axes_in_order(x, name)
    if x.size == 0:
        raise ValueError(f"{name}: no images in an array of shape {x.shape}")
    return _on_white(x, name) if x.shape[1] == 4 else x


def _axes_in_order(x: np.ndarray, name: str) -> np.ndarray:
    n = x.shape
    if x.ndim == 2:
        if rows_of_table(n):
            return x[:, None, None]
        side = math.isqrt(n[1])
        return x.reshape(n[0], 1, side, side)
    if is_one_color_image(n):
        return x.transpose(2, 0, 1)[None]
    if x.ndim == 3:
        return x[:, None]
    if x.ndim == 4 and n[1] in (1, 3):
        return x
    if x.ndim == 4 and n[3] in (1, 3, 4):
        return x.transpose(0, 3, 1, 2)
    if x.ndim == 4 and n[1] == 4:
        return x
    hint = ""
    if x.ndim == 4 and n[2] in (1, 3):
        hint = "; this looks like (H, W, C, N): x.transpose(3, 2, 0, 1)"
    elif x.ndim == 4:
        hint = "; choose channels, such as x[..., :3]"
    elif x.ndim == 1:
        hint = ": one example is x[None]"
    elif x.ndim > 4:
        hint = ": reshape it, or choose one of its first axes"
    raise ValueError(
        f"{name}: shape {n}, expected (N, D), (N, H, W), (N, C, H, W) or (N, H, W, C) with C = 1, "
        f"3 or 4{hint}"
    )


def _on_white(x: np.ndarray, name: str) -> np.ndarray:
    """RGBA (N, 4, H, W) as RGB, transparent areas white."""
    if x.dtype != np.uint8 and x.dtype.kind != "f":
        raise ValueError(
            f"{name}: shape {x.shape} with 4 channels of {x.dtype}: RGBA images are expected as "
            "uint8 or as floating point values in [0, 1]. Without transparency, save x[:, :3]"
        )
    white = 255 if x.dtype == np.uint8 else 1
    alpha = x[:, 3:] / np.float32(white)
    rgb = x[:, :3] * alpha + white * (1 - alpha)
    return np.rint(rgb).astype(np.uint8) if x.dtype == np.uint8 else rgb


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
