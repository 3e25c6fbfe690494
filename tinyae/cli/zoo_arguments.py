"""The arguments of ``tinyae zoo``."""

from __future__ import annotations

import argparse
from typing import Any


def add_zoo(commands: Any) -> None:
    """``tinyae zoo list | start | check | score``."""
    command = commands.add_parser(
        "zoo", help="find and fix wrong gradients; a score for your own gradient checker"
    )
    actions = command.add_subparsers(title="actions", metavar="ACTION", required=True)

    action = _add(actions, "list", "zoo.list_bugs", "list the bugs, and which ones you have fixed")
    action.add_argument("folder", nargs="?", default=".", help="your folder (default: this one)")

    action = _add(actions, "start", "zoo.start", "write a file with a bug")
    action.add_argument("name", help="see `tinyae zoo list`, or all")
    action.add_argument("folder", nargs="?", default=".", help="where to (default: here)")

    action = _add(actions, "check", "zoo.check", "say whether the bug is gone from your file")
    action.add_argument("file", help="the file that `tinyae zoo start` wrote")

    action = _add(
        actions,
        "score",
        "zoo.score",
        "which bugs your checker catches, and which right layers it rejects",
    )
    action.add_argument("file", help="a file that defines check(layer, x) -> bool")
    action.add_argument(
        "--draws", type=int, default=2, help="how often each layer is drawn (default: 2)"
    )
    action.add_argument("--seed", type=int, help="draws the layers (default: random)")
    action.add_argument(
        "--timeout",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="time that the check of one layer may take (default: 10)",
    )


def _add(actions: Any, name: str, run: str, help: str) -> argparse.ArgumentParser:
    action = actions.add_parser(name, help=help, description=help)
    action.set_defaults(run=run)
    return action
