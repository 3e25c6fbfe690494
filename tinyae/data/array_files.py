""".npy and .npz files. Each array's header is read first: its shape and dtype must fit the size of
the file. Python objects are never unpickled."""

from __future__ import annotations

import contextlib
import re
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from tinyae.backend import Array
from tinyae.data.file_checks import check_unpacked_size, note
from tinyae.data.formats import content_hint
from tinyae.data.images import is_one_color_image
from tinyae.data.lazy import FileRows, LazyArray, held_in_memory, is_large

TRAIN_NAMES = ("train", "training", "tr")
TEST_NAMES = ("test", "testing", "te")
VALIDATION_NAMES = ("val", "valid", "validation", "dev")
# The names of the arrays, in order of preference
X_NAMES = ("x", "images", "image", "imgs", "img", "data", "features", "samples", "inputs", "input")
Y_NAMES = ("y", "labels", "label", "targets", "target", "classes", "class")


class Arrays(NamedTuple):
    """The arrays of a file by their meaning, before their values are looked at."""

    x_train: Array  # a LazyArray if it is large
    y_train: np.ndarray | None = None
    x_test: Array | None = None
    y_test: np.ndarray | None = None
    x_name: str = "images"  # what the file calls them
    y_name: str = "labels"


@dataclass(frozen=True)
class Entry:
    """An array in a file that has not been read yet."""

    path: Path
    member: str | None  # its name in an .npz
    shape: tuple[int, ...]
    dtype: np.dtype

    def read(self) -> np.ndarray:
        _check_numbers(self.path, self.member or "", self.dtype)
        with _errors_name(self.path), _opened(self.path, self.member) as file:
            return np.lib.format.read_array(file, allow_pickle=False)

    def read_images(self) -> Array:
        """As ``read``. Of a large array, only what is used is read, and then converted: see
        ``LazyArray``."""
        if not is_large(self.shape) or is_one_color_image(self.shape):
            return self.read()
        _check_numbers(self.path, self.member or "", self.dtype)
        with _errors_name(self.path):
            offset, obstacle = self._place()
        if offset is None:
            return held_in_memory(self.read(), self.path, obstacle)
        return LazyArray(FileRows(self.path, offset, self.shape, self.dtype))

    def _place(self) -> tuple[int | None, str]:
        """Where the values begin in the file. None if they do not lie there one after the other,
        and why."""
        begin = 0
        if self.member is not None:
            with zipfile.ZipFile(self.path) as archive, self.path.open("rb") as raw:
                info = archive.getinfo(self.member)
                if info.compress_type != zipfile.ZIP_STORED:
                    return None, "it is compressed; np.savez does not compress"
                raw.seek(info.header_offset + 26)  # the lengths of the name and of the extra field
                begin = info.header_offset + 30 + sum(struct.unpack("<HH", raw.read(4)))
        with _opened(self.path, self.member) as file:
            (_, _, fortran), header = _header(file), file.tell()
        if fortran:
            return None, "it is in Fortran order; np.ascontiguousarray(x) is not"
        return begin + header, ""


def read_array_file(path: Path) -> Arrays:
    """The arrays of a .npy or .npz file.

    Raises:
        ValueError: the file is damaged, holds Python objects, would unpack to far more than its
            size, or its arrays have unknown names.
    """
    entries = array_entries(path)
    names = {name: entry for name, entry in entries.items() if entry.dtype.kind in "buifcUS"}
    if len(entries) == 1:
        ((name, entry),) = entries.items()
        return Arrays(
            entry.read_images(), x_name="images" if path.suffix.lower() == ".npy" else name
        )
    if {"indptr", "indices", "format"} <= entries.keys():
        raise ValueError(
            f"{path}: a sparse matrix of SciPy: save scipy.sparse.load_npz(file).toarray()"
        )
    chosen = _choose(names)
    unused = [name for name in entries if name not in chosen.values()]
    if ("train", "x") not in chosen:
        known = ", ".join(f"{name} {entry.shape}" for name, entry in entries.items()) or "none"
        raise ValueError(
            f"{path}: found the arrays {known}; expected X and y, data and target, images and "
            "labels, x_train (and y_train, x_test, y_test, if they exist), or a single array"
        )
    if unused:
        objects = [name for name in unused if entries[name].dtype.hasobject]
        why = f" ({', '.join(objects)}: Python objects, never unpickled)" if objects else ""
        note(f"{path}: of its arrays, {', '.join(unused)} are left out{why}")

    def labels(part: str) -> np.ndarray | None:
        return entries[chosen[part, "y"]].read() if (part, "y") in chosen else None

    return Arrays(
        entries[chosen["train", "x"]].read_images(),
        labels("train"),
        entries[chosen["test", "x"]].read_images() if ("test", "x") in chosen else None,
        labels("test"),
        chosen["train", "x"],
        chosen.get(("train", "y"), "labels"),
    )


