"""Everything that is known about one wrong tensor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tinyae.checking.baseline import Baseline
from tinyae.checking.problem import Problem
from tinyae.checking.report import Hint, Report, TensorReport, shape_text

Array = np.ndarray


@dataclass
class Case:
    """One wrong tensor: its checked entries without the kinks, with backward's values A and the
    numeric ones N."""

    problem: Problem
    baseline: Baseline
    row: TensorReport
    report: Report

    @property
    def name(self) -> str:
        return self.row.name

    @cached_property
    def v(self) -> Array:
        return self.problem.tensors[self.name]

    @cached_property
    def keep(self) -> Array:
        return ~(self.row.having("kink") | ~np.isfinite(self.row.numeric_values))

    @cached_property
    def index(self) -> Array:
        return self.row.index[self.keep]

    @cached_property
    def A(self) -> Array:
        return self.row.backward_values[self.keep]

    @cached_property
    def N(self) -> Array:
        return self.row.numeric_values[self.keep]

    @cached_property
    def slack(self) -> Array:
        return np.array([v.uncertainty for _, _, v in self.row.entries])[self.keep]

    @cached_property
    def wrong(self) -> Array:
        return self.row.wrong[self.keep]

    @cached_property
    def gradient(self) -> Array:
        """All of backward's gradient, in its shape."""
        return self.baseline.grads[self.name]

    @cached_property
    def columns(self) -> Array | None:
        """∂y/∂entry for each entry, (entries, y.size). With it, the gradient for any other
        cotangent is one product."""
        columns = [
            v.column for (_, _, v), kept in zip(self.row.entries, self.keep, strict=True) if kept
        ]
        if self.problem.scalar or not columns or any(c is None for c in columns):
            return None
        return np.stack([c.reshape(-1) for c in columns])

    def backward(self, dy: Array) -> Array:
        """Backward's gradient of this tensor for another dy."""
        _, cache = self.problem.forward()
        return np.asarray(self.problem.backward(dy, cache)[self.name])

    def backward_of_output(self, o: int) -> Array:
        """What backward gives this tensor for a dy that is 1 at one output and 0 elsewhere."""
        dy = np.zeros(self.baseline.y.shape)
        dy.flat[o] = 1.0
        return self.backward(dy)

    @property
    def complete(self) -> bool:
        return len(self.index) == self.v.size

    def matches(self, a: Array, b: Array, least: int = 2) -> bool:
        """Equal at every entry, and not just because of zeros."""
        size = np.maximum(np.abs(a), np.abs(b))
        scale = size.max(initial=0)
        telling = np.count_nonzero(size > 1e-6 * scale)
        return bool(
            telling >= least
            and np.all(np.abs(a - b) <= 1e-5 * size + 3 * self.slack + 1e-8 * scale)
        )

    def counted(self) -> str:
        n, size = len(self.index), self.v.size
        return (
            f"all {n} entries of {self.name}"
            if n == size
            else f"all {n} sampled entries of {self.name}"
        )

    def side_by_side(self) -> str:
        """A few wrong entries: backward, numeric, and their ratio."""
        bad = np.flatnonzero(self.wrong)[:3]
        rows = [
            f"{shape_text(np.unravel_index(self.index[i], self.v.shape))} {self.A[i]:.4g} for "
            f"{self.N[i]:.4g}" + (f" (× {self.A[i] / self.N[i]:.4g})" if self.N[i] else "")
            for i in bad
        ]
        return f"Backward for numeric: {'; '.join(rows)}"

    def hint(self, kind: str, text: str) -> Hint:
        return Hint(kind, self.name, text)


def few(positions: Iterable[int], most: int = 6) -> str:
    shown = sorted(positions)
    return ", ".join(map(str, shown[:most])) + (", ..." if len(shown) > most else "")
