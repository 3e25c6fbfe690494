"""A forward pass on a tape, with the names of its arrays."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from tinyae.checking.diagnosis.trace import HERE, NUMPY, Tape, Traced
from tinyae.checking.diagnosis.traced_numpy import expression, traced_numpy
from tinyae.checking.problem import Problem

Array = np.ndarray


@dataclass
class Recording:
    tape: Tape
    leaves: dict[str, Array]  # the nodes of each tensor's entries
    outputs: Array  # the nodes of y's entries, -1 for constants
    variables: dict[str, Array] = field(default_factory=dict)  # the nodes of local variables
    names: dict[int, str] = field(default_factory=dict)  # what each site computes, as source

    def is_leaf(self, site: int) -> bool:
        return site < len(self.leaves)

    @cached_property
    def arrays(self) -> dict[str, Array]:
        """The tensors and the local variables, each array under its first name."""
        found: dict[str, Array] = {}
        for name, nodes in (self.leaves | self.variables).items():
            if not any(np.array_equal(nodes, a) for a in found.values()):
                found[name] = nodes
        return found

    @cached_property
    def owners(self) -> dict[int, tuple[str, int]]:
        """The array that a node belongs to, and its place there."""
        found: dict[int, tuple[str, int]] = {}
        for name, nodes in self.arrays.items():
            for i, k in enumerate(nodes.reshape(-1).tolist()):
                found.setdefault(k, (name, i))
        return found

    @cached_property
    def runs(self) -> list[int]:
        """The number of each operation's run: a site that comes again after another one, as in a
        loop, starts a new run."""
        runs, last, count = [], -1, 0
        for site in self.tape.sites:
            count += site != last
            last = site
            runs.append(count)
        return runs

    def first_run(self, site: int) -> int:
        return self._first_runs[site]

    @cached_property
    def _first_runs(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for site, run in zip(self.tape.sites, self.runs, strict=True):
            found.setdefault(site, run)
        return found

    @cached_property
    def children(self) -> list[list[int]]:
        found: list[list[int]] = [[] for _ in self.tape.values]
        for k, parents in enumerate(self.tape.parents):
            for p in parents:
                if p >= 0:
                    found[p].append(k)
        return found

    def only_child(self, k: int) -> int | None:
        """The one operation that takes k, if it takes nothing else."""
        if len(self.children[k]) != 1 or k in self._outputs:
            return None
        child = self.children[k][0]
        return child if min(self.tape.parents[child]) < 0 else None

    @cached_property
    def _outputs(self) -> set[int]:
        return set(self.outputs.reshape(-1).tolist())

    def sum_of(self, k: int) -> int:
        """The sum that a term ends in, within its own operation."""
        while self.summed(k):
            k = self.children[k][0]
        return k

    def used_elsewhere(self, giver: int, taker: int) -> bool:
        """Does what the giver computes go into other operations too?"""
        return any(p == giver and k != taker for p, k in self._links)

    def others(self, giver: int, taker: int) -> str:
        """What else goes into an operation, as the end of a sentence."""
        names = [
            self.names[p] for p, k in sorted(self._links) if k == taker and p not in (giver, k)
        ]
        return f" (only the path of `{names[0]}` counts)" if len(names) == 1 else ""

    @cached_property
    def _links(self) -> set[tuple[int, int]]:
        sites, parents = self.tape.sites, self.tape.parents
        return {(sites[p], sites[k]) for k, ps in enumerate(parents) for p in ps if p >= 0}

    def summed(self, k: int) -> bool:
        """Is this one term of a sum, as in a matrix product?"""
        return any(
            self.tape.ops[c] == "add" and self.tape.sites[c] == self.tape.sites[k]
            for c in self.children[k]
        )


def record(problem: Problem, values: dict[str, Array], dropped: int | None = None) -> Recording:
    """Run forward on traced numbers."""
    assert problem.remake is not None
    twin, tape = problem.remake(object), Tape()  # type: ignore[call-arg]
    tape.dropped = dropped
    leaves = {}
    for name, v in values.items():
        site = tape.places.setdefault(("leaf", name), len(tape.places))
        numbers = [tape.leaf(float(a), site) for a in v.reshape(-1)]
        twin.tensors[name].reshape(-1)[:] = numbers
        leaves[name] = np.array([a.node for a in numbers]).reshape(v.shape)
    for name, a in twin.fixed.items():
        if a.dtype == object:
            a.reshape(-1)[:] = [Traced(tape, float(b), -1) for b in problem.fixed[name].flat]
    variables: dict[str, Array] = {}
    before = sys.getprofile()
    np.random.seed(0)  # noqa: NPY002
    sys.setprofile(lambda frame, event, _: _remember(frame, event, variables))
    try:
        with traced_numpy(tape):
            y = np.asarray(twin.forward()[0])
    finally:
        sys.setprofile(before)
    outputs = np.array([_node(a, tape) for a in y.reshape(-1)], int).reshape(y.shape)
    names = {site: _name(chain, tape) for chain, site in tape.places.items()}
    return Recording(tape, leaves, outputs, variables, names)


def _node(a: Any, tape: Tape) -> int:
    return a.node if isinstance(a, Traced) else tape.cast.get(float(a), -1)


def _remember(frame: Any, event: str, variables: dict[str, Array]) -> None:
    if event != "return" or frame.f_code.co_filename.startswith((NUMPY, HERE)):
        return
    for name, value in list(frame.f_locals.items()):
        parts = enumerate(value) if isinstance(value, list | tuple) else [(None, value)]
        for i, a in parts:
            if (
                isinstance(a, np.ndarray)
                and a.dtype == object
                and a.size
                and isinstance(a.flat[0], Traced)
            ):
                nodes = np.array([b.node if isinstance(b, Traced) else -1 for b in a.flat])
                label = name if i is None else f"{name}[{i}]"
                while label in variables and not np.array_equal(
                    variables[label].reshape(-1), nodes
                ):
                    label += "'"
                variables[label] = nodes.reshape(a.shape)


def _name(chain: Any, tape: Tape) -> str:
    """A tensor's name, or the expression at the inner end of a chain of calls."""
    if chain and chain[0] == "leaf":
        return str(chain[1])
    text = expression(tape.codes[chain[0][0]], chain[0][1]) if chain else "?"
    return text if len(text) <= 80 else f"{text[:50]} ... {text[-25:]}"
