"""How good is a checker? The bugs that it catches, and the right layers that it rejects.

A student's file defines ``check(layer, x) -> bool``. It meets bugs and right layers of
``tinyae.known_bugs``, in random order and with random inputs, each as a ``RemoteLayer``.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.random import Generator

from tinyae.course import judge
from tinyae.course.checker_hints import hints
from tinyae.course.errors import MissingName, StudentCodeError, StudentException
from tinyae.course.exercise import Code
from tinyae.course.grading import answers
from tinyae.course.isolation import StudentCode
from tinyae.course.lent import LentLayer
from tinyae.course.notebook import NotebookCode
from tinyae.course.sandbox import Limits
from tinyae.course.verdicts import FamilyScore, Verdict
from tinyae.known_bugs import BUGS, CORRECT, Example

MAX_FAILURES = 6  # layers about which the checker takes too long, or ends its process
LARGE = (  # more than 400 entries: too slow for a grade
    "linear_one_entry_of_many large_tensor mse_large conv_swapped_channels conv_stride "
    "conv_stride_both sequential_stops_early deep_relu"
).split()

# The modules of tinyae.known_bugs with the bugs of each family, and the right layers of the family
FAMILIES = {
    "linear": (
        "linear",
        "linear one_example one_number inputs_of_a_million linear_inputs_of_a_million affine_pair "
        "gradients_of_1e8 linear_float32 large_tensor",
    ),
    "behavior": ("linear_behavior", "linear one_example one_number linear_float32 sigmoid_layer"),
    "activations": (
        "activations",
        "relu_normal relu_exact_zeros relu_nearly_zero leaky_relu elu_kinked softplus softmax "
        "saturated_sigmoid very_saturated_sigmoid saturated_tanh sigmoid_layer batch_norm "
        "offset_of_a_million",
    ),
    "convolutions": (
        "convolutions",
        "convolution dilated transposed relu_conv digits_zero_bias_conv",
    ),
    "losses and nets": (
        "losses",
        "mse_loss mse_at_minimum mse_near_minimum mse_float32 mse_large bce_loss bce_near_edge "
        "bce_with_logits_loss bce_with_logits_zero cross_entropy_labels relu_net_exact_zeros "
        "deep_relu steep",
    ),
    "penalties": ("published", "l1_penalty norm_of_tiny kl_penalty contraction_pair"),
}


def examples(family: str) -> list[tuple[Example, bool]]:
    """The bugs (True) and the right layers (False) of a family."""
    module, names = FAMILIES[family]
    bugs = [bug for bug in BUGS if bug.build.__module__.endswith(f".{module}")]
    right = [example for example in CORRECT if example.name in names.split()]
    return [(bug, True) for bug in bugs] + [(example, False) for example in right]


def ask(code: Code, example: Example, is_bug: bool, seed: int) -> Verdict:
    """Let the student's ``check`` decide about one example.

    Raises:
        StudentCodeError: if ``check`` is not there or not written, or if its process has ended.
    """
    lent = LentLayer(*example.make(seed))
    functions = lent.forward, lent.backward
    layer = code.construct("tinyae.course.lent.RemoteLayer", *functions, lent.params)
    try:
        answer = code.call("check", layer, lent.x)
    except StudentException as error:
        if error.type == "NotImplementedError":
            raise
        reason = f"check raised {error.type}: {error.message}"
        return Verdict(example, is_bug, False, reason[:200], lent)
    finally:
        lent.forget()
    if isinstance(answer, bool | np.bool_) or (
        isinstance(answer, np.ndarray) and answer.dtype == bool and answer.ndim == 0
    ):
        return Verdict(example, is_bug, bool(answer), "", lent)
    reason = f"check returned {judge.described(answer)}, expected True or False"
    return Verdict(example, is_bug, None, reason, lent)


def ask_about(
    code: Code, name: str, chosen: list[tuple[Example, bool]], rng: Generator
) -> FamilyScore:
    """Ask about examples, in random order; large ones are left out."""
    result = FamilyScore(name)
    for i in rng.permutation(len(chosen)):
        example, is_bug = chosen[i]
        if example.name not in LARGE:
            result.verdicts.append(ask(code, example, is_bug, int(rng.integers(2**63))))
    return result


def score_function(check: Callable[..., bool], families: Iterable[str] = tuple(FAMILIES)) -> Score:
    """The score of a function of this process, such as one in a notebook. Large examples are left
    out, and the others are drawn once."""
    code, rng = NotebookCode({"check": check}), np.random.default_rng(secrets.randbits(64))
    return Score([ask_about(code, name, examples(name), rng) for name in families])


@dataclass
class Score:
    """How a checker does on the whole collection.

    Attributes:
        families: the score of each.
        notes: why it was stopped, if it was.
    """

    families: list[FamilyScore]
    notes: list[str] = field(default_factory=list)

    @property
    def total(self) -> FamilyScore:
        return FamilyScore("all", [v for family in self.families for v in family.verdicts])

    def __str__(self) -> str:
        lines = [f"{'family':<16}{'bugs':>6}{'caught':>9}{'right':>8}{'rejected':>10}{'score':>8}"]
        for f in [*self.families, self.total]:
            bugs, right = (f.count(kind, True) + f.count(kind, False) for kind in (True, False))
            lines.append(
                f"{f.name:<16}{bugs:>6}{f.caught:>9.0%}{right:>8}{f.rejected:>10.0%}{f.score:>8.2f}"
            )
        for title, is_bug in (("bugs that were missed", True), ("right layers rejected", False)):
            wrong = self.total.wrong(is_bug)
            if wrong:
                lines.append(f"\n{title}:")
                lines += [f"  {name}: {about}" for name, about in wrong.items()]
        found = hints(self.total.verdicts)
        lines += ["\nhints:", *(f"  - {hint}" for hint in found)] if found else []
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


def score(
    path: str | Path,
    draws: int = 2,
    seed: int | None = None,
    limits: Limits | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Score:
    """Ask the ``check`` of a student's file about the whole collection.

    Args:
        path: a .py file or an .ipynb notebook. Its code runs in a process of its own.
        draws: how often each example is drawn; a large one is drawn once.
        seed: draws the examples; by default, nobody knows it in advance.
        limits: what the process may use. Too little time for a layer is a wrong answer.
        progress: called with the number of layers that are done, and of all.

    Raises:
        StudentCodeError: if the file cannot be run, or does not define ``check``.
    """
    rng = np.random.default_rng(secrets.randbits(64) if seed is None else seed)
    result = Score([FamilyScore(name) for name in FAMILIES])
    todo = [
        (family, *example)
        for family in result.families
        for example in examples(family.name)
        for _ in range(1 if example[0].name in LARGE else draws)
    ]
    order = list(rng.permutation(len(todo)))
    total, failures = len(order), 0
    while order and failures < MAX_FAILURES:
        with StudentCode(path, limits, hide=answers()) as code:
            while order:
                progress(total - len(order), total)
                family, example, is_bug = todo[order.pop()]
                lent_seed = int(rng.integers(2**63))
                try:
                    family.verdicts.append(ask(code, example, is_bug, lent_seed))
                except (StudentException, MissingName):
                    raise
                except StudentCodeError as error:  # its process has ended
                    lent = LentLayer(*example.make(lent_seed))
                    family.verdicts.append(Verdict(example, is_bug, None, str(error), lent))
                    failures += 1
                    break
    progress(total - len(order), total)
    if order:
        result.notes.append(f"stopped after {failures} failures: {len(order)} layers not asked")
    return result
