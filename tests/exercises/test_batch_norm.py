"""Exercise 23: what the grader says about right, empty and wrong solutions."""

import pytest
from helpers.exercises import check_mistake, check_solution_and_stub

DX = "s * (dn - dn.mean(axis=0) - n * (dn * n).mean(axis=0))"
MISTAKES = {
    "mean and variance as constants": ([(DX, "s * dn")], ["dx"], "treated as constants"),
    "path through the variance forgotten": (
        [(DX, "s * (dn - dn.mean(axis=0))")],
        ["dx"],
        "path through the variance is missing",
    ),
    "path through the mean forgotten": (
        [(DX, "s * (dn - n * (dn * n).mean(axis=0))")],
        ["dx"],
        "path through the mean is missing",
    ),
    "sums for means": (
        [(DX, "s * (dn - dn.sum(axis=0) - n * (dn * n).sum(axis=0))")],
        ["dx"],
        "expected means",
    ),
    "gamma forgotten": ([("dn = dy * gamma", "dn = dy")], ["dx"], "gamma is missing"),
    "means for sums": (
        [("(dy * n).sum(axis=0), dy.sum(axis=0)", "(dy * n).mean(axis=0), dy.mean(axis=0)")],
        ["dgamma", "dbeta"],
        "expected the sum",
    ),
    "N - 1 in the forward pass": (
        [("(centered**2).mean(axis=0) + eps", "x.var(axis=0, ddof=1) + eps")],
        ["y", "eps", "dx", "dgamma", "conduct"],
        "N − 1, expected N",
    ),
    "eps outside of the root": (
        [
            (
                "np.sqrt((centered**2).mean(axis=0) + eps)",
                "(np.sqrt((centered**2).mean(axis=0)) + eps)",
            )
        ],
        ["eps"],
        "eps belongs under the root",
    ),
    "weights of the running mean exchanged": (
        [
            (
                "(1 - momentum) * mean + momentum * x.mean(axis=0)",
                "momentum * mean + (1 - momentum) * x.mean(axis=0)",
            )
        ],
        ["running mean"],
        "weights are exchanged",
    ),
    "biased running variance": (
        [("x.var(axis=0, ddof=1)", "x.var(axis=0)")],
        ["running variance"],
        "expected N − 1 here",
    ),
    "batch statistics in inference": (
        [
            (
                "gamma * (x - mean) / np.sqrt(var + eps) + beta",
                "batch_norm_forward(x, gamma, beta, eps)[0]",
            )
        ],
        ["inference"],
        "statistics of the batch",
    ),
    "running mean in place": (
        [
            (
                "    new_mean = (1 - momentum) * mean + momentum * x.mean(axis=0)\n",
                "    mean *= 1 - momentum\n    mean += momentum * x.mean(axis=0)\n"
                "    new_mean = mean.copy()\n",
            )
        ],
        ["conduct"],
        "changes its argument mean",
    ),
}


def test_solution_and_stub(tmp_path):
    check_solution_and_stub("batch_norm", tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_loses_the_right_part_and_is_named(mistake):
    check_mistake("batch_norm", *MISTAKES[mistake])
