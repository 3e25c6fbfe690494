"""A layer with as many outputs as inputs.

A wrong transpose usually raises an exception, because the shapes do not fit. In a layer
with 64 inputs and 64 outputs they always fit. Training runs, and never becomes good.
That is why a check should use different sizes.

Find the bug and fix it. Change at most three lines.

    python square_layer.py              runs gradcheck
    tinyae zoo check square_layer.py    says whether the bug is gone
"""

import numpy as np


def forward(x, W, b):
    """y = x Wᵀ + b, with as many outputs as inputs."""
    return x @ W.T + b, (x, W)


def backward(dy, cache):
    x, W = cache
    dx = dy @ W.T  # BUG
    # FIX: dx = dy @ W
    return dx, dy.T @ x, dy.sum(axis=0)


def inputs(rng):
    """Where it is checked."""
    return rng.normal(size=(6, 5)), rng.normal(size=(5, 5)), rng.normal(size=5)


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
