"""Run the checks on code of this process: in a notebook, in nbgrader, in a browser.

There is no isolation here. What counts for a grade should be graded with ``tinyae grade``.
"""

from __future__ import annotations

import functools
import linecache
import traceback
import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinyae.course.answers import Missing, Server
from tinyae.course.errors import MissingName, StudentException
from tinyae.course.values import Seed

FUNCTIONS = types.FunctionType | types.MethodType | functools.partial


class NotebookCode:
    """The names of a notebook, with the interface of ``StudentCode`` (see there).

    Arrays are copied on the way in and on the way out, as between two processes.

    Args:
        names: ``globals()`` of the notebook, or a module.
    """

    def __init__(self, names: Mapping[str, Any] | types.ModuleType) -> None:
        self._names = vars(names) if isinstance(names, types.ModuleType) else names
        self._server = Server(ask=_no_other_process)
        self._server.module.__dict__.update(self._names)

    def get(self, name: str) -> Any:
        """What the code calls ``name``: a copy of a value, or an object itself.

        Raises:
            MissingName: if the code does not define the name.
        """
        return self._request("find", name)

    def call(self, target: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a function by its name, a method as ``(object, name)``, or an object.

        Raises:
            MissingName: if the name is not defined.
            StudentException: if the code raises an exception.
        """
        return self._request("call", _where(target), args, kwargs)

    def call_in_place(self, target: Any, *args: Any, **kwargs: Any) -> tuple[Any, tuple[Any, ...]]:
        """``call``; returns the result, and the positional arguments as they are afterward. Raises
        the exceptions of ``call``."""
        result, arguments = self._request("call_in_place", _where(target), args, kwargs)
        return result, arguments

    def call_strictly(self, target: Any, *args: Any, **kwargs: Any) -> Any:
        """``call``; what NumPy would warn about raises a ``StudentException``."""
        return self._request("call_strictly", _where(target), args, kwargs)

    def construct(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Make an object of the class ``name``. Raises the exceptions of ``call``."""
        return self._request("construct", name, args, kwargs).value

    def copy(self, handle: Any) -> Any:
        """A deep copy of an object. Raises the exceptions of ``call``."""
        return self._request("copy", handle).value

    def arrays(self, handle: Any) -> dict[str, np.ndarray]:
        """The object's float arrays by name."""
        found: dict[str, np.ndarray] = self._request("arrays", handle)
        return found

    def set_array(self, handle: Any, name: str, array: np.ndarray) -> None:
        """Write new values into one of the object's arrays, in place.

        Raises:
            MissingName: if there is no array with this name and shape.
        """
        self._request("set_array", handle, name, np.asarray(array))

    def _request(self, do: str, *args: Any) -> Any:
        """What the server of the student's process answers, here without a process."""
        try:
            return _copied(getattr(self._server, do)(*_copied(args, self._argument)))
        except Missing as error:
            raise MissingName(str(error)) from None
        except Exception as error:
            lines = self._lines(error)
            raise StudentException(type(error).__name__, str(error), lines) from error

    def _argument(self, value: Any) -> Any:
        """An argument that is not a plain value, as the code gets it."""
        if isinstance(value, Seed):
            return np.random.default_rng(value.value)
        if isinstance(value, FUNCTIONS) and not any(value is own for own in self._names.values()):
            return lambda *args, **kwargs: _copied(value(*_copied(args), **_copied(kwargs)))
        return value

    def _lines(self, error: Exception) -> tuple[str, ...]:
        """Where the code raised an exception, outermost first."""
        lines = []
        for frame, number in traceback.walk_tb(error.__traceback__):
            if frame.f_globals is self._names:
                text = linecache.getline(frame.f_code.co_filename, number).strip()
                lines.append(f"line {number}, in {frame.f_code.co_name}: {text}".rstrip(": "))
        return tuple(lines)


def _copied(value: Any, other: Callable[[Any], Any] = lambda value: value) -> Any:
    """Arrays, alone or in a tuple, list or dict, become copies; ``other`` maps other objects."""
    if isinstance(value, np.ndarray | np.generic):
        return np.array(value)
    if isinstance(value, tuple | list):
        return (list if isinstance(value, list) else tuple)(_copied(item, other) for item in value)
    if type(value) is dict:
        return {key: _copied(item, other) for key, item in value.items()}
    return other(value)


def _where(target: Any) -> Any:
    """A target as the server gets it: a name, an object, or [object, name]."""
    return list(target) if isinstance(target, tuple) else target


def _no_other_process(*args: Any) -> Any:
    raise RuntimeError("functions are called directly here")
