"""Train a small autoencoder with PyTorch and record the loss of each step: recorded_losses.json,
which test_follows_pytorch.py uses if PyTorch is not installed.

    cd tests && python -m helpers.record_training            prints the file
    cd tests && python -m helpers.record_training --write    replaces it

The initial weights and the batches come from NumPy's generator, which gives the same values
everywhere.
"""

import json
import sys
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("recorded_losses.json")
SIZES, STEPS, BATCH = (20, 16, 8, 16, 20), 200, 32


def weights(sizes=SIZES, seed=0):
    """``{"encoder.0.weight": ..., ...}``, U(±1/√fan_in) in float32."""
    rng, half = np.random.default_rng(seed), len(sizes) // 2
    params = {}
    for i, (a, b) in enumerate(zip(sizes, sizes[1:], strict=False)):
        name = f"encoder.{2 * i}" if i < half else f"decoder.{2 * (i - half)}"
        bound = a**-0.5
        params[f"{name}.weight"] = rng.uniform(-bound, bound, (b, a)).astype(np.float32)
        params[f"{name}.bias"] = rng.uniform(-bound, bound, b).astype(np.float32)
    return params


def batches(pixels=SIZES[0], steps=STEPS, batch=BATCH, seed=1):
    """Smooth random images in [0, 1]: each is a sum of a few waves, so that it can be
    compressed."""
    rng, t = np.random.default_rng(seed), np.linspace(0, 1, pixels)
    for _ in range(steps):
        frequency, phase = rng.uniform(0.5, 2, (batch, 1)), rng.uniform(0, 2 * np.pi, (batch, 1))
        yield ((1 + np.sin(2 * np.pi * frequency * t + phase)) / 2).astype(np.float32)


def pytorch_losses(params, data, lr=1e-3):
    """The mean squared error before each step of Adam, by PyTorch on one thread. ReLU inside, a
    linear code, Sigmoid at the end, as in tinyae.models.basic_autoencoder."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    layers = {"encoder": [], "decoder": []}
    for key, w in params.items():
        if key.endswith("weight"):
            layers[key.partition(".")[0]] += [nn.Linear(w.shape[1], w.shape[0]), nn.ReLU()]
    net = nn.Sequential()
    net.add_module("encoder", nn.Sequential(*layers["encoder"][:-1]))
    net.add_module("decoder", nn.Sequential(*layers["decoder"][:-1], nn.Sigmoid()))
    net.to(torch.from_numpy(w).dtype).load_state_dict(
        {key: torch.from_numpy(w.copy()) for key, w in params.items()}
    )
    optimizer = torch.optim.Adam(net.parameters(), lr)
    losses = []
    for x in map(torch.from_numpy, data):
        loss = nn.functional.mse_loss(net(x), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


if __name__ == "__main__":
    import torch

    losses = pytorch_losses(weights(), batches())
    text = (
        json.dumps(
            {"pytorch": torch.__version__.partition("+")[0], "sizes": SIZES, "losses": losses},
            indent=0,
        )
        + "\n"
    )
    if "--write" in sys.argv:
        FILE.write_text(text)
    else:
        print(text, end="")
