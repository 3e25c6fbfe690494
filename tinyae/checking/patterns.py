"""What the clues compare with: names of factors, other cotangents, rearrangements, slopes, and places of wrong entries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from tinyae.checking.report import Hint, shape_text

Array = np.ndarray
Case = Any  # diagnosis.Case


def name_of_factor(ratio: float, case: Case) -> str:
    """What a constant backward / numeric usually comes from; an empty string for no idea."""
    y, v = case.seen.y, case.v
    data = (
        next(iter(case.problem.tensors.values()))
        if case.problem.inputs
        else next(iter(case.problem.fixed.values()), v)
    )
    sizes: dict[int, str] = {}
    for size, told in (
        (data.shape[0] if data.ndim else 1, "the batch size"),
        (int(np.prod(y.shape[2:])) if y.ndim > 2 else 1, "the number of output pixels"),
        (y.shape[0] * int(np.prod(y.shape[2:])) if y.ndim > 2 else 1, "batch size × output pixels"),
        (int(np.prod(y.shape[1:])) if y.ndim > 1 else 1, "the number of outputs of one example"),
        (
            int(np.prod(data.shape[1:])) if data.ndim > 1 else 1,
            "the number of values of one example",
        ),
        (int(np.prod(data.shape[2:])) if data.ndim > 2 else 1, "the number of pixels"),
        (data.size, "the number of values in the batch"),
        (y.size, "the number of outputs"),
        (v.size, f"the number of entries of {case.name}"),
    ):
        if size > 1:
            sizes.setdefault(size, told)

    def near(a: float) -> bool:
        return abs(ratio - a) <= 1e-5 * abs(a)

    if near(-1):
        return "the sign is wrong (target − y for y − target, or a step already subtracted)"
    for size, told in sizes.items():
        if near(size):
            return (
                f"{size} is {told}: a sum where a mean belongs, its division by {size} is missing"
            )
        if near(1 / size):
            return f"1/{size}, and {size} is {told}: a mean where a sum belongs, divided by {size} once too often"
    for sign, also in ((1, ""), (-1, ", and the sign is wrong")):
        if near(sign / 2):
            return f"a factor 2 is missing (from a square), or a mean was taken twice{also}"
        if near(sign * 2):
            return f"a factor 2 too much (the ½ of the loss is gone, or it was added twice){also}"
        for size, told in sizes.items() if case.problem.scalar else ():  # means belong to losses
            for extra, text in ((2, "2"), (0.5, "½")):
                if near(sign * extra * size):
                    return f"{text} × {size}, {size} is {told}: a mean is missing and a factor {text} is off{also}"
                if near(sign * extra / size):
                    return f"{text}/{size}, {size} is {told}: a mean too much and a factor {text} is off{also}"
    for size, told in sizes.items():
        if near(-size) or near(-1 / size):
            return f"{size} is {told}: a mean too much or too little, and the sign is wrong"
    return ""


def cotangents(dy: Array, y: Array, x: Array) -> Iterator[tuple[str, str, Array]]:
    """(kind, what was done to dy, the result): what a backward may mistake dy for."""
    yield "ones", "ones. Backward ignores its dy", np.ones_like(dy)
    yield "ones", "dy's sign alone", np.sign(dy)
    if dy.ndim > 1 and len(dy) > 1:
        for i, told in ((0, "first"), (len(dy) - 1, "last")):
            only, without = np.zeros_like(dy), dy.copy()
            only[i], without[i] = dy[i], 0
            yield (
                "one example",
                f"only the {told} example's, all others are lost (an overwritten sum, an index)",
                only,
            )
            yield (
                "one example",
                f"that of all examples but the {told} (a loop that is one short)",
                without,
            )
            yield "one example", f"only the {told} example's, times {len(dy)}", only * len(dy)
        yield (
            "mean",
            "its mean over the batch for every example",
            np.broadcast_to(dy.mean(axis=0), dy.shape),
        )
    for axis in range(1, dy.ndim):
        for told, other in (
            (f"reversed along axis {axis}", np.flip(dy, axis)),
            (f"shifted by one along axis {axis}", np.roll(dy, 1, axis)),
            (f"shifted by one along axis {axis}", np.roll(dy, -1, axis)),
        ):
            yield "permutation", f"dy {told}", other
    if dy.ndim > 1 and len(dy) > 1:
        shifted = "shifted by one"
        for told, other in (
            ("reversed", dy[::-1]),
            (shifted, np.roll(dy, 1, 0)),
            (shifted, np.roll(dy, -1, 0)),
        ):
            yield "permutation", f"the examples of dy {told}", other
    if dy.ndim == 4 and dy.shape[2] == dy.shape[3]:
        yield "swapped axes", "dy with height and width swapped", dy.swapaxes(2, 3)
    for told, slope in (("sigmoid", y * (1 - y)), ("tanh", 1 - y * y)):
        with np.errstate(all="ignore"):
            divided = dy / slope
        if np.all(np.isfinite(divided)):
            yield (
                "slope missing",
                f"dy without the {told}'s slope. The activation's derivative is missing",
                divided,
            )
        yield (
            "slope twice",
            f"dy times the {told}'s slope once more. The activation's derivative was used twice",
            dy * slope,
        )


def rearrangements(a: Array) -> Iterator[tuple[str, str, Array]]:
    """(kind, what was done, the result): transposes, flips and swaps that people make."""
    if a.ndim == 2:
        yield "transpose", "transposing it", a.T
    if a.ndim == 4:
        yield "flip", "turning the kernel by 180° (both spatial axes reversed)", a[:, :, ::-1, ::-1]
        yield "swapped axes", "swapping its last two axes (height and width)", a.swapaxes(2, 3)
        yield (
            "swapped axes",
            "swapping its first two axes (input and output channels)",
            a.swapaxes(0, 1),
        )
        yield (
            "flip",
            "turning the kernel by 180° and swapping the channel axes",
            a.swapaxes(0, 1)[:, :, ::-1, ::-1],
        )
        yield "flip", "reversing its rows (axis 2)", a[:, :, ::-1]
        yield "flip", "reversing its columns (axis 3)", a[:, :, :, ::-1]
        yield "swapped axes", "swapping both pairs of axes", a.transpose(1, 0, 3, 2)
    if a.ndim == 3:
        for i, j in ((0, 1), (0, 2), (1, 2)):
            yield "swapped axes", f"swapping axes {i} and {j}", a.swapaxes(i, j)
    for axis in range(a.ndim if a.ndim < 4 else 2):
        yield "permutation", f"reversing axis {axis}", np.flip(a, axis)
        yield "permutation", f"shifting axis {axis} by one", np.roll(a, 1, axis)
        yield "permutation", f"shifting axis {axis} by one", np.roll(a, -1, axis)


def permutation(case: Case) -> str:
    """Slices of the gradient, along some axis, that match slices of the numeric one in another order."""
    a, n = case.A.reshape(case.v.shape), case.N.reshape(case.v.shape)
    for axis in range(a.ndim):
        left, right = (np.moveaxis(b, axis, 0).reshape(b.shape[axis], -1) for b in (a, n))
        if len(left) < 3:
            continue
        tolerance = 1e-5 * np.abs(right).max() + 3 * case.slack.max()
        order = [int(np.argmin(np.abs(left - row).max(axis=1))) for row in right]
        close = all(
            np.abs(left[o] - row).max() <= tolerance for o, row in zip(order, right, strict=True)
        )
        if close and sorted(order) == list(range(len(order))):
            moved = [f"{i} at {o}" for i, o in enumerate(order) if i != o]
            what = "entries" if a.ndim == 1 else f"slices along axis {axis}"
            return f"{what} are permuted, {', '.join(moved[:4])}{', ...' if len(moved) > 4 else ''}"
    return ""


def slopes(x: Array, y: Array) -> Iterator[tuple[str, Array]]:
    yield "y (1 − y), the sigmoid's slope", y * (1 - y)
    yield "x (1 − x), the sigmoid's formula with the input in place of the output", x * (1 - x)
    yield "1 − y², the slope of tanh", 1 - y * y
    yield "1 − x², tanh's formula with the input in place of the output", 1 - x * x
    yield "1 where x > 0, else 0, ReLU's slope", (x > 0).astype(float)
    yield "y, the function itself instead of its derivative", y
    yield "the sigmoid of x, softplus's slope", 1 / (1 + np.exp(-x))


def slope_at(case: Case, point: Array) -> Array:
    """f' at another point, for an elementwise target: from its own forward."""
    x, h = case.v, 1e-5
    before = x.copy()
    try:
        x[...] = point + h
        up = case.problem.forward()[0].copy()
        x[...] = point - h
        return (up - case.problem.forward()[0]) / (2 * h)
    except Exception:  # the output is outside the function's domain
        return np.full(x.shape, np.nan)
    finally:
        x[...] = before


