"""Reading IDX, the file format of MNIST.

An IDX file contains: two zero bytes, one byte for the data type, one for the number of axes, the
length of each axis as a big-endian 32-bit integer, then the values, big-endian, last axis fastest.

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

import numpy as np

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """Read an IDX file, plain or gzipped (recognized by its first bytes, not by its name).

    Returns:
        An array with the shape and the data type of the file, in native byte order:
        (60000, 28, 28) uint8 for the training images of MNIST.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file is not IDX, or is truncated, damaged or too long; the message says
            which.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"IDX file not found: {path}")
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(
                f"{path}: truncated or damaged gzip file ({error}); download it again"
            ) from error
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in TYPES:
        raise ValueError(
            f"{path}: not an IDX file: it begins with {data[:4].hex(' ') or 'nothing'}, "
            "expected 00 00, a type (08 for bytes), the number of axes"
        )
    header = 4 + 4 * data[3]
    if len(data) < header:
        raise ValueError(f"{path}: truncated in its header: {len(data)} bytes, expected {header}")
    shape = tuple(int(n) for n in np.frombuffer(data, ">u4", count=data[3], offset=4))
    dtype = np.dtype(TYPES[data[2]])
    # Python integers (dtype=object): the sizes in a damaged header cannot overflow.
    expected = header + dtype.itemsize * int(np.prod(shape, dtype=object))
    if len(data) != expected:
        problem = "truncated" if len(data) < expected else "too long"
        raise ValueError(
            f"{path}: {problem}: {len(data)} bytes, expected {expected} for shape {shape}"
        )
    values = np.frombuffer(data, dtype, offset=header).reshape(shape)
    return values.astype(dtype.newbyteorder("="))
