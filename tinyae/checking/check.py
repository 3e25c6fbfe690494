"""The gradient checker: does ``backward`` return the derivative of ``forward``?

For a random cotangent dy, backward claims the gradient of the number ``s = Σ y·dy``. Move one entry
v of one tensor by ±h, run forward twice, and ``(s(v+h) − s(v−h)) / 2h`` is that entry's derivative
up to h²: it must be what backward says. The rest of this file is care: which entries, which
tolerance, and when not to complain.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyae.checking import baseline as baselines
from tinyae.checking import contract, numeric
from tinyae.checking.adapters import as_problem
from tinyae.checking.diagnosis import diagnose
from tinyae.checking.exact import RTOL, Proof, prove
from tinyae.checking.precision import compare_precision
from tinyae.checking.report import Report
from tinyae.checking.tensor_check import Check, Rules

Array = np.ndarray
METHODS = ("central", "forward", "richardson", "complex", "directions", "exact", "dual")


def gradcheck(
    target: Any,
    *inputs: Any,
    method: str = "central",
    seed: int = 0,
    rtol: float | None = None,
    step: float | None = None,
    max_entries: int = 1000,
    samples: int = 200,
    directions: int = 8,
    dtype: Any = np.float64,
    kind: str | None = None,
) -> Report:
    """Compare the gradients that ``target`` returns with finite differences of its outputs, entry
    by entry, and say why.

    The check runs in float64 on copies; target and inputs stay as they are. An entry is right where
    ``|backward − numeric| <= rtol·max(|backward|, |numeric|) + noise``, with the noise floor
    computed from the outputs and the step. Entries that fail get a closer look at other steps.
    Those where the function has a kink (ReLU at 0) have no
    derivative: they are skipped and counted, and a tensor with more kinks than other entries is not
    accepted as checked.

    Args:
        target: a layer, container, loss, penalty, objective, or a pair of functions: see
            ``tinyae.checking.adapters``.
        inputs: what it is called with: ``x``; ``y, target``; ``model, x``; or each argument of the
            function.
        method: ``"central"``; ``"forward"`` (one-sided, half of the digits); ``"richardson"`` (two
            central differences); ``"complex"`` (exact to rounding, analytic targets only);
            ``"directions"`` (random directions, for large nets); ``"exact"`` (a proof by random
            integers, for polynomials) and ``"dual"`` (50-digit dual numbers), see
            ``tinyae.checking.exact``.
        seed: of the cotangent, the sample and an objective's noise.
        rtol: relative tolerance. Default: 1e-6, and 1e-40 for dual numbers.
        step: relative step h; an entry v moves by h·max(1, |v|). Default: what suits the method,
        eps^(1/3) for central. max_entries, samples: tensors of more than ``max_entries`` entries
        are checked at ``samples`` entries and along a random direction.
        directions: how many per tensor for ``method="directions"``.
        dtype: ``np.float32`` checks in addition that gradients computed in float32 agree with those
            in float64.
        kind: what the target is, where that cannot be seen from it.

    Raises:
        TypeError: the target or what it returns has not the expected form; the text says what is
            missing.
        ValueError: unknown method or kind, an empty input, ``"complex"`` for a target that is not
            analytic.
        Exception: whatever the target itself throws, with its traceback and a note.
    """
    if method not in METHODS:
        raise ValueError(
            f"gradcheck: method {method!r} is unknown, expected one of {', '.join(METHODS)}"
        )
    if method == "directions" and directions < 1:
        raise ValueError(
            f"gradcheck: directions is {directions}, expected at least 1: none is no check"
        )
    step = numeric.STEPS.get(method, numeric.STEPS["central"]) if step is None else step
    if not 0 < step < 1:
        raise ValueError(
            f"gradcheck: step is {step}, expected a number between 0 and 1, relative to max(1, |v|)"
        )
    with baselines.undisturbed():
        rng = np.random.default_rng(seed)
        problem = as_problem(target, inputs, np.float64, seed, kind)
        baseline = contract.measure_baseline(problem, rng)
        rules = Rules(
            "central" if method in ("exact", "dual") else method,
            step,
            1e-6 if rtol is None else rtol,
            max_entries,
            samples,
            directions,
        )
        check = Check(problem, baseline, rng, rules)
        proof = Proof("")
        if method in ("exact", "dual"):
            proof = prove(target, inputs, problem, baseline, method, seed, kind)
        if method == "complex":
            check.complex_copy = numeric.complex_copy(
                problem, as_problem(target, inputs, np.complex128, seed, kind)
            )
        limit = RTOL if rtol is None else rtol
        rows = [check.proven(name, proof, limit) for name in problem.tensors]
        if any(row.verdict == "KINKS" for row in rows):
            rows = check.away_from_kinks(rows)
        report = Report(problem.title, rows, baseline.findings, method, step, seed)
        report.remark = proof.remark
        if np.dtype(dtype) != np.float64:
            report.findings += compare_precision(
                problem, baseline, as_problem(target, inputs, dtype, seed, kind), dtype
            )
        report.hints = diagnose(problem, baseline, report)
    return report


def assert_gradients(target: Any, *inputs: Any, **options: Any) -> None:
    """``gradcheck`` for tests: raises AssertionError with the report's text where a gradient is
    wrong."""
    report = gradcheck(target, *inputs, **options)
    if not report.ok:
        raise AssertionError("\n" + str(report))
