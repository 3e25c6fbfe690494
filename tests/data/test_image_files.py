"""Your own images: folders, array files, and the error messages for bad ones."""

import re
import subprocess
import sys

import numpy as np
import pytest

from tinyae.data import image_dataset, load_data

pytestmark = pytest.mark.filterwarnings("ignore::tinyae.data.DataNote")  # tested elsewhere

PIL = pytest.importorskip("PIL.Image")


def save(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.fromarray(np.asarray(array)).save(path, **options)


def gray(value, height=28, width=28):
    return np.full((height, width), value, np.uint8)


def all_images(data):
    """All images and labels, training and test together, sorted by their mean."""
    images = np.concatenate([data.train.images, data.test.images])
    order = images.mean(axis=(1, 2, 3)).argsort()
    labels = (
        None
        if data.train.labels is None
        else np.concatenate([data.train.labels, data.test.labels])[order]
    )
    return images[order], labels


# Folders


def test_a_folder_of_images_is_read(tmp_path):
    for i, ending in enumerate(("png", "jpg", "bmp", "gif", "PNG", "webp", "tiff", "pgm")):
        save(tmp_path / f"{i}.{ending}", gray(20 * i))
    (tmp_path / "notes.txt").write_text("not an image")
    save(tmp_path / "._hidden.png", gray(255))
    data = load_data(tmp_path)
    images, labels = all_images(data)
    assert (
        images.shape == (8, 1, 28, 28)
        and images.dtype == np.float32
        and labels is None
        and data.classes == ()
    )
    assert len(data.test) == 1 and data.name == tmp_path.name
    assert images.mean(axis=(1, 2, 3)) * 255 == pytest.approx(20 * np.arange(8), abs=2)
    assert np.array_equal(load_data(str(tmp_path)).test.images, data.test.images)


def test_subfolders_are_classes(tmp_path):
    for i in range(3):
        save(tmp_path / "cats" / f"{i}.png", gray(10 + i))
        save(tmp_path / "dogs" / "deep" / f"{i}.png", gray(200 + i))
    (tmp_path / "empty").mkdir()
    save(tmp_path / ".cache" / "x.png", gray(0))
    data = image_dataset(tmp_path)
    assert data.classes == ("cats", "dogs") and all_images(data)[1].tolist() == [0, 0, 0, 1, 1, 1]


def test_train_and_test_folders_are_the_split(tmp_path):
    for part, n in (("train", 4), ("test", 2)):
        for i in range(n):
            save(tmp_path / part / "a" / f"{i}.png", gray(i))
            save(tmp_path / part / "b" / f"{i}.png", gray(100 + i))
    data = image_dataset(tmp_path)
    assert (len(data.train), len(data.test)) == (8, 4) and data.classes == ("a", "b")
    save(tmp_path / "test" / "c" / "0.png", gray(3))
    with pytest.raises(
        ValueError, match=r"classes \['a', 'b'\] in train, but \['a', 'b', 'c'\] in test"
    ):
        image_dataset(tmp_path)


def test_images_are_resized_and_cropped_to_the_middle(tmp_path):
    wide = np.hstack([gray(0, 40, 30), gray(90, 40, 40), gray(255, 40, 30)])
    save(tmp_path / "a.png", wide)
    save(tmp_path / "b.png", wide)
    images = image_dataset(tmp_path).train.images
    assert images.shape == (1, 1, 28, 28) and images[0, 0, :, 1:-1] == pytest.approx(90 / 255)
    assert image_dataset(tmp_path, size=7).train.images.shape == (1, 1, 7, 7)
    assert image_dataset(tmp_path, size=None).train.images.shape == (1, 1, 40, 100)


def test_camera_orientation_is_followed(tmp_path):
    exif = PIL.Exif()
    exif[0x0112] = 6  # rotate clockwise by 90° to see it upright
    for name in ("a.png", "b.png"):
        save(tmp_path / name, np.vstack([gray(255, 10, 20), gray(0, 10, 20)]), exif=exif)
    image = image_dataset(tmp_path, size=None).train.images[0, 0]
    assert np.all(image[:, 10:] == 1) and np.all(image[:, :10] == 0)


def test_colors_transparency_and_sixteen_bits_become_gray(tmp_path):
    red = np.zeros((28, 28, 3), np.uint8)
    red[..., 0] = 255
    clear = np.zeros((28, 28, 4), np.uint8)  # black on a transparent background
    clear[:14, :, 3] = 255
    for name, array, mean in (
        ("red", red, 76 / 255),
        ("clear", clear, 0.5),
        ("bool", gray(255) > 0, 1),
        ("deep", np.full((28, 28), 32768, np.uint16), 32768 / 65535),
    ):
        for i in range(2):
            save(tmp_path / name / f"{i}.png", array)
        assert image_dataset(tmp_path / name).train.images.mean() == pytest.approx(
            mean, abs=1e-3
        ), name


def test_images_of_different_sizes_need_a_size(tmp_path):
    save(tmp_path / "a.png", gray(0))
    save(tmp_path / "b.png", gray(0))
    save(tmp_path / "c.png", gray(0, 20, 30))
    with pytest.raises(
        ValueError, match="c.png: 30×20 pixels, but a.png has 28×28.*size=..., for example 28"
    ):
        image_dataset(tmp_path, size=None)
    assert len(image_dataset(tmp_path).train) == 2


def test_bad_folders_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no images here or in its subfolders.*looked for .png"):
        image_dataset(tmp_path)
    save(tmp_path / "a.png", gray(0))
    with pytest.raises(ValueError, match="expected at least 2"):
        image_dataset(tmp_path)
    with pytest.raises(ValueError, match="size=0"):
        image_dataset(tmp_path, size=0)
    save(tmp_path / "sub" / "b.png", gray(0))
    with pytest.raises(ValueError, match="1 images beside subfolders with 1 more"):
        image_dataset(tmp_path)
    (tmp_path / "a.png").rename(tmp_path / "sub" / "a.png")
    data = (tmp_path / "sub" / "b.png").read_bytes()
    for damaged in (b"not an image at all", data[:40], b""):
        (tmp_path / "sub" / "b.png").write_bytes(damaged)
        with pytest.raises(ValueError, match="b.png: not a readable image"):
            image_dataset(tmp_path)


def test_without_pillow_the_error_says_what_to_install(tmp_path, monkeypatch):
    save(tmp_path / "a.png", gray(0))
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=re.escape('pip install "tinyae[data]"')):
        image_dataset(tmp_path)


