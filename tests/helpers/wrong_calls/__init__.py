"""Thousands of wrong calls of the public functions, and what each of them does.

    cd tests && python -m helpers.wrong_calls          counts, and what is not ours
    cd tests && python -m helpers.wrong_calls --all    every call with its message

Each function is listed with arguments that are right, and with the role of each argument. A role
has values that no argument of this role can have: a string or None for an array, -1 or NaN for a
size. One wrong call replaces one argument by one such value. The outcome is

- ``silent``: no exception;
- ``foreign``: an exception that tinyae did not raise itself, or that does not name the function or
  the argument;
- ``ours``: a ValueError, TypeError or OSError of tinyae that names one of them.
"""

from __future__ import annotations

import ast
import functools
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tinyae

ROOT = Path(tinyae.__file__).parent
OURS = (ValueError, TypeError, OSError, NotImplementedError, KeyError)

Right = dict[str, Callable[[], Any]]
Wrong = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Call:
    """A function, its right arguments (each made anew), and the wrong values of each."""

    name: str
    function: Callable[..., Any]
    right: Right
    wrong: Wrong
    words: tuple[str, ...] = ()  # further words that name the function: the class, a layer inside

    def works(self) -> None:
        """Call the function with its right arguments."""
        self.function(**{name: make() for name, make in self.right.items()})


class Calls(list[Call]):
    """The calls of one package."""

    def add(
        self, name: str, function: Callable[..., Any], right: Right, wrong: Wrong, *words: str
    ) -> None:
        self.append(Call(name, function, right, wrong, words))


def outcome(call: Call, argument: str, value: Any) -> tuple[str, str]:
    """``silent``, ``foreign`` or ``ours``, and the message."""
    arguments = {name: make() for name, make in call.right.items()} | {argument: value}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call.function(**arguments)
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        names = [argument, *call.words, *call.name.replace("(", ".").replace(")", "").split(".")]
        named = any(name and name.lower() in str(error).lower() for name in names)
        ours = isinstance(error, OURS) and _raised_by_us(error) and named
        return ("ours" if ours else "foreign"), message
    return "silent", ""


def outcomes(calls: list[Call]) -> Iterator[tuple[str, str, str]]:
    """``outcome, call, message`` of every wrong call."""
    for call in calls:
        for argument, values in call.wrong.items():
            for label, value in values.items():
                result, message = outcome(call, argument, value)
                yield result, f"{call.name}({argument} = {label})", message


def _raised_by_us(error: BaseException) -> bool:
    """The last line of the traceback is a ``raise`` statement of tinyae."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    path = Path(last.filename)
    return path.is_relative_to(ROOT) and any(
        first <= (last.lineno or 0) <= end for first, end in _raises(path)
    )


@functools.cache
def _raises(path: Path) -> list[tuple[int, int]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [(n.lineno, n.end_lineno or 0) for n in ast.walk(tree) if isinstance(n, ast.Raise)]


def value(v: Any) -> Callable[[], Any]:
    return lambda: v


def values(**arguments: Any) -> Right:
    """Right arguments that a call does not change."""
    return {name: value(v) for name, v in arguments.items()}


def without(role: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: v for name, v in role.items() if name not in names}
