"""Numbers that carry an exact derivative through a layer: a + b ε with ε² = 0.

A layer follows the dtype of its data, so it also runs on arrays of Python objects. Put a dual
number x + u ε into every entry of its input, and what comes out is y + (J u) ε: the derivative
along u, without a step and without the rounding of a difference. Two kinds of numbers are here:

``Rational``   a and b are integers or fractions, so a comparison of results is exact. It also
               counts the degree of the polynomial that made it. What is not a polynomial (exp, a
               comparison, division by a variable) raises ``NotPolynomial``.
``Dual``       a and b have 50 decimal digits (mpmath). It has exp, log, tanh and so on, and
               compares as its a does.

Python floats in a layer's code are read as the fraction that their author wrote: 2 / 15 is 2/15 and
not the double next to it. So multiplying by 2 / M is the same as dividing by M.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Self

import numpy as np

Array = np.ndarray
DIGITS = 50


class NotPolynomial(TypeError):
    """The layer computes something that is not a polynomial in its inputs and parameters."""


@functools.lru_cache(maxsize=4096)
def as_fraction(value: float) -> Fraction:
    """The simplest fraction that rounds to this float, such as 1/3 for 0.333…; the float's exact
    value where no denominator up to 10⁶ does."""
    simple = Fraction(value).limit_denominator(10**6)
    return simple if float(simple) == value else Fraction(value)


class ExactNumber:
    """a + b ε: the arithmetic that both kinds share."""

    __slots__ = ("a", "b")

    def __init__(self, a: Any, b: Any = 0) -> None:
        self.a, self.b = a, b

    @classmethod
    def of(cls, value: Any) -> Self:
        """``value`` as a number of this kind, with derivative 0."""
        raise NotImplementedError

    def __neg__(self) -> Self:
        return self * -1

    def __sub__(self, other: Any) -> Self:
        return self + -self.of(other)

    def __rsub__(self, other: Any) -> Self:
        return self.of(other) + -self

    def __rtruediv__(self, other: Any) -> Self:
        return self.of(other) / self

    def __add__(self, other: Any) -> Self:
        raise NotImplementedError

    def __mul__(self, other: Any) -> Self:
        raise NotImplementedError

    def __truediv__(self, other: Any) -> Self:
        raise NotImplementedError

    def __radd__(self, other: Any) -> Self:
        return self + other

    def __rmul__(self, other: Any) -> Self:
        return self * other

    def conjugate(self) -> Self:
        return self


class Rational(ExactNumber):
    """a + b ε with rational a and b, and the degree of the polynomial that made it."""

    __slots__ = ("degree",)

    def __init__(self, a: Any, b: Any = 0, degree: int = 1) -> None:
        super().__init__(a, b)
        self.degree = degree

    @classmethod
    def of(cls, value: Any) -> Rational:
        if isinstance(value, Rational):
            return value
        if isinstance(value, int | np.integer | np.bool_):
            return Rational(int(value), 0, 0)
        if isinstance(value, float | np.floating) and np.isfinite(value):
            return Rational(as_fraction(float(value)), 0, 0)
        raise NotPolynomial(f"it mixes its numbers with a {type(value).__name__}")

    def __add__(self, other: Any) -> Rational:
        o = self.of(other)
        return Rational(self.a + o.a, self.b + o.b, max(self.degree, o.degree))

    def __mul__(self, other: Any) -> Rational:
        o = self.of(other)
        return Rational(self.a * o.a, self.a * o.b + self.b * o.a, self.degree + o.degree)

    def __truediv__(self, other: Any) -> Rational:
        o = self.of(other)
        if o.degree or not o.a:
            raise NotPolynomial("it divides by a number that depends on its input")
        return self * Rational(Fraction(1) / o.a, 0, 0)

    def __pow__(self, n: Any) -> Rational:
        if isinstance(n, Rational) or n != int(n) or n < 0:
            raise NotPolynomial(f"it takes the power {n}")
        result = Rational(1, 0, 0)
        for _ in range(int(n)):
            result = result * self
        return result

    def _compare(self, *_: Any) -> bool:
        raise NotPolynomial("it compares its numbers (a maximum, a mask, a branch)")

    __lt__ = __le__ = __gt__ = __ge__ = __abs__ = __bool__ = _compare  # type: ignore[assignment]


class Dual(ExactNumber):
    """a + b ε with 50-digit a and b. NumPy's object arrays call exp, tanh, log, ... by name."""

    __slots__ = ()
    casts = 0  # how often one was made a float: there its derivative was lost
    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def of(cls, value: Any) -> Dual:
        if isinstance(value, Dual):
            return value
        if isinstance(value, float | np.floating) and np.isfinite(value):
            value = as_fraction(float(value))
        if isinstance(value, Fraction):
            return Dual(digits().mpf(value.numerator) / value.denominator)
        if isinstance(value, np.integer | np.bool_):
            value = int(value)
        return Dual(digits().mpf(value))

    def __add__(self, other: Any) -> Dual:
        o = self.of(other)
        return Dual(self.a + o.a, self.b + o.b)

    def __mul__(self, other: Any) -> Dual:
        o = self.of(other)
        return Dual(self.a * o.a, self.a * o.b + self.b * o.a)

    def __truediv__(self, other: Any) -> Dual:
        o = self.of(other)
        quotient = self.a / o.a
        return Dual(quotient, (self.b - quotient * o.b) / o.a)

    def __pow__(self, n: Any) -> Dual:
        if isinstance(n, Dual):
            return (n * self.log()).exp()  # type: ignore[attr-defined]
        n = self.of(n).a
        return Dual(self.a**n, n * self.a ** (n - 1) * self.b if self.b else 0)

    def __rpow__(self, base: Any) -> Dual:
        return self.of(base) ** self

    def __abs__(self) -> Dual:
        return -self if self.a < 0 else self

    def __lt__(self, other: Any) -> bool:
        return self.a < self.of(other).a

    def __le__(self, other: Any) -> bool:
        return self.a <= self.of(other).a

    def __gt__(self, other: Any) -> bool:
        return self.a > self.of(other).a

    def __ge__(self, other: Any) -> bool:
        return self.a >= self.of(other).a

    def __eq__(self, other: object) -> bool:
        return bool(self.a == self.of(other).a)

    def __bool__(self) -> bool:
        return bool(self.a)

    def __float__(self) -> float:
        Dual.casts += 1
        return float(self.a)


