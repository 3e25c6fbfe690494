"""Which folders a student's code sees, where the sandbox can hide some."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent  # tinyae itself: the code may import it


def mounts(folder: Path, hide: Iterable[Path]) -> list[tuple[str, bool]]:
    """(path, whether it is shown), in the order in which they are mounted: outer folders first.

    Home folders are hidden, and sockets of services that would do work for the code outside of the
    sandbox. What the code needs is shown again: Python, tinyae, and ``folder``.
    """
    needed = {Path(p) for p in (sys.prefix, sys.base_prefix)} | {PACKAGE, folder}
    needed |= {p.resolve() for p in needed} | set(_links(Path(sys.executable)))
    usual = map(Path, (os.path.expanduser("~"), "/root", "/home", "/run", "/tmp/.X11-unix"))
    hidden = {p.resolve() for p in usual if p.is_dir()} - needed - {Path("/")} | set(hide)
    shown = {p for p in needed - hidden if any(p.is_relative_to(h) for h in hidden)}
    both = [(p, False) for p in hidden] + [(p, True) for p in shown]
    return [(str(p), is_shown) for p, is_shown in sorted(both, key=lambda m: len(m[0].parts))]


def _links(path: Path) -> Iterable[Path]:
    """A path and, if it is a symbolic link, what it leads to, step by step."""
    yield path
    for _ in range(10):
        if not path.is_symlink():
            break
        path = Path(os.path.normpath(path.parent / os.readlink(path)))
        yield path
