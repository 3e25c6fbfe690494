"""One wrong step of the chain rule: which one gives exactly what backward returns?

``recording`` notes forward's operations. Their chain rule is right. Here it is changed in one place
in each of the ways in which people change it: a path is left out, an inner derivative is forgotten,
a factor is lost, of several uses only the last one counts. ``chain_rule`` compares the gradients
with backward's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from tinyae.checking.diagnosis.recording import Recording
from tinyae.checking.diagnosis.trace import SLOPES

Array = np.ndarray
Key = tuple[int, int, int]  # the site that gives, the site that takes, which operand
Members = list[tuple[int, int]]  # edges as (node, operand)


@dataclass
class Change:
    """Other slopes for some edges of the tape, and edges that are not on it."""

    kind: str
    text: str
    slopes: dict[Key, Array]
    extra: list[tuple[int, int, float]] = field(default_factory=list)  # from, to, slope


def edges(r: Recording) -> dict[Key, Members]:
    """The edges from one site to another, by the two sites and the operand."""
    found: dict[Key, Members] = defaultdict(list)
    sites, ops = r.tape.sites, r.tape.ops
    for k, parents in enumerate(r.tape.parents):
        for j, p in enumerate(parents):
            if p >= 0 and sites[p] != sites[k]:
                found[sites[p], sites[k], j if ops[k] in ("mul", "div", "sub") else 0].append((k, j))
    return dict(found)


def gradients(
    r: Recording, dy: Array, classes: dict[Key, Members], changes: list[Change]
) -> dict[str, Array]:
    """The gradients of Σ y·dy by the changed chain rules: (changes, *shape) for each tensor."""
    tape, count = r.tape, len(changes)
    into: dict[tuple[int, int], tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
    extra: dict[int, list[tuple[int, int, float]]] = defaultdict(list)
    for m, change in enumerate(changes):
        for key, slopes in change.slopes.items():
            for edge, slope in zip(classes[key], slopes.tolist(), strict=True):
                into[edge][0].append(m)
                into[edge][1].append(slope)
        for source, goal, slope in change.extra:
            extra[source].append((m, goal, slope))
    changed = {edge: (np.array(m), np.array(s)) for edge, (m, s) in into.items()}
    adjoint = np.zeros((len(tape.values), count))
    for k, d in zip(r.outputs.reshape(-1), np.broadcast_to(dy, r.outputs.shape).reshape(-1), strict=True):
        if k >= 0:
            adjoint[k] += d
    for k in range(len(tape.values) - 1, -1, -1):
        a = adjoint[k]
        for j, p in enumerate(tape.parents[k]):
            if p < 0:
                continue
            share = tape.slopes[k][j] * a
            if (k, j) in changed:
                columns, slopes = changed[k, j]
                share[columns] = slopes * a[columns]
            adjoint[p] += share
        for m, goal, slope in extra.get(k, ()):
            adjoint[goal, m] += slope * a[m]
    return {n: np.moveaxis(adjoint[nodes], -1, 0) for n, nodes in r.leaves.items()}


def changes(r: Recording, classes: dict[Key, Members]) -> Iterator[Change]:
    for key, members in classes.items():
        yield from uses(r, key, members)
        yield from slopes(r, key, members)
        yield from chains(r, key, members)
        yield from substitutions(r, key, members)
        yield from diagonal(r, key, members, classes)
        yield from rerouted(r, key, members)


def cut(r: Recording, key: Key, members: Members) -> Change:
    """The path along these edges is left out."""
    giver, taker = r.names[key[0]], r.names[key[1]]
    if r.is_leaf(key[0]):
        text = f"the path from {giver} through `{taker}`"
    else:
        text = f"the path through `{giver}` into `{taker}`"
    return Change("path", text, {key: np.zeros(len(members))})


def uses(r: Recording, key: Key, members: Members) -> Iterator[Change]:
    """Of several uses of the same value, in the passes of a loop, the first or the last counts."""
    runs, tape = r.runs, r.tape
    by_parent: dict[int, list[int]] = defaultdict(list)
    for k, j in members:
        by_parent[tape.parents[k][j]].append(runs[k])
    if all(len(set(v)) == 1 for v in by_parent.values()):
        return
    base = np.array([tape.slopes[k][j] for k, j in members])
    which = np.array([runs[k] for k, _ in members])
    parent = [tape.parents[k][j] for k, j in members]
    giver, taker = r.names[key[0]], r.names[key[1]]
    for told, pick in (("last", max), ("first", min)):
        ends = np.array([pick(by_parent[p]) for p in parent])
        yield Change(
            "overwritten",
            f"of the uses of {giver} in `{taker}`, only the {told} one counts: = where += belongs, "
            "they add up",
            {key: base * (which == ends)},
        )
        end = pick(which.tolist())
        yield Change(
            "loop",
            f"the {told} pass of the loop over `{taker}` is left out",
            {key: base * (which != end)},
        )


def slopes(r: Recording, key: Key, members: Members) -> Iterator[Change]:
    """One operation's own derivative is missing, or has a factor too many."""
    tape, (k, j) = r.tape, members[0]
    op, name = tape.ops[k], r.names[key[1]]
    if op in ("add", "sub", "rsub", "neg") or r.summed(k):
        return
    s = np.array([tape.slopes[n][i] for n, i in members])
    x = np.array([tape.values[tape.parents[n][i]] for n, i in members])
    y = np.array([tape.values[n] for n, _ in members])
    if op in ("mul", "div"):
        other = tape.parents[k][1 - j]
        factor = f"`{r.names[tape.sites[other]]}`" if other >= 0 else "the constant"
        what = "factor" if op == "mul" else "division by"
        if op == "mul" or j == 0:
            yield Change("factor missing", f"the {what} {factor} in `{name}` is forgotten", {key: np.ones_like(s)})
        if op == "div" and j == 1:
            yield Change("power", f"the derivative of `{name}` with respect to its denominator lacks a power of it, −a/b in place of −a/b²", {key: s * x})
            yield Change("power", f"the derivative of `{name}` with respect to its denominator lacks the square", {key: s * x * x})
        return
    yield from _other_slopes(f"`{name}`", key, s / s, s, x, y)
    if op in SLOPES:
        at = np.array([SLOPES[op](v, float(getattr(np, op)(v))) for v in y.tolist()])
        yield Change("slope at output", f"the derivative of `{name}` is evaluated at its output instead of its input", {key: at})


