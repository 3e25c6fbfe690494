"""Tables of numbers as text: CSV and TSV with or without a header, Kaggle's digits, the UCR archive
of time series."""

from __future__ import annotations

import contextlib
import csv
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tinyae.data.array_files import Arrays
from tinyae.data.file_checks import note

LABEL_NAMES = ("label", "labels", "class", "target", "y", "outcome", "anomaly", "is_anomaly")
INDEX_NAMES = ("", "unnamed: 0", "index", "id")  # of a first column with the numbers of the rows
WITH_PANDAS = (
    'df = pandas.read_csv(file), then np.savez("data.npz", X=df[columns].to_numpy(float), '
    'y=df["label"])'
)


class Layout(NamedTuple):
    """How the text of a table is arranged."""

    delimiter: str | None  # None: any white space
    decimal_comma: bool
    header: list[str]  # the names of the columns; [] if there are none
    first: list[str]  # the first row of values

    def name(self, column: int) -> str:
        return repr(self.header[column]) if self.header else str(column + 1)

    def is_number(self, text: str) -> bool:
        try:
            float(text.replace(",", ".") if self.decimal_comma else text)
        except ValueError:
            return False
        return True

    def split(self, line: str) -> list[str]:
        if self.delimiter is None:
            return line.split()
        return [field.strip() for field in next(csv.reader([line], delimiter=self.delimiter))]


def read_table_file(path: Path, partners: bool = True) -> Arrays:
    """A table of numbers as ``x`` (N, D) and, if it has them, labels ``y`` (N,).

    The labels are a column called label, class, target or y; or the only column with text; or,
    without a header, a first or last column with a few integers.

    Args:
        path: the file.
        partners: if the file is called X_TRAIN.txt, read X_TEST.txt as the test part.

    Raises:
        ValueError: the file is not a table of numbers; the message says where it stops being one.
    """
    x, y = _read(path)
    match = re.fullmatch(r"(.+[-_])(train)", path.stem, re.IGNORECASE)
    if not partners or match is None:
        return Arrays(x, y, x_name="values")
    word = "TEST" if match[2].isupper() else "test"
    partner = path.with_name(f"{match[1]}{word}{path.suffix}")
    if not partner.is_file():
        return Arrays(x, y, x_name="values")
    x_test, y_test = _read(partner)
    if x_test.shape[1] != x.shape[1] or (y is None) != (y_test is None):
        note(f"{partner}: its columns are not those of {path.name}, so it is left out")
        return Arrays(x, y, x_name="values")
    return Arrays(x, y, x_test, y_test, "values")


