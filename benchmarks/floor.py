"""The floor of a step: the matrix products alone, on as many threads, and nothing else."""

from __future__ import annotations

import numpy as np

from benchmarks.tinyae_steps import Step
from tinyae.training.workers import Workers

DENSE = [784, 512, 256, 32, 256, 512, 784]
SPARSE = [784, 256, 784]
VARIATIONAL = [(784, 400), (400, 40), (20, 400), (400, 784)]


def step(name: str, batch: int, threads: int) -> Step:
    """The three products of every layer. Each thread has an equal part of the batch.

    A Jacobian penalty has further products; the floor of ``contractive`` is that of ``dense``.
    """
    n = batch // threads
    if name == "conv":  # (rows, values of a patch, filters)
        shapes = [(n * 196, 9, 32), (n * 49, 288, 64), (n, 3136, 128)] * 2
    elif name == "variational":
        shapes = [(n, a, b) for a, b in VARIATIONAL]
    else:
        sizes = SPARSE if name == "sparse" else DENSE
        shapes = [(n, a, b) for a, b in zip(sizes, sizes[1:], strict=False)]
    products = []
    for rows, a, b in shapes:
        x, w, dy = (np.ones(shape, np.float32) for shape in ((rows, a), (b, a), (rows, b)))
        products += [(x, w.T, (rows, b)), (dy, w, (rows, a)), (dy.T, x, (b, a))]
    buffers = [[np.empty(shape, np.float32) for _, _, shape in products] for _ in range(threads)]
    team = Workers(threads).__enter__()

    def one(worker: int) -> None:
        for (a, b, _), out in zip(products, buffers[worker], strict=True):
            np.matmul(a, b, out=out)

    return lambda: team.map(one, range(threads)), lambda: None
