"""Exercise 24, dropout: of single values and of whole maps, its gradient, and inference.

The checks read the mask from the student's output, so every correct way to draw it is right.
"""

from typing import Any

import numpy as np
from numpy.random import Generator

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Check, Code, Exercise
from tinyae.course.values import Seed

ROWS, COLUMNS = 120, 80
SIGMAS = 6.0  # a right fraction of zeros is farther off once in 10⁹ gradings


def draw(rng: Generator) -> tuple[Array, float, Seed]:
    """No entry is 0, so that a 0 in the output is a dropped one."""
    return nonzero(rng, (ROWS, COLUMNS)), probability(rng), seed(rng)


def nonzero(rng: Generator, shape: tuple[int, ...]) -> Array:
    return rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 2, shape)


def probability(rng: Generator) -> float:
    """Far from 1/2, so that p and 1 − p differ."""
    return float(rng.uniform(0.15, 0.3))


def seed(rng: Generator) -> Seed:
    return Seed(int(rng.integers(2**31)))


def forward_of(code: Code, name: str, x: Array, p: float, seed: Seed) -> tuple[Any, Any]:
    y, cache = judge.pair(code.call(name, x, p, seed), "y, cache")
    return y, cache


def shape_of(y: Any, x: Array) -> str:
    """What is wrong with the form of y, whatever its values are."""
    if isinstance(y, np.ndarray) and y.shape == x.shape and y.dtype.kind == "f":
        return "" if np.isfinite(y).all() else "y has entries that are NaN or infinite"
    return judge.compare(y, x, "y") or "y is x itself: nothing was dropped"


def fraction(kept: Array, p: float) -> str:
    """Whether the fraction of zeros is p, up to chance."""
    zeros = 1 - float(kept.mean())
    chance = SIGMAS * float(np.sqrt(p * (1 - p) / kept.size))
    if abs(zeros - p) <= chance:
        return ""
    if zeros == 0:
        return "nothing is dropped"
    if abs(zeros - (1 - p)) <= chance:
        return "p is the probability to drop a value, not to keep it"
    return f"with p = {p:.2f}, {zeros:.0%} of the draws drop a value"


def source(code: Code, name: str, x: Array, p: float, first: Seed, other: Seed) -> str:
    """Whether the mask comes from ``rng``."""
    y, again, different = (
        np.asarray(forward_of(code, name, x, p, s)[0]) for s in (first, first, other)
    )
    if not np.array_equal(y, again):
        return "the same seed gives another mask: draw with rng, not with np.random"
    if np.array_equal(y, different):
        return "another seed gives the same mask: draw with rng, not with a generator of your own"
    return ""


def mask(code: Code, rng: Generator) -> dict[str, str]:
    x, p, first = draw(rng)
    y, _ = forward_of(code, "dropout_forward", x, p, first)
    text = shape_of(y, x)
    if not text:
        kept = y != 0
        if (kept == kept[:1]).all() and not kept.all():
            text = "all rows have the same mask: each entry has a draw of its own"
        elif (kept == kept[:, :1]).all() and not kept.all():
            text = "rows are dropped as a whole: each entry has a draw of its own"
        text = text or fraction(kept, p)
        text = text or source(code, "dropout_forward", x, p, first, seed(rng))
    if not text and judge.compare(forward_of(code, "dropout_forward", x, 0.0, first)[0], x, "y"):
        text = "with p = 0, y is not x"
    return judge.only_wrong(mask=text)


def scale(code: Code, rng: Generator) -> dict[str, str]:
    x, p, first = draw(rng)
    y, _ = forward_of(code, "dropout_forward", x, p, first)
    text = shape_of(y, x)
    if not text:
        text = scaled(y, x, p, "y") if (y != 0).any() else "y is 0 everywhere"
    return judge.only_wrong(scale=text)


def scaled(got: Array, given: Array, p: float, name: str) -> str:
    """Whether the entries that are kept are those of ``given``, divided by 1 − p."""
    kept = got != 0
    factors = {
        f"the division by 1 − p is missing where {name} is not 0": 1.0,
        "it is multiplied by 1 − p, expected divided": 1 - p,
        "it is divided by p, expected by 1 − p": 1 / p,
        "it is divided by 1 − p twice": 1 / (1 - p) ** 2,
        "it is divided by √(1 − p), expected by 1 − p": 1 / np.sqrt(1 - p),
    }
    causes = {cause: given[kept] * factor for cause, factor in factors.items()}
    return judge.compare(got[kept], given[kept] / (1 - p), name, causes)


