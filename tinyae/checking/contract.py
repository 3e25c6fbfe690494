"""How a target behaves, before its values are compared: does it repeat, keep no state, leave its
inputs alone, and return gradients of the right names and shapes?"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyae.checking.baseline import Baseline, bad_values, cotangent, differing, put_back, same
from tinyae.checking.problem import Problem
from tinyae.checking.rounding import rounding_of

Array = np.ndarray
EPS = float(np.finfo(np.float64).eps)
SEEDED_POSITION = 624  # of the legacy generator right after seeding: the first draw moves it


def measure_baseline(problem: Problem, rng: np.random.Generator) -> Baseline:
    """Run the target on unchanged tensors, and note whatever a derivative may not do.

    ``state``, ``random``: a second forward gives what the first gave. ``second call``: so does a
    second backward, also on the same cache. ``stale``: so does a backward after a forward on
    another x. ``overwritten``: inputs, parameters, the output and the cotangent keep their values.
    ``linear``: backward(2a − 3b) = 2 backward(a) − 3 backward(b). ``nan``: no NaN or infinity.
    ``extra``, ``unlisted``, ``integer``: gradients and parameters belong to each other.
    """
    target = _Watched(problem)
    y_given, cache = target.forward()
    state: Any = np.random.get_state()  # noqa: NPY002
    uses_global_rng = state[2] != SEEDED_POSITION
    y = y_given.copy()
    target.restore("forward")
    dy = np.ones(()) if problem.scalar else cotangent(rng, y)
    base = target.baseline
    base.y, base.dy, base.uses_global_rng = y, dy, uses_global_rng
    if not np.all(np.isfinite(y)):
        base.find("nan", "y", f"forward gives {bad_values(y)}")
    base.grads = target.backward(dy, cache, y_given)
    _check_names(problem, base)

    _check_forward_repeats(target)
    if not base.repeatable:
        return base
    _check_backward_repeats(target, cache, y_given)
    if not any(f.kind == "second call" for f in base.findings):
        _check_state(target, rng)
        if not problem.scalar:
            _check_linear(target, rng)
    return base


class _Watched:
    """The target, with a comparison of its arguments before and after each call."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        originals = {n: a.copy() for n, a in (problem.tensors | problem.fixed).items()}
        self.baseline = Baseline(np.zeros(0), np.zeros(0), {}, originals)

    def forward(self) -> tuple[Array, Any]:
        np.random.seed(0)  # noqa: NPY002  on purpose: a target that draws from it is found out
        return self.problem.forward()

    def backward(self, dy: Array, cache: Any, y_given: Any = None) -> dict[str, Array]:
        given, watched = dy.copy(), {}
        if isinstance(y_given, np.ndarray) and y_given.flags.writeable:
            watched = {"y": (y_given, y_given.copy())}
        raw = self.problem.backward(given, cache)
        # copies: a target may reuse its buffers
        grads = {n: np.array(g) for n, g in raw.items() if g is not None}
        self.restore("backward", dy=(given, dy), **watched)
        return grads

    def restore(self, who: str, **more: tuple[Array, Array]) -> None:
        arrays = self.problem.tensors | self.problem.fixed
        watched = {n: (a, self.baseline.originals[n]) for n, a in arrays.items()}
        for name, (now, before) in (watched | more).items():
            if not np.array_equal(now, before, equal_nan=True):
                self.baseline.find(
                    "overwritten",
                    name,
                    f"{who} overwrites {name} (in-place arithmetic on an argument?)",
                )
                now[...] = before


def _check_names(problem: Problem, base: Baseline) -> None:
    for name in base.grads:
        if name not in problem.tensors:
            known = ", ".join(problem.tensors)
            base.find("extra", name, f"backward returns a gradient for {name!r}; known: {known}")
    for name in problem.integer_parameters:
        base.find(
            "integer",
            name,
            f"parameter {name} does not hold floating point numbers: an update would round it, and "
            "it was not checked",
        )
    matter = [n for n, a in problem.unlisted.items() if _moves_output(problem, base, a)]
    # An array of one or two values, such as a mask, may well be a constant.
    if any(len(np.unique(problem.unlisted[n])) > 2 for n in matter):
        names = ", ".join(matter)
        base.find(
            "unlisted",
            names,
            f"the output depends on {names}, which params does not list: no optimizer will train "
            f"{'it' if len(matter) == 1 else 'them'} and no gradient of "
            f"{'it' if len(matter) == 1 else 'them'} was checked. List "
            f"{'it' if len(matter) == 1 else 'them'} in self.params; if constant, make the array "
            "read-only with a.flags.writeable = False",
        )


def _moves_output(problem: Problem, base: Baseline, a: Array) -> bool:
    before = a.copy()
    try:
        a += 0.01 * (1 + np.abs(a))
        np.random.seed(0)  # noqa: NPY002
        return not same(base.y, problem.forward()[0])
    except Exception:
        return True
    finally:
        a[...] = before


def _check_forward_repeats(target: _Watched) -> None:
    base = target.baseline
    y_again = target.forward()[0].copy()  # a copy: y may be x, overwritten
    target.restore("forward")
    np.random.seed(1)  # noqa: NPY002
    y_reseeded = target.problem.forward()[0].copy()
    target.restore("forward")
    if not same(base.y, y_again):
        base.find(
            "state",
            "y",
            "forward gives something else when it is called a second time: it keeps state (a "
            "random generator inside that draws a new mask, a running statistic, weights that it "
            "updates)",
        )
        base.repeatable = False
    elif not same(base.y, y_reseeded):
        base.find(
            "random",
            "y",
            "forward draws random numbers from np.random without a seed of its own: take a "
            "generator as an argument, or put the random mask into the input",
        )
        base.repeatable = False


