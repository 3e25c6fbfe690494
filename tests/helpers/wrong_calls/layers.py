"""Making layers: constructors, containers, ``unfold`` and ``fold``."""

import numpy as np

import tinyae
from helpers.wrong_calls import Calls, value, values
from helpers.wrong_calls.examples import IMAGES, X, encoder
from helpers.wrong_calls.roles import (
    ANY_NUMBERS,
    DTYPE,
    FLAG,
    FRACTION,
    INIT,
    LAYER,
    NAME,
    PADDING,
    PAIR,
    POSITIVE,
    RNG,
    SIZE,
    Thing,
)
from tinyae import (
    ELU,
    Autoencoder,
    Conv2d,
    ConvTranspose2d,
    KSparse,
    LeakyReLU,
    Linear,
    ReLU,
    Reshape,
    Sequential,
    Tanh,
    freeze,
)
from tinyae.layers import TiedAutoencoder, TransposedLinear, fold, initialize, leaves, unfold
from tinyae.layers.vae import VAE

CALLS = Calls()
SIZES = {"in_features": SIZE, "out_features": SIZE}
CALLS.add(
    "Linear",
    Linear,
    values(in_features=6, out_features=4, bias=True, rng=0, dtype=np.float32),
    {**SIZES, "bias": FLAG, **INIT},
)
CHANNELS = {"in_channels": SIZE, "out_channels": SIZE}
WINDOW = {"stride": PAIR, "padding": PADDING, "dilation": PAIR}
for convolution in (Conv2d, ConvTranspose2d):
    CALLS.add(
        convolution.__name__,
        convolution,
        values(in_channels=3, out_channels=4, kernel_size=3, stride=1, padding=1, dilation=1)
        | values(bias=True, rng=0, dtype=np.float32),
        {**CHANNELS, "kernel_size": PAIR, **WINDOW, "bias": FLAG, **INIT},
    )
CALLS.add(
    "ConvTranspose2d",
    ConvTranspose2d,
    values(in_channels=3, out_channels=4, kernel_size=3, stride=2, output_padding=1),
    {"output_padding": PADDING | {"as large as the stride": 2}},
)
CALLS.add("LeakyReLU", LeakyReLU, values(negative_slope=0.1), {"negative_slope": FRACTION})
CALLS.add("ELU", ELU, values(alpha=1.0), {"alpha": POSITIVE})
CALLS.add("KSparse", KSparse, values(k=2), {"k": SIZE})
CALLS.add("Reshape", lambda size: Reshape(1, size, 3), values(size=2), {"size": SIZE})
CALLS.add("Sequential", lambda layer: Sequential(Tanh(), layer), {"layer": ReLU}, {"layer": LAYER})
BOTH = {"encoder": LAYER, "decoder": LAYER}
CALLS.add("Autoencoder", Autoencoder, {"encoder": encoder, "decoder": Tanh}, BOTH)
TIED = Linear(6, 4, rng=0)
CALLS.add(
    "TransposedLinear",
    TransposedLinear,
    values(linear=TIED, bias=True),
    {"linear": LAYER, "bias": FLAG},
)
CALLS.add(
    "TiedAutoencoder",
    TiedAutoencoder,
    values(encoder=TIED, decoder=TransposedLinear(TIED)),
    BOTH | {"decoder": LAYER | {"not tied": Linear(4, 6, rng=0)}},
)
CALLS.add(
    "VAE",
    VAE,
    values(encoder=Linear(6, 4, rng=0), decoder=Linear(2, 6, rng=1), code=2),
    {**BOTH, "code": SIZE},
)
CALLS.add("leaves", lambda model: list(leaves(model)), {"model": encoder}, {"model": LAYER})
CALLS.add("freeze", freeze, {"layer": encoder}, {"layer": LAYER}, "Frozen")
CALLS.add(
    "summary",
    tinyae.summary,
    {"model": encoder, "input_shape": value((6,))},
    {
        "model": LAYER,
        "input_shape": {
            "None": None,
            "number": 6,
            "string": "6",
            "wrong": (7,),
            "zero": (0,),
            "strings": ("6",),
        },
    },
    "Linear",
)
NOT_IMAGES = ANY_NUMBERS | {"(N, D)": X}
KERNEL = {"kernel": PAIR, "stride": PAIR, "padding": PADDING, "dilation": PAIR}
CALLS.add(
    "unfold",
    unfold,
    values(x=IMAGES, kernel=3, stride=1, padding=0, dilation=1),
    {"x": NOT_IMAGES, **KERNEL},
)
CALLS.add(
    "fold",
    fold,
    {"patches": lambda: unfold(IMAGES, 3)}
    | values(size=(6, 6), kernel=3, stride=1, padding=0, dilation=1),
    {
        "patches": NOT_IMAGES,
        "size": {"None": None, "string": "66", "three": (6, 6, 6), "other": (5, 6)},
        **KERNEL,
    },
)
CALLS.add(
    "astype", lambda dtype: encoder().astype(dtype), values(dtype=np.float64), {"dtype": DTYPE}
)
for make in (encoder, ReLU):
    call = lambda device, make=make: make().to(device)  # noqa: E731
    CALLS.add("to", call, values(device="cpu"), {"device": NAME})
NOT_NUMBERS = {"None": None, "string": "pixels", "thing": Thing(), "class": ReLU}
CALLS.add(
    "to_device",
    tinyae.to_device,
    values(x=X, device="cpu"),
    {"x": NOT_NUMBERS, "device": NAME},
    "to_numpy",
)
CALLS.add("to_numpy", tinyae.to_numpy, values(x=X), {"x": NOT_NUMBERS})
SCHEMES = {"None": None, "number": 3, "unknown": "huge", "list": ["he"]}
CALLS.add(
    "initialize",
    initialize,
    {"model": encoder} | values(scheme="he", rng=0, gain=1.0),
    {"model": LAYER | {"no weights": Tanh()}, "scheme": SCHEMES, "rng": RNG, "gain": POSITIVE},
)
