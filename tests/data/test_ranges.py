"""The range of data belongs to the output layer of the model."""

import warnings

import numpy as np
import pytest

from tinyae import (
    ELU,
    Adam,
    Autoencoder,
    Flatten,
    Frozen,
    LeakyReLU,
    Linear,
    Objective,
    ReLU,
    Reshape,
    Sequential,
    Sigmoid,
    Softplus,
    Tanh,
    fit,
    mse,
)
from tinyae.data.ranges import output_range, range_problem, scaling_advice

INF = np.inf
LAYERS = {
    "sigmoid": (Sigmoid(), 0, 1),
    "tanh": (Tanh(), -1, 1),
    "relu": (ReLU(), 0, INF),
    "softplus": (Softplus(), 0, INF),
    "elu": (ELU(0.5), -0.5, INF),
    "leaky": (LeakyReLU(), -INF, INF),
    "linear": (Linear(4, 4, rng=1), -INF, INF),
    "reshaped": (Sequential(Sigmoid(), Reshape(2, 2), Flatten()), 0, 1),
    "frozen": (Frozen(Sequential(Linear(4, 4, rng=1), Tanh())), -1, 1),
}


def train(layer, x):
    model = Autoencoder(Linear(4, 2, rng=0), Sequential(Linear(2, 4, rng=0), layer))
    quiet = {"progress": False, "workers": 1}
    return fit(model, x.astype(np.float32), Objective(), Adam(model.params), 1, **quiet)


@pytest.mark.parametrize("name", LAYERS)
def test_the_range_of_an_output_layer(name):
    layer, low, high = LAYERS[name]
    assert output_range(layer)[1:] == (low, high)
    inside = np.random.default_rng(0).uniform(max(low, -9), min(high, 9), (8, 4))
    train(layer, inside)
    assert range_problem(layer, inside.min(), inside.max(), "data") is None
    for bound, step in ((low, -1), (high, 1)):
        if np.isfinite(bound):
            values = sorted([bound + step, inside.flat[0]])
            assert "data ranges from" in range_problem(layer, *values, "data")


def test_data_outside_the_range_of_a_sigmoid_are_refused():
    x = np.random.default_rng(0).normal(size=(8, 4))
    for name in ("sigmoid", "reshaped"):
        with pytest.raises(ValueError, match="data ranges from .* but the model ends in Sigmoid"):
            train(LAYERS[name][0], x)


def test_data_outside_the_range_of_another_layer_get_a_note():
    x = np.random.default_rng(0).normal(size=(8, 4)) * 2
    for name in ("tanh", "relu", "elu"):
        with pytest.warns(UserWarning, match="data ranges from .* but the model ends in"):
            train(LAYERS[name][0], x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(LAYERS["linear"][0], x)


@pytest.mark.parametrize(
    ("values", "layer", "advice"),
    [
        ((0, 16), Sigmoid(), "divide by 16"),
        ((0, 254), Sigmoid(), "divide by 255"),
        ((0, 65535), Sigmoid(), "divide by 65535"),
        ((-3, 5), Sigmoid(), "scale them to [0, 1], (x + 3) / 8"),
        ((2, 5), Sigmoid(), "divide by 5"),
        ((-3, 2), Tanh(), "divide by 3"),
        ((-3, 2), ReLU(), "add 3"),
    ],
)
def test_the_advice_is_computed(values, layer, advice):
    _, least, largest = output_range(layer)
    assert scaling_advice(*values, least, largest) == advice


def test_a_classifier_may_take_any_inputs():
    x = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    labels = (x[:, 0] > 0).astype(np.float32)[:, None]
    model = Sequential(Linear(4, 1, rng=0), Sigmoid())

    def objective(model, batch, rng):
        y, cache = model.forward(batch[0])
        loss, dy = mse(y, batch[1])
        return loss, model.backward(dy, cache)[1], {}

    options = {"progress": False, "workers": 1}
    fit(model, (x, labels), objective, Adam(model.params), 1, **options)
