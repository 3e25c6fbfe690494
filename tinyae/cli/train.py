"""``tinyae train``: from a name to weights, a history and pictures."""

from __future__ import annotations

import argparse
import shlex
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tinyae import plots
from tinyae.backend import Array, to_device, to_numpy
from tinyae.cli.generate import drawn
from tinyae.cli.presets import Preset, named
from tinyae.cli.presets import preset as preset_of
from tinyae.data import Dataset, load_data
from tinyae.io import save_weights, writable_folder
from tinyae.layers import KSparse, leaves, summary
from tinyae.objectives.autoencoder import Objective
from tinyae.optim import Adam
from tinyae.penalties import KLSparsity, jacobian_norms, normalized_contraction
from tinyae.training import History, evaluate, fit
from tinyae.training.checkpoint import read_checkpoint

CHECKPOINT = "checkpoint.npz"
OPTIONS = {
    "contraction": None,
    "noise": None,
    "beta": None,
    "rho": None,
    "k": None,
}  # None: what the preset says
DEFAULTS = {"data": "strokes", "batch_size": 128, "lr": 1e-3, "seed": 0, "workers": None, **OPTIONS}


def train(args: argparse.Namespace) -> int:
    args.model = named(args.model, args.architecture)
    preset = preset_of(args.model)
    epochs = preset.epochs if args.epochs is None else args.epochs
    for name, least in {"epochs": 0, "batch_size": 1, "seed": 0, "workers": 1}.items():
        value = epochs if name == "epochs" else getattr(args, name)
        if value is not None and value < least:
            raise ValueError(f"--{name.replace('_', '-')} is {value}, expected {least} or more")
    if args.device == "gpu":
        to_device(np.zeros(1), "gpu")  # complains now rather than after the data are loaded
    out = Path(args.out or f"runs/{args.model}-{Path(args.data or DEFAULTS['data']).stem}")
    settings = _settings(args, out / CHECKPOINT)
    options = {key: settings[key] for key in OPTIONS if settings[key] is not None}
    preset = preset.with_options(**options)
    data = load_data(settings["data"], data_dir=args.data_dir)
    out, started = writable_folder(out), time.time() - 2  # a file's time may be a little coarse
    if (out / CHECKPOINT).exists() and not args.resume:
        print(
            f"note: {out} holds an earlier run, which this one replaces (--resume would go on with it)\n"
        )

    model = preset.build(data.train.images.shape[1:], settings["seed"]).to(args.device)
    x = to_device(preset.examples(data.train.images), args.device)
    x_test = to_device(preset.examples(data.test.images), args.device)
    optimizer = Adam(model.params, settings["lr"])
    set_to = "".join(f"\nwith --{name} {value}" for name, value in options.items())
    print(f"{args.model}: {preset.about}{set_to}\n\n{summary(model, x.shape[1:])}\n")
    objective = preset.prepared(model, data, settings["seed"], args.device, settings["workers"])
    print(
        f"{data!r}, {epochs} epochs, batch {settings['batch_size']}, Adam {settings['lr']:g}, on the {args.device.upper()}"
    )
    try:
        history = fit(
            model,
            x,
            objective,
            optimizer,
            epochs,
            settings["batch_size"],
            validation=x_test,
            workers=settings["workers"],
            rng=settings["seed"],
            progress=not args.quiet,
            checkpoint=out / CHECKPOINT,
            resume=args.resume,
            settings={key: settings[key] for key in ("data", "lr", *OPTIONS)}
            | {"model": args.model},
        )
    except KeyboardInterrupt:
        return _interrupted(args, out)

    save_weights(
        model,
        out / "weights.npz",
        model=args.model,
        options=options,
        image_shape=data.train.images.shape[1:],
        data=settings["data"],
    )
    history.to_csv(out / "history.csv")
    _show(model, preset, objective, history, x_test, data, settings["seed"], out)
    files = sorted(
        path.name
        for path in out.iterdir()
        if path.stat().st_mtime >= started and not path.name.startswith(".")
    )
    print(f"written to {out}: {', '.join(files)}")
    return 0


