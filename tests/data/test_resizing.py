"""Images brought to another shape."""

import numpy as np
import pytest

from tinyae.data.resizing import fit_shape

PIL = pytest.importorskip("PIL.Image")
RNG = np.random.default_rng(0)


def test_color_becomes_gray_as_pillow_does_it():
    x = RNG.integers(0, 256, (3, 9, 7, 3), dtype=np.uint8)
    gray = fit_shape(x.transpose(0, 3, 1, 2).astype(np.float32) / 255, (1, 9, 7), "x")
    expected = [np.asarray(PIL.fromarray(image).convert("L")) for image in x]
    np.testing.assert_allclose(gray[:, 0] * 255, expected, atol=1)
    white = fit_shape(np.ones((1, 3, 4, 4), np.float32), (1, 4, 4), "x")
    assert white.max() <= 1  # no rounding errors beyond the range


def test_gray_is_repeated_for_red_green_and_blue():
    x = RNG.random((2, 1, 5, 5), dtype=np.float32)
    assert np.array_equal(fit_shape(x, (3, 5, 5), "x"), np.repeat(x, 3, axis=1))
    assert fit_shape(x, (1, 5, 5), "x") is x


def test_the_middle_is_kept_and_resized():
    x = np.zeros((1, 1, 20, 60), np.float32)
    x[..., 20:40] = 1
    np.testing.assert_allclose(fit_shape(x, (1, 10, 10), "x")[..., 1:-1], 1, atol=1e-6)
    assert fit_shape(x, (1, 7, 21), "x").mean() == pytest.approx(1 / 3, abs=0.02)


def test_rows_of_a_table_are_not_resized():
    rows = RNG.random((4, 1, 1, 30), dtype=np.float32)
    with pytest.raises(ValueError, match="x.csv: .*1×1×30, expected 1×1×31: rows of a table"):
        fit_shape(rows, (1, 1, 31), "x.csv")
    with pytest.raises(ValueError, match="rows of a table"):
        fit_shape(rows, (1, 6, 6), "x.csv")
    assert fit_shape(rows, (1, 5, 6), "x.csv").shape == (4, 1, 5, 6)  # they are images, row by row
