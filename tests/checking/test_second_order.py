"""Second derivatives, adjoints, penalties, the step sweep."""

import json

import numpy as np
import pytest

from tinyae import (
    ELU,
    Conv2d,
    ConvTranspose2d,
    Flatten,
    LeakyReLU,
    Linear,
    ReLU,
    Reshape,
    Sequential,
    Sigmoid,
    Softplus,
    Tanh,
)
from tinyae.checking import adjoint_gap, check_penalty, check_second, gradcheck, step_sweep
from tinyae.known_bugs import BUGS
from tinyae.layers import fold, unfold

RNG = np.random.default_rng(0)
X, IMAGES = RNG.standard_normal((4, 5)), RNG.standard_normal((2, 2, 6, 6))


@pytest.mark.parametrize(
    "layer, x",
    [
        (Linear(5, 4, rng=0), X),
        (ReLU(), X),
        (LeakyReLU(), X),
        (ELU(), X),
        (Sigmoid(), X),
        (Tanh(), X),
        (Softplus(), X),
        (Conv2d(2, 3, 3, stride=2, padding=1, rng=0), IMAGES),
        (ConvTranspose2d(2, 3, 3, stride=2, rng=0), IMAGES[:, :, :3, :3]),
        (Flatten(), IMAGES),
        (Reshape(5, 1), X),
        (Sequential(Linear(5, 4, rng=0), Tanh(), Linear(4, 3, rng=1), Sigmoid()), X),
        (
            Sequential(Conv2d(2, 3, 3, rng=0), ReLU(), Flatten(), Linear(48, 3, rng=1), Softplus()),
            IMAGES,
        ),
    ],
    ids=lambda a: type(a).__name__,
)
def test_the_layers_second_derivatives_are_right(layer, x):
    report = check_second(layer, x)
    assert report.ok, str(report)
    names = [t.name for t in report.tensors]
    assert names[:4] == ["jvp", "vjp", "dy", "x"]
    assert (names[-1] == "parameter_jvp") == bool(layer.params)


class WrongCurvature(Tanh):
    def second_derivative(self, y):
        return -y * (1 - y * y)


class BiasInJvp(Linear):
    def jvp(self, dx, x):
        return super().jvp(dx, x) + self.params["bias"]


class BiasNotMoved(Linear):
    def parameter_jvp(self, dparams, x):
        return super().parameter_jvp({**dparams, "bias": 0 * dparams["bias"]}, x)


class NoBend(Sigmoid):
    def double_backward(self, g, dy, y):
        d_dy, _, grads = super().double_backward(g, dy, y)
        return d_dy, None, grads


class ProbesForgotten(Tanh):
    def vjp(self, dy, y):
        return super().vjp(dy[:1] if dy.ndim > y.ndim else dy, y) + 0 * dy


class WeightForgotten(Linear):
    def double_backward(self, g, dy, x):
        d_dy, dx, grads = super().double_backward(g, dy, x)
        return d_dy, dx, grads | {"weight": 0 * grads["weight"]}


@pytest.mark.parametrize(
    "layer, tensor, kind",
    [
        (WrongCurvature(), "x", "factor"),
        (BiasInJvp(5, 4, rng=0), "jvp", "adjoint"),
        (NoBend(), "x", "zero"),
        (ProbesForgotten(), "vjp", "probes"),
        (WeightForgotten(5, 4, rng=0), "weight", "zero"),
    ],
    ids=lambda a: type(a).__name__,
)
def test_wrong_second_derivatives_are_caught_and_named(layer, tensor, kind):
    report = check_second(layer, X)
    assert not report.ok and report[tensor].verdict != "ok" or kind == "probes"
    assert kind in {h.kind for h in report.hints} | {f.kind for f in report.findings}, str(report)


def test_a_wrong_parameter_jvp_is_caught_and_named():
    for layer in (BiasNotMoved(5, 4, rng=0), Sequential(BiasNotMoved(5, 4, rng=0), Tanh())):
        report = check_second(layer, X)
        assert [t.name for t in report.tensors if t.verdict != "ok"] == ["parameter_jvp"]
        assert {(f.kind, f.tensor) for f in report.findings} == {("adjoint", "parameter_jvp")}
        exact = check_second(layer, X, method="exact") if isinstance(layer, Linear) else report
        assert not exact.ok


def test_check_second_needs_all_methods():
    class Half:
        def forward(self, x):
            return x, None

    with pytest.raises(TypeError, match="Half has no jvp"):
        check_second(Half(), X)


def test_adjoint_gap():
    a = RNG.standard_normal((3, 5))
    assert adjoint_gap(lambda x: a @ x, lambda y: a.T @ y, X[0], RNG.standard_normal(3)) < 1e-15
    assert (
        adjoint_gap(lambda x: a @ x, lambda y: a.T @ y * 1.001, X[0], RNG.standard_normal(3)) > 1e-5
    )
    patches = unfold(IMAGES, 3, 2, 1)
    c = RNG.standard_normal(patches.shape)
    assert (
        adjoint_gap(lambda x: unfold(x, 3, 2, 1), lambda c: fold(c, (6, 6), 3, 2, 1), IMAGES, c)
        < 1e-15
    )
    with pytest.raises(ValueError, match="f_adjoint"):
        adjoint_gap(lambda x: a @ x, lambda y: y, X[0], RNG.standard_normal(3))


# ---- penalties ---------------------------------------------------------------