def chains(r: Recording, key: Key, members: Members) -> Iterator[Change]:
    """Operations in a row on one number, such as 1 / (1 + exp(−x)): the derivative of all of them
    together is missing, or another function's."""
    tape = r.tape
    ends = [k for k, _ in members]
    total = np.array([tape.slopes[k][j] for k, j in members])
    base = total.copy()
    x = np.array([tape.values[tape.parents[k][j]] for k, j in members])
    if tape.ops[members[0][0]] in ("add", "sub") and all(p >= 0 for p in tape.parents[members[0][0]]):
        return
    if any(min(tape.parents[k]) >= 0 for k in ends):
        return
    while True:
        following = [r.only_child(k) for k in ends]
        if any(c is None for c in following):
            return
        ends = [c for c in following if c is not None]
        total = total * np.array([max(tape.slopes[k], key=abs) if False else tape.slopes[k][0] if tape.parents[k][0] >= 0 else tape.slopes[k][1] for k in ends])
        y = np.array([tape.values[k] for k in ends])
        yield from _other_slopes(f"`{r.names[tape.sites[ends[0]]]}`", key, base / total, total, x, y)


def _other_slopes(
    name: str, key: Key, rest: Array, slope: Array, x: Array, y: Array
) -> Iterator[Change]:
    """What people write for the derivative ``slope`` of y = f(x)."""
    told = f"the derivative of {name}"
    for kind, text, other in (
        ("slope missing", f"{told} is forgotten", np.ones_like(slope)),
        ("slope twice", f"{told} is multiplied in twice", slope**2),
        ("foreign slope", f"{told} is replaced by y (1 − y), the sigmoid's slope", y * (1 - y)),
        ("foreign slope", f"{told} is replaced by 1 − y², the slope of tanh", 1 - y * y),
        ("foreign slope", f"{told} is replaced by 1 − y", 1 - y),
        ("foreign slope", f"{told} is replaced by x (1 − x), with its input in place of its output", x * (1 - x)),
        ("foreign slope", f"{told} is replaced by 1 − x², with its input in place of its output", 1 - x * x),
        ("foreign slope", f"{told} is replaced by {name} itself", y),
        ("foreign slope", f"{told} is replaced by 1 where its input is positive", (x > 0) * 1.0),
        ("power", f"{told} has a factor of its input too many (a power is off by one)", slope * x),
        ("power", f"{told} lacks a factor of its input (a power is off by one)", slope / x),
        ("power", f"{told} has a factor of its output too many", slope * y),
        ("power", f"{told} lacks a factor of its output", slope / y),
    ):
        yield Change(kind, text, {key: other * rest})


