"""Where the wrong entries are: a few of them, a border, every second row, one sign, whole
slices."""

from __future__ import annotations

import numpy as np

from tinyae.checking.diagnosis.case import Case, few
from tinyae.checking.report import Hint, shape_text

Array = np.ndarray


def few_entries(case: Case) -> Hint | None:
    """One or two entries are wrong, and all others right."""
    bad = np.flatnonzero(case.wrong)
    if not (1 <= len(bad) <= 2 and len(case.index) >= 3 * len(bad)):
        return None
    places = [shape_text(np.unravel_index(case.index[i], case.v.shape)) for i in bad]
    told = " and ".join(
        f"{p} ({case.A[i]:.4g} for {case.N[i]:.4g})" for p, i in zip(places, bad, strict=True)
    )
    if pattern := border(case):  # one row of one image: still a border
        return pattern
    return case.hint(
        "entries",
        f"of {len(case.index)} entries of {case.name} only {told} "
        f"{'is' if len(bad) == 1 else 'are'} wrong: an index off by one, or one special case",
    )


def side(case: Case) -> Hint | None:
    """Wrong exactly where the entry itself is negative (or positive): one branch of a condition."""
    flat, scale = case.v.reshape(-1)[case.index], np.abs(case.N).max(initial=0)
    counts = case.wrong | (np.maximum(np.abs(case.A), np.abs(case.N)) > 1e-6 * scale)
    for told, mask in (("negative", flat < 0), ("positive", flat > 0)):
        bad = case.wrong[counts]
        if np.array_equal(bad, mask[counts]) and 3 <= bad.sum() and (~bad).sum() >= 3:
            a, n = case.A[counts][bad], case.N[counts][bad]
            ratio = float((a * n).sum() / (n * n).sum()) if n.any() else np.nan
            constant = np.allclose(a, ratio * n, rtol=1e-5, atol=1e-8 * scale)
            how = f" (backward = {ratio:.4g} × numeric there)" if constant else ""
            sign = ", its sign" if constant and abs(ratio + 1) < 1e-5 else ""
            return case.hint(
                "side",
                f"{case.name}'s gradient is wrong exactly where {case.name} is {told}{how}: that "
                f"branch of the function has the wrong derivative{sign}",
            )
    return None


def border(case: Case) -> Hint | None:
    """Right inside an image, and wrong in the first or last rows and columns."""
    found = lines(case)
    if not found or found[3] != "or":
        return None
    sizes, _, sets, _ = found
    for size, positions in zip(sizes, sets, strict=True):
        ends = run_length(positions, range(size)) + run_length(positions, range(size - 1, -1, -1))
        if ends < len(positions) or len(positions) > size / 2:
            return None
    told = " and ".join(
        f"{what} {few(s)}" for what, s in zip(("rows", "columns"), sets, strict=True) if s
    )
    return case.hint(
        "border",
        f"{case.name}'s gradient is right inside and wrong at the border ({told} of "
        f"{shape_text(sizes)}): padding added or cut off wrongly, or windows that do not reach the "
        "end",
    )


def stride(case: Case) -> Hint | None:
    """Wrong in every s-th row or column."""
    found = lines(case)
    if not found:
        return None
    sizes, _, sets, _ = found
    for size, positions in zip(sizes, sets, strict=True):
        for s in range(2, max(2, size // 2) + 1):
            classes = {p % s for p in positions}
            whole = {p for p in range(size) if p % s in classes}
            if positions == whole and len(classes) < s and len(positions) >= 2:
                told, nth = (
                    "rows" if positions is sets[0] else "columns",
                    {2: "second", 3: "third"}.get(s, f"{s}-th"),
                )
                return case.hint(
                    "stride",
                    f"{case.name}'s gradient is wrong in every {nth} of its {told} "
                    f"({few(positions)}): the stride is not undone as it was done",
                )
    return None


def one_axis(case: Case) -> Hint | None:
    """Whole slices are wrong, such as one output channel."""
    places, wrong = telling(case)
    for axis in range(case.v.ndim):
        if case.v.shape[axis] > 1 and (found := splits(places, wrong, axis)):
            bad, good = found
            lost = not case.A[case.wrong].any()
            if len(bad) <= len(good) or not lost:
                cause = "a loop or a slice that leaves these out" if lost else "look at that part"
                return case.hint(
                    "slices",
                    f"{case.name}'s gradient is wrong exactly at {few(bad)} along axis {axis} "
                    f"(of {case.v.shape[axis]}): {cause}",
                )
            return case.hint(
                "slices",
                f"{case.name}'s gradient is right only at {_ends(good, case.v.shape[axis])} along "
                f"axis {axis} (of {case.v.shape[axis]}): an index where a slice belongs",
            )
    return None


def lines(case: Case) -> tuple[Array, tuple[int, int], list[set[int]], str] | None:
    """The rows and columns of an image that are entirely wrong, if they explain every wrong entry.

    Returns (sizes, axes, [wrong rows, wrong columns], "or" | "and"): an entry is wrong if its row
    *or* its column is in the sets, or if its row *and* its column are.
    """
    if case.v.ndim < 3:
        return None
    axes = (case.v.ndim - 2, case.v.ndim - 1)
    places, wrong = telling(case)
    if not wrong.any() or wrong.all():
        return None
    rows, columns = places[:, axes[0]], places[:, axes[1]]
    every = [{k for k in set(p.tolist()) if wrong[p == k].all()} for p in (rows, columns)]
    some = [set(p[wrong].tolist()) for p in (rows, columns)]
    for sets, how in ((every, "or"), (some, "and")):
        inside = [np.isin(p, list(s)) for p, s in zip((rows, columns), sets, strict=True)]
        explained = inside[0] | inside[1] if how == "or" else inside[0] & inside[1]
        if np.array_equal(explained, wrong):
            return np.array(case.v.shape)[list(axes)], axes, sets, how
    return None


def telling(case: Case) -> tuple[Array, Array]:
    """Coordinates (entries, axes) and wrong-flags of the entries that carry evidence: 0 for 0 is
    right by accident."""
    scale = np.abs(case.N).max(initial=0)
    counts = case.wrong | (np.maximum(np.abs(case.A), np.abs(case.N)) > 1e-6 * scale)
    return np.stack(np.unravel_index(case.index[counts], case.v.shape), axis=1), case.wrong[counts]


def splits(places: Array, wrong: Array, axis: int) -> tuple[list[int], list[int]] | None:
    """(wrong positions, right positions) along the axis, if the position alone decides and both
    exist."""
    bad, good = set(places[wrong, axis].tolist()), set(places[~wrong, axis].tolist())
    return (sorted(bad), sorted(good)) if bad and good and not bad & good else None


def run_length(positions: set[int], order: range) -> int:
    count = 0
    for p in order:
        if p not in positions:
            break
        count += 1
    return count


def _ends(positions: list[int], size: int) -> str:
    names: dict[tuple[int, ...], str] = {
        (0,): "0, the first position,",
        (size - 1,): f"{size - 1}, the last position,",
    }
    return names.get(tuple(positions), few(positions))
