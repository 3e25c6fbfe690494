"""Conv2d, ConvTranspose2d, unfold and fold over random settings: the six loops, adjoints, finite
differences, dtypes, memory."""

import numpy as np
import pytest
from helpers.convolutions import Case, cases, pair
from helpers.numeric import close
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyae import Conv2d, ConvTranspose2d, Linear
from tinyae.checking import assert_gradients, check_second, gradcheck
from tinyae.layers import convolution
from tinyae.layers.patches import fold, unfold
from tinyae.layers.reference import conv2d_loops, conv2d_loops_backward, conv_transpose2d_loops

LOOPS = {Conv2d: conv2d_loops, ConvTranspose2d: conv_transpose2d_loops}

# One odd setting of each layer, for what need not be tried over all settings
ODD = {
    "Conv2d": Case(
        Conv2d,
        (2, 3),
        (3, 2),
        {"stride": (2, 3), "padding": (1, 2), "dilation": (2, 1)},
        (8, 6),
        4,
        0,
    ),
    "ConvTranspose2d": Case(
        ConvTranspose2d,
        (3, 2),
        (2, 3),
        {"stride": (1, 3), "padding": (1, 0), "dilation": (3, 1), "output_padding": (2, 1)},
        (3, 4),
        4,
        0,
    ),
    "a kernel as large as the image": Case(Conv2d, (2, 3), (4, 5), {}, (4, 5), 4, 0),
    "a kernel as large as the output": Case(ConvTranspose2d, (3, 2), (4, 5), {}, (1, 1), 4, 0),
    "a kernel as large as the image, and a rim": Case(
        Conv2d, (2, 3), 3, {"stride": 3, "padding": 1}, (3, 3), 4, 0
    ),
}
odd = pytest.mark.parametrize("case", ODD.values(), ids=ODD)


# What they compute


def test_by_hand():
    layer = Conv2d(1, 1, 2)
    layer.params["weight"][...], layer.params["bias"][...] = [[[[1, 2], [3, 4]]]], 100
    x = np.array([[[[1, 0, 0], [0, 0, 10]]]], np.float32)
    y, cache = layer.forward(x)
    assert y.tolist() == [
        [[[101, 140]]]
    ]  # no flipping: the kernel's first entry meets the patch's first pixel
    dx, grads = layer.backward(np.array([[[[1, 5]]]], np.float32), cache)
    assert dx.tolist() == [[[[1, 2 + 5, 10], [3, 4 + 15, 20]]]]
    assert grads["weight"].tolist() == [[[[1, 0], [0, 50]]]] and grads["bias"].tolist() == [6]


def test_transposed_by_hand():
    layer = ConvTranspose2d(1, 1, 3, stride=2, output_padding=1)
    layer.params["weight"][...] = np.arange(1, 10).reshape(3, 3)
    layer.params["bias"][...] = 0
    assert layer(np.array([[[[1, 10]]]], np.float32)).tolist() == [
        [[[1, 2, 3 + 10, 20, 30, 0], [4, 5, 6 + 40, 50, 60, 0], [7, 8, 9 + 70, 80, 90, 0], [0] * 6]]
    ]


@settings(max_examples=150)
@given(cases())
def test_the_six_loops_give_the_same(case):
    layer, x = case.make()
    close(layer(x), LOOPS[case.kind](x, **weights(layer), **case.pairs()), 1e-12)


@odd
def test_the_six_loops_give_the_same_exactly_in_whole_numbers(case):
    layer, x = case.make(whole=True)
    y = LOOPS[case.kind](x, **weights(layer), **case.pairs())
    np.testing.assert_array_equal(layer(x), y)
    if case.kind is Conv2d:
        dx, grads = layer.backward(y, x)
        wanted = conv2d_loops_backward(y, x, layer.params["weight"], **case.pairs())
        for ours, theirs in zip([dx, *grads.values()], wanted, strict=True):
            np.testing.assert_array_equal(ours, theirs)


