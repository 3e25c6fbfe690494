"""The ways in which people get a step of the chain rule wrong: a path is left out, an inner
derivative is forgotten or another function's, a factor is lost, of several uses only the last one
counts, another array stands in for a factor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from tinyae.checking.diagnosis.changes import Change, Key, Members
from tinyae.checking.diagnosis.cotangents import cotangents, slopes
from tinyae.checking.diagnosis.recording import Recording
from tinyae.checking.diagnosis.trace import SLOPES, Tape

Array = np.ndarray


def cut(r: Recording, key: Key, members: Members) -> Change:
    """The path along these edges is left out."""
    giver, taker, (k, _) = r.names[key[0]], r.names[key[1]], members[0]
    sum_or_not = r.tape.ops[k] in ("add", "sub")
    what = "derivative, one term of the sum" if sum_or_not else "derivative, the path through it"
    if r.is_leaf(key[0]):
        text = f"the path from {giver} through `{taker}`{skip(r, key, k)} is missing"
    elif r.first_run(key[0]) > r.first_run(key[1]):
        text = (
            f"the path from one pass of the loop (time step) to the next, through `{giver}` in "
            f"`{taker}`, is missing"
        )
    else:
        text = (
            f"`{giver}` is treated as a constant in `{taker}`: its {what}, is missing"
            f"{r.others(*key[:2])}"
        )
    return Change("missing path", text, {key: np.zeros(len(members))})


def skip(r: Recording, key: Key, k: int) -> str:
    both = r.tape.ops[k] == "add" and min(r.tape.parents[k]) >= 0 and not r.summed(k)
    return " (the skip connection, dy itself)" if both and r.used_elsewhere(*key[:2]) else ""


def share(r: Recording, key: Key, k: int) -> str:
    giver = r.names[key[0]] if r.is_leaf(key[0]) else f"`{r.names[key[0]]}`"
    return f"the path from {giver} through `{r.names[key[1]]}`{skip(r, key, k)}"


def mistakes(r: Recording, classes: dict[Key, Members], dy: Array) -> Iterator[Change]:
    """Every other change."""
    for key, members in classes.items():
        for family in (
            uses,
            factors,
            derivatives,
            substitutions,
            transposed,
            normalizers,
            rerouted,
        ):
            yield from family(r, key, members)
    yield from selections(r, classes)
    if dy.ndim:
        first = next(iter(r.leaves.values()))
        values = np.array(r.tape.values)
        for kind, told, other in cotangents(dy, values[r.outputs], values[first]):
            yield Change(kind, f"it uses another dy, {told}", dy=other)


def uses(r: Recording, key: Key, members: Members) -> Iterator[Change]:
    """Of several uses of the same value, in the passes of a loop, one counts, or is left out."""
    runs, tape = r.runs, r.tape
    parents = [tape.parents[k][j] for k, j in members]
    by_parent: dict[int, set[int]] = defaultdict(set)
    for (k, _), p in zip(members, parents, strict=True):
        by_parent[p].add(runs[k])
    if all(len(passes) == 1 for passes in by_parent.values()):
        return
    base = np.array([tape.slopes[k][j] for k, j in members])
    which = np.array([runs[k] for k, _ in members])
    giver, taker = r.names[key[0]], r.names[key[1]]
    for told, pick in (("last", max), ("first", min)):
        own = np.array([pick(by_parent[p]) for p in parents])
        text = (
            f"of the uses of `{giver}` in `{taker}`, only the {told} one counts: overwritten, = "
            "where += belongs"
        )
        yield Change("overwritten sum", text, {key: base * (which == own)})
    passes = np.unique(which)
    numbered = [(p, f"{i} of {len(passes)}") for i, p in enumerate(passes[:10], start=1)]
    for text, counts in (
        ("the share of pass {} of the loop over `{}` is missing", np.not_equal),
        ("only the passes from {} on of the loop over `{}` count", np.greater_equal),
        ("only the passes up to {} of the loop over `{}` count", np.less_equal),
    ):
        for number, name in numbered:
            yield Change("loop", text.format(name, taker), {key: base * counts(which, number)})


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
        yield Change("factor missing", f"{lost} {what}in `{name}` is missing", {key: s / s})
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


def substitutions(r: Recording, key: Key, members: Members) -> Iterator[Change]:
    """In a product, another array of the same shape stands in for the other factor."""
    tape, (k, j) = r.tape, members[0]
    op = tape.ops[k]
    found = [r.owners.get(tape.parents[n][1 - i]) for n, i in members]
    owners = {owner[0] for owner in found if owner}
    if op not in ("mul", "div") or None in found or len(owners) != 1:
        return
    name = owners.pop()
    where = np.array([owner[1] for owner in found if owner])
    own = np.array([tape.values[tape.parents[n][i]] for n, i in members])
    values = np.array(tape.values)
    for other, nodes in r.arrays.items():
        versions = [(other, nodes)] if other != name else []
        if nodes.ndim >= 2 and nodes.shape[-1] == nodes.shape[-2]:
            versions.append((f"{other} transposed", nodes.swapaxes(-1, -2)))
        for told, a in versions:
            if a.shape == r.arrays[name].shape and (a >= 0).all():
                v = values[a.reshape(-1)[where]]
                slope = v if op == "mul" else 1 / v if j == 0 else -v / own**2
                text = f"in `{r.names[key[1]]}`, backward uses {told} where {name} belongs"
                yield Change("another array", text, {key: slope})


def transposed(r: Recording, key: Key, members: Members) -> Iterator[Change]:
    """In the gradient of one factor of a square matrix product, dy is not transposed."""
    tape = r.tape
    outs = [r.sum_of(k) for k, _ in members]
    found = [r.owners.get(out) or r.owners.get(r.only_child(out) or -1) for out in outs]
    if tape.ops[members[0][0]] != "mul" or not r.summed(members[0][0]) or None in found:
        return
    names = {owner[0] for owner in found if owner}
    shape = r.arrays[min(names)].shape
    if len(names) > 1 or len(shape) < 2 or shape[-1] != shape[-2]:
        return
    places = np.arange(int(np.prod(shape))).reshape(shape)
    mirror = places.swapaxes(-1, -2).reshape(-1).tolist()
    node_at = {owner[1]: k for (k, _), owner in zip(members, found, strict=True) if owner}
    extra = [
        (node_at[mirror[owner[1]]], tape.parents[k][j], tape.slopes[k][j])
        for (k, j), owner in zip(members, found, strict=True)
        if owner
    ]
    text = (
        f"in the gradient of `{r.names[key[0]]}` as a factor of `{r.names[key[1]]}`, the other "
        "gradient is not transposed (dS q where dSᵀ q belongs)"
    )
    yield Change("transpose", text, {key: np.zeros(len(members))}, extra)


def normalizers(r: Recording, key: Key, members: Members) -> Iterator[Change]:
    """y_i = a_i / Σ a: each entry gets its own share of the sum's path only, or the shares along
    another axis."""
    tape, (k, j) = r.tape, members[0]
    if tape.ops[k] not in ("div", "mul") or j != 1 or min(tape.parents[k]) < 0 or r.summed(k):
        return
    text = (
        f"each entry of `{r.names[key[1]]}` depends on all through `{r.names[key[0]]}`, and "
        "backward uses the diagonal of that Jacobian only (y (1 − y) for a softmax)"
    )
    zero = {key: np.zeros(len(members))}
    outs = [n for n, _ in members]
    extra = [(n, tape.parents[n][0], tape.slopes[n][1]) for n in outs]
    yield Change("diagonal", text, zero, extra)
    owners = [r.owners.get(n) for n in outs]
    shape: tuple[int, ...] = r.arrays[owners[0][0]].shape if owners[0] else ()
    if tape.ops[k] != "div" or len(shape) < 2 or int(np.prod(shape)) != len(outs):
        return
    nodes = np.array(outs).reshape(shape)
    for axis in [*range(len(shape)), None]:
        flat = nodes.reshape(1, -1) if axis is None else np.moveaxis(nodes, axis, -1)
        lines = flat.reshape(-1, flat.shape[-1]).tolist()
        if len(lines) * len(lines[0]) ** 2 <= 20_000:
            extra = [
                (m, tape.parents[n][0], tape.slopes[m][1] * _ratio(tape, m, n))
                for line in lines
                for n in line
                for m in line
            ]
            where = "over the whole array" if axis is None else f"along axis {axis}"
            text = (
                f"the path through `{r.names[key[0]]}` into `{r.names[key[1]]}` is summed {where}: "
                "a wrong axis in the gradient of the softmax (or another normalized array)"
            )
            yield Change("wrong axes", text, zero, extra)


def _ratio(tape: Tape, m: int, n: int) -> float:
    return tape.values[tape.parents[m][1]] / tape.values[tape.parents[n][1]]


def rerouted(r: Recording, key: Key, members: Members) -> Iterator[Change]:
    """What belongs to one summand goes to another array of its shape."""
    tape, (k, _) = r.tape, members[0]
    if tape.ops[k] != "add" or r.summed(k) or not r.used_elsewhere(*key[:2]):
        return
    parents = [tape.parents[n][i] for n, i in members]
    for name, nodes in r.arrays.items():
        goals = nodes.reshape(-1).tolist()
        if len(goals) != len(members) or goals == parents:
            continue
        if all(0 <= goal < n for goal, (n, _) in zip(goals, members, strict=True)):
            text = (
                f"the gradient of `{r.names[key[0]]}` as a summand of `{r.names[key[1]]}` (the "
                f"skip connection) goes into {name} instead, and through what comes before it"
            )
            extra = [(n, goal, 1.0) for goal, (n, _) in zip(goals, members, strict=True)]
            yield Change("rerouted", text, {key: np.zeros(len(members))}, extra)
