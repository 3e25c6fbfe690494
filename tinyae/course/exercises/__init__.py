"""The graded exercises: for each, how its inputs are drawn, the reference, and the points.

The tasks themselves are in ``chapters/exercises``.
"""

import difflib
import importlib

from tinyae.course.exercise import Exercise

NAMES = ("linear", "anomaly", "variational", "adversarial", "checker", "bug_hunt", "project")
"""In the order of the chapters."""


def find(name: str) -> Exercise:
    """The exercise with this name.

    Raises:
        ValueError: if there is none; the message has a similar name.
    """
    if name not in NAMES:
        close = difflib.get_close_matches(name, NAMES, 1, 0.5)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"there is no exercise {name!r}{hint} (see: tinyae exercise list)")
    return importlib.import_module(f"tinyae.course.exercises.{name}").EXERCISE
