"""From "wrong" to "why": hints from the relation of backward's numbers to the numeric ones.

Each function below knows one family of mistakes. It gets a ``Case``, all that is known about one wrong tensor, and returns a
hint that states its evidence, or None. They are asked in order, from the most special relation to the least, and the first
one that fits *every* entry looked at has the word. If none fits, the hint says just that: a guess would cost the reader more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tinyae.checking import patterns
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
        columns = [v.column for (_, _, v), kept in zip(self.row.entries, self.keep, strict=True) if kept]
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
        return bool(telling >= least and np.all(np.abs(a - b) <= 1e-5 * size + 3 * self.slack + 1e-8 * scale))

    def counted(self) -> str:
        n, size = len(self.index), self.v.size
        return f"all {n} entries of {self.name}" if n == size else f"all {n} sampled entries of {self.name}"

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
            found = next((hint for clue in CLUES if (hint := clue(case))), None) or unknown(case)
        else:
            found = None
        hints += [found] if found else []
    if any(f.kind in ("precision",) for f in report.findings) and all(t.verdict == "ok" for t in report.tensors):
        hints.append(Hint("precision", report.findings[-1].tensor, "right in float64, wrong in the narrower dtype: a constant "
                          "too small for it (1e-12 added to float32), a difference of nearly equal numbers, or an overflow"))
    return joined(hints) + upstream(problem, report, hints)


def unknown(case: Case) -> Hint:
    share = f"{int(case.wrong.sum())} of {len(case.index)} entries of {case.name} are wrong"
    return case.hint("unknown", f"{share} and no known cause fits: not a constant factor, a transpose, a flip, a "
                     "permutation, a border, a stride, or one of a few formulas often confused")


def joined(hints: list[Hint]) -> list[Hint]:
    """Several tensors with the same complaint get one sentence."""
    out: list[Hint] = []
    for hint in hints:
        twin = next((h for h in out if h.kind == hint.kind == "factor" and cause(h) == cause(hint)), None)
        if twin is None or cause(hint) == "":
            out.append(Hint(hint.kind, hint.tensor, hint.text))
        else:
            twin.tensor += f", {hint.tensor}"
            twin.text = f"{twin.tensor}: {cause(hint)}"
    return out


def cause(hint: Hint) -> str:
    return hint.text.partition(": ")[2]


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
    where = f"between layer {stems[len(bad) - 1]} and layer {last}" if bad else f"in layer {last} or before it"
    return [Hint("upstream", last, f"the gradients of layer {last} and after are right, all before are wrong: the error is in "
                 f"the dx of layer {last} or of a layer {where}" if bad else
                 f"all parameters are right and only x is wrong: the error is in the dx of layer {last} or of one before it")]


# ---- verdicts that need no comparison ----------------------------------------------------------------------------------------


def shape(case: Case) -> Hint | None:
    got, want = case.gradient.shape, case.v.shape
    told = f"{case.name}'s gradient has shape {shape_text(got)}, expected {shape_text(want)}"
    if got == want[::-1] and len(want) > 1:
        return case.hint("transpose", f"{told}: it is transposed")
    if len(got) == len(want) and sorted(got) == sorted(want):
        return case.hint("transpose", f"{told}: axes are in another order")
    y = case.seen.y.shape
    batch = len(got) > len(want) and got[len(got) - len(want):] == want
    if (batch or (len(want) == 1 and want[0] in got)) and (got == y or (len(got) > 1 and got in (y[1:], y[:1] + want))):
        return case.hint("missing sum", f"{told}: the sum over the batch or over the pixels is missing, every position where "
                         f"{case.name} is used adds to its gradient")
    if case.gradient.size == case.v.size:
        return case.hint("shape", f"{told}: the same numbers with axes of length 1 too many or too few (keepdims?)")
    return case.hint("shape", f"{told}: summed over the wrong axes?")


def kinks(case: Case) -> Hint:
    edge = np.isnan(case.row.numeric_values).sum()
    if edge > case.row.kinks / 2:
        return case.hint("edge", f"a step away from {case.name} the target throws or gives NaN: these values lie at the edge of "
                         "its domain, move them inside")
    return case.hint("kinks", f"{case.row.kinks} entries of {case.name} stand where the function has a kink (ReLU at exactly 0), "
                     "so nothing was proven: use inputs without exact zeros, or move zero biases a little off zero")


OTHER_VERDICTS: dict[str, Callable[[Case], Hint | None]] = {
    "SHAPE": shape,
    "KINKS": kinks,
    "MISSING": lambda c: c.hint("missing", f"backward returns no gradient called {c.name!r}: forgotten, or under another name"),
    "DTYPE": lambda c: c.hint("dtype", f"{c.name}'s gradient is {c.gradient.dtype} although everything came in as "
                              f"{c.v.dtype}: an array made with a fixed dtype, or an astype"),
    "NAN": lambda c: c.hint("nan", f"{c.name}'s gradient is not finite: a division by zero, the logarithm or root of zero, or "
                            "an overflow"),
    "NOISY": lambda c: c.hint("noisy", f"differences by {c.name} jump about far above float64 rounding: forward computes in a "
                              "narrower dtype on the way, or is random"),
}

# ---- clues: one family of mistakes each ------------------------------------------------------------------------------------


def zero(case: Case) -> Hint | None:
    if not np.any(case.gradient):
        return case.hint("zero", f"all of {case.name}'s gradient is 0 and the numeric one is not: a gradient never filled in, "
                         "or cut off on the way (integer division, a mask, a copy that is not returned)")
    if np.all(np.abs(case.N) <= 1e-9 * np.abs(case.A).max(initial=0) + 2 * case.slack):
        return case.hint("flat", f"the output does not move at all with {case.name}, but backward gives it a gradient: forward "
                         f"does not use {case.name}, rounds (//, astype(int)), or uses a frozen copy of it")
    return None


def few_entries(case: Case) -> Hint | None:
    bad = np.flatnonzero(case.wrong)
    if not (1 <= len(bad) <= 2 and len(case.index) >= 3 * len(bad)):
        return None
    places = [shape_text(np.unravel_index(case.index[i], case.v.shape)) for i in bad]
    told = " and ".join(f"{p} ({case.A[i]:.4g} for {case.N[i]:.4g})" for p, i in zip(places, bad, strict=True))
    if pattern := patterns.border(case):  # one row of one image: still a border
        return pattern
    return case.hint("entries", f"of {len(case.index)} entries of {case.name} only {told} "
                     f"{'is' if len(bad) == 1 else 'are'} wrong: an index off by one, or one special case")


def factor(case: Case) -> Hint | None:
    known = np.abs(case.N) > 1e-6 * np.abs(case.N).max(initial=0) + 1e4 * case.slack
    if not known.any():
        known = np.abs(case.N) > 1e-3 * np.abs(case.N).max(initial=0)
    weights = np.abs(case.N) * known
    ratio = float((np.sign(case.N) * case.A * known).sum() / weights.sum()) if weights.any() else 0.0
    if ratio == 0 or not case.matches(case.A, ratio * case.N, least=1):
        return None
    ratios = case.A[known] / case.N[known]
    name = patterns.name_of_factor(ratio, case)
    if len(case.index) < 2 and not name:
        return None
    told = f"{case.counted()}: backward = {ratio:.4g} × numeric, spread {np.ptp(ratios) / abs(ratio):.0e}"
    return case.hint("factor", f"{told}: {name or 'a constant factor is wrong'}")


def other_cotangent(case: Case) -> Hint | None:
    """Backward's numbers are the true gradient for another dy: which one?"""
    if case.columns is None:
        return None
    dy, y, x = case.seen.dy, case.seen.y, case.problem.tensors[case.problem.inputs[0]]
    for kind, told, other in patterns.cotangents(dy, y, x):
        if case.matches(case.A, case.columns @ other.reshape(-1)):
            return case.hint(kind, f"{case.counted()} are right for another dy: {told}")
    return None


