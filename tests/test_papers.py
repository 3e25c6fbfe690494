"""``benchmarks/papers.py``: every table runs, on few images, and says what the paper has."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PAPERS = Path(__file__).parents[1] / "benchmarks" / "papers.py"
PAPER_VALUES = {
    "hinton": "[13.87]",
    "vincent": "[2.84]",
    "rifai": "[86.4]",
    "ksparse": "[1.35]",
    "vae": "[-99.5]",
}


def papers(*arguments, **environment):
    return subprocess.run(
        [sys.executable, PAPERS, *arguments],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
    )


@pytest.mark.mnist
@pytest.mark.parametrize("table", PAPER_VALUES)
def test_a_table_is_printed_beside_the_papers_and_written_as_json(table, data_dir, tmp_path):
    file = tmp_path / "results.json"
    arguments = [table, "--quick", "--seeds", "1", "--json", str(file)]
    run = papers(*arguments, TINYAE_DATA=str(data_dir))
    assert run.returncode == 0, run.stderr
    assert PAPER_VALUES[table] in run.stdout and "What differs from the paper" in run.stdout
    assert "nan" not in run.stdout and "seed 0" in run.stderr  # progress
    written = json.loads(file.read_text())
    assert written["quick"] and written["table"] == table
    for runs in written["results"].values():
        (metrics,) = runs
        assert metrics["seed"] == 0 and metrics["test"] != 0
        assert metrics["cpu_s"] > 0 and metrics["wall_s"] > 0


@pytest.mark.mnist
def test_one_method_and_other_seeds(data_dir, tmp_path):
    file = tmp_path / "results.json"
    more = ["--quick", "--method", "PCA", "--first-seed", "5", "--seeds", "2", "--json", str(file)]
    run = papers("hinton", *more, TINYAE_DATA=str(data_dir))
    assert " ± 0.000 [13.87]" in run.stdout  # PCA does not depend on the seed
    results = json.loads(file.read_text())["results"]
    assert {name: [m["seed"] for m in runs] for name, runs in results.items()} == {"PCA": [5, 6]}


@pytest.mark.mnist
def test_a_stopped_run_continues_where_it_was(data_dir, tmp_path):
    file = tmp_path / "results.json"
    more = ["--quick", "--method", "PCA", "--json", str(file)]
    papers("hinton", *more, "--seeds", "1", TINYAE_DATA=str(data_dir))
    first = json.loads(file.read_text())["results"]["PCA"]
    run = papers("hinton", *more, "--seeds", "2", TINYAE_DATA=str(data_dir))
    assert f"seed 0: PCA: from {file}" in run.stderr
    whole = json.loads(file.read_text())["results"]["PCA"]
    assert whole[0] == first[0] and [m["seed"] for m in whole] == [0, 1]
    run = papers("vae", "--quick", "--json", str(file), TINYAE_DATA=str(data_dir))
    assert run.returncode == 2 and "has table hinton" in run.stderr


def test_an_unknown_method_is_refused_with_the_known_ones():
    run = papers("hinton", "--method", "LSTM")
    assert run.returncode == 2 and "K-FAC, random weights" in run.stderr
    assert papers("hinton", "--seeds", "0").returncode == 2
