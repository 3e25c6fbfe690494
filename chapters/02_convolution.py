# %% [markdown]
# # 2 · Convolution
#
# *Needs: chapters 0 and 1; 1b helps. Time: about 60 minutes to read, a few to run. On a first
# reading, skip “Both as matrices”, “Checkerboards” and “Six loops or unfold?”.*
#
# To the networks of chapter 1, an image is a list of 784 values. If we shuffled the pixels of all
# images in the same way, these networks would learn just as well. They do not know which pixels are
# neighbors. A stroke that they have learned in the left half of the image has to be learned again
# in the right half. A **convolution** looks at the image through a small window. It applies the
# same few weights, a **filter**, at every position, and records how well each position matches the
# filter. The result is again an image, a grid of values that shows where something was found. An
# autoencoder must also go the other way, from a small grid of values to a large image. The layer
# for this is the **transposed convolution**, and the goal of this chapter is to understand it.
#
# ![The four patches of a small image become the rows of a matrix. The matrix times the filter gives
# four values, which form a smaller image.](figures/02_diagram.svg)
#
# The part of the image in the window is called a **patch**. The diagram contains the main idea: *a
# convolution is a Linear layer applied to patches*. We already know everything about Linear layers.
# The new part is `unfold`, which extracts the patches, and its counterpart in the backward pass.

# %%
import os
import time

import matplotlib.pyplot as plt
import numpy as np

from tinyae import (
    Adam,
    Autoencoder,
    Conv2d,
    ConvTranspose2d,
    Linear,
    Objective,
    ReLU,
    Sequential,
    Sigmoid,
    fit,
    summary,
)
from tinyae.checking import gradcheck, show_report
from tinyae.data import load_data
from tinyae.layers import fold, unfold
from tinyae.layers.reference import conv2d_loops, conv2d_loops_backward
from tinyae.models import conv_autoencoder
from tinyae.plots import mosaic, plot_reconstructions, show

FAST = bool(os.environ.get("TINYAE_FAST"))
FAST_NOTE = "(fast mode: nothing has been learned)\n" if FAST else ""
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
train, test = (data.train[:500], data.test[:200]) if FAST else (data.train, data.test)
x_train, x_test = train.images, test.images  # not flat: (N, channels, height, width)
print(data, "->", x_train.shape, x_test.shape)

# %% [markdown]
# ## The equation
#
# The image has **channels** $c$ (one for gray, three for color, many inside a network), so
# $x_{n,c,i,j}$ is the pixel in row $i$ and column $j$ of channel $c$ of example $n$. A filter of
# $k\times k$ pixels moves in steps of $s$ pixels, called the **stride**. Before that, the image may
# get a border of zeros, $p$ pixels wide, called the **padding**. We call the output $y$ the *grid*:
# each of its points $i, j$ belongs to one position of the window. It has one channel $o$ for each
# filter:
#
# $$y_{noij} = b_o + \sum_{c}\sum_{u=0}^{k-1}\sum_{v=0}^{k-1} W_{ocuv}\;
# x_{n,\,c,\;si+u-p,\;sj+v-p} .$$
#
# (Strictly speaking, this is a cross-correlation. A convolution in mathematics flips the filter.
# For learned weights this makes no difference.) In addition to the example $n$, there are six
# indices, $o, i, j, c, u, v$, so the direct implementation has six nested loops around one line.
# Now sort the indices. The position $i, j$ tells *which patch* we are in, and $c, u, v$ run over
# the values *inside* the patch. Let the patches be the rows of a matrix,
# $P = \operatorname{unfold}(x)$, and let each filter be one long row of $W$. Then the sum over
# $c, u, v$ is a matrix product. It gives one row of $Y$ for each patch and one column for each
# filter:
#
# $$Y = P\,W^\top + b .$$
#
# Extracting the patches is easy in Python. Here is the code for one channel without padding,
# together with its counterpart, which we will need in the next section. Compare the two functions
# line by line. The first one *reads* each patch. The second one *adds* each patch back to the
# position where it was read:


# %%
def unfold_by_hand(x, k, s):
    rows = []
    for i in range(0, x.shape[0] - k + 1, s):
        for j in range(0, x.shape[1] - k + 1, s):
            rows.append(x[i : i + k, j : j + k].ravel())
    return np.array(rows)


def fold_by_hand(rows, shape, k, s):
    x, rows = np.zeros(shape), iter(rows)
    for i in range(0, shape[0] - k + 1, s):
        for j in range(0, shape[1] - k + 1, s):
            x[i : i + k, j : j + k] += next(rows).reshape(k, k)
    return x


x = np.arange(20.0).reshape(4, 5)
print(x, "\n\nits 2×2 patches with stride 2:\n", unfold_by_hand(x, k=2, s=2), sep="")
print(
    "\nthe same from the library:",
    np.array_equal(
        unfold(x[None, None], kernel=2, stride=2)[0], unfold_by_hand(x, 2, 2)
    ),
)

