"""What an autoencoder minimises: one equation, with parts left out.

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

Loss = Callable[[Array, Array], tuple[Any, Array]]


@dataclass(frozen=True)
class Objective:
    """``L = reconstruction(decode(encode(x)), x)``.

    Args:
        reconstruction: a loss, ``loss(y, target) -> value, dy``.
    """

    reconstruction: Loss = mse

    def __call__(
        self, model: Autoencoder, x: Array, rng: np.random.Generator | None = None
    ) -> tuple[Any, Gradients, dict[str, Any]]:
        """``loss, grads, parts`` for the batch ``x``: (N, ...)."""
        y, caches = model.forward(x)
        loss, dy = self.reconstruction(y, x)
        _, grads = model.backward(dy, caches, input_gradient=False)
        return loss, grads, {}
