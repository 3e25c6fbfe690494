"""What ``tinyae train NAME`` trains: architectures and objectives, with their options."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from tinyae import models
from tinyae._validate import did_you_mean
from tinyae.backend import Array
from tinyae.cli.optimizers import Training
from tinyae.cli.preset_models import ModelBuilder, convolutional, dense, k_sparse, with_output_layer
from tinyae.cli.preset_objectives import (
    DeferredObjective,
    Model,
    Scores,
    TrainingObjective,
    code_discriminator_objective,
    image_discriminator_objective,
    parse_noise,
    perceptual_objective,
)
from tinyae.data import Dataset, Gaussian
from tinyae.layers import ReLU
from tinyae.losses import bce, mse
from tinyae.objectives import Objective, Variational
from tinyae.penalties import KLSparsity, l1


@dataclass(frozen=True)
class Preset:
    """A model that can be trained by name.

    Args:
        description: one line for ``tinyae list``.
        build_model: ``build_model(image_shape, seed, **model_options)`` makes the model.
        objective: what it minimizes.
        takes_vectors: the model takes (N, D); else it takes (N, C, H, W).
        epochs: the default number of epochs.
        can_sample: a code sampled from N(0, 1) decodes to a new image.
        model_options: the options that ``build_model`` takes, such as ``("rho",)``.
        training: moved images, and the mean of the weights.
    """

    description: str
    build_model: ModelBuilder
    objective: Objective | Variational | DeferredObjective = Objective()
    takes_vectors: bool = True
    epochs: int = 20
    can_sample: bool = False
    model_options: tuple[str, ...] = ()
    training: Training = Training()

    def model_input(self, images: Array) -> Array:
        """Images (N, C, H, W) in the shape that the model takes."""
        return images.reshape(len(images), -1) if self.takes_vectors else images

    @property
    def option_names(self) -> tuple[str, ...]:
        """The options that ``with_options`` accepts."""
        if isinstance(self.objective, Variational):  # its cross-entropy needs outputs in [0, 1]
            return ("beta", *self.model_options)
        if isinstance(self.objective, DeferredObjective):
            return ("beta", "output_layer", *self.model_options)
        beta = () if self.objective.code_penalty is None else ("beta",)
        output_layer = ("output_layer",) if self.objective.reconstruction is mse else ()
        return ("contraction", "noise", *beta, *output_layer, *self.model_options)

    def with_options(self, **options: Any) -> Preset:
        """The same preset with other values for some options. None keeps the preset's value.

        Args:
            contraction: λ, the weight of the penalty on the code's Jacobian.
            noise: how to corrupt the inputs, such as ``"masking:0.25"``.
            beta: β, the weight of the model's own term.
            rho, k: the sparsity of ``sparse-kl`` and ``k-sparse``.
            output_layer: ``"sigmoid"``, ``"tanh"``, ``"relu"`` or ``"linear"``.

        Raises:
            ValueError: an option that the model does not have, or a value out of range.
        """
        new = self
        for name, value in options.items():
            if value is None:
                continue
            if name not in self.option_names:
                known = ", ".join(map(option_text, self.option_names))
                raise ValueError(
                    f"{option_text(name)}: this model has no such option; its options are {known}"
                )
            if name == "output_layer":
                new = replace(new, build_model=with_output_layer(new.build_model, value))
            if name in self.model_options:
                new = replace(new, build_model=partial(new.build_model, **{name: value}))
            new = replace(new, objective=replace(new.objective, **_objective_fields(name, value)))
        return new

    def build_objective(
        self, model: Model, data: Dataset, seed: int, device: str, workers: int | None
    ) -> tuple[TrainingObjective, Scores]:
        """``objective, scores``: what to train ``model`` with, and how good a second network is.

        The same seed and number of workers give the same objective.
        """
        if isinstance(self.objective, DeferredObjective):
            return self.objective.build(model, data, self.objective.beta, seed, device, workers)
        return self.objective, {}


def _objective_fields(option: str, value: Any) -> dict[str, Any]:
    """The fields of an objective that an option sets."""
    if option == "noise":
        return {"corrupt": parse_noise(value)}
    if option == "rho":
        return {"code_penalty": KLSparsity(value)}
    return {} if option in ("k", "output_layer") else {option: value}


def option_text(option: str) -> str:
    """``output_layer`` -> ``--output-layer``."""
    return f"--{option.replace('_', '-')}"


# ---- the presets --------------------------------------------------------------------------------

DEEP = (1000, 500, 250, 30)
PRESETS = {
    "basic": Preset(
        "chapter 1's dense autoencoder, 784-512-256-32 and back, ReLU, MSE",
        dense(models.basic_autoencoder, code=32),
    ),
    "linear": Preset(
        "784-30-784 without activations: PCA, learned by gradient descent",
        dense(models.linear_autoencoder, code=30),
    ),
    "deep": Preset(
        "784-1000-500-250-30 and back, logistic, as in Hinton & Salakhutdinov 2006: cross-entropy; "
        "best with --optimizer kfac",
        lambda shape, seed: models.deep_autoencoder((math.prod(shape), *DEEP), rng=seed),
        Objective(bce),
        epochs=13,
        training=Training((1, 0.3), {"adam": 0.999, "kfac": 0.98}),
    ),
    "conv": Preset(
        "chapter 2's convolutional autoencoder, 28×28 → 14×14 → 7×7 → 1×1 and back by transposed "
        "convolutions, MSE",
        convolutional(models.conv_autoencoder),
        takes_vectors=False,
        epochs=5,
    ),
    "denoising": Preset(
        "the basic model, which gets images with Gaussian noise, σ = 0.3, and must reconstruct "
        "the clean ones",
        dense(models.basic_autoencoder, code=32),
        Objective(corrupt=Gaussian(0.3)),
        epochs=10,
    ),
    "denoising-conv": Preset(
        "the same noise and the convolutional model",
        convolutional(models.conv_autoencoder),
        Objective(corrupt=Gaussian(0.3)),
        takes_vectors=False,
        epochs=5,
    ),
    "denoising-tiles": Preset(
        "the same noise, 28×28 → 14×14 → 7×7 and back without a bottleneck: for `tinyae denoise`, "
        "which takes images of any size",
        convolutional(models.conv_denoiser),
        Objective(corrupt=Gaussian(0.3)),
        takes_vectors=False,
        epochs=5,
    ),
    "contractive": Preset(
        "the basic model with a penalty on the code's Jacobian: + λ · mean ‖∂z/∂x‖², λ = 3e-4, "
        "exact (all rows)",
        dense(models.basic_autoencoder, code=32),
        Objective(contraction=3e-4),
        epochs=5,
    ),
    "contractive-conv": Preset(
        "the same penalty, λ = 1e-4, and the convolutional model; the norm is "
        "estimated from 2 random sums of the 128 rows",
        convolutional(models.conv_autoencoder),
        Objective(contraction=1e-4, probes=2),
        takes_vectors=False,
        epochs=5,
    ),
    "contractive-tied": Preset(
        "784-256-784, one sigmoid layer with tied weights, as in Rifai et al. 2011: cross-entropy "
        "+ λ · mean ‖∂z/∂x‖², λ = 3e-3",
        dense(models.tied_autoencoder),
        Objective(bce, contraction=3e-3),
        epochs=10,
    ),
    "sparse-l1": Preset(
        "784-256-784, ReLU code, L1 penalty on the code: most of its entries are exactly 0",
        dense(partial(models.sparse_autoencoder, code=ReLU())),
        Objective(code_penalty=l1, beta=1e-4),
        epochs=10,
    ),
    "sparse-kl": Preset(
        "784-256-784, sigmoid code, KL divergence: each unit's mean activation should be ρ = 5 %",
        dense(models.sparse_autoencoder, rho=0.05),
        Objective(code_penalty=KLSparsity(0.05), beta=3e-3),
        epochs=10,
        model_options=("rho",),
    ),
    "k-sparse": Preset(
        "784-256-784, only the k = 25 largest entries of each code are kept",
        k_sparse,
        epochs=10,
        model_options=("k",),
    ),
    "vae": Preset(
        "variational autoencoder, 784-400-20-400-784: cross-entropy + β · KL divergence of the "
        "codes from N(0, 1); can sample new images",
        dense(models.vae, code=20),
        Variational(),
        epochs=10,
        can_sample=True,
    ),
    "vae-2d": Preset(
        "the same with two latent dimensions: the whole latent plane can be plotted",
        dense(models.vae, code=2),
        Variational(),
        can_sample=True,
    ),
    "adversarial": Preset(
        "784-512-256-8 and back, and a discriminator that tells codes from samples of N(0, 1); "
        "can sample new images",
        dense(models.basic_autoencoder, code=8),
        DeferredObjective(code_discriminator_objective, beta=0.01),
        can_sample=True,
    ),
    "adversarial-images": Preset(
        "784-512-256-8 and back, and a discriminator that tells reconstructions from real images",
        dense(models.basic_autoencoder, code=8),
        DeferredObjective(image_discriminator_objective, beta=1e-3),
        epochs=10,
    ),
    "perceptual": Preset(
        "784-512-256-8 and back, MSE of the pixels + β · MSE of a classifier's hidden features",
        dense(models.basic_autoencoder, code=8),
        DeferredObjective(perceptual_objective, beta=0.1),
        epochs=10,
    ),
}


def get_preset(name: str) -> Preset:
    """The preset with this name.

    Raises:
        ValueError: there is none; the message suggests the most similar name.
    """
    if name not in PRESETS:
        raise ValueError(did_you_mean("model", name, PRESETS))
    return PRESETS[name]


def resolve_name(name: str, variant: str | None = None) -> str:
    """The name of a variant's preset: ``("contractive", "conv")`` -> ``"contractive-conv"``.

    The variant "basic" is the model itself.

    Raises:
        ValueError: the model has no such variant.
    """
    if variant is None or variant == "basic":
        return name
    if name == "basic" and variant in PRESETS:
        return variant
    if f"{name}-{variant}" not in PRESETS:
        get_preset(name)  # if the model does not exist, say so first
        prefix = f"{name}-"
        known = [other.removeprefix(prefix) for other in PRESETS if other.startswith(prefix)]
        known = ["basic", *(["conv"] if name == "basic" else []), *known]
        raise ValueError(f"model {name!r} has no variant {variant!r}: known are {', '.join(known)}")
    return f"{name}-{variant}"
