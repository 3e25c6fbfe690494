"""The example of docs/instructors.md is built and graded; its commands exist."""

import re
from pathlib import Path

import pytest

from tinyae.cli.main import main
from tinyae.course import grade
from tinyae.course.exercises import find
from tinyae.course.release import start
from tinyae.course.tasks import released, solved, source

PAGE = (Path(__file__).parents[2] / "docs" / "instructors.md").read_text("utf-8")


def block(name):
    (text,) = re.findall(rf"(?ms)^```python {name}\n(.*?)^```", PAGE)
    return text


@pytest.fixture
def own_exercise(tmp_path):
    folder = tmp_path / "my_course"
    folder.mkdir()
    (folder / "40_scale.py").write_text(block("task"), encoding="utf-8")
    (folder / "grade_scale.py").write_text(block("grading"), encoding="utf-8")
    return find(str(folder / "grade_scale.py"))


@pytest.mark.parametrize(
    ("change", "points"),
    [
        (("", ""), 2),
        (("s * dy, (dy * x).sum()", "dy, (dy * x).sum()"), 1.5),
        (("return s * x, (x, s)", "return s + x, (x, s)"), 1),
    ],
)
def test_the_example_is_graded(own_exercise, tmp_path, change, points):
    path = tmp_path / "homework.py"
    path.write_text(solved(source(own_exercise)).replace(*change), encoding="utf-8")
    result = grade(path, own_exercise)
    assert result.score == points, str(result)


def test_the_stub_of_the_example_gets_nothing(own_exercise, tmp_path):
    (path, *_) = start(own_exercise, tmp_path)
    assert path.name == "40_scale.py" and "SOLUTION" not in released(source(own_exercise))
    assert grade(path, own_exercise).score == 0


def test_the_commands_of_the_page_exist(capsys):
    commands = set(re.findall(r"tinyae (exercise \w+|grade|zoo \w+)", PAGE))
    assert len(commands) > 3
    for command in commands:
        with pytest.raises(SystemExit) as stop:
            main([*command.split(), "--help"])
        assert stop.value.code == 0
    options = set(re.findall(r"tinyae grade[^`\n]*?(--[\w-]+)", PAGE))
    with pytest.raises(SystemExit):
        main(["grade", "--help"])
    text = capsys.readouterr().out
    assert all(option in text for option in options)
