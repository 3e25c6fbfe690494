"""The autograder's zip, unpacked in Gradescope's folder layout, and points of a course's tests."""

import importlib.metadata
import json
import os
import subprocess
import sys
import zipfile

import pytest

from tinyae.course.exercises import find
from tinyae.course.gradescope import make_zip
from tinyae.course.tasks import released, solved, source

LINEAR = find("linear")


@pytest.mark.parametrize(("version", "points"), [(solved, 10), (released, 0)])
def test_the_zip_writes_results_json(tmp_path, version, points):
    root = tmp_path / "autograder"
    bundle = make_zip(LINEAR, tmp_path / "linear.zip")
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(root / "source")
        assert archive.getinfo("run_autograder").external_attr >> 16 & 0o111
    (root / "submission").mkdir()
    (root / "submission" / "homework.py").write_text(version(source(LINEAR)), encoding="utf-8")
    # As after setup.sh: a virtual environment with NumPy, and no tinyae but that of the zip
    (root / "source" / "venv" / "bin").mkdir(parents=True)
    python = root / "source" / "venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    subprocess.run(
        ["bash", str(root / "source" / "run_autograder")],
        env={**os.environ, "AUTOGRADER_ROOT": str(root)}, check=True,
    )  # fmt: skip
    results = json.loads((root / "results" / "results.json").read_text("utf-8"))
    assert results["score"] == points
    assert sum(test["max_score"] for test in results["tests"]) == 10
    assert {test["status"] for test in results["tests"]} == {"passed" if points else "failed"}
    assert all(set(t) == {"number", "name", "score", "max_score", "status", "output", "visibility"}
               for t in results["tests"])  # fmt: skip


COURSE_TESTS = """
    import numpy as np
    import pytest

    X, W, B = np.ones((2, 3)), np.ones((4, 3)), np.zeros(4)

    @pytest.mark.points(2)
    def test_forward(student):
        y, cache = student.call("linear_forward", X, W, B)
        assert np.allclose(y, 3)

    @pytest.mark.points(3)
    def test_backward(student):
        y, cache = student.call("linear_forward", X, W, B)
        dx, dW, db = student.call("linear_backward", y, cache)
        assert np.allclose(db, 7), "db is wrong"

    def test_without_points(student):
        student.names()
    """


def test_a_courses_own_tests_give_points(write, tmp_path):
    homework = write(solved(source(LINEAR)), "homework.py")
    tests = write(COURSE_TESTS, "test_course.py")
    results = tmp_path / "results.json"
    # An installed tinyae has registered it; a checkout that is only on the path has not
    names = {entry.name for entry in importlib.metadata.entry_points(group="pytest11")}
    plugin = [] if "tinyae" in names else ["-p", "tinyae.course.pytest_plugin"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests),
         "--rootdir", str(tmp_path), "-c", os.devnull, *plugin,
         "--submission", str(homework), "--points", str(results)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert "points: 2 of 5" in run.stdout, run.stdout + run.stderr
    found = json.loads(results.read_text("utf-8"))
    assert [(t["name"], t["score"]) for t in found["tests"]] == [
        ("test_forward", 2.0), ("test_backward", 0.0)
    ]  # fmt: skip
    assert "db is wrong" in found["tests"][1]["output"]
