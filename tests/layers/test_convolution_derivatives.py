"""Derivatives of Conv2d and ConvTranspose2d; dtypes, memory order and purity of their results."""

import numpy as np
import pytest
from helpers.convolutions import ODD, cases, equal_products, everything, odd
from helpers.numeric import close
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyae import Conv2d, ConvTranspose2d
from tinyae.checking import assert_gradients, check_second, gradcheck
from tinyae.layers import convolution
from tinyae.layers.patches import fold, unfold

# Derivatives


@settings(max_examples=30)
@given(cases(most=2))
def test_gradcheck(case):
    layer, x = case.make()
    assert_gradients(layer, x, max_entries=60, samples=30)


@odd
@pytest.mark.parametrize("method", ["central", "complex"])
def test_gradcheck_every_entry(case, method):
    layer, x = case.make()
    report = gradcheck(layer, x, method=method, max_entries=10_000)
    assert report.ok and not any(row.kinks for row in report.tensors), report


@settings(max_examples=15)
@given(cases(largest=2, most=2))
def test_second_derivatives(case):
    layer, x = case.make()
    report = check_second(layer, x, max_entries=40, samples=20)
    assert report.ok, report


@settings(max_examples=30)
@given(cases(), st.sampled_from([(), (1,), (3,)]))
def test_jvp_vjp_and_double_backward(case, probes):
    layer, x = case.make()
    y, cache = layer.forward(x)
    rng = np.random.default_rng(1)
    g, dy = rng.normal(size=probes + x.shape), rng.normal(size=probes + y.shape)
    assert layer.output_shape(cache) == y.shape
    jvp, vjp = layer.jvp(g, cache), layer.vjp(dy, cache)
    assert jvp.shape == dy.shape and vjp.shape == g.shape
    equal_products(jvp, dy, g, vjp, 1e-13)
    d_dy, dx, grads = layer.double_backward(g, dy, cache)
    np.testing.assert_array_equal(d_dy, jvp)
    assert dx is None
    wanted = {key: np.zeros_like(w) for key, w in layer.params.items()}
    for one_g, one_dy in zip(g if probes else [g], dy if probes else [dy], strict=True):
        # Σ g · vjp(dy) = Σ jvp(g) · dy, so the weights' gradient is that of backward with g in the
        # place of x
        wanted["weight"] += layer.backward(one_dy, one_g)[1]["weight"]
    for k in range(len(g) if probes else 0):
        close(jvp[k], layer.jvp(g[k], cache), 1e-14)
        close(vjp[k], layer.vjp(dy[k], cache), 1e-14)
    assert grads.keys() == layer.params.keys()
    for key in grads:
        close(grads[key], wanted[key], 1e-13)


@odd
def test_complex_step(case):
    layer, x = case.make()
    rng = np.random.default_rng(1)
    dx, dw = rng.normal(size=x.shape), rng.normal(size=layer.params["weight"].shape)
    y, cache = layer.forward(x)
    close(
        layer(x + 1e-30j * dx).imag / 1e-30, layer.jvp(dx, cache), 1e-14
    )  # only the image is complex
    twin = layer.astype(np.complex128)
    twin.params["weight"] += 1e-30j * dw
    moved = twin(x)  # only the weights are complex: nothing may be cast to the image's dtype
    assert moved.dtype == np.complex128
    dy = rng.normal(size=y.shape)
    slope = (dy * moved.imag).sum() / 1e-30
    assert slope == pytest.approx((dw * layer.backward(dy, cache)[1]["weight"]).sum(), rel=1e-13)


# Dtypes, memory, purity


@odd
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_dtype_follows_the_data(case, dtype):
    layer, x = case.make(dtype)
    results = everything(layer, x)
    assert {a.dtype for a in results} == {np.dtype(dtype)}
    tolerance = 1e-5 if dtype == np.float32 else 1e-14
    for a, b in zip(results, everything(*case.make()), strict=True):
        close(a, b, tolerance)


@pytest.mark.parametrize("dtypes", [(np.float32, np.float64), (np.float64, np.float32)])
@odd
def test_two_dtypes_are_promoted_as_in_numpy(case, dtypes):
    layer, x = case.make(whole=True)
    x = abs(x)
    y = layer.astype(dtypes[0])(x.astype(dtypes[1]))
    assert y.dtype == np.result_type(*dtypes)
    np.testing.assert_array_equal(y, layer(x))


