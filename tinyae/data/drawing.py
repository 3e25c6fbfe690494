"""Handwritten-looking digits, drawn with a virtual pen: no download, and every factor is known.

A digit is a path of the pen. The path is deformed, stretched, sheared, rotated and shifted, and
then drawn:

    d²(pixel) = -log( Σ_p  |segment p| · exp(-|pixel - p|²) / √π )    soft minimum over points p
    gray      = clip( thickness/2 - d + 1/2, 0, 1 )                   an edge one pixel wide

For a long straight line the sum is the integral of a Gaussian, and d is exactly the distance to the
line. The Gaussian is a product, exp(-x²) · exp(-y²), so the sum is one small matrix product per
image. The background is 0 and the lines are 1, as in MNIST.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from tinyae._validate import check_int
from tinyae.data.dataset import Dataset, Images
from tinyae.data.glyphs import pen_paths

FRAME = 28  # lengths are in pixels of a 28×28 image, whatever its resolution
HEIGHT = 18  # of a digit of scale 1

# name: the range of the factor, which is drawn uniformly
RANGES = {
    "style": (0.0, 1.0),  # from the first writing style of the digit to the second
    "rotation": (-0.25, 0.25),  # radians, clockwise
    "shear": (-0.1, 0.45),  # positive leans to the right, as most handwriting does
    "scale": (0.8, 1.08),
    "width": (0.75, 1.3),  # narrow or wide
    "thickness": (1.4, 3.6),  # pixels, the full width of the line at half its intensity
    "pressure": (-0.6, 0.6),  # the line gets thicker (positive) or thinner from start to end
    "shift": (-1.5, 1.5),  # pixels: (right, down)
}


def strokes(n_train: int = 10_000, n_test: int = 2_000, seed: int = 0, size: int = 28) -> Dataset:
    """Generated digits 0 to 9, equally many of each, in random order.

    Args:
        n_train: the number of training images.
        n_test: the number of test images.
        seed: the same seed gives the same images, bit for bit. Training and test images are drawn
            from separate random streams.
        size: height and width in pixels. The drawings are the same at every size, only finer.

    Returns:
        A ``Dataset`` of images (N, 1, size, size) with ``factors``: style, rotation (radians),
        shear, scale, width, thickness (in pixels of a 28×28 image) and pressure, each (N,);
        shift (N, 2), to the right and down; wobble (N, 4, 2).
        ``draw(labels, **factors)`` draws the same images again.

    Raises:
        ValueError: fewer than one image, or a size below 8.

    Example:
        >>> dataset = data.strokes(100, 20)
        >>> dataset
        Dataset(strokes: 100 train + 20 test of 1×28×28, 10 classes)
        >>> list(dataset.train.factors)[:5]
        ['style', 'rotation', 'shear', 'scale', 'width']
    """
    for name, value, least in (("n_train", n_train, 1), ("n_test", n_test, 1), ("size", size, 8)):
        check_int("strokes", name, value, least=-math.inf)
        if value < least:
            raise ValueError(f"strokes: {name}={value}, expected at least {least}")
    check_int("strokes", "seed", seed, least=0)
    train = _random_digits(n_train, np.random.default_rng([seed, 0]), size)
    test = _random_digits(n_test, np.random.default_rng([seed, 1]), size)
    return Dataset("strokes", train, test, classes=tuple("0123456789"))


def _random_digits(n: int, rng: np.random.Generator, size: int) -> Images:
    labels = rng.permutation(np.arange(n, dtype=np.int64) % 10)  # a browser has 32 bits
    factors = {
        name: rng.uniform(low, high, (n, 2) if name == "shift" else n)
        for name, (low, high) in RANGES.items()
    }
    factors["wobble"] = rng.normal(0, 0.035, (n, 4, 2))
    return Images(draw(labels, size=size, **factors), labels, factors)


def draw(
    labels: ArrayLike,
    *,
    style: ArrayLike = 0.5,
    rotation: ArrayLike = 0.0,
    shear: ArrayLike = 0.0,
    scale: ArrayLike = 1.0,
    width: ArrayLike = 1.0,
    thickness: ArrayLike = 2.2,
    pressure: ArrayLike = 0.0,
    shift: ArrayLike = (0.0, 0.0),
    wobble: ArrayLike = 0.0,
    size: int = 28,
) -> np.ndarray:
    """Draw digits with chosen factors: vary one, keep the others, and see how the code changes.

        draw([3] * 9, rotation=np.linspace(-0.4, 0.4, 9))

    Args:
        labels: (N,), integers from 0 to 9.
        style ... wobble: one number for all images or an array (N,); shift is (2,) or (N, 2),
            wobble is (4, 2) or (N, 4, 2). ``strokes`` explains them and draws them from ``RANGES``.
        size: height and width in pixels.

    Returns:
        Images (N, 1, size, size), float32, in [0, 1], in steps of 1/255 as in a scanned image.

    Raises:
        ValueError: a label is not a digit.

    Example:
        >>> images = data.draw([3] * 9, rotation=np.linspace(-0.4, 0.4, 9))  # one digit, turned
        >>> images.shape
        (9, 1, 28, 28)
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(f"draw: labels must be integers (N,), got {labels.dtype} {labels.shape}")
    if (bad := labels[(labels < 0) | (labels > 9)]).size:
        raise ValueError(f"draw: labels must be from 0 to 9, got {bad[0]}")
    n = len(labels)

    def per_image(value: ArrayLike, *shape: int) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, dtype=np.float32), (n, *shape))

    factors = {
        "style": per_image(style),
        "rotation": per_image(rotation),
        "shear": per_image(shear),
        "scale": per_image(scale),
        "width": per_image(width),
        "shift": per_image(shift, 2),
        "wobble": per_image(wobble, 4, 2),
    }
    thickness, pressure = per_image(thickness), per_image(pressure)
    images = np.empty((n, 1, size, size), np.float32)
    for start in range(0, n, 256):  # 256 images at a time fit in the cache
        part = slice(start, start + 256)
        path = _place(labels[part], **{name: value[part] for name, value in factors.items()})
        images[part, 0] = _rasterize(path, thickness[part], pressure[part], size)
    return images


