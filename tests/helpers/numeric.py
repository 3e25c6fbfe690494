"""Derivatives by central differences, for tests. On purpose not tinyae.checking: two independent
judges."""

import numpy as np


def numeric_gradient(f, x, h=1e-6):
    """∂f/∂x entry by entry, f() -> number; ``x`` is changed in place and put back."""
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
    """Equal shapes, and values equal to ``tolerance`` beside 1 or beside the largest entry."""
    assert a.shape == b.shape
    np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(1.0, np.abs(b).max(initial=0)))


def away_from_kinks(x, gap=1e-3):
    """x with no entry nearer to 0 than ``gap``."""
    return np.where(np.abs(x) < gap, gap, x)
