"""Sparsity for each code.

Two repositories with sparse autoencoders ask every single code to be ρ = 0.1, instead
of the mean over the batch. Then no unit may ever be active: a unit that is 1 for one
digit in ten, which is what sparsity is for, costs more than a unit that is always 0.1
and says nothing. Here the value is right and the gradient is theirs.

Find the bug and fix it. Change at most three lines.

    python sparse_codes.py              runs gradcheck
    tinyae zoo check sparse_codes.py    says whether the bug is gone
"""

import numpy as np


def forward(z):
    """KL(ρ ‖ mean activation), summed over the units; ρ = 0.1."""
    rho, r = 0.1, z.mean(axis=0)  # (units,)
    value = (rho * np.log(rho / r) + (1 - rho) * np.log((1 - rho) / (1 - r))).sum()
    return value, (z, r)


def backward(dy, cache):
    z, r = cache
    dz = ((1 - 0.1) / (1 - z) - 0.1 / z) / len(z)  # BUG
    # FIX: dr = (1 - 0.1) / (1 - r) - 0.1 / r
    # FIX: dz = np.ones_like(z) * dr / len(z)  # all examples share the mean
    return dy * dz


def inputs(rng):
    """Where it is checked."""
    return (rng.uniform(0.1, 0.9, size=(6, 5)),)


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
