"""How good are generated images? Three measures. None is sufficient alone.

Always compare the values with those of real test images.
"""

from __future__ import annotations

import numpy as np

from tinyae._validate import check_array, check_function, check_int
from tinyae.backend import Array, to_numpy
from tinyae.data.images import as_display_images
from tinyae.layers import Layer


def max_probability(classifier: Layer, x: Array, batch_size: int = 500) -> np.ndarray:
    """The probability that a classifier gives to its most likely class: (N,), 1/classes to 1.

    It is ``max_c softmax(a)_c`` of the logits a. A low value means that an image is between
    classes. A high value does not prove much: classifiers are also confident about images that show
    nothing.

    Raises:
        TypeError: an argument has another type.
        ValueError: the classifier does not return (N, classes) with at least two classes.

    Example:
        >>> from tinyae.applications.sample_quality import max_probability
        >>> max_probability(lambda x: x, np.array([[0.0, 0.0], [10.0, 0.0]])).round(3)
        array([0.5, 1. ])
    """
    check_function("max_probability", "classifier", classifier, "a classifier")
    check_array("max_probability", "x", x)
    check_int("max_probability", "batch_size", batch_size)
    result = []
    for start in range(0, len(x), batch_size):
        a = to_numpy(classifier(x[start : start + batch_size]))
        if a.ndim != 2 or a.shape[1] < 2:
            raise ValueError(
                f"max_probability: the classifier returns shape {a.shape}, "
                "expected logits (N, classes) of at least two classes"
            )
        result.append(1 / np.exp(a - a.max(axis=1, keepdims=True)).sum(axis=1))  # e^max / Σ e^a
    return np.concatenate(result) if result else np.zeros(0)


def nearest_neighbors(
    x: Array, real: Array, batch_size: int = 500
) -> tuple[np.ndarray, np.ndarray]:
    """For each image, the Euclidean distance to the nearest of ``real``, and its index: (N,) each.

    ``‖x − r‖² = ‖x‖² + ‖r‖² − 2 x·r``, so all distances are one matrix product. A copy of a real
    image has distance 0.

    Raises:
        TypeError: an argument has another type.
        ValueError: there are no real images, or their size differs from that of x.

    Example:
        >>> from tinyae.applications.sample_quality import nearest_neighbors
        >>> real = np.array([[0.0, 0.0], [3.0, 4.0]])
        >>> distances, indices = nearest_neighbors(np.array([[3.0, 3.0]]), real)
        >>> distances, indices
        (array([1.]), array([1]))
    """
    check_array("nearest_neighbors", "x", x)
    check_array("nearest_neighbors", "real", real)
    check_int("nearest_neighbors", "batch_size", batch_size)
    rows, others = (
        to_numpy(x).reshape(len(x), -1),
        to_numpy(real).reshape(len(real), -1) if len(real) else real,
    )
    if not len(real) or rows.shape[1] != others.shape[1]:
        raise ValueError(
            f"nearest_neighbors: images of shape {x.shape} and real images of shape {real.shape}: "
            "expected at least one real image, and images of the same size"
        )
    squares, distances, indices = (others * others).sum(axis=1), [], []
    for start in range(0, len(rows), batch_size):
        some = rows[start : start + batch_size]
        nearest = (squares - 2 * (some @ others.T)).argmin(axis=1)  # ‖x‖² is the same for all r
        # The norm of the difference avoids the rounding error of a difference of squares.
        distances.append(np.linalg.norm(some - others[nearest], axis=1))
        indices.append(nearest)
    return np.concatenate(distances), np.concatenate(indices)


def sharpness(x: Array) -> np.ndarray:
    """``Σ (differences of neighboring pixels)² / Σ x²`` of each image: (N,).

    It is between 0 and 4 for non-negative x. Blur lowers it, noise raises it, contrast does not
    change it. It is 0 for an all-zero image.

    Raises:
        ValueError: the array does not hold images.

    Example:
        >>> from tinyae.applications.sample_quality import sharpness
        >>> edge = np.array([[1.0, 1.0, 0.0, 0.0]] * 4)
        >>> blurred = np.array([[1.0, 0.7, 0.3, 0.0]] * 4)
        >>> sharpness(np.stack([edge, blurred])).round(2)
        array([0.5 , 0.22])
    """
    images = as_display_images(x).astype(np.float64)
    axes = tuple(range(1, images.ndim))
    differences = sum((np.diff(images, axis=axis) ** 2).sum(axis=axes) for axis in (1, 2))
    energy = (images**2).sum(axis=axes)
    return np.divide(differences, energy, out=np.zeros_like(energy), where=energy > 0)
