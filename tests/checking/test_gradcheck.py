"""Rules of the checker: what it accepts, what it refuses, and that it leaves everything as it
was."""

import time
import traceback

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyae import (
    ELU,
    Conv2d,
    ConvTranspose2d,
    Linear,
    ReLU,
    Sequential,
    Sigmoid,
    Softplus,
    Tanh,
    mse,
)
from tinyae.checking import assert_gradients, gradcheck
from tinyae.known_bugs import with_bug

RNG = np.random.default_rng(0)
X = RNG.standard_normal((6, 5))


@given(
    st.integers(0, 10**6),
    st.sampled_from([ELU(), Sigmoid(), Softplus(), Tanh(), ReLU()]),
    st.integers(1, 6),
    st.floats(-6, 6),
    st.sampled_from(["central", "forward", "richardson"]),
)
def test_correct_nets_of_any_scale_pass(seed, activation, n, log_scale, method):
    rng = np.random.default_rng(seed)
    model = Sequential(Linear(3, 4, rng=rng), activation, Linear(4, 2, rng=rng))
    x = 10**log_scale * rng.standard_normal((n, 3))
    assert_gradients(model, x, seed=seed, method=method)


@given(
    st.integers(0, 10**6),
    st.floats(1e-3, 1),
    st.sampled_from(["central", "forward", "richardson", "complex"]),
)
def test_one_wrong_entry_is_found_where_it_is(seed, error, method):
    rng = np.random.default_rng(seed)
    i, j = int(rng.integers(12)), int(rng.integers(16))

    def spoil(g, *_):
        g = g.copy()
        g[i, j] *= 1 + error
        return g

    report = gradcheck(
        with_bug(Linear(16, 12, rng=rng), weight=spoil),
        rng.standard_normal((4, 16)),
        method=method,
        seed=seed,
    )
    assert not report.ok and report["weight"].where == (i, j) and report["weight"].wrong.sum() == 1
    assert report["x"].verdict == report["bias"].verdict == "ok"
    assert [h.kind for h in report.hints] == ["entries"] and f"({i},{j})" in report.hints[0].text


@given(
    st.integers(0, 10**6), st.floats(-3, 3).filter(lambda c: abs(c - 1) > 1e-3 and abs(c) > 1e-3)
)
def test_a_factor_is_measured(seed, c):
    rng = np.random.default_rng(seed)
    report = gradcheck(
        with_bug(Linear(5, 4, rng=rng), weight=lambda g, *_: c * g),
        rng.standard_normal((6, 5)),
        seed=seed,
    )
    assert not report.ok
    assert [h.kind for h in report.hints] == ["factor"] and f"{c:.4g} × numeric" in report.hints[
        0
    ].text


def test_directions_find_one_entry_in_a_large_layer():
    def spoil(g, *_):
        g = g.copy()
        g[3, 300] += 0.1
        return g

    report = gradcheck(
        with_bug(Linear(500, 400, rng=0), weight=spoil),
        RNG.standard_normal((2, 500)),
        method="directions",
    )
    assert report["weight"].verdict == "WRONG" and report["weight"].where == (3, 300)
    assert report["x"].verdict == report["bias"].verdict == "ok"


def test_nothing_is_changed():
    x = X.astype(np.float32)
    layer = Sequential(Linear(5, 4, rng=0), ReLU(), Linear(4, 2, rng=1))
    before = {n: a.copy() for n, a in layer.params.items()}
    arrays = {n: id(a) for n, a in layer.params.items()}
    seen = x.copy()
    np.random.seed(5)  # noqa: NPY002
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    for method in ("central", "complex", "directions"):
        gradcheck(layer, x, method=method)
    assert np.array_equal(x, seen) and np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert all(np.array_equal(a, before[n]) and id(a) == arrays[n] for n, a in layer.params.items())


def test_nothing_is_changed_by_targets_that_change_things():
    class Updates(Linear):
        def backward(self, dy, x):
            dx, grads = super().backward(dy, x)
            self.params["weight"] -= grads["weight"]
            dy *= 2
            x += 1
            return dx, grads

    layer, x = Updates(5, 4, rng=0), X.copy()
    weight = layer.params["weight"].copy()
    report = gradcheck(layer, x)
    assert {f.tensor for f in report.findings if f.kind == "overwritten"} >= {"weight", "dy", "x"}
    assert np.array_equal(layer.params["weight"], weight) and np.array_equal(x, X)


