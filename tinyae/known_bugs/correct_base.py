"""Correct gradients that are hard on a checker: what an entry looks like, and what the files
share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray
Rng = np.random.Generator
SCALES = (1e-4, 1e-2, 0.1, 1.0, 10.0, 100.0, 1e4)
Build = Callable[[Rng, float], tuple[Any, tuple[Any, ...]]]


@dataclass(frozen=True)
class Correct:
    """A layer, net or function whose gradients are right. ``needs``: see ``Homework.needs``."""

    name: str
    about: str
    build: Build
    needs: str = ""

    def make(self, seed: int = 0, scale: float = 1.0) -> tuple[Any, tuple[Any, ...]]:
        """``target, inputs``, to be called as ``gradcheck(target, *inputs)``; ``scale`` multiplies
        the input."""
        return self.build(np.random.default_rng(seed), scale)


CORRECT_MORE: list[Correct] = []


def correct(build: Build) -> Build:
    """Add the decorated ``build(rng, scale) -> target, inputs``; its docstring is ``about``."""
    return needing("")(build)


def needing(needs: str) -> Callable[[Build], Build]:
    """As ``correct``, for a target that a checker must support ``needs`` for."""

    def add(build: Build) -> Build:
        about = " ".join((build.__doc__ or "").split())
        CORRECT_MORE.append(Correct(build.__name__, about, build, needs))
        return build

    return add


def sum_to(a: Array, shape: tuple[int, ...]) -> Array:
    """Sum over the axes along which an array of this shape is broadcast to ``a``."""
    a = a.sum(axis=tuple(range(a.ndim - len(shape))))
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and a.shape[i] != 1)
    return a.sum(axis=axes, keepdims=True)


def sigmoid(x: Array) -> Array:
    """σ(x) without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * x))


def softmax(x: Array, axis: int = -1) -> Array:
    """Softmax along one axis, without overflow."""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)
