"""Penalties that keep most units of a code quiet: ``penalty(z) -> value, dz``."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyae.backend import Array, scalar


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
    The value belongs to the whole batch and not to its examples one by one.

    Raises:
        ValueError: ρ outside (0, 1), or a unit's mean outside (0, 1): codes must come from a Sigmoid.
    """
    if not 0 < rho < 1:
        raise ValueError(f"kl_sparsity: rho is {rho}, expected a number between 0 and 1, such as 0.05")
    n = len(z)
    mean = z.mean(axis=0)  # ρ̂: (units,)
    low, high = float(mean.real.min()), float(mean.real.max())
    if not (0 < low and high < 1):
        raise ValueError(
            f"kl_sparsity: the units' mean activations run from {low:.3g} to {high:.3g}, but must lie inside (0, 1): "
            "end the encoder in Sigmoid (a ReLU or linear code has no such range)"
        )
    value = (rho * np.log(rho / mean) + (1 - rho) * np.log((1 - rho) / (1 - mean))).sum()
    slope = (-rho / mean + (1 - rho) / (1 - mean)) / n  # (units,)
    return scalar(value), np.zeros_like(z) + slope


kl_sparsity.whole_batch = True  # cut into shards, the batch would have another mean in each
