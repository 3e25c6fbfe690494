"""What a resumed run must have in common with the interrupted one. Otherwise its weights would not
be those of an uninterrupted run."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import re
from typing import Any

import numpy as np

from tinyae._validate import is_array, shape_text
from tinyae.backend import Array, to_numpy
from tinyae.data.batches import Data
from tinyae.layers import leaves
from tinyae.layers.base import Layer
from tinyae.objectives.base import BaseObjective, FunctionObjective
from tinyae.optim import Optimizer

SAMPLED = 256  # examples that the fingerprint of the data is made of
STEPS = (0, 1, 10, 100, 1_000, 10_000, 100_000)  # a schedule is compared at these
UNKNOWN = None  # equal to everything


def describe_run(
    model: Layer, data: Data, objective: BaseObjective, optimizer: Optimizer
) -> dict[str, Any]:
    """Everything that decides the result, by name, as JSON values. None stands for a value that
    cannot be described."""
    layers = {f"layer {name}": _text(layer) for name, layer in leaves(model)}
    dtypes = sorted({str(w.dtype) for w in model.params.values()})
    return {
        "data": [_fingerprint(a) for a in (data if isinstance(data, tuple) else (data,))],
        "dtype": ", ".join(dtypes),
        **layers,
        "objective": _describe(objective),
        "optimizer": type(optimizer).__name__,
        **_settings(optimizer),
    }


def difference(then: Any, now: Any, name: str = "") -> tuple[str, Any, Any] | None:
    """``name, then, now`` of the first value that differs. None if there is none."""
    if then is UNKNOWN or now is UNKNOWN:
        return None
    if isinstance(then, dict) and isinstance(now, dict):
        for key in [*then, *(key for key in now if key not in then)]:
            inner = f"{name} {key}".strip()
            if key not in then or key not in now:
                return inner, then.get(key), now.get(key)
            if found := difference(then[key], now[key], inner):
                return found
        return None
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        alike = all(difference(a, b) is None for a, b in zip(then, now, strict=True))
        return None if alike else (name, then, now)
    return None if then == now else (name, then, now)


def _fingerprint(a: Array) -> str:
    """The shape and dtype of the data, and a checksum of some examples spread over all of them."""
    content = np.ascontiguousarray(to_numpy(a[:: -(-len(a) // SAMPLED)]))
    checksum = hashlib.sha256(content.tobytes()).hexdigest()[:12]
    return f"{shape_text(a.shape)} {a.dtype}, checksum {checksum}"


def _settings(optimizer: Optimizer) -> dict[str, Any]:
    plain = int | float | str | tuple | np.generic | None
    settings = {k: v for k, v in vars(optimizer).items() if isinstance(v, plain) and k != "steps"}
    if callable(optimizer.lr):
        settings["lr"] = _rates(optimizer.lr)
    return {key: _describe(value) for key, value in settings.items()}


def _rates(schedule: Any) -> Any:
    """A schedule is a function, so it is described by its values."""
    try:
        return [float(schedule(step)) for step in STEPS]
    except Exception:  # a schedule that ends before the last of these steps
        return UNKNOWN


def _describe(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return "None" if value is None else value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, FunctionObjective):
        return _describe(value.function)
    if isinstance(value, Layer):
        return _text(value)
    if is_array(value):
        return _fingerprint(value) if value.ndim else str(value)
    if isinstance(value, tuple | list):
        return [_describe(v) for v in value]
    if isinstance(value, functools.partial):
        return [_describe(v) for v in (value.func, value.args, *value.keywords.values())]
    if isinstance(value, Optimizer):
        return {"type": type(value).__name__, **_settings(value)}
    name = getattr(value, "__qualname__", None)
    if name is not None:  # a function; one inside another, or a lambda, has no name of its own
        return UNKNOWN if "<" in name else name
    kind = {"type": type(value).__qualname__}
    # The attributes of another class may change while it works: a counter, a log.
    known = dataclasses.is_dataclass(value) or type(value).__module__.startswith("tinyae.")
    attributes = getattr(value, "__dict__", {}) if known else {}
    return kind | {key: _describe(v) for key, v in attributes.items()}


def _text(layer: Layer) -> str:
    """The reprs of the layer's leaves. The address of an object differs between processes."""
    text = ", ".join(repr(leaf) for _, leaf in leaves(layer))
    return re.sub(r"0x[0-9a-f]+", "0x", text)
