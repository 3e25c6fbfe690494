"""What `tinyae train NAME` trains: every preset runs, and does what its description says."""

import re

import numpy as np
import pytest

from tinyae import Adam, KSparse, Objective, ReLU, Sigmoid, fit, l1, load_data
from tinyae.cli.preset_objectives import autoencoder_objective
from tinyae.cli.presets import PRESETS, get_preset, resolve_name
from tinyae.cli.train import OPTIONS
from tinyae.data import Dataset, Images, Masking, SaltAndPepper
from tinyae.objectives import Variational
from tinyae.training import evaluate, psnr

STROKES, LABELS = load_data("strokes").train.images, load_data("strokes").train.labels


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_learns(name):
    preset = get_preset(name)
    model, x = preset.build_model((1, 28, 28), 0), preset.model_input(STROKES[:64])
    images = Images(STROKES[:64], LABELS[:64])
    objective, _ = preset.build_objective(model, Dataset("few", images, images), 0, "cpu", 1)
    history = fit(model, x, objective, Adam(model.params), 4, 32, workers=1, progress=False)
    assert history["loss"][-1] < history["loss"][0]
    assert preset.option_names and set(preset.option_names) <= set(OPTIONS)


def test_the_code_is_what_the_name_says():
    x = STROKES[:50].reshape(50, -1)
    for name, code in {"sparse-l1": ReLU, "sparse-kl": Sigmoid, "k-sparse": KSparse}.items():
        model = get_preset(name).build_model((1, 28, 28), 0)
        assert isinstance(model.encoder.layers[-1], code)
    k_sparse = get_preset("k-sparse").build_model((1, 28, 28), 0)
    assert ((k_sparse.encode(x) != 0).sum(axis=1) == 25).all()
    assert get_preset("sparse-kl").objective.needs_full_batch
    assert not get_preset("sparse-l1").objective.needs_full_batch


@pytest.mark.parametrize("rho", [None, 0.1])
def test_kl_brings_the_mean_activation_near_rho(rho):
    """With the default options and data."""
    preset, x = get_preset("sparse-kl").with_options(rho=rho), STROKES.reshape(len(STROKES), -1)
    model = preset.build_model((1, 28, 28), 0)
    fit(model, x, preset.objective, Adam(model.params), preset.epochs, progress=False)
    assert abs(model.encode(x).mean() - (rho or 0.05)) < 0.02


# ---- options ------------------------------------------------------------------------------------


def test_options_change_what_they_name():
    masking = get_preset("basic").with_options(noise="masking:0.25")
    assert masking.objective.corrupt == Masking(0.25)
    salt_and_pepper = get_preset("denoising").with_options(noise="salt_and_pepper:0.1")
    assert salt_and_pepper.objective.corrupt == SaltAndPepper(0.1)
    assert get_preset("vae").with_options(beta=4.0).objective == Variational(4.0)
    l1_and_contraction = get_preset("sparse-l1").with_options(beta=0.5, contraction=0.1)
    assert l1_and_contraction.objective == Objective(code_penalty=l1, beta=0.5, contraction=0.1)
    sparse = get_preset("sparse-kl").with_options(rho=0.2)
    assert sparse.objective.code_penalty.rho == 0.2
    bias = sparse.build_model((1, 28, 28), 0).params["encoder.0.bias"]
    assert bias[0] == pytest.approx(np.log(0.25))
    k = get_preset("k-sparse").with_options(k=3).build_model((1, 28, 28), 0)
    assert ((k.encode(STROKES[:5].reshape(5, -1)) != 0).sum(axis=1) == 3).all()
    assert get_preset("basic").with_options(noise=None, beta=None) == get_preset("basic")


@pytest.mark.parametrize(
    ("name", "weight"), [("adversarial", "beta"), ("adversarial-images", "gamma")]
)
def test_beta_is_the_weight_of_the_discriminators_term(name, weight):
    preset = get_preset(name).with_options(beta=0.7)
    images = Images(STROKES[:9])
    model, data = preset.build_model((1, 28, 28), 0), Dataset("unlabeled", images, images)
    objective, scores = preset.build_objective(model, data, 0, "cpu", 1)
    assert getattr(objective.objective, weight) == 0.7 and not scores


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "vae",
            {"contraction": 1.0},
            "--contraction: this model has no such option; its options are --beta",
        ),
        (
            "basic",
            {"rho": 0.1},
            "--rho: this model has no such option; its options are --contraction, --noise",
        ),
        ("adversarial-images", {"noise": "masking:0.1"}, "--noise: this model has no such option"),
        ("adversarial", {"beta": -1.0}, "beta is -1.0, expected"),
        ("basic", {"noise": "gauss:0.1"}, "unknown noise 'gauss': did you mean 'gaussian'"),
        ("basic", {"noise": "masking"}, "expected KIND:AMOUNT such as masking:0.3"),
        ("basic", {"noise": "masking:1.5"}, "is 1.5, expected"),
        ("sparse-kl", {"rho": 1.0}, "rho is 1.0, expected"),
        ("vae", {"beta": -1.0}, "beta is -1.0, expected"),
    ],
)
def test_wrong_options(name, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        get_preset(name).with_options(**options)


def test_a_variant_is_a_preset():
    assert resolve_name("contractive") == resolve_name("contractive", "basic") == "contractive"
    assert resolve_name("contractive", "conv") == "contractive-conv"
    assert resolve_name("adversarial", "images") == "adversarial-images"
    assert resolve_name("vae", "2d") == "vae-2d"
    assert resolve_name("basic", "conv") == "conv"


# ---- objectives ---------------------------------------------------------------------------------


def test_the_perceptual_model_needs_labels():
    data = Dataset("unlabeled", Images(STROKES[:9]), Images(STROKES[:9]))
    preset = get_preset("perceptual")
    model = preset.build_model((1, 28, 28), 0)
    with pytest.raises(ValueError, match="unlabeled has no labels"):
        preset.build_objective(model, data, 0, "cpu", 1)


def test_the_autoencoder_objective_is_the_models_own():
    own = Objective(contraction=0.1)
    assert autoencoder_objective(own) is own
    assert autoencoder_objective(Variational()) == Objective()
    preset, images = get_preset("adversarial"), Images(STROKES[:9])
    model = preset.build_model((1, 28, 28), 0)
    objective, _ = preset.build_objective(model, Dataset("few", images, images), 0, "cpu", 1)
    assert autoencoder_objective(objective) is objective.objective


def test_evaluate_compares_with_the_clean_images():
    preset, x = get_preset("denoising"), STROKES[:30].reshape(30, -1)
    model, seen = preset.build_model((1, 28, 28), 0), preset.objective.corrupt(x, 0)
    result = evaluate(model, x, batch_size=7, inputs=seen)
    assert result["mse"] == pytest.approx(((model(seen) - x) ** 2).mean(), rel=1e-5)
    assert result["input_mse"] == pytest.approx(((seen - x) ** 2).mean(), rel=1e-5)
    assert result["input_psnr"] == pytest.approx(10 * np.log10(1 / result["input_mse"]))
    assert psnr(0) == np.inf
    with pytest.raises(ValueError, match="inputs has shape"):
        evaluate(model, x, inputs=seen[:5])
