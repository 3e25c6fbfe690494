"""The arguments of ``tinyae train``."""

from __future__ import annotations

import argparse


def add_train_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "model", nargs="?", default="basic", help="see `tinyae list` (default: basic)"
    )
    command.add_argument(
        "--variant", metavar="NAME", help="a variant of the model, such as conv, tied, 2d or images"
    )
    command.add_argument(
        "--data",
        help="strokes, digits, mnist, fashion-mnist, or the path of a folder of images, of an .npy "
        "or .npz file, or of a table (default: strokes, which are generated on the fly); `tinyae "
        "info --formats` lists all",
    )
    command.add_argument(
        "--data-dir",
        metavar="DIR",
        help="folder with mnist and fashion-mnist (default: $TINYAE_DATA)",
    )
    _add_data_options(command)
    command.add_argument(
        "--epochs",
        type=int,
        help="total number of passes over the training images (default: see `tinyae list`)",
    )
    command.add_argument(
        "--batch-size", type=int, help="examples per step (default: 128; kfac: 500)"
    )
    command.add_argument(
        "--optimizer",
        choices=["adam", "kfac"],
        help="adam (default), or kfac: natural-gradient steps for dense models; it has no --lr",
    )
    command.add_argument("--lr", type=float, help="Adam's learning rate (default: 0.001)")
    command.add_argument(
        "--seed", type=int, help="seed of the weights and of all random numbers (default: 0)"
    )
    _add_model_options(command)
    command.add_argument(
        "--workers", type=int, help="threads that share each batch (default: one per core)"
    )
    command.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    command.add_argument("--out", metavar="DIR", help="output folder (default: runs/MODEL-DATA)")
    command.add_argument(
        "--resume", action="store_true", help="continue the run in the output folder"
    )
    command.add_argument("--quiet", action="store_true", help="no progress bar")


def _add_data_options(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group(
        "data options", "How files are read. Later commands read their files in the same way."
    )
    group.add_argument(
        "--size", type=int, metavar="S", help="resize the images to S×S (default: 28 for files)"
    )
    group.add_argument(
        "--color",
        action="store_true",
        default=None,
        help="keep the colors of image files (default: gray)",
    )
    group.add_argument(
        "--invert",
        action="store_true",
        default=None,
        help="swap light and dark: dark ink on white paper becomes light ink on black",
    )
    group.add_argument(
        "--scale",
        metavar="HOW",
        help="a number: divide the values by it, such as 255 or 16; minmax: to [0, 1], each column "
        "of a table by itself; standardize: to mean 0 and standard deviation 1 (default: what the "
        "files say)",
    )
    group.add_argument(
        "--normal-label",
        metavar="LABEL",
        help="train only on the images with this label; `tinyae anomalies` then finds the others",
    )


def _add_model_options(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group(
        "model options", "Each model has some of these; `tinyae list` shows which."
    )
    group.add_argument(
        "--contraction",
        type=float,
        metavar="λ",
        help="weight of the penalty on the code's Jacobian",
    )
    group.add_argument(
        "--noise",
        metavar="KIND:AMOUNT",
        help="corrupt the inputs; the targets stay clean: gaussian:σ, masking:ν or "
        "salt-and-pepper:ν",
    )
    group.add_argument(
        "--beta",
        type=float,
        metavar="β",
        help="weight of the model's own term: sparsity, KL divergence, discriminator or "
        "perceptual loss",
    )
    group.add_argument(
        "--rho", type=float, metavar="ρ", help="target mean activation of each unit (sparse-kl)"
    )
    group.add_argument(
        "--k", type=int, metavar="K", help="number of entries to keep in each code (k-sparse)"
    )
    group.add_argument(
        "--output-layer",
        choices=["sigmoid", "tanh", "relu", "linear"],
        help="the activation at the end, whose range the data must have: [0, 1], [-1, 1], at least "
        "0, or any (linear)",
    )
