"""Checks of arguments that several modules take, and the texts of their error messages."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from numbers import Real
from typing import Any


def check_weight(who: str, name: str, value: Any) -> None:
    """Check the weight of a term in a loss: a finite, non-negative number.

    Raises:
        TypeError: it is not a number.
        ValueError: it is negative, infinite or NaN.
    """
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{who}: {name} is {short(value)}, expected a non-negative number")
    number = float(value)
    if not (number >= 0 and math.isfinite(number)):
        raise ValueError(f"{who}: {name} is {value}, expected a finite, non-negative number")


def check_layer(who: str, name: str, layer: Any) -> None:
    """Check that ``layer`` is a layer.

    Raises:
        TypeError: it is not a layer. If it is the class of a layer, the message says to call it.
    """
    if isinstance(layer, type) or not hasattr(layer, "forward"):
        hint = f": write {layer.__name__}() with parentheses" if isinstance(layer, type) else ""
        raise TypeError(f"{who}: {name} is {short(layer)}, expected a layer or a model{hint}")


def check_function(who: str, name: str, f: Any, example: str) -> None:
    """Check that a term of an objective is a function, or an object such as ``Masking(0.25)``.

    Raises:
        TypeError: it is not a function, or it is a class that was not called.
    """
    if isinstance(f, type) or not callable(f):
        hint = (
            f": write {f.__name__}(...) with its arguments"
            if isinstance(f, type)
            else f", such as {example}"
        )
        raise TypeError(f"{who}: {name} is {short(f)}, expected a function{hint}")


def check_optimizer(model: Any, optimizer: Any) -> None:
    """Check that an optimizer updates the arrays of this model.

    Raises:
        ValueError: it updates other arrays, as it does after ``model.astype(...)``.
    """
    params = model.params
    for key, w in optimizer.params.items():
        if key in params and params[key] is not w:
            raise ValueError(
                f"the optimizer updates another array than the model's {key}: "
                "create it after astype() and to()"
            )


def short(value: Any) -> str:
    """``value`` in an error message: an array's shape instead of its entries, 80 characters."""
    if hasattr(value, "shape"):
        return f"an array of shape {value.shape}"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def shape_text(shape: Iterable[int]) -> str:
    """``(1, 28, 28)`` -> ``"1×28×28"``."""
    return "×".join(map(str, shape))


def did_you_mean(kind: str, name: str, known: Iterable[str]) -> str:
    """``unknown model 'basik': did you mean 'basic'? Known are basic, linear``"""
    known = list(known)
    near = difflib.get_close_matches(name.lower(), known, n=1)
    return (
        f"unknown {kind} {name!r}"
        + (f": did you mean {near[0]!r}?" if near else ".")
        + f" Known are {', '.join(known)}"
    )
