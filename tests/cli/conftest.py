import numpy as np
import pytest
from helpers.commands import tinyae


@pytest.fixture
def blobs(tmp_path):
    """A small file of your own images: 60 blobs of 12×12."""
    rng = np.random.default_rng(0)
    center = rng.uniform(3, 9, (60, 2, 1, 1))
    i, j = np.mgrid[:12, :12]
    images = np.exp(-((i - center[:, 0]) ** 2 + (j - center[:, 1]) ** 2) / 6).astype(np.float32)
    np.save(tmp_path / "blobs.npy", images)
    return tmp_path / "blobs.npy"


@pytest.fixture
def train(blobs):
    """``train(out, "vae --epochs 1")``: train a model on the blobs; returns the exit code."""

    def run(out, command="basic --epochs 1"):
        common = "--data {data} --out {out} --quiet --workers 1"
        return tinyae(f"train {command} {common}", data=blobs, out=out)

    return run