DERIVATIVES: dict[str, tuple[str, Callable[[Any, Any, Any], Any]]] = {
    # NumPy's name: mpmath's name, f'(a) from mpmath, a and y = f(a)
    "exp": ("exp", lambda mp, a, y: y),
    "expm1": ("expm1", lambda mp, a, y: y + 1),
    "log": ("log", lambda mp, a, y: 1 / a),
    "log1p": ("log1p", lambda mp, a, y: 1 / (1 + a)),
    "sqrt": ("sqrt", lambda mp, a, y: 1 / (2 * y)),
    "sin": ("sin", lambda mp, a, y: mp.cos(a)),
    "cos": ("cos", lambda mp, a, y: -mp.sin(a)),
    "tan": ("tan", lambda mp, a, y: 1 + y * y),
    "sinh": ("sinh", lambda mp, a, y: mp.cosh(a)),
    "cosh": ("cosh", lambda mp, a, y: mp.sinh(a)),
    "tanh": ("tanh", lambda mp, a, y: 1 - y * y),
    "arcsin": ("asin", lambda mp, a, y: 1 / mp.sqrt(1 - a * a)),
    "arccos": ("acos", lambda mp, a, y: -1 / mp.sqrt(1 - a * a)),
    "arctan": ("atan", lambda mp, a, y: 1 / (1 + a * a)),
    "arctanh": ("atanh", lambda mp, a, y: 1 / (1 - a * a)),
}


def _function(name: str) -> Callable[[Dual], Dual]:
    mp_name, derivative = DERIVATIVES[name]

    def f(self: Dual) -> Dual:  # f(a + b ε) = f(a) + f'(a) b ε
        mp = digits()
        y = getattr(mp, mp_name)(self.a)
        return Dual(y, derivative(mp, self.a, y) * self.b if self.b else 0)

    return f


for _name in DERIVATIVES:
    setattr(Dual, _name, _function(_name))


@functools.cache
def digits() -> Any:
    """mpmath with 50 digits, in a context of its own: ``mpmath.mp`` keeps its precision."""
    try:
        import mpmath
    except ImportError as error:
        raise ImportError('method="dual" needs mpmath: pip install "tinyae[exact]"') from error
    context = mpmath.mp.clone()
    context.dps = DIGITS
    return context


def filled(values: Array, number: Callable[[Any], Any]) -> Array:
    """An object array with ``number(value)`` in each entry."""
    out = np.empty(values.shape, dtype=object)
    out.reshape(-1)[:] = [number(value) for value in values.reshape(-1).tolist()]
    return out


def random_integers(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Random Python integers n with |n| < 2⁶¹, as ``Rational`` numbers of degree 1."""
    return filled(rng.integers(-(2**61) + 1, 2**61, size=shape), Rational)


def exact_values(values: Array) -> Array:
    """The floats themselves, to all their digits, as ``Dual`` numbers."""
    return filled(values, lambda value: Dual(digits().mpf(value)))