def _check_backward_repeats(target: _Watched, cache: Any, y_given: Any) -> None:
    base = target.baseline
    if not target.problem.scalar:
        again = target.backward(base.dy, cache, y_given)
        for name, difference in differing(base.grads, again):
            base.find(
                "second call",
                name,
                f"a second backward with the same cache changes {name}'s gradient{difference}: "
                "gradients must be returned, not accumulated, and the cache left alone",
            )
        first = {
            n: g for n, g in target.problem.backward(base.dy.copy(), cache).items() if g is not None
        }
        kept = {n: np.array(g) for n, g in first.items()}
        target.problem.backward(-base.dy, cache)
        for name, _ in differing(kept, {n: np.asarray(g) for n, g in first.items()}):
            base.find(
                "reused array",
                name,
                f"backward returns the same array for {name} at each call: a gradient that was "
                "kept changes at the next call. Return a new array",
            )
    again = target.backward(base.dy, target.forward()[1])
    for name, difference in differing(base.grads, again):
        base.find(
            "second call",
            name,
            f"a second forward and backward gives another gradient of {name}{difference}: "
            "something was accumulated or remembered",
        )


def _check_state(target: _Watched, rng: np.random.Generator) -> None:
    """A forward on another x, a new array, between forward and backward must change nothing. And
    what it gives there must be what a fresh copy gives, which has seen no other x."""
    problem, base = target.problem, target.baseline
    if not problem.inputs or problem.remake is None:
        return
    others = [base.originals[n] + _shift(rng, base.originals[n]) for n in problem.inputs]
    try:
        _, cache = target.forward()
        y_other, cache_other = problem.run([a.copy() for a in others])
        y_other = np.array(y_other)
    except Exception:
        return  # the other x may lie outside the domain
    try:
        stale = {} if problem.scalar else target.backward(base.dy, cache)
        there = target.backward(base.dy, cache_other)
    except Exception as error:
        base.find(
            "stale",
            "y",
            f"backward throws {type(error).__name__} after a forward on another x: it reads what "
            "the last forward left on the object (self.x?), not its own cache",
        )
        return
    for name, _ in differing(base.grads, stale) if not problem.scalar else ():
        base.find(
            "stale",
            name,
            f"after a forward on another x, backward returns another gradient of {name} for the "
            "same cache: forward keeps state on the object (self.x = ...), and the last call "
            "wins. Return it as the cache",
        )
    fresh = problem.remake()
    np.random.seed(0)  # noqa: NPY002
    y_fresh, cache_fresh = fresh.run([a.copy() for a in others])
    expected = {
        n: np.array(g)
        for n, g in fresh.backward(base.dy.copy(), cache_fresh).items()
        if g is not None
    }
    if not same(y_other, np.asarray(y_fresh)):
        base.find(
            "stale",
            "y",
            "forward on a second x is not what a fresh copy gives there: something from the first "
            "x was kept (if self.mask is None: ..., a statistic)",
        )
    elif any(True for _ in differing(expected, there)):
        base.find(
            "stale",
            "y",
            "backward at a second x is not what a fresh copy gives there: something from the "
            "first x was kept",
        )


def _shift(rng: np.random.Generator, x: Array) -> Array:
    size = float(np.sqrt(np.mean(x**2))) or 1.0
    return 0.3 * size * rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1.0, 1.0], x.shape)


def _check_linear(target: _Watched, rng: np.random.Generator) -> None:
    base = target.baseline
    other = cotangent(rng, base.y)
    there = target.backward(other, target.forward()[1])
    back = target.backward(2 * base.dy - 3 * other, target.forward()[1])
    noise: dict[str, float] | None = None
    for name, g in base.grads.items():
        if name not in there or name not in back or g.shape != there[name].shape:
            continue
        expected = 2 * g - 3 * there[name]
        if same(expected, back[name]):
            continue
        noise = rounding(target) if noise is None else noise
        if same(expected, back[name], slack=noise.get(name, 0.0)):
            continue
        size = rounding_of(target.problem, base)[1].get(name, np.zeros(()))
        if np.all(np.abs(expected - back[name]) <= 100 * size):
            continue  # the rounding of terms that cancel
        base.find(
            "linear",
            name,
            f"{name}'s gradient is not linear in dy: backward(2a − 3b) is not 2 backward(a) − "
            "3 backward(b), though every derivative is",
        )


def rounding(target: Any) -> dict[str, float]:
    """What rounding can do to each gradient: how far it moves when all that it is made of moves in
    its last bit. A gradient that is a small difference of large numbers (a bias before batch norm)
    moves by the rounding of the large ones.
    """
    problem, base, rng = target.problem, target.baseline, np.random.default_rng(0)
    moved = {n: 0.0 for n in base.grads}
    scale = max((np.abs(g).max(initial=0) for g in base.grads.values() if g.size), default=0.0)
    for _ in range(3):
        for a in problem.tensors.values():
            a *= 1 + EPS * rng.uniform(-1, 1, a.shape)
        dy = base.dy * (1 + EPS * rng.uniform(-1, 1, base.dy.shape))
        np.random.seed(0)  # noqa: NPY002
        grads = problem.backward(dy, problem.forward()[1])
        for n, g in grads.items():
            if n in moved and g is not None and np.shape(g) == base.grads[n].shape:
                moved[n] = max(moved[n], float(np.abs(g - base.grads[n]).max(initial=0)))
        put_back(problem, base)
    floor = EPS * max(float(np.abs(base.dy).max(initial=0)), scale)
    return {n: 300 * (m + floor) for n, m in moved.items()}
