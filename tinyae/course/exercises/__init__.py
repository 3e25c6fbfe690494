"""The graded exercises: for each, how its inputs are drawn, the reference, and the points.

The tasks themselves are in ``chapters/exercises``.
"""

import difflib
import importlib
import runpy
from dataclasses import replace
from pathlib import Path

from tinyae.course.exercise import Exercise

NAMES = (
    "numeric_gradient",
    "linear",
    "activations",
    "row_norm",
    "losses",
    "adam",
    "sequential",
    "tied",
    "unfold_fold",
    "conv2d",
    "conv_transpose2d",
    "pooling",
    "denoising",
    "sparsity",
    "contractive_layer",
    "contractive_deep",
    "batch_norm",
    "dropout",
    "anomaly",
    "variational",
    "adversarial",
    "checker",
    "bug_hunt",
    "project",
)
"""In the order of their numbers."""


def find(name: str) -> Exercise:
    """The exercise with this name, or the one of a file that defines ``EXERCISE``.

    Args:
        name: ``"linear"``, or the path of a file such as ``"my_course/softsign.py"``.

    Raises:
        ValueError: if there is none; the message has a similar name.
    """
    if name.endswith(".py"):
        return _from_file(Path(name))
    if name not in NAMES:
        close = difflib.get_close_matches(name, NAMES, 1, 0.5)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"there is no exercise {name!r}{hint} (see: tinyae exercise list)")
    return importlib.import_module(f"tinyae.course.exercises.{name}").EXERCISE


def _from_file(path: Path) -> Exercise:
    """An instructor's own exercise. Its task lies in the same folder.

    Raises:
        ValueError: if the file does not define ``EXERCISE``.
    """
    exercise = runpy.run_path(str(path)).get("EXERCISE")
    if not isinstance(exercise, Exercise):
        raise ValueError(f"{path} does not define EXERCISE, an Exercise")
    return replace(exercise, folder=path.resolve().parent)
