"""On real MNIST: what theory says must come out."""

import numpy as np
import pytest

from tinyae import Adam, Objective, fit
from tinyae.data import mnist
from tinyae.models import linear_autoencoder
from tinyae.optim import cosine_schedule

pytestmark = pytest.mark.mnist
EPOCHS, BATCH = 4, 250


def squared_error_per_image(x, y):
    return float(np.square(y - x).sum(axis=1, dtype=np.float64).mean())


def test_a_linear_autoencoder_comes_to_pca_and_not_below(data_dir):
    data = mnist(data_dir)
    x, x_test = data.train.flat, data.test.flat
    mean = x.mean(axis=0)
    centered = x - mean
    _, vectors = np.linalg.eigh(centered.T @ centered)
    plane = vectors[:, -30:]  # the 30 principal components: (784, 30)

    def pca(x):
        return (x - mean) @ plane @ plane.T + mean

    best, best_test = (
        squared_error_per_image(x, pca(x)),
        squared_error_per_image(x_test, pca(x_test)),
    )
    assert best == pytest.approx(14.207, abs=1e-3) and best_test == pytest.approx(
        13.866, abs=1e-3
    )  # the published values

    model = linear_autoencoder(rng=0, code=30)
    steps = EPOCHS * len(x) // BATCH
    fit(
        model,
        x,
        Objective(),
        Adam(model.params, cosine_schedule(5e-3, steps)),
        EPOCHS,
        BATCH,
        progress=False,
    )
    reached = squared_error_per_image(x, model(x))
    assert best * (1 - 1e-5) <= reached <= best * 1.02
    assert squared_error_per_image(x_test, model(x_test)) <= best_test * 1.02
