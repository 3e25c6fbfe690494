"""What the numbers in a file mean: nothing is guessed in silence, and nothing is read black."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyae.data import DataNote, Scale, load_data, read_images
from tinyae.data.images import scale_images

PIL = pytest.importorskip("PIL.Image")
RAMP = np.linspace(0, 1, 1600).reshape(40, 40)  # from black to white


def read(path, **options):
    """The image, and whether a note was given."""
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        images = read_images(path, size=None, **options).images
    assert all(issubclass(n.category, DataNote) and str(path) in str(n.message) for n in notes)
    return images, [str(n.message) for n in notes]


# Image files


@pytest.mark.parametrize(
    ("dtype", "top", "name", "noted"),
    [
        (np.float32, 1, "x.tif", False),  # microscopes, depth maps
        (np.uint8, 255, "x.png", False),
        (np.uint16, 65535, "x.png", False),
        (np.uint16, 65535, "x.tif", False),
        (np.uint16, 65535, "x.pgm", False),
        (np.uint16, 4095, "x.png", True),  # 12 bits in 16
        (np.uint16, 1023, "x.tif", True),
        (np.int32, 4095, "x.tif", True),
        (np.int32, 65535, "x.tif", False),
        (np.int32, 100_000, "x.tif", True),
    ],
)
def test_a_ramp_is_read_from_black_to_white(dtype, top, name, noted, tmp_path):
    pixels = RAMP * top
    pixels = pixels.astype(dtype) if dtype == np.float32 else np.rint(pixels).astype(dtype)
    PIL.fromarray(pixels).save(tmp_path / name)
    images, notes = read(tmp_path / name)
    np.testing.assert_allclose(images[0, 0], RAMP, atol=1 / min(top, 255) if top > 1 else 1e-6)
    assert bool(notes) == noted and all("--scale" in text for text in notes)


def test_a_chosen_scale_wins_over_what_the_file_seems_to_say(tmp_path):
    PIL.fromarray(np.rint(RAMP * 4095).astype(np.uint16)).save(tmp_path / "x.png")
    images, notes = read(tmp_path / "x.png", scale=65535)
    assert images.max() == pytest.approx(4095 / 65535) and "the brightest pixel" in notes[0]
    PIL.fromarray(np.rint(RAMP * 16).astype(np.uint8)).save(tmp_path / "sixteen.png")
    images, _ = read(tmp_path / "sixteen.png", scale=16)
    assert images.max() == 1
    assert "the brightest pixel is 0.0627" in read(tmp_path / "sixteen.png")[1][0]


def test_what_a_tiff_says_about_its_largest_value_is_believed(tmp_path):
    pixels = np.rint(RAMP * 4095).astype(np.uint16)
    PIL.fromarray(pixels).save(tmp_path / "x.tif", tiffinfo={281: 4095})  # MaxSampleValue
    images, notes = read(tmp_path / "x.tif")
    assert images.max() == 1 and not notes


def test_the_brightest_image_of_a_folder_decides_for_all(tmp_path):
    for i, top in enumerate((400, 4000)):
        PIL.fromarray(np.rint(RAMP * top).astype(np.uint16)).save(tmp_path / f"{i}.png")
    images, _ = read(tmp_path)
    assert images.max(axis=(1, 2, 3)) == pytest.approx([400 / 4095, 4000 / 4095])


def test_elevations_below_zero_stay_as_they_are_and_missing_values_are_refused(tmp_path):
    heights = (RAMP * 3000 - 100).astype(np.float32)
    PIL.fromarray(heights).save(tmp_path / "x.tif")
    np.testing.assert_array_equal(read(tmp_path / "x.tif")[0][0, 0], heights)
    heights[3, 4] = np.nan
    PIL.fromarray(heights).save(tmp_path / "x.tif")
    with pytest.raises(ValueError, match="x.tif: NaN or infinite values"):
        read(tmp_path / "x.tif")


def test_16_bits_survive_resizing_and_color(tmp_path):
    PIL.fromarray(np.rint(RAMP * 65535).astype(np.uint16)).save(tmp_path / "x.png")
    images = read_images(tmp_path / "x.png", size=20, color=True).images
    assert images.shape == (1, 3, 20, 20) and images.max() > 0.98
    assert np.array_equal(images[0, 0], images[0, 2])


# Arrays


@given(st.integers(2, 127), st.sampled_from(["uint8", "int64", "int16"]))
def test_small_integers_are_divided_by_their_maximum_and_said_to_be(high, dtype):
    x = np.random.default_rng(high).integers(0, high + 1, (20, 6, 6)).astype(dtype)
    x.flat[0] = high
    with pytest.warns(DataNote, match=f"integers from 0 to {high}: divided by {high}, not by 255"):
        np.testing.assert_allclose(scale_images(x), x[:, None] / high, rtol=1e-6)
    assert scale_images(x, scale=255).max() == pytest.approx(high / 255)


@given(st.integers(128, 255))
def test_pixels_are_divided_by_255_in_silence(high):
    x = np.random.default_rng(high).integers(0, high + 1, (20, 6, 6))
    x.flat[0] = high
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert scale_images(x).max() == pytest.approx(high / 255)


def test_16_bit_arrays_are_scaled_by_their_bits_and_other_large_integers_are_a_table():
    x = np.random.default_rng(0).integers(0, 4096, (20, 6, 6)).astype(np.uint16)
    x.flat[0] = 4095
    with pytest.warns(DataNote, match="taken for 12 bits, and divided by 4095"):
        assert scale_images(x).max() == 1
    for table in (x.astype(int), x.astype(int) - 9, np.arange(70).reshape(10, 7)):
        shape = (len(table), 1, *table.shape[1:]) if table.ndim == 3 else (10, 1, 1, 7)
        np.testing.assert_array_equal(scale_images(table), table.reshape(shape))


def test_floating_point_values_stay_as_they_are():
    for x in (RAMP[None] * 6 - 3, RAMP[None] * 255, RAMP[None]):
        np.testing.assert_allclose(scale_images(x), x[:, None], rtol=1e-6)
    assert scale_images(RAMP[None] * 255, scale=255).max() == 1


def test_training_and_test_part_are_divided_by_the_same_number(tmp_path):
    x = np.random.default_rng(0).integers(0, 13, (30, 8, 8))
    x[0, 0, 0] = 16
    np.savez(tmp_path / "x.npz", x_train=x[:20], x_test=x[20:])
    with pytest.warns(DataNote, match="divided by 16"):
        data = load_data(tmp_path / "x.npz")
    np.testing.assert_allclose(data.test.images[:, 0], x[20:] / 16)
    assert data.scale == Scale(16, "integers")
    np.save(tmp_path / "later.npy", x[20:])  # none of these is 16
    later = read_images(tmp_path / "later.npy", scale=data.scale).images
    np.testing.assert_array_equal(later, data.test.images)
    np.save(tmp_path / "later.npy", x[20:] / 16)  # not integers: they stay as they are
    later = read_images(tmp_path / "later.npy", scale=data.scale).images
    np.testing.assert_allclose(later, data.test.images, rtol=1e-6)


@pytest.mark.parametrize("scale", [0, -1, np.nan, np.inf, "255", True])
def test_a_scale_is_a_positive_number(scale, tmp_path):
    np.save(tmp_path / "x.npy", RAMP[None])
    with pytest.raises((ValueError, TypeError), match="load_data|image_dataset: scale is"):
        load_data(tmp_path / "x.npy", scale=scale)


def test_the_two_parts_must_have_the_same_kind_of_numbers(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (9, 8, 8))
    np.savez(tmp_path / "x.npz", x_train=x, x_test=x / 255)
    with pytest.raises(ValueError, match="training part has dtype int64 and the test part float64"):
        load_data(tmp_path / "x.npz")


def test_black_and_white_in_16_bits_stays(tmp_path):
    PIL.fromarray((RAMP > 0.5).astype(np.uint16)).save(tmp_path / "x.png")
    images, notes = read(tmp_path / "x.png")
    assert set(np.unique(images)) == {0, 1} and not notes


# Shapes


@pytest.mark.parametrize(
    ("shape", "read_as", "note"),
    [
        ((30, 40, 3), (1, 3, 30, 40), "one color image of 30×40.*30 gray images of 40×3"),
        ((30, 40, 4), (1, 3, 30, 40), "one color image"),
        ((3, 30, 40), (3, 1, 30, 40), "3 gray images of 30×40.*one color image"),
        ((30, 41), (30, 1, 1, 41), "30 examples of 41 values.*one gray image"),
        ((5, 3, 20, 3), (5, 3, 20, 3), r"read as \(N, C, H, W\)"),
        ((5, 9, 9, 4), (5, 3, 9, 9), None),
        ((5, 4, 9, 9), (5, 3, 9, 9), None),
        ((7, 9, 9), (7, 1, 9, 9), None),
    ],
)
def test_of_an_ambiguous_shape_the_reading_is_named(shape, read_as, note):
    x = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        assert scale_images(x, "photo.npy").shape == read_as
    assert bool(notes) == bool(note)
    if note:
        with pytest.warns(DataNote, match=f"photo.npy: .*{note}"):
            scale_images(x, "photo.npy")


def test_transparent_pixels_of_arrays_become_white():
    x = np.zeros((2, 6, 6, 4), np.uint8)
    x[0, ..., 3] = 255  # opaque black, then transparent
    assert scale_images(x, scale=255)[:, 0, 0, 0].tolist() == [0, 1]
    assert scale_images(x / 255)[:, 0, 0, 0].tolist() == [0, 1]
    with pytest.raises(ValueError, match="4 channels of int64"):
        scale_images(x.astype(int))
