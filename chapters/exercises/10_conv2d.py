# %% [markdown]
# # Exercise 10 · A convolution, and one filter for each channel
#
# *Chapter 2, "The equation" and "The gradient". 12 points. About 60 minutes.*
#
# A filter of $k\times k$ pixels moves in steps of $s$ pixels over the images $x$, with shape
# $(N, C, H, W)$, after a border of zeros, $p$ pixels wide, was put around them. There is one filter
# for each output channel $o$:
#
# $$y_{noij} = b_o + \sum_{c}\sum_{u=0}^{k-1}\sum_{v=0}^{k-1} W_{ocuv}\;
# x_{n,\,c,\;si+u-p,\;sj+v-p} .$$
#
# Write `forward` and `backward` of two layers:
#
# - `Conv2d(in_channels, out_channels, k, s, p)`, the layer above. `params["weight"]` has the shape
#   (out, in, $k$, $k$) and `params["bias"]` has the shape (out,).
# - `DepthwiseConv2d(channels, k, s, p)`, which the library does not have. Here, the output channel
#   $c$ sees only the input channel $c$, so there is no sum over channels. The weight has the shape
#   ($C$, 1, $k$, $k$):
#
# $$y_{ncij} = b_c + \sum_{u,v} W_{c0uv}\; x_{n,\,c,\;si+u-p,\;sj+v-p} .$$
#
# Phones use it, because it has $C$ times fewer weights and products (Howard et al. 2017, MobileNets).
#
# `forward(x)` returns `y, cache`. `backward(dy, cache)` returns `dx, grads`, where `grads` has the
# keys of `params`. A layer keeps nothing between calls, except its parameters.
#
# *Hint.* You can use `unfold` and `fold` of exercise 9. Or loop over $u$ and $v$ only: for a fixed
# $(u, v)$, the pixels that meet the weights $W_{\cdot\cdot uv}$ are one slice of the padded images
# with step $s$. Do not loop over examples or positions.

# %%
import numpy as np

from tinyae.checking import gradcheck


# %% nbgrader={"grade": false, "grade_id": "conv2d-solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Conv2d:
    def __init__(
        self, in_channels, out_channels, k, s=1, p=0, rng=None, dtype="float64"
    ):
        rng, bound = np.random.default_rng(rng), 1 / np.sqrt(in_channels * k * k)
        weight = rng.uniform(-bound, bound, (out_channels, in_channels, k, k))
        bias = rng.uniform(-bound, bound, out_channels)
        self.params = {"weight": weight.astype(dtype), "bias": bias.astype(dtype)}
        self.k, self.s, self.p = k, s, p

    def forward(self, x):
        """(N, in, H, W) -> (N, out, Ho, Wo), and a cache."""
        ### BEGIN SOLUTION
        k, s, p = self.k, self.s, self.p
        weight, bias = self.params["weight"], self.params["bias"]
        padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        height, width = ((n - k) // s + 1 for n in padded.shape[2:])
        y = np.zeros((len(x), len(weight), height, width), x.dtype)
        for u in range(k):
            for v in range(k):
                window = padded[:, :, u : u + s * height : s, v : v + s * width : s]
                y += np.einsum("oc,nchw->nohw", weight[:, :, u, v], window)
        y += bias[:, None, None]
        return y, padded
        ### END SOLUTION

    def backward(self, dy, cache):
        """dx, {"weight": dW, "bias": db}"""
        ### BEGIN SOLUTION
        k, s, p = self.k, self.s, self.p
        weight, padded = self.params["weight"], cache
        height, width = dy.shape[2:]
        dpadded, dweight = np.zeros_like(padded), np.zeros_like(weight)
        for u in range(k):
            for v in range(k):
                place = np.s_[:, :, u : u + s * height : s, v : v + s * width : s]
                dpadded[place] += np.einsum("oc,nohw->nchw", weight[:, :, u, v], dy)
                dweight[:, :, u, v] = np.einsum("nohw,nchw->oc", dy, padded[place])
        dbias = dy.sum(axis=(0, 2, 3))
        rows, columns = (
            slice(p, n - p) for n in padded.shape[2:]
        )  # without the border
        return dpadded[:, :, rows, columns], {"weight": dweight, "bias": dbias}
        ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "conv2d-depthwise", "locked": false, "schema_version": 3, "solution": true, "task": false}
