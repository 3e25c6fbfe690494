"""A gradient or tangent of the wrong shape is refused by every layer. NumPy would broadcast it."""

import numpy as np
import pytest
from helpers.cases import KINDS, make
from hypothesis import assume, given
from hypothesis import strategies as st

from tinyae import Linear, ReLU, Sequential

ELEMENTWISE = ["ReLU", "LeakyReLU", "ELU", "Sigmoid", "Tanh", "Softplus"]
METHODS = ["backward", "vjp", "jvp", "double_backward g", "double_backward dy"]
TRAINED = [kind for kind in KINDS if make(kind, 3, 4, 2, seed=0)[0].params]
CASES = [(kind, method) for kind in KINDS for method in METHODS]
CASES += [(kind, "parameter_gradients") for kind in TRAINED]


def call(layer, method, wrong, x, y, cache):
    if method in ("backward", "parameter_gradients", "vjp"):
        return getattr(layer, method)(wrong, cache)
    if method == "jvp":
        return layer.jvp(wrong, cache)
    g, dy = (wrong, np.ones_like(y)) if method.endswith("g") else (np.ones_like(x), wrong)
    return layer.double_backward(g, dy, cache)


@pytest.mark.parametrize(("kind", "method"), CASES)
@given(shape=st.lists(st.integers(1, 6), min_size=0, max_size=5))
def test_a_wrong_shape_is_refused_in_words(kind, method, shape):
    layer, x = make(kind, 3, 4, 2, seed=0)
    y, cache = layer.forward(x)
    right = x.shape if method in ("jvp", "double_backward g") else y.shape
    probes = method in ("vjp", "jvp")
    assume(tuple(shape) != right and not (probes and tuple(shape[1:]) == right))
    with pytest.raises(ValueError, match="has shape .*, expected"):
        call(layer, method, np.ones(shape), x, y, cache)


@pytest.mark.parametrize("kind", KINDS)
def test_the_right_shape_with_probes_is_accepted(kind):
    layer, x = make(kind, 3, 4, 2, seed=0)
    y, cache = layer.forward(x)
    dy, dx = np.ones((5, *y.shape)), np.ones((5, *x.shape))
    assert layer.vjp(dy, cache).shape == dx.shape and layer.jvp(dx, cache).shape == dy.shape
    assert layer.double_backward(dx, dy, cache)[0].shape == dy.shape


@pytest.mark.parametrize("kind", KINDS)
def test_backward_has_no_probes(kind):
    layer, x = make(kind, 3, 4, 2, seed=0)
    y, cache = layer.forward(x)
    with pytest.raises(ValueError, match="has shape .*, expected"):
        layer.backward(np.ones((5, *y.shape)), cache)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrong", [None, 3.0, "dy", [[1.0]]])
def test_what_is_not_an_array_is_a_type_error(kind, wrong):
    layer, x = make(kind, 3, 4, 2, seed=0)
    y, cache = layer.forward(x)
    for method in METHODS + ["parameter_gradients"] * (kind in TRAINED):
        with pytest.raises(TypeError, match="expected a"):
            call(layer, method, wrong, x, y, cache)
    with pytest.raises(TypeError, match="expected a NumPy or CuPy array"):
        layer.forward(wrong)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("Flatten", "Reshape")])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool])
def test_integer_pixels_are_refused_with_the_way_out(kind, dtype):
    layer, x = make(kind, 3, 4, 2, seed=0)
    pixels = (100 * np.abs(x)).astype(dtype)
    if kind.startswith("net"):
        return  # a Flatten comes first; the Linear after it refuses, as tested for Linear
    with pytest.raises(ValueError, match=r"dtype .*, expected floating point.*astype.*/ 255"):
        layer.forward(pixels)


@pytest.mark.parametrize("kind", ELEMENTWISE)
def test_a_row_for_all_examples_is_not_broadcast(kind):
    layer, x = make(kind, 3, 4, 2, seed=0)
    _, cache = layer.forward(x)
    with pytest.raises(
        ValueError, match=rf"{kind}.*dy has shape \(1, 2, 4\), expected \(3, 2, 4\)"
    ):
        layer.backward(np.ones((1, 2, 4)), cache)


def test_a_cache_that_forward_did_not_return_is_named():
    for layer in (ReLU(), Linear(3, 2, rng=0), Sequential(ReLU())):
        for cache in (None, "cache", 3):
            with pytest.raises((TypeError, ValueError), match="cache|input|expected"):
                layer.backward(np.ones((5, 2)), cache)


@pytest.mark.parametrize("dtype", [int, np.uint8, bool, str, "float33"])
def test_weights_of_integers_are_refused(dtype):
    for make_layer in (
        lambda: Linear(3, 2, rng=0, dtype=dtype),
        lambda: Linear(3, 2, rng=0).astype(dtype),
        lambda: Sequential(ReLU()).to("nowhere"),
    ):
        with pytest.raises(ValueError, match="expected a floating point type|device .* is unknown"):
            make_layer()
