"""The command line, run in this process: what it writes, what it prints, what it answers to mistakes."""

import csv
import subprocess
import sys

import numpy as np
import pytest

from tinyae.cli.main import main
from tinyae.cli.presets import PRESETS
from tinyae.io import read_arrays
from tinyae.training import loop
from tinyae.training.checkpoint import read_checkpoint


@pytest.fixture
def pictures(tmp_path):
    """A small file of pictures of one's own: 60 blobs of 12×12."""
    rng = np.random.default_rng(0)
    centre = rng.uniform(3, 9, (60, 2, 1, 1))
    i, j = np.mgrid[:12, :12]
    blobs = np.exp(-((i - centre[:, 0]) ** 2 + (j - centre[:, 1]) ** 2) / 6).astype(np.float32)
    np.save(tmp_path / "blobs.npy", blobs)
    return tmp_path / "blobs.npy"


def train(pictures, out, *more):
    return main(
        [
            "train",
            "basic",
            "--data",
            str(pictures),
            "--out",
            str(out),
            "--quiet",
            "--workers",
            "1",
            *more,
        ]
    )


def test_train_writes_everything(pictures, tmp_path, capsys):
    assert train(pictures, tmp_path / "run", "--epochs", "3") == 0
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {
        "weights.npz",
        "checkpoint.npz",
        "history.csv",
        "reconstructions.png",
        "loss.png",
    }
    rows = list(csv.DictReader(open(tmp_path / "run" / "history.csv")))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    text = capsys.readouterr().out
    assert "test MSE" in text and "PSNR" in text and "images/s" in text and "144-" not in text
    assert "Linear(144 → 512)" in text  # the model fits the pictures


def test_resume_is_bit_for_bit_the_uninterrupted_run(pictures, tmp_path):
    assert train(pictures, tmp_path / "a", "--epochs", "4") == 0
    assert train(pictures, tmp_path / "b", "--epochs", "2") == 0
    assert train(pictures, tmp_path / "b", "--epochs", "4", "--resume") == 0
    a, b = (read_arrays(tmp_path / run / "weights.npz")[0] for run in "ab")
    assert all(np.array_equal(a[key], b[key]) for key in a)


def test_resume_remembers_settings_and_refuses_others(pictures, tmp_path, capsys):
    assert (
        train(
            pictures,
            tmp_path / "run",
            "--epochs",
            "1",
            "--lr",
            "0.002",
            "--batch-size",
            "32",
            "--seed",
            "5",
        )
        == 0
    )
    again = [
        "train",
        "basic",
        "--out",
        str(tmp_path / "run"),
        "--quiet",
        "--resume",
        "--epochs",
        "2",
    ]
    assert main(again) == 0  # data, rate, batch size, seed and workers as before
    assert len(read_checkpoint(tmp_path / "run" / "checkpoint.npz")[0].history) == 2
    assert main([*again, "--lr", "0.1"]) == 2
    assert "started with lr = 0.002" in capsys.readouterr().err


def test_contractive_and_its_weight(pictures, tmp_path, capsys):
    common = ["--data", str(pictures), "--quiet", "--workers", "1", "--epochs", "1"]
    assert main(["train", "contractive", "--out", str(tmp_path / "a"), *common]) == 0
    assert (
        main(["train", "basic", "--contraction", "0.0003", "--out", str(tmp_path / "b"), *common])
        == 0
    )
    a, b = (list(csv.DictReader(open(tmp_path / run / "history.csv"))) for run in "ab")
    assert a[0]["contraction"] == b[0]["contraction"] and float(a[0]["contraction"]) > 0
    again = ["train", "basic", "--out", str(tmp_path / "b"), "--quiet", "--resume", "--epochs", "2"]
    assert main(again) == 0  # λ as before
    assert main([*again, "--contraction", "0.5"]) == 2
    assert "started with contraction = 0.0003" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["basic", "--contraction", "-1"], "contraction is -1.0, expected a finite, non-negative number"),
        (
            ["vae", "--contraction", "1"],
            "--contraction: this model has no such term; it has --beta",
        ),
        (
            ["contractive", "--model", "vae"],
            "model 'contractive' has no variant --model vae; there is basic, conv, tied",
        ),
        (["contractiv", "--model", "conv"], "contractive"),
        (
            ["contractive", "--model", "conv", "--data", "blobs"],
            "takes pictures of 1×28×28, got 1×12×12",
        ),
    ],
)
def test_contractive_mistakes(words, message, pictures, tmp_path, capsys):
    words = [str(pictures) if word == "blobs" else word for word in words]
    assert main(["train", *words, "--out", str(tmp_path / "run"), "--quiet", "--epochs", "1"]) == 2
    assert message in capsys.readouterr().err


