"""Exercise 9: what the grader says about right, empty and wrong solutions."""

import pytest
from helpers.exercises import check_mistake, check_solution_and_stub

FOLDS = ["fold", "fold, padding", "fold, far edge", "fold, circular", "adjoint"]
UNFOLDS = ["unfold", "unfold, padding", "unfold, far edge", "unfold, circular", "conduct"]

MISTAKES = {
    "= for +=": (
        [("j : j + k] += patch", "j : j + k] = patch")],
        FOLDS,
        "use += for =",
    ),
    "the border is not cut off": (
        [("return padded[:, :, p : p + size[0], p : p + size[1]]", "return padded")],
        ["fold, padding", "adjoint"],
        "border was not cut off",
    ),
    "the border is cut off with p:-p": (
        [("padded[:, :, p : p + size[0], p : p + size[1]]", "padded[:, :, p:-p, p:-p]")],
        ["fold", "fold, far edge", "fold, circular", "adjoint"],
        "the slice p:-p is empty",
    ),
    "the image ends where the last patch ends": (
        [
            (
                "height, width = size[0] + 2 * p, size[1] + 2 * p",
                "height, width = ((n + 2 * p - k) // s * s + k for n in size)",
            )
        ],
        ["fold, far edge", "adjoint"],
        "ends where the last patch ends",
    ),
    "the last position is missing": (
        [
            (
                "    for i in range(0, height - k + 1, s):\n"
                "        for j in range(0, width - k + 1, s):\n            rows",
                "    for i in range(0, height - k, s):\n"
                "        for j in range(0, width - k, s):\n            rows",
            )
        ],
        ["unfold", "unfold, padding", "unfold, circular", "adjoint", "conduct"],
        "the last position is missing",
    ),
    "channels last": (
        [
            (
                "j : j + k].reshape(len(x), -1)",
                "j : j + k].transpose(0, 2, 3, 1).reshape(len(x), -1)",
            )
        ],
        [*UNFOLDS, "adjoint"],
        "(k, k, C), expected (C, k, k)",
    ),
    "channels last in both": (
        [
            (
                "j : j + k].reshape(len(x), -1)",
                "j : j + k].transpose(0, 2, 3, 1).reshape(len(x), -1)",
            ),
            (
                "patch = P[:, row].reshape(len(P), channels, k, k)",
                "patch = P[:, row].reshape(len(P), k, k, channels).transpose(0, 3, 1, 2)",
            ),
        ],
        [*UNFOLDS, *FOLDS[:-1]],  # they are still each other's transposes
        "but unfold writes (C, k, k)",
    ),
    "column after column": (
        [
            (
                "    for i in range(0, height - k + 1, s):\n"
                "        for j in range(0, width - k + 1, s):\n            rows",
                "    for j in range(0, width - k + 1, s):\n"
                "        for i in range(0, height - k + 1, s):\n            rows",
            )
        ],
        [*UNFOLDS, "adjoint"],
        "column after column",
    ),
    "the border repeats the edge": (
        [("padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))",
          "padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), mode='edge')")],
        ["unfold, padding", "adjoint"],
        "the border repeats the last pixel",
    ),
    "the mean of overlapping patches": (
        [("            padded[:, :, i : i + k, j : j + k] += patch",
          "            padded[:, :, i : i + k, j : j + k] += patch\n"
          "            count[i : i + k, j : j + k] += 1"),
         ("    row = 0", "    row, count = 0, np.zeros((height, width), P.dtype)"),
         ("return padded[:, :, p :", "padded = padded / np.maximum(count, 1)\n"
          "    return padded[:, :, p :")],
        FOLDS,
        "expected the sum",
    ),
    "the circular border is cut off": (
        [("    np.add.at(x, (..., rows[:, None], columns), padded)",
          "    x = padded[:, :, p : p + size[0], p : p + size[1]]")],
        ["fold, circular"],
        "belongs to the pixels on the other side",
    ),
    "+= where an index occurs twice": (
        [("    np.add.at(x, (..., rows[:, None], columns), padded)",
          "    x[..., rows[:, None], columns] += padded")],
        ["fold, circular"],
        "use np.add.at",
    ),
    "float64 whatever the input": (
        [("(len(P), channels, height, width), P.dtype)", "(len(P), channels, height, width))")],
        ["conduct"],
        "needs the dtype of P",
    ),
}  # fmt: skip


def test_solution_and_stub(tmp_path):
    check_solution_and_stub("unfold_fold", tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_loses_the_right_part_and_is_named(mistake):
    check_mistake("unfold_fold", *MISTAKES[mistake])
