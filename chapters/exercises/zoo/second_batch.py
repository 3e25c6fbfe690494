"""The second batch.

Some frameworks add up the gradients of all backward passes until somebody sets them to
zero. Everybody has forgotten to do that at least once. A layer that returns its
gradients has nothing that could be set to zero. So the second batch is trained with the
gradients of two batches, and the third with those of three.

Find the bug and fix it. Change at most three lines.

    python second_batch.py              runs gradcheck
    tinyae zoo check second_batch.py    says whether the bug is gone
"""

import numpy as np

total = {}


def forward(x, W, b):
    """y = x Wᵀ + b."""
    return x @ W.T + b, (x, W)


def backward(dy, cache):
    x, W = cache
    dW, db = dy.T @ x, dy.sum(axis=0)
    dW = total["W"] = total.get("W", 0) + dW  # BUG
    db = total["b"] = total.get("b", 0) + db  # BUG
    return dy @ W, dW, db


def inputs(rng):
    """Where it is checked."""
    return rng.normal(size=(6, 5)), rng.normal(size=(4, 5)), rng.normal(size=4)


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
