"""The right values in the wrong places: transposed, flipped, permuted, swapped between tensors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tinyae.checking.diagnosis.case import Case
from tinyae.checking.report import Hint

Array = np.ndarray


def rearranged(case: Case) -> Hint | None:
    """The right values in the wrong places."""
    for kind, told, array in rearrangements(case.gradient):
        if array.shape == case.v.shape and case.matches(array.reshape(-1)[case.index], case.N):
            return case.hint(kind, f"{case.name}'s gradient equals the numeric one after {told}")
    if case.complete and (told := permutation(case)):
        return case.hint(
            "permutation",
            f"{case.name}'s gradient has the right values in the wrong places: {told}",
        )
    return None


def other_parameter(case: Case) -> Hint | None:
    """Backward would be right if a parameter were transposed or flipped first: it uses the
    parameter in the wrong orientation."""
    for name, p in case.problem.tensors.items():
        if name in case.problem.inputs or name == case.name or p.ndim < 2:
            continue
        before = p.copy()
        for kind, told, array in rearrangements(before):
            if array.shape != p.shape or np.array_equal(array, before):
                continue
            _, cache = case.problem.forward()
            p[...] = array
            try:
                gradient = np.asarray(
                    case.problem.backward(case.baseline.dy.copy(), cache)[case.name]
                )
            except Exception:
                continue  # it does not run with such a parameter: then that is not the mistake
            finally:
                p[...] = before
            if gradient.shape == case.v.shape and case.matches(
                gradient.reshape(-1)[case.index], case.N
            ):
                return case.hint(
                    kind,
                    f"{case.name}'s gradient would be right for {name} after {told}: backward uses "
                    f"{name} in the wrong orientation",
                )
    return None


def swapped_names(case: Case) -> Hint | None:
    """The gradients of two tensors of the same shape are returned under each other's name."""
    for row in case.report.tensors:
        same_shape = (
            row.name != case.name
            and row.shape == case.row.shape
            and len(row.entries) == len(case.row.entries)
        )
        if same_shape and case.matches(case.A, row.numeric_values[case.keep]):
            return case.hint(
                "swapped",
                f"{case.name}'s gradient is the numeric gradient of {row.name}: two names are "
                "swapped",
            )
    return None


def rearrangements(a: Array) -> Iterator[tuple[str, str, Array]]:
    """(kind, what was done, the result): common transposes, flips and swaps."""
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
    """Slices of the gradient, along some axis, that equal slices of the numeric one in another
    order."""
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
            shifts = {(o - i) % len(order) for i, o in enumerate(order)}
            if len(shifts) == 1 and 2 * min(shifts) == len(order):
                return f"its two halves are swapped along axis {axis}"
            if len(shifts) == 1:
                return f"shifted by {min(shifts.pop(), len(order) - 1)} along axis {axis}"
            moved = [f"{i} at {o}" for i, o in enumerate(order) if i != o]
            what = "entries" if a.ndim == 1 else f"slices along axis {axis}"
            return f"{what} are permuted, {', '.join(moved[:4])}{', ...' if len(moved) > 4 else ''}"
    return ""
