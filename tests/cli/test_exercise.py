"""tinyae exercise and tinyae grade, as a student and an instructor type them."""

import json

import pytest

from tinyae.cli.main import main
from tinyae.course.exercises import NAMES, find
from tinyae.course.tasks import solved, source


def test_start_writes_once_and_never_over_work(tmp_path, capsys):
    assert main(["exercise", "start", "linear", str(tmp_path)]) == 0
    path = tmp_path / "02_linear.py"
    path.write_text("# my work\n", encoding="utf-8")
    assert main(["exercise", "start", "linear", str(tmp_path)]) == 0
    assert path.read_text("utf-8") == "# my work\n"
    assert "stay as they are" in capsys.readouterr().out


def test_check_says_what_is_right_and_remembers_it(tmp_path, capsys):
    path = tmp_path / "02_linear.py"
    path.write_text(solved(source(find("linear"))), encoding="utf-8")
    assert main(["exercise", "check", str(path)]) == 0
    assert "10 of 10 points" in capsys.readouterr().out
    path.write_text("x = 1\n", encoding="utf-8")
    assert main(["exercise", "check", str(path)]) == 1
    assert main(["exercise", "list", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "10 of 10 points" in out and f"1 of {len(NAMES)} tried" in out


def test_a_notebook_is_checked_too(tmp_path):
    assert main(["exercise", "start", "linear", str(tmp_path)]) == 0
    assert main(["exercise", "check", str(tmp_path / "02_linear.ipynb")]) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["exercise", "start", "lineal"], "did you mean 'linear'"),
        (["exercise", "check", "homework.py"], "--exercise NAME"),
        (["grade", "nothing.py", "--exercise", "linear"], "no file or folder nothing.py"),
        (["grade", ".", "--csv", "g.csv"], "--exercise NAME"),
        (["grade"], "which submission"),
        (["exercise", "check", "02_linear.py", "--timeout", "0"], "must be positive"),
    ],
)
def test_wrong_arguments_are_explained(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert words in capsys.readouterr().err


def test_grade_prints_json(tmp_path, capsys):
    path = tmp_path / "02_linear.py"
    path.write_text(solved(source(find("linear"))), encoding="utf-8")
    assert main(["grade", str(path), "--json", "--gradescope", str(tmp_path / "r.json")]) == 0
    assert json.loads(capsys.readouterr().out)["score"] == 10
    assert json.loads((tmp_path / "r.json").read_text("utf-8"))["score"] == 10


def test_release_writes_sources_for_nbgrader(tmp_path):
    arguments = ["exercise", "release", str(tmp_path), "--nbgrader", "--only", "linear"]
    assert main(arguments) == 0
    book = json.loads((tmp_path / "source" / "linear" / "linear.ipynb").read_text("utf-8"))
    kinds = [cell["metadata"].get("nbgrader", {}) for cell in book["cells"]]
    assert sum(kind.get("points", 0) for kind in kinds) == 10
    assert sum(kind.get("solution", False) for kind in kinds) == 1
