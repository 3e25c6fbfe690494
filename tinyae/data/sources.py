"""Known collections: MNIST, Fashion-MNIST, and scikit-learn's small digits."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tinyae.data.batches import train_test_split
from tinyae.data.dataset import Dataset, Images
from tinyae.data.download import fetch
from tinyae.data.idx import read_idx

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
    first_labels: tuple[
        int, ...
    ]  # of the test set: MNIST and Fashion-MNIST have files of the same names
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


def mnist(data_dir: str | os.PathLike | None = None) -> Dataset:
    """MNIST: handwritten digits, 60,000 + 10,000 images (N, 1, 28, 28).

    Args:
        data_dir: a folder with the four official files, plain or .gz, in it or in its subfolder `mnist`. Without it,
            the folder in the environment variable TINYAE_DATA; without that, a download (11 MB), kept for the next time.

    Raises:
        FileNotFoundError: a folder was given (by argument or variable), and a file is not there. Nothing is downloaded.
        ValueError: a file is truncated, damaged or of another collection.
        ConnectionError: no mirror could be reached. ImportError: pooch is missing.

    Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition", 1998.
    """
    return _load("mnist", data_dir)


def fashion_mnist(data_dir: str | os.PathLike | None = None) -> Dataset:
    """Fashion-MNIST: clothes, 60,000 + 10,000 images (N, 1, 28, 28); `mnist` tells where it looks and what it raises.

    The subfolder is `fashion-mnist`; the download has 31 MB.
    Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST", arXiv:1708.07747, 2017.
    """
    return _load("fashion-mnist", data_dir)


def locate(name: str) -> str:
    """In words, where `mnist` or `fashion_mnist` would take its files from, for `tinyae info`; nothing is read or fetched."""
    if folder := os.environ.get("TINYAE_DATA"):
        try:
            return (
                f"{_find(name, Path(folder).expanduser(), 'TINYAE_DATA')[0].parent} (TINYAE_DATA)"
            )
        except FileNotFoundError:
            return f"not in {folder} (TINYAE_DATA)"
    try:
        import pooch
    except ImportError:
        return 'set TINYAE_DATA to the folder of its files, or pip install "tinyae[data]" to download them'
    cached = pooch.os_cache("tinyae") / name
    return (
        str(cached) if all(idx_files(cached)) else f"will be downloaded to {cached} when first used"
    )


def _load(name: str, data_dir) -> Dataset:
    source = SOURCES[name]
    if data_dir is not None:
        paths = _find(name, Path(data_dir).expanduser(), f"data_dir={str(data_dir)!r}")
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
    dataset = idx_dataset(name, paths, source.classes)
    first = tuple(dataset.test.labels[:10].tolist())
    for other in SOURCES:
        if other != name and first == SOURCES[other].first_labels:
            raise ValueError(
                f"{paths[0].parent}: these files are {other}, not {name}: "
                f"put each collection in a folder of its own name"
            )
    return dataset


def _find(name: str, folder: Path, given_by: str) -> list[Path]:
    """The paths of the four files; the first of the source's folders that has them all."""
    for sub in SOURCES[name].folders:
        found = idx_files(folder / sub)
        if all(found):
            return found
        if any(found):
            break  # some are here: name the missing ones, not every place
    wanted = [
        f"  {folder / sub / file}[.gz]"
        for file, path in zip(FILES, found, strict=True)
        if path is None
    ]
    elsewhere = (
        "" if any(found) else f"\n  (nor in its subfolders {', '.join(SOURCES[name].folders[:-1])})"
    )
    raise FileNotFoundError(
        "\n".join([f"{name}: files not found in {given_by}:", *wanted]) + elsewhere
    )


def idx_files(folder: Path) -> list[Path | None]:
    """The paths of MNIST's four file names in a folder, plain or .gz; None for each that is not there."""
    return [
        next((path for path in (folder / file, folder / f"{file}.gz") if path.is_file()), None)
        for file in FILES
    ]


def idx_dataset(name: str, paths: list[Path], classes: tuple[str, ...] = ()) -> Dataset:
    """A `Dataset` of four IDX files: training images and labels, test images and labels."""
    parts = []
    for image_path, label_path in (paths[:2], paths[2:]):
        images, labels = read_idx(image_path), read_idx(label_path)
        if images.ndim != 3 or images.dtype != np.uint8:
            raise ValueError(
                f"{image_path}: expected images (N, H, W) of bytes, got {images.shape} {images.dtype}"
            )
        if labels.ndim != 1 or labels.dtype.kind not in "iu":
            raise ValueError(
                f"{label_path}: expected labels (N,), got {labels.shape} {labels.dtype}"
            )
        if len(images) != len(labels):
            raise ValueError(
                f"{len(images)} images in {image_path}, but {len(labels)} labels in {label_path}"
            )
        scaled = np.divide(images[:, None], 255, dtype=np.float32)  # (N, 1, 28, 28)
        parts.append(Images(scaled, labels.astype(np.int64)))
    return Dataset(
        name, *parts, classes=classes or tuple(map(str, range(int(parts[0].labels.max()) + 1)))
    )


def digits(size: int = 8, seed: int = 0, test: float = 0.2) -> Dataset:
    """Scikit-learn's 1,797 handwritten digits, 8×8, from its installation: no download.

    Args:
        size: 8 for the original; larger sizes are enlarged smoothly (bilinear) to 5/7 of the size, inside a margin:
            at 28 they lie in the frame as MNIST's do, 20 pixels high.
        seed, test: of the random split into training and test pictures, 1,438 and 359.

    Raises:
        ImportError: scikit-learn is not installed.
        ValueError: a size other than 8 or at least 12.

    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998 (its test set).
    """
    if size != 8 and size < 12:
        raise ValueError(f"digits: size={size}, expected 8 (the original), or 12 or more")
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
    train, held = train_test_split(images[:, None], loaded.target.astype(np.int64), test, seed)
    return Dataset(
        "digits" if size != 8 else "digits8",
        Images(*train),
        Images(*held),
        classes=tuple("0123456789"),
    )


def _bilinear(n: int, m: int) -> np.ndarray:
    """The matrix (m, n) that enlarges n pixels to m: y = R x along one axis, R x Rᵀ for a picture."""
    at = np.clip(
        (np.arange(m) + 0.5) * n / m - 0.5, 0, n - 1
    )  # where the new pixels' centres lie among the old
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(n))).astype(np.float32)
