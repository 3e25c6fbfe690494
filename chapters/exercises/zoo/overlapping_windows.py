"""Windows that overlap.

Windows overlap: a pixel is in several of them, and its gradient is the sum of what they
all send back. In the code, the difference is one character. With a stride as large as
the kernel, windows do not overlap and everything is right, so the bug survives every
test with non-overlapping windows.

Find the bug and fix it. Change at most three lines.

    python overlapping_windows.py              runs gradcheck
    tinyae zoo check overlapping_windows.py    says whether the bug is gone
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
        dw[k] = (dy * x[:, k : k + size]).sum()
    for i in range(size):
        dx[:, i : i + len(w)] = dy[:, i : i + 1] * w  # BUG
        # FIX: dx[:, i : i + len(w)] += dy[:, i : i + 1] * w
    return dx, dw


def inputs(rng):
    """Where it is checked."""
    return rng.normal(size=(3, 9)), rng.normal(size=4)


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
