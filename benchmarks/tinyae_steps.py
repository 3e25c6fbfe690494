"""One training step of each of the chapter's models in tinyae, as ``fit`` makes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinyae import Adam, Objective, ReLU, to_device
from tinyae.data import Gaussian
from tinyae.models import basic_autoencoder, conv_autoencoder, sparse_autoencoder, vae
from tinyae.objectives import Variational
from tinyae.penalties import l1
from tinyae.training.workers import Workers, loss_and_gradients

Step = tuple[Callable[[], Any], Callable[[], None]]  # one step, and wait until it is done

# model -> the network, and what is minimized
MODELS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "dense": (lambda: basic_autoencoder(0), Objective),
    "denoising": (lambda: basic_autoencoder(0), lambda: Objective(corrupt=Gaussian(0.3))),
    "sparse": (
        lambda: sparse_autoencoder(0, ReLU()),
        lambda: Objective(code_penalty=l1, beta=1e-3),
    ),
    "contractive": (lambda: basic_autoencoder(0), lambda: Objective(contraction=1e-3)),
    "variational": (lambda: vae(0), Variational),
    "conv": (lambda: conv_autoencoder(0), Objective),
}


def step(name: str, batch: int, threads: int, device: str) -> Step:
    """The step of a model, on as many worker threads."""
    build, objective = MODELS[name]
    model, minimized = build().to(device), objective()
    shape = (batch, 1, 28, 28) if name == "conv" else (batch, 784)
    x = to_device(np.random.default_rng(0).random(shape, dtype=np.float32), device)
    optimizer = Adam(model.params)
    team = Workers(threads if device == "cpu" else 1).__enter__()

    def one() -> None:
        _, grads, _ = loss_and_gradients(model, x, minimized, team, [0])
        optimizer.step(grads, team.map)

    def wait() -> None:
        if device == "gpu":
            import cupy

            cupy.cuda.get_current_stream().synchronize()

    return one, wait
