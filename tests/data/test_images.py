"""Your own arrays: accepted shapes and ranges, and the error messages for others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyae.data import load_data
from tinyae.data.images import scale_images

pytestmark = pytest.mark.filterwarnings("ignore::tinyae.data.DataNote")  # tested elsewhere


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
def test_all_shapes_and_types_are_converted(shapes, dtype):
    given_shape, expected = shapes
    x = np.random.default_rng(0).integers(0, 256, given_shape)
    x.flat[0] = 255
    y = scale_images((x / 255).astype(dtype) if dtype.startswith("float") else x.astype(dtype))
    reference = x.transpose(0, 3, 1, 2) if given_shape[-1] in (1, 3) else x
    assert y.shape == expected and y.dtype == np.float32 and y.flags.c_contiguous
    assert np.abs(y - reference.reshape(expected) / 255).max() < 1e-3
    assert np.shares_memory(y.reshape(5, -1), y)


def test_black_and_white_is_not_scaled():
    x = np.eye(4)[None]
    for dtype in (bool, np.uint8, np.int64, np.float32):
        assert np.array_equal(scale_images(x.astype(dtype)), x[None])


def test_the_given_array_is_neither_changed_nor_kept():
    x = np.full((2, 1, 3, 3), 0.5, np.float32)
    y = scale_images(x)
    y[...] = 9
    assert np.all(x == 0.5)


def bad_image(value):
    x = np.zeros((6, 3, 3))
    x[2, 1, 1] = x[4, 0, 0] = value
    return x


@pytest.mark.parametrize(
    "x, message",
    [
        (bad_image(np.nan), "NaN or infinity in 2 of 6 examples, first in example 2"),
        (bad_image(-np.inf), "first in example 2"),
        (bad_image(1e300), r"example 2 has values up to 1e\+300, too large for float32"),
        (np.zeros(9), r"shape \(9,\), expected \(N, D\)"),
        (np.zeros((5, 2, 8, 8)), r"shape \(5, 2, 8, 8\).*C = 1, 3 or 4"),
        (np.zeros((8, 8, 3, 5)), r"this looks like \(H, W, C, N\): x.transpose\(3, 2, 0, 1\)"),
        (np.zeros((2, 5, 6, 6, 3)), "reshape it, or choose one of its first axes"),
        (np.zeros(5, [("a", float), ("b", float)]), "fields a, b: np.stack"),
        (np.zeros((0, 28, 28)), "no images"),
        (np.zeros((3, 0)), "no images"),
        (np.array([["a", "b"]]), "expected numbers, got <U1"),
        (np.zeros((2, 4), complex), "expected numbers, got complex128"),
    ],
)
def test_bad_arrays_are_refused(x, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        scale_images(x)
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(ValueError, match="x.npy: images: .*" + message):
        load_data(tmp_path / "x.npy")
