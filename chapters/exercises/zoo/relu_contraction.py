"""A contraction for ReLU units.

A much-copied contractive autoencoder in PyTorch has an encoder with ReLU. Its penalty
was taken from an older version, with another activation, and nobody changed it. Its
slopes are negative where a code is larger than 1, and 0 where a code is exactly 1.

Find the bug and fix it. Change at most three lines.

    python relu_contraction.py              runs gradcheck
    tinyae zoo check relu_contraction.py    says whether the bug is gone
"""

import numpy as np


def forward(x, W, b):
    """‖dh/dx‖², mean over the batch, for h = ReLU(x Wᵀ + b)."""
    h = np.maximum(x @ W.T + b, 0)  # (N, hidden)
    slope = (h > 0).astype(float)
    value = ((slope**2) @ (W * W).sum(axis=1)).sum() / len(x)
    return value, (x, W, h)


def backward(dy, cache):
    x, W, h = cache
    slope = h * (1 - h)  # BUG
    # FIX: slope = (h > 0).astype(float)
    direct = 2 * (slope**2).sum(axis=0)[:, None] * W / len(x)  # through the norms
    # ReLU's slope is constant on each side, so nothing comes back through it
    return np.zeros_like(x), dy * direct, np.zeros(len(W))


def inputs(rng):
    """Where it is checked."""
    return rng.normal(size=(6, 5)), rng.normal(size=(4, 5)), rng.normal(size=4)


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
