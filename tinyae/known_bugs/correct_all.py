"""``CORRECT_MORE``: right layers, nets and losses that a checker must pass, each at seven scales of
its input."""

from tinyae.known_bugs import (  # noqa: F401  they fill CORRECT_MORE
    correct_activations,
    correct_convolution,
    correct_losses,
    correct_nets,
    correct_normalization,
    correct_sequence,
)
from tinyae.known_bugs.correct_base import CORRECT_MORE, SCALES, Correct

__all__ = ["CORRECT_MORE", "SCALES", "Correct"]
