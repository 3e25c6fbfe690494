"""What the tables share: the data, the clocks, and the form of a table."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinyae import load_data

Metrics = dict[str, float]  # of one method and one seed
# For ``fit``. One worker: the same weights whatever the number of cores, and batches of 100 are too
# small to share.
FIT: dict[str, Any] = {"workers": 1, "progress": False}


@dataclass(frozen=True)
class Table:
    """A paper's table and how it is run here.

    Args:
        title: the paper, and what the table is about.
        columns: the metrics, in the order of printing: ``{key: (heading, format)}``.
        paper: the paper's values, ``{method: {key: value}}``. They may have methods that are not
            run here, and the other way round.
        methods: ``{name: method(seed, quick) -> metrics}``.
        differs: what differs from the paper's setting, line by line.
        remember: called with the name of a method and its metrics, for every result, also for
            those of an earlier run.
    """

    title: str
    columns: dict[str, tuple[str, str]]
    paper: dict[str, Metrics]
    methods: dict[str, Callable[[int, bool], Metrics]]
    differs: list[str] = field(default_factory=list)
    remember: Callable[[str, Metrics], None] = lambda method, metrics: None


@contextmanager
def clock(metrics: Metrics) -> Iterator[None]:
    """Add the seconds of the block to ``metrics``: by the clock, and of CPU time (all threads). On
    a machine that others use too, the CPU time is the one to compare."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    metrics["wall_s"] = metrics.get("wall_s", 0) + time.perf_counter() - wall
    metrics["cpu_s"] = metrics.get("cpu_s", 0) + time.process_time() - cpu


def mnist(n: int | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """``x, labels, x_test, test_labels`` of MNIST, flat, in [0, 1]; n: only the first n of each."""
    data = load_data("mnist")
    assert data.train.labels is not None and data.test.labels is not None
    train, test = data.train, data.test
    return train.flat[:n], train.labels[:n], test.flat[:n], test.labels[:n]


def say(text: str) -> None:
    """Progress, on stderr: the table alone goes to stdout."""
    print(text, file=sys.stderr, flush=True)
