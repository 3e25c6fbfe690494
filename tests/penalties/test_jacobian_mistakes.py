"""Published mistakes: each one, planted in our penalty, must be found by ``check_penalty``. It
checks the value against differences of the encoder, and the gradient against differences of the
value.
"""

import numpy as np
import pytest
from helpers.nets import build

from tinyae import Linear, ReLU, Sigmoid, Tanh, contractive
from tinyae.checking import check_penalty
from tinyae.layers.activations import Elementwise
from tinyae.layers.containers import Chain, add_gradients
from tinyae.penalties import jacobian_penalty as module
from tinyae.penalties import rows
from tinyae.penalties.chain import as_chain, gradients_of


def verdict(penalty, kind="dense", f=Tanh):
    return check_penalty(penalty, *build(kind, f), value="frobenius")


def told(report):
    return str(report).lower()


def planted(monkeypatch, value=lambda v, n: v, gradient=1.0):
    """Inside the penalty: change its value, and multiply every part of its gradient by a factor."""

    def wrong(net, caches, *rest):
        v, second_order, grads = right(net, caches, *rest)
        second_order = {k: None if d is None else gradient * d for k, d in second_order.items()}
        return (
            value(v, net.output_shape(caches)[0]),
            second_order,
            {key: gradient * g for key, g in grads.items()},
        )

    right = module._norm
    monkeypatch.setattr(module, "_norm", wrong)


def test_the_penalty_itself_passes():
    for kind in ("one layer", "dense", "conv"):
        for f in (Sigmoid, ReLU):
            report = verdict(contractive, kind, f)
            assert report.ok, str(report)


