"""The table of file formats and folder layouts: what each one is, whether it is read, and what to
do if it is not. ``tinyae info --formats`` prints it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

IMAGE_ENDINGS = tuple(
    ".png .jpg .jpeg .jpe .jfif .bmp .gif .webp .tif .tiff .pgm .ppm .pbm .pnm".split()
)
ARRAY_ENDINGS = (".npy", ".npz")
TABLE_ENDINGS = (".csv", ".tsv", ".txt", ".dat", ".data")


class Format(NamedTuple):
    names: tuple[str, ...]  # endings of file names, in lower case, or the layout of a folder
    what: str
    read_as: str = ""  # "" if it is not read
    instead: str = ""  # what to do if it is not read

    @property
    def is_read(self) -> bool:
        return bool(self.read_as)


_NUMPY = 'np.savez("data.npz", X=x, y=y)'
_CONVERT = "convert it to .png: Image.open(file).save(...) in pillow"

FILES = (
    Format(
        IMAGE_ENDINGS,
        "image",
        "gray (--color: RGB), upright, transparent areas white; every page of a TIFF, the first "
        "frame of an animation",
    ),
    Format((".npy",), "NumPy array", "examples (N, D), (N, H, W), (N, C, H, W) or (N, H, W, C)"),
    Format(
        (".npz",),
        "NumPy arrays",
        "X and y, data and target, images and labels, x_train, y_train, x_test, y_test, "
        "train_images, ..., or one array",
    ),
    Format(
        (".csv", ".tsv", ".txt", ".dat", ".data"),
        "table of numbers",
        "one example per row. The labels are a column called label, class, target or y, or the "
        "only column with text; without a header, a first or last column of a few integers "
        "(Kaggle's digits, UCR's time series). Of X_TRAIN.tsv and X_TEST.tsv, the second is the "
        "test part",
    ),
    Format(
        ("-ubyte", "-ubyte.gz", ".idx", ".idx.gz"),
        "IDX file (MNIST)",
        "images, with the labels from the same folder; EMNIST's images are turned upright",
    ),
    Format((".bin",), "CIFAR-10 or CIFAR-100, binary version", "color images and labels"),
    Format((".heic", ".heif"), "iPhone photo", "", "convert it to .jpg, or set the camera to JPEG"),
    Format((".avif", ".jp2", ".jxl", ".psd", ".ico", ".tga", ".exr"), "image", "", _CONVERT),
    Format((".svg", ".eps", ".ps", ".pdf"), "vector graphics", "", "export it as .png"),
    Format(
        (".dng", ".cr2", ".cr3", ".nef", ".arw", ".raw"),
        "raw photo",
        "",
        "export it as .tif or .jpg",
    ),
    Format(
        (".mp4", ".avi", ".mov", ".mkv", ".webm"),
        "video",
        "",
        "write its frames to a folder: ffmpeg -i video.mp4 frames/%05d.png",
    ),
    Format(
        (".dcm", ".nii", ".nii.gz", ".mha", ".nrrd"),
        "medical images",
        "",
        "read it with pydicom, nibabel or SimpleITK, and np.save the pixels",
    ),
    Format((".mat",), "MATLAB file", "", f"m = scipy.io.loadmat(file), then {_NUMPY}"),
    Format(
        (".h5", ".hdf5", ".hdf"), "HDF5", "", f"f = h5py.File(file), x = f[name][:], then {_NUMPY}"
    ),
    Format(
        (".xls", ".xlsx", ".ods", ".parquet", ".feather", ".dta", ".sav", ".rds"),
        "table",
        "",
        "df = pandas.read_excel(file) (or read_parquet, ...), then "
        'np.savez("data.npz", X=df[columns].to_numpy(float), y=df["label"])',
    ),
    Format(
        (".arff", ".ts"),
        "time series or table with a header",
        "",
        "use the .txt or .tsv file of the same archive, or scipy.io.arff.loadarff, then np.savez",
    ),
    Format(
        (".svm", ".libsvm"), "LIBSVM", "", f"x, y = sklearn.datasets.load_svmlight_file, {_NUMPY}"
    ),
    Format((".json", ".jsonl", ".xml", ".yaml"), "text", "", f"parse it in Python, then {_NUMPY}"),
    Format(
        (".pkl", ".pickle", ".pt", ".pth", ".joblib", ".bin.gz"),
        "Python objects",
        "",
        "opening it could run any code, so tinyae does not. Where you trust it, load it yourself, "
        f"then {_NUMPY}",
    ),
    Format(
        (".tfrecord", ".tfrecords", ".lmdb", ".mdb", ".beton", ".msgpack"),
        "container of another framework",
        "",
        f"read it there, then {_NUMPY}",
    ),
    Format(
        (".zip", ".tar", ".tar.gz", ".tgz", ".rar", ".7z", ".gz", ".bz2", ".xz", ".zst"),
        "archive",
        "",
        "unpack it, and pass the folder or the file inside",
    ),
)

FOLDERS = (
    Format(("*.png, ...",), "images without classes", "no labels; a random tenth is the test part"),
    Format(("cats/ dogs/ ...",), "one folder per class", "labels in alphabetical order"),
    Format(
        ("train/ and test/ (or val/)",),
        "images, or one folder per class in each",
        "the split; with both test/ and val/, test/ is the test part and val/ is left out",
    ),
    Format(
        ("train/good/ test/good/ test/scratch/ ...",),
        "anomaly detection (MVTec)",
        "trains on the one class in train/; `tinyae anomalies` compares with the labels of test/. "
        "ground_truth/ is left out",
    ),
    Format(
        ("train-images-idx3-ubyte ...",),
        "four IDX files: MNIST, KMNIST, QMNIST, EMNIST",
        "the split. Of several sets in one folder, pass one set's file of training images",
    ),
    Format(("data_batch_1.bin ...",), "CIFAR-10 (or CIFAR-100: train.bin)", "the split"),
    Format(
        ("data_batch_1 ...",),
        "CIFAR-10, Python version",
        "",
        "these are pickles, which tinyae does not open: get the binary version",
    ),
)


def find_format(path: Path) -> Format | None:
    """The row of the table for a file's name; None if the ending is unknown."""
    name = path.name.lower()
    rows = [(ending, row) for row in FILES for ending in row.names if name.endswith(ending)]
    return max(rows, key=lambda pair: len(pair[0]))[1] if rows else None  # .nii.gz before .gz


