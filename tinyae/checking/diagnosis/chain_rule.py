"""The hints that come from forward's own chain rule, see ``mutations``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tinyae.checking.baseline import Baseline, cotangent
from tinyae.checking.diagnosis.mutations import Change, changes, cut, edges, gradients
from tinyae.checking.diagnosis.recording import Recording, record
from tinyae.checking.problem import Problem

Array = np.ndarray
COLUMNS = 8_000_000  # operations times changes: more are left out


@dataclass
class Explanation:
    kind: str
    text: str
    tensors: tuple[str, ...]
    weight: float | None = None


class Draw:
    """The target at one point: backward's gradients, the right ones, and those of each change."""

    def __init__(self, problem: Problem, dy: Array, grads: dict[str, Array]) -> None:
        self.problem, self.dy = problem, dy
        self.record = r = record(problem)
        self.A = {n: g for n, g in grads.items() if n in r.leaves and g.shape == r.leaves[n].shape}
        self.classes = edges(r)
        self.cuts = [cut(r, key, members) for key, members in self.classes.items()]
        found = list(changes(r, self.classes))
        room = COLUMNS // len(r.tape.values)
        self.changes = [Change("right", "", {}), *self.cuts, *found][:room]
        self.G = gradients(r, dy, self.classes, self.changes)
        self.right = {n: self.G[n][0] for n in self.A}

    def same(self, name: str, b: Array) -> bool:
        a = self.A[name]
        size = max(np.abs(a).max(initial=0), np.abs(self.right[name]).max(initial=0))
        return bool(np.abs(a - b).max(initial=0) <= 1e-7 * size)

    @property
    def wrong(self) -> list[str]:
        return [n for n in self.A if not self.same(n, self.right[n])]

    def matches(self) -> dict[tuple[str, str], set[str]]:
        """The tensors that each change explains."""
        found: dict[tuple[str, str], set[str]] = defaultdict(set)
        wrong = self.wrong
        for m, change in enumerate(self.changes[1:], start=1):
            fits = {n for n in wrong if self.same(n, self.G[n][m])}
            if fits:
                found[change.kind, change.text] |= fits
        return found

    def weights(self) -> Iterator[tuple[tuple[str, ...], dict[str, float], set[str]]]:
        """Weights of the paths that leave one place, such that backward is their sum."""
        groups: dict[int, list[int]] = defaultdict(list)
        for m, key in enumerate(self.classes, start=1):
            groups[key[0]].append(m)
        singles = [[m] for ms in groups.values() for m in ms]
        wrong = self.wrong
        sets = [set(wrong)] + [{n} for n in wrong if len(wrong) > 1]
        for tensors in sets:
            if not tensors:
                continue
            for ms in singles + [g for g in groups.values() if 2 <= len(g) <= 6]:
                w = self.fit(ms, sorted(tensors))
                if w is not None:
                    yield tuple(self.changes[m].text for m in ms), dict(zip([self.changes[m].text for m in ms], w)), tensors

    def fit(self, ms: list[int], tensors: list[str]) -> Array | None:
        d = np.concatenate([(self.A[n] - self.right[n]).reshape(-1) for n in tensors])
        C = np.stack([np.concatenate([(self.right[n] - self.G[n][m]).reshape(-1) for n in tensors]) for m in ms], axis=1)
        if len(d) < len(ms) + 2 or np.linalg.matrix_rank(C, tol=1e-9 * np.abs(C).max(initial=1e-300)) < len(ms):
            return None
        w = np.linalg.lstsq(C, d, rcond=None)[0]
        if not np.all(np.isfinite(w)):
            return None
        at = 0
        for n in tensors:
            size = self.A[n].size
            if not self.same(n, self.right[n] + (C[at : at + size] @ w).reshape(self.A[n].shape)):
                return None
            at += size
        return 1 + w


def explain(problem: Problem, baseline: Baseline) -> list[Explanation]:
    try:
        with np.errstate(all="ignore"):
            first = Draw(problem, baseline.dy, baseline.grads)
    except Exception as e:
        return []
    return [Explanation(k, t, tuple(sorted(v))) for (k, t), v in first.matches().items()] + [
        Explanation("weights", str(w), tuple(sorted(t))) for _, w, t in first.weights()]
