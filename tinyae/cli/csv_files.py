"""CSV files that commands write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tinyae.io import write_atomically


def quoted(name: str) -> str:
    """A file name as a field of a CSV file."""
    return '"' + name.replace('"', '""') + '"'


def write_lines(path: Path, lines: Sequence[str]) -> None:
    """Write lines of text as UTF-8, completely or not at all. File names that are not valid UTF-8
    keep their bytes."""

    def write(temporary: Path) -> None:
        text = "\n".join(lines) + "\n"
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape")

    write_atomically(path, write)
