"""The notebook for students installs tinyae on Colab, and its last cell checks the work."""

import contextlib
import io
import json

import pytest

from tinyae.course import grade
from tinyae.course.exercises import NAMES, find
from tinyae.course.release import INSTALL, notebook, start, student_notebook
from tinyae.course.tasks import solved, source

pytest.importorskip("jupytext", reason="notebooks are made with jupytext")


def code_cells(book):
    return ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("name", NAMES)
def test_begins_with_colab_and_ends_with_the_check(name, tmp_path):
    path = next(path for path in start(find(name), tmp_path) if path.suffix == ".ipynb")
    cells = code_cells(json.loads(path.read_text("utf-8")))
    assert cells[0] == INSTALL and f'grade_names(globals(), "{name}")' in cells[-1]


def test_the_last_cell_prints_the_points():
    cells = code_cells(json.loads(student_notebook(find("linear"))))
    names = {"__name__": "__main__"}
    for cell in code_cells(json.loads(notebook(solved(source(find("linear"))))))[:2]:
        exec(cell, names)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(cells[-1], names)
    assert printed.getvalue().startswith("linear: 10 of 10 points")


def test_the_grader_leaves_the_added_cells_out(tmp_path):
    path = tmp_path / "02_linear.ipynb"
    path.write_text(student_notebook(find("linear"), install="1 / 0"), encoding="utf-8")
    result = grade(path, "linear")
    assert {part.output for part in result.tests} == {"not written yet"} and not result.notes
