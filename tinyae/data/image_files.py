"""Your own images: a folder of image files, or an array in a .npy or .npz file."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tinyae.data.batches import train_test_split
from tinyae.data.dataset import Dataset, Images
from tinyae.data.images import as_labels, scale_images
from tinyae.data.sources import idx_dataset, idx_files

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")


def image_dataset(
    path: str | os.PathLike[str], *, size: int | None = 28, test: float | int = 0.1, seed: int = 0
) -> Dataset:
    """A folder of image files, or an array file, as a ``Dataset``.

    A folder: its images are converted to gray, turned upright, cropped to their central square and
    resized, to (N, 1, size, size). Transparent areas become white. If the images are in subfolders,
    each subfolder is a class, and the labels follow the alphabetical order of the names, as in
    torchvision's ImageFolder. Subfolders named ``train`` and ``test`` define the split. A folder
    with four IDX files named like MNIST's (KMNIST, for example) is read as such.

    An array file keeps its image size: a .npy file contains images; a .npz file contains x_train,
    y_train, x_test, y_test, or images and labels, or a single array.
    ``tinyae.data.images.scale_images`` lists the accepted shapes and ranges.

    Args:
        path: the folder or the array file.
        size: height and width of a folder's images. With None they keep their size, which must be
            the same for all, (N, 1, H, W).
        test: the fraction or the number of test images, if the data do not define a split.
        seed: of this random split.

    Raises:
        FileNotFoundError: the path does not exist.
        ValueError: no images, a damaged file, different sizes with ``size=None``, or arrays that
            are not images.
        ImportError: pillow is not installed (needed for folders).
    """
    path = Path(path).expanduser()
    _check_exists("image_dataset", path)
    if size is not None and size < 1:
        raise ValueError(f"image_dataset: size={size}, expected at least 1, or None")
    if not path.is_dir():
        train, test_set = _read_array_file(path)
        if test_set is None:
            return _split(path.stem, train, test, seed, _class_numbers(train))
        return Dataset(path.stem, train, test_set, _class_numbers(train))
    if (idx := idx_files(path)) is not None:
        return idx_dataset(path.name, idx)
    if (path / "train").is_dir() and (path / "test").is_dir():
        train, classes = _read_folder(path / "train", size)
        test_set, test_classes = _read_folder(path / "test", size)
        if classes != test_classes:
            raise ValueError(
                f"{path}: classes {list(classes)} in train, but {list(test_classes)} in test"
            )
        _check_same_shape(path, train, test_set)
        return Dataset(path.name, train, test_set, classes)
    images, classes = _read_folder(path, size)
    return _split(path.name, images, test, seed, classes)


def read_images(path: str | os.PathLike[str], *, size: int | None = 28) -> Images:
    """All images of a file or folder in order, without a split.

    Reads what ``image_dataset`` reads, and also a single image file. If a .npz file has a training
    and a test part, the test part is returned.

    Raises:
        FileNotFoundError: the path does not exist.
        ValueError: as for ``image_dataset``.
        ImportError: pillow is not installed (needed for image files).
    """
    path = Path(path).expanduser()
    _check_exists("read_images", path)
    if path.is_dir():
        return _read_folder(path, size)[0]
    if path.suffix.lower() in ENDINGS:
        return Images(_read_image(path, size)[None, None], names=np.array([path.name]))
    train, test_set = _read_array_file(path)
    return train if test_set is None else test_set


def _check_exists(name: str, path: Path) -> None:
    if not path.exists():
        raise FileNotFoundError(
            f"{name}: no such file or folder: {path} (absolute: {path.absolute()})"
        )


def _split(
    name: str, images: Images, test: float | int, seed: int, classes: tuple[str, ...] = ()
) -> Dataset:
    train, test_set = train_test_split(images.images, images.labels, test, seed)
    return Dataset(name, Images(*train), Images(*test_set), classes)


def _check_same_shape(path: Path, train: Images, test_set: Images) -> None:
    if train.images.shape[1:] != test_set.images.shape[1:]:
        raise ValueError(
            f"{path}: training images {train.images.shape} and test images "
            f"{test_set.images.shape} differ in size"
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
            f"{folder}: no images here or in its subfolders (looked for {' '.join(ENDINGS)})"
        )
    loose = [p for p in paths if p.parent == folder]
    if loose and len(loose) < len(paths):
        raise ValueError(
            f"{folder}: {len(loose)} images beside subfolders with {len(paths) - len(loose)} more: "
            "expected images, or one subfolder per class, not both"
        )
    images = [_read_image(p, size) for p in paths]
    for path, image in zip(paths, images, strict=True):
        if image.shape != images[0].shape:
            raise ValueError(
                f"{path}: {_size_text(image)} pixels, but {paths[0].name} has "
                f"{_size_text(images[0])}: images of different sizes need size=..., for example 28"
            )
    stacked = np.stack(images)[:, None]  # (N, 1, size, size)
    files = np.array([p.relative_to(folder).as_posix() for p in paths])
    if loose:
        return Images(stacked, names=files), ()
    names = [p.relative_to(folder).parts[0] for p in paths]
    classes = sorted(set(names))
    labels = np.array([classes.index(name) for name in names], np.int64)
    return Images(stacked, labels, names=files), tuple(classes)


def _size_text(image: np.ndarray) -> str:
    return f"{image.shape[1]}×{image.shape[0]}"  # width × height, as is usual for image sizes


def _read_image(path: Path, size: int | None) -> np.ndarray:
    """One file as a gray image (H, W), float32 in [0, 1]; the first frame of an animation."""
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise ImportError('reading image files needs pillow: pip install "tinyae[data]"') from error
    try:
        with Image.open(path) as file:
            image: Any = ImageOps.exif_transpose(file)  # upright, as the camera was held
            if image.mode.startswith("I"):  # 16 bits: convert("L") would clip instead of scaling
                image = Image.fromarray(
                    (np.clip(np.asarray(image), 0, 65535) // 256).astype(np.uint8)
                )
            if image.has_transparency_data:
                image = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
            image = image.convert("L")
    except Exception as error:  # pillow raises almost anything for a damaged file
        raise ValueError(
            f"{path}: not a readable image ({type(error).__name__}: {error})"
        ) from error
    if size is not None:
        image = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
    return np.divide(image, 255, dtype=np.float32)


def _read_array_file(path: Path) -> tuple[Images, Images | None]:
    """The images of an array file, and its test images if it has a test part."""
    if path.suffix.lower() not in (".npy", ".npz"):
        hint = (
            ", but a single image: expected a folder of images"
            if path.suffix.lower() in ENDINGS
            else ""
        )
        raise ValueError(f"{path}: not a readable .npy or .npz file{hint}")
    try:
        loaded = np.load(path, allow_pickle=False)
        arrays = (
            {key: loaded[key] for key in loaded.files}
            if isinstance(loaded, np.lib.npyio.NpzFile)
            else {"images": loaded}
        )
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path}: not a readable .npy or .npz file, or one of Python objects, "
            f"which are never unpickled ({type(error).__name__}: {error})"
        ) from error
    if len(arrays) == 1:
        arrays = {"images": next(iter(arrays.values()))}

    def part(x: str, y: str) -> Images:
        images = scale_images(arrays[x], f"{path}: {x}")
        labels = as_labels(arrays[y], len(images), f"{path}: {y}") if y in arrays else None
        return Images(images, labels)

    if "x_train" in arrays and "x_test" in arrays:
        train, test_set = part("x_train", "y_train"), part("x_test", "y_test")
        _check_same_shape(path, train, test_set)
        return train, test_set
    for x, y in (("x_train", "y_train"), ("images", "labels")):
        if x in arrays:
            return part(x, y), None
    raise ValueError(
        f"{path}: found the arrays {', '.join(arrays) or 'none'}; expected x_train (and x_test, "
        "y_train, y_test, if they exist), or images (and labels), or a single array"
    )


def _class_numbers(images: Images) -> tuple[str, ...]:
    return () if images.labels is None else tuple(map(str, range(int(images.labels.max()) + 1)))
