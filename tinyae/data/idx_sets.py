"""Sets of IDX files: MNIST's four files, its relatives (KMNIST, QMNIST, EMNIST), and single files
of images with their labels in the same folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tinyae.backend import Array
from tinyae.data.array_files import Arrays
from tinyae.data.contents import Contents, contents_of_arrays
from tinyae.data.dataset import Dataset
from tinyae.data.file_checks import check_exists, note
from tinyae.data.idx import GZIP, TYPES, read_idx, read_idx_images
from tinyae.data.lazy import mapped
from tinyae.data.scaling import Scale

# train-images-idx3-ubyte, t10k-labels.idx1-ubyte, emnist-letters-test-images-idx3-ubyte.gz,
# qmnist-train-labels-idx2-int.gz
NAME = re.compile(
    r"(?P<set>.*?)(?P<part>train|t10k|test)[-_](?P<what>images|labels)[-._]idx\d[-._](ubyte|int)"
    r"(\.gz)?",
    re.IGNORECASE,
)
TEST_PARTS = ("t10k", "test")


class Name(NamedTuple):
    """What the name of an IDX file says."""

    set: str  # "emnist-letters-"; "" for MNIST
    is_test: bool
    what: str  # "images" or "labels"


def parse_name(path: Path) -> Name | None:
    match = NAME.fullmatch(path.name)
    if match is None:
        return None
    return Name(match["set"], match["part"].lower() in TEST_PARTS, match["what"].lower())


def is_idx(path: Path) -> bool:
    """By its name, or by its first bytes where the ending is unknown."""
    if parse_name(path) or re.search(r"(ubyte|\.idx\d?)(\.gz)?$", path.name, re.IGNORECASE):
        return True
    if path.suffix:
        return False
    with path.open("rb") as file:
        start = file.read(4)
    is_plain = len(start) == 4 and start[:2] == b"\0\0" and start[2] in TYPES and start[3] <= 4
    return is_plain or start[:2] == GZIP


def idx_sets(folder: Path) -> dict[str, dict[Name, Path]]:
    """The IDX files of a folder by the set they belong to: {"": {name: path}} for MNIST.

    A folder with the name of an IDX file, with that file in it, counts as the file: some archives
    unpack like this.
    """
    found: dict[str, dict[Name, Path]] = {}
    for path in sorted(folder.iterdir()):
        name = parse_name(path)
        if name is not None and path.is_dir() and (path / path.name).is_file():
            path = path / path.name
        if name is not None and path.is_file():
            found.setdefault(name.set, {}).setdefault(name, path)
    return {key: files for key, files in found.items() if any(n.what == "images" for n in files)}


def read_idx_folder(folder: Path, scale: Scale | None) -> Contents | None:
    """The IDX files of a folder; None if it has none.

    Raises:
        ValueError: there are several sets, or the files are damaged or do not fit together.
    """
    sets = idx_sets(folder)
    if not sets:
        return None
    if len(sets) > 1:
        first = next(n for n in next(iter(sets.values())).items() if n[0].what == "images")[1]
        raise ValueError(
            f"{folder}: files of {len(sets)} data sets: {', '.join(sorted(sets))}. Pass the file "
            f"with the training images of one of them, such as {first}"
        )
    ((key, files),) = sets.items()
    parts = [is_test for is_test in (False, True) if Name(key, is_test, "images") in files]
    return _read(files, key, parts, scale)


def read_idx_file(path: Path, scale: Scale | None, partners: bool = True) -> Contents:
    """One file of images, with its labels, and with its test part if that is in the same folder.

    Raises:
        ValueError: the file holds labels, is damaged, or does not fit to its labels.
    """
    name = parse_name(path)
    if name is None:
        return contents_of_arrays(_arrays(path, None, None, None), path, scale)
    if name.what == "labels":
        raise ValueError(f"{path}: these are labels: pass the file of the images")
    files = idx_sets(path.parent).get(name.set, {}) | {name: path}
    has_test = partners and not name.is_test and Name(name.set, True, "images") in files
    return _read(files, name.set, [name.is_test, *([True] if has_test else [])], scale)


def read_idx_quadruple(name: str, paths: list[Path], classes: tuple[str, ...]) -> Dataset:
    """MNIST's four files: training images and labels, test images and labels.

    Raises:
        ValueError: a file is damaged, or they do not fit together.
    """
    train, test, _, scale, _ = contents_of_arrays(_arrays(*paths), paths[0].parent, None)
    assert test is not None  # of four files
    return Dataset(name, train, test, classes, scale)


def _read(files: dict[Name, Path], key: str, parts: list[bool], scale: Scale | None) -> Contents:
    if any(Name(key, is_test, "labels") not in files for is_test in parts):
        note(f"{files[Name(key, parts[0], 'images')].parent}: the images have no file of labels")
        files = {name: path for name, path in files.items() if name.what == "images"}
    paths = [
        files.get(Name(key, is_test, what)) for is_test in parts for what in ("images", "labels")
    ]
    first = paths[0]
    assert first is not None  # parts are those that have images
    paths += [None] * (4 - len(paths))
    return contents_of_arrays(_arrays(first, *paths[1:]), first, scale)


def _arrays(
    images: Path, labels: Path | None, test_images: Path | None, test_labels: Path | None
) -> Arrays:
    x, y = _images_and_labels(images, labels)
    if test_images is None:
        return Arrays(x, y)
    return Arrays(x, y, *_images_and_labels(test_images, test_labels))


def _images_and_labels(
    image_path: Path, label_path: Path | None
) -> tuple[Array, np.ndarray | None]:
    images, labels = _images(image_path), _labels(label_path)
    if labels is not None and len(images) != len(labels):
        raise ValueError(
            f"{len(images)} images in {image_path}, but {len(labels)} labels in {label_path}"
        )
    return images, labels


def _images(path: Path) -> Array:
    check_exists(path)
    images = read_idx_images(path)
    if images.ndim < 2:
        raise ValueError(
            f"{path}: expected images (N, H, W) of bytes, got {images.shape} {images.dtype}: are "
            "these labels?"
        )
    if "emnist" in path.name.lower() and images.ndim == 3:
        note(f"{path}: EMNIST holds its images transposed; they are turned upright")
        images = mapped(lambda x: x.transpose(0, 2, 1), images)
    return images


def _labels(path: Path | None) -> np.ndarray | None:
    if path is None:
        return None
    labels = read_idx(path)
    if labels.ndim == 2 and labels.shape[1] == 8:
        labels = labels[:, 0]  # QMNIST: the class, then where the image comes from
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(f"{path}: expected labels (N,), got {labels.shape} {labels.dtype}")
    return labels
