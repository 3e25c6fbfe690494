"""Your own data: folders of image files, arrays, tables and the files of well-known data sets."""

from __future__ import annotations

from numbers import Integral
from pathlib import Path

from tinyae.data.array_files import read_array_file
from tinyae.data.batches import train_test_split
from tinyae.data.cifar import read_cifar_file
from tinyae.data.contents import Contents, Reading, contents_of_arrays
from tinyae.data.dataset import Dataset, Images
from tinyae.data.file_checks import PathLike, as_path, check_exists
from tinyae.data.folders import read_folder, read_image_file
from tinyae.data.formats import ARRAY_ENDINGS, IMAGE_ENDINGS, TABLE_ENDINGS, why_not_read
from tinyae.data.idx_sets import is_idx, read_idx_file
from tinyae.data.scaling import Scale, as_scale
from tinyae.data.table_files import is_series, read_table_file

Size = int | tuple[int, int] | None


def image_dataset(
    path: PathLike,
    *,
    size: Size = 28,
    test: float | int = 0.1,
    seed: int = 0,
    color: bool = False,
    scale: float | Scale | None = None,
) -> Dataset:
    """A folder of image files, an array file or a table, as a ``Dataset``.

    A folder: its images are converted to gray, turned upright, cropped to their central square and
    resized, to (N, 1, size, size). Transparent areas become white. If the images are in subfolders,
    each subfolder is a class, and the labels follow the alphabetical order of the names, as in
    torchvision's ImageFolder. Subfolders named ``train`` and ``test`` (or ``val``) define the
    split. Where the training part has one class and the test part has more, as in MVTec, the data
    set is one for anomaly detection. A folder with IDX files (MNIST, EMNIST, ...) or with CIFAR's
    binary files is read as such.

    An array file keeps its image size: a .npy file contains images; a .npz file contains x_train,
    y_train, x_test, y_test, or X and y, data and target, images and labels, or a single array. A
    .csv, .tsv or .txt file is a table of numbers, with labels in a column called label.
    Images that take more than 256 MiB as float32 stay in their file, if it is a .npy, an
    uncompressed .npz or a plain IDX file: they are a ``LazyArray``, and each batch is read when it
    is used. The file must not change meanwhile.

    ``tinyae.data.images.scale_images`` lists the accepted shapes and what happens to the values;
    ``tinyae info --formats`` lists all files and folders.

    Args:
        path: the folder or the file.
        size: height and width of a folder's images, or a pair (height, width). With None they keep
            their size, which must be the same for all.
        test: the fraction or the number of test images, if the data do not define a split.
        seed: of this random split.
        color: keep the colors of image files: (N, 3, size, size).
        scale: divide the values of the files by this number. None: by what the file says, such as
            255 for 8 bits.

    Warns:
        DataNote: only part of the files was read, or the data can be understood in several ways.

    Raises:
        FileNotFoundError: the path does not exist.
        ValueError: no images, a damaged file, different sizes with ``size=None``, or arrays that
            are not images.
        ImportError: pillow is not installed (needed for folders).

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.save(f"{folder}/scans.npy", np.full((100, 32, 32), 255, np.uint8))
        ...     print(data.image_dataset(f"{folder}/scans.npy", test=0.2))
        Dataset(scans: 80 train + 20 test of 1×32×32)
    """
    path, reading = _checked("image_dataset", path, size, color, scale)
    if not isinstance(seed, Integral) or seed < 0:
        raise ValueError(f"image_dataset: seed={seed!r}, expected a non-negative integer")
    contents = read_contents(path, reading)
    name = path.name if path.is_dir() else path.stem
    return split_contents(contents, name, path, test, seed)


def read_images(
    path: PathLike, *, size: Size = 28, color: bool = False, scale: float | Scale | None = None
) -> Images:
    """All images of a file or folder in order, without a split.

    Reads what ``image_dataset`` reads, and also a single image file. If a folder or a .npz file has
    a training and a test part, the test part is returned.

    Warns:
        DataNote: as for ``image_dataset``.

    Raises:
        FileNotFoundError: the path does not exist.
        ValueError: as for ``image_dataset``.
        ImportError: pillow is not installed (needed for image files).

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.save(f"{folder}/scans.npy", np.full((100, 32, 32), 255, np.uint8))
        ...     print(data.read_images(f"{folder}/scans.npy"))
        Images(100 × 1×32×32 float32; no labels)
    """
    path, reading = _checked("read_images", path, size, color, scale)
    contents = read_contents(path, reading._replace(partners=False))
    return contents.train if contents.test is None else contents.test


def read_contents(path: Path, reading: Reading) -> Contents:
    """What is in a file or a folder.

    Raises:
        FileNotFoundError: the path does not exist.
        ValueError: no images, or a damaged file.
        ImportError: pillow is not installed (needed for image files).
    """
    ending = path.suffix.lower()
    check_exists(path)
    if path.is_dir():
        return read_folder(path, reading)
    if is_idx(path):
        return read_idx_file(path, reading.scale, reading.partners)
    if ending in IMAGE_ENDINGS:
        return read_image_file(path, reading)
    if ending in ARRAY_ENDINGS:
        return contents_of_arrays(read_array_file(path), path, reading.scale)
    if ending in TABLE_ENDINGS or (not ending and is_series(path)):
        return contents_of_arrays(read_table_file(path, reading.partners), path, reading.scale)
    if ending == ".bin":
        return read_cifar_file(path, reading.scale)
    raise ValueError(why_not_read(path))


def split_contents(
    contents: Contents, name: str, path: Path, test: float | int, seed: int
) -> Dataset:
    """A ``Dataset``; where the data define no split, a random one.

    Raises:
        ValueError: fewer than two examples.
    """
    train, test_set, classes, scale, is_table = contents
    if test_set is None:
        if len(train) < 2:
            raise ValueError(
                f"{path}: {len(train)} image, expected at least 2: one to train on and one to test"
            )
        first, second = train_test_split(train.images, train.labels, test, seed)
        train, test_set = Images(*first), Images(*second)
    return Dataset(name, train, test_set, classes, scale, is_table)


def _checked(
    who: str, path: PathLike, size: Size, color: bool, scale: float | Scale | None
) -> tuple[Path, Reading]:
    path = as_path(who, path)
    pair = (size, size) if isinstance(size, Integral) else size
    if pair is not None and not (
        isinstance(pair, tuple)
        and len(pair) == 2
        and all(isinstance(n, Integral) and not isinstance(n, bool) and n >= 1 for n in pair)
    ):
        raise ValueError(
            f"{who}: size={size!r}, expected an integer of at least 1, a pair (height, width), or "
            "None"
        )
    return path, Reading(pair, bool(color), as_scale(who, scale))
