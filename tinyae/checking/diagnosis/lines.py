"""Relations that hold row by row or column by column: a factor that belongs to an example or to a
feature; and the right values in other places."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tinyae.checking.diagnosis.case import Case
from tinyae.checking.report import Hint

Array = np.ndarray


def scaled_lines(case: Case) -> Hint | None:
    """backward / numeric is a constant in each row (example), column (feature) or channel."""
    if not case.complete or case.v.ndim < 1 or case.v.size < 4:
        return None
    a, n = case.A.reshape(case.v.shape), case.N.reshape(case.v.shape)
    for axis in range(min(case.v.ndim, 2)):
        left, right = (np.moveaxis(b, axis, 0).reshape(b.shape[axis], -1) for b in (a, n))
        size = (right**2).sum(axis=1)
        if len(left) < 2 or np.any(size == 0):
            continue
        if right.shape[1] > 1 and np.ptp(right, axis=1).max() <= 1e-9 * np.abs(right).max():
            continue  # constant in each line anyway
        ratio = (left * right).sum(axis=1) / size
        if np.any(ratio == 0):
            continue  # whole lines are lost: another relation
        if case.v.ndim > 1 and not case.matches(
            (ratio[:, None] * right).reshape(-1),
            np.moveaxis(a, axis, 0).reshape(len(left), -1).reshape(-1),
            least=3,
        ):
            continue
        line = ("row", "column")[axis] if case.v.ndim == 2 else f"slice along axis {axis}"
        for told, values in _quantities(case, axis, len(ratio)):
            if np.allclose(ratio, values, rtol=1e-5):
                return case.hint(
                    "line factor",
                    f"in each {line} of {case.name}, backward = numeric × {told}: this factor is "
                    f"too much{_inverse(told)}",
                )
        if case.v.ndim > 1 and np.prod(case.v.shape) // len(ratio) >= 3:
            whose = "example" if axis == 0 and case.name in case.problem.inputs else "feature"
            return case.hint(
                "line factor",
                f"in each {line} of {case.name}, backward / numeric is one constant "
                f"({', '.join(f'{r:.4g}' for r in ratio[:3])}, ...): a factor that belongs to the "
                f"{whose} (a norm or distance, a standard deviation or variance, a weight or "
                "scale) is missing or used once too often",
            )
    return None


def _inverse(told: str) -> str:
    return (
        f", or its division by {told[2:]} is missing"
        if told.startswith("1/")
        else (", or a division by it is missing" if told[0] != "1" else "")
    )


def _quantities(case: Case, axis: int, n: int) -> Iterator[tuple[str, Array]]:
    """What a factor of a line often is: norms and deviations of the input, and parameters."""
    x = case.problem.tensors[case.problem.inputs[0]] if case.problem.inputs else case.v
    for name, t in case.problem.fixed.items():
        if t.shape == x.shape and axis == 0:
            gap = np.linalg.norm((x - t).reshape(len(x), -1), axis=1)
            yield f"the distance ‖{case.name} − {name}‖ of the example", gap
            yield f"1/(the distance ‖{case.name} − {name}‖ of the example)", 1 / gap
        if t.shape == (n,) and t.dtype.kind == "f" and np.all(t != 0):
            yield name, t
            yield f"1/{name}", 1 / t
    if x.ndim >= 2:
        for lead, what in ((0, "of the example"), (1, "of the feature")):
            lines = np.moveaxis(x, lead, 0).reshape(x.shape[lead], -1)
            if len(lines) != n:
                continue
            for told, values in (
                (f"the norm ‖x‖ {what}", np.linalg.norm(lines, axis=1)),
                (f"the deviation σ {what}", lines.std(axis=1)),
                (f"the root mean square {what}", np.sqrt((lines**2).mean(axis=1))),
                (f"the sum {what}", lines.sum(axis=1)),
            ):
                for power, name in ((1, told), (-1, f"1/({told})"), (2, f"({told})²")):
                    if np.all(values != 0):
                        yield name, values**power
    for name, p in case.problem.tensors.items():
        if p.shape == (n,) and name != case.name and np.all(p != 0):
            yield name, p
            yield f"1/{name}", 1 / p


def reordered(case: Case) -> Hint | None:
    """The same values in other places: equal when sorted."""
    if not case.complete or case.v.size < 6 or case.v.ndim < 2:
        return None
    a, n = np.sort(case.A), np.sort(case.N)
    if np.ptp(n) > 0 and np.abs(a - n).max() <= 1e-6 * np.abs(n).max() + 6 * case.slack.max():
        return case.hint(
            "permutation",
            f"{case.name}'s gradient has the right values in other places (equal when sorted): a "
            "wrong index or mask, or a reshape or transpose in the wrong order",
        )
    return None
