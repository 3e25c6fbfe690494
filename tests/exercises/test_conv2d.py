"""Exercise 10: what the grader says about right, empty and wrong solutions."""

import pytest
from helpers.exercises import check_mistake, check_solution_and_stub

STRIDED = ", stride and padding"
WINDOW = 'y += np.einsum("oc,nchw->nohw", weight[:, :, u, v], window)'
INPUT = 'dpadded[place] += np.einsum("oc,nohw->nchw", weight[:, :, u, v], dy)'
WEIGHT = 'dweight[:, :, u, v] = np.einsum("nohw,nchw->oc", dy, padded[place])'
BIAS = "dbias = dy.sum(axis=(0, 2, 3))"

MISTAKES = {
    "the filter is flipped in forward": (
        [(WINDOW, WINDOW.replace("weight[:, :, u, v]", "weight[:, :, k - 1 - u, k - 1 - v]"))],
        ["y", f"y{STRIDED}", "conduct"],
        "the filter is flipped",
    ),
    "the filter is not turned in dx": (
        [(INPUT, INPUT.replace("weight[:, :, u, v]", "weight[:, :, k - 1 - u, k - 1 - v]"))],
        ["dx", f"dx{STRIDED}"],
        "needs the flipped filter",
    ),
    "= for += in dx": (
        [(INPUT, INPUT.replace("+=", "="))],
        ["dx", f"dx{STRIDED}"],
        "= where += belongs",
    ),
    "in and out exchanged where the shape hides it": (
        [(INPUT, 'w = weight if weight.shape[0] != weight.shape[1] else weight.swapaxes(0, 1)\n'
          '                dpadded[place] += np.einsum("oc,nohw->nchw", w[:, :, u, v], dy)')],
        [f"dx{STRIDED}"],
        "in and out are exchanged",
    ),
    "dW of the last example only": (
        [(WEIGHT, "for n in range(len(dy)):\n"
          "                    dweight[:, :, u, v] = np.einsum(\n"
          '                        "ohw,chw->oc", dy[n], padded[place][n])')],
        ["dW", f"dW{STRIDED}"],
        "the last example: use += for =",
    ),
    "dW is a mean": (
        [(WEIGHT, WEIGHT + " / len(dy)")],
        ["dW", f"dW{STRIDED}"],
        "divided by the number of examples",
    ),
    "db is a mean": (
        [(BIAS, "dbias = dy.mean(axis=(0, 2, 3))")],
        ["db"],
        "the mean over examples and positions",
    ),
    "db over the wrong axes": (
        [(BIAS, "dbias = dy.sum(axis=(1, 2, 3))")],
        ["db"],
        "shape",
    ),
    "db keeps the positions": ([(BIAS, "dbias = dy.sum(axis=0)")], ["db"], "shape"),
    "the bias is forgotten": (
        [("        y += bias[:, None, None]\n", "")],
        ["y", f"y{STRIDED}", "conduct"],
        "b was not added",
    ),
    "the bias is added for each product": (
        [("        y += bias[:, None, None]\n", ""),
         (WINDOW, WINDOW + "\n                y += bias[:, None, None] / k / k * weight[0].size")],
        ["y", f"y{STRIDED}", "conduct"],
        "b was added for each product",
    ),
    "the stride is not used in dx": (
        [('dpadded[place] += np.einsum("oc,nohw', "dpadded[:, :, u : u + height, v : v + width] "
          '+= np.einsum("oc,nohw')],
        [f"dx{STRIDED}"],
        "stride is not used",
    ),
    "the border is not cut off": (
        [('return dpadded[:, :, rows, columns], {"weight"', 'return dpadded, {"weight"')],
        [f"dx{STRIDED}"],
        "shape",
    ),
    "the padding on one side": (
        [("padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))\n"
          "        height, width = ((n - k) // s + 1 for n in padded.shape[2:])\n"
          "        y = np.zeros((len(x), len(weight)",
          "padded = np.pad(x, ((0, 0), (0, 0), (0, 2 * p), (0, 2 * p)))\n"
          "        height, width = ((n - k) // s + 1 for n in padded.shape[2:])\n"
          "        y = np.zeros((len(x), len(weight)")],
        [f"y{STRIDED}", f"dW{STRIDED}"],
        "the whole padding is below",
    ),
    "state in the layer": (
        [("        return y, padded\n", "        self.padded = padded\n        return y, None\n"),
         ('weight, padded = self.params["weight"], cache\n        height, width = dy.shape[2:]\n'
          "        dpadded, dweight",
          'weight, padded = self.params["weight"], self.padded\n'
          "        height, width = dy.shape[2:]\n        dpadded, dweight")],
        ["conduct"],
        "in the cache",
    ),
    "float64 whatever the input": (
        [("y = np.zeros((len(x), len(weight), height, width), x.dtype)",
          "y = np.zeros((len(x), len(weight), height, width))")],
        ["conduct"],
        "float64 output",
    ),
    "depthwise: the first filter for all channels": (
        [("y += filters[:, u, v, None, None] * window", "y += filters[0, u, v] * window")],
        ["depthwise y"],
        "all have the first one",
    ),
    "depthwise: a sum over the channels": (
        [("y += filters[:, u, v, None, None] * window",
          'y += np.einsum("c,nchw->nhw", filters[:, u, v], window)[:, None]')],
        ["depthwise y"],
        "channel c sees only channel c",
    ),
    "depthwise: dW of each example": (
        [("(dy * padded[place]).sum(axis=(0, 2, 3))", "(dy * padded[place]).mean(axis=(0, 2, 3))")],
        ["depthwise dW, db"],
        "a mean where a sum belongs",
    ),
}  # fmt: skip


def test_solution_and_stub(tmp_path):
    check_solution_and_stub("conv2d", tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_loses_the_right_part_and_is_named(mistake):
    check_mistake("conv2d", *MISTAKES[mistake])
