"""Commands on a file that is too large for memory do what they do on a small one."""

import numpy as np
import pytest
from helpers.commands import tinyae

from tinyae.data import lazy, strokes
from tinyae.data.lazy import LazyArray
from tinyae.io import read_arrays

DATA = strokes(240, 10, seed=3, size=12)
PIXELS = np.rint(DATA.train.images[:, 0] * 255).astype(np.uint8)


@pytest.fixture
def twice(tmp_path, monkeypatch, capsys):
    """``twice(command)`` runs a command with the file in memory, then with the file as a large one:
    the two output folders, and what was printed."""

    def run(command, name="x", **values):
        outs, texts = [], []
        for size in (1 << 30, 0):
            monkeypatch.setattr(lazy, "IN_MEMORY", size)
            monkeypatch.setattr(lazy, "PART", 50 * 144)
            out = tmp_path / f"{name}-{size}"
            weights = tmp_path / f"weights-{size}" / "weights.npz"
            data = tmp_path / "x.npz"
            options = {"out": out, "weights": weights, "data": data, **values}
            assert tinyae(command, **options) == 0
            outs.append(out)
            texts.append(capsys.readouterr().out.replace(str(out), "OUT"))
        return outs, texts

    np.savez(tmp_path / "x.npz", x=PIXELS, y=DATA.train.labels)
    return run


def trained(twice, options=""):
    command = f"train {options or 'basic'} --data {{data}} --out {{out}} --epochs 1 --quiet"
    return twice(command + " --workers 1 --batch-size 50", name="weights")


@pytest.mark.parametrize(
    "options",
    [
        "basic",
        "basic --invert",
        "basic --normal-label 3 --epochs 1",
        "basic --size 8",
        "conv --size 28",
        "perceptual",
        "denoising",
        "sparse-kl",
    ],
)
def test_training_gives_the_same_weights(options, twice):
    (small, large), _ = trained(twice, options)
    (w, saved), (same_w, same_saved) = (read_arrays(o / "weights.npz") for o in (small, large))
    for key in w:
        np.testing.assert_array_equal(w[key], same_w[key])
    brightness = [s["preprocessing"].pop("brightness") for s in (saved, same_saved)]
    assert brightness[0] == pytest.approx(brightness[1], rel=1e-6)
    assert saved == same_saved


@pytest.mark.parametrize("scale", ["minmax", "standardize"])
def test_training_with_a_normalization(scale, twice):
    (small, large), _ = trained(twice, f"basic --output-layer linear --scale {scale}")
    (_, saved), (_, same) = (read_arrays(out / "weights.npz") for out in (small, large))
    for key in ("shift", "divisor"):
        expected = same["preprocessing"][key]
        np.testing.assert_allclose(saved["preprocessing"][key], expected, rtol=1e-9)


def test_reconstructions_and_anomalies_and_maps_and_probes_are_the_same(twice):
    trained(twice)
    (small, large), texts = twice("reconstruct {weights} {data} --invert --out {out}", "r")
    a, b = (np.load(out / "reconstructions.npy") for out in (small, large))
    np.testing.assert_array_equal(a, b)
    assert a.shape == (240, 1, 12, 12) and texts[0] == texts[1]
    (small, large), texts = twice("anomalies {weights} {data} --normal-label 3 --out {out}", "a")
    assert (small / "errors.csv").read_text() == (large / "errors.csv").read_text()
    assert texts[0].partition("AUC")[2] == texts[1].partition("AUC")[2]
    (small, large), _ = twice("map {weights} {data} --method pca --n 50 --out {out}", "m")
    assert (small / "map.csv").read_text() == (large / "map.csv").read_text()
    _, texts = twice("probe {weights} {data} --labels 50 --seeds 1", "p")
    assert texts[0] == texts[1]


def test_denoising_is_measured_with_some_of_the_test_images(twice, monkeypatch):
    monkeypatch.setattr("tinyae.cli.train.MOST_NOISY", 10)
    _, texts = trained(twice, "denoising")
    assert "the first 10 test images" in texts[1] and "the first" not in texts[0]


def test_a_large_file_that_is_damaged_ends_with_exit_code_2(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(lazy, "IN_MEMORY", 0)
    x = np.where(np.arange(240)[:, None, None] == 77, np.nan, PIXELS / 255)
    np.save(tmp_path / "x.npy", x)
    assert tinyae("train --data {data}", data=tmp_path / "x.npy") == 2
    assert "first in example 77" in capsys.readouterr().err


def test_a_file_that_changes_during_training_ends_with_exit_code_2(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(lazy, "IN_MEMORY", 0)
    path = tmp_path / "x.npy"
    np.save(path, PIXELS)
    read = LazyArray.__getitem__

    def grows(self, index):
        with path.open("ab") as file:
            file.write(b"more")
        return read(self, index)

    monkeypatch.setattr(LazyArray, "__getitem__", grows)
    assert tinyae("train --data {data} --quiet --out {out}", data=path, out=tmp_path / "o") == 2
    assert "x.npy has changed since it was opened" in capsys.readouterr().err
