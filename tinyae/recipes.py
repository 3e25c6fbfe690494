"""What ``tinyae train NAME`` trains: an architecture and an objective under a name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tinyae import models
from tinyae.data.corruption import gaussian
from tinyae.layers import Autoencoder, KSparse, ReLU
from tinyae.names import unknown
from tinyae.objectives import Objective
from tinyae.penalties import kl_to, l1
from tinyae.variational import Variational


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

    def contracted(self, weight: float | None) -> Recipe:
        """The same with this weight of the contractive penalty; None leaves it as it is.

        Raises:
            ValueError: a negative weight, or an objective that has no such term.
        """
        if weight is None:
            return self
        if not isinstance(self.objective, Objective):
            raise ValueError(f"--contraction: {type(self.objective).__name__}, which this model minimises, has no such term")
        return replace(self, objective=replace(self.objective, contraction=weight))


def pixels(shape: tuple[int, ...]) -> int:
    channels, height, width = shape
    return channels * height * width


def only_28(name: str, shape: tuple[int, ...]) -> None:
    if shape != (1, 28, 28):
        size = "×".join(map(str, shape))
        raise ValueError(f"model {name!r} takes pictures of 1×28×28, got {size}: choose other data, or the model 'basic'")


def build_conv(shape: tuple[int, ...], seed: int) -> Autoencoder:
    only_28("conv", shape)
    return models.conv_autoencoder(seed)


RECIPES = {
    "basic": Recipe(
        "the book's dense autoencoder, 784-512-256-32 and back, ReLU, MSE",
        lambda shape, seed: models.basic_autoencoder(seed, features=pixels(shape)),
    ),
    "linear": Recipe(
        "784-30-784 without activations: what PCA does, learned by gradient descent",
        lambda shape, seed: models.linear_autoencoder(seed, features=pixels(shape)),
    ),
    "conv": Recipe(
        "the book's convolutional autoencoder, 28×28 → 14×14 → 7×7 → 1×1 and back by transposed convolutions, MSE",
        build_conv,
        flat=False,
        epochs=5,
    ),
    "denoising": Recipe(
        "the basic model sees pictures with Gaussian noise, σ = 0.3, and is asked for the clean ones",
        lambda shape, seed: models.basic_autoencoder(seed, features=pixels(shape)),
        Objective(corrupt=gaussian(0.3)),
        epochs=10,
    ),
    "denoising-conv": Recipe(
        "the same noise and the convolutional model",
        build_conv,
        Objective(corrupt=gaussian(0.3)),
        flat=False,
        epochs=5,
    ),
    "contractive": Recipe(
        "the basic model, whose code should move little: + λ · mean ‖∂z/∂x‖², λ = 3e-4, all rows of the Jacobian",
        lambda shape, seed: models.basic_autoencoder(seed, features=pixels(shape)),
        Objective(contraction=3e-4),
        epochs=5,
    ),
    "contractive-conv": Recipe(
        "the same penalty, λ = 1e-4, and the convolutional model; the norm is estimated from 2 random sums of the 128 rows",
        build_conv,
        Objective(contraction=1e-4, probes=2),
        flat=False,
        epochs=5,
    ),
    "sparse-l1": Recipe(
        "784-256-784, ReLU code, L1 on the code: most of its numbers are exactly 0",
        lambda shape, seed: models.sparse_autoencoder(seed, ReLU(), features=pixels(shape)),
        Objective(code_penalty=l1, beta=1e-4),
        epochs=10,
    ),
    "sparse-kl": Recipe(
        "784-256-784, sigmoid code, KL divergence: each unit is active 5 % of the time",
        lambda shape, seed: models.sparse_autoencoder(seed, features=pixels(shape)),
        Objective(code_penalty=kl_to(0.05), beta=3e-3),
        epochs=10,
    ),
    "k-sparse": Recipe(
        "784-256-784, of each code only the 25 largest numbers stay",
        lambda shape, seed: models.sparse_autoencoder(seed, KSparse(25), features=pixels(shape)),
        epochs=10,
    ),
    "vae": Recipe(
        "variational, 784-400-20-400-784: cross-entropy + KL divergence of the codes from N(0, 1); new pictures can be drawn",
        lambda shape, seed: models.vae(seed, features=pixels(shape)),
        Variational(),
        epochs=10,
    ),
    "vae-2d": Recipe(
        "the same with a code of 2 numbers, which can be drawn as a map",
        lambda shape, seed: models.vae(seed, features=pixels(shape), code=2),
        Variational(),
        epochs=20,
    ),
}


def named(name: str, architecture: str | None = None) -> str:
    """The recipe for another architecture, ``("contractive", "conv")`` -> ``"contractive-conv"``.

    Raises:
        ValueError: there is none.
    """
    if architecture is None or (architecture == "basic" and f"{name}-conv" in RECIPES):
        return name
    if f"{name}-{architecture}" not in RECIPES:
        recipe(name)
        others = [other.removeprefix(f"{name}-") for other in RECIPES if other.startswith(f"{name}-")]
        raise ValueError(f"model {name!r} has no variant --model {architecture}; there is {', '.join(others) or 'none'}")
    return f"{name}-{architecture}"


def recipe(name: str) -> Recipe:
    """The recipe of this name.

    Raises:
        ValueError: there is none; the message suggests the nearest.
    """
    if name not in RECIPES:
        raise ValueError(unknown("model", name, RECIPES))
    return RECIPES[name]
