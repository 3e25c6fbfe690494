"""Jacobian penalties in blocks: the same results, bounded memory, threads, devices, dtypes."""

import tracemalloc

import numpy as np
import pytest
from helpers.nets import ACTIVATIONS, build, omega, same_results
from helpers.numeric import close
from helpers.strict_device import DeviceArray, asarray, pretend_gpu

from tinyae import (
    Adam,
    Linear,
    Objective,
    ReLU,
    Sequential,
    Sigmoid,
    Tanh,
    contractive,
    fit,
    jacobian,
)
from tinyae.layers import Autoencoder, TiedAutoencoder, TransposedLinear
from tinyae.models import conv_autoencoder
from tinyae.penalties import jacobian_penalty as module
from tinyae.penalties import rows
from tinyae.penalties.chain import as_chain, n_leading_reshapes
from tinyae.penalties.jacobian_penalty import contractive_backward, higher_order_contractive

each_activation = pytest.mark.parametrize("name", ACTIVATIONS)


@pytest.mark.parametrize("block", [1, 50, 100, 1 << 24])
@pytest.mark.parametrize("kind", ["dense", "conv", "flatten", "autoencoder"])
def test_blocks_do_not_matter(kind, block, monkeypatch):
    net, x = build(kind, ReLU)
    whole, j, probed = omega(net, x), jacobian(net, x), omega(net, x, probes=7, rng=1)
    higher = higher_order_contractive(net, x, rng=1)
    monkeypatch.setattr(rows, "BLOCK", block)
    same_results(whole, omega(net, x))
    close(j, jacobian(net, x), 1e-14)
    same_results(higher, higher_order_contractive(net, x, rng=1))
    assert (
        probed[0] == pytest.approx(omega(net, x, probes=7, rng=1)[0]) or block < 100
    )  # the samples depend on the blocks


@pytest.mark.parametrize(
    "kind", ["dense", "dense, linear code", "flatten", "nested", "autoencoder"]
)
def test_the_first_layers_shortcut_changes_nothing(kind, monkeypatch):
    net, x = build(kind)
    results, seen = omega(net, x), []
    rest = n_leading_reshapes(net.layers)
    monkeypatch.setattr(
        Linear,
        "vjp",
        lambda self, dy, x, right=Linear.vjp: seen.append(dy.ndim) or right(self, dy, x),
    )
    omega(net, x)
    with_shortcut = seen.count(3)
    monkeypatch.setattr(module, "Linear", type("NoLinear", (), {}))
    same_results(results, omega(net, x))
    assert (
        rest == (kind == "flatten") and seen.count(3) - with_shortcut == with_shortcut + 1
    )  # J itself was computed


def test_memory_does_not_grow_with_the_rows_times_the_input():
    def peak(code, features):
        net = Sequential(Linear(features, 16, rng=0), Tanh(), Linear(16, code, rng=0))
        _, caches = net.forward(np.ones((64, features), np.float32))
        tracemalloc.start()
        contractive_backward(net, np.ones((64, code), np.float32), caches, 1.0)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top / 2**20

    all_rows = 64 * 512 * 4096 * 4 / 2**20  # 512 MiB
    assert peak(512, 4096) < all_rows / 20
    assert peak(2048, 64) < 2.5 * peak(1024, 64)
    assert (
        peak(512, 4096) < peak(512, 64) + 4
    )  # MiB: the first layer's gradient, and no array of the input's width

    net, x = (
        Sequential(Linear(4096, 16, rng=0), Tanh(), Linear(16, 512, rng=0)),
        np.ones((16, 4096), np.float32),
    )
    tracemalloc.start()
    higher_order_contractive(net, x)
    assert tracemalloc.get_traced_memory()[1] < 16 * 512 * 4096 * 4 / 5
    tracemalloc.stop()


def test_inactive_code_units_are_skipped_and_change_nothing(monkeypatch):
    net, x = build("dense", ReLU)
    net.params["4.bias"][:2] = [-50, 0.1]
    results = omega(net, x)
    order = rows.active_units(*as_chain(net, net.forward(x)[1]))
    assert order.shape[1] < net(x).shape[1]
    monkeypatch.setattr(module, "active_units", lambda net, caches: None)
    same_results(results, omega(net, x))


def test_a_code_that_is_inactive_everywhere():
    net, x = build("dense", ReLU)
    net.params["4.bias"][...] = -50
    value, dx, grads = omega(net, x)
    assert (
        value == 0
        and dx is None
        and grads.keys() == net.params.keys()
        and not any(g.any() for g in grads.values())
    )


@pytest.mark.parametrize("model", ["dense", "tied", "conv"])
def test_threads_and_shards_add_up(model):
    x = np.random.default_rng(0).uniform(size=(60, 12))
    if model == "dense":

        def make():
            encoder = Sequential(Linear(12, 6, rng=0), Tanh(), Linear(6, 3, rng=1), Sigmoid())
            decoder = Sequential(Linear(3, 12, rng=2), Sigmoid())
            return Autoencoder(encoder, decoder).astype(np.float64)
    elif model == "tied":

        def make():
            first, second = (
                Linear(12, 6, rng=0, dtype=np.float64),
                Linear(6, 3, rng=1, dtype=np.float64),
            )
            return TiedAutoencoder(
                Sequential(first, Tanh(), second),
                Sequential(TransposedLinear(second), Tanh(), TransposedLinear(first)),
            )
    else:
        x = np.random.default_rng(0).uniform(size=(8, 1, 28, 28))

        def make():
            return conv_autoencoder(0, dtype=np.float64)

    models = []
    for workers in (1, 2):
        models.append(make())
        fit(
            models[-1],
            x,
            Objective(contraction=0.1),
            Adam(models[-1].params),
            epochs=1,
            batch_size=len(x) // 2 + 1,
            workers=workers,
            progress=False,
        )
    for key, w in models[0].params.items():
        close(w, models[1].params[key], 1e-8)


@each_activation
@pytest.mark.parametrize("kind", ["one layer", "dense", "conv", "transposed", "flatten"])
def test_on_a_device(kind, name, monkeypatch):
    pretend_gpu(monkeypatch)
    net, x = build(kind, ACTIVATIONS[name])

    def everything(net, x):
        z, caches = net.forward(x)
        return [
            contractive(net, caches),
            contractive(net, caches, 2, 0),
            contractive_backward(net, z, caches, 0.1),
            higher_order_contractive(net, x, rng=0),
            jacobian(net, x),
        ]

    def flat(result):
        if isinstance(result, dict | list | tuple):
            return [
                a
                for r in (result.values() if isinstance(result, dict) else result)
                for a in flat(r)
            ]
        return [] if result is None else [result]

    host, device = flat(everything(net, x)), flat(everything(net.to("gpu"), asarray(x)))
    assert DeviceArray.waits == 0 and len(host) == len(device)
    for a, b in zip(host, device, strict=True):
        assert type(b) is DeviceArray
        np.testing.assert_allclose(a, b.get(), rtol=1e-10, atol=1e-12)


def test_precision_follows_the_weights():
    net, x = build("dense")
    value, dx, grads = omega(net.astype(np.float32), x.astype(np.float32))
    assert dx.dtype == np.float32 and {g.dtype for g in grads.values()} == {np.dtype(np.float32)}
    assert value == pytest.approx(omega(net, x)[0], rel=1e-5)


def test_the_jacobian_of_float32_images_through_a_float64_net_is_float64():
    net, x = build("dense")
    assert jacobian(net, x.astype(np.float32)).dtype == np.float64
