"""``tinyae exercise``: list, start, check and release the graded exercises."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tinyae.course import Limits, grade
from tinyae.course.exercise import Exercise
from tinyae.course.exercises import NAMES, find
from tinyae.course.release import has_jupytext, release_nbgrader
from tinyae.course.release import start as start_exercise

PROGRESS = "exercises.json"  # best score of each exercise, in the student's folder
BAR = 10


def list_exercises(args: argparse.Namespace) -> int:
    """Print the exercises, and the points reached so far."""
    best = read_progress(Path(args.folder))
    exercises = [find(name) for name in NAMES]
    width = max(len(e.name) for e in exercises)
    title = max(len(e.title) for e in exercises)
    for e in exercises:
        score = f"{best[e.name]:g} of {e.max_score:g}" if e.name in best else f"{e.max_score:g}"
        print(
            f"{e.number:2d}  {e.name:{width}}  {e.title:{title}}  "
            f"chapter {int(e.chapter[:2])}  {score} points"
        )
    print(progress_line(best))
    print("\nStart one: tinyae exercise start NAME    Check it: tinyae exercise check FILE")
    return 0


def start(args: argparse.Namespace) -> int:
    """Write the student's files."""
    names = NAMES if args.name == "all" else (args.name,)
    for name in names:
        exercise = find(name)
        written = start_exercise(exercise, args.folder)
        for path in written:
            print(f"wrote {path}")
        if not written:
            print(f"{exercise.stem}: your files exist already and stay as they are")
        elif len(names) == 1:
            print(f"\nEdit one of them, then: tinyae exercise check {written[0]}")
    if not has_jupytext():
        print("(no notebooks: they need jupytext, pip install 'tinyae[course]')")
    return 0


def check(args: argparse.Namespace) -> int:
    """Grade the student's file and print the feedback; remember the best score.

    Returns:
        The exit code: 0 if everything is right, 1 if not.
    """
    path = Path(args.file)
    exercise = named(args.exercise, path)
    result = grade(path, exercise, limits=limits(args))
    print(result)
    best = read_progress(path.parent)
    best[exercise.name] = max(result.score, best.get(exercise.name, 0.0))
    write_progress(path.parent, best)
    print(progress_line(best))
    return 0 if result.score == result.max_score else 1


def release(args: argparse.Namespace) -> int:
    """Write exercises for a course."""
    names = [name.strip() for name in args.only.split(",")] if args.only else NAMES
    for exercise in [find(name) for name in names]:
        if args.nbgrader:
            written = release_nbgrader(exercise, args.folder)
        else:
            written = start_exercise(exercise, args.folder)
        for path in written:
            print(f"wrote {path}")
        if not written:
            print(f"{exercise.name} is there already and stays as it is")
    if args.nbgrader:
        print("\nNext: nbgrader generate_assignment NAME (its kernel must have tinyae and NumPy)")
    return 0


def named(name: str | None, path: Path) -> Exercise:
    """The exercise of a file: by the given name, or by the file's, as in 02_linear.py.

    Raises:
        ValueError: if the name is unknown.
    """
    if name is None:
        stem = path.stem.lower()
        known = [n for n in NAMES if stem in (n, find(n).stem)]
        if not known:
            raise ValueError(
                f"{path.name} is not named like an exercise: say which one it is, with "
                "--exercise NAME (see: tinyae exercise list)"
            )
        name = known[0]
    return find(name)


def limits(args: argparse.Namespace) -> Limits:
    """What the student's process may use.

    Raises:
        ValueError: if a limit is not positive.
    """
    if args.timeout <= 0 or args.memory <= 0:
        raise ValueError("--timeout and --memory must be positive")
    return Limits(seconds=args.timeout, memory=int(args.memory * 2**30))


def read_progress(folder: Path) -> dict[str, float]:
    """Exercise -> best score so far. A file that cannot be read counts as none."""
    try:
        found = json.loads((folder / PROGRESS).read_text("utf-8"))
        return {name: float(found[name]) for name in NAMES if name in found}
    except (OSError, ValueError, TypeError):
        return {}


def write_progress(folder: Path, best: dict[str, float]) -> None:
    try:
        (folder / PROGRESS).write_text(json.dumps(best, indent=1) + "\n", encoding="utf-8")
    except OSError as error:  # the feedback has been printed, which is what matters
        print(f"tinyae: the progress was not saved: {error}", file=sys.stderr)


def progress_line(best: dict[str, float]) -> str:
    total = sum(find(name).max_score for name in NAMES)
    reached = sum(best.values())
    filled = int(BAR * reached / total)
    bar = "#" * filled + "." * (BAR - filled)
    tried = f"{len(best)} of {len(NAMES)} tried"
    return f"\nAll exercises: [{bar}] {reached:g} of {total:g} points, {tried}"
