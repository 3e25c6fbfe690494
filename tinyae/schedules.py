"""Learning rates that change with the step."""

from __future__ import annotations

import math
from collections.abc import Callable

from tinyae._validate import check_int, check_number

Schedule = Callable[[int], float]  # learning rate as a function of the step, 0, 1, 2, ...


def cosine_schedule(lr: float, steps: int, warmup: int = 0, final: float = 0.0) -> Schedule:
    """Linear from 0 to ``lr`` over ``warmup`` steps, then half a cosine down to ``final`` at step
    ``steps``.

    Raises:
        TypeError: an argument is not a number.
        ValueError: not 0 ≤ warmup < steps, or a learning rate is out of range.

    Example:
        >>> from tinyae.optim import cosine_schedule
        >>> rate = cosine_schedule(1.0, steps=100, warmup=10)
        >>> [round(rate(step), 2) for step in (0, 9, 10, 55, 100)]
        [0.1, 1.0, 1.0, 0.5, 0.0]
    """
    name, expected = "cosine_schedule", f"at least 0 and below steps = {steps}"
    check_number(name, "lr", lr, lambda v: 0 < v < math.inf, "a number above 0")
    check_number(name, "final", final, lambda v: 0 <= v < math.inf, "a number of at least 0")
    check_int(name, "steps", steps, least=0)
    check_int(name, "warmup", warmup, least=0, expected=expected)
    check_number(name, "warmup", warmup, lambda v: v < steps, expected)

    def rate(step: int) -> float:
        if step < warmup:
            return lr * (step + 1) / warmup
        progress = min(1.0, (step - warmup) / (steps - warmup))
        return final + (lr - final) * (1 + math.cos(math.pi * progress)) / 2

    return rate


def step_decay(lr: float, every: int, factor: float = 0.1) -> Schedule:
    """``lr · factor^⌊step / every⌋``: multiplied by ``factor`` after every ``every`` steps.

    Raises:
        TypeError: an argument is not a number.
        ValueError: ``every`` is below 1, or another argument is not above 0.

    Example:
        >>> from tinyae.optim import step_decay
        >>> rate = step_decay(1.0, every=10)
        >>> [round(rate(step), 3) for step in (0, 9, 10, 20)]
        [1.0, 1.0, 0.1, 0.01]
    """
    check_number("step_decay", "lr", lr, lambda v: 0 < v < math.inf, "a number above 0")
    check_int("step_decay", "every", every)
    check_number("step_decay", "factor", factor, lambda v: 0 < v < math.inf, "a number above 0")
    return lambda step: lr * factor ** (step // every)
