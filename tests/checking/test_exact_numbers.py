"""Numbers with exact derivatives: arithmetic by properties, functions by closed forms."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyae.checking.exact_numbers import (
    DERIVATIVES,
    Dual,
    NotPolynomial,
    Rational,
    as_fraction,
    exact_values,
    random_integers,
)

mpmath = pytest.importorskip("mpmath", reason="50-digit numbers: pip install '.[exact]'")
integers = st.integers(-(2**61), 2**61)


@given(integers, integers, integers, integers)
def test_rational_numbers_follow_the_rules_of_derivatives(a, da, b, db):
    x, y = Rational(a, da), Rational(b, db)
    assert ((x + y).a, (x + y).b) == (a + b, da + db)
    assert ((x - y).a, (x - y).b) == (a - b, da - db)
    assert ((x * y).a, (x * y).b) == (a * b, da * b + a * db)
    assert ((x**3).a, (x**3).b) == (a**3, 3 * a * a * da)
    assert (x / 3).b == Fraction(da, 3) and (2 - x).b == -da


def test_degrees_are_those_of_the_polynomial():
    x, y = Rational(3), Rational(5)
    assert [n.degree for n in (x + y, x * y, x**3 * y, 2 * x + 1, (x * y) / 7)] == [1, 2, 4, 1, 2]


@pytest.mark.parametrize(
    "f",
    [
        lambda x: 1 / x,
        lambda x: x**-1,
        lambda x: x**0.5,
        lambda x: abs(x),
        lambda x: x > 0,
        lambda x: np.maximum(np.array([x]), 0),
        lambda x: x + np.inf,
    ],
)
def test_what_is_not_a_polynomial_is_refused(f):
    with pytest.raises(NotPolynomial, match="it (divides|takes|compares|mixes)"):
        f(Rational(3, 1))


@given(st.fractions(-1000, 1000, max_denominator=1000))
def test_a_float_in_the_code_is_the_fraction_that_its_author_wrote(q):
    assert as_fraction(float(q)) == q


def test_a_float_that_is_no_simple_fraction_is_taken_exactly():
    assert as_fraction(np.pi) == Fraction(np.pi)


@pytest.mark.parametrize("name", DERIVATIVES)
def test_functions_agree_with_mpmaths_derivatives(name):
    with mpmath.workdps(60):
        f = getattr(mpmath, DERIVATIVES[name][0])
        y = getattr(np, name)(np.array([Dual(mpmath.mpf("0.3"), mpmath.mpf(2))], dtype=object))[0]
        assert abs(y.a - f(mpmath.mpf("0.3"))) < 1e-48
        assert abs(y.b - 2 * mpmath.diff(f, mpmath.mpf("0.3"))) < 1e-25  # diff's own error


@given(st.floats(-3, 3), st.floats(0.5, 3))
def test_dual_arithmetic(a, b):
    x, y = Dual.of(a), Dual.of(b)
    x.b = 1
    for result, derivative in [
        (x + y, 1),
        (y - x, -1),
        (x * y, y.a),
        (x / y, 1 / y.a),
        (y / (x * x + y), -y.a * 2 * x.a / (x.a * x.a + y.a) ** 2),
        (x**2, 2 * x.a),
        (y**x, y.a**x.a * mpmath.log(y.a)),
    ]:
        assert abs(result.b - derivative) < 1e-12
    assert (x < y, x <= y, x > y, x >= y) == (a < b, a <= b, a > b, a >= b)
    assert float(abs(x)) == pytest.approx(abs(a)) and abs(x).b == (-1 if a < 0 else 1)


def test_arrays_of_them_go_through_matrix_products():
    w, x = random_integers((3, 4), np.random.default_rng(0)), exact_values(np.ones((2, 4)))
    assert all(isinstance(n.a, int) and abs(n.a) < 2**61 for n in w.reshape(-1))
    assert (x @ x.T).shape == (2, 2) and float((x @ x.T)[0, 0]) == 4
    assert {n.degree for n in (w @ w.T).reshape(-1)} == {2}
