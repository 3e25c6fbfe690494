"""Training on files that are larger than memory should be: time and memory for 10³ to 10⁶ images.

    python benchmarks/large_data.py                                # 1000 to 1000000 images
    python benchmarks/large_data.py --images 100000 --format npy idx
    python benchmarks/large_data.py --quick                        # 1000 and 100000 images

For each size, a file of random images of 28×28 bytes is written to a temporary folder, and ``tinyae
train`` reads it in a process of its own. "peak" is the largest memory of that process, "anonymous"
the part of it that is not a file that the system could drop at any time. "microseconds per image"
is the training alone (the median over the epochs, without start, checks and plots); "CPU" is of the
whole process, with all its threads.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

SIDE = 28
PART = 10_000  # images that are written at a time
LEAST = 20_000  # images that are trained on, in several epochs if necessary


class Measured(NamedTuple):
    peak: float  # MiB
    anonymous: float  # MiB
    wall: float  # seconds
    cpu: float  # seconds
    per_image: float  # microseconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, nargs="+", default=[1000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--format", nargs="+", choices=["npy", "idx"], default=["npy", "idx"])
    parser.add_argument("--model", default="linear", help="a small one shows the cost of reading")
    parser.add_argument("--workers", default="1", help="worker threads (default: 1)")
    parser.add_argument("--quick", action="store_true", help="1000 and 100000 images, .npy only")
    args = parser.parse_args()
    if args.quick:
        args.images, args.format = [1000, 100_000], ["npy"]
    print(
        f"tinyae train {args.model} --workers {args.workers}, images of {SIDE}×{SIDE} bytes\n"
        f"{'format':8}{'images':>9}{'file MiB':>10}{'peak MiB':>10}{'anonymous':>11}"
        f"{'seconds':>9}{'CPU':>8}{'microseconds per image':>24}"
    )
    for kind in args.format:
        for n in args.images:
            with tempfile.TemporaryDirectory() as folder:
                path = write(Path(folder), kind, n)
                m = measure(path, Path(folder) / "out", n, args.model, args.workers)
                print(
                    f"{kind:8}{n:9,}{path.stat().st_size / 2**20:10.1f}{m.peak:10.0f}"
                    f"{m.anonymous:11.0f}{m.wall:9.1f}{m.cpu:8.1f}{m.per_image:24.1f}",
                    flush=True,
                )


def write(folder: Path, kind: str, n: int) -> Path:
    """A file of ``n`` random images."""
    path = folder / ("images.npy" if kind == "npy" else "images.idx")
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        if kind == "npy":
            header = {"descr": "|u1", "fortran_order": False, "shape": (n, SIDE, SIDE)}
            np.lib.format.write_array_header_1_0(file, header)
        else:
            file.write(struct.pack(">BBBB3I", 0, 0, 8, 3, n, SIDE, SIDE))
        for start in range(0, n, PART):
            shape = (min(PART, n - start), SIDE, SIDE)
            file.write(rng.integers(0, 256, shape, dtype=np.uint8).tobytes())
    return path


def measure(path: Path, out: Path, n: int, model: str, workers: str) -> Measured:
    """Train on a file in a process of its own.

    Raises:
        RuntimeError: the training failed.
    """
    epochs = max(1, LEAST // n)
    command = [sys.executable, "-m", "tinyae", "train", model, "--data", str(path), "--quiet"]
    command += ["--epochs", str(epochs), "--workers", workers, "--out", str(out)]
    started, anonymous = time.perf_counter(), 0.0
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            anonymous = max(anonymous, anonymous_memory(process.pid))
            time.sleep(0.02)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            raise RuntimeError(log.read())
    with (out / "history.csv").open(encoding="utf-8") as file:
        speeds = [float(row["images_per_s"]) for row in csv.DictReader(file)]
    kib = 1 if sys.platform.startswith("linux") else 1024  # elsewhere ru_maxrss is in bytes
    return Measured(
        usage.ru_maxrss / kib / 1024,
        anonymous,
        time.perf_counter() - started,
        usage.ru_utime + usage.ru_stime,
        1e6 / statistics.median(speeds),
    )


def anonymous_memory(pid: int) -> float:
    """In MiB; 0 where there is no /proc."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    found = re.search(r"RssAnon:\s+(\d+)", status)
    return int(found[1]) / 1024 if found else 0.0


if __name__ == "__main__":
    main()
