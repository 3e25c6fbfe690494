"""Exercise 3: what the grader says about right, empty and wrong solutions."""

import pytest
from helpers.exercises import check_mistake, check_solution_and_stub, grade_with, lost

SIGMOID = (
    "        e = np.exp(-np.abs(x))  # in (0, 1]: never overflows\n"
    "        y = np.where(x >= 0, 1, e) / (1 + e)\n"
)
MISTAKES = {
    "x for y": (
        [
            (SIGMOID + "        return y, y", SIGMOID + "        return y, x"),
            (
                "y = cache\n        return dy * y * (1 - y)",
                "x = cache\n        return dy * x * (1 - x)",
            ),
        ],
        ["Sigmoid dx"],
        "it uses the input x",
    ),
    "y forgotten": ([("dy * y * (1 - y)", "dy * (1 - y)")], ["Sigmoid dx"], "factor y"),
    "exp overflows": (
        [(SIGMOID, "        y = 1 / (1 + np.exp(-x))\n")],
        ["large x"],
        "overflow encountered in exp",
    ),
    "infinity by infinity": (
        [("y = np.tanh(x)", "y = (np.exp(2 * x) - 1) / (np.exp(2 * x) + 1)")],
        ["large x"],
        "Tanh at x = ±1000: NumPy warns: overflow",
    ),
    "square of tanh forgotten": ([("1 - y**2", "1 - y")], ["Tanh dx"], "the square is missing"),
    ">= at the kink": ([("(x > 0)", "(x >= 0)")], ["ReLU at 0"], "x > 0, not x >= 0"),
    "sign of dy": ([("(x > 0)", "(dy > 0)")], ["ReLU dx", "ReLU at 0"], "keep dy where x > 0"),
    "square of softsign forgotten": (
        [("(1 + np.abs(x)) ** 2", "(1 + np.abs(x))")],
        ["Softsign dx"],
        "square is missing",
    ),
    "softsign right for x > 0 only": (
        [("dy / (1 + np.abs(x)) ** 2", "dy * (1 - x / (1 + np.abs(x))) ** 2")],
        ["Softsign dx"],
        "right only for x > 0",
    ),
    "dy forgotten": ([("dy * (1 - y**2)", "1 - y**2")], ["Tanh dx"], "dy is missing"),
    "state": (
        [
            ("return np.maximum(x, 0), x", "self.x = x\n        return np.maximum(x, 0), None"),
            ("x = cache\n        return dy * (x > 0)", "return dy * (self.x > 0)"),
        ],
        ["ReLU conduct"],
        "in the cache",
    ),
    "in place": (
        [("return np.maximum(x, 0), x", "x[x < 0] = 0\n        return x, x.copy()")],
        ["ReLU conduct"],
        "changes its argument x",
    ),
    "float64": (
        [("return x / (1 + np.abs(x)), x", "return x / (np.ones(x.shape) + np.abs(x)), x")],
        ["Softsign conduct"],
        "float32 input gives a float64 output",
    ),
    "no grads": (
        [("(1 - y**2), {}", "(1 - y**2)")],
        ["Tanh dx", "Tanh conduct", "large x"],
        "Tanh.backward returns an array",
    ),
}


def test_solution_and_stub(tmp_path):
    check_solution_and_stub("activations", tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_loses_the_right_part_and_is_named(mistake):
    check_mistake("activations", *MISTAKES[mistake])


def test_a_layer_that_is_not_written_costs_only_its_parts():
    found = lost(grade_with("activations", ("class Softsign", "class Softmax")))
    assert set(found) == {"Softsign y", "Softsign dx", "Softsign conduct", "large x"}
    assert "Softsign" in found["Softsign y"]
