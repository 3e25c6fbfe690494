"""Numbers that carry an exact derivative through a layer: a + b ε with ε² = 0.

A layer follows the dtype of its data, so it also runs on arrays of Python objects. Put a dual number
x + u ε into every entry of its input, and what comes out is y + (J u) ε: the derivative along u, with no
step and no rounding of a difference. Two kinds of numbers are here:

``Rational``   a and b are integers or fractions, so every comparison is an equality. It also counts the
               degree of the polynomial that it went through. Anything that is not a polynomial
               (exp, a comparison, division by a variable) raises ``NotPolynomial``.
``Dual``       a and b have 50 decimal digits (mpmath), with exp, log, tanh and so on, and the result of
               a comparison is that of a.

Python floats in a layer's code are read as the fraction that their author wrote: 2 / 15 is 2/15 and not
the double next to it, so that multiplying by 2 / M and dividing by M are the same.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

Array = np.ndarray
DIGITS = 50


class NotPolynomial(TypeError):
    """The layer computes something that is not a polynomial in its inputs and parameters."""


@functools.lru_cache(maxsize=4096)
def as_fraction(value: float) -> Fraction:
    """The simplest fraction that rounds to this float, such as 1/3 for 0.333…; its exact value where
    no denominator up to 10⁶ does."""
    simple = Fraction(value).limit_denominator(10**6)
    return simple if float(simple) == value else Fraction(value)


class Rational:
    """a + b ε with rational a and b, and the degree of the polynomial that made it."""

    __slots__ = ("a", "b", "degree")

    def __init__(self, a: Any, b: Any = 0, degree: int = 1) -> None:
        self.a, self.b, self.degree = a, b, degree

    def __add__(self, other: Any) -> Rational:
        o = _rational(other)
        return Rational(self.a + o.a, self.b + o.b, max(self.degree, o.degree))

    def __sub__(self, other: Any) -> Rational:
        return self + -_rational(other)

    def __rsub__(self, other: Any) -> Rational:
        return -self + other

    def __neg__(self) -> Rational:
        return Rational(-self.a, -self.b, self.degree)

    def __mul__(self, other: Any) -> Rational:
        o = _rational(other)
        return Rational(self.a * o.a, self.a * o.b + self.b * o.a, self.degree + o.degree)

    def __truediv__(self, other: Any) -> Rational:
        o = _rational(other)
        if o.degree or not o.a:
            raise NotPolynomial("it divides by a number that depends on its input")
        return self * Rational(Fraction(1) / o.a, 0, 0)

    def __pow__(self, n: Any) -> Rational:
        if isinstance(n, Rational) or n != int(n) or n < 0:
            raise NotPolynomial(f"it takes the power {n}")
        return functools.reduce(operator.mul, [self] * int(n), Rational(1, 0, 0))

    def _compared(self, other: Any) -> bool:
        raise NotPolynomial("it compares its numbers (a maximum, a mask, a branch)")

    __radd__, __rmul__ = __add__, __mul__
    __lt__ = __le__ = __gt__ = __ge__ = __abs__ = __bool__ = _compared  # type: ignore[assignment]

    def __rtruediv__(self, other: Any) -> Rational:
        return _rational(other) / self

    def conjugate(self) -> Rational:
        return self


def _rational(value: Any) -> Rational:
    if isinstance(value, Rational):
        return value
    if isinstance(value, int | np.integer | np.bool_):
        return Rational(int(value), 0, 0)
    if isinstance(value, float | np.floating) and np.isfinite(value):
        return Rational(as_fraction(float(value)), 0, 0)
    if isinstance(value, Fraction):
        return Rational(value, 0, 0)
    raise NotPolynomial(f"it mixes its numbers with a {type(value).__name__}")


class Dual:
    """a + b ε with 50-digit a and b. NumPy's object arrays call its exp, tanh, log, ... by name."""

    __slots__ = ("a", "b")

    def __init__(self, a: Any, b: Any = 0) -> None:
        self.a, self.b = a, b

    def __add__(self, other: Any) -> Dual:
        a, b = _parts(other)
        return Dual(self.a + a, self.b + b)

    def __neg__(self) -> Dual:
        return Dual(-self.a, -self.b)

    def __sub__(self, other: Any) -> Dual:
        a, b = _parts(other)
        return Dual(self.a - a, self.b - b)

    def __rsub__(self, other: Any) -> Dual:
        return -self + other

    def __mul__(self, other: Any) -> Dual:
        a, b = _parts(other)
        return Dual(self.a * a, self.a * b + self.b * a)

    def __truediv__(self, other: Any) -> Dual:
        a, b = _parts(other)
        q = self.a / a
        return Dual(q, (self.b - q * b) / a)

    def __rtruediv__(self, other: Any) -> Dual:
        return Dual(*_parts(other)) / self

    def __pow__(self, n: Any) -> Dual:
        if isinstance(n, Dual):
            return (n * self.log()).exp()
        n = _parts(n)[0]
        return Dual(self.a**n, n * self.a ** (n - 1) * self.b if self.b else self.b)

    def __rpow__(self, base: Any) -> Dual:
        return (self * Dual(*_parts(base)).log()).exp()

    def __abs__(self) -> Dual:
        return -self if self.a < 0 else self

    __radd__, __rmul__ = __add__, __mul__

    def __lt__(self, other: Any) -> bool:
        return self.a < _parts(other)[0]

    def __le__(self, other: Any) -> bool:
        return self.a <= _parts(other)[0]

    def __gt__(self, other: Any) -> bool:
        return self.a > _parts(other)[0]

    def __ge__(self, other: Any) -> bool:
        return self.a >= _parts(other)[0]

    def __eq__(self, other: object) -> bool:
        return self.a == _parts(other)[0]

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return bool(self.a)

    def __float__(self) -> float:
        return float(self.a)

    def conjugate(self) -> Dual:
        return self


