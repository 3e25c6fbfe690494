"""Layers that people bring: state, integers, several inputs, rounding, exact checks."""

import numpy as np
import pytest
import threadpoolctl

from tinyae import Layer, Linear, ReLU, Sequential, Sigmoid, Tanh, contractive, l1, mse
from tinyae.checking import check_second, gradcheck
from tinyae.known_bugs import with_bug
from tinyae.known_bugs.correct_all import CORRECT_MORE, SCALES
from tinyae.known_bugs.homework_all import HOMEWORK


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def kinds(report):
    return {f.kind for f in report.findings} | {h.kind for h in report.hints}


class RemembersInput(Layer):
    def forward(self, x):
        self.x = x
        return np.tanh(x), None

    def backward(self, dy, cache):
        return dy * (1 - np.tanh(self.x) ** 2), {}


class FirstMask(Layer):
    mask = None

    def forward(self, x):
        if self.mask is None:
            self.mask = x > 0
        return x * self.mask, self.mask

    def backward(self, dy, mask):
        return dy * mask, {}


class Embedding(Layer):
    def __init__(self):
        self.params = {"table": normal(7, 3)}

    def forward(self, ids):
        return self.params["table"][ids], ids

    def backward(self, dy, ids):
        table = np.zeros((7, 3))
        np.add.at(table, ids, dy)
        return None, {"table": table}


class Gate(Layer):
    """Two inputs and two outputs."""

    def forward(self, a, b):
        return (a * np.tanh(b), a + b), (a, b)

    def backward(self, dy, cache):
        (dp, ds), (a, b) = dy, cache
        return (dp * np.tanh(b) + ds, dp * a * (1 - np.tanh(b) ** 2) + ds), {}


@pytest.mark.parametrize("layer", [RemembersInput(), FirstMask()], ids=["x", "mask"])
def test_state_between_calls_is_a_finding(layer):
    report = gradcheck(layer, normal(4, 5))
    assert not report.ok and "stale" in kinds(report)


def test_integer_inputs_are_held_fixed():
    report = gradcheck(Embedding(), np.array([0, 2, 2, 5]))
    assert report.ok and [t.name for t in report.tensors] == ["table"]
    assert gradcheck(Linear(3, 2, rng=0), [[1.0, 2.0, 3.0]]).ok


def test_integer_parameters_are_reported():
    layer = Linear(3, 2, rng=0)
    layer.params = {**layer.params, "bias": np.zeros(2, int)}
    assert "integer" in kinds(gradcheck(layer, normal(4, 3)))


def test_several_inputs_and_outputs():
    report = gradcheck(Gate(), normal(3, 4), normal(3, 4, seed=1))
    assert report.ok and [t.name for t in report.tensors] == ["a", "b"]
    right = Gate.backward
    wrong = type("Wrong", (Gate,), {"backward": lambda s, dy, c: (right(s, dy, c)[0][::-1], {})})
    assert not gradcheck(wrong(), normal(3, 4), normal(3, 4, seed=1)).ok


def test_a_function_and_its_derivative():
    assert gradcheck((np.tanh, lambda x: 1 - np.tanh(x) ** 2), normal(3, 4)).ok
    assert not gradcheck((np.tanh, lambda x: 1 - np.tanh(x)), normal(3, 4)).ok


def test_unlisted_arrays_do_not_pass():
    class Unlisted(Layer):
        def __init__(self):
            self.W = normal(5, 4)

        def forward(self, x):
            return x @ self.W, None

        def backward(self, dy, cache):
            return dy @ self.W.T, {}

    report = gradcheck(Unlisted(), normal(3, 5))
    assert not report.ok and "W" in str(report) and "unlisted" in kinds(report)


def test_a_penalty_is_recognized_whatever_its_arguments_are_called():
    encoder = Sequential(Linear(5, 3, rng=0), Tanh())
    for penalty in (lambda e, c: contractive(e, c), lambda net, kept: contractive(net, kept)):
        assert gradcheck(penalty, encoder, normal(4, 5)).ok


def test_no_directions_is_no_check():
    with pytest.raises(ValueError, match="directions is 0, expected at least 1"):
        gradcheck(Linear(3, 2, rng=0), normal(4, 3), method="directions", directions=0)


