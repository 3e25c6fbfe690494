"""Applications, plots, and the gradient checker's options."""

from importlib.util import find_spec

import numpy as np

import tinyae
from helpers.wrong_calls import Calls, value, values, without
from helpers.wrong_calls.examples import IMAGES, LABELS5, X, autoencoder, encoder, x
from helpers.wrong_calls.roles import (
    ANY_NUMBERS,
    ARRAY,
    COUNT,
    DTYPE,
    FRACTION,
    FUNCTION,
    LABELS,
    NAME,
    NAN,
    OPTIONAL_FUNCTION,
    OPTIONAL_SIZE,
    POSITIVE,
    RNG,
    SHAPED,
    SIZE,
    WEIGHT,
    Tensor,
)
from tinyae import History, applications, checking, plots
from tinyae.applications import sample_quality

CALLS = Calls()
EMPTY = {"empty": X[:0]}

# ---- anomalies

ERRORS = {"None": None, "string": "a", "2-d": X, "NaN": X[:, 0] * NAN, "strings": np.full(5, "a")}
CALLS.add(
    "reconstruction_errors",
    applications.reconstruction_errors,
    {"model": autoencoder, "x": x, "batch_size": value(3)},
    {"model": FUNCTION, "x": SHAPED, "batch_size": SIZE},
    "Linear",
)
CALLS.add(
    "quantile_threshold",
    applications.quantile_threshold,
    values(normal_errors=np.linspace(0, 1, 50), quantile=0.9),
    {"normal_errors": ERRORS | {"empty": X[0, :0]}, "quantile": FRACTION},
)
CALLS.add(
    "detect_anomalies",
    applications.detect_anomalies,
    {"model": autoencoder, "x": x, "threshold": value(0.1)},
    {"model": FUNCTION, "x": SHAPED, "threshold": without(WEIGHT, "infinite")},
    "reconstruction_errors",
    "Linear",
)
NOT_BINARY = {"None": None, "string": "a", "2": np.full(5, 2), "short": np.ones(3)}
CALLS.add(
    "roc_auc",
    applications.roc_auc,
    values(errors=X[:, 0], anomalous=np.array([0, 1, 0, 1, 0])),
    {
        "errors": ERRORS | {"short": X[:3, 0]},
        "anomalous": NOT_BINARY | {"all": np.ones(5), "strings": np.full(5, "a")},
    },
)

# ---- features and maps

BATCHES = {"x": SHAPED | EMPTY, "batch_size": SIZE}
CALLS.add(
    "encode",
    applications.encode,
    {"encoder": encoder, "x": x, "batch_size": value(3)},
    {"encoder": FUNCTION, **BATCHES},
    "Linear",
)
CALLS.add(
    "predict",
    applications.predict,
    {"model": encoder, "x": x, "batch_size": value(3)},
    {"model": FUNCTION, **BATCHES},
    "Linear",
    "encode",
)
CALLS.add(
    "accuracy",
    applications.accuracy,
    {"model": encoder} | values(x=X, labels=LABELS5),
    {"model": FUNCTION, "x": SHAPED, "labels": LABELS},
    "Linear",
    "encode",
)
CALLS.add(
    "linear_probe",
    applications.linear_probe,
    values(z=X, labels=LABELS5, z_test=X, test_labels=LABELS5, rng=0),
    {"z": ARRAY, "labels": LABELS, "z_test": ARRAY, "test_labels": LABELS, "rng": RNG},
    "Linear",
)
CALLS.add(
    "stratified_subset",
    applications.stratified_subset,
    values(labels=np.arange(30) % 3, n=6, rng=0),
    {"labels": {"None": None, "string": "a", "2-d": X}, "n": SIZE, "rng": RNG},
)
CALLS.add(
    "nearest_neighbor_accuracy",
    applications.nearest_neighbor_accuracy,
    values(points=X, labels=LABELS5),
    {"points": ANY_NUMBERS, "labels": {"None": None, "number": 3, "short": LABELS5[:2]}},
)
CALLS.add("pca_map", applications.pca_map, {"x": x}, {"x": ARRAY | {"one": X[:1]}}, "pca")
CALLS.add(
    "pca_autoencoder",
    applications.pca_autoencoder,
    values(x=X, components=2),
    {"x": ARRAY | {"one": X[:1]}, "components": SIZE | {"too many": 7}},
)
if find_spec("sklearn"):
    CALLS.add(
        "tsne_map",
        applications.tsne_map,
        values(x=np.random.default_rng(0).random((20, 4)), perplexity=5.0, rng=0),
        {"x": ANY_NUMBERS, "perplexity": POSITIVE, "rng": {"string": "a", "negative": -1}},
    )

