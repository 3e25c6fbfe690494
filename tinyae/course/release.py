"""Hand out exercises: the student's script and notebook, or the sources that nbgrader reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tinyae.course.exercise import Exercise
from tinyae.course.tasks import released, source

INSTALL = """\
import importlib.util, sys  # on Colab, install tinyae; elsewhere this cell does nothing
if "google.colab" in sys.modules and importlib.util.find_spec("tinyae") is None:
    %pip install -q git+https://github.com/tinyae/tinyae.git"""
CHECK = """\
# Check your work. This cell also works in a browser; it is not part of what you hand in.
from tinyae.course import grade_names

print(grade_names(globals(), "{name}"))"""
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def start(exercise: Exercise, folder: str | Path = ".") -> list[Path]:
    """Write the student's version: a script, and a notebook if jupytext is installed.

    A file that exists stays as it is.

    Returns:
        The files that were written.
    """
    folder = Path(folder)
    text = released(source(exercise))
    files = {folder / f"{exercise.stem}.py": text}
    if has_jupytext():
        files[folder / f"{exercise.stem}.ipynb"] = student_notebook(exercise)
    return [path for path, content in files.items() if write_new(path, content)]


def release_nbgrader(exercise: Exercise, folder: str | Path) -> list[Path]:
    """Write the source notebook of an assignment, ``DIR/source/NAME/NAME.ipynb``.

    It has the solution and the hidden tests; ``nbgrader generate_assignment NAME`` removes them.

    Raises:
        ImportError: if jupytext is not installed.
    """
    path = Path(folder) / "source" / exercise.name / f"{exercise.name}.ipynb"
    return [path] if write_new(path, notebook(source(exercise))) else []


def student_notebook(exercise: Exercise, install: str = INSTALL) -> str:
    """The text of the notebook that students get: the task, and a last cell that checks the work.

    The grader leaves out the first and the last cell.

    Args:
        install: the first cell.

    Raises:
        ImportError: if jupytext is not installed.
    """
    text = released(source(exercise))
    if exercise.folder is None:  # students do not have the checks of other folders
        text += f'\n# %% tags=["check"]\n{CHECK.format(name=exercise.name)}\n'
    book = json.loads(notebook(text))
    first: dict[str, Any] = {"cell_type": "code", "id": "install"}
    first |= {"execution_count": None, "metadata": {"tags": ["check"]}, "outputs": []}
    first["source"] = install.splitlines(keepends=True)
    book["cells"].insert(0, first)
    return json.dumps(book, indent=1, ensure_ascii=False) + "\n"


def write_new(path: Path, text: str) -> bool:
    """Write a file that does not exist yet; say whether it was written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True


def notebook(text: str) -> str:
    """A py:percent file as the text of a notebook.

    Raises:
        ImportError: if jupytext is not installed.
    """
    try:
        import jupytext
    except ImportError:
        raise ImportError(
            "notebooks need jupytext: pip install 'tinyae[course]' (scripts work without it)"
        ) from None
    book: Any = jupytext.reads(text, fmt="py:percent")
    book.metadata = type(book.metadata)({"kernelspec": KERNEL})
    book.nbformat, book.nbformat_minor = 4, 5
    for i, cell in enumerate(book.cells):
        cell.id = f"cell-{i:02d}"
    return jupytext.writes(book, fmt="ipynb")


def has_jupytext() -> bool:
    try:
        import jupytext  # noqa: F401
    except ImportError:
        return False
    return True
