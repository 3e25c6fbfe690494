# %% [markdown]
# # Exercise 3 · Four activations
#
# *Chapter 0, section 3. 12 points. About 40 minutes.*
#
# An activation function acts on each entry of $x$ separately, so there is one path from each
# entry to the loss:
#
# $$y_i = f(x_i), \qquad dx_i = dy_i\, f'(x_i) .$$
#
# Write four layers:
#
# | class | $f(x)$ | $f'(x)$ |
# |---|---|---|
# | `ReLU` | $\max(x, 0)$ | 1 where $x > 0$, else 0 (also at $x = 0$) |
# | `Sigmoid` | $1/(1 + e^{-x})$ | $y\,(1-y)$ |
# | `Tanh` | $\tanh x$ | derive it, and express it by $y$ |
# | `Softsign` | $x/(1 + \lvert x\rvert)$ | derive it |
#
# Each has `forward(x)`, which returns `y, cache`, and `backward(dy, cache)`, which returns
# `dx, grads`. These layers do not have parameters, so `grads` is `{}`. The arrays $x$, $y$, $dy$
# and $dx$ have the same shape, and it can be any shape. The cache is whatever your backward pass
# needs. Do not store anything in `self`: then a layer can be used twice in one network. The part
# *conduct* of the grade checks this, and that a float32 input gives a float32 output.
#
# `np.exp(1000)` is infinite, and NumPy warns about it. Your layers must give the right values for
# $x = \pm 1000$, without a warning. *Hint: $e^{-\lvert x\rvert}$ is never larger than 1.*

# %%
import numpy as np


# %% nbgrader={"grade": false, "grade_id": "activations-solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
class ReLU:
    params = {}

    def forward(self, x):
        ### BEGIN SOLUTION
        return np.maximum(x, 0), x
        ### END SOLUTION

    def backward(self, dy, cache):
        ### BEGIN SOLUTION
        x = cache
        return dy * (x > 0), {}
        ### END SOLUTION


class Sigmoid:
    params = {}

    def forward(self, x):
        ### BEGIN SOLUTION
        e = np.exp(-np.abs(x))  # in (0, 1]: never overflows
        y = np.where(x >= 0, 1, e) / (1 + e)
        return y, y
        ### END SOLUTION

    def backward(self, dy, cache):
        ### BEGIN SOLUTION
        y = cache
        return dy * y * (1 - y), {}
        ### END SOLUTION


class Tanh:
    params = {}

    def forward(self, x):
        ### BEGIN SOLUTION
        y = np.tanh(x)
        return y, y
        ### END SOLUTION

    def backward(self, dy, cache):
        ### BEGIN SOLUTION
        y = cache
        return dy * (1 - y**2), {}
        ### END SOLUTION


class Softsign:
    params = {}

    def forward(self, x):
        ### BEGIN SOLUTION
        return x / (1 + np.abs(x)), x
        ### END SOLUTION

    def backward(self, dy, cache):
        ### BEGIN SOLUTION
        x = cache
        # x > 0: (1 + x - x)/(1 + x)²; x < 0: (1 - x + x)/(1 - x)²
        return dy / (1 + np.abs(x)) ** 2, {}
        ### END SOLUTION


# %% [markdown]
# ## Check it yourself
#
# First the derivatives, against finite differences. Then large values: do you see 0, 1 and ±1, and
# no warning?

# %% tags=["check"]
from tinyae.checking import gradcheck

x = np.random.default_rng(0).normal(size=(4, 3))
for layer in (ReLU(), Sigmoid(), Tanh(), Softsign()):
    print(gradcheck(layer, x), "\n")

# %% tags=["check"]
large = np.array([-1000.0, -50.0, 0.0, 50.0, 1000.0])
for layer in (ReLU(), Sigmoid(), Tanh(), Softsign()):
    y, cache = layer.forward(large)
    dx, grads = layer.backward(np.ones(5), cache)
    print(f"{type(layer).__name__:8}  y: {y.round(3)}  dx: {dx.round(4)}")

# %% [markdown]
# Softsign and tanh both go from -1 to 1. Their derivatives far from 0 are very different. Which
# layer still learns if its input is 10? You should see that at $x = 10$ the derivative of softsign
# is $1/121$, about a million times that of tanh.

# %% tags=["check"]
import matplotlib.pyplot as plt

from tinyae.plots import show

x = np.linspace(-10, 10, 401)
fig, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
for layer in (Sigmoid(), Tanh(), Softsign()):
    y, cache = layer.forward(x)
    dx, _ = layer.backward(np.ones_like(x), cache)
    axes[0].plot(x, y, label=type(layer).__name__)
    axes[1].semilogy(x, dx, label=type(layer).__name__)
    print(f"{type(layer).__name__:8}  derivative at 10: {dx[-1]:.1e}")
axes[0].set(title="y")
axes[1].set(title="dy/dx")
axes[1].legend()
show(axes[0], "03_activations")

# %% nbgrader={"grade": true, "grade_id": "activations-grade", "locked": true, "points": 12, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
from tinyae.course import grade_names

result = grade_names(globals(), "activations")
print(result)
result.score
### END HIDDEN TESTS