# %% [markdown]
# The last column of the image is in no patch: two patches of 2 pixels fit into a width of 5, and
# one column is left over. We will come back to it.
#
# ## The gradient
#
# Let $dY$ be the gradient with respect to $Y$. Chapter 0 derived the gradients of the Linear layer.
# Here the patches take the place of the examples:
#
# $$dW = dY^\top P,\qquad db = \text{the sum of the rows of } dY,\qquad dP = dY\,W .$$
#
# One step is missing, from $dP$ to $dx$. Extracting patches is a linear operation: a change
# $\delta x$ of the image causes the change $\delta P = \operatorname{unfold}(\delta x)$ of the
# patches. We are looking for the array that takes the place of the question mark in
#
# $$\delta L = \langle dP,\ \operatorname{unfold}(\delta x)\rangle
# = \langle\, ?\,,\ \delta x\rangle .$$
#
# Consider one pixel. It is copied into several patches, one for each window that covers it. If the
# pixel changes by $\delta$, so do all its copies. So $\delta L$ is $\delta$ times the *sum* of $dP$
# over the copies. This means: go through the patches, and add each value of $dP$ to the pixel that
# it was copied from. This operation is called `fold`:
#
# $$dx = \operatorname{fold}(dP),\qquad
# \langle R,\ \operatorname{unfold}(x)\rangle = \langle \operatorname{fold}(R),\ x\rangle
# \quad\text{for all } x, R .$$
#
# Here $R$ is any array with the shape of the patches. This is the adjoint test of chapter 0, and
# the next cell carries it out. In terms of matrices, `fold` is the transpose of `unfold`: where
# `unfold` copies, `fold` adds.

# %%
rng = np.random.default_rng(0)
x = rng.normal(size=(2, 3, 9, 8))
R = rng.normal(size=(2, 20, 27))  # 5·4 patches of 3·3 pixels in 3 channels
left = (R * unfold(x, kernel=3, stride=2, padding=1)).sum()
right = (fold(R, size=(9, 8), kernel=3, stride=2, padding=1) * x).sum()
print(f"<R, unfold x> = {left:.14f}\n<fold R, x>   = {right:.14f}")

# %% [markdown]
# ## The code
#
# Here is a complete layer. Except for `unfold` and `fold`, it is a Linear layer:


# %%
class MyConv:
    def __init__(self, W, b, **how):  # W: (filters, k·k·channels), one filter per row
        self.params, self.how = {"weight": W, "bias": b}, how

    def forward(self, x):
        P = unfold(x, **self.how)  # (N, patches, k·k·channels)
        y = P @ self.params["weight"].T + self.params["bias"]  # (N, patches, filters)
        return y, (P, x.shape[2:])

    def backward(self, dY, cache):
        P, size = cache
        dP = dY @ self.params["weight"]
        # dYᵀ P, added up over the examples: dW[o, k] = sum of dY[n, p, o] * P[n, p, k]
        dW = np.einsum("npo,npk->ok", dY, P)
        return fold(dP, size, **self.how), {"weight": dW, "bias": dY.sum(axis=(0, 1))}


# %% [markdown]
# ## The check

# %%
mine = MyConv(
    rng.normal(size=(4, 27)), rng.normal(size=4), kernel=3, stride=2, padding=1
)
show_report(gradcheck(mine, x))

theirs = Conv2d(3, 4, kernel_size=3, stride=2, padding=1, dtype=np.float64)
theirs.params["weight"][...] = (
    mine.params["weight"].reshape(4, 3, 3, 3).transpose(0, 3, 1, 2)
)  # (filters, channels, k, k)
theirs.params["bias"][...] = mine.params["bias"]
rows = theirs(x).transpose(0, 2, 3, 1).reshape(2, 20, 4)
print(
    "largest difference between MyConv and the library's Conv2d: "
    f"{np.abs(rows - mine.forward(x)[0]).max():.0e}"
)

# %% [markdown]
# ## From the grid to the image: the transposed convolution
#
# The convolutions of the encoder turn a large image into a small grid. The decoder has to turn a
# small grid into a large image. We already have a map that does this, the gradient: `backward`
# takes $dY$ on the grid to $dx = \operatorname{fold}(dY\,W)$ on the image. If we use it as a
# forward pass, we get a layer of its own, the **transposed convolution**:
#
# $$\begin{array}{lll}
# & \text{forward} & \text{backward}\\
# \texttt{Conv2d} & y = \operatorname{unfold}(x)\,W^\top & dx = \operatorname{fold}(dy\,W),\quad
# dW = dy^\top \operatorname{unfold}(x)\\
# \texttt{ConvTranspose2d} & y = \operatorname{fold}(x\,W)
# & dx = \operatorname{unfold}(dy)\,W^\top,\quad
# dW = x^\top \operatorname{unfold}(dy)
# \end{array}$$
#
# (The biases are left out.) Both rows contain the same three products. In the first row, $x$ is the
# large image, which is divided into patches, and $y$ is the small grid, with one point per patch.
# In the second row they are exchanged, so there is nothing new to derive. The weights are the same
# too: for each channel of the grid there is one filter, with weights for each channel of the image.
# But the grid is now the input. So the shape of the weights is (out, in, $k$, $k$) in `Conv2d` and
# (in, out, $k$, $k$) in `ConvTranspose2d`.
#
# What does the second row *do*? The next figure shows an image of 5 × 5 pixels with a padding of
# one zero, for $k = 3$ and $s = 2$, and the corresponding grid of 3 × 3 points.


