"""Exercise 4, rows of length one: y = x / √(‖x‖² + ε), its backward pass and its jvp."""

from functools import partial

import numpy as np
from numpy.random import Generator

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Check, Code, Exercise
from tinyae.course.layer import StudentLayer


def root(x: Array, eps: float) -> Array:
    return np.sqrt((x**2).sum(axis=1, keepdims=True) + eps)


def derivative(v: Array, x: Array, eps: float) -> Array:
    """J v for each row, which is also Jᵀ v: J = (I − y yᵀ) / r is symmetric."""
    r = root(x, eps)
    y = x / r
    return (v - y * (y * v).sum(axis=1, keepdims=True)) / r


def draw(rng: Generator) -> tuple[Array, float]:
    """An ε that is too small to matter: where it belongs is a part of its own."""
    return rng.normal(size=(5, 4)), 1e-10


def forward(code: Code, rng: Generator) -> dict[str, str]:
    x, eps = draw(rng)
    y, _ = StudentLayer(code, "RowNorm", eps).forward(x)
    squares = (x**2).sum(axis=1, keepdims=True)
    causes = {
        "the norm is that of the whole array; each row has its own: axis=1": x
        / np.sqrt((x**2).sum() + eps),
        "the norms are those of the columns; each row has its own: axis=1": x
        / np.sqrt((x**2).sum(axis=0) + eps),
        "the root is missing": x / (squares + eps),
        "the norm has the sum of squares, not their mean": x / root(x / 2, eps),
    }
    return judge.only_wrong(y=judge.compare(y, x / root(x, eps), "y", causes))


def epsilon(code: Code, rng: Generator) -> dict[str, str]:
    """A large ε shows."""
    (x, _), eps = draw(rng), float(rng.uniform(0.1, 0.5))
    layer = StudentLayer(code, "RowNorm", eps)
    norms = np.sqrt((x**2).sum(axis=1, keepdims=True))
    causes = {
        "eps belongs under the root": x / (norms + eps),
        "eps is missing, or it is not the eps of the constructor": x / norms,
        "eps is added, it is not a lower bound": x / np.maximum(norms, eps),
    }
    text = judge.compare(layer.forward(x)[0], x / root(x, eps), "y", causes)
    return judge.only_wrong(eps=text and f"with eps = {eps:.2f}, {text}")


def wrong_derivatives(v: Array, x: Array, eps: float) -> dict[str, Array]:
    """What known mistakes lead to, in both directions."""
    r = root(x, eps)
    y = x / r
    along = (y * v).sum(axis=1, keepdims=True)
    return {
        "the norm is treated as a constant, but r depends on x too": v / r,
        "the division by r is missing": v - y * along,
        "it is divided by r² instead of r": (v - y * along) / r**2,
        "the second term has the opposite sign": (v + y * along) / r,
        "the first term is missing: x in the numerator has a derivative too": -y * along / r,
        "it has x where y belongs": (v - x * (x * v).sum(axis=1, keepdims=True)) / r,
        "the scalar product sums over the whole array; each row has its own: axis=1": (
            v - y * (y * v).sum()
        )
        / r,
        "the scalar product is one per column; each row has its own: axis=1": (
            v - y * (y * v).sum(axis=0)
        )
        / r,
        "the sum of the scalar product is missing: y_i depends on all x_j of its row": (
            v - y * y * v
        )
        / r,
    }


def backward(code: Code, rng: Generator) -> dict[str, str]:
    x, eps = draw(rng)
    layer = StudentLayer(code, "RowNorm", eps)
    return judge.only_wrong(
        dx=layer.check_dx(lambda x: x / root(x, eps), x, partial(wrong_derivatives, eps=eps))
    )


def jvp(code: Code, rng: Generator) -> dict[str, str]:
    x, eps = draw(rng)
    delta = rng.normal(size=x.shape)
    layer = StudentLayer(code, "RowNorm", eps)
    dy = code.call((layer.handle, "jvp"), delta, layer.forward(x)[1])
    causes = wrong_derivatives(delta, x, eps)
    return judge.only_wrong(jvp=judge.compare(dy, derivative(delta, x, eps), "jvp", causes))


def zero_row(code: Code, rng: Generator) -> dict[str, str]:
    x, eps = draw(rng)
    x[rng.integers(len(x))] = 0
    layer = StudentLayer(code, "RowNorm", eps)
    layer.is_strict = True
    try:
        y, cache = layer.forward(x)
        dx, _ = layer.backward(np.ones_like(x), cache)
    except judge.FloatingPoint as mistake:
        return {"row of zeros": f"with a row of zeros, {mistake}; eps prevents 0/0"}
    if not np.isfinite(y).all() or not np.isfinite(dx).all():
        return {"row of zeros": "a row of zeros leads to NaN or infinity; eps prevents 0/0"}
    return {}


def conduct(code: Code, rng: Generator) -> dict[str, str]:
    x, eps = draw(rng)
    layer = StudentLayer(code, "RowNorm", eps)
    text = layer.conduct(x, rng.normal(size=x.shape))
    if not text:
        cache = layer.forward(x)[1]
        text = judge.in_place(code, (layer.handle, "jvp"), {"dx": x}, cache)
    return judge.only_wrong(conduct=text)


EXERCISE = Exercise(
    name="row_norm",
    number=4,
    title="Rows of length one",
    chapter="00_derivatives_by_hand",
    checks=(
        Check({"y": 2}, forward),
        Check({"eps": 1}, epsilon),
        Check({"dx": 4}, backward),
        Check({"jvp": 2}, jvp),
        Check({"row of zeros": 1}, zero_row, needs=("y",)),
        Check({"conduct": 2}, conduct, needs=("y",)),
    ),
)
