"""What can be checked: every kind of target becomes one small common form, a ``Problem``.

How a target is recognized (``kind=...`` overrules):

=============  - ``layer``: has ``forward`` and ``backward``; containers too.
  ``gradcheck(layer, x)``, or ``gradcheck(layer, x1, x2)``
- ``pair``: two functions ``f(x, w, b) -> y, cache`` and ``f_backward(dy, cache) -> dx, dw, db``.
  ``gradcheck((f, f_backward), x, w, b)``
- ``derivative``: two functions ``f(x) -> y`` and ``f'(x)``. ``gradcheck((f, f_prime), x)``
- ``jacobian``: ``penalty(encoder, caches) -> value, dx, grads``.
  ``gradcheck(penalty, encoder, x)``
- ``objective``: ``objective(model, x, rng) -> loss, grads, terms``.
  ``gradcheck(objective, model, x)``
- ``loss``: any other function: a loss or a code penalty, ``loss(y, *rest) -> value, dy``.
  ``gradcheck(mse, y, target)``, ``gradcheck(l1, z)``

Inputs of integers (indices, labels) and settings (a dict) are held fixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinyae.checking.copies import (
    as_array,
    copy_function,
    copy_layer,
    is_array,
    is_real,
    merge_tied,
    own,
    passed_through,
    unlisted_arrays,
)
from tinyae.checking.problem import Problem
from tinyae.checking.signatures import (
    Outputs,
    argument_names,
    call,
    described,
    function_name,
    one_line,
    output_and_cache,
    recognize,
    value_and,
)

Array = np.ndarray


def as_problem(
    target: Any,
    inputs: tuple[Any, ...],
    dtype: Any = np.float64,
    seed: int = 0,
    kind: str | None = None,
) -> Problem:
    """The target in the common form, on copies of this dtype. The table above says how its kind is
    recognized.

    Raises:
        TypeError: the target or its inputs are of none of these kinds; the text says what is
            missing.
        ValueError: ``kind`` is not one of those of the table, or an input is empty.
    """
    if hasattr(target, "as_problem"):  # in another process, see tinyae.course.remote
        return target.as_problem(inputs, dtype, seed, kind)
    inputs = tuple(
        as_array(a) if i == 0 or isinstance(a, list) else a for i, a in enumerate(inputs)
    )
    kind = kind or recognize(target, inputs)
    if kind not in _BUILDERS:
        raise ValueError(
            f"gradcheck: kind {kind!r} is unknown, expected one of {', '.join(_BUILDERS)}"
        )
    problem = _BUILDERS[kind](target, inputs, dtype, seed)
    problem.remake = lambda other=dtype: as_problem(target, inputs, other, seed, kind)
    return problem


# ---- the kinds -----------------------------------------------------------------------------------


def _layer(target: Any, inputs: tuple[Any, ...], dtype: Any, seed: int) -> Problem:
    if not inputs:
        raise TypeError("gradcheck: a layer is checked at an input, gradcheck(layer, x)")
    name = type(target).__name__
    names = getattr(target, "input_names", ("x",))
    if len(inputs) > 1:
        names = argument_names(target.forward, len(inputs))
    values = [
        own(a, n, dtype) if is_real(a) else passed_through(a, dtype)
        for a, n in zip(inputs, names, strict=True)
    ]
    moving = [i for i, a in enumerate(inputs) if is_real(a)]
    layer, params = copy_layer(target, dtype)
    tensors = {names[i]: values[i] for i in moving}
    if not tensors and not params:
        own(inputs[0], names[0], dtype)  # nothing can be differentiated: says so
    if overlap := tensors.keys() & params.keys():
        raise TypeError(
            f"gradcheck: a parameter is called {min(overlap)!r}, the name of the input: rename it"
        )
    outputs = Outputs()

    def run(given: list[Array]) -> tuple[Array, Any]:
        arguments = list(values)
        for i, a in zip(moving, given, strict=True):
            arguments[i] = a
        y, cache = output_and_cache(
            call(f"{name}.forward", layer.forward, *arguments), f"{name}.forward(x)"
        )
        return outputs.pack(y), cache

    def backward(dy: Array, cache: Any) -> dict[str, Any]:
        result = call(f"{name}.backward", layer.backward, outputs.unpack(dy), cache)
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], Mapping)):
            raise TypeError(
                f"gradcheck: {name}.backward(dy, cache) returned {described(result)}, expected two "
                "values: dx, grads, where grads is a dict {parameter's name: gradient}, {} for a "
                "layer without parameters"
            )
        dx = result[0] if len(inputs) > 1 else (result[0],)
        if not isinstance(dx, tuple | list) or len(dx) != len(inputs):
            raise TypeError(
                f"gradcheck: {name}.backward returned {described(dx)} for dx, expected one "
                f"gradient per input: ({', '.join('d' + n for n in names)}), grads"
            )
        return {names[i]: dx[i] for i in moving} | merge_tied(layer, result[1])

    integers = [n for n, a in getattr(target, "params", {}).items() if not is_real(a)]
    return Problem(
        title=one_line(target),
        kind="layer",
        tensors={**tensors, **params},
        run=run,
        backward=backward,
        fixed={n: a for n, a in zip(names, values, strict=True) if n not in tensors},
        inputs=tuple(tensors),
        unlisted=unlisted_arrays(layer),
        integer_parameters=tuple(integers),
        chain=hasattr(target, "named_layers"),
    )


def _pair(target: Any, inputs: tuple[Any, ...], dtype: Any, seed: int) -> Problem:
    f, f_backward = target
    if not inputs:
        raise TypeError(
            f"gradcheck: a pair needs the inputs of {function_name(f)}: "
            "gradcheck((f, f_backward), x, w, b)"
        )
    names = argument_names(f, len(inputs))
    if not any(is_real(a) for a in inputs):
        own(inputs[0], names[0], dtype)  # says what is missing
    arguments = [
        own(a, n, dtype) if is_real(a) else passed_through(a, dtype)
        for a, n in zip(inputs, names, strict=True)
    ]
    tensors = {n: a for n, a, b in zip(names, arguments, inputs, strict=True) if is_real(b)}
    label, first = function_name(f_backward), next(iter(tensors))
    outputs = Outputs()

    def run(given: list[Array]) -> tuple[Array, Any]:
        actual = [given[0] if n == first else a for n, a in zip(names, arguments, strict=True)]
        y, cache = output_and_cache(
            call(function_name(f), f, *actual), f"{function_name(f)}({', '.join(names)})"
        )
        return outputs.pack(y), cache

    def backward(dy: Array, cache: Any) -> dict[str, Any]:
        result = call(label, f_backward, outputs.unpack(dy), cache)
        gradients = result if isinstance(result, tuple | list) else (result,)
        if isinstance(result, dict) or (
            len(gradients) != len(tensors) and not isinstance(result, tuple | list)
        ):
            wanted = ", ".join("d" + n for n in tensors)
            raise TypeError(f"gradcheck: {label} returned {described(result)}, expected {wanted}")
        if len(gradients) == len(names):  # one per argument: those of fixed ones do not count
            return {n: g for n, g in zip(names, gradients, strict=True) if n in tensors}
        named = dict(zip(tensors, gradients, strict=False))
        surplus = {
            f"value {i + 1} of {label}": g
            for i, g in enumerate(gradients)
            if i >= len(tensors) and g is not None
        }
        return named | surplus

    return Problem(function_name(f), "pair", tensors, run, backward, inputs=(first,))


def _derivative(target: Any, inputs: tuple[Any, ...], dtype: Any, seed: int) -> Problem:
    f, f_prime = target
    (name,) = argument_names(f, 1)
    x = own(inputs[0], name, dtype)

    def run(given: list[Array]) -> tuple[Array, Any]:
        y = np.asarray(call(function_name(f), f, given[0]))
        if y.shape != given[0].shape:
            raise TypeError(
                f"gradcheck: {function_name(f)} gives shape {y.shape} for an input of shape "
                f"{given[0].shape}: a pair (f, f') must be elementwise. Otherwise, pass "
                "(f, f_backward) with f(x) -> y, cache and f_backward(dy, cache) -> dx"
            )
        return y, given[0].copy()

    def backward(dy: Array, x: Any) -> dict[str, Any]:
        return {name: dy * call(function_name(f_prime), f_prime, x)}

    return Problem(function_name(f), "derivative", {name: x}, run, backward, inputs=(name,))


def _loss(target: Any, inputs: tuple[Any, ...], dtype: Any, seed: int) -> Problem:
    if not inputs:
        raise TypeError(
            f"gradcheck: {function_name(target)} needs its inputs: gradcheck(loss, y, target)"
        )
    function, label = copy_function(target), function_name(target)
    names = argument_names(target, len(inputs))
    y = own(inputs[0], names[0], dtype)
    rest = [passed_through(a, dtype) for a in inputs[1:]]

    def run(given: list[Array]) -> tuple[Array, Any]:
        value, dy = value_and(call(label, function, given[0], *rest), 2, label, "value, dy")
        return value, dy

    fixed = {n: a for n, a in zip(names[1:], rest, strict=True) if is_array(a)}
    backward = lambda _, cache: {names[0]: cache}  # noqa: E731
    return Problem(label, "loss", {names[0]: y}, run, backward, True, fixed, (names[0],))


def _jacobian(target: Any, inputs: tuple[Any, ...], dtype: Any, seed: int) -> Problem:
    if len(inputs) != 2:
        raise TypeError(
            "gradcheck: a Jacobian penalty is checked as gradcheck(penalty, encoder, x); got "
            f"{len(inputs)} inputs"
        )
    function, label = copy_function(target), function_name(target)
    encoder, params = copy_layer(inputs[0], dtype)
    x = own(inputs[1], "x", dtype)

    def run(given: list[Array]) -> tuple[Array, Any]:
        forward = call("encoder.forward", encoder.forward, given[0])
        _, caches = output_and_cache(forward, "encoder.forward(x)")
        value, dx, grads = value_and(
            call(label, function, encoder, caches), 3, label, "value, dx, grads"
        )
        # None is the protocol's way of saying "does not depend on x": exactly zero
        dx = np.zeros_like(x) if dx is None else dx
        return value, {"x": dx, **merge_tied(encoder, grads)}

    title = f"{label} of {one_line(inputs[0])}"
    return Problem(title, "jacobian", {"x": x, **params}, run, lambda _, cache: cache, True)


def _objective(target: Any, inputs: tuple[Any, ...], dtype: Any, seed: int) -> Problem:
    if len(inputs) < 2:
        raise TypeError(
            "gradcheck: an objective is checked as gradcheck(objective, model, x); got "
            f"{len(inputs)} inputs"
        )
    function, label = copy_function(target), function_name(target)
    model, params = copy_layer(inputs[0], dtype)
    if not params:
        raise TypeError(
            f"gradcheck: {one_line(inputs[0])} has no parameters, so there is nothing to "
            f"differentiate {label} with respect to"
        )
    data = [passed_through(as_array(a), dtype) for a in inputs[1:]]

    def run(given: list[Array]) -> tuple[Array, Any]:
        rng = np.random.default_rng(seed)  # the same noise each time: the derivative is taken at it
        value, grads, _ = value_and(
            call(label, function, model, *data, rng), 3, label, "loss, grads, terms"
        )
        return value, merge_tied(model, grads)

    fixed = {"x": data[0]} if is_array(data[0]) else {}
    title = f"{label} of {one_line(inputs[0])}"
    problem = Problem(title, "objective", params, run, lambda _, cache: cache, True, fixed, ())
    problem.chain = hasattr(model, "named_layers")
    return problem


_BUILDERS = {
    "layer": _layer,
    "pair": _pair,
    "derivative": _derivative,
    "jacobian": _jacobian,
    "objective": _objective,
    "loss": _loss,
}
