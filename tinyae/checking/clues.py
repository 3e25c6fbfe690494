"""The clues: one function for each family of mistakes, from a ``Case`` to a hint or None. ``CLUES`` is their order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinyae.checking import patterns
from tinyae.checking.report import Hint, shape_text

Array = np.ndarray
Case = Any  # diagnosis.Case


def zero(case: Case) -> Hint | None:
    if not np.any(case.gradient):
        return case.hint(
            "zero",
            f"all of {case.name}'s gradient is 0 and the numeric one is not: a gradient never filled in, "
            "or cut off on the way (integer division, a mask, a copy that is not returned)",
        )
    if np.all(np.abs(case.N) <= 1e-9 * np.abs(case.A).max(initial=0) + 2 * case.slack):
        return case.hint(
            "flat",
            f"the output does not move at all with {case.name}, but backward gives it a gradient: forward "
            f"does not use {case.name}, rounds (//, astype(int)), or uses a frozen copy of it",
        )
    return None


def few_entries(case: Case) -> Hint | None:
    bad = np.flatnonzero(case.wrong)
    if not (1 <= len(bad) <= 2 and len(case.index) >= 3 * len(bad)):
        return None
    places = [shape_text(np.unravel_index(case.index[i], case.v.shape)) for i in bad]
    told = " and ".join(
        f"{p} ({case.A[i]:.4g} for {case.N[i]:.4g})" for p, i in zip(places, bad, strict=True)
    )
    if pattern := patterns.border(case):  # one row of one image: still a border
        return pattern
    return case.hint(
        "entries",
        f"of {len(case.index)} entries of {case.name} only {told} "
        f"{'is' if len(bad) == 1 else 'are'} wrong: an index off by one, or one special case",
    )


def factor(case: Case) -> Hint | None:
    known = np.abs(case.N) > 1e-6 * np.abs(case.N).max(initial=0) + 1e4 * case.slack
    if not known.any():
        known = np.abs(case.N) > 1e-3 * np.abs(case.N).max(initial=0)
    weights = np.abs(case.N) * known
    ratio = (
        float((np.sign(case.N) * case.A * known).sum() / weights.sum()) if weights.any() else 0.0
    )
    if ratio == 0 or not case.matches(case.A, ratio * case.N, least=1):
        return None
    ratios = case.A[known] / case.N[known]
    name = patterns.name_of_factor(ratio, case)
    if len(case.index) < 2 and not name:
        return None
    told = f"{case.counted()}: backward = {ratio:.4g} × numeric, spread {np.ptp(ratios) / abs(ratio):.0e}"
    return case.hint("factor", f"{told}: {name or 'a constant factor is wrong'}")


def other_cotangent(case: Case) -> Hint | None:
    """Backward's numbers are the true gradient for another dy: which one?"""
    if case.columns is None:
        return None
    dy, y, x = case.seen.dy, case.seen.y, case.problem.tensors[case.problem.inputs[0]]
    for kind, told, other in patterns.cotangents(dy, y, x):
        if case.matches(case.A, case.columns @ other.reshape(-1)):
            return case.hint(kind, f"{case.counted()} are right for another dy: {told}")
    return None


def rearranged(case: Case) -> Hint | None:
    """The right numbers in the wrong places."""
    for kind, told, array in patterns.rearrangements(case.gradient):
        if array.shape == case.v.shape and case.matches(array.reshape(-1)[case.index], case.N):
            return case.hint(kind, f"{case.name}'s gradient equals the numeric one after {told}")
    if case.complete and (told := patterns.permutation(case)):
        return case.hint(
            "permutation",
            f"{case.name}'s gradient has the right numbers in the wrong places: {told}",
        )
    return None


def other_parameter(case: Case) -> Hint | None:
    """Backward would be right if a parameter were transposed or flipped first: it uses the parameter the wrong way round."""
    for name, p in case.problem.tensors.items():
        if name in case.problem.inputs or name == case.name or p.ndim < 2:
            continue
        before = p.copy()
        for kind, told, array in patterns.rearrangements(before):
            if array.shape != p.shape or np.array_equal(array, before):
                continue
            _, cache = case.problem.forward()
            p[...] = array
            try:
                gradient = np.asarray(case.problem.backward(case.seen.dy.copy(), cache)[case.name])
            except Exception:
                continue  # it does not run with such a parameter: then that is not the mistake
            finally:
                p[...] = before
            if gradient.shape == case.v.shape and case.matches(
                gradient.reshape(-1)[case.index], case.N
            ):
                return case.hint(
                    kind,
                    f"{case.name}'s gradient would be right for {name} after {told}: backward uses {name} "
                    "the wrong way round",
                )
    return None


def swapped_names(case: Case) -> Hint | None:
    for row in case.report.tensors:
        same_shape = (
            row.name != case.name
            and row.shape == case.row.shape
            and len(row.entries) == len(case.row.entries)
        )
        if same_shape and case.matches(case.A, row.numeric_values[case.keep]):
            return case.hint(
                "swapped",
                f"{case.name}'s gradient is the numeric gradient of {row.name}: two names are swapped",
            )
    return None


