"""A kernel and its mirror image.

The gradient of a convolution with respect to its input is again a convolution, but with
the kernel turned around. Whoever forgets it has a gradient that is right for symmetric
kernels: for all blurs, and for none of the edge detectors that a network learns first.

Find the bug and fix it. Change at most three lines.

    python mirrored_kernel.py              runs gradcheck
    tinyae zoo check mirrored_kernel.py    says whether the bug is gone
"""

import numpy as np


def forward(x, w):
    """A convolution in one dimension: y[n, i] = Σ_k x[n, i + k] w[k]."""
    size = x.shape[1] - len(w) + 1
    y = np.zeros((len(x), size))
    for k in range(len(w)):
        y += x[:, k : k + size] * w[k]
    return y, (x, w)


def backward(dy, cache):
    x, w = cache
    size = dy.shape[1]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for k in range(len(w)):
        dx[:, k : k + size] += dy * w[-1 - k]  # BUG
        # FIX: dx[:, k : k + size] += dy * w[k]
        dw[k] = (dy * x[:, k : k + size]).sum()
    return dx, dw


def inputs(rng):
    """Where it is checked."""
    return rng.normal(size=(3, 9)), rng.normal(size=4)


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