# %% tags=["hide-input"]
def draw_cells(ax, n, padding=0):
    for i in range(-padding, n + padding):
        for j in range(-padding, n + padding):
            inside = 0 <= i < n and 0 <= j < n
            face = "white" if inside else "0.88"
            ax.add_patch(
                plt.Rectangle(
                    (j, i),
                    1,
                    1,
                    facecolor=face,
                    edgecolor="0.6",
                    linewidth=0.8,
                    zorder=0,
                )
            )
    ax.set(
        xlim=(-padding - 0.1, n + padding + 0.1),
        ylim=(n + padding + 0.1, -padding - 0.1),
        aspect="equal",
    )
    ax.axis("off")


fig, (image, middle, grid) = plt.subplots(
    1, 3, figsize=(8.4, 3.9), width_ratios=[7, 3.4, 3], layout="constrained"
)
draw_cells(image, 5, padding=1)
draw_cells(grid, 3)
for (i, j), color in {
    (0, 0): "tab:blue",
    (1, 1): "tab:orange",
    (1, 2): "tab:green",
}.items():
    image.add_patch(
        plt.Rectangle(
            (2 * j - 1, 2 * i - 1), 3, 3, color=color, alpha=0.35, linewidth=0
        )
    )
    image.add_patch(
        plt.Rectangle(
            (2 * j - 0.95, 2 * i - 0.95),
            2.9,
            2.9,
            fill=False,
            edgecolor=color,
            linewidth=2,
        )
    )
    grid.add_patch(plt.Rectangle((j, i), 1, 1, color=color, alpha=0.6, linewidth=0))
image.set_title("image: patches overlap\n(gray: the padding)", fontsize=10)
grid.set_title("grid: one point per patch", fontsize=10)
middle.axis("off")
middle.set(xlim=(0, 1), ylim=(0, 1))
for y, ends, label in [
    (0.68, "->", "Conv2d\nreads a patch, multiplies\nby the filter, adds up"),
    (0.30, "<-", "ConvTranspose2d\nmultiplies the filter by\nthe value, adds it here"),
]:
    middle.annotate(
        "", (1, y), (0, y), arrowprops={"arrowstyle": ends, "linewidth": 1.8}
    )
    middle.text(0.5, y - 0.03, label, ha="center", va="top", fontsize=9)
show(grid, "02_touches")

# %% [markdown]
# **What to look at.** First read the figure from left to right: each point of the grid is a
# weighted sum over its patch. Then read it from right to left: each point of the grid multiplies
# the filter by its value and adds the result to the image at the position of its patch. What
# happens where two patches overlap? Whatever is added in the padding is cut off at the end. (So the
# padding of a transposed convolution makes its output *smaller*, which surprises everyone at
# first.)
#
# <details><summary>Answer</summary>
#
# Where two patches overlap, the pixel receives both contributions, and they are added. This is
# `fold`: it adds where `unfold` copies.
#
# </details>
#
# ## Both as matrices
#
# A convolution is linear in $x$, so there is a matrix $C$ with $y = Cx$ if images and grids are
# written as long vectors. No one computes a convolution this way, because most entries of $C$ are
# zero, but it is worth seeing once. The columns of $C$ are the outputs for images in which one
# pixel is 1 and all others are 0. We get the matrix of the transposed convolution with the same
# weights in the same way, and we expect it to be $C^\top$.

# %%
how = {"kernel_size": 3, "stride": 2, "padding": 1, "bias": False, "dtype": np.float64}
conv, transposed = Conv2d(1, 1, **how), ConvTranspose2d(1, 1, **how)
conv.params["weight"][...] = transposed.params["weight"][...] = np.arange(
    1, 10
).reshape(3, 3)

one_pixel = np.eye(25).reshape(25, 1, 5, 5)  # 25 images
one_point = np.eye(9).reshape(9, 1, 3, 3)  # 9 grids
C = conv(one_pixel).reshape(25, 9).T  # (9, 25): a column for each pixel
T = transposed(one_point).reshape(9, 25).T  # (25, 9): a column for each grid point
print(
    "the matrix of ConvTranspose2d is the transpose of Conv2d's:",
    np.array_equal(T, C.T),
)
print("it is also the inverse:", np.allclose(T @ C, np.eye(25)))

