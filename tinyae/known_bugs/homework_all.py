"""``HOMEWORK``: wrong gradients as students write them, each with the words that name its cause.

The files ``homework_unseen_*``, ``homework_later_*`` and ``homework_last_*`` are three sets that
were written before their hints were looked at: ``UNSEEN``, ``LATER`` and ``LAST``. What the hints
were worth at first sight is said in ``tests/checking/test_hints.py``.
"""

from tinyae.known_bugs import (  # noqa: F401  they fill HOMEWORK
    homework_activations,
    homework_convolution,
    homework_last_layers,
    homework_last_steps,
    homework_later_images,
    homework_later_losses,
    homework_later_recurrent,
    homework_later_sequences,
    homework_losses,
    homework_nets,
    homework_normalization,
    homework_pooling,
    homework_recurrent,
    homework_scaling,
    homework_sequence,
    homework_state,
    homework_unseen_courses,
    homework_unseen_images,
    homework_unseen_losses,
    homework_unseen_nets,
    homework_unseen_norms,
    homework_unseen_products,
    homework_unseen_steps,
)
from tinyae.known_bugs.homework_base import HOMEWORK, Homework

UNSEEN = [h for h in HOMEWORK if h.topic.startswith("unseen")]
LATER = [h for h in HOMEWORK if h.topic.startswith("later")]
LAST = [h for h in HOMEWORK if h.topic.startswith("last")]

__all__ = ["HOMEWORK", "LAST", "LATER", "UNSEEN", "Homework"]
