"""Hundreds of wrong calls of the public functions, and what each of them does.

    cd tests && python -m helpers.wrong_calls            counts, and what is not refused in our words
    cd tests && python -m helpers.wrong_calls --all      every call with its message

Each function is given with arguments that are right, and with the role of each argument. A role
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
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import tinyae

ROOT = Path(tinyae.__file__).parent
OURS = (ValueError, TypeError, OSError, NotImplementedError)


class Tensor:
    """What matters of a PyTorch tensor: a shape, and a dtype that is not NumPy's."""

    shape, ndim = (5, 6), 2

    class dtype:
        pass

    def __len__(self) -> int:
        return 5

    def __repr__(self) -> str:
        return "tensor(...)"


class Thing:
    """An object that is nothing that a function could want."""

    def __repr__(self) -> str:
        return "Thing()"


def _without(role: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in role.items() if name not in names}


ARRAY: dict[str, Any] = {
    "None": None,
    "string": "pixels",
    "number": 3.5,
    "list": [[0.5] * 6] * 5,
    "tensor": Tensor(),
    "integer pixels": np.full((5, 6), 200, np.uint8),
    "strings": np.full((5, 6), "a"),
}
SHAPED = ARRAY | {
    "a column more": np.ones((5, 7), np.float32),
    "one axis fewer": np.ones(6, np.float32),
    "0-d": np.array(1.0, np.float32),
    "one axis more": np.ones((2, 3, 5, 6), np.float32),
}
ANY_DTYPE = _without(ARRAY, "integer pixels")
COTANGENT = _without(SHAPED, "integer pixels") | {
    "one row": np.ones((1, 6), np.float32),
    "a row more": np.ones((6, 6), np.float32),
}
SIZE = {
    "zero": 0,
    "negative": -1,
    "fraction": 2.5,
    "string": "3",
    "None": None,
    "NaN": float("nan"),
    "True": True,
    "list": [3],
    "array": np.ones(2, int),
}
COUNT = _without(SIZE, "zero")  # 0 is right, too
OPTIONAL_SIZE = _without(SIZE, "None")
WEIGHT = {
    "negative": -1.0,
    "NaN": float("nan"),
    "infinite": float("inf"),
    "string": "1",
    "None": None,
    "list": [1.0],
    "complex": 1j,
}
POSITIVE = WEIGHT | {"zero": 0.0}
OPTIONAL_POSITIVE = _without(POSITIVE, "None", "infinite")
FRACTION = POSITIVE | {"above one": 1.5}
FLAG = {"string": "no", "None": None, "2": 2}
LAYER = {
    "None": None,
    "string": "relu",
    "class": tinyae.ReLU,
    "number": 3,
    "array": np.ones((5, 6)),
    "thing": Thing(),
}
FUNCTION = {"string": "mse", "None": None, "number": 3, "class": tinyae.Adam, "array": np.ones(3)}
OPTIONAL_FUNCTION = _without(FUNCTION, "None")
RNG = {"string": "seed", "negative": -1, "fraction": 1.5, "thing": Thing(), "array": np.ones(2)}
DTYPE = {"int": int, "bool": bool, "string": str, "nonsense": "float33", "number": 32}
PATH = {"None": None, "number": 3, "list": ["w.npz"], "empty": ""}
NAME = {"None": None, "number": 3, "unknown": "nowhere-to-be-found", "list": ["mnist"]}
LABELS = {
    "None": None,
    "string": "labels",
    "number": 3,
    "list": [0, 1, 2, 0, 1],
    "tensor": Tensor(),
    "too few": np.zeros(3, int),
    "negative": np.full(5, -1),
    "fractions": np.full(5, 0.5),
    "strings": np.full(5, "a"),
}
PARAMS = {
    "None": None,
    "string": "weights",
    "empty": {},
    "model": tinyae.Linear(6, 4, rng=0),
    "list": [np.ones(3)],
    "lists": {"weight": [1.0, 2.0]},
    "integers": {"weight": np.ones((4, 6), int)},
    "None inside": {"weight": None},
}


@dataclass(frozen=True)
class Call:
    """A function, its right arguments (each made anew), and the wrong values of each."""

    name: str
    function: Callable[..., Any]
    right: dict[str, Callable[[], Any]]
    wrong: dict[str, dict[str, Any]]
    words: tuple[str, ...] = ()  # further words that name the function, such as the class's name


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
        named = any(name.lower() in str(error).lower() for name in names)
        ours = isinstance(error, OURS) and _raised_by_us(error) and named
        return ("ours" if ours else "foreign"), message
    return "silent", ""


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


def wrong_calls(calls: list[Call]) -> Iterator[tuple[Call, str, str, Any]]:
    for call in calls:
        for argument, values in call.wrong.items():
            for label, value in values.items():
                yield call, argument, label, value


def main() -> None:
    from helpers.wrong_call_tables import CALLS

    counts: dict[str, Counter[str]] = {}
    for call in CALLS:
        try:
            call.function(**{name: make() for name, make in call.right.items()})
        except Exception as error:
            print(f"NOT RIGHT {call.name}: {error!r}")
    for call, argument, label, value in wrong_calls(CALLS):
        result, message = outcome(call, argument, value)
        counts.setdefault(call.name, Counter())[result] += 1
        if result != "ours" or "--all" in sys.argv:
            print(f"{result:8}{call.name}({argument} = {label})  {message[:150]}")
    total = sum(counts.values(), Counter())
    print(f"\n{total.total()} wrong calls of {len(counts)} functions: {dict(total)}")


if __name__ == "__main__":
    main()
