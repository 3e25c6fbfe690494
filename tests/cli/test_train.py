"""``tinyae train``, run in this process: what it writes, prints, resumes and refuses."""

import csv
import re

import numpy as np
import pytest
from helpers.commands import tinyae

from tinyae import load_data, plots
from tinyae.io import read_arrays
from tinyae.training import loop, psnr
from tinyae.training.checkpoint import read_checkpoint


def history_of(run):
    return list(csv.DictReader(open(run / "history.csv", encoding="utf-8")))


def same_weights(a, b):
    a, b = (read_arrays(run / "weights.npz")[0] for run in (a, b))
    return all(np.array_equal(a[key], b[key]) for key in a)


def test_train_writes_everything(train, tmp_path, capsys):
    assert train(tmp_path / "run", "basic --epochs 3") == 0
    names = {path.name for path in (tmp_path / "run").iterdir()}
    plots_written = {"reconstructions.png", "loss.png"}
    assert names == {"weights.npz", "checkpoint.npz", "history.csv"} | plots_written
    assert [row["epoch"] for row in history_of(tmp_path / "run")] == ["1", "2", "3"]
    text = capsys.readouterr().out
    assert "test MSE" in text and "PSNR" in text and "images/s" in text and "144-" not in text
    assert "Linear(144 → 512)" in text  # the model fits the images


# ---- resuming -----------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["basic", "adversarial --variant images"])
def test_resume_is_bit_for_bit_the_uninterrupted_run(model, train, tmp_path):
    assert train(tmp_path / "a", f"{model} --epochs 4") == 0
    assert train(tmp_path / "b", f"{model} --epochs 2") == 0
    assert train(tmp_path / "b", f"{model} --epochs 4 --resume") == 0
    assert same_weights(tmp_path / "a", tmp_path / "b")


def test_resume_remembers_settings_and_refuses_others(train, tmp_path, capsys):
    out = tmp_path / "run"
    assert train(out, "basic --epochs 1 --lr 0.002 --batch-size 32 --seed 5") == 0
    resume = "train basic --out {out} --quiet --resume --epochs 2"
    assert tinyae(resume, out=out) == 0  # data, rate, batch size, seed and workers as before
    assert len(read_checkpoint(out / "checkpoint.npz")[0].history) == 2
    assert tinyae(f"{resume} --lr 0.1", out=out) == 2
    assert "started with lr = 0.002" in capsys.readouterr().err


def test_ctrl_c_keeps_the_checkpoint_and_says_how_to_continue(train, tmp_path, capsys, monkeypatch):
    original, calls = loop.train_epoch, []

    def interrupted(*args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*args, **kwargs)

    monkeypatch.setattr(loop, "train_epoch", interrupted)
    assert train(tmp_path / "run", "basic --epochs 5") == 130
    error = capsys.readouterr().err
    assert "first 2 epoch(s) are saved" in error and "--resume" in error
    monkeypatch.setattr(loop, "train_epoch", original)
    assert train(tmp_path / "run", "basic --epochs 5 --resume") == 0


def test_ctrl_c_before_and_after_training(blobs, train, tmp_path, capsys, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    run = tmp_path / "run"
    assert train(run) == 0
    assert tinyae("reconstruct {run}/checkpoint.npz {data}", run=run, data=blobs) == 2
    assert "is the checkpoint of a run" in capsys.readouterr().err
    monkeypatch.setattr("tinyae.cli.training_data.load_data", interrupted)
    assert train(run) == 130
    assert "Stopped" in capsys.readouterr().err


def test_divergence_is_exit_code_1(train, tmp_path, capsys):
    with np.errstate(all="ignore"):
        assert train(tmp_path / "wild", "basic --epochs 3 --lr 1e30") == 1
    error = capsys.readouterr().err
    assert "training stopped" in error and "step 1" in error and "First not finite" in error


# ---- options ------------------------------------------------------------------------------------


def test_contractive_and_its_weight(train, tmp_path, capsys):
    a, b = tmp_path / "a", tmp_path / "b"
    assert train(a, "contractive --epochs 1") == 0
    assert train(b, "basic --contraction 0.0003 --epochs 1") == 0
    terms = [history_of(run)[0]["contraction"] for run in (a, b)]
    assert terms[0] == terms[1] and float(terms[1]) > 0
    resume = "train basic --out {out} --quiet --resume --epochs 2"
    assert tinyae(resume, out=b) == 0  # λ as before
    assert tinyae(f"{resume} --contraction 0.5", out=b) == 2
    assert "started with contraction = 0.0003" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("basic --contraction -1", "contraction is -1.0, expected"),
        ("vae --contraction 1", "--contraction: this model has no such option"),
        (
            "contractive --variant vae",
            "model 'contractive' has no variant 'vae': known are basic, conv, tied",
        ),
        ("contractiv --variant conv", "unknown model 'contractiv'"),
        ("contractive --variant conv", "takes images of 1×28×28, got 1×12×12"),
    ],
)
def test_options_and_variants_that_do_not_fit(command, message, train, tmp_path, capsys):
    assert train(tmp_path / "run", f"{command} --epochs 1") == 2
    assert message in capsys.readouterr().err


def test_what_a_penalty_achieved_is_printed(blobs, train, tmp_path, capsys):
    for command, printed in {
        "sparse-kl --rho 0.1": "(target ρ = 0.1)",
        "k-sparse --k 4": "of the codes' entries are 0",
        "sparse-l1": "units are 0 for every test image",
        "contractive --variant tied": "divided by the spread of the codes",
    }.items():
        assert train(tmp_path / "r", f"{command} --epochs 1") == 0
        assert printed in capsys.readouterr().out
    assert train(tmp_path / "r", "adversarial --epochs 1") == 0
    assert "codes" not in capsys.readouterr().out.rpartition("test MSE")[2]  # not a sparse model


