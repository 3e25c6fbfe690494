"""A layer or net whose weights are not trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from tinyae._validate import check_layer, check_shape
from tinyae.backend import Array
from tinyae.layers.base import Gradients, Layer
from tinyae.layers.containers import leaves


class Frozen(Layer):
    """``y = f(x)`` for a given net f whose weights are constants: ``dx = Jᵀ dy`` as usual, but no
    dW is computed.

    ``params`` is empty, so an optimizer made from a model's ``params`` cannot change f, and a
    weight file of the model does not contain f. Frozen holds the net itself, not a copy: if you
    train the net elsewhere, it changes here too.

    Raises:
        TypeError: not a layer.

    Example:
        >>> layer = Frozen(Linear(3, 2, rng=0))
        >>> layer.params
        mappingproxy({})
        >>> y, cache = layer.forward(np.ones((1, 3)))
        >>> dx, grads = layer.backward(np.ones((1, 2)), cache)
        >>> dx.shape, grads
        ((1, 3), {})
    """

    def __init__(self, layer: Layer) -> None:
        check_layer("Frozen", "layer", layer)
        self.layer = layer

    def forward(self, x: Array) -> tuple[Array, Any]:
        return self.layer.forward(x)

    def backward(self, dy: Array, cache: Any) -> tuple[Array, Gradients]:
        check_shape("Frozen", "dy", dy, self.output_shape(cache))
        return self.layer.vjp(dy, cache), {}

    def parameter_gradients(self, dy: Array, cache: Any) -> Gradients:
        return {}

    def jvp(self, dx: Array, cache: Any) -> Array:
        return self.layer.jvp(dx, cache)

    def vjp(self, dy: Array, cache: Any) -> Array:
        return self.layer.vjp(dy, cache)

    def double_backward(
        self, g: Array, dy: Array, cache: Any
    ) -> tuple[Array, Array | None, Gradients]:
        d_dy, dx, _ = self.layer.double_backward(g, dy, cache)
        return d_dy, dx, {}

    def output_shape(self, cache: Any) -> tuple[int, ...]:
        return self.layer.output_shape(cache)

    def map_params(self, f: Callable[[Array], Array]) -> Self:
        return type(self)(self.layer.map_params(f))

    def __repr__(self) -> str:
        return f"Frozen({', '.join(repr(layer) for _, layer in leaves(self.layer))})"


def freeze(layer: Layer) -> Frozen:
    """``layer`` as a layer without parameters: ``Sequential(freeze(model.encoder), Linear(32,
    10))`` trains only the Linear.

    Example:
        >>> model = Sequential(freeze(Linear(784, 32)), Linear(32, 10))
        >>> list(model.params)  # only the second layer is trained
        ['1.weight', '1.bias']
    """
    return layer if isinstance(layer, Frozen) else Frozen(layer)
