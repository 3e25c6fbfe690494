"""How the pen moves to write each digit.

Each digit is given in two writing styles with the same number of strokes and points, so every
mixture of the two is a digit too. Coordinates: x from 0 to 6, y from 0 (top) to 10 (bottom). A
stroke is a smooth curve through its points; at a corner two strokes meet. A stroke that is a single
point in one style (the bar of the 7) grows from nothing in the mixtures.
"""

from __future__ import annotations

from functools import cache

import numpy as np

Stroke = list[tuple[float, float]]
WritingStyle = list[Stroke]

SEGMENTS = 80  # per path: on a 28×28 image each is shorter than about one pixel

# fmt: off
DIGITS: dict[int, tuple[WritingStyle, WritingStyle]] = {
    0: ([[(3.8, 0.3), (1.2, 1), (-0.2, 4.5), (0.6, 8.5), (3, 10), (5.6, 8.5), (6.3, 5), (5.4, 1.4),
          (3.2, 0.1)]],
        [[(4.6, 1.2), (2.8, 0.2), (1, 3.8), (0.7, 8), (2.4, 10), (4.4, 8.2), (5.2, 4.6), (4.6, 1),
          (2, 2)]]),
    1: ([[(3, 0), (3, 0)], [(3, 0), (3, 5), (3, 10)], [(3, 10), (3, 10)]],
        [[(0.9, 2.9), (3.2, 0)], [(3.2, 0), (3.1, 5), (3, 10)], [(1.2, 10), (4.8, 9.9)]]),
    2: ([[(0.4, 2.4), (1.2, 0.6), (3.2, 0), (5.3, 1), (5.4, 3.2), (3.8, 5.8), (1.8, 8), (0.2, 9.9)],
         [(0.2, 9.9), (1, 9.9), (2.2, 9.8), (4, 9.8), (6, 9.8)]],
        [[(0.2, 1.2), (2, 0.1), (4.2, 0.2), (5.1, 1.8), (4.6, 4.4), (3.6, 6.8), (2.2, 9.3),
          (0.5, 9.7)], [(0.5, 9.7), (-0.4, 8.5), (1, 7.6), (3, 8.9), (6.2, 9.9)]]),
    3: ([[(0.6, 1.4), (2, 0.2), (4.2, 0.3), (5.2, 2), (4.4, 4), (2.4, 4.9)],
         [(2.4, 4.9), (4.8, 5.4), (5.8, 7.4), (4.8, 9.4), (2.6, 10), (0.3, 8.8)]],
        [[(0.2, 0.6), (2.8, 0.1), (5.5, 0.2), (4.4, 1.7), (3.2, 2.9), (2.1, 3.9)],
         [(2.1, 3.9), (4.8, 4.1), (5.9, 6.6), (4.5, 9.2), (2, 10), (0, 9.5)]]),
    4: ([[(3.8, 0), (2, 3.4), (0.2, 6.8)], [(0.2, 6.8), (3, 6.7), (6, 6.6)],
         [(4.4, 3.2), (4.3, 6), (4.2, 10)]],
        [[(0.9, 0.4), (0.8, 2.8), (0.5, 5.2)], [(0.5, 5.2), (2.8, 5.6), (5.2, 4.9)],
         [(5.4, 0.2), (5.1, 5), (4.9, 10)]]),
    5: ([[(5.5, 0.2), (3.2, 0.3), (1.1, 0.3)], [(1.1, 0.3), (0.9, 2.4), (0.7, 4.5)],
         [(0.7, 4.5), (2.8, 3.8), (5, 4.6), (5.8, 6.8), (4.8, 9.2), (2.6, 10), (0.2, 9)]],
        [[(5.9, 0.6), (4, 1), (2, 0.8)], [(2, 0.8), (1.6, 2.6), (1.2, 4.3)],
         [(1.2, 4.3), (3.2, 4.6), (4.6, 6), (4.9, 7.8), (3.8, 9.6), (1.8, 9.9), (0.2, 9.1)]]),
    6: ([[(4.6, 0.2), (2.4, 1.8), (0.8, 4.6), (0.4, 7.6), (1.8, 9.8), (4.4, 9.6), (5.6, 7.4),
          (4.4, 5.3), (2.2, 5.6), (0.6, 7.6)]],
        [[(2.2, 0), (1.3, 2.4), (0.7, 5.2), (0.8, 8), (2.2, 9.9), (4.2, 9.8), (5.2, 8.2),
          (4.2, 6.9), (2.4, 7.3), (1, 8.7)]]),
    7: ([[(0.3, 0.4), (3, 0.4), (5.8, 0.3)], [(5.8, 0.3), (4.2, 3.6), (2.2, 10)],
         [(3.8, 4.9), (3.8, 4.9)]],
        [[(0.5, 0.9), (3, 0.1), (5.5, 0.5)], [(5.5, 0.5), (3.7, 5), (3.4, 10)],
         [(1.4, 5.3), (6, 4.6)]]),
    8: ([[(4.9, 1.4), (3.2, 0), (1, 1), (1.1, 3.2), (3, 4.8), (5.2, 6.8), (5, 9.2), (3, 10),
          (0.8, 9), (0.8, 6.8), (3, 4.8), (4.8, 3), (4.9, 1.4)]],
        [[(5, 0.9), (3.4, 0.1), (1.6, 1.4), (1.7, 3.2), (3, 5.2), (4.4, 7.2), (4, 9.2), (2.7, 10),
          (1.4, 9.2), (1.6, 7.2), (3, 5), (4.6, 2.6), (5.2, 0.4)]]),
    9: ([[(5.2, 2), (3.6, 0.2), (1.2, 0.8), (0.4, 3), (1.6, 4.9), (3.8, 4.6), (5.2, 2)],
         [(5.2, 2), (5.1, 5), (4.6, 10)]],
        [[(5.4, 1.6), (3.8, 0.1), (1.7, 0.9), (1, 2.7), (1.9, 4.2), (3.9, 3.8), (5.4, 1.6)],
         [(5.4, 1.6), (4.9, 7.4), (0.6, 9.7)]]),
}
# fmt: on


