import warnings

import numpy as np
import pytest
from helpers.cases import ACTIVATIONS
from helpers.numeric import close

from tinyae import ELU, LeakyReLU, ReLU, Sigmoid, Softplus, Tanh

FORMULAS = {
    "ReLU": lambda x: max(x, 0.0),
    "LeakyReLU": lambda x: x if x > 0 else 0.2 * x,
    "ELU": lambda x: x if x > 0 else 1.3 * (np.exp(x) - 1),
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Tanh": lambda x: np.sinh(x) / np.cosh(x),
    "Softplus": lambda x: np.log(1 + np.exp(x)),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formula(name):
    x = np.linspace(-4, 4, 41)
    close(ACTIVATIONS[name]()(x[None])[0], np.array([FORMULAS[name](v) for v in x]), 1e-13)


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_inputs_give_no_warning_and_no_nan(name, dtype):
    layer = ACTIVATIONS[name]()
    x = np.array([[-1e30, -1000, -100, -1, 0, 1, 100, 1000, 1e30]], dtype)
    with warnings.catch_warnings(), np.errstate(under="ignore"):
        warnings.simplefilter("error")
        y, cache = layer.forward(x)
        results = [
            y,
            layer.backward(np.ones_like(y), cache)[0],
            *layer.double_backward(y / 1e30, np.ones_like(y), cache)[:2],
        ]
    assert all(np.isfinite(r).all() for r in results if r is not None)
    if name in ("Sigmoid", "Tanh"):
        assert y[0, 0] == (0 if name == "Sigmoid" else -1) and y[0, -1] == 1


@pytest.mark.parametrize(
    "layer", [ReLU(), LeakyReLU(), ELU(), Sigmoid(), Tanh(), Softplus()], ids=repr
)
def test_nan_goes_through(layer):
    """A layer that hides a NaN hides where training failed."""
    with np.errstate(invalid="ignore"):
        assert np.isnan(layer(np.array([[np.nan]]))).all()


def test_the_derivative_at_the_kink_is_pytorchs():
    x = np.zeros((1, 1))
    for layer, slope in [(ReLU(), 0), (LeakyReLU(0.2), 0.2), (ELU(1.3), 1.3)]:
        assert layer.vjp(np.ones((1, 1)), layer.forward(x)[1]).item() == pytest.approx(slope)


def test_softplus_and_sigmoid_keep_small_numbers():
    x = np.array([[-30.0]])
    for layer in (Softplus(), Sigmoid()):
        y, cache = layer.forward(x)
        assert y.item() == pytest.approx(np.exp(-30), rel=1e-12)
        assert layer.vjp(np.ones_like(y), cache).item() == pytest.approx(np.exp(-30), rel=1e-12)


@pytest.mark.parametrize("scalar", [np.float64, np.float32, float])
def test_a_numpy_number_as_setting_does_not_change_the_dtype(scalar):
    x = np.linspace(-1, 1, 4, dtype=np.float32)[None]
    for layer in (LeakyReLU(scalar(0.25)), ELU(scalar(0.5))):
        y, cache = layer.forward(x)
        assert y.dtype == layer.backward(y, cache)[0].dtype == np.float32


@pytest.mark.parametrize(
    ("layer", "value"), [(LeakyReLU, 0), (LeakyReLU, 1), (ELU, 0), (ELU, -2), (ELU, np.nan)]
)
def test_settings_out_of_range(layer, value):
    with pytest.raises(ValueError, match=f"{layer.__name__}: .* is {value}, expected a number"):
        layer(value)


def test_repr():
    assert [repr(a) for a in (ReLU(), LeakyReLU(), ELU(2.0), Sigmoid())] == [
        "ReLU()",
        "LeakyReLU(0.01)",
        "ELU(2.0)",
        "Sigmoid()",
    ]
