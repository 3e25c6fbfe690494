"""Files are written to a temporary name and renamed: whoever looks sees the old file or the new one, never half of one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], write: Callable[[Path], None]) -> None:
    """``write(temporary)``, then rename it to ``path``. If anything fails, ``path`` is as it was.

    Raises:
        OSError: the folder does not exist or cannot be written to; the message names ``path``.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        write(temporary)
        os.replace(temporary, path)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"cannot write {path}: the folder {path.parent} does not exist") from error
    except OSError as error:  # no permission, disk full, a file where a folder should be, ...
        raise type(error)(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def writable_folder(path: str | os.PathLike[str]) -> Path:
    """The folder ``path``, made if need be, and tried out: a run should not fail at its end because of it.

    Raises:
        OSError: it cannot be made, is a file, or cannot be written to.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".tinyae.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except FileExistsError as error:
        raise FileExistsError(f"cannot write to {path}: it is a file, expected a folder") from error
    except OSError as error:
        raise OSError(f"cannot write to the folder {path}: {error.strerror}; choose another one") from error
    return path
