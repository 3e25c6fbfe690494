"""A net as one chain of plain layers, which is how the Jacobian penalties go through it, and whether it can be gone through."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyae.layers import Flatten, Frozen, Reshape
from tinyae.layers.base import Gradients, Layer
from tinyae.layers.containers import Chain

NEEDED = {"vjp": "(dy, cache)", "double_backward": "(g, dy, cache)", "output_shape": "(cache)"}


def flattened(net: Layer, caches: Any) -> tuple[Chain, list[Any], Any]:
    """Containers inside containers -> one chain of plain layers, its caches, and a function that gives the gradients the
    names that ``net`` has for them. A frozen container becomes a chain of frozen layers."""
    if isinstance(net, Frozen):
        chain, flat, _ = flattened(net.layer, caches)
        return (
            Chain({name: Frozen(layer) for name, layer in chain.named_layers.items()}),
            flat,
            lambda grads: {},
        )
    if not isinstance(net, Chain):
        return (
            Chain({"net": net}),
            [caches],
            lambda grads: {key.removeprefix("net."): g for key, g in grads.items()},
        )
    layers, flat, merging = {}, [], []

    def walk(chain: Chain, chain_caches: Any, prefix: str) -> None:
        if not isinstance(chain_caches, list) or len(chain_caches) != len(chain.layers):
            raise ValueError(
                f"{type(chain).__name__}: these are the caches of another net, expected {len(chain.layers)} of them"
            )
        for (name, layer), cache in zip(chain.named_layers.items(), chain_caches, strict=True):
            if isinstance(layer, Chain):
                walk(layer, cache, f"{prefix}{name}.")
            elif isinstance(layer, Frozen):
                inside, inside_caches, _ = flattened(layer, cache)
                layers.update(
                    {f"{prefix}{name}.{key}": part for key, part in inside.named_layers.items()}
                )
                flat.extend(inside_caches)
            else:
                layers[prefix + name] = layer
                flat.append(cache)
        if (
            type(chain).merged is not Chain.merged
        ):  # tied weights, inner containers before outer ones
            merging.append((prefix, chain))

    def names(grads: Gradients) -> Gradients:
        for prefix, chain in merging:
            inside = {
                key.removeprefix(prefix): g for key, g in grads.items() if key.startswith(prefix)
            }
            outside = {key: g for key, g in grads.items() if not key.startswith(prefix)}
            grads = outside | {prefix + key: g for key, g in chain.merged(inside).items()}
        return grads

    walk(net, caches, "")
    return Chain(layers), flat, names


def reshapes(layers: list[Layer]) -> int:
    """How many layers at the beginning only reshape, as Flatten does."""
    return next(
        (i for i, layer in enumerate(layers) if not isinstance(layer, Flatten | Reshape)), 0
    )


def check_chain(net: Chain, caches: list[Any], probes: int | None) -> None:
    if probes is not None:
        check_probes("contractive", probes)
    missing = [
        f"layer {name}, {layer!r}, has no {method}{signature}"
        for name, layer in net.named_layers.items()
        for method, signature in NEEDED.items()
        if getattr(type(_thawed(layer)), method, None) in (None, getattr(Layer, method))
    ]
    if missing:
        raise TypeError(
            f"contractive: {'; '.join(missing)}. A Jacobian penalty needs that of every layer of the encoder: add it. "
            "What it must return stands in tinyae.layers.base.Layer"
        )
    shape = None
    for (name, layer), cache in zip(net.named_layers.items(), caches, strict=True):
        kept = _thawed(layer)
        cached = getattr(cache, "shape", cache if isinstance(kept, Flatten | Reshape) else None)
        ours = type(kept).__module__.startswith(
            "tinyae.layers."
        )  # ours keep their input, an output as large, or its shape
        if ours and shape is not None and cached is not None and cached != shape:
            raise ValueError(
                f"contractive: layer {name}, {layer!r}, has a cache of shape {cached}, expected {shape}: "
                "these are the caches of another net"
            )
        shape = layer.output_shape(cache)
    if shape and shape[0] == 0:
        raise ValueError("contractive: a batch of 0 examples has no mean")


def check_probes(who: str, probes: Any) -> None:
    if isinstance(probes, bool) or not isinstance(probes, int | np.integer) or probes < 1:
        raise ValueError(
            f"{who}: probes is {probes}, expected None (exact) or a whole number of at least 1"
        )


def _thawed(layer: Layer) -> Layer:
    return layer.layer if isinstance(layer, Frozen) else layer
