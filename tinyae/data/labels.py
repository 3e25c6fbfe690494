"""Labels: whatever a file has, as the integers 0 … K − 1 with the names of the K classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MOST_CLASSES = 10_000  # larger labels are identifiers, not numbers of classes


def encode_labels(
    parts: Sequence[np.ndarray], name: str = "labels"
) -> tuple[list[np.ndarray], tuple[str, ...]]:
    """Labels of a training and a test part, encoded together: each (n,) int64, and the names.

    Integers from 0 stay as they are. Other integers (−1 and 1, 1000000007, ...) and strings are
    replaced by their positions among the sorted values. Rows with a single 1 (one-hot) become the
    position of the 1.

    Args:
        parts: arrays (n,), (n, 1), or one-hot (n, K), with the same type of label in all of them.
        name: what error messages call the labels.

    Raises:
        ValueError: another shape, or values that are not labels.
    """
    columns = [_column(np.asarray(y), name) for y in parts]
    both = np.concatenate(columns)
    if both.dtype.kind == "U":
        values, encoded = np.unique(both, return_inverse=True)
        names = tuple(map(str, values))
    elif len(both) and (both.min() < 0 or both.max() >= MOST_CLASSES):
        values, encoded = np.unique(both, return_inverse=True)
        names = tuple(str(int(v)) for v in values)
    else:
        encoded = both
        names = tuple(map(str, range(int(both.max()) + 1 if len(both) else 0)))
    ends = np.cumsum([len(y) for y in columns])[:-1]
    return np.split(encoded.astype(np.int64), ends), names


def _column(y: np.ndarray, name: str) -> np.ndarray:
    """(n,) integers or strings."""
    if y.dtype.kind == "S":
        y = np.char.decode(y, "utf-8", "replace")
    if y.ndim == 2 and y.shape[1] > 1 and y.dtype.kind in "buif" and _is_one_hot(y):
        y = y.argmax(axis=1)
    if y.ndim == 0 or y.shape not in ((len(y),), (len(y), 1)):
        raise ValueError(
            f"{name}: shape {y.shape}, expected (N,), one label for each example, or one-hot rows "
            "(N, K)"
        )
    y = y.reshape(len(y))
    if y.dtype.kind in "Ubiu":
        return y.astype(np.int64) if y.dtype.kind == "b" else y
    if y.dtype.kind != "f" or not np.isfinite(y).all() or (y != np.floor(y)).any():
        example = y[~(y == np.floor(y))][:1] if y.dtype.kind == "f" else y[:1]
        raise ValueError(
            f"{name}: {y.dtype} such as {example[0] if len(example) else 'infinity'}, expected "
            "integers or strings"
        )
    if np.abs(y).max(initial=0) >= 2**53:
        raise ValueError(f"{name}: {np.abs(y).max():g} found, expected integers below 2**53")
    return y.astype(np.int64)


def _is_one_hot(y: np.ndarray) -> bool:
    return bool(((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all())
