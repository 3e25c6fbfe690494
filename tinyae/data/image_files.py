"""Pictures of one's own: a folder of picture files, or an array in a .npy or .npz file."""

import os
import zipfile
from pathlib import Path

import numpy as np

from tinyae.data.batches import train_test_split
from tinyae.data.dataset import Dataset, Images
from tinyae.data.images import as_labels, scale_images
from tinyae.data.sources import idx_dataset, idx_files

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
KEYS = "x_train with x_test, y_train, y_test if there are any; or images with labels if there are any; or a single array"


def pictures(
    folder_or_array_file: str | os.PathLike,
    *,
    size: int | None = 28,
    test: float = 0.1,
    seed: int = 0,
) -> Dataset:
    """A folder of picture files, or an array file, as a `Dataset`.

    A folder: its pictures become grey, upright, cut to their central square and resized to (N, 1, size, size);
    transparent parts are white paper. If the pictures lie in subfolders, each subfolder is a class, its label
    the place of its name in the alphabet, as in torchvision's ImageFolder. Subfolders named `train` and `test` are the split.
    A folder with four IDX files of MNIST's names (KMNIST, for example) is read as such.

    An array file keeps its own size: .npy holds images; .npz holds x_train, y_train, x_test, y_test, or images and labels,
    or a single array. `tinyae.data.images.scale_images` tells which shapes and ranges it takes.

    Args:
        size: of a folder's pictures; None keeps theirs, if all have the same, as (N, 1, H, W).
        test, seed: the share of test pictures and the seed of the split, where the data bring no split.

    Raises:
        FileNotFoundError: there is no such path.
        ValueError: no pictures, a damaged file, different sizes with size=None, or arrays that are not pictures.
        ImportError: pillow is not installed (for folders).
    """
    path = Path(folder_or_array_file).expanduser()
    if not path.exists():
        raise FileNotFoundError(
            f"pictures: no such file or folder: {path} (absolute: {path.absolute()})"
        )
    if size is not None and size < 1:
        raise ValueError(f"pictures: size={size}, expected 1 or more, or None")
    if not path.is_dir():
        train, held = _array_file(path)
        if held is None:
            return _split(path.stem, train, test, seed, _class_numbers(train))
        return Dataset(path.stem, train, held, _class_numbers(train))
    if all(idx := idx_files(path)):
        return idx_dataset(path.name, idx)
    if (path / "train").is_dir() and (path / "test").is_dir():
        train, classes = _read_folder(path / "train", size)
        held, test_classes = _read_folder(path / "test", size)
        if classes != test_classes:
            raise ValueError(
                f"{path}: classes {list(classes)} in train, but {list(test_classes)} in test"
            )
        _same_shape(path, train, held)
        return Dataset(path.name, train, held, classes)
    found, classes = _read_folder(path, size)
    return _split(path.name, found, test, seed, classes)