# ---- where the wrong entries are -----------------------------------------------------------------------------------------------


def telling(case: Case) -> tuple[Array, Array]:
    """Coordinates (entries, axes) and wrong-flags of the entries that can tell: 0 for 0 is right by accident."""
    scale = np.abs(case.N).max(initial=0)
    counts = case.wrong | (np.maximum(np.abs(case.A), np.abs(case.N)) > 1e-6 * scale)
    return np.stack(np.unravel_index(case.index[counts], case.v.shape), axis=1), case.wrong[counts]


def splits(places: Array, wrong: Array, axis: int) -> tuple[list[int], list[int]] | None:
    """(wrong positions, right positions) along the axis, if the position alone decides and both exist."""
    bad, good = set(places[wrong, axis].tolist()), set(places[~wrong, axis].tolist())
    return (sorted(bad), sorted(good)) if bad and good and not bad & good else None


def examples(case: Case) -> Hint | None:
    if case.name not in case.problem.inputs or case.v.ndim < 2:
        return None
    found = splits(*telling(case), 0)
    if not found:
        return None
    bad, good = found
    last = len(case.v) - 1
    which = {(0,): "the first example", (last,): "the last example"}
    if tuple(good) in which:
        return case.hint(
            "one example",
            f"{case.name}'s gradient is right for {which[tuple(good)]} only, all others are wrong: "
            "an index where a slice belongs, or a return inside the loop",
        )
    who = which.get(tuple(bad), f"examples {few(bad)}")
    return case.hint(
        "one example",
        f"{case.name}'s gradient is wrong for {who} only, right for the others: a loop that ends too "
        "early or starts too late?",
    )


