"""What ``tinyae train NAME`` trains: an architecture and an objective under a name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tinyae import models
from tinyae.layers import Autoencoder
from tinyae.names import unknown
from tinyae.objectives import Objective


@dataclass(frozen=True)
class Recipe:
    """``build(image_shape, seed)`` makes the model; ``flat`` says that it takes (N, D) instead of (N, C, H, W)."""

    about: str
    build: Callable[[tuple[int, ...], int], Autoencoder]
    objective: Callable[..., Any] = Objective()
    flat: bool = True
    epochs: int = 20

    def examples(self, images: Any) -> Any:
        """Images (N, C, H, W) in the shape that the model takes."""
        return images.reshape(len(images), -1) if self.flat else images


def pixels(shape: tuple[int, ...]) -> int:
    channels, height, width = shape
    return channels * height * width


RECIPES = {
    "basic": Recipe(
        "the book's dense autoencoder, 784-512-256-32 and back, ReLU, MSE",
        lambda shape, seed: models.basic_autoencoder(seed, features=pixels(shape)),
    ),
    "linear": Recipe(
        "784-30-784 without activations: what PCA does, learned by gradient descent",
        lambda shape, seed: models.linear_autoencoder(seed, features=pixels(shape)),
    ),
}


def recipe(name: str) -> Recipe:
    """The recipe of this name.

    Raises:
        ValueError: there is none; the message suggests the nearest.
    """
    if name not in RECIPES:
        raise ValueError(unknown("model", name, RECIPES))
    return RECIPES[name]
