"""How good are pictures that nobody has drawn? Three measures, none of which is enough alone; compare with real test pictures."""

from __future__ import annotations

import numpy as np

from tinyae.backend import Array, to_numpy
from tinyae.data.images import as_display_images
from tinyae.layers import Layer


def max_probability(classifier: Layer, x: Array, batch_size: int = 500) -> np.ndarray:
    """The probability that a classifier gives to the class it prefers, ``max_c softmax(a)_c``: (N,), from 1/classes to 1.

    Low where a picture is between classes. High does not prove much: a classifier is also sure of pictures that are none.

    Raises:
        ValueError: the classifier does not give (N, classes).
    """
    result = []
    for start in range(0, len(x), batch_size):
        a = to_numpy(classifier(x[start : start + batch_size]))
        if a.ndim != 2 or a.shape[1] < 2:
            raise ValueError(
                f"max_probability: the classifier gives {a.shape}, expected logits (N, classes) of two classes or more"
            )
        result.append(1 / np.exp(a - a.max(axis=1, keepdims=True)).sum(axis=1))  # e^max / Σ e^a
    return np.concatenate(result) if result else np.zeros(0)


def nearest_neighbors(
    x: Array, real: Array, batch_size: int = 500
) -> tuple[np.ndarray, np.ndarray]:
    """Of each picture the Euclidean distance to the nearest of ``real``, (N,), and which one that is, (N,).

    ``‖x − r‖² = ‖x‖² + ‖r‖² − 2 x·r``, so all distances are one matrix product. 0 for a copy of a real picture.

    Raises:
        ValueError: no real pictures, or pictures of another size.
    """
    rows, others = (
        to_numpy(x).reshape(len(x), -1),
        to_numpy(real).reshape(len(real), -1) if len(real) else real,
    )
    if not len(real) or rows.shape[1] != others.shape[1]:
        raise ValueError(
            f"nearest_neighbors: pictures of shape {x.shape} and real ones of shape {real.shape}: expected one real picture "
            "or more, of the same size"
        )
    squares, distances, indices = (others * others).sum(axis=1), [], []
    for start in range(0, len(rows), batch_size):
        some = rows[start : start + batch_size]
        best = (squares - 2 * (some @ others.T)).argmin(axis=1)  # ‖x‖² is the same for all
        distances.append(
            np.linalg.norm(some - others[best], axis=1)
        )  # without the rounding of the difference of squares
        indices.append(best)
    return np.concatenate(distances), np.concatenate(indices)


def sharpness(x: Array) -> np.ndarray:
    """``Σ (differences of neighbours)² / Σ x²`` of each picture: (N,), from 0 to 4. Blur lowers it, noise
    raises it, contrast does not count. 0 for an empty picture.

    Raises:
        ValueError: an array that holds no pictures.
    """
    pictures = as_display_images(x).astype(np.float64)
    axes = tuple(range(1, pictures.ndim))
    steps = sum((np.diff(pictures, axis=axis) ** 2).sum(axis=axes) for axis in (1, 2))
    ink = (pictures**2).sum(axis=axes)
    return np.divide(steps, ink, out=np.zeros_like(ink), where=ink > 0)
