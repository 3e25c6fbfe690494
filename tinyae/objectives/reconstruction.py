"""What an objective that compares the reconstruction with the data asks of both."""

from __future__ import annotations

import math
import warnings

import numpy as np

from tinyae._validate import shape_text
from tinyae.backend import Array
from tinyae.data.batches import Data
from tinyae.data.ranges import output_range, range_problem, scaling_advice
from tinyae.layers import Conv2d, leaves
from tinyae.layers.base import Layer
from tinyae.losses import Loss, bce_with_logits


def check_reconstruction(who: str, model: Layer, data: Data, loss: Loss) -> None:
    """Check, before anything is changed, that ``loss`` can compare the model's output with the
    data. Warn if the output layer cannot produce the data, such as z-scores after a Tanh.

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
    if y.ndim == x.ndim == 4 and y.shape[2:] != x.shape[2:]:
        try:
            loss(y, x)
        except ValueError as error:
            raise ValueError(f"{who}: {error}. {_size_hint(model, x, y)}") from None
    # The outputs of a model that is trained with bce_with_logits are not in the data's range.
    if loss is not bce_with_logits and y.shape == x.shape:
        low, high = float(data.min()), float(data.max())
        if (problem := range_problem(model, low, high, "the data")) is not None:
            _, least, largest = output_range(model)
            warnings.warn(
                f"{problem}, so it cannot reconstruct all of them: "
                f"{scaling_advice(low, high, least, largest)}, or end the model in a linear layer",
                stacklevel=4,
            )


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
    padded = np.zeros_like(x, shape=(*x.shape[:2], height, width))
    try:
        fits = model(padded).shape == padded.shape
    except ValueError:  # a Linear layer takes one size only
        fits = False
    if not fits:
        return text
    return (
        f"{text}. A convolution with a stride rounds sizes: with these strides, height and width "
        f"should be multiples of {step[0]} and {step[1]}, such as {height}×{width}"
    )