def rearranged(case: Case) -> Hint | None:
    """The right numbers in the wrong places."""
    for kind, told, array in patterns.rearrangements(case.gradient):
        if array.shape == case.v.shape and case.matches(array.reshape(-1)[case.index], case.N):
            return case.hint(kind, f"{case.name}'s gradient equals the numeric one after {told}")
    if case.complete and (told := patterns.permutation(case)):
        return case.hint("permutation", f"{case.name}'s gradient has the right numbers in the wrong places: {told}")
    return None


def other_parameter(case: Case) -> Hint | None:
    """Backward would be right if a parameter were transposed or flipped first: it uses the parameter the wrong way round."""
    for name, p in case.problem.tensors.items():
        if name in case.problem.inputs or name == case.name or p.ndim < 2:
            continue
        before = p.copy()
        for kind, told, array in patterns.rearrangements(before):
            if array.shape != p.shape or np.array_equal(array, before):
                continue
            _, cache = case.problem.forward()
            p[...] = array
            try:
                gradient = np.asarray(case.problem.backward(case.seen.dy.copy(), cache)[case.name])
            except Exception:
                continue  # it does not run with such a parameter: then that is not the mistake
            finally:
                p[...] = before
            if gradient.shape == case.v.shape and case.matches(gradient.reshape(-1)[case.index], case.N):
                return case.hint(kind, f"{case.name}'s gradient would be right for {name} after {told}: backward uses {name} "
                                 "the wrong way round")
    return None