# How files begin that often lie where other files are expected
BEGINNINGS = (
    (b"<!doctype html", "a web page: was the download refused?"),
    (b"<html", "a web page: was the download refused?"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself: git lfs pull"),
    (b"%!ps", "PostScript (EPS): export it as .png"),
    (b"\xc5\xd0\xd3\xc6", "EPS: export it as .png"),
    (b"%pdf", "a PDF: export its pages as .png"),
    (b"<svg", "SVG: export it as .png"),
    (b"<?xml", "XML"),
    (b"\x80", "a pickle, which tinyae does not open"),
    (b"\x89hdf", "HDF5: read it with h5py, then np.savez"),
    (b"\x89png", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"pk\x03\x04", "a zip archive (or .npz)"),
    (b"\x1f\x8b", "gzip: unpack it"),
    (b"\x93numpy", "a .npy file"),
)


def content_hint(path: Path) -> str:
    """``" (it is a web page: ...)"``, if the first bytes of a file tell what it is; else ``""``."""
    with path.open("rb") as file:
        start = file.read(32).lstrip().lower()
    if start[4:8] == b"ftyp":
        return " (it is a HEIC or AVIF photo, or a video: convert it to .jpg)"
    return next((f" (it is {what})" for begin, what in BEGINNINGS if start.startswith(begin)), "")


def why_not_read(path: Path) -> str:
    """A sentence for a file that is not read: what it is, and what to do."""
    row = find_format(path)
    if row is None:
        return (
            f"{path}{content_hint(path)}: the ending {path.suffix or '(none)'!r} is unknown. "
            f"`tinyae info --formats` lists what is read; anything else can be saved with {_NUMPY}"
        )
    return f"{path}: {row.what}, not read: {row.instead}"


def left_out_text(names: list[str]) -> str:
    """``7 .heic (convert it to .jpg, ...), 1 .txt``: the files of a folder that were not read."""
    endings = [Path(name).suffix.lower() or "without ending" for name in names]
    counts = {ending: endings.count(ending) for ending in dict.fromkeys(endings)}
    parts: list[str] = []
    for ending, n in sorted(counts.items(), key=lambda pair: -pair[1]):
        row = find_format(Path("x" + ending)) if ending.startswith(".") else None
        hint = f" ({row.instead})" if row and row.instead and len(parts) < 3 else ""
        parts.append(f"{n} {ending}{hint}")
    return ", ".join(parts[:6]) + (", ..." if len(parts) > 6 else "")


def format_table() -> str:
    """The whole table, as text."""
    lines = []
    for title, rows in (("Files", FILES), ("Folders", FOLDERS)):
        for is_read in (True, False):
            chosen = [row for row in rows if row.is_read == is_read]
            lines.append(f"{title}, {'read' if is_read else 'not read'}:")
            lines += [
                f"  {', '.join(row.names)}\n      {row.what}: {row.read_as or row.instead}"
                for row in chosen
            ]
            lines.append("")
    return "\n".join(lines).rstrip()
