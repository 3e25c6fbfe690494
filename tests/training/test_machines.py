"""Several processes train one model: the same result as one process with as many workers."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinyae import Adam, Autoencoder, Linear, Objective, fit
from tinyae.training.machines import Machines, find_machines

SCRIPT = Path(__file__).parents[1] / "helpers" / "train_with_mpi.py"
MPIEXEC = shutil.which(
    "mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
)
needs_mpi = pytest.mark.skipif(
    MPIEXEC is None or importlib.util.find_spec("mpi4py") is None,
    reason="mpiexec or mpi4py is not installed",
)


def run(processes, out, *options, check=True):
    """Start the script in some processes; the arrays of each."""
    start = [MPIEXEC, "-n", str(processes)] if processes > 1 else []
    done = subprocess.run(
        [*start, sys.executable, str(SCRIPT), str(out), *map(str, options)],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )
    if not check:
        return done
    assert done.returncode == 0, done.stderr
    return [dict(np.load(f"{out}.{rank}.npz")) for rank in range(processes)]


@needs_mpi
@pytest.mark.parametrize("processes", [2, 4])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
def test_the_same_as_one_process_with_as_many_workers(tmp_path, processes, dtype, tolerance):
    found = run(processes, tmp_path / "many", "--dtype", dtype)
    (alone,) = run(1, tmp_path / "one", "--dtype", dtype, "--workers", processes)
    for name, expected in alone.items():
        np.testing.assert_allclose(found[0][name], expected, rtol=tolerance, atol=tolerance)
        for other in found[1:]:
            np.testing.assert_array_equal(other[name], found[0][name])


@needs_mpi
def test_a_last_batch_with_fewer_examples_than_processes(tmp_path):
    options = ["--examples", "33", "--batch-size", "16"]  # the last batch has one example
    found = run(4, tmp_path / "many", *options)
    (alone,) = run(1, tmp_path / "one", *options, "--workers", 4)
    np.testing.assert_allclose(found[0]["losses"], alone["losses"], rtol=1e-12)


@needs_mpi
def test_resumed_runs_have_the_same_bits(tmp_path):
    whole = run(2, tmp_path / "whole", "--epochs", 3)
    path = tmp_path / "checkpoint.npz"
    run(2, tmp_path / "half", "--epochs", 2, "--checkpoint", path)
    rest = run(2, tmp_path / "rest", "--epochs", 3, "--checkpoint", path, "--resume")
    for name, expected in whole[0].items():
        np.testing.assert_array_equal(rest[0][name], expected)


@needs_mpi
def test_another_number_of_processes_is_refused(tmp_path):
    path = tmp_path / "checkpoint.npz"
    run(2, tmp_path / "a", "--checkpoint", path)
    done = run(4, tmp_path / "b", "--checkpoint", path, "--resume", check=False)
    assert done.returncode != 0 and "machines = 2" in done.stderr


@needs_mpi
def test_a_process_that_fails_ends_all_with_its_message(tmp_path):
    done = run(2, tmp_path / "a", "--fail", 1, check=False)
    assert done.returncode != 0 and "process 1 of 2: RuntimeError: a broken disk" in done.stderr


@needs_mpi
def test_a_loss_that_is_not_finite_ends_all(tmp_path):
    done = run(2, tmp_path / "a", "--nan", check=False)
    assert done.returncode != 0 and "TrainingDiverged" in done.stderr


@needs_mpi
def test_early_stopping_stops_all_at_the_same_epoch(tmp_path):
    found = run(2, tmp_path / "a", "--epochs", 6, "--patience", 1)
    assert len(found[0]["losses"]) == len(found[1]["losses"])


@needs_mpi
def test_the_command_line_writes_and_prints_once(tmp_path):
    command = ["train", "--epochs", "1", "--quiet", "--out", str(tmp_path / "run")]
    done = subprocess.run(
        [MPIEXEC, "-n", "2", sys.executable, "-m", "tinyae", *command],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("written to") == 1
    assert (tmp_path / "run" / "weights.npz").exists()


def test_processes_without_mpi4py_say_what_to_install(monkeypatch):
    monkeypatch.setenv("PMI_SIZE", "4")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(ImportError, match="tinyae\\[mpi\\]"):
        find_machines()


def test_an_objective_that_needs_the_full_batch_is_refused():
    class Two(Machines):
        def __init__(self):
            super().__init__()
            self.size = 2

    class Whole(Objective):
        needs_full_batch = True

    x = np.zeros((8, 4), np.float32)
    model = Autoencoder(Linear(4, 2, rng=0), Linear(2, 4, rng=1))
    with pytest.raises(ValueError, match="needs the full batch"):
        fit(model, x, Whole(), Adam(model.params), 1, machines=Two(), progress=False)


def test_the_parts_of_a_list_are_all_of_it():
    class Process(Machines):
        def __init__(self, rank, size):
            self.rank, self.size = rank, size

    items = list(range(11))
    for size in (1, 2, 3, 4, 16):
        parts = [Process(rank, size).mine(items) for rank in range(size)]
        assert sum(parts, []) == items
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
