"""``tinyae anomalies``, ``map`` and ``probe``: use and measure what a trained model has learned."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinyae import plots
from tinyae.applications import (
    encode,
    linear_probe,
    nearest_neighbor_accuracy,
    pca_autoencoder,
    pca_map,
    quantile_threshold,
    reconstruction_errors,
    stratified_subset,
    tsne_map,
)
from tinyae.backend import Array
from tinyae.cli.inputs import check_shape, load_images, load_trained
from tinyae.cli.presets import Preset
from tinyae.data import load_data
from tinyae.io import read_arrays, writable_folder, write_atomically


def anomalies(args: argparse.Namespace) -> int:
    """Find the images with a larger reconstruction error than most normal images."""
    preset, shape, model = load_trained(args.weights)
    images, _, names = load_images(args.images, args.data_dir, shape)
    trained_on = read_arrays(args.weights)[1].get("data")
    normal, _, _ = load_images(args.normal, args.data_dir, shape, trained_on)
    if len(normal) < 2:
        raise ValueError(
            f"--normal {args.normal}: {len(normal)} image(s), expected at least 2, "
            "better several hundred"
        )
    normal_errors = reconstruction_errors(model, preset.model_input(normal))
    threshold = quantile_threshold(normal_errors, args.quantile)
    out = writable_folder(args.out)

    errors = reconstruction_errors(model, preset.model_input(images))
    pca_errors, pca_threshold = _pca_baseline(images, normal, args.quantile)
    above, pca_above = errors > threshold, pca_errors > pca_threshold
    rows = [
        f"{_quoted(name)},{error:.8g},{int(flag)},{pca_error:.8g},{int(pca_flag)}"
        for name, error, flag, pca_error, pca_flag in zip(
            names, errors, above, pca_errors, pca_above, strict=True
        )
    ]
    _write_lines(out / "errors.csv", ["image,error,anomaly,pca_error,pca_anomaly", *rows])
    order = errors.argsort()[::-1]
    unusual = images[order[:12]]
    y = model(preset.model_input(unusual)).reshape(unusual.shape)
    plots.save(plots.plot_reconstructions(unusual, y), out / "most-unusual.png")
    largest = ", ".join(f"image {names[i]} ({errors[i]:.5f})" for i in order[:5])
    print(
        f"threshold {threshold:.6f}: the {args.quantile:g} quantile of the errors of {len(normal)} "
        f"normal images\n{int(above.sum())} of {len(images)} images are above it "
        f"({(1 - args.quantile) * len(images):.0f} expected if all were normal)\nPCA, fitted to "
        f"half of the normal images, finds {int(pca_above.sum())}; "
        f"{int((pca_above & above).sum())} of them are among those found by the model\nlargest "
        f"errors: {largest}\nwritten to {out}: errors.csv, most-unusual.png (the {len(unusual)} "
        "images with the largest errors)"
    )
    return 0


def _pca_baseline(images: Array, normal: Array, quantile: float) -> tuple[np.ndarray, float]:
    """``errors, threshold`` of PCA with 32 components, a strong detector that takes a second.

    The trained model has not seen the ``normal`` images. PCA is fitted to one half of them; its
    threshold comes from the other half.
    """
    rows, x = normal.reshape(len(normal), -1), images.reshape(len(images), -1)
    half = max(2, len(rows) // 2)
    pca = pca_autoencoder(rows[:half], min(32, half - 1, rows.shape[1]))
    held_out = rows[half:] if len(rows) > half else rows
    threshold = quantile_threshold(reconstruction_errors(pca, held_out), quantile)
    return reconstruction_errors(pca, x), threshold


def map_codes(args: argparse.Namespace) -> int:
    """Plot the code of each image as a point in the plane."""
    preset, shape, model = load_trained(args.weights)
    images, labels, names = load_images(args.images, args.data_dir, shape)
    if args.n < 2 or len(images) < 2:
        raise ValueError(
            f"--n is {args.n} and there are {len(images)} images, expected at least 2 of each"
        )
    images, names = images[: args.n], names[: args.n]
    labels = None if labels is None else labels[: args.n]
    z = _codes(preset, model, images)
    if z.shape[1] == 2 and args.method is None:
        method, points, file = "their latent dimensions", z, "plane.png"
        ax = plots.plot_latent_plane(model, preset.model_input(images), labels, shape=shape)
    else:
        file = "map.png"
        if args.method == "pca":
            method, points = "principal components", pca_map(z)
        else:
            perplexity = min(30.0, max(1.0, (len(z) - 1) / 3))  # t-SNE needs more images than this
            method, points = "t-SNE", tsne_map(z, perplexity)
        ax = plots.plot_codes(points, labels)
        title = f"{method} of the codes of {len(z)} images"
        ax.set(xlabel="", ylabel="", xticks=[], yticks=[], title=title)
    out = writable_folder(args.out)  # only now, when the images and options are known to be good
    plots.save(ax, out / file)
    columns = [*points.T] + ([] if labels is None else [labels])
    header = "image,x,y" + ("" if labels is None else ",label")
    values = [",".join(f"{value:.6g}" for value in row) for row in zip(*columns, strict=True)]
    rows = [f"{_quoted(name)},{row}" for name, row in zip(names, values, strict=True)]
    _write_lines(out / "map.csv", [header, *rows])
    print(f"{len(z)} codes with {z.shape[1]} dimensions, plotted by {method}")
    if labels is not None:
        of_codes, of_points = (nearest_neighbor_accuracy(a, labels) for a in (z, points))
        print(
            f"the nearest neighbor has the same label for {of_codes:.1%} of the codes "
            f"and {of_points:.1%} of the points"
        )
    print(f"written to {out}: map.csv, {file}")
    return 0


def probe(args: argparse.Namespace) -> int:
    """Linear-probe accuracy of the codes, of the pixels, and of an untrained encoder's codes."""
    preset, shape, model = load_trained(args.weights)
    data = load_data(args.data, data_dir=args.data_dir)
    check_shape(args.data, data.train, shape)
    labels, test_labels = data.train.labels, data.test.labels
    if labels is None or test_labels is None:
        raise ValueError(f"probe: {args.data} has no labels, and a classifier needs them")
    if args.seeds < 1:
        raise ValueError(f"--seeds is {args.seeds}, expected at least 1")

    def codes(model: Any) -> tuple[Array, Array]:
        return _codes(preset, model, data.train.images), _codes(preset, model, data.test.images)

    trained_codes = codes(model)  # once, because they are the same for all seeds
    features = {
        "pixels": lambda seed: (data.train.flat, data.test.flat),
        "random encoder": lambda seed: codes(preset.build_model(shape, 1000 + seed)),
        "trained encoder": lambda seed: trained_codes,
    }
    print(
        f"accuracy in % of a linear classifier trained with {args.labels:,} labels, on "
        f"{len(data.test):,} test images: mean of {args.seeds} seeds (lowest to highest)"
    )
    for name, features_for in features.items():
        accuracies = []
        for seed in range(args.seeds):
            z, z_test = features_for(seed)
            chosen = stratified_subset(labels, args.labels, seed)
            accuracy = linear_probe(z[chosen], labels[chosen], z_test, test_labels, rng=seed)
            accuracies.append(100 * accuracy)
        print(
            f"  {name:<16}{z.shape[1]:>6} dimensions{np.mean(accuracies):>9.2f} "
            f"({min(accuracies):.2f} to {max(accuracies):.2f})"
        )
    return 0


def _codes(preset: Preset, model: Any, images: Array) -> Array:
    """The latent codes of images (N, C, H, W) as rows: (N, code)."""
    return encode(model.encode, preset.model_input(images))


def _quoted(name: str) -> str:
    """A file name as a field of a CSV file."""
    return '"' + name.replace('"', '""') + '"'


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    def write(temporary: Path) -> None:
        temporary.write_text("\n".join(lines) + "\n")

    write_atomically(path, write)
