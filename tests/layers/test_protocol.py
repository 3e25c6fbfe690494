"""What holds for every layer: derivatives against finite differences, adjoints, purity, dtypes."""

import numpy as np
import pytest
from helpers.cases import KINDS, make
from helpers.numeric import close, numeric_gradient
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyae.layers.base import Layer

sizes = st.tuples(
    st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(0, 2**32 - 1)
)
every_layer = pytest.mark.parametrize("kind", KINDS)
few = settings(max_examples=8)


@every_layer
@few
@given(sizes)
def test_backward_is_the_gradient(kind, size):
    layer, x = make(kind, *size)
    y, cache = layer.forward(x)
    dy = np.random.default_rng(1).normal(size=y.shape)
    dx, grads = layer.backward(dy, cache)

    def s():
        return (dy * layer.forward(x)[0]).sum()

    close(dx, numeric_gradient(s, x))
    assert grads.keys() == layer.params.keys()
    for key, w in layer.params.items():
        close(grads[key], numeric_gradient(s, w))
    assert layer.parameter_gradients(dy, cache).keys() == grads.keys()
    for key, g in layer.parameter_gradients(dy, cache).items():
        np.testing.assert_array_equal(g, grads[key])


@every_layer
@few
@given(sizes)
def test_jvp_is_the_directional_derivative_and_vjp_its_adjoint(kind, size):
    layer, x = make(kind, *size)
    y, cache = layer.forward(x)
    rng = np.random.default_rng(2)
    dx, dy, h = rng.normal(size=x.shape), rng.normal(size=y.shape), 1e-6
    close(layer.jvp(dx, cache), (layer(x + h * dx) - layer(x - h * dx)) / (2 * h))
    close(layer.vjp(dy, cache), layer.backward(dy, cache)[0], 1e-14)
    assert (layer.jvp(dx, cache) * dy).sum() == pytest.approx(
        (dx * layer.vjp(dy, cache)).sum(), rel=1e-10, abs=1e-12
    )


@every_layer
@few
@given(sizes, st.sampled_from([(), (1,), (3,)]))
def test_double_backward_is_the_gradient_of_vjp(kind, size, probes):
    layer, x = make(kind, *size)
    y, cache = layer.forward(x)
    rng = np.random.default_rng(3)
    g, dy = rng.normal(size=probes + x.shape), rng.normal(size=probes + y.shape)

    def s():
        return (g * layer.vjp(dy, layer.forward(x)[1])).sum()

    d_dy, dx, grads = layer.double_backward(g, dy, cache)
    close(d_dy, numeric_gradient(s, dy))
    close(d_dy, layer.jvp(g, cache), 1e-14)
    close(np.zeros_like(x) if dx is None else dx, numeric_gradient(s, x), 1e-6)
    assert grads.keys() == layer.params.keys()
    for key, w in layer.params.items():
        close(grads[key], numeric_gradient(s, w), 1e-6)


@every_layer
def test_probes_are_handled_one_by_one(kind):
    layer, x = make(kind, 3, 4, 2, 0)
    y, cache = layer.forward(x)
    rng = np.random.default_rng(4)
    dx, dy = rng.normal(size=(5, *x.shape)), rng.normal(size=(5, *y.shape))
    jvp, vjp = layer.jvp(dx, cache), layer.vjp(dy, cache)
    assert jvp.shape == dy.shape and vjp.shape == dx.shape
    for k in range(5):
        close(jvp[k], layer.jvp(dx[k], cache), 1e-14)
        close(vjp[k], layer.vjp(dy[k], cache), 1e-14)


