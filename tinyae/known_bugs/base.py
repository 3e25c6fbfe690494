"""What all known bugs share: an example, how to register one, and small layers and inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyae.layers import Conv2d, ConvTranspose2d, Layer, Linear

Array = np.ndarray


@dataclass(frozen=True)
class Example:
    """A target to be checked. For a bug: the tensor whose gradient is wrong and the kinds of hint
    (or of finding) that name its cause; for a bug without a known name, ``("unknown",)``: a checker
    should say that it does not know.

    Example:
        >>> from tinyae.known_bugs import BUGS
        >>> example = next(bug for bug in BUGS if bug.name == "softmax_diagonal")
        >>> target, inputs = example.make(seed=0)
        >>> example.tensor, gradcheck(target, *inputs).ok
        ('x', False)
    """

    name: str
    about: str
    build: Callable[[np.random.Generator], tuple[Any, tuple[Any, ...]]]
    tensor: str = ""
    hints: tuple[str, ...] = ()
    published: bool = False

    def make(self, seed: int = 0) -> tuple[Any, tuple[Any, ...]]:
        """``target, inputs``, to be called as ``gradcheck(target, *inputs)``."""
        return self.build(np.random.default_rng(seed))


BUGS: list[Example] = []


def bug(tensor: str, *hints: str, published: bool = False) -> Callable[[Any], Any]:
    def add(build: Any) -> Any:
        BUGS.append(
            Example(
                build.__name__,
                " ".join((build.__doc__ or "").split()),
                build,
                tensor,
                hints,
                published,
            )
        )
        return build

    return add


def with_bug(layer: Layer, **changes: Callable[..., Any]) -> Layer:
    """The layer with one or more wrong gradients: ``weight=lambda g, dy, cache, layer: g/2``.

    Example:
        >>> from tinyae.known_bugs import with_bug
        >>> layer = with_bug(Linear(4, 3, rng=0), bias=lambda g, dy, cache, layer: 2 * g)
        >>> gradcheck(layer, np.ones((5, 4))).ok
        False
    """

    class WithBug(type(layer)):  # type: ignore[misc]
        def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
            dx, grads = super().backward(dy, cache)
            changed = {n: f({"x": dx, **grads}[n], dy, cache, self) for n, f in changes.items()}
            return changed.pop("x", dx), {**grads, **changed}

    WithBug.__name__ = type(layer).__name__
    layer.__class__ = WithBug
    return layer


def dense(rng: np.random.Generator, inputs: int = 5, outputs: int = 4) -> Linear:
    return Linear(inputs, outputs, rng=rng, dtype=np.float64)


def rows(rng: np.random.Generator, n: int = 6, d: int = 5) -> Array:
    return rng.standard_normal((n, d))


def conv(rng: np.random.Generator, a: int = 2, b: int = 3, **settings: Any) -> Conv2d:
    return Conv2d(a, b, 3, rng=rng, dtype=np.float64, **settings)


def up(rng: np.random.Generator, a: int = 3, b: int = 2, **settings: Any) -> ConvTranspose2d:
    return ConvTranspose2d(a, b, 3, rng=rng, dtype=np.float64, **settings)


def images(rng: np.random.Generator, n: int = 3, c: int = 2, h: int = 6, w: int = 6) -> Array:
    return rng.standard_normal((n, c, h, w))