def test_same_seed_same_report():
    first, second = (
        gradcheck(Conv2d(2, 3, 3, rng=0), RNG.standard_normal((2, 2, 6, 6)) * 0 + 1, seed=3)
        for _ in range(2)
    )
    assert first.to_dict() == second.to_dict()


# ---- kinks, domains, noise ---------------------------------------------------


def test_kinks_are_skipped_and_counted():
    x = RNG.standard_normal((10, 10))
    x[:3] = 0
    report = gradcheck(ReLU(), x)
    assert report.ok and report["x"].kinks == 30 and report["x"].checked == 70


def test_a_bug_beside_kinks_is_still_caught():
    x = RNG.standard_normal((10, 10))
    x[:4] = 0
    report = gradcheck(with_bug(ReLU(), x=lambda g, *_: 1.01 * g), x)
    assert (
        report["x"].verdict == "WRONG"
        and report["x"].kinks == 40
        and report.hints[0].kind == "factor"
    )


def test_too_many_kinks_is_a_verdict_with_advice():
    x = RNG.standard_normal((10, 10))
    x[:6] = 0
    report = gradcheck(ReLU(), x)
    assert (
        not report.ok and report["x"].verdict == "KINKS" and "exact zeros" in report.hints[0].text
    )


def test_zero_biases_are_checked_beside_the_kink_and_bugs_there_found():
    x = np.zeros((3, 1, 8, 8))
    x[:, :, 3:5, 3:5] = RNG.random((3, 1, 2, 2))

    def model(**bugs):
        layer = with_bug(Conv2d(1, 2, 3, rng=0), **bugs)
        layer.params["bias"][:] = 0
        return Sequential(layer, ReLU())

    report = gradcheck(model(), x)
    assert report.ok and "kink" in report["0.bias"].note
    report = gradcheck(model(bias=lambda g, *_: g / 2), x)
    assert report["0.bias"].verdict == "WRONG" and report.hints[0].kind == "factor"


def test_the_mean_of_both_slopes_is_no_excuse():
    """Half of dy everywhere lies "between the two slopes" of ReLU: at kinks, and nowhere else, that
    is so."""
    assert gradcheck(with_bug(ReLU(), x=lambda g, dy, *_: dy / 2), X).ok is False


def test_edge_of_the_domain():
    def loss(y):
        return float(np.log(y).sum()), 1 / y

    y = np.full((2, 3), 1e-9)
    y[0] = 0.5
    report = gradcheck(loss, np.where(RNG.random((2, 3)) < 2, y, y))
    assert report["y"].verdict in ("ok", "KINKS")


def test_strict_float32():
    model = Sequential(Linear(5, 4, rng=0), Tanh(), Linear(4, 2, rng=0))
    assert_gradients(model, X, dtype=np.float32)

    class Cancels(Tanh):  # 1 − y² from a difference that float32 cannot hold
        def backward(self, dy, y):
            return dy * ((1e8 + 1 - y * y) - 1e8).astype(y.dtype), {}

    assert gradcheck(Cancels(), X, rtol=1e-5).ok
    report = gradcheck(Cancels(), X, rtol=1e-5, dtype=np.float32)
    assert {f.kind for f in report.findings} == {"precision"} and report.hints[
        0
    ].kind == "precision"

    class Casts(Linear):
        def forward(self, x):
            y, cache = super().forward(x)
            return y.astype(np.float64), cache

    assert gradcheck(Casts(5, 4, rng=0), X).ok
    assert {f.kind for f in gradcheck(Casts(5, 4, rng=0), X, dtype=np.float32).findings} == {
        "dtype"
    }


# ---- methods -----------------------------------------------------------------


def test_complex_step_is_exact():
    report = gradcheck(
        Sequential(Linear(5, 4, rng=0), Tanh(), Linear(4, 3, rng=0), Sigmoid()), X, method="complex"
    )
    assert report.ok and max(t.worst for t in report.tensors) < 1e-12


