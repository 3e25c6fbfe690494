"""How far rounding can move a target's output: the size of what it was made of."""

from __future__ import annotations

import numpy as np

from tinyae.checking.baseline import Baseline
from tinyae.checking.diagnosis.recording import record
from tinyae.checking.problem import Problem

EPS = float(np.finfo(np.float64).eps)


def rounding_of_output(problem: Problem, baseline: Baseline) -> float:
    """What rounding can do to ``s = Σ y·dy``: ``eps·Σ |∂s/∂a · a|`` over all intermediate results a
    of forward, from a recording of its operations.

    A finite difference of two such numbers does not know them any better. The outputs alone do not
    tell: where 1 + 1e-15 is rounded, or 1e8 − 1e8, the result is small and its error is not. It is
    0 where forward cannot be recorded.
    """
    try:
        r = record(problem, problem.tensors)
    except Exception:
        return 0.0
    tape, dy = r.tape, np.broadcast_to(baseline.dy, r.outputs.shape).reshape(-1)
    slope = np.zeros(len(tape.values))
    for k, d in zip(r.outputs.reshape(-1).tolist(), dy.tolist(), strict=True):
        slope[k] += d if k >= 0 else 0.0
    for k in range(len(tape.values) - 1, -1, -1):
        for p, s in zip(tape.parents[k], tape.slopes[k], strict=True):
            slope[p] += s * slope[k] if p >= 0 else 0.0
    return EPS * float(np.abs(slope * np.array(tape.values)).sum())