def gradient(code: Code, name: str, x: Array, p: float, first: Seed, dy: Array) -> str:
    """Whether dx has the mask and the scale of the forward pass."""
    y, cache = forward_of(code, name, x, p, first)
    dx = code.call("dropout_backward", dy, cache)
    if np.all(y) or not np.any(y):
        return "all of y is dropped or all of it is kept, so there is nothing to say about dx"
    factor = (np.asarray(y) != 0) / (1 - p)
    causes = {
        "the mask is missing: a dropped value has the gradient 0": dy,
        "the mask is missing, it has the factor 1/(1 − p) everywhere": dy / (1 - p),
        "the division by 1 − p is missing": dy * (factor != 0),
        "it is multiplied by 1 − p, expected divided": dy * (factor != 0) * (1 - p),
        "it is divided by 1 − p twice": dy * factor / (1 - p),
        "it is multiplied by y": dy * np.asarray(y),
    }
    wrong = judge.compare(dx, dy * factor, "dx", causes)
    if wrong and isinstance(dx, np.ndarray) and dx.shape == dy.shape:
        kept = dx != 0
        if (kept != (factor != 0)).any() and not fraction(kept, p) and not scaled(dx, dy, p, "dx"):
            return "dx is wrong: it has another mask; keep the one of the forward pass in the cache"
    return wrong


def backward(code: Code, rng: Generator) -> dict[str, str]:
    x, p, first = draw(rng)
    dy = nonzero(rng, x.shape)
    return judge.only_wrong(dx=gradient(code, "dropout_forward", x, p, first, dy))


def whole_maps(code: Code, rng: Generator) -> dict[str, str]:
    x, p, first = nonzero(rng, (40, 30, 3, 2)), probability(rng), seed(rng)
    y, _ = forward_of(code, "spatial_dropout_forward", x, p, first)
    text = shape_of(y, x)
    if not text:
        kept = y != 0
        maps = kept[:, :, 0, 0]
        if (kept != maps[:, :, None, None]).any():
            text = "some maps are dropped in part: a map has one draw for all its pixels"
        elif (maps == maps[:1]).all() and not maps.all():
            text = "all images lose the same maps: each map of each image has a draw of its own"
        elif (maps == maps[:, :1]).all() and not maps.all():
            text = "images are dropped as a whole: each map of an image has a draw of its own"
        text = text or fraction(maps, p) or scaled(y, x, p, "y")
        text = text or source(code, "spatial_dropout_forward", x, p, first, seed(rng))
    if not text:
        dy = nonzero(rng, x.shape)
        text = gradient(code, "spatial_dropout_forward", x, p, first, dy)
    return judge.only_wrong(**{"whole maps": text})


def inference(code: Code, rng: Generator) -> dict[str, str]:
    x, p, _ = draw(rng)
    y = code.call("dropout_inference", x, p)
    causes = {
        "it is multiplied by 1 − p, but training has divided by it already": x * (1 - p),
        "it is divided by 1 − p, but nothing is dropped here": x / (1 - p),
    }
    return judge.only_wrong(inference=judge.compare(y, x, "y at test time", causes))


def conduct(code: Code, rng: Generator) -> dict[str, str]:
    x, p, first = draw(rng)
    x = x[:8]

    def forward(x: Array) -> tuple[Any, Any]:
        return forward_of(code, "dropout_forward", x, p, first)

    def backward(dy: Array, cache: Any) -> list[Any]:
        return [code.call("dropout_backward", dy, cache)]

    # the generators start in the same state, so other rows of the same shape have the same mask
    text = "nothing is dropped" if np.all(forward(x)[0]) else ""
    text = text or source(code, "dropout_forward", x, p, first, seed(rng))
    text = text or judge.conduct(forward, backward, x, nonzero(rng, x.shape), alone=False)
    if not text:
        _, (after, _, _) = code.call_in_place("dropout_forward", x, p, first)
        if judge.compare(after, x, "x"):
            text = "dropout_forward changes its argument x in place: the caller still needs it"
    text = text or judge.in_place(code, "dropout_backward", {"dy": x}, forward(x)[1])
    return judge.only_wrong(conduct=text)


EXERCISE = Exercise(
    name="dropout",
    number=24,
    title="Dropout",
    chapter="01_basic_autoencoder",
    checks=(
        Check({"mask": 2}, mask),
        Check({"scale": 2}, scale),
        Check({"dx": 3}, backward),
        Check({"whole maps": 2}, whole_maps),
        Check({"inference": 1}, inference),
        Check({"conduct": 2}, conduct),
    ),
)
