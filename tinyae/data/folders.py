"""Folders of image files: what is in them, and which layout they have."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tinyae.data.cifar import read_cifar_folder
from tinyae.data.contents import Contents, Reading
from tinyae.data.dataset import Images
from tinyae.data.file_checks import note
from tinyae.data.formats import IMAGE_ENDINGS, left_out_text
from tinyae.data.idx_sets import read_idx_folder
from tinyae.data.image_decoding import Decoded, decode_image
from tinyae.data.scaling import Scale, inferred_depth, note_dark

TRAIN = re.compile(r"train|training", re.IGNORECASE)
TEST = re.compile(r"test\d?|testing", re.IGNORECASE)
VALIDATION = re.compile(r"val|valid|validation|dev", re.IGNORECASE)
JUNK = ("thumbs.db", "desktop.ini")


def read_folder(folder: Path, reading: Reading) -> Contents:
    """All images of a folder, with their classes and their split if the folder has them.

    Raises:
        ValueError: no images, a damaged file, or a layout that is not clear.
        ImportError: pillow is not installed.
    """
    for read in (read_idx_folder, read_cifar_folder):
        if (contents := read(folder, reading.scale)) is not None:
            return contents
    folder = _inner(folder)
    train, test = _split_folders(folder)
    if train is None or test is None:
        return _read_classes([folder], reading)
    return _read_classes([train, test], reading)


def _subfolders(folder: Path) -> list[Path]:
    return [
        p
        for p in sorted(folder.iterdir())
        if p.is_dir() and not p.name.startswith(".") and p.name != "__MACOSX"
    ]


def _inner(folder: Path) -> Path:
    """The folder inside, where a folder holds a single folder that has folders itself, as archives
    often unpack, or a training part alone."""
    for _ in range(8):
        inside = _subfolders(folder)
        if len(inside) != 1 or image_files(folder, deep=False)[0]:
            break
        if not (_subfolders(inside[0]) or TRAIN.fullmatch(inside[0].name)):
            break  # the only class
        note(f"{folder}: read as {inside[0]}, the only folder inside")
        folder = inside[0]
    return folder


def _split_folders(folder: Path) -> tuple[Path | None, Path | None]:
    """The folders with the training and the test part."""
    inside = _subfolders(folder)

    def find(pattern: re.Pattern[str]) -> Path | None:
        return next((p for p in inside if pattern.fullmatch(p.name)), None)

    train, test, validation = find(TRAIN), find(TEST), find(VALIDATION)
    if train and test and validation:
        note(f"{folder}: {test.name}/ is the test part; {validation.name}/ is left out")
    if train and (test or validation):
        used = (train, test, validation)
        others = [p.name for p in inside if p not in used and p.name != "ground_truth"]
        if others:
            note(f"{folder}: left out: {', '.join(others)}, which are not part of the split")
    return train, test or validation


def image_files(folder: Path, deep: bool = True) -> tuple[list[Path], list[str]]:
    """The image files of a folder in order, and the names of the files that are left out.

    Links to folders are followed. Hidden files are skipped.
    """
    found, others = [], []
    for path in _files(folder, frozenset(), deep):
        if path.suffix.lower() in IMAGE_ENDINGS and path.is_file():
            found.append(path)
        else:
            others.append(path.name)
    return sorted(found), others


def _files(folder: Path, above: frozenset[str], deep: bool) -> Iterator[Path]:
    here = os.path.realpath(folder)
    if here in above:  # a link to a folder that contains it
        return
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name.lower() in JUNK:
            continue
        if not path.is_dir():
            yield path
        elif deep:
            yield from _files(path, above | {here}, deep)


def _read_classes(folders: list[Path], reading: Reading) -> Contents:
    """One folder, or a training and a test folder, of images or of one folder per class."""
    parts = []
    for folder in folders:
        root = _inner(folder)
        paths, others = image_files(root)
        if not paths:
            what = f": found {left_out_text(others)}" if others else ""
            raise ValueError(
                f"{folder}: no images here or in its subfolders (looked for "
                f"{' '.join(IMAGE_ENDINGS)}){what}"
            )
        if others:
            total = len(paths) + len(others)
            note(f"{folder}: read {len(paths)} of {total} files; left out: {left_out_text(others)}")
        parts.append((root, paths, _class_names(root, paths)))
    classes = _all_classes(folders, [names for _, _, names in parts])
    images = []
    for root, paths, names in parts:
        decoded = _decode(paths, reading)
        labels = None
        if names:
            of_path = dict(zip(paths, names, strict=True))
            labels = np.array([classes.index(of_path[p]) for p, _ in decoded], np.int64)
        images.append((root, decoded, labels))
    together = [image for _, decoded, _ in images for image in decoded]
    pixels, scale = _stack(together, folders[0], reading.scale)
    ends = np.cumsum([len(part) for _, part, _ in images])[:-1]
    sets = [
        Images(part, labels, names=_page_names([p.relative_to(root) for p, _ in decoded]))
        for part, (root, decoded, labels) in zip(np.split(pixels, ends), images, strict=True)
    ]
    return Contents(sets[0], sets[1] if len(sets) > 1 else None, classes, scale)


def _class_names(root: Path, paths: list[Path]) -> list[str]:
    """The class of each image: the first folder of its path. [] if there are no classes."""
    loose = [p for p in paths if p.parent == root]
    if loose and len(loose) < len(paths):
        raise ValueError(
            f"{root}: {len(loose)} images beside subfolders with {len(paths) - len(loose)} more: "
            "expected images, or one subfolder per class, not both"
        )
    return [] if loose else [p.relative_to(root).parts[0] for p in paths]


def _all_classes(folders: list[Path], names: list[list[str]]) -> tuple[str, ...]:
    """The classes of all parts. The test part may have more only if training knows a single one:
    then it is a data set for anomaly detection."""
    sets = [sorted(set(part)) for part in names if part]
    if len(sets) == 2 and not set(sets[1]) <= set(sets[0]):
        train, test = sets
        if not (len(train) == 1 and train[0] in test):
            raise ValueError(
                f"{folders[0].parent}: classes {train} in train, but {test} in test. To train on "
                f"the training part alone, pass {folders[0]}"
            )
    return tuple(sorted({name for part in sets for name in part}))


def _decode(paths: list[Path], reading: Reading) -> list[tuple[Path, Decoded]]:
    return [
        (path, image) for path in paths for image in decode_image(path, reading.size, reading.color)
    ]


def _stack(
    images: list[tuple[Path, Decoded]], where: Path, scale: Scale | None
) -> tuple[np.ndarray, Scale | None]:
    """(N, C, H, W) float32, divided by what the files say, or by ``scale``."""
    first_path, first = images[0]
    unknown = [image.high for _, image in images if image.divisor is None]
    if scale is None and unknown:
        scale = inferred_depth(max(unknown), str(where))
    stacked = np.empty((len(images), *first.pixels.shape), np.float32)
    for target, (path, image) in zip(stacked, images, strict=True):
        if image.pixels.shape != first.pixels.shape:
            raise ValueError(
                f"{path}: {_size_text(image)} pixels, but {first_path.name} has "
                f"{_size_text(first)}: images of different sizes need size=..., for example 28 "
                "(--size 28)"
            )
        divisor = image.divisor or 1.0
        if scale is not None and (scale.of == "all" or image.divisor is None):
            divisor = scale.divisor
        np.divide(image.pixels, divisor, out=target, dtype=np.float32)
    note_dark(stacked, str(where))
    return stacked, scale


def _size_text(image: Decoded) -> str:
    _, height, width = image.pixels.shape
    return f"{width}×{height}"  # as is usual for image sizes


def _page_names(paths: list[Path]) -> np.ndarray:
    """``stack.tif`` three times -> ``stack.tif#1``, ``stack.tif#2``, ``stack.tif#3``."""
    pages, seen = Counter(paths), Counter[Path]()
    names = []
    for path in paths:
        seen[path] += 1
        names.append(path.as_posix() + (f"#{seen[path]}" if pages[path] > 1 else ""))
    return np.array(names)


def read_image_file(path: Path, reading: Reading) -> Contents:
    """One image file; every page of a TIFF.

    Raises:
        ValueError: it is damaged, or its pages differ in size with ``size=None``.
        ImportError: pillow is not installed.
    """
    decoded = _decode([path], reading)
    pixels, scale = _stack(decoded, path, reading.scale)
    names = _page_names([Path(path.name)] * len(decoded))
    return Contents(Images(pixels, names=names), scale=scale)
