"""Elementwise activations: y = f(x), each with its first and second derivative.

All of them cache their *output* y and express f' and f'' in terms of it. This saves memory, because
the next layer keeps y anyway. Each class is its formulas; what they share is in ``Elementwise``.
"""

from __future__ import annotations

import numpy as np

from tinyae._validate import check_array, check_number, check_shape
from tinyae.backend import Array
from tinyae.layers.base import Gradients, Layer, sum_probes


class Elementwise(Layer):
    """``y_i = f(x_i)``: a diagonal Jacobian. So ``dx = f'(x) dy``, and J dx and Jᵀ dy are the same
    product."""

    def f(self, x: Array) -> Array:
        raise NotImplementedError

    def derivative(self, y: Array) -> Array:
        """f'(x), computed from y = f(x)."""
        raise NotImplementedError

    def second_derivative(self, y: Array) -> Array | None:
        """f''(x), computed from y = f(x); None if f is piecewise linear, f'' = 0."""
        raise NotImplementedError

    def forward(self, x: Array) -> tuple[Array, Array]:
        check_array(self, "input", x)
        y = self.f(x)
        return y, y

    def backward(self, dy: Array, y: Array) -> tuple[Array, Gradients]:
        check_shape(self, "dy", dy, y)
        return dy * self.derivative(y), {}

    def jvp(self, dx: Array, y: Array) -> Array:
        check_shape(self, "dx", dx, y, probes=True)
        return dx * self.derivative(y)

    def vjp(self, dy: Array, y: Array) -> Array:
        check_shape(self, "dy", dy, y, probes=True)
        return dy * self.derivative(y)

    def double_backward(
        self, g: Array, dy: Array, y: Array
    ) -> tuple[Array, Array | None, Gradients]:
        check_shape(self, "g", g, y, probes=True)
        check_shape(self, "dy", dy, g)
        # s = Σ g f'(x) dy:   ∂s/∂dy = f'(x) g,   ∂s/∂x = f''(x) Σ_K g dy
        f2 = self.second_derivative(y)
        dx = None if f2 is None else f2 * sum_probes(g * dy, y)
        return g * self.derivative(y), dx, {}

    def output_shape(self, y: Array) -> tuple[int, ...]:
        return y.shape


def _is_object(x: Array) -> bool:
    return getattr(x, "dtype", None) == np.dtype(object)


def _positive(x: Array) -> Array:
    """max(x, 0). For Python objects (exact checks) a product, so that 0 keeps their type."""
    return x * (x > 0) if _is_object(x) else np.maximum(x, 0)


def _negative(x: Array) -> Array:
    """min(x, 0), likewise."""
    return x * (x < 0) if _is_object(x) else np.minimum(x, 0)


class ReLU(Elementwise):
    """``f(x) = max(x, 0)``, ``f' = 1 where x > 0, else 0``. At the kink x = 0, f' is defined as 0,
    as in PyTorch.

    Example:
        >>> ReLU()(np.array([[-2.0, 0.0, 3.0]]))
        array([[0., 0., 3.]])
    """

    def f(self, x: Array) -> Array:
        return _positive(x)

    def derivative(self, y: Array) -> Array:
        return (y > 0).astype(y.dtype)

    def second_derivative(self, y: Array) -> None:
        return None


