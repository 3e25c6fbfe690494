"""Exercise 12: what the grader says about right, empty and wrong solutions."""

import pytest
from helpers.exercises import check_mistake, check_solution_and_stub

WINDOWS = "windows = np.zeros((N, C, h, w, k * k), dtype=dy.dtype)\n"
PUT = "        np.put_along_axis(windows, first, dy[..., None], axis=-1)\n"
KEEP = ("return y, (first, x.shape)", "return y, (windows, x.shape)")
MISTAKES = {
    "mean for sum": (
        [("blocks.sum(axis=(3, 5))", "blocks.mean(axis=(3, 5))")],
        ["Repeat2x dx"],
        "mean over the four copies",
    ),
    "one of the copies": (
        [("blocks.sum(axis=(3, 5))", "dy[:, :, ::2, ::2]")],
        ["Repeat2x dx"],
        "has one of the four copies",
    ),
    "wrong reshape": (
        [
            ("reshape(N, C, H // 2, 2, W // 2, 2)", "reshape(N, C, H // 2, W // 2, 2, 2)"),
            ("sum(axis=(3, 5))", "sum(axis=(4, 5))"),
        ],
        ["Repeat2x dx"],
        "axes are mixed",
    ),
    "tile": (
        [("x.repeat(2, axis=2).repeat(2, axis=3)", "np.tile(x, (1, 1, 2, 2))")],
        ["Repeat2x y", "Repeat2x conduct"],
        "np.tile",
    ),
    "all pixels of the window": (
        [(PUT, "        windows += dy[..., None]\n")],
        ["MaxPool2d dx", "ties", "remainder"],
        "every pixel of a window",
    ),
    "doubled at ties": (
        [
            KEEP,
            ("first, shape = cache", "x, shape = cache"),
            (PUT, "        windows += (x == x.max(axis=-1, keepdims=True)) * dy[..., None]\n"),
        ],
        ["ties"],
        "counted more than once",
    ),
    "shared at ties": (
        [
            KEEP,
            ("first, shape = cache", "x, shape = cache"),
            (
                PUT,
                "        top = x == x.max(axis=-1, keepdims=True)\n"
                "        windows += top * dy[..., None] / top.sum(axis=-1, keepdims=True)\n",
            ),
        ],
        ["ties"],
        "they share dy",
    ),
    "windows without transpose": (
        [
            (
                "blocks.transpose(0, 1, 2, 4, 3, 5).reshape(N, C, h, w, k * k)",
                "blocks.reshape(N, C, h, w, k * k)",
            )
        ],
        ["MaxPool2d y", "MaxPool2d dx", "ties", "remainder", "MaxPool2d conduct"],
        "axes are mixed",
    ),
    "maximum starts at 0": (
        [("return y, (first, x.shape)", "return np.maximum(y, 0), (first, x.shape)")],
        ["MaxPool2d y", "remainder", "MaxPool2d conduct"],
        "never below 0",
    ),
    "size must be a multiple": (
        [("x[:, :, : h * k, : w * k].reshape", "x.reshape")],
        ["remainder"],
        "cannot reshape",
    ),
    "state": (
        [
            ("return y, (first, x.shape)", "self.first = first\n        return y, x.shape"),
            ("first, shape = cache", "first, shape = self.first, cache"),
        ],
        ["MaxPool2d conduct"],
        "in the cache",
    ),
    "float64 zeros": (
        [
            (
                "x.repeat(2, axis=2).repeat(2, axis=3)",
                "np.zeros((1, 1, 1, 1)) + x.repeat(2, axis=2).repeat(2, axis=3)",
            )
        ],
        ["Repeat2x conduct"],
        "float32 input gives a float64 output",
    ),
}


def test_solution_and_stub(tmp_path):
    check_solution_and_stub("pooling", tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_loses_the_right_part_and_is_named(mistake):
    check_mistake("pooling", *MISTAKES[mistake])
