"""The commands that use trained weights: reconstruct, denoise, sample, anomalies, map, probe."""

import csv

import numpy as np
import pytest
from helpers.commands import tinyae


def rows_of(path):
    return list(csv.DictReader(open(path, encoding="utf-8")))


def test_reconstruct(blobs, train, tmp_path, capsys):
    assert train(tmp_path / "run") == 0
    command = "reconstruct {tmp}/run/weights.npz {data} --out {tmp}/r"
    assert tinyae(command, tmp=tmp_path, data=blobs) == 0
    assert np.load(tmp_path / "r" / "reconstructions.npy").shape == (60, 1, 12, 12)
    assert (tmp_path / "r" / "reconstructions.png").stat().st_size > 0
    assert "60 images: reconstruction MSE" in capsys.readouterr().out


def test_reconstruct_one_image_file(blobs, train, tmp_path):
    Image = pytest.importorskip("PIL.Image", reason="pillow is not installed")
    assert train(tmp_path / "run") == 0
    Image.fromarray((np.load(blobs)[0] * 255).astype(np.uint8)).save(tmp_path / "one.png")
    command = "reconstruct {tmp}/run/weights.npz {tmp}/one.png --out {tmp}/r"
    assert tinyae(command, tmp=tmp_path) == 0
    assert np.load(tmp_path / "r" / "reconstructions.npy").shape == (1, 1, 12, 12)


def test_denoise_an_image_of_any_size(tmp_path, capsys, monkeypatch):
    Image = pytest.importorskip("PIL.Image", reason="pillow is not installed")
    page = np.random.default_rng(0).random((40, 61))
    Image.fromarray((page * 255).astype(np.uint8)).save(tmp_path / "page.png")
    np.save(tmp_path / "data.npy", np.random.default_rng(1).random((40, 28, 28), dtype=np.float32))
    denoise = "denoise {tmp}/{model}/weights.npz {tmp}/page.png --out {tmp}/{model}-out --step 20"
    for model in ("denoising", "denoising-tiles"):  # a dense model can denoise tiles, too
        values, out = {"tmp": tmp_path, "model": model}, tmp_path / f"{model}-out"
        train = "train {model} --data {tmp}/data.npy --epochs 1 --quiet --out {tmp}/{model}"
        assert tinyae(train, **values) == 0
        assert tinyae(denoise, **values) == 0
        plain = np.load(out / "denoised.npy")
        assert plain.shape == (1, 40, 61) and Image.open(out / "denoised.png").size == (61, 40)
        assert tinyae(f"{denoise} --invert", **values) == 0
        assert not np.array_equal(plain, np.load(out / "denoised.npy"))
    text = capsys.readouterr().out
    assert "61×40 pixels" in text and "was not trained to remove noise" not in text
    assert tinyae(f"{denoise} --step 99", **values) == 2
    assert "step is 99" in capsys.readouterr().err
    # a model that leaves nothing dark; inverted, nothing light
    monkeypatch.setattr(
        "tinyae.cli.generate.denoise_tiles", lambda model, image, tile, step: image.clip(0.5, 1)
    )
    for option, bounds in (("", (0.5, 1)), ("--invert", (0, 0.5))):
        assert tinyae(f"{denoise} {option}", **values) == 0
        np.testing.assert_allclose(np.load(out / "denoised.npy")[0], page.clip(*bounds), atol=0.01)


def test_denoise_notes_a_model_that_was_not_trained_for_it(blobs, train, tmp_path, capsys):
    assert train(tmp_path / "run") == 0
    command = "denoise {tmp}/run/weights.npz {data} --out {tmp}/d"
    assert tinyae(command, tmp=tmp_path, data=blobs) == 0
    assert "was not trained to remove noise" in capsys.readouterr().out


def test_sample_map_and_plane(blobs, train, tmp_path, capsys):
    for model in ("vae-2d", "adversarial"):
        run, is_2d = tmp_path / model, model == "vae-2d"
        assert train(run, f"{model} --epochs 1") == 0
        assert (run / "samples.png").stat().st_size > 0
        assert (run / "plane.png").exists() == is_2d
        sample = "sample {run}/weights.npz --n 5 --out {out}"
        assert tinyae(sample, run=run, out=tmp_path / "s") == 0
        assert np.load(tmp_path / "s" / "samples.npy").shape == (5, 1, 12, 12)
        # t-SNE, the default for more than two dimensions, is tested in tests/applications
        for i, method in enumerate(["", "--method pca"] if is_2d else ["--method pca"]):
            out = tmp_path / f"map-{model}-{i}"
            command = f"map {{run}}/weights.npz {{data}} --out {{out}} {method}"
            assert tinyae(command, run=run, data=blobs, out=out) == 0
            assert [row["image"] for row in rows_of(out / "map.csv")] == [str(i) for i in range(60)]
            assert (out / "plane.png").exists() == (not method)
            assert (out / "map.png").exists() == bool(method)
    assert train(tmp_path / "basic") == 0
    capsys.readouterr()
    assert tinyae("sample {run}/weights.npz", run=tmp_path / "basic") == 2
    assert "do not follow a known distribution" in capsys.readouterr().err


