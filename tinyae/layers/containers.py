"""Containers: layers in a row, and the autoencoder made of two such rows. Both are layers themselves."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, Self

from tinyae._validate import check_layer
from tinyae.backend import Array
from tinyae.layers.base import Gradients, Layer


class Chain(Layer):
    """Named layers in a row, y = f_L(… f_2(f_1(x))). The cache is the list of the layers' caches.

    Params and grads carry the layer's name in front, ``"0.weight"``, as in PyTorch's state_dict.
    """

    def __init__(self, layers: dict[str, Layer]) -> None:
        self.named_layers = layers

    @property
    def params(self) -> dict[str, Array]:
        return prefixed({name: layer.params for name, layer in self.named_layers.items()})

    @property
    def layers(self) -> list[Layer]:
        return list(self.named_layers.values())

    def forward(self, x: Array) -> tuple[Array, list[Any]]:
        caches = []
        for layer in self.layers:
            x, cache = layer.forward(x)
            caches.append(cache)
        return x, caches

    def backward(
        self,
        dy: Array | None,
        caches: list[Any],
        input_gradient: bool = True,
        bends: dict[str, Array | None] | None = None,
    ) -> tuple[Array | None, Gradients]:
        """``dx, grads``, from the last layer to the first.

        With ``input_gradient=False``, dx is None: training does not need the gradient at the data, and the first layer is
        spared a third of its work. ``bends`` are further gradients, each at the input of the layer it is named after, which
        a Jacobian penalty has; they join on the way down, and dy may then be None.
        """
        last_wanted = None if input_gradient else self._first_with_params()
        grads = {}
        for name, layer, cache in self._reversed(caches):
            if dy is not None:
                if name == last_wanted:
                    grads[name] = layer.parameter_gradients(dy, cache)
                    break
                dy, grads[name] = layer.backward(dy, cache)
            bend = bends.get(name) if bends else None
            if bend is not None:
                dy = bend if dy is None else dy + bend
        return dy if input_gradient else None, self.named(grads)

    def parameter_gradients(self, dy: Array, caches: list[Any]) -> Gradients:
        return self.backward(dy, caches, input_gradient=False)[1]

    def jvp(self, dx: Array, caches: list[Any]) -> Array:
        for layer, cache in zip(self.layers, caches, strict=True):
            dx = layer.jvp(dx, cache)
        return dx

    def vjp(self, dy: Array, caches: list[Any]) -> Array:
        for _, layer, cache in self._reversed(caches):
            dy = layer.vjp(dy, cache)
        return dy

    def double_backward(
        self, g: Array, dy: Array, caches: list[Any]
    ) -> tuple[Array, Array | None, Gradients]:
        cotangents, _ = self.cotangents(dy, caches)
        d_dy, bends, grads = self.tangents(g, cotangents, caches)
        dx, more = self.backward(
            None, caches, bends=bends
        )  # each layer's input depends on the layers below it
        return d_dy, dx, add_gradients(grads, more)

    # Its sweeps, for s = Σ g · V_0. A Jacobian penalty runs them by itself, since its g depends on V_0.

    def cotangents(self, dy: Array, caches: list[Any]) -> tuple[dict[str, Array], Array]:
        """Down: what each layer's vjp is given, V_L = dy, V_{l−1} = vjp_l(V_l); and V_0."""
        given = {}
        for name, layer, cache in self._reversed(caches):
            given[name], dy = dy, layer.vjp(dy, cache)
        return given, dy

    def tangents(
        self, g: Array, cotangents: dict[str, Array], caches: list[Any]
    ) -> tuple[Array, dict[str, Array | None], Gradients]:
        """Up: ∂s/∂V_0 = g, and each layer's double_backward takes ∂s/∂V_{l−1} to ∂s/∂V_l. Returns ∂s/∂V_L, each layer's
        ``bend`` (∂s/∂x_l through its f''; None where it has none), and its gradients."""
        bends, grads = {}, {}
        for (name, layer), cache in zip(self.named_layers.items(), caches, strict=True):
            if name in cotangents:
                g, bends[name], grads[name] = layer.double_backward(g, cotangents[name], cache)
        return g, bends, self.named(grads)

    def output_shape(self, caches: list[Any]) -> tuple[int, ...]:
        return self.layers[-1].output_shape(caches[-1])

    def named(self, grads: dict[str, Gradients]) -> Gradients:
        """Each layer's gradients -> one flat dict with the keys of ``params``."""
        return self.merged(prefixed(grads))

    def merged(self, grads: Gradients) -> Gradients:
        """The gradients of arrays that are used in several places, added up. Here none are."""
        return grads

    def map_params(self, f: Callable[[Array], Array]) -> Self:
        new = copy.copy(self)
        new.named_layers = {name: layer.map_params(f) for name, layer in self.named_layers.items()}
        return new

    def _first_with_params(self) -> str:
        """The first layer that has parameters: below it, nobody needs a gradient in training."""
        return next((name for name, layer in self.named_layers.items() if layer.params), "")

    def _reversed(self, caches: list[Any]) -> Iterator[tuple[str, Layer, Any]]:
        if len(caches) != len(self.named_layers):
            raise ValueError(
                f"{type(self).__name__}: {len(caches)} caches for {len(self.named_layers)} layers: "
                "they come from another net's forward"
            )
        steps = [
            (name, layer, cache)
            for (name, layer), cache in zip(self.named_layers.items(), caches, strict=True)
        ]
        return reversed(steps)


