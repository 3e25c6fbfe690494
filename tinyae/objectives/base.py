"""The objective protocol: what ``fit`` minimizes, and what else it asks of an objective.

Most objectives are one function, ``objective(model, batch, rng) -> loss, grads, terms``. Only an
objective that needs more, such as the adversarial one with its second network, is a subclass of
``BaseObjective``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinyae._validate import check_flag, short
from tinyae.backend import Array, Scalar
from tinyae.data.batches import Data
from tinyae.layers.base import Gradients, Layer

Terms = dict[str, Scalar]  # the named terms of a loss, for the log
ObjectiveResult = tuple[Scalar, Gradients, Terms]  # loss, grads, terms
ObjectiveFunction = Callable[[Any, Any, np.random.Generator], ObjectiveResult]
GradientFunction = Callable[[Layer, ObjectiveFunction], ObjectiveResult]


class BaseObjective:
    """What ``fit`` asks of an objective. Only ``__call__`` must be written; the rest has
    defaults.

    Example:
        >>> from tinyae.objectives import BaseObjective
        >>> class Scaled(BaseObjective):
        ...     def __call__(self, model, x, rng):
        ...         loss, grads, terms = Objective()(model, x, rng)
        ...         return 100 * loss, {key: 100 * g for key, g in grads.items()}, terms
        >>> model = Autoencoder(Linear(6, 2, rng=0), Linear(2, 6, rng=1))
        >>> bool(gradcheck(Scaled(), model, np.random.default_rng(0).normal(size=(5, 6))))
        True
    """

    # True where the loss is not a mean over examples. Then worker threads must not split a batch.
    needs_full_batch: bool = False

    def __call__(self, model: Any, batch: Any, rng: np.random.Generator) -> ObjectiveResult:
        """``loss, grads, terms`` for one batch (or for one worker's part of it)."""
        raise NotImplementedError(
            f"{type(self).__name__} has no __call__(model, batch, rng) -> loss, grads, terms"
        )

    def check(self, model: Layer, data: Data) -> None:
        """Called once by ``fit`` before anything is changed. Raise ValueError to refuse."""

    def before_step(self, model: Layer, batch: Data, gradients: GradientFunction) -> Terms:
        """Called before each step of the model, for example to train a second network.

        ``gradients(network, objective)`` evaluates an objective of that network on this batch, with
        the workers and the random numbers of this run: ``loss, grads, terms``.

        Returns:
            Further terms for the log.
        """
        return {}

    def state_dict(self) -> dict[str, Array]:
        """What a checkpoint must hold, as arrays, where the objective itself learns."""
        return {}

    def load_state_dict(self, state: dict[str, Array]) -> None:
        """Restore what ``state_dict`` returned, in place.

        Raises:
            ValueError: the state belongs to another objective. Nothing is changed then.
        """


class FunctionObjective(BaseObjective):
    """A plain function as an objective.

    Raises:
        TypeError: in a call, the function does not return ``loss, grads, terms``.
    """

    def __init__(self, function: ObjectiveFunction, needs_full_batch: bool = False) -> None:
        self.function, self.needs_full_batch = function, needs_full_batch

    def __call__(self, model: Any, batch: Any, rng: np.random.Generator) -> ObjectiveResult:
        result = self.function(model, batch, rng)
        three = isinstance(result, tuple | list) and len(result) == 3
        if not three or not all(isinstance(part, dict) for part in result[1:]):
            raise TypeError(
                f"the objective returned {short(result)}, expected loss, grads, terms. The last "
                "two are dictionaries; terms may be empty, {}"
            )
        return result


def as_objective(objective: Any, needs_full_batch: bool = False) -> BaseObjective:
    """The objective itself, or a plain function made into one.

    Args:
        needs_full_batch: for a function whose loss is not a mean over examples, such as one with
            the mean activation of the batch in it.

    Raises:
        TypeError: it is neither an objective nor a function, or ``needs_full_batch`` is not a flag.

    Example:
        >>> from tinyae.objectives import as_objective
        >>> def reconstruction(model, x, rng):
        ...     y, caches = model.forward(x)
        ...     loss, dy = mse(y, x)
        ...     return loss, model.parameter_gradients(dy, caches), {}
        >>> as_objective(reconstruction).needs_full_batch
        False
    """
    check_flag("as_objective", "needs_full_batch", needs_full_batch)
    if isinstance(objective, BaseObjective):
        return objective
    if isinstance(objective, type) or not callable(objective):
        hint = f": write {objective.__name__}(...)" if isinstance(objective, type) else ""
        raise TypeError(
            f"objective is {short(objective)}, expected an objective or a function "
            f"objective(model, x, rng) -> loss, grads, terms{hint}"
        )
    return FunctionObjective(objective, needs_full_batch)
