"""``tinyae train``: from the name of a preset to weights, a history and plots."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tinyae import plots
from tinyae.backend import Array, to_device, to_numpy
from tinyae.cli.generate import sample_images
from tinyae.cli.optimizers import build_optimizer
from tinyae.cli.preset_objectives import Model, TrainingObjective, autoencoder_objective, for_range
from tinyae.cli.presets import Preset, get_preset, option_text, resolve_name
from tinyae.cli.training_data import Prepared, check_output_range, prepare_data, value_range
from tinyae.data import Dataset
from tinyae.data.lazy import LazyArray
from tinyae.io import save_weights, writable_folder
from tinyae.layers import KSparse, leaves, summary
from tinyae.objectives import Objective
from tinyae.objectives.adversarial import GeneratorLoss
from tinyae.penalties import KLSparsity, jacobian_norms, normalized_contraction
from tinyae.training import History, evaluate, fit
from tinyae.training.checkpoint import read_checkpoint
from tinyae.training.machines import Machines, find_machines

CHECKPOINT = "checkpoint.npz"
MOST_NOISY = 10_000  # of the test images of a large file, so many get noise after the training
# By default, the preset's own values
OPTIONS = ("contraction", "noise", "beta", "rho", "k", "output_layer")
DATA_OPTIONS = ("size", "color", "invert", "scale", "normal_label")
DEFAULTS: dict[str, Any] = {
    **{"data": "strokes", "batch_size": 128, "lr": 1e-3, "seed": 0, "workers": None},
    "optimizer": "adam",
    **dict.fromkeys(OPTIONS + DATA_OPTIONS),
}


@dataclass(frozen=True)
class Run:
    """One run of ``tinyae train``: what was asked for, and everything made from it."""

    name: str
    preset: Preset  # with the run's options
    settings: dict[str, Any]  # a value for each key of DEFAULTS
    epochs: int
    out: Path
    prepared: Prepared
    model: Model
    objective: TrainingObjective
    x: Array  # the training images in the shape and on the device of the model
    x_test: Array

    @property
    def options(self) -> dict[str, Any]:
        """The model options that were set."""
        return _options(self.settings)

    @property
    def data(self) -> Dataset:
        """As the model sees them."""
        return self.prepared.data

    @property
    def image_shape(self) -> tuple[int, ...]:
        return self.data.train.images.shape[1:]


def train(args: argparse.Namespace) -> int:
    """Train a preset. The output folder gets the weights, the history, a checkpoint and plots."""
    machines = find_machines()
    if machines.is_first:
        return _train(args, machines)
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        return _train(args, machines)  # process 0 alone prints and writes


def _train(args: argparse.Namespace, machines: Machines) -> int:
    run = _prepare(args)
    optimizer, objective, how = build_optimizer(run.settings, run.model, run.objective)
    print(
        f"{run.data!r}, {run.epochs} epoch(s), batch size {run.settings['batch_size']}, {how}, "
        f"on the {args.device.upper()}"
    )
    chosen = run.settings["optimizer"]
    started = time.time() - 2  # the times of files can be a little coarse
    try:
        history = fit(
            run.model,
            run.x,
            objective,
            optimizer,
            run.epochs,
            run.settings["batch_size"],
            validation=run.x_test,
            workers=run.settings["workers"],
            rng=run.settings["seed"],
            progress=not args.quiet,
            checkpoint=run.out / CHECKPOINT,
            resume=args.resume,
            machines=machines,
            settings={key: run.settings[key] for key in ("data", "lr", *OPTIONS, *DATA_OPTIONS)}
            | {"model": run.name}
            | ({} if chosen == "adam" else {"optimizer": chosen}),
            **run.preset.training.options(chosen, run.image_shape),
        )
    except KeyboardInterrupt:
        return _interrupted(run)

    if not machines.is_first:
        return 0
    save_weights(
        run.model,
        run.out / "weights.npz",
        model=run.name,
        options=run.options,
        image_shape=run.image_shape,
        data=run.settings["data"],
        **run.prepared.metadata,
    )
    history.to_csv(run.out / "history.csv")
    _report(run, history)
    files = sorted(
        path.name
        for path in run.out.iterdir()
        if path.stat().st_mtime >= started and not path.name.startswith(".")
    )
    print(f"written to {run.out}: {', '.join(files)}")
    return 0


def _prepare(args: argparse.Namespace) -> Run:
    """Check the arguments, load the data, and build model and objective."""
    name = resolve_name(args.model, args.variant)
    preset = get_preset(name)
    epochs = preset.epochs if args.epochs is None else args.epochs
    _check_ranges(args, epochs)
    if args.device == "gpu":
        to_device(np.zeros(1), "gpu")  # if there is no GPU, say so before the data are loaded
    out = Path(args.out or f"runs/{name}-{Path(args.data or DEFAULTS['data']).stem}")
    settings = _settings(args, out / CHECKPOINT)
    preset = preset.with_options(**_options(settings))
    prepared = prepare_data(settings, args.data_dir)
    data, low, high = prepared.data, *value_range(prepared.data)
    preset = replace(preset, objective=for_range(preset.objective, low, high))
    seed, workers = settings["seed"], settings["workers"]
    model = preset.build_model(data.train.images.shape[1:], seed)
    check_output_range(model, low, high, settings["data"], preset.option_names)
    model = model.to(args.device)
    writable_folder(out)
    if (out / CHECKPOINT).exists() and not args.resume:
        print(
            f"note: {out} contains an earlier run, which this run replaces "
            "(--resume would continue it)\n"
        )

    x = to_device(preset.model_input(data.train.images), args.device)
    x_test = to_device(preset.model_input(data.test.images), args.device)
    options = "".join(
        f"\nwith {option_text(key)} {value}" for key, value in _options(settings).items()
    )
    print(f"{name}: {preset.description}{options}\n\n{summary(model, x.shape[1:])}\n")
    objective, scores = preset.build_objective(model, data, seed, args.device, workers)
    if "classifier_accuracy" in scores:
        print(
            "trained a classifier for the perceptual loss: "
            f"its test accuracy is {scores['classifier_accuracy']:.1%}\n"
        )
    return Run(name, preset, settings, epochs, out, prepared, model, objective, x, x_test)


def _check_ranges(args: argparse.Namespace, epochs: int) -> None:
    least_values = {"epochs": 0, "batch_size": 1, "seed": 0, "workers": 1, "size": 1}
    for name, least in least_values.items():
        value = epochs if name == "epochs" else getattr(args, name)
        if value is not None and value < least:
            raise ValueError(f"--{name.replace('_', '-')} is {value}, expected at least {least}")


def _settings(args: argparse.Namespace, checkpoint: Path) -> dict[str, Any]:
    """The command line's values; where it has none, those of the resumed run or the defaults."""
    explicit = {key: getattr(args, key) for key in DEFAULTS if getattr(args, key) is not None}
    saved: dict[str, Any] = {}
    if args.resume:
        if not checkpoint.is_file():
            raise FileNotFoundError(
                f"--resume: there is no checkpoint {checkpoint}: leave out --resume, "
                "or set --out to the run's folder"
            )
        state, _ = read_checkpoint(checkpoint)
        saved = {**state.settings, "seed": state.seed}
    chosen = {key: saved[key] for key in DEFAULTS if key in saved} | explicit
    if chosen.get("optimizer") != "kfac":
        return DEFAULTS | chosen
    if "lr" in explicit:
        raise ValueError("--lr: K-FAC has no learning rate, it computes its step sizes")
    return DEFAULTS | {"batch_size": 500} | chosen


