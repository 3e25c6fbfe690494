"""Exercise 5, four losses by hand: squared error, Huber, and two cross-entropies of logits."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.random import Generator

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Check, Code, Exercise, Mistake

Causes = dict[str, Any]


def sigmoid(a: Array) -> Array:
    return np.exp(-np.logaddexp(0, -a))


def log_softmax(a: Array, axis: int = 1) -> Array:
    shifted = a - a.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def one_hot(a: Array, t: Array) -> Array:
    return (t[:, None] == np.arange(a.shape[1])).astype(a.dtype)


def mse(y: Array, t: Array) -> Any:
    return ((y - t) ** 2).mean()


def huber(y: Array, t: Array, delta: float) -> Any:
    r = np.abs(y - t)
    return np.mean(np.where(r <= delta, r**2 / 2, delta * (r - delta / 2)))


def bce_with_logits(a: Array, t: Array) -> Any:
    return (np.logaddexp(0, a) - a * t).mean()


def softmax_cross_entropy(a: Array, t: Array) -> Any:
    return -(one_hot(a, t) * log_softmax(a)).sum() / len(a)


def means(total: Any, y: Array) -> Causes:
    """Sums and wrong means, for a value that is ``total`` without the mean over all entries."""
    return {
        "it is the sum over all entries, expected their mean": total,
        "it is divided by the number of rows, expected the number of entries": total / len(y),
        "it is divided by the number of entries twice": total / y.size**2,
    }


def factors(total: Any, y: Array) -> Causes:
    """Wrong factors, for a gradient that is ``total`` without the factor 1/M of the mean."""
    return {
        "the factor 1/M is missing, where M is the number of entries": total,
        "it has the factor 1/N, where N is the number of rows; it should be 1/M, where M is the "
        "number of entries": total / len(y),
        "the factor 1/M appears twice": total / y.size**2,
    }


def mse_causes(y: Array, t: Array) -> tuple[Causes, Causes]:
    """Of the value and of the gradient."""
    r = y - t
    return (
        means((r**2).sum(), y)
        | {
            "it is half of the mean square": (r**2).mean() / 2,
            "there should be no square root": np.sqrt((r**2).mean()),
        },
        factors(2 * r, y) | {"the factor 2 is missing": r / r.size},
    )


def huber_causes(y: Array, t: Array, delta: float) -> tuple[Causes, Causes]:
    r, size = y - t, np.abs(y - t)

    def joined(square: Array, line: Array) -> Any:
        return np.mean(np.where(size <= delta, square, line))

    square, line = r**2 / 2, delta * (size - delta / 2)
    values = means(np.where(size <= delta, square, line).sum(), y) | {
        "the factor 1/2 of the square is missing": joined(r**2, line),
        "the line does not join the square: its − δ²/2 is missing": joined(square, delta * size),
        "the factor δ of the line is missing": joined(square, size - delta / 2),
        "it ignores delta and uses 1": huber(y, t, 1.0),
        "the line needs |r|, not r": joined(square, delta * (r - delta / 2)),
        "the square and the line are exchanged": joined(line, square),
    }
    slope = np.clip(r, -delta, delta)
    gradients = factors(slope, y) | {
        "it ignores delta and uses 1": np.clip(r, -1, 1) / r.size,
        "far away it is 1/M, expected ±δ/M": np.where(size <= delta, r, np.sign(r)) / r.size,
        "far away it is δ/M, expected ±δ/M: the sign of r is missing": np.where(
            size <= delta, r, delta
        )
        / r.size,
        "near 0 it is 2r/M, expected r/M": np.where(size <= delta, 2 * r, slope) / r.size,
    }
    return values, gradients


def bce_causes(a: Array, t: Array) -> tuple[Causes, Causes]:
    p = sigmoid(a)
    half = -(t * np.log(p)).mean()
    values = means(a.size * bce_with_logits(a, t), a) | {
        "the term with (1 − t) log(1 − p) is missing": half,
        "the term with t log p is missing": bce_with_logits(a, t) - half,
    }
    gradients = factors(p - t, a) | {
        "the factor p (1 − p) should not be there: it has already canceled": (p - t)
        * p
        * (1 - p)
        / a.size,
        "it is the gradient with respect to p; it should be with respect to the logit a": (p - t)
        / (p * (1 - p))
        / a.size,
    }
    return values, gradients


def softmax_causes(a: Array, t: Array) -> tuple[Causes, Causes]:
    hot, p = one_hot(a, t), np.exp(log_softmax(a))
    other = log_softmax(a, axis=0)
    total = -(hot * log_softmax(a)).sum()
    sums = {
        "the mean over the N examples is missing": 1.0,
        "it is divided by the number of entries N·C, expected N": 1 / a.size,
        "it is divided by N twice": 1 / len(a) ** 2,
    }
    values = {cause: total * factor for cause, factor in sums.items()} | {
        "softmax runs over the examples, expected over the classes: axis=1": -(hot * other).sum()
        / len(a),
        "it has p where log p belongs": -(hot * p).sum() / len(a),
    }
    gradients = {cause: (p - hot) * factor for cause, factor in sums.items()} | {
        "softmax runs over the examples, expected over the classes: axis=1": (np.exp(other) - hot)
        / len(a),
        "the − 1 at the right class is missing": p / len(a),
        "only the right class has a gradient; the other logits are in the denominator": hot
        * (p - 1)
        / len(a),
    }
    return values, gradients


@dataclass(frozen=True)
class Loss:
    """A loss, how its inputs are drawn, and the values that known mistakes lead to."""

    reference: Callable[..., Any]
    draw: Callable[[Generator], tuple[Any, ...]]
    causes: Callable[..., tuple[Causes, Causes]]


def outputs(rng: Generator) -> tuple[Any, ...]:
    return rng.normal(size=(5, 4)), rng.normal(size=(5, 4))


def residuals(rng: Generator) -> tuple[Any, ...]:
    """On both sides of ±δ, with δ ≠ 1."""
    y, delta = rng.normal(size=(5, 4)), float(rng.uniform(0.4, 0.7))
    r = rng.choice([0.3, 0.6, 1.5, 3.0], (5, 4)) * rng.choice([-delta, delta], (5, 4))
    return y, y - r * rng.uniform(0.9, 1.1, (5, 4)), delta


def logits(rng: Generator) -> tuple[Any, ...]:
    return 2 * rng.normal(size=(5, 4)), rng.uniform(size=(5, 4))


def classes(rng: Generator) -> tuple[Any, ...]:
    return 2 * rng.normal(size=(6, 4)), rng.integers(0, 4, 6)


LOSSES = {
    "mse": Loss(mse, outputs, mse_causes),
    "huber": Loss(huber, residuals, huber_causes),
    "bce_with_logits": Loss(bce_with_logits, logits, bce_causes),
    "softmax_cross_entropy": Loss(softmax_cross_entropy, classes, softmax_causes),
}


OVERFLOW = {
    "bce_with_logits": "simplify log p before you compute it: e^(−|a|) never overflows",
    "softmax_cross_entropy": "simplify log p before you compute it: p stays the same if a constant "
    "is subtracted from all logits of a row",
}


def values_of(code: Code, name: str, *inputs: Any) -> tuple[Any, Any]:
    value, gradient = judge.pair(code.call(name, *inputs), "value, gradient")
    return value, gradient


def value(name: str, code: Code, rng: Generator) -> dict[str, str]:
    loss = LOSSES[name]
    inputs = loss.draw(rng)
    got, _ = values_of(code, name, *inputs)
    wrong = judge.compare(got, loss.reference(*inputs), "the value", loss.causes(*inputs)[0])
    return judge.only_wrong(**{f"{name} value": wrong})


def gradient(name: str, code: Code, rng: Generator) -> dict[str, str]:
    loss = LOSSES[name]
    x, *rest = loss.draw(rng)

    def student(scale: Any, x: Array) -> Any:
        _, dx = values_of(code, name, x, *rest)
        if not isinstance(dx, np.ndarray):
            raise Mistake(f"the gradient is {judge.described(dx)}, expected an array")
        return scale * dx

    def causes(scale: Any, x: Array) -> dict[str, Causes]:
        return {"dx": {cause: scale * g for cause, g in loss.causes(x, *rest)[1].items()}}

    wrong = judge.gradients(lambda x: loss.reference(x, *rest), student, x, causes=causes)
    text = wrong.get("dx", "").replace("dx is", "the gradient is")
    return judge.only_wrong(**{f"{name} gradient": text})


def large(name: str, code: Code, rng: Generator) -> dict[str, str]:
    part, loss = f"{name} at 1000", LOSSES[name]
    a, t = loss.draw(rng)
    # a wrong factor, such as that of a sum for a mean, costs the points of the value only
    factor = values_of(code, name, a, t)[0] / loss.reference(a, t)
    if not 0 < factor < np.inf:
        return {part: "the value is wrong for small logits too: repair that first"}
    a = rng.choice([-1000.0, 0.0, 1000.0], a.shape) + a
    try:
        got, da = judge.pair(judge.strictly(code, name, a, t), "value, gradient")
    except judge.FloatingPoint as mistake:
        return {part: f"with logits of ±1000, {mistake}; {OVERFLOW[name]}"}
    want = factor * loss.reference(a, t)
    if np.ndim(got) == 0 and np.isfinite(got) and 0 <= got < 0.9 * want:
        return {part: "the value is too small: do not clip p, and add nothing inside the logarithm"}
    wrong = judge.compare(got, want, "the value")
    if not wrong and not np.isfinite(da).all():
        wrong = "the gradient has entries that are NaN or infinite"
    return judge.only_wrong(**{part: wrong})


def conduct(name: str, code: Code, rng: Generator) -> dict[str, str]:
    def text(loss: Loss) -> str:
        x, t, *rest = loss.draw(rng)
        first = next(iter(inspect.signature(loss.reference).parameters))
        if wrong := judge.in_place(code, name, {first: x, "t": t}, *rest):
            return wrong
        if judge.compare(values_of(code, name, x, t, *rest)[0], loss.reference(x, t, *rest), ""):
            return ""  # these points need a right value anyway
        one, _ = values_of(code, name, x[:1], t[:1], *rest)
        if judge.compare(one, loss.reference(x[:1], t[:1], *rest), "the value"):
            return "the value of a single example is wrong"
        narrow = t.astype(np.float32) if t.dtype.kind == "f" else t
        dtype = np.asarray(values_of(code, name, x.astype(np.float32), narrow, *rest)[1]).dtype
        return "" if dtype == np.float32 else f"a float32 input gives a {dtype} gradient"

    return judge.only_wrong(**{f"{name} conduct": text(LOSSES[name])})


EXERCISE = Exercise(
    name="losses",
    number=5,
    title="Four losses",
    chapter="00_derivatives_by_hand",
    checks=(
        *(
            check
            for name in LOSSES
            for check in (
                Check({f"{name} value": 1}, partial(value, name)),
                Check({f"{name} gradient": 1}, partial(gradient, name)),
                Check({f"{name} conduct": 0.5}, partial(conduct, name), needs=(f"{name} value",)),
            )
        ),
        Check({"bce_with_logits at 1000": 1}, partial(large, "bce_with_logits")),
        Check({"softmax_cross_entropy at 1000": 1}, partial(large, "softmax_cross_entropy")),
    ),
)
