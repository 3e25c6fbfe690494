"""How ``tinyae train`` trains a preset: the optimizer, and what the training loop adds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tinyae.cli.preset_objectives import Model, TrainingObjective
from tinyae.data.augmentation import Augmentation, Shifts
from tinyae.kfac import KFAC
from tinyae.objectives import Objective
from tinyae.objectives.likelihood import LIKELIHOODS
from tinyae.optim import Adam, Optimizer


@dataclass(frozen=True)
class Training:
    """What a preset adds to ``fit``.

    Args:
        moved: (pixels, fraction): how far training images are moved, and which fraction of them.
        average: how long the running mean of the weights is, by optimizer: ``{"adam": 0.999}``.
    """

    moved: tuple[int, float] | None = None
    average: dict[str, float] = field(default_factory=dict)

    def options(self, optimizer: str, image_shape: tuple[int, ...]) -> dict[str, Any]:
        """Arguments for ``fit``."""
        augment: Augmentation | None = None
        if self.moved is not None:
            augment = Shifts(*self.moved, shape=(image_shape[1], image_shape[2]))
        return {"augment": augment, "average": self.average.get(optimizer)}


def build_optimizer(
    settings: dict[str, Any], model: Model, objective: TrainingObjective
) -> tuple[Optimizer, Any, str]:
    """``optimizer, objective, description``. K-FAC has an objective of its own, which computes the
    same loss.

    Raises:
        ValueError: K-FAC cannot minimize this objective or train this model.
    """
    if settings["optimizer"] == "adam":
        rate = settings["lr"]
        return Adam(model.params, rate), objective, f"Adam with learning rate {rate:g}"
    loss = objective.reconstruction if isinstance(objective, Objective) else None
    if loss not in LIKELIHOODS or objective != Objective(loss):
        raise ValueError(
            "--optimizer kfac minimizes a reconstruction loss alone: choose a model without a "
            "penalty, noise or a second network, such as deep or basic"
        )
    try:
        kfac = KFAC(model, loss)
    except TypeError as error:
        raise ValueError(f"--optimizer kfac: {error}") from None
    return kfac, kfac.objective, "K-FAC"
