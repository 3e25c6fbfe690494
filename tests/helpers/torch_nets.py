"""Our net as a PyTorch net, and its contractive penalty by vmap(jacrev). Needs PyTorch."""

import numpy as np
import torch
from torch import nn

from tinyae.layers import leaves


def torch_net(net):
    def one(a):
        return {
            "Linear": lambda: nn.Linear(a.in_features, a.out_features),
            "Conv2d": lambda: nn.Conv2d(
                a.in_channels, a.out_channels, a.kernel_size, a.stride, a.padding, a.dilation
            ),
            "ConvTranspose2d": lambda: nn.ConvTranspose2d(
                a.in_channels,
                a.out_channels,
                a.kernel_size,
                a.stride,
                a.padding,
                a.output_padding,
                dilation=a.dilation,
            ),
            "ReLU": nn.ReLU,
            "LeakyReLU": lambda: nn.LeakyReLU(a.negative_slope),
            "ELU": lambda: nn.ELU(a.alpha),
            "Sigmoid": nn.Sigmoid,
            "Tanh": nn.Tanh,
            "Softplus": lambda: nn.Softplus(threshold=1e9),
            "Flatten": nn.Flatten,
            "Reshape": lambda: nn.Unflatten(1, a.shape),
        }[type(a).__name__]().double()

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
    dx, *grads = (
        np.zeros(t.shape) if g is None else g.numpy()
        for g, t in zip(wanted, [tx, *params.values()], strict=True)
    )
    return float(value.detach()), dx, dict(zip(net.params, grads, strict=True))
