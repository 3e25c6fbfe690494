"""On real MNIST: the published result of PCA, one digit is normal and the nine others are not."""

import numpy as np
import pytest

from tinyae.applications import pca_autoencoder, reconstruction_errors, roc_auc
from tinyae.data import mnist


@pytest.mark.mnist
def test_pca_with_32_components_has_a_mean_area_of_95_5_percent(data_dir):
    data = mnist(data_dir)
    areas = []
    for digit in range(10):
        pca = pca_autoencoder(data.train.flat[data.train.labels == digit], 32)
        areas.append(roc_auc(reconstruction_errors(pca, data.test.flat), data.test.labels != digit))
    assert np.mean(areas) == pytest.approx(0.955, abs=5e-4)
    assert np.argmax(areas) == 1 and np.argmin(areas) == 8