class DepthwiseConv2d:
    def __init__(self, channels, k, s=1, p=0, rng=None, dtype="float64"):
        rng, bound = np.random.default_rng(rng), 1 / k
        weight = rng.uniform(-bound, bound, (channels, 1, k, k))
        bias = rng.uniform(-bound, bound, channels)
        self.params = {"weight": weight.astype(dtype), "bias": bias.astype(dtype)}
        self.k, self.s, self.p = k, s, p

    def forward(self, x):
        """(N, C, H, W) -> (N, C, Ho, Wo), and a cache."""
        ### BEGIN SOLUTION
        k, s, p = self.k, self.s, self.p
        filters, bias = self.params["weight"][:, 0], self.params["bias"]
        padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        height, width = ((n - k) // s + 1 for n in padded.shape[2:])
        y = np.zeros((*x.shape[:2], height, width), x.dtype)
        for u in range(k):
            for v in range(k):
                window = padded[:, :, u : u + s * height : s, v : v + s * width : s]
                y += filters[:, u, v, None, None] * window
        return y + bias[:, None, None], padded
        ### END SOLUTION

    def backward(self, dy, cache):
        """dx, {"weight": dW, "bias": db}"""
        ### BEGIN SOLUTION
        k, s, p = self.k, self.s, self.p
        filters, padded = self.params["weight"][:, 0], cache
        height, width = dy.shape[2:]
        dpadded = np.zeros_like(padded)
        dweight = np.zeros_like(self.params["weight"])
        for u in range(k):
            for v in range(k):
                place = np.s_[:, :, u : u + s * height : s, v : v + s * width : s]
                dpadded[place] += filters[:, u, v, None, None] * dy
                dweight[:, 0, u, v] = (dy * padded[place]).sum(axis=(0, 2, 3))
        rows, columns = (slice(p, n - p) for n in padded.shape[2:])
        grads = {"weight": dweight, "bias": dy.sum(axis=(0, 2, 3))}
        return dpadded[:, :, rows, columns], grads
        ### END SOLUTION


# %% [markdown]
# ## Check it yourself
#
# First, one filter that can be checked by eye: the right pixel minus the left one. Then the
# gradients. With $s = 2$, the steps do not reach the lower edge.

# %% tags=["check"]
difference = Conv2d(1, 1, 2)
difference.params["weight"][...] = [[-1, 1], [0, 0]]
difference.params["bias"][...] = 0
x = np.array([[0.0, 0, 1, 1], [0, 1, 1, 0], [1, 1, 0, 0]])[None, None]
print(x[0, 0], "\n\nright minus left:\n", difference.forward(x)[0][0, 0], "\n", sep="")

rng = np.random.default_rng(0)
x = rng.normal(size=(2, 3, 6, 7))
for layer in (Conv2d(3, 4, 3), Conv2d(3, 4, 3, 2, 1), DepthwiseConv2d(3, 3, 2, 1)):
    print(gradcheck(layer, x))

# %% [markdown]
# How many weights does a layer from 64 to 64 channels have? A depthwise layer followed by a `Conv2d`
# with $k = 1$ also mixes all channels and sees 3 × 3 pixels:

# %% tags=["check"]
full = Conv2d(64, 64, 3, p=1)
separable = [DepthwiseConv2d(64, 3, p=1), Conv2d(64, 64, 1)]
print("one convolution:", full.params["weight"].size)
print("separated into two:", sum(layer.params["weight"].size for layer in separable))

# %% nbgrader={"grade": true, "grade_id": "conv2d-grade", "locked": true, "points": 12, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
from tinyae.course import grade_names

result = grade_names(globals(), "conv2d")
print(result)
result.score
### END HIDDEN TESTS
