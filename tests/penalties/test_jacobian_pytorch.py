"""The contractive penalty compared with PyTorch (vmap of jacrev, then backward): value and every
gradient, float64."""

import numpy as np
import pytest
from helpers.nets import ACTIVATIONS, KINDS, build

from tinyae import Autoencoder, Conv2d, ConvTranspose2d, contractive, jacobian
from tinyae.layers import leaves

torch = pytest.importorskip("torch", reason="compares with PyTorch: pip install torch==2.13.0")
pytestmark = pytest.mark.oracle

from helpers.torch_nets import by_torch, torch_net  # noqa: E402


def agree(ours, theirs):
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 1e-10 * np.abs(theirs).max()


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_value_and_every_gradient(kind, name):
    net, x = build(kind, ACTIVATIONS[name])
    value, dx, grads = contractive(net, net.forward(x)[1])
    their_value, their_dx, their_grads = by_torch(net, x)
    assert value == pytest.approx(their_value, rel=1e-12)
    agree(np.zeros_like(x) if dx is None else dx, their_dx)
    assert grads.keys() == their_grads.keys()
    for key in grads:
        agree(grads[key], their_grads[key])


@pytest.mark.parametrize("kind", KINDS)
def test_jacobian(kind):
    net, x = build(kind)
    theirs = torch_net(net)
    j = torch.func.vmap(torch.func.jacrev(lambda one: theirs(one[None])[0]))(torch.tensor(x))
    agree(jacobian(net, x), j.detach().numpy())


def test_the_nets_have_all_kinds_of_layers():
    seen = {type(layer) for kind in KINDS for _, layer in leaves(build(kind)[0])}
    assert {Conv2d, ConvTranspose2d} <= seen and any(
        isinstance(build(kind)[0], Autoencoder) for kind in KINDS
    )
