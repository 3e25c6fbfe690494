"""Containers: layers applied one after the other, and the autoencoder made of two such containers.
A container is a layer too."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

from tinyae._validate import check_layer, check_same_shapes
from tinyae.backend import Array
from tinyae.layers.base import Gradients, Layer


class Chain(Layer):
    """Named layers applied one after the other: ``y = f_L(… f_2(f_1(x)))``. The cache is the list
    of the layers' caches.

    The keys of params and grads start with the layer's name, ``"0.weight"``, as in PyTorch's
    state_dict.
    """

    def __init__(self, layers: dict[str, Layer]) -> None:
        for name, layer in layers.items():
            check_layer(type(self).__name__, name, layer)
        self.named_layers = layers

    @property
    def params(self) -> dict[str, Array]:  # type: ignore[override]  # computed: read-only
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
        second_order: Mapping[str, Array | None] | None = None,
    ) -> tuple[Array | None, Gradients]:
        """``dx, grads``, from the last layer to the first.

        Args:
            input_gradient: False returns None for dx. Training does not need the gradient with
                respect to the data, and the first layer saves a third of its work.
            second_order: further gradients, each with respect to the input of the layer that it is
                named after. They come from ``tangents`` and are added on the way. dy may then be
                None, for 0.
        """
        if dy is None and second_order is None:
            raise TypeError(f"{type(self).__name__}: dy is None, expected an array")
        last_needed = None if input_gradient else self._first_with_params()
        grads = {}
        for name, layer, cache in reversed(self.with_caches(caches)):
            if dy is not None:
                if name == last_needed:
                    grads[name] = layer.parameter_gradients(dy, cache)
                    break
                dy, grads[name] = layer.backward(dy, cache)
            extra = second_order.get(name) if second_order else None
            if extra is not None:
                dy = extra if dy is None else dy + extra
        return dy if input_gradient else None, self.named(grads)

    def parameter_gradients(self, dy: Array, caches: list[Any]) -> Gradients:
        return self.backward(dy, caches, input_gradient=False)[1]

    def jvp(self, dx: Array, caches: list[Any]) -> Array:
        for _, layer, cache in self.with_caches(caches):
            dx = layer.jvp(dx, cache)
        return dx

    def parameter_jvp(self, dparams: Mapping[str, Array], caches: list[Any]) -> Array:
        """``dy``, the sum over the layers: the change that a layer's own parameters make at its
        output travels through the layers behind it.

        Raises:
            TypeError: ``dparams`` is not a dictionary of arrays.
            ValueError: ``dparams`` does not have the keys and shapes of ``params``.
        """
        check_same_shapes("parameter_jvp", "dparams", dparams, self.params)
        if not dparams:
            return super().parameter_jvp(dparams, caches)
        dparams = self.spread(dparams)
        dy: Array = None
        for name, layer, cache in self.with_caches(caches):
            if dy is not None:
                dy = layer.jvp(dy, cache)
            if layer.params:
                own = {key: dparams[f"{name}.{key}"] for key in layer.params}
                change = layer.parameter_jvp(own, cache)
                dy = change if dy is None else dy + change
        return dy

    def vjp(self, dy: Array, caches: list[Any]) -> Array:
        for _, layer, cache in reversed(self.with_caches(caches)):
            dy = layer.vjp(dy, cache)
        return dy

    def double_backward(
        self, g: Array, dy: Array, caches: list[Any]
    ) -> tuple[Array, Array | None, Gradients]:
        cotangents, _ = self.cotangents(dy, caches)
        d_dy, second_order, grads = self.tangents(g, cotangents, caches)
        # each layer's input depends on the layers before it
        dx, more = self.backward(None, caches, second_order=second_order)
        return d_dy, dx, add_gradients(grads, more)

    # The two sweeps of double_backward, for s = Σ g · V_0. A Jacobian penalty calls them one by
    # one, because its g depends on V_0.

    def cotangents(self, dy: Array, caches: list[Any]) -> tuple[dict[str, Array], Array]:
        """The backward sweep: ``V_L = dy``, ``V_{l−1} = vjp_l(V_l)``.

        Returns:
            What each layer's vjp is given, V_l under the name of layer l; and V_0.
        """
        given = {}
        for name, layer, cache in reversed(self.with_caches(caches)):
            given[name], dy = dy, layer.vjp(dy, cache)
        return given, dy

    def tangents(
        self, g: Array, cotangents: dict[str, Array], caches: list[Any]
    ) -> tuple[Array, dict[str, Array | None], Gradients]:
        """The forward sweep: it starts with ``∂s/∂V_0 = g``, and each layer's ``double_backward``
        turns ``∂s/∂V_{l−1}`` into ``∂s/∂V_l``.

        Returns:
            ∂s/∂V_L; each layer's second-order gradient, that is ∂s/∂x_l through its f'' (None if
            f'' = 0); and the gradients with respect to the layers' parameters.
        """
        second_order, grads = {}, {}
        for name, layer, cache in self.with_caches(caches):
            if name in cotangents:
                result = layer.double_backward(g, cotangents[name], cache)
                g, second_order[name], grads[name] = result
        return g, second_order, self.named(grads)

    def output_shape(self, caches: list[Any]) -> tuple[int, ...]:
        return self.layers[-1].output_shape(caches[-1])

    def named(self, grads: Mapping[str, Gradients]) -> Gradients:
        """The gradients of each layer -> one flat dict with the keys of ``params``."""
        return self.merged(prefixed(grads))

    def merged(self, grads: Gradients) -> Gradients:
        """Add up the gradients of arrays that are used in several places. Here there are none."""
        return grads

    def spread(self, dparams: Mapping[str, Array]) -> Mapping[str, Array]:
        """The transpose of ``merged``: give an array that is used in several places to each of
        them."""
        return dparams

    def map_params(self, f: Callable[[Array], Array]) -> Self:
        new = copy.copy(self)
        new.named_layers = {name: layer.map_params(f) for name, layer in self.named_layers.items()}
        return new

    def with_caches(self, caches: list[Any]) -> list[tuple[str, Layer, Any]]:
        """``(name, layer, cache)`` of each layer, in the order of the forward pass.

        Raises:
            ValueError: there are not as many caches as layers.
        """
        count = len(caches) if isinstance(caches, list) else 0
        if count != len(self.named_layers):
            raise ValueError(
                f"{type(self).__name__}: {count} caches for {len(self.named_layers)} layers: "
                "these are the caches of another net"
            )
        named = self.named_layers.items()
        return [(name, layer, cache) for (name, layer), cache in zip(named, caches, strict=True)]

    def _first_with_params(self) -> str:
        """The first layer with parameters: training needs no gradient before it."""
        return next((name for name, layer in self.named_layers.items() if layer.params), "")


class Sequential(Chain):
    """``Sequential(Linear(784, 32), ReLU(), ...)``: layers applied one after the other. The keys
    are ``"0.weight"``, ``"0.bias"``, ``"2.weight"``, ...

    Raises:
        TypeError: an argument is not a layer (for example a class instead of an object).

    Example:
        >>> net = Sequential(Linear(784, 32, rng=0), ReLU(), Linear(32, 10, rng=1))
        >>> net(np.zeros((5, 784), np.float32)).shape
        (5, 10)
        >>> list(net.params)
        ['0.weight', '0.bias', '2.weight', '2.bias']
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
        lines = (f"  ({i}) {indented(layer)}\n" for i, layer in enumerate(self.layers))
        return f"Sequential(\n{''.join(lines)})"


