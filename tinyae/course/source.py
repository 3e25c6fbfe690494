"""Read a student's file, a script or a notebook, without running any of it."""

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

from tinyae.course.errors import UnreadableFile

MAX_BYTES = 16 << 20
CHECK = "check"  # tag of a cell that only tries the code: it is not needed to grade it
_HARMLESS_CELL_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")


def read_cells(path: Path) -> list[tuple[str, str]]:
    """The file's code as (name, source): one pair per code cell; one named "" for a plain script.

    The cells of a script start with a line ``# %%``. Markdown cells and cells with the tag "check"
    are left out.

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
    return _script(text) if path.suffix == ".py" else _notebook(path.name, text)


def _script(text: str) -> list[tuple[str, str]]:
    """The code cells of a script, or all of it if it does not have cells."""
    parts = re.split(r"(?m)^(?=# ?%%)", text)
    if len(parts) == 1:
        return [("", text)]
    cells, line = [], 1
    for part in parts:
        title = part.partition("\n")[0] if part.startswith("#") else ""
        if part.strip() and "[markdown]" not in title and not re.search(rf'"{CHECK}"', title):
            # Empty lines before it, so that the line numbers in its errors are those of the file
            cells.append((f"cell at line {line}", "\n" * (line - 1) + part))
        line += part.count("\n")
    return cells


def _utf8(data: bytes) -> str:
    return data.decode("utf-8-sig")


def _notebook(name: str, text: str) -> list[tuple[str, str]]:
    """The code cells, named "code cell 1", "code cell 2", ..."""
    try:
        notebook: Any = json.loads(text)
        cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        sources = [
            "" if CHECK in cell.get("metadata", {}).get("tags", []) else "".join(cell["source"])
            for cell in cells
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
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
