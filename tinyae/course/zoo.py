"""The bug zoo: small files with one bug each, which a student finds and fixes.

The files are in ``chapters/exercises/zoo``. Each defines ``forward(*arrays) -> y, cache``,
``backward(dy, cache) -> gradients`` and ``inputs(rng) -> arrays``. The right version is kept next
to the bug. A line that ends in ``# BUG`` is wrong, and lines ``# FIX: code`` belong in its place.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tinyae.course import judge, tasks
from tinyae.course.errors import StudentCodeError
from tinyae.course.exercise import Code, Mistake
from tinyae.course.grading import answers
from tinyae.course.isolation import StudentCode
from tinyae.course.release import write_new
from tinyae.course.sandbox import Limits
from tinyae.course.source import read_cells

MAX_LINES = 3  # that a fix may change
DRAWS = 2


@dataclass(frozen=True)
class Bug:
    """A file of the zoo.

    Attributes:
        text: the file with the marks.
    """

    name: str
    text: str

    @property
    def title(self) -> str:
        return self._docstring[0].removesuffix(".")

    @property
    def story(self) -> str:
        """Where the bug was found, and what it costs."""
        return self._docstring[1]

    @property
    def _docstring(self) -> list[str]:
        return (ast.get_docstring(ast.parse(self.text)) or "").split("\n\n")

    @property
    def released(self) -> str:
        """The student's file: with the bug, without marks."""
        text = re.sub(r"(?m)^ *# FIX: .*\n", "", self.text)
        return re.sub(r"(?m) *# BUG$", "", text)

    @property
    def fixed(self) -> str:
        """The file without the bug."""
        text = re.sub(r"(?m)^.*# BUG\n", "", self.text)
        return re.sub(r"(?m)^( *)# FIX: ", r"\1", text)


@dataclass(frozen=True)
class Fix:
    """What is wrong with a student's version of a file.

    Attributes:
        name: of the bug.
        lines: how many lines were changed.
        problems: sentences; none if the bug is gone.
    """

    name: str
    lines: int
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems

    def __str__(self) -> str:
        lines = f"{self.lines} line{'' if self.lines == 1 else 's'} changed"
        if self.ok:
            return f"{self.name}: fixed ({lines})"
        return "\n".join(
            [f"{self.name}: not fixed yet ({lines})", *(f"  {p}" for p in self.problems)]
        )


def folder() -> Path:
    return tasks.folder() / "zoo"


def zoo_names() -> list[str]:
    """The names of all bugs."""
    return sorted(path.stem for path in folder().glob("*.py"))


@cache
def find_bug(name: str) -> Bug:
    """The bug with this name.

    Raises:
        ValueError: if there is none; the message has a similar name.
    """
    names = zoo_names()
    if name not in names:
        close = difflib.get_close_matches(name, names, 1, 0.5)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"the zoo does not have a bug {name!r}{hint} (see: tinyae zoo list)")
    return Bug(name, (folder() / f"{name}.py").read_text("utf-8"))


def start(name: str, folder: str | Path = ".") -> Path | None:
    """Write the file with the bug, ``folder/name.py``.

    Returns:
        Its path; None if the file exists already: then it stays as it is.

    Raises:
        ValueError: if there is no such bug.
    """
    path = Path(folder) / f"{name}.py"
    return path if write_new(path, find_bug(name).released) else None


def check(path: str | Path, limits: Limits | None = None) -> Fix:
    """Whether the bug is gone from a student's file. Its code runs in a process of its own.

    ``forward`` must compute what the right version computes, ``backward`` its gradients, and at
    most three lines may have changed.

    Args:
        path: the file. Its name is that of the bug.
        limits: what the student's process may use.

    Raises:
        ValueError: if there is no bug with the name of the file.
        UnreadableFile: if the file cannot be read.
    """
    path = Path(path)
    bug = find_bug(path.stem)
    lines = changed_lines(bug.released, "\n".join(text for _, text in read_cells(path)))
    try:
        with StudentCode(path, limits, hide=answers()) as code:
            problems = what_is_wrong(code, bug)
    except StudentCodeError as error:
        problems = [str(error)]
    if not problems and lines > MAX_LINES:
        problems = [f"right, but {lines} lines were changed: at most {MAX_LINES} are needed"]
    return Fix(bug.name, lines, problems)


def changed_lines(before: str, after: str) -> int:
    """How many lines are different. Empty lines and comments do not count."""
    a, b = (
        [line.rstrip() for line in text.splitlines() if not re.match(r"\s*(#|$)", line)]
        for text in (before, after)
    )
    steps = difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    return sum(max(i2 - i1, j2 - j1) for tag, i1, i2, j1, j2 in steps if tag != "equal")


def what_is_wrong(code: Code, bug: Bug, target: Any = None) -> list[str]:
    """What is wrong with the student's ``forward`` and ``backward``, in sentences.

    Args:
        code: the student's code.
        bug: which bug it is about.
        target: the object of the code that has the two as methods; None if they are functions.
    """
    right: dict[str, Any] = {"__name__": bug.name}
    exec(compile(bug.fixed, f"{bug.name}.py", "exec"), right)  # our own file
    forward, backward = (
        ("forward", "backward") if target is None else ((target, "forward"), (target, "backward"))
    )
    rng = np.random.default_rng()
    try:
        for _ in range(DRAWS):
            arrays = right["inputs"](rng)
            want = right["forward"](*arrays)[0]
            y, _ = judge.pair(code.call(forward, *arrays), "y, cache")
            if text := judge.compare(y, want, "y"):
                return [f"forward is wrong. {text}"]
            if text := _conduct(code, forward, backward, arrays, right["inputs"](rng)):
                return [text]
            wrong = judge.gradients(
                _value_of(right["forward"]), _student(code, forward, backward), *arrays
            )
            if wrong:
                return list(wrong.values())
    except (Mistake, StudentCodeError) as error:
        return [str(error)]
    return []


def _value_of(forward: Callable[..., Any]) -> Callable[..., Any]:
    """``forward`` without its cache."""

    def reference(*arrays: Any) -> Any:
        return forward(*arrays)[0]

    reference.__signature__ = inspect.signature(forward)  # type: ignore[attr-defined]
    return reference


def _student(code: Code, forward: Any, backward: Any) -> Callable[..., Any]:
    def gradients(dy: Any, *arrays: Any) -> Any:
        _, cache = judge.pair(code.call(forward, *arrays), "y, cache")
        return code.call(backward, dy, cache)

    return gradients


def _conduct(code: Code, forward: Any, backward: Any, arrays: Any, others: Any) -> str:
    """Whether the functions change their arguments, or keep something between calls."""
    (y, cache), _ = code.call_in_place(forward, *arrays)
    dy = np.cos(np.arange(np.size(y), dtype=float)).reshape(np.shape(y))
    first, (_, after) = code.call_in_place(backward, dy, cache)
    if not _same(cache, after):
        return "backward changes an array in its cache: it is the layer's own weight or input"
    again = code.call(backward, dy, cache)
    if not _same(first, again):
        return "a second backward pass with the same cache returns different gradients"
    code.call(forward, *others)
    if not _same(first, code.call(backward, dy, cache)):
        return "backward returns different gradients after a second forward pass: use the cache"
    return ""


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return np.array_equal(a, b, equal_nan=True)
    return True  # something else: a handle, or a size
