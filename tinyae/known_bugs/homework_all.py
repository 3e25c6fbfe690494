"""``HOMEWORK``: wrong gradients as students write them, each with the words that name its cause."""

from tinyae.known_bugs import (  # noqa: F401  they fill HOMEWORK
    homework_activations,
    homework_convolution,
    homework_losses,
    homework_nets,
    homework_normalization,
    homework_pooling,
    homework_recurrent,
    homework_scaling,
    homework_sequence,
    homework_state,
)
from tinyae.known_bugs.homework_base import HOMEWORK, Homework

__all__ = ["HOMEWORK", "Homework"]
