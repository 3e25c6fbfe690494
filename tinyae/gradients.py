"""The gradients of all parameters together: checks, their sum over the parts of a batch, their
norm, and clipping by it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tinyae._validate import check_array_dict, check_number, is_array
from tinyae.backend import Array
from tinyae.layers.base import Gradients


def check_gradients(params: Mapping[str, Array], grads: Gradients) -> None:
    """Check that these gradients can move these parameters.

    Raises:
        TypeError: the gradients are not a dictionary of arrays.
        ValueError: a gradient is missing, unknown, or of another shape or dtype, or a parameter is
            read-only.
    """
    if not isinstance(grads, Mapping) or params.keys() != grads.keys():
        check_array_dict("step", "grads", grads, kinds="fcOiub")
        missing, extra = sorted(params.keys() - grads.keys()), sorted(grads.keys() - params.keys())
        raise ValueError(
            f"step: the gradients do not fit the parameters: missing {missing}, unknown {extra}"
        )
    for key, w in params.items():
        g, writeable = grads[key], getattr(w.flags, "writeable", True)
        if isinstance(g, np.ndarray) and g.shape == w.shape and g.dtype == w.dtype and writeable:
            continue  # at once, in the usual case
        if not is_array(g) or g.dtype.kind not in "fcOiub":
            check_array_dict("step", "grads", grads, kinds="fcOiub")
        if g.shape != w.shape:
            raise ValueError(
                f"step: the gradient of {key!r} has shape {g.shape}, the parameter {w.shape}"
            )
        if g.dtype != w.dtype and not np.can_cast(g.dtype, w.dtype, "same_kind"):
            raise ValueError(
                f"step: the gradient of {key!r} has dtype {g.dtype}, the parameter {w.dtype}"
            )
        if not writeable:
            raise ValueError(f"step: the parameter {key!r} is read-only: train a copy of the model")


class GradientSum(Mapping[str, Array]):
    """``Σ_i w_i g_i``: the gradients of the parts of a batch, which the threads have computed.

    ``Optimizer.step`` adds them block by block, while a block is in the processor's cache. For
    everything else, ``grads[key]`` is the sum.
    """

    def __init__(self, parts: Sequence[Gradients], weights: Sequence[float]) -> None:
        self.parts, self.weights = parts, weights

    def __getitem__(self, key: str) -> Array:
        return weighted_sum([grads[key] for grads in self.parts], self.weights)

    def __iter__(self) -> Iterator[str]:
        return iter(self.parts[0])

    def __len__(self) -> int:
        return len(self.parts[0])


def weighted_sum(values: Sequence[Any], weights: Sequence[float]) -> Any:
    """``Σ w_i v_i``, of numbers or of arrays. The values stay as they are."""
    first, *others = values
    if not others:
        return first if weights[0] == 1 else weights[0] * first
    if any(w != weights[0] for w in weights):
        return sum(w * v for w, v in zip(weights, values, strict=True))
    total = first + others[0]  # the usual case, equal weights: add first, scale once
    for other in others[1:]:
        total += other
    total *= weights[0]
    return total


def gradient_norm(grads: Gradients) -> float:
    """``√(Σ g²)`` over all entries of all gradients.

    Raises:
        TypeError: the gradients are not a dictionary of arrays.
        ValueError: they are not numeric.

    Example:
        >>> from tinyae.optim import gradient_norm
        >>> gradient_norm({"weight": np.array([[3.0]]), "bias": np.array([4.0])})
        5.0
    """
    check_array_dict("gradient_norm", "grads", grads, kinds="fcOiub")
    return math.sqrt(sum(float(np.vdot(g, g).real) for g in grads.values()))


def clip_by_norm(grads: Gradients, max_norm: float) -> tuple[Gradients, float]:
    """``grads, norm``: the gradients times min(1, max_norm / norm), which keeps their direction,
    and the norm before clipping.

    Raises:
        TypeError: the gradients are not a dictionary of arrays, or ``max_norm`` is not a number.
        ValueError: ``max_norm`` is not above 0.

    Example:
        >>> from tinyae.optim import clip_by_norm
        >>> clip_by_norm({"weight": np.array([[30.0]]), "bias": np.array([40.0])}, max_norm=5)
        ({'weight': array([[3.]]), 'bias': array([4.])}, 50.0)
    """
    check_number("clip_by_norm", "max_norm", max_norm, lambda v: v > 0, "a number above 0")
    norm = gradient_norm(grads)
    if not norm > max_norm:
        return grads, norm
    return {key: g * (max_norm / norm) for key, g in grads.items()}, norm
