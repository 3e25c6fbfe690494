"""What an objective that compares the reconstruction with the data asks of both."""

from __future__ import annotations

import math
import warnings

import numpy as np

from tinyae._validate import shape_text
from tinyae.backend import Array
from tinyae.data.batches import Data
from tinyae.layers import ELU, Conv2d, ReLU, Sigmoid, Softplus, Tanh, leaves
from tinyae.layers.base import Layer
from tinyae.losses import Loss, bce_with_logits


def check_reconstruction(who: str, model: Layer, data: Data, loss: Loss) -> None:
    """Check, before anything is changed, that ``loss`` can compare the model's output with the
    data. Warn if the output cannot reach the data.

    Raises:
        TypeError: the data are a pair.
        ValueError: the reconstructed images have another size.
    """
    if isinstance(data, tuple):
        raise TypeError(
            f"{who}: the data are {len(data)} arrays, expected one: an autoencoder's target is its "
            "input. fit(model, x, ...), not fit(model, (x, x), ...)"
        )
    x = data[:1]
    y = model(x)
    if y.ndim == x.ndim == 4 and y.shape != x.shape:
        try:
            loss(y, x)
        except ValueError as error:
            raise ValueError(f"{who}: {error}. {_size_hint(model, x, y)}") from None
    if (
        loss is not bce_with_logits and y.shape == x.shape
    ):  # its outputs are not in the data's range
        _check_range(model, data)


def _size_hint(model: Layer, x: Array, y: Array) -> str:
    """What size the images must have."""
    strides = [layer.stride for _, layer in leaves(model) if isinstance(layer, Conv2d)]
    step = math.prod(s for s, _ in strides), math.prod(s for _, s in strides)
    height, width = (-(-size // s) * s for size, s in zip(x.shape[2:], step, strict=True))
    text = (
        f"The images have {shape_text(x.shape[2:])} pixels, the reconstructions "
        f"{shape_text(y.shape[2:])}: pad, crop or resize the images, or choose another padding or "
        "output_padding"
    )
    if step == (1, 1):
        return text
    padded = np.zeros_like(x, shape=(*x.shape[:2], height, width))
    fits = model(padded).shape == padded.shape
    example = f", such as {height}×{width}" if fits else ""
    return (
        f"{text}. A convolution with a stride rounds sizes: with these strides, height and width "
        f"should be multiples of {step[0]} and {step[1]}{example}"
    )


def _check_range(model: Layer, data: Array) -> None:
    *_, (_, last) = leaves(model)
    low, high = _range(last)
    outside = float(((data < low) | (data > high)).mean()) if math.isfinite(low) else 0.0
    if outside:
        warnings.warn(
            f"{outside:.1%} of the data are outside [{low:g}, {high:g}], where the outputs of the "
            f"model's last layer, {last!r}, are: it cannot reconstruct them. Scale the data, or "
            "end the model in a Linear layer (or a convolution)",
            stacklevel=4,
        )


def _range(layer: Layer) -> tuple[float, float]:
    """The range of a layer's outputs."""
    if isinstance(layer, Sigmoid):
        return 0, 1
    if isinstance(layer, Tanh):
        return -1, 1
    if isinstance(layer, ReLU | Softplus):
        return 0, math.inf
    return (-layer.alpha, math.inf) if isinstance(layer, ELU) else (-math.inf, math.inf)
