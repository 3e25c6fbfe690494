"""``Contents``: what a file or a folder holds, before it is split into training and test set."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tinyae.data.array_files import Arrays
from tinyae.data.dataset import Images
from tinyae.data.images import as_nchw, is_table
from tinyae.data.labels import encode_labels
from tinyae.data.scaling import Scale, scaled


class Reading(NamedTuple):
    """How image files are read.

    Args:
        size: (height, width) of the images; None keeps their size.
        color: RGB instead of gray.
        scale: what the values are divided by; None: by what the file says.
        partners: read the files that belong to a file too: its test part.
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
    name = f"{path}: {arrays.x_name}"
    given = [x for x in (arrays.x_train, arrays.x_test) if x is not None]
    nchw = [as_nchw(x, name) for x in given]
    if nchw[0].shape[1:] != nchw[-1].shape[1:]:
        raise ValueError(
            f"{path}: training images {nchw[0].shape} and test images {nchw[-1].shape} differ in "
            "size"
        )
    images, scale = scaled(nchw, scale, name, is_table(given[0].shape))
    has_labels = [
        y
        for x, y in ((arrays.x_train, arrays.y_train), (arrays.x_test, arrays.y_test))
        if x is not None and y is not None
    ]
    labels: list = [None, None]
    classes: tuple[str, ...] = ()
    if has_labels:
        encoded, classes = encode_labels(has_labels, f"{path}: {arrays.y_name}")
        order = iter(encoded)
        labels = [None if y is None else next(order) for y in (arrays.y_train, arrays.y_test)]
    for x, y in zip(images, labels, strict=False):
        if y is not None and len(y) != len(x):
            raise ValueError(
                f"{path}: {arrays.y_name}: shape {y.shape}, expected ({len(x)},): one label for "
                f"each of the {len(x)} examples"
            )
    parts = [Images(x, y) for x, y in zip(images, labels, strict=False)]
    return Contents(
        parts[0], parts[1] if len(parts) > 1 else None, classes, scale, given[0].ndim == 2
    )
