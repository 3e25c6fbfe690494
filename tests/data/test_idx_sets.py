"""Relatives of MNIST in IDX files, and CIFAR in its binary version."""

import gzip

import numpy as np
import pytest

from tinyae.data import DataNote, load_data, read_images

RNG = np.random.default_rng(0)


def write(path, array):
    array = np.asarray(array)
    codes = {"uint8": 0x08, "int32": 0x0C}
    header = bytes([0, 0, codes[array.dtype.name], array.ndim])
    header += np.array(array.shape, ">u4").tobytes()
    content = header + array.astype(array.dtype.newbyteorder(">")).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def images(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 28, 28), dtype=np.uint8)


def letters(n):
    return (np.arange(n) % 26 + 1).astype(np.uint8)


def write_set(folder, name="", test="t10k", ending="-ubyte", dot="-"):
    for part, n in (("train", 30), (test, 9)):
        write(folder / f"{name}{part}-images{dot}idx3{ending}", images(n, n))
        write(folder / f"{name}{part}-labels{dot}idx1{ending}", letters(n))


@pytest.mark.parametrize(
    "options", [{}, {"ending": "-ubyte.gz"}, {"dot": "."}, {"name": "k49-", "test": "test"}]
)
def test_four_files_under_related_names(options, tmp_path):
    write_set(tmp_path, **options)
    data = load_data(tmp_path)
    np.testing.assert_allclose(data.test.images[:, 0], images(9, 9) / 255, rtol=1e-6)
    assert data.train.labels.tolist() == letters(30).tolist()


def test_emnist_is_turned_upright(tmp_path):
    write_set(tmp_path, "emnist-letters-", "test", "-ubyte.gz")
    with pytest.warns(DataNote, match="transposed; they are turned upright"):
        data = load_data(tmp_path)
    expected = images(30, 30).transpose(0, 2, 1) / 255
    np.testing.assert_allclose(data.train.images[:, 0], expected, rtol=1e-6)
    assert data.classes == tuple(map(str, range(27)))


def test_of_several_sets_one_is_chosen_by_its_file(tmp_path):
    write_set(tmp_path, "emnist-letters-", "test")
    write_set(tmp_path, "emnist-digits-", "test")
    with pytest.raises(ValueError, match="2 data sets: emnist-digits-, emnist-letters-. Pass the"):
        load_data(tmp_path)
    data = load_data(tmp_path / "emnist-letters-train-images-idx3-ubyte")
    assert (len(data.train), len(data.test)) == (30, 9)
    assert len(read_images(tmp_path / "emnist-letters-train-images-idx3-ubyte")) == 30


def test_a_folder_with_the_name_of_the_file(tmp_path):
    for part in ("train", "t10k"):
        for what, n in (("images", 3), ("labels", 1)):
            name = f"{part}-{what}.idx{n}-ubyte"
            write(tmp_path / name / name, images(12) if n == 3 else letters(12))
    assert len(load_data(tmp_path).test) == 12


def test_qmnists_labels_have_eight_columns(tmp_path):
    write(tmp_path / "qmnist-train-images-idx3-ubyte.gz", images(12))
    columns = np.stack([letters(12).astype(np.int32), *RNG.integers(0, 99, (7, 12))], axis=1)
    write(tmp_path / "qmnist-train-labels-idx2-int.gz", columns.astype(np.int32))
    data = read_images(tmp_path / "qmnist-train-images-idx3-ubyte.gz")
    assert data.labels.tolist() == letters(12).tolist()


def test_a_single_file_under_any_name(tmp_path):
    write(tmp_path / "t10k-images-idx3-ubyte", images(12))
    with pytest.warns(DataNote, match="the images have no file of labels"):
        assert load_data(tmp_path / "t10k-images-idx3-ubyte").train.labels is None
    write(tmp_path / "mine", images(12))
    write(tmp_path / "mine.idx.gz", images(12))
    for name in ("mine", "mine.idx.gz"):
        assert read_images(tmp_path / name).images.shape == (12, 1, 28, 28)
    write(tmp_path / "t10k-labels-idx1-ubyte", letters(12))
    with pytest.raises(ValueError, match="these are labels: pass the file of the images"):
        read_images(tmp_path / "t10k-labels-idx1-ubyte")


# CIFAR


def cifar_rows(n, n_labels=1):
    pixels = RNG.integers(0, 256, (n, 3072), dtype=np.uint8)
    labels = np.stack([np.arange(n) % 20, np.arange(n) % 10])[2 - n_labels :].T.astype(np.uint8)
    return np.concatenate([labels, pixels], axis=1), pixels.reshape(n, 3, 32, 32)


def test_cifar_10(tmp_path):
    rows, pixels = cifar_rows(12)
    for name in ("data_batch_1.bin", "data_batch_2.bin", "test_batch.bin"):
        rows.tofile(tmp_path / name)
    names = "airplane automobile bird cat deer dog frog horse ship truck".split()
    (tmp_path / "batches.meta.txt").write_text("\n".join(names) + "\n\n")
    data = load_data(tmp_path)
    assert (len(data.train), len(data.test)) == (24, 12) and data.classes == tuple(names)
    np.testing.assert_allclose(data.test.images, pixels / 255, rtol=1e-6)
    assert len(read_images(tmp_path / "data_batch_1.bin")) == 12


def test_cifar_100_has_two_labels(tmp_path):
    rows, pixels = cifar_rows(12, 2)
    rows.tofile(tmp_path / "train.bin")
    rows.tofile(tmp_path / "test.bin")
    data = load_data(tmp_path)
    np.testing.assert_allclose(data.test.images, pixels / 255, rtol=1e-6)
    assert data.test.labels.tolist() == [i % 10 for i in range(12)]


def test_other_files_of_that_kind_are_refused(tmp_path):
    (tmp_path / "x.bin").write_bytes(b"\xff" * 3073)
    with pytest.raises(ValueError, match="x.bin: not a file of CIFAR.*np.fromfile"):
        load_data(tmp_path / "x.bin")
    (tmp_path / "data_batch_1").write_bytes(b"\x80\x02}")
    with pytest.raises(ValueError, match="pickles.*get the binary version"):
        load_data(tmp_path)
