"""Penalties that keep most units of a code quiet: ``penalty(z) -> value, dz``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tinyae.backend import Array, scalar

Penalty = Callable[[Array], tuple[Any, Array]]


def l1(z: Array) -> tuple[Any, Array]:
    """``Σ |z| / N``: the sum over a code's units, the mean over the batch. ``dz = sign(z) / N``. Range [0, ∞).

    It pushes every active unit towards 0 with the same force, however small the unit already is, so some arrive there.
    """
    n = len(z)
    return scalar(np.abs(z).sum() / n), np.sign(z) / n


def kl_sparsity(z: Array, rho: float = 0.05) -> tuple[Any, Array]:
    """``Σ_j KL(ρ ‖ ρ̂_j)``, ρ̂_j = the mean of unit j over the batch: each unit is to be active a share ρ of the time.

        ``KL(ρ ‖ ρ̂) = ρ log(ρ/ρ̂) + (1−ρ) log((1−ρ)/(1−ρ̂))``,   ``dz = (−ρ/ρ̂ + (1−ρ)/(1−ρ̂)) / N``   for every example

    Both halves are needed: at least 0, and 0 with slope 0 exactly at ρ̂ = ρ. Ng 2011, CS294A notes, section 3.
    The value belongs to the whole batch and not to its examples one by one. ``kl_to(rho)`` is this with its ρ filled in.

    Raises:
        ValueError: ρ outside (0, 1); codes outside [0, 1], which must come from a Sigmoid; or a unit that is 0, or 1, for the
            whole batch, for which the divergence is infinite.
    """
    check_rho("kl_sparsity", rho)
    n = len(z)
    mean = z.mean(axis=0)  # ρ̂: (units,)
    _check_code(z, mean)
    value = (rho * np.log(rho / mean) + (1 - rho) * np.log((1 - rho) / (1 - mean))).sum()
    slope = (-rho / mean + (1 - rho) / (1 - mean)) / n  # (units,)
    return scalar(value), np.zeros_like(z) + slope


kl_sparsity.whole_batch = True  # cut into shards, the batch would have another mean in each


@dataclass(frozen=True)
class kl_to:  # used like a function: Objective(code_penalty=kl_to(0.01), beta=3)
    """``kl_sparsity`` with this ρ, as a penalty of the code alone.

    Raises:
        ValueError: ρ outside (0, 1); in a call, what ``kl_sparsity`` raises.
    """

    rho: float = 0.05
    whole_batch: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_rho("kl_to", self.rho)

    def __call__(self, z: Array) -> tuple[Any, Array]:
        return kl_sparsity(z, self.rho)


def check_rho(name: str, rho: float) -> None:
    if not 0 < rho < 1:
        raise ValueError(f"{name}: rho is {rho}, expected a number between 0 and 1, such as 0.05")


def _check_code(z: Array, mean: Array) -> None:
    # Looked at on the CPU alone: a GPU's step would have to wait. NaN is not this mistake and goes through.
    if not isinstance(z, np.ndarray):
        return
    low, high = float(z.real.min()), float(z.real.max())
    if low < 0 or high > 1:
        raise ValueError(
            f"kl_sparsity: the code runs from {low:.3g} to {high:.3g}, but its units' mean activations must lie inside (0, 1): "
            "end the encoder in Sigmoid (a ReLU, Tanh or linear code has no such range)"
        )
    stuck = (mean.real <= 0) | (mean.real >= 1)
    if stuck.any():
        raise ValueError(
            f"kl_sparsity: {stuck.sum()} of {stuck.size} code units are 0, or 1, for the whole batch, where the divergence is "
            "infinite: end the encoder in Sigmoid (a ReLU is 0 for half of its inputs). If it does, its inputs have grown far "
            "too large: a smaller learning rate or β"
        )
