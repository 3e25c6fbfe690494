"""Exercise 20: what the grader says about right, empty and wrong checkers."""

import pytest
from helpers.exercises import check_solution_and_stub, grade_text, grade_with, lost

DY = "dy, other = rng.uniform(0.5, 1.5, shape) * rng.choice([-1, 1], shape)"
TOLERANCE = "tolerance = 1e-5 * max(abs(value), abs(slope)) + 1e-7 * np.abs(g).max()"
KINK = "if abs(both[0] - both[1]) > bend and np.abs(both - half).max() <= bend:"
ENTRIES = "np.arange(a.size) if a.size <= most else rng.permutation(a.size)[:100]"
MISTAKES = {
    "ones": ([(DY, "dy, other = np.ones(shape)")], "random dy", "same value everywhere"),
    "fixed tolerance": (
        [(TOLERANCE, "tolerance = 1e-5 * abs(slope) + 1e-5")],
        "tolerance",
        "an absolute tolerance hides them",
    ),
    "kinks": ([(KINK, "if False:")], "kinks", "crosses a kink"),
    "one entry": ([(ENTRIES, "[0]")], "every entry", "of the entries of"),
    "parameters are not checked": (
        [("for name, a in arrays.items():\n        for d", "for name in ['x']:\n        a = "
          "arrays[name]\n        for d")],
        "every entry",
        "params is never changed",
    ),
    "x is not checked": (
        [("for name, a in arrays.items():\n        for d", "for name, a in layer.params.items():"
          "\n        for d")],
        "activations",
        "x is never changed",
    ),
    "float32": (
        [('{"x": x.astype(float)}', '{"x": x}'), ("arrays[name] = w.astype(float)",
          "arrays[name] = w"), (" or y.dtype != float", ""), ("or g.dtype != float", "")],
        "behavior",
        "float32 is too coarse",
    ),
    "one call of backward": (
        [("if not np.array_equal(g, again[name]):", "if False:"),
         ("grads, again = backward(dy), backward(dy)", "grads = backward(dy)"),
         ("if np.abs(sums[name] - g - others[name]).max() > 1e-12 * scale:", "if False:")],
        "behavior",
        "call backward twice",
    ),
}  # fmt: skip


def test_solution_and_stub(tmp_path):
    check_solution_and_stub("checker", tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_loses_the_right_part_and_is_named(mistake):
    changes, part, word = MISTAKES[mistake]
    result = grade_with("checker", *changes)
    found = lost(result)
    assert word in found.get(part, ""), str(result)
    assert result.score > 1  # the other families keep their points


@pytest.mark.parametrize(
    "body",
    [
        "return True",
        "return False",
        "return None",
        "return np.random.random() < 0.5",
        "from tinyae.checking import gradcheck\n    return gradcheck(layer, x).ok",
        "return 'Example' in repr(vars(layer))",
    ],
)
def test_checkers_that_check_nothing_get_nothing(body):
    text = f"import numpy as np\n\n\ndef check(layer, x):\n    {body}\n"
    result = grade_text("checker", text)
    assert result.score < (2 if "random" in body else 1e-9), str(result)


def test_gradcheck_is_named_as_the_reason():
    text = "from tinyae import gradcheck\ndef check(layer, x):\n    return gradcheck(layer, x).ok\n"
    assert "write the check yourself" in lost(grade_text("checker", text))["linear"]
