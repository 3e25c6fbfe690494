"""Training, evaluation, the history, and weight files."""

from typing import Any

import numpy as np

import tinyae
from helpers.small import DATA, small_net
from helpers.wrong_calls import Calls, value, values, without
from helpers.wrong_calls.examples import FOLDER, encoder
from helpers.wrong_calls.roles import (
    COUNT,
    FLAG,
    FRACTION,
    FUNCTION,
    LAYER,
    NAN,
    OPTIONAL_FUNCTION,
    OPTIONAL_SIZE,
    PATH,
    RNG,
    SIZE,
    WEIGHT,
    Sparse,
    Tensor,
    Thing,
)
from tinyae import Adam, History, Linear, Objective, Sequential, fit, mse
from tinyae.training import evaluate, psnr
from tinyae.training.workers import Workers

CALLS = Calls()
NOT_DATA = {
    "None": None,
    "string": "mnist",
    "number": 3,
    "list": DATA.tolist(),
    "tensor": Tensor(),
    "sparse": Sparse(),
    "pair": (DATA, DATA),
    "pair in a list": [DATA, DATA],
    "dictionary": {"train": DATA},
    "empty": DATA[:0],
    "empty tuple": (),
    "integer pixels": (DATA * 255).astype(np.uint8),
    "0 to 255": DATA * 255,
    "float64": DATA.astype(np.float64),
    "NaN": DATA * NAN,
    "strings": DATA.astype(str),
    "wrong shape": DATA[:, :5],
    "0-d": np.array(1.0, np.float32),
}


def train(optimizer: Any = None, **options: Any) -> Any:
    model = small_net()
    optimizer = Adam(model.params) if optimizer is None else optimizer(model)
    return fit(model, optimizer=optimizer, **options)


CALLS.add(
    "fit",
    train,
    values(data=DATA, objective=Objective(), epochs=1, batch_size=16, validation=None, workers=1)
    | values(rng=0, progress=False, checkpoint=None, resume=False, patience=None, settings=None)
    | values(optimizer=None, augment=None, average=None, machines=None),
    {
        "data": NOT_DATA,
        "objective": FUNCTION | {"another function": lambda model, x, rng: 0.5},
        "epochs": COUNT,
        "augment": OPTIONAL_FUNCTION | {"another shape": lambda x, rng: x[:, :3]},
        "average": without(FRACTION, "None") | {"one": 1.0},
        "machines": {"number": 3, "string": "all", "thing": Thing()},
        "batch_size": SIZE | {"zero later": lambda epoch: 0},
        "validation": without(NOT_DATA, "None"),
        "workers": OPTIONAL_SIZE,
        "rng": RNG | {"None": None},
        "progress": FLAG,
        "checkpoint": without(PATH, "None") | {"ending": "run.ckpt"},
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
    },
    "Linear",
    "weights are saved",
    "labels",
)
MODEL = small_net()
CALLS.add(
    "fit",
    lambda model: fit(model, DATA, Objective(), Adam(MODEL.params), 1, progress=False),
    values(model=MODEL),
    {"model": LAYER | {"encoder": MODEL.encoder}},
)
NOISY = {"string": "noisy", "other shape": DATA[:3], "tensor": Tensor(), "list": [1.0]}
CALLS.add(
    "evaluate",
    evaluate,
    {"model": small_net} | values(x=DATA, batch_size=16, workers=1, inputs=None),
    {
        "model": LAYER | {"another output": Sequential(Linear(12, 1, rng=0))},
        "x": NOT_DATA,
        "batch_size": SIZE,
        "workers": OPTIONAL_SIZE,
        "inputs": NOISY | {"NaN": DATA * NAN, "integers": (DATA * 255).astype(np.uint8)},
    },
    "Linear",
)
CALLS.add("psnr", psnr, values(mse=0.1), {"mse": without(WEIGHT, "infinite")})
CALLS.add("workers", Workers, values(n=2), {"n": SIZE})
ROWS = {"number": 3, "string": "a", "list": [1]}
CALLS.add("History", History, values(rows=None), {"rows": ROWS})
CALLS.add(
    "history",
    lambda column: History([{"epoch": 1, "loss": 1.0}])[column],
    values(column="loss"),
    {"column": {"None": None, "number": 1, "unknown": "accuracy"}},
)
CALLS.add(
    "to_csv",
    lambda path: History([{"epoch": 1}]).to_csv(path),
    values(path=FOLDER / "history.csv"),
    {"path": PATH | {"folder": FOLDER}},
    "cannot write",
)

tinyae.save_weights(small_net(), FOLDER / "w.npz")
(FOLDER / "net.pt").write_bytes(b"\x80\x02}q\x00.")
(FOLDER / "text.npz").write_text("no weights")
CALLS.add(
    "save_weights",
    lambda model, path: tinyae.save_weights(model, path),
    {"model": small_net, "path": value(FOLDER / "out.npz")},
    {
        "model": LAYER,
        "path": PATH | {"ending": FOLDER / "out.pt", "no folder": FOLDER / "no" / "out.npz"},
    },
    "cannot write",
    "weight",
)
CALLS.add(
    "metadata",
    lambda note: tinyae.save_weights(small_net(), FOLDER / "out.npz", note=note),
    values(note="x"),
    {"note": {"thing": Thing(), "array": np.ones(3), "function": mse}},
)
CALLS.add(
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
    "weight",
)
