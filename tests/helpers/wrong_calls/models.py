"""The architectures of the chapters."""

import numpy as np

from helpers.wrong_calls import Calls, values, without
from helpers.wrong_calls.roles import FRACTION, INIT, LAYER, SIZE
from tinyae import models

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
