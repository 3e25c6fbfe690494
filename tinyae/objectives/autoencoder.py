"""What an autoencoder minimizes: one equation, whose terms can be left out.

    L = reconstruction(x̂, x) + β · code_penalty(z) + λ · contraction + γ · output_penalty(x̂)

with z = encode(corrupt(x)) and x̂ = decode(z).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tinyae._validate import check_array, check_function, check_weight
from tinyae.backend import Array
from tinyae.data.batches import Data
from tinyae.data.corruption import Corruption
from tinyae.layers import Autoencoder, Layer
from tinyae.losses import Loss, mse
from tinyae.objectives.base import BaseObjective, ObjectiveResult
from tinyae.objectives.reconstruction import check_reconstruction
from tinyae.penalties.chain import check_probes
from tinyae.penalties.jacobian_penalty import contractive_backward
from tinyae.penalties.sparsity import Penalty


@dataclass(frozen=True)
class Objective(BaseObjective):
    """The loss of the basic, denoising, sparse and contractive autoencoders. Without arguments it
    is the basic one: the mean squared error of the reconstruction.

    Args:
        reconstruction: a loss, ``loss(y, target) -> value, dy``. The target is always the clean x.
        corrupt: applied to x before it is encoded, ``corrupt(x, rng) -> x̃`` (denoising, Vincent et
            al. 2008).
        code_penalty: ``penalty(z) -> value, dz``, such as ``l1`` (sparse).
        beta: β, the weight of the code penalty, non-negative.
        contraction: λ, the weight of the mean ``‖∂z/∂x‖²_F`` (contractive, Rifai et al. 2011),
            non-negative.
        probes: estimate the contraction from this many random ±1 combinations of the Jacobian's
            rows (Hutchinson). None is exact.
        output_penalty: ``penalty(x̂) -> value, dx̂``, such as ``GeneratorLoss(discriminator)``.
        gamma: γ, the weight of the output penalty, non-negative.

    Raises:
        ValueError: a weight is negative or not finite.
        ValueError: probes < 1.
        TypeError: a term is not a function.
        TypeError: in a call, the model is not an ``Autoencoder``.

    Example:
        >>> model, x = models.basic_autoencoder(rng=0), data.strokes(50, 10).train.flat
        >>> objective = Objective(corrupt=Gaussian(0.3), code_penalty=l1, beta=1e-3)
        >>> loss, grads, terms = objective(model, x, np.random.default_rng(0))
        >>> list(terms)
        ['reconstruction', 'code_penalty']
        >>> grads.keys() == model.params.keys()
        True
    """

    reconstruction: Loss = mse
    corrupt: Corruption | None = None
    code_penalty: Penalty | None = None
    beta: float = 1.0
    contraction: float = 0.0
    probes: int | None = None
    output_penalty: Penalty | None = None
    gamma: float = 1.0

    def __post_init__(self) -> None:
        check_function("Objective", "reconstruction", self.reconstruction, "mse or bce")
        for name, example in {
            "corrupt": "Gaussian(0.3)",
            "code_penalty": "l1",
            "output_penalty": "GeneratorLoss(discriminator)",
        }.items():
            if getattr(self, name) is not None:
                check_function("Objective", name, getattr(self, name), example)
        for name in ("beta", "contraction", "gamma"):
            check_weight("Objective", name, getattr(self, name))
        if self.probes is not None:
            check_probes("Objective", self.probes)

    @property
    def needs_full_batch(self) -> bool:  # type: ignore[override]
        """True where a penalty says so of itself, as ``KLSparsity`` does."""
        penalties = self.code_penalty, self.output_penalty
        return any(getattr(penalty, "needs_full_batch", False) for penalty in penalties)

    def check(self, model: Layer, data: Data) -> None:
        """Refuse, before anything is changed, a model or data that do not fit."""
        _check_model(model)
        check_reconstruction("Objective", model, data, self.reconstruction)

    def __call__(self, model: Autoencoder, x: Array, rng: Any = None) -> ObjectiveResult:
        """``loss, grads, terms`` for the batch ``x``: (N, ...)."""
        _check_model(model)
        check_array("Objective", "x", x)
        x_corrupted = x if self.corrupt is None else self.corrupt(x, rng)
        z, encoder_caches = model.encoder.forward(x_corrupted)
        y, decoder_caches = model.decoder.forward(z)

        loss, dy = self.reconstruction(y, x)
        terms = {"reconstruction": loss}
        if self.output_penalty is not None:
            terms["output_penalty"], dy_penalty = self.output_penalty(y)
            loss = loss + self.gamma * terms["output_penalty"]
            dy = dy + self.gamma * dy_penalty
        dz, decoder_grads = model.decoder.backward(dy, decoder_caches)
        if self.code_penalty is not None:
            terms["code_penalty"], dz_penalty = self.code_penalty(z)
            loss = loss + self.beta * terms["code_penalty"]
            dz = dz + self.beta * dz_penalty
        if self.contraction:
            terms["contraction"], encoder_grads = contractive_backward(
                model.encoder, dz, encoder_caches, self.contraction, self.probes, rng
            )
            loss = loss + self.contraction * terms["contraction"]
        else:
            encoder_grads = model.encoder.parameter_gradients(dz, encoder_caches)
        grads = model.named({"encoder": encoder_grads, "decoder": decoder_grads})
        return loss, grads, terms if len(terms) > 1 else {}


def _check_model(model: Any) -> None:
    if not isinstance(model, Autoencoder):
        raise TypeError(
            f"Objective: the model is a {type(model).__name__}, expected an Autoencoder with "
            "an encoder and a decoder. For a VAE, use tinyae.objectives.Variational()"
        )
