"""Is backward the gradient of anything? A gradient's own derivative is symmetric."""

from __future__ import annotations

import numpy as np

from tinyae.checking import numeric
from tinyae.checking.baseline import Baseline
from tinyae.checking.diagnosis.case import Case
from tinyae.checking.problem import Problem
from tinyae.checking.report import Hint

Array = np.ndarray


def not_a_gradient(case: Case) -> Hint | None:
    """The last relation: a term of the product or chain rule is missing, whichever it is."""
    if case.baseline.findings or case.v.size > 20_000:
        return None
    gap = asymmetry(case.problem, case.baseline, [case.name])
    if gap is None or gap < 1e-3:
        return None
    return case.hint(
        "product rule",
        f"{case.name}'s gradient is not the gradient of any function: its own derivative is not "
        f"symmetric ({gap:.2g} off): a term of the product or chain rule is missing (something "
        "that "
        f"depends on {case.name} was taken as a constant; with tied weights, a second path)."
        f" {case.side_by_side()}",
    )


def asymmetry(problem: Problem, baseline: Baseline, names: list[str]) -> float | None:
    """|u·∂g/∂w − w·∂g/∂u| relative to both, for random directions over these tensors; None where g
    is constant."""
    rng, h, worst = np.random.default_rng(0), numeric.STEPS["central"], 0.0

    def along(direction: dict[str, Array]) -> dict[str, Array]:
        ends = []
        for t in (h, -h):
            for n in names:
                problem.tensors[n][...] = baseline.originals[n] + t * direction[n]
            grads = problem.backward(baseline.dy.copy(), problem.forward()[1])
            ends.append({n: np.array(grads[n]) for n in names})
        for n in names:
            problem.tensors[n][...] = baseline.originals[n]
        return {n: (ends[0][n] - ends[1][n]) / (2 * h) for n in names}

    for _ in range(4):
        u, w = ({n: rng.standard_normal(problem.tensors[n].shape) for n in names} for _ in range(2))
        du, dw = along(u), along(w)
        a, b = (sum(float((p[n] * q[n]).sum()) for n in names) for p, q in ((u, dw), (w, du)))
        size = sum(float(np.linalg.norm(d[n])) for d in (du, dw) for n in names)
        if not np.isfinite(a - b):
            return None
        worst = max(worst, abs(a - b) / size if size else 0.0)
    return worst
