"""The logarithm of a variance.

The encoder of a variational autoencoder returns log σ². The random code is z = μ + σ ε,
with σ = e^(logvar / 2). On the way back, a part of the chain rule is missing. The
variances react to the reconstruction twice as much as they should, so the model becomes
too certain of its codes.

Find the bug and fix it. Change at most three lines.

    python log_variance.py              runs gradcheck
    tinyae zoo check log_variance.py    says whether the bug is gone
"""

import numpy as np


def forward(mean, logvar):
    """z = mean + e^(logvar / 2) ε, with a fixed ε."""
    eps = np.random.default_rng(1).normal(size=mean.shape)
    s = np.exp(logvar / 2) * eps
    return mean + s, s


def backward(dz, s):
    dlogvar = dz * s  # BUG
    # FIX: dlogvar = dz * s / 2
    return dz, dlogvar


def inputs(rng):
    """Where it is checked."""
    return rng.normal(size=(6, 3)), rng.normal(size=(6, 3))


if __name__ == "__main__":
    from tinyae.checking import gradcheck

    print(gradcheck((forward, backward), *inputs(np.random.default_rng(0))))
