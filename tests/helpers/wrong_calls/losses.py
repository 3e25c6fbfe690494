"""Losses, and penalties on codes and Jacobians."""

import numpy as np

from helpers.wrong_calls import Calls, value, values, without
from helpers.wrong_calls.examples import LABELS5, X, autoencoder, encoder, x
from helpers.wrong_calls.roles import (
    ARRAY,
    CACHE,
    FRACTION,
    LABELS,
    LAYER,
    NAN,
    OPTIONAL_FUNCTION,
    OPTIONAL_SIZE,
    POSITIVE,
    RNG,
    SHAPED,
    SIZE,
    WEIGHT,
)
from tinyae import KLSparsity, contractive, jacobian, l1, mse
from tinyae.losses import Perceptual, bce, bce_with_logits, cross_entropy
from tinyae.objectives import gaussian_kl
from tinyae.objectives.variational import reparameterize, reparameterize_backward
from tinyae.penalties import (
    contraction_ratios,
    higher_order_contractive,
    jacobian_norms,
    normalized_contraction,
    reconstruction_contractive,
    saturation,
    singular_values,
)

CALLS = Calls()
TARGET = without(SHAPED, "integer pixels")  # integers are targets, too
OUTSIDE = {"above 1": X + 1, "below 0": X - 1, "integer pixels": SHAPED["integer pixels"]}
CALLS.add("mse", mse, {"y": x, "target": x}, {"y": SHAPED, "target": TARGET})
CALLS.add("bce", bce, {"y": x, "target": x}, {"y": SHAPED | OUTSIDE, "target": TARGET | OUTSIDE})
CALLS.add(
    "bce_with_logits",
    bce_with_logits,
    {"logits": x, "target": x},
    {"logits": SHAPED, "target": TARGET | OUTSIDE},
)
for loss in (mse, bce, bce_with_logits, cross_entropy):
    CALLS.add(
        loss.__name__,
        lambda both, loss=loss: loss(both, both),
        {"both": lambda: X / X.sum(axis=1, keepdims=True)},
        {"both": {"empty": X[:0], "no values": X[:, :0]}},
    )
CALLS.add(
    "cross_entropy",
    cross_entropy,
    values(logits=X, target=LABELS5),
    {
        "logits": without(SHAPED, "a column more"),  # one class more
        "target": LABELS | {"too large": LABELS5 + 4, "not one-hot": X * 9, "narrow": X[:, :4]},
    },
)
CALLS.add(
    "Perceptual",
    Perceptual,
    {"features": encoder} | values(weight=1.0, pixels=mse),
    {"features": LAYER, "weight": WEIGHT, "pixels": OPTIONAL_FUNCTION},
)
CALLS.add(
    "Perceptual()",
    lambda y, target: Perceptual(encoder())(y, target),
    {"y": x, "target": x},
    {"y": SHAPED, "target": TARGET},
    "Linear",
)
CODE = ARRAY | {"0-d": np.array(0.5), "empty": X[:0]}
CALLS.add("l1", l1, {"z": x}, {"z": CODE})
CALLS.add("KLSparsity", KLSparsity, values(rho=0.1), {"rho": FRACTION})
CALLS.add("KLSparsity()", lambda z: KLSparsity(0.1)(z), {"z": x}, {"z": CODE | OUTSIDE})
PAIRS = ARRAY | {"odd": X[:, :5], "1-d": X[0]}
CALLS.add("gaussian_kl", gaussian_kl, {"code": x}, {"code": PAIRS}, "VAE")
CALLS.add(
    "reparameterize",
    reparameterize,
    values(code=X, noise=X[:, :3]),
    {"code": PAIRS, "noise": SHAPED},
    "VAE",
)
CALLS.add("reparameterize_backward", reparameterize_backward, values(dz=X, s=X), {"dz": TARGET})


def caches() -> list:
    return encoder().forward(X)[1]


CALLS.add(
    "contractive",
    contractive,
    {"encoder": encoder, "caches": caches} | values(probes=2, rng=0),
    {"encoder": LAYER, "caches": CACHE, "probes": OPTIONAL_SIZE, "rng": RNG},
)
CALLS.add(
    "reconstruction_contractive",
    reconstruction_contractive,
    {"model": autoencoder, "caches": lambda: autoencoder().forward(X)[1]} | values(probes=2, rng=0),
    {"model": LAYER, "caches": CACHE, "probes": OPTIONAL_SIZE, "rng": RNG},
    "contractive",
)
CALLS.add(
    "higher_order_contractive",
    higher_order_contractive,
    {"encoder": encoder} | values(x=X, sigma=0.1, samples=1, rng=0),
    {"encoder": LAYER, "x": SHAPED, "sigma": POSITIVE, "samples": SIZE, "rng": RNG},
    "Linear",
)
for function in (jacobian, jacobian_norms, singular_values):
    CALLS.add(
        function.__name__,
        function,
        {"net": encoder, "x": x},
        {"net": LAYER, "x": SHAPED},
        "jacobian",
        "Linear",
    )
CALLS.add(
    "normalized_contraction",
    normalized_contraction,
    {"encoder": encoder, "x": x},
    {"encoder": LAYER, "x": SHAPED},
    "Linear",
)
CALLS.add(
    "contraction_ratios",
    contraction_ratios,
    {"encoder": encoder, "x": x, "distances": value((0.1, 1)), "rng": value(0)},
    {
        "encoder": LAYER,
        "x": SHAPED,
        "distances": {"None": None, "string": "near", "zero": (0, 1), "NaN": (NAN,)},
        "rng": RNG,
    },
    "Linear",
)
CALLS.add(
    "saturation",
    saturation,
    values(z=X, threshold=0.05),
    {"z": ARRAY | {"empty": X[:0], "above 1": X + 1}, "threshold": FRACTION},
)
