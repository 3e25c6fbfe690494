"""Optimizers, clipping and schedules."""

import numpy as np

from helpers.wrong_calls import Calls, value, values, without
from helpers.wrong_calls.roles import (
    COUNT,
    FLAG,
    FRACTION,
    FUNCTION,
    INFINITE,
    NAN,
    OPTIONAL_POSITIVE,
    PARAMS,
    POSITIVE,
    SIZE,
    WEIGHT,
    Tensor,
)
from tinyae import SGD, Adam, KSparse, Linear, Sequential, Sigmoid, bce, l1
from tinyae.kfac import KFAC
from tinyae.optim import clip_by_norm, cosine_schedule, gradient_norm, step_decay
from tinyae.training.averaging import WeightAverage

CALLS = Calls()


def weights() -> dict[str, np.ndarray]:
    return {"weight": np.ones((4, 6), np.float32), "bias": np.ones(4, np.float32)}


COMMON = {
    "params": PARAMS,
    "lr": POSITIVE | {"class": Adam},
    "weight_decay": WEIGHT,
    "clip_norm": OPTIONAL_POSITIVE,
}
BETAS = {
    "None": None,
    "number": 0.9,
    "one": (0.9,),
    "three": (0.9, 0.99, 0.999),
    "one is 1": (0.9, 1.0),
    "NaN": (0.9, NAN),
    "strings": ("0.9", "0.99"),
}
RIGHT = {"params": weights} | values(lr=0.1, weight_decay=0.0, clip_norm=None)
CALLS.add(
    "SGD",
    SGD,
    RIGHT | values(momentum=0.5, nesterov=False),
    COMMON | {"momentum": WEIGHT | {"one": 1.0}, "nesterov": FLAG},
)
CALLS.add(
    "Adam",
    Adam,
    RIGHT | values(betas=(0.9, 0.99), eps=1e-8),
    COMMON | {"betas": BETAS, "eps": WEIGHT},
)
HALF = {"weight": np.ones((4, 6), np.float16)}
CALLS.add("Adam", Adam, {"params": weights}, {"params": {"float16, where eps is 0": HALF}})

W = np.ones((4, 6))
NOT_ARRAYS = {
    "None": None,
    "list": [1.0],
    "None inside": {"weight": W, "bias": None},
    "list inside": {"weight": W, "bias": [1.0] * 4},
    "strings": {"weight": W, "bias": np.full(4, "a")},
    "tensor": {"weight": W, "bias": Tensor()},
}
GRADS = NOT_ARRAYS | {
    "empty": {},
    "number inside": {"weight": W, "bias": 1.0},
    "wrong shape": {"weight": W.T, "bias": np.ones(4)},
    "complex": {"weight": W, "bias": np.full(4, 1j)},
    "one more": {"weight": W, "bias": np.ones(4), "other": W},
}
CALLS.add("gradient_norm", gradient_norm, {"grads": weights}, {"grads": NOT_ARRAYS})
CALLS.add(
    "clip_by_norm",
    clip_by_norm,
    {"grads": weights, "max_norm": value(1.0)},
    {"grads": NOT_ARRAYS, "max_norm": without(POSITIVE, "infinite")},
)


def make(kind: type) -> SGD | Adam:
    return SGD(weights(), 0.1, momentum=0.9) if kind is SGD else Adam(weights(), 0.1)


def scheduled(kind: type, rate: object) -> None:
    optimizer = make(kind)
    optimizer.lr = lambda step: rate
    optimizer.step(weights())


for kind in (SGD, Adam):
    name = kind.__name__
    CALLS.add(
        f"{name}.step",
        lambda grads, kind=kind: make(kind).step(grads),
        {"grads": weights},
        {"grads": GRADS},
        "gradient",
    )
    CALLS.add(
        f"{name}.step with a schedule",
        lambda rate, kind=kind: scheduled(kind, rate),
        values(rate=0.1),
        {"rate": WEIGHT},
        "learning rate",
    )
    state = make(kind).state_dict()
    slot = "m.weight" if kind is Adam else "u.weight"
    states = {
        "None": None,
        "empty": {},
        "list": [1],
        "NaN": state | {slot: state[slot] * NAN},
        "infinite in float32": state | {slot: np.full((4, 6), 1e300)},
        "strings": state | {slot: np.full((4, 6), "a")},
        "other shape": state | {slot: np.zeros(3)},
        "negative steps": state | {"steps": np.array(-1)},
        "fractional steps": state | {"steps": np.array(1.5)},
        "many steps": state | {"steps": np.ones(3, int)},
        "None inside": state | {slot: None},
    }
    if kind is Adam:
        states["negative second moment"] = state | {"v.weight": np.full((4, 6), -1.0)}
    CALLS.add(
        f"{name}.load_state_dict",
        lambda state, kind=kind: make(kind).load_state_dict(state),
        {"state": lambda kind=kind: make(kind).state_dict()},
        {"state": states},
    )
CALLS.add(
    "cosine_schedule",
    cosine_schedule,
    values(lr=0.1, steps=10, warmup=2, final=0.0),
    {"lr": POSITIVE, "steps": SIZE, "warmup": COUNT | {"too long": 10}, "final": WEIGHT},
)
CALLS.add(
    "step_decay",
    step_decay,
    values(lr=0.1, every=10, factor=0.1),
    {"lr": POSITIVE, "every": SIZE, "factor": POSITIVE | {"infinite": INFINITE}},
)
DENSE = Sequential(Linear(6, 4, rng=0), Sigmoid())
NOT_DENSE = {"None": None, "string": "ae", "layer": Sigmoid(), "other": Sequential(KSparse(2))}
CALLS.add(
    "KFAC",
    KFAC,
    values(model=DENSE, loss=bce, damping=3.0, damping_floor=1e-3, l2=1e-5, fraction=0.5)
    | values(memory=0.9, invert_every=5, adapt_every=5),
    {
        "model": NOT_DENSE,
        "loss": FUNCTION | {"another": l1, "list": [bce]},
        "damping": POSITIVE,
        "damping_floor": POSITIVE,
        "l2": WEIGHT,
        "fraction": FRACTION,
        "memory": WEIGHT | {"one": 1.0},
        "invert_every": SIZE,
        "adapt_every": SIZE,
    },
)
CALLS.add(
    "average",
    WeightAverage,
    {"params": weights, "keep": value(0.9)},
    {"params": without(PARAMS, "empty"), "keep": FRACTION},
)
