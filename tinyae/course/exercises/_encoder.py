"""An encoder of several layers, for exercise 16."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.random import Generator

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Code, Mistake
from tinyae.layers import Linear, Sigmoid, Tanh

N, SIZE = 4, 6  # examples, features; each linear layer has one feature less than the one before

NO_TERMS = "the second-order terms (the dx of double_backward) are missing"
AT_OUTPUT = (
    "the second-order term of a layer belongs to its input: add it after the layer's backward"
)
NO_DIRECT = "the grads of double_backward are missing: add them to those of backward"
ONES = "it is that of ‖Jᵀ1‖²: begin with the rows of the identity, not with ones"
MISTAKES = (NO_TERMS, AT_OUTPUT, NO_DIRECT, ONES)


def elementwise(name: str, x: Array) -> tuple[Array, Array]:
    """f'(x), f''(x)"""
    if name == "Sigmoid":
        y = 1 / (1 + np.exp(-x))
        return y * (1 - y), y * (1 - y) * (1 - 2 * y)
    y = np.tanh(x)
    return 1 - y * y, -2 * y * (1 - y * y)


class Encoder:
    """An encoder of the library's layers in the student's process, and its penalty here.

    Args:
        names: its layers, such as ``"Linear Tanh"``.

    Attributes:
        x: a batch of inputs.
        params: W, b of the first linear layer, W, b of the second, ...
    """

    def __init__(self, code: Code, names: str, rng: Generator) -> None:
        self.code, self.names = code, names.split()
        self.handles = []
        self.params: list[Array] = []
        n_in = SIZE
        self.x = rng.normal(size=(N, n_in))
        for name in self.names:
            if name == "Linear":
                handle = code.construct("tinyae.Linear", n_in, n_in - 1, dtype="float64")
                self.params += [rng.normal(size=(n_in - 1, n_in)), rng.normal(size=n_in - 1)]
                n_in -= 1
            else:
                handle = code.construct(f"tinyae.{name}")
            self.handles.append(handle)

    def jacobian(self, x: Array, *params: Array) -> Array:
        """(N, units, D), by multiplication."""
        J, rest = np.broadcast_to(np.eye(x.shape[1]), (len(x), x.shape[1], x.shape[1])), [*params]
        for name in self.names:
            if name == "Linear":
                W, b = rest.pop(0), rest.pop(0)
                J, x = W @ J, x @ W.T + b
            else:
                J = elementwise(name, x)[0][:, :, None] * J
                x = np.tanh(x) if name == "Tanh" else 1 / (1 + np.exp(-x))
        return J

    def value(self, x: Array, *params: Array) -> Array:
        """The reference."""
        return (self.jacobian(x, *params) ** 2).sum() / len(x)

    def ask(self, x: Array, *params: Array) -> tuple[Any, Any, list[Any]]:
        """``value, dx, grads`` of the student's omega; grads in the order of ``params``."""
        linear = [i for i, name in enumerate(self.names) if name == "Linear"]
        for i, W, b in zip(linear, params[::2], params[1::2], strict=True):
            self.code.set_array(self.handles[i], "weight", W)
            self.code.set_array(self.handles[i], "bias", b)
        value, dx, grads = judge.pair(self.code.call("omega", self.handles, x), "value, dx, grads")
        if not isinstance(grads, list) or len(grads) != len(self.names):
            raise Mistake(
                f"grads is {judge.described(grads)}, expected a list with one dict for each layer"
            )
        for i in linear:
            if not isinstance(grads[i], dict) or {"weight", "bias"} - grads[i].keys():
                raise Mistake(f"grads[{i}] does not have 'weight' and 'bias', as the layer has")
        return value, dx, [grads[i][key] for i in linear for key in ("weight", "bias")]

    def sweeps(self, x: Array, params: Sequence[Array], mistake: str = "") -> list[Array]:
        """``[dx, dW, db, dW, db, ...]``, with one of ``MISTAKES``, or right."""
        layers, rest = [], [*params]
        for name in self.names:
            layer: Any = Tanh() if name == "Tanh" else Sigmoid()
            if name == "Linear":
                W, b = rest.pop(0), rest.pop(0)
                layer = Linear(W.shape[1], W.shape[0], dtype=np.float64)
                layer.params = {"weight": W, "bias": b}
            layers.append(layer)
        h, caches = x, []
        for layer in layers:
            h, cache = layer.forward(h)
            caches.append(cache)
        v = np.eye(h.shape[1])[:, None] + np.zeros((len(h), 1))  # (K, N, K)
        if mistake == ONES:
            v = np.ones((1, *h.shape))
        rows: list[Array] = []
        for layer, cache in zip(layers[::-1], caches[::-1], strict=True):
            rows.insert(0, v)
            v = layer.vjp(v, cache)
        g, terms, direct = 2 * v / len(x), [], []
        for layer, v, cache in zip(layers, rows, caches, strict=True):
            g, term, grads = layer.double_backward(g, v, cache)
            terms.append(0 if term is None or mistake == NO_TERMS else term)
            direct.append(grads)
        da = np.zeros_like(h)
        found: list[Array] = []
        for layer, cache in zip(layers[::-1], caches[::-1], strict=True):
            term, grads = terms.pop(), direct.pop()
            da, through = layer.backward(da + (term if mistake == AT_OUTPUT else 0), cache)
            da = da + (0 if mistake == AT_OUTPUT else term)
            if through:
                keep = mistake != NO_DIRECT
                found = [keep * grads[key] + through[key] for key in ("weight", "bias")] + found
        return [da, *found]
