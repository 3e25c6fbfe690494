"""Classic data sets: MNIST, Fashion-MNIST and scikit-learn's small digits."""

from __future__ import annotations

import os
from numbers import Integral
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tinyae.data.batches import train_test_split
from tinyae.data.dataset import Dataset, Images
from tinyae.data.download import fetch
from tinyae.data.file_checks import as_path
from tinyae.data.idx_sets import read_idx_quadruple

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


class Source(NamedTuple):
    folders: tuple[str, ...]  # where to look inside a data folder, in this order
    mirrors: tuple[str, ...]
    md5: tuple[str, ...]  # of FILES, gzipped
    # The first labels of the test set tell MNIST from Fashion-MNIST: their file names are the same.
    first_labels: tuple[int, ...]
    classes: tuple[str, ...]


SOURCES = {
    "mnist": Source(
        ("mnist", "MNIST/raw", "."),
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        (
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
        (7, 2, 1, 0, 4, 1, 4, 9, 5, 9),
        tuple("0123456789"),
    ),
    "fashion-mnist": Source(
        ("fashion-mnist", "FashionMNIST/raw", "."),
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        ),
        (
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
        (9, 2, 1, 1, 6, 1, 4, 6, 5, 7),
        (
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
    ),
}


def mnist(data_dir: str | os.PathLike[str] | None = None) -> Dataset:
    """MNIST: handwritten digits, 60,000 + 10,000 images (N, 1, 28, 28).

    Args:
        data_dir: a folder that contains the four official files, plain or .gz, directly or in its
            subfolder ``mnist``. The default is the environment variable TINYAE_DATA; if that is
            not set, the files are downloaded once (11 MB) and kept in a cache.

    Raises:
        FileNotFoundError: a folder was given (by argument or variable), but a file is missing.
            Nothing is downloaded then.
        ValueError: a file is truncated or damaged, or belongs to the other data set.
        ConnectionError: no mirror could be reached.
        ImportError: pooch is not installed (needed for the download).

    Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
    recognition", 1998.

    Example:
        >>> dataset = data.mnist()
        >>> dataset.train.images.shape, dataset.test.images.shape
        ((60000, 1, 28, 28), (10000, 1, 28, 28))
    """
    return _load("mnist", data_dir)


def fashion_mnist(data_dir: str | os.PathLike[str] | None = None) -> Dataset:
    """Fashion-MNIST: pieces of clothing, 60,000 + 10,000 images (N, 1, 28, 28).

    Searches and raises like ``mnist``; the subfolder is ``fashion-mnist``, the download is 31 MB.

    Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST", arXiv:1708.07747, 2017.

    Example:
        >>> dataset = data.fashion_mnist()
        >>> dataset.classes[:3]
        ('T-shirt/top', 'Trouser', 'Pullover')
    """
    return _load("fashion-mnist", data_dir)


def locate(name: str) -> str:
    """Where ``mnist`` or ``fashion_mnist`` would find its files, in words, for ``tinyae info``.

    Nothing is read or downloaded.
    """
    if folder := os.environ.get("TINYAE_DATA"):
        try:
            found = _find(name, Path(folder).expanduser(), "TINYAE_DATA")[0].parent
        except FileNotFoundError:
            return f"not in {folder} (TINYAE_DATA)"
        return f"{found} (TINYAE_DATA)"
    try:
        import pooch
    except ImportError:
        return (
            "set TINYAE_DATA to the folder that contains its files, "
            'or pip install "tinyae[data]" to download them'
        )
    cached = pooch.os_cache("tinyae") / name
    if len(_existing(cached)) == len(FILES):
        return str(cached)
    return f"will be downloaded to {cached} at first use"


def _load(name: str, data_dir: str | os.PathLike[str] | None) -> Dataset:
    source = SOURCES[name]
    if data_dir is not None:
        paths = _find(name, as_path("data_dir", data_dir), f"data_dir={str(data_dir)!r}")
    elif folder := os.environ.get("TINYAE_DATA"):
        paths = _find(
            name,
            Path(folder).expanduser(),
            f"the environment variable TINYAE_DATA={folder!r} (unset it to download)",
        )
    else:
        paths = [
            fetch(file + ".gz", md5, source.mirrors, name)
            for file, md5 in zip(FILES, source.md5, strict=True)
        ]
    dataset = read_idx_quadruple(name, paths, source.classes)
    assert dataset.test.labels is not None  # they are read
    first = tuple(dataset.test.labels[:10].tolist())
    for other in SOURCES:
        if other != name and first == SOURCES[other].first_labels:
            raise ValueError(
                f"{paths[0].parent}: these files are {other}, not {name}: "
                "put each data set in a folder with its own name"
            )
    return dataset


def _find(name: str, folder: Path, given_by: str) -> list[Path]:
    """The paths of the four files, in the first of the source's folders that contains them all."""
    for sub in SOURCES[name].folders:
        found = _existing(folder / sub)
        if len(found) == len(FILES):
            return list(found.values())
        if found:
            break  # some files are here: report the missing ones, not every folder
    missing = [f"  {folder / sub / file}[.gz]" for file in FILES if file not in found]
    searched = (
        "" if found else f"\n  (nor in its subfolders {', '.join(SOURCES[name].folders[:-1])})"
    )
    raise FileNotFoundError(
        "\n".join([f"{name}: files not found in {given_by}:", *missing]) + searched
    )


def _existing(folder: Path) -> dict[str, Path]:
    """Those of MNIST's four files that exist in a folder, plain or .gz: {name in FILES: path}."""
    found: dict[str, Path] = {}
    for file in FILES:
        for path in (folder / file, folder / f"{file}.gz"):
            if path.is_file():
                found.setdefault(file, path)
    return found


def digits(size: int = 8, seed: int = 0, test: float | int = 0.2) -> Dataset:
    """Scikit-learn's 1,797 handwritten digits, 8×8, included in its installation: no download.

    Args:
        size: 8 for the original. Larger images are enlarged smoothly (bilinear) to 5/7 of the
            size, with a margin of zeros: at 28 the digits are 20 pixels high, as in MNIST.
        seed: of the random split into training and test images, 1,438 and 359.
        test: the fraction or the number of test images.

    Raises:
        ImportError: scikit-learn is not installed.
        ValueError: the size is neither 8 nor at least 12.

    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998 (its test
    set).

    Example:
        >>> dataset = data.digits()  # needs scikit-learn
        >>> dataset.train.images.shape
        (1438, 1, 8, 8)
    """
    if not isinstance(size, Integral) or (size != 8 and size < 12):
        raise ValueError(f"digits: size={size!r}, expected 8 (the original), or at least 12")
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError('digits needs scikit-learn: pip install "tinyae[apps]"') from error
    loaded = load_digits()
    images = (loaded.images / 16).astype(np.float32)  # (1797, 8, 8)
    if size != 8:
        inner = round(size * 5 / 7)
        enlarge = _bilinear(8, inner)  # (inner, 8)
        before = (size - inner) // 2
        margin = (before, size - inner - before)
        images = np.pad(enlarge @ images @ enlarge.T, ((0, 0), margin, margin))
    train, test_set = train_test_split(images[:, None], loaded.target.astype(np.int64), test, seed)
    return Dataset(
        "digits" if size != 8 else "digits8",
        Images(*train),
        Images(*test_set),
        classes=tuple("0123456789"),
    )


def _bilinear(n: int, m: int) -> np.ndarray:
    """The matrix R (m, n) that enlarges n pixels to m: R x along one axis, R x Rᵀ for an image."""
    # the centers of the new pixels, in coordinates of the old ones
    centers = np.clip((np.arange(m) + 0.5) * n / m - 0.5, 0, n - 1)
    return np.maximum(0, 1 - np.abs(centers[:, None] - np.arange(n))).astype(np.float32)
