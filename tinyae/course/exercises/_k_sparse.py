"""The layer of exercise 14: it keeps the k largest values of each row."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Code, Mistake
from tinyae.course.layer import StudentLayer

K = 3


def largest(x: Array, k: int = K, axis: int = 1) -> Array:
    """1 for the k largest values of each row, else 0."""
    places = np.argsort(-x, axis=axis, kind="stable").take(range(k), axis=axis)
    kept = np.zeros_like(x)
    np.put_along_axis(kept, places, 1, axis=axis)
    return kept


CHOICES: dict[str, Callable[[Array], Array]] = {
    "the largest magnitudes are kept, expected the largest values": lambda x: largest(np.abs(x)),
    "the smallest values are kept, expected the largest": lambda x: largest(-x),
    "the largest of each column are kept, expected of each row": lambda x: largest(x, axis=0),
    "the largest of the whole batch are kept, expected of each row": (
        lambda x: largest(x.reshape(1, -1)).reshape(x.shape)
    ),
    "one value too many is kept in each row": lambda x: largest(x, K + 1),
    "one value too few is kept in each row": lambda x: largest(x, K - 1),
}


def draw(rng: Generator) -> Array:
    """Large values of both signs, none of them close to another one of its row."""
    row = np.array([-4.0, 3.5, -3, 2.5, -2, 1.5, -1, 0.5])
    return rng.permuted(np.tile(row, (6, 1)), axis=1) + rng.uniform(0, 0.2, size=(6, 8))


def forward(code: Code, rng: Generator) -> dict[str, str]:
    x = draw(rng)
    y, _ = StudentLayer(code, "KSparse", K).forward(x)
    causes = {cause: x * mask(x) for cause, mask in CHOICES.items()} | {
        "it is the mask, without x": largest(x),
        "nothing was set to 0": x,
    }
    return judge.only_wrong(**{"KSparse y": judge.compare(y, x * largest(x), "y", causes)})


def backward(code: Code, rng: Generator) -> dict[str, str]:
    def causes(dy: Array, x: Array) -> Any:
        return {
            "dx": {cause: dy * mask(x) for cause, mask in CHOICES.items()}
            | {
                "all values get a gradient, but those that were set to 0 do not change y": dy,
                "the largest of dy are kept, expected those of x": dy * largest(dy),
                "it is the mask, without dy": largest(x),
                "it is multiplied by x": dy * x * largest(x),
            }
        }

    layer = StudentLayer(code, "KSparse", K)
    x = np.abs(draw(rng))  # the largest magnitudes are the largest values
    wrong = judge.gradients(lambda x: x * largest(x), layer.input_gradient, x, causes=causes)
    return judge.only_wrong(**{"KSparse dx": wrong.get("dx", "")})


def ties(code: Code, rng: Generator) -> dict[str, str]:
    """Any k of the largest are right, and dx belongs to the same ones."""
    layer = StudentLayer(code, "KSparse", K)
    row = np.array([5.0, 3, 3, 3, 3, 1, 1, 2])  # the second and third largest are any two of four
    x = rng.permuted(np.tile(row, (6, 1)), axis=1)
    y, cache = layer.forward(x)
    if np.shape(y) != x.shape:
        raise Mistake(judge.compare(y, x, "y"))
    counts = (y != 0).sum(axis=1)
    if (counts != K).any():
        raise Mistake(f"of equal values, {counts.max()} are kept in one row, but k = {K}")
    if not judge.close(np.sort(y, axis=1), np.sort(x * largest(x), axis=1)):
        raise Mistake("where values are equal, others than the k largest are kept")
    dx, _ = layer.backward(np.ones_like(x), cache)
    if np.shape(dx) != x.shape or not judge.close(dx, (y != 0) * 1.0):
        raise Mistake("where values are equal, dx does not belong to the values that were kept")
    return {}


def conduct(code: Code, rng: Generator) -> str:
    x, other = rng.normal(size=(2, 6, 8))
    return StudentLayer(code, "KSparse", K).conduct(x, other)
