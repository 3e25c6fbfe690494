"""The command line: ``tinyae train``, ``tinyae reconstruct``, ``tinyae anomalies``, ``tinyae info``, ``tinyae list``."""

from __future__ import annotations

import argparse
import os
import sys

import tinyae
from tinyae.commands import about, train, use


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

    command = commands.add_parser("train", help="train a model; writes weights, history and pictures")
    command.add_argument("model", nargs="?", default="basic", help="see `tinyae list` (default: basic)")
    command.add_argument("--model", metavar="NAME", dest="architecture", help="the same with another architecture: basic, conv")
    command.add_argument("--data", help="strokes, digits, mnist, fashion-mnist, or a path to pictures or an .npy or .npz file "
                       "(default: strokes, generated on the spot)")  # fmt: skip
    command.add_argument("--data-dir", metavar="DIR", help="folder with mnist and fashion-mnist (default: $TINYAE_DATA)")
    command.add_argument("--epochs", type=int, help="passes over the training pictures in all (default: 20)")
    command.add_argument("--batch-size", type=int, help="examples a step (default: 128)")
    command.add_argument("--lr", type=float, help="Adam's learning rate (default: 0.001)")
    command.add_argument("--seed", type=int, help="of the weights and of every random number of the run (default: 0)")
    command.add_argument("--contraction", type=float, metavar="λ", help="weight of the penalty on the code's Jacobian "
                       "(default: what the model says, see `tinyae list`)")  # fmt: skip
    command.add_argument("--workers", type=int, help="threads that share a batch (default: one a core)")
    command.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    command.add_argument("--out", metavar="DIR", help="folder for what the run writes (default: runs/MODEL-DATA)")
    command.add_argument("--resume", action="store_true", help="go on with the run in the output folder")
    command.add_argument("--quiet", action="store_true", help="no progress bar")
    command.set_defaults(run=train.train)

    reconstruct = commands.add_parser("reconstruct", help="reconstruct pictures with trained weights")
    reconstruct.add_argument("weights", help="weights.npz or weights.safetensors of a run")
    reconstruct.add_argument("images", help="a picture, a folder of pictures, an .npy or .npz file, or the name of a data set")
    reconstruct.add_argument("--data-dir", metavar="DIR", help="where the files of mnist and fashion-mnist lie")
    reconstruct.add_argument("--out", metavar="DIR", default="reconstructed", help="folder to write to (default: reconstructed)")
    reconstruct.set_defaults(run=use.reconstruct)

    anomalies = commands.add_parser("anomalies", help="find the pictures that a trained model cannot rebuild")
    anomalies.add_argument("weights", help="weights.npz or weights.safetensors of a run on normal pictures")
    anomalies.add_argument("images", help="what to look through: pictures, an .npy or .npz file, or the name of a data set")
    anomalies.add_argument("--normal", metavar="DATA", required=True, help="normal pictures that the model was not trained on")
    anomalies.add_argument("--quantile", type=float, default=0.95, help="the share of normal pictures to pass (default: 0.95)")
    anomalies.add_argument("--data-dir", metavar="DIR", help="where the files of mnist and fashion-mnist lie")
    anomalies.add_argument("--out", metavar="DIR", default="anomalies", help="folder to write to (default: anomalies)")
    anomalies.set_defaults(run=use.anomalies)

    check = commands.add_parser("check", help="check the gradients of a layer or function in a file of your own")
    check.add_argument("target", metavar="FILE.py:NAME", help="a layer, a loss, or a function f beside f_backward (or f,g)")
    check.add_argument("--input", metavar="SHAPE", help='of the input, batch first: "4,3,8,8"; for functions "4x3;5x3;5"')
    check.add_argument("--method", default="central", help="central (default), forward, richardson, complex or directions")
    check.add_argument("--seed", type=int, default=0, help="of the random inputs and cotangent (default: 0)")
    check.set_defaults(run=about.check)

    commands.add_parser("list", help="the models that can be trained").set_defaults(run=about.list_models)
    commands.add_parser("info", help="versions, BLAS, threads, GPU, data found").set_defaults(run=about.info)
    return parser
