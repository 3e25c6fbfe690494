"""What the numeric Jacobian shows about a layer's structure, and which part of it backward lacks: a
skip connection, a path through the mean, other examples, overlapping windows, a second random
mask."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tinyae.checking.diagnosis.case import Case
from tinyae.checking.report import Hint

Array = np.ndarray


def skip_connection(case: Case) -> Hint | None:
    """y = x + f(x): dx is dy plus what comes back through f."""
    if case.name not in case.problem.inputs or case.baseline.dy.shape != case.v.shape:
        return None
    dy = case.baseline.dy.reshape(-1)[case.index]
    if case.columns is not None and case.matches(case.A, dy, least=3):
        diagonal = case.columns[np.arange(len(case.index)), case.index]
        if np.abs(case.columns).sum() > np.abs(diagonal).sum() * (1 + 1e-6):
            return case.hint(
                "skip connection",
                f"{case.counted()} equal dy: that is the skip connection alone, the path through f "
                "is missing (y = x + f(x) gives dx = dy + the gradient through f)",
            )
    for sign, told in ((-1, "is missing"), (1, "was added twice, or does not belong there")):
        if case.matches(case.A - case.N, sign * dy, least=3):
            return case.hint(
                "skip connection",
                f"{case.counted()}: backward − numeric = {'−' if sign < 0 else ''}dy: the skip "
                f"connection's own gradient {told} (y = x + f(x) gives dx = dy + the gradient "
                "through f)",
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


def window_position(case: Case) -> Hint | None:
    """Backward writes only into a corner of the image: window i, where i · stride belongs."""
    if case.v.ndim != 4 or case.name not in case.problem.inputs or not case.complete:
        return None
    a, n = (np.abs(values).reshape(case.v.shape) for values in (case.A, case.N))
    reach = [
        [int(np.flatnonzero(m.max(axis=axes) > 1e-9 * m.max()).max(initial=-1)) for m in (a, n)]
        for axes in ((0, 1, 3), (0, 1, 2))
    ]
    if all(0 <= in_a < 0.75 * in_n for in_a, in_n in reach):
        return case.hint(
            "stride",
            f"backward fills only the first {reach[0][0] + 1} rows and {reach[1][0] + 1} columns "
            f"of {case.name}'s gradient, the numeric one {reach[0][1] + 1} and {reach[1][1] + 1}: "
            "windows start at i · stride, not at i, and their entries are dilation apart",
        )
    return None


def missing_path(case: Case) -> Hint | None:
    """In each column (row, channel), backward − numeric is a combination of 1, x and y: the paths
    through a mean, a variance or a normalizing sum are missing."""
    if case.name not in case.problem.inputs or not case.complete or case.v.ndim < 2:
        return None
    if case.problem.scalar:
        return None
    d = (case.A - case.N).reshape(case.v.shape)
    y = case.baseline.y
    for axes, group in _groupings(case.v.ndim):
        for told, cause, basis in (
            ("the same value", "the path through the mean is missing", [np.ones_like(d)]),
            ("a multiple of x", "the path through the scale (norm) is missing", [case.v]),
            (
                "a combination of 1 and x",
                "the path through the variance is missing",
                [np.ones_like(d), case.v],
            ),
            (
                "a multiple of y",
                "the path through the sum that normalizes y is missing",
                [y] if y.shape == d.shape else [],
            ),
        ):
            size = int(np.prod([d.shape[i] for i in axes]))
            if basis and size >= len(basis) + 2 and _explained(case, d, basis, axes):
                return case.hint(
                    "missing path",
                    f"in each {group} of {case.name}, backward − numeric is {told}: {cause}, as if "
                    "it did not depend on x (mean, variance, norm or sum taken as a constant)",
                )
    return None


def _groupings(ndim: int) -> Iterator[tuple[tuple[int, ...], str]]:
    """Axes over which statistics are taken, and the name of one group."""
    yield (0,), "column"
    yield (ndim - 1,), "row"
    if ndim > 2:
        yield tuple(i for i in range(ndim) if i != 1), "channel"
        yield tuple(range(1, ndim)), "example"


def _explained(case: Case, d: Array, basis: list[Array], axes: tuple[int, ...]) -> bool:
    """Is d, in every group over ``axes``, a combination of the basis?"""

    def grouped(a: Array) -> Array:
        rest = [i for i in range(a.ndim) if i not in axes]
        size = int(np.prod([a.shape[i] for i in axes]))
        return a.transpose(*rest, *axes).reshape(-1, size)  # (groups, size)

    target = grouped(d)
    fit = np.zeros_like(target)
    for i, columns in enumerate(zip(*(grouped(b) for b in basis), strict=True)):
        matrix = np.stack(columns, axis=1)
        fit[i] = matrix @ np.linalg.lstsq(matrix, target[i], rcond=None)[0]
    scale = np.abs(case.N).max(initial=0) + np.abs(d).max(initial=0)
    return bool(np.abs(fit - target).max() <= 1e-6 * scale + 6 * case.slack.max())


def other_examples(case: Case) -> Hint | None:
    """The numeric Jacobian couples examples and backward does not, or the other way round."""
    if case.columns is None or case.name not in case.problem.inputs:
        return None
    y, n = case.baseline.y, len(case.v)
    if y.ndim < 1 or len(y) != n or n < 2 or case.v.ndim < 1:
        return None
    example = np.unravel_index(case.index, case.v.shape)[0]
    products = (case.columns * case.baseline.dy.reshape(-1)).reshape(len(case.index), n, -1)
    shares = products.sum(axis=2)  # (entries, examples)
    own = shares[np.arange(len(example)), example]
    tolerance = 1e-6 * np.abs(shares).max() + 3 * case.slack.max()
    coupled = np.abs(shares - own[:, None] * np.eye(n)[example]).max() > tolerance
    if coupled and case.matches(case.A, own):
        return case.hint(
            "examples coupled",
            f"{case.counted()} hold only their own example's share, but each output depends on "
            "other examples too (a mean, a sum without axis, batch statistics): backward leaves "
            "these out",
        )
    only = np.zeros_like(case.baseline.dy)
    only[0] = case.baseline.dy[0]
    _, cache = case.problem.forward()
    back = np.asarray(case.problem.backward(only, cache)[case.name])
    if back.shape != case.v.shape:
        return None
    if coupled and not back[1:].any():
        return case.hint(
            "examples coupled",
            f"each output depends on several examples (a norm, a mean, a sum over the batch), but "
            f"backward treats the examples of {case.name} one by one",
        )
    if not coupled:
        if np.abs(back[1:]).max(initial=0) > tolerance:
            return case.hint(
                "examples coupled",
                "an example's output depends on that example alone, but with dy of the first "
                f"example only, backward gives all examples of {case.name} a gradient: a sum or "
                "mean without axis",
            )
    return None


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
