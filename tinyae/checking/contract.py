"""How a target behaves, before its numbers are looked at: does it repeat, leave its inputs alone, keep shapes and names?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyae.checking.adapters import Problem
from tinyae.checking.report import Finding, shape_text

Array = np.ndarray
SEEDED_POSITION = 624  # of the legacy generator right after seeding: the first draw moves it


@dataclass
class Observed:
    """One forward and one backward pass of the target, and what was odd about them."""

    y: Array
    dy: Array  # the random cotangent
    grads: dict[str, Array]  # the gradients as the target returned them, as arrays
    findings: list[Finding]
    originals: dict[str, Array]  # the tensors as they were given
    draws: bool = False  # forward draws from np.random, which must then be seeded before each call
    repeatable: bool = (
        True  # where forward itself differs from call to call, finite differences mean nothing
    )

    @property
    def careless(self) -> bool:
        """The target overwrites its arguments: they must be put back after each call."""
        return any(f.kind == "overwritten" for f in self.findings)


def observe(problem: Problem, rng: np.random.Generator) -> Observed:
    """Run the target a few times on unchanged tensors and note whatever a derivative may not do.

    ``repeats``: a second forward, a second backward (also on the same cache) give what the first gave. ``overwritten``:
    inputs, parameters, the output and the cotangent are afterwards what they were. ``linear``: backward(2a − 3b) =
    2 backward(a) − 3 backward(b). ``nan``: no NaN or infinity. ``extra``: no gradient for a name that does not exist.
    """
    findings: list[Finding] = []
    originals = {name: a.copy() for name, a in (problem.tensors | problem.fixed).items()}

    def restore(who: str, **more: tuple[Array, Array]) -> None:
        watched = {n: (a, originals[n]) for n, a in (problem.tensors | problem.fixed).items()}
        for name, (now, before) in (watched | more).items():
            if not np.array_equal(now, before, equal_nan=True):
                findings.append(
                    Finding(
                        "overwritten",
                        name,
                        f"{who} overwrites {name} (in-place arithmetic on an argument?)",
                    )
                )
                now[...] = before

    def forward() -> tuple[Array, Any]:
        np.random.seed(0)  # noqa: NPY002  the legacy generator on purpose: a target that draws from it is found out below
        return problem.forward()

    y_given, cache = forward()
    draws = np.random.get_state()[2] != SEEDED_POSITION  # noqa: NPY002
    y = y_given.copy()
    restore("forward")
    dy = np.ones(()) if problem.scalar else cotangent(rng, y)
    if not np.all(np.isfinite(y)):
        findings.append(Finding("nan", "y", f"forward gives {bad_numbers(y)}"))

    def backward(dy: Array, cache: Any, y_given: Array | None = None) -> dict[str, Array]:
        given, watched = dy.copy(), {}
        if isinstance(y_given, np.ndarray) and y_given.flags.writeable:
            watched = {"y": (y_given, y_given.copy())}
        raw = problem.backward(given, cache)
        grads = {
            n: np.array(g) for n, g in raw.items() if g is not None
        }  # copies: a target may reuse its buffers
        restore("backward", dy=(given, dy), **watched)
        return grads

    grads = backward(dy, cache, y_given)
    report_names(problem, grads, findings)

    y_again, cache_again = forward()
    np.random.seed(1)  # noqa: NPY002
    y_reseeded, _ = problem.forward()
    if not same(y, y_again):
        findings.append(
            Finding(
                "state",
                "y",
                "forward gives something else when it is called a second time: it keeps state "
                "(a generator inside, a running statistic, weights that it updates)",
            )
        )
    elif not same(y, y_reseeded):
        findings.append(
            Finding(
                "random",
                "y",
                "forward draws random numbers from np.random without a seed of its own: take "
                "a generator as an argument, or put the random mask into the input",
            )
        )
    if findings and findings[-1].kind in ("state", "random"):
        return Observed(y, dy, grads, unique(findings), originals, draws, repeatable=False)

    if not problem.scalar:
        for name, difference in differing(grads, backward(dy, cache, y_given)):
            findings.append(
                Finding(
                    "second call",
                    name,
                    f"a second backward with the same cache changes {name}'s gradient"
                    f"{difference}: gradients must be returned, not accumulated, and the cache left alone",
                )
            )
    for name, difference in differing(grads, backward(dy, cache_again)):
        if not any(f.kind == "second call" and f.tensor == name for f in findings):
            findings.append(
                Finding(
                    "second call",
                    name,
                    f"a second forward and backward gives another gradient of {name}"
                    f"{difference}: something was accumulated or remembered",
                )
            )
    accumulates = any(f.kind == "second call" for f in findings)
    if not problem.scalar and not accumulates:
        other = cotangent(rng, y)
        there, back = backward(other, forward()[1]), backward(2 * dy - 3 * other, forward()[1])
        expected = {
            n: 2 * grads[n] - 3 * there[n]
            for n in grads
            if n in there and grads[n].shape == there[n].shape
        }
        for name, _ in differing(expected, {n: g for n, g in back.items() if n in expected}):
            findings.append(
                Finding(
                    "linear",
                    name,
                    f"{name}'s gradient is not linear in dy: backward(2a − 3b) is not "
                    "2 backward(a) − 3 backward(b), though every derivative is",
                )
            )
    return Observed(y, dy, grads, unique(findings), originals, draws)


def cotangent(rng: np.random.Generator, y: Array) -> Array:
    """Random numbers, never ones: ones hide whatever sums to zero or is permuted. Away from 0, so that every output counts."""
    dtype = y.dtype if y.dtype.kind == "f" else np.float64
    return (rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1.0, 1.0], y.shape)).astype(dtype)


def report_names(problem: Problem, grads: dict[str, Array], findings: list[Finding]) -> None:
    for name in grads:
        if name not in problem.tensors:
            known = ", ".join(problem.tensors)
            findings.append(
                Finding(
                    "extra", name, f"backward returns a gradient for {name!r}; known names: {known}"
                )
            )


def put_back(problem: Problem, seen: Observed) -> None:
    for name, a in (problem.tensors | problem.fixed).items():
        a[...] = seen.originals[name]


def unfit(v: Array, gradient: Array | None) -> str:
    """``VERDICT  reason`` for a gradient that cannot even be compared with numbers, else an empty string."""
    if gradient is None:
        return "MISSING  backward returns no gradient for it"
    if gradient.shape != v.shape:
        return f"SHAPE  the gradient has shape {shape_text(gradient.shape)}, expected {shape_text(v.shape)}"
    if gradient.dtype.kind != "f" or gradient.dtype.itemsize < v.dtype.itemsize:
        return f"DTYPE  the gradient is {gradient.dtype} for a tensor of {v.dtype}: something casts on the way"
    if not np.all(np.isfinite(gradient)):
        return f"NAN  the gradient has {bad_numbers(gradient)}"
    return ""


def same(a: Array, b: Array) -> bool:
    """Equal up to the last few bits: several threads may add in another order."""
    if a.shape != b.shape:
        return False
    finite = np.isfinite(a) & np.isfinite(b)
    scale = max(np.abs(a[finite]).max(initial=0), np.abs(b[finite]).max(initial=0))
    rtol = 1e4 * np.finfo(a.dtype).eps if a.dtype.kind == "f" else 1e-12
    return bool(np.allclose(a, b, rtol=0, atol=rtol * scale, equal_nan=True))


def differing(first: dict[str, Array], second: dict[str, Array]) -> Iterator[tuple[str, str]]:
    """(name, by how much) for each gradient that is not the same in both."""
    for name in first:
        if name not in second:
            yield name, " (missing the second time)"
        elif not same(first[name], second[name]):
            a, b = first[name], second[name]
            doubled = a.shape == b.shape and same(2 * a, b)
            yield name, " (doubled)" if doubled else ""


def bad_numbers(a: Array) -> str:
    nan, inf = int(np.isnan(a).sum()), int(np.isinf(a).sum())
    at = tuple(int(i) for i in np.argwhere(~np.isfinite(a))[0]) if a.ndim else ()
    counts = " and ".join(f"{n} {what}" for n, what in ((nan, "NaN"), (inf, "infinite")) if n)
    return f"{counts} of {a.size} values, first at {shape_text(at)}"


def unique(findings: list[Finding]) -> list[Finding]:
    return list({(f.kind, f.tensor): f for f in reversed(findings)}.values())[::-1]


@contextmanager
def random_state_kept() -> Iterator[None]:
    """Whatever is drawn from or seeded in np.random inside, the caller finds its state as it left it."""
    state = np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
