# %% [markdown]
# # Exercise 2 · A linear layer and its three gradients
#
# *Chapter 0, section 2. 10 points. About 30 minutes.*
#
# A linear layer takes $N$ examples as the rows of $x$, with shape $(N, \text{in})$, and computes
#
# $$y = xW^\top + b, \qquad W: (\text{out}, \text{in}), \quad b: (\text{out},),
# \quad y: (N, \text{out}).$$
#
# Write two functions:
#
# - `linear_forward(x, W, b)` returns `y` and a `cache`. The cache is whatever your backward pass
#   needs. Only your own code reads it.
# - `linear_backward(dy, cache)` returns `dx, dW, db`, where $dv = \partial L/\partial v$ has the
#   shape of $v$, and $dy$ is given.
#
# Do not use loops over examples. Do not store anything outside of the cache: each function must
# return the same result each time it is called, in any order. The part *conduct* of the grade
# checks this. The part *in = out* repeats the check with a square $W$, where a transpose does not
# change any shape.

# %%
import numpy as np

from tinyae.checking import gradcheck


# %% nbgrader={"grade": false, "grade_id": "linear-solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
def linear_forward(x, W, b):
    """y = x Wᵀ + b, and a cache."""
    ### BEGIN SOLUTION
    y = x @ W.T + b  # (N, out)
    return y, (x, W)
    ### END SOLUTION


def linear_backward(dy, cache):
    """dx, dW, db for the gradient dy of the output."""
    ### BEGIN SOLUTION
    x, W = cache
    dx = dy @ W  # (N, out) (out, in) -> (N, in)
    dW = dy.T @ x  # (out, N) (N, in) -> (out, in)
    db = dy.sum(axis=0)
    return dx, dW, db
    ### END SOLUTION


# %% [markdown]
# ## Check it yourself
#
# The checker compares your gradients with finite differences and says which entries are wrong.

# %% tags=["check"]
rng = np.random.default_rng(0)
x, W, b = rng.normal(size=(5, 4)), rng.normal(size=(3, 4)), rng.normal(size=3)
y, cache = linear_forward(x, W, b)
print("shape of y:", y.shape, "(expected (5, 3))")
print("first entry of y:", y[0, 0], "expected", x[0] @ W[0] + b[0])
print(gradcheck((linear_forward, linear_backward), x, W, b))

# %% nbgrader={"grade": true, "grade_id": "linear-grade", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
from tinyae.course import grade_names

result = grade_names(globals(), "linear")
print(result)
result.score
### END HIDDEN TESTS