@settings(max_examples=60)
@given(cases(kinds=[Conv2d]))
def test_the_six_loops_backward_give_the_same(case):
    layer, x = case.make()
    y, cache = layer.forward(x)
    dy = np.random.default_rng(1).normal(size=y.shape)
    dx, grads = layer.backward(dy, cache)
    wanted = conv2d_loops_backward(dy, x, layer.params["weight"], **case.pairs())
    for ours, theirs in zip(
        [dx, *grads.values()], wanted, strict=False
    ):  # without db where there is no bias
        close(ours, theirs, 1e-12)


@settings(max_examples=40)
@given(cases(kinds=[ConvTranspose2d]))
def test_the_transposed_loops_are_the_loops_transposed(case):
    """The slow reference held against itself: dx of the one is y of the other."""
    layer, g = case.make()
    w = layer.params["weight"]
    pairs = case.pairs()
    y = conv_transpose2d_loops(g, w, **pairs)
    del pairs["output_padding"]
    if conv2d_loops(y, w, **pairs).shape == g.shape:  # not where output_padding ≥ stride
        close(conv2d_loops_backward(g, y, w, **pairs)[0], y, 1e-12)


def test_a_kernel_of_one_pixel_is_a_linear_layer_on_pixels():
    conv, linear = Conv2d(4, 3, 1, rng=0, dtype=np.float64), Linear(4, 3, rng=0, dtype=np.float64)
    linear.params["weight"][...], linear.params["bias"][...] = (
        conv.params["weight"][:, :, 0, 0],
        conv.params["bias"],
    )
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 6))
    close(
        conv(x).transpose(0, 2, 3, 1),
        linear(x.transpose(0, 2, 3, 1).reshape(-1, 4)).reshape(2, 5, 6, 3),
        1e-14,
    )


def test_a_kernel_as_large_as_the_image_is_a_linear_layer():
    conv = Conv2d(2, 3, (4, 5), rng=0, dtype=np.float64)
    x = np.random.default_rng(0).normal(size=(6, 2, 4, 5))
    rows = x.reshape(6, -1) @ conv.params["weight"].reshape(3, -1).T + conv.params["bias"]
    close(conv(x), rows[:, :, None, None], 1e-14)


def test_output_padding_chooses_among_the_images_that_have_this_grid():
    down = Conv2d(1, 1, 3, stride=2, padding=1)
    for size in (27, 28):
        assert down(np.zeros((1, 1, size, size), np.float32)).shape[2:] == (14, 14)
        up = ConvTranspose2d(1, 1, 3, stride=2, padding=1, output_padding=size - 27)
        assert up(np.zeros((1, 1, 14, 14), np.float32)).shape[2:] == (size, size)


# Adjoints


@settings(max_examples=100)
@given(cases(kinds=[Conv2d]), st.booleans())
def test_fold_is_the_transpose_of_unfold(case, whole):
    rng = np.random.default_rng(case.seed)
    x = case.draw(rng, (case.n, case.channels[0], *case.size), whole)
    options = {name: case.options[name] for name in ("stride", "padding", "dilation")}
    patches = unfold(x, case.kernel, **options)
    c = case.draw(rng, patches.shape, whole)
    image = fold(c, case.size, case.kernel, **options)
    assert image.shape == x.shape
    equal(patches, c, x, image, 0 if whole else 1e-13)


