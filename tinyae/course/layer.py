"""A layer of the student's code, and what every layer is checked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from tinyae.course import judge
from tinyae.course.exercise import Code, Mistake

Array = np.ndarray


class StudentLayer:
    """An object of a class of the student, with the methods of the layer protocol.

    Args:
        code: the student's code.
        name: the name of the class.
        args, kwargs: of the class.

    Attributes:
        is_strict: whether floating-point errors count as mistakes, as in ``judge.strictly``.

    Raises:
        Mistake: in a call, if a method does not return what the protocol says.
    """

    def __init__(self, code: Code, name: str, *args: Any, **kwargs: Any) -> None:
        self.code, self.name = code, name
        self.handle = code.construct(name, *args, **kwargs)
        self.is_strict = False

    def forward(self, x: Any) -> tuple[Any, Any]:
        """``y, cache``."""
        y, cache = self._pair("forward", "y, cache", x)
        return y, cache

    def backward(self, dy: Any, cache: Any) -> tuple[Any, dict[str, Any]]:
        """``dx, grads``."""
        dx, grads = self._pair("backward", "dx, grads", dy, cache)
        if not isinstance(grads, dict):
            raise Mistake(
                f"{self.name}.backward returns {judge.described(grads)} as grads, expected a dict "
                "{name: gradient}, {} for a layer without parameters"
            )
        return dx, grads

    def input_gradient(self, dy: Any, x: Any) -> Any:
        """``dx``, for a layer without parameters."""
        dx, grads = self.backward(dy, self.forward(x)[1])
        if grads:
            raise Mistake(f"{self.name} does not have parameters, so grads is {{}}")
        return dx

    def check_dx(
        self,
        reference: Callable[[Array], Array],
        x: Array,
        causes: Callable[[Array, Array], Mapping[str, Array]] | None = None,
    ) -> str:
        """What is wrong with ``dx``, for a layer without parameters; ``""`` if nothing is.

        Args:
            reference: ``reference(x) -> y``; its finite differences are the right gradient.
            x: where to check.
            causes: ``causes(dy, x)``: the values of dx that known mistakes lead to.
        """
        known = causes or (lambda dy, x: {})
        wrong = judge.gradients(
            lambda x: reference(x),
            self.input_gradient,
            x,
            causes=lambda dy, x: {"dx": known(dy, x)},
        )
        if wrong:
            output = judge.compare(self.forward(x)[0], reference(x), "y")
            wrong = judge.after_output(wrong, output)
        return "; ".join(wrong.values())

    def conduct(self, x: Array, other: Array, **options: Any) -> str:
        """``judge.conduct``, and whether the methods leave their arguments alone."""

        def gradients(dy: Any, cache: Any) -> list[Any]:
            dx, grads = self.backward(dy, cache)
            return [dx, *grads.values()]

        text = judge.conduct(self.forward, gradients, x, other, **options)
        if not text:
            y, cache = self.forward(x)
            text = judge.in_place(self.code, (self.handle, "forward"), {"x": x}) or judge.in_place(
                self.code, (self.handle, "backward"), {"dy": np.ones_like(y)}, cache
            )
        return f"{self.name}: {text}" if text else ""

    def _pair(self, method: str, names: str, *args: Any) -> tuple[Any, ...]:
        call = partial(judge.strictly, self.code) if self.is_strict else self.code.call
        value = call((self.handle, method), *args)
        try:
            return judge.pair(value, names)
        except Mistake:
            raise Mistake(
                f"{self.name}.{method} returns {judge.described(value)}, expected {names}"
            ) from None
