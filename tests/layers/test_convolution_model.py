"""Convolution layers at work: the convolutional autoencoder, optimizers, weight files, memory, a
device."""

import re
import tracemalloc

import numpy as np
import pytest
from helpers.numeric import close
from helpers.strict_device import DeviceArray, asarray, pretend_gpu

import tinyae
from tinyae import (
    SGD,
    Adam,
    Autoencoder,
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
from tinyae.layers import convolution
from tinyae.models import conv_autoencoder
from tinyae.optim import adam_textbook


def small_net(dtype=np.float32, seed=0):
    """1×8×8 → 3×4×4 → 2×1×1 and back: the book's model in small."""
    like = {"rng": np.random.default_rng(seed), "dtype": dtype}
    return Autoencoder(
        Sequential(Conv2d(1, 3, 3, 2, 1, **like), ReLU(), Conv2d(3, 2, 4, **like)),
        Sequential(
            ConvTranspose2d(2, 3, 4, **like),
            ReLU(),
            ConvTranspose2d(3, 1, 3, 2, 1, 1, **like),
            Sigmoid(),
        ),
    )


PICTURES = np.random.default_rng(1).uniform(size=(30, 1, 8, 8)).astype(np.float32)


def channels_last(a):
    return a.transpose(0, 2, 3, 1).flags.c_contiguous


# The book's model


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
    assert_gradients(model, PICTURES[:3])
    classifier = Sequential(
        Conv2d(1, 2, 3, 2, rng=0), ReLU(), Flatten(), Linear(18, 4, rng=1), Sigmoid()
    )
    assert_gradients(classifier, PICTURES[:3], max_entries=40, samples=30)


def test_it_learns():
    rng, model = np.random.default_rng(0), small_net()
    x = 1 / (
        1 + np.exp(-3 * np.tensordot(rng.normal(size=(40, 2)), rng.normal(size=(2, 1, 8, 8)), 1))
    )  # two numbers each
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
    x = PICTURES[:4].astype(np.float64)
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


# Weights stay channels-last, and are updated right however they lie


def test_weights_stay_channels_last(tmp_path):
    model = small_net()
    fit(
        model,
        PICTURES,
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
    _, grads, _ = Objective()(model, PICTURES, np.random.default_rng(0))
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


# Memory


def peak(f):
    """Bytes that f takes beyond what is there, at most at any time."""
    f()
    tracemalloc.start()
    f()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


@pytest.mark.parametrize("n", [256, 1024])
@pytest.mark.parametrize("kind", [Conv2d, ConvTranspose2d])
def test_patches_are_made_in_pieces(kind, n):
    """Beyond y and dx, forward and backward take a few pieces, whatever the batch. All patches at
    once would be 4.5 times the larger image."""
    layer = (
        Conv2d(32, 64, 3, 2, 1, rng=0)
        if kind is Conv2d
        else ConvTranspose2d(64, 32, 3, 2, 1, 1, rng=0)
    )
    shape = (n, 32, 14, 14) if kind is Conv2d else (n, 64, 7, 7)
    x = np.random.default_rng(0).random(shape, np.float32)
    y = layer(x)
    results, patches = y.nbytes + x.nbytes, 4 * n * 49 * 288
    most = peak(lambda: layer.backward(y, layer.forward(x)[1]))
    assert most < results + 4 * 4 * convolution.CHUNK + (1 << 20)
    assert n < 1024 or most < 0.8 * patches


def test_a_training_steps_memory():
    """The book's model: a step takes a small multiple of its activations."""
    model, x = conv_autoencoder(), np.random.default_rng(0).random((512, 1, 28, 28), np.float32)
    activations = (
        4 * len(x) * (2 * (784 + 2 * 32 * 196 + 2 * 64 * 49) + 2 * 128)
    )  # before and after each ReLU
    assert (
        peak(lambda: Objective()(model, x, np.random.default_rng(0)))
        < 1.5 * activations + 4 * 4 * convolution.CHUNK
    )


# A device


@pytest.fixture
def gpu(monkeypatch):
    return pretend_gpu(monkeypatch)


LAYERS = {
    "Conv2d": (Conv2d(2, 3, (3, 2), (2, 3), (1, 2), (2, 1), rng=0, dtype=np.float64), (4, 2, 8, 6)),
    "ConvTranspose2d": (
        ConvTranspose2d(3, 2, (2, 3), (1, 3), (1, 0), (2, 1), (3, 1), rng=0, dtype=np.float64),
        (4, 3, 3, 4),
    ),
    "without bias": (Conv2d(2, 3, 1, bias=False, rng=0, dtype=np.float64), (4, 2, 5, 5)),
    "as large as the image": (ConvTranspose2d(3, 2, 4, rng=0, dtype=np.float64), (4, 3, 1, 1)),
}


def flat(result):
    if isinstance(result, dict):
        result = list(result.values())
    return (
        [a for r in result for a in flat(r)]
        if isinstance(result, tuple | list)
        else []
        if result is None
        else [result]
    )


@pytest.mark.parametrize("name", LAYERS)
def test_on_a_device_every_derivative_is_the_same(name, gpu):
    layer, shape = LAYERS[name]
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape)
    y = layer(x)
    dx, dy = rng.normal(size=(3, *x.shape)), rng.normal(size=(3, *y.shape))

    def everything(layer, x, dx, dy):
        y, cache = layer.forward(x)
        return flat(
            [
                y,
                layer.backward(dy[0], cache),
                layer.jvp(dx, cache),
                layer.vjp(dy, cache),
                layer.backward(y[:0], x[:0]),
                layer.double_backward(dx, dy, cache),
                layer.parameter_gradients(dy[0], cache),
            ]
        )

    moved = layer.to("gpu")
    assert channels_last(moved.params["weight"])
    host, device = everything(layer, x, dx, dy), everything(moved, *map(asarray, (x, dx, dy)))
    assert DeviceArray.waits == 0 and len(host) == len(device)
    for a, b in zip(host, device, strict=True):
        assert type(b) is DeviceArray
        close(b.get(), a, 1e-14)


def test_training_on_a_device_is_the_same(gpu):
    def run(device):
        model = small_net(np.float64).to(device)
        x = tinyae.to_device(PICTURES.astype(np.float64), device)
        return model, fit(
            model,
            x,
            Objective(),
            Adam(model.params),
            epochs=2,
            batch_size=10,
            workers=1,
            progress=False,
        )

    (host, history), (device, same) = run("cpu"), run("gpu")
    np.testing.assert_allclose(history["loss"], same["loss"], rtol=1e-12)
    for key, w in host.params.items():
        assert type(device.params[key]) is DeviceArray
        close(device.params[key].get(), w, 1e-12)


def test_a_layer_and_pictures_in_two_places(gpu):
    with pytest.raises(TypeError, match="host array"):
        small_net().to("gpu")(PICTURES)
    with pytest.raises(TypeError, match="host array"):
        small_net()(asarray(PICTURES))
