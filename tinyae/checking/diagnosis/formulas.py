"""Is backward one of the formulas that people write, with the numeric gradient another one?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from tinyae.checking.diagnosis.case import Case
from tinyae.checking.report import Hint

Array = np.ndarray


def formula(case: Case) -> Hint | None:
    """Backward and the numeric gradient, each as a sum of at most two well-known terms that fits
    every entry: side by side they show what is wrong."""
    wrong, right = formulas(case)
    if not wrong or not right:
        return None
    text = f"backward's gradient of {case.name} is {wrong}, and it should be {right}"
    return case.hint("formula", text)


def backward_formula(case: Case) -> Hint | None:
    """Backward alone is such a sum."""
    wrong, _ = formulas(case)
    text = f"backward's gradient of {case.name} is {wrong}, and that is not its derivative"
    return case.hint("formula", text) if wrong else None


def formulas(case: Case) -> tuple[str, str]:
    """Backward's formula and the right one, fitted by least squares; empty where none fits."""
    if not case.complete or case.name != next(iter(case.problem.tensors)) or len(case.index) < 8:
        return "", ""
    with np.errstate(all="ignore"):
        terms = [(told, a) for told, a in _terms(case) if np.isfinite(a).all() and a.any()]
    return _fit(case, case.A, terms), _fit(case, case.N, terms)


def _fit(case: Case, values: Array, terms: list[tuple[str, Array]]) -> str:
    """The first fit; of several pairs of terms, one with weights of the same size."""
    found = ""
    for count in (1, 2):
        for chosen in combinations(terms, count):
            C = np.stack([a.reshape(-1) for _, a in chosen], axis=1)
            w, _, rank, _ = np.linalg.lstsq(C, values, rcond=1e-9)
            if rank == count and case.matches(C @ w, values, least=count + 4):
                told = [f"{a:.4g} · {name}" for a, (name, _) in zip(w, chosen, strict=True)]
                text = " + ".join(told).replace("+ -", "− ")
                if np.ptp(np.abs(w)) <= 1e-6 * np.abs(w).max():
                    return text
                found = found or text
    return found


def _terms(case: Case) -> Iterator[tuple[str, Array]]:
    v, name = case.v, case.name
    if case.problem.scalar:
        yield from _norms(v, name)
        ones = {"1": np.ones_like(v), name: v, f"{name}²": v * v, f"1/{name}": 1 / v}
        yield from ones.items()
        yield f"sign({name})", np.sign(v)
        yield f"exp({name})", np.exp(v)
        yield f"exp(−{name})", np.exp(-v)
        yield f"σ({name})", 1 / (1 + np.exp(-v))
        for axis in range(v.ndim):
            e = np.exp(v - v.max(axis=axis, keepdims=True))
            yield f"softmax({name}) over axis {axis}", e / e.sum(axis=axis, keepdims=True)
        for other, t in case.problem.fixed.items():
            labels = t.dtype.kind in "iu" and t.shape == v.shape[:1] and v.ndim == 2
            t = np.eye(v.shape[1])[t] if labels else t
            if t.shape == v.shape:
                yield f"one-hot({other})" if labels else other, t * 1.0
                yield f"sign({name} − {other})", np.sign(v - t)
        return
    y, dy = case.baseline.y, case.baseline.dy
    if y.shape != v.shape:
        return
    lines: list[int | None] = [*range(v.ndim), None] if v.ndim > 1 else [None]
    factors = {
        "": np.ones_like(v),
        "y · ": y,
        f"{name} · ": v,
        "exp(y) · ": np.exp(y),
        "y² · ": y * y,
    }
    for told, f in factors.items():
        yield f"{told}dy", f * dy
        for inner, g in (("dy", dy), ("dy · y", dy * y), (f"dy · {name}", dy * v)):
            for along in lines:
                where = "the whole array" if along is None else f"axis {along}"
                yield f"{told}Σ({inner}) over {where}", f * g.sum(axis=along, keepdims=True)


def _norms(v: Array, name: str) -> Iterator[tuple[str, Array]]:
    for axis in [*range(v.ndim), None] if v.ndim > 1 else [None]:
        where = "the whole array" if axis is None else f"axis {axis}"
        norm = np.sqrt((v * v).sum(axis=axis, keepdims=True))
        yield f"{name}/‖{name}‖ with the norm over {where}", v / norm
