"""Checks beyond the first derivative: adjoints, jvp and vjp, double_backward, and penalties whose gradient is not their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinyae.checking import contract, numeric
from tinyae.checking.adapters import (
    Problem,
    call,
    described,
    one_line,
    output_and_cache,
    own,
    own_layer,
)
from tinyae.checking.check import Check
from tinyae.checking.diagnosis import diagnose
from tinyae.checking.report import Finding, Report, TensorReport

Array = np.ndarray


def adjoint_gap(
    f: Callable[[Array], Array], f_adjoint: Callable[[Array], Array], x: Array, y: Array
) -> float:
    """``|<f(x), y> − <x, f_adjoint(y)>| / (‖f(x)‖ ‖y‖ + ‖x‖ ‖f_adjoint(y)‖)``: 0, up to rounding (1e-15), for an adjoint pair.

    No step, no tolerance to choose: for linear maps this is the sharpest test there is. x and y should be random.

    Raises:
        ValueError: ``f(x)`` has not y's shape, or ``f_adjoint(y)`` not x's.
    """
    fx, fy = np.asarray(f(x)), np.asarray(f_adjoint(y))
    for label, got, want in (("f(x)", fx, np.shape(y)), ("f_adjoint(y)", fy, np.shape(x))):
        if got.shape != want:
            raise ValueError(f"adjoint_gap: {label} has shape {got.shape}, expected {want}")
    scale = np.linalg.norm(fx) * np.linalg.norm(y) + np.linalg.norm(x) * np.linalg.norm(fy)
    gap = abs(float(np.vdot(fx, y).real - np.vdot(x, fy).real))
    return gap / float(scale) if scale else 0.0


def check_second(
    layer: Any,
    x: Array,
    probes: int = 3,
    seed: int = 0,
    rtol: float = 1e-6,
    max_entries: int = 1000,
    samples: int = 200,
) -> Report:
    """Check ``jvp``, ``vjp`` and ``double_backward`` of a layer or container, with K probes on the leading axis.

    ``jvp`` and ``vjp``: for random tangents g and cotangents c, both Σ c·jvp(g) and Σ g·vjp(c) are the slope of Σ c·forward(x)
    along g. ``double_backward``: its results are, entry by entry, the derivatives of ``s = Σ g·vjp(dy)`` by dy, x and every
    parameter. With that, the gradient of any penalty on the Jacobian is proven, since the Jacobian is vjp of the identity.

    Returns:
        A ``Report`` with the rows ``jvp``, ``vjp`` (one entry a probe) and ``dy``, ``x``, parameters (of double_backward).

    Raises:
        TypeError: the layer lacks one of the methods, or double_backward does not return three values.
    """
    name = type(layer).__name__
    for method in ("forward", "jvp", "vjp", "double_backward"):
        if not callable(getattr(layer, method, None)):
            raise TypeError(f"check_second: {name} has no {method}")
    with contract.random_state_kept(), np.errstate(all="ignore"):
        rng = np.random.default_rng(seed)
        x = own(x, "x", np.float64)
        layer, params = own_layer(layer, np.float64)
        y, cache = output_and_cache(call(f"{name}.forward", layer.forward, x), f"{name}.forward(x)")
        y = y.copy()
        g, c = rng.standard_normal((probes, *x.shape)), rng.standard_normal((probes, *y.shape))
        findings = list(probe_findings(layer, cache, g, c))
        rows = first_rows(layer, x, params, y, cache, g, c, rng, rtol)

        problem = double_problem(layer, x, params, c, g)
        seen = contract.observe(problem, rng)
        check = Check(
            problem, seen, rng, "central", numeric.STEPS["central"], rtol, max_entries, samples, 0
        )
        double = [check.tensor(tensor) for tensor in problem.tensors]
        if any(row.verdict == "KINKS" for row in double):
            double = check.away_from_kinks(double)
        report = Report(
            f"{one_line(layer)}: second order",
            double,
            findings + seen.findings,
            "central",
            numeric.STEPS["central"],
            seed,
        )
        report.hints = diagnose(problem, seen, report)
        report.tensors = rows + double
    return report


def double_problem(layer: Any, x: Array, params: dict[str, Array], dy: Array, g: Array) -> Problem:
    """``s = Σ g·vjp(dy)`` as a problem of its own: a number that depends on dy, x and the parameters."""
    name, dy = type(layer).__name__, dy.copy()

    def forward() -> tuple[Array, Any]:
        cache = layer.forward(x)[1]
        return np.asarray((g * call(f"{name}.vjp", layer.vjp, dy, cache)).sum()), cache

    def backward(_: Array, cache: Any) -> dict[str, Any]:
        result = call(f"{name}.double_backward", layer.double_backward, g, dy, cache)
        if not (isinstance(result, tuple) and len(result) == 3):
            raise TypeError(
                f"check_second: {name}.double_backward returned {described(result)}, expected d_dy, dx, grads"
            )
        d_dy, dx, grads = result
        return {
            "dy": d_dy,
            "x": np.zeros_like(x) if dx is None else dx,
            **grads,
        }  # None: s does not depend on x

    return Problem(
        name, "second", {"dy": dy, "x": x, **params}, forward, backward, True, inputs=("dy", "x")
    )


def first_rows(
    layer: Any,
    x: Array,
    params: dict[str, Array],
    y: Array,
    cache: Any,
    g: Array,
    c: Array,
    rng: Any,
    rtol: float,
) -> list[TensorReport]:
    """jvp and vjp against the slope of Σ c·forward(x) along g, a probe at a time."""
    problem = Problem(
        "", "layer", {"x": x, **params}, lambda: layer.forward(x), lambda dy, cache: {}
    )
    rows = []
    for row, claims in (
        (TensorReport("jvp", (len(g),)), (c * layer.jvp(g, cache)).reshape(len(g), -1).sum(axis=1)),
        (TensorReport("vjp", (len(g),)), (g * layer.vjp(c, cache)).reshape(len(g), -1).sum(axis=1)),
    ):
        for k, claim in enumerate(claims):
            seen = contract.Observed(y, c[k], {}, [], {"x": x.copy()})
            check = Check(problem, seen, rng, "central", numeric.STEPS["central"], rtol, 0, 0, 0)
            row.add(
                k, float(claim), check.judge(float(claim), "x", slice(None), g[k].reshape(-1), 1.0)
            )
        row.conclude()
        rows.append(row)
    return rows


def probe_findings(layer: Any, cache: Any, g: Array, c: Array) -> list[Finding]:
    """K probes together must give what each gives alone, and jvp and vjp must be each other's transpose exactly."""
    findings = []
    for method, given in (("jvp", g), ("vjp", c)):
        f = getattr(layer, method)
        together, alone = call(method, f, given, cache), np.stack([f(one, cache) for one in given])
        if together.shape != alone.shape or not contract.same(together, alone):
            findings.append(
                Finding(
                    "probes",
                    method,
                    f"{method} of {len(given)} probes on a leading axis is not what it is of "
                    "each probe alone",
                )
            )
    gap = adjoint_gap(lambda a: layer.jvp(a, cache), lambda b: layer.vjp(b, cache), g[0], c[0])
    if gap > 1e-10:
        findings.append(
            Finding(
                "adjoint",
                "vjp",
                f"jvp and vjp are not each other's transpose: <J g, c> and <g, Jᵀ c> differ by "
                f"{gap:.1e} of their size",
            )
        )
    return findings
