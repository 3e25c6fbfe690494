"""Corruption, batches and generated digits. What is read from files is tested in tests/data."""

import numpy as np

from helpers.wrong_calls import Calls, values, without
from helpers.wrong_calls.examples import IMAGES, LABELS5, X
from helpers.wrong_calls.roles import (
    ANY_NUMBERS,
    ARRAY,
    FLAG,
    FRACTION,
    POSITIVE,
    RNG,
    SIZE,
    WEIGHT,
)
from tinyae import data

CALLS = Calls()
for kind in (data.Gaussian, data.Masking, data.SaltAndPepper):
    name, argument = kind.__name__, "sigma" if kind is data.Gaussian else "fraction"
    amounts = WEIGHT if name == "Gaussian" else without(FRACTION, "zero")
    CALLS.add(name, kind, values(**{argument: 0.2}), {argument: amounts})
    CALLS.add(
        f"{name}()",
        lambda x, rng, kind=kind: kind(0.2)(x, rng),
        values(x=X, rng=0),
        {"x": ARRAY | ({} if name == "Gaussian" else {"0-d": np.array(0.5)}), "rng": RNG},
    )
CALLS.add("Gaussian", data.Gaussian, values(sigma=0.1, clip=True), {"clip": FLAG})
CALLS.add(
    "minibatches",
    lambda n_or_x, batch_size, rng: list(data.minibatches(n_or_x, batch_size, rng)),
    values(n_or_x=10, batch_size=3, rng=0),
    {"n_or_x": without(SIZE, "list", "array"), "batch_size": SIZE, "rng": RNG},
)
CALLS.add(
    "train_test_split",
    data.train_test_split,
    values(x=X, labels=LABELS5, test=0.4, rng=0),
    {
        "x": {"None": None, "number": 3, "one": X[:1], "string": "x"},
        "labels": {"number": 3, "short": LABELS5[:2]},
        "test": POSITIVE,
        "rng": RNG,
    },
)
CALLS.add(
    "strokes",
    data.strokes,
    values(n_train=4, n_test=2, seed=0, size=28),
    {"n_train": SIZE, "n_test": SIZE, "seed": RNG, "size": SIZE},
)
CALLS.add(
    "shifts",
    data.shifts,
    values(pixels=1, fraction=0.5),
    {"pixels": SIZE, "fraction": without(FRACTION, "zero")},
)
CALLS.add(
    "shifts",
    lambda x, rng: data.shifts(1)(x, rng),
    values(x=IMAGES, rng=0),
    {"x": ANY_NUMBERS | {"(N, H, W)": IMAGES[:, 0]}, "rng": RNG},
)
