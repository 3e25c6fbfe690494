"""What training minimizes: ``objective(model, x, rng) -> loss, grads, terms``. A plain function
works too."""

from tinyae.objectives.adversarial import (
    Adversarial,
    GeneratorLoss,
    code_batches,
    discriminator_loss,
    image_batches,
)
from tinyae.objectives.autoencoder import Objective
from tinyae.objectives.base import BaseObjective, as_objective
from tinyae.objectives.classification import classification
from tinyae.objectives.variational import Variational, gaussian_kl

__all__ = [
    "Adversarial",
    "BaseObjective",
    "GeneratorLoss",
    "Objective",
    "Variational",
    "as_objective",
    "classification",
    "code_batches",
    "discriminator_loss",
    "gaussian_kl",
    "image_batches",
]
