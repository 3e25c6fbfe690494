"""The check of one tensor of a target, entry by entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from tinyae.checking import baseline as baselines
from tinyae.checking import contract, numeric
from tinyae.checking.exact import Proof
from tinyae.checking.problem import Problem
from tinyae.checking.report import TensorReport
from tinyae.checking.rounding import rounding_of

Array = np.ndarray
LARGE = 100_000  # entries of all tensors together


@dataclass(frozen=True)
class Rules:
    """How a target is checked. The defaults are those of ``gradcheck``."""

    method: str = "central"
    step: float = numeric.STEPS["central"]  # relative: an entry v moves by step·max(1, |v|)
    rtol: float = 1e-6
    max_entries: int = 1000
    samples: int = 200
    directions: int = 8


@dataclass
class Check:
    """A target and the rules to check it by. ``tensor(name)`` checks one of its tensors."""

    problem: Problem
    baseline: baselines.Baseline
    rng: np.random.Generator
    rules: Rules = Rules()
    complex_copy: Problem | None = None  # the same target in complex numbers, for the complex step
    careful: bool = False  # compare everything with the rounding of intermediate results

    def exactly(self, name: str, proof: Proof, rtol: float) -> TensorReport:
        """The verdict of exact arithmetic, if there is one. If it says no, finite differences show
        which entries are wrong, and whether a kink is the reason."""
        residual = (proof.residuals or {}).get(name)
        if residual is None or residual > rtol:
            row = self.tensor(name)
            if residual is not None and row.verdict == "ok" and not row.kinks:
                row.verdict = "WRONG"
                row.note = (
                    f"relative error {residual:.1e} along a random direction, by exact arithmetic"
                )
            return row
        row = TensorReport(name, self.problem.tensors[name].shape, worst=residual, exact=True)
        return row

    def tensor(self, name: str) -> TensorReport:
        v, gradient = self.problem.tensors[name], self.baseline.grads.get(name)
        row = TensorReport(name, v.shape)
        refused = baselines.invalid(v, gradient) or (
            "" if self.baseline.repeatable else "UNCHECKED  forward does not repeat"
        )
        if refused:
            row.verdict, _, row.note = refused.partition("  ")
            return row
        assert gradient is not None  # invalid() has refused it
        flat = gradient.reshape(-1)
        if self.rules.method == "directions":
            for _ in range(self.rules.directions):
                row.directions.append(self.direction(name, flat, slice(None)))
        else:
            most, samples = self.sampling
            picked = [*numeric.pick(v.size, most, samples, self.rng)]
            self.announce_entries(name, picked)
            for i in picked:
                row.add(i, float(flat[i]), self.entry(name, i, flat))
            if v.size > most:
                row.directions.append(self.direction(name, flat, slice(None)))
        if any(d.state == "wrong" for d in row.directions) and not row.wrong.any():
            found = numeric.bisect(
                v.size, lambda part: self.direction(name, flat, part).state == "wrong"
            )
            for (
                i
            ) in found:  # the direction is off though no sampled entry is: the culprit, by halving
                row.add(i, float(flat[i]), self.entry(name, i, flat))
        if name in self.problem.inputs:
            row.ties = list(self.ties(name, flat, row))
        row.conclude()
        if row.verdict in ("KINKS", "NOISY") and not self.careful:
            return replace(self, careful=True).tensor(name)  # or is it rounding?
        return row

    @property
    def sampling(self) -> tuple[int, int]:
        """(the size from which on a tensor is sampled, the number of samples). Each evaluation of a
        large target takes long, so there the samples are shared among its tensors, unless the user
        asks for another ``max_entries``."""
        sizes = [v.size for v in self.problem.tensors.values()]
        if sum(sizes) <= LARGE or self.rules.max_entries != Rules.max_entries:
            return self.rules.max_entries, self.rules.samples
        samples = min(self.rules.samples, max(20, 8 * self.rules.samples // len(sizes)))
        return samples, samples

    def ties(
        self, name: str, gradient: Array, row: TensorReport
    ) -> Iterator[tuple[Array, float, Any]]:
        """Kinks at entries with equal values, such as two maxima of one window. The function is
        smooth if they move together, so the sum of their gradients can be checked."""
        kinks = row.index[row.having("kink")] if row.entries else np.zeros(0, int)
        values = self.problem.tensors[name].reshape(-1)[kinks]
        for value in np.unique(values)[:20]:
            where = kinks[values == value]
            if len(where) > 1:
                analytic = float(gradient[where].sum())
                u = np.ones(len(where))
                size = max(1.0, abs(float(value)))
                yield where, analytic, self.judge(analytic, name, where, u, size)

    def away_from_kinks(self, rows: list[TensorReport]) -> list[TensorReport]:
        """Check tensors that are at kinks once more, with the parameters moved a little.

        With zero biases, the black pixels of an image put every pre-activation exactly at ReLU's
        kink. The formulas in backward are the same next to the kink, so they are checked there. The
        inputs do not move: they are the user's choice.
        """
        parameters = [n for n in self.problem.tensors if n not in self.problem.inputs]
        for name in parameters:
            v = self.problem.tensors[name]
            v += self.rng.uniform(0.01, 0.03, v.shape) * self.rng.choice([-1.0, 1.0], v.shape)
        baseline = contract.measure_baseline(self.problem, self.rng)
        rules = replace(self.rules, method="central", step=numeric.STEPS["central"])
        moved = replace(self, baseline=baseline, complex_copy=None, rules=rules)
        out = []
        for row in rows:
            again = moved.tensor(row.name) if row.verdict == "KINKS" and parameters else row
            if again.verdict == "ok" and again is not row:
                again.note = f"after moving the parameters: {row.kinks} entries were at a kink"
            out.append(row if again.verdict == "KINKS" else again)
        for name in parameters:
            self.problem.tensors[name][...] = self.baseline.originals[name]
        return out

    def announce_entries(self, name: str, picked: list[int]) -> None:
        """Announce the outputs of the first look at each of these entries."""
        problem, v = self.complex_copy or self.problem, self.problem.tensors[name].reshape(-1)
        for i in picked if problem.announce else ():
            h = self.rules.step * (max(1.0, abs(float(v[i]))) if problem is self.problem else 1.0)
            self.announce(problem, name, i, [p * h for p in numeric.POINTS[self.rules.method]])

    def announce(self, problem: Problem, name: str, i: Any, steps: list[Any]) -> None:
        """Say which values one entry will have next: a target in another process computes many
        outputs at a time."""
        if problem.announce is not None:
            problem.announce(name, i, problem.tensors[name].flat[i] + np.array(steps))

    def entry(self, name: str, i: int, gradient: Array) -> numeric.Verdict:
        """Judge the derivative with respect to one entry of one tensor."""
        v = self.problem.tensors[name]
        size = max(1.0, abs(float(v.reshape(-1)[i])))
        scale = 1e-7 * float(
            np.abs(gradient).max()
        )  # 1e-13 of the largest entry is rounding, in whatever comes after
        fine = min(1.0, float(np.sqrt(np.mean(v**2)))) / size
        verdict = self.judge(float(gradient[i]), name, i, 1.0, size, scale, fine)
        if self.baseline.y.size * min(v.size, self.rules.max_entries) > 4_000_000:
            verdict.column = None  # the diagnosis would like it, but that is a lot of memory
        return verdict

    def direction(self, name: str, gradient: Array, part: slice) -> numeric.Verdict:
        """Judge the derivative along random signs on a part of one tensor: all its entries in two
        evaluations."""
        v = self.problem.tensors[name].reshape(-1)[part]
        u = self.rng.choice([-1.0, 1.0], v.size) * np.maximum(1, np.abs(v))
        terms = gradient[part] * u
        return self.judge(
            float(terms.sum()), name, part, u, 1.0, scale=float(np.sqrt((terms**2).sum()))
        )

    def judge(
        self,
        analytic: float,
        name: str,
        where: Any,
        u: Any,
        size: float,
        scale: float = 0.0,
        fine: float = 0.0,
    ) -> numeric.Verdict:
        y, dy = self.baseline.y, self.baseline.dy
        probe = self.probe(self.problem, name, where, u)
        if self.complex_copy is not None:
            first = numeric.complex_step(
                self.probe(self.complex_copy, name, where, u), y, dy, self.rules.step
            )
            h = numeric.STEPS["central"] * size
        else:
            h = self.rules.step * size
            first = numeric.ESTIMATES[self.rules.method](probe, y, dy, h)
            h = min(h, numeric.STEPS["central"] * size) if self.rules.method != "central" else h
        position = size if np.isscalar(where) else 0.0

        made_of = 0.0  # the size of what the output was made of, where it matters

        def look(factors: list[float]) -> list[numeric.Slope]:
            if np.isscalar(where):
                self.announce(
                    self.problem, name, where, [s * f * h for f in factors for s in (1, -1)]
                )
            return [numeric.central(probe, y, dy, f * h, position, made_of) for f in factors]

        if self.complex_copy is not None:
            return numeric.judge_exactly(analytic, first, self.rules.rtol, look)
        fine = fine if fine < 0.2 else 0.0
        verdict = numeric.judge(analytic, first, look, self.rules.rtol, scale, fine)
        if verdict.state != "wrong" and not self.careful:
            return verdict
        # Is it large enough to be seen above the rounding of what both numbers were made of?
        made_of, gradients = self.rounding
        own = gradients.get(name, 0.0) * float(np.sum(np.abs(u)))
        scale = max(scale, own / self.rules.rtol)
        return numeric.judge(analytic, look([1.0])[0], look, self.rules.rtol, scale, fine)

    @cached_property
    def rounding(self) -> tuple[float, dict[str, float]]:
        """What rounding can do to s, and to each gradient. Asked for where something looks
        wrong."""
        grads = self.baseline.grads
        own = {
            name: moved / 10
            for name, moved in contract.rounding(self).items()
            if moved < np.abs(grads[name]).max(initial=0)  # more is a kink, such as a tie
        }
        return rounding_of(self.problem, self.baseline)[0], own

    def probe(self, problem: Problem, name: str, where: Any, u: Any) -> Callable[[Any], Array]:
        """The output as a function of t, with ``tensor[where]`` moved by t·u. NaN if the target
        raises an exception there."""
        flat = problem.tensors[name].reshape(-1)
        before = flat[where].copy()

        def at(t: Any) -> Array:
            flat[where] = before + t * u
            try:
                if self.baseline.uses_global_rng:
                    np.random.seed(0)  # noqa: NPY002  the same noise each time
                return problem.forward()[
                    0
                ].copy()  # a copy: y may be a view of x, which is about to move back
            except (
                Exception
            ):  # the edge of the target's domain, log(0) say: it did not throw where v stands
                return np.full(self.baseline.y.shape, np.nan)
            finally:
                flat[where] = before
                if self.baseline.mutates_inputs:
                    baselines.put_back(problem, self.baseline)

        return at
