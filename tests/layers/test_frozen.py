"""A frozen net: the same function and the same derivatives, but nothing to train."""

import numpy as np
import pytest
from helpers.cases import net
from helpers.numeric import close

from tinyae import (
    Adam,
    Frozen,
    Linear,
    Sequential,
    Sigmoid,
    Tanh,
    cross_entropy,
    fit,
    freeze,
    summary,
)
from tinyae.applications import classification
from tinyae.checking import check_second, gradcheck

rng = np.random.default_rng(0)
X = rng.normal(size=(5, 2, 3))


def test_everything_but_the_parameters_is_the_layers():
    inner = net(np.random.default_rng(1), 3, 2, Tanh)
    frozen = freeze(inner)
    y, cache = frozen.forward(X)
    np.testing.assert_array_equal(y, inner(X))
    dy, g = rng.normal(size=y.shape), rng.normal(size=X.shape)
    dx, grads = frozen.backward(dy, cache)
    close(dx, inner.backward(dy, cache)[0])
    assert grads == {} and frozen.params == {} and frozen.parameter_gradients(dy, cache) == {}
    close(frozen.jvp(g, cache), inner.jvp(g, cache))
    d_dy, dx, grads = frozen.double_backward(g, dy, cache)
    close(d_dy, inner.double_backward(g, dy, cache)[0])
    close(dx, inner.double_backward(g, dy, cache)[1])
    assert grads == {} and frozen.output_shape(cache) == y.shape


def test_derivatives():
    frozen = freeze(net(np.random.default_rng(2), 3, 2, Sigmoid))
    assert gradcheck(frozen, X).ok
    assert check_second(frozen, X).ok


def test_dx_reaches_the_layers_before_the_frozen_one():
    below, above = Linear(4, 3, rng=1, dtype=np.float64), Linear(2, 3, rng=2, dtype=np.float64)
    middle = Sequential(Linear(3, 2, rng=3, dtype=np.float64), Tanh())
    model = Sequential(below, freeze(middle), above)
    assert set(model.params) == {"0.weight", "0.bias", "2.weight", "2.bias"}
    x, labels = rng.normal(size=(6, 4)), np.array([0, 1, 2, 0, 1, 2])
    assert gradcheck(lambda model, x, rng: classification(model, (x, labels), rng), model, x).ok
    assert gradcheck(model, x).ok


def test_training_changes_only_the_layers_after_it():
    encoder = Sequential(Linear(4, 3, rng=0), Tanh())
    before = {key: w.copy() for key, w in encoder.params.items()}
    model = Sequential(freeze(encoder), Linear(3, 2, rng=1))
    start = model.params["1.weight"].copy()
    x, labels = rng.normal(size=(20, 4)).astype(np.float32), np.arange(20) % 2
    fit(model, (x, labels), classification, Adam(model.params, 0.1), 2, 5, progress=False)
    assert not np.allclose(model.params["1.weight"], start)
    for key, w in encoder.params.items():
        np.testing.assert_array_equal(w, before[key])


def test_its_first_layers_are_not_asked_for_a_gradient(monkeypatch):
    """No layer before the frozen one needs dx, so nothing is computed there."""
    model = Sequential(freeze(Linear(4, 3, rng=0)), Linear(3, 2, rng=1))
    logits, caches = model.forward(np.ones((2, 4), np.float32))
    monkeypatch.setattr(Frozen, "backward", None)
    assert set(model.parameter_gradients(cross_entropy(logits, np.array([0, 1]))[1], caches)) == {
        "1.weight",
        "1.bias",
    }


def test_conversion_also_converts_the_frozen_weights():
    inner = Linear(4, 3, rng=0)
    frozen = freeze(inner).astype(np.float64)
    assert frozen(np.ones((2, 4))).dtype == np.float64
    assert inner.params["weight"].dtype == np.float32 and not np.shares_memory(
        frozen.layer.params["weight"], inner.params["weight"]
    )


def test_freezing_twice_is_freezing_once_and_repr_shows_the_layer():
    frozen = freeze(Sequential(Linear(4, 3, rng=0), Tanh()))
    assert freeze(frozen) is frozen
    assert repr(frozen) == "Frozen(Linear(4 → 3), Tanh())"
    assert "Frozen(Linear(4 → 3), Tanh())" in summary(Sequential(frozen, Linear(3, 2, rng=1)), (4,))


@pytest.mark.parametrize("wrong", [Linear, None, 3.0, np.zeros(3)])
def test_only_layers_can_be_frozen(wrong):
    with pytest.raises(TypeError, match="expected a layer or a model"):
        freeze(wrong)


def test_on_a_device(monkeypatch):
    from helpers.strict_device import DeviceArray, pretend_gpu

    from tinyae import to_device, to_numpy

    pretend_gpu(monkeypatch)
    inner = Sequential(Linear(4, 3, rng=0), Tanh())
    x = np.ones((2, 4), np.float32)
    there = freeze(inner).to("gpu")(to_device(x, "gpu"))
    assert isinstance(there, DeviceArray)
    np.testing.assert_allclose(to_numpy(there), inner(x), rtol=1e-6)