@odd
@pytest.mark.parametrize("entries", [1, 100, 300, 1 << 40])
def test_results_do_not_depend_on_the_chunk_size(case, entries, monkeypatch):
    layer, x = case.make(whole=True)
    wanted = everything(layer, x)
    monkeypatch.setattr(convolution, "CHUNK", entries)
    for a, b in zip(everything(layer, x), wanted, strict=True):
        np.testing.assert_array_equal(a, b)


LAYOUTS = {
    "channels first": np.ascontiguousarray,
    "channels last": lambda a: np.ascontiguousarray(a.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
    "Fortran": np.asfortranarray,
    "every second of a larger one": lambda a: np.repeat(np.repeat(a, 2, axis=0), 2, axis=3)[
        ::2, :, :, ::2
    ],
    "backwards": lambda a: a[::-1, ::-1, ::-1, ::-1].copy()[::-1, ::-1, ::-1, ::-1],
    "read-only": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
}


@odd
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_results_do_not_depend_on_the_memory_order(case, layout):
    layer, x = case.make(whole=True)
    wanted = everything(layer, x)
    for a, b in zip(everything(layer, x, layout), wanted, strict=True):
        np.testing.assert_array_equal(a, b)
    layer.params["weight"] = layout(layer.params["weight"])
    for a, b in zip(everything(layer, x, layout), wanted, strict=True):
        np.testing.assert_array_equal(a, b)


def test_outputs_are_stored_channels_last():
    for case in ODD.values():
        layer, x = case.make()
        for a in (
            layer(x),
            layer.backward(layer(x), x)[0],
            layer.backward(layer(x), x)[1]["weight"],
        ):
            assert a.transpose(0, 2, 3, 1).flags.c_contiguous


@odd
def test_nothing_is_overwritten_and_twice_is_the_same(case):
    layer, x = case.make()
    arrays = [x, *layer.params.values()]
    before = [a.copy() for a in arrays]
    for a in arrays:
        a.flags.writeable = False
    first = [a.copy() for a in everything(layer, x)]
    for a, b in zip(first, everything(layer, x), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(a, b)
    assert layer.__dict__.keys() == case.make()[0].__dict__.keys()


@odd
def test_no_examples_give_no_output_and_zero_gradients(case):
    layer, x = case.make()
    y, cache = layer.forward(x[:0])
    assert y.shape == (0, *layer(x).shape[1:])
    dx, grads = layer.backward(y, cache)
    assert dx.shape == x[:0].shape and not any(g.any() for g in grads.values())
    assert {key: g.shape for key, g in grads.items()} == {
        key: w.shape for key, w in layer.params.items()
    }


def test_unfold_and_fold_of_no_examples():
    rows = unfold(np.ones((0, 2, 4, 4)), 3)
    assert rows.shape == (0, 4, 18) and fold(rows, (4, 4), 3).shape == (0, 2, 4, 4)


# Initial weights


@pytest.mark.parametrize(("kind", "fan_in"), [(Conv2d, 5 * 6), (ConvTranspose2d, 7 * 6)])
def test_initial_weights_are_bounded_and_reproducible(kind, fan_in):
    """U(±1/√fan_in), PyTorch's default; fan_in counts weight.shape[1:], which for ConvTranspose2d
    are the output's channels."""
    a, b = kind(5, 7, (2, 3), rng=3), kind(5, 7, (2, 3), rng=np.random.default_rng(3))
    assert a.params["weight"].shape == (
        (7, 5, 2, 3) if kind is Conv2d else (5, 7, 2, 3)
    ) and a.params["bias"].shape == (7,)
    bound = 1 / np.sqrt(fan_in)
    for key, w in a.params.items():
        assert w.dtype == np.float32 and np.abs(w).max() <= np.float32(bound)
        np.testing.assert_array_equal(w, b.params[key])
    wide = kind(50, 70, (2, 3), rng=0).params["weight"]
    assert (
        wide.std() == pytest.approx(1 / np.sqrt(3 * 10 * fan_in), rel=0.02)
        and abs(wide.mean()) < 1e-3
    )
    assert not np.array_equal(a.params["weight"], kind(5, 7, (2, 3), rng=4).params["weight"])


def test_repr():
    assert (
        repr(Conv2d(1, 32, 3, stride=2, padding=1))
        == "Conv2d(1 → 32, kernel 3, stride 2, padding 1)"
    )
    assert (
        repr(Conv2d(1, 2, (3, 5), dilation=(1, 2), bias=False))
        == "Conv2d(1 → 2, kernel 3×5, dilation 1×2, no bias)"
    )
    assert (
        repr(ConvTranspose2d(8, 4, 3, 2, 1, 1))
        == "ConvTranspose2d(8 → 4, kernel 3, stride 2, padding 1, output_padding 1)"
    )
