"""The tasks: one py:percent file per exercise, with nbgrader's marks for what students do not get.

What lies between ``### BEGIN SOLUTION`` and ``### END SOLUTION`` becomes ``YOUR CODE HERE``. A cell
with ``### BEGIN HIDDEN TESTS`` is left out.
"""

from __future__ import annotations

import re
from pathlib import Path

from tinyae.course.exercise import Exercise

HERE = Path(__file__).resolve().parent
MARK = re.compile(r"(?m)^(# %%(?: \[markdown\])?) nbgrader=.*")
STUB = ("# YOUR CODE HERE", "raise NotImplementedError()")


def folder() -> Path:
    """The folder of the tasks: ``chapters/exercises`` here, a copy of it in an installed wheel."""
    copy = HERE / "tasks"
    return copy if copy.is_dir() else HERE.parents[1] / "chapters" / "exercises"


def source(exercise: Exercise) -> str:
    """The whole file: task, solution, visible checks and hidden tests."""
    return ((exercise.folder or folder()) / f"{exercise.stem}.py").read_text("utf-8")


def released(text: str) -> str:
    """The student's version of a file: no solutions, no hidden tests, no marks of nbgrader.

    Raises:
        ValueError: if a mark is not closed.
    """
    cells = re.split(r"(?m)^(?=# %%)", text)
    shown = "".join(cell for cell in cells if "### BEGIN HIDDEN TESTS" not in cell)
    lines: list[str] = []
    inside = False
    for line in shown.splitlines():
        mark = line.strip()
        if mark == "### BEGIN SOLUTION":
            indent = line[: len(line) - len(line.lstrip())]
            lines += [indent + stub for stub in STUB]
            inside = True
        elif mark == "### END SOLUTION":
            inside = False
        elif not inside:
            lines.append(MARK.sub(r"\1", line))
    if inside:
        raise ValueError("### BEGIN SOLUTION without ### END SOLUTION")
    return "\n".join(lines).rstrip() + "\n"


def solved(text: str) -> str:
    """The file with its solution, without marks and hidden tests."""
    cells = re.split(r"(?m)^(?=# %%)", text)
    shown = "".join(cell for cell in cells if "### BEGIN HIDDEN TESTS" not in cell)
    lines = [line for line in shown.splitlines() if not re.match(r"\s*### (BEGIN|END) ", line)]
    return MARK.sub(r"\1", "\n".join(lines)).rstrip() + "\n"
