"""Shifts: what comes in is 0, the rest moves as a block."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyae.data import shifts

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0.1, 1, (60, 2, 5, 4)).astype(np.float32)


def by_hand(image, down, right):
    c, h, w = image.shape
    out = np.zeros_like(image)
    for i in range(h):
        for j in range(w):
            if 0 <= i - down < h and 0 <= j - right < w:
                out[:, i, j] = image[:, i - down, j - right]
    return out


@given(st.integers(1, 6), st.floats(0, 1), st.integers(0, 1000))
def test_each_image_moves_by_at_most_so_many_pixels(pixels, fraction, seed):
    moved = shifts(pixels, fraction)(IMAGES, np.random.default_rng(seed))
    assert moved.shape == IMAGES.shape and moved.dtype == np.float32
    steps = range(-pixels, pixels + 1)
    for before, after in zip(IMAGES[:5], moved[:5], strict=True):
        assert any(np.array_equal(by_hand(before, a, b), after) for a in steps for b in steps)


def test_so_many_move_and_all_directions_are_as_likely():
    x = np.zeros((30_000, 9), np.float32)
    x[:, 4] = 1  # the center of 3×3
    moved = shifts(1, 0.5)(x, np.random.default_rng(0))
    counts = moved.sum(axis=0)
    assert counts[4] == pytest.approx(15_000 + 15_000 / 9, rel=0.03)
    assert np.delete(counts, 4) == pytest.approx(15_000 / 9, rel=0.1)


def test_rows_are_images_and_nothing_is_overwritten():
    x = IMAGES[:, :1].reshape(60, 20)
    before = x.copy()
    moved = shifts(1, 1, (5, 4))(x, np.random.default_rng(1))
    np.testing.assert_array_equal(x, before)
    again = shifts(1, 1)(IMAGES[:, :1], np.random.default_rng(1))
    np.testing.assert_array_equal(moved, again.reshape(60, 20))
    assert np.array_equal(
        shifts(2, 0)(x.reshape(60, 1, 5, 4), np.random.default_rng(0)).ravel(), x.ravel()
    )


@pytest.mark.parametrize(
    "arguments", [(0,), (1.5,), (True,), (1, -0.1), (1, 1.1), (1, float("nan"))]
)
def test_settings_out_of_range_are_refused(arguments):
    with pytest.raises(ValueError, match="shifts: (pixels|fraction) is"):
        shifts(*arguments)


@pytest.mark.parametrize("shape", [(3, 20), (3, 4, 5), (4,)])
def test_what_is_not_an_image_is_refused(shape):
    with pytest.raises(ValueError, match="expected images"):
        shifts(1)(np.zeros(shape, np.float32), RNG)
