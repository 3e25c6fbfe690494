"""Relations between values: backward's entries A against the numeric ones N, entry by entry."""

from __future__ import annotations

import numpy as np

from tinyae.checking.diagnosis.case import Case
from tinyae.checking.diagnosis.formulas import formulas
from tinyae.checking.problem import Problem
from tinyae.checking.report import Hint

Array = np.ndarray


def zero(case: Case) -> Hint | None:
    if not np.any(case.gradient):
        return case.hint(
            "zero",
            f"all of {case.name}'s gradient is 0 and the numeric one is not: a gradient never "
            "filled in, or cut off on the way (integer division, a mask, a copy that is not "
            "returned)",
        )
    others = [t for t in case.report.tensors if t.verdict == "WRONG" and t.name != case.name]
    flat = np.abs(case.N) <= 1e-9 * np.abs(case.A).max(initial=0) + 2 * case.slack
    if flat.all() and not others:  # with others, the paths of this one may cancel
        return case.hint(
            "flat",
            f"the output does not move at all with {case.name}, but backward gives it a gradient: "
            f"forward does not use {case.name}, rounds (//, astype(int)), or uses a frozen copy of "
            "it",
        )
    return None


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
        for size, told in sizes.items():
            if near(sign * size):
                found.append(
                    f"{size} is {told}: a sum where a mean belongs, its division by {size} is "
                    f"missing{also}"
                )
            if near(sign / size):
                found.append(
                    f"1/{size}, and {size} is {told}: a mean where a sum belongs, divided by "
                    f"{size} once too many times{also}"
                )
        if near(sign / 2):
            found.append(f"a factor 2 is missing (from a square), or a mean was taken twice{also}")
        if near(sign * 2):
            found.append(
                f"a factor 2 too much (the ½ of the loss is gone, or it was added twice){also}"
            )
        for size, told in sizes.items():
            root = float(np.sqrt(size))
            if near(sign * root) or near(sign / root):
                found.append(f"√{size}, and {size} is {told}: a scale of √{size} is off{also}")
            for extra, text in ((2, "2"), (0.5, "½")) if problem.scalar else ():
                if near(sign * extra * size):  # means belong to losses
                    found.append(
                        f"{text} × {size}, {size} is {told}: a mean is missing and a factor {text} "
                        f"is off{also}"
                    )
                if near(sign * extra / size):
                    found.append(
                        f"{text}/{size}, {size} is {told}: a mean too much and a factor {text} is "
                        f"off{also}"
                    )
    return "; or ".join(found[:2])


def offset(case: Case) -> Hint | None:
    """The wrong entries all differ by the same constant."""
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
        f"the {len(difference)} wrong entries of {case.name} are all off by the same constant, "
        f"backward − numeric = {c:.4g}{told}: a constant is not subtracted there, or added (the 1 "
        "at the label, in cross-entropy)",
    )


def constant_part(case: Case) -> Hint | None:
    """backward(0) is 0 for every derivative. What is left there, was added in the place of dy."""
    if case.problem.scalar:
        return None
    nothing = np.zeros_like(case.baseline.dy)
    left = np.asarray(case.problem.backward(nothing, case.problem.forward()[1])[case.name])
    if left.shape != case.v.shape or not np.abs(left).max() > 1e-9 * np.abs(case.gradient).max():
        return None
    what = "a term without dy"
    for name, a in [*case.problem.tensors.items(), ("y", case.baseline.y)]:
        if a.shape == left.shape and (c := float((left * a).sum() / (a * a).sum())):
            if np.allclose(left, c * a, rtol=1e-6):
                what = f"{name} itself" if abs(c - 1) < 1e-6 else f"{c:.4g} × {name} itself"
    return case.hint(
        "constant part",
        f"for dy = 0, backward's gradient of {case.name} is not 0 but {what}: it adds {what} where "
        "a multiple of dy belongs",
    )


def exponential_ratio(case: Case) -> Hint | None:
    """backward / numeric is c·e^(k v): the derivative is taken with respect to e^(v...), such as σ
    in place of log σ²."""
    if len(case.index) < 6 or not (case.A * case.N > 0).all():
        return None
    ratio, v = np.log(case.A / case.N), case.v.reshape(-1)[case.index]
    for told, inner, x in (("e^", "v", v), ("|v|^", "", np.log(np.abs(v)))):
        C = np.stack([x, np.ones_like(x)], axis=1)
        (k, c), _, rank, _ = np.linalg.lstsq(C, ratio, rcond=1e-9)
        if rank == 2 and np.abs(C @ (k, c) - ratio).max() < 1e-5 and abs(k) > 1e-3:
            power = f"e^({k:.3g} v)" if inner else f"|v|^{k:.3g}"
            cause = (
                "the derivative of an exponential is missing or used twice, as if the variable were "
                "σ and not log σ²"
                if inner
                else "a power of it is missing, or used once too often"
            )
            return case.hint(
                "power",
                f"{case.counted()}: backward = numeric × {np.exp(c):.4g} · {power} with v = "
                f"{case.name}: {cause}",
            )
    return None


def extra_term(case: Case) -> Hint | None:
    """A − N is a known array: the parameter itself, or the bias."""
    difference, v = case.A - case.N, case.v.reshape(-1)[case.index]
    if np.linalg.norm(v):
        c = float(difference @ v / (v @ v))
        if len(case.index) > 2 and case.matches(difference, c * v, least=3):
            return case.hint(
                "decay",
                f"{case.counted()}: backward − numeric = {c:.4g} × {case.name} itself: weight "
                "decay was added to the gradient (twice, or without being in the loss)",
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
                            f"{case.counted()}: backward − numeric is {told}: the bias was added "
                            "on the way back too, but the derivative of x W + b with respect to x "
                            "has no b",
                        )
    return None


def slope_multiplied(case: Case) -> Hint | None:
    """For a loss: the gradient times an activation's slope, where the two have already canceled."""
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


def other_loss(case: Case) -> Hint | None:
    """For a loss of y and a target: the gradient of the squared, or of the absolute, error."""
    targets = [t for t in case.problem.fixed.values() if t.shape == case.v.shape]
    if case.problem.kind != "loss" or not targets:
        return None
    d = (case.v - targets[0]).reshape(-1)[case.index]
    for told, values in (
        ("the squared error, a multiple of y − t", d),
        ("the absolute error, a multiple of sign(y − t)", np.sign(d)),
    ):
        c = float(case.A @ values / (values @ values))
        if case.matches(case.A, c * values, least=4):
            right = formulas(case)[1]
            instead = f", and they should be {right}" if right else ""
            return case.hint("other loss", f"{case.counted()} are those of {told}{instead}")
    return None


def name_of_weight(w: float, problem: Problem, y: tuple[int, ...]) -> str:
    """What a path's weight in backward means."""
    if abs(w) < 1e-6:
        return "is missing (treated as a constant)"
    if abs(w + 1) < 1e-6:
        return "has the wrong sign"
    if abs(w - 2) < 1e-6:
        return "counts twice"
    for n, told in sizes_of(problem, y).items():
        if abs(w - (n - 1) / n) < 1e-6 or abs(w - n / (n - 1)) < 1e-6:
            return f"counts {w:.4g} times: N and N − 1 are confused, {n} is {told}"
    cause = name_of_factor(w, problem, y)
    return f"counts {w:.4g} times" + (f" ({cause})" if cause else "")


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
        (data.size, "the number of values in the batch"),
        (count(y), "the number of outputs"),
        (problem.tensors[name].size if name else 1, f"the number of entries of {name}"),
    ):
        if size > 1:
            sizes.setdefault(size, told)
    return sizes
