"""Checks of arguments that several modules take, and the texts of their error messages.

``who`` is what a message names: the name of a function, or a layer, whose repr is its name and its
sizes. A wrong type is a TypeError, a wrong value is a ValueError.
"""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

FLOATING = "fcO"  # kinds of dtype that have derivatives; Python objects are for exact checks


def is_array(x: Any) -> bool:
    """A NumPy or CuPy array: not a list, and not another library's tensor or sparse matrix."""
    return hasattr(type(x), "__array_function__")


def check_array(who: Any, name: str, x: Any, kinds: str = FLOATING, axes: int = 1) -> None:
    """Check that ``x`` is an array of a dtype that a layer or a loss can work with.

    Args:
        kinds: the allowed kinds of dtype.
        axes: the smallest number of axes.

    Raises:
        TypeError: it is not a NumPy or CuPy array.
        ValueError: it has another dtype, or fewer axes.
    """
    if isinstance(x, np.ndarray) and x.dtype.kind in kinds and x.ndim >= axes:
        return  # at once, in the usual case: layers ask in every step
    if not is_array(x):
        hint = f": np.array({name})" if isinstance(x, list | tuple) else ""
        hint = f": {name}.detach().numpy()" if type(x).__module__ == "torch" else hint
        raise TypeError(f"{who}: {name} is {short(x)}, expected a NumPy or CuPy array{hint}")
    if x.dtype.kind not in kinds:
        expected = "floating point" if "f" in kinds else "integers"
        if x.dtype.kind in "iub":
            expected += f": for pixels, {name}.astype(np.float32) / 255"
        raise ValueError(f"{who}: {name} has dtype {x.dtype}, expected {expected}")
    if x.ndim < axes:
        raise ValueError(f"{who}: {name} has shape {x.shape}, expected (N, ...)")


def check_array_dict(
    who: Any, name: str, arrays: Any, kinds: str = FLOATING, hint: str = ""
) -> None:
    """Check a dictionary of arrays, such as ``model.params``.

    Raises:
        TypeError: it is not a dictionary, or an entry is not an array.
        ValueError: an entry has another dtype.
    """
    if not isinstance(arrays, Mapping):
        raise TypeError(f"{who}: {name} is {short(arrays)}, expected a dictionary of arrays{hint}")
    for key, a in arrays.items():
        if not is_array(a) or a.dtype.kind not in kinds:  # the usual case needs no text
            check_array(who, f"{name}[{key!r}]", a, kinds, axes=0)


def check_same_shapes(who: Any, name: str, arrays: Any, params: Mapping[str, Any]) -> None:
    """Check a dictionary of arrays that has the keys and shapes of ``params``.

    Raises:
        TypeError: it is not a dictionary of arrays.
        ValueError: a key or a shape differs.
    """
    check_array_dict(who, name, arrays, kinds="fcOiub")
    if arrays.keys() != params.keys():
        odd = sorted(arrays.keys() ^ params.keys())
        raise ValueError(f"{who}: {name} must have the keys of params; these differ: {odd}")
    for key, w in params.items():
        check_shape(who, f"{name}[{key!r}]", arrays[key], w)


def check_shape(who: Any, name: str, a: Any, like: Any, probes: bool = False) -> None:
    """Check that a gradient or tangent has the one shape that fits. NumPy would broadcast another
    one without an error.

    Args:
        like: the shape, or an array of this shape from the cache.
        probes: (K, *shape) fits too.

    Raises:
        TypeError: ``a`` is not an array, or ``like`` is neither: it is not what forward returned.
        ValueError: ``a`` has another shape or is not numeric.
    """
    shape = like if isinstance(like, tuple) else getattr(like, "shape", None)
    if isinstance(a, np.ndarray) and a.shape == shape and a.dtype.kind in "fcOiub":
        return
    if shape is None:
        raise TypeError(f"{who}: the cache is {short(like)}, expected what forward returned")
    check_array(who, name, a, kinds="fcOiub", axes=0)
    if a.shape != shape and not (probes and a.shape[1:] == shape):
        raise ValueError(f"{who}: {name} has shape {a.shape}, expected {shape}")


def check_int(
    who: Any, name: str, value: Any, least: float = 1, expected: str = "an integer"
) -> None:
    """Check an integer, such as a size or a number of steps. ``expected`` says it in other words.

    Raises:
        TypeError: it is not a number.
        ValueError: it is not an integer, or below ``least``.
    """
    if isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least:
        return
    error = ValueError if isinstance(value, Real) else TypeError
    if expected == "an integer" and math.isfinite(least):
        expected += f" of at least {least}"
    raise error(f"{who}: {name} is {short(value)}, expected {expected}")


def check_number(
    who: Any, name: str, value: Any, valid: Callable[[float], bool], expected: str
) -> None:
    """Check a real number. ``expected`` describes in words what ``valid`` accepts.

    Raises:
        TypeError: it is not a number.
        ValueError: it is not valid. NaN never is, if ``valid`` is made of comparisons.
    """
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{who}: {name} is {short(value)}, expected {expected}")
    if not valid(float(value)):
        raise ValueError(f"{who}: {name} is {value}, expected {expected}")


