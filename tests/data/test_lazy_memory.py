"""The memory that training on a large file needs."""

import os
import subprocess
import sys

import numpy as np
import pytest

MEASURE = """
import re, sys
from pathlib import Path
from tinyae.cli.main import main

def mebibytes(key):
    return int(re.search(key + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

out = sys.argv[2]
options = "--epochs 1 --batch-size 500 --workers 1 --quiet --size 2 --out"
import tinyae.cli.train, matplotlib.pyplot
before = mebibytes("VmHWM")
if main(["train", "basic", "--data", sys.argv[1], *options.split(), out]):
    sys.exit(1)
print("grown by", mebibytes("VmHWM") - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/status")
def test_training_on_a_large_file_needs_less_memory_than_the_file_has(tmp_path):
    """As float32, the images would take 400 MB."""
    path = tmp_path / "x.npy"
    pixels = np.lib.format.open_memmap(path, "w+", np.uint8, (6400, 125, 125))
    pixels[:] = np.random.default_rng(0).integers(0, 256, (125, 125), dtype=np.uint8)
    del pixels
    pytest.importorskip("PIL")
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, path, tmp_path / "out"],
        env=os.environ | {"TINYAE_COMPILED": "0"},  # numba alone takes 120 MiB
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    grown = float(done.stdout.split("grown by")[1])
    assert grown < 95, f"{grown:.0f} MiB for a file of {path.stat().st_size / 2**20:.0f} MiB"
