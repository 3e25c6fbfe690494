"""Files are looked at before they are believed: what a path is, and how large its content would be.
Here are also the notes about data: what was read in one of several possible ways."""

from __future__ import annotations

import os
import re
import stat
import sys
import warnings
from pathlib import Path

PathLike = str | os.PathLike[str]

PACKAGE = str(Path(__file__).parent.parent)
# A file may unpack to more than this only if it is at least 1/200 of it. Deflate reaches 1/1000 on
# zeros; images that are mostly black reach 1/120 (dSprites: 26 MB for 3 GB).
LARGE = 256 * 2**20  # bytes
MAX_RATIO = 200


class DataNote(UserWarning):
    """Data were read in one of several possible ways, or only in part. The text says how, and how
    to choose another way. ``warnings.simplefilter("error", DataNote)`` refuses such data."""


def note(text: str) -> None:
    """Warn, as if the warning came from the line that called tinyae."""
    level, frame = 1, sys._getframe()
    while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
        level, frame = level + 1, frame.f_back  # type: ignore[assignment]
    warnings.warn(text, DataNote, stacklevel=level)


def as_path(who: str, path: PathLike) -> Path:
    """``path`` with ``~`` replaced by the home folder.

    Raises:
        TypeError: it is not a path.
        ValueError: it is empty.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(
            f"{who}: the path is of type {type(path).__name__}, expected a string or a pathlib.Path"
        )
    if not os.fspath(path):
        raise ValueError(f"{who}: the path is empty; '.' is the current folder")
    return Path(path).expanduser()


def check_exists(path: Path) -> None:
    """Check that ``path`` is a folder or a regular file. Opening a named pipe would wait forever.

    Raises:
        FileNotFoundError: there is nothing at this path.
        ValueError: it is a named pipe, a device or a socket.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # ValueError: a null byte
        hint = ": download the file first" if re.match(r"https?:/", str(path)) else ""
        raise FileNotFoundError(
            f"no such file or folder: {path} (absolute: {path.absolute()}){hint}"
        ) from error
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise ValueError(
            f"{path}: a named pipe, a device or a socket, expected a file or a folder: copy its "
            "content into a file"
        )


def check_unpacked_size(path: PathLike, packed: int, unpacked: int) -> None:
    """Check that packed data do not unpack to far more than real data would.

    Raises:
        ValueError: they do.
    """
    if unpacked > LARGE and unpacked > MAX_RATIO * packed:
        raise ValueError(
            f"{path}: {packed:,} bytes would unpack to {unpacked / 2**30:.1f} GiB, "
            f"{unpacked / max(packed, 1):,.0f} times as much: refused as a decompression bomb. If "
            "the data are real, unpack them yourself and save them with np.save"
        )
