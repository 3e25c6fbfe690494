"""Backward's values are the true gradient for another cotangent dy, or with another derivative
f'."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tinyae.checking.diagnosis.case import Case
from tinyae.checking.report import Hint

Array = np.ndarray


def other_cotangent(case: Case) -> Hint | None:
    """Backward's values are the true gradient for another dy. Which one?"""
    if case.columns is None:
        return None
    dy, y, x = case.baseline.dy, case.baseline.y, case.problem.tensors[case.problem.inputs[0]]
    for kind, told, other in cotangents(dy, y, x):
        if case.matches(case.A, case.columns @ other.reshape(-1)):
            return case.hint(kind, f"{case.counted()} are right for another dy: {told}")
    return None


def elementwise(case: Case) -> Hint | None:
    """y_i = f(x_i): the derivative f' is missing, evaluated at the wrong point, or that of another
    function."""
    y, dy, name = case.baseline.y, case.baseline.dy, case.name
    if case.columns is None or name != case.problem.inputs[0] or y.shape != case.v.shape:
        return None
    diagonal = case.columns[np.arange(len(case.index)), case.index]
    d = dy.reshape(-1)[case.index]
    if np.abs(case.columns).sum() > np.abs(diagonal).sum() * (1 + 1e-6):
        if case.matches(case.A, diagonal * d):
            return case.hint(
                "diagonal",
                f"{case.counted()}: only the diagonal of the Jacobian was used, dx_i = ∂y_i/∂x_i "
                "dy_i, but each output depends on other inputs too",
            )
        return None
    used = case.A / d
    if case.matches(used, np.ones_like(d)):
        missing = _what_is_missing(case, diagonal)
        return case.hint("slope missing", f"{case.counted()} equal dy: {missing} is missing")
    at_output = slope_at(case, y).reshape(-1)[case.index]
    if case.matches(used, at_output):
        return case.hint(
            "slope at output",
            f"{case.counted()}: the derivative was evaluated at the output y instead of at the "
            "input x, f'(f(x)): which of the two is in the cache?",
        )
    for told, slope in slopes(case.v, y):
        if case.matches(used, slope.reshape(-1)[case.index]):
            text = f"{case.counted()} are dy times {told}, which is not this function's slope"
            return case.hint("foreign slope", text)
    return None


def two_values(case: Case) -> Hint | None:
    """The derivative has two values, and backward uses each where the other belongs."""
    right, used = case.N, case.A
    if case.columns is not None and case.baseline.y.shape == case.v.shape:  # y_i = f(x_i)
        right = case.columns[np.arange(len(case.index)), case.index]
        used = case.A / case.baseline.dy.reshape(-1)[case.index]
    values = np.unique(np.round(right, 9))
    if len(values) != 2 or len(case.index) < 6:
        return None
    low, high = values
    exchanged = np.where(np.abs(right - low) < np.abs(right - high), high, low)
    sizes = np.abs(exchanged) * np.sign(right)  # only the sizes, each with the right sign
    for told, guess in (("", exchanged), ("the size of ", sizes)):
        if case.matches(used, guess, least=4):
            return case.hint(
                "sides swapped",
                f"{case.counted()}: the derivative has two values, {low:.4g} and {high:.4g}, and "
                f"backward uses {told}each where the other belongs: the two sides of the condition "
                "are swapped",
            )
    return None


