"""Is the gradient right in float64 only? The same gradients in another dtype."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyae.checking.baseline import Baseline
from tinyae.checking.problem import Problem
from tinyae.checking.report import Finding, shape_text


def compare_precision(
    problem: Problem, baseline: Baseline, narrow: Problem, dtype: Any
) -> list[Finding]:
    """Findings ``dtype`` and ``precision``: gradients that do not keep ``dtype``, or that differ
    from those in float64.

    The tolerance is derived. The narrow dtype cannot represent its inputs better than to half an
    eps. So a gradient may differ by as much as it changes in float64 for such a change of the
    inputs (measured for a few random ones), plus the rounding of a sum: ``100 · (spread +
    eps·max|gradient|)`` in total.
    """
    eps, findings = float(np.finfo(dtype).eps), []
    y, cache = narrow.forward()
    dy = baseline.dy.astype(dtype)
    grads = {n: np.asarray(g) for n, g in narrow.backward(dy, cache).items() if g is not None}
    if not narrow.scalar and y.dtype != dtype:
        findings.append(
            Finding(
                "dtype",
                "y",
                f"forward gives {y.dtype} for {np.dtype(dtype)} tensors: something casts inside",
            )
        )

    rng, spread = np.random.default_rng(0), {n: np.zeros(()) for n in baseline.grads}
    for _ in range(4):
        for a in problem.tensors.values():
            a *= 1 + eps * rng.uniform(-1, 1, a.shape)
        nudged = problem.backward(baseline.dy.copy(), problem.forward()[1])
        for n, g in nudged.items():
            if g is not None and np.shape(g) == baseline.grads[n].shape:
                spread[n] = np.maximum(spread[n], np.abs(g - baseline.grads[n]))
        for n, a in problem.tensors.items():
            a[...] = baseline.originals[n]

    for name, exact in baseline.grads.items():
        g = grads.get(name)
        if g is None or g.shape != exact.shape or name not in problem.tensors:
            continue  # reported already
        if g.dtype != dtype:
            findings.append(
                Finding(
                    "dtype", name, f"{name}'s gradient is {g.dtype} for {np.dtype(dtype)} tensors"
                )
            )
        floor = eps * (
            np.abs(exact).max(initial=0)
            + (np.abs(baseline.dy).max(initial=0) if not problem.scalar else 0)
        )
        bad = ~(np.abs(g - exact) <= 100 * (spread[name] + floor))
        if bad.any():
            at = np.unravel_index(np.argmax(np.where(bad, np.abs(g - exact), -1)), exact.shape)
            findings.append(
                Finding(
                    "precision",
                    name,
                    f"{name}'s gradient is off in {np.dtype(dtype)}, {int(bad.sum())} of "
                    f"{bad.size} entries: at {shape_text(at)} {g[at]:.4g}, in float64 "
                    f"{exact[at]:.4g}",
                )
            )
    return findings
