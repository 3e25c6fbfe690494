"""A dense net as one chain of Linear layers and activations."""

from __future__ import annotations

from tinyae.layers.activations import Elementwise
from tinyae.layers.base import Layer
from tinyae.layers.containers import Chain, leaves
from tinyae.layers.linear import Linear
from tinyae.layers.reshape import Flatten, Reshape


def dense_chain(who: str, model: Layer) -> Chain:
    """The plain layers of a container, in one chain with the same keys.

    Args:
        who: who asks, for the error messages.

    Raises:
        TypeError: the model is not a container, has another layer than Linear layers, activations
            and reshapes, or uses a Linear layer twice.
    """
    if not isinstance(model, Chain):
        raise TypeError(f"{who}: model is {model!r}, expected a Sequential or an Autoencoder")
    layers = dict(leaves(model))
    for name, layer in layers.items():
        if type(layer) is not Linear and not isinstance(layer, Elementwise | Flatten | Reshape):
            raise TypeError(
                f"{who}: layer {name} is {layer!r}: only dense nets are supported, that is Linear "
                "layers with activations between them"
            )
    used = [id(layer) for layer in layers.values() if layer.params]
    if not used or len(set(used)) < len(used):
        raise TypeError(f"{who}: expected at least one Linear layer, and each to be used once")
    return Chain(layers)
