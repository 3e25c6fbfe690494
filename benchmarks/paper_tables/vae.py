"""Kingma & Welling 2014, figure 2: the bound on log p(x) of MNIST, 500 hidden units, 20 latents.

How the settings were chosen: they were not tuned. The learning rate falls from twice Adam's
default. More epochs would give a better bound.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from paper_tables.common import FIT, Metrics, Table, clock, mnist

from tinyae import Adam, Variational, fit
from tinyae.layers.vae import VAE
from tinyae.models import vae
from tinyae.optim import cosine_schedule

BATCH = 128


def bound(model: VAE, x: np.ndarray, passes: int = 5) -> float:
    """The mean bound in nats, of ``passes`` draws of z per image."""
    rng, objective = np.random.default_rng(0), Variational()
    losses = [
        objective(model, x[i : i + 1000], rng)[0] * len(x[i : i + 1000])
        for _ in range(passes)
        for i in range(0, len(x), 1000)
    ]
    return -sum(losses) / (passes * len(x))


def method(epochs: int) -> Callable[[int, bool], Metrics]:
    def run(seed: int, quick: bool) -> Metrics:
        x, _, x_test, _ = mnist(2000 if quick else None)
        metrics: Metrics = {}
        with clock(metrics):
            model = vae(seed, hidden=500, code=20)
            steps = (1 if quick else epochs) * -(-len(x) // BATCH)
            optimizer = Adam(model.params, cosine_schedule(2e-3, steps))
            used = 1 if quick else epochs
            fit(model, x, Variational(), optimizer, used, BATCH, rng=seed, **FIT)
        metrics["test"] = bound(model, x_test)
        metrics["train"] = bound(model, x[:10_000])
        return metrics

    return run


TABLE = Table(
    title="Kingma & Welling 2014: bound on log p(x), MNIST, 500 hidden units, 20 latents",
    columns={"test": ("test", ".1f"), "train": ("train", ".1f")},
    paper={"about 1,700 epochs": {"test": -99.5}},
    methods={"15 epochs": method(15), "40 epochs": method(40)},
    differs=[
        "ReLU and Adam; the paper: one hidden layer of tanh and Adagrad",
        "pixels are probabilities in [0, 1], as in the paper's text",
        "the paper's figure ends at about 1e8 training samples; 40 epochs are 2.4e6",
    ],
)
