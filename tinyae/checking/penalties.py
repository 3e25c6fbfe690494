"""``check_penalty``: the gradient of a penalty can be right for another penalty. Which one?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinyae.checking import baseline as baselines
from tinyae.checking import contract, numeric
from tinyae.checking.adapters import as_problem
from tinyae.checking.check import gradcheck
from tinyae.checking.copies import copy_layer, own
from tinyae.checking.diagnosis.symmetry import asymmetry
from tinyae.checking.problem import Problem
from tinyae.checking.report import Finding, Hint, Report
from tinyae.checking.signatures import function_name
from tinyae.checking.tensor_check import Check, Rules

Array = np.ndarray


def check_penalty(
    penalty: Any,
    *inputs: Any,
    value: str | float | Callable[..., float] | None = None,
    others: dict[str, Callable[..., Any]] | None = None,
    seed: int = 0,
    **options: Any,
) -> Report:
    """``gradcheck`` of a penalty, plus checks that only penalties need. The target is a code
    penalty ``(z)``, a Jacobian penalty ``(encoder, x)``, or a pair of functions whose output is
    one number.

    A penalty is non-negative: a negative value means that a term is missing (half of the KL
    divergence). If the gradient is wrong, it is compared with the numeric gradients of other
    penalties. If it belongs to none of these, is it the gradient of anything? The derivative of a
    gradient is symmetric, ``u·∂g/∂w = w·∂g/∂u`` for all directions u and w.

    Args:
        value: the expected value: a number, a function of the inputs, or ``"frobenius"`` for the
            mean over the batch of ‖∂z/∂x‖²_F of a Jacobian penalty, measured by finite differences
            of the encoder.
        others: other penalties, or functions of the same inputs that return only a value, to which
            the gradient may belong instead.
        seed: seed of the check.
        options: options of ``gradcheck``.

    Raises:
        ValueError: the output is more than one number.
        ValueError: ``value`` is an unknown word, or ``"frobenius"`` for something other than a
            Jacobian penalty.
        Exception: whatever ``gradcheck`` raises.

    Example:
        >>> from tinyae.checking import check_penalty
        >>> z = np.random.default_rng(0).uniform(0.1, 0.9, size=(20, 3))
        >>> check_penalty(KLSparsity(0.05), z).ok
        True
        >>> def half(z):
        ...     rho, mean = 0.05, z.mean(axis=0)  # the second term of KL is missing
        ...     return (rho * np.log(rho / mean)).sum(), np.zeros_like(z) - rho / mean / len(z)
        >>> report = check_penalty(half, z)
        >>> report.findings[0].text[:32]
        'the penalty is -0.3464, below 0:'
    """
    report = gradcheck(penalty, *inputs, seed=seed, **options)
    with baselines.undisturbed():
        problem = as_problem(penalty, inputs, np.float64, seed, options.get("kind"))
        baseline = contract.measure_baseline(problem, np.random.default_rng(seed))
        if baseline.y.size != 1:
            raise ValueError(
                f"check_penalty: {problem.title} gives an output of shape {baseline.y.shape}, "
                "expected one number"
            )
        got = float(baseline.y)
        if got < 0:
            report.findings.append(
                Finding(
                    "negative",
                    "y",
                    f"the penalty is {got:.4g}, below 0: a term is missing (one half of "
                    "the KL divergence) or a sign is wrong",
                )
            )
        if value is not None:
            report.findings += wrong_value(got, value, problem, inputs)
        vague = ("unknown", "product rule")
        if any(h.kind in (*vague, "formula", "power") for h in report.hints):
            better = whose_gradient(penalty, inputs, problem, baseline, others or {}, seed)
            if better:
                report.hints = [better] + [h for h in report.hints if h.kind not in vague]
    return report


# ---- the value ---------------------------------------------------------------


def wrong_value(got: float, value: Any, problem: Problem, inputs: tuple[Any, ...]) -> list[Finding]:
    if value == "frobenius":
        if problem.kind != "jacobian":
            raise ValueError(
                "check_penalty: value='frobenius' is for Jacobian penalties, penalty(encoder, "
                "caches)"
            )
        (_, want), *alternatives = jacobian_numbers(numeric_jacobian(*inputs))
    elif isinstance(value, str):
        raise ValueError(
            f"check_penalty: value is {value!r}, expected 'frobenius', a number or a function of "
            "the inputs"
        )
    else:
        want, alternatives = float(value(*inputs) if callable(value) else value), []

    def near(a: float) -> bool:
        return abs(got - a) <= 1e-5 * abs(a) + 1e-12

    if near(want):
        return []
    named = next((f": it is {told}" for told, number in alternatives if near(number)), "")
    return [Finding("value", "y", f"the penalty is {got:.6g}, expected {want:.6g}{named}")]


def numeric_jacobian(encoder: Any, x: Array) -> Array:
    """∂z/∂x of each example by central differences: (N, outputs, inputs). Examples must not depend
    on each other."""
    encoder, _ = copy_layer(encoder, np.float64)
    x = own(x, "x", np.float64)
    flat, h, columns = x.reshape(len(x), -1), numeric.STEPS["central"], []
    for i in range(flat.shape[1]):
        before = flat[:, i].copy()
        ends = []
        for t in (h, -h):
            flat[:, i] = before + t
            ends.append(np.array(encoder.forward(x)[0]).reshape(len(x), -1))
        flat[:, i] = before
        columns.append((ends[0] - ends[1]) / (2 * h))
    return np.stack(columns, axis=2)


def jacobian_numbers(j: Array) -> list[tuple[str, float]]:
    """The mean of ‖J‖²_F first, then what is often computed instead."""
    n, squares = len(j), (j**2).sum(axis=(1, 2))
    ones = (j.sum(axis=1) ** 2).sum(axis=1)
    return [
        ("the mean of ‖J‖²", float(squares.mean())),
        ("‖Jᵀ1‖²: ones were back-propagated in place of the Jacobian", float(ones.mean())),
        (f"the sum over the batch, {n} times the mean", float(squares.sum())),
        ("the sum over the batch of ‖Jᵀ1‖²: ones were back-propagated", float(ones.sum())),
        (
            "the squared norm of the mean Jacobian: the mean was taken before the square",
            float((j.mean(axis=0) ** 2).sum()),
        ),
        ("half of it", float(squares.mean() / 2)),
        ("the mean over all entries of J², not the sum over them", float((j**2).mean())),
        ("the mean of the norms without their square", float(np.sqrt(squares).mean())),
    ]


# ---- the gradient ------------------------------------------------------------


def whose_gradient(
    penalty: Any,
    inputs: tuple[Any, ...],
    problem: Problem,
    baseline: Any,
    others: dict[str, Callable[..., Any]],
    seed: int,
) -> Hint | None:
    name = next(iter(problem.tensors))
    for told, other in [*others.items(), *relatives(penalty, problem)]:
        if belongs_to(other, inputs, problem, baseline, seed):
            return Hint(
                "other loss",
                name,
                f"every entry of {name}'s gradient is right for another penalty: {told}",
            )
    wrong = [
        n
        for n in problem.tensors
        if n in baseline.grads and baseline.grads[n].shape == problem.tensors[n].shape
    ]
    gap = asymmetry(problem, baseline, wrong)
    if gap is None:
        return None
    if gap < 1e-4:
        return Hint(
            "other loss",
            name,
            f"backward's gradient is the gradient of something (its own derivative is symmetric to "
            f"{gap:.0e}), but not of this value: value and gradient belong to two different "
            "penalties",
        )
    return Hint(
        "no loss",
        name,
        "backward's values are not the gradient of any function (their derivative is not "
        f"symmetric, {gap:.2g} off)",
    )


def relatives(penalty: Any, problem: Problem) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Penalties that are easily confused with this one: computed for each example instead of for
    the batch."""
    if problem.kind != "loss" or next(iter(problem.tensors.values())).ndim < 2:
        return

    def alone(z: Array) -> list[float]:
        return [float(penalty(z[i : i + 1])[0]) for i in range(len(z))]

    label = function_name(penalty)
    yield (
        f"the mean of {label} over single examples, not {label} of the batch",
        lambda z: np.mean(alone(z)),
    )
    yield (
        f"the sum of {label} over single examples, not {label} of the batch",
        lambda z: np.sum(alone(z)),
    )


