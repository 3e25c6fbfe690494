"""Weights that cancel each other.

In pylearn2 (issues 90 and 142), the contraction was computed from something that can be
0 although the weights are large: a unit with the weights 5 and -5 costs nothing. Such a
unit reacts strongly to its inputs, which is what the penalty should prevent. Here the
value is right, and the gradient still has the old idea.

Find the bug and fix it. Change at most three lines.

    python canceling_weights.py              runs gradcheck
    tinyae zoo check canceling_weights.py    says whether the bug is gone
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
    norms = W.sum(axis=1) ** 2  # BUG
    da = 2 * s * s * (1 - 2 * h) * norms / len(x)  # through the slopes
    direct = 2 * (s * s).sum(axis=0)[:, None] * W / len(x)  # through the norms
    return dy * (da @ W), dy * (da.T @ x + direct), dy * da.sum(axis=0)


def inputs(rng):
    """Where it is checked."""
    return rng.normal(size=(6, 5)), rng.normal(size=(4, 5)), rng.normal(size=4)


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
