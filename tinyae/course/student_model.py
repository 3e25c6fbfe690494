"""Runs in the student's process: the names of a model's parameters, and an objective with a bug."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def parameter_names(model: Any) -> list[str]:
    """The keys of ``model.params``."""
    return list(model.params)


class WrongGradient:
    """The student's objective, but the gradient of one parameter is multiplied by a factor."""

    def __init__(self, objective: Callable[..., Any], name: str, factor: float) -> None:
        self.objective, self.name, self.factor = objective, name, factor

    def __call__(self, model: Any, x: Any, rng: Any) -> tuple[Any, dict[str, Any], Any]:
        loss, grads, terms = self.objective(model, x, rng)
        return loss, {**grads, self.name: self.factor * grads[self.name]}, terms
