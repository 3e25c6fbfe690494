"""The table of other checkers' rules: each misses something, and not for want of a fair chance."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from tinyae.checking.adapters import as_problem
from tinyae.known_bugs import BUGS, CORRECT

PATH = Path(__file__).parents[2] / "benchmarks" / "checkers.py"


@pytest.fixture(scope="module")
def checkers():
    spec = importlib.util.spec_from_file_location("benchmark_checkers", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def example(name):
    return next(s for s in BUGS + CORRECT if s.name == name)


def accepted(checkers, rule, name):
    target, inputs = example(name).make(0)
    return checkers.accepts(checkers.RIVALS[rule], target, inputs)


def test_every_rule_accepts_what_is_plainly_right_and_rejects_what_is_plainly_wrong(checkers):
    for rule in checkers.RIVALS:
        assert accepted(checkers, rule, "linear") and accepted(checkers, rule, "affine_pair")
        assert not accepted(checkers, rule, "linear_sign") and not accepted(
            checkers, rule, "linear_x_zero"
        )


def test_what_each_misses(checkers):
    for rule in ("ones, allclose", "ones, 1 entry"):
        assert accepted(checkers, rule, "linear_permuted_columns") and accepted(
            checkers, rule, "softmax_zero"
        )
    assert accepted(checkers, "ones, 1 entry", "linear_half_percent")
    assert accepted(checkers, "allclose 1e-5", "linear_tiny_threefold")
    for rule in checkers.RIVALS:
        assert accepted(checkers, rule, "linear_accumulates") and accepted(
            checkers, rule, "linear_overwrites_dy"
        )


def test_numeric_is_the_derivative(checkers):
    problem = as_problem(*[(f := example("mse_loss").make(0))[0], f[1]])
    dy = np.ones(())
    y, t = problem.tensors["y"], problem.fixed["target"]
    assert np.isclose(
        checkers.numeric(problem, "y", 3, dy, 1e-6), (2 * (y - t) / y.size).reshape(-1)[3]
    )
