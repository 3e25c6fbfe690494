"""What other gradient checkers miss: their rules, re-stated in a few lines each, on the collection
of wrong and correct gradients.

    python benchmarks/checkers.py [--seeds 20]

Each rule sees the same target in the same form and says ok or not. Wanted: 0 % of the bugs pass, 0
% of the correct ones fail. These are the rules, not the projects' code: step, cotangent, sampling
and tolerance as read in their sources.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from tinyae.checking import gradcheck
from tinyae.checking.adapters import Problem, as_problem
from tinyae.known_bugs import BUGS, CORRECT

Array = np.ndarray


def numeric(
    problem: Problem, name: str, i: int, dy: Array, h: float, one_sided: bool = False
) -> float:
    flat = problem.tensors[name].reshape(-1)
    before = flat[i]
    flat[i] = before + h
    up = (problem.forward()[0] * dy).sum()
    flat[i] = before if one_sided else before - h
    down = (problem.forward()[0] * dy).sum()
    flat[i] = before
    return float((up - down) / (h if one_sided else 2 * h))


def compare(
    problem: Problem,
    dy: Array,
    close: Callable[[Array, Array], bool],
    h: float,
    entries: Any,
    one_sided=False,
) -> bool:
    """backward once, differences at the entries that the rule looks at, and its idea of close."""
    grads = problem.backward(dy.copy(), problem.forward()[1])
    for name, v in problem.tensors.items():
        g = np.asarray(grads[name]).reshape(-1)
        index = entries(v.size)
        if not close(
            g[index], np.array([numeric(problem, name, i, dy, h, one_sided) for i in index])
        ):
            return False
    return True


def every(size: int) -> Array:  # at most 300, or the large specimens would take all day
    return (
        np.arange(size)
        if size <= 300
        else np.random.default_rng(0).choice(size, 300, replace=False)
    )


def ones(problem: Problem) -> Array:
    return np.ones_like(problem.forward()[0])


def random(problem: Problem) -> Array:
    y = problem.forward()[0]
    return (
        np.ones(()) if problem.scalar else np.random.default_rng(1).standard_normal(y.shape)
    )  # a loss has no cotangent


def one_random(size: int) -> Array:
    return np.random.default_rng(0).integers(0, size, 1)


def allclose(rtol: float, atol: float) -> Callable[[Array, Array], bool]:
    return lambda a, n: bool(np.allclose(a, n, rtol=rtol, atol=atol))


def relative(limit: float, floor: float) -> Callable[[Array, Array], bool]:
    return lambda a, n: bool(
        np.all(np.abs(a - n) <= limit * np.maximum(floor, np.abs(a) + np.abs(n)))
    )


def ones_allclose(problem: Problem) -> bool:
    """Cotangent of ones, every entry, np.allclose with rtol = 1e-4 and atol = 1e-5 (dezero)."""
    return compare(problem, ones(problem), allclose(1e-4, 1e-5), 1e-4, every)


def ones_one_entry(problem: Problem) -> bool:
    """Cotangent of ones, one sampled entry of each tensor, tolerance 1e-2 (minitorch)."""
    return compare(problem, ones(problem), allclose(1e-2, 1e-2), 1e-6, one_random)


def random_norm(problem: Problem) -> bool:
    """Random cotangent, the sum of all errors below 1e-2 (as in some homework graders)."""
    return compare(
        problem, random(problem), lambda a, n: float(np.abs(a - n).sum()) < 1e-2, 1e-5, every
    )


def random_relative(problem: Problem) -> bool:
    """Random cotangent, |a − n| / max(1e-8, |a| + |n|) below 1e-6 (cs231n's rel_error, the limit
    set by eye)."""
    return compare(problem, random(problem), relative(1e-6, 1e-8), 1e-5, every)


def random_allclose(problem: Problem) -> bool:
    """Random cotangent, every entry, atol = 1e-5, rtol = 1e-3, step 1e-6
    (torch.autograd.gradcheck's defaults)."""
    return compare(problem, random(problem), allclose(1e-3, 1e-5), 1e-6, every)


def one_direction(problem: Problem) -> bool:
    """Random cotangent, one random direction over all tensors, atol = rtol = 1e-6 (autograd's and
    jax's way)."""
    rng = np.random.default_rng(1)
    dy, (_, cache) = random(problem), problem.forward()
    grads = problem.backward(dy.copy(), cache)
    u = {n: rng.standard_normal(v.shape) for n, v in problem.tensors.items()}
    claim, ends = sum(float((np.asarray(grads[n]) * u[n]).sum()) for n in u), []
    for h in (1e-6, -1e-6):
        for n, v in problem.tensors.items():
            v += h * u[n]
        ends.append(float((problem.forward()[0] * dy).sum()))
        for n, v in problem.tensors.items():
            v -= h * u[n]
    return bool(np.isclose(claim, (ends[0] - ends[1]) / 2e-6, rtol=1e-6, atol=1e-6))


RIVALS = {
    "ones, allclose": ones_allclose,
    "ones, 1 entry": ones_one_entry,
    "sum of errors": random_norm,
    "relative 1e-6": random_relative,
    "allclose 1e-5": random_allclose,
    "1 direction": one_direction,
}


def accepts(rule: Callable[[Problem], bool], target: Any, inputs: Any) -> bool:
    try:
        with np.errstate(all="ignore"):
            return rule(as_problem(target, inputs))
    except (
        Exception
    ):  # a missing name, another shape: they stumble over it, which counts as noticed
        return False


def table(seeds: int = 20) -> tuple[list[list[str]], dict[str, float]]:
    """Rows of the table, and tinyae's own figures."""
    rules: dict[str, Callable[[Any, Any], bool]] = {
        n: (lambda t, i, r=r: accepts(r, t, i)) for n, r in RIVALS.items()
    }
    rows, caught, right, hints = [], dict.fromkeys([*rules, "tinyae"], 0), 0, 0
    for bug in BUGS:
        noticed = dict.fromkeys(caught, 0)
        for seed in range(seeds):
            for name, rule in rules.items():
                noticed[name] += not rule(*bug.make(seed))
            target, inputs = bug.make(seed)
            report = gradcheck(target, *inputs, seed=seed)
            noticed["tinyae"] += not report.ok
            said = [h.kind for h in report.hints] + [f.kind for f in report.findings]
            right, hints = right + any(k in bug.hints for k in said), hints + 1
        caught = {n: caught[n] + noticed[n] for n in caught}
        rows.append([bug.name] + [f"{100 * noticed[n] / seeds:.0f}" for n in caught])
    alarms = dict.fromkeys(caught, 0)
    for example in CORRECT:
        noticed = dict.fromkeys(caught, 0)
        for seed in range(seeds):
            for name, rule in rules.items():
                noticed[name] += not rule(*example.make(seed))
            target, inputs = example.make(seed)
            noticed["tinyae"] += not gradcheck(target, *inputs, seed=seed).ok
        alarms = {n: alarms[n] + noticed[n] for n in alarms}
        if any(noticed.values()):
            rows.append(
                [f"correct: {example.name}"] + [f"{100 * noticed[n] / seeds:.0f}" for n in alarms]
            )
    rows.append(
        ["ALL BUGS CAUGHT, %"] + [f"{100 * caught[n] / seeds / len(BUGS):.1f}" for n in caught]
    )
    rows.append(
        ["FALSE ALARMS, %"] + [f"{100 * alarms[n] / seeds / len(CORRECT):.1f}" for n in alarms]
    )
    return rows, {
        "caught": caught["tinyae"] / seeds / len(BUGS),
        "alarms": alarms["tinyae"] / seeds / len(CORRECT),
        "right hints": right / hints,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20, help="random draws of each example")
    seeds, start = parser.parse_args().seeds, time.perf_counter()
    rows, own = table(seeds)
    names = ["% of draws rejected", *RIVALS, "tinyae"]
    width = max(len(r[0]) for r in rows)
    print(f"{names[0]:<{width}}  " + "  ".join(f"{n:>14}" for n in names[1:]))
    for row in rows:
        print(f"{row[0]:<{width}}  " + "  ".join(f"{c:>14}" for c in row[1:]))
    print(
        f"{len(BUGS)} bugs, {len(CORRECT)} correct targets, {seeds} draws each, "
        f"{time.perf_counter() - start:.0f} s; "
        f"tinyae names the expected cause of {100 * own['right hints']:.1f} % of the bugs"
    )


if __name__ == "__main__":
    main()
