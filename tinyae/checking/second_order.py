"""Beyond the first derivative: adjoints, jvp and vjp, and double_backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinyae.checking import baseline as baselines
from tinyae.checking.adapters import as_problem
from tinyae.checking.check import gradcheck
from tinyae.checking.copies import copy_layer, own
from tinyae.checking.report import Finding, Report, TensorReport
from tinyae.checking.signatures import call, described, one_line
from tinyae.checking.tensor_check import Check
from tinyae.layers.base import Gradients, Layer

Array = np.ndarray


def adjoint_gap(
    f: Callable[[Array], Array], f_adjoint: Callable[[Array], Array], x: Array, y: Array
) -> float:
    """``|⟨f(x), y⟩ − ⟨x, f_adjoint(y)⟩| / (‖f(x)‖ ‖y‖ + ‖x‖ ‖f_adjoint(y)‖)``: 0, up to rounding
    (1e-15), for an adjoint pair.

    No step, no tolerance to choose: for linear maps there is no sharper test. x and y should be
    random.

    Raises:
        ValueError: ``f(x)`` does not have y's shape, or ``f_adjoint(y)`` not x's.

    Example:
        >>> from tinyae.checking import adjoint_gap
        >>> rng, A = np.random.default_rng(0), np.arange(12.0).reshape(3, 4)
        >>> x, y = rng.normal(size=4), rng.normal(size=3)
        >>> adjoint_gap(lambda x: A @ x, lambda y: A.T @ y, x, y) < 1e-14
        True
        >>> adjoint_gap(lambda x: A @ x, lambda y: 2 * A.T @ y, x, y) > 0.01
        True
    """
    fx, fy = np.asarray(f(x)), np.asarray(f_adjoint(y))
    for label, got, want in (("f(x)", fx, np.shape(y)), ("f_adjoint(y)", fy, np.shape(x))):
        if got.shape != want:
            raise ValueError(f"adjoint_gap: {label} has shape {got.shape}, expected {want}")
    scale = np.linalg.norm(fx) * np.linalg.norm(y) + np.linalg.norm(x) * np.linalg.norm(fy)
    gap = abs(float(np.vdot(fx, y).real - np.vdot(x, fy).real))
    return gap / float(scale) if scale else 0.0


class VJP(Layer):
    """A layer's vjp as a layer of its own, ``dy -> Jᵀ dy`` at a point x, which becomes a parameter.

    Its backward is ``double_backward``. So whatever checks a layer's first derivative also checks
    its second one.
    """

    input_names = ("dy",)

    def __init__(self, layer: Any, x: Array) -> None:
        self.layer, self.params = layer, {"x": x, **getattr(layer, "params", {})}

    def forward(self, dy: Array) -> tuple[Array, Any]:
        _, cache = self.layer.forward(self.params["x"])
        return self.layer.vjp(dy, cache), (dy, cache)

    def backward(self, g: Array, cache: Any) -> tuple[Array, Gradients]:
        result = self.layer.double_backward(g, *cache)
        if not (isinstance(result, tuple) and len(result) == 3):
            raise TypeError(
                f"check_second: {type(self.layer).__name__}.double_backward returned "
                f"{described(result)}, expected d_dy, dx, grads"
            )
        d_dy, dx, grads = result
        # None: Σ g·vjp(dy) does not depend on x
        return d_dy, {"x": np.zeros_like(self.params["x"]) if dx is None else dx, **grads}

    def __repr__(self) -> str:
        return f"{one_line(self.layer)}: second order"


def check_second(layer: Any, x: Array, probes: int = 3, seed: int = 0, **options: Any) -> Report:
    """Check ``jvp``, ``vjp`` and ``double_backward`` of a layer or container, with K probes on the
    leading axis; and ``parameter_jvp`` where the layer has it.

    ``jvp`` and ``vjp``: for random tangents g and cotangents c, both Σ c·jvp(g) and Σ g·vjp(c) are
    the slope of Σ c·forward(x) along g. ``double_backward``: its results are, entry by entry, the
    derivatives of ``s = Σ g·vjp(dy)`` with respect to dy, x and every parameter. The gradient of
    any penalty on the Jacobian follows from these, since the Jacobian is vjp of the identity.
    ``parameter_jvp``: for a random direction d of each parameter, Σ c·parameter_jvp(d) is the slope
    of Σ c·forward(x) along d, and it is the transpose of ``parameter_gradients``.

    Args:
        options: for ``gradcheck``.

    Returns:
        A ``Report`` with the rows ``jvp``, ``vjp`` (one entry per probe); ``dy``, ``x``, parameters
        (of double_backward); and ``parameter_jvp`` (one entry per parameter), which needs a
        difference and is left out with the methods "exact" and "dual".

    Raises:
        TypeError: the layer lacks one of the methods, or double_backward does not return three
            values.

    Example:
        >>> from tinyae.checking import check_second
        >>> report = check_second(Sequential(Linear(4, 3, rng=0), Tanh()), np.ones((5, 4)))
        >>> report.ok, [row.name for row in report.tensors][:4]
        (True, ['jvp', 'vjp', 'dy', 'x'])
    """
    name = type(layer).__name__
    for method in ("forward", "jvp", "vjp", "double_backward"):
        if not callable(getattr(layer, method, None)):
            raise TypeError(f"check_second: {name} has no {method}")
    rng = np.random.default_rng(seed)
    x = own(x, "x", np.float64)
    with baselines.undisturbed():
        copied, _ = copy_layer(layer, np.float64)
        y, cache = call(f"{name}.forward", copied.forward, x)
        g = rng.standard_normal((probes, *x.shape))
        c = rng.standard_normal((probes, *np.shape(y)))
        findings = _probe_findings(copied, cache, g, c)
        rows = [
            _slopes("jvp", layer, x, g, c, (c * copied.jvp(g, cache))),
            _slopes("vjp", layer, x, g, c, (g * copied.vjp(c, cache))),
        ]
        has_parameter_jvp = bool(copied.params) and _has_parameter_jvp(layer)
        if has_parameter_jvp:
            findings += _parameter_findings(copied, cache, c[0], rng)
    report = gradcheck(VJP(copied, x), c, seed=seed, kind="layer", **options)
    report.findings = findings + report.findings
    report.tensors = rows + report.tensors
    if has_parameter_jvp and options.get("method") not in ("exact", "dual"):
        with baselines.undisturbed():
            report.tensors.append(_parameter_slopes(layer, copied, x, c[0], rng))
    return report


def _slopes(row: str, layer: Any, x: Array, g: Array, c: Array, products: Array) -> TensorReport:
    """Each probe's number Σ c·J g against the slope of Σ c·forward(x) along g."""
    problem = as_problem(layer, (x,))
    report = TensorReport(row, (len(g),))
    for k, claim in enumerate(products.reshape(len(g), -1).sum(axis=1)):
        y = problem.forward()[0]
        originals = {name: a.copy() for name, a in problem.tensors.items()}
        baseline = baselines.Baseline(y.copy(), c[k], {}, originals)
        check = Check(problem, baseline, np.random.default_rng(0))
        verdict = check.judge(float(claim), "x", slice(None), g[k].reshape(-1), 1.0)
        report.add(k, float(claim), verdict)
    report.conclude()
    return report


