"""Which wrong step of the chain rule gives exactly what backward returns?

``recording`` notes forward's operations, ``mistakes`` changes their chain rule in one place. A
change explains a gradient if its values are backward's, to 7 digits in every entry, on two draws of
inputs, parameters and dy. So a hint from here is hardly ever an accident.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from tinyae.checking.baseline import Baseline, cotangent
from tinyae.checking.diagnosis.arrangement import rearrangements
from tinyae.checking.diagnosis.changes import Change, Key, edges, gradients
from tinyae.checking.diagnosis.mistakes import cut, mistakes, share
from tinyae.checking.diagnosis.recording import record
from tinyae.checking.diagnosis.values import name_of_weight
from tinyae.checking.problem import Problem
from tinyae.checking.report import Report, TensorReport

Array = np.ndarray
ROOM = 8_000_000  # operations times changes: further changes are left out
ORDER = (  # the simplest explanation first
    "missing path",
    "factor missing",
    "mask missing",
    "sides swapped",
    "slope missing",
    "weight",
    "overwritten sum",
    "one example",
    "slope twice",
    "power",
    "foreign slope",
    "slope at output",
    "another array",
    "diagonal",
    "wrong axes",
    "constant",
    "permutation",
    "loop",
    "rerouted",
)


@dataclass
class Explanation:
    kind: str
    text: str
    tensors: set[str]  # the wrong tensors that it explains
    right: int  # how many others it leaves right
    position: int  # later in forward


class Draw:
    """The target at one point: backward's gradients, the right ones, and those of each change."""

    def __init__(self, problem: Problem, dy: Array, grads: dict[str, Array]) -> None:
        self.problem, self.dy = problem, dy
        self.values = {n: v.copy() for n, v in problem.tensors.items()}
        self.record = r = record(problem, self.values)
        self.A = {n: g for n, g in grads.items() if n in r.leaves and g.shape == r.leaves[n].shape}
        self.classes = edges(r)
        self.room = ROOM // len(r.tape.values)
        self.cuts = [cut(r, key, members) for key, members in self.classes.items()][: self.room]
        self.G = gradients(r, dy, self.classes, [Change("right", ""), *self.cuts])
        self.right = {n: self.G[n][0] for n in self.A}
        self.wrong = [n for n in self.A if not self.fits(n, self.right[n])]
        self.idle = self.idle_maxima()

    def fits(self, name: str, b: Array) -> bool:
        """Is b backward's gradient of this tensor?"""
        a = self.A[name]
        size = max(np.abs(a).max(initial=0), np.abs(self.right[name]).max(initial=0))
        return bool(np.abs(a - b).max(initial=0) <= 1e-7 * size)

    def idle_maxima(self) -> dict[tuple[int, int, int], Array]:
        """x − max(x) in a softmax: the path through the maximum cancels, nobody writes it."""
        tape, idle = self.record.tape, {}
        for m, (key, members) in enumerate(self.classes.items(), start=1):
            if m <= len(self.cuts) and key[2] == 1 and tape.ops[members[0][0]] == "sub":
                gaps = [np.abs(self.G[n][m] - g).max() for n, g in self.right.items()]
                if max(gaps) <= 1e-9 * max(np.abs(g).max() for g in self.right.values()):
                    idle[key] = np.zeros(len(members))
        return idle

    def all_changes(self) -> Iterator[Explanation]:
        found = [*self.cuts, *mistakes(self.record, self.classes, self.dy)][: self.room]
        for change in found:
            change.slopes = self.idle | change.slopes
        G = gradients(self.record, self.dy, self.classes, found)
        for m, change in enumerate(found):
            yield self.explanation(change, {n: G[n][m] for n in self.A})
        yield from self.rearranged(G)

    def explanation(self, change: Change, values: dict[str, Array]) -> Explanation:
        fits = {n for n in self.A if self.fits(n, values.get(n, self.right[n]))}
        own = change.slopes.keys() - self.idle.keys()
        wrong = fits & set(self.wrong)
        at = max((self.classes[key][0][0] for key in own), default=0)
        return Explanation(change.kind, change.text, wrong, len(fits) - len(wrong), at)

    def rearranged(self, G: dict[str, Array]) -> Iterator[Explanation]:
        """The share of one of several paths is transposed or flipped."""
        for m, key in enumerate(list(self.classes)[: len(self.cuts)]):
            name = self.record.names[key[0]]
            if not self.record.is_leaf(key[0]) or name not in self.wrong:
                continue
            rest = G[name][m]
            for kind, told, other in rearrangements(self.right[name] - rest):
                if other.shape == rest.shape and rest.any():
                    text = f"{self.path(key)} is right after {told}"
                    yield self.explanation(
                        Change(kind, text, self.cuts[m].slopes), {name: rest + other}
                    )

    def path(self, key: Key) -> str:
        return share(self.record, key, self.classes[key][0][0])

    def weights(self, count: int) -> Iterator[Explanation]:
        """Backward counts one or two of the paths with a weight other than 1: 0, −1, 2, N, ..."""
        few = list(zip(self.classes, self.cuts, strict=False))[: 60 if count == 1 else 30]
        chosen = list(combinations(range(len(few)), count))[: self.room]
        left = [Change("", "", few[c[0]][1].slopes | few[c[-1]][1].slopes) for c in chosen]
        G = gradients(self.record, self.dy, self.classes, left) if count > 1 else {}
        for tensors in [self.wrong] + [[n] for n in self.wrong if len(self.wrong) > 1]:
            for m, places in enumerate(chosen):
                basis = {n: [self.right[n] - self.G[n][i + 1] for i in places] for n in self.A}
                if count > 1:  # both at once; what goes along both counts with both weights
                    for n in basis:
                        basis[n].append(sum(basis[n]) - self.right[n] + G[n][m])
                w = self.solve(tensors, {n: basis[n] for n in tensors}, count)
                whole = all(np.abs(self.G[n][places[0] + 1]).max(initial=0) == 0 for n in tensors)
                if w is None or (whole and count == len(tensors) == 1):
                    continue  # all of it is off by a factor: ``factor`` says that
                told = [
                    f"{self.path(few[i][0])} {name_of_weight(1 + a, self.problem, self.dy.shape)}"
                    for i, a in zip(places, w, strict=True)
                ]
                at = max(self.classes[few[i][0]][0][0] for i in places)
                simple = len(set(w.round(6))) == 1 or all(
                    round(float(a), 6) in (-1, -2, 1) for a in w
                )
                kind = "weight" if simple else "two weights"
                still = sum(
                    n not in self.wrong and all(np.abs(b).max(initial=0) == 0 for b in basis[n])
                    for n in self.A
                )
                yield Explanation(kind, ", and ".join(told), set(tensors), still, at)

    def solve(self, tensors: list[str], basis: dict[str, list[Array]], count: int) -> Array | None:
        """w with backward − right = Σ w·basis; of three, the last one is −w₀w₁."""
        columns = zip(*(basis[n] for n in tensors), strict=True)
        C = np.stack([np.concatenate([c.reshape(-1) for c in cs]) for cs in columns], axis=1)
        d = np.concatenate([(self.A[n] - self.right[n]).reshape(-1) for n in tensors])
        size = np.abs(C).max(axis=0, initial=0)
        if not np.isfinite(C).all() or len(d) < C.shape[1] + 3 or size[:count].min() == 0:
            return None
        C = C[:, size > 1e-9 * size.max()]
        w, _, rank, _ = np.linalg.lstsq(C / np.abs(C).max(axis=0), d, rcond=1e-9)
        w = w / np.abs(C).max(axis=0)
        if rank < C.shape[1] or C.shape[1] < count or np.abs(w).min() < 1e-6:
            return None
        if len(w) == 3 and abs(w[2] + w[0] * w[1]) > 1e-6 * abs(w[2]):
            return None
        parts = np.split(C @ w, np.cumsum([self.A[n].size for n in tensors])[:-1])
        fits = (
            self.fits(n, self.right[n] + part.reshape(self.A[n].shape))
            for n, part in zip(tensors, parts, strict=True)
        )
        return w[:count] if all(fits) else None

    def constants(self) -> Iterator[Explanation]:
        """The gradient of forward without a constant that it adds, such as ε."""
        tape = self.record.tape
        added = dict.fromkeys(
            tape.sites[k]
            for k, op in enumerate(tape.ops)
            if op == "add" and min(tape.parents[k]) < 0
        )
        for site in list(added)[:20]:
            r = record(self.problem, self.values, dropped=site)
            G = gradients(r, self.dy, {}, [Change("right", "")])
            text = f"the constant in `{self.record.names[site]}` is left out (an epsilon)"
            yield self.explanation(Change("constant", text), {n: G[n][0] for n in self.A})

    def fixed_ratio(self, other: Draw, names: set[str]) -> Iterator[Explanation]:
        """backward / numeric is an array that depends neither on the inputs nor on dy."""
        for name in names:
            one, two = (d.A[name] / d.right[name] for d in (self, other))
            irregular = len(np.unique(one.round(6))) > one.size / 2 and one.all()
            if irregular and np.isfinite(one).all() and np.allclose(one, two, rtol=1e-6):
                shown = ", ".join(f"{a:.3g}" for a in one.reshape(-1)[:4])
                text = (
                    f"a fixed factor of each entry ({shown}, ...), which depends neither on the "
                    "inputs nor on dy: another random draw than forward's (noise, a mask), or "
                    "weights that are left out"
                )
                yield Explanation("another draw", text, {name}, 0, 0)


