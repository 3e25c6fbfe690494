"""The contractive penalty is exact: value and gradients, alone and with a loss. With random probes
it is unbiased."""

import json

import numpy as np
import pytest
from helpers.nets import ACTIVATIONS, KINDS, build, omega, same_results
from helpers.numeric import close, numeric_gradient
from helpers.record_jacobian import FILE, fingerprint

from tinyae import Objective, ReLU, Sigmoid, Tanh, contractive, jacobian
from tinyae.checking import check_penalty, check_second, gradcheck
from tinyae.penalties import jacobian_penalty as module
from tinyae.penalties.chain import as_chain
from tinyae.penalties.jacobian_penalty import contractive_backward

each_kind = pytest.mark.parametrize("kind", KINDS)
each_activation = pytest.mark.parametrize("name", ACTIVATIONS)


@each_kind
def test_as_pytorch_recorded(kind):
    """Written by record_jacobian.py, so that this test also runs without PyTorch."""
    net, x = build(kind)
    value, dx, grads = omega(net, x)
    wanted = json.loads(FILE.read_text("utf-8"))[kind]
    assert value == pytest.approx(wanted.pop("value"), rel=1e-10)
    for key, g in {"x": np.zeros_like(x) if dx is None else dx, **grads}.items():
        norm, weighted = wanted.pop(key)
        assert fingerprint(g) == pytest.approx([norm, weighted], rel=1e-10, abs=1e-10 * norm)
    assert not wanted


@pytest.mark.parametrize(
    ("kind", "name"),
    [(k, "Tanh") for k in KINDS]
    + [(k, a) for k in ("one layer", "dense", "flatten") for a in ACTIVATIONS],
)
def test_gradcheck(kind, name):
    report = check_penalty(contractive, *build(kind, ACTIVATIONS[name]), value="frobenius")
    assert report.ok, str(report)


@pytest.mark.parametrize("kind", ["dense", "conv", "transposed", "nested"])
def test_second_derivatives_of_the_whole_net(kind):
    assert check_second(*build(kind)).ok


@each_activation
@pytest.mark.parametrize("reshaped", [False, True])
def test_one_layers_closed_form_is_the_general_case(name, reshaped):
    net, x = build("one layer", ACTIVATIONS[name])
    if reshaped:
        net, x = build("flatten", ACTIVATIONS[name])
        net = net[:3]
    _, caches = net.forward(x)
    chain, flat = as_chain(net, caches)
    value, second_order, grads = module._one_layer(chain, flat, int(reshaped), 0.7)
    value2, second_order2, grads2 = module._by_rows(chain, flat, None, None, 0.7)
    assert value == pytest.approx(value2, rel=1e-13)
    for ours, others in ((second_order, second_order2), (grads, grads2)):
        for key in others:
            close(ours[key], others[key], 1e-13)


def test_one_sigmoid_layer_is_rifais_formula():
    net, x = build("one layer", Sigmoid)
    w = net.params["0.weight"]
    h = net(x)
    squares, norms = (h * (1 - h)) ** 2, (w**2).sum(axis=1)
    value, dx, grads = omega(net, x)
    assert value == pytest.approx((squares * norms).sum() / len(x), rel=1e-14)
    through_h = 2 * squares * (1 - 2 * h) * norms / len(x)
    close(grads["0.weight"], 2 * squares.mean(axis=0)[:, None] * w + through_h.T @ x, 1e-14)
    close(grads["0.bias"], through_h.sum(axis=0), 1e-14)
    close(dx, through_h @ w, 1e-14)


@pytest.mark.parametrize("make", [lambda net: net, lambda net: net[0]])
def test_a_linear_encoder_is_weight_decay(make):
    net, x = build("linear")
    encoder, w = make(net), net.params["0.weight"]
    value, dx, grads = omega(encoder, x)
    assert value == pytest.approx((w**2).sum(), rel=1e-14) and dx is None
    close(next(iter(grads.values())), 2 * w, 1e-14)


@each_kind
def test_with_a_loss_it_is_backward_and_the_weighted_penalty(kind):
    net, x = build(kind)
    z, caches = net.forward(x)
    dz = np.random.default_rng(3).normal(size=z.shape)
    value, grads = contractive_backward(net, dz, caches, 0.3)
    alone, _, more = contractive(net, caches)
    _, ordinary = net.backward(dz, caches)
    assert value == pytest.approx(alone, rel=1e-13)
    for key in net.params:
        close(grads[key], ordinary[key] + 0.3 * more[key], 1e-13)


@pytest.mark.parametrize(
    ("kind", "probes"), [("dense", 1), ("dense", 3), ("one layer", 2), ("conv", 2)]
)
def test_the_estimate_is_unbiased_with_the_stated_variance(kind, probes):
    net, x = build(kind)
    _, caches = net.forward(x)
    exact, dx, grads = contractive(net, caches)
    rng, draws = np.random.default_rng(0), 2000
    results = [contractive(net, caches, probes, rng) for _ in range(draws)]
    values = np.array([r[0] for r in results])
    j = jacobian(net, x).reshape(len(x), -1, x[0].size)
    gram = j @ j.swapaxes(1, 2)
    off = (gram**2).sum(axis=(1, 2)) - (gram.diagonal(axis1=1, axis2=2) ** 2).sum(axis=1)
    variance = 2 / probes * off.sum() / len(x) ** 2  # of the mean of N independent examples
    assert abs(values.mean() - exact) < 4 * (variance / draws) ** 0.5
    assert values.var() == pytest.approx(variance, rel=0.2)
    for key, g in {"x": dx, **grads}.items():
        all_draws = np.array([r[1] if key == "x" else r[2][key] for r in results])
        error = all_draws.std(axis=0) / draws**0.5
        z = (all_draws.mean(axis=0) - g)[error > 1e-12] / error[error > 1e-12]
        assert np.abs(z).max(initial=0) < 5


def test_probes_are_repeatable_and_gradients_are_of_the_same_draw():
    net, x = build("dense")
    _, caches = net.forward(x)
    same_results(contractive(net, caches, 3, 7), contractive(net, caches, 3, 7), 0)
    w, (_, _, grads) = net.params["2.weight"], contractive(net, caches, 3, 7)
    close(grads["2.weight"], numeric_gradient(lambda: omega(net, x, probes=3, rng=7)[0], w), 1e-7)


@pytest.mark.parametrize("options", [{"contraction": 0.4}, {"contraction": 0.4, "probes": 2}])
@pytest.mark.parametrize("f", [Tanh, ReLU])
def test_objective(options, f):
    model, x = build("autoencoder", f)
    report = gradcheck(Objective(**options), model, x)
    assert report.ok, str(report)
    loss, _, parts = Objective(**options)(model, x, np.random.default_rng(0))
    assert loss == pytest.approx(parts["reconstruction"] + 0.4 * parts["contraction"])
