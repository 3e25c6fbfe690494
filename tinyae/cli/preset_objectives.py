"""The objectives of the presets that need more than ``Objective(...)`` with its arguments."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tinyae import models
from tinyae._validate import check_weight, did_you_mean
from tinyae.applications.features import accuracy
from tinyae.backend import to_device
from tinyae.data import Dataset, Gaussian, Masking, SaltAndPepper
from tinyae.data.corruption import Corruption
from tinyae.layers import Autoencoder
from tinyae.layers.vae import VAE
from tinyae.losses import Perceptual
from tinyae.objectives import Adversarial, Objective, Variational, classification
from tinyae.objectives.adversarial import GeneratorLoss, code_batches, image_batches
from tinyae.optim import Adam
from tinyae.training import fit

Model = Autoencoder | VAE
TrainingObjective = Objective | Variational | Adversarial
Scores = dict[str, float]  # of a network that was trained to build the objective

CORRUPTIONS = {"gaussian": Gaussian, "masking": Masking, "salt-and-pepper": SaltAndPepper}


@dataclass(frozen=True)
class DeferredObjective:
    """An objective with a second network. It can be built only when model and data are known.

    Args:
        build: ``build(model, data, beta, seed, device, workers) -> objective, scores``.
        beta: the weight of the term that uses the second network.

    Raises:
        ValueError: beta is negative or not finite.
        TypeError: beta is not a number.
    """

    build: Callable[..., tuple[TrainingObjective, Scores]]
    beta: float

    def __post_init__(self) -> None:
        check_weight("this model", "beta", self.beta)


def code_discriminator_objective(
    model: Model, data: Dataset, beta: float, seed: int, device: str, workers: int | None
) -> tuple[Adversarial, Scores]:
    """The adversarial autoencoder: a discriminator tells codes from samples of N(0, 1)."""
    code_size = len(list(model.encoder.params.values())[-1])  # the last bias: (code,)
    discriminator = models.discriminator([seed, 1], features=code_size).to(device)
    objective = Objective(code_penalty=GeneratorLoss(discriminator), beta=beta)
    optimizer = Adam(discriminator.params, 1e-3)
    return Adversarial(objective, discriminator, code_batches, optimizer), {}


def image_discriminator_objective(
    model: Model, data: Dataset, beta: float, seed: int, device: str, workers: int | None
) -> tuple[Adversarial, Scores]:
    """A discriminator tells reconstructions from real images."""
    n_pixels = math.prod(data.train.images.shape[1:])
    discriminator = models.discriminator([seed, 1], features=n_pixels).to(device)
    objective = Objective(output_penalty=GeneratorLoss(discriminator), gamma=beta)
    # A fifth of the model's learning rate: a faster discriminator soon makes no mistakes,
    # and the model cannot catch up.
    optimizer = Adam(discriminator.params, 2e-4)
    return Adversarial(objective, discriminator, image_batches, optimizer), {}


def perceptual_objective(
    model: Model, data: Dataset, beta: float, seed: int, device: str, workers: int | None
) -> tuple[Objective, Scores]:
    """Train a classifier on the labels. The perceptual loss compares its hidden features.

    Returns:
        The objective, and the classifier's accuracy on the test images.

    Raises:
        ValueError: the images have no labels.
    """
    if data.train.labels is None:
        raise ValueError(
            f"perceptual: this loss compares the features of a classifier, and {data.name} has no "
            "labels to train one with: put the images of each class into a folder of their own"
        )
    x, labels = (to_device(a, device) for a in (data.train.flat, data.train.labels))
    n_classes = int(data.train.labels.max()) + 1
    network = models.classifier([seed, 2], features=x.shape[1], classes=n_classes).to(device)
    optimizer = Adam(network.params)
    fit(
        network,
        (x, labels),
        classification,
        optimizer,
        3,
        workers=workers,
        rng=seed,
        progress=False,
    )
    x_test = to_device(data.test.flat, device)
    scores = {"classifier_accuracy": accuracy(network, x_test, data.test.labels)}
    return Objective(Perceptual(network[:2], beta)), scores


def parse_noise(text: str) -> Corruption:
    """``"masking:0.25"`` -> ``Masking(0.25)``.

    Raises:
        ValueError: another form, an unknown kind of noise, or an amount out of range.
    """
    kind, _, amount = text.partition(":")
    kind = kind.replace("_", "-")
    if kind not in CORRUPTIONS:
        raise ValueError(did_you_mean("noise", kind, CORRUPTIONS))
    try:
        value = float(amount)
    except ValueError:
        raise ValueError(f"--noise: {text!r}, expected KIND:AMOUNT such as {kind}:0.3") from None
    return CORRUPTIONS[kind](value)


def for_range(objective: Any, low: float, high: float) -> Any:
    """An objective for data from ``low`` to ``high``: outside [0, 1], Gaussian noise is not
    clipped."""
    if not isinstance(objective, Objective) or not isinstance(objective.corrupt, Gaussian):
        return objective
    clip = 0 <= low and high <= 1
    return replace(objective, corrupt=replace(objective.corrupt, clip=clip))


def autoencoder_objective(objective: Any) -> Objective:
    """The ``Objective`` inside: what the model itself minimizes, without the discriminator.

    For objectives of other kinds, such as ``Variational``, it is ``Objective()``: no corruption, no
    penalty.
    """
    inner = objective.objective if isinstance(objective, Adversarial) else objective
    return inner if isinstance(inner, Objective) else Objective()
