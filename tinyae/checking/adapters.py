"""What can be checked: every kind of target becomes one small common form, a ``Problem``.

How a target is recognised (``kind=...`` overrules):

==================  ====================================================  ===========================================
kind                the target                                            the call
==================  ====================================================  ===========================================
``layer``           has ``forward`` and ``backward``; containers too      ``gradcheck(layer, x)``
``pair``            two functions ``f(x, w, b) -> out, cache`` and        ``gradcheck((f, f_backward), x, w, b)``
                    ``f_backward(dout, cache) -> dx, dw, db``
``jacobian``        a function whose 2nd argument is called ``cache(s)``  ``gradcheck(penalty, encoder, x)``
                    ``penalty(encoder, caches) -> value, dx, grads``
``objective``       any other function whose first input is a layer       ``gradcheck(objective, model, x)``
                    ``objective(model, x, rng) -> loss, grads, parts``
``loss``            any other function: a loss or a code penalty          ``gradcheck(mse, y, target)``,
                    ``loss(y, *rest) -> value, dy``                       ``gradcheck(l1, z)``
==================  ====================================================  ===========================================
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinyae.backend import to_numpy

Array = np.ndarray
KINDS = ("layer", "pair", "jacobian", "objective", "loss")


@dataclass
class Problem:
    """A map from named tensors to one output y, and the gradients that its author wrote.

    ``tensors`` are the checker's own copies: it perturbs them in place and ``forward`` sees that.
    """

    title: str
    kind: str
    tensors: dict[str, Array]  # what the output is differentiated by
    forward: Callable[[], tuple[Array, Any]]  # -> y, cache
    backward: Callable[[Array, Any], dict[str, Any]]  # (dy, cache) -> gradients by tensor name
    scalar: bool = (
        False  # y is a single number and the gradients are those of y itself: there is no cotangent
    )
    fixed: dict[str, Array] = field(
        default_factory=dict
    )  # inputs that are not differentiated: targets, labels
    inputs: tuple[str, ...] = ("x",)  # which of the tensors are inputs; the others are parameters


def as_problem(
    target: Any,
    inputs: tuple[Any, ...],
    dtype: Any = np.float64,
    seed: int = 0,
    kind: str | None = None,
) -> Problem:
    """The target in the common form, on copies of this dtype. The table above says how its kind is recognised.

    Raises:
        TypeError: the target or its inputs are not of any of these kinds; the text says what is missing.
        ValueError: ``kind`` is not one of those of the table, or an input is empty.
    """
    kind = kind or recognise(target, inputs)
    if kind not in KINDS:
        raise ValueError(f"gradcheck: kind {kind!r} is unknown, expected one of {', '.join(KINDS)}")
    build = {
        "layer": _layer,
        "pair": _pair,
        "jacobian": _jacobian,
        "objective": _objective,
        "loss": _loss,
    }[kind]
    return build(target, inputs, dtype, seed)


def recognise(target: Any, inputs: tuple[Any, ...]) -> str:
    if isinstance(target, type):
        raise TypeError(
            f"gradcheck: {target.__name__} is a class, expected an object: write {target.__name__}(...)"
        )
    if isinstance(target, tuple | list):
        if len(target) == 2 and all(callable(f) for f in target):
            return "pair"
        raise TypeError("gradcheck: a pair of plain functions is (f, f_backward): two callables")
    has = [name for name in ("forward", "backward") if callable(getattr(target, name, None))]
    if len(has) == 2:
        return "layer"
    if has:
        lacks = (
            "backward(dy, cache) -> dx, grads" if has == ["forward"] else "forward(x) -> y, cache"
        )
        raise TypeError(f"gradcheck: {type(target).__name__} has {has[0]} but no {lacks}")
    if not callable(target):
        raise TypeError(
            f"gradcheck: cannot check a {type(target).__name__}: it has no forward(x) -> y, cache, and is not callable. "
            "Expected a layer, a loss, a penalty, an objective, or a pair (f, f_backward)"
        )
    if inputs and is_layer(inputs[0]):
        second = argument_names(target, 2)[1]
        return "jacobian" if second.startswith("cache") else "objective"
    return "loss"


def is_layer(a: Any) -> bool:
    return callable(getattr(a, "forward", None)) and not isinstance(a, type)


# ---- the five kinds ----------------------------------------------------------------------------------------------------


def _layer(target: Any, inputs: tuple[Any, ...], dtype: Any, seed: int) -> Problem:
    if len(inputs) != 1:
        raise TypeError(
            f"gradcheck: a layer is checked at one input, gradcheck(layer, x); got {len(inputs)} inputs"
        )
    x = own(inputs[0], "x", dtype)
    layer, params = own_layer(target, dtype)
    name = type(target).__name__

    def forward() -> tuple[Array, Any]:
        return output_and_cache(call(f"{name}.forward", layer.forward, x), f"{name}.forward(x)")

    def backward(dy: Array, cache: Any) -> dict[str, Any]:
        result = call(f"{name}.backward", layer.backward, dy, cache)
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], Mapping)):
            raise TypeError(
                f"gradcheck: {name}.backward(dy, cache) returned {described(result)}, expected two values: dx, grads, "
                "where grads is a dict {parameter's name: gradient}, {} for a layer without parameters"
            )
        return named_gradients(result[0], shared(layer, result[1]), "x")

    return Problem(one_line(target), "layer", {"x": x, **params}, forward, backward)


def _pair(target: Any, inputs: tuple[Any, ...], dtype: Any, seed: int) -> Problem:
    f, f_backward = target
    if not inputs:
        raise TypeError(
            f"gradcheck: a pair needs the inputs of {function_name(f)}: gradcheck((f, f_backward), x, w, b)"
        )
    names = argument_names(f, len(inputs))
    own(
        inputs[0], names[0], dtype
    )  # the first must be real numbers; integers further on are indices and pass through
    arguments = [
        own(a, n, dtype) if is_real(a) else passed_through(a, dtype)
        for a, n in zip(inputs, names, strict=True)
    ]
    tensors = {
        n: a
        for n, a in zip(names, arguments, strict=True)
        if isinstance(a, np.ndarray) and a.dtype == dtype
    }
    label = function_name(f_backward)

    def forward() -> tuple[Array, Any]:
        return output_and_cache(
            call(function_name(f), f, *arguments), f"{function_name(f)}({', '.join(names)})"
        )

    def backward(dy: Array, cache: Any) -> dict[str, Any]:
        result = call(label, f_backward, dy, cache)
        gradients = result if isinstance(result, tuple | list) else (result,)
        if isinstance(result, dict) or (
            len(gradients) != len(tensors) and not isinstance(result, tuple | list)
        ):
            wanted = ", ".join("d" + n for n in tensors)
            raise TypeError(f"gradcheck: {label} returned {described(result)}, expected {wanted}")
        named = dict(zip(tensors, gradients, strict=False))
        surplus = {
            f"value {i + 1} of {label}": g
            for i, g in enumerate(gradients)
            if i >= len(tensors) and g is not None
        }
        return named | surplus

    return Problem(function_name(f), "pair", tensors, forward, backward, inputs=tuple(tensors)[:1])


def _loss(target: Any, inputs: tuple[Any, ...], dtype: Any, seed: int) -> Problem:
    if not inputs:
        raise TypeError(
            f"gradcheck: {function_name(target)} needs its inputs: gradcheck(loss, y, target)"
        )
    function, label = copied(target), function_name(target)
    names = argument_names(target, len(inputs))
    y = own(inputs[0], names[0], dtype)
    rest = [passed_through(a, dtype) for a in inputs[1:]]

    def forward() -> tuple[Array, Any]:
        value, dy = value_and(call(label, function, y, *rest), 2, label, "value, dy")
        return value, dy

    def backward(_: Array, cache: Any) -> dict[str, Any]:
        return {names[0]: cache}

    fixed = {n: a for n, a in zip(names[1:], rest, strict=True) if isinstance(a, np.ndarray)}
    return Problem(label, "loss", {names[0]: y}, forward, backward, True, fixed, (names[0],))


def _jacobian(target: Any, inputs: tuple[Any, ...], dtype: Any, seed: int) -> Problem:
    if len(inputs) != 2:
        raise TypeError(
            f"gradcheck: a Jacobian penalty is checked as gradcheck(penalty, encoder, x); got {len(inputs)} inputs"
        )
    function, label = copied(target), function_name(target)
    encoder, params = own_layer(inputs[0], dtype)
    x = own(inputs[1], "x", dtype)

    def forward() -> tuple[Array, Any]:
        _, caches = output_and_cache(
            call("encoder.forward", encoder.forward, x), "encoder.forward(x)"
        )
        value, dx, grads = value_and(
            call(label, function, encoder, caches), 3, label, "value, dx, grads"
        )
        # None is the protocol's way of saying "does not depend on x": exactly zero
        return value, named_gradients(
            np.zeros_like(x) if dx is None else dx, shared(encoder, grads), "x"
        )

    return Problem(
        f"{label} of {one_line(inputs[0])}",
        "jacobian",
        {"x": x, **params},
        forward,
        lambda _, cache: cache,
        True,
    )


def _objective(target: Any, inputs: tuple[Any, ...], dtype: Any, seed: int) -> Problem:
    if len(inputs) < 2:
        raise TypeError(
            f"gradcheck: an objective is checked as gradcheck(objective, model, x); got {len(inputs)} inputs"
        )
    function, label = copied(target), function_name(target)
    model, params = own_layer(inputs[0], dtype)
    if not params:
        raise TypeError(
            f"gradcheck: {one_line(inputs[0])} has no parameters, so there is nothing to differentiate {label} by"
        )
    data = [passed_through(a, dtype) for a in inputs[1:]]

    def forward() -> tuple[Array, Any]:
        rng = np.random.default_rng(
            seed
        )  # the same noise each time: the derivative is taken with the noise held still
        value, grads, _ = value_and(
            call(label, function, model, *data, rng), 3, label, "loss, grads, parts"
        )
        return value, shared(model, grads)

    fixed = {"x": data[0]} if isinstance(data[0], np.ndarray) else {}
    title = f"{label} of {one_line(inputs[0])}"
    return Problem(title, "objective", params, forward, lambda _, cache: cache, True, fixed, ())


# ---- copies: the target and its inputs stay as they are ---------------------------------------------------------------------


def is_array(a: Any) -> bool:
    return isinstance(a, np.ndarray | np.generic) or (hasattr(a, "get") and hasattr(a, "dtype"))


def is_real(a: Any) -> bool:
    return is_array(a) and to_numpy(a).dtype.kind == "f"


def own(a: Any, name: str, dtype: Any) -> Array:
    """A float copy of an input that is to be differentiated."""
    a = to_numpy(a)
    if a.dtype.kind != "f":
        raise TypeError(
            f"gradcheck: {name} has dtype {a.dtype}: a derivative needs real numbers that can move a little; "
            f"pass {name}.astype(float)"
        )
    if a.size == 0:
        raise ValueError(f"gradcheck: {name} is empty, shape {a.shape}: there is nothing to check")
    return np.array(a, dtype=dtype, order="C")


def passed_through(a: Any, dtype: Any) -> Any:
    """A copy of an input that is not differentiated: labels stay integers, real targets follow the dtype."""
    if not is_array(a):
        return a
    a = to_numpy(a)
    real = np.float64 if np.dtype(dtype).kind == "c" else dtype
    return np.array(a, dtype=real if a.dtype.kind == "f" else a.dtype)


def own_layer(layer: Any, dtype: Any) -> tuple[Any, dict[str, Array]]:
    """A deep copy of the layer in which every float parameter has this dtype, and those parameters by name.

    The trick is deepcopy's memo: it is told in advance what each parameter's copy is, so that every reference to the array,
    wherever in the object it is kept, becomes a reference to the converted copy.
    """
    params = getattr(layer, "params", {})
    if not isinstance(params, Mapping):
        raise TypeError(
            f"gradcheck: {type(layer).__name__}.params is a {type(params).__name__}, expected a dict of arrays"
        )
    arrays = {id(a): a for a in params.values() if to_numpy(a).dtype.kind == "f"}
    memo: dict[int, Any] = {
        key: np.array(to_numpy(a), dtype=dtype, order="C") for key, a in arrays.items()
    }
    converted = {n: memo[id(a)] for n, a in params.items() if id(a) in memo}
    twin = copy.deepcopy(layer, memo)
    seen = getattr(twin, "params", {})
    lost = [n for n, a in converted.items() if seen.get(n) is not a]
    if lost:
        raise TypeError(
            f"gradcheck: {type(layer).__name__}.params[{lost[0]!r}] is made anew at each look, expected the very array that "
            "forward uses"
        )
    firsts = {
        id(a): n for n, a in reversed(converted.items())
    }  # an array under two names is one tensor, called by the first
    return twin, {n: a for n, a in converted.items() if firsts[id(a)] == n}


def shared(layer: Any, grads: Mapping[str, Any]) -> dict[str, Any]:
    """The gradients, those of one array under several names (tied weights) added up under the first of them."""
    params, out = getattr(layer, "params", {}), dict(grads)
    firsts: dict[int, str] = {}
    for name, a in params.items():
        first = firsts.setdefault(id(a), name)
        if first != name and out.get(first) is not None and out.get(name) is not None:
            out[first] = out[first] + out.pop(name)
    return out


def copied(function: Any) -> Any:
    """A callable object is copied, so that its state stays; a plain function has none."""
    return (
        function
        if inspect.isfunction(function) or inspect.isbuiltin(function)
        else copy.deepcopy(function)
    )


# ---- what targets return, and what to say when it is something else -----------------------------------------------------------


def call(label: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """function(*arguments); where it throws, its own exception and traceback go on, with a note on where we were."""
    try:
        return function(*arguments)
    except Exception as error:
        shapes = ", ".join(str(a.shape) for a in arguments if isinstance(a, np.ndarray))
        error.add_note(
            f"raised inside {label} during its gradient check"
            + (f", called with shapes {shapes}" if shapes else "")
        )
        raise


def output_and_cache(result: Any, label: str) -> tuple[Array, Any]:
    if not (isinstance(result, tuple) and len(result) == 2):
        raise TypeError(
            f"gradcheck: {label} returned {described(result)}, expected two values: y, cache "
            "(the cache is what backward must remember; None will do)"
        )
    return np.asarray(result[0]), result[1]


def value_and(result: Any, count: int, label: str, wanted: str) -> tuple[Any, ...]:
    if not (isinstance(result, tuple) and len(result) == count):
        raise TypeError(
            f"gradcheck: {label} returned {described(result)}, expected {count} values: {wanted}"
        )
    value = np.asarray(result[0])
    if value.size != 1:
        raise TypeError(
            f"gradcheck: {label} returned a value of shape {value.shape}, expected a single number: sum or mean it"
        )
    return (value.reshape(()), *result[1:])


def named_gradients(dx: Any, grads: dict[str, Any], x_name: str) -> dict[str, Any]:
    if x_name in grads:  # a parameter must not hide the input
        raise TypeError(
            f"gradcheck: a parameter is called {x_name!r}, the name of the input: rename it"
        )
    return {x_name: dx, **grads}


def argument_names(function: Any, count: int) -> list[str]:
    """The function's own names for its first arguments, so that the report speaks of them; x1, x2, ... where it hides them."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        parameters = []
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in parameters if p.kind in positional][:count]
    return names + [f"x{i + 1}" for i in range(len(names), count)]


def function_name(f: Any) -> str:
    return getattr(f, "__name__", None) or type(f).__name__


def one_line(layer: Any) -> str:
    text = " ".join(repr(layer).split())
    if text.startswith("<"):  # a class of one's own without a repr
        text = type(layer).__name__
    return text if len(text) <= 68 else text[:65] + "..."


def described(result: Any) -> str:
    if isinstance(result, tuple):
        return f"{len(result)} values"
    if isinstance(result, np.ndarray):
        return f"one array of shape {result.shape}"
    return "nothing (None)" if result is None else f"a {type(result).__name__}"
