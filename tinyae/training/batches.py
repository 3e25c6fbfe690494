"""Batches and shards of the training data."""

from __future__ import annotations

from typing import Any

from tinyae.backend import Array

Data = Array | tuple[Array, ...]  # the examples, or (examples, labels, ...) of the same length


def examples_of(data: Data) -> Array:
    """The examples, without what belongs to them."""
    return data[0] if isinstance(data, tuple) else data


def take(data: Data, index: Any) -> Data:
    """Some of the examples, with what belongs to them."""
    return tuple(a[index] for a in data) if isinstance(data, tuple) else data[index]


def shards(n_examples: int, n_workers: int) -> list[slice]:
    """``n_workers`` slices of almost equal length (fewer where there are fewer examples)."""
    n = min(n_examples, n_workers)
    bounds = [n_examples * i // n for i in range(n + 1)]
    return [slice(a, b) for a, b in zip(bounds, bounds[1:], strict=False)]
