"""A Jacobian from one backward pass.

Many book pages compute the contraction with a single backward pass: they send ones
through the encoder, and square what comes back. That is the norm of the *sum* of the
Jacobian's rows. Rows that point in opposite directions cancel, so an encoder can be as
sensitive as it likes and pay nothing. Here only one part of the gradient was computed
in this way.

Find the bug and fix it. Change at most three lines.

    python one_backward_pass.py              runs gradcheck
    tinyae zoo check one_backward_pass.py    says whether the bug is gone
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
    direct = 2 * s.T @ (s @ W) / len(x)  # through the norms  # BUG
    # FIX: direct = 2 * (s * s).sum(axis=0)[:, None] * W / len(x)  # through the norms
    return dy * (da @ W), dy * (da.T @ x + direct), dy * da.sum(axis=0)


def inputs(rng):
    """Where it is checked."""
    return rng.normal(size=(6, 5)), rng.normal(size=(4, 5)), rng.normal(size=4)


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
