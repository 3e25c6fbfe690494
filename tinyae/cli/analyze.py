"""``tinyae map`` and ``tinyae probe``: look at the latent codes, and measure them."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from tinyae import plots
from tinyae.applications import (
    encode,
    linear_probe,
    nearest_neighbor_accuracy,
    pca_map,
    stratified_subset,
    tsne_map,
)
from tinyae.backend import Array
from tinyae.cli.csv_files import quoted, write_lines
from tinyae.cli.inputs import Trained, load_images, load_trained
from tinyae.cli.preprocessing import inverted, note_unlike_training
from tinyae.cli.training_data import map_images
from tinyae.data import Dataset, load_data
from tinyae.data.resizing import fit_shape
from tinyae.io import writable_folder


def map_codes(args: argparse.Namespace) -> int:
    """Plot the code of each image as a point in the plane."""
    trained = load_trained(args.weights)
    inputs = load_images(trained, args.images, args.data_dir, args.invert)
    images, labels, names = inputs.images, inputs.labels, inputs.names
    if args.n < 2 or len(images) < 2:
        raise ValueError(
            f"--n is {args.n} and there are {len(images)} images, expected at least 2 of each"
        )
    images, names = images[: args.n], names[: args.n]
    labels = None if labels is None else labels[: args.n]
    z = _codes(trained, trained.model, images)
    if z.shape[1] == 2 and args.method is None:
        method, points, file = "their latent dimensions", z, "plane.png"
        ax = plots.plot_latent_plane(
            trained.model, trained.model_input(images), labels, shape=trained.shape
        )
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
    rows = [f"{quoted(name)},{row}" for name, row in zip(names, values, strict=True)]
    write_lines(out / "map.csv", [header, *rows])
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
    trained = load_trained(args.weights)
    data = _labeled_data(trained, args)
    labels, test_labels = data.train.labels, data.test.labels
    if labels is None or test_labels is None:
        raise ValueError(f"probe: {args.data} has no labels, and a classifier needs them")
    if args.seeds < 1:
        raise ValueError(f"--seeds is {args.seeds}, expected at least 1")

    def codes(model: Any) -> tuple[Array, Array]:
        train, test = data.train.images, data.test.images
        return _codes(trained, model, train), _codes(trained, model, test)

    def untrained(seed: int) -> Any:
        return trained.preset.build_model(trained.shape, 1000 + seed)

    trained_codes = codes(trained.model)  # once, because they are the same for all seeds
    features = {
        "pixels": lambda seed: (data.train.flat, data.test.flat),
        "random encoder": lambda seed: codes(
            trained.preset.build_model(trained.shape, 1000 + seed)
        ),
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


def _labeled_data(trained: Trained, args: argparse.Namespace) -> Dataset:
    """The data of ``probe``, in the shape of the training images."""
    channels, height, width = trained.shape
    data = load_data(
        args.data,
        data_dir=args.data_dir,
        size=(height, width),
        color=channels == 3,
        scale=trained.scale,
    )
    data = map_images(data, lambda images: fit_shape(images, trained.shape, args.data))
    if args.invert:
        data = map_images(data, lambda images: inverted(images, args.data))
    note_unlike_training(args.data, data.train.images, trained.preprocessing)
    return data


def _codes(trained: Trained, model: Any, images: Array) -> Array:
    """The latent codes of images (N, C, H, W) as rows: (N, code)."""
    return encode(model.encode, trained.model_input(images))
