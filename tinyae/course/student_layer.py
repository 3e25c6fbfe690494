"""The checks of a layer that a student has written as a class.

The class follows the layer protocol: ``params``, ``forward(x) -> y, cache`` and
``backward(dy, cache) -> dx, grads``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Code, Mistake


class StudentLayer:
    """An object of the student's class whose parameters have the values that a check has drawn.

    Args:
        code: the student's code.
        name: the name of the class.
        *args: what it is made with.
        params: the values, such as ``{"weight": W, "bias": b}``. They are written into the arrays
            of the layer's ``params``.
        **options: what else it is made with, such as ``dtype="float32"``.

    Attributes:
        initial: the values that the parameters had before.

    Raises:
        Mistake: if it does not have these parameters.
    """

    def __init__(
        self,
        code: Code,
        name: str,
        *args: Any,
        params: Mapping[str, Array] | None = None,
        **options: Any,
    ) -> None:
        self._code, self.name = code, name
        self.handle = code.construct(name, *args, **options)
        params = params or {}
        self._keys = tuple(params)
        self.initial = code.arrays(self.handle) if params else {}
        for key, value in params.items():
            have = self.initial.get(key)
            if have is None:
                raise Mistake(f"{name} does not have an array params[{key!r}]")
            for what in ("shape", "dtype"):
                got, want = getattr(have, what), getattr(value, what)
                if got != want:
                    raise Mistake(f"params[{key!r}] of {name} has {what} {got}, expected {want}")
        self._set(*params.values())

    def _set(self, *values: Array) -> None:
        for key, value in zip(self._keys, values, strict=True):
            self._code.set_array(self.handle, key, value)

    def forward(self, x: Array) -> tuple[Any, ...]:
        """``y, cache``"""
        return judge.pair(self._code.call((self.handle, "forward"), x), "y, cache")

    def backward(self, dy: Array, cache: Any) -> tuple[Any, ...]:
        """``dx`` and the gradients of the parameters, in the order of ``params``.

        Raises:
            Mistake: if backward returns something else.
        """
        returned = self._code.call((self.handle, "backward"), dy, cache)
        dx, grads = judge.pair(returned, "dx, grads")
        if not isinstance(grads, dict):
            raise Mistake(f"backward returned {judge.described(grads)} for grads, expected a dict")
        if missing := [key for key in self._keys if key not in grads]:
            raise Mistake(f"the grads of backward do not have {missing[0]!r}, only {list(grads)}")
        return dx, *(grads[key] for key in self._keys)

    def gradients(self, dy: Array, x: Array, *values: Array) -> tuple[Any, ...]:
        """The same at x and at other values of the parameters. For ``judge.gradients``."""
        self._set(*values)
        return self.backward(dy, self.forward(x)[1])


def conduct(make: Callable[[str], StudentLayer], x: Array, other: Array) -> str:
    """``judge.conduct`` for a layer: it keeps nothing between calls, and keeps the dtype.

    Args:
        make: ``make(dtype)`` makes the layer, with parameters of this dtype.
        x, other: two inputs.
    """
    layers = {dtype: make(dtype) for dtype in ("float64", "float32")}

    def forward(x: Array) -> tuple[Any, ...]:
        return layers[np.dtype(x.dtype).name].forward(x)

    return judge.conduct(forward, layers["float64"].backward, x, other)
