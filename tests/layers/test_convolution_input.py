"""Wrong settings and wrong input: each message names the layer, the shape and the rule."""

import re

import numpy as np
import pytest

from tinyae import Conv2d, ConvTranspose2d
from tinyae.layers import fold, unfold

BOTH = pytest.mark.parametrize("kind", [Conv2d, ConvTranspose2d])


def zeros(*shape):
    return np.zeros(shape, np.float32)


def fails(text, f, *arguments, **options):
    with pytest.raises(ValueError, match=re.escape(text)) as error:
        f(*arguments, **options)
    return str(error.value)


@BOTH
@pytest.mark.parametrize(
    ("shape", "hint"),
    [
        ((3, 28, 28), "a single image needs x[None]"),
        ((64, 28, 28), "x[:, None] adds the channel"),
        ((64, 28, 28, 3), "this looks like (N, H, W, C): x.transpose(0, 3, 1, 2)"),
        ((64, 2352), "flat rows need x.reshape(N, C, H, W) first"),
        ((64, 4, 28, 28), ""),
        ((5, 64, 3, 28, 28), ""),
        ((784,), ""),
        ((), ""),
    ],
)
def test_a_wrong_input_is_explained(kind, shape, hint):
    layer = kind(3, 8, 3, stride=2)
    for f in (layer.forward, layer, layer.output_shape):
        message = fails(
            f"{layer!r}: input has shape {shape}, expected (N, 3, H, W)", f, zeros(*shape)
        )
        assert message.endswith(hint or "(N, 3, H, W)")
    assert "3 → 8, kernel 3, stride 2" in message


def test_a_kernel_larger_than_the_padded_image():
    layer = Conv2d(1, 4, (3, 5), padding=(0, 1), dilation=(2, 1))
    assert layer(zeros(2, 1, 5, 3)).shape == (2, 4, 1, 1)
    for size in [(4, 3), (5, 2)]:
        message = fails(f"{layer!r}: ", layer, zeros(2, 1, *size))
        assert (
            f"does not fit into an image of {size[0]}×{size[1]}" in message
            and "reaches over 5×5 pixels" in message
        )
        assert "H + 2·padding ≥ dilation·(kernel − 1) + 1" in message


def test_an_output_that_would_be_empty():
    layer = ConvTranspose2d(1, 4, 2, padding=(1, 0))
    assert layer(zeros(2, 1, 2, 1)).shape == (2, 4, 1, 2)
    message = fails(
        f"{layer!r}: an input of 1×1 gives an empty output (0×2)", layer, zeros(2, 1, 1, 1)
    )
    assert "(H − 1)·stride − 2·padding + dilation·(kernel − 1) + output_padding + 1 ≥ 1" in message
    fails("an input of 0×1", layer, zeros(2, 1, 0, 1))
    fails("does not fit into an image of 0×3", Conv2d(1, 1, 1), zeros(2, 1, 0, 3))


@pytest.mark.parametrize(
    ("options", "allowed"),
    [
        ({"output_padding": 1}, False),
        ({"output_padding": 2, "stride": 2}, False),
        ({"output_padding": 1, "stride": 2}, True),
        ({"output_padding": (0, 1), "stride": (2, 1)}, False),
        ({"output_padding": (1, 0), "stride": (2, 1)}, True),
        ({"output_padding": 2, "stride": 2, "dilation": 3}, True),
        ({"output_padding": 3, "stride": 2, "dilation": 3}, False),
    ],
)
def test_output_padding_stays_below_stride_or_dilation(options, allowed):
    if allowed:
        ConvTranspose2d(1, 1, 3, **options)
    else:
        message = fails(
            "output_padding must be below max(stride, dilation)",
            ConvTranspose2d,
            1,
            1,
            3,
            **options,
        )
        assert message.startswith("ConvTranspose2d(1 → 1, kernel 3")


@BOTH
@pytest.mark.parametrize(
    "value", [0, -1, 1.0, (1, 2, 3), (1,), (0, 1), (1, -1), (1, 2.0), "3", None, [2, 0]]
)
@pytest.mark.parametrize("setting", ["kernel_size", "stride", "dilation"])
def test_settings_out_of_range(kind, setting, value):
    options = {"kernel_size": 3, setting: value}
    fails(
        f"{kind.__name__}: {setting} is {value!r}, expected an integer of at least 1, or a pair",
        kind,
        1,
        1,
        **options,
    )


@pytest.mark.parametrize("value", [-1, 0.5, (0, 0, 0), (0, -1), "same"])
def test_paddings_out_of_range(value):
    rule = f"padding is {value!r}, expected an integer of at least 0"
    for kind in (Conv2d, ConvTranspose2d):
        fails(rule, kind, 1, 1, 3, padding=value)
    fails(rule, ConvTranspose2d, 1, 1, 3, output_padding=value)


@BOTH
def test_settings_are_integers_pairs_or_numpy_integers(kind):
    for kernel in (3, (3, 3), [3, 3], np.int64(3)):
        assert kind(1, 1, kernel).kernel_size == (3, 3)


@BOTH
@pytest.mark.parametrize("channels", [(0, 3), (3, 0), (-1, 3)])
def test_channels_below_one_are_refused(kind, channels):
    message = fails(f"{kind.__name__}: {channels[0]} → {channels[1]} channels", kind, *channels, 3)
    assert "at least 1" in message


def test_unfold_and_fold():
    fails("unfold: stride is 0", unfold, zeros(1, 1, 3, 3), 2, stride=0)
    fails(
        "unfold: a kernel that reaches over 4×4 pixels does not fit into an image of 3×3",
        unfold,
        zeros(1, 1, 3, 3),
        4,
    )
    fails("unfold: input has shape (3, 3), expected (N, C, H, W)", unfold, zeros(3, 3), 2)
    message = fails("fold: patches have shape (1, 4, 9)", fold, zeros(1, 4, 9), (5, 5), 3)
    assert "3·3 patches, expected (N, 9, 9·C)" in message
    fails("fold: patches have shape (1, 9, 8)", fold, zeros(1, 9, 8), (5, 5), 3)
    fails("fold: padding is -1", fold, zeros(1, 9, 9), (5, 5), 3, padding=-1)
