"""What the commands read: trained weights, and images brought to the shape that they take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinyae._validate import shape_text
from tinyae.backend import Array
from tinyae.cli.preprocessing import Normalization, from_metadata, inverted, note_unlike_training
from tinyae.cli.preset_objectives import Model
from tinyae.cli.presets import Preset, get_preset
from tinyae.data import Images, Scale, load_data, train_test_split
from tinyae.data.contents import Reading
from tinyae.data.file_checks import PathLike, as_path
from tinyae.data.image_files import read_contents
from tinyae.data.lazy import subset
from tinyae.data.load import NAMES
from tinyae.data.resizing import fit_shape
from tinyae.io import load_weights, read_arrays


@dataclass(frozen=True)
class Trained:
    """Trained weights, and what their file remembers of the training."""

    path: str
    preset: Preset
    shape: tuple[int, ...]  # (C, H, W) of an image
    model: Model
    metadata: dict[str, Any]
    scale: Scale | None
    normalization: Normalization | None

    @property
    def preprocessing(self) -> dict[str, Any]:
        """What the file remembers of the training data: scale, range, mean brightness, ..."""
        return self.metadata.get("preprocessing", {})

    def model_input(self, images: Array) -> Array:
        """Images (N, C, H, W) as the model takes them: normalized, in its shape."""
        return self.preset.model_input(self.normalized(images))

    def normalized(self, images: Array) -> Array:
        return images if self.normalization is None else self.normalization(images)

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """The reconstructions of images (N, C, H, W), in the same shape and range."""
        x = self.model_input(images)
        y = np.concatenate([self.model(x[i : i + 500]) for i in range(0, len(x), 500)])
        y = y.reshape(images.shape)
        return y if self.normalization is None else self.normalization.undo(y)


@dataclass(frozen=True)
class Inputs:
    """Images that a command was given."""

    images: Array  # (N, C, H, W), in the shape of the training images
    names: list[str]
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: np.ndarray) -> Inputs:
        """Some of the images: ``rows`` (N,) is True for them."""
        names = [name for name, row in zip(self.names, rows, strict=True) if row]
        labels = None if self.labels is None else self.labels[rows]
        return Inputs(subset(self.images, rows), names, labels, self.classes)

    def are_of(self, name: str) -> np.ndarray:
        """True for the examples of a class: (N,)."""
        assert self.labels is not None  # there are classes
        number = self.classes.index(name) if name in self.classes else -1
        return self.labels == number


def load_trained(path: str) -> Trained:
    """A weight file written by ``tinyae train``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is a checkpoint, or another program wrote it.
    """
    _, metadata = read_arrays(path)
    if "epoch" in metadata:
        raise ValueError(
            f"{path} is the checkpoint of a run: complete the run with --resume, "
            "which writes weights.npz to the same folder"
        )
    if not {"model", "image_shape"} <= metadata.keys():
        raise ValueError(
            f"{path} does not say which model it belongs to: expected a file written by "
            "`tinyae train`"
        )
    try:
        preset = get_preset(metadata["model"]).with_options(**metadata.get("options", {}))
        channels, height, width = map(int, metadata["image_shape"])
        scale, normalization = from_metadata(metadata.get("preprocessing", {}))
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path}: its metadata are damaged ({error})") from error
    shape = (channels, height, width)
    model = preset.build_model(shape, 0)
    load_weights(model, path)
    return Trained(path, preset, shape, model, metadata, scale, normalization)


def load_images(
    trained: Trained, name: str, data_dir: str | None, invert: bool, only_new: bool = False
) -> Inputs:
    """Images of a file, a folder, or the test part of a data set, in the shape that a model takes.

    Args:
        trained: the model that they are for.
        name: a data set's name or a path.
        invert: light for dark.
        only_new: if ``name`` is the file that the model was trained on, leave out the images of the
            training.

    Raises:
        ValueError: data that cannot be read, or cannot be brought to the model's shape.
        FileNotFoundError: there is no such file.
    """
    found, classes = _read(trained, name, data_dir, only_new)
    images, names = found.images, _names(found)
    if images.shape[1:] != trained.shape:
        was, now = (shape_text(s) for s in (images.shape[1:], trained.shape))
        images = fit_shape(images, trained.shape, name)
        print(f"{name}: images of {was}, converted to {now}, the shape of the training images")
    if invert:
        images = inverted(images, name)
    note_unlike_training(name, images, trained.preprocessing)
    return Inputs(images, names, found.labels, classes)


def _read(
    trained: Trained, name: str, data_dir: str | None, only_new: bool
) -> tuple[Images, tuple[str, ...]]:
    if name.lower().replace("-", "_") in NAMES:
        data = load_data(name, data_dir=data_dir)
        return data.test, data.classes
    path, (channels, height, width) = as_path("tinyae", name), trained.shape
    only_new = only_new and is_training_file(trained, path)
    reading = Reading((height, width), channels == 3, trained.scale, partners=only_new)
    contents = read_contents(path, reading)
    test, classes = contents.test, contents.classes
    found = contents.train if test is None else test
    if found.names is not None:
        print(
            f"{name}: {len(found)} image(s); those that are not {width}×{height} were cropped "
            "around their center and resized"
        )
    if only_new and test is None:
        new = ~_trained_rows(trained, found, classes)
        print(
            f"{name}: the model was trained on part of these images; "
            f"only the {new.sum()} images held out from training are used"
        )
        found = Images(found.images, found.labels, names=np.array(_names(found)))[new]
    return found, classes


def is_training_file(trained: Trained, path: PathLike) -> bool:
    """The model was trained on this file or folder; not a named data set, which has a test part."""
    if str(path).lower().replace("-", "_") in NAMES:
        return False
    trained_on = trained.metadata.get("data")
    return bool(trained_on) and Path(path).absolute() == Path(str(trained_on)).absolute()


def _trained_rows(trained: Trained, found: Images, classes: tuple[str, ...]) -> np.ndarray:
    """True for the examples of a file that the model was trained on: (n,)."""
    _, (held_out, _) = train_test_split(np.arange(len(found)))  # as load_data does
    rows = np.ones(len(found), bool)
    rows[held_out] = False
    label = trained.metadata.get("normal_label")
    if label in classes and found.labels is not None:
        rows &= found.labels == classes.index(label)
    return rows


def _names(images: Images) -> list[str]:
    if images.names is None:
        return [str(i) for i in range(len(images))]
    return [str(name) for name in images.names]
