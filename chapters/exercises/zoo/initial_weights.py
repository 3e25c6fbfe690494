"""A penalty that uses the initial weights.

A much-copied blog post computes the norms of the weights once, before training, and
keeps them. So the optimizer sees constants. The penalty then pushes the units into
saturation, where their slope is 0, but it never makes the weights smaller. Something is
missing in one of the gradients.

Find the bug and fix it. Change at most three lines.

    python initial_weights.py              runs gradcheck
    tinyae zoo check initial_weights.py    says whether the bug is gone
"""

import numpy as np


def forward(x, W, b):
    """‖dh/dx‖², mean over the batch, for h = σ(x Wᵀ + b)."""
    h = 1 / (1 + np.exp(-(x @ W.T + b)))  # (N, hidden)
    s = h * (1 - h)  # σ'
    norms = (W * W).sum(axis=1)  # (hidden,)
    value = ((s * s) @ norms).sum() / len(x)
    return value, (x, W, h, s, norms)


def backward(dy, cache):
    x, W, h, s, norms = cache
    da = 2 * s * s * (1 - 2 * h) * norms / len(x)  # through the slopes
    # FIX: direct = 2 * (s * s).sum(axis=0)[:, None] * W / len(x)  # through the norms
    return dy * (da @ W), dy * (da.T @ x), dy * da.sum(axis=0)  # BUG
    # FIX: return dy * (da @ W), dy * (da.T @ x + direct), dy * da.sum(axis=0)


def inputs(rng):
    """Where it is checked."""
    return rng.normal(size=(6, 5)), rng.normal(size=(4, 5)), rng.normal(size=4)


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
