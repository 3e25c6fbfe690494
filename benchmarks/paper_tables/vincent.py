"""Vincent, Larochelle, Bengio & Manzagol 2008, table 1, column "basic": stacked denoising
autoencoders, 10,000 training images.

How the settings were chosen: noise, learning rates and epochs by the error on the 2,000 validation
images, with seed 0. Both learning rates matter: they are as high as possible. The net without
pretraining has the learning rate and the number of epochs that were best for it. The search also
printed the test error of seed 0, but did not choose by it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from paper_tables.common import FIT, Metrics, Table, clock, mnist

from tinyae import Adam, Linear, Sequential, Sigmoid, fit
from tinyae.applications import accuracy, classification, greedy_pretrain
from tinyae.data import Masking
from tinyae.layers import initialize
from tinyae.optim import cosine_schedule

SIZES, BATCH = (1000, 1000, 1000), 100


def split(quick: bool) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Training, validation and test set: all 70,000 images, mixed, 10,000 + 2,000 + 50,000."""
    x, labels, x_test, test_labels = mnist()
    x, labels = np.concatenate([x, x_test]), np.concatenate([labels, test_labels])
    order = np.random.default_rng(2007).permutation(len(x))
    bounds = [(0, 1000), (10_000, 10_500), (20_000, 22_000)] if quick else []
    bounds = bounds or [(0, 10_000), (10_000, 12_000), (20_000, 70_000)]
    return tuple((x[order[a:b]], labels[order[a:b]]) for a, b in bounds)


def encoder_without_pretraining(seed: int, start: str) -> Sequential:
    rng = np.random.default_rng(seed)
    layers = []
    for a, b in zip((784, *SIZES), SIZES, strict=False):
        layers += [Linear(a, b, rng=rng), Sigmoid()]
    encoder = Sequential(*layers)
    if start == "glorot":
        initialize(encoder, "glorot", rng, gain=4)
    return encoder


def method(start: Masking | str | None, epochs: int) -> Callable[[int, bool], Metrics]:
    """
    Args:
        start: the noise of the pretraining (None: without noise), or the name of the initial
            weights, for no pretraining.
        epochs: of the fine-tuning.
    """

    def run(seed: int, quick: bool) -> Metrics:
        train, valid, test = split(quick)
        steps = -(-len(train[0]) // BATCH)  # per epoch
        pretraining, fine_tuning = (2, 2) if quick else (20, epochs)
        metrics: Metrics = {}
        with clock(metrics):
            if isinstance(start, str):
                encoder = encoder_without_pretraining(seed, start)
            else:
                schedule = cosine_schedule(4e-3, pretraining * steps)
                encoder, _ = greedy_pretrain(
                    SIZES, train[0], start, pretraining, schedule, BATCH, rng=seed, **FIT
                )
            net = Sequential(*encoder.layers, Linear(SIZES[-1], 10, rng=seed + 1))
            optimizer = Adam(net.params, cosine_schedule(3e-3, fine_tuning * steps))
            fit(net, train, classification, optimizer, fine_tuning, BATCH, rng=seed, **FIT)
        metrics["valid"] = 100 * (1 - accuracy(net, *valid))
        metrics["test"] = 100 * (1 - accuracy(net, *test))
        return metrics

    return run


TABLE = Table(
    title='Vincent et al. 2008, "basic": test error in %, three layers of 1000 sigmoid units',
    columns={"test": ("test %", ".2f"), "valid": ("valid %", ".2f")},
    paper={"SDAE-3": {"test": 2.84}, "SAE-3": {"test": 3.46}},
    methods={
        "SDAE-3": method(Masking(0.25), 15),
        "SAE-3": method(None, 15),
        "no pretraining, Glorot × 4": method("glorot", 25),
        "no pretraining, U(±1/√in)": method("default", 50),
    },
    differs=[
        "the sizes of the split are the paper's, the rows are not (theirs is no longer online)",
        "Adam with a falling rate; the paper: stochastic gradient descent with early stopping",
        "masking 0.25 at every layer; the paper chose it from 0, 0.10, 0.25, 0.40",
    ],
)
