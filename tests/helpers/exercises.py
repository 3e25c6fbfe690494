"""Grade an exercise's solution, its stub, or its solution with a mistake, as a student's file."""

import re
import types
import warnings

from tinyae.course import grade, grade_names
from tinyae.course.exercises import find
from tinyae.course.tasks import released, solved, source


def grade_text(name, text):
    """Grade the code of a file without isolation, cell by cell. As in the grader, the visible
    checks do not run, and a cell that fails costs only what it defines."""
    module = types.ModuleType("student_code")
    for cell in re.split(r"(?m)^(?=# %%)", text):
        if '"check"' not in cell.partition("\n")[0]:
            try:
                exec(compile(cell, "student", "exec"), module.__dict__)
            except Exception:
                pass
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # in the student's process, a warning is not an error
        return grade_names(module, name)


def grade_with(name, *changes):
    """Grade the solution after replacing texts: (old, new), (old, new), ..."""
    text = solved(source(find(name)))
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in the solution"
        text = text.replace(old, new)
    return grade_text(name, text)


def lost(result):
    """The parts without full points, with what is said about them."""
    return {part.name: part.output for part in result.tests if part.status == "failed"}


def check_mistake(name, changes, parts, word):
    """The mistake loses exactly these parts, and the feedback has a word that names its cause."""
    found = lost(grade_with(name, *changes))
    assert set(found) == set(parts), found
    assert any(word in text for text in found.values()), found


def check_solution_and_stub(name, tmp_path):
    """In isolation, the solution has all points, and the stub has none and no error."""
    exercise = find(name)
    text = source(exercise)
    for version, points in ((solved(text), exercise.max_score), (released(text), 0)):
        path = tmp_path / f"{name}.py"
        path.write_text(version, encoding="utf-8")
        result = grade(path, exercise)
        assert result.score == points, str(result)
    assert {part.output for part in result.tests} == {"not written yet"}, str(result)
    assert "BEGIN" not in released(text) and "hidden" not in released(text).lower()
    assert f'"points": {exercise.max_score:g},' in text