def swapped_names(case: Case) -> Hint | None:
    for row in case.report.tensors:
        same_shape = row.name != case.name and row.shape == case.row.shape and len(row.entries) == len(case.row.entries)
        if same_shape and case.matches(case.A, row.numeric_values[case.keep]):
            return case.hint("swapped", f"{case.name}'s gradient is the numeric gradient of {row.name}: two names are swapped")
    return None


def extra_term(case: Case) -> Hint | None:
    """A − N is something that we know: the parameter itself, the bias, the cotangent."""
    difference, v = case.A - case.N, case.v.reshape(-1)[case.index]
    if np.linalg.norm(v):
        c = float(difference @ v / (v @ v))
        if len(case.index) > 2 and case.matches(difference, c * v, least=3):
            return case.hint("decay", f"{case.counted()}: backward − numeric = {c:.4g} × {case.name} itself: weight decay was "
                             "added to the gradient (twice, or without being in the loss)")
    if case.name in case.problem.inputs:
        for name, p in case.problem.tensors.items():
            for told, b in ((name, p), (f"2·{name}", 2 * p)):
                if p.ndim == 1 and case.v.ndim >= 2 and len(p) in (case.v.shape[1], case.v.shape[-1]):
                    axis = 1 if len(p) == case.v.shape[1] else -1
                    spread = np.broadcast_to(np.moveaxis(np.zeros(case.v.shape), axis, -1) + b, case.v.shape).reshape(-1)
                    if case.matches(difference, spread[case.index]):
                        return case.hint("bias in dx", f"{case.counted()}: backward − numeric is {told}: the bias was added on "
                                         "the way back too, but the derivative of x W + b by x has no b")
    if case.complete and case.v.ndim == 2 and min(case.v.shape) > 1:
        d, w = difference.reshape(case.v.shape), case.v
        for axis, rows in ((1, "row"), (0, "column")):
            c = (d * w).sum(axis=axis, keepdims=True) / (w * w).sum(axis=axis, keepdims=True)
            if case.v.shape[axis] > 2 and case.matches((c * w).reshape(-1), difference, least=3):
                return case.hint("frozen", f"in each {rows} of {case.name}, backward − numeric is a multiple of {case.name} "
                                 f"itself: the term that holds {case.name} directly is missing or has another weight, as if "
                                 f"{case.name} were a constant there (a frozen copy)")
    return None


def elementwise(case: Case) -> Hint | None:
    """y_i = f(x_i): the slope is missing, taken at the wrong place, or another function's."""
    y, dy, name = case.seen.y, case.seen.dy, case.name
    if case.columns is None or name != case.problem.inputs[0] or y.shape != case.v.shape:
        return None
    diagonal = case.columns[np.arange(len(case.index)), case.index]
    d = dy.reshape(-1)[case.index]
    if np.abs(case.columns).sum() > np.abs(diagonal).sum() * (1 + 1e-6):
        if case.matches(case.A, diagonal * d):
            return case.hint("diagonal", f"{case.counted()}: only the diagonal of the Jacobian was used, dx_i = ∂y_i/∂x_i dy_i, "
                             "but each output depends on other inputs too")
        return None
    if case.matches(case.A, d):
        return case.hint("slope missing", f"{case.counted()} equal dy: the activation's derivative is missing")
    if case.matches(case.A, diagonal**2 * d):
        return case.hint("slope twice", f"{case.counted()}: the activation's derivative was multiplied in twice")
    if case.matches(case.A, patterns.slope_at(case, y).reshape(-1)[case.index] * d):
        return case.hint("slope at output", f"{case.counted()}: the derivative was evaluated at the output y instead of at the "
                         "input x, f'(f(x)): which of the two is in the cache?")
    for told, slope in patterns.slopes(case.v, y):
        if case.matches(case.A, slope.reshape(-1)[case.index] * d):
            return case.hint("foreign slope", f"{case.counted()} are dy times {told}, which is not this function's slope")
    return None


def pattern(case: Case) -> Hint | None:
    """Where are the wrong entries? Some examples, a border, every s-th row, one sign of x."""
    return next((hint for look in patterns.PLACES if (hint := look(case))), None)


CLUES: tuple[Callable[[Case], Hint | None], ...] = (
    zero, few_entries, factor, other_cotangent, elementwise, rearranged, other_parameter, swapped_names, extra_term, pattern,
)