def _options(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: settings[key] for key in OPTIONS if settings[key] is not None}


def _interrupted(run: Run) -> int:
    """After Ctrl-C: say what is saved and how to continue."""
    words = [word for word in sys.argv[1:] if word != "--resume"] or ["train", run.name]
    checkpoint = run.out / CHECKPOINT
    if checkpoint.is_file():
        state, _ = read_checkpoint(checkpoint)
        print(
            f"\nStopped. The first {state.epoch} epoch(s) are saved in {checkpoint}. "
            f"To continue:\n  tinyae {shlex.join(words)} --resume\n"
            f"(with --epochs {state.epoch}, this ends the run here and writes the weights)",
            file=sys.stderr,
        )
    else:
        print("\nStopped before the end of the first epoch: nothing is saved.", file=sys.stderr)
    return 130


# ---- after training: plots and scores -----------------------------------------------------------


def _report(run: Run, history: History) -> None:
    corrupt, inputs = autoencoder_objective(run.objective).corrupt, None
    if corrupt is not None:
        if isinstance(run.x_test, LazyArray):  # with their noise, these are in memory
            run = replace(run, x_test=run.x_test[:MOST_NOISY])
            print(f"denoising is measured with the first {len(run.x_test):,} test images")
        inputs = corrupt(run.x_test, run.settings["seed"])
    _save_plots(run, history, inputs)
    _print_scores(run, history, inputs)


