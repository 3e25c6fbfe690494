"""Exercise 4: what the grader says about right, empty and wrong solutions."""

import pytest
from helpers.exercises import check_mistake, check_solution_and_stub

R = "np.sqrt((x**2).sum(axis=1, keepdims=True) + self.eps)"
DX = "return (dy - y * along) / r, {}"
MISTAKES = {
    "norm as a constant": ([(DX, "return dy / r, {}")], ["dx"], "treated as a constant"),
    "division forgotten": ([(DX, "return dy - y * along, {}")], ["dx"], "division by r is missing"),
    "sign": ([(DX, "return (dy + y * along) / r, {}")], ["dx"], "opposite sign"),
    "sum over everything": (
        [("(dy * y).sum(axis=1, keepdims=True)", "(dy * y).sum()")],
        ["dx"],
        "sums over the whole array",
    ),
    "sum forgotten": (
        [("(dy * y).sum(axis=1, keepdims=True)", "dy * y")],
        ["dx"],
        "y_i depends on all x_j",
    ),
    "one norm for all": (
        [(R, "np.sqrt((x**2).sum() + self.eps)")],
        ["y", "eps", "dx", "jvp", "row of zeros", "conduct"],
        "norm is that of the whole",
    ),
    "norms of columns": (
        [(R, "np.sqrt((x**2).sum(axis=0, keepdims=True) + self.eps)")],
        ["y", "eps", "dx", "jvp", "row of zeros", "conduct"],
        "those of the columns",
    ),
    "keepdims forgotten": (
        [(R, "np.sqrt((x**2).sum(axis=1) + self.eps)")],
        ["y", "eps", "dx", "jvp", "row of zeros", "conduct"],
        "could not be broadcast",
    ),
    "eps outside of the root": (
        [(R, "np.sqrt((x**2).sum(axis=1, keepdims=True)) + self.eps")],
        ["eps"],
        "eps belongs under the root",
    ),
    "eps forgotten": (
        [(R, "np.sqrt((x**2).sum(axis=1, keepdims=True))")],
        ["eps", "row of zeros"],
        "eps prevents 0/0",
    ),
    "jvp with a constant norm": (
        [("return (dx - y * dr) / r", "return dx / r")],
        ["jvp"],
        "treated as a constant",
    ),
    "r kept in self": (
        [
            ("return y, (y, r)", "self.r = r\n        return y, y"),
            ("y, r = cache\n        along", "y, r = cache, self.r\n        along"),
            ("y, r = cache\n        dr", "y, r = cache, self.r\n        dr"),
        ],
        ["conduct"],
        "in the cache",
    ),
    "in place": (
        [("y = x / r\n", "x /= r\n        y = x.copy()\n")],
        ["conduct"],
        "changes its argument x",
    ),
}


def test_solution_and_stub(tmp_path):
    check_solution_and_stub("row_norm", tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_loses_the_right_part_and_is_named(mistake):
    check_mistake("row_norm", *MISTAKES[mistake])
