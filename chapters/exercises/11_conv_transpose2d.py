# %% [markdown]
# # Exercise 11 · From a small grid to a large image
#
# *Chapter 2, "From the grid to the image: the transposed convolution". 10 points. About 60 minutes.*
#
# A decoder has to enlarge images. The **transposed convolution** multiplies its filter by each value
# of the grid $x$, with the shape $(N, C, H, W)$, and adds the result to the image $y$, $s$ pixels
# further for each step in the grid:
#
# $$y_{n,\,o,\;si+u-p,\;sj+v-p} \mathrel{+}= W_{couv}\;x_{ncij}
# \quad\text{for all } c, i, j \text{ and } 0\le u, v < k,
# \qquad\text{then } y_{no\cdot\cdot} \mathrel{+}= b_o .$$
#
# The pixels of $y$ have the indices $0, 1, \dots, H_o - 1$, and what falls outside of them is
# dropped. So the padding $p$ makes the image *smaller*:
#
# $$H_o = (H - 1)\,s + k - 2p + \text{output\_padding}.$$
#
# Why `output_padding`? With a stride of 2, `Conv2d` turns images of 13 and of 14 pixels into the same
# grid of 7. On the way back, `output_padding` says which of the two sizes is meant. It makes the
# image larger at the end of each axis. It does not fill it with zeros: filters reach there too.
#
# - `ConvTranspose2d(in_channels, out_channels, k, s, p, output_padding)` is this layer. Note the
#   order of the axes: `params["weight"]` has the shape (in, out, $k$, $k$).
# - `PixelShuffle(r)`, which the library does not have, enlarges images without any weights. It takes
#   $r^2$ channels for each channel of the output and puts their pixels next to each other
#   (Shi et al. 2016), so $(N, C r^2, H, W)$ becomes $(N, C, rH, rW)$:
#
# $$y_{n,\,c,\;ri+a,\;rj+b} = x_{n,\;c r^2 + a r + b,\;i,\,j}\qquad\text{for } 0\le a, b < r .$$
#
# `forward(x)` returns `y, cache`. `backward(dy, cache)` returns `dx, grads`, where `grads` has the
# keys of `params`.
#
# *Hint.* As in exercise 10, loops over $u$ and $v$ are enough. First add to an image that is large
# enough, and cut it at the end. `PixelShuffle` is a reshape, a transpose and another reshape.

# %%
import numpy as np

from tinyae import Conv2d
from tinyae.checking import gradcheck


# %% nbgrader={"grade": false, "grade_id": "conv_transpose2d-solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
class ConvTranspose2d:
    def __init__(
        self,
        in_channels,
        out_channels,
        k,
        s=1,
        p=0,
        output_padding=0,
        rng=None,
        dtype="float64",
    ):
        rng, bound = np.random.default_rng(rng), 1 / np.sqrt(in_channels * k * k)
        weight = rng.uniform(-bound, bound, (in_channels, out_channels, k, k))
        bias = rng.uniform(-bound, bound, out_channels)
        self.params = {"weight": weight.astype(dtype), "bias": bias.astype(dtype)}
        self.k, self.s, self.p, self.output_padding = k, s, p, output_padding

    def forward(self, x):
        """(N, in, H, W) -> (N, out, Ho, Wo), and a cache."""
        ### BEGIN SOLUTION
        weight, bias, s = self.params["weight"], self.params["bias"], self.s
        n, _, height, width = x.shape
        larger = self.k - s + self.output_padding
        rows, columns = height * s + larger, width * s + larger
        y = np.zeros((n, weight.shape[1], rows, columns), x.dtype)
        for u in range(self.k):
            for v in range(self.k):
                place = np.s_[:, :, u : u + s * height : s, v : v + s * width : s]
                y[place] += np.einsum("co,nchw->nohw", weight[:, :, u, v], x)
        y = y[:, :, self.p : rows - self.p, self.p : columns - self.p]
        return y + bias[:, None, None], x
        ### END SOLUTION

    def backward(self, dy, cache):
        """dx, {"weight": dW, "bias": db}"""
        ### BEGIN SOLUTION
        weight, s, p, x = self.params["weight"], self.s, self.p, cache
        height, width = x.shape[2:]
        padded = np.pad(dy, ((0, 0), (0, 0), (p, p), (p, p)))  # undo the cut
        dx, dweight = np.zeros_like(x), np.zeros_like(weight)
        for u in range(self.k):
            for v in range(self.k):
                part = padded[:, :, u : u + s * height : s, v : v + s * width : s]
                dx += np.einsum("co,nohw->nchw", weight[:, :, u, v], part)
                dweight[:, :, u, v] = np.einsum("nchw,nohw->co", x, part)
        return dx, {"weight": dweight, "bias": dy.sum(axis=(0, 2, 3))}
        ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "conv_transpose2d-shuffle", "locked": false, "schema_version": 3, "solution": true, "task": false}
