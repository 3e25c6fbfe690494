"""The convolutional autoencoder, and optimizers for weights that are stored channels-last."""

import re

import numpy as np
import pytest
from helpers.convolutions import IMAGES, channels_last, small_net
from helpers.numeric import close

import tinyae
from tinyae import (
    SGD,
    Adam,
    Conv2d,
    ConvTranspose2d,
    Flatten,
    Linear,
    Objective,
    ReLU,
    Sequential,
    Sigmoid,
    fit,
)
from tinyae.checking import assert_gradients
from tinyae.models import conv_autoencoder
from tinyae.optim import adam_textbook

# The model of chapter 2


def test_the_autoencoders_shapes():
    table = tinyae.summary(conv_autoencoder(), (1, 28, 28))
    sizes = [
        re.search(r"  (\d+(?:×\d+){2})  ", line)[1] for line in table.splitlines() if "onv" in line
    ]
    assert sizes == ["32×14×14", "64×7×7", "128×1×1", "64×7×7", "32×14×14", "1×28×28"]
    assert (
        "Conv2d(1 → 32, kernel 3, stride 2, padding 1)" in table and "840,577 parameters" in table
    )
    assert re.search(r"encoder\.4 .*64 → 128, kernel 7\) .*401,536", table)


def test_the_autoencoder_by_its_halves():
    model, x = conv_autoencoder(rng=0), np.random.default_rng(0).random((3, 1, 28, 28), np.float32)
    z = model.encode(x)
    assert z.shape == (3, 128, 1, 1) and (z >= 0).all()
    np.testing.assert_array_equal(model.decode(z), model(x))
    assert 0 < model(x).min() and model(x).max() < 1
    again = conv_autoencoder(rng=0)
    for key, w in model.params.items():
        np.testing.assert_array_equal(w, again.params[key])


def test_the_whole_loss_is_checked():
    model = small_net(np.float64)
    assert_gradients(model, IMAGES[:3])
    classifier = Sequential(
        Conv2d(1, 2, 3, 2, rng=0), ReLU(), Flatten(), Linear(18, 4, rng=1), Sigmoid()
    )
    assert_gradients(classifier, IMAGES[:3], max_entries=40, samples=30)


def test_it_learns():
    rng, model = np.random.default_rng(0), small_net()
    x = 1 / (
        1 + np.exp(-3 * np.tensordot(rng.normal(size=(40, 2)), rng.normal(size=(2, 1, 8, 8)), 1))
    )  # two values each
    x = x.astype(np.float32)
    history = fit(
        model,
        x,
        Objective(),
        Adam(model.params, 0.01),
        epochs=60,
        batch_size=10,
        workers=1,
        progress=False,
    )
    variance = ((x - x.mean(axis=0)) ** 2).mean()
    assert history["loss"][-1] < 0.4 * variance < variance < history["loss"][0]


def test_the_contractive_penalty_takes_it():
    objective = Objective(contraction=0.1)
    model = small_net(np.float64)
    x = IMAGES[:4].astype(np.float64)
    loss, grads, _ = objective(model, x, np.random.default_rng(0))
    direction = {
        key: np.random.default_rng(2).normal(size=w.shape) for key, w in model.params.items()
    }

    def at(h):
        moved = small_net(np.float64)
        for key, w in moved.params.items():
            w += h * direction[key]
        return objective(moved, x, np.random.default_rng(0))[0]

    slope = (at(1e-6) - at(-1e-6)) / 2e-6
    assert sum((grads[key] * d).sum() for key, d in direction.items()) == pytest.approx(
        slope, rel=1e-6
    )


# Weights stay channels-last, and are updated correctly in every memory order


def test_weights_stay_channels_last(tmp_path):
    model = small_net()
    fit(
        model,
        IMAGES,
        Objective(),
        Adam(model.params),
        epochs=1,
        batch_size=10,
        workers=1,
        progress=False,
    )
    tinyae.save_weights(model, tmp_path / "w.npz")
    loaded = small_net(seed=5)
    tinyae.load_weights(loaded, tmp_path / "w.npz")
    for copy in [
        model,
        model.astype(np.float64),
        model.astype(np.complex128),
        model.to("cpu"),
        loaded,
    ]:
        for key, w in copy.params.items():
            assert w.ndim == 1 or channels_last(w), key
            np.testing.assert_array_equal(w, model.params[key])
    _, grads, _ = Objective()(model, IMAGES, np.random.default_rng(0))
    assert all(g.ndim == 1 or channels_last(g) for g in grads.values())


@pytest.mark.parametrize("block", [7, 1 << 17])
@pytest.mark.parametrize("layout", ["C", "F", "channels last", "a view"])
@pytest.mark.parametrize("bias", [True, False])
def test_adam_updates_weights_of_any_layout(layout, block, bias, monkeypatch):
    monkeypatch.setattr("tinyae.optim.BLOCK", block)
    layer, x = (
        Conv2d(3, 4, (3, 2), bias=bias, rng=0, dtype=np.float64),
        np.random.default_rng(1).normal(size=(5, 3, 6, 6)),
    )
    w = layer.params["weight"]
    if layout == "a view":
        layer.params["weight"] = np.repeat(w, 2, axis=3)[..., ::2]
    elif layout != "channels last":
        layer.params["weight"] = np.array(w, order=layout)
    strides = layer.params["weight"].strides
    optimizer = Adam(layer.params, 0.01)
    expected = {
        key: (w.copy(), np.zeros_like(w), np.zeros_like(w)) for key, w in layer.params.items()
    }
    for t in (1, 2, 3):
        y, cache = layer.forward(x)
        grads = layer.backward(np.tanh(y), cache)[1]
        expected = {
            key: adam_textbook(*wmv[:1], grads[key], *wmv[1:], t, lr=0.01)
            for key, wmv in expected.items()
        }
        optimizer.step(grads)
        for key, (wanted, _, _) in expected.items():
            close(layer.params[key], wanted, 1e-13)
    assert layer.params["weight"].strides == strides


def test_sgd_takes_a_gradient_of_another_layout():
    layer = ConvTranspose2d(2, 3, 2, rng=0, dtype=np.float64)
    before = layer.params["weight"].copy()
    g = np.random.default_rng(1).normal(size=before.shape)  # C order; the weights are channels-last
    SGD(layer.params, 0.1).step({"weight": g, "bias": np.zeros(3)})
    close(layer.params["weight"], before - 0.1 * g, 1e-15)
