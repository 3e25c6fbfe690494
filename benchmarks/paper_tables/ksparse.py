"""Makhzani & Frey 2014, table 1: k-sparse autoencoders, 1000 units, logistic regression on the
features.

How the settings were chosen: they were not tuned. As in the paper, k falls from 100 to its final
value in the first half of the training, so that all units learn something, and the features keep
the αk largest entries with α = 3.
"""

from __future__ import annotations

from collections.abc import Callable

from paper_tables.common import FIT, Metrics, Table, clock, mnist

from tinyae import Adam, KSparse, Linear, Objective, Sequential, fit
from tinyae.applications import accuracy, classification, encode
from tinyae.layers import TiedAutoencoder, TransposedLinear, initialize
from tinyae.optim import cosine_schedule

UNITS, START, ALPHA, BATCH = 1000, 100, 3, 100
EPOCHS, FINAL = 20, 20  # of the autoencoder; of the logistic regression


def method(k: int) -> Callable[[int, bool], Metrics]:
    def run(seed: int, quick: bool) -> Metrics:
        x, labels, x_test, test_labels = mnist(1500 if quick else None)
        cut = len(x) * 5 // 6
        steps = -(-cut // BATCH)
        metrics: Metrics = {}
        with clock(metrics):
            epochs = 2 if quick else EPOCHS
            linear, sparse = Linear(784, UNITS, rng=seed), KSparse(START)
            initialize(linear, "glorot", seed)
            model = TiedAutoencoder(
                Sequential(linear, sparse), Sequential(TransposedLinear(linear))
            )
            optimizer = Adam(model.params, cosine_schedule(1e-3, epochs * steps))
            for epoch in range(epochs):
                falling = max(0.0, 1 - 2 * epoch / epochs)  # from 1 to 0 in the first half
                sparse.k = round(k + falling * (START - k))
                fit(
                    model, x[:cut], Objective(), optimizer, 1, BATCH, rng=1000 * seed + epoch,
                    **FIT,
                )  # fmt: skip
            features = Sequential(linear, KSparse(ALPHA * k))
            z, z_test = encode(features, x), encode(features, x_test)
            std = z[:cut].std()
            epochs = 2 if quick else FINAL
            head = Sequential(Linear(UNITS, 10, rng=seed))
            optimizer = Adam(head.params, cosine_schedule(1e-3, epochs * steps))
            data = (z[:cut] / std, labels[:cut])
            fit(head, data, classification, optimizer, epochs, BATCH, rng=seed, **FIT)
        metrics["valid"] = 100 * (1 - accuracy(head, z[cut:] / std, labels[cut:]))
        metrics["test"] = 100 * (1 - accuracy(head, z_test / std, test_labels))
        return metrics

    return run


TABLE = Table(
    title="Makhzani & Frey 2014: test error in %, k-sparse features of 1000 units",
    columns={"test": ("test %", ".2f"), "valid": ("valid %", ".2f")},
    paper={"k = 40": {"test": 1.54}, "k = 25": {"test": 1.35}, "k = 10": {"test": 2.10}},
    methods={f"k = {k}": method(k) for k in (40, 25, 10)},
    differs=[
        "Adam with a falling rate; the paper: gradient descent with momentum, 5000 epochs",
        "50,000 training images; 10,000 are held out for validation",
    ],
)