@settings(max_examples=100)
@given(cases(kinds=[Conv2d], bias=False), st.booleans())
def test_conv_transpose_is_the_transpose_of_conv(case, whole):
    """The same weights, no bias; output_padding makes the sizes meet where the stride does not
    divide evenly."""
    conv, x = case.make(whole=whole)
    y = conv(x)
    options = {name: value for name, value in case.options.items() if name != "bias"}
    axes = zip(x.shape[2:], conv.kernel_size, conv.stride, conv.padding, conv.dilation, strict=True)
    lost = tuple(
        (h + 2 * p - d * (k - 1) - 1) % s for h, k, s, p, d in axes
    )  # pixels that the rounding down leaves out
    options |= {"output_padding": lost, "bias": False, "dtype": np.float64}
    transposed = ConvTranspose2d(*reversed(case.channels), case.kernel, **options)
    transposed.params["weight"][...] = conv.params[
        "weight"
    ]  # (out, in) of the one is (in, out) of the other
    v = case.draw(np.random.default_rng(1), y.shape, whole)
    back = transposed(v)
    assert back.shape == x.shape
    equal(y, v, x, back, 0 if whole else 1e-13)
    np.testing.assert_array_equal(back, conv.vjp(v, x))  # and this is what Conv2d's backward does


@given(cases(kinds=[Conv2d], largest=2, most=2))
@settings(max_examples=20)
def test_unfold_has_the_patches(case):
    layer, x = case.make()
    options = {name: case.options[name] for name in ("stride", "padding", "dilation")}
    rows = unfold(x, case.kernel, **options)
    (n, _, ho, wo), (kh, kw) = layer(x).shape, pair(case.kernel)
    assert rows.shape == (n, ho * wo, kh * kw * x.shape[1])
    w = layer.params["weight"].transpose(0, 2, 3, 1).reshape(layer.out_channels, -1)
    y = (rows @ w.T).transpose(0, 2, 1).reshape(n, -1, ho, wo)
    close(y + layer.params["bias"][:, None, None] if "bias" in layer.params else y, layer(x), 1e-13)


def test_pixels_that_no_patch_reaches_become_zero():
    ones = np.ones((1, 4, 1))
    assert fold(ones, (4, 4), kernel=1, stride=2)[0, 0].tolist() == [
        [1, 0, 1, 0],
        [0] * 4,
        [1, 0, 1, 0],
        [0] * 4,
    ]


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
    equal(jvp, dy, g, vjp, 1e-13)
    d_dy, dx, grads = layer.double_backward(g, dy, cache)
    np.testing.assert_array_equal(d_dy, jvp)
    assert dx is None
    wanted = {key: np.zeros_like(w) for key, w in layer.params.items()}
    for one_g, one_dy in zip(g if probes else [g], dy if probes else [dy], strict=True):
        # Σ g · vjp(dy) = Σ jvp(g) · dy, hence the weights' gradient is backward's with g in the
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
    )  # the image alone is complex
    twin = layer.astype(np.complex128)
    twin.params["weight"] += 1e-30j * dw
    moved = twin(x)  # the weights alone are complex: nothing may be cast to the image's dtype
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


@pytest.mark.parametrize(
    "dtypes", [(np.float32, np.float64), (np.float64, np.float32), (np.float32, np.uint8)]
)
@odd
def test_two_dtypes_meet_as_numpy_has_it(case, dtypes):
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


def test_outputs_lie_channels_last():
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


def weights(layer):
    return {"w": layer.params["weight"], "b": layer.params.get("bias")}


def equal(a, b, c, d, tolerance):
    """``Σ a b = Σ c d``: exactly, or to ``tolerance`` beside the size of the terms."""
    left, right = (a * b).sum(), (c * d).sum()
    assert abs(left - right) <= tolerance * (
        np.linalg.norm(a) * np.linalg.norm(b) + np.linalg.norm(c) * np.linalg.norm(d)
    )


def everything(layer, x, layout=lambda a: a):
    """All that a layer computes, with cotangents that depend on y, as a list of arrays."""
    x = layout(x)
    y, cache = layer.forward(x)
    dx, grads = layer.backward(layout(y), cache)
    g, dy = np.stack([x, 2 * x]), np.stack([y, -y])
    d_dy, _, more = layer.double_backward(g, dy, cache)
    return [
        y,
        dx,
        *grads.values(),
        layer.jvp(x, cache),
        layer.vjp(y, cache),
        layer.jvp(g, cache),
        layer.vjp(dy, cache),
        d_dy,
        *more.values(),
        layer(x),
    ]
