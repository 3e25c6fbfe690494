"""The command line: ``tinyae train``, what one does with trained weights, ``tinyae check``, ``tinyae list``, ``tinyae info``."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

import tinyae
from tinyae.cli import analyze, check, generate, info, train


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 1 for a run that failed, 2 for wrong arguments, 130 after Ctrl-C."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if not hasattr(arguments, "run"):
        parser.print_help()
        return 0
    os.environ.setdefault(
        "MPLBACKEND", "Agg"
    )  # pictures go to files; a machine without a screen is fine
    try:
        return arguments.run(arguments)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
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

    command = commands.add_parser(
        "train", help="train a model; writes weights, history and pictures"
    )
    command.add_argument(
        "model", nargs="?", default="basic", help="see `tinyae list` (default: basic)"
    )
    command.add_argument(
        "--model", metavar="NAME", dest="architecture", help="a variant of it: conv, tied, 2d"
    )
    command.add_argument(
        "--data",
        help="strokes, digits, mnist, fashion-mnist, or a path to pictures or an .npy or .npz file "
        "(default: strokes, generated on the spot)",
    )
    command.add_argument(
        "--data-dir",
        metavar="DIR",
        help="folder with mnist and fashion-mnist (default: $TINYAE_DATA)",
    )
    command.add_argument(
        "--epochs",
        type=int,
        help="passes over the training pictures in all (default: see `tinyae list`)",
    )
    command.add_argument("--batch-size", type=int, help="examples a step (default: 128)")
    command.add_argument("--lr", type=float, help="Adam's learning rate (default: 0.001)")
    command.add_argument(
        "--seed", type=int, help="of the weights and of every random number of the run (default: 0)"
    )
    own = command.add_argument_group(
        "of the model (default: what the model says; `tinyae list` shows which of them it has)"
    )
    own.add_argument(
        "--contraction",
        type=float,
        metavar="λ",
        help="weight of the penalty on the code's Jacobian",
    )
    own.add_argument(
        "--noise",
        metavar="KIND:AMOUNT",
        help="what the model sees, being asked for the clean pictures: "
        "gaussian:σ, masking:ν or salt-and-pepper:ν",
    )
    own.add_argument(
        "--beta",
        type=float,
        metavar="β",
        help="weight of the model's own term: sparsity, KL, discriminator, features",
    )
    own.add_argument(
        "--rho",
        type=float,
        metavar="ρ",
        help="share of the time that a unit is to be active (sparse-kl)",
    )
    own.add_argument(
        "--k", type=int, metavar="K", help="how many numbers of a code stay (k-sparse)"
    )
    command.add_argument(
        "--workers", type=int, help="threads that share a batch (default: one a core)"
    )
    command.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    command.add_argument(
        "--out", metavar="DIR", help="folder for what the run writes (default: runs/MODEL-DATA)"
    )
    command.add_argument(
        "--resume", action="store_true", help="go on with the run in the output folder"
    )
    command.add_argument("--quiet", action="store_true", help="no progress bar")
    command.set_defaults(run=train.train)

    images = "a picture, a folder of pictures, an .npy or .npz file, or the name of a data set, whose test part is taken"
    reconstruct = _with_weights(
        commands, "reconstruct", "reconstruct pictures with trained weights", "reconstructed"
    )
    reconstruct.add_argument("images", help=images)
    reconstruct.set_defaults(run=generate.reconstruct)

    denoise = _with_weights(
        commands, "denoise", "clean pictures of any size, tile by tile", "denoised", named=False
    )
    denoise.add_argument(
        "picture", help="a picture of any size, or a folder or an .npy file of pictures of one size"
    )
    denoise.add_argument(
        "--step", type=int, help="tiles begin every so many pixels (default: half a tile)"
    )
    denoise.add_argument(
        "--invert",
        action="store_true",
        help="the ink is dark on white paper, and the model has learned light "
        "ink on black, as MNIST's",
    )
    denoise.set_defaults(run=generate.denoise)

    sample = _with_weights(
        commands, "sample", "draw new pictures (vae, adversarial)", "samples", named=False
    )
    sample.add_argument("--n", type=int, default=64, help="how many (default: 64)")
    sample.add_argument("--seed", type=int, default=0)
    sample.set_defaults(run=generate.sample)

    anomalies = _with_weights(
        commands, "anomalies", "find the pictures that a trained model cannot rebuild", "anomalies"
    )
    anomalies.add_argument("images", help=f"what to look through: {images}")
    anomalies.add_argument(
        "--normal",
        metavar="DATA",
        required=True,
        help="normal pictures that the model was not trained on",
    )
    anomalies.add_argument(
        "--quantile",
        type=float,
        default=0.95,
        help="the share of normal pictures to pass (default: 0.95)",
    )
    anomalies.set_defaults(run=analyze.anomalies)

    map_codes = _with_weights(
        commands, "map", "draw the codes of pictures as points of a plane", "map"
    )
    map_codes.add_argument("images", help=images)
    map_codes.add_argument(
        "--method",
        choices=["tsne", "pca"],
        help="default: tsne; a code of two numbers is drawn as it is",
    )
    map_codes.add_argument(
        "--n", type=int, default=1500, help="the first so many pictures (default: 1500)"
    )
    map_codes.set_defaults(run=analyze.map_codes)

    features = _with_weights(
        commands,
        "features",
        "what the frozen encoder is worth to a classifier with few labels",
        None,
    )
    features.add_argument(
        "data",
        help="labelled pictures: the name of a data set, a folder of folders, or an .npz file",
    )
    features.add_argument(
        "--labels", type=int, default=1000, help="how many labels there are (default: 1000)"
    )
    features.add_argument(
        "--seeds", type=int, default=5, help="how many times to choose them (default: 5)"
    )
    features.set_defaults(run=analyze.features)

    command = commands.add_parser(
        "check", help="check the gradients of a layer or function in a file of your own"
    )
    command.add_argument(
        "target",
        metavar="FILE.py:NAME",
        help="a layer, a loss, or a function f beside f_backward (or f,g)",
    )
    command.add_argument(
        "--input",
        metavar="SHAPE",
        help='of the input, batch first: "4,3,8,8"; for functions "4x3;5x3;5"',
    )
    command.add_argument(
        "--method",
        default="central",
        help="central (default), forward, richardson, complex or directions",
    )
    command.add_argument(
        "--seed", type=int, default=0, help="of the random inputs and cotangent (default: 0)"
    )
    command.set_defaults(run=check.check)

    commands.add_parser("list", help="the models that can be trained").set_defaults(
        run=info.list_models
    )
    commands.add_parser("info", help="versions, BLAS, threads, GPU, data found").set_defaults(
        run=info.info
    )
    return parser


def _with_weights(
    commands: Any, name: str, about: str, out: str | None, named: bool = True
) -> argparse.ArgumentParser:
    """A command that begins with the weights of a run. ``named``: it also takes the names of data sets."""
    command = commands.add_parser(name, help=about, description=about)
    command.add_argument("weights", help="weights.npz or weights.safetensors of a run")
    if named:
        command.add_argument(
            "--data-dir", metavar="DIR", help="where the files of mnist and fashion-mnist lie"
        )
    if out:
        command.add_argument(
            "--out", metavar="DIR", default=out, help=f"folder to write to (default: {out})"
        )
    return command
