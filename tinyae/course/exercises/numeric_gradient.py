"""Exercise 1, finite differences: the student's code calls functions of the grader."""

import numpy as np
from numpy.random import Generator

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Check, Code, Exercise

SMALL_STEP = 1e-5  # the default of numeric_gradient


class Function:
    """``f(v) = Σ a v³ + exp Σ b v``: no derivative is 0, and each depends on all entries."""

    def __init__(self, rng: Generator, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.a, self.b = rng.normal(size=shape), rng.uniform(0.2, 0.5, shape)
        self.calls: list[Array] = []

    def __call__(self, v: Array) -> float:
        if np.shape(v) != self.shape:
            raise ValueError(f"f was called with shape {np.shape(v)}, expected {self.shape}")
        self.calls.append(np.array(v))
        return self.value(v)

    def value(self, v: Array) -> float:
        return float((self.a * v**3).sum() + np.exp((self.b * v).sum()))

    def gradient(self, v: Array) -> Array:
        return np.asarray(3 * self.a * v**2 + self.b * np.exp((self.b * v).sum()))

    def moved(self, v: Array, step: float) -> Array:
        """f(v + step e_i) for each i."""
        values = np.zeros(v.shape)
        for i in np.ndindex(v.shape):
            w = v.copy()
            w[i] += step
            values[i] = self.value(w)
        return values


def draw(rng: Generator, *shape: int) -> tuple[Function, Array]:
    return Function(rng, shape), rng.uniform(-1, 1, shape)


def call(code: Code, name: str, f: Function, v: Array, *h: float) -> Array:
    def function(v: Array) -> float:  # a plain function, in every kind of process
        return f(v)

    result: Array = code.call(name, function, v, *h)
    return result


def coarse(code: Code, rng: Generator) -> dict[str, str]:
    """To three digits: a one-sided difference is good enough here."""
    f, v = draw(rng, 3, 2)
    want = f.gradient(v)
    causes = {
        "it is divided by h, expected by 2h": 2 * want,
        "it is not divided by 2h": 2 * SMALL_STEP * want,
        "up and down are exchanged": -want,
    }
    dv = call(code, "numeric_gradient", f, v)
    return judge.only_wrong(dv=judge.compare(dv, want, "dv", causes, rtol=1e-3))


def known(f: Function, v: Array, h: float) -> dict[str, Array]:
    """The values of other formulas, and of known mistakes."""
    here, up, down = f.value(v), f.moved(v, h), f.moved(v, -h)
    half = f.moved(v, h / 2) - f.moved(v, -h / 2)
    small = f.moved(v, SMALL_STEP) - f.moved(v, -SMALL_STEP)
    return {
        "it is the one-sided difference (f(v + h) − f(v)) / h, with an error about h, not h²": (
            up - here
        )
        / h,
        "it is the one-sided difference (f(v) − f(v − h)) / h, with an error about h, not h²": (
            here - down
        )
        / h,
        "it is divided by h, expected by 2h": (up - down) / h,
        "it ignores the argument h": small / (2 * SMALL_STEP),
        "it steps by h/2, expected by h": half / h,
        "earlier entries of v are still moved: put each one back": left_moved(f, v, h),
    }


def left_moved(f: Function, v: Array, h: float) -> Array:
    """Central differences that leave each entry at v − h."""
    w, dv = v.copy(), np.zeros(v.shape)
    for i in np.ndindex(v.shape):
        old = w[i]
        w[i] = old + h
        up = f.value(w)
        w[i] = old - h
        dv[i] = (up - f.value(w)) / (2 * h)
    return dv


def central(code: Code, rng: Generator) -> dict[str, str]:
    """A large step, so that the formula shows."""
    f, v = draw(rng, 4)
    h = float(rng.uniform(0.05, 0.1))
    want = (f.moved(v, h) - f.moved(v, -h)) / (2 * h)
    dv = call(code, "numeric_gradient", f, v, h)
    return judge.only_wrong(
        central=judge.compare(dv, want, f"with h = {h:.2f}, dv", known(f, v, h))
    )


def any_shape(code: Code, rng: Generator) -> dict[str, str]:
    for shape in ((5,), (2, 1, 3)):
        f, v = draw(rng, *shape)
        dv = call(code, "numeric_gradient", f, v)
        if text := judge.compare(dv, f.gradient(v), "dv", rtol=1e-3):
            return {"any shape": f"for v of shape {shape}, {text}"}
    return {}


def restored(code: Code, rng: Generator) -> dict[str, str]:
    """v after the call, and the arrays that f got: each differs from v in one place at most."""
    f, v = draw(rng, 3, 4)
    v *= [1, 1e-4, 1e-6, 1e-8]  # what is much smaller than h is lost in v + h

    def function(v: Array) -> float:
        return f(v)

    _, (_, after, *_) = code.call_in_place("numeric_gradient", function, v)
    text = ""
    if not np.array_equal(after, v):
        text = "v is not the same after the call: put each entry back"
        if judge.close(np.asarray(after), v, 1e-12):
            text = (
                "v is changed by rounding: (v + h) − h is not exactly v, so keep the old value "
                "and put it back"
            )
    elif any((w != v).sum() > 1 for w in f.calls):
        text = "f is called with several entries moved at once: put each one back first"
    elif not np.logical_or.reduce([w != v for w in f.calls], initial=False).all():
        text = "f is not called with each entry of v moved"
    return judge.only_wrong(**{"v restored": text})


def four_points(code: Code, rng: Generator) -> dict[str, str]:
    f, v = draw(rng, 2, 2)
    h = float(rng.uniform(0.05, 0.1))
    near, far = f.moved(v, h) - f.moved(v, -h), f.moved(v, 2 * h) - f.moved(v, -2 * h)
    causes = {
        "it is the formula with two points": near / (2 * h),
        "the second bracket is added, expected subtracted": (8 * near + far) / (12 * h),
        "the weights 8 and 1 are exchanged": (near - 8 * far) / (12 * h),
        "the weight 8 is missing": (near - far) / (12 * h),
        "it is divided by 12, expected by 12h": (8 * near - far) / 12,
        "it is divided by h, expected by 12h": (8 * near - far) / h,
        "it is divided by 2h, expected by 12h": (8 * near - far) / (2 * h),
    }
    dv = call(code, "numeric_gradient4", f, v, h)
    want = (8 * near - far) / (12 * h)
    text = judge.compare(dv, want, f"with h = {h:.2f}, dv", causes)
    return judge.only_wrong(**{"four points": text})


def calls(code: Code, rng: Generator) -> dict[str, str]:
    f, v = draw(rng, 6)
    call(code, "numeric_gradient", f, v)
    if not v.size < len(f.calls) <= 2 * v.size + 1:
        return {
            "number of calls": f"f is called {len(f.calls)} times for {v.size} entries, expected "
            "2 calls for each entry"
        }
    return {}


EXERCISE = Exercise(
    name="numeric_gradient",
    number=1,
    title="The derivative by two calls",
    chapter="00_derivatives_by_hand",
    checks=(
        Check({"dv": 3}, coarse),
        Check({"central": 2}, central),
        Check({"any shape": 1}, any_shape),
        Check({"v restored": 2}, restored),
        Check({"four points": 3}, four_points),
        Check({"number of calls": 1}, calls),
    ),
)