def belongs_to(
    other: Any, inputs: tuple[Any, ...], problem: Problem, baseline: Any, seed: int
) -> bool:
    """Is every gradient that ``problem`` returned the numeric gradient of ``other``?"""

    def value(*arguments: Any) -> Any:
        result = other(*arguments)
        return result[0] if isinstance(result, tuple) else result

    try:
        if problem.kind == "jacobian":
            encoder, tensors = copy_layer(inputs[0], np.float64)
            tensors = {"x": own(inputs[1], "x", np.float64), **tensors}

            def run(given: list[Array]) -> tuple[Array, Any]:
                return np.asarray(value(encoder, encoder.forward(tensors["x"])[1])), None
        else:
            names = list(
                problem.tensors
            )  # the inputs come first, in their order; what is not differentiated follows
            tensors = {n: np.array(inputs[i], dtype=np.float64) for i, n in enumerate(names)}

            def run(given: list[Array]) -> tuple[Array, Any]:
                return np.asarray(value(*tensors.values(), *inputs[len(names) :])), None

        of_value = {
            n: g / baseline.dy for n, g in baseline.grads.items()
        }  # a pair was given a cotangent other than 1
        rival = Problem("", problem.kind, tensors, run, lambda dy, cache: of_value, True, inputs=())
        rng = np.random.default_rng(seed)
        rules = Rules(rtol=1e-5, max_entries=200, samples=50)
        check = Check(rival, contract.measure_baseline(rival, rng), rng, rules)
        return all(check.tensor(n).verdict == "ok" for n in tensors if n in baseline.grads)
    except Exception:  # the other penalty does not run on these inputs: then it is not that one
        return False