def _save_plots(run: Run, history: History, inputs: Array | None) -> None:
    """``inputs``: the corrupted test images of a denoising model."""
    model, x_test, shape = run.model, run.x_test, run.image_shape
    rows = {"original": x_test[:12]} | ({} if inputs is None else {"input": inputs[:12]})
    rows["reconstruction"] = model([*rows.values()][-1])
    images = [row.reshape(-1, *shape) for row in rows.values()]
    plots.save(plots.plot_reconstructions(*images, names=[*rows]), run.out / "reconstructions.png")
    if len(history):
        plots.save(plots.plot_history(history), run.out / "loss.png")
    if run.preset.can_sample:
        samples = sample_images(model, 64, run.settings["seed"]).reshape(-1, *shape)
        plots.save(plots.plot_images(samples), run.out / "samples.png")
    if run.preset.takes_vectors and model.encode(x_test[:1]).shape[1:] == (2,):
        labels = None if run.data.test.labels is None else run.data.test.labels[:2000]
        plane = plots.plot_latent_plane(model, x_test[:2000], labels, shape=shape)
        plots.save(plane, run.out / "plane.png")


def _print_scores(run: Run, history: History, inputs: Array | None) -> None:
    scores = evaluate(run.model, run.x_test, inputs=inputs)
    low, high = value_range(run.data)
    has_psnr = low >= 0 and high <= 1  # the peak is 1
    speed = f", {statistics.median(history['images_per_s']):,.0f} images/s" if len(history) else ""
    psnr = f", PSNR {scores['psnr']:.2f} dB" if has_psnr else ""
    variance = f" (variance of the test data {run.x_test.var():.5f})" if not has_psnr else ""
    print(f"test MSE {scores['mse']:.5f}{variance}{psnr}{speed}")
    if inputs is not None and has_psnr:
        mse, input_psnr = scores["input_mse"], scores["input_psnr"]
        print(
            f"  the inputs, with {autoencoder_objective(run.objective).corrupt!r}: MSE {mse:.5f}, "
            f"PSNR {input_psnr:.2f} dB; denoising gains {scores['psnr'] - input_psnr:.2f} dB"
        )
    if len(history) and run.objective != Objective():
        print(f"  objective on the test images: {history['val_loss'][-1]:.6g}")
    for line in _code_statistics(run.model, autoencoder_objective(run.objective), run.x_test):
        print(f"  {line}")


def _code_statistics(model: Model, objective: Objective, x: Array) -> Iterator[str]:
    """What the penalties on the code have achieved, line by line."""
    if objective.contraction:
        few = x[:200]
        norm = float(jacobian_norms(model.encoder, few).mean())
        ratio = normalized_contraction(model.encoder, few)
        yield (
            f"mean ‖∂z/∂x‖ over {len(few)} test images {norm:.4f}; "
            f"divided by the spread of the codes {ratio:.4f}"
        )
    penalty = objective.code_penalty
    has_sparsity_penalty = penalty is not None and not isinstance(penalty, GeneratorLoss)
    if not (has_sparsity_penalty or isinstance(list(leaves(model.encoder))[-1][1], KSparse)):
        return
    z = np.concatenate([to_numpy(model.encode(x[i : i + 500])) for i in range(0, len(x), 500)])
    if isinstance(penalty, KLSparsity):
        mean = z.mean(axis=0)
        yield (
            f"mean activation {mean.mean():.4f} (target ρ = {penalty.rho:g}); "
            f"per unit, from {mean.min():.4f} to {mean.max():.4f}"
        )
        return
    n_dead = int((z == 0).all(axis=0).sum())
    yield (
        f"{(z == 0).mean():.1%} of the codes' entries are 0; "
        f"{n_dead} of {z.shape[1]} units are 0 for every test image"
    )
    if n_dead > z.shape[1] / 2:
        yield (
            "dead units get no gradient: start with a larger --k or a smaller --beta "
            "(chapter 4, exercise 5)"
        )
