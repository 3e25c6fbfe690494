"""Exercise 1: what the grader says about right, empty and wrong solutions."""

import pytest
from helpers.exercises import check_mistake, check_solution_and_stub, grade_with, lost

QUOTIENT = "dv[i] = (up - down) / (2 * h)"
LOOP = "dv = np.zeros(v.shape)\n    for i in np.ndindex(v.shape):\n        old = v[i]\n"
BACK = "        v[i] = old\n"
DOWN = "        v[i] = old - h\n        down = f(v)\n"
RICHARDSON = "(4 * numeric_gradient(f, v, h) - numeric_gradient(f, v, 2 * h)) / 3"
# four points by themselves, so that a mistake above does not reach them
OWN = (
    f"return {RICHARDSON}",
    """dv = np.zeros(v.shape)
    for i in np.ndindex(v.shape):
        def at(step):
            w = v.copy()
            w[i] += step
            return f(w)
        dv[i] = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
    return dv""",
)
MISTAKES = {
    "one-sided": (
        [
            OWN,
            (DOWN, "        v[i] = old\n        down = f(v)\n"),
            (QUOTIENT, "dv[i] = (up - down) / h"),
        ],
        ["central"],
        "one-sided difference (f(v + h)",
    ),
    "1/h for 1/2h": (
        [OWN, (QUOTIENT, "dv[i] = (up - down) / h")],
        ["dv", "central", "any shape"],
        "divided by h, expected by 2h",
    ),
    "v left moved": ([OWN, (BACK, "")], ["central", "v restored"], "put each entry back"),
    "v put back by arithmetic": (
        [OWN, (BACK, "        v[i] += h\n")],
        ["v restored"],
        "changed by rounding",
    ),
    "h ignored": (
        [OWN, (LOOP, LOOP.replace("dv =", "h = 1e-5\n    dv ="))],
        ["central"],
        "ignores the argument h",
    ),
    "one axis only": (
        [
            OWN,
            (
                LOOP,
                LOOP.replace("np.ndindex(v.shape)", "range(len(v))").replace("v[i]", "v[i] + 0"),
            ),
        ],
        ["dv", "any shape", "v restored"],
        "several entries moved at once",
    ),
    "two points for four": (
        [(RICHARDSON, "numeric_gradient(f, v, h)")],
        ["four points"],
        "formula with two points",
    ),
    "sign of the second bracket": (
        [(RICHARDSON, "(4 * numeric_gradient(f, v, h) + numeric_gradient(f, v, 2 * h)) / 3")],
        ["four points"],
        "expected subtracted",
    ),
    "f called too often": (
        [OWN, (QUOTIENT, "f(v)\n        f(v)\n        " + QUOTIENT)],
        ["number of calls"],
        "24 times for 6 entries",
    ),
    "flattened": (
        [OWN, ("        up = f(v)\n", "        up = f(v.ravel())\n")],
        ["dv", "any shape", "v restored"],
        "f was called with shape (6,), expected (3, 2)",
    ),
}


def test_solution_and_stub(tmp_path):
    check_solution_and_stub("numeric_gradient", tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_loses_the_right_part_and_is_named(mistake):
    check_mistake("numeric_gradient", *MISTAKES[mistake])


def test_the_formula_as_it_stands_is_right_too():
    assert lost(grade_with("numeric_gradient", OWN)) == {}
