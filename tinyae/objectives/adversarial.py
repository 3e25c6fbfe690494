"""A discriminator and an autoencoder play against each other (Goodfellow et al. 2014), each with a loss and a gradient of its own.

The discriminator c gives one number a, the logit of "this is real". Its loss is that of a classifier of two classes, and only its own
weights learn from it. The autoencoder is told, through the discriminator and against it, how its output would look more real:

    discriminator          −mean log σ(c(real)) − mean log (1 − σ(c(fake)))
    autoencoder     reconstruction − weight · mean log σ(c(fake))

What is fake? The reconstructions, beside real pictures: ``Objective(output_penalty=GeneratorLoss(discriminator), gamma=1e-3)`` and the game
``reconstructions``. Or the codes, beside draws from N(0, 1): ``Objective(code_penalty=GeneratorLoss(discriminator), beta=0.01)`` and the game
``codes``, the adversarial autoencoder (Makhzani et al. 2015), whose codes can then be drawn. ``Adversarial`` makes the two
players one objective, which ``fit`` trains like any other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyae._validate import check_layer
from tinyae.backend import Array, device_of, scalar, standard_normal
from tinyae.io import check_arrays, copy_into
from tinyae.layers import Autoencoder, Sigmoid, leaves
from tinyae.layers.base import Gradients, Layer
from tinyae.layers.containers import add_gradients
from tinyae.losses import bce_with_logits
from tinyae.objectives.autoencoder import Objective
from tinyae.optim import Optimizer
from tinyae.training.batches import Data, examples_of
from tinyae.training.loop import ObjectiveFunction, loss_and_gradients
from tinyae.training.validation import (
    ADVICE,
    TrainingDiverged,
    check_data,
    check_optimizer,
    first_nonfinite,
)
from tinyae.training.workers import Workers

Game = Callable[[Autoencoder, Array, Any], tuple[Array, Array]]  # (model, x, rng) -> real, fake
DISCRIMINATOR = 2**32 - 2  # stands in the seeds of the discriminator's random numbers


def discriminator_loss(
    discriminator: Layer, pair: tuple[Array, Array], rng: Any = None
) -> tuple[Any, Gradients, dict[str, Any]]:
    """The discriminator's loss on ``pair = real, fake``, an objective with the discriminator as its model: ``loss, grads, parts``.

        ``loss = −mean log σ(c(real)) − mean log (1 − σ(c(fake)))``

    2 log 2 where it cannot tell them apart. ``parts`` has ``discriminator_accuracy``, the share of both that it judges rightly. The two
    batches go through the discriminator one after the other, and its gradients from both are added. Goodfellow et al. 2014, eq. 1.

    Raises:
        ValueError: a discriminator that does not give (N, 1).
    """
    real, fake = pair
    a_real, caches_real = _logits(discriminator, real)
    a_fake, caches_fake = _logits(discriminator, fake)
    of_real, da_real = bce_with_logits(a_real, np.ones_like(a_real))
    of_fake, da_fake = bce_with_logits(a_fake, np.zeros_like(a_fake))
    grads = add_gradients(
        discriminator.parameter_gradients(da_real, caches_real),
        discriminator.parameter_gradients(da_fake, caches_fake),
    )
    right = scalar(((a_real > 0).mean() + (a_fake <= 0).mean()) / 2)
    return of_real + of_fake, grads, {"discriminator_accuracy": right}


@dataclass(frozen=True)
class GeneratorLoss:  # used like a function: Objective(code_penalty=GeneratorLoss(discriminator), beta=0.01)
    """``value = −mean log σ(c(y))``,   ``dy = J_c(y)ᵀ · (σ(c(y)) − 1) / N``. Range [0, ∞), small
    where the discriminator takes y for real. A penalty, on a code or on an output.

    The discriminator's weights get no gradient from it. Goodfellow et al. 2014, section 3: minimising this, in place of maximising
    the discriminator's loss, has the same equilibrium and a gradient also where the discriminator is sure.

    Raises:
        TypeError: a discriminator that is no layer. ValueError: one that ends in Sigmoid; in a call, one that does not give (N, 1).
    """

    discriminator: Layer

    def __post_init__(self) -> None:
        check_layer("GeneratorLoss", "discriminator", self.discriminator)
        *_, (_, last) = leaves(self.discriminator)
        if isinstance(last, Sigmoid):
            raise ValueError(
                "GeneratorLoss: the discriminator ends in Sigmoid, expected a logit: σ is in the loss already, leave the layer out"
            )

    def __call__(self, y: Array) -> tuple[Any, Array]:
        a, caches = _logits(self.discriminator, y)
        value, da = bce_with_logits(a, np.ones_like(a))
        return value, self.discriminator.vjp(da, caches)


def reconstructions(model: Autoencoder, x: Array, rng: Any = None) -> tuple[Array, Array]:
    """The game on pictures: real are the data, fake their reconstructions."""
    return x, model(x)


def codes(model: Autoencoder, x: Array, rng: Any = None) -> tuple[Array, Array]:
    """The game on codes: real are draws from N(0, 1), fake the codes of the data. Who wins it has codes that look normal."""
    z = model.encode(x)
    return standard_normal(z.shape, z, rng), z


class Adversarial:
    """An objective with an opponent: ``fit(model, x, Adversarial(...), Adam(model.params), epochs)``.

    On each batch the discriminator makes a step of its own on ``game(model, x, rng)``; then the model makes its on ``objective``. The
    History has both losses: ``loss`` and its parts, ``discriminator`` (2 log 2 where it can only guess) and ``discriminator_accuracy``. Neither
    need fall: they work against each other. A checkpoint holds the discriminator and its optimiser, too.

    Args:
        objective: the model's; it holds the same discriminator, in ``GeneratorLoss``.
        discriminator: any net that gives (N, 1).
        game: ``codes``, ``reconstructions``, or a function ``game(model, x, rng) -> real, fake``.
        optimizer: made from ``discriminator.params``.

    Raises:
        TypeError: a discriminator that is no layer. ValueError: an ``Objective`` that does not hold this discriminator; an optimiser of other
        arrays than the discriminator's; in ``fit``, a discriminator that does not take what the game gives.
    """

    def __init__(
        self, objective: ObjectiveFunction, discriminator: Layer, game: Game, optimizer: Optimizer
    ) -> None:
        check_layer("Adversarial", "discriminator", discriminator)
        check_optimizer(discriminator, optimizer)
        if optimizer.params.keys() != discriminator.params.keys():
            raise ValueError(
                "Adversarial: the optimizer does not update the discriminator's weights: make it from discriminator.params"
            )
        if isinstance(objective, Objective):
            penalties = objective.code_penalty, objective.output_penalty
            if not any(
                isinstance(penalty, GeneratorLoss) and penalty.discriminator is discriminator
                for penalty in penalties
            ):
                raise ValueError(
                    "Adversarial: the objective does not hold this discriminator: write Objective(code_penalty=GeneratorLoss(discriminator)) or "
                    "Objective(output_penalty=GeneratorLoss(discriminator)) with the very same net"
                )
        self.objective, self.discriminator, self.game, self.optimizer = (
            objective,
            discriminator,
            game,
            optimizer,
        )

    def __call__(
        self, model: Layer, x: Array, rng: Any = None
    ) -> tuple[Any, Gradients, dict[str, Any]]:
        """The model's ``loss, grads, parts``."""
        return self.objective(model, x, rng)

    @property
    def needs_full_batch(self) -> bool:
        return getattr(self.objective, "needs_full_batch", False)

    # What ``fit`` asks of an objective that has more to do than give a loss:

    def check(self, model: Layer, data: Data) -> None:
        """Refuse, before anything is changed, what the discriminator could not judge."""
        for name, examples in zip(
            ("real", "fake"),
            self.game(model, examples_of(data)[:2], np.random.default_rng(0)),
            strict=True,
        ):
            check_data(self.discriminator, examples, f"the game's {name} examples")
            _logits(self.discriminator, examples)

    def before_step(
        self, model: Layer, batch: Data, team: Workers, seed: list[int]
    ) -> dict[str, Any]:
        """The discriminator's step on the batch; ``seed`` is [seed, epoch, step]. Returns what is to be logged."""

        def of_critic(
            discriminator: Layer, x: Array, rng: Any
        ) -> tuple[Any, Gradients, dict[str, Any]]:
            return discriminator_loss(discriminator, self.game(model, x, rng), rng)

        x, seed_of_critic = examples_of(batch), [*seed, DISCRIMINATOR]
        loss, grads, right = loss_and_gradients(
            self.discriminator, x, of_critic, team, seed_of_critic
        )
        if device_of(x) == "cpu" and not math.isfinite(loss):
            real, fake = self.game(model, x, np.random.default_rng(seed_of_critic))
            where = first_nonfinite(self.discriminator, fake) or first_nonfinite(
                self.discriminator, real
            )
            at = f"epoch {seed[1] + 1}, step {seed[2] + 1}"
            raise TrainingDiverged(
                f"{at}: the discriminator's loss is {loss}. First not finite in the discriminator: {where}. {ADVICE}"
            )
        self.optimizer.step(grads, team.map)
        return {"discriminator": loss, **right}

    def state_dict(self) -> dict[str, Array]:
        """The discriminator and its optimiser, for a checkpoint."""
        own = {f"discriminator.{key}": w for key, w in self.discriminator.params.items()}
        return own | {f"optimizer.{key}": a for key, a in self.optimizer.state_dict().items()}

    def check_state_dict(self, state: dict[str, Array]) -> None:
        discriminator, optimizer = _parts(state)
        check_arrays(self.discriminator.params, discriminator, "the discriminator")
        self.optimizer.check_state_dict(optimizer)

    def load_state_dict(self, state: dict[str, Array]) -> None:
        """Take over what ``state_dict`` returned, in place.

        Raises:
            ValueError: it belongs to another discriminator or optimiser. Nothing is changed then.
        """
        self.check_state_dict(state)
        discriminator, optimizer = _parts(state)
        copy_into(self.discriminator.params, discriminator, "the discriminator")
        self.optimizer.load_state_dict(optimizer)


def _parts(state: dict[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
    discriminator, optimizer = {}, {}
    for key, a in state.items():
        part, _, name = key.partition(".")
        (discriminator if part == "discriminator" else optimizer)[name] = a
    return discriminator, optimizer


def _logits(discriminator: Layer, x: Array) -> tuple[Array, Any]:
    a, caches = discriminator.forward(x)
    if a.shape != (len(x), 1):
        raise ValueError(
            f"discriminator: it gives an array of shape {a.shape}, expected ({len(x)}, 1), a logit an example: no Sigmoid"
        )
    return a, caches
