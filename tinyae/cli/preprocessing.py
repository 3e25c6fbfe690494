"""What happens to data between a file and a model: the same for training and for later commands.

    file --scale--> values --invert--> images --normalization--> what the model sees

The weight file remembers the scale and the normalization.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyae._validate import did_you_mean
from tinyae.backend import Array
from tinyae.data import Scale
from tinyae.data.file_checks import note
from tinyae.data.lazy import LazyArray, mapped

NORMAL_NAMES = ("good", "normal", "ok")  # of folders
NORMALIZATIONS = ("minmax", "standardize")


@dataclass(frozen=True)
class Normalization:
    """``(x − shift) / divisor``, with one pair for all values, or one for each column (C, H, W)."""

    shift: np.ndarray
    divisor: np.ndarray

    def __call__(self, x: Array) -> Array:
        return mapped(lambda x: ((x - self.shift) / self.divisor).astype(np.float32), x)

    def undo(self, y: np.ndarray) -> np.ndarray:
        return (y * self.divisor + self.shift).astype(np.float32)


def normalization_of(kind: str, parts: Sequence[Array], by_column: bool) -> Normalization:
    """The normalization that brings a training and a test part (N, C, H, W) to [0, 1] ("minmax"),
    or to mean 0 and standard deviation 1 ("standardize")."""
    axis = 0 if by_column else None
    if any(isinstance(part, LazyArray) for part in parts):
        return _normalization_in_parts(kind, parts, axis)
    x = np.concatenate(parts).astype(np.float64)
    if kind == "minmax":
        shift, divisor = x.min(axis=axis), np.ptp(x, axis=axis)
    else:
        shift, divisor = x.mean(axis=axis), x.std(axis=axis)
    return Normalization(np.asarray(shift), np.where(divisor > 0, divisor, 1.0))


def _normalization_in_parts(kind: str, arrays: Sequence[Array], axis: int | None) -> Normalization:
    """The same, of examples in a file: a pass over all of them, for the standard deviation two."""

    def in_float64() -> Iterator[np.ndarray]:
        for x in arrays:
            for part in x.parts() if isinstance(x, LazyArray) else [x]:
                yield part.astype(np.float64)

    sizes = [len(x) if axis == 0 else x.size for x in arrays]
    if kind == "minmax":
        both = [(x.min(axis), x.max(axis)) for x in in_float64()]
        shift = np.min([low for low, _ in both], axis=0)
        divisor = np.max([high for _, high in both], axis=0) - shift
    else:
        shift = sum(x.sum(axis) for x in in_float64()) / sum(sizes)
        divisor = np.sqrt(sum(((x - shift) ** 2).sum(axis) for x in in_float64()) / sum(sizes))
    return Normalization(np.asarray(shift), np.where(divisor > 0, divisor, 1.0))


def parse_scale(text: str | None) -> tuple[Scale | None, str | None]:
    """``--scale``: ``"16"`` -> ``Scale(16), None``; ``"minmax"`` -> ``None, "minmax"``.

    Raises:
        ValueError: neither a positive number nor the name of a normalization.
    """
    if text is None or text in NORMALIZATIONS:
        return None, text
    try:
        divisor = float(text)
    except ValueError:
        raise ValueError(did_you_mean("--scale", text, NORMALIZATIONS) + ", or a number") from None
    if not 0 < divisor < np.inf:
        raise ValueError(f"--scale is {text}, expected a positive number, minmax or standardize")
    return Scale(divisor), None


def from_metadata(saved: dict[str, Any]) -> tuple[Scale | None, Normalization | None]:
    """``scale, normalization`` of a weight file's metadata."""
    scale = Scale(*saved["scale"]) if "scale" in saved else None
    if "shift" not in saved:
        return scale, None
    return scale, Normalization(np.array(saved["shift"]), np.array(saved["divisor"]))


def inverted(images: Array, name: str) -> Array:
    """``1 − x``: dark ink on white paper as light ink on black.

    Raises:
        ValueError: the values are not in [0, 1].
    """
    if images.min() < 0 or images.max() > 1:
        raise ValueError(
            f"{name}: values from {images.min():g} to {images.max():g}: --invert is for images in "
            "[0, 1]"
        )
    return mapped(lambda x: 1 - x, images)


def note_unlike_training(name: str, images: Array, saved: dict[str, Any]) -> None:
    """Say so if images look like the negative of the training images, or have another range."""
    low, high = float(images.min()), float(images.max())
    mean, brightness = float(images.mean(dtype=np.float64)), saved.get("brightness")
    if brightness is not None and 0 <= low and high <= 1:
        if abs(brightness - 0.5) > 0.05 and (mean - 0.5) * (brightness - 0.5) < -0.0025:
            note(
                f"{name}: the mean brightness is {mean:.2f}, and that of the training images was "
                f"{brightness:.2f}. Are light and dark swapped? --invert swaps them"
            )
        return
    trained_low, trained_high = saved.get("range", (low, high))
    span = trained_high - trained_low
    if low < trained_low - 3 * span or high > trained_high + 3 * span:
        note(
            f"{name}: values from {low:.4g} to {high:.4g}; those of the training data were from "
            f"{trained_low:.4g} to {trained_high:.4g}"
        )


# ---- which examples are normal ------------------------------------------------------------------


def normal_class(classes: Sequence[str], wanted: str | None) -> str | None:
    """The class of the normal examples: the one that was asked for; else one called good, normal or
    ok; else 0 of 0 and 1, and 1 of −1 and 1, as in scikit-learn. None if it is not clear.

    Raises:
        ValueError: there is no class of the name that was asked for.
    """
    if wanted is not None:
        if wanted not in classes:
            raise ValueError(did_you_mean("class", wanted, classes))
        return wanted
    named = [name for name in classes if name.lower() in NORMAL_NAMES]
    if len(named) == 1:
        return named[0]
    binary: dict[tuple[str, ...], str] = {("0", "1"): "0", ("-1", "1"): "1"}
    return binary.get(tuple(classes))
