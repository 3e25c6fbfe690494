"""``tinyae anomalies``: find the images that a trained model cannot reconstruct."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from tinyae import plots
from tinyae.applications import pca_autoencoder, quantile_threshold, reconstruction_errors, roc_auc
from tinyae.cli.csv_files import quoted, write_lines
from tinyae.cli.inputs import Inputs, Trained, is_training_file, load_images, load_trained
from tinyae.cli.preprocessing import normal_class
from tinyae.data.file_checks import note
from tinyae.data.lazy import LazyArray, subset
from tinyae.io import writable_folder

MOST_FITTED = 20_000  # of the normal images of a large file, PCA is fitted to so many


@dataclass(frozen=True)
class Detection:
    """The errors of images, and which of them are above the threshold."""

    errors: np.ndarray  # (N,)
    threshold: float

    @property
    def above(self) -> np.ndarray:
        return self.errors > self.threshold


def anomalies(args: argparse.Namespace) -> int:
    """Find the images with a larger reconstruction error than most normal images."""
    trained = load_trained(args.weights)
    label = args.normal_label or trained.metadata.get("normal_label")
    images = _images(args, trained, one_class=label is not None)
    if args.normal_label and images.labels is not None:
        normal_class(images.classes, args.normal_label)  # if there is no such class, say so
    normal = _normal_images(args, trained, label)
    model_input = trained.model_input(normal.images)
    normal_errors = reconstruction_errors(trained.model, model_input)
    threshold = quantile_threshold(normal_errors, args.quantile)
    out = writable_folder(args.out)

    x = trained.model_input(images.images)
    found = Detection(reconstruction_errors(trained.model, x), threshold)
    pca = _pca_baseline(trained, images, normal, args.quantile)
    header = ["image", "error", "anomaly", "pca_error", "pca_anomaly"]
    columns = [
        [quoted(name) for name in images.names],
        [f"{error:.8g}" for error in found.errors],
        [f"{flag:d}" for flag in found.above],
        [f"{error:.8g}" for error in pca.errors],
        [f"{flag:d}" for flag in pca.above],
    ]
    if images.labels is not None:
        header.insert(1, "label")
        columns.insert(1, [quoted(images.classes[label]) for label in images.labels])
    rows = [",".join(row) for row in zip(*columns, strict=True)]
    write_lines(out / "errors.csv", [",".join(header), *rows])
    order = found.errors.argsort()[::-1]
    unusual = images.images[order[:12]]
    pair = plots.plot_reconstructions(unusual, trained.reconstruct(unusual))
    plots.save(pair, out / "most-unusual.png")
    largest = ", ".join(f"image {images.names[i]} ({found.errors[i]:.5f})" for i in order[:5])
    print(
        f"threshold {threshold:.6f}: the {args.quantile:g} quantile of the errors of {len(normal)} "
        f"normal images\n{int(found.above.sum())} of {len(images)} images are above it "
        f"({(1 - args.quantile) * len(images):.0f} expected if all were normal)\nPCA, fitted to "
        f"half of the normal images, finds {int(pca.above.sum())}; "
        f"{int((pca.above & found.above).sum())} of them are among those found by the model\n"
        f"largest errors: {largest}"
    )
    _print_auc(images, label, found, pca)
    print(
        f"written to {out}: errors.csv, most-unusual.png (the {len(unusual)} "
        "images with the largest errors)"
    )
    return 0


def _images(args: argparse.Namespace, trained: Trained, one_class: bool) -> Inputs:
    """The images to look at. Of the file that the model was trained on: if it has seen one class
    only, what it has not seen; otherwise all, because the anomalies may be anywhere."""
    if is_training_file(trained, args.images) and not one_class:
        note(
            f"{args.images}: the model was trained on part of these images, and on the anomalies "
            "among them. `tinyae train --normal-label` trains only on the normal ones"
        )
    return load_images(trained, args.images, args.data_dir, args.invert, only_new=one_class)


def _normal_images(args: argparse.Namespace, trained: Trained, label: str | None) -> Inputs:
    """The images that set the threshold: normal ones that the model was not trained on."""
    source = args.normal or trained.metadata.get("data")
    if not source:
        raise ValueError("--normal: name images that are normal; the weight file names no data")
    given_by = f"--normal {source}" if args.normal else f"{source}, the training data"
    try:
        normal = load_images(trained, source, args.data_dir, args.invert, only_new=True)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{given_by}: {error}. --normal names other images") from error
    if normal.labels is not None:
        name = label or normal_class(normal.classes, None)
        if name in normal.classes:
            chosen = normal[normal.are_of(name)]
            if len(chosen) < len(normal):
                print(f"{source}: the {len(chosen)} images of class {name!r} are the normal ones")
            normal = chosen
    if len(normal) < 2:
        raise ValueError(
            f"{given_by}: {len(normal)} image(s), expected at least 2, better several hundred"
        )
    return normal


def _pca_baseline(trained: Trained, images: Inputs, normal: Inputs, quantile: float) -> Detection:
    """PCA with 32 components, or half as many as there are columns: a strong detector that takes a
    second.

    The trained model has not seen the ``normal`` images. PCA is fitted to one half of them; its
    threshold comes from the other half.
    """
    x, rows = (trained.normalized(part.images).reshape(len(part), -1) for part in (images, normal))
    half = max(2, len(rows) // 2)
    if isinstance(rows, LazyArray) and half > MOST_FITTED:  # they have to be in memory
        half = MOST_FITTED
        note(f"PCA is fitted to {half:,} of the {len(rows):,} normal images")
    pca = pca_autoencoder(rows[:half], min(32, half - 1, max(1, rows.shape[1] // 2)))
    held_out = subset(rows, slice(half, None)) if len(rows) > half else rows
    threshold = float(np.quantile(reconstruction_errors(pca, held_out), quantile))
    return Detection(reconstruction_errors(pca, x), threshold)


def _print_auc(images: Inputs, label: str | None, found: Detection, pca: Detection) -> None:
    """The area under the ROC curve, if the labels tell the anomalies."""
    if images.labels is None:
        return
    name = label or normal_class(images.classes, None)
    if name is None:
        note(
            f"no AUC: which of the classes {', '.join(images.classes[:8])} is normal? "
            "Choose it with --normal-label"
        )
        return
    anomalous = ~images.are_of(name)
    n = int(anomalous.sum())
    if n in (0, len(images)):
        note(f"no AUC: {n} of {len(images)} images are anomalies (not of class {name!r})")
        return
    print(
        f"AUC {roc_auc(found.errors, anomalous):.4f} (PCA {roc_auc(pca.errors, anomalous):.4f}): "
        f"{n} anomalies among {len(images)} images; class {name!r} is normal"
    )
