"""Batches of examples, and the split into a training set and a test set."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sized
from typing import Any

import numpy as np

from tinyae._validate import as_rng, check_int, short
from tinyae.backend import Array, Rng
from tinyae.data.lazy import subset

_Part = tuple[np.ndarray, np.ndarray | None]  # examples and their labels


Data = Array | tuple[Array, ...]  # the examples, or (examples, labels, ...) of the same length


BatchSize = int | Callable[[int], int]  # examples per batch, or a function of the epoch 0, 1, ...


def batch_size_at(batch_size: BatchSize, epoch: int) -> int:
    """The batch size of this epoch.

    Raises:
        ValueError: the function gives something else than an integer of at least 1.
    """
    if not callable(batch_size):
        return batch_size
    size = batch_size(epoch)
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
        raise ValueError(f"batch_size({epoch}) is {size}, expected an integer of at least 1")
    return int(size)


def examples_of(data: Data) -> Array:
    """The examples, without their labels."""
    return data[0] if isinstance(data, tuple) else data


def take(data: Data, index: Any) -> Data:
    """Some of the examples, with their labels."""
    return tuple(a[index] for a in data) if isinstance(data, tuple) else data[index]


def minibatches(
    n_or_x: int | np.integer | Sized, batch_size: int, rng: Rng = None, drop_last: bool = False
) -> Iterator[np.ndarray]:
    """Go through the data once, in batches of indices.

        for i in minibatches(len(x), 128, rng):
            step(x[i], labels[i])

    Args:
        n_or_x: the number of examples, or anything that has a length.
        batch_size: examples per batch. The last batch holds the examples that are left over; if
            ``batch_size`` exceeds the number of examples, one batch holds them all.
        rng: a generator or a seed that shuffles; None keeps the order.
        drop_last: leave out an incomplete last batch, unless it is the only one.

    Yields:
        Index arrays (batch_size,), int64. Together they contain each of 0 … n − 1 once.

    Raises:
        ValueError: no data, or a batch size below 1 (at the call, before the first batch).

    Example:
        >>> list(data.minibatches(5, 2))
        [array([0, 1]), array([2, 3]), array([4])]
    """
    n: Any = n_or_x if isinstance(n_or_x, str) or not isinstance(n_or_x, Sized) else len(n_or_x)
    check_int("minibatches", "n_or_x", n, least=-math.inf)
    check_int("minibatches", "batch_size", batch_size, least=-math.inf)
    if n < 1:
        raise ValueError(f"minibatches: there are {n} examples, expected at least 1")
    if batch_size < 1:
        raise ValueError(f"minibatches: batch_size={batch_size}, expected at least 1")
    order = np.arange(n) if rng is None else as_rng("minibatches", rng).permutation(n)
    end = n - n % batch_size if drop_last and n > batch_size else n
    return (order[start : start + batch_size] for start in range(0, end, batch_size))


def train_test_split(
    x: np.ndarray, labels: np.ndarray | None = None, test: float | int = 0.1, rng: Rng = 0
) -> tuple[_Part, _Part]:
    """Set a random part of the examples aside for testing.

    Args:
        x: (N, ...).
        labels: (N,), or None.
        test: the fraction of test examples, 0 < test < 1 (at least one example), or their number,
            an integer.
        rng: a generator or a seed. The same seed gives the same split.

    Returns:
        ``(x_train, labels_train), (x_test, labels_test)``; the labels are None if none were given.

    Raises:
        ValueError: fewer than two examples, an empty training or test set, or the number of labels
            differs from the number of examples.

    Example:
        >>> (x, _), (x_test, _) = data.train_test_split(np.zeros((100, 784)), test=0.2)
        >>> len(x), len(x_test)
        (80, 20)
    """
    for name, a in {"x": x, "labels": x if labels is None else labels}.items():
        if not isinstance(a, Sized) or isinstance(a, str):
            raise TypeError(f"train_test_split: {name} is {short(a)}, expected an array")
    n = len(x)
    if labels is not None and len(labels) != n:
        raise ValueError(f"train_test_split: {n} examples, but {len(labels)} labels")
    if n < 2:
        raise ValueError(
            f"train_test_split: {n} examples, expected at least 2: one to train on and one to test"
        )
    is_fraction = isinstance(test, (float, np.floating))
    if not is_fraction:
        check_int("train_test_split", "test", test, least=-math.inf)
    if not (0 < test < 1 if is_fraction else 1 <= test < n):
        raise ValueError(
            f"train_test_split: test={test}, expected a fraction between 0 and 1, "
            f"or an integer from 1 to {n - 1}, the number of test examples out of {n}"
        )
    n_test = min(max(1, round(n * test)), n - 1) if is_fraction else test
    order = as_rng("train_test_split", rng).permutation(n)
    train, held_out = order[n_test:], order[:n_test]
    if labels is None:
        return (subset(x, train), None), (subset(x, held_out), None)
    return (subset(x, train), labels[train]), (subset(x, held_out), labels[held_out])
