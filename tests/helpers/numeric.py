"""Derivatives by central differences, for tests. They do not use
tinyae.checking, so that the two are independent."""

import numpy as np


def numeric_gradient(f, x, h=1e-6):
    """∂f/∂x entry by entry, f() -> number; ``x`` is changed in place and restored."""
    gradient = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        before = x[i]
        x[i] = before + h
        above = f()
        x[i] = before - h
        below = f()
        x[i] = before
        gradient[i] = (above - below) / (2 * h)
    return gradient


def close(a, b, tolerance=1e-7):
    """Check that shapes are equal, and values up to ``tolerance`` times 1 or the largest entry."""
    assert a.shape == b.shape
    np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(1.0, np.abs(b).max(initial=0)))


def away_from_kinks(x, gap=1e-3):
    """x with no entry closer to 0 than ``gap``."""
    return np.where(np.abs(x) < gap, gap, x)
