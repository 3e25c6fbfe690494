"""``Images`` and ``Dataset``: what every data source returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyae.backend import Array
from tinyae.data.lazy import LazyArray, subset
from tinyae.data.scaling import Scale


@dataclass(frozen=True, eq=False, repr=False)
class Images:
    """A set of images.

    ``len(x)`` is N. ``x[:1000]``, ``x[x.labels == 3]`` and ``x[indices]`` are subsets, with their
    labels, factors and names.

    Attributes:
        images: (N, C, H, W), floating point; float32 from every source of this package. Images are
            in [0, 1]. The rows of a table, (N, 1, 1, D), have any finite values. Those of a large
            file stay there, as a ``tinyae.data.lazy.LazyArray``: each batch is read when it is
            used.
        labels: (N,), int64, the class of each image; None if unknown.
        factors: the factors of variation, {name: (N, ...)}, of generated images; None for others.
        names: (N,), the file name of each image, relative to its folder; None if there are no
            files.

    Raises:
        TypeError: the images, labels or names are not arrays.
        ValueError: the images are not four-dimensional or have an integer dtype, or the labels,
            factors or names are not one per image.

    Example:
        >>> images = data.Images(np.zeros((3, 1, 28, 28)), labels=np.array([7, 2, 7]))
        >>> images
        Images(3 × 1×28×28 float64; 2 classes)
        >>> images[images.labels == 7].flat.shape
        (2, 784)
    """

    images: Array
    labels: np.ndarray | None = None
    factors: dict[str, np.ndarray] | None = None
    names: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name, a in (("images", self.images), ("labels", self.labels), ("names", self.names)):
            if name == "images" and isinstance(a, LazyArray):
                continue
            if not isinstance(a, np.ndarray) and (a is not None or name == "images"):
                raise TypeError(
                    f"Images: {name} is of type {type(a).__name__}, expected a NumPy array"
                )
        if self.images.ndim != 4:
            raise ValueError(f"Images: expected images (N, C, H, W), got shape {self.images.shape}")
        if self.images.dtype.kind != "f":
            raise ValueError(
                f"Images: expected floating point in [0, 1], got {self.images.dtype}: "
                "divide by 255 first?"
            )
        per_image = {
            name: a for name, a in (("labels", self.labels), ("names", self.names)) if a is not None
        }
        for name, array in (per_image | (self.factors or {})).items():
            if len(array) != len(self.images):
                raise ValueError(
                    f"Images: {len(self.images)} images, but {name} has shape {array.shape}"
                )

    @property
    def flat(self) -> Array:
        """The same images as rows, (N, C·H·W): a view, not a copy."""
        return self.images.reshape(len(self), int(np.prod(self.images.shape[1:])))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Any) -> Images:
        if isinstance(index, (int, np.integer)):
            index = [index]  # a set of one image, so that shapes keep their meaning
        return Images(
            subset(self.images, index),
            None if self.labels is None else self.labels[index],
            None if self.factors is None else {name: f[index] for name, f in self.factors.items()},
            None if self.names is None else self.names[index],
        )

    def __repr__(self) -> str:
        parts = [f"{len(self)} × {_shape_text(self.images)} {self.images.dtype}"]
        parts += ["no labels" if self.labels is None else f"{len(np.unique(self.labels))} classes"]
        parts += [] if self.factors is None else ["factors: " + ", ".join(self.factors)]
        return f"Images({'; '.join(parts)}{_range_text(self.images)})"


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A training set and a test set of images.

    Attributes:
        name: where the images come from, for example "mnist".
        train: the training set.
        test: the test set.
        classes: the name of each label, ``classes[label]``; () if there are no labels.
        scale: what the values of the files were divided by, where that was inferred or chosen; None
            where the files say it. ``read_images(path, scale=data.scale)`` divides other images by
            the same number.
        is_table: each example is a row (N, D) in the file, such as the columns of a table.

    Example:
        >>> dataset = data.strokes(100, 20)
        >>> dataset
        Dataset(strokes: 100 train + 20 test of 1×28×28, 10 classes)
        >>> dataset.train.flat.shape, dataset.classes[:3]
        ((100, 784), ('0', '1', '2'))
    """

    name: str
    train: Images
    test: Images
    classes: tuple[str, ...] = ()
    scale: Scale | None = None
    is_table: bool = False

    def __repr__(self) -> str:
        labels = [part.labels for part in (self.train, self.test) if part.labels is not None]
        classes = f", {len(np.unique(np.concatenate(labels)))} classes" if labels else ""
        return (
            f"Dataset({self.name}: {len(self.train)} train + {len(self.test)} test "
            f"of {_shape_text(self.train.images)}{classes}{_range_text(self.train.images)})"
        )


def _range_text(images: Array) -> str:
    """Of values outside [0, 1]."""
    if not images.size or (images.min() >= 0 and images.max() <= 1):
        return ""
    return f"; values from {images.min():.3g} to {images.max():.3g}"


def _shape_text(images: Array) -> str:
    return "×".join(map(str, images.shape[1:]))  # 1×28×28
