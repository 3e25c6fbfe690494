"""Exercise 2: what the grader says about right, empty and wrong solutions."""

import pytest
from helpers.exercises import check_mistake, check_solution_and_stub

MISTAKES = {
    "mean for sum": (
        [("dW = dy.T @ x", "dW = dy.T @ x / len(x)")],
        ["dW", "in = out"],
        "divided by the number of examples",
    ),
    "db is a mean": ([("dy.sum(axis=0)", "dy.mean(axis=0)")], ["db", "in = out"], "mean"),
    "db over the wrong axis": ([("dy.sum(axis=0)", "dy.sum(axis=1)")], ["db", "in = out"], "shape"),
    "dW transposed": ([("dW = dy.T @ x", "dW = x.T @ dy")], ["dW", "in = out"], "transpose"),
    "W transposed where the shape hides it": (
        [("dx = dy @ W", "dx = dy @ (W if W.shape[0] != W.shape[1] else W.T)")],
        ["in = out"],
        "transpose",
    ),
    "b forgotten": ([("x @ W.T + b", "x @ W.T")], ["y", "conduct"], "b was not added"),
    "state outside of the cache": (
        [
            ("return y, (x, W)", "globals()['kept'] = x, W\n    return y, None"),
            ("x, W = cache", "x, W = kept"),
        ],
        ["conduct"],
        "in the cache",
    ),
}


def test_solution_and_stub(tmp_path):
    check_solution_and_stub("linear", tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_loses_the_right_part_and_is_named(mistake):
    check_mistake("linear", *MISTAKES[mistake])
