"""What the commands read: trained weights, and pictures that fit them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tinyae.backend import Array
from tinyae.cli.presets import Preset
from tinyae.cli.presets import preset as preset_of
from tinyae.data import Images, load_data, read_images
from tinyae.data.load import NAMES
from tinyae.io import load_weights, read_arrays


def trained(path: str) -> tuple[Preset, tuple[int, ...], Any]:
    """``preset, image_shape, model`` of a weight file that ``tinyae train`` has written."""
    _, about = read_arrays(path)
    if "epoch" in about:
        raise ValueError(
            f"{path} is the checkpoint of a run: end the run with --resume, which writes weights.npz beside it"
        )
    if "model" not in about:
        raise ValueError(
            f"{path} does not say which model it belongs to: only files written by `tinyae train` do"
        )
    preset = preset_of(about["model"]).with_options(**about.get("options", {}))
    shape = tuple(about["image_shape"])
    model = preset.build(shape, 0)
    load_weights(model, path)
    return preset, shape, model


def named_images(
    name: str, data_dir: str | None, shape: tuple[int, ...], trained_on: str | None = None
) -> tuple[Array, Any, list[str]]:
    """``images, labels, names`` of a file or folder, or of the test part of a data set; the images all of ``shape``. Of the data
    that the model was ``trained_on``, too, the test part."""
    if name.lower().replace("-", "_") in NAMES:
        found = load_data(name, data_dir=data_dir).test
    elif trained_on and Path(name).absolute() == Path(trained_on).absolute():
        found = load_data(name).test
        print(
            f"{name}: the model was trained on a part of it; taken are the {len(found)} pictures that were held out"
        )
    else:
        found = read_images(name, size=shape[-1] if shape[1] == shape[2] else None)
        if found.names is not None and shape[1] == shape[2]:
            size = f"{shape[-1]}×{shape[-1]}"
            print(
                f"{name}: {len(found)} picture(s); those that are not {size} were cut to their central square and resized"
            )
    check_shape(name, found, shape)
    names = [str(i) for i in range(len(found))] if found.names is None else found.names.tolist()
    return found.images, found.labels, names


def check_shape(name: str, found: Images, shape: tuple[int, ...]) -> None:
    if found.images.shape[1:] != shape:
        raise ValueError(
            f"{name}: pictures of {found.images.shape[1:]}, but the model was trained on {shape}"
        )
