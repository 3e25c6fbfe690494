"""Steps that are too small.

The value of this loss is a mean over the examples, and so is its gradient. Then
somebody divided by the number of examples once more, because the loss is a mean. The
learning rate is now 128 times smaller than it says. Adam divides by the size of the
gradient, so with Adam nobody notices. With SGD, training nearly stops.

Find the bug and fix it. Change at most three lines.

    python small_steps.py              runs gradcheck
    tinyae zoo check small_steps.py    says whether the bug is gone
"""

import numpy as np


def forward(logits, labels):
    """Softmax cross-entropy, mean over the examples."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    value = -np.log(p[np.arange(len(p)), labels]).mean()
    return value, (p, labels)


def backward(dy, cache):
    p, labels = cache
    da = p.copy()
    da[np.arange(len(p)), labels] -= 1
    da /= len(p)
    return dy * da / len(p)  # BUG
    # FIX: return dy * da


def inputs(rng):
    """Where it is checked."""
    return rng.normal(size=(6, 4)), rng.integers(0, 4, 6)


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
