"""Images brought to another shape: other colors, another size."""

from __future__ import annotations

import numpy as np

from tinyae._validate import shape_text
from tinyae.backend import Array
from tinyae.data.lazy import mapped

LUMA = (0.299, 0.587, 0.114)  # the weights of red, green and blue in gray, ITU-R BT.601


def fit_shape(images: Array, shape: tuple[int, ...], name: str) -> Array:
    """``images`` (N, C, H, W) with the shape (C', H', W').

    Color becomes gray, or gray is repeated for red, green and blue. The images are cropped to the
    new aspect ratio around their center and resized (bilinear).

    Raises:
        ValueError: rows of a table, which cannot be resized.
        ImportError: pillow is not installed (needed to resize).
    """
    if images.shape[1:] == tuple(shape):
        return images
    channels, height, width = shape
    if 1 in (images.shape[2], height) and images.shape[2:] != (height, width):
        if images.shape[1:3] == (1, 1) and images.shape[3] == height * width and channels == 1:
            return images.reshape(-1, 1, height, width)  # rows of images that are not square
        raise ValueError(
            f"{name}: examples of shape {shape_text(images.shape[1:])}, expected "
            f"{shape_text(shape)}: rows of a table cannot be resized. Are the same columns there?"
        )
    low, high = images.min(), images.max()
    return mapped(lambda x: _fitted(x, shape, low, high), images)


def _fitted(
    images: np.ndarray, shape: tuple[int, ...], low: np.generic, high: np.generic
) -> np.ndarray:
    channels, height, width = shape
    if images.shape[1] == 3 and channels == 1:
        images = np.tensordot(images, np.array(LUMA, np.float32), (1, 0))[:, None]
    elif images.shape[1] == 1 and channels == 3:
        images = np.repeat(images, 3, axis=1)
    if images.shape[2:] == (height, width):
        return images.clip(low, high)
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise ImportError('resizing images needs pillow: pip install "tinyae[data]"') from error
    resized = np.empty((len(images), *shape), np.float32)
    for target, image in zip(resized.reshape(-1, height, width), _planes(images), strict=True):
        plane = Image.fromarray(image)
        fitted = ImageOps.fit(plane, (width, height), Image.Resampling.BILINEAR)
        target[...] = np.asarray(fitted)
    return resized.clip(low, high, out=resized)  # no rounding errors beyond 1


def _planes(images: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(images, np.float32).reshape(-1, *images.shape[2:])
