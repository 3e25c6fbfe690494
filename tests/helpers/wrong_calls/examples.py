"""Right arguments that several packages need."""

import tempfile
from pathlib import Path

import numpy as np

from tinyae import Autoencoder, Linear, Sequential, Sigmoid
from tinyae.layers.vae import VAE

FOLDER = Path(tempfile.mkdtemp(prefix="tinyae-wrong-calls-"))
X = np.random.default_rng(0).uniform(0.1, 0.9, (5, 6)).astype(np.float32)
IMAGES = np.random.default_rng(1).uniform(size=(2, 3, 6, 6)).astype(np.float32)
LABELS5 = np.array([0, 1, 2, 0, 1])


def x() -> np.ndarray:
    return X.copy()


def encoder() -> Sequential:
    return Sequential(Linear(6, 4, rng=0), Sigmoid(), Linear(4, 3, rng=1))


def autoencoder() -> Autoencoder:
    return Autoencoder(encoder(), Sequential(Linear(3, 6, rng=2), Sigmoid()))


def vae() -> VAE:
    return VAE(Sequential(Linear(6, 4, rng=0)), Sequential(Linear(2, 6, rng=1), Sigmoid()), code=2)


def discriminator() -> Sequential:
    return Sequential(Linear(3, 1, rng=0))
