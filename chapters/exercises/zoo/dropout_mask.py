"""Dropout on the way back.

Dropout sets half of its inputs to 0. On the way back, the gradients of exactly these
inputs are 0. Somebody thought that any half will do, because it is the same on average.
It is not. Some units that were off get a gradient, and some that were on get none.

Find the bug and fix it. Change at most three lines.

    python dropout_mask.py              runs gradcheck
    tinyae zoo check dropout_mask.py    says whether the bug is gone
"""

import numpy as np


def forward(x):
    """Dropout: half of the entries become 0, the others twice as large."""
    mask = 2.0 * (np.random.default_rng(len(x)).random(x.shape) < 0.5)
    return x * mask, mask


def backward(dy, mask):
    mask = 2.0 * (np.random.default_rng().random(dy.shape) < 0.5)  # BUG
    return dy * mask


def inputs(rng):
    """Where it is checked."""
    return (rng.normal(size=(6, 5)),)


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
