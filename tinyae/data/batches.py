"""Batches of examples, with what belongs to them, and a part of the data held out for testing."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinyae.backend import Array

Data = Array | tuple[Array, ...]  # the examples, or (examples, labels, ...) of the same length


def examples_of(data: Data) -> Array:
    """The examples, without their labels."""
    return data[0] if isinstance(data, tuple) else data


def take(data: Data, index: Any) -> Data:
    """Some of the examples, with their labels."""
    return tuple(a[index] for a in data) if isinstance(data, tuple) else data[index]


def minibatches(
    n_or_x: Any,
    batch_size: int,
    rng: np.random.Generator | int | None = None,
    drop_last: bool = False,
) -> Iterator[np.ndarray]:
    """Go through the data once, in batches of indices.

        for i in minibatches(len(x), 128, rng):
            step(x[i], labels[i])

    Args:
        n_or_x: the number of examples, or anything that has a length.
        batch_size: examples in a batch. The last batch has what is left; a batch larger than the data is all of it.
        rng: shuffles, if it is a generator or a seed; None keeps the order.
        drop_last: leave out a last batch that is not full, unless it is the only one.

    Yields:
        index arrays (batch_size,), int64; together they hold each of 0 ... n-1 once.

    Raises:
        ValueError: no data, or a batch size below 1 (at the call, before the first batch).
    """
    n = int(n_or_x) if isinstance(n_or_x, (int, np.integer)) else len(n_or_x)
    if n < 1:
        raise ValueError(f"minibatches: there are {n} examples, expected 1 or more")
    if batch_size < 1:
        raise ValueError(f"minibatches: batch_size={batch_size}, expected 1 or more")
    order = np.arange(n) if rng is None else np.random.default_rng(rng).permutation(n)
    end = n - n % batch_size if drop_last and n > batch_size else n
    return (order[start : start + batch_size] for start in range(0, end, batch_size))


def train_test_split(
    x: np.ndarray,
    labels: np.ndarray | None = None,
    test: float | int = 0.1,
    rng: np.random.Generator | int = 0,
) -> tuple[tuple, tuple]:
    """Hold a random part of the examples back.

    Args:
        x: (N, ...), and labels: (N,) or None.
        test: the share to hold back, 0 < test < 1 (at least one example), or a whole number of examples.
        rng: a generator or a seed; the same seed gives the same split.

    Returns:
        (x_train, labels_train), (x_test, labels_test); the labels are None if none were given.

    Raises:
        ValueError: fewer than two examples, nothing left on one side, or not one label for each example.
    """
    n = len(x)
    if labels is not None and len(labels) != n:
        raise ValueError(f"train_test_split: {n} examples, but {len(labels)} labels")
    if n < 2:
        raise ValueError(
            f"train_test_split: {n} examples, expected 2 or more: one to train on and one to test"
        )
    share = isinstance(test, (float, np.floating))
    if not (0 < test < 1 if share else 1 <= test < n):
        raise ValueError(
            f"train_test_split: test={test}, expected a share between 0 and 1, "
            f"or a number from 1 to {n - 1} of the {n} examples"
        )
    n_test = min(max(1, round(n * test)), n - 1) if share else test
    order = np.random.default_rng(rng).permutation(n)
    train, held = order[n_test:], order[:n_test]
    if labels is None:
        return (x[train], None), (x[held], None)
    return (x[train], labels[train]), (x[held], labels[held])
