"""Forward's own chain rule: every operation of a forward pass, recorded.

A layer follows the dtype of its data, so forward also runs on arrays of ``Traced`` numbers. Each
operation on them is noted on a tape: its value, its parents, the derivatives with respect to these,
and the place in the source where it was called. Backward through this tape is right by
construction. So it can be made wrong on purpose, one step at a time, and compared with what the
author's backward returns.
"""

from __future__ import annotations

import functools
import linecache
import math
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

Array = np.ndarray
MOST = 60_000  # operations: a larger forward pass is not traced
NUMPY = os.path.dirname(np.__file__)
HERE = os.path.dirname(os.path.dirname(__file__))
PLAIN = (int, float, np.number, np.bool_)


class Tape:
    """The operations in the order in which they ran. Node k has the parents ``parents[k]``, at most
    two, with the derivatives ``slopes[k]``; -1 is no parent."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.parents: list[tuple[int, int]] = []
        self.slopes: list[tuple[float, float]] = []
        self.ops: list[str] = []
        self.sites: list[int] = []
        self.places: dict[Any, int] = {}  # call chain -> site
        self.cast: dict[float, int] = {}  # numbers that were made floats, to find them again
        self.dropped: int | None = None  # a site where a constant is not added
        self._kinds: dict[Any, str] = {}

    def leaf(self, value: float, site: int) -> Traced:
        return self.add("leaf", value, (-1, -1), (0.0, 0.0), site)

    def add(
        self,
        op: str,
        value: float,
        parents: tuple[int, int],
        slopes: tuple[float, float],
        site: int | None = None,
    ) -> Traced:
        if len(self.values) >= MOST:
            raise MemoryError("the forward pass is too large to be traced")
        self.values.append(value)
        self.parents.append(parents)
        self.slopes.append(slopes)
        self.ops.append(op)
        self.sites.append(self.site() if site is None else site)
        return Traced(self, value, len(self.values) - 1)

    def pick(self, op: str, first: bool, a: Any, b: Any) -> Traced:
        """One of two numbers, as a maximum or np.where does."""
        nodes = [c.node if isinstance(c, Traced) else -1 for c in (a, b)]
        slopes = (float(first and nodes[0] >= 0), float(not first and nodes[1] >= 0))
        return self.add(op, _value(a if first else b), (nodes[0], nodes[1]), slopes)

    def logaddexp(self, a: Any, b: Any) -> Traced:
        p, q = _value(a), _value(b)
        nodes = [c.node if isinstance(c, Traced) else -1 for c in (a, b)]
        s = 1 / (1 + float(np.exp(min(q - p, 700.0))))
        slopes = (s if nodes[0] >= 0 else 0.0, 1 - s if nodes[1] >= 0 else 0.0)
        return self.add("logaddexp", float(np.logaddexp(p, q)), (nodes[0], nodes[1]), slopes)

    def site(self) -> int:
        """The chain of calls, from the operation's expression outward, as a number."""
        chain, frame = [], sys._getframe(2)
        while frame is not None:
            code = frame.f_code
            kind = self._kinds.get(code)
            if kind is None:
                name = code.co_filename
                skip = name.startswith(NUMPY) or name == __file__
                kind = "skip" if skip else "stop" if name.startswith(HERE) else "use"
                self._kinds[code] = kind
            if kind == "stop":
                break
            if kind == "use":
                method = code.co_varnames[:1] == ("self",)
                owner = id(frame.f_locals.get("self")) if method else 0
                chain.append((code, frame.f_lasti, owner))
            frame = frame.f_back  # type: ignore[assignment]
        return self.places.setdefault(tuple(chain), len(self.places))


