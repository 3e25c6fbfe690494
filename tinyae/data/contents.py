"""``Contents``: what a file or a folder holds, before it is split into training and test set."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from tinyae.data.array_files import Arrays
from tinyae.data.dataset import Images
from tinyae.data.images import as_nchw, rows_of_table
from tinyae.data.labels import encode_labels
from tinyae.data.scaling import Scale, scaled


class Reading(NamedTuple):
    """How image files are read.

    Args:
        size: (height, width) of the images; None keeps their size.
        color: RGB instead of gray.
        scale: what the values are divided by; None: by what the file says.
        partners: also read the test part that belongs to a file of training data.
    """

    size: tuple[int, int] | None = (28, 28)
    color: bool = False
    scale: Scale | None = None
    partners: bool = True


class Contents(NamedTuple):
    """The images of a file or folder."""

    train: Images
    test: Images | None = None  # None: no split is given
    classes: tuple[str, ...] = ()
    scale: Scale | None = None
    is_table: bool = False  # each example is a row (N, D)


def contents_of_arrays(arrays: Arrays, path: Path, scale: Scale | None) -> Contents:
    """The arrays of a file as images, or as rows of a table.

    Raises:
        ValueError: the arrays do not hold images and their labels.
    """
    x = [a for a in (arrays.x_train, arrays.x_test) if a is not None]
    y = [arrays.y_train, arrays.y_test][: len(x)]
    name = f"{path}: {arrays.x_name}"
    nchw = [as_nchw(a, name) for a in x]
    if nchw[0].shape[1:] != nchw[-1].shape[1:]:
        raise ValueError(
            f"{path}: training images {nchw[0].shape} and test images {nchw[-1].shape} differ in "
            "size"
        )
    if (x[0].dtype.kind == "f") != (x[-1].dtype.kind == "f"):
        raise ValueError(
            f"{path}: the training part has dtype {x[0].dtype} and the test part {x[-1].dtype}: "
            "save both with the same type, because integers are scaled"
        )
    images, scale = scaled(nchw, scale, name, rows_of_table(x[0].shape))
    labels, classes = _labels(y, f"{path}: {arrays.y_name}")
    for part, part_labels in zip(images, labels, strict=True):
        if part_labels is not None and len(part_labels) != len(part):
            raise ValueError(
                f"{path}: {arrays.y_name}: shape {part_labels.shape}, expected ({len(part)},): one "
                f"label for each of the {len(part)} examples"
            )
    train, *test = map(Images, images, labels)
    return Contents(train, test[0] if test else None, classes, scale, is_table=x[0].ndim == 2)


def _labels(
    parts: list[np.ndarray | None], name: str
) -> tuple[list[np.ndarray | None], tuple[str, ...]]:
    """The labels of the parts that have some, encoded together, and the names of the classes."""
    given = [y for y in parts if y is not None]
    if not given:
        return [None] * len(parts), ()
    encoded, classes = encode_labels(given, name)
    rest = iter(encoded)
    return [None if y is None else next(rest) for y in parts], classes
