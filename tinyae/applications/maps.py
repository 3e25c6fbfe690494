"""Maps: high-dimensional data as points in the plane."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyae._validate import check_array, check_int, check_number
from tinyae.backend import Array, to_numpy
from tinyae.layers import Autoencoder, Linear, Sequential


def pca_autoencoder(x: Array, components: int) -> Autoencoder:
    """PCA as a linear autoencoder.

        ``z = (x − μ) V``, ``x̂ = μ + z Vᵀ``, so ``W₁ = Vᵀ, b₁ = −μ V, W₂ = V, b₂ = μ``

    μ is the mean of the rows of ``x``. The columns of V are the eigenvectors of their covariance
    with the largest eigenvalues, in descending order. No other linear autoencoder has a smaller
    squared error on ``x``. Nothing is trained.

    Args:
        x: (N, D), with N ≥ 2.
        components: the dimension of the code, from 1 to D.

    Raises:
        TypeError: x is not an array, or ``components`` is not a number.
        ValueError: x or ``components`` is not of this form.

    Example:
        >>> from tinyae.applications import pca_autoencoder
        >>> line = np.outer(np.arange(5.0), [1.0, 2.0, 3.0])  # a line: one component is enough
        >>> model = pca_autoencoder(line, components=1)
        >>> bool(np.allclose(model(line), line))
        True
    """
    check_array("pca_autoencoder", "x", x)
    if x.ndim != 2 or len(x) < 2:
        raise ValueError(
            f"pca_autoencoder: x has shape {x.shape}, expected at least two rows (N, D): "
            "images.reshape(len(images), -1)"
        )
    d = x.shape[1]
    expected = f"an integer from 1 to {d}, the length of a row"
    check_int("pca_autoencoder", "components", components, expected=expected)
    check_number("pca_autoencoder", "components", components, lambda v: v <= d, expected)
    mean = x.mean(axis=0)
    centered = x - mean
    _, vectors = np.linalg.eigh((centered.T @ centered).astype(np.float64))  # in ascending order
    # (D, K), largest eigenvalue first
    v = np.ascontiguousarray(vectors[:, : -components - 1 : -1].astype(x.dtype))
    encoder, decoder = (
        Linear(d, components, rng=0, dtype=x.dtype),
        Linear(components, d, rng=0, dtype=x.dtype),
    )
    encoder.params = {"weight": v.T, "bias": -mean @ v}
    decoder.params = {"weight": v, "bias": mean}
    return Autoencoder(Sequential(encoder), Sequential(decoder))


def pca_map(x: Array) -> np.ndarray:
    """The first two principal components of the rows of ``x``: (N, 2), on the CPU.

    Raises:
        TypeError: x is not an array.
        ValueError: it has fewer than two rows, or of fewer than two values, or is not floating
            point.

    Example:
        >>> from tinyae.applications import pca_map
        >>> pca_map(np.random.default_rng(0).normal(size=(50, 784))).shape
        (50, 2)
    """
    check_array("pca_map", "x", x)
    rows = x.reshape(len(x), -1)
    return to_numpy(pca_autoencoder(rows, 2).encode(rows))


def tsne_map(x: Array, perplexity: float = 30.0, rng: int = 0, **options: Any) -> np.ndarray:
    """scikit-learn's t-SNE of the rows of ``x``: (N, 2).

    Points that are near each other in x stay near each other. The distance between points that are
    far apart has no meaning. The time grows like N log N; a few thousand points take a minute.

    Args:
        x: (N, ...), flattened to rows.
        perplexity: about how many neighbors of each point count; below N.
        rng: a seed.
        options: further arguments of ``sklearn.manifold.TSNE``.

    Raises:
        ImportError: scikit-learn is not installed.
        TypeError: an argument has another type.
        ValueError: ``perplexity`` is not below the number of examples, or x is not finite.

    Example:
        >>> from tinyae.applications import tsne_map
        >>> points = np.random.default_rng(0).normal(size=(30, 5))
        >>> tsne_map(points, perplexity=5).shape
        (30, 2)
    """
    check_array("tsne_map", "x", x, kinds="fiub")
    rows = to_numpy(x).reshape(len(x), -1)
    expected = f"a number above 0 and below the {len(rows)} examples"
    check_number("tsne_map", "perplexity", perplexity, lambda v: 0 < v < len(rows), expected)
    check_int("tsne_map", "rng", rng, least=0, expected="a seed")
    if not np.isfinite(rows).all():
        bad = int((~np.isfinite(rows)).any(axis=1).argmax())
        raise ValueError(f"tsne_map: example {bad} contains NaN or infinite values")
    try:
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise ImportError('t-SNE needs scikit-learn: pip install "tinyae[apps]"') from error
    return TSNE(perplexity=perplexity, init="pca", random_state=rng, **options).fit_transform(rows)


def nearest_neighbor_accuracy(points: Array, labels: Array) -> float:
    """The fraction of points whose nearest other point has the same label (leave-one-out 1-NN).

    It measures how well a map, or a code, separates the classes.

    Raises:
        TypeError: the points or labels are not an array.
        ValueError: fewer than two points, or the labels are not one per point.

    Example:
        >>> from tinyae.applications import nearest_neighbor_accuracy
        >>> points, labels = np.array([[0.0], [0.1], [5.0], [5.1]]), np.array([0, 0, 1, 1])
        >>> nearest_neighbor_accuracy(points, labels)
        1.0
    """
    check_array("nearest_neighbor_accuracy", "points", points, kinds="fiub")
    check_array("nearest_neighbor_accuracy", "labels", labels, kinds="iubUSf")
    points, labels = to_numpy(points).reshape(len(points), -1), to_numpy(labels)
    if len(points) < 2 or len(labels) != len(points):
        raise ValueError(
            f"nearest_neighbor_accuracy: {len(points)} points and {len(labels)} labels, "
            "expected equally many, at least two"
        )
    # Smaller values give smaller rounding errors in the squared distances.
    points = points - points.mean(axis=0)
    lengths = (points**2).sum(axis=1)
    right = 0
    for start in range(0, len(points), 1000):  # ‖a − b‖² = ‖a‖² + ‖b‖² − 2 a·b, 1000 rows at a time
        part = slice(start, start + 1000)
        squares = lengths[part, None] + lengths - 2 * points[part] @ points.T
        itself = np.arange(len(squares)), np.arange(start, start + len(squares))
        squares[itself] = np.inf
        right += int((labels[squares.argmin(axis=1)] == labels[part]).sum())
    return right / len(points)
