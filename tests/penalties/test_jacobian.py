"""Jacobian penalties: exact, by several judges, in blocks, by probes, on a device, and helpful with
bad input."""

import json
import tracemalloc

import numpy as np
import pytest
from helpers.nets import ACTIVATIONS, KINDS, build
from helpers.numeric import close, numeric_gradient
from helpers.record_jacobian import FILE, fingerprint
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
from tinyae.checking import check_penalty, check_second, gradcheck
from tinyae.layers import Autoencoder, KSparse, Layer, TiedAutoencoder, TransposedLinear, freeze
from tinyae.models import conv_autoencoder, tied_autoencoder
from tinyae.penalties import (
    contraction_ratios,
    jacobian_norms,
    normalized_contraction,
    rows,
    singular_values,
)
from tinyae.penalties import jacobian_penalty as module
from tinyae.penalties.chain import as_chain, n_leading_reshapes
from tinyae.penalties.jacobian_penalty import (
    contractive_backward,
    higher_order_contractive,
    reconstruction_contractive,
)

each_kind = pytest.mark.parametrize("kind", KINDS)
each_activation = pytest.mark.parametrize("name", ACTIVATIONS)


def omega(net, x, **options):
    return contractive(net, net.forward(x)[1], **options)


def same(a, b, tolerance=1e-12):
    """Two results (value, dx, grads)."""
    assert a[0] == pytest.approx(b[0], rel=tolerance)
    assert (a[1] is None) == (b[1] is None) and a[2].keys() == b[2].keys()
    if a[1] is not None:
        close(a[1], b[1], tolerance)
    for key in a[2]:
        close(a[2][key], b[2][key], tolerance)


# ---- the penalty is right ----------------------------------------------------


@each_kind
def test_as_pytorch_recorded(kind):
    """Written by record_jacobian.py, so that this also holds where PyTorch is missing."""
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


# ---- the Jacobian ------------------------------------------------------------


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
    if many:  # it went by columns; rows by hand
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
    assert (np.diff(ratios) < 0).all()  # a sigmoid saturates: far points come nearer to each other
    images = build("conv")
    assert contraction_ratios(*images, [0.1]).shape == (1,)
    with pytest.raises(ValueError, match="expected numbers above 0"):
        contraction_ratios(net, x, [0.1, 0])


# ---- relatives ---------------------------------------------------------------


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
    if kind != "conv":  # 180 pixels take long
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
    )  # a linear map does not turn


# ---- probes ------------------------------------------------------------------


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
    same(contractive(net, caches, 3, 7), contractive(net, caches, 3, 7), 0)
    w, (_, _, grads) = net.params["2.weight"], contractive(net, caches, 3, 7)
    close(grads["2.weight"], numeric_gradient(lambda: omega(net, x, probes=3, rng=7)[0], w), 1e-7)


# ---- blocks, memory, threads, devices ----------------------------------------


@pytest.mark.parametrize("block", [1, 50, 100, 1 << 24])
@pytest.mark.parametrize("kind", ["dense", "conv", "flatten", "autoencoder"])
def test_blocks_do_not_matter(kind, block, monkeypatch):
    net, x = build(kind, ReLU)
    whole, j, probed = omega(net, x), jacobian(net, x), omega(net, x, probes=7, rng=1)
    higher = higher_order_contractive(net, x, rng=1)
    monkeypatch.setattr(rows, "BLOCK", block)
    same(whole, omega(net, x))
    close(j, jacobian(net, x), 1e-14)
    same(higher, higher_order_contractive(net, x, rng=1))
    assert (
        probed[0] == pytest.approx(omega(net, x, probes=7, rng=1)[0]) or block < 100
    )  # the draws go to blocks in turn


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
    same(results, omega(net, x))
    assert (
        rest == (kind == "flatten") and seen.count(3) - with_shortcut == with_shortcut + 1
    )  # J itself was made


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


def test_dead_code_units_are_skipped_and_change_nothing(monkeypatch):
    net, x = build("dense", ReLU)
    net.params["4.bias"][:2] = [-50, 0.1]
    results = omega(net, x)
    order = rows.active_units(*as_chain(net, net.forward(x)[1]))
    assert order.shape[1] < net(x).shape[1]
    monkeypatch.setattr(module, "active_units", lambda net, caches: None)
    same(results, omega(net, x))


def test_a_code_that_is_dead_everywhere():
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
            return Autoencoder(
                Sequential(Linear(12, 6, rng=0), Tanh(), Linear(6, 3, rng=1), Sigmoid()),
                Sequential(Linear(3, 12, rng=2), Sigmoid()),
            ).astype(np.float64)

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
        make = lambda: conv_autoencoder(0, dtype=np.float64)  # noqa: E731
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