def test_probe(tmp_path, capsys):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    stripes = (np.arange(6) // 2 == labels[:, None])[:, None]  # (300, 1, 6)
    x = (rng.random((300, 6, 6)) * 0.3 + 0.6 * stripes).astype(np.float32)
    train, test = slice(0, 200), slice(200, 300)
    np.savez(
        tmp_path / "stripes.npz",
        **{"x_train": x[train], "y_train": labels[train]},
        **{"x_test": x[test], "y_test": labels[test]},
    )
    run = "train basic --data {tmp}/stripes.npz --epochs 2 --quiet --out {tmp}/r"
    assert tinyae(run, tmp=tmp_path) == 0
    capsys.readouterr()
    probe = "probe {tmp}/r/weights.npz {tmp}/stripes.npz"
    assert tinyae(f"{probe} --labels 30 --seeds 2", tmp=tmp_path) == 0
    text = capsys.readouterr().out
    names = ("pixels", "random encoder", "trained encoder", "36 dimensions", "32 dimensions")
    assert all(name in text for name in names)
    assert tinyae(f"{probe} --labels 999", tmp=tmp_path) == 2
    assert "n is 999, expected 3" in capsys.readouterr().err


@pytest.mark.parametrize("shape", [(10, 20), (12, 12, 3)])
def test_images_that_are_not_square_or_not_gray(shape, tmp_path, capsys):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((40, *shape), dtype=np.float32))
    run = "train vae-2d --data {tmp}/x.npy --epochs 1 --quiet --out {tmp}/r"
    assert tinyae(run, tmp=tmp_path) == 0
    written = {path.name for path in (tmp_path / "r").iterdir()}
    assert {"reconstructions.png", "samples.png", "plane.png"} <= written
    for command, more in {
        "reconstruct": "",
        "map": "",
        "anomalies": "--normal {tmp}/x.npy",
    }.items():
        words = f"{command} {{tmp}}/r/weights.npz {{tmp}}/x.npy {more} --out {{tmp}}/{command}"
        assert tinyae(words, tmp=tmp_path) == 0, capsys.readouterr().err


def test_anomalies(blobs, train, tmp_path, capsys):
    """Blobs are normal, noise is not: it finds the noise, and the fraction of the blobs that lies
    above the quantile."""
    assert train(tmp_path / "run", "basic --epochs 40 --lr 0.003") == 0
    noise = np.random.default_rng(1).random((10, 12, 12), dtype=np.float32)
    np.save(tmp_path / "mixed.npy", np.concatenate([noise, np.load(blobs)]))
    np.save(tmp_path / "copy.npy", np.load(blobs))
    run = "anomalies {tmp}/run/weights.npz {tmp}/mixed.npy --out {tmp}/a --normal {tmp}"
    capsys.readouterr()
    assert tinyae(f"{run}/copy.npy --quantile 0.9", tmp=tmp_path) == 0
    rows = rows_of(tmp_path / "a" / "errors.csv")
    assert [row["image"] for row in rows] == [str(i) for i in range(70)]
    assert all(row["anomaly"] == "1" for row in rows[:10])
    assert sum(row["anomaly"] == "1" for row in rows[10:]) == 6
    assert (tmp_path / "a" / "most-unusual.png").stat().st_size > 0
    text = capsys.readouterr().out
    assert "the 0.9 quantile of the errors of 60 normal images" in text
    assert "16 of 70 images are above it" in text
    assert float(text.split("threshold ")[1].split(":")[0]) == pytest.approx(
        np.quantile([float(row["error"]) for row in rows[10:]], 0.9), rel=1e-3
    )

    assert tinyae(f"{run}/blobs.npy", tmp=tmp_path) == 0
    assert "only the 6 images held out from training are used" in capsys.readouterr().out
    assert tinyae(f"{run}/copy.npy --quantile 95", tmp=tmp_path) == 2
    assert "quantile is 95.0, expected" in capsys.readouterr().err


def test_anomalies_needs_at_least_two_normal_images(blobs, train, tmp_path, capsys):
    assert train(tmp_path / "run") == 0
    np.save(tmp_path / "one.npy", np.load(blobs)[:1])
    command = "anomalies {tmp}/run/weights.npz {data} --normal {tmp}/one.npy --out {tmp}/c"
    assert tinyae(command, tmp=tmp_path, data=blobs) == 2
    assert "1 image(s), expected at least 2" in capsys.readouterr().err
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    "damage", [{"image_shape": 3}, {"image_shape": None}, {"preprocessing": 5}, {"options": [1]}]
)
def test_damaged_metadata(damage, blobs, tmp_path, capsys):
    from tinyae.io import save_weights
    from tinyae.models import basic_autoencoder

    metadata = {"model": "basic", "image_shape": [1, 12, 12]} | damage
    save_weights(basic_autoencoder(0, 144), tmp_path / "w.npz", **metadata)
    assert tinyae("reconstruct {tmp}/w.npz {data}", tmp=tmp_path, data=blobs) == 2
    assert "w.npz: its metadata are damaged" in capsys.readouterr().err


def test_weights_of_another_architecture(blobs, tmp_path, capsys):
    from tinyae.io import save_weights
    from tinyae.models import basic_autoencoder

    save_weights(basic_autoencoder(0), tmp_path / "w.npz", model="basic", image_shape=[1, 12, 12])
    assert tinyae("reconstruct {tmp}/w.npz {data}", tmp=tmp_path, data=blobs) == 2
    error = capsys.readouterr().err
    assert "encoder.0.weight" in error and "(512, 784)" in error and "(512, 144)" in error
