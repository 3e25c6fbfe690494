"""Exercise 3, four activations by hand: ReLU, sigmoid, tanh and softsign."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.random import Generator

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Check, Code, Exercise
from tinyae.course.layer import StudentLayer


def sigmoid(x: Array) -> Array:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "ReLU": lambda x: np.maximum(x, 0),
    "Sigmoid": sigmoid,
    "Tanh": np.tanh,
    "Softsign": lambda x: x / (1 + np.abs(x)),
}
DERIVATIVES: dict[str, Callable[[Array], Array]] = {
    "ReLU": lambda x: np.where(x > 0, 1.0, 0.0),
    "Sigmoid": lambda x: sigmoid(x) * sigmoid(-x),
    "Tanh": lambda x: 1 - np.tanh(x) ** 2,
    "Softsign": lambda x: 1 / (1 + np.abs(x)) ** 2,
}


def wrong_outputs(name: str, x: Array) -> dict[str, Array]:
    """What known mistakes lead to."""
    return {
        "ReLU": {"it is |x|": np.abs(x), "it is 1 where x > 0; it should be x there": x > 0},
        "Sigmoid": {"x has the wrong sign in the exponent": sigmoid(-x)},
        "Tanh": {"tanh(x) is 2σ(2x) − 1; the inner 2 is missing": 2 * sigmoid(x) - 1},
        "Softsign": {
            "the denominator needs |x|, not x": x / (1 + x),
            "the denominator needs |x|, not x²": x / (1 + x**2),
        },
    }[name]


def wrong_slopes(name: str, dy: Array, x: Array) -> dict[str, Array]:
    y = FUNCTIONS[name](x)
    slopes = {
        "ReLU": {
            "it keeps dy where dy > 0; it should keep dy where x > 0": dy > 0,
            "it is dy everywhere, also where x < 0": np.ones_like(x),
            "it multiplies dy by y; it should multiply by 1 where x > 0 and by 0 elsewhere": y,
            "it multiplies dy by x; it should multiply by 1 where x > 0 and by 0 elsewhere": x,
        },
        "Sigmoid": {
            "it uses the input x where the output y belongs: y (1 − y)": x * (1 - x),
            "the factor y is missing: y (1 − y)": 1 - y,
            "the factor 1 − y is missing: y (1 − y)": y,
        },
        "Tanh": {
            "the square is missing: 1 − y²": 1 - y,
            "it uses the input x where the output y belongs: 1 − y²": 1 - x**2,
            "y (1 − y) is the derivative of the sigmoid; that of tanh is different": y * (1 - y),
        },
        "Softsign": {
            "the square is missing in the denominator": 1 / (1 + np.abs(x)),
            "|x| is missing: it is right only for x > 0": 1 / (1 + x) ** 2,
            "|y| is missing: (1 − y)² is right only for x > 0": (1 - y) ** 2,
            "the denominator should be (1 + |x|)², not 1 + x²": 1 / (1 + x**2),
            "the derivative of |x| is missing in the quotient rule": (1 + np.abs(x) - x)
            / (1 + np.abs(x)) ** 2,
        },
    }[name]
    known = {"dy is missing: dx = dy · f'(x)": DERIVATIVES[name](x)}
    return known | {cause: dy * slope for cause, slope in slopes.items()}


def draw(rng: Generator) -> Array:
    """Both signs, and no entry close to the kink of ReLU."""
    return rng.choice([-1.0, 1.0], (6, 5)) * rng.uniform(0.2, 2.5, (6, 5))


def forward(name: str, code: Code, rng: Generator) -> dict[str, str]:
    x = draw(rng)
    y, _ = StudentLayer(code, name).forward(x)
    wrong = judge.compare(y, FUNCTIONS[name](x), "y", wrong_outputs(name, x))
    return judge.only_wrong(**{f"{name} y": wrong})


def backward(name: str, code: Code, rng: Generator) -> dict[str, str]:
    layer = StudentLayer(code, name)
    return judge.only_wrong(
        **{f"{name} dx": layer.check_dx(FUNCTIONS[name], draw(rng), partial(wrong_slopes, name))}
    )


def kink(code: Code, rng: Generator) -> dict[str, str]:
    """ReLU at exactly 0."""
    x, dy = rng.integers(-1, 2, (8, 6)).astype(float), rng.normal(size=(8, 6))
    causes = {
        "where x is exactly 0, dx should be 0: test x > 0, not x >= 0": dy * (x >= 0),
        "where x is exactly 0, dx should be 0, not a mean of both sides": dy * (1 + np.sign(x)) / 2,
    }
    dx = StudentLayer(code, "ReLU").input_gradient(dy, x)
    return judge.only_wrong(**{"ReLU at 0": judge.compare(dx, dy * (x > 0), "dx", causes)})


def large(code: Code, rng: Generator) -> dict[str, str]:
    """Values where exp overflows."""
    size = rng.uniform(0.8, 1, (4, 3)) * [1000, 100, 50]
    x = np.concatenate([size, -size])
    for name in FUNCTIONS:
        layer = StudentLayer(code, name)
        layer.is_strict = True
        try:
            y, cache = layer.forward(x)
            dx, _ = layer.backward(np.ones_like(x), cache)
        except judge.FloatingPoint as mistake:
            return {"large x": f"{name} at x = ±1000: {mistake}; e^(−|x|) never overflows"}
        wrong = judge.compare(y, FUNCTIONS[name](x), "y")
        if not wrong and not np.isfinite(dx).all():
            wrong = "dx is not finite"
        if wrong:
            return {"large x": f"{name} at x = ±1000: {wrong}"}
    return {}


def conduct(name: str, code: Code, rng: Generator) -> dict[str, str]:
    text = StudentLayer(code, name).conduct(draw(rng), draw(rng))
    return judge.only_wrong(**{f"{name} conduct": text})


EXERCISE = Exercise(
    name="activations",
    number=3,
    title="Four activations",
    chapter="00_derivatives_by_hand",
    checks=(
        *(
            check
            for name in FUNCTIONS
            for check in (
                Check({f"{name} y": 1}, partial(forward, name)),
                Check({f"{name} dx": 1}, partial(backward, name)),
                Check({f"{name} conduct": 0.5}, partial(conduct, name), needs=(f"{name} y",)),
            )
        ),
        Check({"ReLU at 0": 1}, kink),
        Check({"large x": 1}, large),
    ),
)
