"""The layer protocol: two methods, four more for penalties on the Jacobian, no hidden state."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Self

import numpy as np

from tinyae.backend import Array, to_device

Gradients = dict[str, Array]


class Layer:
    """A differentiable map ``y = f(x; params)`` with its derivatives written by hand.

    ``forward`` returns, beside ``y``, the cache: whatever the other methods must remember. Nothing else is stored, so every
    method may be called twice, in any order, by several threads at once, and gives the same answer.

    ``x`` holds N examples on its first axis. In ``jvp``, ``vjp`` and ``double_backward`` the tangents and cotangents may
    carry one more axis in front, (K, N, ...): K probes of the same N examples, which is how a whole Jacobian is made.
    """

    # The arrays themselves; optimisers change them in place. A layer that has some makes its own dict: this empty one is
    # shared by all layers, hence read-only.
    params: Mapping[str, Array] = MappingProxyType({})

    def forward(self, x: Array) -> tuple[Array, Any]:
        """``y, cache``."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(x) -> y, cache")

    def backward(self, dy: Array, cache: Any) -> tuple[Array, Gradients]:
        """``dx, grads``: from the gradient of a loss at ``y`` to its gradient at ``x`` and at every parameter."""
        raise NotImplementedError(f"{type(self).__name__} has no backward(dy, cache) -> dx, grads")

    def parameter_gradients(self, dy: Array, cache: Any) -> Gradients:
        """``grads`` alone. A layer that can save work where ``dx`` is not wanted says how here."""
        return self.backward(dy, cache)[1]

    def jvp(self, dx: Array, cache: Any) -> Array:
        """``dy = J dx``, J the Jacobian ∂y/∂x at the cached point: how y moves when x moves along ``dx``."""
        raise NotImplementedError(f"{type(self).__name__} has no jvp(dx, cache) -> dy")

    def vjp(self, dy: Array, cache: Any) -> Array:
        """``dx = Jᵀ dy``: ``backward`` without the parameters."""
        raise NotImplementedError(f"{type(self).__name__} has no vjp(dy, cache) -> dx")

    def double_backward(
        self, g: Array, dy: Array, cache: Any
    ) -> tuple[Array, Array | None, Gradients]:
        """The gradient of the number ``s = Σ g · vjp(dy, cache)``: ``d_dy, dx, grads``.

        That is what a penalty on the Jacobian needs, since ``vjp(identity)`` is the Jacobian. ``d_dy`` has the shape of
        ``dy`` and equals ``jvp(g)``; ``dx`` has the shape of x, or is None where s does not depend on x at all.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no double_backward(g, dy, cache) -> d_dy, dx, grads"
        )

    def output_shape(self, cache: Any) -> tuple[int, ...]:
        """The shape of the y that belongs to this cache, (N, ...): a Jacobian penalty asks how many rows there are."""
        raise NotImplementedError(f"{type(self).__name__} has no output_shape(cache) -> (N, ...)")

    def __call__(self, x: Array) -> Array:
        return self.forward(x)[0]

    def astype(self, dtype: Any) -> Self:
        """A copy whose parameters have this dtype (``np.float64`` for gradient checks)."""
        return self.map_params(lambda a: a.astype(dtype))

    def to(self, device: str) -> Self:
        """A copy on ``"cpu"`` or ``"gpu"``. Make the optimiser after the move: it holds the arrays that it updates."""
        return self.map_params(lambda a: to_device(a, device).copy(order="K"))

    def map_params(self, f: Callable[[Array], Array]) -> Self:
        """A copy of the layer in which every parameter ``a`` is replaced by ``f(a)``."""
        new = copy.copy(self)
        new.params = {name: f(a) for name, a in self.params.items()}
        return new

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def uniform_init(shape: tuple[int, ...], fan_in: int, rng: Any, dtype: Any) -> Array:
    """U(−1/√fan_in, 1/√fan_in), PyTorch's default for weights and biases: outputs keep about the inputs' scale."""
    bound = 1 / np.sqrt(fan_in)
    return np.random.default_rng(rng).uniform(-bound, bound, shape).astype(dtype)


def sum_probes(a: Array, x: Array) -> Array:
    """Sum over the probes' axis, where there is one: (K, N, ...) -> (N, ...), the shape of ``x``."""
    return a.sum(axis=0) if a.ndim > x.ndim else a