def check_weight(who: str, name: str, value: Any) -> None:
    """Check the weight of a term in a loss: a finite, non-negative number.

    Raises:
        TypeError: it is not a number.
        ValueError: it is negative, infinite or NaN.
    """
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{who}: {name} is {short(value)}, expected a non-negative number")
    valid, expected = lambda v: 0 <= v < math.inf, "a finite, non-negative number"
    check_number(who, name, value, valid, expected)


def check_flag(who: Any, name: str, value: Any) -> None:
    """Check a switch. A string such as "no" would count as true.

    Raises:
        TypeError: it is neither True nor False.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{who}: {name} is {short(value)}, expected True or False")


def check_dtype(who: Any, dtype: DTypeLike) -> None:
    """Check the dtype of weights.

    Raises:
        ValueError: it is not floating point. Integers would round every weight to 0.
    """
    try:
        known = np.dtype(dtype).kind in FLOATING
    except TypeError:
        known = False
    if not known:
        text = f"{who}: dtype is {short(dtype)}"
        raise ValueError(f"{text}, expected a floating point type such as np.float32")


def as_rng(who: Any, rng: Any) -> np.random.Generator:
    """``np.random.default_rng(rng)``.

    Raises:
        TypeError: it is neither a seed nor a generator.
        ValueError: the seed is negative.
    """
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"{who}: rng is {short(rng)}, expected a seed (a non-negative integer) or a "
            "numpy.random.Generator"
        ) from None


def check_path(who: str, path: Any) -> None:
    """Check the name of a file.

    Raises:
        TypeError: it is neither a string nor a path.
        ValueError: it is empty, or a folder such as ``.``.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{who}: path is {short(path)}, expected the name of a file")
    if not Path(path).name:
        raise ValueError(f"{who}: path is {path!r}, expected the name of a file")


def check_layer(who: str, name: str, layer: Any) -> None:
    """Check that ``layer`` is a layer.

    Raises:
        TypeError: it is not a layer. If it is the class of a layer, the message says to call it.
    """
    if isinstance(layer, type) or not (hasattr(layer, "forward") and hasattr(layer, "backward")):
        hint = f": write {layer.__name__}() with parentheses" if isinstance(layer, type) else ""
        raise TypeError(f"{who}: {name} is {short(layer)}, expected a layer or a model{hint}")


def check_function(who: str, name: str, f: Any, example: str) -> None:
    """Check that a term of an objective is a function, or an object such as ``Masking(0.25)``.

    Raises:
        TypeError: it is not a function, or it is a class that was not called.
    """
    if isinstance(f, type) or not callable(f):
        hint = (
            f": write {f.__name__}(...) with its arguments"
            if isinstance(f, type)
            else f", such as {example}"
        )
        raise TypeError(f"{who}: {name} is {short(f)}, expected a function{hint}")


def check_optimizer(model: Any, optimizer: Any, name: str = "model") -> None:
    """Check that an optimizer updates the arrays of this model. ``name`` is what messages call it.

    Raises:
        TypeError: it is not an optimizer.
        ValueError: it updates other arrays, as it does after ``model.astype(...)``.
    """
    if isinstance(optimizer, type) or not hasattr(optimizer, "step"):
        raise TypeError(
            f"optimizer is {short(optimizer)}, expected an object such as Adam({name}.params)"
        )
    params = model.params
    for key, w in optimizer.params.items():
        if key in params and params[key] is not w:
            raise ValueError(
                f"the optimizer updates another array than the {name}'s {key}: "
                "create it after astype() and to()"
            )
    if optimizer.params.keys() != params.keys():
        raise ValueError(
            f"the optimizer updates {short([*optimizer.params])}, but the {name} has "
            f"{short([*params])}: make it from {name}.params"
        )


def short(value: Any) -> str:
    """``value`` in an error message: an array's shape instead of its entries; 80 characters in one
    line."""
    if hasattr(value, "shape") and not isinstance(value, type):
        kind = (
            "an array" if is_array(value) else f"a {type(value).__module__}.{type(value).__name__}"
        )
        return f"{kind} of shape {tuple(value.shape)}"
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def shape_text(shape: Iterable[int]) -> str:
    """``(1, 28, 28)`` -> ``"1×28×28"``."""
    return "×".join(map(str, shape))


def did_you_mean(kind: str, name: str, known: Iterable[str]) -> str:
    """``unknown model 'basik': did you mean 'basic'? Known are basic, linear``"""
    known = list(known)
    near = difflib.get_close_matches(name.lower(), known, n=1)
    return (
        f"unknown {kind} {name!r}"
        + (f": did you mean {near[0]!r}?" if near else ".")
        + f" Known are {', '.join(known)}"
    )
