"""Several processes that train one model: what a step costs, and what the sum of gradients costs.

    mpiexec -n 2 python benchmarks/machines.py

Each process computes the gradients of its part of a batch; then one Allreduce sums them. The first
table is measured here. On one machine the processes share its cores and its memory, so more of them
than cores cannot be faster. The second table is a calculation: a ring Allreduce sends every byte
2 (n − 1) / n times, so on a network of B bytes per second a step of n machines takes

    t(n) = compute + 2 (n − 1) / n · bytes / B

and n machines do n / (t(n) / compute) times the work of one. Latency is left out.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmarks.tinyae_steps import MODELS
from tinyae import Adam
from tinyae.training.machines import Machines, find_machines
from tinyae.training.workers import Workers, loss_and_gradients

NETWORKS = {"1 Gbit/s": 125e6, "10 Gbit/s": 1.25e9, "100 Gbit/s": 12.5e9}


def main() -> None:
    """Measure, and print two tables in process 0."""
    machines = find_machines()
    rows = []
    with machines:
        for name in ("dense", "conv"):
            for batch in (128, 512):
                rows.append((name, batch, *measure(name, batch, machines)))
    if not machines.is_first:
        return
    print(f"{machines.size} processes on this machine, one thread each; ms per step\n")
    print("model  batch of each  gradients  Allreduce   Adam  MB")
    for name, batch, compute, allreduce, adam, size in rows:
        print(
            f"{name:6} {batch:13} {compute:10.2f} {allreduce:10.2f} {adam:6.2f} {size / 1e6:4.1f}"
        )
    print("\nCalculated: the work that n machines do, as a multiple of one\n")
    print("model  batch of each  " + "".join(f"{name:>22}" for name in NETWORKS))
    print(" " * 22 + "".join(f"{'n = 2':>10}{'n = 8':>12}" for _ in NETWORKS))
    for name, batch, compute, _, adam, size in rows:
        cells = []
        for rate in NETWORKS.values():
            for n in (2, 8):
                sent = 2 * (n - 1) / n * size / rate * 1e3
                cells.append(n * (compute + adam) / (compute + adam + sent))
        line = "".join(f"{a:10.2f}{b:12.2f}" for a, b in zip(cells[::2], cells[1::2], strict=True))
        print(f"{name:6} {batch:13}  {line}")


def measure(name: str, batch: int, machines: Machines) -> tuple[float, float, float, int]:
    """ms for the gradients, their sum over the processes, and Adam; the bytes of the gradients."""
    build, objective = MODELS[name]
    model, minimized = build(), objective()
    shape = (batch, 1, 28, 28) if name == "conv" else (batch, 784)
    x = np.random.default_rng(machines.rank).random(shape, dtype=np.float32)
    optimizer = Adam(model.params)
    times = []
    with Workers(1) as team:
        for _ in range(25):
            machines.wait()  # begin together, so that nobody waits for the others in the Allreduce
            t0 = time.perf_counter()
            result = loss_and_gradients(model, x, minimized, team, [0])
            t1 = time.perf_counter()
            machines.wait()
            t2 = time.perf_counter()
            _, grads, _ = machines.sum(result)
            t3 = time.perf_counter()
            optimizer.step(grads, team.map)
            times.append((t1 - t0, t3 - t2, time.perf_counter() - t3))
    compute, allreduce, adam = (
        statistics.median(column) * 1e3 for column in zip(*times[5:], strict=True)
    )
    return compute, allreduce, adam, sum(w.nbytes for w in model.params.values())


if __name__ == "__main__":
    main()
