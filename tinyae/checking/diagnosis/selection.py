"""The gradient goes to the wrong entries, to too few of them, or is summed over the wrong ones."""

from __future__ import annotations

import numpy as np

from tinyae.checking.diagnosis.case import Case
from tinyae.checking.report import Hint

Array = np.ndarray


def unmoved_outputs(case: Case) -> Hint | None:
    """A gradient where no output moves."""
    still = np.abs(case.N) <= 1e-9 * np.abs(case.A).max(initial=0) + 2 * case.slack
    if still.all() or case.wrong.sum() < 3:
        return None
    if np.array_equal(case.wrong, still & (case.A != 0)):
        return case.hint(
            "dead entries",
            f"{case.name}'s gradient is wrong exactly at the {int(case.wrong.sum())} entries that "
            "do not move the output (numeric 0): the gradient is sent to entries that were not "
            "selected (a maximum, a mask, an index)",
        )
    return None


def compared_with_zero(case: Case) -> Hint | None:
    """Backward's zeros are where x (or y, or dy) is negative, and those of the derivative are
    elsewhere: the mask asks the wrong question."""
    y, dy = case.baseline.y, case.baseline.dy
    sides = [(case.name, case.v)]
    sides += [(n, a) for n, a in (("y", y), ("dy", dy)) if a.shape == case.v.shape]
    scale = np.abs(case.N).max(initial=0)
    moves, passes = np.abs(case.N) > 1e-6 * scale, case.A != 0
    for name, a in sides:
        positive = a.reshape(-1)[case.index] > 0
        if np.array_equal(passes, positive) and 3 <= (moves != positive).sum() and moves.any():
            return case.hint(
                "mask",
                f"backward lets the gradient of {case.name} pass exactly where {name} > 0, but the "
                "output depends on other entries: the mask compares with 0, forward with something "
                "else (another array, a maximum)",
            )
    return None


def label_entries(case: Case) -> Hint | None:
    """Wrong exactly at the entries of the right class."""
    places = np.unravel_index(case.index[case.wrong], case.v.shape)
    for name, labels in case.problem.fixed.items():
        if labels.ndim == 2 and set(np.unique(labels)) == {0, 1}:  # one-hot
            labels = labels.argmax(axis=1)
        fits = case.v.ndim == 2 and labels.dtype.kind in "iu" and labels.shape == case.v.shape[:1]
        if fits and 2 <= case.wrong.sum() < len(case.index):
            if np.array_equal(labels[places[0]], places[1]):
                return case.hint(
                    "label entries",
                    f"{case.name}'s gradient is wrong exactly at the entries of the right class "
                    f"({name}): look at the term that the label adds. {case.side_by_side()}",
                )
    return None


def overwritten_windows(case: Case) -> Hint | None:
    """Where several output positions add up, backward holds the share of one of them: = for +=."""
    shares = _shares(case)
    if shares is None or not case.wrong.any():
        return None
    shares, a = shares[case.wrong], case.A[case.wrong]
    tolerance = 1e-5 * np.abs(case.N).max() + 3 * case.slack.max()
    several = (np.abs(shares) > tolerance).sum(axis=1) >= 2
    one = np.abs(shares - a[:, None]).min(axis=1) <= tolerance
    empty = np.abs(a) <= tolerance  # the last window overwrote it with 0
    if np.all(one | empty) and (several & one & ~empty).sum() >= 2:
        return case.hint(
            "overwritten sum",
            f"each wrong entry of {case.name} is the share of only one output position (or 0), "
            "though several add up: a position was overwritten, = where += belongs (overlapping "
            "windows, a repeated index)",
        )
    return None


def _shares(case: Case) -> Array | None:
    """What each output position contributes to each entry: (entries, positions)."""
    if case.columns is None:
        return None
    shape, products = case.baseline.y.shape, case.columns * case.baseline.dy.reshape(-1)
    if len(shape) < 2:
        return None
    products = products.reshape(len(products), *shape)
    channel = 2 if len(shape) == 4 else products.ndim - 1  # images are (N, C, H, W)
    return products.sum(axis=channel).reshape(len(products), -1)


def known_sums(case: Case) -> Hint | None:
    """A parameter's gradient is a known sum, but the wrong one: over other axes, or of the raw
    input."""
    if case.baseline.dy.ndim < 2 or case.v.ndim != 1 or not case.complete:
        return None
    dy = case.baseline.dy
    sums = {}
    for axis in range(dy.ndim):
        if dy.shape[axis] == len(case.v):
            others = tuple(i for i in range(dy.ndim) if i != axis)
            sums[others] = dy.sum(axis=others)
    is_sum = any(case.matches(case.N, a) for a in sums.values())
    for others, a in sums.items():
        if is_sum and case.matches(case.A, a):
            return case.hint(
                "wrong axes",
                f"{case.name}'s gradient is dy summed over the axes {others}: the wrong axes",
            )
        for name in case.problem.inputs:
            x = case.problem.tensors[name]
            if x.shape == dy.shape and case.matches(case.A, (dy * x).sum(axis=others)):
                return case.hint(
                    "raw input",
                    f"{case.name}'s gradient is Σ dy · {name} with the raw input, and what "
                    f"{case.name} multiplies in forward is another value (normalized, masked, ...)",
                )
    return None


def summed_over(case: Case) -> Hint | None:
    """Along an axis, every entry holds the sum (or mean) of the numeric ones."""
    if not case.complete or case.v.ndim < 1:
        return None
    a, n = case.A.reshape(case.v.shape), case.N.reshape(case.v.shape)
    for axis in range(case.v.ndim):
        for told, total in (
            ("sum", n.sum(axis, keepdims=True)),
            ("mean", n.mean(axis, keepdims=True)),
        ):
            spread = np.broadcast_to(total, n.shape).reshape(-1)
            if case.v.shape[axis] > 1 and case.matches(a.reshape(-1), spread):
                return case.hint(
                    "summed over",
                    f"every entry of {case.name}'s gradient is the {told} of the numeric ones "
                    f"along axis {axis}: a {told} without axis, or over one axis (the channels, "
                    "the features) too many",
                )
    return None


def tied_maximum(case: Case) -> Hint | None:
    """Entries that share the maximum: moved together the function is smooth."""
    wrong = [(a, v.numeric) for _, a, v in case.row.ties if v.state == "wrong"]
    if not wrong:
        return None
    a, n = wrong[0]
    return case.hint(
        "ties",
        f"entries of {case.name} with equal values: moved together, the output changes by {n:.4g} "
        f"per unit, and backward's entries there add up to {a:.4g}: the gradient goes to each tied "
        "entry (a mask x == max) instead of to one of them, or shared among them",
    )


def other_mask(case: Case) -> Hint | None:
    """Backward multiplies dy by a mask, but by another one than forward's."""
    dy = case.baseline.dy
    if case.columns is None or dy.shape != case.v.shape or case.name not in case.problem.inputs:
        return None
    diagonal = case.columns[np.arange(len(case.index)), case.index]
    ratio = case.A / dy.reshape(-1)[case.index]
    values = {float(v) for v in np.round(diagonal, 6)}, {float(v) for v in np.round(ratio, 6)}
    if (
        len(values[0]) == 2
        and values[0] == values[1]
        and 0.0 in values[0]
        and case.wrong.sum() >= 2
    ):
        return case.hint(
            "another mask",
            f"{case.name}'s gradient is dy times a mask of the same values as forward's, with its "
            "zeros in other places: backward draws a new random mask. Keep forward's in the cache",
        )
    return None
