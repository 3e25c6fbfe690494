"""Worker threads: the batch is cut into shards, one per thread, and the gradients are added.

NumPy releases Python's global lock during every product and every elementwise operation, so threads
really run in parallel. Each has one BLAS thread: that is steady where BLAS's own threads are not,
and it also puts every core to work on the elementwise operations.
"""

from __future__ import annotations

import ctypes
import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Self

import numpy as np

from tinyae import compiled
from tinyae._threads import IN_BROWSER, one_blas_thread
from tinyae._validate import check_int
from tinyae.data.batches import Data, examples_of, take
from tinyae.gradients import GradientSum, weighted_sum
from tinyae.layers.base import Layer
from tinyae.objectives.base import ObjectiveFunction, ObjectiveResult
from tinyae.training.machines import ALONE, Machines


class Workers:
    """``n`` threads, including the calling one, each with one BLAS thread inside the ``with``
    block.

    Raises:
        TypeError: n is not a number.
        ValueError: n < 1, or n > 1 in a browser.
    """

    def __init__(self, n: int) -> None:
        check_int("Workers", "workers", n)
        if n > 1 and IN_BROWSER:
            raise ValueError(f"workers is {n}, but a browser has no threads: expected 1")
        self.n = n

    def __enter__(self) -> Self:
        keep_freed_memory()
        compiled.load()
        self._limits = one_blas_thread()
        self._limits.__enter__()
        self._pool = (
            ThreadPoolExecutor(self.n - 1, thread_name_prefix="tinyae") if self.n > 1 else None
        )
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._limits.__exit__(None, None, None)

    def map(self, f: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """``[f(item) for item in items]``. Each thread takes the next item as soon as it is
        free."""
        items = list(items)
        results: list[Any] = [None] * len(items)
        todo = deque(enumerate(items))

        def work() -> None:
            while True:
                try:
                    i, item = todo.popleft()
                except IndexError:
                    return
                results[i] = f(item)

        others = (
            [self._pool.submit(work) for _ in range(min(self.n, len(items)) - 1)]
            if self._pool
            else []
        )
        try:
            work()
        finally:
            todo.clear()  # after an error here, the others do not start anything new
            for other in others:
                other.result()
        return results


@cache
def keep_freed_memory() -> None:
    """Ask the C library (glibc; nothing happens elsewhere) to keep freed memory for the next step.

    Every step allocates and frees the same megabytes. By default glibc returns them to the system
    after each step and gets them back page by page, each zeroed. That was measured to take a third
    to a half of a step of the dense model at batch 64.
    """
    trim_threshold, mmap_threshold, arena_max = -1, -3, -8  # M_TRIM_THRESHOLD, ... of malloc.h
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, TypeError, OSError):  # macOS, Windows, musl, a browser
        return
    mallopt(trim_threshold, 1 << 30)
    mallopt(mmap_threshold, 1 << 25)  # the largest that it takes
    # One heap for all threads: a shard's arrays are freed by another thread than made them
    mallopt(arena_max, 1)


def loss_and_gradients(
    model: Layer,
    batch: Data,
    objective: ObjectiveFunction,
    pool: Workers,
    seed: list[int],
    machines: Machines = ALONE,
) -> ObjectiveResult:
    """The objective on the whole batch, each worker of each process on its shard:
    ``loss, grads, terms``."""
    n = len(examples_of(batch))
    cuts = shards(n, pool.n * machines.size)
    mine = machines.mine(list(range(len(cuts))))
    weights = [(cuts[i].stop - cuts[i].start) / n for i in mine]
    if not mine:  # fewer examples than processes: take part with weight 0
        mine, weights = [0], [0.0]

    def one(i: int) -> ObjectiveResult:
        return objective(model, take(batch, cuts[i]), np.random.default_rng([*seed, i]))

    losses, grads, terms = zip(*pool.map(one, mine), strict=True)
    means = {key: weighted_sum([shard[key] for shard in terms], weights) for key in terms[0]}
    total: Any = grads[0] if weights == [1] else GradientSum(grads, weights)
    return machines.sum((weighted_sum(losses, weights), total, means))


def shards(n_examples: int, n_workers: int) -> list[slice]:
    """``n_workers`` slices of almost equal length (fewer where there are fewer examples)."""
    n = min(n_examples, n_workers)
    bounds = [n_examples * i // n for i in range(n + 1)]
    return [slice(a, b) for a, b in zip(bounds, bounds[1:], strict=False)]


def default_workers(batch_size: int) -> int:
    """One worker for each core that this process may use, as long as each gets 16 examples or more
    of a batch. One in a browser, which has no threads."""
    if IN_BROWSER:
        return 1
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return max(1, min(cores, batch_size // 16))
