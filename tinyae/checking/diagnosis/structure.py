"""What the numeric Jacobian shows about a layer's structure, and which part of it backward lacks: a
skip connection, a path through the mean, other examples, overlapping windows, a second random
mask."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tinyae.checking.diagnosis.case import Case
from tinyae.checking.report import Hint

Array = np.ndarray


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