class LeakyReLU(Elementwise):
    """``f(x) = x where x > 0, else a·x`` with 0 < a < 1 (default 0.01). f' is 1 or a.

    Raises:
        ValueError: ``negative_slope`` is outside (0, 1). For 0, use ReLU.

    Example:
        >>> LeakyReLU(0.1)(np.array([[-2.0, 0.0, 3.0]]))
        array([[-0.2,  0. ,  3. ]])
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        valid, expected = lambda a: 0 < a < 1, "a number between 0 and 1"
        check_number("LeakyReLU", "negative_slope", negative_slope, valid, expected)
        self.negative_slope = float(negative_slope)  # a np.float64 would make float32 data float64

    def f(self, x: Array) -> Array:
        return np.maximum(x, self.negative_slope * x)

    def derivative(self, y: Array) -> Array:
        one, a = y.dtype.type(1), y.dtype.type(self.negative_slope)
        return np.where(y > 0, one, a)  # y has the sign of x

    def second_derivative(self, y: Array) -> None:
        return None

    def __repr__(self) -> str:
        return f"LeakyReLU({self.negative_slope})"


class ELU(Elementwise):
    """``f(x) = x where x > 0, else α (eˣ − 1)`` (Clevert et al. 2016, eq. 15). For x < 0,
    ``f' = α eˣ = y + α = f''``.

    Raises:
        ValueError: ``alpha`` is not above 0.

    Example:
        >>> ELU()(np.array([[-1.0, 0.0, 3.0]])).round(3)
        array([[-0.632,  0.   ,  3.   ]])
    """

    def __init__(self, alpha: float = 1.0) -> None:
        check_number("ELU", "alpha", alpha, lambda a: 0 < a < np.inf, "a number above 0")
        self.alpha = float(alpha)

    def f(self, x: Array) -> Array:
        negative = self.alpha * np.expm1(_negative(x))  # the minimum avoids e¹⁰⁰⁰
        return np.where(x > 0, x, negative)

    def derivative(self, y: Array) -> Array:
        return np.where(y > 0, y.dtype.type(1), y + y.dtype.type(self.alpha))

    def second_derivative(self, y: Array) -> Array:
        return np.where(y > 0, y.dtype.type(0), y + y.dtype.type(self.alpha))

    def __repr__(self) -> str:
        return f"ELU({self.alpha})"


class Sigmoid(Elementwise):
    """``σ(x) = 1 / (1 + e⁻ˣ)``, ``σ' = y (1 − y)``, ``σ'' = y (1 − y) (1 − 2y)``.

    Example:
        >>> y, cache = Sigmoid().forward(np.array([[-1000.0, 0.0, 1000.0]]))
        >>> y
        array([[0. , 0.5, 1. ]])
        >>> Sigmoid().backward(np.ones((1, 3)), cache)[0]  # saturated: no gradient at the ends
        array([[0.  , 0.25, 0.  ]])
    """

    def f(self, x: Array) -> Array:
        with np.errstate(over="ignore"):  # e¹⁰⁰⁰ = inf is fine: 1 / (1 + inf) = 0
            y = np.exp(-x)
        y += 1
        return np.divide(1, y, out=y)

    def derivative(self, y: Array) -> Array:
        return y * (1 - y)

    def second_derivative(self, y: Array) -> Array:
        return y * (1 - y) * (1 - 2 * y)


class Tanh(Elementwise):
    """``f(x) = tanh x``, ``f' = 1 − y²``, ``f'' = −2 y (1 − y²)``.

    Example:
        >>> Tanh()(np.array([[-1.0, 0.0, 1.0]])).round(3)
        array([[-0.762,  0.   ,  0.762]])
    """

    def f(self, x: Array) -> Array:
        return np.tanh(x)

    def derivative(self, y: Array) -> Array:
        return 1 - y * y

    def second_derivative(self, y: Array) -> Array:
        return -2 * y * (1 - y * y)


class Softplus(Elementwise):
    """``f(x) = log(1 + eˣ)``, ``f' = σ(x) = 1 − e⁻ʸ``, ``f'' = σ(x) (1 − σ(x)) = (1 − e⁻ʸ)
    e⁻ʸ``.

    Example:
        >>> Softplus()(np.array([[-1.0, 0.0, 100.0]])).round(3)
        array([[  0.313,   0.693, 100.   ]])
    """

    def f(self, x: Array) -> Array:
        return np.logaddexp(x, x.dtype.type(0)) if x.dtype.kind == "f" else np.log(1 + np.exp(x))

    def derivative(self, y: Array) -> Array:
        return -np.expm1(-y)

    def second_derivative(self, y: Array) -> Array:
        return -np.expm1(-y) * np.exp(-y)
