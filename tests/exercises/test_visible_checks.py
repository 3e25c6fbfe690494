"""What a student sees: the visible checks of each exercise run with its solution, in seconds, and
its chapter links it."""

import pytest

from tinyae.course.exercises import NAMES, find
from tinyae.course.tasks import folder, solved, source


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


@pytest.mark.parametrize("name", NAMES)
def test_the_chapter_links_the_exercise(name):
    exercise = find(name)
    text = (folder().parent / f"{exercise.chapter}.py").read_text("utf-8")
    link = f"[Exercise {exercise.number} · {exercise.title}](exercises/{exercise.stem}.py)"
    assert f"{link}, `tinyae exercise start {name}`" in text
    assert f"# # Exercise {exercise.number} · {exercise.title}\n" in source(exercise)
