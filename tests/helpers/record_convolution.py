"""Write recorded_convolution.json: what PyTorch computes, for tests without PyTorch.

    cd tests && python -m helpers.record_convolution

Inputs and weights are given by formulas. Those of the layers are small multiples of 1/4, so that
all sums, and the comparison, are exact.
"""

import json
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("recorded_convolution.json")
SETTINGS = [  # kind, channels, kernel, options, input size
    ("Conv2d", (2, 3), (3, 3), {"stride": 2, "padding": 1}, (6, 5)),
    ("Conv2d", (3, 2), (3, 2), {"stride": (2, 3), "padding": (1, 2), "dilation": (2, 1)}, (6, 7)),
    ("Conv2d", (2, 2), (4, 3), {"bias": False}, (4, 3)),
    ("ConvTranspose2d", (2, 3), (3, 3), {"stride": 2, "padding": 1, "output_padding": 1}, (3, 3)),
    (
        "ConvTranspose2d",
        (3, 2),
        (2, 3),
        {"stride": (1, 3), "padding": (1, 0), "output_padding": (2, 1), "dilation": (3, 1)},
        (3, 2),
    ),
    ("ConvTranspose2d", (2, 2), (4, 3), {"bias": False}, (1, 1)),
]
STEPS, RATE = 12, 1e-3


def quarters(shape, start):
    """Values between −2 and 2 that repeat after 17 entries; 17 divides no axis here."""
    return ((7 * np.arange(start, start + np.prod(shape))) % 17 - 8).reshape(shape) / 4.0


def steps(shape, start, scale=1.0):
    """Pseudorandom values between ±scale that repeat after 10,007 entries, the same on every
    machine."""
    i = np.arange(start, start + np.prod(shape))
    return (i * i * 31 % 10_007 / 5003 - 1).reshape(shape) * scale


def starting_point(shapes):
    """Weights for the convolutional autoencoder, of PyTorch's default scale, and eight images."""
    size = {key: np.prod(shape[1:]) for key, shape in shapes.items() if len(shape) == 4}
    weights = {
        key: steps(shape, 100 * i, 1 / np.sqrt(size[key.replace("bias", "weight")]))
        for i, (key, shape) in enumerate(shapes.items())
    }
    return weights, steps((8, 1, 28, 28), 5).clip(0)


def main():
    import torch
    from torch import nn

    def of(a):
        return torch.tensor(a, requires_grad=True)

    layers = []
    for kind, channels, kernel, options, size in SETTINGS:
        layer = getattr(nn, kind)(*channels, kernel, dtype=torch.float64, **options)
        layer.load_state_dict(
            {key: torch.tensor(quarters(w.shape, 3)) for key, w in layer.state_dict().items()}
        )
        x = of(quarters((2, channels[0], *size), 1))
        y = layer(x)
        y.backward(torch.tensor(quarters(y.shape, 2)))
        values = {"y": y, "x": x.grad, **{key: w.grad for key, w in layer.named_parameters()}}
        layers.append({key: a.detach().numpy().tolist() for key, a in values.items()})

    half = {"kernel_size": 3, "stride": 2, "padding": 1}
    net = nn.Sequential()
    net.encoder = nn.Sequential(
        nn.Conv2d(1, 32, **half),
        nn.ReLU(),
        nn.Conv2d(32, 64, **half),
        nn.ReLU(),
        nn.Conv2d(64, 128, 7),
        nn.ReLU(),
    )
    net.decoder = nn.Sequential(
        nn.ConvTranspose2d(128, 64, 7),
        nn.ReLU(),
        nn.ConvTranspose2d(64, 32, **half, output_padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 1, **half, output_padding=1),
        nn.Sigmoid(),
    )
    weights, x = starting_point({key: tuple(w.shape) for key, w in net.state_dict().items()})
    net = net.double()
    net.load_state_dict({key: torch.tensor(w) for key, w in weights.items()})
    x, losses = torch.tensor(x), []
    adam = torch.optim.Adam(net.parameters(), lr=RATE)
    for _ in range(STEPS):
        loss = nn.functional.mse_loss(net(x), x)
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    text = json.dumps(
        {"torch": torch.__version__, "losses": losses, "layers": layers}, separators=(",", ":")
    )
    FILE.write_text(text.replace('},{"y"', '},\n{"y"') + "\n", encoding="utf-8")
    print(FILE, f"{FILE.stat().st_size:,} bytes", losses)


if __name__ == "__main__":
    main()
