"""How far rounding can move a target's output and its gradients: the size of what they were made
of."""

from __future__ import annotations

import numpy as np

from tinyae.checking.baseline import Baseline
from tinyae.checking.diagnosis.recording import record
from tinyae.checking.problem import Problem

Array = np.ndarray
EPS = float(np.finfo(np.float64).eps)


def rounding_of(problem: Problem, baseline: Baseline) -> tuple[float, dict[str, Array]]:
    """What rounding can do to ``s = Σ y·dy`` and to each entry of its gradients, from a recording
    of forward's operations: 0 and {} where forward cannot be recorded.

    s: ``eps · Σ |∂s/∂a · a|`` over all intermediate results a. A finite difference of two such
    numbers does not know them any better. The outputs alone do not tell: where 1 + 1e-15 is
    rounded, or 1e8 − 1e8, the result is small and its error is not.

    A gradient: eps times the sum of the sizes of its terms, one for each path to the output.
    """
    try:
        r = record(problem, problem.tensors)
    except Exception:
        return 0.0, {}
    tape, dy = r.tape, np.broadcast_to(baseline.dy, r.outputs.shape).reshape(-1)
    slope, size = np.zeros(len(tape.values)), np.zeros(len(tape.values))
    for k, d in zip(r.outputs.reshape(-1).tolist(), dy.tolist(), strict=True):
        if k >= 0:
            slope[k] += d
            size[k] += abs(d)
    for k in range(len(tape.values) - 1, -1, -1):
        for p, s in zip(tape.parents[k], tape.slopes[k], strict=True):
            if p >= 0:
                slope[p] += s * slope[k]
                size[p] += abs(s) * size[k]
    output = EPS * float(np.abs(slope * np.array(tape.values)).sum())
    return output, {name: EPS * size[nodes] for name, nodes in r.leaves.items()}