def _show(
    model: Any,
    preset: Preset,
    objective: Any,
    history: History,
    x_test: Array,
    data: Dataset,
    seed: int,
    out: Path,
) -> None:
    """The run's pictures, and its scores on the test pictures."""
    shown, shape, labels = slice(0, 12), data.test.images.shape[1:], data.test.labels
    corrupt = getattr(objective, "corrupt", None)
    seen = (
        corrupt(x_test, seed) if corrupt else None
    )  # a denoising model is judged on pictures with noise
    rows = {"original": x_test[shown]} | ({} if seen is None else {"seen": seen[shown]})
    rows["reconstruction"] = model([*rows.values()][-1])
    pictures = [row.reshape(-1, *shape) for row in rows.values()]
    plots.save(plots.plot_reconstructions(*pictures, names=[*rows]), out / "reconstructions.png")
    if len(history):
        plots.save(plots.plot_history(history), out / "loss.png")
    if preset.can_sample:
        plots.save(
            plots.plot_images(drawn(model, 64, seed).reshape(-1, *shape)), out / "samples.png"
        )
    if preset.flat and model.encode(x_test[:1]).shape[1:] == (2,):
        some = None if labels is None else labels[:2000]
        plots.save(
            plots.plot_latent_plane(model, x_test[:2000], some, shape=shape), out / "plane.png"
        )

    scores = evaluate(model, x_test, inputs=seen)
    speed = f", {statistics.median(history['images_per_s']):,.0f} images/s" if len(history) else ""
    of = "" if seen is None else f" of what it makes of {corrupt!r}"
    print(f"test MSE{of} {scores['mse']:.5f}, PSNR {scores['psnr']:.2f} dB{speed}")
    if seen is not None:
        gain = scores["psnr"] - scores["input_psnr"]
        print(
            f"  before, MSE {scores['input_mse']:.5f}, PSNR {scores['input_psnr']:.2f} dB: a gain of {gain:.2f} dB"
        )
    if len(history) and objective != Objective():
        print(f"  the objective itself on the test pictures: {history['val_loss'][-1]:.6g}")
    for line in _of_the_code(model, objective, x_test):
        print(f"  {line}")


def _of_the_code(model: Any, objective: Any, x: Array) -> Iterator[str]:
    """What a penalty on the code was for."""
    few = x[:200]
    if getattr(objective, "contraction", 0):
        norm = float(jacobian_norms(model.encoder, few).mean())
        ratio = normalized_contraction(model.encoder, few)
        yield f"mean ‖∂z/∂x‖ of {len(few)} test pictures {norm:.4f}; divided by the spread of the codes {ratio:.4f}"
    if not (
        getattr(objective, "code_penalty", None)
        or isinstance(list(leaves(model.encoder))[-1][1], KSparse)
    ):
        return
    z = np.concatenate([to_numpy(model.encode(x[i : i + 500])) for i in range(0, len(x), 500)])
    mean, zero = z.mean(axis=0), (z == 0).mean()
    if isinstance(getattr(objective, "code_penalty", None), KLSparsity):
        rho = objective.code_penalty.rho
        yield f"mean activation {mean.mean():.4f} for ρ = {rho:g}; unit by unit from {mean.min():.4f} to {mean.max():.4f}"
    else:
        dead = int((z == 0).all(axis=0).sum())
        yield f"{zero:.1%} of the codes' numbers are 0; {dead} of {z.shape[1]} units are 0 for every test picture"
        if dead > z.shape[1] / 2:
            yield "dead units get no gradient: begin with a larger --k or a smaller --beta (chapter 4, exercise 5)"


def _settings(args: argparse.Namespace, checkpoint: Path) -> dict[str, Any]:
    """What was said on the command line; else, in a resumed run, what the run was started with; else the defaults."""
    said = {key: getattr(args, key) for key in DEFAULTS if getattr(args, key) is not None}
    before: dict[str, Any] = {}
    if args.resume:
        if not checkpoint.is_file():
            raise FileNotFoundError(
                f"--resume: there is no checkpoint {checkpoint}: leave --resume out, or name the run's --out"
            )
        progress, _ = read_checkpoint(checkpoint)
        before = {**progress.settings, "seed": progress.seed}
    return DEFAULTS | {key: before[key] for key in DEFAULTS if key in before} | said


def _interrupted(args: argparse.Namespace, out: Path) -> int:
    words = [word for word in sys.argv[1:] if word != "--resume"] or ["train", args.model]
    if (out / CHECKPOINT).is_file():
        progress, _ = read_checkpoint(out / CHECKPOINT)
        print(
            f"\nStopped. The first {progress.epoch} epochs are kept in {out / CHECKPOINT}. Go on with:\n"
            f"  tinyae {shlex.join(words)} --resume\n"
            f"(--epochs {progress.epoch} with it ends the run here and writes the weights)",
            file=sys.stderr,
        )
    else:
        print("\nStopped before the end of the first epoch: nothing is kept yet.", file=sys.stderr)
    return 130
