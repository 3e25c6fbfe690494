# %% [markdown]
# # 2 · Convolution
#
# To the nets of chapter 1 a picture is a list of 784 numbers. Shuffle the pixels, in all pictures alike, and they learn just as
# well: that two pixels are neighbours means nothing to them, and a stroke in the left half has to be learned again in the right
# half. A **convolution** looks through a small window. It takes the same few weights, a *filter*, to every place, and writes down
# how well each place fits. The result is a picture again, of where something was found. An autoencoder also has to find the way
# back, from a small grid of findings to a large picture. Its tool is the **transposed convolution**, and to understand it is the
# aim of this chapter.
#
# ```
#     picture                 patches                             grid
#    ┌──┬──┬──┬──┐      ┌──────────────────┐                   ┌──┬──┐
#    ├──┼──┼──┼──┤      │ patch 0, a row   │   · Wᵀ + b        │y₀│y₁│       one filter: one such grid;
#    ├──┼──┼──┼──┤ ───▶ │ patch 1          │ ─────────────▶    ├──┼──┤       32 filters: 32 grids,
#    ├──┼──┼──┼──┤unfold│ patch 2          │  Linear layer     │y₂│y₃│       the channels of the next picture
#    └──┴──┴──┴──┘      │ patch 3          │                   └──┴──┘
#                       └──────────────────┘
# ```
#
# The picture says it all: *a convolution is a Linear layer on patches*. We know everything about Linear layers. What is new is
# `unfold`, which cuts the patches, and what becomes of it on the way back.

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
from tinyae.checking import gradcheck
from tinyae.data import load_data
from tinyae.layers.convolution import fold, unfold
from tinyae.layers.reference import conv2d_loops, conv2d_loops_backward
from tinyae.models import conv_autoencoder
from tinyae.plots import mosaic, plot_reconstructions, show

FAST = bool(os.environ.get("TINYAE_FAST"))
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
train, test = (data.train[:500], data.test[:200]) if FAST else (data.train, data.test)
x_train, x_test = train.images, test.images  # not flat: (N, channels, height, width)
print(data, "->", x_train.shape, x_test.shape)

# %% [markdown]
# ## The equation
#
# The picture $x$ has channels $c$ (one for grey, three for colours, many inside a net), the output has one channel $o$ for each
# filter. A filter of $k\times k$ pixels moves in steps of $s$ pixels, the **stride**, and the picture may get a rim of $p$ zeros
# first, the **padding**:
#
# $$y_{noij} = b_o + \sum_{c}\sum_{u=0}^{k-1}\sum_{v=0}^{k-1} W_{ocuv}\; x_{n,\,c,\;si+u-p,\;sj+v-p} .$$
#
# (A mathematician calls this a correlation; a convolution would flip the filter. For weights that are learned it is all one.)
# Six indices, $o, i, j, c, u, v$, hence six loops around one line. Now sort them. The place $i, j$ says *which patch*, and
# $c, u, v$ run *inside* the patch. With the patches as the rows of a matrix, $P = \operatorname{unfold}(x)$, and each filter as
# one long row of $W$, the sum over $c, u, v$ is a matrix product:
#
# $$Y = P\,W^\top + b .$$
#
# Cutting is easily said in Python, here for one channel and no padding, and so is its counterpart, which we shall need in a
# minute. Read the two functions side by side. The one *reads* a patch, the other *adds* to where it was read from:


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
print(
    x,
    "\n\nits patches of 2×2 in steps of 2 down and across:\n",
    unfold_by_hand(x, k=2, s=2),
    sep="",
)
print(
    "\nthe same from the library:",
    np.array_equal(
        unfold(x[None, None], kernel=2, stride=2)[0], unfold_by_hand(x, 2, 2)
    ),
)

