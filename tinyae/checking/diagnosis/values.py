"""Relations between values: backward's entries A against the numeric ones N, entry by entry."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from tinyae.checking.diagnosis.case import Case
from tinyae.checking.problem import Problem
from tinyae.checking.report import Hint

Array = np.ndarray


def zero(case: Case) -> Hint | None:
    """All of backward's values are 0, and the numeric ones are not."""
    if not np.any(case.gradient):
        return case.hint(
            "zero",
            f"all of {case.name}'s gradient is 0 and the numeric one is not: a gradient never "
            "filled in, or cut off on the way (integer division, a mask, a copy that is not "
            "returned)",
        )
    flat = np.abs(case.N) <= 1e-9 * np.abs(case.A).max(initial=0) + 2 * case.slack
    wrong = [t for t in case.report.tensors if t.verdict == "WRONG" and t.entries]
    moves = any(np.nanmax(np.abs(t.numeric_values)) > 1e-6 for t in wrong)
    if flat.all() and not moves:  # if others move it, the paths of this one may cancel
        return case.hint(
            "flat",
            f"the output does not move at all with {case.name}, but backward gives it a gradient: "
            f"forward does not use {case.name}, rounds (//, astype(int)), or uses a frozen copy of "
            "it",
        )
    return None


def factor(case: Case) -> Hint | None:
    """Backward is a constant times the numeric gradient."""
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
    name = name_of_factor(ratio, case.problem, case.baseline.y.shape, case.name)
    if len(case.index) < 2 and not name:
        return None
    spread = np.ptp(ratios) / abs(ratio)
    told = f"{case.counted()}: backward = {ratio:.4g} × numeric, spread {spread:.0e}"
    return case.hint("factor", f"{told}: {name or 'a constant factor is wrong'}")


def name_of_factor(ratio: float, problem: Problem, y: tuple[int, ...], name: str = "") -> str:
    """The usual causes of a constant backward / numeric: two if two fit, an empty string if none
    does. ``y`` is the output's shape."""
    sizes = sizes_of(problem, y, name)

    def near(a: float) -> bool:
        return abs(ratio - a) <= 1e-5 * abs(a)

    found = []
    if near(-1):
        found.append("the sign is wrong (target − y for y − target, or a step already subtracted)")
    for sign, also in ((1, ""), (-1, ", and the sign is wrong")):
        guesses: list[tuple[float, str]] = []
        for n, told in sizes.items():
            guesses += [
                (n, f"{n} is {told}: a sum where a mean belongs, its division by {n} is missing"),
                (1 / n, f"1/{n}, and {n} is {told}: a mean where a sum belongs"),
            ]
        guesses += [
            (0.5, "a factor 2 is missing (from a square), or a mean was taken twice"),
            (2, "a factor 2 too much (the ½ of the loss is gone, or it was added twice)"),
        ]
        for n, told in sizes.items():
            scale = f"√{n}, and {n} is {told}: a scale of √{n} is off"
            guesses += [(np.sqrt(n), scale), (1 / np.sqrt(n), scale)]
            for extra, text in ((2, "2"), (0.5, "½")) if problem.scalar else ():
                off = f"and a factor {text} is off"  # means belong to losses
                guesses += [
                    (extra * n, f"{text} × {n}, {n} is {told}: a mean is missing {off}"),
                    (extra / n, f"{text}/{n}, {n} is {told}: a mean too much {off}"),
                ]
        found += [f"{text}{also}" for value, text in guesses if near(sign * value)]
    return "; or ".join(found[:2])


def added_term(case: Case) -> Hint | None:
    """backward(0) is 0 for every derivative. What is left there was added in the place of dy, such
    as the parameter itself. For a loss, that is backward − numeric."""
    if case.problem.scalar:
        left = np.full(case.v.shape, np.nan)
        left.reshape(-1)[case.index] = case.A - case.N
    else:
        left = case.backward(np.zeros_like(case.baseline.dy))
    if left.shape != case.v.shape or np.nanmax(np.abs(left)) <= 1e-9 * np.abs(case.gradient).max():
        return None
    known = ~np.isnan(left)
    for name, a in [*case.problem.tensors.items(), ("y", case.baseline.y)]:
        spread = _spread(a, case.v.shape)
        if spread is None or (case.problem.scalar and name != case.name) or known.sum() < 3:
            continue
        c = float((left * spread)[known].sum() / (spread**2)[known].sum())
        if c and np.allclose(
            left[known], (c * spread)[known], rtol=1e-4, atol=3 * case.slack.max()
        ):
            what = name if abs(c - 1) < 1e-6 else f"{c:.4g} × {name}"
            told = f"{case.counted()}: backward adds {what}"
            if name == case.name and name not in case.problem.inputs:
                told += " itself: weight decay, twice or without being in the loss"
                return case.hint("decay", told)
            if a.ndim == 1:
                told += ": the bias was added on the way back too, but its derivative in x has no b"
                return case.hint("bias in dx", told)
            return case.hint("constant part", f"{told} itself, where a multiple of dy belongs")
    if case.problem.scalar:
        return None
    return case.hint(
        "constant part",
        f"for dy = 0, backward's gradient of {case.name} is not 0: it adds a term without dy, and "
        "every term of a derivative is a multiple of dy",
    )


