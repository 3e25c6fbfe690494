"""A loss that compares what a net sees in two pictures, and not their pixels (Johnson, Alahi & Fei-Fei 2016).

A picture moved by one pixel is another picture to ``mse`` and the same to an eye. A trained net's inner layers are somewhere
between the two. So compare those: φ is a net that stays as it is, and the gradient goes back through it to the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tinyae.backend import Array
from tinyae.checks import check_layer, check_weight
from tinyae.layers.base import Layer
from tinyae.losses import mse
from tinyae.objectives import Loss


@dataclass(frozen=True)
class perceptual:  # used like a function: Objective(reconstruction=perceptual(classifier[:4]))
    """``value = pixels(y, t) + weight · mse(φ(y), φ(t))``,   ``dy = dpixels + weight · J_φ(y)ᵀ · 2 (φ(y) − φ(t)) / M``

    φ's weights get no gradient and are not trained: ``vjp`` is backward without the parameters. M is the size of φ(y).
    The second term is the feature loss of Johnson et al. 2016, section 3.2. Range [0, ∞).

    Args:
        features: φ, any layer or net that takes pictures; a net's first layers are a slice of it, ``classifier[:4]``.
        weight: of the distance between features, from 0 on. Their scale is not that of pixels: try several.
        pixels: a loss of the pictures themselves, added to it; None for features alone, which do not fix every pixel.

    Raises:
        TypeError: features that are no layer (a class instead of an object, say).
        ValueError: a negative weight; in a call, y and target of different shapes, or pictures that φ does not take.
    """

    features: Layer
    weight: float = 1.0
    pixels: Loss | None = mse

    def __post_init__(self) -> None:
        check_layer("perceptual", "features", self.features)
        check_weight("perceptual", "weight", self.weight)

    def __call__(self, y: Array, target: Array) -> tuple[Any, Array]:
        if y.shape != target.shape:
            raise ValueError(f"perceptual: y has shape {y.shape} and target {target.shape}: they must be equal")
        seen, caches = self.features.forward(y)
        value, dseen = mse(seen, self.features(target))
        value, dy = self.weight * value, self.weight * self.features.vjp(dseen, caches)
        if self.pixels is not None:
            of_pixels, dpixels = self.pixels(y, target)
            value, dy = value + of_pixels, dy + dpixels
        return value, dy
