# %% [markdown]
# # Exercise 12 · Pooling, and its way back
#
# *Chapter 2, exercise 3. 12 points. About 60 minutes.*
#
# Two layers that change the size of images of shape $(N, C, H, W)$. They do not have parameters:
# `forward(x)` returns `y, cache` and `backward(dy, cache)` returns `dx, {}`.
#
# **`Repeat2x()`** turns each pixel into 2 × 2 equal pixels, so $y$ has shape $(N, C, 2H, 2W)$:
#
# $$y_{nc,ij} = x_{nc,\lfloor i/2\rfloor\lfloor j/2\rfloor} .$$
#
# Each $x$ is copied four times. What do four copies mean for $dx$?
#
# **`MaxPool2d(k)`** takes the maximum of each $k \times k$ window. The windows do not overlap:
#
# $$y_{nc,ij} = \max_{0 \le a, b < k} x_{nc,\,ki+a,\,kj+b} .$$
#
# - The gradient $dy_{nc,ij}$ goes to the pixel that is the maximum. The other pixels of the window
#   have the gradient 0.
# - Several pixels of a window can be equal: after a ReLU many are exactly 0. Then the **first**
#   maximum gets the gradient, row by row from the top left, as in PyTorch. It gets it once.
# - $H$ and $W$ need not be multiples of $k$. The rows at the bottom and the columns at the right
#   that do not fill a window are ignored, and their gradient is 0. So $y$ has
#   $\lfloor H/k\rfloor \times \lfloor W/k\rfloor$ pixels.
#
# Do not use loops over pixels. *Hint: with `reshape` and `transpose`, the windows become the last
# axis of an array; and `np.argmax` returns the first maximum.*

# %%
import numpy as np


# %% nbgrader={"grade": false, "grade_id": "pooling-solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Repeat2x:
    params = {}

    def forward(self, x):
        ### BEGIN SOLUTION
        return x.repeat(2, axis=2).repeat(2, axis=3), None
        ### END SOLUTION

    def backward(self, dy, cache):
        ### BEGIN SOLUTION
        N, C, H, W = dy.shape
        blocks = dy.reshape(N, C, H // 2, 2, W // 2, 2)
        return blocks.sum(axis=(3, 5)), {}  # over the four copies
        ### END SOLUTION


class MaxPool2d:
    params = {}

    def __init__(self, k):
        self.k = k

    def forward(self, x):
        ### BEGIN SOLUTION
        k, (N, C, H, W) = self.k, x.shape
        h, w = H // k, W // k
        blocks = x[:, :, : h * k, : w * k].reshape(N, C, h, k, w, k)
        windows = blocks.transpose(0, 1, 2, 4, 3, 5).reshape(N, C, h, w, k * k)
        first = windows.argmax(axis=-1)[..., None]  # (N, C, h, w, 1)
        y = np.take_along_axis(windows, first, axis=-1)[..., 0]
        return y, (first, x.shape)
        ### END SOLUTION

    def backward(self, dy, cache):
        ### BEGIN SOLUTION
        first, shape = cache
        k, (N, C, h, w) = self.k, dy.shape
        windows = np.zeros((N, C, h, w, k * k), dtype=dy.dtype)
        np.put_along_axis(windows, first, dy[..., None], axis=-1)
        blocks = windows.reshape(N, C, h, w, k, k).transpose(0, 1, 2, 4, 3, 5)
        dx = np.zeros(shape, dtype=dy.dtype)
        dx[:, :, : h * k, : w * k] = blocks.reshape(N, C, h * k, w * k)
        return dx, {}
        ### END SOLUTION


# %% [markdown]
# ## Check it yourself
#
# Look at the small image first. Does each window's maximum arrive in the right place?

# %% tags=["check"]
from tinyae.checking import gradcheck

x = np.array(
    [[5, 1, 0, 0, 9], [2, 3, 0, 0, 9], [7, 7, 1, 2, 9], [7, 7, 4, 3, 9]], dtype=float
)
pool = MaxPool2d(2)
y, cache = pool.forward(x[None, None])
dx, _ = pool.backward(np.array([[[[10.0, 20.0], [30.0, 40.0]]]]), cache)
print("maxima, expected 5 0 7 4:\n", y[0, 0])
print(
    "gradient, one entry per window, the first of equal ones, the last column 0:\n",
    dx[0, 0],
)

# %% tags=["check"]
rng = np.random.default_rng(0)
print(gradcheck(Repeat2x(), rng.normal(size=(2, 3, 3, 4))), "\n")
print(gradcheck(MaxPool2d(2), rng.normal(size=(2, 3, 4, 6))), "\n")
print(gradcheck(MaxPool2d(3), rng.normal(size=(2, 2, 7, 8))))

# %% [markdown]
# A digit, made smaller by the maximum of 4 × 4 pixels and larger again by repeating twice. A test
# of the whole: pooling undoes repeating, so the last number should be 0.

# %% tags=["check"]
from tinyae.data import strokes
from tinyae.plots import plot_images, show

image = strokes(1, 1).train.images
small, _ = MaxPool2d(4).forward(image)
large = Repeat2x().forward(Repeat2x().forward(small)[0])[0]
show(plot_images(np.concatenate([image, large]), columns=2), "12_pooling")
again, _ = MaxPool2d(2).forward(Repeat2x().forward(image)[0])
print("difference:", np.abs(again - image).max())

# %% nbgrader={"grade": true, "grade_id": "pooling-grade", "locked": true, "points": 12, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
from tinyae.course import grade_names

result = grade_names(globals(), "pooling")
print(result)
result.score
### END HIDDEN TESTS
