"""The zoo: gradients that are wrong in a known way, and correct ones that look suspicious. A checker must tell them apart.

``BUGS`` and ``SOUND`` are lists of ``Specimen``. Each makes its target and inputs from a seed, so that a checker meets it in
many forms:

    for bug in BUGS:
        target, inputs = bug.make(seed=0)
        assert not my_checker(target, *inputs), bug.about

The bugs are a few lines each. Those marked *published* restate code that people have copied for years.
"""

from tinyae.checking.zoo import activations, convolutions, linear, losses, published  # noqa: F401  they fill BUGS
from tinyae.checking.zoo.activations import Softmax
from tinyae.checking.zoo.base import BUGS, Specimen, altered
from tinyae.checking.zoo.sound import SOUND

__all__ = ["BUGS", "SOUND", "Softmax", "Specimen", "altered"]
