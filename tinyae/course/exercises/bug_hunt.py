"""Exercise 21, the bug hunt: eight files of the zoo, to be fixed and explained."""

from collections.abc import Callable
from typing import Any

from numpy.random import Generator

from tinyae.course import judge
from tinyae.course.exercise import Check, Code, Exercise, Mistake, Partial
from tinyae.course.patched import patch
from tinyae.course.zoo import MAX_LINES, find_bug, what_is_wrong

HUNT = (
    "slow_bias",
    "softmax_classes",
    "batch_statistics",
    "tied_weights",
    "mirrored_kernel",
    "repeated_words",
    "kl_fractions",
    "half_lambda",
)
MIN_WORDS = 5  # of an explanation


def answers(code: Code) -> dict[str, Any]:
    """What the student's ``fixes`` returns.

    Raises:
        Mistake: if it is not a dict.
    """
    found = code.call("fixes")
    if not isinstance(found, dict):
        raise Mistake(f"fixes returned {judge.described(found)}, expected a dict")
    return found


def answer(found: dict[str, Any], name: str) -> tuple[str, str, str]:
    """The three texts about one bug.

    Raises:
        Mistake: if they are missing.
    """
    if name not in found:
        raise Mistake(f"fixes has no entry {name!r}")
    old, new, why = judge.pair(found[name], "line, what it should be, why")
    if not all(isinstance(text, str) for text in (old, new, why)):
        raise Mistake(f"{name}: expected three strings: line, what it should be, why")
    return old, new, why


def fixed(name: str) -> Callable[[Code, Generator], dict[str, str]]:
    """The check of one bug."""

    def run(code: Code, rng: Generator) -> dict[str, str]:
        old, new, _ = answer(answers(code), name)
        text = patch(find_bug(name).released, old, new, MAX_LINES)
        target = code.construct("tinyae.course.patched.Patched", text)
        problems = what_is_wrong(code, find_bug(name), target)
        return judge.only_wrong(**{name: "; ".join(problems[:2])})

    return run


def why(code: Code, rng: Generator) -> dict[str, str]:
    """An instructor reads the sentences; here they only have to be there."""
    found = answers(code)
    missing = []
    for name in HUNT:
        try:
            explained = len(answer(found, name)[2].split()) >= MIN_WORDS
        except Mistake:
            explained = False
        missing += [] if explained else [name]
    if not missing:
        return {}
    text = f"a sentence of at least {MIN_WORDS} words is missing for {', '.join(missing)}"
    return {"why": Partial(text, 1 - len(missing) / len(HUNT))}


EXERCISE = Exercise(
    name="bug_hunt",
    number=21,
    title="A bug hunt: eight wrong gradients",
    chapter="09_gradient_checking",
    checks=(*(Check({name: 1}, fixed(name)) for name in HUNT), Check({"why": 2}, why)),
)