@every_layer
def test_nothing_is_overwritten_and_twice_is_the_same(kind):
    layer, x = make(kind, 3, 4, 2, 5)
    rng = np.random.default_rng(6)
    y, _ = layer.forward(x)
    dx, dy = rng.normal(size=x.shape), rng.normal(size=y.shape)
    arrays = [x, dx, dy, *layer.params.values()]
    before = [a.copy() for a in arrays]

    def everything():
        y, cache = layer.forward(x)
        return [
            y,
            *flat(layer.backward(dy, cache)),
            layer.jvp(dx, cache),
            layer.vjp(dy, cache),
            *flat(layer.double_backward(dx, dy, cache)),
            layer(x),
            *flat(layer.backward(dy, cache)),
        ]

    for a in arrays:
        a.flags.writeable = False
    first = [a.copy() for a in everything()]
    for a, b in zip(first, everything(), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (
        layer.__dict__.keys() == make(kind, 3, 4, 2, 5)[0].__dict__.keys()
    )  # and the layer remembers nothing


@every_layer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_follows_the_data(kind, dtype):
    layer, x = make(kind, 3, 4, 2, 7)
    layer, x = layer.astype(dtype), x.astype(dtype)
    y, cache = layer.forward(x)
    g = np.ones((2, *x.shape), dtype)
    results = [
        y,
        *flat(layer.backward(y, cache)),
        layer.jvp(x, cache),
        layer.vjp(y, cache),
        layer.jvp(g, cache),
        *flat(layer.double_backward(x, y, cache)),
        *flat(layer.double_backward(g, np.stack([y, y]), cache)),
    ]
    assert {a.dtype for a in results} == {np.dtype(dtype)}


@every_layer
def test_an_example_does_not_depend_on_its_neighbours(kind):
    layer, x = make(kind, 4, 3, 2, 8)
    close(layer(x)[1:2], layer(x[1:2]), 1e-14)


@pytest.mark.parametrize(
    "kind", ["Linear", "Linear without bias", "ELU", "Sigmoid", "Tanh", "Softplus", "net Tanh"]
)
def test_complex_step(kind):
    """The layers are analytic: f(x + ih).imag / h is f' to all digits, because no difference
    loses digits."""
    layer, x = make(kind, 3, 4, 2, 9)
    dx = np.random.default_rng(10).normal(size=x.shape)
    y = layer.astype(np.complex128)(x + 1e-30j * dx)
    assert y.dtype == np.complex128
    close(y.real, layer(x), 1e-14)
    close(y.imag / 1e-30, layer.jvp(dx, layer.forward(x)[1]), 1e-13)


@every_layer
def test_a_copy_shares_no_memory(kind):
    layer, _ = make(kind, 2, 3, 2, 11)
    for other in (layer.astype(np.float64), layer.to("cpu")):
        assert type(other) is type(layer) and repr(other) == repr(layer) and other is not layer
        for key, w in layer.params.items():
            np.testing.assert_array_equal(w, other.params[key])
            assert not np.shares_memory(w, other.params[key])


def test_a_layer_that_lacks_a_method_says_which():
    for method, arguments in {
        "forward": 1,
        "backward": 2,
        "jvp": 2,
        "vjp": 2,
        "double_backward": 3,
    }.items():
        with pytest.raises(NotImplementedError, match=f"Layer has no {method}"):
            getattr(Layer(), method)(*range(arguments))


def test_a_layers_parameters_are_its_own():
    """``self.params["w"] = ...`` without ``self.params = {}`` first must not give all layers
    a ``w``."""

    class Scale(Layer):
        def __init__(self):
            self.params["w"] = np.ones(1)

    with pytest.raises(TypeError):
        Scale()
    assert not Layer.params


def flat(result):
    """The arrays in (dx, grads) or (d_dy, dx, grads)."""
    *arrays, grads = result
    return [a for a in [*arrays, *grads.values()] if a is not None]


@every_layer
@few
@given(sizes)
def test_parameter_jvp_is_the_slope_along_a_direction_of_the_weights(kind, size):
    layer, x = make(kind, *size)
    if not layer.params:
        return
    y, cache = layer.forward(x)
    rng, h = np.random.default_rng(12), 1e-6
    d = {key: rng.normal(size=w.shape) for key, w in layer.params.items()}
    dy = layer.parameter_jvp(d, cache)
    assert dy.shape == y.shape and dy.dtype == y.dtype

    def moved(t):
        """The output with the weights moved by t·d. ``params`` has the layer's own arrays."""
        before = {key: w.copy() for key, w in layer.params.items()}
        for key, w in layer.params.items():
            w += t * d[key]
        y = layer(x)
        for key, w in layer.params.items():
            w[...] = before[key]
        return y

    close(dy, (moved(h) - moved(-h)) / (2 * h))
    c = rng.normal(size=y.shape)  # and it is the transpose of parameter_gradients
    grads = layer.parameter_gradients(c, cache)
    assert (dy * c).sum() == pytest.approx(
        sum((d[key] * grads[key]).sum() for key in d), rel=1e-9, abs=1e-11
    )


def test_parameter_jvp_asks_for_the_keys_of_params():
    layer, x = make("net Tanh", 2, 3, 2, 0)
    _, cache = layer.forward(x)
    with pytest.raises(ValueError, match=r"keys of params.*'encoder.1.bias'"):
        layer.parameter_jvp({k: w for k, w in layer.params.items() if "1.bias" not in k}, cache)
    with pytest.raises(NotImplementedError, match="Tanh has no parameter_jvp"):
        make("Tanh", 2, 3, 2, 0)[0].parameter_jvp({}, None)
