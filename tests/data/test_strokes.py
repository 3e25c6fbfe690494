"""Generated digits: reproducible, in range, and the images have the factors that are reported."""

import time

import numpy as np
import pytest

from tinyae.data import draw, strokes
from tinyae.data.drawing import FRAME, RANGES
from tinyae.data.glyphs import DIGITS, SEGMENTS, pen_paths


@pytest.fixture(scope="module")
def data():
    return strokes(2000, 500, seed=3)


def moments(images):
    """Sum, center (x, y) and covariance (xx, xy, yy) of each image, in pixels."""
    n, _, h, w = images.shape
    total = images.sum(axis=(1, 2, 3))
    x, y = np.arange(w) + 0.5, np.arange(h) + 0.5
    cx, cy = images.sum(axis=(1, 2)) @ x / total, images.sum(axis=(1, 3)) @ y / total
    dx, dy = x - cx[:, None], y - cy[:, None]
    p = images[:, 0] / total[:, None, None]
    return (
        total,
        cx,
        cy,
        np.einsum("nyx,nx,ny->n", p, dx, dy, optimize=True),
        (p.sum(axis=1) * dx**2).sum(1),
        (p.sum(axis=2) * dy**2).sum(1),
    )


def test_shapes_ranges_and_names(data):
    assert data.name == "strokes" and data.classes == tuple("0123456789")
    for part, n in ((data.train, 2000), (data.test, 500)):
        assert part.images.shape == (n, 1, 28, 28) and part.images.dtype == np.float32
        assert part.images.min() == 0 and part.images.max() == 1
        assert part.labels.shape == (n,) and part.labels.dtype == np.int64
        assert np.array_equal(np.bincount(part.labels), [n // 10] * 10)
        for name, (low, high) in RANGES.items():
            factor = part.factors[name]
            assert len(factor) == n and low <= factor.min() and factor.max() <= high
    assert "thickness" in repr(data.train) and "strokes" in repr(data)


def test_same_seed_same_bits_and_other_seeds_and_parts_differ(data):
    again = strokes(2000, 500, seed=3)
    assert np.array_equal(data.train.images, again.train.images) and np.array_equal(
        data.test.images, again.test.images
    )
    assert np.array_equal(
        data.test.images, strokes(10, 500, seed=3).test.images
    )  # whatever the training set
    assert not np.array_equal(data.train.labels, strokes(2000, 500, seed=4).train.labels)
    same_size = strokes(50, 50)
    assert not set(same_size.train.factors["rotation"]) & set(same_size.test.factors["rotation"])


def test_draw_with_the_factors_draws_the_same_images(data):
    assert np.array_equal(draw(data.test.labels, **data.test.factors), data.test.images)
    some = data.test[400:410]  # an image does not depend on the others
    assert np.array_equal(draw(some.labels, **some.factors), some.images)


def test_gray_levels_are_bytes(data):
    levels = data.train.images[:100] * 255
    assert np.abs(levels - np.rint(levels)).max() < 1e-4


def test_no_image_is_empty_and_almost_nothing_is_cut_off(data):
    x = data.train.images[:, 0]
    assert x.max(axis=(1, 2)).min() > 0.8
    border = np.maximum(x[:, [0, -1]].max(axis=(1, 2)), x[:, :, [0, -1]].max(axis=(1, 2)))
    assert (border > 0).mean() < 0.01
    assert 0.08 < x.mean() < 0.16  # MNIST: 0.13


def test_the_sum_of_the_pixels_grows_with_thickness(data):
    thickness, total = data.train.factors["thickness"], data.train.images.mean(axis=(1, 2, 3))
    for digit in range(10):
        of = data.train.labels == digit
        assert np.corrcoef(thickness[of], total[of])[0, 1] > 0.8
    one = draw([8] * 9, thickness=np.linspace(1, 4, 9)).sum(axis=(1, 2, 3))
    assert (np.diff(one) > 0).all()


def test_a_straight_line_has_the_requested_thickness():
    for thickness in (1.0, 2.0, 3.0, 4.0):
        row = draw([1], style=0, thickness=thickness)[0, 0, 14]  # across the stem of a plain 1
        assert row.sum() == pytest.approx(thickness, abs=0.06)


@pytest.mark.parametrize("digit", range(10))
def test_shift_moves_the_center(digit):
    shift = np.array([[0, 0], [2, 0], [0, 2], [-1.5, 1]])
    _, cx, cy, *_ = moments(draw([digit] * 4, shift=shift))
    assert np.stack([cx - cx[0], cy - cy[0]], axis=1) == pytest.approx(shift, abs=0.05)


def test_every_drawing_is_centered():
    for factor in ({}, {"shear": 0.4}, {"rotation": -0.25}, {"wobble": np.full((4, 2), 0.04)}):
        images = draw(np.arange(10), size=112, **factor)[:, 0] > 0.5
        for axis in (1, 2):
            drawn = images.any(axis=axis)
            first, last = drawn.argmax(axis=1), 112 - drawn[:, ::-1].argmax(axis=1)
            assert (first + last) / 2 == pytest.approx(56, abs=1.6)


@pytest.mark.parametrize("factor", ["style", "wobble"])
def test_style_and_wobble_change_every_digit(factor):
    ends = {
        "style": np.repeat([0.0, 1.0], 10),
        "wobble": np.random.default_rng(0).normal(0, 0.035, (20, 4, 2)),
    }[factor]
    images = draw(np.tile(np.arange(10), 2), **{factor: ends})
    assert np.abs(images[:10] - images[10:]).mean(axis=(1, 2, 3)).min() > 0.005


def test_a_shift_by_whole_pixels_is_a_roll():
    a, b = draw([5, 5], shift=[[0, 0], [3, -2]])
    assert np.array_equal(b, np.roll(a, (-2, 3), axis=(1, 2)))


def test_rotation_is_in_radians_and_clockwise():
    angle = np.array([0, 0.2, -0.3])
    *_, xy, xx, yy = moments(draw([1] * 3, style=0, rotation=angle))
    axis = np.arctan2(-2 * xy, yy - xx) / 2  # of the stem, from the vertical; y points down
    assert axis == pytest.approx(angle, abs=0.01)


def test_shear_leans_to_the_right():
    shear = np.array([0, 0.2, 0.4])
    *_, xy, _, yy = moments(draw([1] * 3, style=0, shear=shear))
    assert -xy / yy == pytest.approx(shear, abs=0.02)


def test_scale_and_width_stretch_the_path_but_not_the_pen():
    images = draw([0] * 3, scale=[1, 1.2, 1], width=[1, 1, 1.3], size=112)[
        :, 0
    ]  # four pixels for each of 28
    wide, high = [
        (images.max(axis=axis) > 0.5).sum(axis=1) / 4 - 2.2 for axis in (1, 2)
    ]  # 2.2: the pen
    assert high == pytest.approx(high[0] * np.array([1, 1.2, 1]), abs=0.3)
    assert wide == pytest.approx(wide[0] * np.array([1, 1.2, 1.3]), abs=0.3)


def test_pressure_makes_the_end_thicker():
    images = draw([1] * 2, style=0, pressure=[-0.6, 0.6])[:, 0]  # a 1 is written downwards
    top, bottom = images[:, 6:12].sum(axis=(1, 2)), images[:, 16:22].sum(axis=(1, 2))
    assert top[0] > 1.1 * bottom[0] and bottom[1] > 1.1 * top[1]


def test_a_larger_image_is_the_same_drawing():
    small, large = draw(np.arange(10)), draw(np.arange(10), size=56)
    pooled = large.reshape(10, 1, 28, 2, 28, 2).mean(axis=(3, 5))
    assert np.abs(small - pooled).mean() < 0.02
    assert strokes(10, 10, size=16).train.images.shape == (10, 1, 16, 16)


def test_digits_can_be_told_apart(data):
    """Nearest neighbors by pixels find the label: the images are readable, and not all alike."""
    a, b = data.train.flat, data.test.flat
    nearest = ((a * a).sum(axis=1) - 2 * b @ a.T).argmin(axis=1)
    accuracy = (data.train.labels[nearest] == data.test.labels).mean()
    assert 0.9 < accuracy < 1


def test_both_writing_styles_fit_together():
    assert set(DIGITS) == set(range(10))
    for first, second in DIGITS.values():
        assert [len(stroke) for stroke in first] == [len(stroke) for stroke in second]
    paths = pen_paths()
    assert paths.shape == (2, 10, SEGMENTS, 2, 2) and np.abs(paths[..., 1]).max() < 1.1
    pieces = np.linalg.norm(paths[..., 1, :] - paths[..., 0, :], axis=-1) * FRAME / 3
    assert 0.1 < pieces.max() < 1.2  # pixels: the soft minimum needs them short


def test_twelve_thousand_take_a_few_seconds():
    start = time.process_time()
    strokes()
    assert time.process_time() - start < 6  # 0.9 s on an idle core


@pytest.mark.parametrize("arguments", [{"n_train": 0}, {"n_test": -1}, {"size": 4}])
def test_impossible_sizes_are_refused(arguments):
    with pytest.raises(ValueError, match=f"{next(iter(arguments))}=.*expected"):
        strokes(**arguments)


@pytest.mark.parametrize(
    "labels, message",
    [([3, 10], "0 to 9, got 10"), ([-1], "got -1"), (3, "integers"), ([1.5], "float64")],
)
def test_labels_that_are_not_digits_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        draw(labels)
