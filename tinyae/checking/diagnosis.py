"""From "wrong" to "why": hints from the relation of backward's numbers to the numeric ones.

Each function of ``clues`` knows one family of mistakes. It gets a ``Case``, all that is known about one wrong tensor, and
returns a hint that states its evidence, or None. They are asked in order, from the most special relation to the least, and
the first one that fits *every* entry looked at has the word. If none fits, the hint says just that: a guess would cost the
reader more.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tinyae.checking import clues
from tinyae.checking.report import Hint, Report, TensorReport, shape_text

Array = np.ndarray


@dataclass
class Case:
    """One wrong tensor: the looked-at entries without the kinks, backward's values A and numeric ones N there."""

    problem: Any
    seen: Any
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
        return self.seen.grads[self.name]

    @cached_property
    def columns(self) -> Array | None:
        """∂y/∂entry for each entry, (entries, y.size): with it, the gradient for any other cotangent costs a product."""
        columns = [
            v.column for (_, _, v), kept in zip(self.row.entries, self.keep, strict=True) if kept
        ]
        if self.problem.scalar or not columns or any(c is None for c in columns):
            return None
        return np.stack([c.reshape(-1) for c in columns])

    @property
    def complete(self) -> bool:
        return len(self.index) == self.v.size

    def matches(self, a: Array, b: Array, least: int = 2) -> bool:
        """Equal at every entry, and that by more than a few zeros."""
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

    def hint(self, kind: str, text: str) -> Hint:
        return Hint(kind, self.name, text)


def diagnose(problem: Any, seen: Any, report: Report) -> list[Hint]:
    """The hints for every tensor that is not ok, equal ones joined, and where in a container the trouble starts."""
    hints: list[Hint] = []
    for row in report.tensors:
        if row.verdict == "ok":
            continue
        case = Case(problem, seen, row, report)
        if row.verdict in OTHER_VERDICTS:
            found = OTHER_VERDICTS[row.verdict](case)
        elif row.verdict == "WRONG" and len(case.index):
            found = next((hint for clue in clues.CLUES if (hint := clue(case))), None)
            if found is None and not report.findings:  # a finding is a cause already
                found = unknown(case)
        else:
            found = None
        hints += [found] if found else []
    if any(f.kind in ("precision",) for f in report.findings) and all(
        t.verdict == "ok" for t in report.tensors
    ):
        hints.append(
            Hint(
                "precision",
                report.findings[-1].tensor,
                "right in float64, wrong in the narrower dtype: a constant "
                "too small for it (1e-12 added to float32), a difference of nearly equal numbers, or an overflow",
            )
        )
    return joined(hints) + upstream(problem, report, hints)


def unknown(case: Case) -> Hint:
    share = f"{int(case.wrong.sum())} of {len(case.index)} entries of {case.name} are wrong"
    return case.hint(
        "unknown",
        f"{share} and no known cause fits: not a constant factor, a transpose, a flip, a "
        "permutation, a border, a stride, or one of a few formulas often confused",
    )


def joined(hints: list[Hint]) -> list[Hint]:
    """Tensors with the same complaint share one sentence: the first one's, with the others' names behind it."""
    groups: dict[tuple[str, str], list[Hint]] = {}
    for hint in hints:
        cause = re.sub(rf"\b{re.escape(hint.tensor)}\b", "it", hint.text.partition(": ")[2])
        groups.setdefault((hint.kind, cause), []).append(hint)
    out = []
    for first, *others in groups.values():
        names = [h.tensor for h in others]
        likewise = f" (likewise {', '.join(names)})" if names else ""
        out.append(Hint(first.kind, ", ".join([first.tensor, *names]), first.text + likewise))
    return out


def upstream(problem: Any, report: Report, hints: list[Hint]) -> list[Hint]:
    """In a chain of layers the gradient flows from the end to the start: the first wrong layer from the end is where to look."""
    if problem.kind not in ("layer", "objective") or any(h.kind not in ("unknown",) for h in hints):
        return []
    layers = [t for t in report.tensors if "." in t.name]
    stems = list(dict.fromkeys(t.name.rpartition(".")[0] for t in layers))
    bad = {t.name.rpartition(".")[0] for t in layers if t.verdict == "WRONG"}
    right = [s for s in stems if s not in bad]
    x_bad = any(t.name == "x" and t.verdict == "WRONG" for t in report.tensors)
    if not right or not (bad or x_bad) or stems != [s for s in stems if s in bad] + right:
        return []
    last = right[0]
    where = (
        f"between layer {stems[len(bad) - 1]} and layer {last}"
        if bad
        else f"in layer {last} or before it"
    )
    return [
        Hint(
            "upstream",
            last,
            f"the gradients of layer {last} and after are right, all before are wrong: the error is in "
            f"the dx of layer {last} or of a layer {where}"
            if bad
            else f"all parameters are right and only x is wrong: the error is in the dx of layer {last} or of one before it",
        )
    ]


# ---- verdicts that need no comparison ----------------------------------------------------------------------------------------


def shape(case: Case) -> Hint | None:
    got, want = case.gradient.shape, case.v.shape
    told = f"{case.name}'s gradient has shape {shape_text(got)}, expected {shape_text(want)}"
    if got == want[::-1] and len(want) > 1:
        return case.hint("transpose", f"{told}: it is transposed")
    if len(got) == len(want) and sorted(got) == sorted(want):
        return case.hint("transpose", f"{told}: axes are in another order")
    y = case.seen.y.shape
    batch = len(got) > len(want) and got[len(got) - len(want) :] == want
    if (batch or (len(want) == 1 and want[0] in got)) and (
        got == y or (len(got) > 1 and got in (y[1:], y[:1] + want))
    ):
        return case.hint(
            "missing sum",
            f"{told}: the sum over the batch or over the pixels is missing, every position where "
            f"{case.name} is used adds to its gradient",
        )
    if case.gradient.size == case.v.size:
        return case.hint(
            "shape",
            f"{told}: the same numbers with axes of length 1 too many or too few (keepdims?)",
        )
    return case.hint("shape", f"{told}: summed over the wrong axes?")


def kinks(case: Case) -> Hint:
    edge = np.isnan(case.row.numeric_values).sum()
    if edge > case.row.kinks / 2:
        return case.hint(
            "edge",
            f"a step away from {case.name} the target throws or gives NaN: these values lie at the edge of "
            "its domain, move them inside",
        )
    return case.hint(
        "kinks",
        f"{case.row.kinks} entries of {case.name} stand where the function has a kink (ReLU at exactly 0), "
        "so nothing was proven: use inputs without exact zeros, or move zero biases a little off zero",
    )


OTHER_VERDICTS: dict[str, Callable[[Case], Hint | None]] = {
    "SHAPE": shape,
    "KINKS": kinks,
    "MISSING": lambda c: c.hint(
        "missing",
        f"backward returns no gradient called {c.name!r}: forgotten, or under another name",
    ),
    "DTYPE": lambda c: c.hint(
        "dtype",
        f"{c.name}'s gradient is {c.gradient.dtype} although everything came in as "
        f"{c.v.dtype}: an array made with a fixed dtype, or an astype",
    ),
    "NAN": lambda c: c.hint(
        "nan",
        f"{c.name}'s gradient is not finite: a division by zero, the logarithm or root of zero, or "
        "an overflow",
    ),
    "NOISY": lambda c: c.hint(
        "noisy",
        f"differences by {c.name} jump about far above float64 rounding: forward computes in a "
        "narrower dtype on the way, or is random",
    ),
}
