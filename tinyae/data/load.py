"""``load_data``: a data set by its name, or your own by its path."""

import difflib
import os
from pathlib import Path

from tinyae.data.dataset import Dataset
from tinyae.data.drawing import strokes
from tinyae.data.image_files import pictures
from tinyae.data.sources import digits, fashion_mnist, mnist

NAMES = ("strokes", "digits", "digits8", "mnist", "fashion_mnist")


def load_data(
    name_or_path: str | os.PathLike, *, data_dir: str | os.PathLike | None = None, seed: int = 0
) -> Dataset:
    """Load a collection of pictures by its name, or one's own by its path.

    Args:
        name_or_path: a name:
            "strokes"        generated digits, 28×28, 10,000 + 2,000; nothing to download
            "digits"         scikit-learn's digits enlarged to 28×28, 1,438 + 359; "digits8" is the original 8×8
            "mnist"          60,000 + 10,000 handwritten digits, 28×28; downloaded once
            "fashion_mnist"  60,000 + 10,000 pieces of clothing, 28×28; downloaded once
            or the path of a folder of pictures, or of a .npy or .npz file: see `pictures`.
            A name goes before a folder of the same name: write "./mnist" for the folder.
        data_dir: where the files of mnist and fashion_mnist lie; else the environment variable TINYAE_DATA says it.
        seed: of the generated pictures, and of the split into training and test where the data bring none.

    Raises:
        ValueError: an unknown name, with the nearest known one; or data that are damaged or are no pictures.
        FileNotFoundError: a path, or a file in `data_dir`, that is not there.
    """
    name = str(name_or_path).lower().replace("-", "_")
    if not isinstance(name_or_path, Path) and name in NAMES:
        return {
            "strokes": lambda: strokes(seed=seed),
            "digits": lambda: digits(28, seed),
            "digits8": lambda: digits(8, seed),
            "mnist": lambda: mnist(data_dir),
            "fashion_mnist": lambda: fashion_mnist(data_dir),
        }[name]()
    path = Path(name_or_path).expanduser()
    if (
        path.exists()
        or isinstance(name_or_path, Path)
        or path.suffix
        or set(name_or_path) & {"/", os.sep}
    ):
        return pictures(path, seed=seed)
    nearest = difflib.get_close_matches(name, NAMES, n=1)
    raise ValueError(
        f"load_data: {name_or_path!r} is no known name"
        + (f" (did you mean {nearest[0]!r}?)" if nearest else "")
        + f": expected one of {', '.join(NAMES)}, "
        "or the path of a folder of pictures or of a .npy or .npz file"
    )