# ---- tiles, pretraining, sample quality

PAGE = np.random.default_rng(0).random((30, 30)).astype(np.float32)
CALLS.add(
    "denoise_tiles",
    applications.denoise_tiles,
    values(model=lambda t: t, image=PAGE, tile=8, step=4, batch_size=16),
    {
        "model": FUNCTION,
        "image": ARRAY | {"3-d": PAGE[None], "NaN": PAGE * NAN, "0 to 255": PAGE * 255},
        "tile": SIZE | {"too large": 99},
        "step": OPTIONAL_SIZE | {"too large": 9},
        "batch_size": SIZE,
    },
)
CALLS.add(
    "random_patches",
    applications.random_patches,
    values(images=PAGE[None], n=3, size=8, rng=0),
    {"images": ANY_NUMBERS | {"2-d": PAGE}, "n": SIZE, "size": SIZE | {"large": 99}, "rng": RNG},
)
CALLS.add(
    "tile_starts",
    applications.tile_starts,
    values(length=30, tile=8, step=4),
    {"length": SIZE, "tile": SIZE | {"too large": 31}, "step": SIZE},
)
CALLS.add(
    "greedy_pretrain",
    applications.greedy_pretrain,
    values(sizes=(4,), x=X, corruption=None, epochs=1, lr=1e-3, batch_size=4, rng=0, workers=1),
    {
        "sizes": {"None": None, "number": 4, "empty": (), "zero": (0,), "strings": ("a",)},
        "x": without(SHAPED, "a column more") | {"above 1": X * 9},  # any width is right
        "corruption": OPTIONAL_FUNCTION,
        "epochs": COUNT,
        "lr": POSITIVE,
        "batch_size": SIZE,
        "rng": RNG,
        "workers": OPTIONAL_SIZE,
    },
    "Adam",
    "Objective",
)
CALLS.add(
    "max_probability",
    sample_quality.max_probability,
    {"classifier": encoder, "x": x, "batch_size": value(3)},
    {"classifier": FUNCTION, "x": SHAPED, "batch_size": SIZE},
    "Linear",
)
CALLS.add(
    "nearest_neighbors",
    sample_quality.nearest_neighbors,
    values(x=X, real=X, batch_size=3),
    {"x": ARRAY, "real": ARRAY | {"other": X[:, :3], "empty": X[:0]}, "batch_size": SIZE},
)

# ---- plots, gradcheck

GRAY = IMAGES[:, :1]
CALLS.add("plot_images", plots.plot_images, values(x=GRAY, columns=2), {"columns": OPTIONAL_SIZE})
CALLS.add(
    "plot_history",
    plots.plot_history,
    values(history=History([{"epoch": 1, "loss": 1.0}])),
    {"history": {"None": None, "string": "h", "list": []}},
)
CALLS.add(
    "gradcheck",
    lambda target, x, **options: checking.gradcheck(target, x, **options),
    {"target": encoder, "x": lambda: X.astype(float)}
    | values(seed=0, step=1e-5, max_entries=10, samples=5, dtype=np.float64, rtol=1e-6)
    | values(method="central"),
    {
        "target": {"None": None, "number": 3, "string": "a", "class": tinyae.ReLU},
        "x": {"None": None, "string": "x", "tensor": Tensor(), "shape": X[:, :3]},
        "seed": {"string": "a", "negative": -1},
        "step": without(POSITIVE, "None") | {"2": 2.0},
        "max_entries": SIZE,
        "samples": SIZE,
        "dtype": DTYPE,
        "method": NAME,
        "rtol": without(WEIGHT, "None"),
    },
    "Linear",
)
RBM_SIZES = {"None": None, "number": 4, "empty": (), "zero": (0,), "strings": ("a",)}
CALLS.add(
    "rbm_pretrain",
    applications.rbm_pretrain,
    values(sizes=(4,), x=X, epochs=1, lr=0.1, code_lr=0.01, momentum=0.5, weight_decay=0.0)
    | values(batch_size=4, rng=0, workers=1),
    {
        "sizes": RBM_SIZES,
        "x": without(SHAPED, "a column more") | {"above 1": X * 9},
        "epochs": SIZE,
        "code_lr": POSITIVE,
        "momentum": WEIGHT | {"one": 1.0},
        "weight_decay": WEIGHT,
        "batch_size": SIZE,
        "rng": RNG,
        "workers": OPTIONAL_SIZE,
    },
    "Linear",
    "cosine_schedule",
    "SGD",
)