def test_options_are_saved_with_the_weights(blobs, train, tmp_path):
    assert train(tmp_path / "r", "k-sparse --k 4 --epochs 1") == 0
    weights = tmp_path / "r" / "weights.npz"
    assert read_arrays(weights)[1]["options"] == {"k": 4}
    command = "map {weights} {data} --method pca --out {out}"  # it builds that model
    assert tinyae(command, weights=weights, data=blobs, out=tmp_path / "m") == 0


# ---- what is shown ------------------------------------------------------------------------------


def test_a_denoising_run_shows_and_scores_noisy_images(tmp_path, capsys, monkeypatch):
    np.save(tmp_path / "images.npy", load_data("strokes").train.images[:60, 0])
    calls = []

    def spy(*rows, names):
        calls.append((rows, names))
        return plots.plot_images(rows[0])

    monkeypatch.setattr(plots, "plot_reconstructions", spy)
    command = "train {model} --data {folder}/images.npy --epochs 1 --quiet --workers 1 --out {out}"
    assert tinyae(command, model="denoising", folder=tmp_path, out=tmp_path / "run") == 0
    (original, inputs, reconstruction), names = calls[0]
    assert names == ["original", "input", "reconstruction"]
    assert original.shape == inputs.shape == reconstruction.shape
    assert 0.1 < np.std(inputs - original) < 0.35
    text = capsys.readouterr().out
    after = re.search(r"test MSE (\S+), PSNR (\S+) dB", text)
    before = re.search(
        r"the inputs, with Gaussian\(sigma=0.3, clip=True\): "
        r"MSE (\S+), PSNR (\S+) dB; denoising gains (\S+) dB",
        text,
    )
    assert psnr(float(before[1])) == pytest.approx(float(before[2]), abs=0.01)
    gain = float(after[2]) - float(before[2])
    assert float(before[3]) == pytest.approx(gain, abs=0.011)

    assert tinyae(command, model="basic", folder=tmp_path, out=tmp_path / "basic") == 0
    assert calls[1][1] == ["original", "reconstruction"]
    assert "the inputs" not in capsys.readouterr().out


def test_the_classifier_of_the_perceptual_loss_is_reported(tmp_path, capsys):
    train = load_data("strokes").train[:300]
    np.savez(tmp_path / "labeled.npz", x_train=train.images, y_train=train.labels)
    command = "train perceptual --data {data} --epochs 1 --quiet --workers 1 --out {out}"
    assert tinyae(command, data=tmp_path / "labeled.npz", out=tmp_path / "run") == 0
    assert re.search(r"its test accuracy is \d+\.\d%", capsys.readouterr().out)


def test_an_output_folder_that_cannot_be_written_is_reported_before_training(
    train, tmp_path, capsys
):
    (tmp_path / "file").write_text("I am not a folder")
    assert train(tmp_path / "file") == 2
    assert "expected a folder" in capsys.readouterr().err


def test_a_gpu_that_is_not_there(capsys):
    from tinyae.backend import gpu_available

    if gpu_available():
        pytest.skip("there is a GPU here")
    assert tinyae("train --device gpu") == 2
    assert "CuPy finds no CUDA device" in capsys.readouterr().err


# ---- K-FAC, and the deep model ------------------------------------------------------------------


def test_deep_is_trained_with_adam_and_with_kfac(train, tmp_path, capsys):
    assert train(tmp_path / "a", "deep --epochs 1") == 0
    assert "Adam with learning rate 0.001" in capsys.readouterr().out
    assert train(tmp_path / "b", "deep --epochs 1 --optimizer kfac") == 0
    text = capsys.readouterr().out
    assert "batch size 500, K-FAC" in text and "Linear(144 → 1000)" in text


def test_kfac_resumes_bit_for_bit_without_being_told_again(train, tmp_path):
    assert train(tmp_path / "a", "basic --epochs 4 --optimizer kfac --batch-size 20") == 0
    assert train(tmp_path / "b", "basic --epochs 2 --optimizer kfac --batch-size 20") == 0
    assert train(tmp_path / "b", "basic --epochs 4 --resume") == 0
    assert same_weights(tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize("optimizer", ["", " --optimizer kfac"])
def test_the_deep_model_resumes_bit_for_bit(optimizer, train, tmp_path):
    assert train(tmp_path / "a", f"deep --epochs 2{optimizer}") == 0
    assert train(tmp_path / "b", f"deep --epochs 1{optimizer}") == 0
    assert train(tmp_path / "b", "deep --epochs 2 --resume") == 0
    assert same_weights(tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize(
    "command, text",
    [
        ("vae --optimizer kfac", "a reconstruction loss alone"),
        ("denoising --optimizer kfac", "a reconstruction loss alone"),
        ("contractive --optimizer kfac", "a reconstruction loss alone"),
        ("deep --optimizer kfac --lr 0.1", "K-FAC has no learning rate"),
    ],
)
def test_what_kfac_cannot_do_is_refused(command, text, train, tmp_path, capsys):
    assert train(tmp_path / "run", f"{command} --epochs 1") == 2
    assert text in capsys.readouterr().err
    assert not (tmp_path / "run" / "weights.npz").exists()


def test_kfac_refuses_a_convolution_by_name(tmp_path, capsys):
    assert tinyae("train conv --optimizer kfac --epochs 1 --out {out} --quiet", out=tmp_path) == 2
    assert "encoder.0 is Conv2d" in capsys.readouterr().err
