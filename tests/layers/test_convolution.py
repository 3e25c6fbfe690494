"""What Conv2d, ConvTranspose2d, unfold and fold compute, over random settings: the same as six
loops, and each is the transpose of another."""

import numpy as np
from helpers.convolutions import cases, equal_products, odd, pair, weights
from helpers.numeric import close
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyae import Conv2d, ConvTranspose2d, Linear
from tinyae.layers.patches import fold, unfold
from tinyae.layers.reference import conv2d_loops, conv2d_loops_backward, conv_transpose2d_loops

LOOPS = {Conv2d: conv2d_loops, ConvTranspose2d: conv_transpose2d_loops}


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
def test_the_six_loops_give_exactly_the_same_for_integers(case):
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
    """The slow reference is compared with itself: dx of one is y of the other."""
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


def test_output_padding_chooses_among_the_images_with_this_output_size():
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
    equal_products(patches, c, x, image, 0 if whole else 1e-13)


@settings(max_examples=100)
@given(cases(kinds=[Conv2d], bias=False), st.booleans())
def test_conv_transpose_is_the_transpose_of_conv(case, whole):
    """The same weights, no bias; output_padding makes the sizes agree where the stride does not
    divide evenly."""
    conv, x = case.make(whole=whole)
    y = conv(x)
    options = {name: value for name, value in case.options.items() if name != "bias"}
    axes = zip(x.shape[2:], conv.kernel_size, conv.stride, conv.padding, conv.dilation, strict=True)
    lost = tuple(
        (h + 2 * p - d * (k - 1) - 1) % s for h, k, s, p, d in axes
    )  # pixels that are lost by rounding down
    options |= {"output_padding": lost, "bias": False, "dtype": np.float64}
    transposed = ConvTranspose2d(*reversed(case.channels), case.kernel, **options)
    transposed.params["weight"][...] = conv.params[
        "weight"
    ]  # (out, in) of one is (in, out) of the other
    v = case.draw(np.random.default_rng(1), y.shape, whole)
    back = transposed(v)
    assert back.shape == x.shape
    equal_products(y, v, x, back, 0 if whole else 1e-13)
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