def test_ctrl_c_keeps_the_checkpoint_and_says_how_to_go_on(pictures, tmp_path, capsys, monkeypatch):
    original, calls = loop._train_epoch, []

    def interrupted(*args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*args, **kwargs)

    monkeypatch.setattr(loop, "_train_epoch", interrupted)
    assert train(pictures, tmp_path / "run", "--epochs", "5") == 130
    error = capsys.readouterr().err
    assert "first 2 epochs are kept" in error and "--resume" in error
    monkeypatch.setattr(loop, "_train_epoch", original)
    assert train(pictures, tmp_path / "run", "--epochs", "5", "--resume") == 0


def test_divergence_is_exit_code_1(pictures, tmp_path, capsys):
    with np.errstate(all="ignore"):
        assert train(pictures, tmp_path / "wild", "--epochs", "3", "--lr", "1e30") == 1
    error = capsys.readouterr().err
    assert "training stopped" in error and "step 1" in error and "First not finite" in error


def test_reconstruct(pictures, tmp_path, capsys):
    assert train(pictures, tmp_path / "run", "--epochs", "1") == 0
    weights = str(tmp_path / "run" / "weights.npz")
    assert main(["reconstruct", weights, str(pictures), "--out", str(tmp_path / "r")]) == 0
    assert np.load(tmp_path / "r" / "reconstructions.npy").shape == (60, 1, 12, 12)
    assert (tmp_path / "r" / "reconstructions.png").stat().st_size > 0
    assert "60 pictures, MSE" in capsys.readouterr().out


def test_reconstruct_one_picture_file(pictures, tmp_path):
    Image = pytest.importorskip("PIL.Image", reason="pillow is not installed")
    assert train(pictures, tmp_path / "run", "--epochs", "1") == 0
    Image.fromarray((np.load(pictures)[0] * 255).astype(np.uint8)).save(tmp_path / "one.png")
    weights = str(tmp_path / "run" / "weights.npz")
    assert (
        main(["reconstruct", weights, str(tmp_path / "one.png"), "--out", str(tmp_path / "r")]) == 0
    )
    assert np.load(tmp_path / "r" / "reconstructions.npy").shape == (1, 1, 12, 12)


def test_denoise_a_picture_of_any_size(tmp_path, capsys, monkeypatch):
    Image = pytest.importorskip("PIL.Image", reason="pillow is not installed")
    page = np.random.default_rng(0).random((40, 61))
    Image.fromarray((page * 255).astype(np.uint8)).save(tmp_path / "page.png")
    np.save(tmp_path / "data.npy", np.random.default_rng(1).random((40, 28, 28), dtype=np.float32))
    for model in ("denoising", "denoising-tiles"):  # a dense one takes tiles, too
        run, out = tmp_path / model, tmp_path / f"{model}-out"
        assert (
            main(
                [
                    "train",
                    model,
                    "--data",
                    str(tmp_path / "data.npy"),
                    "--epochs",
                    "1",
                    "--quiet",
                    "--out",
                    str(run),
                ]
            )
            == 0
        )
        denoise = [
            "denoise",
            str(run / "weights.npz"),
            str(tmp_path / "page.png"),
            "--out",
            str(out),
            "--step",
            "20",
        ]
        assert main(denoise) == 0
        assert np.load(out / "denoised.npy").shape == (1, 40, 61) and Image.open(
            out / "denoised.png"
        ).size == (61, 40)
        plain = np.load(out / "denoised.npy")
        assert main([*denoise, "--invert"]) == 0
        assert not np.array_equal(plain, np.load(out / "denoised.npy"))
    assert "61×40 pixels" in capsys.readouterr().out
    assert main([*denoise, "--step", "99"]) == 2 and "step is 99" in capsys.readouterr().err
    monkeypatch.setattr(
        "tinyae.cli.generate.denoise_tiles", lambda model, picture, tile, step: picture.clip(0.5, 1)
    )
    for words, bounds in (
        ([], (0.5, 1)),
        (["--invert"], (0, 0.5)),
    ):  # a model that leaves nothing dark; inverted, nothing light
        assert main([*denoise, *words]) == 0
        np.testing.assert_allclose(np.load(out / "denoised.npy")[0], page.clip(*bounds), atol=0.01)


