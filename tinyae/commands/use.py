"""``tinyae reconstruct`` and ``tinyae anomalies``: what one does with trained weights."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from tinyae import plots
from tinyae.applications import reconstruction_errors, threshold_from
from tinyae.backend import to_numpy
from tinyae.data import NAMES, load_data, read_images
from tinyae.files import writable_folder, write_atomically
from tinyae.recipes import Recipe
from tinyae.recipes import recipe as recipe_of
from tinyae.training import evaluate
from tinyae.weights import load_weights, read_arrays


def reconstruct(args: argparse.Namespace) -> int:

    recipe, shape, model = _trained(args.weights)
    images = _images(args.images, args.data_dir, shape)
    out = writable_folder(args.out)

    x = recipe.examples(images)
    y = np.concatenate([model(x[i : i + 500]) for i in range(0, len(x), 500)]).reshape(images.shape)
    np.save(out / "reconstructions.npy", to_numpy(y))
    plots.save(plots.plot_reconstructions(images[:12], y[:12]), out / "reconstructions.png")
    scores = evaluate(model, x)
    print(f"{len(x)} pictures, MSE {scores['mse']:.5f}, PSNR {scores['psnr']:.2f} dB")
    print(f"written to {out}: reconstructions.npy {y.shape}, reconstructions.png (the first {min(12, len(x))})")
    return 0


def anomalies(args: argparse.Namespace) -> int:
    recipe, shape, model = _trained(args.weights)
    images, normal = (_images(name, args.data_dir, shape) for name in (args.images, args.normal))
    threshold = threshold_from(reconstruction_errors(model, recipe.examples(normal)), args.quantile)
    out = writable_folder(args.out)

    errors = reconstruction_errors(model, recipe.examples(images))
    rows = [f"{i},{error:.8g},{int(error > threshold)}" for i, error in enumerate(errors)]
    write_atomically(out / "errors.csv", lambda path: path.write_text("\n".join(["picture,error,anomaly", *rows]) + "\n"))
    order = errors.argsort()[::-1]
    shown = images[order[:12]]
    y = model(recipe.examples(shown)).reshape(shown.shape)
    plots.save(plots.plot_reconstructions(shown, y), out / "most-unusual.png")
    found = int((errors > threshold).sum())
    print(f"threshold {threshold:.6f}: the {args.quantile:g} quantile of {len(normal)} normal pictures' errors")
    print(f"{found} of {len(images)} pictures are above it ({(1 - args.quantile) * len(images):.0f} would be, were all normal)")
    print("largest errors: " + ", ".join(f"picture {i} ({errors[i]:.5f})" for i in order[:5]))
    print(f"written to {out}: errors.csv, most-unusual.png (the {len(shown)} with the largest errors)")
    return 0


def _trained(path: str) -> tuple[Recipe, tuple[int, ...], Any]:
    """``recipe, image_shape, model`` of a weight file that ``tinyae train`` has written."""
    _, about = read_arrays(path)
    if "model" not in about:
        raise ValueError(f"{path} does not say which model it belongs to: only files written by `tinyae train` do")
    recipe, shape = recipe_of(about["model"]), tuple(about["image_shape"])
    model = recipe.build(shape, 0)
    load_weights(model, path)
    return recipe, shape, model


def _images(name: str, data_dir: str | None, shape: tuple[int, ...]) -> Any:
    """Pictures of a file or folder, or the test part of a data set; all of ``shape``."""
    if name.lower().replace("-", "_") in NAMES:
        images = load_data(name, data_dir=data_dir).test.images
    else:
        images = read_images(name, size=shape[-1]).images
    if images.shape[1:] != shape:
        raise ValueError(f"{name}: pictures of {images.shape[1:]}, but the model was trained on {shape}")
    return images
