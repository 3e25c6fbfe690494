"""Forward's own chain rule: every operation of a forward pass, recorded.

A layer follows the dtype of its data, so forward also runs on arrays of ``Traced`` numbers. Each
operation on them is noted on a tape: its value, its parents, the derivatives with respect to these,
and the place in the source where it was called. Backward through this tape is right by
construction. So it can be made wrong on purpose, one step at a time, and compared with what the
author's backward returns.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray
MOST = 60_000  # operations: a larger forward pass is not traced
NUMPY = os.path.dirname(np.__file__)
TRACERS = os.path.join(os.path.dirname(__file__), "trace")  # this file and traced_numpy
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
        self.kinds: dict[int, str] = {}  # by the code's id
        self.codes: dict[int, Any] = {}

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
            kind = self.kinds.get(id(code)) or self._kind(code)
            if kind == "stop":
                break
            if kind == "use":
                method = code.co_varnames[:1] == ("self",)
                owner = id(frame.f_locals.get("self")) if method else 0
                chain.append((id(code), frame.f_lasti, owner))
            frame = frame.f_back  # type: ignore[assignment]
        return self.places.setdefault(tuple(chain), len(self.places))

    def _kind(self, code: Any) -> str:
        """Is this code the target's, NumPy's (skipped), or the checker's (the end of the chain)?"""
        name = code.co_filename
        skip = name.startswith((NUMPY, TRACERS))
        self.kinds[id(code)] = "skip" if skip else "stop" if name.startswith(HERE) else "use"
        self.codes[id(code)] = code  # a hash of code is slow, and its id is safe while it is kept
        return self.kinds[id(code)]


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
