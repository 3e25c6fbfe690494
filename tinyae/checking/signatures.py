"""How targets are recognized and called, and what to say where they return something else."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Array = np.ndarray


def recognize(target: Any, inputs: tuple[Any, ...]) -> str:
    """The kind of a target, from its methods and from the number of its arguments, never from
    their names.

    Raises:
        TypeError: it is of no kind that can be checked.
    """
    if isinstance(target, type):
        raise TypeError(
            f"gradcheck: {target.__name__} is a class, expected an object: "
            f"write {target.__name__}(...)"
        )
    if isinstance(target, tuple | list):
        if len(target) == 2 and all(callable(f) for f in target):
            f, other = target
            return "derivative" if _is_derivative(f, other, inputs) else "pair"
        raise TypeError("gradcheck: a pair of plain functions is (f, f_backward): two callables")
    has = [name for name in ("forward", "backward") if callable(getattr(target, name, None))]
    if len(has) == 2:
        return "layer"
    if has:
        forward_only = has == ["forward"]
        lacks = "backward(dy, cache) -> dx, grads" if forward_only else "forward(x) -> y, cache"
        raise TypeError(f"gradcheck: {type(target).__name__} has {has[0]} but no {lacks}")
    if not callable(target):
        raise TypeError(
            f"gradcheck: cannot check a {type(target).__name__}: it has no forward(x) -> y, cache, "
            "and is not callable. Expected a layer, a loss, a penalty, an objective, or a pair "
            "(f, f_backward)"
        )
    if not inputs or not is_layer(inputs[0]):
        return "loss"
    return _penalty_or_objective(target, inputs)


def _is_derivative(f: Any, f_prime: Any, inputs: tuple[Any, ...]) -> bool:
    """(f, f') of one variable: f(x) is an array, not (y, cache), and f' takes x alone."""
    if len(inputs) != 1 or arguments_taken(f_prime)[0] != 1:
        return False
    try:
        return isinstance(f(np.array(inputs[0], dtype=float)), np.ndarray | np.generic | float)
    except Exception:
        return False


def _penalty_or_objective(target: Any, inputs: tuple[Any, ...]) -> str:
    """``penalty(encoder, caches)`` has two arguments, ``objective(model, x, rng)`` three. Where
    defaults leave both open, a trial call decides: an objective's second value is its gradients."""
    required, possible = arguments_taken(target)
    if possible == 2 or required >= 3:
        return "jacobian" if possible == 2 and len(inputs) == 2 else "objective"
    model, data = copy.deepcopy(inputs[0]), inputs[1:]
    try:
        result = copy.deepcopy(target)(model, *data, np.random.default_rng(0))
        return "objective" if isinstance(result[1], Mapping) else "jacobian"
    except Exception:
        pass
    try:
        result = copy.deepcopy(target)(model, model.forward(data[0])[1])
        return "jacobian" if len(result) == 3 else "objective"
    except Exception:
        return "objective"  # its error appears when it is called in earnest


def arguments_taken(function: Any) -> tuple[int, int]:
    """(how many positional arguments it needs, how many it takes at most)."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 0, 99
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = sum(p.default is p.empty for p in positional)
    open_ended = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return required, 99 if open_ended else len(positional)


def is_layer(a: Any) -> bool:
    return callable(getattr(a, "forward", None)) and not isinstance(a, type)


class Outputs:
    """Several outputs as one vector: ``pack`` joins them, ``unpack`` gives dy the same form."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] | None = None

    def pack(self, y: Any) -> Array:
        if not isinstance(y, tuple | list):
            return np.asarray(y)
        arrays = [np.asarray(a) for a in y]
        self.shapes = [a.shape for a in arrays]
        return np.concatenate([a.reshape(-1) for a in arrays])

    def unpack(self, dy: Array) -> Any:
        if self.shapes is None:
            return dy
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes])[:-1]
        parts = np.split(dy, ends)
        return tuple(part.reshape(shape) for part, shape in zip(parts, self.shapes, strict=True))


def call(label: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """function(*arguments). An exception goes on as it is, with a note that says where it was."""
    try:
        return function(*arguments)
    except Exception as error:
        shapes = ", ".join(str(a.shape) for a in arguments if isinstance(a, np.ndarray))
        error.add_note(
            f"raised inside {label} during its gradient check"
            + (f", called with shapes {shapes}" if shapes else "")
        )
        raise


def output_and_cache(result: Any, label: str) -> tuple[Any, Any]:
    if not (isinstance(result, tuple) and len(result) == 2):
        raise TypeError(
            f"gradcheck: {label} returned {described(result)}, expected two values: y, cache "
            "(the cache is what backward needs; None is allowed)"
        )
    return result[0], result[1]


def value_and(result: Any, count: int, label: str, wanted: str) -> tuple[Any, ...]:
    if not (isinstance(result, tuple) and len(result) == count):
        raise TypeError(
            f"gradcheck: {label} returned {described(result)}, expected {count} values: {wanted}. "
            "If it is of another kind, say so: gradcheck(..., kind='loss'), 'jacobian' or "
            "'objective'"
        )
    value = np.asarray(result[0])
    if value.size != 1:
        raise TypeError(
            f"gradcheck: {label} returned a value of shape {value.shape}, expected a single "
            "number: sum or mean it"
        )
    return (value.reshape(()), *result[1:])


def argument_names(function: Any, count: int) -> list[str]:
    """The function's own names for its first arguments; x1, x2, ... where it hides them."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in parameters if p.kind in positional][:count]
    return names + [f"x{i + 1}" for i in range(len(names), count)]


def function_name(f: Any) -> str:
    return getattr(f, "__name__", None) or type(f).__name__


def one_line(layer: Any) -> str:
    text = " ".join(repr(layer).split())
    if text.startswith("<"):  # a class without a repr
        text = type(layer).__name__
    return text if len(text) <= 68 else text[:65] + "..."


def described(result: Any) -> str:
    if isinstance(result, tuple):
        return f"{len(result)} values"
    if isinstance(result, np.ndarray):
        return f"one array of shape {result.shape}"
    return "nothing (None)" if result is None else f"a {type(result).__name__}"
