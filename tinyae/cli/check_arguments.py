"""The arguments of ``tinyae check``."""

from __future__ import annotations

from typing import Any


def add_check(commands: Any) -> None:
    """``tinyae check FILE:NAME``."""
    command = commands.add_parser(
        "check",
        help="check the gradients of a layer or function in your file",
        description="Check the gradients of something in your own file. The file runs in a process "
        "of its own, with limits, in a folder where it finds the files beside it. Exit code: 0 if "
        "every gradient is right, 1 if one is wrong, 2 if it was not checked.",
    )
    command.set_defaults(run="check.check")
    command.add_argument(
        "target",
        metavar="FILE:NAME",
        help="a .py file or a notebook, and what to check: a layer or a loss; a class, with "
        'arguments if it needs some ("f.py:Conv2d(3, 8, 3)"); a function f with its f_backward; '
        "or f,g if its backward is called g",
    )
    command.add_argument(
        "--input",
        metavar="SHAPE",
        help='shape of the input, batch first: "4,3,8,8"; for several inputs "4x3;3x5;5"; integers '
        'such as labels: "4x5;int:0..4:4"; settings: "4x5;{\'stride\': 1}"',
    )
    command.add_argument(
        "--method",
        default="central",
        help="central (default), forward, richardson, complex or directions; exact and dual work "
        "in Python only, and are replaced by central",
    )
    command.add_argument(
        "--seed", type=int, default=0, help="seed of the random inputs and cotangent (default: 0)"
    )
    command.add_argument(
        "--timeout",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="time that the file's code may take, in total (default: 60)",
    )
    command.add_argument(
        "--memory",
        type=float,
        default=4.0,
        metavar="GIB",
        help="memory that the file's code may use (default: 4)",
    )
