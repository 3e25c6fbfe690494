"""``tinyae anomalies``, ``tinyae map`` and ``tinyae features``: what a trained model has learned, put to use."""

from __future__ import annotations

import argparse

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
from tinyae.cli.inputs import check_shape, named_images, trained
from tinyae.data import load_data
from tinyae.io import read_arrays, writable_folder, write_atomically
from tinyae.layers import Autoencoder


def anomalies(args: argparse.Namespace) -> int:
    preset, shape, model = trained(args.weights)
    images, _, names = named_images(args.images, args.data_dir, shape)
    normal, _, _ = named_images(
        args.normal, args.data_dir, shape, trained_on=read_arrays(args.weights)[1].get("data")
    )
    if len(normal) < 2:
        raise ValueError(
            f"--normal {args.normal}: {len(normal)} picture, expected two at least, and better hundreds"
        )
    threshold = quantile_threshold(
        reconstruction_errors(model, preset.examples(normal)), args.quantile
    )
    out = writable_folder(args.out)

    errors = reconstruction_errors(model, preset.examples(images))
    pca, pca_threshold = _beside_pca(images, normal, args.quantile)
    rows = [
        f"{quoted(name)},{error:.8g},{int(error > threshold)},{other:.8g},{int(other > pca_threshold)}"
        for name, error, other in zip(names, errors, pca, strict=True)
    ]
    header = "picture,error,anomaly,pca_error,pca_anomaly"
    write_atomically(
        out / "errors.csv", lambda path: path.write_text("\n".join([header, *rows]) + "\n")
    )
    order = errors.argsort()[::-1]
    shown = images[order[:12]]
    y = model(preset.examples(shown)).reshape(shown.shape)
    plots.save(plots.plot_reconstructions(shown, y), out / "most-unusual.png")
    found = int((errors > threshold).sum())
    print(
        f"threshold {threshold:.6f}: the {args.quantile:g} quantile of {len(normal)} normal pictures' errors"
    )
    print(
        f"{found} of {len(images)} pictures are above it ({(1 - args.quantile) * len(images):.0f} would be, were all normal)"
    )
    other = pca > pca_threshold
    same = int((other & (errors > threshold)).sum())
    print(
        f"PCA, fitted to half of the normal pictures, finds {int(other.sum())}, of which {same} are among them"
    )
    print(
        "largest errors: " + ", ".join(f"picture {names[i]} ({errors[i]:.5f})" for i in order[:5])
    )
    print(
        f"written to {out}: errors.csv, most-unusual.png (the {len(shown)} with the largest errors)"
    )
    return 0


def quoted(name: str) -> str:
    """A file's name as a field of a CSV file."""
    return '"' + name.replace('"', '""') + '"'


def _beside_pca(images: Array, normal: Array, quantile: float) -> tuple[np.ndarray, float]:
    """The errors by PCA with 32 components, and its threshold. PCA is a strong detector, and takes a second.

    The trained model has not seen ``normal``; PCA sees one half of it, and has its threshold from the other."""
    rows, x = normal.reshape(len(normal), -1), images.reshape(len(images), -1)
    half = max(2, len(rows) // 2)
    pca = pca_autoencoder(rows[:half], min(32, half - 1, rows.shape[1]))
    held = rows[half:] if len(rows) > half else rows
    return reconstruction_errors(pca, x), quantile_threshold(
        reconstruction_errors(pca, held), quantile
    )


def map_codes(args: argparse.Namespace) -> int:
    """Every picture a point of the plane."""
    preset, shape, model = trained(args.weights)
    images, labels, names = named_images(args.images, args.data_dir, shape)
    if args.n < 2 or len(images) < 2:
        raise ValueError(
            f"--n is {args.n} and there are {len(images)} pictures, expected 2 or more"
        )
    images, names, labels = (
        images[: args.n],
        names[: args.n],
        None if labels is None else labels[: args.n],
    )
    z = encode(model.encode, preset.examples(images))
    if z.shape[1] == 2 and args.method is None:
        how, points, file = "its own plane", z, "plane.png"
        ax = plots.plot_latent_plane(model, preset.examples(images), labels, shape=shape)
    else:
        how, file = {"pca": "principal components"}.get(args.method, "t-SNE"), "map.png"
        points = (
            pca_map(z)
            if args.method == "pca"
            else tsne_map(z, min(30.0, max(1.0, (len(z) - 1) / 3)))
        )  # neighbours of few
        ax = plots.plot_codes(points, labels)
        ax.set(
            xlabel="",
            ylabel="",
            xticks=[],
            yticks=[],
            title=f"{how} of the codes of {len(z)} pictures",
        )
    out = writable_folder(args.out)  # now that nothing can go wrong any more
    plots.save(ax, out / file)
    columns = [*points.T] + ([] if labels is None else [labels])
    header = "picture,x,y" + ("" if labels is None else ",label")
    values = [",".join(f"{value:.6g}" for value in row) for row in zip(*columns, strict=True)]
    rows = [f"{quoted(name)},{row}" for name, row in zip(names, values, strict=True)]
    write_atomically(
        out / "map.csv", lambda path: path.write_text("\n".join([header, *rows]) + "\n")
    )
    print(f"{len(z)} codes of {z.shape[1]} numbers, by {how}")
    if labels is not None:
        print(
            f"the nearest neighbour has the same label: {nearest_neighbor_accuracy(z, labels):.1%} of the codes, "
            f"{nearest_neighbor_accuracy(points, labels):.1%} of the points"
        )
    print(f"written to {out}: map.csv, {file}")
    return 0


def features(args: argparse.Namespace) -> int:
    """How much a frozen encoder is worth, beside the pixels and beside an encoder that has learned nothing."""
    preset, shape, model = trained(args.weights)
    data = load_data(args.data, data_dir=args.data_dir)
    check_shape(args.data, data.train, shape)
    if data.train.labels is None:
        raise ValueError(
            f"features: {args.data} has no labels, so nothing can be learned from the features"
        )
    if args.seeds < 1:
        raise ValueError(f"--seeds is {args.seeds}, expected 1 or more")
    x, x_test = preset.examples(data.train.images), preset.examples(data.test.images)

    def codes(model: Autoencoder) -> tuple[Array, Array]:
        return encode(model.encode, x), encode(model.encode, x_test)

    learned = codes(model)  # once: they are the same for all seeds
    ways = {
        "the pixels": lambda seed: (data.train.flat, data.test.flat),
        "random encoder": lambda seed: codes(preset.build(shape, 1000 + seed)),
        "trained encoder": lambda seed: learned,
    }
    print(
        f"a linear classifier on {args.labels:,} labelled pictures, tested on {len(x_test):,}; accuracy in %, mean of "
        f"{args.seeds} seeds (lowest to highest)"
    )
    for name, way in ways.items():
        found = []
        for seed in range(args.seeds):
            z, z_test = way(seed)
            chosen = stratified_subset(data.train.labels, args.labels, seed)
            found.append(
                100
                * linear_probe(
                    z[chosen], data.train.labels[chosen], z_test, data.test.labels, rng=seed
                )
            )
        print(
            f"  {name:<16}{z.shape[1]:>6} numbers{np.mean(found):>9.2f} ({min(found):.2f} to {max(found):.2f})"
        )
    return 0
