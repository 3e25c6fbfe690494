# %% [markdown]
# # Exercise 5 · Four losses
#
# *Chapter 0, section 3 and exercise 4. 12 points. About 60 minutes.*
#
# A loss compares an output with a target. It returns a single value and the gradient with respect
# to the output, which is where every backward pass starts. The factor $1/M$ or $1/N$ of the mean
# appears only here, and no layer has to know about it. Write four functions, each of which
# returns `value, gradient`:
#
# **`mse(y, t)`**: both have the same shape, with $M$ entries.
#
# $$L = \frac1M \sum_i (y_i - t_i)^2$$
#
# **`huber(y, t, delta)`** is a square near 0 and a straight line far away, so one bad pixel cannot
# dominate the gradient. With $r = y - t$:
#
# $$L = \frac1M \sum_i \begin{cases}\frac12 r_i^2 & \lvert r_i\rvert \le \delta\\[2pt]
# \delta\,(\lvert r_i\rvert - \frac12\delta) & \text{otherwise}\end{cases}$$
#
# **`bce_with_logits(a, t)`**: binary cross-entropy of $p = \sigma(a)$, for $t$ in $[0, 1]$. The
# values $a$ before the sigmoid are called logits.
#
# $$L = -\frac1M \sum_i \big[t_i \log p_i + (1 - t_i)\log(1 - p_i)\big]$$
#
# **`softmax_cross_entropy(a, t)`**: logits $a$ with shape $(N, C)$, and the right classes $t$, $N$
# integers from 0 to $C - 1$.
#
# $$L = -\frac1N \sum_n \log p_{n t_n}, \qquad p_{nc} = \frac{e^{a_{nc}}}{\sum_k e^{a_{nk}}}$$
#
# Confident networks have large logits. The two cross-entropies must give the right value and
# gradient for logits of $\pm 1000$, without a warning from NumPy. Do not add a tiny value inside
# the logarithm: that makes the loss too small. Simplify $\log p$ on paper first. Do not use loops.

# %%
import numpy as np


# %% nbgrader={"grade": false, "grade_id": "losses-solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mse(y, t):
    """value, dy"""
    ### BEGIN SOLUTION
    r = y - t
    return (r**2).mean(), 2 * r / r.size
    ### END SOLUTION


def huber(y, t, delta=1.0):
    """value, dy"""
    ### BEGIN SOLUTION
    r = y - t
    size = np.abs(r)
    values = np.where(size <= delta, r**2 / 2, delta * (size - delta / 2))
    return values.mean(), np.clip(r, -delta, delta) / r.size
    ### END SOLUTION


def bce_with_logits(a, t):
    """value, da"""
    ### BEGIN SOLUTION
    # -log σ(a) = log(1 + e^-a) and -log(1 - σ(a)) = a + log(1 + e^-a); for a < 0 the
    # exponential is large: log(1 + e^-a) = -a + log(1 + e^a)
    e = np.exp(-np.abs(a))  # in (0, 1]
    values = np.maximum(a, 0) - a * t + np.log1p(e)
    p = np.where(a >= 0, 1, e) / (1 + e)
    return values.mean(), (p - t) / a.size
    ### END SOLUTION


def softmax_cross_entropy(a, t):
    """value, da"""
    ### BEGIN SOLUTION
    n = np.arange(len(a))
    # a constant in each row does not change p; now the largest power is e^0
    shifted = a - a.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))  # (N, C)
    da = np.exp(log_p)
    da[n, t] -= 1
    return -log_p[n, t].mean(), da / len(a)
    ### END SOLUTION


# %% [markdown]
# ## Check it yourself
#
# We compare the gradients with finite differences. The target stays fixed.

# %% tags=["check"]
from tinyae.checking import gradcheck

rng = np.random.default_rng(0)
y, t = 2 * rng.normal(size=(4, 3)), rng.uniform(size=(4, 3))
classes = rng.integers(0, 3, 4)
print(gradcheck(mse, y, t), "\n")
print(gradcheck(huber, y, t, 0.5), "\n")
print(gradcheck(bce_with_logits, y, t), "\n")
print(gradcheck(softmax_cross_entropy, y, classes))

# %% [markdown]
# Some values to aim for. If all classes are equally likely, the cross-entropy is $\log C$. If the
# network is sure of the wrong class, with a logit of 1000, it is 1000.

# %% tags=["check"]
zeros = np.zeros((2, 10))
print(
    "10 equal classes:", softmax_cross_entropy(zeros, np.array([3, 7]))[0], np.log(10)
)
a = np.array([[1000.0, 0.0], [0.0, 0.0]])
print("one of two is wrong:", softmax_cross_entropy(a, np.array([1, 0]))[0])
a = np.array([-1000.0, 1000.0])
print("all wrong:", bce_with_logits(a, np.array([1.0, 0.0])), "expected 1000, ±0.5")
print("far away:", huber(np.array([100.0]), np.array([0.0]), 1.0), "expected 99.5, 1")

# %% nbgrader={"grade": true, "grade_id": "losses-grade", "locked": true, "points": 12, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
from tinyae.course import grade_names

result = grade_names(globals(), "losses")
print(result)
result.score
### END HIDDEN TESTS
