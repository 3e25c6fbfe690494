"""Handwritten-looking digits, drawn with a virtual pen: no download, and every factor of variation is known.

A digit is a path of the pen. The path is bent, stretched, slanted, turned and moved, and then inked:

    d²(pixel) = -log( Σ_p  |segment p| · exp(-|pixel - p|²) / √π )        a soft minimum over the path's points p
    ink       = clip( thickness/2 - d + 1/2, 0, 1 )                        an edge one pixel wide

For a long straight line the sum is the integral of a Gaussian, and d is the distance to the line exactly.
The Gaussian is a product, exp(-x²) · exp(-y²), so that the sum is one small matrix product for each picture.
"""

import numpy as np

from tinyae.data.dataset import Dataset, Images
from tinyae.data.glyphs import pen_paths

FRAME = 28  # lengths are in pixels of a 28×28 picture, whatever its resolution
HEIGHT = 18  # of a digit of scale 1

# name: the range in which it is drawn, uniformly
RANGES = {
    "style": (0.0, 1.0),  # from one way of writing the digit to another
    "rotation": (-0.25, 0.25),  # radians, clockwise
    "shear": (-0.1, 0.45),  # slant: positive leans to the right, as most hands do
    "scale": (0.8, 1.08),
    "width": (0.75, 1.3),  # a narrow or a broad hand
    "thickness": (1.4, 3.6),  # pixels, the full width of the line at half its ink
    "pressure": (
        -0.6,
        0.6,
    ),  # the line grows thicker (positive) or thinner from its start to its end
    "shift": (-1.5, 1.5),  # pixels: (right, down)
}


def strokes(n_train: int = 10_000, n_test: int = 2_000, seed: int = 0, size: int = 28) -> Dataset:
    """Generated digits 0 to 9, equally many of each, in random order.

    Args:
        n_train, n_test: how many pictures.
        seed: the same seed gives the same pictures, bit for bit; training and test pictures never share a stream.
        size: height and width in pixels. The drawings are the same at every size, only finer.

    Returns:
        A `Dataset` of images (N, 1, size, size) with `factors`: style, rotation (radians), shear, scale, width, thickness
        (in pixels of a 28×28 picture), pressure, each (N,); shift (N, 2), to the right and down; wobble (N, 4, 2).
        `draw(labels, **factors)` draws the same pictures again.

    Raises:
        ValueError: fewer than one picture, or a size below 8.
    """
    for name, value, least in (("n_train", n_train, 1), ("n_test", n_test, 1), ("size", size, 8)):
        if value < least:
            raise ValueError(f"strokes: {name}={value}, expected {least} or more")
    train = _random_digits(n_train, np.random.default_rng([seed, 0]), size)
    test = _random_digits(n_test, np.random.default_rng([seed, 1]), size)
    return Dataset("strokes", train, test, classes=tuple("0123456789"))


def _random_digits(n: int, rng: np.random.Generator, size: int) -> Images:
    labels = rng.permutation(np.arange(n) % 10)
    factors = {
        name: rng.uniform(low, high, (n, 2) if name == "shift" else n)
        for name, (low, high) in RANGES.items()
    }
    factors["wobble"] = rng.normal(0, 0.035, (n, 4, 2))
    return Images(draw(labels, size=size, **factors), labels, factors)


