"""The formula y (1 - y).

σ' = σ (1 - σ) is one of the most useful formulas of the field, because it does not need
the input. It is also easy to get wrong. In this layer, the slope at 5 is -20. It should
be less than 0.01.

Find the bug and fix it. Change at most three lines.

    python sigmoid_formula.py              runs gradcheck
    tinyae zoo check sigmoid_formula.py    says whether the bug is gone
"""

import numpy as np


def forward(x):
    """σ(x)."""
    return 1 / (1 + np.exp(-x)), x


def backward(dy, x):
    y = x  # BUG
    # FIX: y = 1 / (1 + np.exp(-x))
    return dy * y * (1 - y)


def inputs(rng):
    """Where it is checked."""
    return (rng.normal(size=(6, 5)),)


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