def kl(z, rho=0.1):
    r = z.mean(axis=0)
    value = (rho * np.log(rho / r) + (1 - rho) * np.log((1 - rho) / (1 - r))).sum()
    return value, np.broadcast_to(((1 - rho) / (1 - r) - rho / r) / len(z), z.shape).copy()


def half_kl(z, rho=0.1):
    r = z.mean(axis=0)
    return (rho * np.log(rho / r)).sum(), np.broadcast_to(-rho / r / len(z), z.shape).copy()


Z = RNG.uniform(0.2, 0.9, (5, 4))


def test_a_good_penalty_passes():
    assert check_penalty(kl, Z, value=lambda z: kl(z)[0]).ok


def test_half_of_kl_is_below_zero():
    assert gradcheck(half_kl, Z).ok  # value and gradient agree
    assert [f.kind for f in check_penalty(half_kl, Z).findings] == ["negative"]


def test_the_gradient_of_another_penalty_is_named():
    bug = next(b for b in BUGS if b.name == "kl_per_element")
    penalty, inputs = bug.make(0)
    assert "mean of kl over single examples" in check_penalty(penalty, *inputs).hints[0].text

    def l2_for_l1(z):
        return np.abs(z).sum(), 2 * z

    report = check_penalty(l2_for_l1, X, others={"the sum of squares": lambda z: (z**2).sum()})
    assert report.hints[0].kind == "other loss" and "the sum of squares" in report.hints[0].text
    report = check_penalty(l2_for_l1, X)
    assert report.hints[0].kind == "other loss" and "symmetric" in report.hints[0].text


def test_what_is_no_gradient_at_all_is_said_so():
    def penalty(z):
        s = z.sum(axis=1, keepdims=True)
        return float((z * s).sum()), s * z**2  # not symmetric

    assert check_penalty(penalty, X).hints[0].kind == "no loss"


def frobenius(encoder, caches, probe=None):
    """mean ‖J‖² through vjp of the identity and double_backward; ``probe`` replaces the
    identity."""
    n, k = len(caches[0]), caches[-1].shape[1]
    v = np.broadcast_to(
        np.eye(k)[:, None] if probe is None else probe, (k if probe is None else 1, n, k)
    ).copy()
    j = encoder.vjp(v, caches)
    _, dx, grads = encoder.double_backward(2 * j / n, v, caches)
    return (j**2).sum() / n, dx, grads


def ones_for_identity(encoder, caches):
    return frobenius(encoder, caches, np.ones((1, 1, caches[-1].shape[1])))


def sum_for_mean(encoder, caches):
    value, dx, grads = frobenius(encoder, caches)
    n = len(caches[0])
    return n * value, n * dx, {name: n * g for name, g in grads.items()}


def half_gradient(encoder, caches):
    value, dx, grads = frobenius(encoder, caches)
    return value, dx / 2, {name: g / 2 for name, g in grads.items()}


ENCODER = Sequential(Linear(5, 4, rng=0), Sigmoid(), Linear(4, 3, rng=1), Tanh())


def test_jacobian_penalties():
    assert check_penalty(frobenius, ENCODER, X, value="frobenius").ok
    report = check_penalty(ones_for_identity, ENCODER, X, value="frobenius")
    assert [f.kind for f in report.findings] == [
        "value"
    ] and "ones were back-propagated" in report.findings[0].text
    report = check_penalty(sum_for_mean, ENCODER, X, value="frobenius")
    assert "4 times the mean" in report.findings[0].text
    report = check_penalty(half_gradient, ENCODER, X, value="frobenius")
    assert (
        not report.findings
        and {t.verdict for t in report.tensors} == {"WRONG"}
        and report.hints[0].kind == "factor"
    )


def test_value_of_check_penalty():
    with pytest.raises(ValueError, match="Jacobian penalties"):
        check_penalty(kl, Z, value="frobenius")
    with pytest.raises(ValueError, match="expected 'frobenius'"):
        check_penalty(kl, Z, value="l1")
    assert check_penalty(kl, Z, value=3.0).findings[0].kind == "value"


# ---- the V -------------------------------------------------------------------


def test_the_v_curve_has_its_bottom_where_theory_says():
    sweep = step_sweep(Tanh(), X)
    best = {method: sweep.best(method) for method in sweep.errors}
    assert 1e-10 < best["forward"][0] < 1e-6 and best["forward"][1] < 1e-6
    assert 1e-7 < best["central"][0] < 1e-4 and best["central"][1] < 1e-9
    assert best["richardson"][1] < 1e-10 and best["complex"][1] < 1e-15
    last = {method: errors[-1] for method, errors in sweep.errors.items()}  # at h = 1e-15
    assert last["complex"] < 1e-15 < 1e-3 < last["central"]
    json.dumps(sweep.to_dict())


def test_sweep_plot_and_refusal():
    import matplotlib.pyplot as plt

    def absolute(z):
        return np.abs(z).sum(), np.sign(z)

    sweep = step_sweep(absolute, X)
    assert set(sweep.refused) == {"complex"}
    ax = sweep.plot()
    assert len(ax.lines) == 3
    plt.close(ax.figure)
    with pytest.raises(KeyError, match="no tensor 'w'"):
        step_sweep(Tanh(), X, tensor="w")
    assert step_sweep(Linear(5, 4), X, tensor="bias", index=(2,)).index == (2,)
