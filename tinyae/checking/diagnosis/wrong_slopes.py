"""Wrong derivatives of one operation: forgotten, another function's, without a factor or a mask."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tinyae.checking.diagnosis.changes import Change, Key, Members
from tinyae.checking.diagnosis.cotangents import slopes
from tinyae.checking.diagnosis.recording import Recording
from tinyae.checking.diagnosis.trace import SLOPES

Array = np.ndarray


def selections(r: Recording, classes: dict[Key, Members]) -> Iterator[Change]:
    """A maximum, np.where or clip lets a gradient pass where it selects the value. Its mask is
    missing, or the other way round."""
    tape = r.tape
    for key, members in classes.items():
        op = tape.ops[members[0][0]]
        if op in ("maximum", "minimum", "where", "clip"):
            name = r.names[key[1]]
            text = (
                f"the mask of `{name}` is missing: the gradient of `{r.names[key[0]]}` also passes "
                "where another value is selected"
            )
            yield Change("mask missing", text, {key: np.ones(len(members))})
            both = {
                k: np.array([1 - tape.slopes[n][i] for n, i in m])
                for k, m in classes.items()
                if k[1] == key[1]
            }
            text = f"the two sides of `{name}` are swapped: the mask is inverted"
            yield Change("sides swapped", text, both)


def factors(r: Recording, key: Key, members: Members) -> Iterator[Change]:
    """A factor or a divisor is forgotten; a quotient's derivative lacks a power."""
    tape, (k, j) = r.tape, members[0]
    op, name = tape.ops[k], r.names[key[1]]
    if op not in ("mul", "div") or r.summed(k):
        return
    s = np.array([tape.slopes[n][i] for n, i in members])
    x = np.array([tape.values[tape.parents[n][i]] for n, i in members])
    other = tape.parents[k][1 - j]
    if op == "mul" or j == 0:
        if other >= 0:
            what = f"`{r.names[tape.sites[other]]}` "
        else:
            what = f"{s[0] if op == 'mul' else 1 / s[0]:.4g} " if np.ptp(s) == 0 else ""
        lost = "the factor" if op == "mul" else "the division by"
        lost = lost if what else "the constant factor" if op == "mul" else "the division"
        kind = "factor missing"
        if other < 0 and np.isin(s, (0, 1)).all():
            kind, lost, what = "mask missing", "the mask, a factor of 0 and 1,", ""
        yield Change(kind, f"{lost} {what}in `{name}` is missing", {key: np.ones_like(s)})
    else:
        told = (
            f"the derivative of `{name}` with respect to its denominator b is −a/b², and backward"
        )
        yield Change("power", f"{told} has −a/b: a power of b is missing", {key: s * x})
        yield Change("power", f"{told} has −a: the division by b² is missing", {key: s * x * x})


def derivatives(r: Recording, key: Key, members: Members) -> Iterator[Change]:
    """The derivative of one function, or of several in a row on one number such as
    1 / (1 + exp(−x)), is missing or another function's."""
    tape, ends = r.tape, [k for k, _ in members]
    if any(min(tape.parents[k]) >= 0 for k in ends) or r.summed(ends[0]):
        return
    first = np.array([tape.slopes[k][j] for k, j in members])
    after, linear = np.ones_like(first), True  # the slopes of the operations after the first one
    x = np.array([tape.values[tape.parents[k][j]] for k, j in members])
    giver = f"`{r.names[key[0]]}`"
    while True:
        linear &= tape.ops[ends[0]] in ("add", "sub", "rsub", "neg", "mul", "div")
        name = f"`{r.names[tape.sites[ends[0]]]}`"
        if not linear:
            y = np.array([tape.values[k] for k in ends])
            for kind, text, slope in other_slopes(name, giver, first * after, x, y):
                yield Change(kind, text, {key: slope / after})
            op = tape.ops[ends[0]]
            if op in SLOPES and (after == 1).all():
                at = np.array([SLOPES[op](v, float(getattr(np, op)(v))) for v in y.tolist()])
                text = f"the derivative of {name} is evaluated at its output instead of its input"
                yield Change("slope at output", text, {key: at})
        following = [r.only_child(k) for k in ends]
        ends = [k for k in following if k is not None]
        if len(ends) < len(following):
            return
        after = after * np.array([sum(tape.slopes[k]) for k in ends])  # the other one is 0


def other_slopes(
    name: str, giver: str, slope: Array, x: Array, y: Array
) -> Iterator[tuple[str, str, Array]]:
    """What people write for the derivative ``slope`` of y = f(x)."""
    told = f"the derivative of {name}"
    yield "slope missing", f"{told} is missing", np.ones_like(slope)
    yield "slope twice", f"{told} is multiplied in twice", slope**2
    for formula, other in slopes(x, y):
        yield "foreign slope", f"{formula}, stands in for {told}", other
    for text, other in (
        (f"has one factor {giver} too many, or lacks a division by it", slope * x),
        (f"lacks one factor {giver}", slope / x),
        (f"has one factor {name} too many, or lacks a division by it", slope * y),
        (f"lacks one factor {name}", slope / y),
    ):
        yield "power", f"{told} {text} (a power is off by one)", other
