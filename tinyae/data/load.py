"""``load_data``: a data set by its name, or your own images by their path."""

from __future__ import annotations

import os

from tinyae import _validate
from tinyae.data.dataset import Dataset
from tinyae.data.drawing import strokes
from tinyae.data.file_checks import as_path
from tinyae.data.image_files import Size, image_dataset
from tinyae.data.scaling import Scale
from tinyae.data.sources import digits, fashion_mnist, mnist

NAMES = ("strokes", "digits", "digits8", "mnist", "fashion_mnist")


def load_data(
    name_or_path: str | os.PathLike[str],
    *,
    data_dir: str | os.PathLike[str] | None = None,
    seed: int = 0,
    size: Size = 28,
    color: bool = False,
    scale: float | Scale | None = None,
) -> Dataset:
    """Load a data set by its name, or your own images by their path.

    Args:
        name_or_path: a name:

            - "strokes": generated digits, 28×28, 10,000 + 2,000; needs no download.
            - "digits": scikit-learn's digits, enlarged to 28×28, 1,438 + 359.
            - "digits8": the same at their original size, 8×8.
            - "mnist": handwritten digits, 28×28, 60,000 + 10,000; downloaded once.
            - "fashion_mnist": pieces of clothing, 28×28, 60,000 + 10,000; downloaded once.

            Or the path of a folder of images, of a .npy or .npz file, or of a table (.csv, .tsv,
            .txt): see ``image_dataset``. A name takes precedence over a folder of the same name:
            write "./mnist" for the folder.
        data_dir: the folder that contains the files of mnist and fashion_mnist. By default it is
            the environment variable TINYAE_DATA.
        seed: for the generated images, and for the random split into training and test set of data
            that do not define one.
        size, color, scale: how to read your own files: see ``image_dataset``.

    Warns:
        DataNote: only part of your files was read, or they can be understood in several ways.

    Raises:
        TypeError: ``name_or_path`` is neither a string nor a path.
        ValueError: the name is unknown (the message suggests the closest one), or the files are
            damaged or do not contain images.
        FileNotFoundError: the path, or a file in ``data_dir``, does not exist.
        ConnectionError: a data set could not be downloaded.
        ImportError: an optional dependency is not installed (scikit-learn, pooch or pillow).

    Example:
        >>> load_data("strokes")
        Dataset(strokes: 10000 train + 2000 test of 1×28×28, 10 classes)
    """
    path = as_path("load_data", name_or_path)
    name = str(name_or_path).lower().replace("-", "_")
    if isinstance(name_or_path, str) and name in NAMES:
        return {
            "strokes": lambda: strokes(seed=seed),
            "digits": lambda: digits(28, seed),
            "digits8": lambda: digits(8, seed),
            "mnist": lambda: mnist(data_dir),
            "fashion_mnist": lambda: fashion_mnist(data_dir),
        }[name]()
    if (
        path.exists()
        or not isinstance(name_or_path, str)
        or path.suffix
        or set(name_or_path) & {"/", os.sep}
    ):
        return image_dataset(path, seed=seed, size=size, color=color, scale=scale)
    message = _validate.did_you_mean("data set", name_or_path, NAMES)
    raise ValueError(
        f"load_data: {message}; or pass the path of a folder of images, a .npy or .npz file, "
        "or a table"
    )
