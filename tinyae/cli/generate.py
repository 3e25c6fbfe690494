"""``tinyae reconstruct``, ``denoise`` and ``sample``: make images with trained weights."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from tinyae import plots
from tinyae.applications import denoise_tiles
from tinyae.backend import Array, standard_normal, to_numpy
from tinyae.cli.inputs import load_images, load_trained
from tinyae.cli.preset_objectives import Model, autoencoder_objective
from tinyae.data import read_images
from tinyae.io import writable_folder, write_atomically
from tinyae.training import evaluate


def reconstruct(args: argparse.Namespace) -> int:
    """Encode and decode images, and measure the error."""
    preset, shape, model = load_trained(args.weights)
    images, _, _ = load_images(args.images, args.data_dir, shape)
    out = writable_folder(args.out)

    x = preset.model_input(images)
    y = np.concatenate([model(x[i : i + 500]) for i in range(0, len(x), 500)]).reshape(images.shape)
    np.save(out / "reconstructions.npy", to_numpy(y))
    plots.save(plots.plot_reconstructions(images[:12], y[:12]), out / "reconstructions.png")
    scores = evaluate(model, x)
    print(
        f"{len(x)} images: reconstruction MSE {scores['mse']:.5f}, PSNR {scores['psnr']:.2f} dB\n"
        f"written to {out}: reconstructions.npy {y.shape}, "
        f"reconstructions.png (the first {min(12, len(x))})"
    )
    return 0


def denoise(args: argparse.Namespace) -> int:
    """Denoise images of any size, tile by tile."""
    preset, shape, model = load_trained(args.weights)
    if shape[0] != 1 or shape[1] != shape[2]:
        raise ValueError(
            f"denoise: the model was trained on images of shape {shape}, expected square gray "
            "images, which can serve as tiles"
        )
    if autoencoder_objective(preset.objective).corrupt is None:
        print(
            "note: this model was not trained to remove noise; "
            "`tinyae train denoising-tiles` trains one that is"
        )
    images = read_images(args.image, size=None).images[:, 0]  # (N, H, W), any H and W
    out = writable_folder(args.out)

    def clean(tiles: Array) -> Array:
        return model(preset.model_input(tiles))

    noisy = 1 - images if args.invert else images
    denoised = np.stack([denoise_tiles(clean, image, shape[-1], args.step) for image in noisy])
    denoised = 1 - denoised if args.invert else denoised
    np.save(out / "denoised.npy", denoised)
    for i, image in enumerate(denoised):
        name = "denoised.png" if len(denoised) == 1 else f"denoised-{i:04d}.png"
        _write_png(image, out / name)
    height, width = images.shape[1:]
    print(
        f"{len(images)} image(s) of {width}×{height} pixels, denoised in tiles of "
        f"{shape[-1]}×{shape[-1]}; written to {out}"
    )
    return 0


def sample(args: argparse.Namespace) -> int:
    """Decode random codes to new images, with a model whose codes follow N(0, 1)."""
    preset, shape, model = load_trained(args.weights)
    if not preset.can_sample:
        raise ValueError(
            f"sample: the codes of {args.weights} do not follow a known distribution: train a "
            "model whose codes do, vae or adversarial (chapter 7 shows what happens otherwise)"
        )
    for name, value, least in (("n", args.n, 1), ("seed", args.seed, 0)):
        if value < least:
            raise ValueError(f"--{name} is {value}, expected at least {least}")
    out = writable_folder(args.out)
    x = to_numpy(sample_images(model, args.n, args.seed)).reshape(-1, *shape)
    np.save(out / "samples.npy", x)
    plots.save(plots.plot_images(x[:256]), out / "samples.png")
    print(f"written to {out}: samples.npy {x.shape}, samples.png")
    return 0


def sample_images(model: Model, n: int, seed: int) -> Array:
    """Decode ``n`` codes sampled from N(0, 1): (N, ...) in the shape of the model's output."""
    weight = next(iter(model.decoder.params.values()))  # a Linear's: (hidden, code)
    return model.decode(standard_normal((n, weight.shape[1]), weight, seed))


def _write_png(image: np.ndarray, path: Path) -> None:
    import matplotlib.image

    def write(temporary: Path) -> None:
        pixels = image.clip(0, 1)
        matplotlib.image.imsave(temporary, pixels, cmap="gray", vmin=0, vmax=1, format="png")

    write_atomically(path, write)