class Traced:
    """A number on a tape. NumPy's object arrays call its exp, tanh, ... by name."""

    __slots__ = ("node", "tape", "value")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, tape: Tape, value: float, node: int) -> None:
        self.tape, self.value, self.node = tape, value, node

    def _with(self, op: str, other: Any, value: float, mine: float, its: float) -> Traced:
        node = other.node if isinstance(other, Traced) else -1
        slopes = (mine if self.node >= 0 else 0.0, its if node >= 0 else 0.0)
        return self.tape.add(op, value, (self.node, node), slopes)

    def __add__(self, other: Any) -> Any:
        if (b := _value(other)) is None:
            return NotImplemented
        if isinstance(other, PLAIN) and (
            b == 0 or (self.tape.dropped is not None and self.tape.site() == self.tape.dropped)
        ):
            return self
        return self._with("add", other, self.value + b, 1.0, 1.0)

    def __sub__(self, other: Any) -> Any:
        if (b := _value(other)) is None:
            return NotImplemented
        return self._with("sub", other, self.value - b, 1.0, -1.0)

    def __rsub__(self, other: Any) -> Any:
        return self.tape.add("rsub", float(other) - self.value, (self.node, -1), (-1.0, 0.0))

    def __mul__(self, other: Any) -> Any:
        if (b := _value(other)) is None:
            return NotImplemented
        return self._with("mul", other, self.value * b, b, self.value)

    def __truediv__(self, other: Any) -> Any:
        if (b := _value(other)) is None:
            return NotImplemented
        quotient = _divide(self.value, b)
        return self._with("div", other, quotient, _divide(1.0, b), -_divide(quotient, b))

    def __rtruediv__(self, other: Any) -> Any:
        a, b = float(other), self.value
        return self.tape.add("rdiv", _divide(a, b), (self.node, -1), (-_divide(a, b * b), 0.0))

    def __pow__(self, n: Any) -> Any:
        if isinstance(n, Traced):
            return (n * self.log()).exp()  # type: ignore[attr-defined]
        if not isinstance(n, PLAIN):
            return NotImplemented
        n = float(n)
        slope = n * self.value ** (n - 1) if n else 0.0
        return self.tape.add("pow", self.value**n, (self.node, -1), (slope, 0.0))

    def __neg__(self) -> Traced:
        return self.tape.add("neg", -self.value, (self.node, -1), (-1.0, 0.0))

    def __abs__(self) -> Traced:
        sign = float(np.sign(self.value))
        return self.tape.add("abs", abs(self.value), (self.node, -1), (sign, 0.0))

    def conjugate(self) -> Traced:
        return self

    conj = conjugate
    __radd__, __rmul__, __pos__ = __add__, __mul__, conjugate

    def __float__(self) -> float:
        self.tape.cast[self.value] = self.node
        return self.value

    def __lt__(self, other: Any) -> Any:
        return self.value < _value(other)

    def __le__(self, other: Any) -> Any:
        return self.value <= _value(other)

    def __gt__(self, other: Any) -> Any:
        return self.value > _value(other)

    def __ge__(self, other: Any) -> Any:
        return self.value >= _value(other)

    def __eq__(self, other: object) -> Any:
        return self.value == _value(other)

    def __bool__(self) -> bool:
        return bool(self.value)


def _value(a: Any) -> Any:
    return a.value if isinstance(a, Traced) else float(a) if isinstance(a, PLAIN) else None


def _divide(a: float, b: float) -> float:
    return a / b if b else math.copysign(math.inf, a) if a else math.nan


SLOPES: dict[str, Callable[[float, float], float]] = {  # f'(x) from x and y = f(x)
    "exp": lambda x, y: y,
    "expm1": lambda x, y: y + 1,
    "log": lambda x, y: 1 / x,
    "log1p": lambda x, y: 1 / (1 + x),
    "sqrt": lambda x, y: _divide(0.5, y),
    "square": lambda x, y: 2 * x,
    "sin": lambda x, y: math.cos(x),
    "cos": lambda x, y: -math.sin(x),
    "sinh": lambda x, y: math.cosh(x),
    "cosh": lambda x, y: math.sinh(x),
    "tanh": lambda x, y: 1 - y * y,
    "arctan": lambda x, y: 1 / (1 + x * x),
}


def _function(name: str) -> Callable[[Traced], Traced]:
    def f(self: Traced) -> Traced:
        y = float(getattr(np, name)(self.value))
        return self.tape.add(name, y, (self.node, -1), (SLOPES[name](self.value, y), 0.0))

    return f


for _name in SLOPES:
    setattr(Traced, _name, _function(_name))


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
                isinstance(a, Traced) or getattr(a, "dtype", None) == object for a in arrays
            )
            if not objects or kwargs:
                return original(*arrays, **kwargs)
            return np.frompyfunc(f, len(arrays), 1)(*arrays)

        return on_arrays

    for name in ("zeros", "empty", "ones"):
        replace(np, name, lambda original, *a, **k: _lifted(original(*a, **k), tape, "fO"))
    for name in SLOPES:
        replace(np, name, lambda original, a, *r, **k: original(_lifted(a, tape, "O"), *r, **k))
        if hasattr(math, name):
            replace(math, name, _on_one)
    replace(np, "logaddexp", each(tape.logaddexp))
    replace(np, "maximum", each(lambda a, b: tape.pick("maximum", a >= b, a, b)))
    replace(np, "minimum", each(lambda a, b: tape.pick("minimum", a <= b, a, b)))
    replace(np, "where", each(lambda chosen, a, b: tape.pick("where", chosen, a, b)))
    clip = lambda a, low, high: tape.pick("clip", low <= a <= high, a, min(max(a, low), high))  # noqa: E731
    replace(np, "clip", each(clip))
    try:
        yield
    finally:
        for module, name, original in before:
            setattr(module, name, original)


def _lifted(a: Any, tape: Tape, kinds: str) -> Any:
    """An array of these kinds, with traced constants for its plain numbers."""
    if not isinstance(a, np.ndarray) or a.dtype.kind not in kinds:
        return a
    out = np.empty(a.shape, object)
    out.reshape(-1)[:] = [b if isinstance(b, Traced) else Traced(tape, b, -1) for b in a.flat]
    return out


def _on_one(original: Any, a: Any) -> Any:
    return getattr(a, original.__name__)() if isinstance(a, Traced) else original(a)
