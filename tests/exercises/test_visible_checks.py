"""What a student sees: the visible checks of each exercise run with its solution, in seconds."""

import pytest

from tinyae.course.exercises import NAMES, find
from tinyae.course.tasks import solved, source


@pytest.mark.parametrize("name", NAMES)
def test_the_visible_checks_run_and_find_nothing(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setenv("TINYAE_FAST", "1")  # figures are not saved
    exec(compile(solved(source(find(name))), name, "exec"), {"__name__": "student_code"})
    text = capsys.readouterr().out
    assert text and "nan" not in text.lower().split()
    assert "WRONG" not in text and "FAILED" not in text
    assert not list(tmp_path.iterdir())
