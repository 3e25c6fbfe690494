"""Exercise 6: what the grader says about right, empty and wrong solutions."""

import pytest
from helpers.exercises import check_mistake, check_solution_and_stub

M_HAT = "    m_hat = m / (1 - b1**t)\n"
V_HAT = "    v_hat = v / (1 - b2**t)\n"
STEP = "w -= lr * m_hat / (np.sqrt(v_hat) + eps)"
MISTAKES = {
    "no bias correction": (
        [(M_HAT, "    m_hat = m\n"), (V_HAT, "    v_hat = v\n")],
        ["Adam w", "train, exactly"],
        "both bias corrections are missing",
    ),
    "eps inside of the root": (
        [(STEP, "w -= lr * m_hat / np.sqrt(v_hat + eps)")],
        ["Adam w", "train, exactly"],
        "eps belongs outside of the root",
    ),
    "m assigned, not changed": (
        [("    m[...] = b1 * m + (1 - b1) * g\n    v", "    m = b1 * m + (1 - b1) * g\n    v")],
        ["Adam m, v", "in place", "train learns", "train, exactly"],
        "write into the argument",
    ),
    "returned instead of in place": (
        [
            ("m[...] = b1 * m + (1 - b1) * g\n    v[...] =", "m = b1 * m + (1 - b1) * g\n    v ="),
            (STEP, "return w - lr * m_hat / (np.sqrt(v_hat) + eps), m, v"),
        ],
        ["in place", "train learns", "losses", "train, exactly"],
        "does not change its argument w",
    ),
    "square forgotten": (
        [("(1 - b2) * g**2", "(1 - b2) * g")],
        ["Adam w", "Adam m, v", "in place", "train learns", "train, exactly"],
        "expected g²",
    ),
    "t from 0": (
        [
            ("            t += 1\n", ""),
            (
                "adam_step(layers[i].params[name], g, m, v, t, lr)\n",
                "adam_step(layers[i].params[name], g, m, v, t, lr)\n            t += 1\n",
            ),
        ],
        ["train learns", "train, exactly"],
        "t starts at 1",
    ),
    "Adam starts again in each epoch": (
        [
            (
                "        order = rng.permutation",
                "        t = 0\n        for d in means:\n            for pair in d.values():\n"
                "                pair[0][...] = pair[1][...] = 0\n        order = rng.permutation",
            )
        ],
        ["train, exactly"],
        "start again in each epoch",
    ),
    "not shuffled": (
        [("order = rng.permutation(len(x))", "order = np.arange(len(x))")],
        ["train, exactly"],
        "not shuffled",
    ),
    "last batch left out": (
        [("range(0, len(x), batch_size)", "range(0, len(x) - batch_size + 1, batch_size)")],
        ["losses", "train, exactly"],
        "last batch of an epoch may be smaller",
    ),
    "one loss for each epoch": (
        [("    return losses", "    return losses[:: len(losses) // epochs]")],
        ["losses", "train, exactly"],
        "one loss for each epoch",
    ),
    "uphill": (
        [(STEP, STEP.replace("-=", "+="))],
        ["Adam w", "train learns", "losses", "train, exactly"],
        "uphill",
    ),
    "Adamax with a correction of u": (
        [("w -= lr * m / (1 - b1**t) / u", "w -= lr * m / (1 - b1**t) / (u / (1 - b2**t))")],
        ["Adamax"],
        "only m needs one",
    ),
    "Adamax without the absolute value": (
        [("np.abs(g) + eps", "g + eps")],
        ["Adamax"],
        "lost its absolute value",
    ),
}


def test_solution_and_stub(tmp_path):
    check_solution_and_stub("adam", tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_loses_the_right_part_and_is_named(mistake):
    check_mistake("adam", *MISTAKES[mistake])
