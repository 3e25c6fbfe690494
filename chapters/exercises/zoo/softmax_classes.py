"""Softmax, one class at a time.

The derivative of the sigmoid is y (1 - y), and softmax looks like a sigmoid for several
classes. But its outputs sum to 1: when one of them grows, the others shrink. In a
network that ends in this layer and in a cross-entropy, the wrong classes are never
pushed down.

Find the bug and fix it. Change at most three lines.

    python softmax_classes.py              runs gradcheck
    tinyae zoo check softmax_classes.py    says whether the bug is gone
"""

import numpy as np


def forward(x):
    """Softmax of each row."""
    e = np.exp(x - x.max(axis=1, keepdims=True))
    y = e / e.sum(axis=1, keepdims=True)
    return y, y


def backward(dy, y):
    dx = dy * y * (1 - y)  # BUG
    # FIX: dx = y * (dy - (dy * y).sum(axis=1, keepdims=True))
    return dx


def inputs(rng):
    """Where it is checked."""
    return (rng.normal(size=(6, 5)),)


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
