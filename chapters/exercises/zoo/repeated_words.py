"""A word that occurs twice.

An embedding gives each word a row of a matrix. A word that occurs twice in a text gets
the gradients of both places. NumPy's W[words] += dy looks as if it would do that, but
it writes only once for each word. So the most frequent words, which occur twice in
nearly every batch, learn least.

Find the bug and fix it. Change at most three lines.

    python repeated_words.py              runs gradcheck
    tinyae zoo check repeated_words.py    says whether the bug is gone
"""

import numpy as np


def forward(words, W):
    """The rows of W that belong to the words: (N,) and (vocabulary, D) -> (N, D)."""
    return W[words], (words, W.shape)


def backward(dy, cache):
    words, shape = cache
    dW = np.zeros(shape)
    dW[words] += dy  # BUG
    # FIX: np.add.at(dW, words, dy)
    return dW


def inputs(rng):
    """Where it is checked."""
    words = rng.permutation([0, 1, 1, 2, 4, 4, 4])
    return words, rng.normal(size=(5, 3))


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