def explain(problem: Problem, baseline: Baseline, report: Report) -> dict[str, tuple[str, str]]:
    """For each wrong tensor that one wrong step explains: the kind of step, and a sentence."""
    try:
        with np.errstate(all="ignore"):
            first = Draw(problem, baseline.dy, baseline.grads)
            if not all(
                _agrees(row, first.right[row.name]) for row in report.tensors if row.entries
            ):
                return {}
            return _choose(_confirmed(first, baseline))
    except Exception:
        return {}  # forward does not run on traced numbers, or is too large


def _agrees(row: TensorReport, right: Array) -> bool:
    """Did the recording see all of forward? Its gradient is the numeric one."""
    seen = ~row.having("kink")
    N, slack = row.numeric_values[seen], [v.uncertainty for _, _, v in row.entries]
    gap = np.abs(right.reshape(-1)[row.index[seen]] - N)
    return bool(np.all(gap <= 1e-4 * np.abs(N).max(initial=0) + 10 * np.array(slack)[seen]))


def _confirmed(first: Draw, baseline: Baseline) -> list[Explanation]:
    """What explains backward on two draws."""
    second = None
    left, out = set(first.wrong), []
    for stage in (
        lambda draw: [*draw.all_changes(), *draw.weights(1)],
        lambda draw: draw.weights(2),
        lambda draw: draw.constants(),
    ):
        found = [e for e in stage(first) if e.tensors & left] if left else []
        if not found:
            continue
        second = second or _another(first.problem, baseline)
        again: dict[tuple[str, str], set[str]] = defaultdict(set)
        for e in stage(second):
            again[e.kind, e.text] |= e.tensors
        for e in found:
            e.tensors &= again[e.kind, e.text]
            left -= e.tensors
            out += [e] if e.tensors else []
    if left:
        out += first.fixed_ratio(second or _another(first.problem, baseline), left)
    return out


