"""What training minimizes. Each is ``objective(model, x, rng) -> loss, grads, terms``; a plain function will do."""

from tinyae.objectives.adversarial import Adversarial
from tinyae.objectives.autoencoder import Objective
from tinyae.objectives.classification import classification
from tinyae.objectives.variational import Variational

__all__ = ["Adversarial", "Objective", "Variational", "classification"]
