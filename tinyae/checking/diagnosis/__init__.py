"""From "wrong" to "why": hints from the relation of backward's values to the numeric ones, and from
forward's own chain rule.

A relation is a function of a ``Case``, which is all that is known about one wrong tensor. It
recognizes one family of mistakes and returns a hint that states its evidence, or None. The
relations are tried in order, and the first that fits *every* entry that was checked decides: first
those of ``FIRST``, which compare values; then ``chain_rule``, which looks for the one wrong step
that gives exactly backward's values; then those of ``RELATIONS``. If none fits, the hint says just
that: a guess would cost the reader more.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tinyae.checking.baseline import Baseline
from tinyae.checking.diagnosis.arrangement import other_parameter, rearranged, swapped_names
from tinyae.checking.diagnosis.case import Case
from tinyae.checking.diagnosis.chain_rule import explain
from tinyae.checking.diagnosis.cotangents import elementwise, other_cotangent, two_values
from tinyae.checking.diagnosis.coupling import coupled_entries, misplaced_shares, other_support
from tinyae.checking.diagnosis.formulas import backward_formula, formula
from tinyae.checking.diagnosis.geometry import windows
from tinyae.checking.diagnosis.lines import reordered, scaled_lines
from tinyae.checking.diagnosis.places import border, few_entries, one_axis, side, stride
from tinyae.checking.diagnosis.selection import (
    compared_with_zero,
    known_sums,
    label_entries,
    other_mask,
    overwritten_windows,
    summed_over,
    tied_maximum,
    unmoved_outputs,
)
from tinyae.checking.diagnosis.symmetry import not_a_gradient
from tinyae.checking.diagnosis.values import added_term, factor, known_ratio, zero
from tinyae.checking.diagnosis.verdicts import OTHER_VERDICTS
from tinyae.checking.pages import STATE
from tinyae.checking.problem import Problem
from tinyae.checking.report import Hint, Report

__all__ = ["RELATIONS", "Case", "diagnose"]

FIRST: tuple[Callable[[Case], Hint | None], ...] = (
    tied_maximum,
    swapped_names,
    known_sums,
    zero,
    few_entries,
    factor,
    rearranged,
    other_parameter,
)
RELATIONS: tuple[Callable[[Case], Hint | None], ...] = (
    added_term,
    other_cotangent,
    elementwise,
    windows,
    two_values,
    label_entries,
    formula,
    known_ratio,
    summed_over,
    unmoved_outputs,
    reordered,
    misplaced_shares,
    coupled_entries,
    overwritten_windows,
    other_mask,
    compared_with_zero,
    scaled_lines,
    side,
    border,
    stride,
    other_support,
    one_axis,
    backward_formula,
    not_a_gradient,
)


def diagnose(problem: Problem, baseline: Baseline, report: Report) -> list[Hint]:
    """The hints for every tensor that is not ok, with equal ones joined, and the layer of a
    container where the error starts."""
    hints: list[Hint] = []
    steps = {}
    if any(row.verdict == "WRONG" and row.entries for row in report.tensors):
        if not any(finding.kind in STATE for finding in report.findings):
            steps = explain(problem, baseline, report)
    for row in report.tensors:
        if row.verdict == "ok":
            continue
        case = Case(problem, baseline, row, report)
        if row.verdict in OTHER_VERDICTS:
            found = OTHER_VERDICTS[row.verdict](case)
        elif row.note.startswith("relative error"):
            found = case.hint(
                "tiny error",
                f"{row.name}'s gradient is right to the digits that finite differences see, and "
                "wrong beyond: a constant with too few digits, an epsilon, or a backward made of "
                "finite differences",
            )
        elif row.verdict == "WRONG" and len(case.index):
            found = explained(case, steps)
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
                "too small for it (1e-12 added to float32), a difference of nearly equal numbers, "
                "or an overflow",
            )
        )
    return joined(hints) + upstream(problem, report, hints)


def explained(case: Case, steps: dict[str, tuple[str, str]]) -> Hint | None:
    """The first relation that fits, and in between the one wrong step of the chain rule. A step
    that explains several tensors at once comes before all relations."""
    kind, text = steps.get(case.name, ("", ""))
    step = case.hint(kind, f"{case.name}'s gradient is right except for one step: {text}")
    several = list(steps.values()).count((kind, text)) > 1 and case.gradient.any()
    if kind and several and kind != "weight":
        return step
    first = next((hint for relation in FIRST if (hint := safely(relation, case))), None)
    if first and first.kind == "factor" and kind not in ("", "weight", "another draw"):
        told, _, cause = first.text.partition(", spread")
        cause = cause.partition(": ")[2]
        if cause[:2] in ("½ ", "2 ", "½/", "2/") or cause.startswith(("√", "a constant")):
            return case.hint("factor", f"{told}: a constant factor is wrong: {text}")
        return case.hint("factor", f"{told}: {cause}; or {text}")  # both fit
    if first or (kind and kind not in ("another draw", "two weights")):
        return first or step
    if any(f.kind in STATE for f in case.report.findings):
        return None  # that is the cause
    rest = next((hint for relation in RELATIONS if (hint := safely(relation, case))), None)
    return rest or (step if kind else None)


def safely(relation: Callable[[Case], Hint | None], case: Case) -> Hint | None:
    """A relation is a guess about somebody else's code: where it does not apply, it may fail."""
    try:
        return relation(case)
    except Exception:
        return None


def unknown(case: Case) -> Hint:
    share = f"{int(case.wrong.sum())} of {len(case.index)} entries of {case.name} are wrong"
    return case.hint(
        "unknown",
        f"{share} and no known cause fits: not a constant factor, a transpose, a flip, a "
        "permutation, a border, a stride, or one of a few formulas often confused. "
        f"{case.side_by_side()}",
    )


def joined(hints: list[Hint]) -> list[Hint]:
    """Tensors with the same hint share one sentence: the first one's, followed by the other
    names."""
    groups: dict[tuple[str, str], list[Hint]] = {}
    for hint in hints:
        cause = hint.text.partition(": ")[2]
        if hint.kind in ("unknown", "product rule"):
            cause = ""  # one side by side is enough
        elif "right except for one step" not in hint.text:
            cause = re.sub(rf"\b{re.escape(hint.tensor)}\b", "it", cause)
        groups.setdefault((hint.kind, cause), []).append(hint)
    out = []
    for first, *others in groups.values():
        names = [h.tensor for h in others]
        likewise = f" (likewise {', '.join(names)})" if names else ""
        out.append(Hint(first.kind, ", ".join([first.tensor, *names]), first.text + likewise))
    return out


def upstream(problem: Problem, report: Report, hints: list[Hint]) -> list[Hint]:
    """In a chain of layers the gradient flows from the last layer to the first. The first wrong
    layer, counted from the end, is where to look."""
    if not problem.chain or any(h.kind not in ("unknown", "product rule") for h in hints):
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
            f"the gradients of layer {last} and after are right, all before are wrong: the error "
            f"is in the dx of layer {last} or of a layer {where}"
            if bad
            else "all parameters are right and only x is wrong: the error is in the dx of layer "
            f"{last} or of one before it",
        )
    ]
