"""Exercise 8: what the grader says about right, empty and wrong solutions."""

import pytest
from helpers.exercises import check_mistake, check_solution_and_stub

DW = "dW = z.T @ dy + da.T @ x"
MISTAKES = {
    "encoder's path forgotten": (
        [(DW, "dW = z.T @ dy")],
        ["dW", "dW of the encoder", "K = D"],
        "encoder's use of W is missing",
    ),
    "decoder's path forgotten": (
        [(DW, "dW = da.T @ x")],
        ["dW", "dW of the decoder", "K = D"],
        "decoder's use of W is missing",
    ),
    "second path transposed where the shape hides it": (
        [(DW, "dW = (dy.T @ z if len(W) == W.shape[1] else z.T @ dy) + da.T @ x")],
        ["K = D"],
        "decoder's part is transposed",
    ),
    "second path transposed": (
        [(DW, "dW = dy.T @ z + da.T @ x")],
        ["dx", "dW", "dW of the decoder", "dW of the encoder", "K = D", "conduct"],
        "could not be broadcast",
    ),
    "derivative of tanh forgotten": (
        [("da = dz * (1 - z**2)", "da = dz")],
        ["dx", "dW", "K = D"],
        "derivative of tanh is missing",
    ),
    "mean of the two paths": (
        [(DW, "dW = (z.T @ dy + da.T @ x) / 2")],
        ["dW", "dW of the encoder", "dW of the decoder", "K = D"],
        "mean of the two parts",
    ),
    "tanh forgotten": (
        [("z = np.tanh(x @ W.T)", "z = x @ W.T"), ("da = dz * (1 - z**2)", "da = dz")],
        ["y", "dx", "dW", "dW of the decoder", "K = D", "conduct"],
        "tanh is missing",
    ),
    "state": (
        [
            ("(x, z, W)\n", "tied_forward.__dict__.update(kept=(x, z, W))\n"),
            ("x, z, W = cache", "x, z, W = tied_forward.kept"),
        ],
        ["conduct"],
        "in the cache",
    ),
    "x changed in place": (
        [("return z @ W, (x, z, W)", "kept = x.copy(), z, W\n    x -= 1\n    return z @ W, kept")],
        ["conduct"],
        "changes its argument x",
    ),
}


def test_solution_and_stub(tmp_path):
    check_solution_and_stub("tied", tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_loses_the_right_part_and_is_named(mistake):
    check_mistake("tied", *MISTAKES[mistake])
