"""The architectures of the chapters."""

import numpy as np

from helpers.wrong_calls import Calls, values, without
from helpers.wrong_calls.roles import FRACTION, INIT, LAYER, SIZE
from tinyae import Sigmoid, models

CALLS = Calls()
SIZES = {"features": SIZE, "code": SIZE}
for make, wrong in {
    models.basic_autoencoder: SIZES,
    models.linear_autoencoder: SIZES,
    models.tied_autoencoder: SIZES,
    models.vae: SIZES | {"hidden": SIZE},
    models.conv_autoencoder: {},
    models.conv_denoiser: {},
    models.discriminator: {"features": SIZE},
    models.classifier: {"features": SIZE, "classes": SIZE, "hidden": SIZE},
}.items():
    right = values(rng=0, dtype=np.float32, **dict.fromkeys(wrong, 8))
    CALLS.add(make.__name__, make, right, wrong | INIT, "Linear", "Conv2d", "VAE")
CALLS.add(
    "sparse_autoencoder",
    models.sparse_autoencoder,
    values(rng=0, features=8, units=4, code=None, rho=None, dtype=np.float32),
    {
        "features": SIZE,
        "units": SIZE,
        "code": without(LAYER, "None"),
        "rho": without(FRACTION, "None"),
        **INIT,
    },
    "Linear",
    "Sequential",
)
WIDTHS = {"None": None, "number": 6, "one": (6,), "zero": (6, 0), "strings": ("a", "b")}
CALLS.add(
    "deep_autoencoder",
    models.deep_autoencoder,
    values(sizes=(8, 4, 2), activation=Sigmoid, rng=0, init="he", dtype=np.float32),
    {
        "sizes": WIDTHS | {"fractions": (6.5, 2)},
        "activation": {"None": None, "string": "relu", "object": Sigmoid(), "number": 3},
        "init": {"None": None, "unknown": "huge", "number": 3},
        **INIT,
    },
    "Linear",
    "initialize",
    "initialization",
)