def _place(
    labels: np.ndarray,
    style: np.ndarray,
    rotation: np.ndarray,
    shear: np.ndarray,
    scale: np.ndarray,
    width: np.ndarray,
    shift: np.ndarray,
    wobble: np.ndarray,
) -> np.ndarray:
    """The pen's path for each image, (N, P, 2, 2): P segments, two ends, (x, y) in pixels from the
    center."""
    first, second = pen_paths()[:, labels]  # (N, P, 2, 2), y from -1 (top) to 1 (bottom)
    style = style[:, None, None, None]
    path = (1 - style) * first + style * second
    # Wobble: a smooth field of displacements, so strokes that meet still meet.
    waves = np.concatenate([np.sin(np.pi * path), np.cos(np.pi * path)], axis=-1)  # (N, P, 2, 4)
    path = path + (waves.reshape(len(path), -1, 4) @ wobble).reshape(path.shape)
    # One linear map, width and shear, then rotation: (x, y) -> R [[width, -shear], [0, 1]] (x, y)
    c, s = np.cos(rotation), np.sin(rotation)
    linear = np.stack([c * width, -c * shear - s, s * width, -s * shear + c], axis=-1).reshape(
        -1, 2, 2
    )
    path = path @ (linear * (HEIGHT / 2 * scale[:, None, None])).transpose(0, 2, 1)[:, None]
    middle = (path.min(axis=(1, 2), keepdims=True) + path.max(axis=(1, 2), keepdims=True)) / 2
    return path - middle + shift[:, None, None]


def _rasterize(
    path: np.ndarray, thickness: np.ndarray, pressure: np.ndarray, size: int
) -> np.ndarray:
    """Images (N, size, size) of paths (N, P, 2, 2)."""
    segment = path[:, :, 1] - path[:, :, 0]
    middle = path.mean(axis=2)  # (N, P, 2)
    length = np.sqrt((segment * segment).sum(axis=-1))  # (N, P)
    position = np.linspace(-1, 1, path.shape[1], dtype=np.float32)  # from start to end of the path
    weight = length * np.exp(pressure[:, None] * position) / np.float32(np.sqrt(np.pi))
    pixel = ((np.arange(size, dtype=np.float32) + 0.5) / size - 0.5) * FRAME
    # exp(-40) replaces zero: products of two such values do not underflow in float32, and the
    # argument of log is never 0.
    gauss = np.exp(np.maximum(-((middle[..., None] - pixel) ** 2), -40))  # (N, P, 2, size)
    along_x, along_y = gauss[:, :, 0], gauss[:, :, 1]
    total = (weight[..., None] * along_y).transpose(0, 2, 1) @ along_x  # (N, size, size)
    distance = np.sqrt(np.maximum(-np.log(total), 0))
    gray = np.clip((thickness[:, None, None] / 2 - distance) * (size / FRAME) + 0.5, 0, 1)
    return np.rint(gray * 255) / np.float32(255)
