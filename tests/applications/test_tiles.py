"""Tiles: every pixel once, in its place, and no seams."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyae import Linear
from tinyae.applications import denoise_tiles, random_patches, tile_starts


@given(st.integers(1, 40), st.integers(1, 12), st.integers(1, 12))
def test_starts_cover_everything_and_stay_inside(length, tile, step):
    tile, step = min(tile, length), min(step, tile, length)
    starts = tile_starts(length, tile, step)
    assert starts[0] == 0 and starts[-1] == length - tile and starts == sorted(set(starts))
    assert all(b - a <= step for a, b in zip(starts, starts[1:], strict=False))


@given(
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(3, 8),
    st.integers(1, 8),
    st.sampled_from([np.float32, np.float64]),
)
def test_the_identity_model_gives_the_image_back(more_h, more_w, tile, step, dtype):
    image = np.random.default_rng(1).random((tile + more_h, tile + more_w)).astype(dtype)
    y = denoise_tiles(lambda t: t, image, tile, min(step, tile), batch_size=3)
    assert y.dtype == dtype and y.shape == image.shape
    np.testing.assert_allclose(y, image, rtol=1e-5, atol=1e-6)


def test_the_result_is_the_weighted_mean_of_the_tiles():
    """The model returns a different constant for each tile; the result at a pixel is the weighted
    mean of the constants, with the weights written out."""
    tile, step, image = 4, 3, np.random.default_rng(0).random((7, 9))
    seen = []

    def numbered(t):
        seen.extend(t[:, 0])
        return np.ones_like(t) * (np.arange(len(seen) - len(t), len(seen))[:, None, None, None])

    y = denoise_tiles(numbered, image, tile, step, batch_size=2)
    ramp = [0.5, 1, 1, 0.5]
    corners = [(i, j) for i in (0, 3) for j in (0, 3, 5)]
    for p in np.ndindex(image.shape):
        values, weights = [], []
        for k, (i, j) in enumerate(corners):
            if i <= p[0] < i + tile and j <= p[1] < j + tile:
                values.append(k)
                weights.append(ramp[p[0] - i] * ramp[p[1] - j])
        assert y[p] == pytest.approx(np.average(values, weights=weights))
    for (i, j), t in zip(corners, seen, strict=True):
        np.testing.assert_array_equal(t, image[i : i + tile, j : j + tile])


def test_an_image_of_one_tile_is_the_output_of_the_model():
    image = np.random.default_rng(0).random((6, 6))
    np.testing.assert_allclose(denoise_tiles(np.square, image, 6), image**2)


def test_odd_tiles_and_outputs_in_rows_work():
    image = np.random.default_rng(0).random((11, 8))
    np.testing.assert_allclose(denoise_tiles(lambda t: t.reshape(len(t), -1), image, 5), image)


def test_overlap_smooths_the_seams():
    """The model adds a random constant per tile: with overlap, neighboring pixels differ less."""

    def jumps(step):
        noise = np.random.default_rng(2)
        y = denoise_tiles(
            lambda t: t + noise.normal(size=(len(t), 1, 1, 1)), np.zeros((56, 56)), 28, step
        )
        return np.abs(np.diff(y, axis=1)).max()

    assert jumps(7) < 0.3 * jumps(28)


def test_the_image_is_not_changed():
    image = np.random.default_rng(0).random((9, 9))
    before = image.copy()
    denoise_tiles(np.zeros_like, image, 4)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: denoise_tiles(np.copy, np.zeros((20, 30))),
            "the image is 20×30 pixels, expected at least one tile of 28×28",
        ),
        (lambda: denoise_tiles(np.copy, np.zeros((30, 20))), "the image is 30×20"),
        (
            lambda: denoise_tiles(np.copy, np.zeros((1, 30, 30))),
            "shape (1, 30, 30), expected (H, W)",
        ),
        (lambda: denoise_tiles(np.copy, np.zeros((30, 30)), step=0), "step is 0, expected 1 to 28"),
        (lambda: denoise_tiles(np.copy, np.zeros((30, 30)), step=29), "step is 29"),
        (lambda: denoise_tiles(np.copy, np.zeros((30, 30), np.uint8)), "got uint8: image / 255?"),
        (lambda: denoise_tiles(np.copy, np.full((30, 30), np.nan)), "NaN or infinite"),
        (
            lambda: denoise_tiles(np.copy, np.full((30, 30), 255.0)),
            "pixels up to 255, expected [0, 1]",
        ),
        (
            lambda: denoise_tiles(Linear(784, 784), np.zeros((30, 30))),
            "for a dense model use lambda t: model(t.reshape(len(t), -1))",
        ),
        (
            lambda: denoise_tiles(lambda t: t[:, :, ::2], np.zeros((30, 30))),
            "the model returned shape (4, 1, 14, 28) for an input of shape (4, 1, 28, 28)",
        ),
        (lambda: random_patches(np.zeros((30, 30)), 3), "shape (30, 30), expected (M, H, W)"),
        (
            lambda: random_patches(np.zeros((2, 20, 30)), 3),
            "images of 20×30 pixels, expected at least one patch of 28×28",
        ),
        (lambda: random_patches(np.zeros((0, 30, 30)), 3), "(0, 30, 30)"),
    ],
)
def test_mistakes_get_a_helpful_message(call, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        call()


def test_patches_are_cut_from_everywhere():
    images = np.arange(2 * 5 * 6.0).reshape(2, 5, 6)
    patches = random_patches(images, 300, 4, rng=3)
    assert patches.shape == (300, 1, 4, 4)
    corners = {int(p[0, 0, 0]) for p in patches}
    assert corners == {int(images[m, i, j]) for m in (0, 1) for i in (0, 1) for j in (0, 1, 2)}
    np.testing.assert_array_equal(
        patches[:, 0] - patches[:, :1, 0, 0, None], np.broadcast_to(images[0, :4, :4], (300, 4, 4))
    )
    np.testing.assert_array_equal(patches, random_patches(images, 300, 4, rng=3))


def test_tiles_are_denoised_on_a_device(monkeypatch):
    from helpers.strict_device import DeviceArray, pretend_gpu

    from tinyae import to_device, to_numpy
    from tinyae.models import conv_autoencoder

    pretend_gpu(monkeypatch)
    image, model = np.random.default_rng(0).random((40, 33), dtype=np.float32), conv_autoencoder(0)
    there = denoise_tiles(model.to("gpu"), to_device(image, "gpu"))
    assert isinstance(there, DeviceArray)
    np.testing.assert_allclose(to_numpy(there), denoise_tiles(model, image), rtol=1e-5)


def test_tiles_may_have_one_pixel():
    image = np.random.default_rng(0).random((3, 4))
    np.testing.assert_allclose(denoise_tiles(lambda t: t / 2, image, tile=1), image / 2)
