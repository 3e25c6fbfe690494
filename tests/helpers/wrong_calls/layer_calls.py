"""Calling layers: the methods of the layer protocol, and of models."""

from collections.abc import Callable
from typing import Any

import numpy as np

from helpers.wrong_calls import Calls, value, values, without
from helpers.wrong_calls.examples import IMAGES, X, autoencoder, vae, x
from helpers.wrong_calls.roles import ARRAY, CACHE, COTANGENT, RNG, SHAPED, SIZE, Tensor
from tinyae import (
    ELU,
    Conv2d,
    ConvTranspose2d,
    Flatten,
    KSparse,
    LeakyReLU,
    Linear,
    ReLU,
    Reshape,
    Sigmoid,
    Softplus,
    Tanh,
    freeze,
)
from tinyae.layers import TransposedLinear, leaves

CALLS = Calls()
LAYERS: dict[str, tuple[Callable[[], Any], np.ndarray]] = {
    "ReLU": (ReLU, X),
    "LeakyReLU": (LeakyReLU, X),
    "ELU": (ELU, X),
    "Sigmoid": (Sigmoid, X),
    "Tanh": (Tanh, X),
    "Softplus": (Softplus, X),
    "KSparse": (lambda: KSparse(2), X),
    "Flatten": (Flatten, X),
    "Reshape": (lambda: Reshape(2, 3), X),
    "Linear": (lambda: Linear(6, 4, rng=0), X),
    "TransposedLinear": (lambda: TransposedLinear(Linear(4, 6, rng=0)), X),
    "Frozen": (lambda: freeze(Linear(6, 4, rng=0)), X),
    "Conv2d": (lambda: Conv2d(3, 4, 3, rng=0), IMAGES),
    "ConvTranspose2d": (lambda: ConvTranspose2d(3, 4, 3, stride=2, rng=0), IMAGES),
    "Autoencoder": (autoencoder, X),
    "VAE": (vae, X),
}
ANY_SHAPE = ("ReLU", "LeakyReLU", "ELU", "Sigmoid", "Tanh", "Softplus", "KSparse", "Flatten")
ANY_DTYPE = ("Flatten", "Reshape")
CALL = {"None": None, "tensor": Tensor(), "0-d": np.array(1.0)}


def add(name: str, make: Callable[[], Any], example: np.ndarray) -> None:
    layer = make()
    y, cache = layer.forward(example)
    words = (name, *(type(leaf).__name__ for _, leaf in leaves(layer)), "net", "Linear")
    inputs = ARRAY | CALL if name in ANY_SHAPE else SHAPED
    inputs = without(inputs, "integer pixels") if name in ANY_DTYPE else inputs
    inputs = without(inputs, "two axes more") if example is IMAGES else inputs  # the right shape
    strict = COTANGENT | {"probes": np.ones((2, *y.shape), np.float32)}
    dy, dx = value(np.ones_like(y)), value(np.ones_like(example))

    def method(method: str) -> Callable[..., Any]:
        return lambda **arguments: getattr(make(), method)(*arguments.values())

    def one(what: str, right: dict[str, Any], wrong: dict[str, Any]) -> None:
        wrong = wrong if what in ("forward", "__call__") else wrong | {"cache": CACHE}
        CALLS.add(f"{name}.{what}", method(what), right, wrong, *words)

    caches = {"cache": value(cache)}
    one("forward", {"x": value(example)}, {"x": inputs})
    one("__call__", {"x": value(example)}, {"x": CALL})
    one("backward", {"dy": dy, **caches}, {"dy": strict})
    one("vjp", {"dy": dy, **caches}, {"dy": COTANGENT})
    one("jvp", {"dx": dx, **caches}, {"dx": COTANGENT})
    one("double_backward", {"g": dx, "dy": dy, **caches}, {"g": COTANGENT, "dy": COTANGENT})
    if layer.params:
        one("parameter_gradients", {"dy": dy, **caches}, {"dy": strict})
        ones = {key: np.ones_like(w) for key, w in layer.params.items()}
        key = next(iter(ones))
        wrong = {"None": None, "list": [1.0], "empty": {}, "one more": {**ones, "other": y}}
        wrong |= {"shape": ones | {key: np.ones(3)}, "None inside": ones | {key: None}}
        one("parameter_jvp", {"dparams": value(ones), **caches}, {"dparams": wrong})


for name, (make, example) in LAYERS.items():
    add(name, make, example)

CALLS.add("encode", lambda x: autoencoder().encode(x), {"x": x}, {"x": SHAPED}, "Linear")
CALLS.add(
    "decode", lambda z: autoencoder().decode(z), {"z": lambda: X[:, :3]}, {"z": SHAPED}, "Linear"
)
CALLS.add("posterior", lambda x: vae().posterior(x), {"x": x}, {"x": SHAPED}, "Linear")
CALLS.add(
    "sample", lambda n, rng: vae().sample(n, rng), values(n=3, rng=0), {"n": SIZE, "rng": RNG}
)
