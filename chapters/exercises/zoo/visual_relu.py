"""A ReLU for visualization.

The backward pass of this ReLU has been published, and it is in use: it makes images of
what a network sees. As a gradient it is wrong. It is never negative, and units that
were off get one too. The loss may still fall for a while.

Find the bug and fix it. Change at most three lines.

    python visual_relu.py              runs gradcheck
    tinyae zoo check visual_relu.py    says whether the bug is gone
"""

import numpy as np


def forward(x):
    """ReLU."""
    return np.maximum(x, 0), x


def backward(dy, x):
    return dy * (dy > 0)  # BUG
    # FIX: return dy * (x > 0)


def inputs(rng):
    """Where it is checked."""
    return (rng.normal(size=(6, 5)),)


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
