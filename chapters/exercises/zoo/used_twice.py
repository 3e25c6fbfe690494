"""A layer that is used twice.

Layers that keep their input in themselves are common: self.x = x in forward, self.x in
backward. It works until a layer is used twice in a network, or until somebody runs the
validation set between forward and backward. Then the input of the last call is there,
and the one that is needed is gone. Here a layer is applied twice, y = tanh(x Wᵀ) Wᵀ,
and its input is kept in the wrong place.

Find the bug and fix it. Change at most three lines.

    python used_twice.py              runs gradcheck
    tinyae zoo check used_twice.py    says whether the bug is gone
"""

import numpy as np

kept = {}


def linear(x, W):
    """x Wᵀ. Remembers its input."""
    kept["x"] = x
    return x @ W.T


def forward(x, W):
    h = np.tanh(linear(x, W))
    return linear(h, W), (x, h, W)


def backward(dy, cache):
    x, h, W = cache
    dW = dy.T @ h  # the second use
    da = (dy @ W) * (1 - h * h)
    dW += da.T @ kept["x"]  # the first use  # BUG
    # FIX: dW += da.T @ x  # the first use
    return da @ W, dW


def inputs(rng):
    """Where it is checked."""
    return rng.normal(size=(6, 5)), rng.normal(size=(5, 5))


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
