"""Data of users on the command line: options of ``tinyae train``, and what later commands do with
what the weight file remembers."""

import csv
import re

import numpy as np
import pytest
from helpers.commands import tinyae

from tinyae.io import read_arrays


def rows_of(path):
    return list(csv.DictReader(path.open(encoding="utf-8")))


@pytest.fixture
def run(tmp_path, capsys):
    """``run("train basic --data {tmp}/x.npz --epochs 1")``: the exit code and the text."""

    def go(command):
        if command.startswith("train"):
            command += " --quiet --workers 1"
        capsys.readouterr()
        code = tinyae(command, tmp=tmp_path)
        output = capsys.readouterr()
        return code, output.out + output.err

    return go


def table(n=400, anomalies=30, columns=12, seed=0):
    """Rows near a plane, and anomalies that are not: x and y."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)) @ rng.normal(size=(3, columns))
    x = np.concatenate([x, 3 * rng.normal(size=(anomalies, columns))])
    y = np.r_[np.zeros(n, int), np.ones(anomalies, int)]
    order = rng.permutation(len(x))
    return x[order], y[order]


# ---- tables -------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["linear", "basic --output-layer linear"])
def test_from_a_file_of_x_and_y_to_the_auc_in_two_commands(model, run, tmp_path):
    x, y = table()
    np.savez(tmp_path / "z.npz", X=(x - x.mean(axis=0)) / x.std(axis=0), y=y)
    train = f"train {model} --data {{tmp}}/z.npz --normal-label 0 --epochs 40 --lr 0.01"
    code, text = run(f"{train} --batch-size 32 --out {{tmp}}/run")
    assert code == 0 and "360 train + 40 test" in text and "PSNR" not in text
    code, text = run("anomalies {tmp}/run/weights.npz {tmp}/z.npz --out {tmp}/a")
    assert code == 0, text
    assert float(re.search(r"AUC (\S+) \(PCA (\S+)\): 30 anomalies", text)[1]) > 0.9
    rows = rows_of(tmp_path / "a" / "errors.csv")
    assert list(rows[0]) == ["image", "label", "error", "anomaly", "pca_error", "pca_anomaly"]
    assert len(rows) == 40 + 30  # the normal ones that it was not trained on, and the anomalies
    for row in rows:
        assert int(row["label"]) == y[int(row["image"])]


def test_without_a_normal_label_all_are_looked_at_and_it_is_said(run, tmp_path):
    x, y = table()
    np.savez(tmp_path / "z.npz", data=x / x.std(), target=y)
    assert run("train linear --data {tmp}/z.npz --epochs 5 --out {tmp}/run")[0] == 0
    code, text = run("anomalies {tmp}/run/weights.npz {tmp}/z.npz --out {tmp}/a")
    assert code == 0 and "30 anomalies among 430 images; class '0' is normal" in text
    assert "trained on part of these images, and on the anomalies" in text


@pytest.mark.parametrize("kind", ["minmax", "standardize"])
def test_columns_of_any_range_are_normalized_and_the_file_remembers_how(kind, run, tmp_path):
    x, y = table()
    x = x * np.geomspace(1e-2, 1e4, 12) + 7
    np.savez(tmp_path / "x.npz", X=x, y=y)
    layer = "sigmoid" if kind == "minmax" else "linear"
    train = f"train basic --data {{tmp}}/x.npz --scale {kind} --output-layer {layer} --epochs 1"
    assert run(f"{train} --out {{tmp}}/run")[0] == 0
    saved = read_arrays(tmp_path / "run" / "weights.npz")[1]["preprocessing"]
    shift, divisor = np.array(saved["shift"]).ravel(), np.array(saved["divisor"]).ravel()
    expected = (x.min(axis=0), np.ptp(x, axis=0)) if kind == "minmax" else (x.mean(0), x.std(0))
    np.testing.assert_allclose((shift, divisor), expected, rtol=1e-4)
    np.savez(tmp_path / "few.npz", X=x[:50], y=y[:50])  # with other extremes of its own
    assert run("reconstruct {tmp}/run/weights.npz {tmp}/few.npz --out {tmp}/r")[0] == 0
    model = tmp_path / "run" / "weights.npz"
    from tinyae.cli.inputs import load_trained

    trained = load_trained(model)
    z = ((x[:50] - shift) / divisor).astype(np.float32)
    y_hat = trained.model(z) * divisor + shift
    written = np.load(tmp_path / "r" / "reconstructions.npy").reshape(50, 12)
    np.testing.assert_allclose(written, y_hat, rtol=1e-3, atol=1e-3)


def test_data_out_of_range_get_options_that_help(run, tmp_path):
    x, _ = table()
    for name, array, advice in (
        ("z", x / x.std(), "--scale minmax or --output-layer linear"),
        ("raw", x * 1e4, "--scale minmax or --scale standardize --output-layer linear"),
        ("sixteen", np.random.default_rng(0).integers(0, 17, (40, 8, 8)) / 1.0, "--scale 16 or"),
        ("pixels", np.random.default_rng(0).integers(0, 256, (40, 8, 8)) / 1.0, "--scale 255 or"),
    ):
        np.save(tmp_path / f"{name}.npy", array)
        command = f"train basic --data {{tmp}}/{name}.npy --epochs 1 --out {{tmp}}/{name}"
        code, text = run(command)
        assert code == 2 and f"choose {advice}" in text, text
        assert not (tmp_path / name).exists()
        chosen = text.split("choose ")[1].split(" or ")
        for way in chosen:  # each of them helps
            assert run(f"{command} {way.strip()}")[0] == 0, way
    code, text = run("train vae --data {tmp}/z.npy --epochs 1 --out {tmp}/v")
    assert code == 2 and "another model, such as basic --output-layer linear" in text


def test_noise_for_z_scores_is_not_clipped(run, tmp_path):
    np.save(tmp_path / "z.npy", table()[0] / 3)
    command = "train denoising --data {tmp}/z.npy --output-layer linear --epochs 1 --out {tmp}/run"
    assert run(command)[0] == 0


def test_a_table_with_few_columns_gets_a_smaller_code(run, tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((60, 9)))
    for model, code in (("linear", 4), ("basic", 4), ("adversarial", 8)):
        text = run(f"train {model} --data {{tmp}}/x.npy --epochs 1 --out {{tmp}}/{model}")[1]
        assert re.search(rf"Linear\(\d+ → {code}\)", text), text


# ---- the range of integers ----------------------------------------------------------------------


def test_small_integers_are_divided_by_the_same_number_later(run, tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", rng.integers(0, 17, (60, 8, 8)))
    np.save(tmp_path / "later.npy", rng.integers(0, 9, (20, 8, 8)))
    code, text = run("train basic --data {tmp}/x.npy --epochs 1 --out {tmp}/run")
    assert code == 0 and "integers from 0 to 16: divided by 16" in text
    code, text = run("map {tmp}/run/weights.npz {tmp}/later.npy --method pca --out {tmp}/m")
    assert code == 0 and "divided by" not in text
    from tinyae.cli.inputs import load_images, load_trained

    trained = load_trained(tmp_path / "run" / "weights.npz")
    images = load_images(trained, str(tmp_path / "later.npy"), None, invert=False).images
    assert images.max() == 0.5


# ---- images -------------------------------------------------------------------------------------


@pytest.fixture
def photos(tmp_path):
    """Color photos of mixed sizes: red ones and blue ones."""
    Image = pytest.importorskip("PIL.Image", reason="pillow is not installed")
    rng = np.random.default_rng(0)
    for channel, name in ((0, "red"), (2, "blue")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(20):
            height, width = rng.integers(25, 60, 2)
            photo = rng.integers(0, 50, (height, width, 3), dtype=np.uint8)
            photo[..., channel] += 150
            Image.fromarray(photo).save(tmp_path / "photos" / name / f"{i}.jpg")
    return tmp_path / "photos"


def test_color_photos_of_mixed_sizes_train_and_are_reconstructed_in_color(photos, run, tmp_path):
    train = "train basic --data {tmp}/photos --color --size 12 --epochs 60 --lr 0.003"
    code, text = run(f"{train} --out {{tmp}}/run")
    assert code == 0 and "of 3×12×12, 2 classes" in text
    assert run("reconstruct {tmp}/run/weights.npz {tmp}/photos/red --out {tmp}/r")[0] == 0
    y = np.load(tmp_path / "r" / "reconstructions.npy")
    assert y.shape == (20, 3, 12, 12)
    red, _, blue = y.mean(axis=(0, 2, 3))
    assert red > 0.5 > 0.3 > blue


def test_resuming_remembers_the_data_options(photos, run, tmp_path):
    train = "train basic --data {tmp}/photos --color --size 10 --epochs 1 --out {tmp}/run"
    assert run(train)[0] == 0
    code, text = run("train basic --out {tmp}/run --epochs 2 --resume")
    assert code == 0 and "of 3×10×10" in text
    code, text = run("train basic --out {tmp}/run --epochs 2 --resume --size 11")
    assert code == 2 and "size = 10" in text


def test_images_are_brought_to_the_shape_of_the_training_images(photos, run, tmp_path):
    np.save(tmp_path / "gray.npy", np.random.default_rng(0).random((30, 9, 13)))
    assert run("train basic --data {tmp}/gray.npy --epochs 1 --out {tmp}/run")[0] == 0
    np.save(tmp_path / "color.npy", np.random.default_rng(0).random((5, 20, 20, 3)))
    for source, n in (("color.npy", 5), ("photos", 40), ("photos/red/0.jpg", 1)):
        code, text = run(f"reconstruct {{tmp}}/run/weights.npz {{tmp}}/{source} --out {{tmp}}/r")
        assert code == 0, text
        assert np.load(tmp_path / "r" / "reconstructions.npy").shape == (n, 1, 9, 13)
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).random((5, 118)))
    code, text = run("reconstruct {tmp}/run/weights.npz {tmp}/rows.npy --out {tmp}/r")
    assert code == 2 and "rows of a table cannot be resized" in text


def blobs(n=40, size=12, seed=0):
    rng = np.random.default_rng(seed)
    center = rng.uniform(3, size - 3, (n, 2, 1, 1))
    i, j = np.mgrid[:size, :size]
    distance = (i - center[:, 0]) ** 2 + (j - center[:, 1]) ** 2
    return np.exp(-distance / 6).astype(np.float32)


@pytest.mark.parametrize(
    "command",
    [
        "reconstruct {tmp}/run/weights.npz {tmp}/dark.npy",
        "denoise {tmp}/run/weights.npz {tmp}/dark.npy",
        "anomalies {tmp}/run/weights.npz {tmp}/dark.npy --normal {tmp}/dark.npy",
        "map {tmp}/run/weights.npz {tmp}/dark.npy --method pca",
        "probe {tmp}/run/weights.npz {tmp}/dark-labeled.npz --labels 9",
    ],
)
def test_dark_ink_on_white_paper_gets_a_note_and_can_be_inverted(command, run, tmp_path):
    x = blobs()
    np.save(tmp_path / "light.npy", x)
    np.save(tmp_path / "dark.npy", 1 - x)
    np.savez(tmp_path / "dark-labeled.npz", images=1 - x, labels=np.arange(40) % 3)
    assert run("train basic --data {tmp}/light.npy --epochs 1 --out {tmp}/run")[0] == 0
    command += "" if command.startswith("probe") else " --out {tmp}/out"
    code, text = run(command)
    assert code == 0 and "Are light and dark swapped? --invert swaps them" in text, text
    code, text = run(f"{command} --invert")
    assert code == 0 and "--invert" not in text, text
    assert "--invert" not in run(command.replace("dark.npy", "light.npy"))[1] or "probe" in command


def test_inverted_images_come_back_as_they_were(run, tmp_path):
    x = blobs()
    np.save(tmp_path / "light.npy", x)
    np.save(tmp_path / "dark.npy", 1 - x)
    command = "train basic --data {tmp}/dark.npy --invert --epochs 1 --out {tmp}/run"
    assert run(command)[0] == 0
    out = tmp_path / "r" / "reconstructions.npy"
    assert run("reconstruct {tmp}/run/weights.npz {tmp}/dark.npy --invert --out {tmp}/r")[0] == 0
    dark = np.load(out)
    assert run("reconstruct {tmp}/run/weights.npz {tmp}/light.npy --out {tmp}/r")[0] == 0
    np.testing.assert_allclose(1 - dark, np.load(out), atol=1e-5)
    np.save(tmp_path / "z.npy", x * 9 - 4)
    code, text = run("train linear --data {tmp}/z.npy --invert --epochs 1 --out {tmp}/z")
    assert code == 2 and "--invert is for images in [0, 1]" in text


def test_each_channel_of_a_color_image_is_denoised(photos, run, tmp_path):
    np.save(tmp_path / "light.npy", blobs())
    assert run("train denoising --data {tmp}/light.npy --epochs 1 --out {tmp}/run")[0] == 0
    page = np.random.default_rng(0).random((1, 20, 30, 3)).astype(np.float32)
    np.save(tmp_path / "page.npy", page)
    np.save(tmp_path / "planes.npy", page[0].transpose(2, 0, 1)[:, None])
    for name in ("page", "planes"):
        assert (
            run(f"denoise {{tmp}}/run/weights.npz {{tmp}}/{name}.npy --out {{tmp}}/{name}")[0] == 0
        )
    color = np.load(tmp_path / "page" / "denoised.npy")
    assert color.shape == (1, 20, 30, 3)
    planes = np.load(tmp_path / "planes" / "denoised.npy")
    np.testing.assert_allclose(color[0].transpose(2, 0, 1), planes, atol=1e-6)
    code, text = run("denoise {tmp}/run/weights.npz {tmp}/photos/red --color --out {tmp}/many")
    assert code == 0 and "20 image(s) of different sizes" in text
    assert np.load(tmp_path / "many" / "denoised-0003.npy").shape[2] == 3
    np.save(tmp_path / "one.npy", page[0, ..., 0])  # (H, W): one image, not rows
    assert run("denoise {tmp}/run/weights.npz {tmp}/one.npy --out {tmp}/one")[0] == 0
    assert np.load(tmp_path / "one" / "denoised.npy").shape == (1, 20, 30)


# ---- anomaly detection --------------------------------------------------------------------------


@pytest.fixture
def bottle(tmp_path):
    """A small data set in the layout of MVTec."""
    Image = pytest.importorskip("PIL.Image", reason="pillow is not installed")
    rng = np.random.default_rng(0)
    for sub, n in (("train/good", 40), ("test/good", 21), ("test/scratch", 8)):
        (tmp_path / "bottle" / sub).mkdir(parents=True)
        for i in range(n):
            image = 100 + rng.integers(0, 30, (30, 30), dtype=np.uint8)
            if "scratch" in sub:
                image[10:13, 3:27] = 255
            Image.fromarray(image).save(tmp_path / "bottle" / sub / f"{i:03}.png")
    return tmp_path / "bottle"


def test_mvtec_gives_an_auc(bottle, run, tmp_path):
    code, text = run("train basic --data {tmp}/bottle --epochs 5 --out {tmp}/run")
    assert code == 0 and "trains on 'good' alone" in text and "40 train + 21 test" in text
    code, text = run("anomalies {tmp}/run/weights.npz {tmp}/bottle --out {tmp}/a")
    assert code == 0 and "8 anomalies among 29 images; class 'good' is normal" in text
    assert float(re.search(r"AUC (\S+)", text)[1]) > 0.95
    labels = [row["label"] for row in rows_of(tmp_path / "a" / "errors.csv")]
    assert labels == ["good"] * 21 + ["scratch"] * 8
    code, text = run(
        "anomalies {tmp}/run/weights.npz {tmp}/bottle/test/scratch --normal {tmp}/bottle "
        "--out {tmp}/a"
    )
    assert code == 0 and "8 of 8 images are above it" in text


def test_the_normal_class_is_asked_for_where_it_is_not_clear(run, tmp_path):
    x, labels = blobs(90), np.arange(90) % 3
    np.savez(tmp_path / "three.npz", X=x, y=labels)
    assert run("train basic --data {tmp}/three.npz --epochs 1 --out {tmp}/run")[0] == 0
    anomalies = "anomalies {tmp}/run/weights.npz {tmp}/three.npz --out {tmp}/a"
    code, text = run(anomalies)
    assert code == 0 and "which of the classes 0, 1, 2 is normal? Choose it" in text
    code, text = run(f"{anomalies} --normal-label 2")
    assert code == 0 and "class '2' is normal" in text and "AUC" in text
    for command in (anomalies, "train basic --data {tmp}/three.npz --out {tmp}/x"):
        code, text = run(f"{command} --normal-label 7")
        assert code == 2 and "unknown class '7'" in text
    np.save(tmp_path / "plain.npy", x)
    code, text = run("train basic --data {tmp}/plain.npy --normal-label 1 --out {tmp}/x")
    assert code == 2 and "has no labels" in text


def test_one_class_of_a_named_data_set(run, tmp_path):
    train = "train basic --data digits8 --normal-label 0 --epochs 10 --out {tmp}/run"
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    assert run(train)[0] == 0
    code, text = run("anomalies {tmp}/run/weights.npz digits8 --out {tmp}/a")
    assert code == 0 and "class '0' is normal" in text
    assert float(re.search(r"AUC (\S+)", text)[1]) > 0.8


def test_a_threshold_from_too_few_images_is_remarked_on(run, tmp_path):
    np.save(tmp_path / "x.npy", blobs(60))
    np.save(tmp_path / "ten.npy", blobs(10, seed=1))
    assert run("train basic --data {tmp}/x.npy --epochs 1 --out {tmp}/run")[0] == 0
    anomalies = "anomalies {tmp}/run/weights.npz {tmp}/x.npy --normal {tmp}/ten.npy --out {tmp}/a"
    code, text = run(f"{anomalies} --quantile 0.999")
    assert code == 0 and "the 0.999 quantile of only 10 errors" in text and "1000 normal" in text
    assert "quantile of only" not in run(f"{anomalies} --quantile 0.9")[1]


def test_formats_are_listed(run):
    code, text = run("info --formats")
    assert code == 0 and ".heic" in text and "train/good/" in text and "BLAS" not in text
