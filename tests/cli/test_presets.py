"""What `tinyae train NAME` trains: every preset runs, and does what its line in `tinyae list` says."""

import re

import numpy as np
import pytest

from tinyae import Adam, KSparse, Objective, ReLU, Sigmoid, fit, l1, load_data
from tinyae.cli.main import main
from tinyae.cli.presets import PRESETS, preset
from tinyae.cli.train import OPTIONS
from tinyae.data import Dataset, Images, Masking, SaltAndPepper
from tinyae.objectives.variational import Variational
from tinyae.training import evaluate, psnr

STROKES, LABELS = load_data("strokes").train.images, load_data("strokes").train.labels


@pytest.mark.parametrize("name", PRESETS)
def test_every_recipe_learns(name):
    r = preset(name)
    model, x = r.build((1, 28, 28), 0), r.examples(STROKES[:64])
    few = Dataset("few", Images(STROKES[:64], LABELS[:64]), Images(STROKES[:64], LABELS[:64]))
    objective = r.prepared(model, few, 0, "cpu", 1)
    history = fit(model, x, objective, Adam(model.params), 4, 32, workers=1, progress=False)
    assert history["loss"][-1] < history["loss"][0]
    assert r.options and set(r.options) <= set(OPTIONS)


def test_the_code_is_what_the_name_says():
    x = STROKES[:50].reshape(50, -1)
    for name, code in {"sparse-l1": ReLU, "sparse-kl": Sigmoid, "k-sparse": KSparse}.items():
        model = preset(name).build((1, 28, 28), 0)
        assert isinstance(model.encoder.layers[-1], code)
    assert ((preset("k-sparse").build((1, 28, 28), 0).encode(x) != 0).sum(axis=1) == 25).all()
    assert (
        preset("sparse-kl").objective.needs_full_batch
        and not preset("sparse-l1").objective.needs_full_batch
    )


@pytest.mark.parametrize("rho", [None, 0.1])
def test_kl_brings_the_mean_activation_near_rho(rho):
    """As it is shipped, on the data that it is shipped with."""
    r, x = preset("sparse-kl").with_options(rho=rho), STROKES.reshape(len(STROKES), -1)
    model = r.build((1, 28, 28), 0)
    fit(model, x, r.objective, Adam(model.params), r.epochs, progress=False)
    assert abs(model.encode(x).mean() - (rho or 0.05)) < 0.02


def test_options_change_what_they_name():
    assert preset("basic").with_options(noise="masking:0.25").objective.corrupt == Masking(0.25)
    assert preset("denoising").with_options(
        noise="salt_and_pepper:0.1"
    ).objective.corrupt == SaltAndPepper(0.1)
    assert preset("vae").with_options(beta=4.0).objective == Variational(4.0)
    assert preset("sparse-l1").with_options(beta=0.5, contraction=0.1).objective == Objective(
        code_penalty=l1, beta=0.5, contraction=0.1
    )
    sparse = preset("sparse-kl").with_options(rho=0.2)
    assert sparse.objective.code_penalty.rho == 0.2
    assert sparse.build((1, 28, 28), 0).params["encoder.0.bias"][0] == pytest.approx(np.log(0.25))
    k = preset("k-sparse").with_options(k=3).build((1, 28, 28), 0)
    assert ((k.encode(STROKES[:5].reshape(5, -1)) != 0).sum(axis=1) == 3).all()
    model = preset("adversarial").build((1, 28, 28), 0)
    assert (
        preset("adversarial")
        .with_options(beta=0.7)
        .prepared(model, None, 0, "cpu", 1)
        .objective.beta
        == 0.7
    )
    assert preset("basic").with_options(noise=None, beta=None) == preset("basic")


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("vae", {"contraction": 1.0}, "--contraction: this model has no such term; it has --beta"),
        (
            "basic",
            {"rho": 0.1},
            "--rho: this model has no such term; it has --contraction, --noise",
        ),
        ("discriminator", {"noise": "masking:0.1"}, "--noise"),
        ("basic", {"noise": "gauss:0.1"}, "unknown noise 'gauss': did you mean 'gaussian'"),
        ("basic", {"noise": "masking"}, "expected KIND:AMOUNT such as masking:0.3"),
        ("basic", {"noise": "masking:1.5"}, "share is 1.5, expected a number from 0 to 1"),
        ("sparse-kl", {"rho": 1.0}, "rho is 1.0, expected a number between 0 and 1"),
        ("vae", {"beta": -1.0}, "beta is -1.0, expected a finite, non-negative number"),
    ],
)
def test_wrong_options(name, options, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        preset(name).with_options(**options)


def test_the_perceptual_model_needs_labels():
    data = Dataset("unlabelled", Images(STROKES[:9]), Images(STROKES[:9]))
    with pytest.raises(ValueError, match="unlabelled has no labels"):
        preset("perceptual").prepared(preset("perceptual").build((1, 28, 28), 0), data, 0, "cpu", 1)


def test_a_denoising_run_shows_and_scores_noisy_pictures(tmp_path, capsys, monkeypatch):
    from tinyae import plots

    np.save(tmp_path / "pictures.npy", STROKES[:60, 0])
    drawn = []

    def spy(*rows, names):
        drawn.append((rows, names))
        return plots.plot_images(rows[0])

    monkeypatch.setattr(plots, "plot_reconstructions", spy)
    run = [
        "train",
        "denoising",
        "--data",
        str(tmp_path / "pictures.npy"),
        "--epochs",
        "1",
        "--quiet",
        "--workers",
        "1",
    ]
    assert main([*run, "--out", str(tmp_path / "run")]) == 0
    (original, seen, reconstruction), names = drawn[0]
    assert (
        names == ["original", "seen", "reconstruction"]
        and original.shape == seen.shape == reconstruction.shape
    )
    assert 0.1 < np.std(seen - original) < 0.35
    said = capsys.readouterr().out
    assert "of what it makes of Gaussian(sigma=0.3, clip=True)" in said
    before = re.search(r"before, MSE (\S+), PSNR (\S+) dB: a gain of (\S+) dB", said)
    assert psnr(float(before[1])) == pytest.approx(float(before[2]), abs=0.01)

    assert (
        main(
            [
                *["basic" if word == "denoising" else word for word in run],
                "--out",
                str(tmp_path / "basic"),
            ]
        )
        == 0
    )
    assert drawn[1][1] == ["original", "reconstruction"] and "seen" not in capsys.readouterr().out


def test_evaluate_compares_with_the_clean_pictures():
    r, x = preset("denoising"), STROKES[:30].reshape(30, -1)
    model, seen = r.build((1, 28, 28), 0), r.objective.corrupt(STROKES[:30].reshape(30, -1), 0)
    result = evaluate(model, x, batch_size=7, seen=seen)
    assert result["mse"] == pytest.approx(((model(seen) - x) ** 2).mean(), rel=1e-5)
    assert result["seen_mse"] == pytest.approx(((seen - x) ** 2).mean(), rel=1e-5)
    assert (
        result["seen_psnr"] == pytest.approx(10 * np.log10(1 / result["seen_mse"]))
        and psnr(0) == np.inf
    )
    with pytest.raises(ValueError, match="seen has shape"):
        evaluate(model, x, seen=seen[:5])
