"""Training steps of the chapter's models, in tinyae and in PyTorch.

    python -m benchmarks                      # all models, batches of 64, 128 and 512
    python -m benchmarks --quick              # two models, one batch size, 2 rounds
    python -m benchmarks --model conv --batches 64 --rounds 9 --json out.json

A step is forward, loss, backward and Adam. Each measurement is a process of its own, since two
thread pools in one process would disturb each other. The peers take turns, so that a change of the
machine's speed does not favor one.

tinyae is measured with NumPy alone ("numpy") and with the compiled loops of the extra ``fast``. A
ratio is PyTorch's time divided by tinyae's, the median over the rounds: above 1, tinyae is faster.
"book" is PyTorch as a textbook writes it; "best" has fused Adam and channels-last memory; "compile"
is torch.compile of that, where a C++ compiler is found. "floor" is the fraction of tinyae's time
that the matrix products alone would need.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

MODELS = ("dense", "denoising", "sparse", "contractive", "variational", "conv")
OURS = ("numpy", "fast")
PEERS = (*OURS, "book", "best", "compile", "floor")
SECONDS = 1.5  # of steps that count, in each process
ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 128, 512])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=default_threads())
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--quick", action="store_true", help="a first impression, in a minute")
    parser.add_argument("--json", metavar="FILE", help="write every measurement")
    parser.add_argument("--plot", metavar="FILE", help="draw the ratios")
    parser.add_argument("--child", choices=PEERS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(args.child, args.model[0], args.batches[0], args.threads, args.device)
        return
    if args.quick:
        args.model, args.batches, args.rounds = ["dense", "conv"], [64], 2
    if args.device == "gpu":
        args.peers = [peer for peer in args.peers if peer != "floor"]
    peers = [peer for peer in args.peers if peer != "compile" or shutil.which("c++")]
    if importlib.util.find_spec("numba") is None:
        peers = [peer for peer in peers if peer != "fast"]
    machine = description(args)
    print("  ".join(f"{key}: {value}" for key, value in machine.items()))
    cells = []
    columns = [peer for peer in peers if peer not in OURS]
    print(
        f"\n{'model':12} {'batch':>5} {'tinyae':>6} {'ms':>7} "
        + heads(columns)
        + "  peak MiB, range"
    )
    for model in args.model:
        for batch in args.batches:
            cell = measure_cell(model, batch, peers, args)
            cells.append(cell)
            print(*rows(cell, columns), sep="\n", flush=True)
    if args.json:
        text = json.dumps({"machine": machine, "cells": cells}, indent=1)
        Path(args.json).write_text(text, encoding="utf-8")
    if args.plot:
        plot(cells, [peer for peer in columns if peer != "floor"], args.plot)


def measure_cell(model: str, batch: int, peers: list[str], args: Any) -> dict[str, Any]:
    """All rounds of one model at one batch size."""
    rounds: dict[str, list[dict[str, float]]] = {peer: [] for peer in peers}
    for _ in range(args.rounds):
        for peer in peers:
            rounds[peer].append(measure(peer, model, batch, args.threads, args.device))
    return {"model": model, "batch": batch, "rounds": rounds}


def measure(peer: str, model: str, batch: int, threads: int, device: str) -> dict[str, float]:
    """One process: the median of its steps in ms, and its peak memory in MiB."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
    if peer in (*OURS, "floor"):
        environment["OPENBLAS_NUM_THREADS"] = "1"
    environment["TINYAE_COMPILED"] = "1" if peer == "fast" else "0"
    command = [sys.executable, "-m", "benchmarks", "--child", peer, "--model", model]
    command += ["--batches", str(batch), "--threads", str(threads), "--device", device]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"{peer} failed:\n{run.stderr}")
    return json.loads(run.stdout.splitlines()[-1])


def child(peer: str, model: str, batch: int, threads: int, device: str) -> None:
    """Measure one peer in this process."""
    if peer in OURS:
        from benchmarks.tinyae_steps import step as make

        step, wait = make(model, batch, threads, device)
    elif peer == "floor":
        from benchmarks.floor import step as make_floor

        step, wait = make_floor(model, batch, threads)
    else:
        from benchmarks.pytorch_steps import step as make_torch

        step, wait = make_torch(model, batch, threads, device, peer)
    times = []
    start = time.perf_counter()
    while len(times) < 8 or time.perf_counter() - start < SECONDS:
        wait()
        before = time.perf_counter()
        step()
        wait()
        times.append(time.perf_counter() - before)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"ms": statistics.median(times[3:]) * 1e3, "peak": peak}))


def ratios(cell: dict[str, Any], own: str, peer: str) -> list[float]:
    """The peer's time / tinyae's, in each round."""
    pairs = zip(cell["rounds"][own], cell["rounds"][peer], strict=True)
    return [b["ms"] / a["ms"] for a, b in pairs]


def heads(columns: list[str]) -> str:
    return " ".join(f"{column:>7}" for column in columns)


def rows(cell: dict[str, Any], columns: list[str]) -> list[str]:
    """A line for each of tinyae's ways. The range is that of "best", or of the last way."""
    lines = []
    for own in (way for way in OURS if way in cell["rounds"]):
        mine = cell["rounds"][own]
        numbers = " ".join(f"{statistics.median(ratios(cell, own, c)):7.2f}" for c in columns)
        peers = [peer for peer in columns if peer != "floor"]
        peaks = [f"{max(r['peak'] for r in cell['rounds'][way]):.0f}" for way in (own, *peers)]
        middle = "best" if "best" in peers else (peers or [own])[-1]
        spread = ratios(cell, own, middle)
        lines.append(
            f"{cell['model']:12} {cell['batch']:5d} {own:>6} "
            f"{statistics.median(r['ms'] for r in mine):7.2f} {numbers}  "
            f"{' / '.join(peaks)}, {min(spread):.2f} to {max(spread):.2f}"
        )
    return lines


def description(args: Any) -> dict[str, Any]:
    """What the numbers depend on."""
    import numpy as np

    found = {
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "threads": args.threads,
        "rounds": args.rounds,
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
    try:
        from importlib.metadata import version

        found["torch"] = version("torch")
    except ImportError:
        pass
    return found


def cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def default_threads() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def plot(cells: list[dict[str, Any]], peers: list[str], path: str) -> None:
    """One bar per model, batch size and way of PyTorch; the line at 1 is equal speed."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    _, ax = plt.subplots(figsize=(9, 0.4 * len(cells) * len(peers) + 1.2), layout="constrained")
    labels = []
    ways = [(own, peer) for peer in peers for own in OURS if own in cells[0]["rounds"]]
    for i, cell in enumerate(reversed(cells)):
        for j, (own, peer) in enumerate(ways):
            values = ratios(cell, own, peer)
            middle = statistics.median(values)
            y = i * (len(ways) + 0.6) + j
            error = [[middle - min(values)], [max(values) - middle]]
            ax.barh(
                y, middle, xerr=error, color=f"C{j}", label=f"{own}, {peer}" if i == 0 else None
            )
        labels.append(f"{cell['model']}, {cell['batch']}")
    middle_of_group = (len(ways) - 1) / 2
    ax.set_yticks([i * (len(ways) + 0.6) + middle_of_group for i in range(len(cells))], labels)
    ax.axvline(1, color="black", linewidth=0.8)
    ax.set_xlabel("PyTorch's time / tinyae's (bars: median; lines: range of the rounds)")
    ax.legend(title="tinyae, PyTorch")
    plt.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
