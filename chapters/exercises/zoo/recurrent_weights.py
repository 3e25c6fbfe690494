"""Weights that are used at each time step.

A recurrent network uses the same weights at each time step, and each step adds to their
gradient. In this one, the gradients of all steps but one are lost on the way back
through time. The network does not learn to remember anything, and the loss curve looks
like that of a hard problem.

Find the bug and fix it. Change at most three lines.

    python recurrent_weights.py              runs gradcheck
    tinyae zoo check recurrent_weights.py    says whether the bug is gone
"""

import numpy as np


def forward(x, W):
    """h ← tanh(x_t + h Wᵀ), from h = 0; returns the last h. x is (T, N, K)."""
    states = [np.zeros(x.shape[1:])]
    for x_t in x:
        states.append(np.tanh(x_t + states[-1] @ W.T))
    return states[-1], (states, W)


def backward(dy, cache):
    states, W = cache
    dx, dW, dh = [], np.zeros_like(W), dy
    for before, h in zip(states[-2::-1], states[:0:-1], strict=True):
        da = dh * (1 - h * h)
        dW = da.T @ before  # BUG
        # FIX: dW += da.T @ before
        dx.append(da)
        dh = da @ W
    return np.array(dx[::-1]), dW


def inputs(rng):
    """Where it is checked."""
    return rng.normal(size=(4, 3, 5)), 0.5 * rng.normal(size=(5, 5))


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
