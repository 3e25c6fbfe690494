# %% [markdown]
# # Exercise 4 · Rows of length one
#
# *Chapter 0, sections 2 and 7. 12 points. About 40 minutes.*
#
# Some networks compare directions and not lengths. They scale each row of $x$, with shape
# $(N, D)$, to length one. A small $\varepsilon > 0$ under the root keeps a row of zeros from
# becoming $0/0$:
#
# $$y_n = \frac{x_n}{r_n}, \qquad r_n = \sqrt{\lVert x_n\rVert^2 + \varepsilon} .$$
#
# Here each $y_{ni}$ depends on the whole row $x_n$, so the Jacobian of a row is a full matrix.
# Use differentials: $\delta r_n = \langle y_n, \delta x_n\rangle$, and the quotient rule for
# $x_n/r_n$. Write the class `RowNorm(eps)` with
#
# - `forward(x)`, which returns `y, cache`;
# - `backward(dy, cache)`, which returns `dx, {}`: the vector-Jacobian product $dx = J^\top dy$;
# - `jvp(dx, cache)`, which returns $dy = J\,dx$: how $y$ changes if $x$ moves along `dx`.
#
# Do not build $J$, and do not use loops over rows. What do your two formulas have in common, and
# what does that say about $J$?

# %%
import numpy as np


# %% nbgrader={"grade": false, "grade_id": "row_norm-solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
class RowNorm:
    params = {}

    def __init__(self, eps=1e-8):
        self.eps = eps

    def forward(self, x):
        ### BEGIN SOLUTION
        r = np.sqrt((x**2).sum(axis=1, keepdims=True) + self.eps)  # (N, 1)
        y = x / r
        return y, (y, r)
        ### END SOLUTION

    def backward(self, dy, cache):
        ### BEGIN SOLUTION
        y, r = cache
        along = (dy * y).sum(axis=1, keepdims=True)  # <dy, y> of each row: (N, 1)
        return (dy - y * along) / r, {}
        ### END SOLUTION

    def jvp(self, dx, cache):
        ### BEGIN SOLUTION
        y, r = cache
        dr = (dx * y).sum(axis=1, keepdims=True)
        return (dx - y * dr) / r
        ### END SOLUTION


# %% [markdown]
# ## Check it yourself
#
# The gradient against finite differences, then the adjoint test of chapter 0, section 7:
# $\langle dy, J\,\delta x\rangle = \langle J^\top dy, \delta x\rangle$. The two numbers should
# agree in all digits but the last.

# %% tags=["check"]
from tinyae.checking import gradcheck

rng = np.random.default_rng(0)
x, delta, dy = rng.normal(size=(3, 5, 4))
layer = RowNorm(eps=0.1)
print(gradcheck(layer, x))

y, cache = layer.forward(x)
dx, _ = layer.backward(dy, cache)
print(f"<dy, J δx>  = {(dy * layer.jvp(delta, cache)).sum():.15f}")
print(f"<Jᵀdy, δx> = {(dx * delta).sum():.15f}")

# %% [markdown]
# With a tiny $\varepsilon$ the aim is: rows of length 1, except for the row of zeros, and a gradient
# at a right angle to its row. A step along $x_n$ does not change $y_n$, so it does not change the
# loss.

# %% tags=["check"]
x[3] = 0
layer = RowNorm(eps=1e-12)
y, cache = layer.forward(x)
dx, _ = layer.backward(dy, cache)
print("lengths:", np.linalg.norm(y, axis=1).round(6))
print("<dx, x>:", np.abs((dx * x).sum(axis=1)).round(6))

# %% nbgrader={"grade": true, "grade_id": "row_norm-grade", "locked": true, "points": 12, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
from tinyae.course import grade_names

result = grade_names(globals(), "row_norm")
print(result)
result.score
### END HIDDEN TESTS
