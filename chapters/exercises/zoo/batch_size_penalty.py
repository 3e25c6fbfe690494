"""A penalty that depends on the batch size.

An earlier version of cae.py, published by authors of the contractive autoencoder,
contracted more if the batch was larger. The penalty is a mean over the batch, so its
gradient should not depend on the batch size. With ten times as many examples, one part
of this gradient is ten times larger. With a single example it is right, so a check with
a batch of one does not help.

Find the bug and fix it. Change at most three lines.

    python batch_size_penalty.py              runs gradcheck
    tinyae zoo check batch_size_penalty.py    says whether the bug is gone
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
    slopes = s.sum(axis=0) ** 2  # (hidden,)  # BUG
    # FIX: slopes = (s**2).sum(axis=0)  # (hidden,)
    direct = 2 * slopes[:, None] * W / len(x)  # through the norms
    return dy * (da @ W), dy * (da.T @ x + direct), dy * da.sum(axis=0)


def inputs(rng):
    """Where it is checked."""
    return rng.normal(size=(6, 5)), rng.normal(size=(4, 5)), rng.normal(size=4)


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
