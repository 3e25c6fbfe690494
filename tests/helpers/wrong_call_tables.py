"""The public functions for ``wrong_calls``: right arguments, and the role of each."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tinyae
from helpers.small import DATA, small_net
from helpers.wrong_calls import (
    ANY_DTYPE,
    ARRAY,
    COTANGENT,
    COUNT,
    DTYPE,
    FLAG,
    FRACTION,
    FUNCTION,
    LABELS,
    LAYER,
    NAME,
    OPTIONAL_FUNCTION,
    OPTIONAL_POSITIVE,
    OPTIONAL_SIZE,
    PARAMS,
    PATH,
    POSITIVE,
    RNG,
    SHAPED,
    SIZE,
    WEIGHT,
    Call,
    Tensor,
    Thing,
)
from tinyae import (
    ELU,
    SGD,
    Adam,
    Autoencoder,
    Conv2d,
    ConvTranspose2d,
    Flatten,
    KLSparsity,
    KSparse,
    LeakyReLU,
    Linear,
    Objective,
    ReLU,
    Reshape,
    Sequential,
    Sigmoid,
    Softplus,
    Tanh,
    models,
)
from tinyae.layers import TiedAutoencoder, TransposedLinear, fold, freeze, unfold
from tinyae.layers.vae import VAE
from tinyae.losses import Perceptual, bce, bce_with_logits, cross_entropy, mse
from tinyae.objectives import (
    Adversarial,
    GeneratorLoss,
    Variational,
    as_objective,
    classification,
    code_batches,
    discriminator_loss,
    gaussian_kl,
    image_batches,
)
from tinyae.optim import clip_by_norm, cosine_schedule, gradient_norm, step_decay
from tinyae.penalties import (
    contraction_ratios,
    contractive,
    higher_order_contractive,
    jacobian,
    jacobian_norms,
    l1,
    normalized_contraction,
    reconstruction_contractive,
    singular_values,
)
from tinyae.training import History, evaluate, fit, psnr

FOLDER = Path(tempfile.mkdtemp(prefix="tinyae-wrong-calls-"))
X = np.random.default_rng(0).uniform(0.1, 0.9, (5, 6)).astype(np.float32)
IMAGES = np.random.default_rng(1).uniform(size=(2, 3, 6, 6)).astype(np.float32)
LABELS5 = np.array([0, 1, 2, 0, 1])


def x() -> np.ndarray:
    return X.copy()


def value(v: Any) -> Callable[[], Any]:
    return lambda: v


def encoder() -> Sequential:
    return Sequential(Linear(6, 4, rng=0), Sigmoid(), Linear(4, 3, rng=1))


def autoencoder() -> Autoencoder:
    return Autoencoder(encoder(), Sequential(Linear(3, 6, rng=2), Sigmoid()))


def vae() -> VAE:
    return VAE(Sequential(Linear(6, 4, rng=0)), Sequential(Linear(2, 6, rng=1), Sigmoid()), code=2)


def discriminator() -> Sequential:
    return Sequential(Linear(3, 1, rng=0))


def init(**arguments: Any) -> dict[str, Callable[[], Any]]:
    return {name: value(v) for name, v in arguments.items()}


CALLS: list[Call] = []


def add(
    name: str,
    function: Callable[..., Any],
    right: dict[str, Callable[[], Any]],
    wrong: dict[str, dict[str, Any]],
    *words: str,
) -> None:
    CALLS.append(Call(name, function, right, wrong, words))


# ---- layers: constructors

COMMON = {"rng": RNG, "dtype": DTYPE}
PAIR = {name: v for name, v in SIZE.items() if name != "list"} | {"three": (1, 1, 1)}
PADDING = {name: v for name, v in PAIR.items() if name != "zero"}

add(
    "Linear",
    Linear,
    init(in_features=6, out_features=4, bias=True, rng=0, dtype=np.float32),
    {"in_features": SIZE, "out_features": SIZE, "bias": FLAG, **COMMON},
)
for convolution in (Conv2d, ConvTranspose2d):
    add(
        convolution.__name__,
        convolution,
        init(
            in_channels=3,
            out_channels=4,
            kernel_size=3,
            stride=1,
            padding=1,
            dilation=1,
            bias=True,
            rng=0,
            dtype=np.float32,
        ),
        {
            "in_channels": SIZE,
            "out_channels": SIZE,
            "kernel_size": PAIR,
            "stride": PAIR,
            "padding": PADDING,
            "dilation": PAIR,
            "bias": FLAG,
            **COMMON,
        },
    )
add(
    "ConvTranspose2d",
    ConvTranspose2d,
    init(in_channels=3, out_channels=4, kernel_size=3, stride=2, output_padding=1),
    {"output_padding": PADDING | {"as large as the stride": 2}},
)
add("LeakyReLU", LeakyReLU, init(negative_slope=0.1), {"negative_slope": FRACTION})
add("ELU", ELU, init(alpha=1.0), {"alpha": POSITIVE})
add("KSparse", KSparse, init(k=2), {"k": SIZE})
add("Reshape", lambda size: Reshape(1, size, 3), init(size=2), {"size": SIZE}, "Reshape")
add("Sequential", lambda layer: Sequential(Tanh(), layer), {"layer": ReLU}, {"layer": LAYER})
add(
    "Autoencoder",
    Autoencoder,
    {"encoder": encoder, "decoder": Tanh},
    {"encoder": LAYER, "decoder": LAYER},
)
add(
    "TransposedLinear",
    TransposedLinear,
    {"linear": lambda: Linear(6, 4, rng=0), "bias": value(True)},
    {"linear": LAYER, "bias": FLAG},
)
add(
    "TiedAutoencoder",
    TiedAutoencoder,
    {"encoder": lambda: TIED[0], "decoder": lambda: TIED[1]},
    {"encoder": LAYER, "decoder": LAYER},
)
TIED = (lambda layer: (layer, TransposedLinear(layer)))(Linear(6, 4, rng=0))
add(
    "VAE",
    VAE,
    {"encoder": lambda: Linear(6, 4, rng=0), "decoder": lambda: Linear(2, 6, rng=1)} | init(code=2),
    {"encoder": LAYER, "decoder": LAYER, "code": SIZE},
)
add("freeze", freeze, {"layer": encoder}, {"layer": LAYER}, "Frozen")
add(
    "summary",
    tinyae.summary,
    {"model": encoder, "input_shape": value((6,))},
    {
        "model": LAYER,
        "input_shape": {"None": None, "number": 6, "string": "6", "wrong": (7,), "zero": (0,)},
    },
)
WINDOW = {"kernel": PAIR, "stride": PAIR, "padding": PADDING, "dilation": PAIR}
NOT_IMAGES = {k: v for k, v in ARRAY.items() if k != "integer pixels"} | {"(N, D)": X}
add(
    "unfold",
    unfold,
    {"x": value(IMAGES)} | init(kernel=3, stride=1, padding=0, dilation=1),
    {"x": NOT_IMAGES, **WINDOW},
)
add(
    "fold",
    fold,
    {"patches": lambda: unfold(IMAGES, 3)} | init(size=(6, 6), kernel=3, stride=1, padding=0),
    {
        "patches": NOT_IMAGES,
        "size": {"None": None, "number": 6, "string": "66", "three": (6, 6, 6), "other": (5, 6)},
        "kernel": PAIR,
        "stride": PAIR,
        "padding": PADDING,
    },
)
for name in ("astype", "to"):
    add(
        f"Linear.{name}",
        lambda argument, name=name: getattr(encoder(), name)(argument),
        init(argument=np.float64 if name == "astype" else "cpu"),
        {"argument": DTYPE if name == "astype" else NAME},
        "dtype" if name == "astype" else "device",
    )
add("ReLU.to", lambda device: ReLU().to(device), init(device="cpu"), {"device": NAME})

# ---- layers: calls

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
WRONG_CACHE = {"None": None, "string": "cache", "number": 3, "empty list": [], "thing": Thing()}


def method(name: str) -> Callable[..., Any]:
    make, example = LAYERS[name]

    def call(method: str, *arguments: Any) -> Any:
        return getattr(make(), method)(*arguments)

    return call


for name, (make, example) in LAYERS.items():
    layer = make()
    y, cache = layer.forward(example)
    words = (name, *(type(leaf).__name__ for _, leaf in tinyae.layers.leaves(layer)), "net")
    call = method(name)
    inputs = dict(ARRAY if name in ANY_SHAPE else SHAPED)
    if name in ("Flatten", "Reshape"):
        inputs.pop("integer pixels")  # the shape of any array can change
    if name == "Reshape":
        del inputs["one axis fewer"]
        inputs["one axis fewer"] = np.ones(6, np.float32)
    add(
        f"{name}.forward",
        lambda x, call=call: call("forward", x),
        {"x": value(example)},
        {"x": inputs},
        *words,
    )
    add(
        f"{name}()",
        lambda x, call=call: call("__call__", x),
        {"x": value(example)},
        {"x": {"None": None, "tensor": Tensor(), "0-d": np.array(1.0)}},
        *words,
    )
    wrong_dy = dict(COTANGENT)
    add(
        f"{name}.backward",
        lambda dy, cache, call=call: call("backward", dy, cache),
        {"dy": value(np.ones_like(y)), "cache": value(cache)},
        {"dy": wrong_dy | {"probes": np.ones((2, *y.shape), np.float32)}, "cache": WRONG_CACHE},
        *words,
    )
    add(
        f"{name}.vjp",
        lambda dy, cache, call=call: call("vjp", dy, cache),
        {"dy": value(np.ones_like(y)), "cache": value(cache)},
        {"dy": wrong_dy, "cache": WRONG_CACHE},
        *words,
    )
    add(
        f"{name}.jvp",
        lambda dx, cache, call=call: call("jvp", dx, cache),
        {"dx": value(np.ones_like(example)), "cache": value(cache)},
        {"dx": wrong_dy, "cache": WRONG_CACHE},
        *words,
    )
    add(
        f"{name}.double_backward",
        lambda g, dy, cache, call=call: call("double_backward", g, dy, cache),
        {"g": value(np.ones_like(example)), "dy": value(np.ones_like(y)), "cache": value(cache)},
        {"g": wrong_dy, "dy": wrong_dy, "cache": WRONG_CACHE},
        *words,
    )
    if layer.params:
        add(
            f"{name}.parameter_gradients",
            lambda dy, cache, call=call: call("parameter_gradients", dy, cache),
            {"dy": value(np.ones_like(y)), "cache": value(cache)},
            {"dy": wrong_dy, "cache": WRONG_CACHE},
            *words,
        )
add("Autoencoder.encode", lambda x: autoencoder().encode(x), {"x": x}, {"x": SHAPED}, "Linear")
add(
    "Autoencoder.decode",
    lambda z: autoencoder().decode(z),
    {"z": lambda: X[:, :3]},
    {"z": SHAPED},
    "Linear",
)
add("VAE.posterior", lambda x: vae().posterior(x), {"x": x}, {"x": SHAPED}, "Linear")
add("VAE.sample", lambda n, rng: vae().sample(n, rng), init(n=3, rng=0), {"n": SIZE, "rng": RNG})

# ---- losses and penalties

BAD_TARGETS = {"above 1": X + 1, "below 0": X - 1}
for loss in (mse, bce, bce_with_logits):
    targets = dict(SHAPED) | ({} if loss is mse else BAD_TARGETS)
    add(loss.__name__, loss, {"y": x, "target": x}, {"y": SHAPED, "target": targets})
    add(
        f"{loss.__name__} of nothing",
        loss,
        {"y": x, "target": value(X[:0])},
        {"y": {"empty": X[:0]}},
        loss.__name__,
    )
add("bce outside", bce, {"y": x, "target": x}, {"y": {"logits": X * 9, "negative": X - 1}}, "bce")
for loss in (mse, bce, bce_with_logits):  # integer targets of 0 and 1 are right
    CALLS[-1 - (mse, bce, bce_with_logits).index(loss)]
add(
    "cross_entropy",
    cross_entropy,
    {"logits": x, "target": value(LABELS5)},
    {
        "logits": SHAPED,
        "target": LABELS | {"too large": LABELS5 + 4, "not one-hot": X * 9, "2-d": X[:, :4]},
    },
)
add(
    "Perceptual",
    Perceptual,
    {"features": encoder, "weight": value(1.0), "pixels": value(mse)},
    {"features": LAYER, "weight": WEIGHT, "pixels": OPTIONAL_FUNCTION},
)
add(
    "Perceptual()",
    lambda y, target: Perceptual(encoder())(y, target),
    {"y": x, "target": x},
    {"y": SHAPED, "target": SHAPED},
    "Linear",
)
add("l1", l1, {"z": x}, {"z": ARRAY | {"0-d": np.array(1.0), "empty": X[:0]}})
add("KLSparsity", KLSparsity, init(rho=0.1), {"rho": FRACTION})
add(
    "KLSparsity()",
    lambda z: KLSparsity(0.1)(z),
    {"z": x},
    {"z": ARRAY | {"0-d": np.array(0.5), "empty": X[:0], "above 1": X + 1, "below 0": X - 1}},
)
add(
    "gaussian_kl", gaussian_kl, {"code": x}, {"code": ARRAY | {"odd": X[:, :5], "1-d": X[0]}}, "VAE"
)


def caches() -> Any:
    return encoder().forward(X)[1]


PROBES = {k: v for k, v in OPTIONAL_SIZE.items()}
add(
    "contractive",
    contractive,
    {"encoder": encoder, "caches": caches} | init(probes=2, rng=0),
    {"encoder": LAYER, "caches": WRONG_CACHE, "probes": PROBES, "rng": RNG},
)
add(
    "reconstruction_contractive",
    reconstruction_contractive,
    {"model": autoencoder, "caches": lambda: autoencoder().forward(X)[1]} | init(probes=2, rng=0),
    {"model": LAYER, "caches": WRONG_CACHE, "probes": PROBES, "rng": RNG},
    "contractive",
)
add(
    "higher_order_contractive",
    higher_order_contractive,
    {"encoder": encoder, "x": x} | init(sigma=0.1, samples=1, rng=0),
    {"encoder": LAYER, "x": SHAPED, "sigma": POSITIVE, "samples": SIZE, "rng": RNG},
    "Linear",
)
for function, name in (
    (jacobian, "net"),
    (jacobian_norms, "net"),
    (singular_values, "net"),
    (normalized_contraction, "encoder"),
):
    add(
        function.__name__,
        function,
        {name: encoder, "x": x},
        {name: LAYER, "x": SHAPED},
        "jacobian",
        "Linear",
    )
add(
    "contraction_ratios",
    contraction_ratios,
    {"encoder": encoder, "x": x} | init(distances=(0.1, 1), rng=0),
    {
        "encoder": LAYER,
        "x": SHAPED,
        "distances": {"None": None, "string": "near", "zero": (0, 1), "NaN": (np.nan,)},
        "rng": RNG,
    },
    "Linear",
)

# ---- objectives

add(
    "Objective",
    Objective,
    init(
        reconstruction=mse,
        corrupt=None,
        code_penalty=None,
        beta=1.0,
        contraction=0.0,
        probes=None,
        output_penalty=None,
        gamma=1.0,
    ),
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
add(
    "Objective()",
    lambda model, x: Objective()(model, x, None),
    {"model": autoencoder, "x": x},
    {"model": LAYER | {"encoder": encoder()}, "x": SHAPED | {"pair": (X, X)}},
    "Linear",
)
add(
    "Variational",
    Variational,
    init(beta=1.0, reconstruction=bce),
    {"beta": WEIGHT, "reconstruction": FUNCTION},
)
add(
    "Variational()",
    lambda model, x, rng: Variational()(model, x, rng),
    {"model": vae, "x": x, "rng": value(0)},
    {"model": LAYER | {"autoencoder": autoencoder()}, "x": SHAPED | {"pair": (X, X)}, "rng": RNG},
    "Linear",
)
add("GeneratorLoss", GeneratorLoss, {"discriminator": discriminator}, {"discriminator": LAYER})
add(
    "GeneratorLoss()",
    lambda y: GeneratorLoss(discriminator())(y),
    {"y": lambda: X[:, :3]},
    {"y": SHAPED},
    "Linear",
)
add(
    "discriminator_loss",
    discriminator_loss,
    {"discriminator": discriminator, "pair": lambda: (X[:, :3], X[:, :3])},
    {
        "discriminator": LAYER,
        "pair": {"None": None, "array": X, "one": (X,), "None inside": (X[:, :3], None)},
    },
    "Linear",
)
for batches in (code_batches, image_batches):
    add(
        batches.__name__,
        batches,
        {"model": autoencoder, "x": x, "rng": value(0)},
        {"model": LAYER, "x": SHAPED} | ({"rng": RNG} if batches is code_batches else {}),
        "Linear",
    )
ADVERSARY = discriminator()
add(
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
        "optimizer": {"None": None, "string": "adam", "class": Adam, "thing": Thing()},
    },
)
add("as_objective", as_objective, init(objective=mse), {"objective": FUNCTION})
add(
    "classification",
    lambda model, data: classification(model, data),
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
        },
    },
    "labels",
)

# ---- optimizers


def weights() -> dict[str, np.ndarray]:
    return {"weight": np.ones((4, 6), np.float32), "bias": np.ones(4, np.float32)}


BASE = {"params": weights} | init(lr=0.1, weight_decay=0.0, clip_norm=None)
BASE_WRONG = {
    "params": PARAMS,
    "lr": POSITIVE,
    "weight_decay": WEIGHT,
    "clip_norm": OPTIONAL_POSITIVE,
}
BETAS = {
    "None": None,
    "number": 0.9,
    "one": (0.9,),
    "three": (0.9, 0.99, 0.999),
    "one is 1": (0.9, 1.0),
    "NaN": (0.9, float("nan")),
    "strings": ("0.9", "0.99"),
}
add(
    "SGD",
    SGD,
    BASE | init(momentum=0.5, nesterov=False),
    BASE_WRONG | {"momentum": {**WEIGHT, "one": 1.0}, "nesterov": FLAG},
)
add(
    "Adam",
    Adam,
    BASE | init(betas=(0.9, 0.99), eps=1e-8),
    BASE_WRONG | {"betas": BETAS, "eps": WEIGHT},
)
GRADS = {
    "None": None,
    "list": [1.0],
    "empty": {},
    "number inside": {"weight": np.ones((4, 6)), "bias": 1.0},
    "None inside": {"weight": np.ones((4, 6)), "bias": None},
    "list inside": {"weight": np.ones((4, 6)), "bias": [1.0] * 4},
    "wrong shape": {"weight": np.ones((6, 4)), "bias": np.ones(4)},
    "strings": {"weight": np.ones((4, 6)), "bias": np.full(4, "a")},
    "complex": {"weight": np.ones((4, 6)), "bias": np.full(4, 1j)},
    "tensor": {"weight": np.ones((4, 6)), "bias": Tensor()},
}
for maker in (SGD, Adam):
    add(
        f"{maker.__name__}.step",
        lambda grads, maker=maker: maker(weights(), 0.1).step(grads),
        {"grads": weights},
        {"grads": GRADS},
        "step",
        "gradient",
    )
    add(
        f"{maker.__name__}.step, schedule",
        lambda rate, maker=maker: maker(weights(), lambda step: rate).step(weights()),
        init(rate=0.1),
        {"rate": {k: v for k, v in WEIGHT.items()}},
        "step",
        "lr",
        "learning rate",
    )
    good = maker(weights(), 0.1, **({"momentum": 0.9} if maker is SGD else {}))
    slots = {k: v for k, v in good.state_dict().items() if k != "steps"}
    first = next(iter(slots))
    bad_states = {
        "None": None,
        "empty": {},
        "list": [1],
        "NaN": good.state_dict() | {first: slots[first] * np.nan},
        "strings": good.state_dict() | {first: np.full(slots[first].shape, "a")},
        "other shape": good.state_dict() | {first: np.zeros(3)},
        "negative steps": good.state_dict() | {"steps": np.array(-1)},
        "fractional steps": good.state_dict() | {"steps": np.array(1.5)},
        "many steps": good.state_dict() | {"steps": np.ones(3, int)},
        "None inside": good.state_dict() | {first: None},
    }
    if maker is Adam:
        bad_states["negative second moment"] = good.state_dict() | {
            "v.weight": np.full((4, 6), -1.0, np.float32)
        }
    add(
        f"{maker.__name__}.load_state_dict",
        lambda state, maker=maker: maker(
            weights(), 0.1, **({"momentum": 0.9} if maker is SGD else {})
        ).load_state_dict(state),
        {"state": lambda good=good: good.state_dict()},
        {"state": bad_states},
    )
add(
    "gradient_norm",
    gradient_norm,
    {"grads": weights},
    {"grads": {k: GRADS[k] for k in ("None", "list", "None inside", "strings", "tensor")}},
)
add(
    "clip_by_norm",
    clip_by_norm,
    {"grads": weights, "max_norm": value(1.0)},
    {
        "grads": {k: GRADS[k] for k in ("None", "list", "None inside", "strings", "tensor")},
        "max_norm": {k: v for k, v in POSITIVE.items() if k != "infinite"},
    },
)
add(
    "cosine_schedule",
    cosine_schedule,
    init(lr=0.1, steps=10, warmup=2, final=0.0),
    {"lr": POSITIVE, "steps": SIZE, "warmup": COUNT, "final": WEIGHT},
)
add(
    "step_decay",
    step_decay,
    init(lr=0.1, every=10, factor=0.1),
    {"lr": POSITIVE, "every": SIZE, "factor": {**POSITIVE}},
)

# ---- training

MODEL = small_net()


def train(optimizer: Any = None, model: Any = None, **options: Any) -> Any:
    model = small_net() if model is None else model
    optimizer = Adam(model.params) if optimizer is None else optimizer(model)
    return fit(model, optimizer=optimizer, **options)


class Sparse:
    """What matters of a SciPy sparse matrix."""

    shape, ndim, dtype = (50, 12), 2, np.dtype(np.float32)

    def __len__(self) -> int:
        raise TypeError("sparse array length is ambiguous")


DATA_WRONG = {
    "None": None,
    "string": "mnist",
    "number": 3,
    "list": DATA.tolist(),
    "tensor": Tensor(),
    "sparse": Sparse(),
    "pair": (DATA, DATA),
    "list of pair": [DATA, DATA],
    "dataset": {"train": DATA},
    "empty": DATA[:0],
    "empty tuple": (),
    "integer pixels": (DATA * 255).astype(np.uint8),
    "0 to 255": DATA * 255,
    "float64": DATA.astype(np.float64),
    "NaN": DATA * np.nan,
    "strings": DATA.astype(str),
    "wrong shape": DATA[:, :5],
    "0-d": np.array(1.0, np.float32),
}
add(
    "fit",
    train,
    {"data": value(DATA)}
    | init(
        objective=Objective(),
        epochs=1,
        batch_size=16,
        validation=None,
        workers=1,
        rng=0,
        progress=False,
        checkpoint=None,
        resume=False,
        patience=None,
        settings=None,
        optimizer=None,
        model=None,
    ),
    {
        "data": DATA_WRONG,
        "objective": FUNCTION,
        "epochs": COUNT,
        "batch_size": SIZE,
        "validation": {k: v for k, v in DATA_WRONG.items() if k != "None"},
        "workers": OPTIONAL_SIZE,
        "rng": RNG | {"None": None},
        "progress": FLAG,
        "checkpoint": {k: v for k, v in PATH.items() if k != "None"} | {"ending": "run.ckpt"},
        "resume": FLAG | {"without a checkpoint": True},
        "patience": OPTIONAL_SIZE | {"without validation": 3},
        "settings": {"string": "fast", "list": [1], "not JSON": {"a": Thing()}},
        "optimizer": {
            "string": lambda model: "adam",
            "None": lambda model: None,
            "class": lambda model: Adam,
            "another model's": lambda model: Adam(small_net().params),
            "thing": lambda model: Thing(),
            "a part": lambda model: Adam(model.encoder.params),
        },
        "model": {"encoder alone": None}
        and {"thing": Thing(), "string": "ae", "class": Autoencoder},
    },
    "training",
)
add(
    "evaluate",
    evaluate,
    {"model": small_net, "x": value(DATA)} | init(batch_size=16, workers=1, inputs=None),
    {
        "model": LAYER | {"another output": Sequential(Linear(12, 1, rng=0))},
        "x": DATA_WRONG,
        "batch_size": SIZE | {"-5": -5},
        "workers": OPTIONAL_SIZE,
        "inputs": {
            "string": "noisy",
            "other shape": DATA[:3],
            "tensor": Tensor(),
            "list": [1.0],
            "NaN": DATA * np.nan,
        },
    },
)
add("psnr", psnr, init(mse=0.1), {"mse": {k: v for k, v in WEIGHT.items() if k != "infinite"}})
add("History", History, init(rows=None), {"rows": {"number": 3, "string": "rows", "list": [1, 2]}})
add(
    "History[]",
    lambda column: History([{"epoch": 1, "loss": 1.0}])[column],
    init(column="loss"),
    {"column": {"None": None, "number": 1, "unknown": "accuracy"}},
    "column",
)
add(
    "History.to_csv",
    lambda path: History([{"epoch": 1}]).to_csv(path),
    init(path=FOLDER / "history.csv"),
    {"path": PATH | {"folder": FOLDER}},
    "cannot write",
)

# ---- files

tinyae.save_weights(small_net(), FOLDER / "w.npz")
(FOLDER / "net.pt").write_bytes(b"\x80\x02}q\x00.")
(FOLDER / "text.npz").write_text("no weights")
add(
    "save_weights",
    tinyae.save_weights,
    {"model": small_net, "path": value(FOLDER / "out.npz")},
    {
        "model": LAYER,
        "path": PATH | {"ending": FOLDER / "out.pt", "no folder": FOLDER / "no" / "out.npz"},
    },
    "cannot write",
    "weights",
)
CALLS[-1] = Call(
    "save_weights",
    lambda model, path: tinyae.save_weights(model, path),
    CALLS[-1].right,
    CALLS[-1].wrong,
    CALLS[-1].words,
)
add(
    "save_weights, metadata",
    lambda note: tinyae.save_weights(small_net(), FOLDER / "out.npz", note=note),
    init(note="x"),
    {"note": {"thing": Thing(), "array": np.ones(3), "function": mse}},
    "metadata",
)
add(
    "load_weights",
    tinyae.load_weights,
    {"model": small_net, "path": value(FOLDER / "w.npz")},
    {
        "model": LAYER | {"another": encoder()},
        "path": PATH
        | {
            "missing": FOLDER / "missing.npz",
            "folder": FOLDER,
            "pickle": FOLDER / "net.pt",
            "text": FOLDER / "text.npz",
        },
    },
    "weight file",
    "weights of another",
)

# ---- models, devices

SIZES = {"features": SIZE, "code": SIZE}
for maker, wrong in {
    models.basic_autoencoder: SIZES,
    models.linear_autoencoder: SIZES,
    models.tied_autoencoder: SIZES,
    models.vae: {**SIZES, "hidden": SIZE},
    models.conv_autoencoder: {},
    models.conv_denoiser: {},
    models.discriminator: {"features": SIZE},
    models.classifier: {"features": SIZE, "classes": SIZE, "hidden": SIZE},
}.items():
    right = init(rng=0, dtype=np.float32, **dict.fromkeys(wrong, 8))
    add(maker.__name__, maker, right, wrong | COMMON, "Linear", "Conv2d", "VAE")
add(
    "sparse_autoencoder",
    models.sparse_autoencoder,
    init(rng=0, features=8, units=4, code=None, rho=None, dtype=np.float32),
    {
        "features": SIZE,
        "units": SIZE,
        "code": {k: v for k, v in LAYER.items() if k != "None"},
        "rho": {k: v for k, v in FRACTION.items() if k != "None"},
        **COMMON,
    },
    "Linear",
    "Sequential",
)
add("to_device", tinyae.to_device, {"x": x, "device": value("cpu")}, {"device": NAME})
