"""Run the checks on code of this process: in a notebook, in nbgrader, in a browser.

There is no isolation here. What counts for a grade should be graded with ``tinyae grade``.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any

import numpy as np

from tinyae.course.answers import float_arrays
from tinyae.course.errors import MissingName, StudentException


class NotebookCode:
    """The names of a notebook, with the interface of ``StudentCode``.

    Args:
        names: ``globals()`` of the notebook, or a module.
    """

    def __init__(self, names: Mapping[str, Any] | types.ModuleType) -> None:
        self._names = vars(names) if isinstance(names, types.ModuleType) else names

    def call(self, target: str | tuple[Any, str], *args: Any, **kwargs: Any) -> Any:
        """Call a function by its name, or a method as ``(object, name)``.

        Raises:
            MissingName: if the name is not defined.
            StudentException: if the code raises an exception.
        """
        if isinstance(target, str):
            function = self._find(target)
        else:
            function = getattr(target[0], target[1], None)
            if function is None:
                kind = type(target[0]).__name__
                raise MissingName(f"an object of type {kind} does not have a method {target[1]!r}")
        return self._run(function, args, kwargs)

    def construct(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Make an object of the class ``name``. Raises the exceptions of ``call``."""
        return self._run(self._find(name), args, kwargs)

    def arrays(self, handle: Any) -> dict[str, np.ndarray]:
        """The object's float arrays by name."""
        return {name: array.copy() for name, array in float_arrays(handle)}

    def set_array(self, handle: Any, name: str, array: np.ndarray) -> None:
        """Write new values into one of the object's arrays, in place.

        Raises:
            MissingName: if there is no array with this name and shape.
        """
        found = dict(float_arrays(handle)).get(name)
        if found is None or found.shape != np.shape(array):
            raise MissingName(
                f"an object of type {type(handle).__name__} does not have an array {name!r} of "
                f"shape {np.shape(array)}"
            )
        found[...] = array

    def _find(self, name: str) -> Any:
        if name not in self._names:
            raise MissingName(f"the code does not define {name!r}")
        return self._names[name]

    def _run(self, function: Any, args: Any, kwargs: Any) -> Any:
        # Copies: what the code does to its arguments must not reach the checks.
        args, kwargs = _copied(args), _copied(kwargs)
        try:
            return _copied(function(*args, **kwargs))
        except Exception as error:
            raise StudentException(type(error).__name__, str(error), ()) from error


def _copied(value: Any) -> Any:
    """Arrays, alone or in a tuple, list or dict, become copies; other objects stay."""
    if isinstance(value, np.ndarray | np.generic):
        return np.array(value)
    if isinstance(value, tuple | list):
        return type(value)(map(_copied, value)) if type(value) in (tuple, list) else value
    if type(value) is dict:
        return {key: _copied(item) for key, item in value.items()}
    return value
