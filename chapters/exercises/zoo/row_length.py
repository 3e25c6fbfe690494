"""Rows of length one.

This layer divides each row by its length, which is often done before two embeddings are
compared. The output does not change if a row becomes longer, so the gradient cannot
point along the row. Here it does. The lengths of the rows drift during training, and
the steps have less and less effect.

Find the bug and fix it. Change at most three lines.

    python row_length.py              runs gradcheck
    tinyae zoo check row_length.py    says whether the bug is gone
"""

import numpy as np


def forward(x):
    """Each row divided by its length."""
    length = np.sqrt((x * x).sum(axis=1, keepdims=True))
    return x / length, (x / length, length)


def backward(dy, cache):
    y, length = cache
    dx = dy / length  # BUG
    # FIX: dx = (dy - y * (dy * y).sum(axis=1, keepdims=True)) / length
    return dx


def inputs(rng):
    """Where it is checked."""
    return (rng.normal(size=(6, 5)),)


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
