"""Verdicts that need no comparison of values: a wrong shape, a missing gradient, NaN, kinks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinyae.checking.diagnosis.case import Case
from tinyae.checking.report import Hint, shape_text


def shape(case: Case) -> Hint | None:
    got, want = case.gradient.shape, case.v.shape
    told = f"{case.name}'s gradient has shape {shape_text(got)}, expected {shape_text(want)}"
    if got == want[::-1] and len(want) > 1:
        return case.hint("transpose", f"{told}: it is transposed")
    if len(got) == len(want) and sorted(got) == sorted(want):
        return case.hint("transpose", f"{told}: axes are in another order")
    tensors, grads = case.problem.tensors, case.baseline.grads
    owner = [n for n, v in tensors.items() if n != case.name and v.shape == got]
    if owner and any(
        grads.get(n) is not None and grads[n].shape != tensors[n].shape for n in owner
    ):
        return case.hint(
            "order",
            f"{told}, which is the shape of {owner[0]}: the gradients are returned in another "
            f"order, expected {', '.join('d' + n for n in tensors)}",
        )
    extra = [a - b for a, b in zip(got, want, strict=True)] if len(got) == len(want) else []
    if len(want) >= 3 and any(extra) and all(e >= 0 and e % 2 == 0 for e in extra):
        return case.hint(
            "padding", f"{told}: larger by an even number: the padding was not cut off again"
        )
    if len(want) >= 3 and any(extra) and all(e <= 0 for e in extra):
        return case.hint(
            "far edge",
            f"{told}: smaller: rows at the far edge that no window reaches are missing (the stride "
            "does not divide), their gradient is 0",
        )
    y = case.baseline.y.shape
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
            f"one step away from {case.name}, the target raises an exception or gives NaN: these "
            "values are at the edge of its domain, move them inside",
        )
    return case.hint(
        "kinks",
        f"{case.row.kinks} entries of {case.name} are at a kink of the function (ReLU at exactly "
        "0), so nothing was checked: use inputs without exact zeros, or move zero biases slightly "
        "away from zero",
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
        f"{c.name}'s gradient is {c.gradient.dtype} although every input is "
        f"{c.v.dtype}: an array with a fixed dtype, or an astype",
    ),
    "NAN": lambda c: c.hint(
        "nan",
        f"{c.name}'s gradient is not finite: a division by zero, the logarithm or root of zero, or "
        "an overflow",
    ),
    "NOISY": lambda c: c.hint(
        "noisy",
        f"finite differences with respect to {c.name} vary far more than float64 rounding "
        "explains: forward uses a narrower dtype somewhere, or is random",
    ),
}
