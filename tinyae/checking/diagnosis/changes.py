"""Forward's chain rule with some of its steps changed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from tinyae.checking.diagnosis.recording import Recording

Array = np.ndarray
Key = tuple[int, int, int]  # the site that gives, the site that takes, which operand
Members = list[tuple[int, int]]  # edges as (node, operand)


@dataclass
class Change:
    """Other slopes for some edges of the tape, or other edges, or another dy."""

    kind: str
    text: str
    slopes: dict[Key, Array] = field(default_factory=dict)
    extra: list[tuple[int, int, float]] = field(default_factory=list)  # from, to, slope
    dy: Array | None = None


def edges(r: Recording) -> dict[Key, Members]:
    """The edges from one site to another, by the two sites and the operand."""
    found: dict[Key, Members] = defaultdict(list)
    sites, ops = r.tape.sites, r.tape.ops
    for k, parents in enumerate(r.tape.parents):
        for j, p in enumerate(parents):
            if p >= 0 and sites[p] != sites[k]:
                operand = j if ops[k] in ("mul", "div", "sub") else 0
                found[sites[p], sites[k], operand].append((k, j))
    return dict(found)


def gradients(
    r: Recording, dy: Array, classes: dict[Key, Members], changes: list[Change]
) -> dict[str, Array]:
    """The gradients of Σ y·dy by the changed chain rules: (changes, *shape) for each tensor."""
    tape, y = r.tape, r.outputs.reshape(-1).tolist()
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
    seeds = [dy if change.dy is None else change.dy for change in changes]
    adjoint = np.zeros((len(tape.values), len(changes)))
    for k, d in zip(y, np.stack([np.asarray(s).reshape(-1) for s in seeds], axis=1), strict=True):
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
