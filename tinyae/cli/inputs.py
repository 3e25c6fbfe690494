"""What the commands read: trained weights, and images that fit them."""

from __future__ import annotations

from pathlib import Path

from tinyae.backend import Array
from tinyae.cli.preset_objectives import Model
from tinyae.cli.presets import Preset, get_preset
from tinyae.data import Images, load_data, read_images
from tinyae.data.load import NAMES
from tinyae.io import load_weights, read_arrays


def load_trained(path: str) -> tuple[Preset, tuple[int, ...], Model]:
    """``preset, image_shape, model`` of a weight file written by ``tinyae train``.

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
    if "model" not in metadata:
        raise ValueError(
            f"{path} does not say which model it belongs to: expected a file written by "
            "`tinyae train`"
        )
    preset = get_preset(metadata["model"]).with_options(**metadata.get("options", {}))
    shape = tuple(metadata["image_shape"])
    model = preset.build_model(shape, 0)
    load_weights(model, path)
    return preset, shape, model


def load_images(
    name: str, data_dir: str | None, shape: tuple[int, ...], trained_on: str | None = None
) -> tuple[Array, Array | None, list[str]]:
    """``images, labels, names`` of a file, a folder, or the test part of a data set.

    Args:
        name: a data set's name or a path.
        shape: (C, H, W), which all images must have. Image files are cropped and resized to it.
        trained_on: the data that the model was trained on. If ``name`` is the same path, only the
            images that were held out from training are returned.

    Raises:
        ValueError: images of another shape, or data that cannot be read.
        FileNotFoundError: there is no such file.
    """
    if name.lower().replace("-", "_") in NAMES:
        found = load_data(name, data_dir=data_dir).test
    elif trained_on and Path(name).absolute() == Path(trained_on).absolute():
        found = load_data(name).test
        print(
            f"{name}: the model was trained on part of these images; "
            f"only the {len(found)} images held out from training are used"
        )
    else:
        is_square = shape[1] == shape[2]
        found = read_images(name, size=shape[-1] if is_square else None)
        if found.names is not None and is_square:
            size = f"{shape[-1]}×{shape[-1]}"
            print(
                f"{name}: {len(found)} image(s); those that are not {size} were cropped to their "
                "central square and resized"
            )
    check_shape(name, found, shape)
    names = [str(i) for i in range(len(found))] if found.names is None else found.names.tolist()
    return found.images, found.labels, names


def check_shape(name: str, found: Images, shape: tuple[int, ...]) -> None:
    """
    Raises:
        ValueError: the images do not have the shape (C, H, W) that the model was trained on.
    """
    if found.images.shape[1:] != shape:
        raise ValueError(
            f"{name}: images of shape {found.images.shape[1:]}, "
            f"but the model was trained on images of shape {shape}"
        )