class PixelShuffle:
    def __init__(self, r):
        self.r, self.params = r, {}

    def forward(self, x):
        """(N, C·r·r, H, W) -> (N, C, r·H, r·W), and a cache."""
        ### BEGIN SOLUTION
        n, _, height, width = x.shape
        r = self.r
        blocks = x.reshape(n, -1, r, r, height, width)  # (N, C, a, b, i, j)
        y = blocks.transpose(0, 1, 4, 2, 5, 3)  # (N, C, i, a, j, b)
        return y.reshape(n, -1, r * height, r * width), x.shape
        ### END SOLUTION

    def backward(self, dy, cache):
        """dx, {}"""
        ### BEGIN SOLUTION
        n, _, height, width = cache
        r = self.r
        blocks = dy.reshape(n, -1, height, r, width, r)  # (N, C, i, a, j, b)
        return blocks.transpose(0, 1, 3, 5, 2, 4).reshape(cache), {}
        ### END SOLUTION


# %% [markdown]
# ## Check it yourself
#
# One filter of ones and a grid with two values: where do the two copies of the filter overlap?

# %% tags=["check"]
ones = ConvTranspose2d(1, 1, 3, s=2)
ones.params["weight"][...], ones.params["bias"][...] = 1, 0
print(ones.forward(np.array([[[[1.0, 10.0]]]]))[0][0, 0])

# %% [markdown]
# The gradients. Then the definition: without the bias, $y$ is the $dx$ of a `Conv2d` with the same
# weights that turns images of 13 × 13 or of 14 × 14 pixels into grids of 7 × 7.

# %% tags=["check"]
rng = np.random.default_rng(0)
grid = rng.normal(size=(2, 3, 4, 3))
for layer in (ConvTranspose2d(3, 2, 3, s=2), ConvTranspose2d(3, 2, 3, 2, 1, 1)):
    print(gradcheck(layer, grid))
print(gradcheck(PixelShuffle(2), rng.normal(size=(2, 8, 3, 4))))

# %% tags=["check"]
grid = rng.normal(size=(2, 3, 7, 7))
for output_padding in (0, 1):
    layer = ConvTranspose2d(3, 2, 3, 2, 1, output_padding)
    layer.params["bias"][...] = 0
    y, _ = layer.forward(grid)
    conv = Conv2d(2, 3, 3, stride=2, padding=1, bias=False, dtype=np.float64)
    conv.params["weight"][...] = layer.params["weight"]
    dx, _ = conv.backward(grid, conv.forward(np.zeros_like(y))[1])
    print(y.shape, "largest difference:", np.abs(dx - y).max())

# %% [markdown]
# Four channels become one image, twice as large. Each 2 × 2 block has one pixel of each channel:

# %% tags=["check"]
channels = 10 * np.arange(1, 5)[:, None, None] + np.arange(4).reshape(2, 2)
print(PixelShuffle(2).forward(channels[None].astype(float))[0][0, 0])

# %% nbgrader={"grade": true, "grade_id": "conv_transpose2d-grade", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
from tinyae.course import grade_names

result = grade_names(globals(), "conv_transpose2d")
print(result)
result.score
### END HIDDEN TESTS
