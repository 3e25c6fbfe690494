"""Exercise 21: what the grader says about right, empty and wrong fixes."""

import pytest
from helpers.exercises import check_mistake, check_solution_and_stub, grade_with

from tinyae.course.exercises.bug_hunt import HUNT
from tinyae.course.patched import patch
from tinyae.course.zoo import find_bug

LAMBDA = '"scale = 2 / len(x)"'
MISTAKES = {
    "the right idea, the wrong factor": (
        [(LAMBDA, '"scale = 3 / len(x)"')],
        ["half_lambda"],
        "1.5",
    ),
    "one term only": (
        [('"dW = da.T @ x + h.T @ dy"', '"dW = h.T @ dy"')],
        ["tied_weights"],
        "dW is wrong",
    ),
    "forward is changed to fit": (
        [
            (
                '"scale = 1 / len(x)",\n            ' + LAMBDA,
                '"value = ((s * s) @ norms).sum() / len(x)", '
                '"value = ((s * s) @ norms).sum() / len(x) / 2"',
            )
        ],
        ["half_lambda"],
        "forward is wrong",
    ),
    "a line that is not in the file": (
        [('"db = da.mean(axis=0)"', '"db = dy.mean(axis=0)"')],
        ["slow_bias"],
        "is not in the file",
    ),
    "too many lines": (
        [(LAMBDA, '"scale = 2 / len(x)\\n#\\n#\\n#"')],
        ["half_lambda"],
        "at most 3",
    ),
    "not Python": ([(LAMBDA, '"scale = 2 / len("')], ["half_lambda"], "SyntaxError"),
    "a fix is missing": ([('"slow_bias": (', '"slow": (')], ["slow_bias", "why"], "no entry"),
    "no reason": (
        [('"The derivative of a square has a factor 2, which was forgotten."', '"factor"')],
        ["why"],
        "half_lambda",
    ),
}


def test_solution_and_stub(tmp_path):
    check_solution_and_stub("bug_hunt", tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_loses_the_right_part_and_is_named(mistake):
    check_mistake("bug_hunt", *MISTAKES[mistake])


def test_a_missing_sentence_costs_an_eighth():
    change = ('"The derivative of a square has a factor 2, which was forgotten."', '""')
    assert grade_with("bug_hunt", change).score == 9.75


def test_a_bug_that_is_left_alone_gets_nothing():
    for name in HUNT:
        assert find_bug(name).released != find_bug(name).fixed


def test_a_patch_keeps_the_indentation():
    text = "def f(x):\n    for i in x:\n        y = i\n    return y\n"
    new = "y = i + 1\nif y:\n    y = 2"
    expected = text.replace("y = i\n", "y = i + 1\n        if y:\n            y = 2\n")
    assert patch(text, "y = i", new, 3) == expected
    assert patch(text, "  y = i\n", "", 3) == text.replace("        y = i\n", "")