def read_images(path: str | os.PathLike, *, size: int | None = 28) -> Images:
    """All pictures of one file or folder in their order, without a split: what `pictures` reads, or a single picture file.

    Of an .npz file with a training and a test part, the test part.

    Raises:
        FileNotFoundError, ValueError, ImportError: as `pictures`.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(
            f"read_images: no such file or folder: {path} (absolute: {path.absolute()})"
        )
    if path.is_dir():
        return _read_folder(path, size)[0]
    if path.suffix.lower() in ENDINGS:
        return Images(_read_picture(path, size)[None, None], names=np.array([path.name]))
    train, held = _array_file(path)
    return train if held is None else held


def _split(name: str, found: Images, test, seed, classes=()) -> Dataset:
    train, held = train_test_split(found.images, found.labels, test, seed)
    return Dataset(name, Images(*train), Images(*held), classes)


def _same_shape(path: Path, train: Images, held: Images) -> None:
    if train.images.shape[1:] != held.images.shape[1:]:
        raise ValueError(
            f"{path}: training images {train.images.shape} and test images {held.images.shape} differ in size"
        )


def _read_folder(folder: Path, size: int | None) -> tuple[Images, tuple[str, ...]]:
    paths = sorted(
        p
        for p in folder.rglob("*")
        if p.suffix.lower() in ENDINGS
        and p.is_file()
        and not any(part.startswith(".") for part in p.relative_to(folder).parts)
    )
    if not paths:
        raise ValueError(
            f"{folder}: no pictures here or in its subfolders (looked for {' '.join(ENDINGS)})"
        )
    loose = [p for p in paths if p.parent == folder]
    if loose and len(loose) < len(paths):
        raise ValueError(
            f"{folder}: {len(loose)} pictures beside subfolders with {len(paths) - len(loose)} more: "
            "expected pictures, or one subfolder for each class, not both"
        )
    images = [_read_picture(p, size) for p in paths]
    for path, image in zip(paths, images, strict=True):
        if image.shape != images[0].shape:
            raise ValueError(
                f"{path}: {_size(image)} pixels, but {paths[0].name} has {_size(images[0])}: "
                "pictures of different sizes need size=..., 28 for example"
            )
    images = np.stack(images)[:, None]  # (N, 1, size, size)
    files = np.array([p.relative_to(folder).as_posix() for p in paths])
    if loose:
        return Images(images, names=files), ()
    names = [p.relative_to(folder).parts[0] for p in paths]
    classes = sorted(set(names))
    return Images(
        images, np.array([classes.index(name) for name in names], np.int64), names=files
    ), tuple(classes)


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]}×{image.shape[0]}"  # width × height, as people say it


def _read_picture(path: Path, size: int | None) -> np.ndarray:
    """One file as grey (H, W) float32 in [0, 1]; the first picture of an animation."""
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise ImportError(
            'reading picture files needs pillow: pip install "tinyae[data]"'
        ) from error
    try:
        with Image.open(path) as file:
            picture = ImageOps.exif_transpose(file)  # upright, as the camera was held
            if picture.mode.startswith("I"):  # 16 bits: "L" would cut them off, not scale them
                picture = Image.fromarray(
                    (np.clip(np.asarray(picture), 0, 65535) // 256).astype(np.uint8)
                )
            if picture.has_transparency_data:
                picture = picture.convert("RGBA")
                picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
            picture = picture.convert("L")
    except Exception as error:  # pillow raises almost anything for a damaged file
        raise ValueError(
            f"{path}: not a readable picture ({type(error).__name__}: {error})"
        ) from error
    if size is not None:
        picture = ImageOps.fit(picture, (size, size), Image.Resampling.BILINEAR)
    return np.divide(picture, 255, dtype=np.float32)


def _array_file(path: Path) -> tuple[Images, Images | None]:
    """The images of an array file, and its test images where it has such a part."""
    if path.suffix.lower() not in (".npy", ".npz"):
        single = (
            ", but a single picture: expected a folder of them"
            if path.suffix.lower() in ENDINGS
            else ""
        )
        raise ValueError(f"{path}: not a readable .npy or .npz file{single}")
    try:
        loaded = np.load(path, allow_pickle=False)
        arrays = (
            {key: loaded[key] for key in loaded.files}
            if isinstance(loaded, np.lib.npyio.NpzFile)
            else loaded
        )
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path}: not a readable .npy or .npz file, or one of Python objects, which are never unpickled "
            f"({type(error).__name__}: {error})"
        ) from error
    if not isinstance(arrays, dict):
        arrays = {"images": arrays}
    elif len(arrays) == 1:
        arrays = {"images": next(iter(arrays.values()))}

    def part(x: str, y: str) -> Images:
        images = scale_images(arrays[x], f"{path}: {x}")
        return Images(
            images, as_labels(arrays[y], len(images), f"{path}: {y}") if y in arrays else None
        )

    if "x_train" in arrays and "x_test" in arrays:
        train, held = part("x_train", "y_train"), part("x_test", "y_test")
        _same_shape(path, train, held)
        return train, held
    for x, y in (("x_train", "y_train"), ("images", "labels")):
        if x in arrays:
            return part(x, y), None
    raise ValueError(f"{path}: found the arrays {', '.join(arrays) or 'none'}; expected {KEYS}")


def _class_numbers(images: Images) -> tuple[str, ...]:
    return () if images.labels is None else tuple(map(str, range(int(images.labels.max()) + 1)))