def _has_parameter_jvp(layer: Any) -> bool:
    return getattr(type(layer), "parameter_jvp", None) not in (None, Layer.parameter_jvp)


def _parameter_findings(
    layer: Any, cache: Any, c: Array, rng: np.random.Generator
) -> list[Finding]:
    """parameter_jvp and parameter_gradients must be each other's transpose exactly."""
    d = {key: rng.standard_normal(w.shape) for key, w in layer.params.items()}
    dy = call("parameter_jvp", layer.parameter_jvp, d, cache)
    if dy.shape != c.shape:
        text = f"parameter_jvp returns the shape {dy.shape}, expected that of y, {c.shape}"
        return [Finding("adjoint", "parameter_jvp", text)]
    grads = layer.parameter_gradients(c, cache)
    products = [(dy * c).sum(), *(-(d[key] * grads[key]).sum() for key in d)]
    scale = np.linalg.norm(dy) * np.linalg.norm(c) + float(np.abs(products).sum())
    gap = abs(float(sum(products))) / float(scale or 1)
    if gap <= 1e-10:
        return []
    text = (
        "parameter_jvp and parameter_gradients are not each other's transpose: they differ by "
        f"{gap:.1e} of their size"
    )
    return [Finding("adjoint", "parameter_jvp", text)]


def _parameter_slopes(
    layer: Any, copied: Any, x: Array, c: Array, rng: np.random.Generator
) -> TensorReport:
    """One parameter after the other moves along a random direction d: the number
    Σ c·parameter_jvp(d) against the slope of Σ c·forward(x)."""
    problem, (_, cache) = as_problem(layer, (x,)), copied.forward(x)
    report = TensorReport("parameter_jvp", (len(copied.params),))
    zeros = {key: np.zeros_like(w) for key, w in copied.params.items()}
    for k, (key, w) in enumerate(copied.params.items()):
        d = rng.standard_normal(w.shape)
        given = {**zeros, key: d}
        claim = float((c * call("parameter_jvp", copied.parameter_jvp, given, cache)).sum())
        y = problem.forward()[0]
        originals = {name: a.copy() for name, a in problem.tensors.items()}
        baseline = baselines.Baseline(y.copy(), c, {}, originals)
        check = Check(problem, baseline, np.random.default_rng(0))
        report.add(k, claim, check.judge(claim, key, slice(None), d.reshape(-1), 1.0))
    report.conclude()
    return report


def _probe_findings(layer: Any, cache: Any, g: Array, c: Array) -> list[Finding]:
    """K probes together must give what each gives alone, and jvp and vjp must be each other's
    transpose exactly."""
    findings = []
    for method, given in (("jvp", g), ("vjp", c)):
        f = getattr(layer, method)
        together = call(method, f, given, cache)
        alone = np.stack([f(one, cache) for one in given])
        if together.shape != alone.shape or not baselines.same(together, alone):
            text = (
                f"{method} of {len(given)} probes on a leading axis is not what it is of each alone"
            )
            findings.append(Finding("probes", method, text))
    gap = adjoint_gap(lambda a: layer.jvp(a, cache), lambda b: layer.vjp(b, cache), g[0], c[0])
    if gap > 1e-10:
        findings.append(
            Finding(
                "adjoint",
                "vjp",
                "jvp and vjp are not each other's transpose: <J g, c> and <g, Jᵀ c> differ by "
                f"{gap:.1e} of their size",
            )
        )
    return findings
