"""What an autoencoder minimises: one equation, with parts left out.

    L = reconstruction(x̂, x) + β · code_penalty(z) + λ · contraction + γ · output_penalty(x̂)

with z = encode(corrupt(x)) and x̂ = decode(z).

An objective is any function ``objective(model, x, rng) -> loss, grads, parts``. ``parts`` names the terms, for the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyae._validate import check_function, check_weight
from tinyae.backend import Array
from tinyae.data.corruption import Corruption
from tinyae.layers import Autoencoder
from tinyae.layers.base import Gradients
from tinyae.layers.containers import Chain
from tinyae.losses import Loss, mse
from tinyae.penalties.chain import check_probes
from tinyae.penalties.jacobian_penalty import contractive_backward
from tinyae.penalties.sparsity import Penalty


@dataclass(frozen=True)
class Objective:
    """The book's autoencoders. Without arguments, the basic one: the mean squared error of the reconstruction.

    Args:
        reconstruction: a loss, ``loss(y, target) -> value, dy``. The target is always the clean x.
        corrupt: what happens to x before it is encoded, ``corrupt(x, rng) -> x`` (denoising, Vincent et al. 2008).
        code_penalty: ``penalty(z) -> value, dz``, such as ``l1`` (sparse).
        beta: the code penalty's weight β, from 0 on.
        contraction: λ, the weight of the mean ‖∂z/∂x‖²_F (contractive, Rifai et al. 2011), from 0 on.
        probes: estimate the contraction from so many random ±1 sums of the Jacobian's rows; None is exact.
        output_penalty: ``penalty(x̂) -> value, dx̂``, such as a discriminator's opinion of the reconstruction.
        gamma: the output penalty's weight γ, from 0 on.

    Raises:
        ValueError: a weight that is negative or not finite, probes < 1; in a call, what the parts raise.
        TypeError: a part that is no function; in a call, a model that is more than an encoder and a decoder.
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
    def needs_full_batch(self) -> bool:
        """True where the loss is no mean over examples, so that worker threads cannot share a batch."""
        penalties = [
            getattr(p, "func", p) for p in (self.code_penalty, self.output_penalty)
        ]  # look into a functools.partial
        return any(getattr(penalty, "needs_full_batch", False) for penalty in penalties)

    def __call__(
        self, model: Autoencoder, x: Array, rng: np.random.Generator | None = None
    ) -> tuple[Any, Gradients, dict[str, Any]]:
        """``loss, grads, parts`` for the batch ``x``: (N, ...)."""
        if isinstance(model, Chain) and set(model.named_layers) != {"encoder", "decoder"}:
            raise TypeError(
                f"Objective: a {type(model).__name__} of the parts {', '.join(model.named_layers)}, expected an Autoencoder "
                "of an encoder and a decoder. A VAE's objective is tinyae.objectives.variational.Variational()"
            )
        seen = x if self.corrupt is None else self.corrupt(x, rng)
        z, encoder_caches = model.encoder.forward(seen)
        y, decoder_caches = model.decoder.forward(z)

        loss, dy = self.reconstruction(y, x)
        parts = {"reconstruction": loss}
        if self.output_penalty is not None:
            parts["output_penalty"], dy_penalty = self.output_penalty(y)
            loss = loss + self.gamma * parts["output_penalty"]
            dy = dy + self.gamma * dy_penalty
        dz, decoder_grads = model.decoder.backward(dy, decoder_caches)
        if self.code_penalty is not None:
            parts["code_penalty"], dz_penalty = self.code_penalty(z)
            loss = loss + self.beta * parts["code_penalty"]
            dz = dz + self.beta * dz_penalty
        if self.contraction:
            parts["contraction"], encoder_grads = contractive_backward(
                model.encoder, dz, encoder_caches, self.contraction, self.probes, rng
            )
            loss = loss + self.contraction * parts["contraction"]
        else:
            encoder_grads = model.encoder.parameter_gradients(dz, encoder_caches)
        grads = model.named({"encoder": encoder_grads, "decoder": decoder_grads})
        return loss, grads, parts if len(parts) > 1 else {}
