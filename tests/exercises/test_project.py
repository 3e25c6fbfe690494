"""Exercise 22: what the grader says about right, empty and wrong projects."""

import pytest
from helpers.exercises import check_mistake, check_solution_and_stub, grade_with

NOISE = "noisy = x * (rng.random(x.shape) > 0.2)"
PENALTY = 'grads["encoder.0.weight"] + weight * 4 * gap @ W / gap.size'
TERMS = '{"mse": value, "orthogonality": penalty}'
MISTAKES = {
    "half of the square's derivative": (
        [(PENALTY, PENALTY.replace("4", "2"))],
        ["gradients", "check"],
        "encoder.0.weight",
    ),
    "the term has no gradient": (
        [(PENALTY, 'grads["encoder.0.weight"]')],
        ["gradients", "check"],
        "1 of 4 gradients",
    ),
    "noise of its own": (
        [(NOISE, "noisy = x * (np.random.random(x.shape) > 0.2)")],
        ["gradients", "seed", "check"],
        "draw random numbers from rng only",
    ),
    "x is changed": (
        [(NOISE, "x *= rng.random(x.shape) > 0.2; noisy = x")],
        ["seed"],
        "changes x in place",
    ),
    "a gradient is missing": (
        [("_, grads = model.backward(dy, caches)", "_, grads = model.backward(dy, caches)\n"
          "    del grads['decoder.0.bias']")],
        ["runs", "terms", "gradients", "seed", "learns", "run time", "check", "figure"],
        "expected the keys of model.params",
    ),
    "it goes uphill": (
        [("value, dy = mse(y, x)", "value, dy = mse(y, x)\n    dy = -dy")],
        ["gradients", "learns", "check"],
        "after 60 steps",
    ),
    "one term": ([(TERMS, '{"mse": value}')], ["terms"], "at least two"),
    "a check that accepts everything": (
        [("slope, rtol=1e-4, atol=1e-9", "slope, rtol=1e9")],
        ["check"],
        "it accepts a gradient",
    ),
    "a check that rejects everything": (
        [("slope, rtol=1e-4, atol=1e-9", "2 * slope + 1, rtol=1e-4")],
        ["check"],
        "rejects your own",
    ),
    "an empty figure": (
        [("return as_image(fig)", "return 255 * np.ones((300, 300, 3), np.uint8)")],
        ["figure"],
        "empty",
    ),
}  # fmt: skip


def test_solution_and_stub(tmp_path):
    check_solution_and_stub("project", tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_loses_the_right_part_and_is_named(mistake):
    check_mistake("project", *MISTAKES[mistake])


def test_three_of_four_right_gradients_give_three_quarters():
    result = grade_with("project", (PENALTY, 'grads["encoder.0.weight"]'))
    (part,) = [part for part in result.tests if part.name == "gradients"]
    assert part.score == 2.25
