"""Exercise 5: what the grader says about right, empty and wrong solutions."""

import pytest
from helpers.exercises import check_mistake, check_solution_and_stub

SHIFT = "a - a.max(axis=1, keepdims=True)"
MISTAKES = {
    "1/M twice": (
        [("2 * r / r.size", "2 * r / r.size**2")],
        ["mse gradient"],
        "the factor 1/M appears twice",
    ),
    "1/M never": ([("2 * r / r.size", "2 * r")], ["mse gradient"], "the factor 1/M is missing"),
    "2 forgotten": ([("2 * r / r.size", "r / r.size")], ["mse gradient"], "factor 2 is missing"),
    "no maximum subtracted": (
        [(SHIFT, "a")],
        ["softmax_cross_entropy at 1000"],
        "overflow encountered in exp",
    ),
    "mean over the classes": (
        [("-log_p[n, t].mean(), da / len(a)", "-log_p[n, t].sum() / a.size, da / a.size")],
        [
            "softmax_cross_entropy value",
            "softmax_cross_entropy gradient",
            "softmax_cross_entropy conduct",
        ],
        "N·C, expected N",
    ),
    "softmax over the wrong axis": (
        [
            (SHIFT, "a - a.max(axis=0, keepdims=True)"),
            ("np.exp(shifted).sum(axis=1,", "np.exp(shifted).sum(axis=0,"),
        ],
        [
            "softmax_cross_entropy value",
            "softmax_cross_entropy gradient",
            "softmax_cross_entropy at 1000",
            "softmax_cross_entropy conduct",
        ],
        "expected over the classes",
    ),
    "target forgotten in the gradient": (
        [("    da[n, t] -= 1\n", "")],
        ["softmax_cross_entropy gradient"],
        "− 1 at the right class",
    ),
    "logarithm of the sigmoid": (
        [
            (
                "np.maximum(a, 0) - a * t + np.log1p(e)",
                "-t * np.log(1 / (1 + np.exp(-a))) - (1 - t) * np.log(1 - 1 / (1 + np.exp(-a)))",
            )
        ],
        ["bce_with_logits at 1000"],
        "NumPy warns",
    ),
    "tiny number in the logarithm": (
        [
            (
                "np.maximum(a, 0) - a * t + np.log1p(e)",
                "-t * np.log(np.where(a >= 0, 1, e) / (1 + e) + 1e-12)"
                " - (1 - t) * np.log(np.where(a >= 0, e, 1) / (1 + e) + 1e-12)",
            )
        ],
        ["bce_with_logits at 1000"],
        "too small",
    ),
    "derivative of the sigmoid twice": (
        [("(p - t) / a.size", "(p - t) * p * (1 - p) / a.size")],
        ["bce_with_logits gradient"],
        "already canceled",
    ),
    "line does not join": (
        [("delta * (size - delta / 2)", "delta * size")],
        ["huber value", "huber conduct"],
        "does not join the square",
    ),
    "sign of the line": (
        [("np.clip(r, -delta, delta)", "np.where(size <= delta, r, delta)")],
        ["huber gradient"],
        "sign of r is missing",
    ),
    "delta ignored": (
        [("np.clip(r, -delta, delta)", "np.clip(r, -1, 1)")],
        ["huber gradient"],
        "ignores delta",
    ),
    "target changed in place": (
        [
            (
                "    n = np.arange(len(a))\n",
                "    n = np.arange(len(a))\n    a -= a.max(axis=1, keepdims=True)\n",
            )
        ],
        ["softmax_cross_entropy conduct"],
        "changes its argument",
    ),
}


def test_solution_and_stub(tmp_path):
    check_solution_and_stub("losses", tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_loses_the_right_part_and_is_named(mistake):
    check_mistake("losses", *MISTAKES[mistake])