class EncoderDecoder(Chain):
    """What Autoencoder and VAE share: a chain with layers named "encoder" and "decoder"."""

    @property
    def encoder(self) -> Layer:
        return self.named_layers["encoder"]

    @property
    def decoder(self) -> Layer:
        return self.named_layers["decoder"]

    def decode(self, z: Array) -> Array:
        """The reconstructions for the latent codes ``z``."""
        return self.decoder(z)


class Autoencoder(EncoderDecoder):
    """``x̂ = decode(z)``, ``z = encode(x)``: z is the latent code. The keys are
    ``"encoder.0.weight"``, ``"decoder.0.weight"``, ...

    Example:
        >>> encoder = Sequential(Linear(784, 32, rng=0), ReLU())
        >>> decoder = Sequential(Linear(32, 784, rng=1), Sigmoid())
        >>> model = Autoencoder(encoder, decoder)
        >>> x = np.zeros((5, 784), np.float32)
        >>> model.encode(x).shape, model(x).shape
        ((5, 32), (5, 784))
    """

    def __init__(self, encoder: Layer, decoder: Layer) -> None:
        super().__init__({"encoder": encoder, "decoder": decoder})

    def encode(self, x: Array) -> Array:
        """The latent codes of the examples ``x``."""
        return self.encoder(x)

    def __repr__(self) -> str:
        parts = (f"  {name}: {indented(layer)}\n" for name, layer in self.named_layers.items())
        return f"Autoencoder(\n{''.join(parts)})"


def prefixed(named: Mapping[str, Gradients]) -> Gradients:
    """``{"0": {"weight": a}}`` -> ``{"0.weight": a}``."""
    return {
        f"{name}.{key}": array for name, arrays in named.items() for key, array in arrays.items()
    }


def add_gradients(a: Gradients, b: Gradients) -> Gradients:
    """The sum of two sets of gradients. A gradient that only one of them has stays as it is."""
    return {
        key: a[key] + b[key] if key in a and key in b else a.get(key, b.get(key))
        for key in {**a, **b}
    }


def indented(layer: Layer) -> str:
    return repr(layer).replace("\n", "\n  ")


def leaves(model: Layer, prefix: str = "") -> Iterator[tuple[str, Layer]]:
    """The layers that are not containers, in the order of the forward pass, with their full names,
    ``"encoder.0"``.

    Raises:
        TypeError: ``model`` is not a layer.

    Example:
        >>> from tinyae.layers import leaves
        >>> model = Autoencoder(Linear(4, 2), Sequential(Linear(2, 4), Sigmoid()))
        >>> dict(leaves(model))
        {'encoder': Linear(4 → 2), 'decoder.0': Linear(2 → 4), 'decoder.1': Sigmoid()}
    """
    check_layer("leaves", "model", model)
    if not isinstance(model, Chain):
        yield prefix or type(model).__name__, model
        return
    for name, layer in model.named_layers.items():
        yield from leaves(layer, f"{prefix}.{name}" if prefix else name)
