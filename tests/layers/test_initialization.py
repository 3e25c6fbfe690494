"""Initial weights: their size, and that a scheme touches only what is the layer's own."""

import numpy as np
import pytest

from tinyae import Conv2d, ConvTranspose2d, Linear, Sequential, Sigmoid, Tanh, freeze
from tinyae.layers import initialize
from tinyae.models import deep_autoencoder, tied_autoencoder


def test_glorot_has_its_bound_and_gain_multiplies():
    model = Sequential(Linear(200, 300), Tanh())
    initialize(model, "glorot", 0)
    w = model.params["0.weight"].copy()
    bound = np.sqrt(6 / 500)
    assert 0.99 * bound < np.abs(w).max() <= bound and abs(w.mean()) < 0.001
    assert not model.params["0.bias"].any() and w.dtype == np.float32
    initialize(model, "glorot", 0, gain=4)
    np.testing.assert_allclose(model.params["0.weight"], 4 * w, rtol=1e-6)


@pytest.mark.parametrize(
    "layer, fan_in",
    [(Linear(200, 300), 200), (Conv2d(8, 50, 5), 200), (ConvTranspose2d(8, 50, 5), 200)],
)
def test_he_has_the_variance_2_over_fan_in(layer, fan_in):
    initialize(layer, "he", 1)
    assert layer.params["weight"].std() == pytest.approx(np.sqrt(2 / fan_in), rel=0.03)


def test_glorot_counts_the_kernel_of_a_convolution():
    layer = Conv2d(8, 50, (3, 2))
    initialize(layer, "glorot", 1)
    bound = np.sqrt(6 / (8 * 6 + 50 * 6))
    assert 0.98 * bound < np.abs(layer.params["weight"]).max() <= bound


def test_sparse_gives_each_unit_15_inputs():
    model = Sequential(Linear(400, 100), Sigmoid(), Linear(100, 10), Sigmoid(), Linear(10, 4))
    initialize(model, "sparse", 0)
    for key, n in (("0", 15), ("2", 15), ("4", 10)):
        w = model.params[f"{key}.weight"]
        assert ((w != 0).sum(axis=1) == n).all()
    w = model.params["0.weight"]
    assert w[w != 0].std() == pytest.approx(1, rel=0.05)
    assert len({tuple(np.flatnonzero(row)) for row in w}) == 100


def test_the_same_seed_gives_the_same_weights_and_layers_differ():
    a, b = (deep_autoencoder((50, 20, 20, 20, 3), rng=seed) for seed in (5, 5))
    for key, w in a.params.items():
        np.testing.assert_array_equal(w, b.params[key])
    assert not np.array_equal(a.params["encoder.2.weight"], a.params["encoder.4.weight"])


def test_tied_weights_stay_tied_and_frozen_ones_stay():
    model = tied_autoencoder(0, 30, 20)
    frozen = Linear(30, 30, rng=0)
    before = frozen.params["weight"].copy()
    initialize(Sequential(freeze(frozen), model), "he", 2)
    np.testing.assert_array_equal(frozen.params["weight"], before)
    w = model.encoder.layers[0].params["weight"]
    assert model.decoder.layers[0].params["weight"] is w
    assert w.std() == pytest.approx(np.sqrt(2 / 30), rel=0.1)


def test_bad_requests_are_explained():
    with pytest.raises(ValueError, match="unknown initialization 'xavir'|did you mean"):
        initialize(Linear(2, 2), "glorott")
    with pytest.raises(ValueError, match="gain is 0"):
        initialize(Linear(2, 2), "he", gain=0)
    with pytest.raises(ValueError, match="no layer with weights"):
        initialize(Sequential(Tanh()), "he")


def test_deep_autoencoder_is_hintons_net():
    model = deep_autoencoder()
    sizes = [784, 1000, 500, 250, 30, 250, 500, 1000, 784]
    weights = [w.shape for key, w in model.params.items() if key.endswith("weight")]
    assert weights == [(b, a) for a, b in zip(sizes, sizes[1:], strict=False)]
    x = np.random.default_rng(0).uniform(size=(3, 784)).astype(np.float32)
    assert model.encode(x).shape == (3, 30) and 0 < model(x).min() < model(x).max() < 1
    assert not isinstance(model.encoder.layers[-1], Sigmoid)  # the code is linear
    with pytest.raises(ValueError, match="expected pixels"):
        deep_autoencoder((784,))
