"""``tinyae zoo``: bugs to find and fix, and a score for your own gradient checker."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from tinyae.course import zoo
from tinyae.course.checker_score import score as score_checker
from tinyae.course.errors import StudentCodeError
from tinyae.course.sandbox import Limits


def list_bugs(args: argparse.Namespace) -> int:
    """Print the bugs, and which of them are fixed in the student's folder."""
    names = zoo.zoo_names()
    width = max(len(name) for name in names)
    fixed = started = 0
    for name in names:
        path = Path(args.folder) / f"{name}.py"
        state = ""
        if path.exists():
            started += 1
            is_fixed = zoo.check(path).ok
            fixed += is_fixed
            state = "  fixed" if is_fixed else "  started"
        print(f"{name:{width}}  {zoo.find_bug(name).title}{state}", flush=True)
    print(f"\n{fixed} fixed and {started - fixed} started of {len(names)}")
    print("Start one: tinyae zoo start NAME    Check it: tinyae zoo check FILE")
    return 0


def start(args: argparse.Namespace) -> int:
    """Write the file with the bug."""
    for name in zoo.zoo_names() if args.name == "all" else [args.name]:
        path = zoo.start(name, args.folder)
        if path is None:
            print(f"{name}.py exists already and stays as it is")
        else:
            print(f"wrote {path}")
    if args.name != "all":
        print(f"\n{zoo.find_bug(args.name).story}")
        print(f"\nRun the file, fix it, then: tinyae zoo check {args.name}.py")
    return 0


def check(args: argparse.Namespace) -> int:
    """Say whether the bug is gone.

    Returns:
        The exit code: 0 if it is, 1 if not, 2 if the file cannot be read.
    """
    try:
        fix = zoo.check(args.file)
    except StudentCodeError as error:
        print(f"tinyae: {error}", file=sys.stderr)
        return 2
    print(fix)
    return 0 if fix.ok else 1


def score(args: argparse.Namespace) -> int:
    """Print which bugs the student's checker catches, and which right layers it rejects.

    Returns:
        The exit code: 0, or 2 if the file cannot be run or does not define ``check``.
    """
    if args.draws < 1 or args.timeout <= 0:
        raise ValueError("--draws must be at least 1, and --timeout must be positive")
    try:
        with tqdm(unit="layer", leave=False) as bar:

            def progress(done: int, total: int) -> None:
                bar.total = total
                bar.n = done
                bar.refresh()

            limits = Limits(seconds=args.timeout)
            result = score_checker(args.file, args.draws, args.seed, limits, progress)
    except StudentCodeError as error:
        print(f"tinyae: {error}", file=sys.stderr)
        return 2
    print(result)
    return 0
