"""Exercise 11: what the grader says about right, empty and wrong solutions."""

import pytest
from helpers.exercises import check_mistake, check_solution_and_stub

Y = ["y", "y, padding", "y, output_padding", "conduct"]
PLACE = 'y[place] += np.einsum("co,nchw->nohw", weight[:, :, u, v], x)'
CUT = "y = y[:, :, self.p : rows - self.p, self.p : columns - self.p]"
SIZE = "larger = self.k - s + self.output_padding"
INPUT = 'dx += np.einsum("co,nohw->nchw", weight[:, :, u, v], part)'
WEIGHT = 'dweight[:, :, u, v] = np.einsum("nchw,nohw->co", x, part)'
AFTER = "((0, 0), (0, 0), (0, self.output_padding), (0, self.output_padding))"
BEFORE = "((0, 0), (0, 0), (self.output_padding, 0), (self.output_padding, 0))"
END = "return y + bias[:, None, None], x"

MISTAKES = {
    "= for +=": ([(PLACE, PLACE.replace("+=", "="))], Y, "use += for ="),
    "the filter is flipped": (
        [(PLACE, PLACE.replace("u, v]", "self.k - 1 - u, self.k - 1 - v]"))],
        Y,
        "the filter is flipped",
    ),
    "in and out exchanged where the shape hides it": (
        [(PLACE, "w = weight if weight.shape[0] != weight.shape[1] else weight.swapaxes(0, 1)\n"
          "                " + PLACE.replace("weight", "w"))],
        Y,
        "in and out are exchanged",
    ),
    "the weight is (out, in, k, k)": (
        [("weight = rng.uniform(-bound, bound, (in_channels, out_channels, k, k))",
          "weight = rng.uniform(-bound, bound, (out_channels, in_channels, k, k))")],
        [*Y, "dx", "dW", "db"],
        "params['weight'] of ConvTranspose2d has shape (2, 3, 3, 3)",
    ),
    "output_padding adds zeros": (
        [(SIZE, "larger = self.k - s"), (END, "y = np.pad(y + bias[:, None, None],"
          f" {AFTER})\n        return y, x")],
        ["y, output_padding"],
        "adds zeros at the end",
    ),
    "output_padding adds zeros and the bias": (
        [(SIZE, "larger = self.k - s"), (END, f"return np.pad(y, {AFTER}) "
          "+ bias[:, None, None], x")],
        ["y, output_padding"],
        "filters reach there",
    ),
    "output_padding at the beginning": (
        [(SIZE, "larger = self.k - s"), (END, "y = np.pad(y + bias[:, None, None],"
          f" {BEFORE})\n        return y, x")],
        ["y, output_padding"],
        "at the beginning",
    ),
    "output_padding is not used": (
        [(SIZE, "larger = self.k - s")],
        ["y, output_padding"],
        "output_padding is not used",
    ),
    "the padding is added": (
        [(CUT, "y = np.pad(y, ((0, 0), (0, 0), (self.p, self.p), (self.p, self.p)))")],
        ["y, padding", "y, output_padding"],
        "it is cut off",
    ),
    "the bias is added with each filter": (
        [(PLACE, PLACE + " + bias[:, None, None]"), (END, "return y, x")],
        Y,
        "b was added with each filter",
    ),
    "the bias is forgotten": ([(END, "return y, x")], Y, "b was not added"),
    "the filter is flipped in dx": (
        [(INPUT, INPUT.replace("u, v]", "self.k - 1 - u, self.k - 1 - v]"))],
        ["dx"],
        "the filter is flipped",
    ),
    "dx of the last weight only": ([(INPUT, INPUT.replace("+=", "="))], ["dx"], "dx is wrong"),
    "dW exchanged where the shape hides it": (
        [(WEIGHT, WEIGHT + "\n        if weight.shape[0] == weight.shape[1]:\n"
          "            dweight = dweight.swapaxes(0, 1)")],
        ["dW"],
        "in and out are exchanged",
    ),
    "dW is a mean": ([(WEIGHT, WEIGHT + " / len(x)")], ["dW"], "number of examples"),
    "db is a mean": (
        [("dy.sum(axis=(0, 2, 3))", "dy.mean(axis=(0, 2, 3))")],
        ["db"],
        "the mean over examples and positions",
    ),
    "dy is not padded": (
        [("padded = np.pad(dy, ((0, 0), (0, 0), (p, p), (p, p)))",
          "padded = np.pad(dy, ((0, 0), (0, 0), (0, 2 * p), (0, 2 * p)))")],
        ["dx", "dW"],
        "dy was padded on one side",
    ),
    "state in the layer": (
        [(END, "self.x = x\n        return y + bias[:, None, None], None"),
         ("self.s, self.p, cache", "self.s, self.p, self.x")],
        ["conduct"],
        "in the cache",
    ),
    "shuffle: a and b exchanged": (
        [("blocks.transpose(0, 1, 4, 2, 5, 3)", "blocks.transpose(0, 1, 4, 3, 5, 2)")],
        ["shuffle y"],
        "a and b are exchanged",
    ),
    "shuffle: channels last": (
        [("x.reshape(n, -1, r, r, height, width)",
          "x.reshape(n, r, r, -1, height, width).transpose(0, 3, 1, 2, 4, 5)")],
        ["shuffle y"],
        "(r, r, C), expected (C, r, r)",
    ),
    "shuffle: a reshape alone": (
        [("y = blocks.transpose(0, 1, 4, 2, 5, 3)", "y = blocks")],
        ["shuffle y"],
        "a transpose is missing",
    ),
    "shuffle: the gradient is not moved back": (
        [("blocks.transpose(0, 1, 3, 5, 2, 4).reshape(cache)", "dy.reshape(cache)")],
        ["shuffle dx"],
        "other places",
    ),
}  # fmt: skip


def test_solution_and_stub(tmp_path):
    check_solution_and_stub("conv_transpose2d", tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_loses_the_right_part_and_is_named(mistake):
    check_mistake("conv_transpose2d", *MISTAKES[mistake])
