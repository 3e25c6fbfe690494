"""Files that are written completely or not at all, and by one run at a time."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tinyae._validate import check_path

PathLike = str | os.PathLike[str]

NO_LINKS = getattr(os, "O_NOFOLLOW", 0)  # opening a symbolic link is an error
TEMPORARY = re.compile(r"\..+\.\d+-[0-9a-f]{8}\.tmp(\.\w+)?")


def write_atomically(path: PathLike, write: Callable[[Path], object]) -> None:
    """Call ``write(temporary)``, then rename the temporary file to ``path``. If anything fails,
    ``path`` stays as it was.

    The content is on the disk before the file gets its name, so that a power failure leaves the old
    file or the new one. If the process is killed, the temporary file stays: ``remove_leftovers``.

    Raises:
        TypeError: ``path`` is not the name of a file.
        OSError: the folder does not exist or is not writable. The message names ``path``.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from tinyae.io import write_atomically
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_atomically(f"{folder}/note.txt", lambda path: path.write_text("all of it"))
        ...     print(Path(folder, "note.txt").read_text())
        all of it
    """
    check_path("write_atomically", path)
    path = Path(path)
    # Unique among processes and threads, and new: nothing is overwritten.
    unique = f"{os.getpid()}-{secrets.token_hex(4)}"
    temporary = path.with_name(f".{path.stem}.{unique}.tmp{path.suffix}")
    try:
        new = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | NO_LINKS, 0o666)
        try:
            with contextlib.suppress(OSError):  # a file system without locks
                _lock(new)  # as long as this process lives, nobody removes the file
            write(temporary)
            with open(temporary, "rb+") as written:
                os.fsync(written.fileno())
            if sys.platform != "win32":  # there, an open file cannot be renamed
                os.replace(temporary, path)
        finally:
            os.close(new)
        if sys.platform == "win32":
            os.replace(temporary, path)
        else:
            _sync_folder(path.parent)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"cannot write {path}: the folder {path.parent} does not exist"
        ) from error
    except OSError as error:  # no permission, disk full, a file where a folder should be, ...
        raise type(error)(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def remove_leftovers(folder: PathLike) -> None:
    """Delete the temporary files of processes that were killed while they wrote to ``folder``. The
    files of running processes are locked and stay.

    Example:
        >>> import os
        >>> import tempfile
        >>> from pathlib import Path
        >>> from tinyae.io import remove_leftovers
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Path(folder, ".weights.123-0123abcd.tmp.npz").touch()  # of a killed process
        ...     remove_leftovers(folder)
        ...     print(os.listdir(folder))
        []
    """
    for path in Path(folder).iterdir():
        if TEMPORARY.fullmatch(path.name):
            with contextlib.suppress(OSError):  # locked, or already gone
                descriptor = os.open(path, os.O_RDWR | NO_LINKS)
                try:
                    _lock(descriptor)
                finally:
                    os.close(descriptor)
                path.unlink()


@contextlib.contextmanager
def locked(path: PathLike) -> Iterator[None]:
    """Inside the ``with`` block, no other run can lock ``path``: two runs that write the same
    checkpoint would overwrite each other's.

    The lock belongs to the file ``.NAME.lock``. The system releases it when the process ends,
    however it ends. On a file system without locks, nothing is locked.

    Raises:
        BlockingIOError: another run holds the lock. The message says which.
        OSError: the folder is not writable.

    Example:
        >>> import tempfile
        >>> from tinyae.io import locked
        >>> with tempfile.TemporaryDirectory() as folder, locked(f"{folder}/run.npz"):
        ...     print("nobody else writes run.npz now")
        nobody else writes run.npz now
    """
    path = Path(path)
    lock = path.with_name(f".{path.name}.lock")
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | NO_LINKS, 0o666)
        try:
            _lock(descriptor)
        except (BlockingIOError, PermissionError):  # Windows says PermissionError
            owner = os.read(descriptor, 200).decode(errors="replace")
            os.close(descriptor)
            raise BlockingIOError(
                f"{path}: another run is writing to it ({owner}). Wait until it ends, or choose "
                "another name"
            ) from None
        except OSError:
            pass
        # The previous holder may have deleted the file between open and lock.
        with contextlib.suppress(FileNotFoundError):
            if os.stat(lock).st_ino == os.fstat(descriptor).st_ino:
                break
        os.close(descriptor)
    try:
        os.truncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield
    finally:
        if sys.platform == "win32":  # there, an open file cannot be deleted
            os.close(descriptor)
        with contextlib.suppress(OSError):
            lock.unlink()
        if sys.platform != "win32":
            os.close(descriptor)


def writable_folder(path: PathLike) -> Path:
    """The folder ``path``, created if needed. A test file is written and deleted, so that a run
    does not fail only at its end.

    Raises:
        OSError: the folder cannot be created, is a file, or is not writable.

    Example:
        >>> import os
        >>> import tempfile
        >>> from tinyae.io import writable_folder
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = writable_folder(f"{folder}/runs/first")
        ...     print(path.name, os.listdir(path))
        first []
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".tinyae.{os.getpid()}-{secrets.token_hex(4)}.tmp"
        probe.touch(exist_ok=False)
        probe.unlink()
    except FileExistsError as error:
        raise FileExistsError(f"cannot write to {path}: it is a file, expected a folder") from error
    except OSError as error:
        raise OSError(
            f"cannot write to the folder {path}: {error.strerror}; choose another one"
        ) from error
    return path


def _sync_folder(folder: Path) -> None:
    """Write the new name to the disk, too. Some file systems cannot do this for a folder."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        """Lock an open file, or raise OSError if another one has it locked."""
        os.lseek(descriptor, 1 << 30, os.SEEK_SET)  # after the text, which others may read
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
elif sys.platform == "emscripten":

    def _lock(descriptor: int) -> None:
        """A browser has one process: there is nobody to keep out."""
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        """Lock an open file, or raise BlockingIOError if another one has it locked."""
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
