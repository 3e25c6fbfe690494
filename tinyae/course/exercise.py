"""An exercise is data: its parts, the points of each, and the checks that decide about them.

The task that a student reads is ``chapters/exercises/NN_name.py``. What is needed to grade it is
``tinyae/course/exercises/name.py``, which defines ``EXERCISE``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.random import Generator


class Mistake(Exception):
    """What is wrong with the student's code, as one sentence for the student."""


class Partial(str):
    """A sentence about a part that is right in part.

    Args:
        text: what is wrong.
        fraction: the fraction of the part's points that it has.
    """

    fraction: float

    def __new__(cls, text: str, fraction: float) -> Partial:
        self = super().__new__(cls, text)
        self.fraction = fraction
        return self


class Code(Protocol):
    """A student's code, as the checks see it: it takes arrays and returns arrays.

    ``StudentCode`` runs it in a process of its own, ``NotebookCode`` in this one. The arrays that
    it gets are copies, and so are the arrays that it returns. An argument can also be an object of
    the code, a ``Seed`` (the code gets ``np.random.default_rng(seed)``, fresh at each call), or a
    function of the check: each time the code calls it, it gets copies of the arrays.

    Example:
        >>> from tinyae.course import Check, Exercise, grade_names
        >>> def run(code, rng):  # code is a Code, whoever runs it
        ...     y = code.call("double", np.array([1.0, 2.0]))
        ...     return {} if np.array_equal(y, [2.0, 4.0]) else {"double": "expected 2 x"}
        >>> checks = (Check({"double": 2}, run),)
        >>> exercise = Exercise("double", 1, "Doubling", "00_derivatives_by_hand", checks)
        >>> print(grade_names({"double": lambda x: x + x}, exercise))
        double: 2 of 2 points
          ok    double  2/2
    """

    def get(self, name: str) -> Any:
        """A value, a function or a class of the code, or of the library: ``"tinyae.Linear"``."""

    def call(self, target: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a function by its name, a method as ``(object, name)``, or what ``get`` returned."""

    def call_in_place(self, target: Any, *args: Any, **kwargs: Any) -> tuple[Any, tuple[Any, ...]]:
        """``call``; returns the result, and all positional arguments as they are afterward."""

    def call_strictly(self, target: Any, *args: Any, **kwargs: Any) -> Any:
        """``call``; what NumPy would warn about (an overflow, 0/0) is an exception."""

    def construct(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Make an object of the class ``name``, the student's or the library's."""

    def copy(self, handle: Any) -> Any:
        """A deep copy of an object."""

    def arrays(self, handle: Any) -> dict[str, Any]:
        """The object's float arrays by name: those in its ``params``, then the others."""

    def set_array(self, handle: Any, name: str, array: Any) -> None:
        """Write new values into one of them, in place."""


@dataclass(frozen=True)
class Check:
    """One experiment with the student's code. It decides about one part or about several.

    Attributes:
        points: the points of each part that it decides about, such as ``{"dW": 2, "db": 1}``.
        run: ``run(code, rng)`` returns what is wrong, as a sentence for each part that is wrong.
            A ``Partial`` sentence costs a fraction of its points only.
            An exception (``Mistake``, or one of the student's code) costs all its parts.
            The inputs are drawn from ``rng``, so that nobody knows them in advance.
        needs: parts of earlier checks without which these points mean nothing: a function that
            returns zeros keeps no state either.

    Example:
        >>> from tinyae.course import Check, judge
        >>> def run(code, rng):
        ...     x = rng.normal(size=4)
        ...     return judge.only_wrong(y=judge.compare(code.call("double", x), 2 * x, "y"))
        >>> Check({"y": 2}, run).points
        {'y': 2}
    """

    points: Mapping[str, float]
    run: Callable[[Code, Generator], Mapping[str, str]]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exercise:
    """A graded exercise.

    Attributes:
        name: its name on the command line, such as ``"linear"``.
        number: its place in the set.
        title: one line for lists.
        chapter: the stem of the chapter that it belongs to, such as ``"02_convolution"``.
        checks: they decide about its parts. No two have a part in common.
        folder: where its task is; None for those of tinyae.

    Example:
        >>> from tinyae.course.exercises import find
        >>> exercise = find("linear")
        >>> exercise.stem, exercise.max_score, list(exercise.parts)[:4]
        ('02_linear', 10, ['y', 'dx', 'dW', 'db'])
    """

    name: str
    number: int
    title: str
    chapter: str
    checks: tuple[Check, ...]
    folder: Path | None = None

    @property
    def parts(self) -> dict[str, float]:
        """The points of each part, in order."""
        return {part: points for check in self.checks for part, points in check.points.items()}

    @property
    def max_score(self) -> float:
        return sum(self.parts.values())

    @property
    def stem(self) -> str:
        """The name of its source file in ``chapters/exercises``, without the ending."""
        return f"{self.number:02d}_{self.name}"