def _parts(value: Any) -> tuple[Any, Any]:
    if isinstance(value, Dual):
        return value.a, value.b
    if isinstance(value, float | np.floating) and np.isfinite(value):
        value = as_fraction(float(value))
    if isinstance(value, Fraction):
        return _mp().mpf(value.numerator) / value.denominator, 0
    return (value if isinstance(value, int) else _mp().mpf(value)), 0


def _function(f: str, derivative: Callable[[Any, Any, Any], Any]) -> Callable[[Dual], Dual]:
    """f(a + b ε) = f(a) + f'(a) b ε; ``derivative(mp, a, f(a))``."""

    def apply(self: Dual) -> Dual:
        mp = _mp()
        value = getattr(mp, f)(self.a)
        return Dual(value, derivative(mp, self.a, value) * self.b if self.b else self.b)

    return apply


for _name, _f, _derivative in (
    ("exp", "exp", lambda mp, a, y: y),
    ("expm1", "expm1", lambda mp, a, y: y + 1),
    ("log", "log", lambda mp, a, y: 1 / a),
    ("log1p", "log1p", lambda mp, a, y: 1 / (1 + a)),
    ("sqrt", "sqrt", lambda mp, a, y: 1 / (2 * y)),
    ("sin", "sin", lambda mp, a, y: mp.cos(a)),
    ("cos", "cos", lambda mp, a, y: -mp.sin(a)),
    ("tan", "tan", lambda mp, a, y: 1 + y * y),
    ("sinh", "sinh", lambda mp, a, y: mp.cosh(a)),
    ("cosh", "cosh", lambda mp, a, y: mp.sinh(a)),
    ("tanh", "tanh", lambda mp, a, y: 1 - y * y),
    ("arcsin", "asin", lambda mp, a, y: 1 / mp.sqrt(1 - a * a)),
    ("arccos", "acos", lambda mp, a, y: -1 / mp.sqrt(1 - a * a)),
    ("arctan", "atan", lambda mp, a, y: 1 / (1 + a * a)),
    ("arctanh", "atanh", lambda mp, a, y: 1 / (1 - a * a)),
):
    setattr(Dual, _name, _function(_f, _derivative))


@functools.cache
def _mp() -> Any:
    import mpmath

    context = mpmath.mp.clone()  # so that a user's mpmath.mp keeps its own precision
    context.dps = DIGITS
    return context


def filled(values: Array, number: Callable[[Any], Any]) -> Array:
    """An object array with ``number(value)`` in each entry."""
    out = np.empty(values.shape, dtype=object)
    out.reshape(-1)[:] = [number(v) for v in values.reshape(-1).tolist()]
    return out


def random_integers(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Random Python integers with |n| < 2⁶¹, as ``Rational`` numbers of degree 1."""
    return filled(rng.integers(-(2**61) + 1, 2**61, size=shape), Rational)


def exact_value(value: float) -> Dual:
    """The float itself, to all its digits."""
    return Dual(_mp().mpf(value))