def test_sample_map_and_plane(pictures, tmp_path, capsys):
    common = ["--data", str(pictures), "--epochs", "1", "--quiet", "--workers", "1"]
    for model in ("vae-2d", "adversarial"):
        assert main(["train", model, "--out", str(tmp_path / model), *common]) == 0
        assert (tmp_path / model / "samples.png").stat().st_size > 0
        assert (tmp_path / model / "plane.png").exists() == (model == "vae-2d")
        weights = str(tmp_path / model / "weights.npz")
        assert main(["sample", weights, "--n", "5", "--out", str(tmp_path / "s")]) == 0
        assert np.load(tmp_path / "s" / "samples.npy").shape == (5, 1, 12, 12)
        for method in ([], ["--method", "pca"]):
            out = tmp_path / f"map-{model}-{len(method)}"
            if model == "adversarial" and not method:
                continue  # t-SNE: tried in tests/applications
            assert main(["map", weights, str(pictures), "--out", str(out), *method]) == 0
            rows = list(csv.DictReader(open(out / "map.csv")))
            assert [row["picture"] for row in rows] == [str(i) for i in range(60)]
            assert (out / "plane.png").exists() == (not method) and (
                out / "map.png"
            ).exists() == bool(method)
    assert main(["train", "basic", "--out", str(tmp_path / "basic"), *common]) == 0
    capsys.readouterr()
    assert main(["sample", str(tmp_path / "basic" / "weights.npz")]) == 2
    assert "do not look like draws" in capsys.readouterr().err


def test_features(tmp_path, capsys):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    x = (
        rng.random((300, 6, 6)) * 0.3 + 0.6 * (np.arange(6) // 2 == labels[:, None])[:, None]
    ).astype(np.float32)
    np.savez(
        tmp_path / "stripes.npz",
        x_train=x[:200],
        y_train=labels[:200],
        x_test=x[200:],
        y_test=labels[200:],
    )
    run = [
        "train",
        "basic",
        "--data",
        str(tmp_path / "stripes.npz"),
        "--epochs",
        "2",
        "--quiet",
        "--out",
        str(tmp_path / "r"),
    ]
    assert main(run) == 0
    capsys.readouterr()
    weights = str(tmp_path / "r" / "weights.npz")
    assert (
        main(["features", weights, str(tmp_path / "stripes.npz"), "--labels", "30", "--seeds", "2"])
        == 0
    )
    said = capsys.readouterr().out
    assert all(
        name in said
        for name in ("the pixels", "random encoder", "trained encoder", "36 numbers", "32 numbers")
    )
    assert main(["features", weights, str(tmp_path / "stripes.npz"), "--labels", "999"]) == 2
    assert "n is 999, expected 3" in capsys.readouterr().err


@pytest.mark.parametrize("shape", [(10, 20), (12, 12, 3)])
def test_pictures_that_are_not_square_or_not_grey(shape, tmp_path, capsys):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((40, *shape), dtype=np.float32))
    run = [
        "train",
        "vae-2d",
        "--data",
        str(tmp_path / "x.npy"),
        "--epochs",
        "1",
        "--quiet",
        "--out",
        str(tmp_path / "r"),
    ]
    assert main(run) == 0
    assert {"reconstructions.png", "samples.png", "plane.png"} <= {
        path.name for path in (tmp_path / "r").iterdir()
    }
    weights = str(tmp_path / "r" / "weights.npz")
    for command in (["reconstruct"], ["map"], ["anomalies", "--normal", str(tmp_path / "x.npy")]):
        words = [
            command[0],
            weights,
            str(tmp_path / "x.npy"),
            *command[1:],
            "--out",
            str(tmp_path / command[0]),
        ]
        assert main(words) == 0, capsys.readouterr().err


