"""The arguments of ``tinyae exercise`` and ``tinyae grade``."""

from __future__ import annotations

import argparse
from typing import Any


def add_exercise(commands: Any) -> None:
    """``tinyae exercise list | start | check | release``."""
    command = commands.add_parser(
        "exercise", help="graded exercises: start one, check your solution, see your progress"
    )
    actions = command.add_subparsers(title="actions", metavar="ACTION", required=True)

    action = _add(
        actions, "list", "exercise.list_exercises", "list the exercises, with your points"
    )
    action.add_argument("folder", nargs="?", default=".", help="your folder (default: this one)")

    action = _add(
        actions, "start", "exercise.start", "write the task to a folder, as a script and a notebook"
    )
    action.add_argument("name", help="see `tinyae exercise list`, or all")
    action.add_argument("folder", nargs="?", default=".", help="where to (default: here)")

    action = _add(
        actions, "check", "exercise.check", "say for each part what is right, and what is wrong"
    )
    action.add_argument("file", help="your script or notebook")
    action.add_argument("--exercise", metavar="NAME", help="default: from the file's name")
    _add_limits(action)

    action = _add(
        actions, "release", "exercise.release", "for instructors: write exercises to a folder"
    )
    action.add_argument("folder", help="where to")
    action.add_argument(
        "--only", metavar="NAMES", help="names of exercises, separated by commas (default: all)"
    )
    action.add_argument(
        "--nbgrader",
        action="store_true",
        help="write nbgrader's sources, FOLDER/source/NAME/NAME.ipynb, with solutions",
    )


def add_grade(commands: Any) -> None:
    """``tinyae grade``."""
    command = _add(commands, "grade", "grade.grade", "for instructors: grade submissions")
    command.add_argument(
        "submission",
        nargs="?",
        help="a script, a notebook, or the folder of one submission; with --csv, a folder of "
        "submissions",
    )
    command.add_argument("--exercise", metavar="NAME", help="default: from the file's name")
    command.add_argument("--json", action="store_true", help="print the grade as JSON")
    command.add_argument("--gradescope", metavar="FILE", help="write Gradescope's results.json")
    command.add_argument(
        "--csv",
        metavar="FILE",
        help="grade a folder of submissions into this table; run it again to resume",
    )
    command.add_argument("--feedback", metavar="DIR", help="write a text file per submission")
    command.add_argument("--regrade", action="store_true", help="grade again what is in the table")
    command.add_argument("--workers", type=int, help="default: one per core")
    command.add_argument(
        "--seed", type=int, help="draws the inputs (default: secret; the table has it)"
    )
    command.add_argument(
        "--make-gradescope-zip",
        nargs=2,
        metavar=("NAME", "OUT.zip"),
        help="write the autograder of an exercise for Gradescope",
    )
    _add_limits(command)


def _add(actions: Any, name: str, run: str, help: str) -> argparse.ArgumentParser:
    action = actions.add_parser(name, help=help, description=help)
    action.set_defaults(run=run)
    return action


def _add_limits(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--timeout",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="time that the code may take for one call (default: 10)",
    )
    command.add_argument(
        "--memory",
        type=float,
        default=4.0,
        metavar="GIB",
        help="memory that the code may use (default: 4)",
    )
