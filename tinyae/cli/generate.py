"""``tinyae reconstruct``, ``tinyae denoise`` and ``tinyae sample``: pictures made with trained weights."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from tinyae import plots
from tinyae.applications import denoise_tiles
from tinyae.backend import Array, standard_normal, to_numpy
from tinyae.cli.inputs import named_images, trained
from tinyae.data import read_images
from tinyae.io import writable_folder, write_atomically
from tinyae.layers import Autoencoder
from tinyae.training import evaluate


def reconstruct(args: argparse.Namespace) -> int:
    preset, shape, model = trained(args.weights)
    images, _, _ = named_images(args.images, args.data_dir, shape)
    out = writable_folder(args.out)

    x = preset.examples(images)
    y = np.concatenate([model(x[i : i + 500]) for i in range(0, len(x), 500)]).reshape(images.shape)
    np.save(out / "reconstructions.npy", to_numpy(y))
    plots.save(plots.plot_reconstructions(images[:12], y[:12]), out / "reconstructions.png")
    scores = evaluate(model, x)
    print(
        f"{len(x)} pictures, MSE {scores['mse']:.5f}, PSNR {scores['psnr']:.2f} dB between them and what became of them"
    )
    print(
        f"written to {out}: reconstructions.npy {y.shape}, reconstructions.png (the first {min(12, len(x))})"
    )
    return 0


def denoise(args: argparse.Namespace) -> int:
    """Pictures of any size, tile by tile."""
    preset, shape, model = trained(args.weights)
    if shape[0] != 1 or shape[1] != shape[2]:
        raise ValueError(
            f"denoise: the model was trained on pictures of {shape}, expected square grey ones, which can be tiles"
        )
    if getattr(preset.objective, "corrupt", None) is None:
        print(
            "note: this model has not learned to remove noise; `tinyae train denoising-tiles` makes one that has"
        )
    pictures = read_images(args.picture, size=None).images[:, 0]  # (N, H, W), any H and W
    out = writable_folder(args.out)

    def clean(tiles: Array) -> Array:
        return model(preset.examples(tiles))

    seen = 1 - pictures if args.invert else pictures
    cleaned = np.stack([denoise_tiles(clean, picture, shape[-1], args.step) for picture in seen])
    cleaned = 1 - cleaned if args.invert else cleaned
    np.save(out / "denoised.npy", cleaned)
    for i, picture in enumerate(cleaned):
        name = "denoised.png" if len(cleaned) == 1 else f"denoised-{i:04d}.png"
        write_atomically(out / name, lambda path, picture=picture: _write_png(picture, path))
    height, width = pictures.shape[1:]
    print(
        f"{len(pictures)} of {width}×{height} pixels, in tiles of {shape[-1]}×{shape[-1]}; written to {out}"
    )
    return 0


def sample(args: argparse.Namespace) -> int:
    """New pictures of a model whose codes can be drawn."""
    preset, shape, model = trained(args.weights)
    if not preset.can_sample:
        raise ValueError(
            f"sample: the codes of {args.weights} do not look like draws of anything known: "
            "train a model whose codes do, vae or adversarial (chapter 7 shows what comes of it else)"
        )
    for name, value, least in (("n", args.n, 1), ("seed", args.seed, 0)):
        if value < least:
            raise ValueError(f"--{name} is {value}, expected {least} or more")
    out = writable_folder(args.out)
    x = to_numpy(drawn(model, args.n, args.seed)).reshape(-1, *shape)
    np.save(out / "samples.npy", x)
    plots.save(plots.plot_images(x[:256]), out / "samples.png")
    print(f"written to {out}: samples.npy {x.shape}, samples.png")
    return 0


def drawn(model: Autoencoder, n: int, seed: int) -> Array:
    """``n`` decoded draws from N(0, 1)."""
    first = next(iter(model.decoder.params.values()))  # a Linear's (hidden, code)
    return model.decode(standard_normal((n, first.shape[1]), first, seed))


def _write_png(picture: np.ndarray, path: Path) -> Any:
    import matplotlib.image

    matplotlib.image.imsave(path, picture.clip(0, 1), cmap="gray", vmin=0, vmax=1, format="png")
