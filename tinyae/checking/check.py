"""The gradient checker: does ``backward`` return the derivative of ``forward``?

For a random cotangent dy, backward should return the gradient of the scalar ``s = Σ y·dy``. Move
one entry v of one tensor by ±h and run forward twice. Then ``(s(v+h) − s(v−h)) / 2h`` is the
derivative with respect to that entry, up to h², and backward must agree with it. Everything else
here decides which entries to check, which tolerance to use, and when not to complain.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyae._validate import as_rng, check_dtype, check_int, check_number
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
    by entry, and explain what is wrong.

    The check runs in float64 on copies, so target and inputs do not change. An entry is right if
    ``|backward − numeric| <= rtol·max(|backward|, |numeric|) + noise``. The noise floor is computed
    from the outputs and the step. Entries that fail are checked again with other steps. Where the
    function has a kink (ReLU at 0), it has no derivative: such entries are skipped and counted. A
    tensor with more kinks than other entries does not count as checked.

    Args:
        target: a layer, container, loss, penalty, objective, or a pair of functions; see
            ``tinyae.checking.adapters``.
        inputs: the arguments of the target: ``x``; ``y, target``; ``model, x``; or each argument of
            the function. Integer inputs are held fixed.
        method: ``"central"``; ``"forward"`` (one-sided, half of the digits); ``"richardson"`` (two
            central differences); ``"complex"`` (exact to rounding, for analytic targets only);
            ``"directions"`` (random directions, for large models); ``"exact"`` (a proof by random
            integers, for polynomials) or ``"dual"`` (50-digit dual numbers); for the last two, see
            ``tinyae.checking.exact``.
        seed: seed of the cotangent, of the sampled entries and of an objective's noise.
        rtol: relative tolerance. Default: 1e-6, and 1e-40 for dual numbers.
        step: relative step h: an entry v moves by h·max(1, |v|). The default depends on the method;
            it is eps^(1/3) for central differences.
        max_entries: a tensor with more entries is checked at a sample of them and along a random
            direction.
        samples: how many entries of such a tensor are sampled. In a target with more than 100,000
            entries, unless ``max_entries`` is given, every tensor with more than ``samples``
            entries is, and about 8·samples entries are checked in all.
        directions: random directions per tensor for ``method="directions"``, at least 1.
        dtype: with ``np.float32``, also check that gradients computed in float32 agree with those
            in float64.
        kind: the kind of the target, if it cannot be recognized.

    Raises:
        TypeError: the target, or what it returns, does not have the expected form.
        ValueError: unknown method or kind, or an option is out of range.
        ValueError: an input is empty, or ``"complex"`` is used for a target that is not analytic.
        Exception: whatever the target itself raises, with its traceback and a note.

    Example:
        >>> class Wrong(Linear):
        ...     def backward(self, dy, x):
        ...         dx, grads = super().backward(dy, x)
        ...         return dx, {**grads, "bias": dy.mean(axis=0)}
        >>> x = np.random.default_rng(0).normal(size=(5, 4))
        >>> gradcheck(Linear(4, 3, rng=0), x).ok
        True
        >>> report = gradcheck(Wrong(4, 3, rng=0), x)
        >>> {row.name: row.verdict for row in report.tensors}
        {'x': 'ok', 'weight': 'ok', 'bias': 'WRONG'}
        >>> report.hints[0].kind
        'factor'
    """
    if method not in METHODS:
        raise ValueError(
            f"gradcheck: method {method!r} is unknown, expected one of {', '.join(METHODS)}"
        )
    if method == "directions" and directions < 1:
        raise ValueError(f"gradcheck: directions is {directions}, expected at least 1")
    step = numeric.STEPS.get(method, numeric.STEPS["central"]) if step is None else step
    expected = "a number between 0 and 1, relative to max(1, |v|)"
    check_number("gradcheck", "step", step, lambda v: 0 < v < 1, expected)
    if rtol is not None:
        check_number("gradcheck", "rtol", rtol, lambda v: 0 <= v < 1, "a number in [0, 1)")
    for name, value in {"max_entries": max_entries, "samples": samples}.items():
        check_int("gradcheck", name, value)
    check_dtype("gradcheck", dtype)
    as_rng("gradcheck", seed)
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
        if method in ("exact", "dual") and problem.is_remote:
            proof = Proof("needs the target in the same process; finite differences were used")
        elif method in ("exact", "dual"):
            proof = prove(target, inputs, problem, baseline, method, seed, kind)
        if method == "complex":
            check.complex_copy = numeric.complex_copy(
                problem, as_problem(target, inputs, np.complex128, seed, kind)
            )
        limit = RTOL if rtol is None else rtol
        rows = [check.exactly(name, proof, limit) for name in problem.tensors]
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
    """``gradcheck`` for tests. If a gradient is wrong, it raises AssertionError with the report's
    text.

    Example:
        >>> assert_gradients(Linear(4, 3, rng=0), np.ones((5, 4)))  # nothing: they are right
    """
    report = gradcheck(target, *inputs, **options)
    if not report.ok:
        raise AssertionError("\n" + str(report))
