"""A residual block that does not help.

A residual block adds its input to its output, so that gradients have a short way back
through a hundred layers. In this block, the shortcut works in one direction only. A
deep network of such blocks trains as badly as one without shortcuts, and its author
concludes that they do not help.

Find the bug and fix it. Change at most three lines.

    python residual_block.py              runs gradcheck
    tinyae zoo check residual_block.py    says whether the bug is gone
"""

import numpy as np


def forward(x, W):
    """x + tanh(x Wᵀ)."""
    t = np.tanh(x @ W.T)
    return x + t, (x, W, t)


def backward(dy, cache):
    x, W, t = cache
    da = dy * (1 - t * t)
    dx = da @ W  # BUG
    # FIX: dx = dy + da @ W
    return dx, da.T @ x


def inputs(rng):
    """Where it is checked."""
    return rng.normal(size=(6, 5)), rng.normal(size=(5, 5))


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
