"""A bias that learns slowly.

dA.py by yusugomori, a denoising autoencoder in NumPy, makes a step for the weights and
a step for the bias. With a batch of N examples, the two learning rates are N times
apart, although there is only one learning rate in the code. Nothing fails. The bias is
just never where it should be.

Find the bug and fix it. Change at most three lines.

    python slow_bias.py              runs gradcheck
    tinyae zoo check slow_bias.py    says whether the bug is gone
"""

import numpy as np


def forward(x, W, b):
    """y = σ(x Wᵀ + b)."""
    y = 1 / (1 + np.exp(-(x @ W.T + b)))
    return y, (x, W, y)


def backward(dy, cache):
    x, W, y = cache
    da = dy * y * (1 - y)
    dW = da.T @ x
    db = da.mean(axis=0)  # BUG
    # FIX: db = da.sum(axis=0)
    return da @ W, dW, db


def inputs(rng):
    """Where it is checked."""
    return rng.normal(size=(6, 5)), rng.normal(size=(4, 5)), rng.normal(size=4)


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