def _read(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    layout = _layout(path)
    columns = list(range(len(layout.first)))
    label = _named_label(path, layout)
    if layout.header and layout.header[0].lower() in INDEX_NAMES and label != 0:
        columns.remove(0)
        note(f"{path}: column {layout.name(0)} numbers the rows, so it is left out")
    text = [i for i in columns if not layout.is_number(layout.first[i])]
    if label is None and len(text) == 1 and _repeats(_column(path, layout, text[0])):
        label = text[0]
        note(f"{path}: column {layout.name(label)}, the only one with text, has the labels")
    for i in text:
        if i != label:
            raise ValueError(
                f"{path}: column {layout.name(i)} holds text ({layout.first[i][:30]!r}), expected "
                f"numbers. Leave it out or encode it: {WITH_PANDAS}"
            )
    if columns == [label]:
        raise ValueError(f"{path}: no columns of values, only labels")
    if label in text:
        y = np.array(_column(path, layout, label))
        x = _numbers(path, layout, [i for i in columns if i != label])
        if len(y) != len(x):
            raise ValueError(f"{path}: {len(x)} rows of values, but {len(y)} labels")
        return _integers(x), y
    x = _numbers(path, layout, columns)
    at = _guessed_label(path, x) if label is None and not layout.header else None
    if label is not None:
        at = columns.index(label)
    if at is None:
        note(f"{path}: no column has labels (label, class, target or y): all hold values")
        return _integers(x), None
    return _integers(np.delete(x, at, axis=1)), x[:, at]


def _repeats(values: list[str]) -> bool:
    """As names of classes do, and dates or names of persons do not."""
    return len(set(values)) <= max(1, len(values) // 2)


def _named_label(path: Path, layout: Layout) -> int | None:
    names = [name.lower() for name in layout.header]
    return next((names.index(name) for name in LABEL_NAMES if name in names), None)


def _guessed_label(path: Path, x: np.ndarray) -> int | None:
    """The first or last column of a table without a header, if it is likely to hold labels: a few
    integers, while the other columns hold other values or the pixels of a square image."""
    n, d = x.shape
    found = []
    for column in (0, d - 1):
        y, others = x[:, column], np.delete(x, column, axis=1)
        is_image = math.isqrt(d - 1) ** 2 == d - 1 > 16
        is_ucr = column == 0 and is_series(path)
        few = len(np.unique(y)) <= (256 if is_image or is_ucr else min(100, n // 2))
        is_mixed = bool((others != np.floor(others)).any())
        if few and (y == np.floor(y)).all() and (is_image or is_ucr or is_mixed):
            found.append((0 if is_ucr else len(np.unique(y)), column))
    if d < 3 or not found:
        return None
    column = min(found)[1]
    y = x[:, column]
    note(
        f"{path}: no header; the {'first' if column == 0 else 'last'} column, {len(np.unique(y))} "
        f"integers from {y.min():g} to {y.max():g}, was taken for the labels"
    )
    return column


def is_series(path: Path) -> bool:
    """A file of the UCR archive, by its name: ECG5000_TRAIN.tsv."""
    return re.search(r"_(TRAIN|TEST)$", path.stem) is not None


def _integers(x: np.ndarray) -> np.ndarray:
    """As integers, if all values are."""
    rows = range(0, len(x), 1000)  # a block at a time: x may take most of the memory
    blocks = (x[i : i + 1000] for i in rows)
    if all((b == np.floor(b)).all() and np.abs(b).max(initial=0) < 2**31 for b in blocks):
        return x.astype(np.int32)
    return x


def _layout(path: Path) -> Layout:
    rows: list[str] = []
    with _lines(path) as lines:
        for line in lines:
            rows.append(line)
            if len(rows) == 2:
                break
        if not rows:
            raise ValueError(f"{path}: empty, expected a table of numbers")
        delimiter = next((d for d in ("\t", ";", ",") if d in rows[-1]), None)
        layout = Layout(delimiter, delimiter in ("\t", ";") and "," in rows[-1], [], [])
        fields = [layout.split(row) for row in rows]
    numbers = [sum(map(layout.is_number, row)) for row in fields]
    has_header = len(rows) == 2 and numbers[0] == 0 and numbers[1] > 0
    first = fields[1] if has_header else fields[0]
    if not sum(map(layout.is_number, first)):
        raise ValueError(
            f"{path}: begins with {rows[0][:40]!r}, expected a table of numbers. Convert it with "
            'np.loadtxt or np.genfromtxt, then np.savez("data.npz", X=x, y=y)'
        )
    if has_header and len(fields[0]) != len(first):
        raise ValueError(
            f"{path}: {len(fields[0])} names of columns, but {len(first)} values in the first row"
        )
    return layout._replace(header=fields[0] if has_header else [], first=first)


def _numbers(path: Path, layout: Layout, columns: list[int]) -> np.ndarray:
    """(N, len(columns)) float64."""
    with _lines(path, layout) as lines:
        try:
            values = np.loadtxt(
                lines,
                delimiter=layout.delimiter,
                usecols=columns,
                comments=None,
                quotechar='"',
                ndmin=2,
            )
        except ValueError as error:
            raise ValueError(
                f"{path}: not a table of numbers: {str(error).rstrip('.')}. If values are missing, "
                "fill them or drop these rows; np.genfromtxt reads such files"
            ) from error
    bad = ~np.isfinite(values).all(axis=1)  # (N,)
    if bad.any():
        raise ValueError(
            f"{path}: missing or infinite values in {bad.sum()} of {len(values)} rows, first in "
            f"row {bad.argmax() + 1}: fill them or drop these rows"
        )
    return values


def _column(path: Path, layout: Layout, column: int | None) -> list[str]:
    """A column of text."""
    with _lines(path, layout) as lines:
        rows = map(layout.split, lines)
        return [row[column] for row in rows if column is not None and column < len(row)]


@contextlib.contextmanager
def _lines(path: Path, layout: Layout | None = None) -> Iterator[Iterator[str]]:
    """The lines of a text file without blank lines and comments; after the header, if the layout is
    known."""

    def lines() -> Iterator[str]:
        skip = 1 if layout and layout.header else 0
        for line in file:
            if "\0" in line:
                raise ValueError(f"{path}: not text, expected a table of numbers")
            if not line.strip() or line.startswith("#"):
                continue
            if skip:
                skip = 0
                continue
            yield line.replace(",", ".") if layout and layout.decimal_comma else line.rstrip("\n")

    try:
        with path.open(encoding="utf-8-sig") as file:
            yield lines()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: not UTF-8 text ({error}): save the table as CSV with UTF-8"
        ) from error
    except csv.Error as error:
        raise ValueError(f"{path}: not a table of numbers ({error})") from error