# %% [markdown]
# The last column of the picture is in no patch: 5 pixels hold two steps of 2, and one is left over. Remember it for later.
#
# ## The gradient
#
# Given $dY$, the gradient at the grid, the Linear layer's three products are known from chapter 0:
#
# $$dW = dY^\top P,\qquad db = \sum dY,\qquad dP = dY\,W .$$
#
# One step is missing, from $dP$ to $dx$. Cutting is linear: to a change $\delta x$ of the picture belongs
# $\delta P = \operatorname{unfold}(\delta x)$, and we look for the array beside $\delta x$ in
#
# $$\delta L = \langle dP,\ \operatorname{unfold}(\delta x)\rangle = \langle\, ?\,,\ \delta x\rangle .$$
#
# Ask one pixel. It was copied into several patches, into one for each window that covers it. If it grows by $\delta$, so do all
# its copies, and $\delta L$ is $\delta$ times the *sum* of $dP$ over the copies. So: go through the patches, and add each number
# of $dP$ to the pixel that it was cut from. That is `fold`:
#
# $$dx = \operatorname{fold}(dP),\qquad \langle c,\ \operatorname{unfold}(x)\rangle = \langle \operatorname{fold}(c),\ x\rangle
# \quad\text{for all } x, c .$$
#
# In the language of matrices, `fold` is the transpose of `unfold`: where the one copies, the other adds.

# %%
rng = np.random.default_rng(0)
x, c = (
    rng.normal(size=(2, 3, 9, 8)),
    rng.normal(size=(2, 20, 27)),
)  # 5·4 patches of 3·3 pixels in 3 channels
left = (c * unfold(x, kernel=3, stride=2, padding=1)).sum()
right = (fold(c, size=(9, 8), kernel=3, stride=2, padding=1) * x).sum()
print(f"<c, unfold x> = {left:.14f}\n<fold c, x>   = {right:.14f}")

# %% [markdown]
# ## The code
#
# That is a complete layer. Four of its lines are Linear's:


# %%
class MyConv:
    def __init__(self, W, b, **how):  # W: (filters, k·k·channels), a filter a row
        self.params, self.how = {"weight": W, "bias": b}, how

    def forward(self, x):
        P = unfold(x, **self.how)  # (N, patches, k·k·channels)
        return P @ self.params["weight"].T + self.params["bias"], (
            P,
            x.shape[2:],
        )  # (N, patches, filters)

    def backward(self, dY, cache):
        P, size = cache
        dP = dY @ self.params["weight"]
        dW = np.einsum(
            "npo,npk->ok", dY, P
        )  # the products dYᵀ P of all examples, added up
        return fold(dP, size, **self.how), {"weight": dW, "bias": dY.sum(axis=(0, 1))}


# %% [markdown]
# ## The check

# %%
mine = MyConv(
    rng.normal(size=(4, 27)), rng.normal(size=4), kernel=3, stride=2, padding=1
)
print(gradcheck(mine, x), "\n")

theirs = Conv2d(3, 4, kernel_size=3, stride=2, padding=1, dtype=np.float64)
theirs.params["weight"][...] = (
    mine.params["weight"].reshape(4, 3, 3, 3).transpose(0, 3, 1, 2)
)  # (filters, channels, k, k)
theirs.params["bias"][...] = mine.params["bias"]
rows = theirs(x).transpose(0, 2, 3, 1).reshape(2, 20, 4)
print(
    f"largest difference between MyConv and the library's Conv2d: {np.abs(rows - mine.forward(x)[0]).max():.0e}"
)

# %% [markdown]
# ## The way back: the transposed convolution
#
# The encoder's convolutions make a small grid of a large picture. The decoder has to make a large picture of a small grid. We
# already own a map that does so: the gradient's. `backward` takes $dY$ on the grid to $dx = \operatorname{fold}(dY\,W)$ on the
# picture. Use it as a layer in its own right, forward, and call it the **transposed convolution**:
#
# $$\begin{array}{lll}
# & \text{forward} & \text{backward}\\
# \texttt{Conv2d} & y = \operatorname{unfold}(x)\,W^\top & dx = \operatorname{fold}(dy\,W),\quad
# dW = dy^\top \operatorname{unfold}(x)\\
# \texttt{ConvTranspose2d} & y = \operatorname{fold}(x\,W) & dx = \operatorname{unfold}(dy)\,W^\top,\quad
# dW = x^\top \operatorname{unfold}(dy)
# \end{array}$$
#
# The same three products in both lines, with the roles of the large picture (what is cut into patches) and of the small grid
# (one point for each patch) exchanged. Nothing has to be derived again. The weights are the same as well: for each channel of
# the grid one filter, which has weights for each channel of the picture. Only what is called in and out changes places. Their
# shape is (out, in, $k$, $k$) in `Conv2d` and (in, out, $k$, $k$) in `ConvTranspose2d`.
#
# What does the lower line *do*? Here are a picture of 5 × 5 pixels with a rim of one zero, $k = 3$, $s = 2$, and the grid of
# 3 × 3 points that belongs to it.


