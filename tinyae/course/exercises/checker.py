"""Exercise 20, a gradient checker: its score on known bugs and on right layers."""

from collections.abc import Callable

from numpy.random import Generator

from tinyae.course.checker_hints import hints
from tinyae.course.checker_score import FAMILIES, ask_about, examples
from tinyae.course.exercise import Check, Code, Exercise, Partial
from tinyae.course.verdicts import FamilyScore
from tinyae.known_bugs import BUGS, CORRECT

NOTHING, ENOUGH = 0.5, 0.95  # scores of a family for none and for all of its points
MOST = 12  # bugs of a family: a grade should take a few seconds
SHOWN = 3  # examples per list

# What a checker must not overlook: bugs, right layers, and what to say
TRAPS = {
    "random dy": ("softmax_zero linear_permuted_columns linear_reversed_rows", "softmax linear"),
    "tolerance": (
        "linear_tiny_threefold linear_tiny_weights_threefold linear_half_percent",
        "gradients_of_1e8 linear_inputs_of_a_million",
    ),
    "kinks": (
        "relu_passes_everything leaky_relu_without_leak",
        "relu_normal relu_exact_zeros leaky_relu l1_penalty",
    ),
    "every entry": (
        "linear_one_entry linear_x_first_example elu_without_alpha relu_passes_everything",
        "linear affine_pair",
    ),
}


def family(name: str) -> Callable[[Code, Generator], dict[str, str]]:
    """The check of one family."""

    def run(code: Code, rng: Generator) -> dict[str, str]:
        known = examples(name)
        bugs = [e for e in known if e[1]]
        some = [bugs[i] for i in rng.permutation(len(bugs))[:MOST]]
        result = ask_about(code, name, some + [e for e in known if not e[1]], rng)
        if result.score >= ENOUGH:
            return {}
        fraction = (result.score - NOTHING) / (ENOUGH - NOTHING)
        return {name: Partial(feedback(result), max(0.0, fraction))}

    return run


def trap(name: str) -> Callable[[Code, Generator], dict[str, str]]:
    """The check of one trap: everything about it must be right."""

    def run(code: Code, rng: Generator) -> dict[str, str]:
        bugs, right = (names.split() for names in TRAPS[name])
        chosen = [(bug, True) for bug in BUGS if bug.name in bugs]
        chosen += [(example, False) for example in CORRECT if example.name in right]
        result = ask_about(code, name, chosen, rng)
        return {} if result.score == 1 else {name: feedback(result)}

    return run


def feedback(result: FamilyScore) -> str:
    """How many were right, some of the wrong ones, and why."""
    bugs, right = (result.count(kind, True) + result.count(kind, False) for kind in (True, False))
    text = (
        f"{result.count(True, True)} of {bugs} bugs caught, "
        f"{result.count(False, False)} of {right} right layers rejected"
    )
    for title, is_bug in (("missed", True), ("rejected", False)):
        wrong = sorted(result.wrong(is_bug))
        if wrong:
            more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
            text += f"; {title}: {', '.join(wrong[:SHOWN])}{more}"
    return "; ".join([text, *hints(result.verdicts)[:2]])


EXERCISE = Exercise(
    name="checker",
    number=20,
    title="A gradient checker of your own",
    chapter="09_gradient_checking",
    checks=tuple(Check({name: 1}, family(name)) for name in FAMILIES)
    + tuple(Check({name: 1}, trap(name)) for name in TRAPS),
)