# Array files

X = np.random.default_rng(0).random((20, 8, 8))


def test_npy_files_are_split_by_the_seed(tmp_path):
    np.save(tmp_path / "mine.npy", X)
    data = load_data(tmp_path / "mine.npy")
    assert (data.name, len(data.train), len(data.test)) == (
        "mine",
        18,
        2,
    ) and data.train.labels is None
    assert np.array_equal(data.test.images, load_data(tmp_path / "mine.npy").test.images)
    assert not np.array_equal(
        data.test.images, load_data(tmp_path / "mine.npy", seed=1).test.images
    )
    assert len(image_dataset(tmp_path / "mine.npy", test=0.5).test) == 10


@pytest.mark.parametrize(
    "arrays, n_test, labeled",
    [
        (
            {"x_train": X, "y_train": np.arange(20), "x_test": X[:5], "y_test": np.arange(5)},
            5,
            True,
        ),
        ({"x_train": X, "x_test": X[:5]}, 5, False),
        ({"x_train": X, "y_train": np.arange(20)}, 2, True),
        ({"images": X, "labels": np.arange(20)}, 2, True),
        ({"whatever": X}, 2, False),
        ({"images": X, "names": X}, 2, False),
    ],
)
def test_npz_files_are_read(tmp_path, arrays, n_test, labeled):
    np.savez(tmp_path / "mine.npz", **arrays)
    data = load_data(str(tmp_path / "mine.npz"))
    assert len(data.test) == n_test and (data.train.labels is not None) == labeled == bool(
        data.classes
    )
    if labeled:  # the images kept their labels
        assert data.train.images[:, 0] == pytest.approx(X[data.train.labels], abs=1e-6)


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({"a": X, "b": X}, r"found the arrays a \(20, 8, 8\), b .*; expected X and y.*x_train"),
        ({}, "found the arrays none"),
        (
            {"x_train": X, "x_test": X[:, :7]},
            r"\(20, 1, 8, 8\) and test images \(20, 1, 7, 8\) differ",
        ),
        ({"images": X, "labels": np.arange(19)}, "labels: shape"),
        ({"images": X, "labels": X}, "labels: shape"),
        ({"images": np.array([None, 1])}, "never unpickled"),
    ],
)
def test_bad_npz_files_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "mine.npz", **arrays)
    with pytest.raises(ValueError, match="mine.npz: .*" + message):
        load_data(tmp_path / "mine.npz")


def test_damaged_array_files_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", X)
    np.savez(tmp_path / "a.npz", X)
    np.save(tmp_path / "o.npy", np.array([{}], dtype=object), allow_pickle=True)
    for name in ("a.npy", "a.npz"):
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-50])
    (tmp_path / "e.npy").touch()
    for name in ("a.npz", "e.npy"):
        with pytest.raises(ValueError, match=f"{name}: not a readable .npy or .npz file"):
            load_data(tmp_path / name)
    with pytest.raises(ValueError, match="o.npy: Python objects .*never unpickled.*np.stack"):
        load_data(tmp_path / "o.npy")
    with pytest.raises(ValueError, match="a.npy: truncated or damaged: .* takes 10,240 bytes"):
        load_data(tmp_path / "a.npy")


def test_importing_needs_only_numpy():
    code = (
        "import sys; missing = ('PIL', 'pooch', 'sklearn', 'scipy', 'requests');"
        "sys.modules.update({n: None for n in missing});"
        "import tinyae.data; tinyae.data.strokes(10, 10)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
