"""What every source returns: pictures for training and pictures for testing, with labels where they are known."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False, repr=False)
class Images:
    """A set of pictures.

    Attributes:
        images: (N, C, H, W), float32, in [0, 1].
        labels: (N,), int64, the class of each picture; None where unknown.
        factors: how each picture was made, {name: (N, ...)}, for generated pictures; None for real ones.
        names: (N,), the file of each picture, within its folder; None where they are not files.

    `len(x)` is N. `x[:1000]`, `x[x.labels == 3]` and `x[indices]` are smaller sets, with their labels and factors.

    Raises:
        ValueError: the images are not four-dimensional, are integers, or the labels are not one for each picture.
    """

    images: np.ndarray
    labels: np.ndarray | None = None
    factors: dict[str, np.ndarray] | None = None
    names: np.ndarray | None = None

    def __post_init__(self):
        if self.images.ndim != 4:
            raise ValueError(f"Images: expected images (N, C, H, W), got shape {self.images.shape}")
        if self.images.dtype.kind != "f":
            raise ValueError(
                f"Images: expected floating point numbers in [0, 1], got {self.images.dtype}: "
                "divide by 255 first?"
            )
        beside = {
            name: a for name, a in (("labels", self.labels), ("names", self.names)) if a is not None
        }
        for name, array in (beside | (self.factors or {})).items():
            if len(array) != len(self.images):
                raise ValueError(
                    f"Images: {len(self.images)} images, but {name} has shape {array.shape}"
                )

    @property
    def flat(self) -> np.ndarray:
        """The same pictures as rows, (N, C·H·W): a view, no copy."""
        return self.images.reshape(len(self), int(np.prod(self.images.shape[1:])))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Any) -> "Images":
        if isinstance(index, (int, np.integer)):
            index = [index]  # one picture is a set of one, so that shapes keep their meaning
        return Images(
            self.images[index],
            None if self.labels is None else self.labels[index],
            None if self.factors is None else {name: f[index] for name, f in self.factors.items()},
            None if self.names is None else self.names[index],
        )

    def __repr__(self) -> str:
        parts = [f"{len(self)} × {_shape(self.images)} {self.images.dtype}"]
        parts += ["no labels" if self.labels is None else f"{len(np.unique(self.labels))} classes"]
        parts += [] if self.factors is None else ["factors: " + ", ".join(self.factors)]
        return f"Images({'; '.join(parts)})"


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Pictures to learn from and pictures to be judged on.

    Attributes:
        name: where they come from, "mnist" for example.
        train, test: two `Images`.
        classes: the name of each label, `classes[label]`; () where there are no labels.
    """

    name: str
    train: Images
    test: Images
    classes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        classes = f", {len(self.classes)} classes" if self.classes else ""
        return (
            f"Dataset({self.name}: {len(self.train)} train + {len(self.test)} test "
            f"of {_shape(self.train.images)}{classes})"
        )


def _shape(images: np.ndarray) -> str:
    return "×".join(map(str, images.shape[1:]))  # 1×28×28
