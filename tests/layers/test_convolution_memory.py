"""Convolution layers: how much memory a step takes, and the same results on a device."""

import tracemalloc

import numpy as np
import pytest
from helpers.convolutions import IMAGES, channels_last, small_net
from helpers.numeric import close
from helpers.strict_device import DeviceArray, asarray, pretend_gpu

import tinyae
from tinyae import Adam, Conv2d, ConvTranspose2d, Objective, fit
from tinyae.layers import convolution
from tinyae.models import conv_autoencoder

# Memory


def peak(f):
    """The most bytes that f allocates at any time."""
    f()
    tracemalloc.start()
    f()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


@pytest.mark.parametrize("n", [256, 1024])
@pytest.mark.parametrize("kind", [Conv2d, ConvTranspose2d])
def test_patches_are_made_in_chunks(kind, n):
    """Besides y and dx, forward and backward need a few chunks, for any batch size. All patches at
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
    """Chapter 2's model: a step needs a small multiple of its activations."""
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
        x = tinyae.to_device(IMAGES.astype(np.float64), device)
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


def test_a_layer_and_images_on_two_devices(gpu):
    with pytest.raises(TypeError, match="host array"):
        small_net().to("gpu")(IMAGES)
    with pytest.raises(TypeError, match="host array"):
        small_net()(asarray(IMAGES))
