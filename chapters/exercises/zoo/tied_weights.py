"""One matrix, used twice.

An autoencoder with tied weights uses one matrix twice: W in the encoder and its
transpose in the decoder. The loss depends on W along both paths. Automatic
differentiation adds both. By hand, one of them is easily forgotten. Training still
works, but more slowly.

Find the bug and fix it. Change at most three lines.

    python tied_weights.py              runs gradcheck
    tinyae zoo check tied_weights.py    says whether the bug is gone
"""

import numpy as np


def forward(x, W):
    """y = tanh(x Wᵀ) W."""
    h = np.tanh(x @ W.T)
    return h @ W, (x, W, h)


def backward(dy, cache):
    x, W, h = cache
    da = (dy @ W.T) * (1 - h * h)
    dW = da.T @ x  # BUG
    # FIX: dW = da.T @ x + h.T @ dy
    return da @ W, dW


def inputs(rng):
    """Where it is checked."""
    return rng.normal(size=(6, 5)), rng.normal(size=(3, 5))


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