# %% tags=["hide-input"]
fig = plt.figure(figsize=(8.4, 4.6), layout="constrained")
places = fig.add_gridspec(2, 2, width_ratios=[25, 9], height_ratios=[9, 16])
for place, matrix, title, labels in [
    (places[0, 0], C, "C, the matrix of Conv2d", ("pixel of the image", "grid point")),
    (places[:, 1], T, "Cᵀ, of ConvTranspose2d", ("grid point", "pixel of the image")),
    (
        places[1, 0].subgridspec(1, 3)[1],
        conv.params["weight"][0, 0],
        "the filter",
        ("", ""),
    ),
]:
    ax = fig.add_subplot(place)
    ax.imshow(np.where(matrix == 0, np.nan, matrix), cmap="viridis", vmin=0, vmax=9)
    ax.set_xticks(np.arange(-0.5, matrix.shape[1]), [])
    ax.set_yticks(np.arange(-0.5, matrix.shape[0]), [])
    ax.grid(color="0.85", linewidth=0.5)
    ax.tick_params(length=0)
    for (i, j), weight in np.ndenumerate(matrix):
        if weight:
            color = "white" if weight < 6 else "black"
            style = {"ha": "center", "va": "center", "fontsize": 7, "color": color}
            ax.text(j, i, f"{weight:.0f}", **style)
    ax.set_title(title, fontsize=10)
    ax.set(xlabel=labels[0], ylabel=labels[1])
show(ax, "02_matrices")

# %% [markdown]
# **What to look at.** The middle row of $C$ contains the nine weights of the filter, in groups of
# three. So do all the other rows, shifted by the stride, except for weights that fall on the
# padding. This is what *weight sharing* means. White cells are zero: a Linear layer from 25 to 9
# would have a separate weight in each of these cells. Is the transpose an inverse? A decoder does
# not undo the convolution of the encoder. It only writes to the same positions, and what it writes
# is learned.
#
# <details><summary>Answer</summary>
#
# No, the transpose is not an inverse: $C^\top C$ is not the identity, and the cell above prints so.
# It cannot have an inverse at all: $C$ maps 25 values to 9, so different images have the same grid.
#
# </details>
#
# ## Sizes, and why there is an output_padding
#
# How many window positions fit in an image of $H$ pixels, with padding on both sides and steps of
# $s$? The first formula gives the answer, and the second one goes back:
#
# $$H_{\text{grid}} = \Big\lfloor\frac{H + 2p - k}{s}\Big\rfloor + 1,\qquad\qquad
# H = (H_{\text{grid}} - 1)\,s + k - 2p + o .$$
#
# To see the first formula, number the pixels of the padded image from 0 to $H + 2p - 1$. The
# windows start at $0, s, 2s, \dots$, and the last one must start at $H + 2p - k$ or before it. To
# see the second one, note that the last window starts at $(H_{\text{grid}}-1)\,s$ and is $k$ pixels
# long.
#
# The first formula rounds down, which explains the column that was left over above. So up to $s$
# different image sizes have the same grid size, and to go back we must specify which one we want.
# That is the purpose of the **output padding** $o$. In spite of its name, it does not add zeros.
# With $o = 1$ the output has one more row at the bottom and one more column on the right, and
# whatever the patches add there is kept.

# %% tags=["hide-input"]
fig, panels = plt.subplots(1, 2, figsize=(8.4, 3.4), layout="constrained")
for ax, (k, s, p) in zip(panels, [(3, 2, 1), (5, 3, 1)], strict=True):
    sizes = np.arange(k, 15)
    points = [
        Conv2d(1, 1, k, s, p)(np.zeros((1, 1, h, h), np.float32)).shape[2]
        for h in sizes
    ]
    ax.step([*sizes, 15], [*points, points[-1]], where="post", color="0.8", zorder=0)
    for o, color in zip(
        range(s), ["tab:blue", "tab:orange", "tab:green"], strict=False
    ):
        up = ConvTranspose2d(1, 1, k, s, p, output_padding=o)
        image_sizes = [up.output_size((n, n))[0] for n in sorted(set(points))]
        ax.plot(
            image_sizes,
            sorted(set(points)),
            "o",
            color=color,
            label=f"output_padding {o}",
        )
    ax.set(
        title=f"k = {k}, s = {s}, p = {p}",
        xlabel="size of the image",
        ylabel="size of the grid",
        xlim=(k - 0.6, 15),
    )
    ax.set_xticks(sizes)
    ax.set_yticks(sorted(set(points)))
    ax.legend(frameon=False)
show(panels, "02_sizes")

# %%
for size in (27, 28):
    grid_size = Conv2d(1, 1, 3, 2, 1)(np.zeros((1, 1, size, size), np.float32)).shape[2]
    back = [
        ConvTranspose2d(1, 1, 3, 2, 1, output_padding=o).output_size((grid_size,) * 2)[
            0
        ]
        for o in (0, 1)
    ]
    print(f"{size} → {grid_size} → {back[0]} without, {back[1]} with output_padding=1")

# %% [markdown]
# **What to look at.** Each step of the staircase is one grid size, together with the image sizes
# that lead to it. The colored dots show the way back. Images of 28 pixels need `output_padding=1`
# with $k=3, s=2, p=1$. Without it the decoder returns 27 pixels, the loss cannot compare 27 with
# 28, and you get the most common error message of convolutional autoencoders.
#
# <details><summary>Why are there as many output paddings as strides?</summary>
#
# A step of the staircase is $s$ pixels wide. The outputs for $o = 0, 1, \dots, s-1$ are exactly the
# sizes on one step, so with the right $o$ every size can be reached again.
#
# </details>
#
# ## Checkerboards
#
# Let every grid point have the value 1, and let every filter weight be 1. Then the transposed
# convolution counts how many patches cover each pixel:

