"""The command line: ``tinyae train``, ``tinyae reconstruct``, ``tinyae anomalies``, ``tinyae info``, ``tinyae list``."""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from pathlib import Path
from typing import Any

import tinyae
from tinyae import recipes
from tinyae.backend import gpu_available, to_device, to_numpy
from tinyae.files import writable_folder, write_atomically
from tinyae.layers import summary

CHECKPOINT = "checkpoint.npz"


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 1 for a run that failed, 2 for wrong arguments, 130 after Ctrl-C."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if not hasattr(arguments, "run"):
        parser.print_help()
        return 0
    os.environ.setdefault("MPLBACKEND", "Agg")  # pictures go to files; a machine without a screen is fine
    try:
        return arguments.run(arguments)
    except tinyae.training.TrainingDiverged as error:
        print(f"tinyae: training stopped: {error}", file=sys.stderr)
        return 1
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        print(f"tinyae: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tinyae", description=tinyae.__doc__)
    parser.add_argument("--version", action="version", version=f"tinyae {tinyae.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    train = commands.add_parser("train", help="train a model; writes weights, history and pictures")
    train.add_argument("model", nargs="?", default="basic", help="see `tinyae list` (default: basic)")
    train.add_argument("--model", metavar="NAME", dest="architecture", help="the same with another architecture: basic, conv")
    train.add_argument("--data", help="strokes, digits, mnist, fashion-mnist, or a path to pictures or an .npy or .npz file "
                       "(default: strokes, generated on the spot)")  # fmt: skip
    train.add_argument("--data-dir", metavar="DIR", help="where the files of mnist and fashion-mnist lie (default: $TINYAE_DATA)")
    train.add_argument("--epochs", type=int, help="passes over the training pictures in all (default: 20)")
    train.add_argument("--batch-size", type=int, help="examples a step (default: 128)")
    train.add_argument("--lr", type=float, help="Adam's learning rate (default: 0.001)")
    train.add_argument("--seed", type=int, help="of the weights and of every random number of the run (default: 0)")
    train.add_argument("--contraction", type=float, metavar="λ", help="weight of the penalty on the code's Jacobian "
                       "(default: what the model says, see `tinyae list`)")  # fmt: skip
    train.add_argument("--workers", type=int, help="threads that share a batch (default: one a core)")
    train.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    train.add_argument("--out", metavar="DIR", help="folder for what the run writes (default: runs/MODEL-DATA)")
    train.add_argument("--resume", action="store_true", help="go on with the run in the output folder")
    train.add_argument("--quiet", action="store_true", help="no progress bar")
    train.set_defaults(run=train_command)

    reconstruct = commands.add_parser("reconstruct", help="reconstruct pictures with trained weights")
    reconstruct.add_argument("weights", help="weights.npz or weights.safetensors of a run")
    reconstruct.add_argument("images", help="a picture, a folder of pictures, an .npy or .npz file, or the name of a data set")
    reconstruct.add_argument("--data-dir", metavar="DIR", help="where the files of mnist and fashion-mnist lie")
    reconstruct.add_argument("--out", metavar="DIR", default="reconstructed", help="folder to write to (default: reconstructed)")
    reconstruct.set_defaults(run=reconstruct_command)

    anomalies = commands.add_parser("anomalies", help="find the pictures that a trained model cannot rebuild")
    anomalies.add_argument("weights", help="weights.npz or weights.safetensors of a run on normal pictures")
    anomalies.add_argument("images", help="what to look through: pictures, an .npy or .npz file, or the name of a data set")
    anomalies.add_argument("--normal", metavar="DATA", required=True, help="normal pictures that the model was not trained on")
    anomalies.add_argument("--quantile", type=float, default=0.95, help="the share of normal pictures to pass (default: 0.95)")
    anomalies.add_argument("--data-dir", metavar="DIR", help="where the files of mnist and fashion-mnist lie")
    anomalies.add_argument("--out", metavar="DIR", default="anomalies", help="folder to write to (default: anomalies)")
    anomalies.set_defaults(run=anomalies_command)

    check = commands.add_parser("check", help="check the gradients of a layer or function in a file of your own")
    check.add_argument("target", metavar="FILE.py:NAME", help="a layer, a loss, or a function f beside f_backward (or f,g)")
    check.add_argument("--input", metavar="SHAPE", help='of the input, batch first: "4,3,8,8"; for functions "4x3;5x3;5"')
    check.add_argument("--method", default="central", help="central (default), forward, richardson, complex or directions")
    check.add_argument("--seed", type=int, default=0, help="of the random inputs and cotangent (default: 0)")
    check.set_defaults(run=check_command)

    commands.add_parser("list", help="the models that can be trained").set_defaults(run=list_command)
    commands.add_parser("info", help="versions, BLAS, threads, GPU, data found").set_defaults(run=info_command)
    return parser


DEFAULTS = {"data": "strokes", "batch_size": 128, "lr": 1e-3, "seed": 0, "workers": None, "contraction": None}


def train_command(args: argparse.Namespace) -> int:
    from tinyae import plots
    from tinyae.data import load_data
    from tinyae.objectives import Objective
    from tinyae.optim import Adam
    from tinyae.training import evaluate, fit
    from tinyae.weights import save_weights

    args.model = recipes.named(args.model, args.architecture)
    recipe = recipes.recipe(args.model)
    epochs = recipe.epochs if args.epochs is None else args.epochs
    if epochs < 0:
        raise ValueError(f"--epochs is {epochs}, expected 0 or more")
    if args.device == "gpu":
        to_device(tinyae.backend.np.zeros(1), "gpu")  # complains now rather than after the data are loaded
    out = Path(args.out or f"runs/{args.model}-{Path(args.data or DEFAULTS['data']).stem}")
    settings = _settings(args, out / CHECKPOINT)
    recipe = recipe.contracted(settings["contraction"])
    data = load_data(settings["data"], data_dir=args.data_dir)
    out = writable_folder(out)

    model = recipe.build(data.train.images.shape[1:], settings["seed"]).to(args.device)
    x = to_device(recipe.examples(data.train.images), args.device)
    x_test = to_device(recipe.examples(data.test.images), args.device)
    optimizer = Adam(model.params, settings["lr"])
    print(f"{args.model}: {recipe.about}\n\n{summary(model, x.shape[1:])}\n")
    print(f"{data!r}, {epochs} epochs, batch {settings['batch_size']}, Adam {settings['lr']:g}, on the {args.device.upper()}")
    try:
        history = fit(
            model, x, recipe.objective, optimizer, epochs, settings["batch_size"], validation=x_test,
            workers=settings["workers"], rng=settings["seed"], progress=not args.quiet, checkpoint=out / CHECKPOINT,
            resume=args.resume, settings={key: settings[key] for key in ("data", "lr", "contraction")} | {"model": args.model},
        )  # fmt: skip
    except KeyboardInterrupt:
        return _interrupted(args, out)

    save_weights(model, out / "weights.npz", model=args.model, image_shape=data.train.images.shape[1:], data=settings["data"])
    history.to_csv(out / "history.csv")
    shown = slice(0, 12)
    corrupt = getattr(recipe.objective, "corrupt", None)
    seen = corrupt(x_test, settings["seed"]) if corrupt else None  # a denoising model is judged on pictures with noise
    rows = {"original": x_test[shown]} | ({} if seen is None else {"seen": seen[shown]})
    rows["reconstruction"] = model([*rows.values()][-1])
    plots.save(plots.plot_reconstructions(*rows.values(), names=[*rows]), out / "reconstructions.png")
    if len(history):
        plots.save(plots.plot_history(history), out / "loss.png")
    if hasattr(model, "sample"):  # a variational model also makes pictures of its own
        plots.save(plots.plot_pictures(model.sample(64, settings["seed"])), out / "samples.png")
    scores = evaluate(model, x_test, seen=seen)
    speed = f", {statistics.median(history['images_per_s']):,.0f} images/s" if len(history) else ""
    print(f"test MSE {scores['mse']:.5f}, PSNR {scores['psnr']:.2f} dB{speed}")
    if len(history) and recipe.objective != Objective():
        print(f"  the objective itself on the test pictures: {history['val_loss'][-1]:.6g}")
    if seen is not None:
        print(f"  of pictures seen through {corrupt!r}: before, MSE {scores['seen_mse']:.5f}, PSNR {scores['seen_psnr']:.2f} dB")
    print(f"written to {out}: {', '.join(sorted(path.name for path in out.iterdir() if not path.name.startswith('.')))}")
    return 0


def _settings(args: argparse.Namespace, checkpoint: Path) -> dict[str, Any]:
    """What was said on the command line; else, in a resumed run, what the run was started with; else the defaults."""
    said = {key: getattr(args, key) for key in DEFAULTS if getattr(args, key) is not None}
    before: dict[str, Any] = {}
    if args.resume:
        from tinyae.training.checkpoint import read_checkpoint

        if not checkpoint.is_file():
            raise FileNotFoundError(f"--resume: there is no checkpoint {checkpoint}: leave --resume out, or name the run's --out")
        progress, _ = read_checkpoint(checkpoint)
        before = {**progress.settings, "seed": progress.seed}
    return DEFAULTS | {key: before[key] for key in DEFAULTS if key in before} | said


def _interrupted(args: argparse.Namespace, out: Path) -> int:
    words = [word for word in sys.argv[1:] if word != "--resume"] or ["train", args.model]
    if (out / CHECKPOINT).is_file():
        from tinyae.training.checkpoint import read_checkpoint

        progress, _ = read_checkpoint(out / CHECKPOINT)
        print(f"\nStopped. The first {progress.epoch} epochs are kept in {out / CHECKPOINT}. Go on with:\n"
              f"  tinyae {' '.join(words)} --resume", file=sys.stderr)  # fmt: skip
    else:
        print("\nStopped before the end of the first epoch: nothing is kept yet.", file=sys.stderr)
    return 130


def reconstruct_command(args: argparse.Namespace) -> int:
    import numpy as np

    from tinyae import plots
    from tinyae.training import evaluate

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


def anomalies_command(args: argparse.Namespace) -> int:
    from tinyae import plots
    from tinyae.applications import reconstruction_errors, threshold_from

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


def _trained(path: str) -> tuple[recipes.Recipe, tuple[int, ...], Any]:
    """``recipe, image_shape, model`` of a weight file that ``tinyae train`` has written."""
    from tinyae.weights import load_weights, read_arrays

    _, about = read_arrays(path)
    if "model" not in about:
        raise ValueError(f"{path} does not say which model it belongs to: only files written by `tinyae train` do")
    recipe, shape = recipes.recipe(about["model"]), tuple(about["image_shape"])
    model = recipe.build(shape, 0)
    load_weights(model, path)
    return recipe, shape, model


def _images(name: str, data_dir: str | None, shape: tuple[int, ...]) -> Any:
    """Pictures of a file or folder, or the test part of a data set; all of ``shape``."""
    from tinyae.data import NAMES, load_data, read_images

    if name.lower().replace("-", "_") in NAMES:
        images = load_data(name, data_dir=data_dir).test.images
    else:
        images = read_images(name, size=shape[-1]).images
    if images.shape[1:] != shape:
        raise ValueError(f"{name}: pictures of {images.shape[1:]}, but the model was trained on {shape}")
    return images


def check_command(args: argparse.Namespace) -> int:
    """Prints the report. Exit code 0: every gradient is right; 1: one is wrong; 2: it could not be checked."""
    import traceback

    from tinyae.checking.file import check_file

    try:
        report = check_file(args.target, args.input, args.seed, args.method)
    except Exception as error:
        ours = Path(__file__).parent in Path(traceback.extract_tb(error.__traceback__)[-1].filename).parents
        if ours:  # a mistake in how it was asked for
            print(f"tinyae: {error}", file=sys.stderr)
        else:  # the file's own error: its author wants to see where
            traceback.print_exc()
        return 2
    print(report)
    return 0 if report.ok else 1


def list_command(args: argparse.Namespace) -> int:
    width = max(map(len, recipes.RECIPES))
    for name, recipe in recipes.RECIPES.items():
        print(f"{name:<{width}}  {recipe.about}")
    return 0


def info_command(args: argparse.Namespace) -> int:
    import platform
    from importlib import metadata

    import threadpoolctl

    from tinyae.training.workers import default_workers

    print(f"tinyae {tinyae.__version__}, Python {platform.python_version()}, {platform.platform()}")
    for package in ("numpy", "cupy", "matplotlib", "tqdm", "threadpoolctl", "pooch", "scikit-learn", "safetensors", "pillow"):
        names = [package] if package != "cupy" else ["cupy", "cupy-cuda13x", "cupy-cuda12x"]
        found = next((f"{metadata.version(n)}" for n in names if _installed(n)), "not installed")
        print(f"  {package:<14}{found}")
    for pool in threadpoolctl.threadpool_info():
        kind = pool["user_api"].upper() if pool["user_api"] == "blas" else pool["user_api"]
        detail = f"{pool['internal_api']} {pool['version'] or ''} {pool.get('architecture', '')}".strip()
        print(f"{kind}: {detail}, {pool['num_threads']} threads (while training, 1 for each of {default_workers(128)} workers)")
    print(f"GPU: {_gpu()}")
    for name, where in _data_found().items():
        print(f"data {name}: {where}")
    return 0


def _installed(package: str) -> bool:
    from importlib import metadata

    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _gpu() -> str:
    if not gpu_available():
        return 'none found (CuPy and a CUDA device are needed: pip install "tinyae[gpu]")'
    import cupy

    properties = cupy.cuda.runtime.getDeviceProperties(0)
    return f"{properties['name'].decode()}, {properties['totalGlobalMem'] / 2**30:.0f} GiB"


def _data_found() -> dict[str, str]:
    from tinyae.data.sources import whereabouts

    return {"strokes": "generated on the spot", "digits": "with scikit-learn"} | {
        name: whereabouts(name) for name in ("mnist", "fashion-mnist")
    }


