# %% [markdown]
# # Exercise 1 · The derivative by two calls
#
# *Chapter 0, sections 2, 5 and exercise 3. 12 points. About 45 minutes.*
#
# Every derivative in this course is checked against a difference. Write the function that does it.
# Given a function $f$ of an array $v$, with $f(v)$ a number, move one entry $v_i$ up and down by
# $h$ and leave the others alone. With $e_i$ the array that is 1 at place $i$ and 0 elsewhere:
#
# $$\frac{\partial f}{\partial v_i} \approx \frac{f(v + h e_i) - f(v - h e_i)}{2h},
# \qquad\text{error about } h^2 .$$
#
# 1. `numeric_gradient(f, v, h)` returns the array of all these quotients. It has the shape of $v$,
#    which can be any shape. It calls `f(w)` with arrays $w$ of the shape of $v$, two calls for
#    each entry.
# 2. `numeric_gradient4(f, v, h)` does the same with four points:
#
# $$\frac{\partial f}{\partial v_i} \approx
# \frac{8\,[f(v + h e_i) - f(v - h e_i)] - [f(v + 2h e_i) - f(v - 2h e_i)]}{12h},
# \qquad\text{error about } h^4 .$$
#
# After the call, $v$ must be exactly what it was before, to the last bit. *Hint: after
# `v[i] += h` and `v[i] -= h` it may not be.* `np.ndindex(v.shape)` yields the index of each entry.

# %%
import numpy as np


# %% nbgrader={"grade": false, "grade_id": "numeric_gradient-solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
def numeric_gradient(f, v, h=1e-5):
    """df/dv by central differences."""
    ### BEGIN SOLUTION
    dv = np.zeros(v.shape)
    for i in np.ndindex(v.shape):
        old = v[i]
        v[i] = old + h
        up = f(v)
        v[i] = old - h
        down = f(v)
        v[i] = old
        dv[i] = (up - down) / (2 * h)
    return dv
    ### END SOLUTION


def numeric_gradient4(f, v, h=1e-3):
    """df/dv by differences of four points."""
    ### BEGIN SOLUTION
    # the errors h² of the steps h and 2h cancel: (4 D(h) - D(2h)) / 3 is the formula above
    return (4 * numeric_gradient(f, v, h) - numeric_gradient(f, v, 2 * h)) / 3
    ### END SOLUTION


# %% [markdown]
# ## Check it yourself
#
# The derivative of $\sum e^{v_i}$ is known, so the error is known too.

# %% tags=["check"]
rng = np.random.default_rng(0)
v = rng.normal(size=(2, 3))
before = v.copy()


def f(v):
    return np.exp(v).sum()


print(
    "worst error:",
    np.abs(numeric_gradient(f, v) - np.exp(v)).max(),
    "(aim: below 1e-9)",
)
print("v is unchanged:", np.array_equal(v, before))

# %% [markdown]
# Now the order. If $h$ is halved, the first error falls to a quarter and the second to a sixteenth.
# A one-sided difference would only halve its error.

# %% tags=["check"]
for name, method in {
    "two points": numeric_gradient,
    "four points": numeric_gradient4,
}.items():
    errors = [np.abs(method(f, v, h) - np.exp(v)).max() for h in (0.1, 0.05, 0.025)]
    print(f"{name:11}  ratios {errors[0] / errors[1]:.2f} {errors[1] / errors[2]:.2f}")

# %% nbgrader={"grade": true, "grade_id": "numeric_gradient-grade", "locked": true, "points": 12, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
from tinyae.course import grade_names

result = grade_names(globals(), "numeric_gradient")
print(result)
result.score
### END HIDDEN TESTS