# %%
def draw_cells(ax, n, rim=0):
    for i in range(-rim, n + rim):
        for j in range(-rim, n + rim):
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
        xlim=(-rim - 0.1, n + rim + 0.1),
        ylim=(n + rim + 0.1, -rim - 0.1),
        aspect="equal",
    )
    ax.axis("off")


fig, (picture, middle, grid) = plt.subplots(
    1, 3, figsize=(8.4, 3.9), width_ratios=[7, 3.4, 3], layout="constrained"
)
draw_cells(picture, 5, rim=1)
draw_cells(grid, 3)
for (i, j), colour in {
    (0, 0): "tab:blue",
    (1, 1): "tab:orange",
    (1, 2): "tab:green",
}.items():
    picture.add_patch(
        plt.Rectangle(
            (2 * j - 1, 2 * i - 1), 3, 3, color=colour, alpha=0.35, linewidth=0
        )
    )
    picture.add_patch(
        plt.Rectangle(
            (2 * j - 0.95, 2 * i - 0.95),
            2.9,
            2.9,
            fill=False,
            edgecolor=colour,
            linewidth=2,
        )
    )
    grid.add_patch(plt.Rectangle((j, i), 1, 1, color=colour, alpha=0.6, linewidth=0))
picture.set_title("picture: patches overlap\n(grey: the rim of zeros)", fontsize=10)
grid.set_title("grid: one point a patch", fontsize=10)
middle.axis("off")
middle.set(xlim=(0, 1), ylim=(0, 1))
for y, ends, label in [
    (0.68, "->", "Conv2d\nreads a patch, multiplies\nby the filter, sums up"),
    (0.30, "<-", "ConvTranspose2d\nmultiplies the filter by\nthe value, adds it here"),
]:
    middle.annotate(
        "", (1, y), (0, y), arrowprops={"arrowstyle": ends, "linewidth": 1.8}
    )
    middle.text(0.5, y - 0.03, label, ha="center", va="top", fontsize=9)
show(grid, "02_touches")

# %% [markdown]
# **What to look at.** Read the picture from left to right: each point of the grid is a weighted sum over its patch. Now from
# right to left: each point of the grid is a brush. It paints the filter, as strongly as its value says, where its patch is, and
# where brush strokes overlap they add up. What is painted on the rim is cut off in the end. (So the padding of a transposed
# convolution makes its output *smaller*, a surprise for everybody once.)
#
# ## Both as matrices
#
# A convolution is linear in $x$, so there is a matrix $C$ with $y = Cx$ for pictures and grids written as long vectors. Nobody
# uses it for computing, it is nearly empty, but one should have seen it once. Its columns are the answers to pictures with one
# single white pixel. The matrix of the transposed convolution with the same weights comes in the same way, and it ought to be
# $C^\top$.

# %%
how = {"kernel_size": 3, "stride": 2, "padding": 1, "bias": False, "dtype": np.float64}
conv, transposed = Conv2d(1, 1, **how), ConvTranspose2d(1, 1, **how)
conv.params["weight"][...] = transposed.params["weight"][...] = np.arange(
    1, 10
).reshape(3, 3)

one_pixel = np.eye(25).reshape(25, 1, 5, 5)  # 25 pictures
one_point = np.eye(9).reshape(9, 1, 3, 3)  # 9 grids
C = conv(one_pixel).reshape(25, 9).T  # (9, 25): a column for each pixel
T = transposed(one_point).reshape(9, 25).T  # (25, 9): a column for each grid point
print(
    "the matrix of ConvTranspose2d is that of Conv2d, transposed:",
    np.array_equal(T, C.T),
)
print("it is also its inverse:", np.allclose(T @ C, np.eye(25)))

