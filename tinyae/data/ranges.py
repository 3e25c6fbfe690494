"""The range of data that a model can reconstruct: the range of its output layer."""

from __future__ import annotations

import math

from tinyae.layers import ELU, Flatten, Frozen, ReLU, Reshape, Sigmoid, Softplus, Tanh, leaves
from tinyae.layers.base import Layer

INFINITE = math.inf
TOLERANCE = 1e-6  # of rounding


def output_range(model: Layer) -> tuple[str, float, float]:
    """``name, low, high``: the last layer that changes values, and the range of its outputs.

    Sigmoid [0, 1], Tanh [−1, 1], ReLU and Softplus ≥ 0, ELU ≥ −α; any other layer has any outputs.
    """
    layers = [layer for _, layer in leaves(model)]
    while isinstance(layers[-1], (Reshape, Flatten, Frozen)):
        passed_on = layers.pop()
        if isinstance(passed_on, Frozen):
            layers += [layer for _, layer in leaves(passed_on.layer)]
        if not layers:
            return type(passed_on).__name__, -INFINITE, INFINITE
    last = layers[-1]
    name = type(last).__name__
    if isinstance(last, Sigmoid):
        return name, 0, 1
    if isinstance(last, Tanh):
        return name, -1, 1
    if isinstance(last, (ReLU, Softplus)):
        return name, 0, INFINITE
    if isinstance(last, ELU):
        return name, -last.alpha, INFINITE
    return name, -INFINITE, INFINITE


def range_problem(model: Layer, low: float, high: float, name: str) -> str | None:
    """What is wrong with data from ``low`` to ``high``; None if the model can reconstruct them."""
    layer, least, largest = output_range(model)
    if low >= least - TOLERANCE and high <= largest + TOLERANCE:
        return None
    outputs = f"in [{least:g}, {largest:g}]" if math.isfinite(largest) else f"at least {least:g}"
    return (
        f"{name} ranges from {low:g} to {high:g}, but the model ends in {layer}, whose outputs are "
        f"{outputs}"
    )


def check_range(model: Layer, low: float, high: float, name: str) -> None:
    """Refuse data outside [0, 1] for a model that ends in Sigmoid. About other output layers, the
    objective warns, which knows what is compared with the data.

    Raises:
        ValueError: they lie outside [0, 1], and the model ends in Sigmoid. The message says how to
            scale them.
    """
    if (problem := range_problem(model, low, high, name)) is None:
        return
    layer, least, largest = output_range(model)
    advice = scaling_advice(low, high, least, largest)
    if layer == "Sigmoid":
        raise ValueError(f"{problem}: {advice}, or end the model in a linear layer")


def scaling_advice(low: float, high: float, least: float, largest: float) -> str:
    """How to bring values from ``low`` to ``high`` into the range from ``least`` to ``largest``."""
    if least <= low and high > largest:
        return f"divide by {natural_divisor(high):g}"
    if largest == 1 and least == -1:
        return f"divide by {max(-low, high):g}"
    if math.isfinite(largest):
        minus = f"x - {low:g}" if low >= 0 else f"x + {-low:g}"
        return f"scale them to [0, 1], ({minus}) / {high - low:g}"
    return f"add {-low:g}"


def natural_divisor(high: float) -> float:
    """255 for pixels, 65535 for those of 16 bits; otherwise the largest value itself."""
    for largest in (255.0, 65535.0):
        if largest / 2 < high <= largest:
            return largest
    return high
