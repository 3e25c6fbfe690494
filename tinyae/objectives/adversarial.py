"""Adversarial training: a discriminator and an autoencoder with opposite goals
(Goodfellow et al. 2014), each with its own loss and gradient.

The discriminator c gives one value per example, the logit of "this is real". It is trained as a
classifier with two classes. The autoencoder learns through the discriminator, and against it, how
to make its output look more real:

    discriminator   −mean log σ(c(real)) − mean log (1 − σ(c(fake)))
    autoencoder     reconstruction − weight · mean log σ(c(fake))

Two choices of real and fake are here. Images: the data are real and the reconstructions are fake,
``Objective(output_penalty=GeneratorLoss(discriminator), gamma=1e-3)`` with ``image_batches``.
Latent
codes: samples from N(0, 1) are real and the codes are fake,
``Objective(code_penalty=GeneratorLoss(discriminator), beta=0.01)`` with ``code_batches``. That is
the adversarial autoencoder (Makhzani et al. 2015); new codes can then be sampled. ``Adversarial``
makes one objective of both networks, and ``fit`` trains it like any other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyae._validate import as_rng, check_function, check_layer, check_optimizer, short
from tinyae.backend import Array, Rng, Scalar, device_of, scalar, standard_normal
from tinyae.data.batches import Data, examples_of
from tinyae.data.validation import check_data
from tinyae.io import check_arrays, copy_into
from tinyae.layers import Sigmoid, leaves
from tinyae.layers.base import Layer
from tinyae.layers.containers import add_gradients
from tinyae.layers.summary import first_nonfinite
from tinyae.losses import bce_with_logits
from tinyae.objectives.autoencoder import Objective
from tinyae.objectives.base import (
    BaseObjective,
    GradientFunction,
    ObjectiveFunction,
    ObjectiveResult,
    Terms,
    as_objective,
)
from tinyae.optim import Optimizer

RealFakeBatches = Callable[[Any, Array, Any], tuple[Array, Array]]  # (model, x, rng) -> real, fake


def discriminator_loss(
    discriminator: Layer, pair: tuple[Array, Array], rng: Rng = None
) -> ObjectiveResult:
    """The discriminator's loss on ``pair = real, fake``. An objective with the discriminator as its
    model: ``loss, grads, terms``. Goodfellow et al. 2014, eq. 1.

        ``loss = −mean log σ(c(real)) − mean log (1 − σ(c(fake)))``

    It is 2 log 2 where the discriminator cannot tell the two apart. ``terms`` has
    ``discriminator_accuracy``, the fraction of both that it classifies correctly. The two batches
    go through the discriminator one after the other, and the gradients of both are added.

    Raises:
        TypeError: the discriminator is not a layer, or ``pair`` is not a pair of arrays.
        ValueError: the discriminator's output is not (N, 1).

    Example:
        >>> from tinyae.objectives import discriminator_loss
        >>> net = models.discriminator(features=2).map_params(np.zeros_like)
        >>> pair = np.zeros((10, 2), np.float32), np.ones((10, 2), np.float32)
        >>> loss, grads, terms = discriminator_loss(net, pair)
        >>> round(float(loss), 4)  # 2 log 2: it can only guess
        1.3863
    """
    check_layer("discriminator_loss", "discriminator", discriminator)
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise TypeError(f"discriminator_loss: pair is {short(pair)}, expected real, fake")
    real, fake = pair
    a_real, caches_real = _logits(discriminator, real)
    a_fake, caches_fake = _logits(discriminator, fake)
    loss_real, da_real = bce_with_logits(a_real, np.ones_like(a_real))
    loss_fake, da_fake = bce_with_logits(a_fake, np.zeros_like(a_fake))
    grads = add_gradients(
        discriminator.parameter_gradients(da_real, caches_real),
        discriminator.parameter_gradients(da_fake, caches_fake),
    )
    accuracy = scalar(((a_real > 0).mean() + (a_fake <= 0).mean()) / 2)
    return loss_real + loss_fake, grads, {"discriminator_accuracy": accuracy}


@dataclass(frozen=True)
class GeneratorLoss:
    """A penalty on a latent code or on an output y. It is small where the discriminator takes y for
    real. Range [0, ∞).

        ``value = −mean log σ(c(y))``,   ``dy = J_c(y)ᵀ · (σ(c(y)) − 1) / N``

    The discriminator's weights get no gradient from it. This is the non-saturating loss of
    Goodfellow et al. 2014, section 3: minimizing it has the same equilibrium as maximizing the
    discriminator's loss, and its gradient does not vanish where the discriminator is sure.

    Raises:
        TypeError: the discriminator is not a layer.
        ValueError: the discriminator ends in Sigmoid.
        ValueError: in a call, the discriminator's output is not (N, 1).

    Example:
        >>> from tinyae.objectives import GeneratorLoss
        >>> net = models.discriminator(features=2).map_params(np.zeros_like)
        >>> value, dz = GeneratorLoss(net)(np.zeros((10, 2), np.float32))
        >>> round(value, 4), dz.shape
        (0.6931, (10, 2))
    """

    discriminator: Layer

    def __post_init__(self) -> None:
        check_layer("GeneratorLoss", "discriminator", self.discriminator)
        *_, (_, last) = leaves(self.discriminator)
        if isinstance(last, Sigmoid):
            raise ValueError(
                "GeneratorLoss: the discriminator ends in Sigmoid, expected a logit: σ is already "
                "in the loss, leave the layer out"
            )

    def __call__(self, y: Array) -> tuple[Scalar, Array]:
        a, caches = _logits(self.discriminator, y)
        value, da = bce_with_logits(a, np.ones_like(a))
        return value, self.discriminator.vjp(da, caches)


def image_batches(model: Any, x: Array, rng: Rng = None) -> tuple[Array, Array]:
    """``real, fake`` images: the data, and their reconstructions.

    Raises:
        TypeError: the model is not a layer.

    Example:
        >>> from tinyae.objectives import image_batches
        >>> model, x = models.basic_autoencoder(), np.zeros((5, 784), np.float32)
        >>> real, fake = image_batches(model, x)
        >>> real is x, fake.shape
        (True, (5, 784))
    """
    check_layer("image_batches", "model", model)
    return x, model(x)


def code_batches(model: Any, x: Array, rng: Rng = None) -> tuple[Array, Array]:
    """``real, fake`` latent codes: samples from N(0, 1), and the codes of the data. An autoencoder
    that fools the discriminator has codes that look normal.

    Raises:
        TypeError: the model has no ``encode``.

    Example:
        >>> from tinyae.objectives import code_batches
        >>> model, x = models.basic_autoencoder(), np.zeros((5, 784), np.float32)
        >>> real, fake = code_batches(model, x, rng=0)
        >>> real.shape, fake.shape
        ((5, 32), (5, 32))
    """
    check_layer("code_batches", "model", model)
    if not hasattr(model, "encode"):
        raise TypeError(f"code_batches: model is {short(model)}, expected an Autoencoder")
    z = model.encode(x)
    return standard_normal(z.shape, z, as_rng("code_batches", rng)), z


class Adversarial(BaseObjective):
    """Train a model together with a discriminator:
    ``fit(model, x, Adversarial(...), Adam(model.params), epochs)``.

    On each batch, the discriminator first makes a step on ``batches(model, x, rng)``. Then the
    model makes its step on ``objective``. The History has both losses: ``loss`` with its terms,
    ``discriminator`` (2 log 2 where it can only guess) and ``discriminator_accuracy``. Neither loss
    has to fall, because the two networks work against each other. A checkpoint also holds the
    discriminator and its optimizer.

    Args:
        objective: the model's objective. It holds the same discriminator, in a ``GeneratorLoss``.
        discriminator: any network whose output is (N, 1).
        batches: ``code_batches``, ``image_batches``, or a function
            ``batches(model, x, rng) -> real, fake``.
        optimizer: an optimizer of ``discriminator.params``.

    Raises:
        TypeError: the discriminator is not a layer, ``batches`` is not a function, or the optimizer
            is not an optimizer.
        ValueError: an ``Objective`` that does not hold this discriminator.
        ValueError: the optimizer updates other arrays than the discriminator's.
        ValueError: in ``fit``, the discriminator does not accept the real or the fake batch.

    Example:
        >>> from tinyae.objectives import GeneratorLoss, code_batches
        >>> x = data.strokes(200, 10).train.flat
        >>> model, net = models.basic_autoencoder(code=8), models.discriminator(features=8)
        >>> objective = Objective(code_penalty=GeneratorLoss(net), beta=0.01)
        >>> both = Adversarial(objective, net, code_batches, Adam(net.params))
        >>> history = fit(model, x, both, Adam(model.params), epochs=1, progress=False)
        >>> [column for column in history.columns if column.startswith("discriminator")]
        ['discriminator', 'discriminator_accuracy']
    """

    def __init__(
        self,
        objective: BaseObjective | ObjectiveFunction,
        discriminator: Layer,
        batches: RealFakeBatches,
        optimizer: Optimizer,
    ) -> None:
        check_layer("Adversarial", "discriminator", discriminator)
        check_function("Adversarial", "batches", batches, "code_batches")
        check_optimizer(discriminator, optimizer, "discriminator")
        if isinstance(objective, Objective):
            penalties = objective.code_penalty, objective.output_penalty
            if not any(
                isinstance(penalty, GeneratorLoss) and penalty.discriminator is discriminator
                for penalty in penalties
            ):
                raise ValueError(
                    "Adversarial: the objective does not hold this discriminator: write "
                    "Objective(code_penalty=GeneratorLoss(discriminator)) or "
                    "Objective(output_penalty=GeneratorLoss(discriminator)) with the same network"
                )
        self.objective = as_objective(objective)
        self.discriminator, self.batches, self.optimizer = discriminator, batches, optimizer
        self.needs_full_batch = self.objective.needs_full_batch

    def __call__(self, model: Any, x: Array, rng: Any = None) -> ObjectiveResult:
        """The model's ``loss, grads, terms``."""
        return self.objective(model, x, rng)

    def check(self, model: Layer, data: Data) -> None:
        """Refuse, before anything is changed, batches that the discriminator does not accept."""
        self.objective.check(model, data)
        pair = self.batches(model, examples_of(data)[:2], np.random.default_rng(0))
        for name, examples in zip(("real", "fake"), pair, strict=True):
            check_data(self.discriminator, examples, f"the {name} batch")
            _logits(self.discriminator, examples)

    def before_step(self, model: Layer, batch: Data, gradients: GradientFunction) -> Terms:
        """The discriminator's step on this batch.

        Raises:
            FloatingPointError: the discriminator's loss is not finite.
        """

        def loss_of(discriminator: Layer, x: Array, rng: np.random.Generator) -> ObjectiveResult:
            return discriminator_loss(discriminator, self.batches(model, x, rng), rng)

        loss, grads, terms = gradients(self.discriminator, loss_of)
        x = examples_of(batch)
        if device_of(x) == "cpu" and not math.isfinite(loss):
            real, fake = self.batches(model, x, np.random.default_rng(0))
            where = first_nonfinite(self.discriminator, fake) or first_nonfinite(
                self.discriminator, real
            )
            raise FloatingPointError(
                f"the discriminator's loss is {loss}. First not finite in the discriminator: "
                f"{where}"
            )
        self.optimizer.step(grads)
        return {"discriminator": loss, **terms}

    def state_dict(self) -> dict[str, Array]:
        """The discriminator and its optimizer."""
        weights = {f"discriminator.{key}": w for key, w in self.discriminator.params.items()}
        return weights | {f"optimizer.{key}": a for key, a in self.optimizer.state_dict().items()}

    def load_state_dict(self, state: dict[str, Array]) -> None:
        weights = _with_prefix("discriminator.", state)
        optimizer = _with_prefix("optimizer.", state)
        check_arrays(self.discriminator.params, weights, "the discriminator")
        self.optimizer.check_state_dict(optimizer)
        copy_into(self.discriminator.params, weights, "the discriminator")
        self.optimizer.load_state_dict(optimizer)


def _with_prefix(prefix: str, state: dict[str, Array]) -> dict[str, Array]:
    return {key.removeprefix(prefix): a for key, a in state.items() if key.startswith(prefix)}


def _logits(discriminator: Layer, x: Array) -> tuple[Array, Any]:
    a, caches = discriminator.forward(x)
    if a.shape != (len(x), 1):
        raise ValueError(
            f"discriminator: its output has shape {a.shape}, expected ({len(x)}, 1), one logit per "
            "example, without a Sigmoid"
        )
    return a, caches
