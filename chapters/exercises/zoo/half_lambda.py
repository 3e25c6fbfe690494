"""A penalty with half of its weight.

cae.py, published by authors of the contractive autoencoder, has a gradient that does
not belong to its own value. Training works. But the weight λ that was reported is not
the one that was used. If you repeat the experiment with a right gradient and the same
λ, you get twice the contraction.

Find the bug and fix it. Change at most three lines.

    python half_lambda.py              runs gradcheck
    tinyae zoo check half_lambda.py    says whether the bug is gone
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
    scale = 1 / len(x)  # BUG
    # FIX: scale = 2 / len(x)
    da = scale * s * s * (1 - 2 * h) * norms  # through the slopes
    direct = scale * (s * s).sum(axis=0)[:, None] * W  # through the norms
    return dy * (da @ W), dy * (da.T @ x + direct), dy * da.sum(axis=0)


def inputs(rng):
    """Where it is checked."""
    return rng.normal(size=(6, 5)), rng.normal(size=(4, 5)), rng.normal(size=4)


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
