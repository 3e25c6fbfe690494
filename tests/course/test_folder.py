"""A folder of submissions: one row each, whatever they are; a run that was stopped is resumed."""

import csv
import os
import signal
import subprocess
import sys
import time

import pytest

from tinyae.course import Limits
from tinyae.course.exercises import find
from tinyae.course.folder import grade_folder
from tinyae.course.release import notebook
from tinyae.course.tasks import released, solved, source

LINEAR = find("linear")
TEXT = source(LINEAR)


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return {row["submission"]: row for row in csv.DictReader(file)}


@pytest.fixture
def submissions(tmp_path):
    folder = tmp_path / "submissions"
    folder.mkdir()
    (folder / "ada.py").write_text(solved(TEXT), encoding="utf-8")
    (folder / "bob.ipynb").write_text(notebook(solved(TEXT)), encoding="utf-8")
    (folder / "cy.py").write_text(released(TEXT), encoding="utf-8")
    (folder / "di").mkdir()
    (folder / "di" / "02_linear.py").write_text(solved(TEXT), encoding="utf-8")
    (folder / "di" / "notes.py").write_text("", encoding="utf-8")
    (folder / "ed").mkdir()
    (folder / "fay.py").write_bytes(b"\xff\x00")
    (folder / "gus.py").write_text("x" * 20_000_000, encoding="utf-8")
    (folder / ".DS_Store").write_text("")
    return folder


def test_each_submission_gets_a_row(submissions, tmp_path):
    table, seen = tmp_path / "grades.csv", []
    count = grade_folder(
        submissions, LINEAR, table, feedback=tmp_path / "feedback",
        progress=lambda *a: seen.append(a),
    )  # fmt: skip
    found = rows(table)
    assert count == 7 and seen[-1] == (7, 7)
    scores = {name: float(row["score"]) for name, row in found.items()}
    assert scores == {"ada.py": 10, "bob.ipynb": 10, "cy.py": 0, "di": 10, "ed": 0,
                      "fay.py": 0, "gus.py": 0}  # fmt: skip
    assert "not written yet" in found["cy.py"]["feedback"]
    assert "expected a file 02_linear.py" in found["ed"]["feedback"]
    assert "16 MiB" in found["gus.py"]["feedback"]
    assert found["ada.py"]["dW (2)"] == "2"
    assert "10 of 10" in (tmp_path / "feedback" / "ada.py.txt").read_text("utf-8")
    assert len({row["seed"] for row in found.values()}) == 1


def test_what_is_graded_is_not_graded_again_unless_it_changed(submissions, tmp_path):
    table = tmp_path / "grades.csv"
    grade_folder(submissions, LINEAR, table)
    assert grade_folder(submissions, LINEAR, table) == 0
    (submissions / "cy.py").write_text(solved(TEXT), encoding="utf-8")
    assert grade_folder(submissions, LINEAR, table) == 1
    assert grade_folder(submissions, LINEAR, table, again=True) == 7
    assert len(rows(table)) == 7


def test_a_row_that_was_cut_is_graded_again(submissions, tmp_path):
    table = tmp_path / "grades.csv"
    grade_folder(submissions, LINEAR, table)
    text = table.read_text("utf-8")
    table.write_text(text[:-40], encoding="utf-8")
    assert grade_folder(submissions, LINEAR, table) == 1
    assert len(rows(table)) == 7


def test_a_table_of_something_else_is_not_touched(submissions, tmp_path):
    table = tmp_path / "grades.csv"
    table.write_text("name,points\nada,3\n", encoding="utf-8")
    with pytest.raises(ValueError, match="is not a table of grades"):
        grade_folder(submissions, LINEAR, table)
    assert table.read_text("utf-8") == "name,points\nada,3\n"


def test_code_cannot_read_other_submissions(submissions, tmp_path):
    spy = "import glob, os\n" + "print('found', len(glob.glob(os.path.dirname(__file__) + '/*')))"
    spy += f"\nprint('seen', os.path.exists({str(submissions)!r} + '/ada.py'))\n"
    (submissions / "spy.py").write_text(spy, encoding="utf-8")
    grade_folder(submissions, LINEAR, tmp_path / "grades.csv", feedback=tmp_path / "feedback")
    text = (tmp_path / "feedback" / "spy.py.txt").read_text("utf-8")
    assert "found 1" in text
    if "seen True" in text:
        pytest.skip("this machine cannot hide folders")


def test_a_cell_is_not_a_formula(submissions, tmp_path):
    (submissions / "=cmd.py").write_text("raise ValueError('=1+1')", encoding="utf-8")
    grade_folder(submissions, LINEAR, tmp_path / "grades.csv", limits=Limits(seconds=2))
    assert not [v for row in rows(tmp_path / "grades.csv").values() for v in row.values()
                if v.startswith("=")]  # fmt: skip


def test_a_killed_run_is_resumed_without_grading_twice(tmp_path):
    folder, table = tmp_path / "submissions", tmp_path / "grades.csv"
    folder.mkdir()
    for i in range(12):
        (folder / f"s{i:02d}.py").write_text(f"# {i}\n{solved(TEXT)}", encoding="utf-8")
    command = [sys.executable, "-m", "tinyae", "grade", str(folder), "--exercise", "linear",
               "--csv", str(table), "--workers", "1"]  # fmt: skip
    run = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    while run.poll() is None and not (table.exists() and table.read_text("utf-8").count("\n") > 3):
        time.sleep(0.02)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    before = rows(table)
    assert 0 < len(before) < 12
    left = grade_folder(folder, LINEAR, table)
    after = rows(table)
    assert len(after) == 12 and left >= 12 - len(before)
    assert (
        sum(after[name]["seed"] == row["seed"] for name, row in before.items()) >= len(before) - 1
    )
