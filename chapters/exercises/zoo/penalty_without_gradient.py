"""A penalty that has no effect.

This autoencoder trains exactly like one without a penalty, whatever the weight of the
penalty is. The bug is on line 211 of cA.py in the DeepLearningTutorials, which many
people have copied. It was reported in 2016 (issue 164). The value of the penalty still
looks reasonable in the log, so nobody notices that it has no gradient at all.

Find the bug and fix it. Change at most three lines.

    python penalty_without_gradient.py              runs gradcheck
    tinyae zoo check penalty_without_gradient.py    says whether the bug is gone
"""

import numpy as np


def forward(x, W, b):
    """‖dh/dx‖², mean over the batch, for h = σ(x Wᵀ + b)."""
    h = 1 / (1 + np.exp(-(x @ W.T + b)))  # (N, hidden)
    s = h * (1 - h)  # σ'
    norms = (W * W).sum(axis=1)  # (hidden,)
    value = ((s * s) @ norms).sum() // len(x)  # BUG
    # FIX: value = ((s * s) @ norms).sum() / len(x)
    return value, (x, W, h, s, norms)


def backward(dy, cache):
    x, W, h, s, norms = cache
    da = 2 * s * s * (1 - 2 * h) * norms / len(x)  # through the slopes
    direct = 2 * (s * s).sum(axis=0)[:, None] * W / len(x)  # through the norms
    return dy * (da @ W), dy * (da.T @ x + direct), dy * da.sum(axis=0)


def inputs(rng):
    """Where it is checked."""
    return rng.normal(size=(6, 5)), rng.normal(size=(4, 5)), rng.normal(size=4)


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
