"""A layer of the student's code that has parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinyae.course.exercise import Code, Mistake
from tinyae.course.layer import StudentLayer

Array = np.ndarray


class ParametricLayer(StudentLayer):
    """A ``StudentLayer`` whose parameters have the values that a check has drawn.

    Args:
        code: the student's code.
        name: the name of the class.
        args, kwargs: of the class, such as ``dtype="float32"``.
        params: the values, such as ``{"weight": W, "bias": b}``. They are written into the arrays
            of the layer's ``params``.

    Attributes:
        initial: the values that the parameters had before.

    Raises:
        Mistake: if it does not have these parameters.
    """

    def __init__(
        self, code: Code, name: str, *args: Any, params: Mapping[str, Array], **kwargs: Any
    ) -> None:
        super().__init__(code, name, *args, **kwargs)
        self.keys = tuple(params)
        self.initial = code.arrays(self.handle)
        for key, value in params.items():
            have = self.initial.get(key)
            if have is None:
                raise Mistake(f"{name} does not have an array params[{key!r}]")
            for what in ("shape", "dtype"):
                got, want = getattr(have, what), getattr(value, what)
                if got != want:
                    raise Mistake(f"params[{key!r}] of {name} has {what} {got}, expected {want}")
        self.write(*params.values())

    def write(self, *values: Array) -> None:
        """Write other values into the parameters, in the order of ``params``."""
        for key, value in zip(self.keys, values, strict=True):
            self.code.set_array(self.handle, key, value)

    def gradients(self, dy: Array, x: Array, *values: Array) -> tuple[Any, ...]:
        """``dx`` and the gradients of the parameters, at x and these values of the parameters."""
        self.write(*values)
        dx, grads = self.backward(dy, self.forward(x)[1])
        if missing := [key for key in self.keys if key not in grads]:
            raise Mistake(f"grads does not have {missing[0]!r}, only {list(grads)}")
        return dx, *(grads[key] for key in self.keys)


def conduct(make: Callable[[str], ParametricLayer], x: Array, other: Array) -> str:
    """``StudentLayer.conduct``, where the dtype of the output is that of x and the parameters.

    Args:
        make: ``make(dtype)`` makes the layer, with parameters of this dtype.
        x, other: two inputs.
    """
    text = make("float64").conduct(x, other, dtype=False)
    if not text:
        y, _ = make("float32").forward(x.astype(np.float32))
        dtype = np.asarray(y).dtype
        if dtype != np.float32:
            text = f"with float32 parameters, a float32 input gives a {dtype} output"
    return text
