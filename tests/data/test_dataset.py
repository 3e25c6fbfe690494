"""Images and Dataset: shapes, views, subsets, and names that are found or refused."""

import re

import numpy as np
import pytest

from tinyae.data import Dataset, Images, digits, load_data
from tinyae.data.sources import _bilinear


def some(n=6, c=2):
    return Images(
        np.random.default_rng(0).random((n, c, 3, 4), np.float32),
        np.arange(n),
        {"turn": np.arange(n) / n},
    )


def test_flat_is_a_view():
    x = some()
    assert x.flat.shape == (6, 24) and np.shares_memory(x.flat, x.images)
    x.flat[2, 5] = 7
    assert x.images[2, 0, 1, 1] == 7
    assert np.shares_memory(x[2:5].flat, x.images)


def test_subsets_keep_labels_and_factors():
    x = some()
    for index in (slice(1, 4), [4, 0], x.labels >= 3, 5):
        part = x[index]
        assert np.array_equal(part.images, x.images[part.labels])
        assert np.array_equal(part.factors["turn"] * 6, part.labels)
    assert len(x[5]) == 1 and len(list(x)) == 6  # one image is a set of one; a loop ends
    assert Images(x.images)[:2].labels is None


def test_repr_describes_the_data():
    assert repr(some()) == "Images(6 × 2×3×4 float32; 6 classes; factors: turn)"
    assert (
        repr(Dataset("mine", some(), some(3), tuple("abcdef")))
        == "Dataset(mine: 6 train + 3 test of 2×3×4, 6 classes)"
    )
    assert "no labels" in repr(Images(some().images))


@pytest.mark.parametrize(
    "images, labels, message",
    [
        (np.zeros((5, 9), np.float32), None, r"\(N, C, H, W\), got shape \(5, 9\)"),
        (np.zeros((5, 1, 3, 3), np.uint8), None, "uint8.*divide by 255"),
        (np.zeros((5, 1, 3, 3), np.float32), np.zeros(4, int), "5 images, but labels"),
    ],
)
def test_arrays_that_are_not_images_are_refused(images, labels, message):
    with pytest.raises(ValueError, match=message):
        Images(images, labels)


def test_images_are_frozen():
    with pytest.raises(AttributeError):
        some().labels = None


# Names


def test_known_names_are_loaded():
    data = load_data("strokes", seed=1)
    assert (len(data.train), len(data.test)) == (10_000, 2_000)
    assert load_data("Digits").train.images.shape == (1438, 1, 28, 28)
    assert not np.array_equal(
        load_data("digits", seed=1).test.labels, load_data("digits").test.labels
    )
    assert load_data("digits8").test.images.shape == (359, 1, 8, 8)


@pytest.mark.parametrize(
    "name, nearest", [("mnits", "mnist"), ("fashionmnist", "fashion_mnist"), ("stroke", "strokes")]
)
def test_an_unknown_name_suggests_the_nearest(name, nearest, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    message = f"unknown data set {name!r}: did you mean {nearest!r}? Known are strokes, digits, "
    with pytest.raises(
        ValueError, match=re.escape(message) + ".*folder of images, a .npy or .npz file, or a table"
    ):
        load_data(name)
    with pytest.raises(ValueError, match="unknown data set 'qqqq'. Known are strokes"):
        load_data("qqqq")


def test_a_path_that_does_not_exist_is_refused(tmp_path):
    for path in (tmp_path / "none", str(tmp_path / "none"), "none.npy", "./mnist-not-here"):
        with pytest.raises(FileNotFoundError, match="no such file or folder"):
            load_data(path)


# Scikit-learn's digits


def test_digits_are_all_there_scaled_and_split_by_seed():
    data = digits()
    assert (len(data.train), len(data.test)) == (
        1438,
        359,
    ) and data.train.images.dtype == np.float32
    from sklearn.datasets import load_digits

    raw = load_digits()
    images, labels = (
        np.concatenate([getattr(p, name) for p in (data.train, data.test)])
        for name in ("images", "labels")
    )
    key = np.lexsort(images.reshape(-1, 64).T)
    raw_key = np.lexsort(raw.images.reshape(-1, 64).T)
    assert np.array_equal(images[key, 0] * 16, raw.images[raw_key]) and np.array_equal(
        labels[key], raw.target[raw_key]
    )
    assert np.array_equal(digits(seed=0).test.images, data.test.images)
    assert not np.array_equal(digits(seed=1).test.images, data.test.images)


def test_enlarged_digits_have_a_margin_and_keep_their_mean():
    small, large = digits(8), digits(28)
    assert np.array_equal(small.train.labels, large.train.labels)
    inside = large.train.images[:, :, 4:24, 4:24]
    assert large.train.images.sum() == inside.sum() and large.train.images.max() <= 1
    assert inside.mean(axis=(1, 2, 3)) == pytest.approx(
        small.train.images.mean(axis=(1, 2, 3)), rel=0.15
    )
    pooled = (
        digits(22).train.images[:, :, 3:19, 3:19].reshape(-1, 8, 2, 8, 2).mean(axis=(2, 4))
    )  # 16 pixels for 8
    assert np.corrcoef(pooled.ravel(), small.train.flat.ravel())[0, 1] > 0.95
    assert digits(12).train.images.shape[2:] == (12, 12) and digits(33).train.images.shape[2:] == (
        33,
        33,
    )


def test_bilinear_is_exact_for_straight_lines():
    line = 3 * np.arange(8) + 2.0
    at = (np.arange(20) + 0.5) * 8 / 20 - 0.5
    inner = (at >= 0) & (at <= 7)
    assert (_bilinear(8, 20) @ line)[inner] == pytest.approx(3 * at[inner] + 2, rel=1e-6)
    assert _bilinear(8, 20).sum(axis=1) == pytest.approx(1)


def test_digits_of_an_impossible_size_are_refused():
    with pytest.raises(ValueError, match="size=5, expected 8"):
        digits(5)
