"""Which pixels meet which weights? For convolutions and other products of windows."""

from __future__ import annotations

import numpy as np

from tinyae.checking.diagnosis.case import Case
from tinyae.checking.report import Hint

Array = np.ndarray
MOST = 600  # outputs


def windows(case: Case) -> Hint | None:
    """In forward, output i takes the pixel ``stride · i + dilation · k + offset`` times weight k.
    The numeric Jacobian shows it, since its values are those of weights (or pixels). So does
    backward, for a dy with one entry."""
    y, x = case.baseline.y, case.problem.tensors[case.problem.inputs[0]]
    weights = [
        w
        for n, w in case.problem.tensors.items()
        if n != case.problem.inputs[0] and w.ndim == x.ndim
    ]
    if case.columns is None or not case.complete or x.ndim < 3 or len(weights) != 1:
        return None
    if y.ndim != x.ndim or y.size > MOST:
        return None
    (w,) = weights
    other = w if case.v is x else x if case.v is w else None
    if other is None:
        return None
    B = np.stack([case.backward_of_output(o).reshape(-1) for o in range(y.size)], axis=1)
    forward, backward = (_places(case, M, x, w, other) for M in (case.columns, B))
    if forward is None or backward is None or np.allclose(forward, backward):
        return None
    causes, told = [], ""
    for axis, (f, b) in enumerate(zip(forward, backward, strict=True), start=2):
        stride, dilation, offset = (abs(p - q) > 0.01 for p, q in zip(f, b, strict=True))
        flipped = dilation and abs(f[1] + b[1]) < 0.01
        if stride:
            causes.append("the stride is missing or another one")
        if dilation:
            causes.append("the kernel is flipped" if flipped else "the dilation is another one")
        if offset and not causes:
            causes.append("the padding is added or cut off at the wrong side (a shift)")
        if causes and not told:
            told = f"pixel {_line(f)} along axis {axis}, and backward pixel {_line(b)}"
    return case.hint(
        "windows",
        f"for output i and weight k, forward uses {told} for {case.name}'s gradient: "
        f"{' and '.join(dict.fromkeys(causes))}",
    )


def _places(case: Case, M: Array, x: Array, w: Array, other: Array) -> Array | None:
    """(stride, dilation, offset) for each spatial axis, fitted to every non-zero entry of M."""
    order = np.argsort(other.reshape(-1))
    values = other.reshape(-1)[order]
    entry, output = np.nonzero(np.abs(M) > 1e-6 * np.abs(M).max())
    at = np.clip(np.searchsorted(values, M[entry, output]), 1, len(values) - 1)
    at -= np.abs(values[at - 1] - M[entry, output]) < np.abs(values[at] - M[entry, output])
    if not len(at) or np.abs(values[at] - M[entry, output]).max() > 1e-6 * np.abs(values).max():
        return None  # not products of one pixel and one weight
    pixel, weight = (entry, order[at]) if other is w else (order[at], entry)
    i, k, p = (
        np.stack(np.unravel_index(n, a.shape))
        for n, a in ((output, case.baseline.y), (weight, w), (pixel, x))
    )
    fits = []
    for axis in range(2, x.ndim):
        C = np.stack([i[axis], k[axis], np.ones(len(at))], axis=1)
        fit = np.linalg.lstsq(C, p[axis], rcond=None)[0]
        if np.abs(C @ fit - p[axis]).max() > 0.01:
            return None
        fits.append(fit)
    return np.array(fits)


def _line(fit: Array) -> str:
    s, d, c = (round(float(a), 2) for a in fit)
    return f"{s:g}·i {'+' if d >= 0 else '−'} {abs(d):g}·k {'+' if c >= 0 else '−'} {abs(c):g}"
