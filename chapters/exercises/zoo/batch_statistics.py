"""Batch normalization, first version.

Batch normalization subtracts the mean of the batch and divides by its standard
deviation. Both depend on all the examples of the batch, so the gradient of one example
contains all the others. Many first versions treat the two statistics as constants.
Training then runs, and is less stable than without the layer.

Find the bug and fix it. Change at most three lines.

    python batch_statistics.py              runs gradcheck
    tinyae zoo check batch_statistics.py    says whether the bug is gone
"""

import numpy as np


def forward(x):
    """(x - mean) / deviation, over the batch."""
    deviation = np.sqrt(x.var(axis=0) + 1e-5)
    y = (x - x.mean(axis=0)) / deviation
    return y, (y, deviation)


def backward(dy, cache):
    y, deviation = cache
    dx = dy / deviation  # BUG
    # FIX: dx = (dy - dy.mean(axis=0) - y * (dy * y).mean(axis=0)) / deviation
    return dx


def inputs(rng):
    """Where it is checked."""
    return (rng.normal(size=(6, 5)),)


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
