"""A derivative with two fractions.

Another sparse autoencoder that was copied for years: the derivative of the KL
divergence has two fractions, and somebody put two parentheses in the wrong place. The
result always has the same sign, so it pushes the activations up even when they are too
high already.

Find the bug and fix it. Change at most three lines.

    python kl_fractions.py              runs gradcheck
    tinyae zoo check kl_fractions.py    says whether the bug is gone
"""

import numpy as np


def forward(z):
    """KL(ρ ‖ mean activation), summed over the units; ρ = 0.1."""
    rho, r = 0.1, z.mean(axis=0)  # (units,)
    value = (rho * np.log(rho / r) + (1 - rho) * np.log((1 - rho) / (1 - r))).sum()
    return value, (z, r)


def backward(dy, cache):
    z, r = cache
    rho = 0.1
    dr = -rho / (r + (1 - rho)) / (1 - r)  # BUG
    # FIX: dr = -rho / r + (1 - rho) / (1 - r)
    return dy * np.ones_like(z) * dr / len(z)


def inputs(rng):
    """Where it is checked."""
    return (rng.uniform(0.1, 0.9, size=(6, 5)),)


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
