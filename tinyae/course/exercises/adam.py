"""Exercise 6, Adam and Adamax in place, and a training loop (see ``adam_training``)."""

from typing import Any

import numpy as np
from numpy.random import Generator

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Check, Code, Exercise
from tinyae.course.exercises.adam_training import exact, learns
from tinyae.optim import adam_textbook

RTOL = 1e-11


def draw(rng: Generator) -> tuple[tuple[Array, ...], tuple[Any, ...]]:
    """``(w, g, m, v), (t, lr, b1, b2, eps)`` in the middle of a training, with a large ε.

    Gradients of both signs, and v both smaller and larger than |g|, so that every mistake shows.
    """
    w, m = rng.normal(size=(2, 4, 3))
    place = np.arange(12).reshape(4, 3)
    g = rng.uniform(0.5, 1.5, (4, 3)) * np.where(place % 2, 1, -1)
    v = np.abs(g) * np.where(place % 4 < 2, 0.3, 3)
    t = int(rng.integers(2, 6))
    settings = rng.uniform([0.01, 0.7, 0.9, 0.05], [0.1, 0.85, 0.95, 0.2])
    return (w, g, m, v), (t, *map(float, settings))


def adamax(
    w: Array, g: Array, m: Array, u: Array, t: int, lr: float, b1: float, b2: float, eps: float
) -> tuple[Array, Array, Array]:
    """The reference: ``w, m, u`` after step t."""
    m, u = b1 * m + (1 - b1) * g, np.maximum(b2 * u, np.abs(g) + eps)
    return w - lr * m / (1 - b1**t) / u, m, u


def stepped(code: Code, name: str, arrays: tuple[Array, ...], settings: tuple[Any, ...]) -> Any:
    """``(w, g, m, v) after the call, result``. If the code returns new arrays instead of changing
    its arguments, they are taken: what is in place has points of its own."""
    result, after = code.call_in_place(name, *arrays, *settings)
    w, g, m, v = after[:4]
    if isinstance(result, tuple | list) and len(result) == 3 and np.array_equal(w, arrays[0]):
        w, m, v = result
    return (w, g, m, v), result


def adam_causes(
    w: Array, g: Array, m: Array, v: Array, t: int, lr: float, b1: float, b2: float, eps: float
) -> dict[str, Array]:
    """w after steps with a known mistake."""
    old_m, old_v = m, v
    m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
    m_hat, v_hat = m / (1 - b1**t), v / (1 - b2**t)
    right = m_hat / (np.sqrt(v_hat) + eps)
    steps = {
        "both bias corrections are missing": m / (np.sqrt(v) + eps),
        "the bias correction of m is missing": m / (np.sqrt(v_hat) + eps),
        "the bias correction of v is missing": m_hat / (np.sqrt(v) + eps),
        "eps belongs outside of the root": m_hat / np.sqrt(v_hat + eps),
        "eps is missing": m_hat / np.sqrt(v_hat),
        "eps is added before the bias correction of v": m_hat
        / ((np.sqrt(v) + eps) / np.sqrt(1 - b2**t)),
        "the root of v is missing": m_hat / (v_hat + eps),
        "it uses g where m belongs": g / (np.sqrt(v_hat) + eps),
        "it uses the old m and v, expected the new ones": old_m
        / (1 - b1**t)
        / (np.sqrt(old_v / (1 - b2**t)) + eps),
        "it moves uphill: the sign": -right,
        "lr is missing": right / lr,
        "the bias correction has t·β, expected β to the power of t": m
        / (1 - b1 * t)
        / (np.sqrt(np.abs(v / (1 - b2 * t))) + eps),
    }
    for wrong, text in ((t - 1, "t − 1"), (t + 1, "t + 1")):
        steps[f"the bias correction has {text}, expected t"] = (
            m / (1 - b1**wrong) / (np.sqrt(v / (1 - b2**wrong)) + eps)
        )
    return {cause: w - lr * step for cause, step in steps.items()}


def mean_causes(old: Array, new: Array, weight: float) -> dict[str, Array]:
    return {
        "it did not change: write into the argument, m[...] = ..., not m = ...": old,
        "the weights β and 1 − β are exchanged": (1 - weight) * old + weight * new,
        "the factor 1 − β is missing": weight * old + new,
        "the factor β is missing": old + (1 - weight) * new,
    }


