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
LARGER = 4  # how much larger than the first input another one may be


class _Sent(dict[str, tuple[Any, ...]]):
    """What the other side knows: name -> dtype, shape and bytes. Copies of a layer share it."""

    def __deepcopy__(self, memo: Any) -> _Sent:
        return self


class RemoteLayer(Layer):
    """What the student's checker gets.

    Attributes:
        params: the parameters. What is written into them counts from the next call on.
    """

    def __init__(
        self, forward: Callable[..., Any], backward: Callable[..., Any], params: dict[str, Array]
    ) -> None:
        self._forward, self._backward, self.params = forward, backward, dict(params)
        self._names, self._sent = list(params), _Sent()

    def forward(self, x: Array) -> tuple[Array, Any]:
        """``y, cache``."""
        refuse_gradcheck()
        x = np.asarray(x)
        y, cache, changes = self._forward(self._news({"x": x, **self.params}))
        self._write({"x": x, **self.params}, changes)
        return y, cache

    def backward(self, dy: Array, cache: Any) -> tuple[Array, Gradients]:
        """``dx, grads``."""
        dy = np.asarray(dy)
        dx, grads, changes = self._backward(dy, cache, self._news(self.params))
        self._write({"dy": dy, **self.params}, changes)
        return dx, grads

    def _news(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """The arrays that have changed since they were last sent."""
        if list(self.params) != self._names:
            raise ValueError(f"params has {list(self.params)}, expected {self._names}")
        now = {name: (a.dtype, a.shape, a.tobytes()) for name, a in arrays.items()}
        news = {name: arrays[name] for name, key in now.items() if self._sent.get(name) != key}
        self._sent |= now
        return news

    def _write(self, arrays: Mapping[str, Array], changes: Mapping[str, Array]) -> None:
        """Repeat here what the layer has changed in place there."""
        for name, array in changes.items():
            arrays[name][...] = array
            self._sent.pop(name, None)

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
        self._first = {"x": self.x, **self.params}
        self._x = self._y = self.x
        self._caches: dict[int, Any] = {}
        self._number = 0

    def forward(self, news: dict[str, Array]) -> tuple[Array, int, dict[str, Array]]:
        """``y, number of the cache, arrays that were changed in place``.

        Args:
            news: the input "x" and the parameters, as far as they have changed.
        """
        self._load(news)
        before = self._copies()
        x = self._x.copy()
        with np.errstate(all="ignore"):
            y, cache = self.target.forward(x)
        self._number += 1
        self._caches[self._number] = cache
        self._caches.pop(self._number - KEPT, None)
        self._y = np.asarray(y)
        return self._y, self._number, _changes(before | {"x": self._x}, self.target, x=x)

    def backward(
        self, dy: Array, number: int, news: dict[str, Array]
    ) -> tuple[Array, dict[str, Array], dict[str, Array]]:
        """``dx, grads, arrays that were changed in place``."""
        if number not in self._caches:
            raise ValueError("cache: expected one of the last that forward has returned")
        self._check("dy", dy, self._y)
        self._load(news)
        self.backwards += 1
        self.has_varied_dy |= bool(np.ptp(np.real(dy)) > 0)
        before = self._copies()
        given = np.array(dy)
        with np.errstate(all="ignore"):
            dx, grads = self.target.backward(given, self._caches[number])
        return dx, dict(grads), _changes(before | {"dy": dy}, self.target, dy=given)

    def _load(self, news: dict[str, Array]) -> None:
        """Use the arrays of the student's process."""
        for name, array in news.items():
            first = self._first[name]
            self._check(name, array, first)
            if array.shape == first.shape:
                self.moved[name] |= array != first
        self._x = news.pop("x", self._x)
        own = self.target.params
        if any(array.dtype != own[name].dtype for name, array in news.items()):
            dtype = np.result_type(*news.values())
            self.target = self.target.map_params(lambda a: a.astype(dtype))
            own = self.target.params
        for name, array in news.items():
            if array.shape != own[name].shape:
                raise ValueError(f"params[{name!r}] has shape {array.shape}, not {own[name].shape}")
            own[name][...] = array

    def _check(self, name: str, array: Any, first: Array) -> None:
        """The other side can send anything, and what it sends is computed with here."""
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "fc":
            raise TypeError(f"{name}: expected an array of floats")
        if array.ndim != first.ndim or array.size > LARGER * first.size:
            raise ValueError(f"{name} has shape {array.shape}, expected about {first.shape}")

    def forget(self) -> None:
        """Forget the caches, which can be large."""
        self._caches.clear()

    def _copies(self) -> dict[str, Array]:
        return {name: w.copy() for name, w in self.target.params.items()}


def _changes(before: dict[str, Array], target: Any, **now: Array) -> dict[str, Array]:
    """The arrays that are no longer as before."""
    now |= dict(target.params)
    return {
        name: now[name]
        for name, array in before.items()
        if now[name].tobytes() != np.asarray(array).tobytes()
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
