"""Layers that people bring: state, integers, several inputs, rounding, exact checks."""

import numpy as np
import pytest
import threadpoolctl

from tinyae import (
    Conv2d,
    ConvTranspose2d,
    Layer,
    Linear,
    ReLU,
    Sequential,
    Sigmoid,
    Tanh,
    contractive,
    l1,
    mse,
)
from tinyae.checking import check_second, gradcheck
from tinyae.known_bugs import BUGS, with_bug
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


def test_a_large_target_is_sampled_and_one_wrong_entry_is_found_all_the_same():
    def spoil(g, *_):
        g = g.copy()
        g.reshape(-1)[123] *= 2
        return g

    x = normal(2, 400)
    report = gradcheck(Linear(400, 300, rng=0), x)
    assert report.ok and sum(t.checked for t in report.tensors) < 700
    for name in ("weight", "bias"):
        report = gradcheck(with_bug(Linear(400, 300, rng=0), **{name: spoil}), x)
        assert report[name].verdict == "WRONG" and 123 in report[name].index[report[name].wrong]
    assert gradcheck(Linear(400, 300, rng=0), x, max_entries=999)["bias"].checked == 300


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
    assert all(t.exact for t in report.tensors) and "probability of 1e-18" in str(report)
    second = check_second(Linear(5, 4, rng=0), normal(3, 5), method="exact")
    assert second.ok and all(t.exact for t in second.tensors[2:])


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
    assert report.ok and all(t.exact and t.worst < 1e-45 for t in report.tensors)


def test_a_target_that_casts_gets_a_sentence_and_differences():
    class Casts(Tanh):
        def forward(self, x):
            return super().forward(np.asarray(x, float))

    report = gradcheck(Casts(), normal(3, 4), method="dual")
    assert report.ok and "finite differences were used" in report.remark


def test_exact_methods_see_a_transposed_jacobian():
    """For u = dy it would pass: dyᵀ J dy = dyᵀ Jᵀ dy."""
    wrong = with_bug(Linear(5, 5, rng=0), x=lambda g, dy, x, layer: dy @ layer.params["weight"].T)
    for seed in range(5):
        for method in ("exact", "dual"):
            assert not gradcheck(wrong, normal(6, 5), method=method, seed=seed).ok


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Linear(5, 4, rng=0), (3, 5)),
        (Conv2d(2, 3, (3, 2), stride=2, padding=1, dilation=2, rng=0), (2, 2, 7, 6)),
        (ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1, rng=0), (2, 2, 3, 4)),
    ],
    ids=repr,
)
def test_linear_layers_and_convolutions_are_proven(layer, shape):
    report = gradcheck(layer, normal(*shape), method="exact")
    assert report.ok and "proven up to a probability of 1e-18" in report.remark
    assert all(t.exact and t.worst == 0 for t in report.tensors)


@pytest.mark.parametrize("example", [*BUGS[::9], *HOMEWORK[::20]], ids=lambda e: e.name)
def test_dual_numbers_catch_known_bugs_at_1e_40(example):
    """A sample; all of them take minutes."""
    target, inputs = example.make(0)
    kind = getattr(example, "kind", None)
    assert not gradcheck(target, *inputs, method="dual", rtol=1e-40, kind=kind).ok


def test_right_layers_at_seven_scales_raise_no_alarm():
    alarms = []
    for example in CORRECT_MORE:
        for scale in SCALES:
            target, inputs = example.make(1, scale)
            if not gradcheck(target, *inputs, seed=1).ok:
                alarms.append((example.name, scale))
    assert not alarms


def test_a_value_that_rounding_hides_is_no_alarm_and_a_wrong_one_still_is():
    """1 + 1e-15 is rounded, and 1e8 − 1e8: the results are small, but their errors are not."""

    def entropy(z, factor=1.0):
        p = np.exp(z - z.max())
        p = p / p.sum()
        log_p = z - z.max() - np.log(np.exp(z - z.max()).sum())
        return -(p * log_p).sum(), -factor * p * (log_p - (p * log_p).sum())

    z = np.array([[0.0, -34.0, -34.5, -33.0]])
    assert gradcheck(entropy, z).ok
    assert not gradcheck(lambda z: entropy(z / 10, 0.11), z).ok  # it must be 0.1

    def difference(y, a):
        return ((y - a) ** 2).sum() - (y**2).sum(), -2 * a

    y, a = 1e4 * normal(3, 4), normal(3, 4, seed=1)
    assert gradcheck(difference, y, a).ok
    wrong = lambda y, a: (difference(y, a)[0], -2.01 * a)  # noqa: E731
    assert not gradcheck(wrong, y, a).ok