def test_complex_step_catches_what_differences_cannot():
    """A relative error of 1e-9 needs the method without truncation."""
    layer = with_bug(Tanh(), x=lambda g, *_: g * (1 + 1e-9))
    assert gradcheck(layer, X).ok
    assert not gradcheck(layer, X, method="complex", rtol=1e-11).ok


def absolute(z):
    return np.abs(z).sum(), np.sign(z)


@pytest.mark.parametrize(
    "target, why",
    [
        (absolute, "real"),
        ((lambda x: (np.conj(x) * x, x), lambda dy, x: (2 * x * dy,)), "analytic"),
        ((lambda x: (np.floor(x) + x, x), lambda dy, x: (dy,)), "TypeError"),
    ],
    ids=["abs", "conj", "floor"],
)
def test_complex_step_refuses_what_is_not_analytic(target, why):
    assert_gradients(target, X)
    with pytest.raises(ValueError, match=f"refused.*{why}"):
        gradcheck(target, X, method="complex")


def test_own_step_and_unknown_method():
    assert gradcheck(Linear(5, 4), X, step=1e-4).step == 1e-4
    with pytest.raises(ValueError, match="method 'newton' is unknown"):
        gradcheck(Linear(5, 4), X, method="newton")
    with pytest.raises(ValueError, match="step is"):
        gradcheck(Linear(5, 4), X, step=0)


# ---- targets as courses write them -------------------------------------------


class StudentLinear:
    """Parameters kept twice, as an attribute and in params: both must follow the checker's step."""

    def __init__(self):
        self.W = RNG.standard_normal((4, 5)).astype(np.float32)
        self.params = {"W": self.W}

    def forward(self, x):
        return x @ self.W.T, x

    def backward(self, dy, x):
        return dy @ self.W, {"W": dy.T @ x}


def test_a_class_with_nothing_but_the_protocol():
    assert_gradients(StudentLinear(), X)


class Tied:
    """One array under two names: used forward in the encoder, transposed in the decoder."""

    def __init__(self, forget=False):
        w = RNG.standard_normal((3, 5))
        self.params, self.forget = {"encoder.weight": w, "decoder.weight": w}, forget

    def forward(self, x):
        w = self.params["encoder.weight"]
        return (x @ w.T) @ w, x

    def backward(self, dy, x):
        w = self.params["encoder.weight"]
        dz = dy @ w.T
        parts = {"encoder.weight": dz.T @ x, "decoder.weight": (x @ w.T).T @ dy}
        return dz @ w, {
            n: (0 if self.forget else 1) * g if n == "decoder.weight" else g
            for n, g in parts.items()
        }


def test_tied_weights_are_one_tensor():
    report = gradcheck(Tied(), X)
    assert report.ok and [t.name for t in report.tensors] == ["x", "encoder.weight"]
    assert not gradcheck(Tied(forget=True), X).ok


def test_noise_from_np_random_with_a_seed_of_its_own_is_fine():
    class Seeded(Linear):
        def forward(self, x):
            np.random.seed(7)  # noqa: NPY002
            return super().forward(x * np.random.random(x.shape))  # noqa: NPY002

        def backward(self, dy, cache):
            np.random.seed(7)  # noqa: NPY002
            dx, grads = super().backward(dy, cache)
            return dx * np.random.random(dx.shape), grads  # noqa: NPY002

    assert_gradients(Seeded(5, 4, rng=0), X)


def test_integers_pass_through_a_pair():
    def pick(x, rows, scale):
        return scale * x[rows], (rows, scale, x.shape)

    def pick_backward(dout, cache):
        rows, scale, shape = cache
        dx = np.zeros(shape)
        np.add.at(dx, rows, scale * dout)
        return dx

    assert_gradients((pick, pick_backward), X, np.array([0, 2, 2]), 3)


def test_a_target_that_is_left_alone():
    assert set(t.name for t in gradcheck(mse, X, 0 * X).tensors) == {"y"}


# ---- bad use -----------------------------------------------------------------


class NoForward:
    def backward(self, dy, cache):
        return dy, {}


class NoCache:
    def forward(self, x):
        return x

    def backward(self, dy, cache):
        return dy, {}


class OneThing(NoCache):
    def forward(self, x):
        return x, None

    def backward(self, dy, cache):
        return dy


