"""Grade a submission: run the checks of an exercise on a student's code, and add up the points."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tinyae.course import tasks
from tinyae.course.errors import MissingName, StudentCodeError, StudentException, UnreadableFile
from tinyae.course.exercise import Check, Code, Exercise, Mistake, Partial
from tinyae.course.isolation import StudentCode
from tinyae.course.notebook import NotebookCode
from tinyae.course.sandbox import Limits

SHOWN = 500  # characters of what the code printed


@dataclass
class PartGrade:
    """The grade of one part.

    Attributes:
        status: ``"passed"`` or ``"failed"``.
        output: what is wrong, as a sentence for the student.

    Example:
        >>> from tinyae.course import Grade, PartGrade
        >>> part = PartGrade("dW", 0, 2, "failed", "dW is wrong: it is transposed")
        >>> print(Grade("linear", [part]))
        linear: 0 of 2 points
          WRONG dW  0/2  dW is wrong: it is transposed
    """

    name: str
    score: float
    max_score: float
    status: str
    output: str


@dataclass
class Grade:
    """The grade of a submission.

    Attributes:
        exercise: its name.
        tests: one entry per part.
        notes: what else the student or the instructor should know.
        protection: what this machine does not protect from the student's code, in sentences.

    Example:
        >>> from tinyae.course import Grade, PartGrade
        >>> grade = Grade("linear", [PartGrade("y", 2, 2, "passed", "")])
        >>> grade.score, grade.to_dict()["tests"][0]["name"]
        (2, 'y')
    """

    exercise: str
    tests: list[PartGrade] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    protection: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        return sum(part.score for part in self.tests)

    @property
    def max_score(self) -> float:
        return sum(part.max_score for part in self.tests)

    def to_dict(self) -> dict[str, Any]:
        """Numbers, strings and lists only, ready for ``json.dumps``."""
        return {
            "exercise": self.exercise,
            "score": self.score,
            "max_score": self.max_score,
            "tests": [vars(part).copy() for part in self.tests],
            "notes": self.notes,
        }

    def __str__(self) -> str:
        lines = [f"{self.exercise}: {self.score:g} of {self.max_score:g} points"]
        width = max((len(part.name) for part in self.tests), default=0)
        for part in self.tests:
            mark = "ok   " if part.status == "passed" else "WRONG"
            text = f"  {mark} {part.name:{width}}  {part.score:g}/{part.max_score:g}"
            lines.append(f"{text}  {part.output}".rstrip())
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


def grade(
    path: str | Path,
    exercise: Exercise | str,
    seed: int | None = None,
    limits: Limits | None = None,
    hide: Iterable[str | Path] = (),
) -> Grade:
    """Grade a student's file, a script or a notebook. Its code runs in a process of its own.

    Args:
        path: a .py file or an .ipynb notebook.
        exercise: the exercise, or its name.
        seed: draws the inputs; by default, nobody knows it in advance.
        limits: what the student's process may use.
        hide: folders that the code may not see, besides those with the solutions.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from tinyae.course import grade
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "02_linear.py")
        ...     _ = path.write_text("def linear_forward(x, W, b): return x @ W.T, (x, W)")
        ...     result = grade(path, "linear")
        >>> result.score, result.tests[0].output
        (0.0, 'y is wrong: b was not added')
    """

    @contextmanager
    def start() -> Iterator[StudentCode]:
        with StudentCode(path, limits, hide=[*secret, *hide]) as code:
            yield code

    exercise = _find(exercise) if isinstance(exercise, str) else exercise
    secret = answers() + ([exercise.folder] if exercise.folder else [])
    return _grade(start, exercise, seed)


def _find(name: str) -> Exercise:
    # Not at the top: a student's code may import tinyae.course, and cannot see the exercises.
    from tinyae.course.exercises import find

    return find(name)


def answers() -> list[Path]:
    """The folders with solutions and references, which a student's code may not see."""
    return [tasks.folder(), Path(tasks.__file__).with_name("exercises")]


def no_points(exercise: Exercise, reason: str) -> Grade:
    """The grade of a submission that cannot be run."""
    tests = [
        PartGrade(part, 0.0, points, "failed", reason) for part, points in exercise.parts.items()
    ]
    return Grade(exercise.name, tests)


