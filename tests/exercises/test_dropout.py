"""Exercise 24: what the grader says about right, empty and wrong solutions."""

import numpy as np
import pytest
from helpers.exercises import check_mistake, check_solution_and_stub, grade_with, lost

DRAW = "keep = rng.random(x.shape) >= p\n"
FACTOR = "factor = keep.astype(x.dtype) / (1 - p)  # 0 or 1/(1 - p)\n    return x * factor, factor"
MAPS = "keep = rng.random((*x.shape[:2], 1, 1)) >= p\n"
MISTAKES = {
    "kept with probability p": (
        [(DRAW, "keep = rng.random(x.shape) < p\n")],
        ["mask"],
        "not to keep it",
    ),
    "scale forgotten": (
        [(FACTOR, "factor = keep.astype(x.dtype)\n    return x * factor, factor / (1 - p)")],
        ["scale"],
        "division by 1 − p is missing",
    ),
    "scale forgotten in backward": (
        [(FACTOR, "factor = keep.astype(x.dtype)\n    return x * factor / (1 - p), factor")],
        ["dx"],
        "division by 1 − p is missing",
    ),
    "scaled by p": (
        [
            (
                FACTOR,
                "factor = keep / p if p else 1\n    y = (x * factor).astype(x.dtype)\n"
                "    return y, keep / (1 - p)",
            )
        ],
        ["scale"],
        "divided by p",
    ),
    "fresh mask in backward": (
        [
            (FACTOR, "factor = keep.astype(x.dtype) / (1 - p)\n    return x * factor, (p, rng)"),
            (
                "return dy * cache",
                "if isinstance(cache, np.ndarray):\n        return dy * cache\n"
                "    p, rng = cache\n    return dy * (rng.random(dy.shape) >= p) / (1 - p)",
            ),
        ],
        ["dx", "conduct"],
        "it has another mask",
    ),
    "one mask for all rows": (
        [(DRAW, "keep = np.broadcast_to(rng.random(x.shape[1]) >= p, x.shape)\n")],
        ["mask"],
        "all rows have the same mask",
    ),
    "global generator": (
        [(DRAW, "keep = np.random.random(x.shape) >= p\n")],
        ["mask", "conduct"],
        "draw with rng, not with np.random",
    ),
    "pixels instead of maps": (
        [(MAPS, "keep = rng.random(x.shape) >= p\n")],
        ["whole maps"],
        "dropped in part",
    ),
    "the same maps of all images": (
        [(MAPS, "keep = rng.random((1, x.shape[1], 1, 1)) >= p\n")],
        ["whole maps"],
        "all images lose the same maps",
    ),
    "scaled at test time": (
        [('"""y, at test time"""\n    return x', '"""y, at test time"""\n    return x * (1 - p)')],
        ["inference"],
        "training has divided by it already",
    ),
    "in place": (
        [
            (
                FACTOR,
                "factor = keep.astype(x.dtype) / (1 - p)\n    x *= factor\n    return x, factor",
            )
        ],
        ["conduct"],
        "changes its argument x",
    ),
    "float64": (
        [(FACTOR, "factor = keep.astype(float) / (1 - p)\n    return x * factor, factor")],
        ["conduct"],
        "float32 input gives a float64 output",
    ),
}


def test_solution_and_stub(tmp_path):
    check_solution_and_stub("dropout", tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_loses_the_right_part_and_is_named(mistake):
    check_mistake("dropout", *MISTAKES[mistake])


@pytest.mark.parametrize(
    "keep",
    [
        "rng.random(x.shape) < 1 - p",
        "rng.binomial(1, 1 - p, x.shape) == 1",
        "rng.uniform(size=x.shape) > p",
    ],
)
def test_every_right_way_to_draw_the_mask_is_accepted(keep):
    assert lost(grade_with("dropout", (DRAW, f"keep = {keep}\n"))) == {}


def test_the_fraction_of_zeros_has_a_margin_for_chance():
    from tinyae.course.exercises.dropout import fraction

    rng = np.random.default_rng(0)
    for _ in range(300):
        assert fraction(rng.random((120, 80)) >= 0.2, 0.2) == ""
    assert "drop a value" in fraction(rng.random((120, 80)) >= 0.25, 0.2)