def substitutions(r: Recording, key: Key, members: Members) -> Iterator[Change]:
    """In a product, another array of the same shape stands in for the other factor."""
    tape, (k, j) = r.tape, members[0]
    op = tape.ops[k]
    if op not in ("mul", "div"):
        return
    others = [tape.parents[n][1 - i] for n, i in members]
    found = [r.owners.get(o) for o in others]
    if any(f is None for f in found):
        return
    source = {name for name, _ in found}  # type: ignore[misc]
    if len(source) != 1:
        return
    name = source.pop()
    where = np.array([i for _, i in found])  # type: ignore[misc]
    shape = r.arrays[name].shape
    values = np.array(tape.values)
    for other, nodes in r.arrays.items():
        versions = [(other, nodes)] if other != name else []
        if nodes.ndim >= 2 and nodes.shape[-1] == nodes.shape[-2]:
            versions.append((f"{other} transposed", nodes.swapaxes(-1, -2)))
        for label, a in versions:
            if a.shape != shape or (a < 0).any():
                continue
            v = values[a.reshape(-1)[where]]
            own = np.array([tape.values[tape.parents[n][i]] for n, i in members])
            new = v if op == "mul" else 1 / v if j == 0 else -v / own**2
            yield Change(
                "substituted",
                f"in `{r.names[key[1]]}`, backward uses {label} where {name} belongs",
                {key: new},
            )


def diagonal(r: Recording, key: Key, members: Members, classes: dict[Key, Members]) -> Iterator[Change]:
    """y_i = a_i / Σ a: of the sum's path, only the entry itself counts."""
    tape = r.tape
    if tape.ops[members[0][0]] not in ("div", "mul") or key[2] != 1:
        return
    if any(tape.parents[k][0] < 0 for k, _ in members):
        return
    extra = [(k, tape.parents[k][0], tape.slopes[k][1]) for k, _ in members]
    yield Change(
        "diagonal",
        f"of the path through `{r.names[key[0]]}` into `{r.names[key[1]]}`, each entry gets its own "
        "share only: the diagonal of the Jacobian (softmax: y (1 − y)), without the other entries",
        {key: np.zeros(len(members))},
        extra,
    )


def rerouted(r: Recording, key: Key, members: Members) -> Iterator[Change]:
    """What belongs to one summand goes to another array of its shape."""
    tape = r.tape
    if tape.ops[members[0][0]] != "add" or r.summed(members[0][0]):
        return
    parents = [tape.parents[k][j] for k, j in members]
    for name, nodes in r.arrays.items():
        flat = nodes.reshape(-1).tolist()
        if len(flat) != len(members) or flat == parents or min(flat) < 0:
            continue
        if any(goal >= k for goal, (k, _) in zip(flat, members, strict=True)):
            continue
        yield Change(
            "rerouted",
            f"the gradient of {r.names[key[0]]} as a summand of `{r.names[key[1]]}` (the skip "
            f"connection) goes into {name} instead, and through what comes before it",
            {key: np.zeros(len(members))},
            [(k, goal, 1.0) for goal, (k, _) in zip(flat, members, strict=True)],
        )
