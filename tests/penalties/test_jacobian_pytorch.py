"""The contractive penalty beside PyTorch's, value and every gradient, float64: vmap(jacrev), then backward."""

import numpy as np
import pytest
from nets import ACTIVATIONS, KINDS, build

from tinyae import Autoencoder, Conv2d, ConvTranspose2d, contractive, jacobian
from tinyae.layers import leaves

torch = pytest.importorskip("torch", reason="compares with PyTorch: pip install torch==2.13.0")
nn = torch.nn
pytestmark = pytest.mark.oracle


def torch_net(net):
    def one(a):
        return {
            "Linear": lambda: nn.Linear(a.in_features, a.out_features),
            "Conv2d": lambda: nn.Conv2d(a.in_channels, a.out_channels, a.kernel_size, a.stride, a.padding, a.dilation),
            "ConvTranspose2d": lambda: nn.ConvTranspose2d(
                a.in_channels, a.out_channels, a.kernel_size, a.stride, a.padding, a.output_padding, dilation=a.dilation
            ),
            "ReLU": nn.ReLU, "LeakyReLU": lambda: nn.LeakyReLU(a.negative_slope), "ELU": lambda: nn.ELU(a.alpha),
            "Sigmoid": nn.Sigmoid, "Tanh": nn.Tanh, "Softplus": lambda: nn.Softplus(threshold=1e9), "Flatten": nn.Flatten,
            "Reshape": lambda: nn.Unflatten(1, a.shape),
        }[type(a).__name__]().double()  # fmt: skip

    theirs = nn.Sequential(*(one(layer) for _, layer in leaves(net)))
    arrays = [w for _, layer in leaves(net) for w in layer.params.values()]
    for parameter, w in zip(theirs.parameters(), arrays, strict=True):
        parameter.data = torch.tensor(np.ascontiguousarray(w))
    return theirs


def by_torch(net, x):
    """``value, dx, grads`` with our names."""
    theirs, tx = torch_net(net), torch.tensor(x, requires_grad=True)
    params = dict(theirs.named_parameters())

    def code(params, one):
        return torch.func.functional_call(theirs, params, one[None])[0]

    j = torch.func.vmap(torch.func.jacrev(code, argnums=1), in_dims=(None, 0))(params, tx)
    value = (j**2).sum() / len(x)
    wanted = torch.autograd.grad(value, [tx, *params.values()], allow_unused=True)
    dx, *grads = (np.zeros(t.shape) if g is None else g.numpy() for g, t in zip(wanted, [tx, *params.values()], strict=True))
    return float(value.detach()), dx, dict(zip(net.params, grads, strict=True))


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
    assert {Conv2d, ConvTranspose2d} <= seen and any(isinstance(build(kind)[0], Autoencoder) for kind in KINDS)
