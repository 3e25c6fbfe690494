"""One forward and one backward pass of a target, and the comparisons that all checks share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from tinyae._threads import one_blas_thread
from tinyae.checking.problem import Problem, Stop
from tinyae.checking.report import Finding, shape_text

Array = np.ndarray


@dataclass
class Baseline:
    """One forward and one backward pass of the target, and what was wrong about them."""

    y: Array
    dy: Array  # the random cotangent
    grads: dict[str, Array]  # the gradients that the target returned, as arrays
    originals: dict[str, Array]  # the tensors as they were given
    findings: list[Finding] = field(default_factory=list)
    uses_global_rng: bool = False  # np.random must be seeded before each call
    repeatable: bool = True  # if not, finite differences mean nothing

    @property
    def mutates_inputs(self) -> bool:
        """The target overwrites its arguments: they must be put back after each call."""
        return any(f.kind == "overwritten" for f in self.findings)

    def find(self, kind: str, tensor: str, text: str) -> None:
        if not any(f.kind == kind and f.tensor == tensor for f in self.findings):
            self.findings.append(Finding(kind, tensor, text))


def cotangent(rng: np.random.Generator, y: Array) -> Array:
    """Random numbers, never ones: ones hide whatever sums to zero or is permuted. They are away
    from 0, so that every output counts."""
    dtype = y.dtype if y.dtype.kind == "f" else np.float64
    return (rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1.0, 1.0], y.shape)).astype(dtype)


def put_back(problem: Problem, baseline: Baseline) -> None:
    for name, a in (problem.tensors | problem.fixed).items():
        a[...] = baseline.originals[name]


def invalid(v: Array, gradient: Array | None) -> str:
    """``VERDICT  reason`` for a gradient that cannot even be compared, else an empty string."""
    if gradient is None:
        return "MISSING  backward returns no gradient for it"
    if gradient.shape != v.shape:
        got, want = shape_text(gradient.shape), shape_text(v.shape)
        return f"SHAPE  the gradient has shape {got}, expected {want}"
    if gradient.dtype.kind != "f" or gradient.dtype.itemsize < v.dtype.itemsize:
        return (
            f"DTYPE  the gradient is {gradient.dtype} for a tensor of {v.dtype}: a cast somewhere"
        )
    if not np.all(np.isfinite(gradient)):
        return f"NAN  the gradient has {bad_values(gradient)}"
    return ""


def same(a: Array, b: Array, slack: float = 0.0) -> bool:
    """Equal up to the last few bits: several threads may add in another order."""
    if a.shape != b.shape:
        return False
    finite = np.isfinite(a) & np.isfinite(b)
    scale = max(np.abs(a[finite]).max(initial=0), np.abs(b[finite]).max(initial=0))
    rtol = 1e4 * np.finfo(a.dtype).eps if a.dtype.kind == "f" else 1e-12
    return bool(np.allclose(a, b, rtol=0, atol=rtol * scale + slack, equal_nan=True))


def differing(first: dict[str, Array], second: dict[str, Array]) -> Iterator[tuple[str, str]]:
    """(name, by how much) for each gradient that is not the same in both."""
    for name in first:
        if name not in second:
            yield name, " (missing the second time)"
        elif not same(first[name], second[name]):
            a, b = first[name], second[name]
            doubled = a.shape == b.shape and same(2 * a, b)
            yield name, " (doubled)" if doubled else ""


def bad_values(a: Array) -> str:
    nan, inf = int(np.isnan(a).sum()), int(np.isinf(a).sum())
    at = tuple(int(i) for i in np.argwhere(~np.isfinite(a))[0]) if a.ndim else ()
    counts = " and ".join(f"{n} {what}" for n, what in ((nan, "NaN"), (inf, "infinite")) if n)
    return f"{counts} of {a.size} values, first at {shape_text(at)}"


@contextmanager
def undisturbed() -> Iterator[None]:
    """The surroundings of a check: the caller's np.random state is restored, NumPy does not warn,
    and BLAS has one thread (thousands of small products: more threads only wait for each other)."""
    state = np.random.get_state()  # noqa: NPY002
    try:
        with one_blas_thread(), np.errstate(all="ignore"):
            yield
    except Stop as stop:
        raise stop.cause from None
    finally:
        np.random.set_state(state)  # noqa: NPY002
