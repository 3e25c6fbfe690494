"""``method="exact"`` and ``method="dual"``: the target runs on numbers that carry a derivative.

For every tensor and one random direction u, the forward pass gives J u and the backward pass must
satisfy ``Σ (J u)·dy = Σ u·(dx)``. There is no step and no difference.

``exact``
    All inputs and parameters are random integers below 2⁶¹, and so are u and dy. Where the target
    is a polynomial of degree d in all of them, both sides are too. If they were different
    polynomials, they would be equal at a random point with a probability of at most d / 2⁶¹
    (Schwartz 1980, Zippel 1979). So equality is a proof up to about 10⁻¹⁸.
``dual``
    The given inputs and parameters, with 50 digits. Both sides agree to about 10⁻⁴⁹.

u is independent of x and of dy: with u = x, a wrong dx that is made from x could pass, and with
u = dy a transposed Jacobian.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyae.checking.adapters import as_problem
from tinyae.checking.baseline import Baseline
from tinyae.checking.exact_numbers import (
    Dual,
    ExactNumber,
    NotPolynomial,
    Rational,
    exact_values,
    filled,
    random_integers,
)
from tinyae.checking.problem import Problem

Array = np.ndarray
RTOL = 1e-40


@dataclass
class Proof:
    """What exact arithmetic says: the relative residual of each tensor, and a sentence for the
    report. ``residuals`` is None where the target cannot run on such numbers."""

    remark: str
    residuals: dict[str, float] | None = None
    method: str = "central"


def prove(
    target: Any,
    inputs: tuple[Any, ...],
    problem: Problem,
    baseline: Baseline,
    method: str,
    seed: int,
    kind: str | None,
) -> Proof:
    """Exact arithmetic where the target is a polynomial, dual numbers where it is not, and neither
    where it does not keep to NumPy's object arrays."""
    why = ""
    if method == "exact":
        try:
            return _identity(target, inputs, problem, baseline, Rational, seed, kind)
        except NotPolynomial as error:
            why = f"not a polynomial ({error}); "
        except Exception as error:
            call = re.search(r"no callable (\w+) method", str(error))
            because = f"it calls {call[1]}" if call else _short(error)
            why = f"not a polynomial ({because}); "
    try:
        proof = _identity(target, inputs, problem, baseline, Dual, seed, kind)
        return Proof(why + proof.remark, proof.residuals, proof.method)
    except ImportError:
        raise
    except Exception as error:
        return Proof(
            f"{why}it does not run on arrays of Python objects ({_short(error)}: a cast, or a "
            "function in C?), so finite differences were used"
        )


def _identity(
    target: Any,
    inputs: tuple[Any, ...],
    problem: Problem,
    baseline: Baseline,
    number: type[Rational] | type[Dual],
    seed: int,
    kind: str | None,
) -> Proof:
    rng = np.random.default_rng([seed, 1])  # not the seed's own stream: dy was drawn from that
    exact = as_problem(target, inputs, object, seed, kind)
    Dual.casts = 0

    def draw(shape: tuple[int, ...]) -> Array:
        if number is Rational:
            return random_integers(shape, rng)
        return exact_values(rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape))

    for name, v in exact.tensors.items():
        v[...] = draw(v.shape) if number is Rational else exact_values(problem.tensors[name])
    for a in exact.fixed.values():
        if a.dtype == object:  # real targets: 1 − t must not be rounded either
            a[...] = filled(a, number.of)
    y, cache = exact.forward()
    y = _numbers(y, number)
    if exact.scalar:
        dy = filled(np.ones(()), number.of)
    else:
        dy = draw(y.shape) if number is Rational else exact_values(baseline.dy)
    grads = {n: g for n, g in exact.backward(dy.copy(), cache).items() if g is not None}
    degree = max((e.degree for e in y.reshape(-1).tolist()), default=0) if number is Rational else 0

    residuals = {}
    for name, v in exact.tensors.items():
        if name not in grads or np.shape(grads[name]) != v.shape:
            continue  # reported already
        g, u = _numbers(grads[name], number), draw(v.shape)
        if number is Rational:
            degree = max(degree, *(e.degree for e in g.reshape(-1).tolist()))
        moved = [
            _with_derivative(a, b, number)
            for a, b in zip(v.reshape(-1), u.reshape(-1), strict=True)
        ]
        before = v.copy()
        v.reshape(-1)[:] = moved
        ju = _numbers(exact.forward()[0], number)
        v[...] = before
        left = [p.b * q.a for p, q in zip(ju.reshape(-1), dy.reshape(-1), strict=True)]
        right = [p.a * q.a for p, q in zip(u.reshape(-1), g.reshape(-1), strict=True)]
        gap, size = abs(sum(left) - sum(right)), sum(map(abs, left)) + sum(map(abs, right))
        residuals[name] = float(gap / size) if gap else 0.0
    if Dual.casts and any(r > RTOL for r in residuals.values()):
        raise TypeError("its numbers were cast to float")
    if number is Dual:
        return Proof("dual numbers of 50 digits, along one random direction", residuals, "dual")
    bound = (degree + 1) / 2**61
    remark = (
        f"an identity of integers, polynomial of degree {degree + 1}: where it holds, the gradient "
        f"is proven up to a probability of {bound:.0e}"
    )
    return Proof(remark, residuals, "exact")


def _numbers(a: Any, number: type[Rational] | type[Dual]) -> Array:
    """An object array with every entry of this kind."""
    a = np.asarray(a)
    if a.dtype != object:
        if a.dtype.kind in "iu" or not np.any(a):
            return filled(a, number.of)  # integers, or zeros that depend on nothing
        raise TypeError(f"it returns {a.dtype}")
    return filled(a, number.of)


def _with_derivative(a: Any, u: ExactNumber, number: type[Rational] | type[Dual]) -> ExactNumber:
    return Rational(a.a, u.a, 1) if number is Rational else Dual(a.a, u.a)


def _short(error: Exception) -> str:
    text = str(error).split("\n")[0]
    return f"{type(error).__name__}: {text[:70]}{'...' if len(text) > 70 else ''}"
