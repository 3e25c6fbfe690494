"""Kill a training run with SIGKILL at random moments, each time in the middle of what it does.

    cd tests && python -m helpers.kill_runs 100

Each start continues where the last one was killed. At the end, the weights must be those of a run
that nobody disturbed, bit for bit, and the folder must hold the checkpoint alone.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from helpers.small import noisy, run, same_bits
from tinyae import Adam, Autoencoder, Linear, ReLU, Sequential, Sigmoid
from tinyae.io.files import TEMPORARY
from tinyae.training.checkpoint import read_checkpoint

PROGRAM = """
import os, sys
os.environ["TINYAE_COMPILED"] = "0"  # to load them takes longer than the run may live
sys.path.insert(0, {tests!r})
from helpers.kill_runs import train
print("started", flush=True)
train(100_000, {path!r}, resume={resume})
"""


def train(epochs: int, path: Path | str | None = None, resume: bool = False) -> Autoencoder:
    """Most of its time goes into checkpoints, so that most kills hit one."""
    rng = np.random.default_rng(0)
    data = rng.uniform(size=(40, 100)).astype(np.float32)
    model = Autoencoder(
        Sequential(Linear(100, 200, rng=rng), ReLU(), Linear(200, 10, rng=rng)),
        Sequential(Linear(10, 200, rng=rng), ReLU(), Linear(200, 100, rng=rng), Sigmoid()),
    )
    optimizer = Adam(model.params, 1e-3)
    run(epochs, model, data, noisy, optimizer, checkpoint=path, resume=resume)
    return model


def kill_runs(folder: Path, moments: int, seed: int = 0, longest: float = 0.2) -> dict[str, Any]:
    """Kill ``moments`` times; raise AssertionError where something is lost. Counts for a report."""
    rng, path = np.random.default_rng(seed), folder / "run.npz"
    epochs, left_behind = [], 0
    tests = str(Path(__file__).parent.parent)
    for _ in range(moments):
        program = PROGRAM.format(tests=tests, path=str(path), resume=path.exists())
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        assert process.stdout and process.stdout.readline()
        time.sleep(rng.uniform(0, longest))
        assert process.poll() is None, "the run ended by itself"
        process.kill()
        process.wait()
        process.stdout.close()
        if path.exists():
            epochs.append(read_checkpoint(path)[0].epoch)  # whole, after every kill
        left_behind += any(TEMPORARY.fullmatch(file.name) for file in folder.iterdir())
    assert epochs == sorted(epochs)
    total = epochs[-1] + 2
    same_bits(train(total, path, resume=True), train(total))
    files = sorted(file.name for file in folder.iterdir())
    assert files == ["run.npz"], files
    return {"kills": moments, "left a temporary file": left_behind, "epochs": total}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        print(kill_runs(Path(name), int(sys.argv[1]) if len(sys.argv) > 1 else 100))
