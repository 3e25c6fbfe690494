"""Copies: the checker perturbs its own arrays, and the target and its inputs stay as they are."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tinyae.backend import to_numpy

Array = np.ndarray


def is_array(a: Any) -> bool:
    return isinstance(a, np.ndarray | np.generic) or (hasattr(a, "get") and hasattr(a, "dtype"))


def as_array(a: Any) -> Any:
    """Plain numbers and (nested) lists of numbers as arrays; everything else as it is."""
    if isinstance(a, list | float | int) and not isinstance(a, bool):
        try:
            array = np.asarray(a)
        except ValueError:
            return a
        return array if array.dtype.kind in "fiu" else a
    return a


def is_real(a: Any) -> bool:
    return is_array(a) and to_numpy(a).dtype.kind == "f"


def own(a: Any, name: str, dtype: Any) -> Array:
    """A copy, in this dtype, of an input that is to be differentiated.

    Raises:
        TypeError: the input does not hold real numbers.
        ValueError: it is empty.
    """
    a = to_numpy(as_array(a))
    if a.dtype.kind != "f":
        raise TypeError(
            f"gradcheck: {name} has dtype {a.dtype}: a derivative with respect to it needs real "
            "numbers. Integer inputs are held fixed where something else can be differentiated"
        )
    if a.size == 0:
        raise ValueError(f"gradcheck: {name} is empty, shape {a.shape}: there is nothing to check")
    return np.array(a, dtype=dtype, order="C")


def passed_through(a: Any, dtype: Any) -> Any:
    """A copy of an input that is held fixed: integers stay, real arrays follow the dtype."""
    if not is_array(a):
        return copy.deepcopy(a)  # a dict of settings, say
    a = to_numpy(a)
    real = dtype if np.dtype(dtype).kind in "fO" else np.float64
    return np.array(a, dtype=real if a.dtype.kind == "f" else a.dtype)


def copy_layer(layer: Any, dtype: Any) -> tuple[Any, dict[str, Array]]:
    """A deep copy of the layer in which every float parameter has this dtype, and those parameters
    by name.

    deepcopy's memo is told in advance what each parameter's copy is. So every reference to the
    array, wherever in the object it is kept, becomes a reference to the converted copy.

    Raises:
        TypeError: ``params`` is not a dict, or makes new arrays at each access.
    """
    params = getattr(layer, "params", {})
    if not isinstance(params, Mapping):
        raise TypeError(
            f"gradcheck: {type(layer).__name__}.params is a {type(params).__name__}, expected a "
            "dict of arrays"
        )
    arrays = {id(a): a for a in params.values() if to_numpy(a).dtype.kind == "f"}
    memo: dict[int, Any] = {
        key: np.array(to_numpy(a), dtype=dtype, order="C") for key, a in arrays.items()
    }
    converted = {n: memo[id(a)] for n, a in params.items() if id(a) in memo}
    new = copy.deepcopy(layer, memo)
    kept = getattr(new, "params", {})
    lost = [n for n, a in converted.items() if kept.get(n) is not a]
    if lost:
        raise TypeError(
            f"gradcheck: {type(layer).__name__}.params[{lost[0]!r}] is a new array at each access, "
            "expected the very array that forward uses"
        )
    # an array under two names is one tensor, called by the first
    first_names = {id(a): n for n, a in reversed(converted.items())}
    return new, {n: a for n, a in converted.items() if first_names[id(a)] == n}


def merge_tied(layer: Any, grads: Mapping[str, Any]) -> dict[str, Any]:
    """The gradients, with those of one array under several names (tied weights) added up under the
    first name."""
    params, out = getattr(layer, "params", {}), dict(grads)
    first_names: dict[int, str] = {}
    for name, a in params.items():
        first = first_names.setdefault(id(a), name)
        if first != name and out.get(first) is not None and out.get(name) is not None:
            out[first] = out[first] + out.pop(name)
    return out


def copy_function(function: Any) -> Any:
    """A callable object is copied, so that its state stays; a plain function has none."""
    if inspect.isfunction(function) or inspect.isbuiltin(function):
        return function
    return copy.deepcopy(function)


def unlisted_arrays(layer: Any) -> dict[str, Array]:
    """The float arrays that an object keeps outside its ``params``, by attribute, ``"W"`` or
    ``"cell.W"``. Layers of tinyae itself list theirs."""
    listed = {id(a) for a in getattr(layer, "params", {}).values()}
    return {n: a for n, a in _attributes(layer, "", set()) if id(a) not in listed}


def _attributes(value: Any, name: str, visited: set[int]) -> Iterator[tuple[str, Array]]:
    if id(value) in visited:
        return
    visited.add(id(value))
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "f" and value.size and value.flags.writeable:
            yield name, value
    elif isinstance(value, Mapping | list | tuple):
        pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, part in pairs:
            yield from _attributes(part, f"{name}.{key}".strip("."), visited)
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        if type(value).__module__.startswith(("tinyae.layers.", "tinyae.checking.")) and name == "":
            return
        for key, part in vars(value).items():
            yield from _attributes(part, f"{name}.{key}".strip("."), visited)
