# %% [markdown]
# # Exercise 24 · Dropout
#
# *Chapter 1. 12 points. About 45 minutes.*
#
# Dropout (Srivastava et al. 2014) sets each value to 0 with probability $p$ during training, so a
# unit cannot rely on one particular other unit. The values that are kept are divided by $1 - p$.
# So the *expected* output is the input, and nothing has to change at test time:
#
# $$y_i = \frac{m_i}{1-p}\,x_i, \qquad m_i = \begin{cases}0 & \text{with probability } p\\
# 1 & \text{with probability } 1-p\end{cases}$$
#
# 1. `dropout_forward(x, p, rng)` returns `y, cache`, for $x$ of any shape. Each entry has a draw of
#    its own. Draw with the generator `rng` (`rng.random(shape)` is uniform in $[0, 1)$), so that
#    the same seed gives the same result.
# 2. `spatial_dropout_forward(x, p, rng)` is for images $x$ of shape $(N, C, H, W)$. Neighboring
#    pixels are so similar that a single missing pixel hardly matters. So it drops whole maps: all
#    $H \times W$ pixels of a channel of an image together, with one draw for each of the
#    $N \cdot C$ maps.
# 3. `dropout_backward(dy, cache)` returns $dx$, for the cache of either of them.
# 4. `dropout_inference(x, p)` returns $y$ at test time.
#
# $0 \le p < 1$. A float32 input must give a float32 output. What must backward know, and where does
# it find it?

# %%
import numpy as np


# %% nbgrader={"grade": false, "grade_id": "dropout-solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
def dropout_forward(x, p, rng):
    """y and a cache, in training."""
    ### BEGIN SOLUTION
    keep = rng.random(x.shape) >= p
    factor = keep.astype(x.dtype) / (1 - p)  # 0 or 1/(1 - p)
    return x * factor, factor
    ### END SOLUTION


def spatial_dropout_forward(x, p, rng):
    """The same for whole maps of images (N, C, H, W)."""
    ### BEGIN SOLUTION
    keep = rng.random((*x.shape[:2], 1, 1)) >= p
    factor = keep.astype(x.dtype) / (1 - p)  # (N, C, 1, 1)
    return x * factor, factor
    ### END SOLUTION


def dropout_backward(dy, cache):
    """dx"""
    ### BEGIN SOLUTION
    return dy * cache
    ### END SOLUTION


def dropout_inference(x, p):
    """y, at test time"""
    ### BEGIN SOLUTION
    return x
    ### END SOLUTION


# %% [markdown]
# ## Check it yourself
#
# Finite differences need the same mask for every call. So each call gets a generator with the same
# seed.

# %% tags=["check"]
from tinyae.checking import gradcheck


def dropout(x):
    return dropout_forward(x, 0.4, np.random.default_rng(1))


def spatial_dropout(x):
    return spatial_dropout_forward(x, 0.4, np.random.default_rng(1))


rng = np.random.default_rng(0)
print(gradcheck((dropout, dropout_backward), rng.normal(size=(6, 5))), "\n")
print(gradcheck((spatial_dropout, dropout_backward), rng.normal(size=(2, 3, 2, 2))))

# %% [markdown]
# The aim: with $p = 0.3$, 30 % of the entries are 0, and the mean of $y$ is that of $x$, in training
# and at test time. Of the twelve maps below, some are all 0 and the others all $1/0.7$.

# %% tags=["check"]
x = rng.uniform(size=(1000, 100))
y, cache = dropout_forward(x, 0.3, rng)
print(f"zeros: {(y == 0).mean():.3f}")
print(f"means: {x.mean():.3f} {y.mean():.3f} {dropout_inference(x, 0.3).mean():.3f}")
maps, _ = spatial_dropout_forward(np.ones((3, 4, 5, 5)), 0.3, rng)
print("smallest and largest value of each map:")
print(maps.min(axis=(2, 3)).round(2), maps.max(axis=(2, 3)).round(2), sep="\n")

# %% nbgrader={"grade": true, "grade_id": "dropout-grade", "locked": true, "points": 12, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
from tinyae.course import grade_names

result = grade_names(globals(), "dropout")
print(result)
result.score
### END HIDDEN TESTS
