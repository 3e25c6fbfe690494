"""Exercise 15: what the grader says about right, empty and wrong solutions."""

import pytest
from helpers.exercises import check_mistake, check_solution_and_stub

VALUE = "value = (df**2 * norms).sum() / n"
DA = "da = 2 * df * d2f * norms / n  # (N, K)"
DIRECT = "direct = 2 * (df**2).sum(axis=0)[:, None] * W / n  # (K, D)"
DW = "dW = direct + da.T @ x"
RETURN = "return value, da @ W, dW, da.sum(axis=0)"

MISTAKES = {
    "backpropagated ones": (
        [(VALUE, "value = ((df @ W) ** 2).sum() / n")],
        ["value", "conduct"],
        "the rows were added first",
    ),
    "floor division": ([(VALUE, VALUE.replace("/", "//"))], ["value", "conduct"], "rounds down"),
    "the sum over the examples": (
        [(VALUE, "value = (df**2 * norms).sum()")], ["value", "conduct"], "expected the mean",
    ),
    "the norm": (
        [(VALUE, "value = np.sqrt((df**2 * norms).sum(axis=1)).mean()")],
        ["value", "conduct"],
        "expected the squared norm",
    ),
    "f' is not squared": (
        [(VALUE, "value = (df * norms).sum() / n")],
        ["value", "conduct"],
        "f' is not squared",
    ),
    "weight decay": ([(VALUE, "value = norms.sum()")], ["value", "conduct"], "weight decay"),
    "the term through a is missing": (
        [(DW, "dW = direct")], ["dW"], "the term through a is missing",
    ),
    "the direct term is missing": ([(DW, "dW = da.T @ x")], ["dW"], "the direct term is missing"),
    "the direct term is a sum": (
        [(DIRECT, DIRECT.replace(" / n", ""))],
        ["dW"],
        "the direct term is not a mean",
    ),
    "the factor 2": ([(DIRECT, DIRECT.replace("2 * ", "", 1))], ["dW"], "the factor 2 is missing"),
    "half of the gradient": (
        [(DA, DA.replace("2 * ", "", 1)), (DIRECT, DIRECT.replace("2 * ", "", 1))],
        ["dx", "dW", "db"],
        "0.5",
    ),
    "f'' without f'": (
        [(DA, "da = 2 * d2f * norms / n")],
        ["dx", "dW", "db"],
        "f'' stands without f'",
    ),
    "dx is forgotten": (
        [(RETURN, "return value, np.zeros_like(x), dW, da.sum(axis=0)")],
        ["dx"],
        "f'(a) depends on x",
    ),
    "db is a mean": (
        [(RETURN, "return value, da @ W, dW, da.mean(axis=0)")],
        ["db"],
        "expected the sum",
    ),
    "no mean at all": (
        [(DA, "da = 2 * df * d2f * norms"), (DIRECT, DIRECT.replace(" / n", "")),
         (VALUE, VALUE.replace(" / n", ""))],
        ["value", "dx", "dW", "db", "conduct"],
        "not a mean over the examples",
    ),
    "sigmoid: z for a": (
        [("    df = z * (1 - z)\n", "    z = 1 / (1 + np.exp(-z))\n    df = z * (1 - z)\n")],
        ["sigmoid f'", "sigmoid f''"],
        "f is applied twice",
    ),
    "sigmoid: 1 - z": (
        [("df * (1 - 2 * z)", "df * (1 - z)")], ["sigmoid f''"], "expected f' (1 − 2z)",
    ),
    "tanh: the derivative with respect to z": (
        [("return slope, -2 * z * slope", "return slope, -2 * z")],
        ["tanh f''"],
        "the factor f' is missing",
    ),
    "tanh: the sign": (
        [("return slope, -2 * z * slope", "return slope, 2 * z * slope")],
        ["tanh f''"],
        "opposite sign",
    ),
    "softsign: the sign of z": (
        [("-2 * np.sign(z) * rest**3", "-2 * rest**3")],
        ["softsign f''"],
        "the sign of z is missing",
    ),
    "softsign: no absolute value": (
        [("rest = 1 - np.abs(z)", "rest = 1 - z")],
        ["softsign f'", "softsign f''"],
        "|z| is missing",
    ),
    "softsign: the power": (
        [("return rest**2,", "return rest,")], ["softsign f'"], "the power is wrong",
    ),
    "float64 whatever the input": (
        [(DA, "da = np.array(2 * df * d2f * norms / n, np.float64)")],
        ["conduct"],
        "expected float32",
    ),
    "df is squared in place": (
        [(VALUE, "square = df\n    square *= df\n    value = (square * norms).sum() / n"),
         (DA, "df = np.sqrt(df)\n    " + DA)],
        ["conduct"],
        "changes its argument df in place",
    ),
}  # fmt: skip


def test_solution_and_stub(tmp_path):
    check_solution_and_stub("contractive_layer", tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_loses_the_right_part_and_is_named(mistake):
    check_mistake("contractive_layer", *MISTAKES[mistake])
