"""A critic and an autoencoder play against each other (Goodfellow et al. 2014), each with a loss and a gradient of its own.

The critic c gives one number a, the logit of "this is real". Its loss is that of a classifier of two classes, and only its own
weights learn from it. The autoencoder is told, through the critic and against it, how its output would look more real:

    critic          −mean log σ(c(real)) − mean log (1 − σ(c(fake)))
    autoencoder     reconstruction − weight · mean log σ(c(fake))

What is fake? The reconstructions, beside real pictures: ``fit_adversarial(..., reconstructions, ...)`` with
``Objective(reconstruction=against(critic))``. Or the codes, beside draws from N(0, 1): ``codes`` with
``Objective(code_penalty=fool(critic))``, the adversarial autoencoder (Makhzani et al. 2015), whose codes can then be drawn.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyae.backend import Array, device_of, namespace, scalar
from tinyae.layers import Autoencoder
from tinyae.layers.base import Gradients, Layer
from tinyae.layers.sequential import added
from tinyae.losses import bce_with_logits, mse
from tinyae.objectives import Loss
from tinyae.optim import Optimizer
from tinyae.perceptual import check_layer
from tinyae.training.checks import ADVICE, TrainingDiverged, check_data, check_optimizer, check_settings, pick
from tinyae.training.history import History
from tinyae.training.loop import loss_and_gradients
from tinyae.training.workers import Workers, default_workers
from tinyae.variational import standard_normal

Game = Callable[[Autoencoder, Array, Any], tuple[Array, Array]]  # (model, x, rng) -> real, fake


def critic_loss(critic: Layer, pair: tuple[Array, Array], rng: Any = None) -> tuple[Any, Gradients, dict[str, Any]]:
    """The critic's loss on ``pair = real, fake``, an objective with the critic as its model: ``loss, grads, parts``.

        ``loss = −mean log σ(c(real)) − mean log (1 − σ(c(fake)))``

    2 log 2 where it cannot tell them apart. ``parts`` has ``critic_right``, the share of both that it judges rightly. The two
    batches go through the critic one after the other, and its gradients from both are added. Goodfellow et al. 2014, eq. 1.

    Raises:
        ValueError: a critic that does not give (N, 1).
    """
    real, fake = pair
    a_real, caches_real = _logits(critic, real)
    a_fake, caches_fake = _logits(critic, fake)
    of_real, da_real = bce_with_logits(a_real, np.ones_like(a_real))
    of_fake, da_fake = bce_with_logits(a_fake, np.zeros_like(a_fake))
    grads = added(critic.parameter_gradients(da_real, caches_real), critic.parameter_gradients(da_fake, caches_fake))
    right = scalar(((a_real > 0).mean() + (a_fake <= 0).mean()) / 2)
    return of_real + of_fake, grads, {"critic_right": right}


@dataclass(frozen=True)
class fool:  # used like a function: Objective(code_penalty=fool(critic), beta=0.1)
    """``value = −mean log σ(c(y))``,   ``dy = J_c(y)ᵀ · (σ(c(y)) − 1) / N``. Range [0, ∞), small
    where the critic takes y for real.

    The critic's weights get no gradient from it. Goodfellow et al. 2014, section 3: minimising this, in place of maximising
    the critic's loss, has the same equilibrium and a gradient also where the critic is sure.

    Raises:
        TypeError: a critic that is no layer. ValueError, in a call: a critic that does not give (N, 1).
    """

    critic: Layer

    def __post_init__(self) -> None:
        check_layer("fool", "critic", self.critic)

    def __call__(self, y: Array) -> tuple[Any, Array]:
        a, caches = _logits(self.critic, y)
        value, da = bce_with_logits(a, np.ones_like(a))
        return value, self.critic.vjp(da, caches)


@dataclass(frozen=True)
class against:
    """``value = pixels(y, t) + weight · fool(critic)(y)``: as near to t as before, and real in the critic's eyes.

    Raises:
        TypeError: a critic that is no layer. ValueError: a negative weight.
    """

    critic: Layer
    weight: float = 1e-3
    pixels: Loss = mse

    def __post_init__(self) -> None:
        check_layer("against", "critic", self.critic)
        if not self.weight >= 0:
            raise ValueError(f"against: weight is {self.weight}, expected a number from 0 on")

    def __call__(self, y: Array, target: Array) -> tuple[Any, Array]:
        of_pixels, dpixels = self.pixels(y, target)
        fooled, dfooled = fool(self.critic)(y)
        return of_pixels + self.weight * fooled, dpixels + self.weight * dfooled


def reconstructions(model: Autoencoder, x: Array, rng: Any = None) -> tuple[Array, Array]:
    """The game on pictures: real are the data, fake their reconstructions."""
    return x, model(x)


def codes(model: Autoencoder, x: Array, rng: Any = None) -> tuple[Array, Array]:
    """The game on codes: real are draws from N(0, 1), fake the codes of the data. Who wins it has codes that look normal."""
    z = model.encode(x)
    return standard_normal(z.shape, z, rng), z


def fit_adversarial(
    model: Autoencoder,
    critic: Layer,
    data: Array,
    objective: Callable[..., Any],
    game: Game,
    optimizer: Optimizer,
    critic_optimizer: Optimizer,
    epochs: int,
    batch_size: int = 128,
    workers: int | None = None,
    rng: int = 0,
) -> History:
    """Alternate, batch by batch: one step of the critic on ``game(model, x, rng)``, then one of the model on ``objective``.

    ``objective`` holds the same critic, in ``fool`` or ``against``, and sees each of its steps. Neither loss need fall: they
    work against each other. So the History has both: ``loss`` and its parts, ``critic`` and ``critic_right``.
    The same ``rng`` gives the same weights, bit for bit, for the same number of workers.

    Raises:
        ValueError: data, epochs, batch size or optimisers that ``fit`` would refuse too.
        TrainingDiverged: a loss is no longer a finite number.
    """
    check_settings(epochs, batch_size, None, None)
    check_optimizer(model, optimizer)
    check_optimizer(critic, critic_optimizer)
    check_data(model, data, "data")
    on_gpu = device_of(data) != "cpu"
    workers = workers or (1 if on_gpu or getattr(objective, "whole_batch", False) else default_workers(batch_size))

    def of_critic(critic: Layer, x: Array, rng: Any) -> tuple[Any, Gradients, dict[str, Any]]:
        return critic_loss(critic, game(model, x, rng), rng)

    history = History()
    with Workers(workers) as team:
        for epoch in range(epochs):
            started, sums = time.perf_counter(), {}
            order = namespace(data).asarray(np.random.default_rng([rng, epoch]).permutation(len(data)))
            for step, start in enumerate(range(0, len(data), batch_size)):
                x = pick(data, order[start : start + batch_size])
                judged, grads, right = loss_and_gradients(critic, x, of_critic, team, [rng, epoch, step, 0])
                critic_optimizer.step(grads, team.map)
                loss, grads, parts = loss_and_gradients(model, x, objective, team, [rng, epoch, step, 1])
                optimizer.step(grads, team.map)
                for name, value in {"loss": loss, **parts, "critic": judged, **right}.items():
                    sums[name] = sums.get(name, 0.0) + float(value) * len(x) / len(data)
                if not (math.isfinite(float(loss)) and math.isfinite(float(judged))):
                    where = f"epoch {epoch + 1}, step {step + 1}: the loss is {float(loss)}, the critic's {float(judged)}"
                    raise TrainingDiverged(f"{where}. {ADVICE}")
            seconds = time.perf_counter() - started
            history.append(epoch=epoch + 1, **sums, seconds=seconds, images_per_s=len(data) / seconds, lr=optimizer.rate)
    return history


def _logits(critic: Layer, x: Array) -> tuple[Array, Any]:
    a, caches = critic.forward(x)
    if a.shape != (len(x), 1):
        raise ValueError(f"critic: it gives an array of shape {a.shape}, expected ({len(x)}, 1), a logit an example: no Sigmoid")
    return a, caches
