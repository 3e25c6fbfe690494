"""Wrong gradients as students write them: what an entry looks like, and how a file adds its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Build = Callable[[np.random.Generator], tuple[Any, tuple[Any, ...]]]


@dataclass(frozen=True)
class Homework:
    """A layer or function whose gradient is wrong.

    ``about`` names the cause in a student's words. ``tensor`` is the tensor whose gradient is
    wrong, or several, separated by ``", "``. ``cause`` and ``misleading`` are regular expressions:
    a hint in which one of ``cause`` occurs names the cause, a hint in which one of ``misleading``
    occurs names another one.

    ``needs`` says what a checker must support to see the bug: ``"several inputs"`` (``forward(x, h)
    -> y, cache`` and ``backward(dy, cache) -> (dx, dh), grads``), ``"several outputs"`` (y and dy
    are tuples), ``"integer inputs"`` (held fixed, no gradient), ``"unlisted arrays"`` (weights that
    are not in ``params``), ``"state"`` (each gradient is right until the layer is used a second
    time).
    """

    name: str
    about: str
    build: Build
    tensor: str
    cause: tuple[str, ...]
    misleading: tuple[str, ...] = ()
    kind: str | None = None
    needs: str = ""
    topic: str = ""

    @property
    def tensors(self) -> tuple[str, ...]:
        """The names of the tensors whose gradients are wrong."""
        return tuple(self.tensor.split(", "))

    def make(self, seed: int = 0) -> tuple[Any, tuple[Any, ...]]:
        """``target, inputs``, to be called as ``gradcheck(target, *inputs, kind=self.kind)``."""
        return self.build(np.random.default_rng(seed))

    def named_in(self, text: str) -> bool:
        """Whether ``text`` names the cause."""
        return any(re.search(pattern, text, re.IGNORECASE) for pattern in self.cause)

    def misled_by(self, text: str) -> bool:
        """Whether ``text`` names a cause that is not the one."""
        return any(re.search(pattern, text, re.IGNORECASE) for pattern in self.misleading)


HOMEWORK: list[Homework] = []


def homework(
    tensor: str,
    *cause: str,
    misleading: tuple[str, ...] = (),
    kind: str | None = None,
    needs: str = "",
) -> Callable[[Build], Build]:
    """Add the decorated ``build(rng) -> target, inputs`` to ``HOMEWORK``; its docstring is
    ``about``."""

    def add(build: Build) -> Build:
        about = " ".join((build.__doc__ or "").split())
        topic = build.__module__.rpartition("homework_")[2]
        name = build.__name__
        HOMEWORK.append(Homework(name, about, build, tensor, cause, misleading, kind, needs, topic))
        return build

    return add


def with_backward(layer: Any, backward: Callable[..., Any]) -> Any:
    """The layer with another ``backward(self, dy, cache)``."""
    cls = type(layer)
    layer.__class__ = type(cls.__name__, (cls,), {"backward": backward, "__module__": __name__})
    return layer
