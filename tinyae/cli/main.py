"""``tinyae COMMAND``: the arguments of all commands, and ``main``, which runs one of them."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import warnings
from typing import Any

import tinyae
from tinyae.cli.check_arguments import add_check
from tinyae.cli.course_arguments import add_exercise, add_grade
from tinyae.cli.terminal import prepare_output, print_note
from tinyae.cli.train_arguments import add_train_arguments
from tinyae.cli.zoo_arguments import add_zoo

IMAGES = (
    "an image, a folder of images, an .npy or .npz file, a table, or the name of a data set; its "
    "test part is used if it has one"
)


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code: 0, 1 if training failed, 2 for wrong arguments, 130 after Ctrl-C. For
        ``tinyae check``, 1 means that a gradient is wrong.
    """
    prepare_output()
    parser = _parser()
    arguments = parser.parse_args(argv)
    if not hasattr(arguments, "run"):
        parser.print_help()
        return 0
    from tinyae.training import TrainingDiverged  # only now: --help needs no NumPy

    os.environ.setdefault("MPLBACKEND", "Agg")  # plots go to files, so no screen is needed
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default", UserWarning)  # each text once
            warnings.showwarning = print_note
            code = _load_command(arguments.run)(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except BrokenPipeError:  # `tinyae list | head`: nobody reads the rest
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # as of any program that a closed pipe ends
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    except TrainingDiverged as error:
        print(f"tinyae: training stopped: {error}", file=sys.stderr)
        return 1
    except MemoryError as error:
        detail = f" ({error})" if str(error) else ""
        print(
            f"tinyae: not enough memory{detail}: use fewer or smaller images (--size), or a "
            "smaller --batch-size",
            file=sys.stderr,
        )
        return 2
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        print(f"tinyae: {error}", file=sys.stderr)
        return 2


def _load_command(name: str) -> Any:
    """``"train.train"``: the function ``train`` in ``tinyae.cli.train``, imported only now."""
    module, _, function = name.partition(".")
    return getattr(importlib.import_module(f"tinyae.cli.{module}"), function)


def _parser() -> argparse.ArgumentParser:
    description = (tinyae.__doc__ or "").partition("\n\n")[0]
    parser = argparse.ArgumentParser(prog="tinyae", description=description)
    parser.add_argument("--version", action="version", version=f"tinyae {tinyae.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    add_train_arguments(
        _add_command(
            commands, "train", "train.train", "train a model; writes weights, history and plots"
        )
    )
    _add_reconstruct(commands)
    _add_denoise(commands)
    _add_sample(commands)
    _add_anomalies(commands)
    _add_map(commands)
    _add_probe(commands)
    add_check(commands)
    add_exercise(commands)
    add_grade(commands)
    add_zoo(commands)
    _add_command(commands, "list", "info.list_models", "list the models that can be trained")
    _add_info(commands)
    return parser


def _add_command(commands: Any, name: str, run: str, help: str) -> argparse.ArgumentParser:
    """``run``: the command's module and function, such as ``"train.train"``."""
    command = commands.add_parser(name, help=help, description=help)
    command.set_defaults(run=run)
    return command


def _add_reconstruct(commands: Any) -> None:
    command = _add_command(
        commands, "reconstruct", "generate.reconstruct", "reconstruct images with trained weights"
    )
    _add_weights(command, out="reconstructed")
    command.add_argument("images", help=IMAGES)


def _add_denoise(commands: Any) -> None:
    command = _add_command(
        commands, "denoise", "generate.denoise", "denoise images of any size, tile by tile"
    )
    _add_weights(command, out="denoised", data_dir=False)
    command.add_argument("image", help="an image of any size, or a folder or .npy file of images")
    command.add_argument(
        "--step", type=int, help="distance between tiles in pixels (default: half a tile)"
    )
    command.add_argument(
        "--color", action="store_true", help="keep the colors: each channel is denoised"
    )


def _add_sample(commands: Any) -> None:
    command = _add_command(
        commands, "sample", "generate.sample", "sample new images (vae, adversarial)"
    )
    _add_weights(command, out="samples", images=False)
    command.add_argument("--n", type=int, default=64, help="number of images (default: 64)")
    command.add_argument("--seed", type=int, default=0, help="seed of the codes (default: 0)")


def _add_anomalies(commands: Any) -> None:
    command = _add_command(
        commands,
        "anomalies",
        "anomalies.anomalies",
        "find the images that a trained model cannot reconstruct",
    )
    _add_weights(command, out="anomalies")
    command.add_argument("images", help=f"where to look for anomalies: {IMAGES}")
    command.add_argument(
        "--normal",
        metavar="DATA",
        help="normal images that the model was not trained on (default: those held out from "
        "training)",
    )
    command.add_argument(
        "--normal-label",
        metavar="LABEL",
        help="the class of the normal images, if the images have labels; the others are anomalies "
        "(default: the one that the model was trained on; or good, normal or 0)",
    )
    command.add_argument(
        "--quantile",
        type=float,
        default=0.95,
        help="fraction of the normal images below the threshold (default: 0.95)",
    )


def _add_map(commands: Any) -> None:
    command = _add_command(
        commands, "map", "analyze.map_codes", "plot the codes of images as points in the plane"
    )
    _add_weights(command, out="map")
    command.add_argument("images", help=IMAGES)
    command.add_argument(
        "--method",
        choices=["tsne", "pca"],
        help="default: tsne; two-dimensional codes are plotted as they are",
    )
    command.add_argument(
        "--n", type=int, default=1500, help="plot only the first N images (default: 1500)"
    )


def _add_probe(commands: Any) -> None:
    command = _add_command(
        commands,
        "probe",
        "analyze.probe",
        "linear probe: how well a linear classifier with few labels does on the frozen codes",
    )
    _add_weights(command)
    command.add_argument(
        "data", help="labeled images: the name of a data set, a folder of folders, or an .npz file"
    )
    command.add_argument(
        "--labels", type=int, default=1000, help="number of labels to train with (default: 1000)"
    )
    command.add_argument(
        "--seeds", type=int, default=5, help="number of random choices of labels (default: 5)"
    )


def _add_info(commands: Any) -> None:
    command = _add_command(
        commands, "info", "info.info", "show versions, BLAS, threads, GPU, data found"
    )
    command.add_argument(
        "--formats",
        action="store_true",
        help="list the files and folders that can be read, and what to do with others",
    )


def _add_weights(
    command: argparse.ArgumentParser,
    out: str | None = None,
    data_dir: bool = True,
    images: bool = True,
) -> None:
    """The arguments of commands that use trained weights.

    Args:
        out: the default output folder; None if the command writes no files.
        data_dir: the command also takes the names of data sets.
        images: the command takes images.
    """
    command.add_argument("weights", help="weights.npz or weights.safetensors of a run")
    if images and data_dir:
        command.add_argument(
            "--data-dir", metavar="DIR", help="folder with mnist and fashion-mnist"
        )
    if images:
        command.add_argument(
            "--invert",
            action="store_true",
            help="swap light and dark: for dark ink on white paper, if the model was trained on "
            "light ink on black, as in MNIST",
        )
    if out:
        command.add_argument(
            "--out", metavar="DIR", default=out, help=f"output folder (default: {out})"
        )
