"""Exercise 18: what the grader says about right, empty and wrong solutions."""

import pytest
from helpers.exercises import check_mistake, check_solution_and_stub

SAMPLE = "s = np.exp(logvar / 2) * eps"
BACKWARD = "return dz, dz * s / 2"
KL = "value = -0.5 * (1 + logvar - mean**2 - variance).sum() / n"
GRADIENTS = "return value, mean / n, (variance - 1) / (2 * n)"
OF_Z = ["z", "gradients of z", "conduct"]
MISTAKES = {
    "σ for log σ²": ([(SAMPLE, "s = logvar * eps")], OF_Z, "logvar was taken for σ"),
    "variance for deviation": ([(SAMPLE, "s = np.exp(logvar) * eps")], OF_Z, "e^logvar is σ²"),
    "noise of its own": (
        [(SAMPLE, "eps = np.random.normal(size=mean.shape); " + SAMPLE)],
        OF_Z,
        "draw nothing",
    ),
    "½ forgotten on the way back": ([(BACKWARD, "return dz, dz * s")], ["gradients of z"], "the ½"),
    "derivative of σ": (
        [("return mean + s, s", "return mean + s, eps"), (BACKWARD, "return dz, dz * s")],
        ["gradients of z"],
        "with respect to σ",
    ),
    "dz forgotten": ([(BACKWARD, "return dz, s / 2")], ["gradients of z"], "dz is missing"),
    "sign of the KL": ([("-0.5 * (1", "0.5 * (1")], ["KL"], "never be negative"),
    "½ of the KL": ([("value = -0.5 * (1", "value = -(1")], ["KL"], "½ is missing"),
    "sum over the batch": (
        [(KL, KL.removesuffix(" / n"))],
        ["KL"],
        "not divided by the number of examples",
    ),
    "mean over the dimensions": ([(KL, KL.replace(".sum() / n", ".mean()"))], ["KL"], "their sum"),
    "gradient without 1/N": (
        [(GRADIENTS, "return value, mean, (variance - 1) / 2")],
        ["dmean of KL", "dlogvar of KL"],
        "not divided by the number of examples",
    ),
    "gradient without ½": (
        [(GRADIENTS, "return value, mean / n, (variance - 1) / n")],
        ["dlogvar of KL"],
        "½ is missing",
    ),
    "the wrong direction": (
        [
            ("ratio = np.exp(logvar - prior_logvar)", "ratio = np.exp(prior_logvar - logvar)"),
            ("difference**2 / np.exp(prior_logvar)", "difference**2 / np.exp(logvar)"),
            ("(prior_logvar - logvar + ratio", "(logvar - prior_logvar + ratio"),
        ],
        ["KL to a prior", "gradients of KL to a prior"],
        "expected KL(posterior ‖ prior)",
    ),
    "prior's gradient not summed": (
        [("-dm.sum(axis=0)", "-dm")],
        ["gradients of KL to a prior"],
        "sum over them",
    ),
    "prior's gradient is a mean": (
        [("-dm.sum(axis=0)", "-dm.mean(axis=0)")],
        ["gradients of KL to a prior"],
        "mean over the examples",
    ),
    "cache is shared by all calls": (
        [
            ("return mean + s, s", "globals()['kept'] = s\n    return mean + s, None"),
            ("s = cache", "s = kept"),
        ],
        ["conduct"],
        "in the cache",
    ),
}


def test_solution_and_stub(tmp_path):
    check_solution_and_stub("variational", tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_loses_the_right_part_and_is_named(mistake):
    check_mistake("variational", *MISTAKES[mistake])
