"""Penalties that keep most units of a code inactive: ``penalty(z) -> value, dz``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tinyae._validate import check_array, check_number
from tinyae.backend import Array, Scalar, scalar

Penalty = Callable[[Array], tuple[Scalar, Array]]


def l1(z: Array) -> tuple[Scalar, Array]:
    """``Σ |z| / N``: the sum over the units of a code, the mean over the batch. ``dz = sign(z) /
    N``. Range [0, ∞).

    It pushes every active unit toward 0 with the same force, however small the unit already is, so
    some units become exactly 0.

    Raises:
        TypeError: z is not an array.
        ValueError: z is not floating point, or is empty.

    Example:
        >>> l1(np.array([[0.5, 0.0], [-1.0, 2.0]]))
        (1.75, array([[ 0.5,  0. ],
               [-0.5,  0.5]]))
    """
    _check_batch("l1", z)
    n = len(z)
    return scalar(np.abs(z).sum() / n), np.sign(z) / n


@dataclass(frozen=True)
class KLSparsity:
    """``Σ_j KL(ρ ‖ ρ̂_j)``, where ``ρ̂_j`` is the mean activation of unit j over the batch. It
    makes each unit active a fraction ρ of the time. ``Objective(code_penalty=KLSparsity(0.05),
    beta=3e-3)``.

        ``KL(ρ ‖ ρ̂) = ρ log(ρ/ρ̂) + (1−ρ) log((1−ρ)/(1−ρ̂))``
        ``dz = (−ρ/ρ̂ + (1−ρ)/(1−ρ̂)) / N``   for every example

    Both terms are needed: the sum is non-negative, and it is 0 with derivative 0 exactly at ρ̂ = ρ.
    Ng 2011, CS294A notes, section 3. The value belongs to the whole batch: if the batch were split
    into shards, each shard would have a different mean. Hence ``needs_full_batch``.

    Args:
        rho: ρ, the target mean activation, in (0, 1).

    Raises:
        TypeError: ρ is not a number.
        ValueError: ρ is outside (0, 1).
        ValueError: in a call, codes are outside [0, 1] (they must come from a Sigmoid).
        ValueError: in a call, a unit is 0, or 1, for the whole batch: the divergence is infinite.

    Example:
        >>> value, dz = KLSparsity(0.05)(np.full((10, 3), 0.05))
        >>> bool(abs(value) < 1e-12)  # each unit is active a fraction ρ of the time
        True
        >>> value, dz = KLSparsity(0.05)(np.full((10, 3), 0.5))
        >>> bool(dz.min() > 0)  # too active: a step against the gradient lowers them
        True
    """

    rho: float = 0.05
    needs_full_batch: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_rho("KLSparsity", self.rho)

    def __call__(self, z: Array) -> tuple[Scalar, Array]:
        _check_batch("KLSparsity", z)
        rho, n = self.rho, len(z)
        mean = z.mean(axis=0)  # ρ̂: (units,)
        _check_code(z, mean)
        value = (rho * np.log(rho / mean) + (1 - rho) * np.log((1 - rho) / (1 - mean))).sum()
        dmean = -rho / mean + (1 - rho) / (1 - mean)  # (units,)
        return scalar(value), np.zeros_like(z) + dmean / n


def check_rho(name: str, rho: float) -> None:
    """Check a target activation.

    Raises:
        TypeError: ρ is not a number.
        ValueError: ρ is outside (0, 1).
    """
    check_number(name, "rho", rho, lambda v: 0 < v < 1, "a number between 0 and 1, such as 0.05")


def _check_batch(name: str, z: Array) -> None:
    check_array(name, "the code", z)
    if not z.size:
        raise ValueError(f"{name}: the code is empty (shape {z.shape}): it has no mean")


def _check_code(z: Array, mean: Array) -> None:
    # Checked on the CPU only: on a GPU, the training step would have to wait for the result. NaN is
    # a different mistake and passes.
    if not isinstance(z, np.ndarray):
        return
    low, high = float(z.real.min()), float(z.real.max())
    if low < 0 or high > 1:
        raise ValueError(
            f"KLSparsity: the code runs from {low:.3g} to {high:.3g}, but the mean activation of "
            "each unit must be in (0, 1): end the encoder in Sigmoid (a ReLU, Tanh or linear code "
            "does not have this range)"
        )
    stuck = (mean.real <= 0) | (mean.real >= 1)
    if stuck.any():
        raise ValueError(
            f"KLSparsity: {stuck.sum()} of {stuck.size} code units are 0, or 1, for the whole "
            "batch, where the divergence is infinite: end the encoder in Sigmoid (a ReLU is 0 for "
            "half of its inputs). If it does end in Sigmoid, the inputs of the Sigmoid are far too "
            "large: try a smaller learning rate or β"
        )
