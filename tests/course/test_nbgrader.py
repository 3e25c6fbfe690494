"""nbgrader generates, autogrades and exports exercises: the solution in full, the stub 0."""

import csv
import importlib.util
import json
import os
import shutil
import subprocess
import sys

import pytest

from tinyae.course.exercises import NAMES, find
from tinyae.course.release import release_nbgrader

if importlib.util.find_spec("nbgrader") is None:
    pytest.skip("nbgrader is not installed", allow_module_level=True)

CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "course"
"""
WANTED = [name for name in ("linear", "pooling") if name in NAMES]


def nbgrader(folder, *arguments):
    # nbgrader calls other programs of its environment (alembic) by name
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    run = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def solve(book, source):
    """Put the solutions of the source notebook into the released one, as a student would."""
    solutions = {
        cell["metadata"]["nbgrader"]["grade_id"]: cell["source"]
        for cell in source["cells"]
        if cell["metadata"].get("nbgrader", {}).get("solution")
    }
    assert solutions
    for cell in book["cells"]:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
        cell["source"] = solutions.get(grade_id, cell["source"])
    return book


@pytest.mark.parametrize("name", WANTED)
def test_solution_full_and_stub_zero(name, tmp_path):
    (tmp_path / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8")
    (source,) = release_nbgrader(find(name), tmp_path)
    nbgrader(tmp_path, "generate_assignment", name, "--create")
    released = tmp_path / "release" / name / f"{name}.ipynb"
    book = json.loads(released.read_text("utf-8"))
    assert "SOLUTION" not in released.read_text("utf-8")
    assert "grade_names" not in released.read_text("utf-8")
    for student in ("ada", "stub"):
        (tmp_path / "submitted" / student / name).mkdir(parents=True)
        shutil.copy(released, tmp_path / "submitted" / student / name)
    solved = solve(book, json.loads(source.read_text("utf-8")))
    (tmp_path / "submitted" / "ada" / name / f"{name}.ipynb").write_text(
        json.dumps(solved), encoding="utf-8"
    )
    nbgrader(tmp_path, "autograde", name)
    nbgrader(tmp_path, "export", "--to", "grades.csv")
    with open(tmp_path / "grades.csv", encoding="utf-8", newline="") as file:
        scores = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert scores == {"ada": find(name).max_score, "stub": 0}
