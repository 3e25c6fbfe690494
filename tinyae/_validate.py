"""Arguments that several places take, and what they say of bad ones."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from numbers import Real
from typing import Any


def check_weight(who: str, name: str, value: Any) -> None:
    """A term's weight in a loss: a finite number from 0 on.

    Raises:
        ValueError: it is another number. TypeError: it is no number.
    """
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{who}: {name} is {short(value)}, expected a number from 0 on")
    if not (value >= 0 and math.isfinite(value)):
        raise ValueError(f"{who}: {name} is {value}, expected a number from 0 on, and finite")


def check_layer(who: str, name: str, layer: Any) -> None:
    """
    Raises:
        TypeError: not a layer; where it is a layer's class, the message says to call it.
    """
    if isinstance(layer, type) or not hasattr(layer, "forward"):
        hint = f": write {layer.__name__}() with parentheses" if isinstance(layer, type) else ""
        raise TypeError(f"{who}: {name} is {short(layer)}, expected a layer or a net{hint}")


def check_function(who: str, name: str, f: Any, example: str) -> None:
    """A part of an objective. Some of them are made by classes that read like functions: ``Masking(0.25)``.

    Raises:
        TypeError: not a function, or a class that was not called.
    """
    if isinstance(f, type) or not callable(f):
        hint = (
            f": write {f.__name__}(...) with its arguments"
            if isinstance(f, type)
            else f", such as {example}"
        )
        raise TypeError(f"{who}: {name} is {short(f)}, expected a function{hint}")


def short(value: Any) -> str:
    """An array's whole content is no message."""
    if hasattr(value, "shape"):
        return f"an array of shape {value.shape}"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """``unknown model 'basik': did you mean 'basic'? Known are basic, linear``"""
    known = list(known)
    near = difflib.get_close_matches(name.lower(), known, n=1)
    return (
        f"unknown {kind} {name!r}"
        + (f": did you mean {near[0]!r}?" if near else ".")
        + f" Known are {', '.join(known)}"
    )
