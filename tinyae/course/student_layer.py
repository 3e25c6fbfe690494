"""The checks of a layer that a student has written as a class, for the exercises.

The class follows the layer protocol: ``params``, ``forward(x) -> y, cache`` and
``backward(dy, cache) -> dx, grads``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Code, Mistake


class StudentLayer:
    """An object of the student's class, with parameters that the check has drawn.

    Args:
        code: the student's code.
        name: the name of the class.
        *args: what it is made with.
        params: new values of its parameters, written into the arrays of ``params``.
        **options: what else it is made with, such as ``dtype="float32"``.

    Raises:
        Mistake: if it does not have these parameters.
    """

    def __init__(
        self, code: Code, name: str, *args: Any, params: Mapping[str, Array], **options: Any
    ) -> None:
        self._code, self.name = code, name
        self.handle = code.construct(name, *args, **options)
        self.initial = code.arrays(self.handle)
        for key, value in params.items():
            if key not in self.initial:
                raise Mistake(f"{name} does not have an array params[{key!r}]")
            have = self.initial[key]
            if have.shape != value.shape:
                raise Mistake(f"params[{key!r}] has shape {have.shape}, expected {value.shape}")
            if have.dtype != value.dtype:
                raise Mistake(f"params[{key!r}] has dtype {have.dtype}, expected {value.dtype}")
        self.set(params)

    def set(self, params: Mapping[str, Array]) -> None:
        """Write new values into its parameters."""
        for key, value in params.items():
            self._code.set_array(self.handle, key, value)

    def forward(self, x: Array) -> tuple[Any, ...]:
        """``y, cache``"""
        return judge.pair(self._code.call((self.handle, "forward"), x), "y, cache")

    def backward(self, dy: Array, cache: Any, *keys: str) -> tuple[Any, ...]:
        """``dx`` and the gradients of the parameters with these names.

        Raises:
            Mistake: if backward returns something else.
        """
        returned = self._code.call((self.handle, "backward"), dy, cache)
        dx, grads = judge.pair(returned, "dx, grads")
        if not isinstance(grads, dict):
            raise Mistake(f"backward returned {judge.described(grads)} for grads, expected a dict")
        if missing := [key for key in keys if key not in grads]:
            raise Mistake(f"backward returned grads without {missing[0]!r}, it has {list(grads)}")
        return dx, *(grads[key] for key in keys)


def conduct(make: Callable[[str], StudentLayer], x: Array, other: Array, *keys: str) -> str:
    """``judge.conduct`` for a layer: it keeps nothing between calls, and keeps the dtype.

    Args:
        make: ``make(dtype)`` makes the layer, with parameters of this dtype.
        x, other: two inputs.
        keys: the names of its parameters.
    """
    layers = {dtype: make(dtype) for dtype in ("float64", "float32")}

    def forward(x: Array) -> tuple[Any, ...]:
        return layers[x.dtype.name].forward(x)

    def backward(dy: Array, cache: Any) -> tuple[Any, ...]:
        return layers["float64"].backward(dy, cache, *keys)

    return judge.conduct(forward, backward, x, other)
