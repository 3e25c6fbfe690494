"""Read a student's file, a script or a notebook, without running any of it."""

import importlib.util
import json
from pathlib import Path
from typing import Any

from tinyae.course.errors import UnreadableFile

MAX_BYTES = 16 << 20
_HARMLESS_CELL_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")


def read_cells(path: Path) -> list[tuple[str, str]]:
    """The file's code as (name, source): one pair named "" for a .py file, one per code cell else.

    Raises:
        UnreadableFile: if the file is missing, has another ending, or is not text in its encoding.
    """
    if path.suffix not in (".py", ".ipynb"):
        raise UnreadableFile(f"{path.name} is neither a .py file nor a .ipynb notebook")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UnreadableFile(f"{path.name} has more than {MAX_BYTES >> 20} MiB")
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UnreadableFile(f"{path.name} cannot be read: {reason}") from None
    try:
        # Follows the file's own coding comment, UTF-8 without one; a notebook is always UTF-8.
        decode = importlib.util.decode_source if path.suffix == ".py" else _utf8
        text = decode(data)
    except (UnicodeError, SyntaxError, LookupError):
        raise UnreadableFile(f"{path.name} is not a UTF-8 text file") from None
    return [("", text)] if path.suffix == ".py" else _notebook(path.name, text)


def _utf8(data: bytes) -> str:
    return data.decode("utf-8-sig")


def _notebook(name: str, text: str) -> list[tuple[str, str]]:
    """The code cells, named "code cell 1", "code cell 2", ..."""
    try:
        notebook: Any = json.loads(text)
        cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        sources = ["".join(cell["source"]) for cell in cells]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UnreadableFile(f"{name} is not a Jupyter notebook") from None
    return [(f"code cell {n}", _python_lines(source)) for n, source in enumerate(sources, 1)]


def _python_lines(source: str) -> str:
    """The cell without lines for Jupyter (``%matplotlib inline``, ``!pip install``).

    Such a line becomes an empty line, so that line numbers stay. A cell that starts with a magic
    for another language (``%%bash``) becomes empty.
    """
    lines = source.splitlines()
    first = next((line.split()[0] for line in lines if line.strip()), "")
    if first.startswith("%%") and first not in _HARMLESS_CELL_MAGICS:
        return ""
    return "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines)
