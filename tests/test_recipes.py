"""What `tinyae train NAME` trains: every recipe runs, and does what its line in `tinyae list` says."""

import re

import numpy as np
import pytest

from tinyae import Adam, KSparse, ReLU, Sigmoid, fit, load_data
from tinyae.cli import main
from tinyae.recipes import RECIPES, recipe
from tinyae.training import evaluate, psnr

STROKES = load_data("strokes").train.images


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_learns(name):
    r = recipe(name)
    model, x = r.build((1, 28, 28), 0), r.examples(STROKES[:64])
    history = fit(model, x, r.objective, Adam(model.params), 4, 32, workers=1, progress=False)
    assert history["loss"][-1] < history["loss"][0]


def test_the_code_is_what_the_name_says():
    x = STROKES[:50].reshape(50, -1)
    for name, code in {"sparse-l1": ReLU, "sparse-kl": Sigmoid, "k-sparse": KSparse}.items():
        model = recipe(name).build((1, 28, 28), 0)
        assert isinstance(model.encoder.layers[-1], code)
    assert ((recipe("k-sparse").build((1, 28, 28), 0).encode(x) != 0).sum(axis=1) == 25).all()
    assert recipe("sparse-kl").objective.whole_batch and not recipe("sparse-l1").objective.whole_batch


def test_kl_brings_the_mean_activation_near_rho():
    r, x = recipe("sparse-kl"), STROKES[:1000].reshape(1000, -1)
    model = r.build((1, 28, 28), 0)
    before = model.encode(x).mean()
    fit(model, x, r.objective, Adam(model.params, 0.01), 20, 100, progress=False)
    assert before > 0.3 and abs(model.encode(x).mean() - 0.05) < 0.02


def test_a_denoising_run_shows_and_scores_noisy_pictures(tmp_path, capsys, monkeypatch):
    from tinyae import plots

    np.save(tmp_path / "pictures.npy", STROKES[:60, 0])
    drawn = []
    def spy(*rows, names):
        drawn.append((rows, names))
        return plots.plot_pictures(rows[0])

    monkeypatch.setattr(plots, "plot_reconstructions", spy)
    run = ["train", "denoising", "--data", str(tmp_path / "pictures.npy"), "--epochs", "1", "--quiet", "--workers", "1"]
    assert main([*run, "--out", str(tmp_path / "run")]) == 0
    (original, seen, reconstruction), names = drawn[0]
    assert names == ["original", "seen", "reconstruction"] and original.shape == seen.shape == reconstruction.shape
    assert 0.1 < np.std(seen - original) < 0.35
    said = capsys.readouterr().out
    before = re.search(r"seen through gaussian\(sigma=0.3, clip=True\): before, MSE (\S+), PSNR (\S+) dB", said)
    assert psnr(float(before[1])) == pytest.approx(float(before[2]), abs=0.01)

    assert main([*["basic" if word == "denoising" else word for word in run], "--out", str(tmp_path / "basic")]) == 0
    assert drawn[1][1] == ["original", "reconstruction"] and "seen" not in capsys.readouterr().out


def test_evaluate_compares_with_the_clean_pictures():
    r, x = recipe("denoising"), STROKES[:30].reshape(30, -1)
    model, seen = r.build((1, 28, 28), 0), r.objective.corrupt(STROKES[:30].reshape(30, -1), 0)
    result = evaluate(model, x, batch_size=7, seen=seen)
    assert result["mse"] == pytest.approx(((model(seen) - x) ** 2).mean(), rel=1e-5)
    assert result["seen_mse"] == pytest.approx(((seen - x) ** 2).mean(), rel=1e-5)
    assert result["seen_psnr"] == pytest.approx(10 * np.log10(1 / result["seen_mse"])) and psnr(0) == np.inf
    with pytest.raises(ValueError, match="seen has shape"):
        evaluate(model, x, seen=seen[:5])
