"""CIFAR-10 and CIFAR-100, binary version: rows of one or two labels and 3×32×32 bytes.

Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tinyae.data.array_files import Arrays
from tinyae.data.contents import Contents, contents_of_arrays
from tinyae.data.scaling import Scale

PIXELS = 3 * 32 * 32
CIFAR_10 = [f"data_batch_{i}.bin" for i in range(1, 6)]


def read_cifar_folder(folder: Path, scale: Scale | None) -> Contents | None:
    """The binary files of a folder; None if it has none.

    Raises:
        ValueError: the files are damaged, or are the pickles of the Python version.
    """
    batches = [folder / name for name in CIFAR_10 if (folder / name).is_file()]
    if batches:
        test, names = folder / "test_batch.bin", folder / "batches.meta.txt"
    elif (folder / "train.bin").is_file():
        batches = [folder / "train.bin"]
        test, names = folder / "test.bin", folder / "fine_label_names.txt"
    elif (folder / "data_batch_1").is_file():
        raise ValueError(
            f"{folder}: the Python version of CIFAR-10, whose files are pickles. Opening them "
            "could run any code, so tinyae does not: get the binary version, with data_batch_1.bin"
        )
    else:
        return None
    contents = _read(batches, test if test.is_file() else None, scale)
    if names.is_file():
        classes = tuple(names.read_text(encoding="utf-8", errors="replace").split())
        if len(classes) >= len(contents.classes):
            contents = contents._replace(classes=classes)
    return contents


def read_cifar_file(path: Path, scale: Scale | None) -> Contents:
    """One binary file.

    Raises:
        ValueError: its size is not a multiple of a row's, or it is damaged.
    """
    return _read([path], None, scale)


def _read(batches: list[Path], test: Path | None, scale: Scale | None) -> Contents:
    x, y = zip(*map(_rows, batches), strict=True)
    x_test, y_test = _rows(test) if test else (None, None)
    arrays = Arrays(np.concatenate(x), np.concatenate(y), x_test, y_test)
    return contents_of_arrays(arrays, batches[0], scale)


def _rows(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """``images, labels`` of one file. Where there are two labels, the second is the finer one."""
    size = path.stat().st_size
    for n_labels, n_classes in ((1, 10), (2, 100)):
        if size and size % (n_labels + PIXELS) == 0:
            rows = np.fromfile(path, np.uint8).reshape(-1, n_labels + PIXELS)
            labels = rows[:, n_labels - 1]
            if labels.max() < n_classes:
                return rows[:, n_labels:].reshape(-1, 3, 32, 32), labels
    raise ValueError(
        f"{path}: not a file of CIFAR: its size is {size:,} bytes, expected a multiple of 3073 "
        "(CIFAR-10) or 3074 (CIFAR-100), beginning each with a label. Is it a raw array? Then "
        "np.fromfile(file, dtype).reshape(...) and np.save"
    )
