"""A model as one chain of plain layers, which is what the Jacobian penalties work on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinyae._validate import check_layer
from tinyae.layers import Flatten, Frozen, Reshape, freeze
from tinyae.layers.base import Gradients, Layer
from tinyae.layers.containers import Chain

NEEDED = {"vjp": "(dy, cache)", "double_backward": "(g, dy, cache)", "output_shape": "(cache)"}


def as_chain(net: Layer, caches: Any) -> tuple[Chain, list[Any]]:
    """Containers inside containers -> one chain of plain layers, and its caches. A frozen container
    becomes a chain of frozen layers.

    Raises:
        TypeError: ``net`` is not a layer.
        ValueError: the caches are those of another net.
    """
    check_layer("contractive", "the encoder", net)
    layers, flat = {}, []
    for name, layer, cache in _plain_layers(net, caches):
        layers[name] = layer
        flat.append(cache)
    return Chain(layers), flat


def _plain_layers(net: Layer, caches: Any, prefix: str = "") -> Iterator[tuple[str, Layer, Any]]:
    if isinstance(net, Frozen):
        for name, layer, cache in _plain_layers(net.layer, caches, prefix):
            yield name, freeze(layer), cache
    elif isinstance(net, Chain):
        for name, layer, cache in net.with_caches(caches):
            yield from _plain_layers(layer, cache, f"{prefix}{name}.")
    else:
        yield prefix.removesuffix(".") or "net", net, caches


def gradients_of(net: Layer, grads: Gradients, prefix: str = "") -> Gradients:
    """The gradients of ``as_chain(net)`` -> those of ``net``, with the keys of ``net.params``. The
    gradients of tied weights are added up, in inner containers first."""
    if isinstance(net, Chain):
        return net.named(
            {
                name: gradients_of(layer, grads, f"{prefix}{name}.")
                for name, layer in net.named_layers.items()
            }
        )
    prefix = prefix or "net."
    return {key.removeprefix(prefix): g for key, g in grads.items() if key.startswith(prefix)}


def n_leading_reshapes(layers: list[Layer]) -> int:
    """How many layers at the beginning only reshape, as Flatten does."""
    return next((i for i, layer in enumerate(layers) if not _only_reshapes(layer)), 0)


def validate_chain(net: Chain, caches: list[Any], probes: int | None) -> None:
    """Check what a Jacobian penalty needs.

    Raises:
        TypeError: a layer has no vjp, double_backward or output_shape.
        ValueError: ``probes`` is below 1, the batch is empty, or the caches are those of another
            net, as far as their shapes show it.
    """
    if probes is not None:
        check_probes("contractive", probes)
    missing = [
        f"layer {name}, {layer!r}, has no {method}{signature}"
        for name, layer in net.named_layers.items()
        for method, signature in NEEDED.items()
        if getattr(type(_unwrap(layer)), method, None) in (None, getattr(Layer, method))
    ]
    if missing:
        raise TypeError(
            f"contractive: {'; '.join(missing)}. A Jacobian penalty needs this of every layer of "
            "the encoder: add it. What it must return is in tinyae.layers.base.Layer"
        )
    shape = None
    for name, layer, cache in net.with_caches(caches):
        cached = _cached_shape(_unwrap(layer), cache)
        if shape is not None and cached is not None and cached != shape:
            raise ValueError(
                f"contractive: layer {name}, {layer!r}, has a cache of shape {cached}, expected "
                f"{shape}: these are the caches of another net"
            )
        shape = layer.output_shape(cache)
    if shape and shape[0] == 0:
        raise ValueError("contractive: a batch of 0 examples has no mean")


def check_probes(who: str, probes: Any) -> None:
    """Check the number of random probes.

    Raises:
        ValueError: not an integer of at least 1.
    """
    if isinstance(probes, bool) or not isinstance(probes, int | np.integer) or probes < 1:
        raise ValueError(
            f"{who}: probes is {probes}, expected None (exact) or an integer of at least 1"
        )


def _cached_shape(layer: Layer, cache: Any) -> tuple[int, ...] | None:
    """The shape of a layer's input as its cache tells it: our layers keep their input, an output of
    the same shape, or the shape itself. None if the cache does not tell it."""
    if not type(layer).__module__.startswith("tinyae.layers."):
        return None
    return getattr(cache, "shape", cache if _only_reshapes(layer) else None)


def _only_reshapes(layer: Layer) -> bool:
    return isinstance(layer, Flatten | Reshape)


def _unwrap(layer: Layer) -> Layer:
    return layer.layer if isinstance(layer, Frozen) else layer
