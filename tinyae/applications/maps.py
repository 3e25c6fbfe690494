"""Maps: many numbers a picture, drawn as points of a plane."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyae.backend import Array, device_of, to_device, to_numpy
from tinyae.layers import Autoencoder, Linear, Sequential


def pca_autoencoder(x: Array, components: int) -> Autoencoder:
    """PCA as a linear autoencoder: ``z = (x − μ) V``, ``x̂ = μ + z Vᵀ``, so ``W₁ = Vᵀ, b₁ = −μ V, W₂ = V, b₂ = μ``.

    μ is the mean of the rows of ``x`` and the columns of V the eigenvectors of their covariance with the largest eigenvalues,
    largest first: the best of all linear autoencoders. Nothing is trained.

    Raises:
        ValueError: x is not (N, D) with N ≥ 2, or ``components`` is not a number from 1 to D.
    """
    if x.ndim != 2 or len(x) < 2:
        raise ValueError(
            f"pca_autoencoder: x has shape {x.shape}, expected rows (N, D), two at least: images.reshape(len(images), -1)"
        )
    d = x.shape[1]
    if not 1 <= components <= d:
        raise ValueError(
            f"pca_autoencoder: components is {components}, expected a number from 1 to {d}, the length of a row"
        )
    mean = x.mean(axis=0)
    centred = x - mean
    _, vectors = np.linalg.eigh((centred.T @ centred).astype(np.float64))  # in ascending order
    v = np.ascontiguousarray(
        vectors[:, : -components - 1 : -1].astype(x.dtype)
    )  # (D, K), largest first
    encoder, decoder = (
        Linear(d, components, rng=0, dtype=x.dtype),
        Linear(components, d, rng=0, dtype=x.dtype),
    )
    encoder.params = {"weight": v.T, "bias": -mean @ v}
    decoder.params = {"weight": v, "bias": mean}
    return Autoencoder(Sequential(encoder), Sequential(decoder))


def pca_map(x: Array) -> np.ndarray:
    """The first two principal components of the rows of ``x``: (N, 2), on the CPU."""
    rows = x.reshape(len(x), -1)
    return to_numpy(pca_autoencoder(rows, 2).encode(rows))


def tsne_map(x: Array, perplexity: float = 30.0, rng: int = 0, **options: Any) -> np.ndarray:
    """scikit-learn's t-SNE of the rows of ``x``: (N, 2). Points near each other in x stay near each other; what is far apart,
    and how far, means nothing. It grows like N log N: some thousand points take a minute.

    Args:
        perplexity: about how many neighbours each point keeps, below N.
        rng: a seed. options: further arguments of ``sklearn.manifold.TSNE``.

    Raises:
        ImportError: scikit-learn is not installed. ValueError: not more examples than ``perplexity``, or NaN in x.
    """
    rows = to_numpy(x).reshape(len(x), -1)
    if not 0 < perplexity < len(rows):
        raise ValueError(
            f"tsne_map: perplexity is {perplexity}, expected a number above 0 and below the {len(rows)} examples"
        )
    if not np.isfinite(rows).all():
        raise ValueError(
            f"tsne_map: example {int((~np.isfinite(rows)).any(axis=1).argmax())} holds NaN or infinite values"
        )
    try:
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise ImportError('t-SNE needs scikit-learn: pip install "tinyae[apps]"') from error
    return TSNE(perplexity=perplexity, init="pca", random_state=rng, **options).fit_transform(rows)


def nearest_neighbor_accuracy(points: Array, labels: Array) -> float:
    """The share of points whose nearest other point has the same label: how well a map, or a code, keeps classes apart.

    Raises:
        ValueError: fewer than two points, or not one label for each.
    """
    points, labels = to_numpy(points).reshape(len(points), -1), to_numpy(labels)
    if len(points) < 2 or len(labels) != len(points):
        raise ValueError(
            f"nearest_neighbor_accuracy: {len(points)} points and {len(labels)} labels, expected as many, and two at least"
        )
    points = points - points.mean(
        axis=0
    )  # smaller numbers, smaller rounding errors in the next line
    lengths = (points**2).sum(axis=1)
    right = 0
    for start in range(0, len(points), 1000):  # ‖a − b‖² = ‖a‖² + ‖b‖² − 2 a·b, some rows at a time
        part = slice(start, start + 1000)
        squares = lengths[part, None] + lengths - 2 * points[part] @ points.T
        squares[np.arange(len(squares)), np.arange(start, start + len(squares))] = (
            np.inf
        )  # not oneself
        right += int((labels[squares.argmin(axis=1)] == labels[part]).sum())
    return right / len(points)


def decode_grid(
    model: Autoencoder, low: tuple[float, float], high: tuple[float, float], n: int = 15
) -> Array:
    """What a code of two numbers means: n × n points of the plane between the corners ``low`` and ``high``, each decoded.

    Returns (n·n, ...) pictures in reading order: the first is at the top left, where z₁ is lowest and z₂ highest.

    Raises:
        ValueError: a model whose code has not two numbers, corners that are not two numbers each, or n below 1.
    """
    if n < 1 or len(low) != 2 or len(high) != 2:
        raise ValueError(
            f"decode_grid: n is {n}, the corners {low} and {high}: expected n from 1 on and two numbers a corner"
        )
    first = next(iter(model.decoder.params.values()), None)
    if first is not None and first.ndim == 2 and first.shape[1] != 2:
        raise ValueError(f"decode_grid: the model's code has {first.shape[1]} numbers, expected 2")
    dtype = np.float32 if first is None else first.dtype
    z1, z2 = np.meshgrid(np.linspace(low[0], high[0], n), np.linspace(high[1], low[1], n))
    points = np.stack([z1, z2], axis=-1).reshape(-1, 2).astype(dtype)
    return model.decode(points if first is None else to_device(points, device_of(first)))
