"""A script with cells is run cell by cell: one that fails does not stop the others."""

from tinyae.course import StudentCode
from tinyae.course.source import read_cells

SCRIPT = """\
    import numpy as np

    # %% [markdown]
    # Some text.

    # %%
    def double(x):
        return 2 * x

    # %%
    print(double("unfinished") / 2)

    # %% tags=["check"]
    raise SystemExit("a visible check")

    # %%
    def half(x):
        return x / 0
    """


def test_cells_of_a_script(write):
    cells = read_cells(write(SCRIPT))
    assert [name for name, _ in cells] == [
        "cell at line 1", "cell at line 6", "cell at line 10", "cell at line 16"
    ]  # fmt: skip
    assert read_cells(write("x = 1\n")) == [("", "x = 1\n")]


def test_a_failing_cell_is_named_and_the_others_run(write):
    with StudentCode(write(SCRIPT)) as code:
        assert code.call("double", 3) == 6
        (cell, error), = code.cell_errors  # fmt: skip
        assert cell == "cell at line 10" and "line 11" in str(error)
        try:
            code.call("half", 1)
        except Exception as raised:
            assert "line 18, in half" in str(raised)