def adam(code: Code, rng: Generator) -> dict[str, str]:
    arrays, settings = draw(rng)
    (w, _, m, v), _ = stepped(code, "adam_step", arrays, settings)
    want_w, want_m, want_v = adam_textbook(*arrays, *settings)
    g, b1, b2 = arrays[1], settings[2], settings[3]
    unchanged = {"it did not change: write into the argument, w -= ..., not w = w - ...": arrays[0]}
    v_causes = mean_causes(arrays[3], g**2, b2) | {
        "it has g, expected g²": b2 * arrays[3] + (1 - b2) * g,
        "it has |g|, expected g²": b2 * arrays[3] + (1 - b2) * np.abs(g),
        "it has β1, expected β2": b1 * arrays[3] + (1 - b1) * g**2,
    }
    text = judge.compare(m, want_m, "m", mean_causes(arrays[2], g, b1), RTOL) or judge.compare(
        v, want_v, "v", v_causes, RTOL
    )
    causes = unchanged | adam_causes(*arrays, *settings)
    return judge.only_wrong(
        **{"Adam w": judge.compare(w, want_w, "w", causes, RTOL), "Adam m, v": text}
    )


def ax(code: Code, rng: Generator) -> dict[str, str]:
    arrays, settings = draw(rng)
    (w, _, m, u), _ = stepped(code, "adamax_step", arrays, settings)
    want_w, want_m, want_u = adamax(*arrays, *settings)
    (old_w, g, old_m, old_u), (t, lr, b1, b2, eps) = arrays, settings
    m_hat = want_m / (1 - b1**t)
    u_causes = {
        "it did not change: write into the argument, u[...] = ..., not u = ...": old_u,
        "eps is missing": np.maximum(b2 * old_u, np.abs(g)),
        "|g| has lost its absolute value": np.maximum(b2 * old_u, g + eps),
        "the factor β2 is missing": np.maximum(old_u, np.abs(g) + eps),
        "it has g², expected |g|": np.maximum(b2 * old_u, g**2 + eps),
    }
    w_causes = {
        "it did not change: write into the argument, w -= ..., not w = w - ...": old_w,
        "the bias correction of m is missing": old_w - lr * want_m / want_u,
        "u has a bias correction; only m needs one": old_w - lr * m_hat / (want_u / (1 - b2**t)),
        "u has a square root": old_w - lr * m_hat / np.sqrt(want_u),
        "it uses the old u, expected the new one": old_w - lr * m_hat / old_u,
        "it uses g where m belongs": old_w - lr * g / want_u,
        "it moves uphill: the sign": old_w + lr * m_hat / want_u,
    }
    text = judge.compare(m, want_m, "m", mean_causes(old_m, g, b1), RTOL)
    text = text or judge.compare(u, want_u, "u", u_causes, RTOL)
    text = text or judge.compare(w, want_w, "w", w_causes, RTOL)
    return judge.only_wrong(Adamax=text)


def in_place(code: Code, rng: Generator) -> dict[str, str]:
    for name, third in (("adam_step", "v"), ("adamax_step", "u")):
        arrays, settings = draw(rng)
        result, after = code.call_in_place(name, *arrays, *settings)
        for letter, old, new in zip(("w", "g", "m", third), arrays, after, strict=False):
            same = np.array_equal(old, new)
            if same and letter != "g":
                return {"in place": f"{name} does not change its argument {letter} in place"}
            if not same and letter == "g":
                return {"in place": f"{name} changes the gradient g, which is not its own"}
        if result is not None:
            return {"in place": f"{name} returns {judge.described(result)}, expected nothing"}
    return {}


def training(code: Code, rng: Generator) -> dict[str, str]:
    """The loop step by step; it cannot be right with a wrong ``adam_step``."""
    wrong = exact(code, rng)
    hint = "; adam_step is wrong too: repair it first" if wrong and adam(code, rng) else ""
    return {part: text + hint for part, text in wrong.items()}


EXERCISE = Exercise(
    name="adam",
    number=6,
    title="Adam, and a training loop",
    chapter="01_basic_autoencoder",
    checks=(
        Check({"Adam w": 2, "Adam m, v": 1}, adam),
        Check({"Adamax": 2}, ax),
        Check({"in place": 1}, in_place, needs=("Adam m, v",)),
        Check({"train learns": 3, "losses": 1}, learns),
        Check({"train, exactly": 2}, training),
    ),
)
