"""Jacobian penalties of other layers (a user's, frozen, without parameters), and of wrong input."""

import numpy as np
import pytest
from helpers.nets import build, omega
from helpers.numeric import close

from tinyae import Linear, Objective, Sequential, Tanh, contractive, jacobian
from tinyae.checking import check_penalty
from tinyae.layers import Autoencoder, KSparse, Layer, freeze
from tinyae.penalties import (
    contraction_ratios,
    jacobian_norms,
    normalized_contraction,
    singular_values,
)
from tinyae.penalties.jacobian_penalty import contractive_backward, higher_order_contractive


class Masked(Linear):
    """Half of the weights count as 0, in every method."""

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


def test_a_layer_may_cache_anything():
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
def test_a_subclass_of_linear(rest):
    """The closed forms are only for Linear itself; a subclass uses its own methods."""
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


def test_the_normalized_contraction_does_not_depend_on_the_scale():
    net, x = build("dense, linear code")
    close(jacobian_norms(net, x), np.sqrt((jacobian(net, x) ** 2).sum(axis=(1, 2))), 1e-14)
    before = normalized_contraction(net, x)
    for key in ("2.weight", "2.bias"):
        net.params[key] /= 10
    assert normalized_contraction(net, x) == pytest.approx(before)


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


def test_all_missing_methods_of_a_layer_are_named_at_once():
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
def test_integers_are_refused(call):
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
