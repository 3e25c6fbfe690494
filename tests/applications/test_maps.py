"""Maps: PCA against the singular value decomposition, t-SNE on well-separated clusters, the decoded
plane."""

import re

import numpy as np
import pytest

from tinyae import Autoencoder, Linear, Objective, Sequential
from tinyae.applications import (
    decode_grid,
    nearest_neighbor_accuracy,
    pca_autoencoder,
    pca_map,
    tsne_map,
)
from tinyae.models import basic_autoencoder

SCALES = np.array([5, 4, 3, 2, 1, 0.5, 0.1])
X = np.random.default_rng(0).normal(size=(60, 7)) * SCALES + 3


def test_pca_as_an_autoencoder_agrees_with_the_svd():
    mean, (u, s, vt) = X.mean(axis=0), np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    for k in (1, 3, 7):
        model = pca_autoencoder(X, k)
        np.testing.assert_allclose(np.abs(model.encode(X)), np.abs(u[:, :k] * s[:k]), atol=1e-9)
        np.testing.assert_allclose(model(X), mean + (u[:, :k] * s[:k]) @ vt[:k], atol=1e-9)
    assert pca_autoencoder(X.astype(np.float32), 2)(X.astype(np.float32)).dtype == np.float32


def test_the_gradient_vanishes_at_pca():
    """It is the best linear autoencoder: the derivative of the error is 0 there."""
    _, grads, _ = Objective()(pca_autoencoder(X, 3), X)
    assert max(np.abs(g).max() for g in grads.values()) < 1e-10


def test_pca_map_accepts_images():
    images = np.random.default_rng(0).random((20, 1, 4, 5))
    np.testing.assert_array_equal(pca_map(images), pca_map(images.reshape(20, 20)))
    assert pca_map(images).shape == (20, 2)


def test_tsne_keeps_distant_clusters_apart_and_the_seed_repeats_it():
    pytest.importorskip("sklearn", reason="t-SNE needs scikit-learn")
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    x = rng.normal(size=(60, 10)).astype(np.float32) + 20 * np.eye(10, dtype=np.float32)[labels]
    # The first 250 iterations are early exaggeration: only after them do the clusters take shape.
    y = tsne_map(x, perplexity=10, max_iter=500)
    assert y.shape == (60, 2) and nearest_neighbor_accuracy(y, labels) >= 0.9
    np.testing.assert_array_equal(y, tsne_map(x, perplexity=10, max_iter=500))


@pytest.mark.parametrize("n", [2, 5, 1500])
def test_nearest_neighbor_accuracy_follows_its_definition(n):
    rng = np.random.default_rng(0)
    points, labels = rng.normal(size=(n, 3)) + 50, rng.integers(3, size=n)
    some = range(0, n, max(1, n // 20))
    squares = ((points[some, None] - points[None]) ** 2).sum(axis=-1)
    squares[np.arange(len(squares)), some] = np.inf
    if n < 100:
        assert nearest_neighbor_accuracy(points, labels) == pytest.approx(
            (labels[squares.argmin(axis=1)] == labels).mean()
        )
    # the nearest neighbor of each point is its twin
    twins = np.repeat(points, 2, axis=0) + 1e-6 * rng.normal(size=(2 * n, 3))
    assert nearest_neighbor_accuracy(twins, np.repeat(np.arange(n), 2)) == 1


def test_the_grid_is_in_reading_order_of_the_plane():
    identity = Sequential(Linear(2, 2, rng=0))
    identity[0].params["weight"][...], identity[0].params["bias"][...] = np.eye(2), 0
    z = decode_grid(Autoencoder(identity, identity), (-1, 10), (1, 30), n=3)
    assert z[:3].tolist() == [[-1, 30], [0, 30], [1, 30]] and z[-1].tolist() == [1, 10]
    assert z.dtype == np.float32


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pca_autoencoder(X, 8), "components is 8, expected an integer from 1 to 7"),
        (lambda: pca_autoencoder(X, 0), "components is 0"),
        (lambda: pca_autoencoder(X[0], 1), "x has shape (7,), expected at least two rows (N, D)"),
        (lambda: pca_autoencoder(X[:1], 1), "at least two rows"),
        (
            lambda: tsne_map(X, perplexity=60),
            "perplexity is 60, expected a number above 0 and below the 60 examples",
        ),
        (
            lambda: tsne_map(np.array([[1.0, 2], [np.nan, 3]]), perplexity=1),
            "example 1 contains NaN",
        ),
        (lambda: nearest_neighbor_accuracy(X, np.zeros(59)), "60 points and 59 labels"),
        (
            lambda: decode_grid(basic_autoencoder(0), (0, 0), (1, 1)),
            "the code of the model has 32 dimensions, expected 2",
        ),
        (lambda: decode_grid(basic_autoencoder(0), (0,), (1, 1)), "two numbers per corner"),
    ],
)
def test_mistakes_get_a_helpful_message(call, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        call()