fig = plt.figure(figsize=(8.4, 4.6), layout="constrained")
places = fig.add_gridspec(2, 2, width_ratios=[25, 9], height_ratios=[9, 16])
for place, matrix, title, labels in [
    (
        places[0, 0],
        C,
        "C, the matrix of Conv2d",
        ("pixel of the picture", "grid point"),
    ),
    (places[:, 1], T, "Cᵀ: ConvTranspose2d", ("grid point", "pixel of the picture")),
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
    ax.set_title(title, fontsize=10)
    ax.set(xlabel=labels[0], ylabel=labels[1])
show(ax, "02_matrices")

# %% [markdown]
# **What to look at.** The middle row of $C$ holds the nine colours of the filter, in groups of three. So do all the others, moved
# along by the stride, but for those weights that fall on the rim: that is meant by *shared weights*. White is zero: a
# Linear layer from 25 to 9 would have a weight in each of these cells. And the transpose is no inverse. A decoder does not undo
# the encoder's convolution; it only paints in the same places. What it paints is learned.
#
# ## Sizes, and why there is an output_padding
#
# How many steps of $s$ fit into a picture of $H$ pixels with its two rims, if the last window must still fit? And back:
#
# $$H_{\text{grid}} = \Big\lfloor\frac{H + 2p - k}{s}\Big\rfloor + 1,\qquad\qquad
# H = (H_{\text{grid}} - 1)\,s + k - 2p + o .$$
#
# The first formula rounds down: that was the left-over column above. So up to $s$ different sizes have the same grid, and the
# way back has to be told which of them is meant. That is the **output padding** $o$. In spite of its name it adds no zeros: with
# $o = 1$ the picture has one more row and column at its far edge, and whatever the brushes paint there is kept.

# %%
fig, panels = plt.subplots(1, 2, figsize=(8.4, 3.4), layout="constrained")
for ax, (k, s, p) in zip(panels, [(3, 2, 1), (5, 3, 1)], strict=True):
    sizes = np.arange(k, 15)
    points = [
        Conv2d(1, 1, k, s, p)(np.zeros((1, 1, h, h), np.float32)).shape[2]
        for h in sizes
    ]
    ax.step([*sizes, 15], [*points, points[-1]], where="post", color="0.8", zorder=0)
    for o, colour in zip(
        range(s), ["tab:blue", "tab:orange", "tab:green"], strict=False
    ):
        up = ConvTranspose2d(1, 1, k, s, p, output_padding=o)
        there = [up.output_size((n, n))[0] for n in sorted(set(points))]
        ax.plot(
            there, sorted(set(points)), "o", color=colour, label=f"output_padding {o}"
        )
    ax.set(
        title=f"k = {k}, s = {s}, p = {p}",
        xlabel="size of the picture",
        ylabel="size of the grid",
        xlim=(k - 0.6, 15),
    )
    ax.set_xticks(sizes)
    ax.set_yticks(sorted(set(points)))
    ax.legend(frameon=False)
show(panels, "02_sizes")

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
# **What to look at.** Each step of the step_decay is one grid and the sizes that lead to it; the coloured dots are the ways back.
# Pictures of 28 pixels need `output_padding=1` at $k=3, s=2, p=1$. Without it the decoder returns 27, the loss refuses to
# compare 27 with 28, and one has met the most common error message of convolutional autoencoders.
#
# ## Checkerboards
#
# Let every grid point have the value 1 and every filter weight be 1. Then the transposed convolution counts how many brushes
# touch each pixel:

# %%
fig, panels = plt.subplots(1, 5, figsize=(9.6, 2.3), layout="constrained")
for ax, (k, s) in zip(panels, [(2, 2), (3, 2), (4, 2), (5, 2), (4, 3)], strict=True):
    n = 8
    size = (n - 1) * s + k
    touches = fold(np.ones((1, n * n, k * k)), (size, size), kernel=k, stride=s)[0, 0]
    middle = touches[
        size // 2 - 4 : size // 2 + 4, size // 2 - 4 : size // 2 + 4
    ]  # far from the edges
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
# **What to look at.** In which panels do all pixels get the same number of brushes? Along one axis a pixel is touched by those
# kernel positions $u$ that leave the same remainder as it when divided by $s$. If $s$ divides $k$, there are $k/s$ of them for
# every pixel. If not, some pixels get one more than others, and in two dimensions the counts multiply to a checkerboard
# (Odena, Dumoulin and Olah 2016).
#
# Is it enough, then, to choose $k = 4$ in place of 3 for $s = 2$? The counting tells what *equal* weights do. But look again at
# who touches whom: pixels in even rows and pixels in odd rows never meet the same weight. A filter with stride 2 is four small
# filters in one, and each of them paints only its own quarter of the pixels. For $k = 3$ they have 1, 2, 2 and 4 weights; for
# $k = 4$ all have 4, but nobody tells them to agree. There is another way to enlarge a picture: repeat each pixel in both
# directions, and then convolve with stride 1, so that all pixels meet all weights. Here are decoders as they are born, before any
# training, each with other random weights:


# %%
def decoder(way, rng):
    rng = np.random.default_rng(rng)
    first = ConvTranspose2d(128, 64, 7, rng=rng)
    if way == "repeat":
        second, third = (
            Conv2d(64, 32, 3, padding=1, rng=rng),
            Conv2d(32, 1, 3, padding=1, rng=rng),
        )
    else:
        half = {
            "kernel_size": int(way[-1]),
            "stride": 2,
            "padding": 1,
            "output_padding": int(way[-1]) % 2,
        }
        second, third = (
            ConvTranspose2d(64, 32, **half, rng=rng),
            ConvTranspose2d(32, 1, **half, rng=rng),
        )

    def decode(z):
        x = np.maximum(first(z), 0)
        for layer in (second, third):
            x = layer(x.repeat(2, axis=2).repeat(2, axis=3) if way == "repeat" else x)
            x = np.maximum(x, 0) if layer is second else 1 / (1 + np.exp(-x))
        return x

    return decode


def unevenness(pictures):
    """Which part of the variance within a picture is a difference between even and odd rows and columns."""
    pictures = pictures - pictures.mean(axis=(1, 2, 3), keepdims=True)
    quarters = [
        pictures[:, :, i::2, j::2].mean(axis=(1, 2, 3)) for i in (0, 1) for j in (0, 1)
    ]
    return float(np.mean(np.square(quarters)) / np.mean(np.square(pictures)))


codes = np.random.default_rng(1).random((8, 128, 1, 1), np.float32)
fig, panels = plt.subplots(3, 1, figsize=(9, 3.9), layout="constrained")
for ax, way in zip(panels, ["k = 3", "k = 4", "repeat"], strict=True):
    pictures = np.concatenate(
        [decoder(way, rng)(codes[rng : rng + 1]) for rng in range(8)]
    )
    low, high = (
        pictures.min(axis=(2, 3), keepdims=True),
        pictures.max(axis=(2, 3), keepdims=True),
    )
    ax.imshow(
        mosaic((pictures - low) / (high - low), columns=8),
        cmap="gray",
        interpolation="nearest",
    )
    ax.set(xticks=[], yticks=[], ylabel=way)
    print(
        f"{way}: the checkerboard's share in the variance within a picture is {unevenness(pictures):.0%}"
    )
print(f"in real pictures: {unevenness(x_test):.1%}")
show(panels, "02_checkerboard")

# %% [markdown]
# **What to look at.** Each picture is stretched to full contrast; the true differences are small. In which rows is there a
# pattern that repeats every two pixels, or every four, which two layers in a row make? Is $k = 4$ the cure? A decoder with
# strides has to *learn* that its four small filters should agree. It mostly does (we shall measure it below), but where it has
# not, one sees a checkerboard. Repeating and convolving has no such problem. The price is that it multiplies every weight at
# every pixel of the large picture.
#
# By the way: `Conv2d` with a stride has the same comb in its *gradient*, since its backward is a transposed convolution.
#
# ## Six loops against unfold
#
# Both compute the same. Let us time it, at the first layers of our model with a batch of 32 pictures.

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
        y_too, cache = layer.forward(x)
        dx_too, grads = layer.backward(y, cache)
        seconds.append(time.perf_counter() - started)
    fast = np.median(seconds)

    pairs = [(y, y_too), (dx, dx_too), (dw, grads["weight"]), (db, grads["bias"])]
    error = max(np.abs(a - b).max() / np.abs(a).max() for a, b in pairs)
    print(f"{layer}, {len(x)} pictures, forward and backward, the same to {error:.0e}")
    print(
        f"    loops {loops:.2f} s, unfold {1e3 * fast:.2f} ms, {loops / fast:,.0f} times as fast"
    )

# %% [markdown]
# The loops are no fools: each of their lines works on the whole batch at once. But every line of Python costs a microsecond, and
# there are very many. `unfold` turns them into one matrix product, in which a processor does billions of multiplications a
# second. The price is memory: the patches hold each pixel about $k^2/s^2$ times. So the library makes them for some pictures at a
# time, few enough to fit into the processor's cache, and never all at once. Now open `tinyae/layers/convolution.py`: `correlate` is
# $\operatorname{unfold}(\cdot)\,W^\top$, `correlate_transpose` is $\operatorname{fold}(\cdot\,W)$, `filter_gradient` is $dW$. That each of the
# two layers uses all three is the table above.
#
# ## The experiment
#
# The model halves the picture twice and takes the whole of what is left in one filter of 7 × 7, so that its code is 128
# numbers; then the same way back. For comparison, the dense net of chapter 1 with the same 128 numbers as its code.


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

fig, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
for name, log, colour in [
    ("convolutional", history, "tab:blue"),
    ("dense", dense_history, "tab:orange"),
]:
    ax.semilogy(
        log["epoch"], log["val_loss"], "o-", color=colour, label=f"{name}, test"
    )
    ax.semilogy(log["epoch"], log["loss"], ":", color=colour, label=f"{name}, training")
ax.set(xlabel="epoch", ylabel="mean squared error")
ax.xaxis.get_major_locator().set_params(integer=True)
ax.grid(alpha=0.3, which="both")
ax.legend(frameon=False)
show(ax, f"02_loss_{data.name}")

mean = train.flat.mean(axis=0)
covariance = ((train.flat - mean).T @ (train.flat - mean) / len(train)).astype(
    np.float64
)
V = np.linalg.eigh(covariance)[1][:, -128:].astype(np.float32)
pca_error = float(((test.flat - mean - (test.flat - mean) @ V @ V.T) ** 2).mean())

print(
    f"after {epochs} epochs, 128 numbers a code      parameters     test MSE    seconds"
)
for name, net, log in [
    ("convolutional", model, history),
    ("dense", dense, dense_history),
]:
    print(
        f"{name:<38}{sum(w.size for w in net.params.values()):>14,}{log['val_loss'][-1]:>13.5f}{sum(log['seconds']):>11.1f}"
    )
print(f"{'PCA':<38}{V.size + mean.size:>14,}{pca_error:>13.5f}")

# %% [markdown]
# **What to look at.** Same code, fewer weights, the same number of steps: who is ahead, and by how much? (The training error is
# an average over the epoch, while the net was still getting better; so it may well lie above the test error.) The dense net has
# to learn each stroke at each place anew, from fewer examples. But the table has a last column too: each weight of a convolution
# is used at many places, and has to be multiplied there each time. And look at PCA: 128 numbers are a lot for such pictures, and
# a plane is not a bad place for them.

# %%
shown = np.concatenate(
    [np.flatnonzero(test.labels == label)[:2] for label in range(10)]
)
show(
    plot_reconstructions(
        x_test[shown],
        model(x_test[shown]),
        dense(test.flat[shown]).reshape(-1, 1, 28, 28),
        names=["original", "convolutional", "dense"],
    ),
    f"02_reconstructions_{data.name}",
)
print(
    f"the checkerboard's share: {unevenness(model(x_test)):.2%} in reconstructions, {unevenness(x_test):.2%} in the originals"
)

# %% [markdown]
# ## What the filters have found
#
# A filter of the first layer is a picture of 3 × 3 pixels, and what it answers to a digit is a **feature map** of 14 × 14.
# Filters and maps in the same order (blue below 0, red above; the maps after the ReLU, each on its own scale), and the 64 maps
# of the second layer, whose filters cannot be drawn: each has 3 × 3 weights for each of the 32 maps below it.

# %%
digit = x_test[shown[4:5]]
maps = {
    "first layer, 14 × 14": model.encoder[:2](digit)[0],
    "second layer, 7 × 7": model.encoder[:4](digit)[0],
}
filters = model.params["encoder.0.weight"][:, 0]
filters = filters / np.abs(filters).max(axis=(1, 2), keepdims=True)

fig, panels = plt.subplots(
    1, 4, figsize=(9, 4), width_ratios=[1.4, 1, 1, 2], layout="constrained"
)
panels[0].imshow(digit[0, 0], cmap="gray_r")
panels[1].imshow(
    mosaic(filters, columns=4, gap=1, fill=np.nan), cmap="RdBu_r", vmin=-1, vmax=1
)
for ax, (_, answer) in zip(panels[2:], maps.items(), strict=True):
    answer = answer / np.maximum(answer.max(axis=(1, 2), keepdims=True), 1e-9)
    ax.imshow(
        mosaic(answer, columns=len(answer) // 8, gap=1, fill=np.nan),
        cmap="gray_r",
        vmin=0,
        vmax=1,
    )
for ax, title in zip(panels, ["the digit", "32 filters, 3 × 3", *maps], strict=True):
    ax.set_title(title, fontsize=10)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
show(panels, f"02_maps_{data.name}")

moved = np.roll(digit, 2, axis=3)  # two pixels to the right
before, after = model.encoder[:2](digit), model.encoder[:2](moved)
inner = np.abs(after[:, :, :, 2:-1] - before[:, :, :, 1:-2]).max()
codes = model.encode(digit), model.encode(moved)
print(
    f"the digit 2 pixels to the right: layer 1's maps move by 1; away from the edges they differ by {inner:.0e} from that"
)
print(
    f"the code changes by {np.linalg.norm(codes[1] - codes[0]) / np.linalg.norm(codes[0]):.0%} of its length"
)

# %% [markdown]
# **What to look at.** Find filters that are blue on one side and red on the other, and then their maps: they answer at the edges
# of strokes of one direction, wherever these are. Others blur, and some maps are empty. In the second layer the places are
# coarser and the findings more special. If the digit moves by one stride, the maps move by one point and do not change
# otherwise: this is what a convolution knows about pictures before it has seen any. The code is another matter. The last filter
# looks at the whole picture, so for the code a moved digit is a different digit.
#
# ## Exercises
#
# 1. **Shuffled pixels.** Apply one and the same random permutation to the pixels of all pictures, train both nets again, and
#    undo the permutation in the reconstructions. Which of the two suffers? *Hint: chapter 1 never used which pixels are
#    neighbours; `x.reshape(len(x), -1)[:, permutation]`.*
# 2. **Padding by hand.** Extend `unfold_by_hand` and `fold_by_hand` by a padding $p$, so that
#    $\langle c, \operatorname{unfold} x\rangle = \langle\operatorname{fold} c, x\rangle$ still holds. *Hint: put the picture
#    into a larger one of zeros first. What is the transpose of that?*
# 3. **Repeat and convolve.** Write the layer `Repeat`, which makes 2 × 2 pixels of each, with its gradient, check it, and train
#    an autoencoder whose decoder uses it. Compare error, seconds and the checkerboard's share. *Hint: a pixel was copied four
#    times: what did we do with copies?*
# 4. **MyConvTranspose.** Write it in as few lines as `MyConv`, from the second line of the table, and check it. *Hint: exchange
#    what forward and backward do; the patches now come from dy.*
# 5. **A thousand small pictures or one code?** Leave out the 7 × 7 layers, so that the code is the 64 × 7 × 7 maps. The error
#    becomes tiny. Why is this no success? What happens with 2 channels in place of 64? *Hint: count the numbers of the code and
#    those of a picture.*
