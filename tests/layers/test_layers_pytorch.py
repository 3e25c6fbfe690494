"""Every layer compared with PyTorch: forward and all gradients, float64."""

import numpy as np
import pytest
from helpers.numeric import close

from tinyae import (
    ELU,
    Autoencoder,
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

torch = pytest.importorskip("torch", reason="compares with PyTorch: pip install torch==2.13.0")
nn = torch.nn
pytestmark = pytest.mark.oracle


def torch_net(model):
    """The same net in PyTorch, with the same weights."""
    if isinstance(model, Autoencoder):
        net = nn.Sequential()
        net.add_module("encoder", torch_net(model.encoder))
        net.add_module("decoder", torch_net(model.decoder))
        return net
    if isinstance(model, Sequential):
        return nn.Sequential(*map(torch_net, model.layers))
    make = {
        Linear: lambda a: nn.Linear(a.in_features, a.out_features, "bias" in a.params),
        ReLU: lambda a: nn.ReLU(),
        LeakyReLU: lambda a: nn.LeakyReLU(a.negative_slope),
        ELU: lambda a: nn.ELU(a.alpha),
        Sigmoid: lambda a: nn.Sigmoid(),
        Tanh: lambda a: nn.Tanh(),
        Softplus: lambda a: nn.Softplus(threshold=1e9),
        Flatten: lambda a: nn.Flatten(),
        Reshape: lambda a: nn.Unflatten(1, a.shape),
    }
    net = make[type(model)](model).double()
    net.load_state_dict({key: torch.tensor(w) for key, w in model.params.items()})
    return net


def linear(a, b, **options):
    return Linear(a, b, rng=a + b, dtype=np.float64, **options)


CASES = {
    "Linear": (linear(7, 5), (4, 7)),
    "Linear without bias": (linear(7, 5, bias=False), (4, 7)),
    **{
        repr(a): (a, (4, 9))
        for a in (ReLU(), LeakyReLU(0.3), ELU(), ELU(0.7), ELU(2.5), Sigmoid(), Tanh(), Softplus())
    },
    "Flatten": (Flatten(), (4, 2, 3, 5)),
    "Reshape": (Reshape(3, 2), (4, 6)),
    "Autoencoder": (
        Autoencoder(
            Sequential(Flatten(), linear(18, 9), ELU(), linear(9, 4), Tanh(), linear(4, 3)),
            Sequential(
                linear(3, 8),
                Softplus(),
                linear(8, 8),
                LeakyReLU(),
                linear(8, 18),
                Sigmoid(),
                Reshape(2, 3, 3),
            ),
        ),
        (5, 2, 3, 3),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_forward_and_gradients(name):
    model, shape = CASES[name]
    net = torch_net(model)
    x = 3 * np.random.default_rng(0).normal(size=shape)
    x.ravel()[:2] = 0, -0.0  # the kink
    tx = torch.tensor(x, requires_grad=True)
    ty = net(tx)
    y, cache = model.forward(x)
    close(y, ty.detach().numpy(), 1e-12)
    dy = np.random.default_rng(1).normal(size=y.shape)
    ty.backward(torch.tensor(dy))
    dx, grads = model.backward(dy, cache)
    close(dx, tx.grad.numpy(), 1e-12)
    named = dict(net.named_parameters())
    assert list(model.params) == list(named)
    for key, g in grads.items():
        close(g, named[key].grad.numpy(), 1e-12)


@pytest.mark.parametrize("name", CASES)
def test_second_derivatives(name):
    """Σ g · vjp(dy), with PyTorch's create_graph."""
    model, shape = CASES[name]
    net = torch_net(model)
    rng = np.random.default_rng(2)
    x = rng.normal(size=shape)
    y, cache = model.forward(x)
    g, dy = rng.normal(size=x.shape), rng.normal(size=y.shape)
    tx, tdy = torch.tensor(x, requires_grad=True), torch.tensor(dy, requires_grad=True)
    (vjp,) = torch.autograd.grad(net(tx), tx, tdy, create_graph=True)
    names, parameters = zip(*net.named_parameters(), strict=True) if model.params else ((), ())
    wanted = torch.autograd.grad(
        (torch.tensor(g) * vjp).sum(), [tdy, tx, *parameters], allow_unused=True
    )
    d_dy, dx, grads = model.double_backward(g, dy, cache)
    for ours, theirs in zip([d_dy, dx, *(grads[key] for key in names)], wanted, strict=True):
        if ours is not None and theirs is not None:
            close(ours, theirs.numpy(), 1e-12)
        else:  # s does not depend on it: None or zeros
            assert ours is None or not ours.any()
            assert theirs is None or not theirs.any()


def test_initial_weights_have_pytorchs_distribution():
    torch.manual_seed(0)
    theirs, ours = nn.Linear(200, 300), Linear(200, 300, rng=0)
    for key, w in ours.params.items():
        t = getattr(theirs, key).detach().numpy()
        assert w.dtype == t.dtype and w.std() == pytest.approx(t.std(), rel=0.05)
        assert np.abs(w).max() == pytest.approx(np.abs(t).max(), rel=0.02)