def _choose(entries: dict[str, Entry]) -> dict[tuple[str, str], str]:
    """``{("train", "x"): "X_train", ...}``: the name of each array by its meaning."""
    found: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for name, entry in entries.items():
        part, what, rank = _meaning(name)
        if what == "":  # "train" alone holds images
            what = "x" if part and len(entry.shape) > 1 else ""
        if what:
            found.setdefault((part, what), []).append((rank, name))
    best = {key: min(names)[1] for key, names in found.items()}
    for what in "xy":
        if ("", what) in best:
            best.setdefault(("train", what), best["", what])
    if ("test", "x") not in best:
        for what in "xy":
            if ("val", what) in best:
                best["test", what] = best["val", what]
    if ("train", "y") not in best and set(entries) >= {"arr_0", "arr_1"}:  # np.savez(file, x, y)
        if entries["arr_1"].shape[:1] == entries["arr_0"].shape[:1]:
            best["train", "y"] = "arr_1"
    wanted = [(part, what) for part in ("train", "test") for what in "xy"]
    return {key: best[key] for key in wanted if key in best}


def _meaning(name: str) -> tuple[str, str, int]:
    """``part, what, rank``: ``"X_train"`` -> ``("train", "x", 0)``. The rank tells which of two
    names is better."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    words = re.sub(r"^(x|y)(train|test|val)", r"\1_\2", words)
    part, what, rank = "", "", 0
    for word in filter(None, re.split(r"[^a-z0-9]+", words)):
        if word in TRAIN_NAMES and not part:
            part = "train"
        elif word in TEST_NAMES and not part:
            part = "test"
        elif word in VALIDATION_NAMES and not part:
            part = "val"
        elif word in X_NAMES and not what:
            what, rank = "x", X_NAMES.index(word)
        elif word in Y_NAMES and what != "y":
            what, rank = "y", Y_NAMES.index(word)
        elif word == "arr" and not what:
            what, rank = "x", len(X_NAMES)
        elif word == "0" and what == "x":
            pass
        else:
            return "", "", 0
    return part, what, rank


def array_entries(path: Path) -> dict[str, Entry]:
    """The arrays of a .npy or .npz file by their names, without their values.

    Raises:
        ValueError: the file is damaged, or an array does not fit the size of the file.
    """
    with _errors_name(path):
        if not zipfile.is_zipfile(path):
            with _opened(path, None) as file:
                shape, dtype, _ = _header(file)
                left = path.stat().st_size - file.tell()
            _check_numbers(path, "", dtype)
            _check_size(path, "", shape, dtype, left, exactly=False)
            return {"images": Entry(path, None, shape, dtype)}
        entries = {}
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if not info.filename.endswith(".npy"):
                    continue
                check_unpacked_size(path, info.compress_size, info.file_size)
                with archive.open(info) as member:
                    shape, dtype, _ = _header(member)
                    left = info.file_size - member.tell()
                name = info.filename.removesuffix(".npy")
                if not dtype.hasobject:
                    _check_size(path, f" array {name}:", shape, dtype, left, exactly=True)
                entries[name] = Entry(path, info.filename, shape, dtype)
        return entries


@contextlib.contextmanager
def _opened(path: Path, member: str | None) -> Iterator[IO[bytes]]:
    if member is None:
        with path.open("rb") as file:
            yield file
    else:
        with zipfile.ZipFile(path) as archive, archive.open(member) as file:
            yield file


@contextlib.contextmanager
def _errors_name(path: Path) -> Iterator[None]:
    """Whatever numpy, zipfile and zlib raise for damaged files, as a ValueError with the path."""
    try:
        yield
    except (PermissionError, FileNotFoundError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, ValueError) and str(error).startswith(str(path)):
            raise
        hint = content_hint(path)
        hint = "" if ".npy" in hint or ".npz" in hint else hint
        raise ValueError(
            f"{path}: not a readable .npy or .npz file{hint} ({type(error).__name__}: {error})"
        ) from error


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype, bool]:
    """``shape, dtype, whether it is in Fortran order``."""
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise ValueError(f"version {version} of the format, expected 1.0 or 2.0")
    shape, fortran, dtype = read(file)
    return shape, dtype, fortran


def _check_numbers(path: Path, member: str, dtype: np.dtype) -> None:
    if dtype.hasobject:
        where = f"{path}: {member}" if member else path
        raise ValueError(
            f"{where}: Python objects (arrays of different sizes? a dictionary?), which are never "
            "unpickled: save an array of numbers, such as np.stack(images)"
        )


def _check_size(
    path: Path, what: str, shape: tuple[int, ...], dtype: np.dtype, left: int, exactly: bool
) -> None:
    count: int = np.prod(shape, dtype=object)  # of Python integers, which do not overflow
    expected = dtype.itemsize * count
    if min(shape, default=0) < 0 or (dtype.itemsize == 0 and count):
        raise ValueError(f"shape {shape} of {dtype}")
    if expected > left or (exactly and expected != left):
        raise ValueError(
            f"{path}:{what} truncated or damaged: shape {shape} of {dtype} takes {expected:,} "
            f"bytes, and there are {left:,}"
        )
