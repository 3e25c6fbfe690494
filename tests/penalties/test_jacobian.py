"""The Jacobian, its singular values and contraction ratios; the penalties on the reconstruction's
Jacobian and on the change of the Jacobian."""

import numpy as np
import pytest
from helpers.nets import KINDS, build, omega
from helpers.numeric import close, numeric_gradient

from tinyae import Linear, ReLU, Sequential, Sigmoid, Tanh, contractive, jacobian
from tinyae.checking import check_penalty
from tinyae.models import tied_autoencoder
from tinyae.penalties import contraction_ratios, jacobian_norms, saturation, singular_values
from tinyae.penalties.jacobian_penalty import higher_order_contractive, reconstruction_contractive

each_kind = pytest.mark.parametrize("kind", KINDS)


@each_kind
def test_jacobian_by_differences(kind):
    net, x = build(kind)
    j = jacobian(net, x)
    assert j.shape == (len(x), *net(x).shape[1:], *x.shape[1:])
    h = 1e-6
    for i in np.ndindex(x.shape[1:]):
        step = np.zeros_like(x)
        step[(slice(None), *i)] = h
        close(j[(..., *i)], (net(x + step) - net(x - step)) / (2 * h), 1e-8)


@each_kind
def test_rows_are_columns(kind, monkeypatch):
    net, x = build(kind)
    j = jacobian(net, x)
    shape = net(x).shape[1:]
    many = np.prod(shape) > x[0].size
    eye = np.eye(np.prod(shape) if many else x[0].size)
    _, caches = net.forward(x)
    if many:  # jacobian() went by columns: here the rows
        other = np.stack(
            [
                net.vjp(np.broadcast_to(e.reshape(shape), (len(x), *shape)).copy(), caches)
                for e in eye
            ],
            axis=1,
        )
    else:
        other = np.stack(
            [net.jvp(np.broadcast_to(e.reshape(x.shape[1:]), x.shape).copy(), caches) for e in eye],
            axis=-1,
        )
    close(j.reshape(len(x), -1), other.reshape(len(x), -1), 1e-14)
    assert omega(net, x)[0] == pytest.approx((j**2).sum() / len(x), rel=1e-13)


def test_singular_values():
    net, x = build("conv")
    s = singular_values(net, x)
    j = jacobian(net, x).reshape(len(x), -1, x[0].size)
    assert s.shape == (len(x), min(j.shape[1:])) and (np.diff(s, axis=1) <= 0).all()
    close((s**2).sum(axis=1), (j**2).sum(axis=(1, 2)), 1e-13)
    assert (s**2).sum(axis=1).mean() == pytest.approx(omega(net, x)[0])


def test_contraction_ratios():
    isometry = Linear(6, 6, rng=0, dtype=np.float64)
    isometry.params["weight"][...] = np.linalg.qr(isometry.params["weight"])[0]
    x = build("dense")[1]
    close(contraction_ratios(isometry, x, [1e-3, 1.0, 50.0]), np.ones(3), 1e-9)
    net, x = build("one layer", Sigmoid)
    ratios = contraction_ratios(net, x, [1, 10, 100])
    assert (np.diff(ratios) < 0).all()  # a sigmoid saturates: far points get closer to each other
    images = build("conv")
    assert contraction_ratios(*images, [0.1]).shape == (1,)
    with pytest.raises(ValueError, match="expected numbers above 0"):
        contraction_ratios(net, x, [0.1, 0])


def test_of_the_reconstruction():
    model, x = build("autoencoder")
    _, caches = model.forward(x)
    value, dx, grads = reconstruction_contractive(model, caches)
    assert value == pytest.approx((jacobian(model, x) ** 2).sum() / len(x))
    report = check_penalty(reconstruction_contractive, model, x, value="frobenius")
    assert report.ok, str(report)


def test_of_a_tied_reconstruction():
    model, x = tied_autoencoder(0, features=6, code=3, dtype=np.float64), build("dense")[1]
    report = check_penalty(reconstruction_contractive, model, x, value="frobenius")
    assert report.ok, str(report)


def test_tied_weights_in_a_container_in_a_container():
    tied, x = tied_autoencoder(0, features=6, code=3, dtype=np.float64), build("dense")[1]
    net = Sequential(Linear(6, 6, rng=1, dtype=np.float64), Sequential(tied, Tanh()))
    value, dx, grads = omega(net, x)
    assert grads.keys() == net.params.keys()
    report = check_penalty(contractive, net, x, value="frobenius")
    assert report.ok, str(report)


@pytest.mark.parametrize("kind", ["one layer", "dense", "conv", "activation first", "nested"])
def test_higher_order(kind):
    net, x = build(kind)

    def penalty(net, x):
        return higher_order_contractive(net, x, sigma=0.3, samples=2, rng=5)

    value, dx, grads = penalty(net, x)
    if kind != "conv":  # 180 pixels take too long
        close(dx, numeric_gradient(lambda: penalty(net, x)[0], x), 1e-7)
    for key, w in net.params.items():
        if w.size < 50:
            close(grads[key], numeric_gradient(lambda: penalty(net, x)[0], w), 1e-7)
    noises = np.random.default_rng(5).standard_normal((2, *x.shape)) * 0.3
    by_hand = sum(((jacobian(net, x) - jacobian(net, x + e)) ** 2).sum() for e in noises) / (
        2 * len(x)
    )
    assert value == pytest.approx(by_hand)


def test_higher_order_for_small_noise_is_the_norm_of_the_second_derivative():
    net, x = build("dense")
    h, sigma = 1e-5, 1e-3
    hessian = [(jacobian(net, x + h * e) - jacobian(net, x - h * e)) / (2 * h) for e in np.eye(6)]
    wanted = sum((d**2).sum() for d in hessian) / len(x)
    value = higher_order_contractive(net, x, sigma, samples=2000, rng=0)[0] / sigma**2
    assert value == pytest.approx(wanted, rel=0.1)
    assert (
        higher_order_contractive(*build("linear"), sigma=1.0)[0] < 1e-30
    )  # the Jacobian of a linear map is constant


def test_norms_of_one_layer_need_no_jacobian(monkeypatch):
    from tinyae.penalties import jacobian_metrics

    x = np.random.default_rng(0).normal(size=(5, 6))
    for f in (Sigmoid(), Tanh(), ReLU()):
        net = Sequential(Linear(6, 4, rng=1, dtype=np.float64), f)
        wanted = np.linalg.norm(jacobian(net, x).reshape(5, -1), axis=1)
        with monkeypatch.context() as patch:
            patch.setattr(jacobian_metrics, "jacobian", None)
            np.testing.assert_allclose(jacobian_norms(net, x), wanted, rtol=1e-12)


def test_saturation_counts_both_ends():
    z = np.array([[0.0, 0.049, 0.05, 0.5], [0.95, 0.951, 1.0, 0.2]])
    assert saturation(z) == 4 / 8
    for threshold in (0, 0.5, float("nan")):
        with pytest.raises(ValueError, match="threshold is"):
            saturation(z, threshold)
    for bad in (2 * z, -z, z[:0], np.full(3, np.nan)):
        with pytest.raises(ValueError, match="activations of a Sigmoid"):
            saturation(bad)