@pytest.mark.parametrize("kind", ["one layer", "dense", "conv"])
def test_floor_division_has_no_gradient(kind, monkeypatch):
    """DeepLearningTutorials cA.py, line 211: T.sum(J ** 2) // n_batchsize."""
    with monkeypatch.context() as patch:
        planted(patch, value=lambda v, n: v * n // n)
        report = verdict(contractive, kind)
        assert not report.ok and "expected" in told(report)
    planted(monkeypatch, gradient=0.0)  # and what autograd returns for it
    zeros = verdict(contractive, kind)
    assert not zeros.ok and "integer division" in told(zeros)


@pytest.mark.parametrize("kind", ["one layer", "dense", "conv"])
def test_half_of_the_gradient(kind, monkeypatch):
    """ynd/cae.py: the gradient is ½ of the gradient of its value, so λ is silently halved."""
    planted(monkeypatch, gradient=0.5)
    report = verdict(contractive, kind)
    assert not report.ok and "0.5" in told(report)


def test_the_square_of_the_sum_for_the_sum_of_squares():
    """ynd/cae.py, before: (Σ h')² for Σ h'²."""
    net, x = build("one layer", Sigmoid)

    def wrong(encoder, caches):
        value, dx, grads = contractive(encoder, caches)
        h, norms = caches[1], (encoder.params["0.weight"] ** 2).sum(axis=1)
        return ((h * (1 - h)).sum(axis=0) ** 2 * norms).sum() / len(h), dx, grads

    assert not check_penalty(wrong, net, x, value="frobenius").ok


def test_a_frozen_copy_of_the_weights(monkeypatch):
    """A Keras blog post: Σ W² from the initial weights, so W's part of the gradient is missing."""

    def frozen(net, caches, first, weight):
        value, second_order, grads = right(net, caches, first, weight)
        return value, second_order, {key: np.zeros_like(g) for key, g in grads.items()}

    right = module._one_layer
    monkeypatch.setattr(module, "_one_layer", frozen)
    report = verdict(contractive, "one layer", Sigmoid)
    assert not report.ok
    assert {t.name: t.verdict for t in report.tensors}["0.weight"] == "WRONG"


@pytest.mark.parametrize("kind", ["one layer", "dense"])
def test_the_sigmoids_formula_on_a_relu_encoder(kind, monkeypatch):
    """A widely copied PyTorch model: h (1 − h) for every activation."""
    monkeypatch.setattr(ReLU, "vjp", lambda self, dy, y: dy * y * (1 - y))
    monkeypatch.setattr(ReLU, "derivative", lambda self, y: y * (1 - y))
    report = verdict(contractive, kind, ReLU)
    assert not report.ok and "the penalty is" in told(report)


def test_the_norm_of_the_mean_jacobian():
    """pylearn2 #90, #142: the mean of the Jacobians, and then its norm."""

    def wrong(encoder, caches):
        _, dx, grads = contractive(encoder, caches)
        rows = [
            encoder.vjp(np.broadcast_to(e, (4, 3)).copy(), caches).mean(axis=0) for e in np.eye(3)
        ]
        return sum((row**2).sum() for row in rows), dx, grads

    report = verdict(wrong)
    assert not report.ok and "the mean was taken before the square" in told(report)


def test_weights_summed_then_squared():
    """pylearn2: (Σ W)² for Σ W²."""

    def wrong(encoder, caches):
        value, dx, grads = contractive(encoder, caches)
        h, w = caches[1], encoder.params["0.weight"]
        return ((h * (1 - h)) ** 2 @ w.sum(axis=1) ** 2).mean(), dx, grads

    assert not verdict(wrong, "one layer", Sigmoid).ok


def test_bias_and_weight_n_times_apart(monkeypatch):
    """yusugomori dA.py: the weight's step is a sum over the batch, the bias's a mean."""
    right = Linear.parameter_gradients

    def mean_of_bias(self, dy, x):
        grads = right(self, dy, x)
        return {**grads, "bias": grads["bias"] / len(x)}

    monkeypatch.setattr(Linear, "parameter_gradients", mean_of_bias)
    report = verdict(contractive)
    wrong = {t.name for t in report.tensors if t.verdict == "WRONG"}
    assert wrong == {"0.bias", "2.bias", "4.bias"} and "0.25" in told(report)


def test_ones_in_place_of_the_rows():
    """Many web pages: backpropagated ones give ‖Jᵀ1‖², a different value with its own gradient."""

    def ones(encoder, caches):
        chain, flat = as_chain(encoder, caches)
        v = np.ones((1, *chain.output_shape(flat)))
        cotangents, j = chain.cotangents(v, flat)
        _, second_order, grads = chain.tangents(2 * j / len(j[0]), cotangents, flat)
        dx, more = chain.backward(None, flat, second_order=second_order)
        return (
            float((j**2).sum()) / len(j[0]),
            dx,
            gradients_of(encoder, add_gradients(grads, more)),
        )

    report = verdict(ones)
    assert not report.ok and "ones were back-propagated" in told(report)
    assert all(
        t.verdict != "WRONG" for t in report.tensors
    )  # a correct gradient of something else: only the value shows it


def test_ones_can_give_nothing_where_the_jacobian_is_large():
    net, x = build("one layer", Sigmoid)
    w, b = net.params.values()
    w[2:], b[2:] = -w[:2], -b[:2]  # units in pairs: σ(−a) has the slope of σ(a)
    _, caches = net.forward(x)
    assert np.abs(net.vjp(np.ones((len(x), 4)), caches)).max() < 1e-15
    assert contractive(net, caches)[0] > 0.1


# Mistakes of our own making


@pytest.mark.parametrize("kind", ["dense", "conv", "one layer"])
def test_the_second_order_gradients_are_forgotten(kind, monkeypatch):
    """Only the gradient through the weights: the dependence of J on the point through f'' is left
    out."""
    right = Chain.backward
    monkeypatch.setattr(
        Chain,
        "backward",
        lambda self, dy, caches, input_gradient=True, second_order=None: right(
            self,
            dy,
            caches,
            input_gradient,
            {k: None if d is None else 0 * d for k, d in (second_order or {}).items()},
        ),
    )
    assert not verdict(contractive, kind, Sigmoid).ok


def test_the_second_derivative_has_the_wrong_sign(monkeypatch):
    monkeypatch.setattr(Sigmoid, "second_derivative", lambda self, y: -y * (1 - y) * (1 - 2 * y))
    for kind in ("one layer", "dense"):
        assert not verdict(contractive, kind, Sigmoid).ok


def test_the_second_derivative_forgets_the_probes(monkeypatch):
    """f''(x) times the mean over the rows instead of their sum."""
    right = Elementwise.double_backward

    def wrong(self, g, dy, y):
        d_dy, dx, grads = right(self, g, dy, y)
        return d_dy, None if dx is None else dx / len(g), grads

    monkeypatch.setattr(Elementwise, "double_backward", wrong)
    assert not verdict(contractive, "dense", Sigmoid).ok


@pytest.mark.parametrize("block", [1, 1 << 18])
def test_a_row_too_few(block, monkeypatch):
    right = rows._unit_vectors

    def short(shape, like, at_a_time, units=None):
        blocks = list(right(shape, like, at_a_time, units))
        blocks[-1][-1] = 0
        return iter(blocks)

    monkeypatch.setattr(rows, "BLOCK", block)
    monkeypatch.setattr(rows, "_unit_vectors", short)
    report = verdict(contractive)
    assert not report.ok and "the penalty is" in told(report)


def test_an_active_unit_is_taken_for_inactive(monkeypatch):
    right = module.active_units
    monkeypatch.setattr(module, "active_units", lambda net, caches: right(net, caches)[:, :-1])
    assert not verdict(contractive).ok
