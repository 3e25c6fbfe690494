"""The data of ``tinyae train``: read, chosen and scaled as its options say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinyae.backend import Array
from tinyae.cli.preprocessing import inverted, normal_class, normalization_of, parse_scale
from tinyae.cli.preset_objectives import Model
from tinyae.data import Dataset, Images, Scale, load_data
from tinyae.data.file_checks import note
from tinyae.data.ranges import natural_divisor, output_range, range_problem
from tinyae.data.resizing import fit_shape


@dataclass(frozen=True)
class Prepared:
    """A data set as a model sees it, and what a weight file remembers of that (JSON values)."""

    data: Dataset
    metadata: dict[str, Any]


def prepare_data(settings: dict[str, Any], data_dir: str | None) -> Prepared:
    """The data of ``tinyae train``, by its settings: data, size, color, scale, invert and
    normal_label.

    Raises:
        ValueError: the data cannot be read, or do not have what the settings need.
        FileNotFoundError: there is no such file.
    """
    name = settings["data"]
    scale, kind = parse_scale(settings["scale"])
    data = read_data(
        name, data_dir, size=settings["size"], color=bool(settings["color"]), scale=scale
    )
    data, normal_label = only_normal(data, settings["normal_label"])
    if settings["invert"]:
        data = map_images(data, lambda images: inverted(images, name))
    remembered = _remembered(data)
    if kind is not None:
        parts = [data.train.images, data.test.images]
        normalization = normalization_of(kind, parts, by_column=data.is_table)
        data = map_images(data, normalization)
        remembered["shift"] = normalization.shift.tolist()
        remembered["divisor"] = normalization.divisor.tolist()
    return Prepared(data, {"preprocessing": remembered, "normal_label": normal_label})


def _remembered(data: Dataset) -> dict[str, Any]:
    """The scale, range and mean brightness of a data set."""
    low, high = value_range(data)
    remembered: dict[str, Any] = {"range": [low, high]}
    if 0 <= low and high <= 1:
        remembered["brightness"] = float(data.train.images.mean(dtype=np.float64))
    if data.scale is not None:
        remembered["scale"] = list(data.scale)
    return remembered


def value_range(data: Dataset) -> tuple[float, float]:
    parts = (data.train.images, data.test.images)
    return min(float(x.min()) for x in parts), max(float(x.max()) for x in parts)


def check_output_range(
    model: Model, low: float, high: float, name: str, option_names: Sequence[str]
) -> None:
    """Check that a model's output layer can produce the data.

    Raises:
        ValueError: it cannot; the message says which options help.
    """
    if (problem := range_problem(model, low, high, name)) is None:
        return
    _, least, largest = output_range(model)
    ways = [f"--scale {natural_divisor(high):g}"] if low >= least else []
    ways += ["--scale minmax"] if least <= 0 and largest >= 1 else []
    if "output_layer" not in option_names:
        ways.append("another model, such as basic --output-layer linear")
    elif max(-low, high) > 30:  # too large for the usual learning rates
        ways.append("--scale standardize --output-layer linear")
    else:
        ways.append("--output-layer linear")
    raise ValueError(f"{problem}: choose {' or '.join(ways)}")


def read_data(
    name: str,
    data_dir: str | None,
    *,
    size: int | tuple[int, int] | None = None,
    color: bool = False,
    scale: Scale | None = None,
) -> Dataset:
    """A data set by its name or path, as ``load_data`` returns it.

    Args:
        size: of the images; arrays and named data sets are resized, too. None: 28×28 for image
            files, and the size that they have for others.
    """
    data = load_data(
        name, data_dir=data_dir, size=28 if size is None else size, color=color, scale=scale
    )
    if size is None:
        return data
    height, width = (size, size) if isinstance(size, int) else size
    shape = (data.train.images.shape[1], height, width)
    return map_images(data, lambda images: fit_shape(images, shape, name))


def only_normal(data: Dataset, wanted: str | None) -> tuple[Dataset, str | None]:
    """The data to train on, and the class that they have: with ``wanted``, the examples of that
    class; for a data set of anomaly detection, whose training part has a single class, those of
    that class.

    Raises:
        ValueError: there are no labels, or no examples of the class.
    """
    labels = data.train.labels
    if labels is None:
        if wanted is not None:
            raise ValueError(f"--normal-label {wanted}: {data.name} has no labels")
        return data, None
    if wanted is None:
        there = np.unique(labels)
        others = () if data.test.labels is None else np.setdiff1d(data.test.labels, there)
        if len(there) > 1 or not len(others):
            return data, None
        wanted = data.classes[there[0]]
        note(
            f"{data.name}: trains on {wanted!r} alone, the only class of the training part; "
            "`tinyae anomalies` uses the other classes"
        )
    number = data.classes.index(str(normal_class(data.classes, wanted)))
    parts = []
    for part, name in ((data.train, "training"), (data.test, "test")):
        chosen = part if part.labels is None else part[part.labels == number]
        if not len(chosen):
            raise ValueError(f"{data.name}: the {name} part has no examples of class {wanted!r}")
        parts.append(chosen)
    return replace(data, train=parts[0], test=parts[1]), wanted


def map_images(data: Dataset, f: Callable[[Array], Array]) -> Dataset:
    """``data`` with ``f(images)`` in place of the images."""

    def mapped(part: Images) -> Images:
        return Images(f(part.images), part.labels, part.factors, part.names)

    return replace(data, train=mapped(data.train), test=mapped(data.test))
