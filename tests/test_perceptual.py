"""The perceptual loss: value and gradient, by finite differences and compared with PyTorch. The net
that computes the features does not change."""

import numpy as np
import pytest
from helpers.numeric import close, numeric_gradient

from tinyae import (
    Adam,
    Autoencoder,
    Conv2d,
    Flatten,
    Linear,
    Objective,
    ReLU,
    Reshape,
    Sequential,
    Sigmoid,
    Tanh,
    bce,
    fit,
    mse,
)
from tinyae.checking import assert_gradients
from tinyae.losses import Perceptual

RNG = np.random.default_rng(0)
Y, T = RNG.uniform(0.1, 0.9, size=(5, 16)), RNG.uniform(size=(5, 16))


def dense(dtype=np.float64):
    return Sequential(Linear(16, 7, rng=1, dtype=dtype), Tanh(), Linear(7, 4, rng=2, dtype=dtype))


def convolutional():
    return Sequential(
        Reshape(1, 4, 4),
        Conv2d(1, 3, 3, stride=2, padding=1, rng=1, dtype=np.float64),
        Tanh(),
        Flatten(),
    )


def autoencoder(dtype=np.float64):
    return Autoencoder(
        Sequential(Linear(16, 6, rng=3, dtype=dtype), Tanh()),
        Sequential(Linear(6, 16, rng=4, dtype=dtype), Sigmoid()),
    )


LOSSES = {
    "dense": lambda: Perceptual(dense()),
    "convolutional": lambda: Perceptual(convolutional(), 0.3),
    "an inner layer": lambda: Perceptual(dense()[:2], 2.0),
    "without pixels": lambda: Perceptual(dense(), pixels=None),
    "with cross-entropy": lambda: Perceptual(dense(), 0.5, pixels=bce),
}


@pytest.mark.parametrize("kind", LOSSES)
def test_gradients(kind):
    loss = LOSSES[kind]()
    assert_gradients(loss, Y, T)
    y = Y.copy()
    close(loss(y, T)[1], numeric_gradient(lambda: loss(y, T)[0], y))


@pytest.mark.parametrize("kind", LOSSES)
def test_gradients_as_an_objective(kind):
    assert_gradients(Objective(reconstruction=LOSSES[kind]()), autoencoder(), T)


def test_gradients_through_relu():
    assert_gradients(Perceptual(Sequential(Linear(16, 9, rng=1, dtype=np.float64), ReLU())), Y, T)


def test_value_by_hand():
    features = dense()
    value, dy = Perceptual(features, 0.7)(Y, T)
    assert value == pytest.approx(
        ((Y - T) ** 2).mean() + 0.7 * ((features(Y) - features(T)) ** 2).mean()
    )
    without, dwithout = Perceptual(features, 0.0)(Y, T)
    assert without == mse(Y, T)[0] and np.array_equal(dwithout, mse(Y, T)[1])
    assert Perceptual(features)(T, T)[0] == 0 and not Perceptual(features)(T, T)[1].any()


def test_images_with_equal_features_are_equal_to_it():
    blind = Sequential(Linear(16, 3, rng=1, dtype=np.float64))
    blind.params["0.weight"][:, 8:] = 0  # ignores the second half
    y = T.copy()
    y[:, 8:] = 0.5
    assert Perceptual(blind, pixels=None)(y, T)[0] == pytest.approx(0, abs=1e-30)
    assert Perceptual(blind)(y, T)[0] > 0.01


def test_the_net_does_not_change():
    features, x = dense(np.float32), T.astype(np.float32)
    before = {key: w.copy() for key, w in features.params.items()}
    model = autoencoder(np.float32)
    loss = Objective(reconstruction=Perceptual(features))
    assert loss(model, x)[1].keys() == model.params.keys() and not loss.needs_full_batch
    history = fit(model, x, loss, Adam(model.params, 0.01), 20, 5, workers=2, progress=False)
    assert history["loss"][-1] < history["loss"][0]
    for key, w in features.params.items():
        np.testing.assert_array_equal(w, before[key])


def test_on_a_device_nothing_waits(monkeypatch):
    from helpers.strict_device import DeviceArray, pretend_gpu

    from tinyae import to_device, to_numpy

    pretend_gpu(monkeypatch)
    before = DeviceArray.waits
    value, dy = Perceptual(dense().to("gpu"))(to_device(Y, "gpu"), to_device(T, "gpu"))
    assert DeviceArray.waits == before
    assert float(value) == pytest.approx(Perceptual(dense())(Y, T)[0])
    np.testing.assert_allclose(to_numpy(dy), Perceptual(dense())(Y, T)[1])


@pytest.mark.parametrize(
    ("mistake", "error", "said"),
    [
        (
            lambda: Perceptual(dense(), -1),
            ValueError,
            "weight is -1, expected a finite, non-negative number",
        ),
        (lambda: Perceptual(dense(), float("nan")), ValueError, "weight is nan"),
        (
            lambda: Perceptual(ReLU),
            TypeError,
            r"features is <class.*write ReLU\(\) with parentheses",
        ),
        (
            lambda: Perceptual(mse),
            TypeError,
            "features is <function mse.*expected a layer or a model",
        ),
        (
            lambda: Perceptual(dense())(Y, T[:2]),
            ValueError,
            r"y has shape \(5, 16\) and target \(2, 16\)",
        ),
        (lambda: Perceptual(dense())(Y[:, :9], T[:, :9]), ValueError, r"Linear\(16 → 7\)"),
    ],
)
def test_mistakes_are_named(mistake, error, said):
    with pytest.raises(error, match=said):
        mistake()


@pytest.mark.oracle
def test_gradient_is_pytorchs():
    torch = pytest.importorskip("torch", reason="compares with PyTorch: pip install torch==2.13.0")
    ours = dense()
    theirs = torch.nn.Sequential(
        torch.nn.Linear(16, 7), torch.nn.Tanh(), torch.nn.Linear(7, 4)
    ).double()
    theirs.load_state_dict({key: torch.tensor(w) for key, w in ours.params.items()})
    y, t = torch.tensor(Y, requires_grad=True), torch.tensor(T)
    loss = torch.nn.functional.mse_loss(y, t) + 0.7 * torch.nn.functional.mse_loss(
        theirs(y), theirs(t)
    )
    loss.backward()
    value, dy = Perceptual(ours, 0.7)(Y, T)
    assert value == pytest.approx(loss.item(), rel=1e-12)
    np.testing.assert_allclose(dy, y.grad.numpy(), rtol=1e-10, atol=1e-15)
