"""A layer that updates itself.

In a well-known repository that teaches machine learning from scratch, the backward pass
of each layer also makes the optimizer's step. It is convenient, and training works. But
nobody can look at the gradient or check it, and two losses cannot share a layer: after
the first backward pass, the second one already sees other weights.

Find the bug and fix it. Change at most three lines.

    python updating_layer.py              runs gradcheck
    tinyae zoo check updating_layer.py    says whether the bug is gone
"""

import numpy as np


def forward(x, W, b):
    """y = x Wᵀ + b."""
    return x @ W.T + b, (x, W)


def backward(dy, cache):
    x, W = cache
    dx, dW, db = dy @ W, dy.T @ x, dy.sum(axis=0)
    W -= 0.01 * dW  # BUG
    return dx, dW, db


def inputs(rng):
    """Where it is checked."""
    return rng.normal(size=(6, 5)), rng.normal(size=(4, 5)), rng.normal(size=4)


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
