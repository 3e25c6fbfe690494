"""Arrays of one's own: shapes and ranges that are taken, and what is refused with which words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyae.data import load_data
from tinyae.data.images import as_labels, scale_images


@given(
    st.sampled_from(
        [
            ((5, 16), (5, 1, 4, 4)),
            ((5, 12), (5, 1, 1, 12)),
            ((5, 3, 7), (5, 1, 3, 7)),
            ((5, 1, 6, 4), (5, 1, 6, 4)),
            ((5, 3, 6, 4), (5, 3, 6, 4)),
            ((5, 6, 4, 3), (5, 3, 6, 4)),
            ((5, 6, 4, 1), (5, 1, 6, 4)),
        ]
    ),
    st.sampled_from(["uint8", "int64", "int16", "float32", "float64", "float16"]),
)
def test_shapes_and_types(shapes, dtype):
    given_shape, expected = shapes
    x = np.random.default_rng(0).integers(0, 256, given_shape)
    x.flat[0] = 255
    y = scale_images((x / 255).astype(dtype) if dtype.startswith("float") else x.astype(dtype))
    reference = x.transpose(0, 3, 1, 2) if given_shape[-1] in (1, 3) else x
    assert y.shape == expected and y.dtype == np.float32 and y.flags.c_contiguous
    assert np.abs(y - reference.reshape(expected) / 255).max() < 1e-3
    assert np.shares_memory(y.reshape(5, -1), y)


def test_black_and_white_stays():
    x = np.eye(4)[None]
    for dtype in (bool, np.uint8, np.int64, np.float32):
        assert np.array_equal(scale_images(x.astype(dtype)), x[None])


def test_the_array_given_is_not_changed_nor_kept():
    x = np.full((2, 1, 3, 3), 0.5, np.float32)
    y = scale_images(x)
    y[...] = 9
    assert np.all(x == 0.5)


def bad_picture(value):
    x = np.zeros((6, 3, 3))
    x[2, 1, 1] = x[4, 0, 0] = value
    return x


@pytest.mark.parametrize(
    "x, message",
    [
        (bad_picture(np.nan), "NaN or infinity in 2 of 6 pictures, first in picture 2"),
        (bad_picture(-np.inf), "first in picture 2"),
        (bad_picture(254.0), "from 0 to 254, expected 0 to 1: divide by 255 first"),
        (bad_picture(-0.5), "from -0.5 to 0, expected 0 to 1: scale"),
        (bad_picture(300).astype(int), "whole numbers from 0 to 300, expected 0 to 255"),
        (bad_picture(-1).astype(np.int8), "whole numbers from -1 to 0"),
        (np.zeros(9), r"shape \(9,\), expected \(N, D\)"),
        (np.zeros((5, 2, 8, 8)), r"shape \(5, 2, 8, 8\).*C = 1 or 3"),
        (np.zeros((0, 28, 28)), "no pictures"),
        (np.zeros((3, 0)), "no pictures"),
        (np.array([["a", "b"]]), "expected numbers, got <U1"),
        (np.zeros((2, 4), complex), "expected numbers, got complex128"),
    ],
)
def test_arrays_that_are_refused(x, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        scale_images(x)
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(ValueError, match="x.npy: images: .*" + message):
        load_data(tmp_path / "x.npy")


@pytest.mark.parametrize(
    "y, message",
    [
        (np.zeros(4), r"shape \(4,\), expected \(5,\)"),
        (np.eye(5), "one label for each"),
        (np.full(5, 0.5), "whole numbers"),
        (np.full(5, np.nan), "whole numbers"),
        (np.arange(-1, 4), "-1 found"),
        (np.array(list("abcde")), "whole numbers"),
    ],
)
def test_labels_that_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        as_labels(y, 5)


def test_labels_that_are_taken():
    for y in (np.arange(5), np.arange(5.0), np.arange(5)[:, None], np.arange(5, dtype=np.uint8)):
        assert as_labels(y, 5).tolist() == [0, 1, 2, 3, 4] and as_labels(y, 5).dtype == np.int64
