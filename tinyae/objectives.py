"""What an autoencoder minimises: one equation, with parts left out.

    L = reconstruction(decode(z), x) + β · code_penalty(z) + λ · contraction,    z = encode(corrupt(x))

An objective is any function ``objective(model, x, rng) -> loss, grads, parts``. ``parts`` names the terms, for the log.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyae.backend import Array
from tinyae.layers import Autoencoder
from tinyae.layers.base import Gradients
from tinyae.losses import mse
from tinyae.penalties.jacobian import contractive_backward

Loss = Callable[[Array, Array], tuple[Any, Array]]
Penalty = Callable[[Array], tuple[Any, Array]]
Corruption = Callable[[Array, np.random.Generator], Array]


@dataclass(frozen=True)
class Objective:
    """The book's autoencoders. Without arguments, the basic one: the mean squared error of the reconstruction.

    Args:
        reconstruction: a loss, ``loss(y, target) -> value, dy``. The target is always the clean x.
        corrupt: what happens to x before it is encoded, ``corrupt(x, rng) -> x`` (denoising, Vincent et al. 2008).
        code_penalty: ``penalty(z) -> value, dz``, such as ``l1`` (sparse).
        beta: the code penalty's weight β, from 0 on.
        contraction: λ, the weight of the mean ‖∂z/∂x‖²_F (contractive, Rifai et al. 2011), from 0 on.
        probes: estimate the contraction from so many random rows of the Jacobian; None is exact.

    Raises:
        ValueError: a negative β or λ; in a call, what the parts raise.
    """

    reconstruction: Loss = mse
    corrupt: Corruption | None = None
    code_penalty: Penalty | None = None
    beta: float = 1.0
    contraction: float = 0.0
    probes: int | None = None

    def __post_init__(self) -> None:
        if not self.beta >= 0:
            raise ValueError(f"Objective: beta is {self.beta}, expected a number from 0 on")
        if not self.contraction >= 0:
            raise ValueError(f"Objective: contraction is {self.contraction}, expected a number from 0 on")

    @property
    def whole_batch(self) -> bool:
        """True where the loss is no mean over examples, so that worker threads cannot share a batch."""
        penalty = getattr(self.code_penalty, "func", self.code_penalty)  # look into a functools.partial
        return getattr(penalty, "whole_batch", False)

    def __call__(
        self, model: Autoencoder, x: Array, rng: np.random.Generator | None = None
    ) -> tuple[Any, Gradients, dict[str, Any]]:
        """``loss, grads, parts`` for the batch ``x``: (N, ...)."""
        seen = x if self.corrupt is None else self.corrupt(x, rng)
        z, encoder_caches = model.encoder.forward(seen)
        y, decoder_caches = model.decoder.forward(z)

        loss, dy = self.reconstruction(y, x)
        parts = {"reconstruction": loss}
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
