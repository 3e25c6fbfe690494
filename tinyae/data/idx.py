"""Reading IDX, the file format of MNIST.

An IDX file contains: two zero bytes, one byte for the data type, one for the number of axes, the
length of each axis as a big-endian 32-bit integer, then the values, big-endian, last axis fastest.

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import gzip
import math
import os
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np

from tinyae.backend import Array
from tinyae.data.file_checks import as_path, check_exists, check_unpacked_size
from tinyae.data.formats import content_hint
from tinyae.data.lazy import FileRows, LazyArray, held_in_memory, is_large

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP = b"\x1f\x8b"


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """Read an IDX file, plain or gzipped (recognized by its first bytes, not by its name).

    No more is unpacked than the file's header announces.

    Returns:
        An array with the shape and the data type of the file, in native byte order:
        (60000, 28, 28) uint8 for the training images of MNIST.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file is not IDX, or is truncated, damaged or too long; the message says
            which.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> header = bytes([0, 0, 8, 1, 0, 0, 0, 3])  # unsigned bytes, 1 axis, of length 3
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "labels-idx1-ubyte")
        ...     _ = path.write_bytes(header + bytes([7, 2, 1]))
        ...     print(data.read_idx(path))
        [7 2 1]
    """
    path = as_path("read_idx", path)
    check_exists(path)
    if path.is_dir():
        raise ValueError(f"{path}: a folder, expected an IDX file")
    size = path.stat().st_size
    with path.open("rb") as raw:
        packed = raw.read(2) == GZIP
        raw.seek(0)
        if not packed:
            return _read(path, raw, size, packed)
        try:
            with gzip.open(raw) as file:
                return _read(path, cast(IO[bytes], file), size, packed)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(
                f"{path}: truncated or damaged gzip file ({error}); download it again"
            ) from error


def read_idx_images(path: Path) -> Array:
    """As ``read_idx``; of a large file, only what is used is read: see ``LazyArray``.

    Raises:
        ValueError: as for ``read_idx``.
    """
    with path.open("rb") as file:
        if file.read(2) == GZIP:
            x = read_idx(path)
            obstacle = "it is gzipped. Of the unpacked file, only what is used would be read"
            return held_in_memory(x, path, obstacle) if is_large(x.shape) else x
        file.seek(0)
        shape, dtype, header = _header(path, file)
    n_bytes = dtype.itemsize * math.prod(shape)
    if not is_large(shape) or path.stat().st_size != header + n_bytes:
        return read_idx(path)  # which says what is wrong
    native = dtype.newbyteorder("=")
    return LazyArray(
        FileRows(path, header, shape, dtype), (lambda x: x.astype(native, copy=False),)
    )


def _header(path: Path, file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype, int]:
    """``shape, dtype, length in bytes`` of the header."""
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in TYPES or start[3] > 8:
        raise ValueError(
            f"{path}: not an IDX file{content_hint(path)}: it begins with "
            f"{start.hex(' ') or 'nothing'}, "
            "expected 00 00, a type (08 for bytes), the number of axes"
        )
    lengths = file.read(4 * start[3])
    header = 4 + 4 * start[3]
    if len(lengths) < 4 * start[3]:
        raise ValueError(
            f"{path}: truncated in its header: {4 + len(lengths)} bytes, expected {header}"
        )
    shape = tuple(int(n) for n in np.frombuffer(lengths, ">u4"))
    return shape, np.dtype(TYPES[start[2]]), header


def _read(path: Path, file: IO[bytes], size: int, packed: bool) -> np.ndarray:
    shape, dtype, header = _header(path, file)
    n_bytes = dtype.itemsize * math.prod(shape)  # of the values
    if packed:
        check_unpacked_size(path, size, n_bytes)
        content = file.read(min(n_bytes, 2000 * size) + 1)  # deflate packs at most 1:1032
    else:
        content = file.read(n_bytes) if size == header + n_bytes else b""
    found = header + len(content) if packed else size
    if found != header + n_bytes:
        problem = "truncated" if found < header + n_bytes else "too long"
        count = f"{found}" if problem == "truncated" or not packed else f"more than {found - 1}"
        raise ValueError(
            f"{path}: {problem}: {count} bytes, expected {header + n_bytes} for shape {shape}"
        )
    if packed and file.read(1):  # the end of a gzip file has a checksum, which is tested here
        raise ValueError(f"{path}: too long")
    values = np.frombuffer(content, dtype)
    if not values.size and max(shape) > 2**24:  # numpy cannot make such an array
        raise ValueError(f"{path}: no values, shape {shape}")
    return values.reshape(shape).astype(dtype.newbyteorder("="))
