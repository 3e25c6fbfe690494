"""``tinyae reconstruct``, ``denoise`` and ``sample``: make images with trained weights."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from tinyae import plots
from tinyae.applications import denoise_tiles
from tinyae.backend import Array, standard_normal, to_numpy
from tinyae.cli.inputs import Trained, load_images, load_trained
from tinyae.cli.preprocessing import inverted, note_unlike_training
from tinyae.cli.preset_objectives import Model, autoencoder_objective
from tinyae.data.array_files import Arrays, array_entries
from tinyae.data.contents import Reading, contents_of_arrays
from tinyae.data.folders import image_files
from tinyae.data.image_files import read_contents
from tinyae.io import writable_folder, write_atomically
from tinyae.training import evaluate


def reconstruct(args: argparse.Namespace) -> int:
    """Encode and decode images, and measure the error."""
    trained = load_trained(args.weights)
    images = load_images(trained, args.images, args.data_dir, args.invert).images
    x = trained.model_input(images)
    scores = evaluate(trained.model, x)
    out = writable_folder(args.out)

    def reconstructions() -> Iterator[np.ndarray]:
        for start in range(0, len(images), 500):
            y = to_numpy(trained.reconstruct(images[start : start + 500]))
            yield 1 - y if args.invert else y

    first = images[:12]
    y = next(reconstructions())[:12]
    plot = plots.plot_reconstructions(1 - first if args.invert else first, y)
    plots.save(plot, out / "reconstructions.png")
    _save_parts(out / "reconstructions.npy", images.shape, y.dtype, reconstructions())
    has_psnr = trained.normalization is None and 0 <= x.min() and x.max() <= 1  # the peak is 1
    psnr = f", PSNR {scores['psnr']:.2f} dB" if has_psnr else ""
    print(
        f"{len(x)} images: reconstruction MSE {scores['mse']:.5f}{psnr}\n"
        f"written to {out}: reconstructions.npy {images.shape}, "
        f"reconstructions.png (the first {min(12, len(x))})"
    )
    return 0


def _save_parts(
    path: Path, shape: tuple[int, ...], dtype: np.dtype, parts: Iterable[np.ndarray]
) -> None:
    """A .npy file, written part by part: all images may not fit into memory."""

    def write(temporary: Path) -> None:
        descr = np.lib.format.dtype_to_descr(dtype)
        header = {"descr": descr, "fortran_order": False, "shape": shape}
        with temporary.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for part in parts:
                file.write(np.ascontiguousarray(part, dtype).tobytes())

    write_atomically(path, write)


def denoise(args: argparse.Namespace) -> int:
    """Denoise images of any size, tile by tile. Each channel of a color image is denoised."""
    trained = load_trained(args.weights)
    if trained.shape[0] != 1 or trained.shape[1] != trained.shape[2]:
        raise ValueError(
            f"denoise: the model was trained on images of shape {trained.shape}, expected square "
            "gray images, which can serve as tiles"
        )
    if autoencoder_objective(trained.preset.objective).corrupt is None:
        print(
            "note: this model was not trained to remove noise; "
            "`tinyae train denoising-tiles` trains one that is"
        )
    images = _images_of_any_size(Path(args.image), args.color, trained)
    noisy = [inverted(image, args.image) if args.invert else image for image in images]
    note_unlike_training(
        args.image, np.concatenate([x.ravel() for x in noisy]), trained.preprocessing
    )
    tile = trained.shape[-1]
    denoised = [
        np.stack([denoise_tiles(trained.reconstruct, plane, tile, args.step) for plane in image])
        for image in noisy
    ]
    denoised = [1 - image if args.invert else image for image in denoised]
    out = writable_folder(args.out)
    sizes = {image.shape for image in denoised}
    for i, image in enumerate(denoised):
        suffix = "" if len(denoised) == 1 else f"-{i:04d}"
        _write_png(image, out / f"denoised{suffix}.png")
        if len(sizes) > 1:  # one array cannot hold them
            np.save(out / f"denoised{suffix}.npy", _channels_last(image))
    if len(sizes) == 1:
        np.save(out / "denoised.npy", np.stack([_channels_last(image) for image in denoised]))
    height, width = images[0].shape[1:]
    pixels = f"{width}×{height} pixels" if len(sizes) == 1 else "different sizes"
    print(
        f"{len(images)} image(s) of {pixels}, denoised in tiles of {tile}×{tile}; written to {out}"
    )
    return 0


def _images_of_any_size(path: Path, color: bool, trained: Trained) -> list[np.ndarray]:
    """The images of a file or folder, (C, H, W) each."""
    reading = Reading(None, color, trained.scale, partners=False)
    if path.is_dir():
        paths, _ = image_files(path)
        if paths:
            return [read_contents(p, reading).train.images[0] for p in paths]
    if path.suffix.lower() == ".npy" and path.is_file():
        ((_, entry),) = array_entries(path).items()
        if len(entry.shape) == 2:  # elsewhere, these would be rows
            arrays = Arrays(entry.read()[None])
            return [*contents_of_arrays(arrays, path, trained.scale).train.images]
    return [*read_contents(path, reading).train.images]


def _channels_last(image: np.ndarray) -> np.ndarray:
    """(H, W) of a gray image (1, H, W), (H, W, 3) of a color image (3, H, W)."""
    return image[0] if len(image) == 1 else image.transpose(1, 2, 0)


def sample(args: argparse.Namespace) -> int:
    """Decode random codes to new images, with a model whose codes follow N(0, 1)."""
    trained = load_trained(args.weights)
    if not trained.preset.can_sample:
        raise ValueError(
            f"sample: the codes of {args.weights} do not follow a known distribution: train a "
            "model whose codes do, vae or adversarial (chapter 7 shows what happens otherwise)"
        )
    for name, value, least in (("n", args.n, 1), ("seed", args.seed, 0)):
        if value < least:
            raise ValueError(f"--{name} is {value}, expected at least {least}")
    out = writable_folder(args.out)
    x = to_numpy(sample_images(trained.model, args.n, args.seed)).reshape(-1, *trained.shape)
    if trained.normalization is not None:
        x = trained.normalization.undo(x)
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
        pixels = _channels_last(image).clip(0, 1)
        matplotlib.image.imsave(temporary, pixels, cmap="gray", vmin=0, vmax=1, format="png")

    write_atomically(path, write)