def test_the_jacobian_of_float32_pictures_through_a_float64_net_is_float64():
    net, x = build("dense")
    assert jacobian(net, x.astype(np.float32)).dtype == np.float64


# ---- layers of one's own, frozen ones, and nets without parameters -----------


class Masked(Linear):
    """Half of its weights count as 0, in every method."""

    def __init__(self, *sizes):
        super().__init__(*sizes, rng=0, dtype=np.float64)
        self.mask = np.random.default_rng(0).integers(0, 2, self.params["weight"].shape)

    def dense(self):
        layer = Linear(self.in_features, self.out_features, dtype=np.float64)
        layer.params = {"weight": self.params["weight"] * self.mask, "bias": self.params["bias"]}
        return layer

    def forward(self, x):
        return self.dense().forward(x)

    def vjp(self, dy, x):
        return self.dense().vjp(dy, x)

    def jvp(self, dx, x):
        return self.dense().jvp(dx, x)

    def parameter_gradients(self, dy, x):
        grads = super().parameter_gradients(dy, x)
        return {**grads, "weight": grads["weight"] * self.mask}

    def double_backward(self, g, dy, x):
        d_dy, _, grads = self.dense().double_backward(g, dy, x)
        return d_dy, None, {**grads, "weight": grads["weight"] * self.mask}


def test_a_layer_may_keep_what_it_likes():
    class Twice(Layer):
        def forward(self, x):
            return 2 * x, np.array(x.shape)

        def backward(self, dy, shape):
            return 2 * dy, {}

        def vjp(self, dy, shape):
            return 2 * dy

        def double_backward(self, g, dy, shape):
            return 2 * g, None, {}

        def output_shape(self, shape):
            return tuple(shape)

    net, x = build("dense")
    assert omega(Sequential(net, Twice()), x)[0] == pytest.approx(4 * omega(net, x)[0])


@pytest.mark.parametrize("rest", [0, 1, 3])
def test_a_linear_layer_of_ones_own(rest):
    """The closed forms are for Linear itself; what inherits from it goes by its own methods."""
    x = build("dense")[1]
    net = Sequential(
        *[Masked(6, 3), Tanh(), Linear(3, 2, rng=1, dtype=np.float64), Tanh()][: rest + 1]
    )
    report = check_penalty(contractive, net, x, value="frobenius")
    assert report.ok, str(report)


def test_frozen_layers_contract_and_get_no_gradient():
    net, x = build("dense")
    value, dx, _ = omega(net, x)
    for frozen in (
        freeze(net),
        Sequential(freeze(net)),
        Sequential(freeze(net[:2]), freeze(net[2:])),
    ):
        other, other_dx, grads = omega(frozen, x)
        assert other == pytest.approx(value, rel=1e-12) and grads == {}
        close(dx, other_dx, 1e-12)
        close(jacobian(frozen, x), jacobian(net, x), 1e-14)
    half = Sequential(freeze(net[:2]), *net.layers[2:])
    report = check_penalty(contractive, half, x, value="frobenius")
    assert report.ok and omega(half, x)[2].keys() == half.params.keys()


def test_nets_without_parameters():
    x = np.random.default_rng(0).normal(size=(4, 6))
    assert omega(Sequential(KSparse(3)), x)[0] == pytest.approx(3)
    close(jacobian(Tanh(), x), (1 - np.tanh(x) ** 2)[:, :, None] * np.eye(6), 1e-14)
    report = check_penalty(contractive, Sequential(Tanh(), KSparse(3)), x, value="frobenius")
    assert report.ok, str(report)


def test_of_a_variational_model():
    from tinyae.models import vae

    model, x = vae(0, features=6, hidden=5, code=2, dtype=np.float64), build("dense")[1]
    assert omega(model, x)[0] == pytest.approx((jacobian(model, x) ** 2).sum() / len(x), rel=1e-12)
    assert contractive(model.encoder, model.encoder.forward(x)[1])[0] > 0


def test_what_is_left_when_the_scale_is_divided_out():
    net, x = build("dense, linear code")
    close(jacobian_norms(net, x), np.sqrt((jacobian(net, x) ** 2).sum(axis=(1, 2))), 1e-14)
    before = normalized_contraction(net, x)
    for key in ("2.weight", "2.bias"):
        net.params[key] /= 10
    assert normalized_contraction(net, x) == pytest.approx(before)


# ---- the objective -----------------------------------------------------------


@pytest.mark.parametrize("options", [{"contraction": 0.4}, {"contraction": 0.4, "probes": 2}])
@pytest.mark.parametrize("f", [Tanh, ReLU])
def test_objective(options, f):
    model, x = build("autoencoder", f)
    report = gradcheck(Objective(**options), model, x)
    assert report.ok, str(report)
    loss, _, parts = Objective(**options)(model, x, np.random.default_rng(0))
    assert loss == pytest.approx(parts["reconstruction"] + 0.4 * parts["contraction"])


