"""IDX files: MNIST is found, and every kind of damage is reported."""

import gzip
import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyae.data import fashion_mnist, load_data, mnist, read_idx
from tinyae.data.idx import TYPES
from tinyae.data.sources import FILES, SOURCES


def idx_bytes(array, code=0x08):
    return (
        bytes([0, 0, code, array.ndim])
        + np.array(array.shape, ">u4").tobytes()
        + array.astype(TYPES[code]).tobytes()
    )


def write_data_set(folder, n=12, ending="", seed=0):
    """Four small files under MNIST's names."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for file, shape in zip(FILES, ((n, 28, 28), (n,), (n, 28, 28), (n,)), strict=True):
        data = idx_bytes(rng.integers(0, 10, shape) * (28 if len(shape) == 3 else 1))
        (folder / (file + ending)).write_bytes(gzip.compress(data) if ending else data)
    return folder


# The format


@given(
    st.sampled_from(list(TYPES)), st.lists(st.integers(0, 4), min_size=1, max_size=4), st.booleans()
)
def test_every_type_and_shape_is_read_back(tmp_path_factory, code, shape, zipped):
    array = np.random.default_rng(0).integers(0, 100, shape).astype(TYPES[code])
    path = tmp_path_factory.mktemp("idx") / "file"
    path.write_bytes(gzip.compress(idx_bytes(array, code)) if zipped else idx_bytes(array, code))
    back = read_idx(path)
    assert np.array_equal(back, array) and back.shape == tuple(shape)
    assert back.dtype == np.dtype(TYPES[code]).newbyteorder("=") and back.flags.writeable


def test_values_are_big_endian(tmp_path):
    (tmp_path / "file").write_bytes(bytes.fromhex("00000c01 00000002 00000005 fffffffe"))
    assert read_idx(tmp_path / "file").tolist() == [5, -2]
    (tmp_path / "file").write_bytes(bytes.fromhex("00000d02 00000001 00000001 3fc00000"))
    assert read_idx(tmp_path / "file").tolist() == [[1.5]]


GOOD = idx_bytes(np.arange(24).reshape(2, 3, 4))


@pytest.mark.parametrize(
    "data, message",
    [
        (GOOD[:-1], r"truncated: 39 bytes, expected 40 for shape \(2, 3, 4\)"),
        (GOOD + b"x", "too long: 41 bytes, expected 40"),
        (GOOD[:10], "truncated in its header: 10 bytes, expected 16"),
        (b"", "begins with nothing"),
        (b"\0\0\x07" + GOOD[3:], "not an IDX file: it begins with 00 00 07 03"),
        (b"\x89PNG" + GOOD, "not an IDX file .it is a PNG image.: it begins with 89 50 4e 47"),
        (b"\0\0\x08\x04" + b"\xff" * 16, "truncated"),
        (gzip.compress(GOOD)[:-9], "truncated or damaged gzip"),
        (gzip.compress(GOOD)[:-8] + b"\0" * 8, "damaged gzip"),
        (b"\x1f\x8b" + b"junk" * 9, "damaged gzip"),
    ],
)
def test_damaged_files_are_refused(tmp_path, data, message):
    (tmp_path / "file.gz").write_bytes(data)
    with pytest.raises(ValueError, match=f"file.gz: .*{message}"):
        read_idx(tmp_path / "file.gz")


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file or folder: .*nothing-here"):
        read_idx(tmp_path / "nothing-here")


# Data sets in a folder


@pytest.mark.mnist
def test_mnist_has_the_published_statistics(data_dir):
    data = mnist(data_dir)
    assert data.train.images.shape == (60_000, 1, 28, 28) and data.test.images.shape == (
        10_000,
        1,
        28,
        28,
    )
    assert (
        data.train.images.dtype == np.float32
        and data.train.images.min() == 0
        and data.train.images.max() == 1
    )
    assert data.train.images.mean(dtype=np.float64) == pytest.approx(0.1307, abs=5e-5)
    assert data.train.images.std(dtype=np.float64) == pytest.approx(0.3081, abs=5e-5)
    assert np.bincount(data.train.labels).tolist() == [
        5923,
        6742,
        5958,
        6131,
        5842,
        5421,
        5918,
        6265,
        5851,
        5949,
    ]
    assert data.train.labels[:5].tolist() == [5, 0, 4, 1, 9] and data.train.labels.dtype == np.int64


@pytest.mark.mnist
def test_fashion_mnist_has_the_published_statistics(data_dir, monkeypatch):
    monkeypatch.setenv("TINYAE_DATA", str(data_dir))
    data = load_data("fashion-mnist")
    assert data.train.images.mean(dtype=np.float64) == pytest.approx(0.2860, abs=5e-5)
    assert np.bincount(data.train.labels).tolist() == [6000] * 10
    assert data.classes[data.train.labels[0]] == "Ankle boot"


@pytest.mark.mnist
def test_one_data_set_is_not_mistaken_for_the_other(data_dir):
    with pytest.raises(ValueError, match="these files are mnist, not fashion-mnist"):
        fashion_mnist(data_dir / "mnist")


@pytest.mark.parametrize("where", ["", "mnist", "MNIST/raw"])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_the_files_are_found_in_the_folder_or_its_subfolder(tmp_path, where, ending, monkeypatch):
    write_data_set(tmp_path / where, ending=ending)
    data = mnist(tmp_path)
    assert data.train.images.shape == (12, 1, 28, 28) and data.classes == tuple("0123456789")
    raw = read_idx(tmp_path / where / (FILES[0] + ending))
    assert np.array_equal(np.rint(data.train.images[:, 0] * 255), raw)
    monkeypatch.setenv("TINYAE_DATA", str(tmp_path))
    assert np.array_equal(load_data("mnist").train.images, data.train.images)
    assert np.array_equal(
        load_data(tmp_path / where).test.labels, data.test.labels
    )  # by its path, like your own data


def test_missing_files_are_listed_with_the_source_of_the_folder(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError) as error:
        mnist(tmp_path)
    for text in (*FILES, "data_dir=", str(tmp_path), "subfolders mnist, MNIST/raw"):
        assert text in str(error.value)
    monkeypatch.setenv("TINYAE_DATA", str(tmp_path))
    with pytest.raises(
        FileNotFoundError, match="environment variable TINYAE_DATA=.*unset it to download"
    ):
        load_data("mnist")
    write_data_set(tmp_path / "mnist")
    (tmp_path / "mnist" / FILES[2]).unlink()
    with pytest.raises(FileNotFoundError) as error:
        mnist(tmp_path)
    assert FILES[2] in str(error.value) and FILES[0] not in str(error.value)


def test_images_and_labels_that_do_not_match_are_refused(tmp_path):
    folder = write_data_set(tmp_path)
    (folder / FILES[1]).write_bytes(idx_bytes(np.zeros(11)))
    with pytest.raises(
        ValueError, match=f"12 images in .*{FILES[0]}, but 11 labels in .*{FILES[1]}"
    ):
        mnist(tmp_path)
    (folder / FILES[1]).write_bytes(idx_bytes(np.zeros((12, 2))))
    with pytest.raises(ValueError, match=r"expected labels \(N,\), got \(12, 2\)"):
        mnist(tmp_path)
    (folder / FILES[0]).write_bytes(idx_bytes(np.zeros(12)))
    with pytest.raises(ValueError, match=r"expected images \(N, H, W\) of bytes, got \(12,\)"):
        mnist(tmp_path)


# Data sets from a server


def test_a_whole_data_set_is_downloaded(server, monkeypatch):
    address, web = server
    folder = write_data_set(web / "mnist", ending=".gz")
    md5 = tuple(hashlib.md5((folder / (file + ".gz")).read_bytes()).hexdigest() for file in FILES)
    monkeypatch.setitem(
        SOURCES, "mnist", SOURCES["mnist"]._replace(mirrors=(f"{address}/mnist",), md5=md5)
    )
    assert load_data("mnist").train.images.shape == (12, 1, 28, 28)


@pytest.mark.mnist
def test_the_checksums_are_those_of_the_official_files(data_dir):
    for name, source in SOURCES.items():
        for file, md5 in zip(FILES, source.md5, strict=True):
            path = data_dir / name / (file + ".gz")
            if not path.is_file():
                pytest.skip(f"{path} not found")
            assert hashlib.md5(path.read_bytes()).hexdigest() == md5
