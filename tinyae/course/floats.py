"""Runs in the student's process: floating-point errors as exceptions instead of warnings."""

from typing import Any

import numpy as np


def strictly(target: Any, *args: Any) -> Any:
    """The result of a function, or of a method given as ``[object, name]``.

    Raises:
        FloatingPointError: an overflow, a division by zero or an invalid operation (inf - inf).
    """
    function = getattr(*target) if isinstance(target, list | tuple) else target
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        return function(*args)