def side(case: Case) -> Hint | None:
    """Wrong exactly where the entry itself is negative (or positive): one branch of a case distinction."""
    flat, scale = case.v.reshape(-1)[case.index], np.abs(case.N).max(initial=0)
    counts = case.wrong | (np.maximum(np.abs(case.A), np.abs(case.N)) > 1e-6 * scale)
    for told, mask in (("negative", flat < 0), ("positive", flat > 0)):
        bad = case.wrong[counts]
        if np.array_equal(bad, mask[counts]) and 3 <= bad.sum() and (~bad).sum() >= 3:
            a, n = case.A[counts][bad], case.N[counts][bad]
            ratio = float((a * n).sum() / (n * n).sum()) if n.any() else np.nan
            constant = np.allclose(a, ratio * n, rtol=1e-5, atol=1e-8 * scale)
            how = f" (backward = {ratio:.4g} × numeric there)" if constant else ""
            return case.hint(
                "side",
                f"{case.name}'s gradient is wrong exactly where {case.name} is {told}{how}: that branch "
                "of the function has the wrong derivative, or a sign is missing",
            )
    return None


def lines(case: Case) -> tuple[Array, tuple[int, int], list[set[int]], str] | None:
    """The two spatial axes' positions that are wrong altogether, if they explain every wrong entry.

    Returns (sizes, axes, [wrong rows, wrong columns], "or" | "and"): an entry is wrong where its row *or* its column is in
    the sets; or where its row *and* its column are.
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


def border(case: Case) -> Hint | None:
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
        f"{shape_text(sizes)}): padding added or cut off wrongly, or windows that do not reach the end",
    )


def stride(case: Case) -> Hint | None:
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
                    f"{case.name}'s gradient is wrong in every {nth} of its {told} ({few(positions)}): "
                    "the stride is not undone as it was done",
                )
    return None


def one_axis(case: Case) -> Hint | None:
    """Whole slices are wrong: one output channel, say."""
    places, wrong = telling(case)
    for axis in range(case.v.ndim):
        if case.v.shape[axis] > 1 and (found := splits(places, wrong, axis)):
            bad, good = found
            if len(bad) <= len(good):
                return case.hint(
                    "slices",
                    f"{case.name}'s gradient is wrong exactly at {few(bad)} along axis {axis} "
                    f"(of {case.v.shape[axis]}): a loop or a slice that leaves these out",
                )
            return case.hint(
                "slices",
                f"{case.name}'s gradient is right only at {few(good)} along axis {axis} "
                f"(of {case.v.shape[axis]}): an index where a slice belongs",
            )
    return None


def few(positions: Iterable[int], most: int = 6) -> str:
    shown = sorted(positions)
    return ", ".join(map(str, shown[:most])) + (", ..." if len(shown) > most else "")


def run_length(positions: set[int], order: range) -> int:
    count = 0
    for p in order:
        if p not in positions:
            break
        count += 1
    return count


PLACES = (examples, side, border, stride, one_axis)
