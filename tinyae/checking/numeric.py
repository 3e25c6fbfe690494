"""Numerical derivatives: from the outputs at a few points of a line to the slope at its center, and
how far to trust it.

A ``probe`` is the target along one line through its tensors: ``probe(t)`` is the output y at v +
t·u. With a cotangent dy, the scalar to differentiate is s(t) = Σ y(t)·dy. The differences are taken
for each output and summed afterward, so that outputs that do not move contribute no rounding
errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

Array = np.ndarray
Probe = Callable[[Any], Array]
EPS = float(np.finfo(np.float64).eps)

# The step that balances truncation against rounding: h^p = eps/h, p the order of the method's
# truncation error.
STEPS = {
    "central": EPS ** (1 / 3),
    "forward": EPS ** (1 / 2),
    "richardson": EPS ** (1 / 5),
    "complex": 1e-30,
    "directions": EPS ** (1 / 3),
}
STEP_FACTORS = (64, 8, 1, 1 / 8, 1 / 64, 1 / 512)  # multiples of the step, for refining


@dataclass
class Slope:
    value: float  # ds/dt
    # Σ |right slope − left slope| over the outputs: about h·|s''| where s is smooth, constant at a
    # kink
    jump: float
    noise: float  # what rounding alone can do to value
    column: Array | None = None  # dy_i/dt for each output


def central(
    probe: Probe, y: Array, dy: Array, h: float, position: float = 0.0, rounding: float = 0.0
) -> Slope:
    """``(s(h) − s(−h)) / 2h``, truncation error h² s'''/6.

    The noise floor is computed: every output has a relative rounding error of a few eps, and
    dividing by h magnifies it. That gives 20 eps·Σ|y·dy|/h for the outputs that moved. For the
    others it is below one eps, or they would have moved. ``position`` is |v|: v ± h is rounded too,
    which makes the step itself uncertain by eps·|v|. ``rounding`` is what rounding can do to s
    where that is known, see ``rounding_of``.
    """
    up, down = probe(h), probe(-h)
    change = up - down
    value = float((change * dy).sum() / (2 * h))
    size = np.maximum(np.abs(up), np.abs(down)) * np.abs(dy)
    return Slope(
        value=value,
        jump=float((np.abs((up - y) - (y - down)) * np.abs(dy)).sum() / h),
        noise=float(
            (EPS * (20 * (size[change != 0].sum() + abs(value) * position) + size.sum()) + rounding)
            / h
        ),
        column=change / (2 * h),
    )


def forward(probe: Probe, y: Array, dy: Array, h: float) -> Slope:
    """``(s(h) − s(0)) / h``: one evaluation, truncation error h s''/2, so about half of the
    digits."""
    up = probe(h)
    change, size = up - y, np.maximum(np.abs(up), np.abs(y)) * np.abs(dy)
    noise = EPS * (40 * size[change != 0].sum() + 2 * size.sum()) / h
    return Slope(float((change * dy).sum() / h), 0.0, float(noise), change / h)


def richardson(probe: Probe, y: Array, dy: Array, h: float) -> Slope:
    """``(4 D(h) − D(2h)) / 3`` of two central differences D: their h² errors cancel, and h⁴ s⁽⁵⁾/30
    remains."""
    near, far = central(probe, y, dy, h), central(probe, y, dy, 2 * h)
    value = (4 * near.value - far.value) / 3
    assert near.column is not None and far.column is not None
    return Slope(value, near.jump, 2 * near.noise, (4 * near.column - far.column) / 3)


def complex_step(probe: Probe, y: Array, dy: Array, h: float) -> Slope:
    """``Im s(ih) / h``: nothing is subtracted, so h can be 1e-30, and the error is that of s itself
    (Squire & Trapp 1998).

    ``probe`` must accept an imaginary t: the target runs in complex numbers and must be analytic.
    """
    column = np.imag(probe(1j * h)) / h
    return Slope(
        float((column * dy).sum()), 0.0, float(20 * EPS * np.abs(column * dy).sum()), column
    )


# where they look, as multiples of the step
POINTS = {"central": (1, -1), "forward": (1,), "richardson": (1, -1, 2, -2), "complex": (1j,)}
ESTIMATES = {
    "central": central,
    "forward": forward,
    "richardson": richardson,
    "directions": central,
}


@dataclass
class Verdict:
    # "ok", "wrong", "kink", or "unresolved": right as far as can be seen, but rounding hides most
    state: str
    numeric: float
    uncertainty: float = 0.0  # of the numeric value
    noisy: bool = False  # the differences vary far more than the computed noise floor
    column: Array | None = None  # dy_i/dt for each output


def judge(
    analytic: float,
    first: Slope,
    look: Callable[[list[float]], list[Slope]],
    rtol: float,
    scale: float = 0.0,
    fine: float = 0.0,
) -> Verdict:
    """Is this the slope? Unless the first estimate clearly agrees, look at other steps before
    complaining.

    Args:
        look: ``look(factors)`` are the central differences at these multiples of the usual step.
        scale: differences below this size do not count. For a sum of many entries, it is the size
            of a typical such sum.
        fine: another factor to try, for very small or very large values, where the usual step can
            be far larger than the scale on which the function changes (0 for none).
    """
    size = max(abs(analytic), abs(first.value), scale)
    if abs(analytic - first.value) <= rtol * size + first.noise and first.noise <= size / 10:
        return Verdict("ok", first.value, first.noise, column=first.column)
    if analytic == first.value == 0:
        return Verdict("ok", 0.0, column=first.column)
    ladder = look([*STEP_FACTORS])
    verdict = refine(analytic, list(pairwise(ladder)), rtol, scale)
    vague = verdict.uncertainty > 1e3 * rtol * max(abs(analytic), abs(verdict.numeric), scale)
    if (vague or verdict.state in ("kink", "wrong")) and fine:
        finer = look([fine * factor for factor in STEP_FACTORS])
        verdict = refine(analytic, [*pairwise(ladder), *pairwise(finer)], rtol, scale)
    return verdict


def judge_exactly(
    analytic: float, exact: Slope, rtol: float, look: Callable[[list[float]], list[Slope]]
) -> Verdict:
    """The verdict of a method without truncation error, such as the complex step. Its comparison
    decides; central differences only tell whether there is a kink."""
    size = max(abs(analytic), abs(exact.value))
    if abs(analytic - exact.value) <= rtol * size + exact.noise:
        return Verdict("ok", exact.value, exact.noise, column=exact.column)
    pairs = list(pairwise(look([*STEP_FACTORS])))
    error = abs(analytic - exact.value)
    kink = any(np.isfinite(s.jump) for s, _ in pairs) and kink_size(pairs) > error / 100
    return Verdict("kink" if kink else "wrong", exact.value, exact.noise, column=exact.column)


def refine(
    analytic: float, pairs: list[tuple[Slope, Slope]], rtol: float, scale: float = 0.0
) -> Verdict:
    """The verdict from pairs of central differences. The second of each pair has one eighth of the
    first one's step.

    The best pair is the one that agrees best with its neighbor. Their difference, plus the noise
    floor, is its uncertainty. So a strongly curved function, a kink close to the point, and a
    gradient close to the rounding errors each get the step that suits them. A kink at the point
    itself shows in the difference between the one-sided slopes, which does not shrink with the
    step. (It would not be enough that backward's value is between the two slopes: any mean of them
    is.)
    """
    pairs = [(s, t) for s, t in pairs if np.isfinite(s.value) and np.isfinite(t.value)]
    if not pairs:  # the target throws or gives NaN a step away: the edge of its domain, log(0) say
        return Verdict("kink", np.nan)
    rated = [(abs(s.value - t.value) + s.noise, s) for s, t in pairs]
    uncertainty, best = min(consistent(pairs) or rated, key=lambda pair: pair[0])
    error, size = abs(analytic - best.value), max(abs(analytic), abs(best.value), scale)
    if error <= rtol * size + 2 * uncertainty:
        state = "ok" if uncertainty <= size / 10 or size <= scale else "unresolved"
    else:
        state = "kink" if kink_size(pairs) > error / 100 else "wrong"
    s, t = pairs[-1]
    noisy = abs(s.value - t.value) > 100 * t.noise and rated[-1][0] >= max(
        u for u, _ in rated[len(rated) // 2 :]
    )
    return Verdict(state, best.value, uncertainty, noisy and state != "kink", best.column)


def consistent(pairs: list[tuple[Slope, Slope]]) -> list[tuple[float, Slope]]:
    """(uncertainty, slope) of the pairs that count.

    Steps far larger than the scale of the function give differences near 0. These agree in absolute
    terms, but not in relative ones. Or they agree on a slope that belongs to a wider region, while
    smaller steps agree on another one. A derivative is a limit, so the smaller steps are right.
    """
    kept: list[tuple[float, Slope]] = []
    for s, t in reversed(pairs):
        apart = abs(s.value - t.value)
        if apart > 0.3 * max(abs(s.value), abs(t.value)) + 3 * t.noise:
            continue
        u = apart + s.noise
        if not any(
            abs(s.value - r.value) > 0.3 * max(abs(s.value), abs(r.value)) + 10 * (u + w)
            for w, r in kept
        ):
            kept.append((u, s))
    return kept


def kink_size(pairs: list[tuple[Slope, Slope]]) -> float:
    """The limit of the jump for step → 0, from the two smallest steps at which it is larger than
    the noise; otherwise 0.

    jump(h) = kink + h·|s''|, so with steps h and h/8 the limit is (8 jump(h/8) − jump(h)) / 7.
    """
    for coarse, fine in reversed(pairs):
        if fine.jump > fine.noise:
            limit = (8 * fine.jump - coarse.jump) / 7
            return limit if limit > max(0.3 * fine.jump, fine.noise / 2) else 0.0
    return 0.0


def pick(size: int, max_entries: int, samples: int, rng: np.random.Generator) -> Iterator[int]:
    """Which entries of a tensor to check: all of them up to ``max_entries``; otherwise one at
    random from each of ``samples`` equal strata, plus the first and the last one."""
    if size <= max_entries:
        yield from range(size)
        return
    edges = np.linspace(0, size, min(samples, size) + 1).astype(int)
    yield from sorted({0, size - 1, *(int(rng.integers(a, b)) for a, b in pairwise(edges))})


def bisect(size: int, is_wrong: Callable[[slice], bool], most: int = 3) -> list[int]:
    """The entries, at most ``most``, that make a random direction wrong. They are found by halving,
    with log₂(size) directions each.

    Empty if the error is spread so thin that the halves look right.
    """
    found: list[int] = []
    open_parts = [(0, size)]
    while open_parts and len(found) < most:
        low, high = open_parts.pop()
        if high - low == 1:
            found.append(low)
            continue
        middle = (low + high) // 2
        open_parts += [part for part in ((middle, high), (low, middle)) if is_wrong(slice(*part))]
    return found


def complex_copy(problem: Any, complex_copy: Any) -> Any:
    """``complex_copy``, the target on complex copies, if the complex step is valid for it.

    Raises:
        ValueError: the target raises an exception on complex numbers, drops the imaginary part, or
            is not analytic (abs, conj, real), so that its complex step along a random direction is
            not its derivative.
    """

    def refuse(why: str) -> ValueError:
        return ValueError(
            f"gradcheck: method 'complex' is refused for {problem.title}: {why}. The complex step "
            "needs a target that is analytic and computes in the dtype of its input; "
            "method='central' needs neither"
        )

    rng, h = np.random.default_rng(1), STEPS["central"]
    for name, v in problem.tensors.items():
        u = rng.choice([-1.0, 1.0], v.shape)
        before, z = v.copy(), complex_copy.tensors[name]
        try:
            z += 1j * STEPS["complex"] * u
            y = complex_copy.forward()[0]
        except Exception as error:
            raise refuse(
                f"it throws {type(error).__name__} on complex numbers ({error})"
            ) from error
        finally:
            z[...] = before
        if y.dtype.kind != "c":
            raise refuse("its output is real for a complex input: the imaginary part is dropped")
        outputs = []
        for t in (h, -h):
            v += t * u
            outputs.append(problem.forward()[0].copy())
            v[...] = before
        numeric, claimed = (outputs[0] - outputs[1]) / (2 * h), np.imag(y) / STEPS["complex"]
        off = (
            np.abs(numeric - claimed)
            > 1e-3 * np.abs(numeric).max(initial=0) + 1e3 * EPS * np.abs(outputs[0]) / h
        )
        if np.mean(off) > 0.1:  # a kink here and there is not the point
            raise refuse(f"it is not analytic in {name} (abs, real, conj or a comparison inside?)")
    return complex_copy
