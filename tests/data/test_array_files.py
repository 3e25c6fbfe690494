"""Arrays in .npz files by the names that people give them."""

import warnings

import numpy as np
import pytest

from tinyae.data import DataNote, load_data, read_images

X = np.random.default_rng(0).random((20, 8, 8)).astype(np.float32)
Y = np.arange(20) % 4


@pytest.mark.parametrize(
    "names",
    [
        ("X", "y"),
        ("x", "y"),
        ("data", "target"),
        ("images", "labels"),
        ("features", "label"),
        ("imgs", "classes"),
        ("train_images", "train_labels"),
        ("X_train", "Y_train"),
        ("xtrain", "ytrain"),
        ("trainX", "trainY"),
        ("train_x", "train_y"),
        ("arr_0", "arr_1"),
        ("train", "labels"),
    ],
)
def test_names_of_images_and_labels(names, tmp_path):
    np.savez(tmp_path / "a.npz", **dict(zip(names, (X, Y), strict=True)))
    images = read_images(tmp_path / "a.npz")
    np.testing.assert_array_equal(images.images[:, 0], X)
    assert images.labels is not None and images.labels.tolist() == Y.tolist()


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("X_train", "y_train", "X_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("train_images", "train_labels", "val_images", "val_labels"),
        ("trainX", "trainY", "testX", "testY"),
        ("train_data", "train_targets", "test_data", "test_targets"),
    ],
)
def test_names_of_a_split(names, tmp_path):
    np.savez(tmp_path / "a.npz", **dict(zip(names, (X, Y, X[:5], Y[:5, None]), strict=True)))
    data = load_data(tmp_path / "a.npz")
    assert (len(data.train), len(data.test)) == (20, 5)
    assert data.test.labels.tolist() == Y[:5].tolist()


def test_with_a_test_and_a_validation_part_the_test_part_is_used(tmp_path):
    parts = {f"{part}_images": X[:n] for part, n in (("train", 9), ("val", 5), ("test", 3))}
    np.savez(tmp_path / "a.npz", **parts)
    with pytest.warns(DataNote, match="val_images are left out"):
        assert len(load_data(tmp_path / "a.npz").test) == 3


def test_what_is_not_used_is_named_and_never_read(tmp_path):
    np.savez(tmp_path / "a.npz", imgs=X, latents_values=np.zeros((20, 6)), metadata=np.array([{}]))
    with pytest.warns(DataNote, match="latents_values, metadata are left out .metadata: Pyth"):
        assert len(read_images(tmp_path / "a.npz")) == 20


def test_labels_of_two_kinds_of_names(tmp_path):
    np.savez(tmp_path / "a.npz", X=X, y=np.array(["normal", "odd"] * 10))
    assert load_data(tmp_path / "a.npz").classes == ("normal", "odd")
    np.savez(tmp_path / "a.npz", X=X, y=np.array([-1, 1] * 10))
    assert load_data(tmp_path / "a.npz").classes == ("-1", "1")


def test_a_table_keeps_its_values_and_says_that_it_is_one(tmp_path):
    rows = np.random.default_rng(0).normal(size=(20, 13))
    np.savez(tmp_path / "a.npz", X=rows, y=Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = load_data(tmp_path / "a.npz")
    assert data.is_table and data.train.images.shape == (18, 1, 1, 13)
    assert "values from -" in repr(data.train)
    np.save(tmp_path / "b.npy", X)
    assert not load_data(tmp_path / "b.npy").is_table


def test_a_sparse_matrix_says_how_to_make_it_dense(tmp_path):
    arrays = {"format": np.array(b"csr"), "shape": np.array([2, 3]), "data": np.ones(2)}
    np.savez(tmp_path / "a.npz", **arrays, indices=np.arange(2), indptr=np.arange(3))
    with pytest.raises(ValueError, match=r"sparse matrix of SciPy.*toarray\(\)"):
        load_data(tmp_path / "a.npz")
