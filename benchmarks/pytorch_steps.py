"""The same steps in PyTorch, in three ways.

- ``book``: as a textbook writes them.
- ``best``: fused Adam, and channels-last memory for convolutions.
- ``compile``: ``best``, with ``torch.compile``. It needs a C++ compiler.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from benchmarks.tinyae_steps import Step

WAYS = ("book", "best", "compile")


def dense(sizes: list[int], last: nn.Module) -> list[nn.Module]:
    """Linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for a, b in zip(sizes, sizes[1:], strict=False):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return [*layers[:-1], last]


def encoder_and_decoder(name: str) -> tuple[nn.Module, nn.Module]:
    """The chapter's networks."""
    if name == "conv":
        encoder = [
            nn.Conv2d(1, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU(),
            nn.Conv2d(64, 128, 7),
        ]  # fmt: skip
        decoder = [
            nn.ReLU(), nn.ConvTranspose2d(128, 64, 7), nn.ReLU(),
            nn.ConvTranspose2d(64, 32, 3, 2, 1, 1), nn.ReLU(),
            nn.ConvTranspose2d(32, 1, 3, 2, 1, 1), nn.Sigmoid(),
        ]  # fmt: skip
        return nn.Sequential(*encoder), nn.Sequential(*decoder)
    encoder_sizes, decoder_sizes, last = {
        "sparse": ([784, 256], [256, 784], nn.ReLU()),
        "variational": ([784, 400, 40], [20, 400, 784], nn.Identity()),
    }.get(name, ([784, 512, 256, 32], [32, 256, 512, 784], nn.Identity()))
    return (
        nn.Sequential(*dense(encoder_sizes, last)),
        nn.Sequential(*dense(decoder_sizes, nn.Sigmoid())),
    )


def loss(name: str, encoder: nn.Module, decoder: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """What the model minimizes."""
    if name == "variational":
        mean, logvar = encoder(x).chunk(2, dim=1)
        z = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
        kl = -0.5 * (1 + logvar - mean**2 - logvar.exp()).sum(dim=1).mean()
        error = nn.functional.binary_cross_entropy(decoder(z), x, reduction="sum") / len(x)
        return error + kl
    given = (x + 0.3 * torch.randn_like(x)).clamp(0, 1) if name == "denoising" else x
    z = encoder(given)
    total = nn.functional.mse_loss(decoder(z), x)
    if name == "sparse":
        total = total + 1e-3 * z.abs().sum() / len(x)
    if name == "contractive":
        parameters = dict(encoder.named_parameters())

        def code(parameters: Any, one: torch.Tensor) -> torch.Tensor:
            return torch.func.functional_call(encoder, parameters, one[None])[0]

        jacobian = torch.func.jacrev(code, argnums=1)
        rows = torch.func.vmap(jacobian, in_dims=(None, 0))(parameters, x)
        total = total + 1e-3 * (rows**2).sum() / len(x)
    return total


def step(name: str, batch: int, threads: int, device: str, way: str) -> Step:
    """The step of a model, in one of the ways."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    where = "cuda" if device == "gpu" else "cpu"
    encoder, decoder = (part.to(where) for part in encoder_and_decoder(name))
    x = torch.rand((batch, 1, 28, 28) if name == "conv" else (batch, 784), device=where)
    best = way != "book"
    if best and name == "conv":
        encoder, decoder = (
            part.to(memory_format=torch.channels_last) for part in (encoder, decoder)
        )
        x = x.to(memory_format=torch.channels_last)
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=True if best else None)

    def of_batch(x: torch.Tensor) -> torch.Tensor:
        return loss(name, encoder, decoder, x)

    minimized = torch.compile(of_batch) if way == "compile" else of_batch

    def one() -> None:
        optimizer.zero_grad()
        minimized(x).backward()
        optimizer.step()

    return one, torch.cuda.synchronize if device == "gpu" else lambda: None