def _spread(a: Array, shape: tuple[int, ...]) -> Array | None:
    """a in this shape, if it has this shape or one value for each channel or feature."""
    if a.shape == shape:
        return a
    if a.ndim == 1 and len(shape) > 1 and len(a) in (shape[1], shape[-1]):
        axis = 1 if len(a) == shape[1] else len(shape) - 1
        return np.broadcast_to(
            a.reshape([-1 if i == axis else 1 for i in range(len(shape))]), shape
        )
    return None


def known_ratio(case: Case) -> Hint | None:
    """backward / numeric is a known function of the entry: a slope that is used twice or not at
    all, a power, or e^(k v), as for σ in place of log σ²."""
    v = case.v.reshape(-1)[case.index]
    if len(case.index) < 6 or not (case.A * case.N >= 0).all():
        return None
    with np.errstate(all="ignore"):
        s = 1 / (1 + np.exp(-v))
        for told, slope in (("σ(v) (1 − σ(v))", s * (1 - s)), ("v (1 − v)", v * (1 - v))):
            for kind, cause, a in (
                ("slope twice", "is multiplied in once too often", case.N * slope),
                ("slope missing", "is missing", case.N / slope),
            ):
                if np.isfinite(a).all() and case.matches(case.A, a):
                    text = f"the sigmoid's slope {told} {cause} (v = {case.name})"
                    return case.hint(kind, f"{case.counted()}: {text}")
        ratio = np.log(case.A / case.N)
        for power, x in (("e^({:.3g} v)", v), ("|v|^{:.3g}", np.log(np.abs(v)))):
            if not np.isfinite(ratio).all() or not np.isfinite(x).all():
                continue
            C = np.stack([x, np.ones_like(x)], axis=1)
            (k, c), _, rank, _ = np.linalg.lstsq(C, ratio, rcond=1e-9)
            if rank == 2 and np.abs(C @ (k, c) - ratio).max() < 1e-5 and abs(k) > 1e-3:
                cause = (
                    "the derivative of an exponential is missing or used twice, as if v were σ and "
                    "not log σ²"
                    if power[0] == "e"
                    else "a power of it is missing, or used once too often"
                )
                return case.hint(
                    "power",
                    f"{case.counted()}: backward = numeric × {np.exp(c):.4g} · {power.format(k)} "
                    f"with v = {case.name}: {cause}",
                )
    return None


def name_of_weight(w: float, problem: Problem, y: tuple[int, ...]) -> str:
    """What a path's weight in backward means."""
    if abs(w) < 1e-6:
        return "is missing (treated as a constant)"
    if abs(w + 1) < 1e-6:
        return "has the wrong sign"
    if abs(w - 2) < 1e-6:
        return "counts twice"
    sizes = sizes_of(problem, y)
    for n, told in sizes.items():
        if abs(w - (n - 1) / n) < 1e-6 or abs(w - n / (n - 1)) < 1e-6:
            return f"counts {w:.4g} times: N and N − 1 are confused, {n} is {told}"
    for n, told in sizes.items():
        if abs(w - n) < 1e-6 * n:
            return f"counts {n} times, and {n} is {told}: a sum where a mean belongs"
        if abs(w * n - 1) < 1e-6:
            return f"counts 1/{n} times, and {n} is {told}: a mean where a sum belongs"
    for n, m in permutations(sizes, 2):
        if abs(w - n / m) < 1e-6 and max(n, m) < 100:
            return f"counts {n}/{m} times: divided by {m}, {sizes[m]}, instead of {n}, {sizes[n]}"
    return f"counts {w:.4g} times" + (f": a factor {1 / w:.4g} is missing" if 0 < w < 1 else "")


def sizes_of(problem: Problem, y: tuple[int, ...], name: str = "") -> dict[int, str]:
    """The sizes that means are taken over, and what they are."""
    tensors, fixed = list(problem.tensors.values()), list(problem.fixed.values())
    data = tensors[0] if problem.inputs or not fixed else fixed[0]
    count = lambda shape: int(np.prod(shape))  # noqa: E731
    sizes: dict[int, str] = {}
    for size, told in (
        (len(data) if data.ndim else 1, "the batch size"),
        (count(y[2:]), "the number of output pixels"),
        (y[0] * count(y[2:]) if len(y) > 2 else 1, "batch size × output pixels"),
        (count(y[1:]), "the number of outputs of one example"),
        (count(data.shape[1:]), "the number of values (classes, features) of one example"),
        (count(data.shape[2:]), "the number of pixels"),
        *((n, f"the size of axis {i} of the output") for i, n in enumerate(y) if i),
        *((n, f"the size of axis {i} of the input") for i, n in enumerate(data.shape) if i),
        (data.size, "the number of values in the batch"),
        (count(y), "the number of outputs"),
        (problem.tensors[name].size if name else 1, f"the number of entries of {name}"),
    ):
        if size > 1:
            sizes.setdefault(size, told)
    return sizes
