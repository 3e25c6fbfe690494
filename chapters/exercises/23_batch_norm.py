# %% [markdown]
# # Exercise 23 · Batch normalization
#
# *Chapter 1. 12 points. About 75 minutes.*
#
# Batch normalization (Ioffe & Szegedy 2015) gives each feature the mean $\beta$ and the standard
# deviation $\gamma$ over the batch. So layers train well even if their inputs have very different
# scales. In training, with $x$ of shape $(N, D)$ and the mean and variance of each *column*,
#
# $$\mu = \frac1N\sum_n x_n,\qquad v = \frac1N\sum_n (x_n - \mu)^2,\qquad
# \hat x_n = \frac{x_n - \mu}{\sqrt{v + \varepsilon}},\qquad y_n = \gamma\,\hat x_n + \beta .$$
#
# 1. `batch_norm_forward(x, gamma, beta, eps)` returns `y, cache`.
# 2. `batch_norm_backward(dy, cache)` returns `dx, dgamma, dbeta`. This is a good exercise in the
#    chain rule: $x$ reaches $y$ directly, through $\mu$, and through $v$. All examples of the batch
#    influence each other.
# 3. `update_running(mean, var, x, momentum)` returns the new running statistics. They are needed
#    for single images later. As in PyTorch, the old value counts with the weight
#    $1 - \text{momentum}$, the batch with the weight $\text{momentum}$, and the batch's variance
#    is the unbiased one here, with $N - 1$.
# 4. `batch_norm_inference(x, gamma, beta, mean, var, eps)` returns $y$, computed with the running
#    statistics instead of those of the batch.
#
# Vectors have the shape $(D,)$. No function keeps anything or changes its arguments.

# %%
import numpy as np


# %% nbgrader={"grade": false, "grade_id": "batch_norm-solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
def batch_norm_forward(x, gamma, beta, eps=1e-5):
    """y and a cache, in training."""
    ### BEGIN SOLUTION
    centered = x - x.mean(axis=0)
    s = 1 / np.sqrt((centered**2).mean(axis=0) + eps)  # (D,)
    n = centered * s  # x̂: (N, D)
    return gamma * n + beta, (n, s, gamma)
    ### END SOLUTION


def batch_norm_backward(dy, cache):
    """dx, dgamma, dbeta"""
    ### BEGIN SOLUTION
    n, s, gamma = cache
    dn = dy * gamma
    # x̂ does not change if all x of a column move by the same amount, or (nearly) if they are
    # scaled: the projections on 1 and on x̂ are taken away
    dx = s * (dn - dn.mean(axis=0) - n * (dn * n).mean(axis=0))
    return dx, (dy * n).sum(axis=0), dy.sum(axis=0)
    ### END SOLUTION


def update_running(mean, var, x, momentum=0.1):
    """The new running mean and variance."""
    ### BEGIN SOLUTION
    new_mean = (1 - momentum) * mean + momentum * x.mean(axis=0)
    new_var = (1 - momentum) * var + momentum * x.var(axis=0, ddof=1)
    return new_mean, new_var
    ### END SOLUTION


def batch_norm_inference(x, gamma, beta, mean, var, eps=1e-5):
    """y, with running statistics."""
    ### BEGIN SOLUTION
    return gamma * (x - mean) / np.sqrt(var + eps) + beta
    ### END SOLUTION


# %% [markdown]
# ## Check it yourself

# %% tags=["check"]
from tinyae.checking import gradcheck

rng = np.random.default_rng(0)
x = rng.normal(3, 2, size=(6, 4))
gamma, beta = rng.uniform(0.5, 1.5, 4), rng.normal(size=4)
print(gradcheck((batch_norm_forward, batch_norm_backward), x, gamma, beta))

# %% [markdown]
# The aim: each column of $y$ has the mean $\beta$ and the standard deviation $\gamma$, and each
# column of $dx$ has the sum 0. (Why? Move all examples by the same amount.) After many batches, the
# running statistics are those of the data: 3 and 4.

# %% tags=["check"]
y, cache = batch_norm_forward(x, gamma, beta)
dx, _, _ = batch_norm_backward(rng.normal(size=y.shape), cache)
print("mean - β:", np.abs(y.mean(axis=0) - beta).max().round(6))
print("std / γ:", (y.std(axis=0) / gamma).round(4))
print("sums of dx:", np.abs(dx.sum(axis=0)).max().round(6))

mean, var = np.zeros(4), np.ones(4)
for _ in range(2000):
    batch = rng.normal(3, 2, size=(16, 4))
    mean, var = update_running(mean, var, batch, momentum=0.01)
print("running mean:", mean.round(1), " running variance:", var.round(1))
print("one example:", batch_norm_inference(x[:1], gamma, beta, mean, var))

# %% nbgrader={"grade": true, "grade_id": "batch_norm-grade", "locked": true, "points": 12, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
from tinyae.course import grade_names

result = grade_names(globals(), "batch_norm")
print(result)
result.score
### END HIDDEN TESTS
