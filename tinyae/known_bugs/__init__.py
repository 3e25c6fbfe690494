"""The collection: gradients that are wrong in a known way, and correct ones that look suspicious. A
checker must tell them apart.

``BUGS`` and ``CORRECT`` are lists of ``Example``. Each makes its target and inputs from a seed, so
that a checker meets it in many forms:

    for bug in BUGS:
        target, inputs = bug.make(seed=0)
        assert not my_checker(target, *inputs), bug.about

The bugs are a few lines each. Those marked *published* restate code that people have copied for
years.
"""

from tinyae.known_bugs import (  # noqa: F401  they fill BUGS and CORRECT
    activations,
    convolutions,
    correct_targets,
    linear,
    linear_behavior,
    losses,
    published,
)
from tinyae.known_bugs.activations import Softmax
from tinyae.known_bugs.base import BUGS, Example, with_bug
from tinyae.known_bugs.correct import CORRECT

__all__ = ["BUGS", "CORRECT", "Softmax", "Example", "with_bug"]
