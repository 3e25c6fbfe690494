# %% [markdown]
# # Exercise 9 · unfold and fold
#
# *Chapter 2, "The equation" and "The gradient". 10 points. About 60 minutes.*
#
# A convolution is a linear layer that is applied to patches. `unfold` cuts the patches out of the
# images, and `fold`, its transpose, adds them back. With these two functions, every convolution and
# its gradient is one matrix product (exercises 10 and 11).
#
# A window of $k\times k$ pixels moves in steps of $s$ pixels over images $x$ with the shape
# $(N, C, H, W)$, after a border of zeros, $p$ pixels wide, was put around each image. There are
#
# $$H_o = \left\lfloor\frac{H + 2p - k}{s}\right\rfloor + 1,\qquad
# W_o = \left\lfloor\frac{W + 2p - k}{s}\right\rfloor + 1$$
#
# positions. If the steps do not reach the far edge, the last pixels are in no patch.
#
# - `unfold(x, k, s, p)` returns $P$ with the shape $(N, H_o W_o, C k^2)$. Row $i\,W_o + j$ of $P_n$
#   is the patch at position $(i, j)$, written as one long row: first channel 0, then channel 1, and
#   so on; inside of a channel, pixel row after pixel row.
# - `fold(P, size, k, s, p)` returns images with the shape $(N, C, H, W)$, where `size` is $(H, W)$.
#   It adds each value of $P$ to the pixel from which `unfold` would have copied it:
#
# $$\langle c, \operatorname{unfold}(x)\rangle = \langle \operatorname{fold}(c), x\rangle
# \quad\text{for all } x, c .$$
#
# The last two functions do the same with another border. With **circular padding**, the image
# continues on its other side: the pixel to the right of the last column is in the first column. The
# library does not have this. It is used for panoramas, and for maps of the whole earth.
#
# - `unfold_circular(x, k, s, p)` and `fold_circular(P, size, k, s, p)`, with the same shapes.
#
# Loops over the positions are fine. Do not loop over examples or channels. The result has the dtype
# of the input.

# %%
import numpy as np


# %% nbgrader={"grade": false, "grade_id": "unfold_fold-solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
def unfold(x, k, s, p):
    """The patches of x as rows: (N, C, H, W) -> (N, Ho·Wo, C·k·k)."""
    ### BEGIN SOLUTION
    padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    height, width = padded.shape[2:]
    rows = []
    for i in range(0, height - k + 1, s):
        for j in range(0, width - k + 1, s):
            rows.append(padded[:, :, i : i + k, j : j + k].reshape(len(x), -1))
    return np.stack(rows, axis=1)
    ### END SOLUTION


def fold(P, size, k, s, p):
    """The transpose of unfold: (N, Ho·Wo, C·k·k) -> (N, C, H, W)."""
    ### BEGIN SOLUTION
    channels = P.shape[2] // k**2
    height, width = size[0] + 2 * p, size[1] + 2 * p
    padded = np.zeros((len(P), channels, height, width), P.dtype)
    row = 0
    for i in range(0, height - k + 1, s):
        for j in range(0, width - k + 1, s):
            patch = P[:, row].reshape(len(P), channels, k, k)
            padded[:, :, i : i + k, j : j + k] += patch
            row += 1
    return padded[:, :, p : p + size[0], p : p + size[1]]
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "unfold_fold-circular", "locked": false, "schema_version": 3, "solution": true, "task": false}
def unfold_circular(x, k, s, p):
    """unfold, where the border continues the image on its other side."""
    ### BEGIN SOLUTION
    padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), mode="wrap")
    return unfold(padded, k, s, 0)
    ### END SOLUTION


def fold_circular(P, size, k, s, p):
    """The transpose of unfold_circular."""
    ### BEGIN SOLUTION
    padded = fold(P, (size[0] + 2 * p, size[1] + 2 * p), k, s, 0)
    rows = np.arange(-p, size[0] + p) % size[0]  # where each row comes from
    columns = np.arange(-p, size[1] + p) % size[1]
    x = np.zeros((*padded.shape[:2], *size), P.dtype)
    np.add.at(x, (..., rows[:, None], columns), padded)
    return x
    ### END SOLUTION


# %% [markdown]
# ## Check it yourself
#
# First an image that can be checked by eye: two patches with room for no third one. Then the
# transposes, also for settings where the steps do not reach the far edge. The two numbers of a line
# must be equal.

# %% tags=["check"]
x = np.arange(15.0).reshape(1, 1, 3, 5)
print(x[0, 0], "\n\nits 2×2 patches with s = 2:\n", unfold(x, k=2, s=2, p=0), sep="")

rng = np.random.default_rng(0)
x = rng.normal(size=(2, 3, 6, 7))
for cut, add in [(unfold, fold), (unfold_circular, fold_circular)]:
    for k, s, p in [(2, 2, 0), (3, 1, 0), (3, 2, 1), (4, 3, 2)]:
        P = cut(x, k, s, p)
        c = rng.normal(size=P.shape)
        left, right = (c * P).sum(), (add(c, (6, 7), k, s, p) * x).sum()
        name = cut.__name__
        print(f"{name:<16} k={k} s={s} p={p}   <c, unfold x> = {left:.12f}", end="")
        print(f"   <fold c, x> = {right:.12f}")

# %% [markdown]
# If each patch adds a one to each of its pixels, the result is the number of patches that cover a
# pixel. In which of the three is it the same everywhere? (Chapter 2 shows what that does to an
# image.)

# %% tags=["check"]
for k, s in [(2, 2), (3, 2), (4, 2)]:
    ones = np.ones_like(unfold(np.zeros((1, 1, 8, 8)), k, s, 0))
    print(f"k = {k}, s = {s}\n{fold(ones, (8, 8), k, s, 0)[0, 0].astype(int)}")

# %% nbgrader={"grade": true, "grade_id": "unfold_fold-grade", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
from tinyae.course import grade_names

result = grade_names(globals(), "unfold_fold")
print(result)
result.score
### END HIDDEN TESTS
