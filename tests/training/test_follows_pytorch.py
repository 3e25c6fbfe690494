"""From the same weights and batches, the loss goes the way that it goes in PyTorch, step for
step."""

import json

import numpy as np
import pytest
from helpers.record_training import FILE, SIZES, batches, pytorch_losses, weights

from tinyae import Adam, Autoencoder, Linear, Objective, ReLU, Sequential, Sigmoid
from tinyae.data import strokes
from tinyae.models import basic_autoencoder
from tinyae.training.workers import Workers, loss_and_gradients


def our_losses(model, data, workers=1, lr=1e-3):
    optimizer, losses = Adam(model.params, lr), []
    with Workers(workers) as team:
        for step, x in enumerate(data):
            loss, grads, _ = loss_and_gradients(model, x, Objective(), team, [0, 0, step])
            optimizer.step(grads, team.map)
            losses.append(loss)
    return losses


def recorded_net():
    a, b, c, d, e = SIZES
    encoder = Sequential(Linear(a, b), ReLU(), Linear(b, c))
    model = Autoencoder(encoder, Sequential(Linear(c, d), ReLU(), Linear(d, e), Sigmoid()))
    for key, w in weights().items():
        model.params[key][...] = w
    return model


def test_recorded():
    """Without PyTorch: the 200 losses of recorded_losses.json, made by helpers.record_training."""
    recorded = json.loads(FILE.read_text())["losses"]
    losses = our_losses(recorded_net(), batches())
    assert len(recorded) == 200 and recorded[-1] < 0.6 * recorded[0]
    np.testing.assert_allclose(losses, recorded, rtol=2e-5)


def book(dtype, steps):
    """``model, weights, batches`` of the book's dense model on generated digits."""
    x = strokes(640, 1, seed=0).train.flat.astype(dtype)
    model = basic_autoencoder(rng=0).astype(dtype)
    return (
        model,
        {key: w.copy() for key, w in model.params.items()},
        [x[128 * (i % 5) :][:128] for i in range(steps)],
    )


@pytest.mark.oracle
def test_the_books_model_to_all_digits():
    pytest.importorskip("torch", reason="compares with PyTorch: pip install torch==2.13.0")
    model, params, data = book(np.float64, steps=10)
    np.testing.assert_allclose(
        our_losses(model, data, workers=2), pytorch_losses(params, data), rtol=1e-12
    )


@pytest.mark.oracle
def test_the_books_model_in_float32():
    """Rounding alone opens a ReLU in one of the two and not in the other, and from then on they
    drift apart, as two runs of PyTorch with other numbers of threads do. So: closely at first, and
    on the whole to the end."""
    pytest.importorskip("torch", reason="compares with PyTorch: pip install torch==2.13.0")
    model, params, data = book(np.float32, steps=200)
    losses, expected = our_losses(model, data), pytorch_losses(params, data)
    assert expected[-1] < 0.2 * expected[0]
    np.testing.assert_allclose(losses[:40], expected[:40], rtol=1e-3)
    np.testing.assert_allclose(
        np.reshape(losses, (10, 20)).mean(axis=1),
        np.reshape(expected, (10, 20)).mean(axis=1),
        rtol=0.05,
    )


@pytest.mark.oracle
def test_the_record_is_pytorchs():
    pytest.importorskip("torch", reason="compares with PyTorch: pip install torch==2.13.0")
    np.testing.assert_allclose(
        pytorch_losses(weights(), batches()), json.loads(FILE.read_text())["losses"], rtol=1e-5
    )
