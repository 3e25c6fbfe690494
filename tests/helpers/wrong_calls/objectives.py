"""What training minimizes."""

from helpers.wrong_calls import Calls, value, values
from helpers.wrong_calls.examples import LABELS5, X, autoencoder, discriminator, encoder, vae, x
from helpers.wrong_calls.roles import (
    FLAG,
    FUNCTION,
    LAYER,
    OPTIONAL_FUNCTION,
    OPTIONAL_SIZE,
    RNG,
    SHAPED,
    WEIGHT,
    Thing,
)
from tinyae import Adam, Objective, bce, mse
from tinyae.objectives import (
    Adversarial,
    GeneratorLoss,
    Variational,
    as_objective,
    classification,
    code_batches,
    discriminator_loss,
    image_batches,
)

CALLS = Calls()
CALLS.add(
    "Objective",
    Objective,
    values(reconstruction=mse, corrupt=None, code_penalty=None, beta=1.0, contraction=0.0)
    | values(probes=None, output_penalty=None, gamma=1.0),
    {
        "reconstruction": FUNCTION,
        "corrupt": OPTIONAL_FUNCTION,
        "code_penalty": OPTIONAL_FUNCTION,
        "beta": WEIGHT,
        "contraction": WEIGHT,
        "probes": OPTIONAL_SIZE,
        "output_penalty": OPTIONAL_FUNCTION,
        "gamma": WEIGHT,
    },
)
PAIR = {"pair": (X, X)}
CALLS.add(
    "Objective()",
    lambda model, x: Objective()(model, x, None),
    {"model": autoencoder, "x": x},
    {"model": LAYER | {"encoder": encoder()}, "x": SHAPED | PAIR},
    "Linear",
)
CALLS.add(
    "Variational",
    Variational,
    values(beta=1.0, reconstruction=bce),
    {"beta": WEIGHT, "reconstruction": FUNCTION},
)
CALLS.add(
    "Variational()",
    lambda model, x, rng: Variational()(model, x, rng),
    {"model": vae, "x": x, "rng": value(0)},
    {"model": LAYER | {"autoencoder": autoencoder()}, "x": SHAPED | PAIR, "rng": RNG},
    "Linear",
)
CALLS.add(
    "GeneratorLoss", GeneratorLoss, {"discriminator": discriminator}, {"discriminator": LAYER}
)
CALLS.add(
    "GeneratorLoss()",
    lambda y: GeneratorLoss(discriminator())(y),
    {"y": lambda: X[:, :3]},
    {"y": SHAPED},
    "Linear",
)
CODES = X[:, :3]
CALLS.add(
    "discriminator_loss",
    discriminator_loss,
    {"discriminator": discriminator, "pair": value((CODES, CODES))},
    {
        "discriminator": LAYER,
        "pair": {"None": None, "array": X, "one": (X,), "None inside": (CODES, None)},
    },
    "Linear",
)
CALLS.add(
    "code_batches",
    code_batches,
    {"model": autoencoder, "x": x, "rng": value(0)},
    {"model": LAYER | {"no encoder": encoder()}, "x": SHAPED, "rng": RNG},
    "Linear",
)
CALLS.add(
    "image_batches",
    image_batches,
    {"model": autoencoder, "x": x},
    {"model": LAYER, "x": SHAPED},
    "Linear",
)
ADVERSARY = discriminator()
CALLS.add(
    "Adversarial",
    Adversarial,
    {
        "objective": lambda: Objective(code_penalty=GeneratorLoss(ADVERSARY)),
        "discriminator": value(ADVERSARY),
        "batches": value(code_batches),
        "optimizer": lambda: Adam(ADVERSARY.params),
    },
    {
        "objective": FUNCTION,
        "discriminator": LAYER | {"another": discriminator()},
        "batches": FUNCTION,
        "optimizer": {
            "None": None,
            "string": "adam",
            "class": Adam,
            "thing": Thing(),
            "another": Adam(discriminator().params),
        },
    },
)
CALLS.add(
    "as_objective",
    as_objective,
    values(objective=mse, needs_full_batch=False),
    {"objective": FUNCTION, "needs_full_batch": FLAG},
)
CALLS.add(
    "classification",
    classification,
    {"model": encoder, "data": value((X, LABELS5))},
    {
        "model": LAYER,
        "data": {
            "None": None,
            "array": X,
            "triple": (X, X, X),
            "images twice": (X, X),
            "too few labels": (X, LABELS5[:3]),
            "list of labels": (X, [0, 1, 2, 0, 1]),
            "labels too large": (X, LABELS5 + 9),
            "None inside": (None, LABELS5),
        },
    },
    "labels",
)