@pytest.mark.parametrize(
    "target, inputs, error, text",
    [
        (NoForward(), (X,), TypeError, "has backward but no forward"),
        (NoCache(), (X,), TypeError, "one array of shape .* expected two values: y, cache"),
        (OneThing(), (X,), TypeError, "one array of shape .* expected two values: dx, grads"),
        (mse, (np.zeros((2, 2), int), np.zeros((2, 2))), TypeError, "y has dtype int64"),
        (Linear(5, 4), (np.zeros((0, 5)),), ValueError, "x is empty"),
        (Linear(5, 4), (), TypeError, "checked at an input"),
        (Linear, (X,), TypeError, "is a class"),
        (3, (X,), TypeError, "cannot check a int"),
        (lambda y: (y, y), (X,), TypeError, "expected a single number"),
        (lambda y: y.sum(), (X,), TypeError, "expected 2 values: value, dy"),
        ((lambda x: x, lambda d, c: d), (X,), TypeError, "expected two values: y, cache"),
    ],
    ids=str,
)
def test_bad_use_gets_a_helpful_error(target, inputs, error, text):
    with pytest.raises(error, match=text):
        gradcheck(target, *inputs)


def test_a_target_that_throws_keeps_its_traceback():
    class Throws(Linear):
        def backward(self, dy, x):
            return dy @ np.zeros((99, 99)), {}

    with pytest.raises(ValueError) as caught:
        gradcheck(Throws(5, 4), X)
    text = "".join(traceback.format_exception(caught.value))
    assert "np.zeros((99, 99))" in text and "raised inside Throws.backward" in text


def test_unknown_kind():
    with pytest.raises(ValueError, match="kind 'leyer' is unknown"):
        gradcheck(Linear(5, 4), X, kind="leyer")


# ---- speed -------------------------------------------------------------------


def test_large_targets_are_checked_in_seconds():
    start = time.process_time()
    assert_gradients(Conv2d(64, 128, 7, rng=0), RNG.standard_normal((2, 64, 7, 7)))
    conv = time.process_time() - start
    start = time.process_time()
    sizes = [784, 512, 256, 32, 256, 512, 784]
    layers = [
        a for i, o in zip(sizes, sizes[1:], strict=False) for a in (Linear(i, o, rng=i), ReLU())
    ]
    assert_gradients(Sequential(*layers[:-1], Sigmoid()), RNG.random((8, 784)), method="directions")
    dense = time.process_time() - start
    assert conv < 5 and dense < 5, (
        conv,
        dense,
    )  # of CPU time: other programs on the machine do not count


def test_transposed_convolution_with_everything():
    assert_gradients(
        ConvTranspose2d(2, 3, (3, 2), stride=(2, 1), padding=(1, 0), output_padding=(1, 0), rng=0),
        RNG.standard_normal((2, 2, 4, 3)),
    )


FUNCTIONS = {
    "tanh": (np.tanh, lambda a: 1 - np.tanh(a) ** 2),
    "sin": (np.sin, np.cos),
    "square": (np.square, lambda a: 2 * a),
    "bell": (lambda a: np.exp(-a * a), lambda a: -2 * a * np.exp(-a * a)),
    "abs": (np.abs, np.sign),
}


@given(
    st.integers(0, 10**6),
    st.sampled_from(sorted(FUNCTIONS)),
    st.floats(-3, 3),
    st.sampled_from([0.0, 1.0, 30.0, 1e4]),
)
def test_functions_of_any_scale_at_any_offset(seed, name, log_scale, offset):
    """f(k (x − c)): the step must find the scale 1/k by itself, with kinks close by and with c far
    from 0."""
    f, slope = FUNCTIONS[name]
    k = 10**log_scale
    x = offset + np.random.default_rng(seed).standard_normal((3, 4)) / k
    for error in (0, 0.01):
        report = gradcheck(
            (
                lambda x: (f(k * (x - offset)), x),
                lambda dy, x, error=error: dy * k * slope(k * (x - offset)) * (1 + error),
            ),
            x,
            seed=seed,
        )
        assert report.ok is (error == 0), f"error {error}\n{report}"


def test_fewer_entries_than_samples_are_checked_without_repetition():
    report = gradcheck(Linear(12, 10, rng=0), np.ones((3, 12)), max_entries=50)
    assert report.ok and report["weight"].checked <= 120