@cache
def pen_paths() -> np.ndarray:
    """All paths: (2 styles, 10 digits, P segments, 2 ends, 2) float32, with (x, y) on the last axis
    and y from -1 (top) to 1 (bottom)."""
    paths = np.zeros((2, 10, SEGMENTS, 2, 2), np.float32)
    for digit, styles in DIGITS.items():
        # Each stroke gets segments in proportion to its length, equally many in both styles.
        lengths = np.sum([[_length(stroke) for stroke in style] for style in styles], axis=0)
        ends = np.rint(np.cumsum(lengths) / lengths.sum() * SEGMENTS).astype(int)
        starts = np.concatenate([[0], ends[:-1]])
        for k, style in enumerate(styles):
            for stroke, start, end in zip(style, starts, ends, strict=True):
                curve = (_curve(stroke, end - start) - [3, 5]) / 5  # (end - start + 1, 2)
                paths[k, digit, start:end, 0] = curve[:-1]
                paths[k, digit, start:end, 1] = curve[1:]
    return paths


def _length(stroke: Stroke) -> float:
    return np.hypot(*np.diff(_curve(stroke, 100), axis=0).T).sum()


def _curve(stroke: Stroke, pieces: int) -> np.ndarray:
    """``pieces`` + 1 points on the Catmull-Rom spline through the points of a stroke: a smooth
    curve that passes through each of them."""
    points = np.array(stroke, float)  # (M, 2)
    p = np.concatenate([points[:1], points, points[-1:]])
    t = np.linspace(0, len(points) - 1, pieces + 1)
    i = np.minimum(t.astype(int), len(points) - 2)  # between points i and i + 1
    t = (t - i)[:, None]
    a, b, c, d = p[i], p[i + 1], p[i + 2], p[i + 3]
    return b + t / 2 * ((c - a) + t * ((2 * a - 5 * b + 4 * c - d) + t * (3 * (b - c) + d - a)))
