"""NumPy's functions while a forward pass is recorded: they make and take traced numbers."""

from __future__ import annotations

import functools
import linecache
import math
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tinyae.checking.diagnosis.trace import SLOPES, Tape, Traced

Array = np.ndarray


@functools.lru_cache(maxsize=10_000)
def expression(code: Any, last: int) -> str:
    """The source of the expression that a frame is in."""
    line, end, left, right = list(code.co_positions())[last // 2]
    if line is None or end is None:
        return "?"
    lines = [linecache.getline(code.co_filename, k).encode() for k in range(line, end + 1)]
    if not any(lines):
        return f"line {line}"
    lines[-1] = lines[-1][:right]
    lines[0] = lines[0][left:]
    return " ".join(b" ".join(lines).decode().split())


@contextmanager
def traced_numpy(tape: Tape) -> Iterator[None]:
    """For as long as a forward pass is recorded, in its thread and where its own source calls them:
    np.zeros, ... make arrays that can hold traced numbers, and functions take traced numbers."""
    thread, before = threading.get_ident(), []

    def replace(module: Any, name: str, new: Callable[..., Any]) -> None:
        original = getattr(module, name)

        def f(*args: Any, **kwargs: Any) -> Any:
            frame = sys._getframe(1)  # compiled code that calls us has no frame of its own
            called = re.match(r"[\w.]*", expression(frame.f_code, frame.f_lasti))
            own = called and called[0].split(".")[-1] == name
            if not own or threading.get_ident() != thread or frame.f_code.co_filename == __file__:
                return original(*args, **kwargs)
            return new(original, *args, **kwargs)

        for method in ("reduce", "accumulate", "at", "outer"):
            setattr(f, method, getattr(original, method, None))
        before.append((module, name, original))
        setattr(module, name, f)

    def each(f: Callable[..., Traced]) -> Callable[..., Any]:
        """f on each number of arrays that hold traced ones."""

        def on_arrays(original: Any, *arrays: Any, **kwargs: Any) -> Any:
            objects = any(
                isinstance(a, Traced) or getattr(a, "dtype", np.dtype(float)).kind == "O"
                for a in arrays
            )
            if not objects or kwargs:
                return original(*arrays, **kwargs)
            return np.frompyfunc(f, len(arrays), 1)(*arrays)

        return on_arrays

    for name in ("zeros", "empty", "ones"):
        replace(np, name, lambda original, *a, **k: _lifted(original(*a, **k), tape, ("f", "O")))
    for name in SLOPES:
        replace(np, name, lambda original, a, *r, **k: original(_lifted(a, tape, ("O",)), *r, **k))
        if hasattr(math, name):
            replace(math, name, _on_one)
    replace(np, "logaddexp", each(tape.logaddexp))
    replace(np, "maximum", each(lambda a, b: tape.pick("maximum", a >= b, a, b)))
    replace(np, "minimum", each(lambda a, b: tape.pick("minimum", a <= b, a, b)))
    replace(np, "where", each(lambda chosen, a, b: tape.pick("where", chosen, a, b)))
    clip = lambda a, low, high: tape.pick("clip", low <= a <= high, a, low if a < low else high)  # noqa: E731
    replace(np, "clip", each(clip))
    try:
        yield
    finally:
        for module, name, original in before:
            setattr(module, name, original)


def _lifted(a: Any, tape: Tape, kinds: tuple[str, ...]) -> Any:
    """An array of these kinds, with traced constants for its plain numbers."""
    if not isinstance(a, np.ndarray) or a.dtype.kind not in kinds:
        return a
    out = np.empty(a.shape, object)
    out.reshape(-1)[:] = [b if isinstance(b, Traced) else Traced(tape, b, -1) for b in a.flat]
    return out


def _on_one(original: Any, a: Any) -> Any:
    return getattr(a, original.__name__)() if isinstance(a, Traced) else original(a)
