"""Train the small model of the page "The plane of codes", and write it for JavaScript."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tinyae import (
    Adam,
    Autoencoder,
    Linear,
    Objective,
    ReLU,
    Sequential,
    Sigmoid,
    bce,
    fit,
    load_data,
)

SIZES = (784, 128, 2)
EPOCHS = 60


def model() -> Autoencoder:
    """784 → 128 → 2 → 64 → 784."""
    rng = np.random.default_rng(0)
    return Autoencoder(
        Sequential(Linear(784, 128, rng=rng), ReLU(), Linear(128, 2, rng=rng)),
        Sequential(Linear(2, 64, rng=rng), ReLU(), Linear(64, 784, rng=rng), Sigmoid()),
    )


def trained(epochs: int = EPOCHS) -> tuple[Autoencoder, np.ndarray, np.ndarray]:
    """The trained model, and the codes and labels of some images."""
    data = load_data("strokes")
    x = data.train.flat[:4000]
    net = model()
    fit(net, x, Objective(bce), Adam(net.params, lr=2e-3), epochs=epochs, progress=False)
    return net, net.encode(data.test.flat[:600]), data.test.labels[:600]


def for_javascript(net: Autoencoder, codes: np.ndarray, labels: np.ndarray) -> dict[str, object]:
    """Weights and codes as lists, rounded to what can be seen."""
    layers = [
        {name: np.round(array, 3).tolist() for name, array in layer.params.items()}
        for layer in net.decoder.layers
        if layer.params
    ]
    low, high = codes.min(axis=0), codes.max(axis=0)
    return {
        "layers": layers,
        "codes": np.round(codes, 3).tolist(),
        "labels": labels.tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
    }


def write(path: Path) -> None:
    """Train, and write ``const latentPlane = {...}``."""
    text = json.dumps(for_javascript(*trained()), separators=(",", ":"))
    path.write_text(f"const latentPlane = {text};\n", encoding="utf-8")