# %% tags=["hide-input"]
fig, panels = plt.subplots(1, 5, figsize=(9.6, 2.3), layout="constrained")
for ax, (k, s) in zip(panels, [(2, 2), (3, 2), (4, 2), (5, 2), (4, 3)], strict=True):
    n = 8
    size = (n - 1) * s + k
    counts = fold(np.ones((1, n * n, k * k)), (size, size), kernel=k, stride=s)[0, 0]
    center = slice(size // 2 - 4, size // 2 + 4)  # far from the edges
    middle = counts[center, center]
    ax.imshow(middle, cmap="viridis", vmin=0, vmax=9)
    for (i, j), count in np.ndenumerate(middle):
        ax.text(
            j,
            i,
            f"{count:.0f}",
            ha="center",
            va="center",
            fontsize=7,
            color="k" if count > 5 else "w",
        )
    ax.set(title=f"k = {k}, s = {s}", xticks=[], yticks=[])
show(panels, "02_counts")

# %% [markdown]
# **What to look at.** In which panels is every pixel covered by the same number of patches? Look at
# one axis first. Grid point $i$ and filter position $u$ write to the pixel $si + u$. So a pixel is
# reached by those $u$ that have the same remainder as the pixel when divided by $s$. If $s$ divides
# $k$, there are $k/s$ of them for every pixel. If not, some pixels are reached by one more than
# others. In two dimensions, the counts of the row and the column are multiplied, which gives a
# checkerboard (Odena, Dumoulin and Olah 2016).
#
# <details><summary>Answer</summary>
#
# In the panels where $s$ divides $k$: $k = 2$ and $k = 4$, both with $s = 2$. In the other three,
# the counts differ from pixel to pixel.
#
# </details>
#
# For $s = 2$, is it enough to choose $k = 4$ instead of 3? The counts only show what happens with
# *equal* weights. Look again at which weights reach which pixels: a pixel in an even row and a
# pixel in an odd row never use the same weight. The same is true of columns. So a filter with
# stride 2 is really four small filters (even or odd row, even or odd column), and each of them
# produces one quarter of the pixels. For $k = 3$ they have 1, 2, 2 and 4 weights. For $k = 4$ each
# has 4 weights, but nothing forces the four filters to agree. There is another way to enlarge an
# image: repeat each pixel in both directions, and then convolve with stride 1, so that every pixel
# uses every weight. Here are untrained decoders, each with different random weights. To measure the
# checkerboard, we divide the pixels of an image into the same four quarters, and compare the means
# of the quarters:


# %%
def decoder(method, rng):
    rng = np.random.default_rng(rng)
    first = ConvTranspose2d(128, 64, 7, rng=rng)
    if method == "repeat":
        second = Conv2d(64, 32, 3, padding=1, rng=rng)
        third = Conv2d(32, 1, 3, padding=1, rng=rng)
    else:
        double = {
            "kernel_size": int(method[-1]),
            "stride": 2,
            "padding": 1,
            "output_padding": int(method[-1]) % 2,
        }
        second = ConvTranspose2d(64, 32, **double, rng=rng)
        third = ConvTranspose2d(32, 1, **double, rng=rng)

    def decode(z):
        x = np.maximum(first(z), 0)
        for layer in (second, third):
            x = layer(
                x.repeat(2, axis=2).repeat(2, axis=3) if method == "repeat" else x
            )
            x = np.maximum(x, 0) if layer is second else 1 / (1 + np.exp(-x))
        return x

    return decode


def checkerboard_fraction(images):
    """The fraction of the variance within an image that is a difference
    between even and odd rows and columns."""
    images = images - images.mean(axis=(1, 2, 3), keepdims=True)
    quarters = [
        images[:, :, i::2, j::2].mean(axis=(1, 2, 3)) for i in (0, 1) for j in (0, 1)
    ]
    return float(np.mean(np.square(quarters)) / np.mean(np.square(images)))


codes = np.random.default_rng(1).random((8, 128, 1, 1), np.float32)
untrained = {
    method: np.concatenate(
        [decoder(method, rng)(codes[rng : rng + 1]) for rng in range(8)]
    )
    for method in ["k = 3", "k = 4", "repeat"]
}
for method, images in untrained.items():
    print(
        f"{method}: the checkerboard is {checkerboard_fraction(images):.0%} "
        "of the variance within an image"
    )
print(f"in real images: {checkerboard_fraction(x_test):.1%}")

# %% tags=["hide-input"]
titles = {
    "k = 3": "stride 2, k = 3",
    "k = 4": "stride 2, k = 4",
    "repeat": "repeat each pixel, then a convolution with stride 1",
}
fig, panels = plt.subplots(3, 1, figsize=(9, 4.5), layout="constrained")
for ax, (method, images) in zip(panels, untrained.items(), strict=True):
    low = images.min(axis=(2, 3), keepdims=True)
    high = images.max(axis=(2, 3), keepdims=True)
    ax.imshow(
        mosaic((images - low) / (high - low), columns=8),
        cmap="gray",
        interpolation="nearest",
    )
    fraction = f"{checkerboard_fraction(images):.0%} of the variance is a checkerboard"
    ax.set_title(f"{titles[method]}: {fraction}", loc="left", fontsize=10)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
fig.suptitle("Images from eight untrained decoders per row", fontsize=11)
show(panels, "02_checkerboard")

# %% [markdown]
# **What to look at.** The contrast of each image is stretched. The true differences are small. In
# which rows do you see a pattern that repeats every two pixels? (Two layers with stride 2 together
# can also produce a pattern that repeats every four.) Does $k = 4$ remove it? A decoder with
# strides has to *learn* that its four small filters should agree. Wherever it has not learned this,
# a checkerboard is visible. We will measure below how well the trained decoder does. Repeating
# pixels before the convolution avoids the problem. It is more expensive, because every weight is
# multiplied by every pixel of the large image.
#
# <details><summary>Answer</summary>
#
# Both rows with strides show a pattern with a period of two and of four pixels. $k = 4$ does not
# remove it: its counts are equal, but its four small filters have different random weights. The row
# with repeated pixels shows smooth gray spots and no regular pattern, and its printed fraction is
# far smaller. This holds in fast mode too, because these decoders are not trained in any mode.
#
# </details>
#
# Note that the *gradient* of `Conv2d` with a stride has the same pattern, because its backward pass
# is a transposed convolution.
#
# ## Six loops or unfold?
#
# The six loops and `unfold` compute the same result. How long do they take? We time them on the
# first layers of our model with a batch of 32 images.

# %%
for channels, filters, size in [(1, 8, 28)] if FAST else [(1, 32, 28), (32, 64, 14)]:
    layer = Conv2d(channels, filters, 3, stride=2, padding=1, rng=0)
    x = np.random.default_rng(0).standard_normal(
        (4 if FAST else 32, channels, size, size), np.float32
    )
    w, b = layer.params["weight"], layer.params["bias"]

    started = time.perf_counter()
    y = conv2d_loops(x, w, b, stride=(2, 2), padding=(1, 1))
    dx, dw, db = conv2d_loops_backward(y, x, w, stride=(2, 2), padding=(1, 1))
    loops = time.perf_counter() - started

    seconds = []
    for _ in range(10):
        started = time.perf_counter()
        fast_y, cache = layer.forward(x)
        fast_dx, grads = layer.backward(y, cache)
        seconds.append(time.perf_counter() - started)
    fast = np.median(seconds)

    pairs = [(y, fast_y), (dx, fast_dx), (dw, grads["weight"]), (db, grads["bias"])]
    error = max(np.abs(a - b).max() / np.abs(a).max() for a, b in pairs)
    print(
        f"{layer}, {len(x)} images, forward and backward, equal to within {error:.0e}"
    )
    print(
        f"    loops {loops:.2f} s, unfold {1e3 * fast:.2f} ms, "
        f"{loops / fast:,.0f} times as fast"
    )

# %% [markdown]
# These loops could be even slower: each of their lines processes the whole batch at once. But every
# line of Python takes about a microsecond, and these lines run a great many times. With `unfold`,
# one matrix product replaces the loops, and in it a processor does billions of multiplications per
# second. The cost is memory: the patches store each pixel about $k^2/s^2$ times. So the library
# never extracts all patches at once. It takes a few images at a time, so that their patches fit
# into the fast memory of the processor. Now open `tinyae/layers/convolution.py`: `correlate` is
# $\operatorname{unfold}(\cdot)\,W^\top$, `correlate_transpose` is $\operatorname{fold}(\cdot\,W)$,
# and `weight_gradient` is $dW$. Each of the two layers uses all three of them, as in the table
# above.
#
# ## The experiment
#
# The first two layers of the encoder halve the size of the image, from 28 to 14 to 7. The last
# layer has 128 filters of 7 × 7, which cover everything that is left. So the code has 128
# dimensions. (It has a ReLU, unlike that of chapter 1, so some of the 128 units may be dead.) The
# decoder does the same in reverse. For comparison, we train the network of chapter 1, also with a
# 128-dimensional code. Its layers are called **dense**, because each output is connected to each
# input.


# %%
def dense_autoencoder(rng, code=128):
    rng = np.random.default_rng(rng)
    return Autoencoder(
        Sequential(
            Linear(784, 512, rng=rng),
            ReLU(),
            Linear(512, 256, rng=rng),
            ReLU(),
            Linear(256, code, rng=rng),
        ),
        Sequential(
            Linear(code, 256, rng=rng),
            ReLU(),
            Linear(256, 512, rng=rng),
            ReLU(),
            Linear(512, 784, rng=rng),
            Sigmoid(),
        ),
    )


model, dense = conv_autoencoder(rng=0), dense_autoencoder(rng=0)
print(summary(model, (1, 28, 28)), "\n")

epochs = 1 if FAST else 5
history = fit(
    model,
    x_train,
    Objective(),
    Adam(model.params),
    epochs,
    validation=x_test,
    progress=not FAST,
)
dense_history = fit(
    dense,
    train.flat,
    Objective(),
    Adam(dense.params),
    epochs,
    validation=test.flat,
    progress=not FAST,
)

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
for name, log, color in [
    ("convolutional", history, "tab:blue"),
    ("dense", dense_history, "tab:orange"),
]:
    ax.semilogy(log["epoch"], log["val_loss"], "o-", color=color, label=f"{name}, test")
    ax.semilogy(log["epoch"], log["loss"], ":", color=color, label=f"{name}, training")
ax.set(xlabel="epoch", ylabel="mean squared error")
ax.xaxis.get_major_locator().set_params(integer=True)
ax.grid(alpha=0.3, which="both")
ax.legend(frameon=False)
show(ax, f"02_loss_{data.name}")

# %%
mean = train.flat.mean(axis=0)
covariance = ((train.flat - mean).T @ (train.flat - mean) / len(train)).astype(
    np.float64
)
V = np.linalg.eigh(covariance)[1][:, -128:].astype(np.float32)
pca_error = float(((test.flat - mean - (test.flat - mean) @ V @ V.T) ** 2).mean())

print(
    f"after {epochs} epochs, 128 code dimensions     parameters     test MSE    seconds"
)
for name, net, log in [
    ("convolutional", model, history),
    ("dense", dense, dense_history),
]:
    parameters, seconds = sum(w.size for w in net.params.values()), sum(log["seconds"])
    print(f"{name:<38}{parameters:>14,}{log['val_loss'][-1]:>13.5f}{seconds:>11.1f}")
print(f"{'PCA':<38}{V.size + mean.size:>14,}{pca_error:>13.5f}")
print(FAST_NOTE, end="")

# %% [markdown]
# **What to look at.** The codes have the same size, the convolutional network has fewer weights,
# and both train for the same number of steps. Which one is ahead, and by how much? (The training
# error is averaged over the epoch, while the network is still improving. So it may well be higher
# than the test error.) The dense network has to learn each stroke at each position separately, from
# fewer examples. But look at the last column of the table too: each weight of a convolution is used
# at many positions, and each use costs a multiplication. Finally, look at PCA. Why might a linear
# subspace do well with as many as 128 dimensions?
#
# <details><summary>Answer</summary>
#
# After a full training, the convolutional network is clearly ahead after every epoch, with fewer
# weights and often about half the error. It pays with time: its epochs take several times as long.
#
# PCA needs no training, and 128 is many: most of the variance of small images of digits lies in the
# first hundred directions, because neighboring pixels are almost always equal. So PCA can be better
# than a dense network that was trained for only a few epochs. The advantage of nonlinear models is
# largest for small codes. (In fast mode PCA is the best, because nothing else has been learned.)
#
# </details>

# %%
shown = np.concatenate(
    [np.flatnonzero(test.labels == label)[:2] for label in range(10)]
)

# %% tags=["hide-input"]
show(
    plot_reconstructions(
        x_test[shown],
        model(x_test[shown]),
        dense(test.flat[shown]).reshape(-1, 1, 28, 28),
        names=["original", "convolutional", "dense"],
    ),
    f"02_reconstructions_{data.name}",
)

# %%
print(
    f"checkerboard fraction: {checkerboard_fraction(model(x_test)):.2%} in "
    f"reconstructions, {checkerboard_fraction(x_test):.2%} in the originals"
)

# %% [markdown]
# ## What the filters have learned
#
# A filter of the first layer is an image of 3 × 3 pixels, and its output for a digit is a **feature
# map** of 14 × 14. The next figure shows every fourth filter, and below each one its map. Negative
# weights are blue and positive weights are red. The maps are shown after the ReLU: white is 0, and
# black is the largest value of this map. The last row shows every eighth map of the second layer.
# We cannot show its filters as images, because each of them has 3 × 3 weights for each of the 32
# maps of the first layer.

# %%
digit = x_test[shown[4:5]]
filters = model.params["encoder.0.weight"][:, 0]  # (32, 3, 3)
maps = model.encoder[:2](digit)[0]  # (32, 14, 14)
second_maps = model.encoder[:4](digit)[0]  # (64, 7, 7)
for layer, output in [("first", maps), ("second", second_maps)]:
    empty = (output == 0).all(axis=(1, 2)).sum()
    print(f"{layer} layer: {empty} of {len(output)} maps are zero everywhere")

# %% tags=["hide-input"]
rows = {
    "filter, 3 × 3": filters[::4],
    "its map, 14 × 14": maps[::4],
    "map of layer 2, 7 × 7": second_maps[::8],
}
fig, panels = plt.subplots(3, 9, figsize=(10, 3.7), layout="constrained")
for row, (name, images) in zip(panels, rows.items(), strict=True):
    for ax, image in zip(row[1:], images, strict=True):
        largest = max(np.abs(image).max(), 1e-9)
        if image.shape == (3, 3):
            ax.imshow(image, cmap="RdBu_r", vmin=-largest, vmax=largest)
        else:
            ax.imshow(image, cmap="gray_r", vmin=0, vmax=largest)
    row[1].set_title(name, loc="left", fontsize=10)
panels[1, 0].imshow(digit[0, 0], cmap="gray_r")
panels[1, 0].set_title("the digit", loc="left", fontsize=10)
for ax in panels.flat:
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(ax in panels[1:, 1:])
    ax.spines[:].set_color("0.8")
show(panels, f"02_maps_{data.name}")

# %%
moved = np.roll(digit, 2, axis=3)  # two pixels to the right
before, after = model.encoder[:2](digit), model.encoder[:2](moved)
inner = np.abs(after[:, :, :, 2:-1] - before[:, :, :, 1:-2]).max()
codes = model.encode(digit), model.encode(moved)
length = np.linalg.norm(codes[0])
print(
    "if the digit moves 2 pixels to the right, the maps of layer 1 move by 1; "
    f"away from the edges they differ from that by {inner:.0e}"
)
print(
    f"the code changes by {np.linalg.norm(codes[1] - codes[0]) / length:.0%} "
    "of its length"
)

# %% [markdown]
# **What to look at.** Find filters that are blue on one side and red on the other, and then find
# their maps. Do they respond to the edges of strokes in one direction, wherever these are? What do
# other filters do? Why is the background of some maps gray or black, although the digit has no ink
# there? Are some maps empty? Are the maps of the second layer coarser? Finally, look at the printed
# lines. If the digit moves by one stride, the maps move by one point and otherwise do not change. A
# convolution has this property before it has seen any image. The code is different: the last
# filters look at the whole image, so for the code, a shifted digit is a different digit.
#
# <details><summary>Answer</summary>
#
# Filters that are blue on one side and red on the other are edge detectors: their maps are dark
# along one side of the strokes, wherever the stroke is. Filters that are mostly red blur or copy
# the digit. Filters that are mostly blue do the opposite: their maps are white where the ink is.
# Where there is no ink, the output is the bias of the filter, so a positive bias makes the
# background gray or black. Some maps may be empty: these units are dead, or respond only to
# something that this digit does not have. The maps of the second layer are coarser (7 × 7). Most of
# them no longer look like the digit, because each combines all maps of the first layer. In fast
# mode the filters are still random, but the printed comparison holds: the maps move by one point,
# up to rounding, and the code changes.
#
# </details>
#
# ## Exercises
#
# Answers: [answers/02_convolution.py](answers/02_convolution.py)
#
# 1. **Shuffled pixels.** Apply the same random permutation to the pixels of all images, train both
#    networks again, and undo the permutation in the reconstructions. Which network gets worse?
#    *Hint: chapter 1 never used which pixels are neighbors;
#    `x.reshape(len(x), -1)[:, permutation]`.*
# 2. **Padding by hand.** Add a padding $p$ to `unfold_by_hand` and `fold_by_hand` so that
#    $\langle R, \operatorname{unfold} x\rangle = \langle\operatorname{fold} R, x\rangle$ still
#    holds. *Hint: first copy the image into a larger image of zeros. What is the transpose of
#    that?*
# 3. **Repeat and convolve.** Write a layer `Repeat`, which turns each pixel into 2 × 2 pixels, with
#    its gradient. Check it, and train an autoencoder whose decoder uses it. Compare the error, the
#    time and the checkerboard fraction. *Hint: each pixel is copied four times. What did we do with
#    copies?*
# 4. **MyConvTranspose.** Write it in as few lines as `MyConv`, using the second row of the table,
#    and check it. *Hint: exchange what forward and backward do. The patches now come from dy.*
# 5. **A thousand small images or one code?** Leave out the 7 × 7 layers, so that the code consists
#    of the 64 × 7 × 7 maps. The error becomes tiny. Why is this not a success? What happens with 2
#    channels instead of 64? *Hint: compare the number of values in the code with the number of
#    pixels in an image.*
#
# - Graded: [Exercise 9 · unfold and fold](exercises/09_unfold_fold.py), `tinyae exercise start unfold_fold`
# - Graded: [Exercise 10 · A convolution, and one filter for each channel](exercises/10_conv2d.py), `tinyae exercise start conv2d`
# - Graded: [Exercise 11 · From a small grid to a large image](exercises/11_conv_transpose2d.py), `tinyae exercise start conv_transpose2d`
# - Graded: [Exercise 12 · Pooling, and its way back](exercises/12_pooling.py), `tinyae exercise start pooling`
#
# **You can now** write a convolution and a transposed convolution with their gradients, and predict
# their sizes and their checkerboards.
#
# **Next:** chapter 3 gives the network a task that it cannot solve by copying.
#
# **In the real world:** convolutional encoders and decoders find organs and tumors in medical
# images (Ronneberger, Fischer and Brox, *U-Net*, 2015), compress photographs (Ballé, Laparra and
# Simoncelli, *End-to-end optimized image compression*, 2017), and produce the compact images in
# which latent diffusion models work (Rombach et al., *High-resolution image synthesis with latent
# diffusion models*, 2022).
