"""A layer that is lent to a student's checker: it looks like any layer, and runs somewhere else.

A checker that is to be graded must not see which layers are right. So a layer stays in the grader's
process, as a ``LentLayer``, and the student's process has a ``RemoteLayer``. Each call of
``forward`` and ``backward`` goes through the pipe, with copies of the arrays.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinyae.backend import Array
from tinyae.layers.base import Gradients, Layer

KEPT = 1000  # caches per layer: a checker needs the last few


class RemoteLayer(Layer):
    """What the student's checker gets.

    Attributes:
        params: the parameters. What is written into them counts from the next call on.
    """

    def __init__(
        self, forward: Callable[..., Any], backward: Callable[..., Any], params: dict[str, Array]
    ) -> None:
        self._forward, self._backward, self.params = forward, backward, dict(params)

    def forward(self, x: Array) -> tuple[Array, Any]:
        """``y, cache``."""
        refuse_gradcheck()
        y, cache, changes = self._forward(x, self.params)
        self._write({"x": x, **self.params}, changes)
        return y, cache

    def backward(self, dy: Array, cache: Any) -> tuple[Array, Gradients]:
        """``dx, grads``."""
        dx, grads, changes = self._backward(dy, cache, self.params)
        self._write({"dy": dy, **self.params}, changes)
        return dx, grads

    def _write(self, arrays: Mapping[str, Array], changes: Mapping[str, Array]) -> None:
        """Repeat here what the layer has changed in place there."""
        for name, array in changes.items():
            arrays[name][...] = array

    def __repr__(self) -> str:
        return "Layer()"


def refuse_gradcheck() -> None:
    """
    Raises:
        RuntimeError: if tinyae's own checker is at work.
    """
    frame = sys._getframe()
    while frame := frame.f_back:  # type: ignore[assignment]
        if frame.f_globals.get("__name__", "").startswith("tinyae.checking"):
            raise RuntimeError("tinyae's gradcheck is not yours: write the check yourself")


class LentLayer:
    """A target and its inputs, of ``Example.make``, as a layer with one input.

    A loss has its first argument as the input, and its value as the output. A pair of functions
    (x, w, b) has its first argument as the input, and the others as parameters.

    Attributes:
        x: the input.
        params: the parameters.
        moved: for each array, which entries have had another value than at first.
        has_varied_dy: whether backward was called with a dy whose entries differ.
        backwards: how often backward was called.

    Raises:
        TypeError: for an objective, which has no input that is an array.
    """

    def __init__(self, target: Any, inputs: tuple[Any, ...]) -> None:
        self.target = _as_layer(target, inputs)
        self.x = np.array(inputs[0])
        self.params = {name: np.array(w) for name, w in self.target.params.items()}
        self.moved = {
            name: np.zeros(a.shape, bool) for name, a in {"x": self.x, **self.params}.items()
        }
        self.has_varied_dy = False
        self.backwards = 0
        self._caches: dict[int, Any] = {}
        self._number = 0

    def forward(self, x: Array, params: dict[str, Array]) -> tuple[Array, int, dict[str, Array]]:
        """``y, number of the cache, arrays that were changed in place``."""
        self._load(params)
        for name, array in {"x": x, **params}.items():
            first = self.x if name == "x" else self.params[name]
            if array.shape == first.shape:
                self.moved[name] |= array != first
        given = x.copy()
        with np.errstate(all="ignore"):
            y, cache = self.target.forward(given)
        self._number += 1
        self._caches[self._number] = cache
        self._caches.pop(self._number - KEPT, None)
        return np.asarray(y), self._number, self._changes({"x": x, **params}, {"x": given})

    def backward(
        self, dy: Array, number: int, params: dict[str, Array]
    ) -> tuple[Array, dict[str, Array], dict[str, Array]]:
        """``dx, grads, arrays that were changed in place``."""
        if number not in self._caches:
            raise ValueError("cache: expected one of the last that forward has returned")
        self._load(params)
        self.backwards += 1
        self.has_varied_dy |= np.ptp(dy) > 0
        given = np.array(dy)
        with np.errstate(all="ignore"):
            dx, grads = self.target.backward(given, self._caches[number])
        return dx, dict(grads), self._changes({"dy": dy, **params}, {"dy": given})

    def _load(self, params: dict[str, Array]) -> None:
        """Use the parameters of the student's process."""
        if params.keys() != self.params.keys():
            raise ValueError(f"params has {sorted(params)}, expected {sorted(self.params)}")
        own = self.target.params
        if any(params[name].dtype != w.dtype for name, w in own.items()):
            self.target = self.target.astype(np.result_type(*params.values()))
            own = self.target.params
        for name, w in own.items():
            if params[name].shape != w.shape:
                raise ValueError(f"params[{name!r}] has shape {params[name].shape}, not {w.shape}")
            w[...] = params[name]

    def _changes(self, before: dict[str, Array], now: dict[str, Array]) -> dict[str, Array]:
        now = now | dict(self.target.params)
        return {
            name: now[name]
            for name, array in before.items()
            if not np.array_equal(now[name], array, equal_nan=True)
        }


class _Pair(Layer):
    """A pair of functions (x, w, b) -> y, cache and (dy, cache) -> dx, dw, db."""

    def __init__(self, f: Any, f_backward: Any, names: list[str], values: list[Array]) -> None:
        self.f, self.f_backward = f, f_backward
        self.params = dict(zip(names, values, strict=True))

    def forward(self, x: Array) -> tuple[Array, Any]:
        return self.f(x, *self.params.values())

    def backward(self, dy: Array, cache: Any) -> tuple[Array, Gradients]:
        dx, *grads = self.f_backward(dy, cache)
        return dx, dict(zip(self.params, grads, strict=True))


class _Loss(Layer):
    """A loss (y, target) or a penalty (z) -> value, gradient of the first argument."""

    def __init__(self, f: Any, fixed: tuple[Any, ...]) -> None:
        self.f, self.fixed = f, fixed

    def forward(self, x: Array) -> tuple[Array, Any]:
        return self.f(x, *self.fixed)

    def backward(self, dy: Array, cache: Any) -> tuple[Array, Gradients]:
        return dy * cache, {}


def _as_layer(target: Any, inputs: tuple[Any, ...]) -> Any:
    if not isinstance(inputs[0], np.ndarray):
        raise TypeError("an objective cannot be lent: its first argument is a model")
    if isinstance(target, tuple):
        names = list(inspect.signature(target[0]).parameters)[1:]
        f, f_backward = target
        return _Pair(f, f_backward, names, list(inputs[1:]))
    return target if hasattr(target, "forward") else _Loss(target, inputs[1:])
