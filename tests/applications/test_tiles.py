"""Tiles: every pixel once, in its place, and no seams."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyae import Linear
from tinyae.applications import denoise_tiles, random_patches, tile_starts

rng = np.random.default_rng(0)


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
def test_a_model_that_changes_nothing_gives_the_picture_back(more_h, more_w, tile, step, dtype):
    picture = np.random.default_rng(1).random((tile + more_h, tile + more_w)).astype(dtype)
    y = denoise_tiles(lambda t: t, picture, tile, min(step, tile), batch_size=3)
    assert y.dtype == dtype and y.shape == picture.shape
    np.testing.assert_allclose(y, picture, rtol=1e-5, atol=1e-6)


def test_the_weighted_mean_by_its_definition():
    """Each tile answers with a number of its own; the result at a pixel is their mean with the weights written out."""
    tile, step, picture = 4, 3, rng.random((7, 9))
    seen = []

    def numbered(t):
        seen.extend(t[:, 0])
        return np.ones_like(t) * (np.arange(len(seen) - len(t), len(seen))[:, None, None, None])

    y = denoise_tiles(numbered, picture, tile, step, batch_size=2)
    ramp = [0.5, 1, 1, 0.5]
    corners = [(i, j) for i in (0, 3) for j in (0, 3, 5)]
    for p in np.ndindex(picture.shape):
        values, weights = [], []
        for k, (i, j) in enumerate(corners):
            if i <= p[0] < i + tile and j <= p[1] < j + tile:
                values.append(k)
                weights.append(ramp[p[0] - i] * ramp[p[1] - j])
        assert y[p] == pytest.approx(np.average(values, weights=weights))
    for (i, j), t in zip(corners, seen, strict=True):
        np.testing.assert_array_equal(t, picture[i : i + tile, j : j + tile])


def test_a_picture_of_one_tile_is_the_models_answer():
    picture = rng.random((6, 6))
    np.testing.assert_allclose(denoise_tiles(np.square, picture, 6), picture**2)


def test_an_odd_tile_and_an_answer_in_rows():
    picture = rng.random((11, 8))
    np.testing.assert_allclose(denoise_tiles(lambda t: t.reshape(len(t), -1), picture, 5), picture)


def test_overlap_smooths_the_seams():
    """A model whose answer is off by a random constant a tile: jumps between neighbours are smaller where tiles overlap."""

    def jumps(step):
        noise = np.random.default_rng(2)
        y = denoise_tiles(
            lambda t: t + noise.normal(size=(len(t), 1, 1, 1)), np.zeros((56, 56)), 28, step
        )
        return np.abs(np.diff(y, axis=1)).max()

    assert jumps(7) < 0.3 * jumps(28)


def test_the_picture_is_not_changed():
    picture = rng.random((9, 9))
    before = picture.copy()
    denoise_tiles(np.zeros_like, picture, 4)
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: denoise_tiles(np.copy, np.zeros((20, 30))),
            "the picture is 20×30 pixels, expected at least one tile of 28×28",
        ),
        (lambda: denoise_tiles(np.copy, np.zeros((30, 20))), "the picture is 30×20"),
        (
            lambda: denoise_tiles(np.copy, np.zeros((1, 30, 30))),
            "shape (1, 30, 30), expected (H, W)",
        ),
        (lambda: denoise_tiles(np.copy, np.zeros((30, 30)), step=0), "step is 0, expected 1 to 28"),
        (lambda: denoise_tiles(np.copy, np.zeros((30, 30)), step=29), "step is 29"),
        (lambda: denoise_tiles(np.copy, np.zeros((30, 30), np.uint8)), "got uint8: picture / 255?"),
        (lambda: denoise_tiles(np.copy, np.full((30, 30), np.nan)), "NaN or infinite"),
        (
            lambda: denoise_tiles(np.copy, np.full((30, 30), 255.0)),
            "pixels up to 255, expected [0, 1]",
        ),
        (
            lambda: denoise_tiles(Linear(784, 784), np.zeros((30, 30))),
            "a dense model is lambda t: model(t.reshape(len(t), -1))",
        ),
        (
            lambda: denoise_tiles(lambda t: t[:, :, ::2], np.zeros((30, 30))),
            "the model made (4, 1, 14, 28) of (4, 1, 28, 28)",
        ),
        (lambda: random_patches(np.zeros((30, 30)), 3), "shape (30, 30), expected (M, H, W)"),
        (
            lambda: random_patches(np.zeros((2, 20, 30)), 3),
            "pictures of 20×30 pixels, expected at least one patch of 28×28",
        ),
        (lambda: random_patches(np.zeros((0, 30, 30)), 3), "(0, 30, 30)"),
    ],
)
def test_mistakes_get_an_answer(call, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        call()


def test_patches_are_cut_from_everywhere():
    pictures = np.arange(2 * 5 * 6.0).reshape(2, 5, 6)
    patches = random_patches(pictures, 300, 4, rng=3)
    assert patches.shape == (300, 1, 4, 4)
    corners = {int(p[0, 0, 0]) for p in patches}
    assert corners == {int(pictures[m, i, j]) for m in (0, 1) for i in (0, 1) for j in (0, 1, 2)}
    np.testing.assert_array_equal(
        patches[:, 0] - patches[:, :1, 0, 0, None],
        np.broadcast_to(pictures[0, :4, :4], (300, 4, 4)),
    )
    np.testing.assert_array_equal(patches, random_patches(pictures, 300, 4, rng=3))


def test_on_a_device(monkeypatch):
    from helpers.strict_device import DeviceArray, pretend_gpu

    from tinyae import to_device, to_numpy
    from tinyae.models import conv_autoencoder

    pretend_gpu(monkeypatch)
    picture, model = rng.random((40, 33), dtype=np.float32), conv_autoencoder(0)
    there = denoise_tiles(model.to("gpu"), to_device(picture, "gpu"))
    assert isinstance(there, DeviceArray)
    np.testing.assert_allclose(to_numpy(there), denoise_tiles(model, picture), rtol=1e-5)


def test_tiles_of_one_pixel():
    picture = np.random.default_rng(0).random((3, 4))
    np.testing.assert_allclose(denoise_tiles(lambda t: t / 2, picture, tile=1), picture / 2)