def test_blas_has_one_thread_inside():
    seen = []

    class Looks(Tanh):
        def forward(self, x):
            seen.extend(p["num_threads"] for p in threadpoolctl.threadpool_info())
            return super().forward(x)

    gradcheck(Looks(), normal(2, 3))
    assert set(seen) <= {1}


def test_a_complex_step_at_1e_13_finds_an_error_of_1e_12():
    wrong = with_bug(Linear(5, 4, rng=0), weight=lambda g, *_: g * (1 + 1e-12))
    assert not gradcheck(wrong, normal(3, 5), method="complex", rtol=1e-13).ok
    assert gradcheck(Linear(5, 4, rng=0), normal(3, 5), method="complex", rtol=1e-13).ok


def test_ties_of_a_maximum_that_double_the_gradient():
    class Largest(Layer):
        def forward(self, x):
            return x.max(axis=1, keepdims=True), x

        def backward(self, dy, x):
            return dy * (x == x.max(axis=1, keepdims=True)), {}

    x = np.array([[1.0, 1.0, 0.0], [0.5, 0.2, 0.5], [0.3, 0.1, 0.2]])
    report = gradcheck(Largest(), x)
    assert not report.ok and "ties" in kinds(report)


@pytest.mark.parametrize("method", ["exact", "dual"])
def test_exact_methods_see_what_differences_do_not(method):
    wrong = with_bug(Linear(5, 4, rng=0), bias=lambda g, *_: g * (1 + 1e-12))
    assert gradcheck(wrong, normal(3, 5)).ok
    report = gradcheck(wrong, normal(3, 5), method=method)
    assert not report.ok and report["bias"].verdict == "WRONG"


def test_a_polynomial_is_proven_and_the_bound_is_told():
    report = gradcheck(Linear(5, 4, rng=0), normal(3, 5), method="exact")
    assert all(t.proven for t in report.tensors) and "probability of 1e-18" in str(report)
    second = check_second(Linear(5, 4, rng=0), normal(3, 5), method="exact")
    assert second.ok and all(t.proven for t in second.tensors[2:])


@pytest.mark.parametrize(
    ("target", "inputs"),
    [
        (Sequential(Linear(5, 4, rng=0), ReLU(), Linear(4, 3, rng=1), Sigmoid()), (normal(3, 5),)),
        (mse, (normal(3, 4), normal(3, 4, seed=1))),
        (l1, (normal(3, 4),)),
    ],
    ids=["net", "mse", "l1"],
)
def test_the_rest_holds_to_fifty_digits(target, inputs):
    report = gradcheck(target, *inputs, method="dual")
    assert report.ok and all(t.proven and t.worst < 1e-45 for t in report.tensors)


def test_a_target_that_casts_gets_a_sentence_and_differences():
    class Casts(Tanh):
        def forward(self, x):
            return super().forward(np.asarray(x, float))

    report = gradcheck(Casts(), normal(3, 4), method="dual")
    assert report.ok and "finite differences were used" in report.remark


def test_homework_is_caught_named_and_never_misleading():
    caught = named = misled = 0
    for homework in HOMEWORK:
        target, inputs = homework.make(0)
        report = gradcheck(target, *inputs, kind=homework.kind)
        text = " ".join(x.text for x in [*report.hints, *report.findings])
        caught += not report.ok
        named += not report.ok and homework.named_in(text)
        misled += homework.misled_by(text)
    print(f"{len(HOMEWORK)} mistakes: caught {caught}, named {named}, misleading {misled}")
    assert caught == len(HOMEWORK) and named >= 0.8 * len(HOMEWORK) and misled == 0


def test_right_layers_at_seven_scales_raise_hardly_an_alarm():
    """Known: the entropy of a saturated softmax and a triplet loss of values of 1e8, where the
    gradient is far below the rounding of the value. Neither is fixed yet."""
    alarms = []
    for example in CORRECT_MORE:
        for scale in SCALES:
            target, inputs = example.make(1, scale)
            if not gradcheck(target, *inputs, seed=1).ok:
                alarms.append((example.name, scale))
    print(f"{len(alarms)} alarms in {len(CORRECT_MORE) * len(SCALES)} checks: {alarms}")
    assert {name for name, _ in alarms} <= {"entropy_of_softmax", "triplet"}
    assert len(alarms) <= 3
