"""What the hints are worth, and false alarms: mistakes by others, and right layers at seven scales,
alone and inside nets.

    python benchmarks/hints.py [--draws 20]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinyae import Flatten, Layer, Linear, Sequential
from tinyae.checking import gradcheck
from tinyae.known_bugs import CORRECT
from tinyae.known_bugs.correct_all import CORRECT_MORE, SCALES
from tinyae.known_bugs.homework_all import HOMEWORK, LAST, LATER, UNSEEN, Homework

Target = tuple[Any, tuple[Any, ...]]


def worth(entries: list[Homework]) -> tuple[int, int, int]:
    """How many mistakes are caught, how many causes are named, how many hints mislead."""
    caught = named = misled = 0
    for homework in entries:
        target, inputs = homework.make(0)
        report = gradcheck(target, *inputs, kind=homework.kind)
        text = " ".join(x.text for x in [*report.hints, *report.findings])
        caught += not report.ok
        named += not report.ok and homework.named_in(text)
        misled += homework.misled_by(text)
    return caught, named, misled


def correct(draws: int) -> Iterator[tuple[str, int, Target]]:
    """(name, draw, target and inputs) of everything that is right."""
    for example in CORRECT_MORE:
        for scale in SCALES:
            for draw in range(draws):
                yield f"{example.name} × {scale:g}", draw, example.make(draw, scale)
    for plain in CORRECT:
        for draw in range(draws):
            yield plain.name, draw, plain.make(draw)


def in_net(made: Target, seed: int) -> Target | None:
    """A linear layer before it, where its input is a table, and one after it. None for what is not
    a layer with one input and one output per example, or overflows there."""
    target, inputs = made
    x, rng = np.asarray(inputs[0]), np.random.default_rng(seed)
    if not isinstance(target, Layer) or len(inputs) > 1 or x.dtype.kind != "f":
        return None
    y = target.forward(x)[0]
    if isinstance(y, tuple) or y.ndim < 2 or len(y) != len(x):
        return None
    layers = [target, *([Flatten()] if y.ndim > 2 else [])]
    if x.ndim == 2:
        layers.insert(0, Linear(x.shape[1], x.shape[1], rng=rng, dtype=np.float64))
    net = Sequential(*layers, Linear(int(np.prod(y.shape[1:])), 3, rng=rng, dtype=np.float64))
    with np.errstate(all="ignore"):
        return (net, inputs) if np.isfinite(net(x)).all() else None


def false_alarms(draws: int, nets: bool) -> tuple[int, list[str]]:
    """(number of checks, the names of those that fail)."""
    count, alarms = 0, []
    for name, draw, made in correct(draws):
        target = in_net(made, draw) if nets else made
        if target is not None:
            count += 1
            alarms += [] if gradcheck(target[0], *target[1], seed=draw).ok else [f"{name}: {draw}"]
    return count, alarms


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--draws", type=int, default=20, help="random draws of each right layer")
    draws = parser.parse_args().draws
    seen = [h for h in HOMEWORK if h not in UNSEEN + LATER + LAST]
    sets = {"seen": seen, "unseen": UNSEEN, "later": LATER, "last": LAST}
    for label, entries in sets.items():
        caught, named, misled = worth(entries)
        print(
            f"{label:<7} {len(entries):4} mistakes: caught {caught}, named {named}, misled {misled}"
        )
    for nets in (False, True):
        start = time.perf_counter()
        count, alarms = false_alarms(draws, nets)
        where = "inside nets" if nets else "alone"
        print(f"right layers {where}: {len(alarms)} false alarms in {count} checks {alarms[:9]}")
        print(f"  {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