def draw(
    labels,
    *,
    style=0.5,
    rotation=0.0,
    shear=0.0,
    scale=1.0,
    width=1.0,
    thickness=2.2,
    pressure=0.0,
    shift=(0.0, 0.0),
    wobble=0.0,
    size: int = 28,
) -> np.ndarray:
    """Draw digits with chosen factors: turn one knob, keep the rest, and watch what a code does.

    Args:
        labels: (N,), integers from 0 to 9.
        style ... wobble: a number for all pictures or an array (N,); shift (2,) or (N, 2); wobble (N, 4, 2).
            The meanings are those of `strokes`; the ranges it draws from are in `RANGES`.

    Returns:
        images (N, 1, size, size), float32, in [0, 1], in steps of 1/255 as in a scanned picture.

    Raises:
        ValueError: a label that is no digit.

    Example:
        draw([3] * 9, rotation=np.linspace(-0.4, 0.4, 9))
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(f"draw: labels must be integers (N,), got {labels.dtype} {labels.shape}")
    if (bad := labels[(labels < 0) | (labels > 9)]).size:
        raise ValueError(f"draw: labels must be from 0 to 9, got {bad[0]}")
    n = len(labels)

    def each(value, *shape):
        return np.broadcast_to(np.asarray(value, dtype=np.float32), (n, *shape))

    factors = {
        "style": each(style),
        "rotation": each(rotation),
        "shear": each(shear),
        "scale": each(scale),
        "width": each(width),
        "shift": each(shift, 2),
        "wobble": each(wobble, 4, 2),
    }
    thickness, pressure = each(thickness), each(pressure)
    images = np.empty((n, 1, size, size), np.float32)
    for start in range(0, n, 256):  # so many at a time stay in the cache
        part = slice(start, start + 256)
        path = _pose(labels[part], **{name: value[part] for name, value in factors.items()})
        images[part, 0] = _ink(path, thickness[part], pressure[part], size)
    return images


def _pose(labels, style, rotation, shear, scale, width, shift, wobble):
    """The pen's path for each picture, (N, P, 2, 2): P segments, their two ends, (x, y) in pixels from the centre."""
    first, second = pen_paths()[:, labels]  # (N, P, 2, 2), y from -1 (top) to 1 (bottom)
    style = style[:, None, None, None]
    path = (1 - style) * first + style * second
    # Wobble: a smooth field of displacements, so that strokes which meet still meet.
    waves = np.concatenate([np.sin(np.pi * path), np.cos(np.pi * path)], axis=-1)  # (N, P, 2, 4)
    path = path + (waves.reshape(len(path), -1, 4) @ wobble).reshape(path.shape)
    # One linear map: width and slant first, then the turn.    (x, y) -> R [[width, -shear], [0, 1]] (x, y)
    c, s = np.cos(rotation), np.sin(rotation)
    linear = np.stack([c * width, -c * shear - s, s * width, -s * shear + c], axis=-1).reshape(
        -1, 2, 2
    )
    path = path @ (linear * (HEIGHT / 2 * scale[:, None, None])).transpose(0, 2, 1)[:, None]
    middle = (path.min(axis=(1, 2), keepdims=True) + path.max(axis=(1, 2), keepdims=True)) / 2
    return path - middle + shift[:, None, None]


def _ink(path, thickness, pressure, size):
    """Pictures (N, size, size) of paths (N, P, 2, 2)."""
    segment = path[:, :, 1] - path[:, :, 0]
    middle = path.mean(axis=2)  # (N, P, 2)
    length = np.sqrt((segment * segment).sum(axis=-1))  # (N, P)
    travelled = np.linspace(-1, 1, path.shape[1], dtype=np.float32)
    weight = length * np.exp(pressure[:, None] * travelled) / np.float32(np.sqrt(np.pi))
    pixel = ((np.arange(size, dtype=np.float32) + 0.5) / size - 0.5) * FRAME
    # exp(-40) stands for zero: no product of two such numbers leaves the range of float32, and log meets no 0.
    gauss = np.exp(np.maximum(-((middle[..., None] - pixel) ** 2), -40))  # (N, P, 2, size)
    across, down = gauss[:, :, 0], gauss[:, :, 1]
    total = (weight[..., None] * down).transpose(0, 2, 1) @ across  # (N, size, size)
    distance = np.sqrt(np.maximum(-np.log(total), 0))
    ink = np.clip((thickness[:, None, None] / 2 - distance) * (size / FRAME) + 0.5, 0, 1)
    return np.rint(ink * 255) / np.float32(255)
