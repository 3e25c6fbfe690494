"""The layer protocol: forward, backward and methods for directional and second derivatives; no
hidden state."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike

from tinyae._validate import as_rng, check_dtype, check_same_shapes, check_shape
from tinyae.backend import Array, Rng, check_device, to_device

Gradients = dict[str, Array]


class Layer:
    """A differentiable map ``y = f(x; params)`` whose derivatives are written by hand.

    ``forward`` returns ``y`` and the cache: whatever the other methods need to remember. The layer
    itself stores nothing, so every method may be called twice, in any order and by several threads
    at once, and gives the same answer. Each layer names the cache after its content: ``x`` for
    Linear, which needs its input, and ``y`` for Sigmoid, which needs its output.

    ``x`` holds N examples along its first axis. In ``jvp``, ``vjp`` and ``double_backward`` the
    tangents and cotangents may have one more axis in front, (K, N, ...): K probes of the same N
    examples. This is how a whole Jacobian is computed.

    Example:
        >>> class Double(Layer):
        ...     def forward(self, x):
        ...         return 2 * x, None  # y, cache
        ...     def backward(self, dy, cache):
        ...         return 2 * dy, {}  # dx, grads
        >>> bool(gradcheck(Double(), np.ones((3, 4))))
        True
    """

    # The arrays themselves: optimizers change them in place. A layer with parameters creates its
    # own dict. This empty one is shared by all layers, hence read-only.
    params: dict[str, Array] = MappingProxyType({})  # type: ignore[assignment]

    def forward(self, x: Array) -> tuple[Array, Any]:
        """``y, cache``.

        Example:
            >>> y, cache = Tanh().forward(np.array([[0.0, 1.0]]))
            >>> y.round(3)
            array([[0.   , 0.762]])
            >>> cache is y  # the derivative of tanh is 1 − y²
            True
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward(x) -> y, cache")

    def backward(self, dy: Array, cache: Any) -> tuple[Array, Gradients]:
        """``dx, grads``: from the gradient of a loss with respect to ``y``, its gradients with
        respect to ``x`` and to every parameter.

        Example:
            >>> layer = Linear(3, 2, rng=0)
            >>> y, cache = layer.forward(np.ones((4, 3)))
            >>> dx, grads = layer.backward(np.ones((4, 2)), cache)
            >>> dx.shape, grads["weight"].shape, grads["bias"]
            ((4, 3), (2, 3), array([4., 4.]))
        """
        raise NotImplementedError(f"{type(self).__name__} has no backward(dy, cache) -> dx, grads")

    def parameter_gradients(self, dy: Array, cache: Any) -> Gradients:
        """``grads`` alone. A layer that can save work when ``dx`` is not needed overrides this.

        Example:
            >>> layer = Linear(3, 2, rng=0)
            >>> y, cache = layer.forward(np.ones((4, 3)))
            >>> list(layer.parameter_gradients(np.ones((4, 2)), cache))
            ['weight', 'bias']
        """
        return self.backward(dy, cache)[1]

    def jvp(self, dx: Array, cache: Any) -> Array:
        """``dy = J dx``: how y changes when x moves along ``dx``. J is the Jacobian ∂y/∂x at the
        cached point.

        Example:
            >>> y, cache = ReLU().forward(np.array([[-1.0, 2.0]]))
            >>> ReLU().jvp(np.array([[1.0, 1.0]]), cache)  # only the active unit moves
            array([[0., 1.]])
        """
        raise NotImplementedError(f"{type(self).__name__} has no jvp(dx, cache) -> dy")

    def vjp(self, dy: Array, cache: Any) -> Array:
        """``dx = Jᵀ dy``: ``backward`` without the parameters.

        Example:
            >>> layer, rng = Linear(3, 2, rng=0), np.random.default_rng(0)
            >>> x, dx = rng.normal(size=(2, 4, 3))
            >>> dy = rng.normal(size=(4, 2))
            >>> y, cache = layer.forward(x)
            >>> left, right = np.vdot(layer.jvp(dx, cache), dy), np.vdot(dx, layer.vjp(dy, cache))
            >>> bool(np.isclose(left, right))  # ⟨J dx, dy⟩ = ⟨dx, Jᵀ dy⟩
            True
        """
        raise NotImplementedError(f"{type(self).__name__} has no vjp(dy, cache) -> dx")

    def double_backward(
        self, g: Array, dy: Array, cache: Any
    ) -> tuple[Array, Array | None, Gradients]:
        """``d_dy, dx, grads``: the gradient of the scalar ``s = Σ g · vjp(dy, cache)``.

        A penalty on the Jacobian needs it, because ``vjp(identity)`` is the Jacobian. ``d_dy`` has
        the shape of ``dy`` and equals ``jvp(g)``. ``dx`` has the shape of x, or is None if s does
        not depend on x.

        Example:
            >>> y, cache = Tanh().forward(np.array([[0.5]]))
            >>> g, dy = np.array([[2.0]]), np.array([[3.0]])
            >>> d_dy, dx, grads = Tanh().double_backward(g, dy, cache)  # s = g · dy · (1 − y²)
            >>> print(round(dx.item(), 4), round((6 * -2 * y * (1 - y**2)).item(), 4))
            -4.3612 -4.3612
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no double_backward(g, dy, cache) -> d_dy, dx, grads"
        )

    def parameter_jvp(self, dparams: Mapping[str, Array], cache: Any) -> Array:
        """``dy = Σ_p (∂y/∂p) dp``: how y changes when the parameters move along ``dparams``, which
        has the keys and shapes of ``params``. x stays fixed. The transpose of
        ``parameter_gradients``.

        Example:
            >>> layer = Linear(3, 2, rng=0)
            >>> y, cache = layer.forward(np.ones((1, 3)))
            >>> moves = {"weight": np.zeros((2, 3)), "bias": np.array([1.0, 5.0])}
            >>> layer.parameter_jvp(moves, cache)
            array([[1., 5.]])
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no parameter_jvp(dparams, cache) -> dy"
        )

    def output_shape(self, cache: Any) -> tuple[int, ...]:
        """The shape (N, ...) of the y that belongs to this cache. A Jacobian penalty needs it to
        know how many rows there are.

        Example:
            >>> layer = Conv2d(1, 8, 3, stride=2, padding=1, rng=0)
            >>> y, cache = layer.forward(np.zeros((5, 1, 28, 28), np.float32))
            >>> layer.output_shape(cache)
            (5, 8, 14, 14)
        """
        raise NotImplementedError(f"{type(self).__name__} has no output_shape(cache) -> (N, ...)")

    def __call__(self, x: Array) -> Array:
        return self.forward(x)[0]

    def astype(self, dtype: DTypeLike) -> Self:
        """A copy whose parameters have this dtype (``np.float64`` for gradient checks).

        Raises:
            ValueError: the dtype is not floating point.

        Example:
            >>> Linear(3, 2).astype(np.float64).params["weight"].dtype
            dtype('float64')
        """
        check_dtype("astype", dtype)
        return self.map_params(lambda a: a.astype(dtype))

    def to(self, device: str) -> Self:
        """A copy on ``"cpu"`` or ``"gpu"``. Create the optimizer after the move: it holds the
        arrays that it updates.

        Raises:
            ValueError: the device is unknown.
            RuntimeError: CuPy finds no GPU.

        Example:
            >>> layer = Linear(3, 2)
            >>> copy = layer.to("cpu")
            >>> copy.params["weight"] is layer.params["weight"]
            False
        """
        check_device(device)
        return self.map_params(lambda a: to_device(a, device).copy(order="K"))

    def map_params(self, f: Callable[[Array], Array]) -> Self:
        """A copy of the layer in which every parameter ``a`` is replaced by ``f(a)``.

        Example:
            >>> layer = Linear(3, 2).map_params(np.zeros_like)
            >>> layer(np.ones((1, 3)))
            array([[0., 0.]])
        """
        new = copy.copy(self)
        new.params = {name: f(a) for name, a in self.params.items()}
        return new

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class LinearMap(Layer):
    """A map ``y = A x + b`` whose matrix A is linear in ``params["weight"]``, or fixed.

    Its second derivatives follow from one identity. The scalar of ``double_backward`` is

        s = ⟨g, Aᵀ dy⟩ = ⟨A g, dy⟩

    The right-hand side is ⟨y, dy⟩, the scalar of ``backward``, with g in place of x and without b.
    Hence ∂s/∂dy = A g, which is ``jvp(g)``; ∂s/∂W is the gradient that ``backward`` computes, with
    g in place of x; and s depends neither on x nor on b.

    A subclass with a weight caches its input x and has ``weight_gradient(dy, x) -> dW``. A bias
    (out,) is optional and belongs to axis 1 of y: (N, out, ...).

    Example:
        >>> from tinyae.layers import LinearMap
        >>> [cls.__name__ for cls in (Linear, Conv2d, Flatten, Tanh) if issubclass(cls, LinearMap)]
        ['Linear', 'Conv2d', 'Flatten']
    """

    def weight_gradient(self, dy: Array, x: Array) -> Array:
        """``dW``, the gradient of ``Σ dy · y`` with respect to the weight."""
        raise NotImplementedError(f"{type(self).__name__} has no weight_gradient(dy, x) -> dW")

    def bias_gradient(self, dy: Array) -> Array:
        """``db``, the sum of dy over examples and pixels: (N, out, ...) -> (out,)."""
        return dy.sum(axis=(0, *range(2, dy.ndim)))

    def parameter_gradients(self, dy: Array, x: Any) -> Gradients:
        if "weight" not in self.params:
            return {}
        check_shape(self, "dy", dy, self.output_shape(x))
        grads = {"weight": self.weight_gradient(dy, x)}
        if "bias" in self.params:
            grads["bias"] = self.bias_gradient(dy)
        return grads

    def double_backward(self, g: Array, dy: Array, x: Any) -> tuple[Array, None, Gradients]:
        d_dy = self.jvp(g, x)
        check_shape(self, "dy", dy, d_dy)
        if "weight" not in self.params:
            return d_dy, None, {}
        if g.ndim > x.ndim:  # (K, N, ...) -> (K·N, ...): for a linear map, probes are more examples
            g, dy = g.reshape(-1, *g.shape[2:]), dy.reshape(-1, *dy.shape[2:])
        grads = {"weight": self.weight_gradient(dy, g)}
        if "bias" in self.params:
            grads["bias"] = np.zeros_like(self.params["bias"])
        return d_dy, None, grads

    def parameter_jvp(self, dparams: Mapping[str, Array], x: Any) -> Array:
        if not self.params:
            return super().parameter_jvp(dparams, x)
        check_same_shapes(self, "dparams", dparams, self.params)
        moved = copy.copy(self)
        moved.params = dict(dparams)
        return moved.forward(x)[0]  # y is linear in (W, b): forward with (dW, db) in their place

    def add_bias(self, y: Array) -> Array:
        """``y + b``, in place; y itself if the layer has no bias."""
        if "bias" in self.params:
            y += self.params["bias"].reshape(-1, *[1] * (y.ndim - 2))
        return y


def uniform_init(shape: tuple[int, ...], fan_in: int, rng: Rng, dtype: DTypeLike) -> Array:
    """U(−1/√fan_in, 1/√fan_in), PyTorch's default for weights and biases: the outputs have about
    the scale of the inputs."""
    bound = 1 / np.sqrt(fan_in)
    return as_rng("uniform_init", rng).uniform(-bound, bound, shape).astype(dtype)


def sum_probes(a: Array, x: Array) -> Array:
    """Sum over the probe axis, if there is one: (K, N, ...) -> (N, ...), the shape of ``x``."""
    return a.sum(axis=0) if a.ndim > x.ndim else a
