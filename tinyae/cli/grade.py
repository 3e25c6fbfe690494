"""``tinyae grade``: grade one submission, or a folder of them."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from tinyae.cli.exercise import limits, named
from tinyae.course.errors import UnreadableFile
from tinyae.course.exercises import find
from tinyae.course.folder import grade_folder, submission_file
from tinyae.course.gradescope import make_zip, write_results
from tinyae.course.grading import Grade, no_points
from tinyae.course.grading import grade as grade_one


def grade(args: argparse.Namespace) -> int:
    """Grade, and write the grades where they were asked for.

    Returns:
        The exit code: 0 if the submissions were graded, whatever their points are.
    """
    if args.make_gradescope_zip:
        name, out = args.make_gradescope_zip
        path = make_zip(find(name), out)
        print(f"wrote {path}: upload it as the autograder of a programming assignment")
        return 0
    if args.submission is None:
        raise ValueError("which submission? Expected a script, a notebook or a folder")
    if not Path(args.submission).exists():
        raise FileNotFoundError(f"no file or folder {args.submission}")
    return _folder(args) if args.csv else _single(args)


def _single(args: argparse.Namespace) -> int:
    start = time.perf_counter()
    path = Path(args.submission)
    if path.is_dir() and not args.exercise:
        raise ValueError("a folder: say which exercise it is, with --exercise NAME")
    exercise = named(args.exercise, path)
    try:
        file = submission_file(path, exercise)
        result = grade_one(file, exercise, args.seed, limits(args))
    except UnreadableFile as error:
        result = no_points(exercise, str(error))
    print(json.dumps(result.to_dict(), indent=2) if args.json else result)
    warn(result)
    if args.gradescope:
        write_results(args.gradescope, result, time.perf_counter() - start)
    return 0


def warn(result: Grade) -> None:
    """Say what is not protected, where this machine cannot isolate the code."""
    if any("network" in sentence for sentence in result.protection):
        print("tinyae: the submission was not fully isolated here.", file=sys.stderr)
        for sentence in result.protection:
            print(f"  {sentence}", file=sys.stderr)


def _folder(args: argparse.Namespace) -> int:
    if not args.exercise:
        raise ValueError("say which exercise the submissions are of, with --exercise NAME")
    exercise = find(args.exercise)
    from tqdm import tqdm

    with tqdm(unit="submission") as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.n = done
            bar.refresh()

        count = grade_folder(
            args.submission,
            exercise,
            args.csv,
            workers=args.workers,
            seed=args.seed,
            limits=limits(args),
            feedback=args.feedback,
            again=args.regrade,
            progress=progress,
        )
    print(f"graded {count} submissions; the grades are in {args.csv}")
    return 0