class Sequential(Chain):
    """``Sequential(Linear(784, 32), ReLU(), ...)``: layers in a row, keys ``"0.weight"``, ``"0.bias"``, ``"2.weight"``, ...

    Raises:
        TypeError: an argument is not a layer (a class instead of an object, say).
    """

    def __init__(self, *layers: Layer) -> None:
        for i, layer in enumerate(layers):
            check_layer("Sequential", f"argument {i}", layer)
        super().__init__({str(i): layer for i, layer in enumerate(layers)})

    def __len__(self) -> int:
        return len(self.named_layers)

    def __getitem__(self, index: int | slice) -> Any:
        return Sequential(*self.layers[index]) if isinstance(index, slice) else self.layers[index]

    def __repr__(self) -> str:
        return (
            "Sequential(\n"
            + "".join(f"  ({i}) {indented(layer)}\n" for i, layer in enumerate(self.layers))
            + ")"
        )


class Autoencoder(Chain):
    """``x̂ = decode(z)``, ``z = encode(x)``: z is the latent code. Keys ``"encoder.0.weight"``, ``"decoder.0.weight"``, ..."""

    def __init__(self, encoder: Layer, decoder: Layer) -> None:
        super().__init__({"encoder": encoder, "decoder": decoder})

    @property
    def encoder(self) -> Layer:
        return self.named_layers["encoder"]

    @property
    def decoder(self) -> Layer:
        return self.named_layers["decoder"]

    def encode(self, x: Array) -> Array:
        """The latent codes of the examples ``x``."""
        return self.encoder(x)

    def decode(self, z: Array) -> Array:
        """The reconstructions that belong to the codes ``z``."""
        return self.decoder(z)

    def __repr__(self) -> str:
        return f"Autoencoder(\n  encoder: {indented(self.encoder)}\n  decoder: {indented(self.decoder)}\n)"


def prefixed(named: dict[str, Gradients]) -> Gradients:
    """{"0": {"weight": a}} -> {"0.weight": a}"""
    return {
        f"{name}.{key}": array for name, arrays in named.items() for key, array in arrays.items()
    }


def add_gradients(a: Gradients, b: Gradients) -> Gradients:
    """The sum of two sets of gradients; either may lack what the other has."""
    return {
        key: a[key] + b[key] if key in a and key in b else a.get(key, b.get(key))
        for key in {**a, **b}
    }


def indented(layer: Layer) -> str:
    return repr(layer).replace("\n", "\n  ")


def leaves(model: Layer, prefix: str = "") -> Iterator[tuple[str, Layer]]:
    """The layers that are not containers, in the order of the forward pass, with their full names ``"encoder.0"``."""
    if not isinstance(model, Chain):
        yield prefix or type(model).__name__, model
        return
    for name, layer in model.named_layers.items():
        yield from leaves(layer, f"{prefix}.{name}" if prefix else name)
