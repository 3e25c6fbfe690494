# %% [markdown]
# # Exercise 8 · Tied weights
#
# *Chapter 1, exercise 4. 12 points. About 40 minutes.*
#
# A decoder can use the encoder's own matrix, transposed. That halves the number of weights, and
# the decoder cannot undo a bad encoder. With $x$ of shape $(N, D)$ and one matrix $W$ of shape
# $(K, D)$ for both,
#
# $$z = \tanh(x W^\top), \qquad y = z\,W .$$
#
# So $z$ has shape $(N, K)$ and $y$ has shape $(N, D)$. Write two functions:
#
# - `tied_forward(x, W)` returns `y, cache`.
# - `tied_backward(dy, cache)` returns `dx, dW`.
#
# $W$ is used twice, so there are two paths from $W$ to the loss, and the chain rule adds one
# gradient for each. Derive them one at a time: give the two uses the names $W_1$ and $W_2$, and
# set $W_1 = W_2 = W$ at the end. Which path goes through the derivative of tanh?

# %%
import numpy as np


# %% nbgrader={"grade": false, "grade_id": "tied-solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
def tied_forward(x, W):
    """y = tanh(x Wᵀ) W, and a cache."""
    ### BEGIN SOLUTION
    z = np.tanh(x @ W.T)  # (N, D) (D, K) -> (N, K)
    return z @ W, (x, z, W)
    ### END SOLUTION


def tied_backward(dy, cache):
    """dx, dW for the gradient dy of the output."""
    ### BEGIN SOLUTION
    x, z, W = cache
    dz = dy @ W.T  # (N, D) (D, K) -> (N, K)
    da = dz * (1 - z**2)  # a = x Wᵀ
    dx = da @ W  # (N, K) (K, D) -> (N, D)
    dW = z.T @ dy + da.T @ x  # the decoder's use of W, and the encoder's: (K, D)
    return dx, dW
    ### END SOLUTION


# %% [markdown]
# ## Check it yourself
#
# The second check is for a square $W$. There, no error message tells you about a missing transpose.

# %% tags=["check"]
from tinyae.checking import gradcheck

rng = np.random.default_rng(0)
print(
    gradcheck(
        (tied_forward, tied_backward), rng.normal(size=(5, 6)), rng.normal(size=(3, 6))
    )
)
print(
    gradcheck(
        (tied_forward, tied_backward), rng.normal(size=(5, 4)), rng.normal(size=(4, 4))
    )
)

# %% [markdown]
# Now train it with plain gradient descent, on points close to a line in the plane. With $K = 1$
# the code is the position along the line. The aim: the error falls below 0.001, and $W$
# points along the line, $(1, 2)$ or the opposite direction.

# %% tags=["check"]
x = 0.3 * rng.normal(size=(200, 1)) * [1.0, 2.0] / np.sqrt(5) + 0.02 * rng.normal(
    size=(200, 2)
)
W = rng.normal(size=(1, 2))
for step in range(301):
    y, cache = tied_forward(x, W)
    if step % 100 == 0:
        print(
            f"step {step}: error {((y - x) ** 2).mean():.5f}, W / |W| = {W[0] / np.linalg.norm(W)}"
        )
    dx, dW = tied_backward(2 * (y - x) / y.size, cache)
    W -= 2 * dW

# %% nbgrader={"grade": true, "grade_id": "tied-grade", "locked": true, "points": 12, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
from tinyae.course import grade_names

result = grade_names(globals(), "tied")
print(result)
result.score
### END HIDDEN TESTS