def cotangents(dy: Array, y: Array, x: Array) -> Iterator[tuple[str, str, Array]]:
    """(kind, what was done to dy, the result): what backward may use instead of dy."""
    yield "ones", "ones. Backward ignores its dy", np.ones_like(dy)
    yield "ones", "dy's sign alone", np.sign(dy)
    if dy.ndim > 1 and len(dy) > 1:
        ends = ((0, "first"), (len(dy) - 1, "last"))
        for i, told in ends:
            only = np.zeros_like(dy)
            only[i] = dy[i]
            yield (
                "one example",
                f"only the {told} example's, all others are lost (an overwritten sum, = for +=, an "
                "index)",
                only,
            )
            yield "one example", f"only the {told} example's, times {len(dy)}", only * len(dy)
        for i, told in ends:
            without = dy.copy()
            without[i] = 0
            yield (
                "one example",
                f"that of all examples but the {told} (a loop that is one short)",
                without,
            )
        yield (
            "mean",
            "its mean over the batch for every example",
            np.broadcast_to(dy.mean(axis=0), dy.shape),
        )
    for axis in range(1, dy.ndim):
        if dy.shape[axis] > 3 and dy.shape[axis] % 2 == 0:
            yield from _halves(dy, axis)
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
    if dy.ndim > 1:
        yield from _regrouped(dy)
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


def _halves(dy: Array, axis: int) -> Iterator[tuple[str, str, Array]]:
    """dy split in other parts than forward's concatenation."""
    n = dy.shape[axis]
    order = np.arange(n).reshape(2, n // 2)
    for told, places in (
        ("with its two halves swapped", order[::-1].reshape(-1)),
        ("in the order of its even and odd entries (interleaved)", order.T.reshape(-1)),
        (
            "in interleaved order, split into even and odd",
            np.arange(n).reshape(-1, 2).T.reshape(-1),
        ),
    ):
        yield "permutation", f"dy {told}, along axis {axis}", dy.take(places, axis)


def _regrouped(dy: Array) -> Iterator[tuple[str, str, Array]]:
    """dy after a reshape whose transpose is missing: heads, channels last, rows for columns."""
    *lead, rows, columns = dy.shape
    told = "reshaped in another order (a transpose is missing or added)"
    yield "permutation", f"dy {told}", dy.swapaxes(-1, -2).reshape(dy.shape)
    yield "permutation", f"dy {told}", dy.reshape(*lead, columns, rows).swapaxes(-1, -2)
    for n in (2, 3, 4, 8):
        if columns % n == 0 and columns > n and rows > 1:
            split, joined = (*lead, n, rows, columns // n), (*lead, rows, n, columns // n)
            for shape in (split, joined):
                parts = dy.reshape(shape).swapaxes(-3, -2).reshape(dy.shape)
                yield "permutation", f"dy in {n} parts (heads), {told}", parts
    if dy.ndim == 4:
        n, c, h, w = dy.shape
        yield "permutation", f"dy {told}", dy.transpose(0, 2, 3, 1).reshape(dy.shape)
        yield "permutation", f"dy {told}", dy.reshape(n, h, w, c).transpose(0, 3, 1, 2)


def slopes(x: Array, y: Array) -> Iterator[tuple[str, Array]]:
    yield "y (1 − y), the sigmoid's slope", y * (1 - y)
    yield "x (1 − x), the sigmoid's formula with the input in place of the output", x * (1 - x)
    yield "1 − y², the slope of tanh", 1 - y * y
    yield "1 − y, without the square of tanh's slope", 1 - y
    yield "1 − x², tanh's formula with the input in place of the output", 1 - x * x
    yield "1 where x > 0, else 0, ReLU's slope", (x > 0).astype(float)
    yield "y, the function itself instead of its derivative", y
    yield "the sigmoid of x, softplus's slope", 1 / (1 + np.exp(-x))


def slope_at(case: Case, point: Array) -> Array:
    """f' at another point, for an elementwise target, from its own forward."""
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


def _what_is_missing(case: Case, diagonal: Array) -> str:
    """The activation's derivative; or its mask; or a parameter that scales each feature."""
    if set(np.unique(np.round(diagonal, 9)).tolist()) <= {0.0, 1.0}:
        return "the activation's derivative, a mask of 0 and 1,"
    places = np.unravel_index(case.index, case.v.shape)
    for name, p in case.problem.tensors.items():
        for axis in range(case.v.ndim):
            if p.shape == (case.v.shape[axis],) and name != case.name:
                if np.allclose(diagonal, p[places[axis]], rtol=1e-6):
                    return f"the factor {name}"
    return "the activation's derivative"