def test_ctrl_c_before_and_after_training(pictures, tmp_path, capsys, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    assert train(pictures, tmp_path / "run", "--epochs", "1") == 0
    assert main(["reconstruct", str(tmp_path / "run" / "checkpoint.npz"), str(pictures)]) == 2
    assert "is the checkpoint of a run" in capsys.readouterr().err
    monkeypatch.setattr("tinyae.cli.train.load_data", interrupted)
    assert train(pictures, tmp_path / "run", "--epochs", "1") == 130
    assert "Stopped" in capsys.readouterr().err


def test_what_a_penalty_was_for_is_printed(pictures, tmp_path, capsys):
    common = [
        "--data",
        str(pictures),
        "--epochs",
        "1",
        "--quiet",
        "--workers",
        "1",
        "--out",
        str(tmp_path / "r"),
    ]
    for words, said in {
        ("sparse-kl", "--rho", "0.1"): "for ρ = 0.1",
        ("k-sparse", "--k", "4"): "of the codes' numbers are 0",
        ("sparse-l1",): "units are 0 for every test picture",
        ("contractive-tied",): "divided by the spread of the codes",
    }.items():
        assert main(["train", *words, *common]) == 0
        assert said in capsys.readouterr().out
    assert main(["train", "k-sparse", "--k", "4", *common]) == 0
    weights = str(tmp_path / "r" / "weights.npz")
    assert read_arrays(weights)[1]["options"] == {
        "k": 4
    }  # and what reads the file builds that model
    assert (
        main(["map", weights, str(pictures), "--method", "pca", "--out", str(tmp_path / "m")]) == 0
    )


def test_an_adversarial_run_goes_on_bit_for_bit(pictures, tmp_path):
    common = ["--data", str(pictures), "--quiet", "--workers", "1"]
    assert (
        main(["train", "discriminator", "--epochs", "3", "--out", str(tmp_path / "a"), *common])
        == 0
    )
    assert (
        main(["train", "discriminator", "--epochs", "1", "--out", str(tmp_path / "b"), *common])
        == 0
    )
    assert (
        main(
            [
                "train",
                "discriminator",
                "--epochs",
                "3",
                "--out",
                str(tmp_path / "b"),
                "--resume",
                *common,
            ]
        )
        == 0
    )
    a, b = (read_arrays(tmp_path / run / "weights.npz")[0] for run in "ab")
    assert all(np.array_equal(a[key], b[key]) for key in a)


def test_anomalies(pictures, tmp_path, capsys):
    """Blobs are normal, noise is not: the noise is found, and the share of the blobs that the quantile leaves."""
    assert train(pictures, tmp_path / "run", "--epochs", "40", "--lr", "0.003") == 0
    noise = np.random.default_rng(1).random((10, 12, 12), dtype=np.float32)
    np.save(tmp_path / "mixed.npy", np.concatenate([noise, np.load(pictures)]))
    weights = str(tmp_path / "run" / "weights.npz")
    np.save(tmp_path / "held.npy", np.load(pictures))
    mixed, held = str(tmp_path / "mixed.npy"), str(tmp_path / "held.npy")
    run = ["anomalies", weights, mixed, "--normal", held, "--out", str(tmp_path / "a")]
    capsys.readouterr()
    assert main([*run, "--quantile", "0.9"]) == 0
    rows = list(csv.DictReader(open(tmp_path / "a" / "errors.csv")))
    assert [row["picture"] for row in rows] == [str(i) for i in range(70)]
    assert all(row["anomaly"] == "1" for row in rows[:10])
    assert sum(row["anomaly"] == "1" for row in rows[10:]) == 6
    assert (tmp_path / "a" / "most-unusual.png").stat().st_size > 0
    said = capsys.readouterr().out
    assert (
        "the 0.9 quantile of 60 normal pictures" in said
        and "16 of 70 pictures are above it" in said
    )
    assert float(said.split("threshold ")[1].split(":")[0]) == pytest.approx(
        np.quantile([float(row["error"]) for row in rows[10:]], 0.9), rel=1e-3
    )

    assert (
        main(
            [
                "anomalies",
                weights,
                str(tmp_path / "mixed.npy"),
                "--normal",
                str(pictures),
                "--out",
                str(tmp_path / "b"),
            ]
        )
        == 0
    )
    assert (
        "trained on a part of it; taken are the 6 pictures that were held out"
        in capsys.readouterr().out
    )

    np.save(tmp_path / "one.npy", np.load(pictures)[:1])
    assert (
        main(
            [
                "anomalies",
                weights,
                mixed,
                "--normal",
                str(tmp_path / "one.npy"),
                "--out",
                str(tmp_path / "c"),
            ]
        )
        == 2
    )
    assert (
        "1 picture, expected two at least" in capsys.readouterr().err
        and not (tmp_path / "c").exists()
    )

    assert main([*run, "--quantile", "95"]) == 2
    assert "quantile is 95.0, expected a number between 0 and 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "basik"], ["unknown model 'basik'", "did you mean 'basic'"]),
        (["train", "basic", "--data", "mnits"], ["'mnits'", "'mnist'"]),
        (["train", "basic", "--data", "no/such/folder"], ["no such file", "no/such/folder"]),
        (["train", "basic", "--epochs", "-1"], ["--epochs is -1"]),
        (["train", "basic", "--seed", "-1"], ["--seed is -1, expected 0 or more"]),
        (["train", "basic", "--workers", "0"], ["--workers is 0, expected 1 or more"]),
        (["train", "basic", "--batch-size", "0"], ["--batch-size is 0, expected 1 or more"]),
        (["map", "nothing.npz", "strokes"], ["no weight file nothing.npz"]),
        (["train", "basic", "--resume"], ["there is no checkpoint"]),
        (["reconstruct", "nothing.npz", "strokes"], ["no weight file nothing.npz"]),
        (
            ["anomalies", "nothing.npz", "strokes", "--normal", "strokes"],
            ["no weight file nothing.npz"],
        ),
    ],
)
def test_mistakes_get_an_answer(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("tinyae: ") and "Traceback" not in error
    assert all(word in error for word in words)
    assert not list(tmp_path.iterdir())  # nothing was written


def test_an_output_folder_that_cannot_be_written_is_said_before_training(
    pictures, tmp_path, capsys
):
    (tmp_path / "file").write_text("I am no folder")
    assert train(pictures, tmp_path / "file", "--epochs", "1") == 2
    assert "expected a folder" in capsys.readouterr().err


def test_weights_of_another_architecture(pictures, tmp_path, capsys):
    from tinyae.io import save_weights
    from tinyae.models import basic_autoencoder

    save_weights(basic_autoencoder(0), tmp_path / "w.npz", model="basic", image_shape=[1, 12, 12])
    assert main(["reconstruct", str(tmp_path / "w.npz"), str(pictures)]) == 2
    error = capsys.readouterr().err
    assert "encoder.0.weight" in error and "(512, 784)" in error and "(512, 144)" in error


def test_a_gpu_that_is_not_there(capsys):
    from tinyae.backend import gpu_available

    if gpu_available():
        pytest.skip("there is a GPU here")
    assert main(["train", "--device", "gpu"]) == 2
    assert "CuPy finds no CUDA device" in capsys.readouterr().err


def test_info_and_list(capsys):
    assert main(["info"]) == 0 and main(["list"]) == 0
    text = capsys.readouterr().out
    assert all(word in text for word in ("numpy", "BLAS", "GPU", "mnist"))
    assert all(f"{name} " in text and preset.about in text for name, preset in PRESETS.items())


LAYER = """
from tinyae import Linear
class Good(Linear):
    def __init__(self):
        super().__init__(3, 2, rng=0)
class Bad(Good):
    def backward(self, dy, x):
        dx, grads = super().backward(dy, x)
        return dx, {**grads, "weight": grads["weight"] / 2}
class Broken(Good):
    def forward(self, x):
        return undefined_name
"""


def test_check_a_file(tmp_path, capsys):
    (tmp_path / "mine.py").write_text(LAYER)
    file = str(tmp_path / "mine.py")
    assert main(["check", f"{file}:Good", "--input", "4,3"]) == 0
    assert main(["check", f"{file}:Bad"]) == 1
    text = capsys.readouterr().out
    assert "passed" in text and "FAILED" in text and "0.5" in text
    assert main(["check", f"{file}:Goood"]) == 2 and main(["check", "nothing.py:x"]) == 2
    error = capsys.readouterr().err
    assert "Good" in error and "nothing.py" in error and "Traceback" not in error
    assert main(["check", f"{file}:Broken"]) == 2  # its own mistake: with the line in which it is
    error = capsys.readouterr().err
    assert "Traceback" in error and "undefined_name" in error


def test_python_m_tinyae():
    run = subprocess.run(
        [sys.executable, "-m", "tinyae", "--version"], capture_output=True, text=True
    )
    assert run.returncode == 0 and run.stdout.startswith("tinyae ")