def grade_names(names: Any, exercise: Exercise | str, seed: int | None = None) -> Grade:
    """Grade the code of this process, such as ``globals()`` of a notebook. It is not isolated.

    Example:
        >>> from tinyae.course import grade_names
        >>> def linear_forward(x, W, b):
        ...     return x @ W.T, (x, W)
        >>> result = grade_names({"linear_forward": linear_forward}, "linear")  # or globals()
        >>> result.score, result.tests[0].output
        (0.0, 'y is wrong: b was not added')
    """

    @contextmanager
    def start() -> Iterator[NotebookCode]:
        yield NotebookCode(names)

    return _grade(start, exercise, seed)


def _grade(
    start: Callable[[], AbstractContextManager[Any]], exercise: Exercise | str, seed: int | None
) -> Grade:
    exercise = _find(exercise) if isinstance(exercise, str) else exercise
    seed = secrets.randbits(64) if seed is None else seed
    result = Grade(exercise.name)
    wrong: dict[str, str] = {}
    left = list(enumerate(exercise.checks))
    while left:
        try:
            with start() as code:
                left = _run_checks(code, left, seed, wrong)
                result.protection = getattr(code, "protection", ())
                result.notes += _notes(code, result.notes)
        except StudentCodeError as error:  # the file could not be run at all
            wrong |= {part: _sentence(error) for _, check in left for part in check.points}
            break
    for check in exercise.checks:
        if missing := [part for part in check.needs if part in wrong]:
            reason = f"this counts only when {' and '.join(missing)} is right"
            wrong |= {part: wrong.get(part, reason) for part in check.points}
    for part, points in exercise.parts.items():
        text = wrong.get(part, "")
        score, status = (points, "passed")
        if text:
            fraction = text.fraction if isinstance(text, Partial) else 0.0
            score, status = round(fraction * points, 2), "failed"
        result.tests.append(PartGrade(part, score, points, status, str(text)))
    return result


def _run_checks(
    code: Code, checks: list[tuple[int, Check]], seed: int, wrong: dict[str, str]
) -> list[tuple[int, Check]]:
    """Run the checks until the student's process ends; return those that are left."""
    for i, (number, check) in enumerate(checks):
        rng = np.random.default_rng([seed, number])  # a check's inputs do not depend on the others
        try:
            found = _one_check(check, code, rng)
        except (Mistake, MissingName, StudentException) as error:
            found = dict.fromkeys(check.points, _sentence(error))
        except StudentCodeError as error:  # its process has ended: the next check needs another one
            wrong |= dict.fromkeys(check.points, _sentence(error))
            return checks[i + 1 :]
        wrong |= found
    return []


def _one_check(check: Check, code: Code, rng: np.random.Generator) -> dict[str, str]:
    """What is wrong, by part.

    A student's code can return anything, so anything can go wrong with what it returned.
    """
    try:
        found = dict(check.run(code, rng))
    except (Mistake, StudentCodeError):
        raise
    except Exception as error:
        # gradcheck's messages about the form of what was returned are made for students
        text = str(error).removeprefix("gradcheck: ") or type(error).__name__
        raise Mistake(f"what the code returned cannot be used: {text}") from error
    if unknown := found.keys() - check.points.keys():
        raise AssertionError(f"the check names parts without points: {sorted(unknown)}")
    return found


def _sentence(error: Exception) -> str:
    if isinstance(error, StudentException) and error.type == "NotImplementedError":
        return "not written yet"
    if isinstance(error, UnreadableFile | MissingName | StudentCodeError | Mistake):
        return str(error)
    raise error


def _notes(code: Any, known: list[str]) -> list[str]:
    """Cells of a notebook that failed, and what the code has printed."""
    errors = getattr(code, "cell_errors", ())
    notes = [f"{cell}: {e}" for cell, e in errors if e.type != "NotImplementedError"]
    if text := getattr(code, "output", "").strip():
        cut = text if len(text) <= SHOWN else text[:SHOWN] + " [...]"
        notes.append(f"the code printed: {cut}")
    return [note for note in notes if note not in known]