# ---- bad input ---------------------------------------------------------------


class Cube(Layer):
    def forward(self, x):
        return x**3, x

    def backward(self, dy, x):
        return 3 * x**2 * dy, {}

    def vjp(self, dy, x):
        return 3 * x**2 * dy

    def output_shape(self, x):
        return x.shape


def test_a_layer_without_double_backward_is_named():
    net, x = Sequential(Linear(6, 4, rng=0, dtype=np.float64), Cube()), build("dense")[1]
    model = Autoencoder(net, Sequential(Linear(4, 6, dtype=np.float64)))
    bare = Autoencoder(Sequential(net[0], Cube()), model.decoder)
    del_shape = pytest.MonkeyPatch()
    del_shape.delattr(Cube, "output_shape")
    with pytest.raises(TypeError, match="no double_backward.*no output_shape"):
        Objective(contraction=1.0)(bare, x)
    del_shape.undo()
    for call in (
        lambda: omega(net, x),
        lambda: higher_order_contractive(net, x),
        lambda: Objective(contraction=1.0)(model, x),
    ):
        with pytest.raises(
            TypeError, match=r"layer 1, Cube\(\), has no double_backward\(g, dy, cache\).*add it"
        ):
            call()


@pytest.mark.parametrize("probes", [0, -1, 1.5, True])
def test_probes_below_one(probes):
    net, x = build("dense")
    for call in (
        lambda: omega(net, x, probes=probes),
        lambda: Objective(contraction=0.1, probes=probes),
    ):
        with pytest.raises(
            ValueError,
            match=f"probes is {probes}, expected None .exact. or an integer of at least 1",
        ):
            call()


def test_all_that_a_layer_lacks_is_said_at_once():
    class Bare(Layer):
        def forward(self, x):
            return 2 * x, None

    net, x = build("dense")
    for wrap in (lambda layer: layer, freeze):
        with pytest.raises(
            TypeError,
            match=r"layer 1.*no vjp\(dy.*no double_backward\(g, dy.*no output_shape.*add it",
        ):
            omega(Sequential(net[0], wrap(Bare())), x)
    assert wrap(Bare()).forward(x)[0] is not x


@pytest.mark.parametrize(
    "call",
    [
        jacobian,
        higher_order_contractive,
        lambda net, x: contraction_ratios(net, x, [1]),
        singular_values,
        jacobian_norms,
    ],
)
def test_whole_numbers_are_refused(call):
    net, x = build("dense")
    for dtype in (np.int64, np.uint8, bool):
        with pytest.raises(ValueError, match="expected floating point"):
            call(net, (x * 10).astype(dtype))


def test_an_empty_batch_has_no_mean():
    for kind in ("one layer", "dense", "conv"):
        net, x = build(kind)
        for call in (lambda: omega(net, x[:0]), lambda: higher_order_contractive(net, x[:0])):  # noqa: B023
            with pytest.raises(ValueError, match="0 examples"):
                call()


def test_a_gradient_of_another_shape():
    net, x = build("dense")
    z, caches = net.forward(x)
    with pytest.raises(
        ValueError, match=r"dz has shape \(1, 3\), expected that of the code, \(4, 3\)"
    ):
        contractive_backward(net, z[:1], caches, 1.0)
    for weight in (-1, np.nan, np.inf):
        with pytest.raises(ValueError, match="weight is"):
            contractive_backward(net, z, caches, weight)


def test_caches_of_another_net():
    net, x = build("dense")
    for other in (
        build("dense, linear code"),
        build("conv"),
        build("autoencoder"),
        (build("dense")[0][:5], x),
    ):
        with pytest.raises(ValueError, match="caches of another net"):
            contractive(net, other[0].forward(other[1])[1])
    flat, pics = build("conv to flat")
    with pytest.raises(ValueError, match="caches of another net"):
        contractive(flat, flat.forward(pics)[1][:3] + flat.forward(pics[:2])[1][3:])
    wider = Sequential(
        Linear(6, 9, rng=0), Tanh(), Linear(9, 5, rng=0), Tanh(), Linear(5, 3, rng=0), Tanh()
    ).astype(np.float64)
    with pytest.raises(ValueError, match="expected"):
        contractive(net, wider.forward(x)[1])


def test_a_negative_weight_and_bad_noise():
    with pytest.raises(
        ValueError, match="contraction is -1, expected a finite, non-negative number"
    ):
        Objective(contraction=-1)
    for options in ({"sigma": 0}, {"samples": 0}):
        with pytest.raises(ValueError, match="expected above 0 and at least 1"):
            higher_order_contractive(*build("dense"), **options)