def extra_term(case: Case) -> Hint | None:
    """A − N is something that we know: the parameter itself, the bias, the cotangent."""
    difference, v = case.A - case.N, case.v.reshape(-1)[case.index]
    if np.linalg.norm(v):
        c = float(difference @ v / (v @ v))
        if len(case.index) > 2 and case.matches(difference, c * v, least=3):
            return case.hint(
                "decay",
                f"{case.counted()}: backward − numeric = {c:.4g} × {case.name} itself: weight decay was "
                "added to the gradient (twice, or without being in the loss)",
            )
    if case.name in case.problem.inputs:
        for name, p in case.problem.tensors.items():
            for told, b in ((name, p), (f"2·{name}", 2 * p)):
                if (
                    p.ndim == 1
                    and case.v.ndim >= 2
                    and len(p) in (case.v.shape[1], case.v.shape[-1])
                ):
                    axis = 1 if len(p) == case.v.shape[1] else -1
                    spread = np.broadcast_to(
                        np.moveaxis(np.zeros(case.v.shape), axis, -1) + b, case.v.shape
                    ).reshape(-1)
                    if case.matches(difference, spread[case.index]):
                        return case.hint(
                            "bias in dx",
                            f"{case.counted()}: backward − numeric is {told}: the bias was added on "
                            "the way back too, but the derivative of x W + b by x has no b",
                        )
    if case.complete and case.v.ndim == 2 and min(case.v.shape) > 1:
        d, w = difference.reshape(case.v.shape), case.v
        for axis, rows in ((1, "row"), (0, "column")):
            c = (d * w).sum(axis=axis, keepdims=True) / (w * w).sum(axis=axis, keepdims=True)
            if case.v.shape[axis] > 2 and case.matches((c * w).reshape(-1), difference, least=3):
                return case.hint(
                    "frozen",
                    f"in each {rows} of {case.name}, backward − numeric is a multiple of {case.name} "
                    f"itself: the term that holds {case.name} directly is missing or has another weight, as if "
                    f"{case.name} were a constant there (a frozen copy)",
                )
    return None


def offset(case: Case) -> Hint | None:
    """The wrong entries are all off by the same number."""
    difference = (case.A - case.N)[case.wrong]
    if (
        len(difference) < 3
        or np.ptp(difference) > 1e-5 * np.abs(difference).max() + 6 * case.slack.max()
    ):
        return None
    n, c = len(next(iter(case.problem.tensors.values()))), float(difference.mean())
    told = f" = ±1/{n}, 1/(batch size)" if n > 1 and abs(abs(c) * n - 1) < 1e-5 else ""
    return case.hint(
        "offset",
        f"the {len(difference)} wrong entries of {case.name} are all off by the same number, "
        f"backward − numeric = {c:.4g}{told}: a constant is not subtracted there, or added (the 1 at the label, in "
        "cross-entropy)",
    )


def slope_multiplied(case: Case) -> Hint | None:
    """For a loss: the gradient times an activation's slope, where the two have cancelled already."""
    if case.problem.kind != "loss":
        return None
    v = case.v.reshape(-1)[case.index]
    with np.errstate(all="ignore"):
        s = 1 / (1 + np.exp(-v))
    for told, slope in (
        ("σ(a) (1 − σ(a)), the sigmoid's slope", s * (1 - s)),
        ("y (1 − y), its slope", v * (1 - v)),
    ):
        if case.matches(case.A, case.N * slope):
            return case.hint(
                "slope twice",
                f"{case.counted()}: backward = numeric × {told}: that slope is multiplied in once "
                "too often, it is part of this gradient already",
            )
        if np.all(slope != 0) and case.matches(case.A * slope, case.N):
            return case.hint(
                "slope missing",
                f"{case.counted()}: backward × {told} = numeric: that slope is missing",
            )
    return None


def elementwise(case: Case) -> Hint | None:
    """y_i = f(x_i): the slope is missing, taken at the wrong place, or another function's."""
    y, dy, name = case.seen.y, case.seen.dy, case.name
    if case.columns is None or name != case.problem.inputs[0] or y.shape != case.v.shape:
        return None
    diagonal = case.columns[np.arange(len(case.index)), case.index]
    d = dy.reshape(-1)[case.index]
    if np.abs(case.columns).sum() > np.abs(diagonal).sum() * (1 + 1e-6):
        if case.matches(case.A, diagonal * d):
            return case.hint(
                "diagonal",
                f"{case.counted()}: only the diagonal of the Jacobian was used, dx_i = ∂y_i/∂x_i dy_i, "
                "but each output depends on other inputs too",
            )
        return None
    if case.matches(case.A, d):
        return case.hint(
            "slope missing", f"{case.counted()} equal dy: the activation's derivative is missing"
        )
    if case.matches(case.A, diagonal**2 * d):
        return case.hint(
            "slope twice", f"{case.counted()}: the activation's derivative was multiplied in twice"
        )
    if case.matches(case.A, patterns.slope_at(case, y).reshape(-1)[case.index] * d):
        return case.hint(
            "slope at output",
            f"{case.counted()}: the derivative was evaluated at the output y instead of at the "
            "input x, f'(f(x)): which of the two is in the cache?",
        )
    for told, slope in patterns.slopes(case.v, y):
        if case.matches(case.A, slope.reshape(-1)[case.index] * d):
            return case.hint(
                "foreign slope",
                f"{case.counted()} are dy times {told}, which is not this function's slope",
            )
    return None


def pattern(case: Case) -> Hint | None:
    """Where are the wrong entries? Some examples, a border, every s-th row, one sign of x."""
    return next((hint for look in patterns.PLACES if (hint := look(case))), None)


CLUES: tuple[Callable[[Case], Hint | None], ...] = (
    zero,
    few_entries,
    factor,
    other_cotangent,
    elementwise,
    rearranged,
    other_parameter,
    swapped_names,
    extra_term,
    slope_multiplied,
    pattern,
    offset,
)