def _another(problem: Problem, baseline: Baseline) -> Draw:
    """The target at a point nearby, with another dy."""
    rng = np.random.default_rng(1)
    try:
        for v in problem.tensors.values():
            v *= 1 + 0.01 * rng.uniform(-1, 1, v.shape)
        np.random.seed(0)  # noqa: NPY002
        y, cache = problem.forward()
        dy = np.ones(()) if problem.scalar else cotangent(rng, y)
        grads = {
            n: np.array(g) for n, g in problem.backward(dy.copy(), cache).items() if g is not None
        }
        return Draw(problem, dy, grads)
    finally:
        for name, v in problem.tensors.items():
            v[...] = baseline.originals[name]


def _choose(found: list[Explanation]) -> dict[str, tuple[str, str]]:
    """The explanation of most tensors for each; of several, the simplest one, closest to y."""
    chosen: dict[str, tuple[str, str]] = {}
    rank = {kind: i for i, kind in enumerate(ORDER)}
    while found:
        alike: dict[str, set[str]] = defaultdict(set)  # a mistake made in several places
        for e in found:
            alike[e.kind] |= e.tensors
        best = max(
            found,
            key=lambda e: (
                len(e.tensors),
                len(alike[e.kind]),
                e.right,
                -rank.get(e.kind, 99),
                e.position,
            ),
        )
        chosen |= {n: (best.kind, best.text) for n in best.tensors}
        for e in found:
            e.tensors = e.tensors - chosen.keys()
        found = [e for e in found if e.tensors]
    return chosen
