# %% [markdown]
# # Exercise 14 · Four ways to a sparse code
#
# *Chapter 4, "The equation" and "The gradient". 10 points. About 60 minutes.*
#
# The codes $z$ of a batch have the shape $(N, K)$: $N$ examples, $K$ units. A penalty
# `penalty(z) -> value, dz` returns a number and its gradient $\partial\,\text{value}/\partial z$,
# with the shape of $z$.
#
# - `l1(z)`: the sum over the units, and the mean over the examples,
#   $\frac1N\sum_{nj}|z_{nj}|$.
# - `kl_sparsity(z, rho)`: the activations are between 0 and 1, and the mean activation of unit $j$
#   is $\hat\rho_j = \frac1N\sum_n z_{nj}$. The penalty is
#   $\sum_j \rho\log\frac{\rho}{\hat\rho_j} + (1-\rho)\log\frac{1-\rho}{1-\hat\rho_j}$.
#   It is 0 where each $\hat\rho_j$ is $\rho$, and positive everywhere else.
# - `KSparse(k)` is a layer. `forward(x)` keeps the $k$ largest values of each row and sets the others
#   to 0. Largest by value: $-5$ is smaller than 1. Exactly $k$ values are kept, also where several
#   are equal. `backward(dy, cache)` returns `dx, {}`.
# - `group_sparsity(z, size)`, which the library does not have. The units are divided into groups of
#   `size` neighbors: units $0, \dots, \text{size}-1$ are the first group. Each group is either used or
#   not used at all, because the penalty is the length of its vector (Yuan and Lin 2006):
#
# $$\frac1N\sum_n\sum_g \lVert z_{ng}\rVert,\qquad
# \lVert z_{ng}\rVert = \sqrt{\textstyle\sum_{j\in g} z_{nj}^2} .$$
#
#   Where all units of a group are 0, the length has no derivative. Let $dz$ be 0 there (a subgradient).
#
# Keep the dtype of the codes, and do not change them.

# %%
import numpy as np

from tinyae.checking import check_penalty, gradcheck


# %% nbgrader={"grade": false, "grade_id": "sparsity-solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
def l1(z):
    """value, dz"""
    ### BEGIN SOLUTION
    return np.abs(z).sum() / len(z), np.sign(z) / len(z)
    ### END SOLUTION


def kl_sparsity(z, rho):
    """value, dz"""
    ### BEGIN SOLUTION
    mean = z.mean(axis=0)  # ρ̂, one for each unit
    on, off = rho * np.log(rho / mean), (1 - rho) * np.log((1 - rho) / (1 - mean))
    dmean = -rho / mean + (1 - rho) / (1 - mean)
    dz = np.zeros_like(z) + dmean / len(z)  # the same for every example
    return (on + off).sum(), dz
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "sparsity-ksparse", "locked": false, "schema_version": 3, "solution": true, "task": false}
class KSparse:
    def __init__(self, k):
        self.k, self.params = k, {}

    def forward(self, x):
        """(N, K) -> (N, K) with k values in each row, and a cache."""
        ### BEGIN SOLUTION
        order = np.argsort(-x, axis=1, kind="stable")  # of equal values, the first ones
        kept = np.zeros_like(x)
        np.put_along_axis(kept, order[:, : self.k], 1, axis=1)
        return x * kept, kept
        ### END SOLUTION

    def backward(self, dy, cache):
        """dx, {}"""
        ### BEGIN SOLUTION
        return dy * cache, {}
        ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "sparsity-groups", "locked": false, "schema_version": 3, "solution": true, "task": false}
def group_sparsity(z, size):
    """value, dz"""
    ### BEGIN SOLUTION
    groups = z.reshape(len(z), -1, size)  # (N, groups, size)
    length = np.sqrt((groups**2).sum(axis=2, keepdims=True))
    direction = groups / np.where(length == 0, 1, length)
    return length.sum() / len(z), direction.reshape(z.shape) / len(z)
    ### END SOLUTION


# %% [markdown]
# ## Check it yourself
#
# `check_penalty` compares $dz$ with finite differences, and it also says if a value is negative.

# %% tags=["check"]
rng = np.random.default_rng(0)
z = rng.uniform(0.05, 0.6, size=(5, 6))
for penalty in (l1, lambda z: kl_sparsity(z, 0.1), lambda z: group_sparsity(z, 3)):
    print(check_penalty(penalty, z))
print(gradcheck(KSparse(2), z))

# %% [markdown]
# Where is the minimum? The second row should be smallest at $\hat\rho = 0.1$, and 0 there.

# %% tags=["check"]
print("mean activation", *(f"{mean:7.2f}" for mean in (0.02, 0.05, 0.1, 0.2, 0.5)))
values = [kl_sparsity(np.full((4, 1), m), 0.1)[0] for m in (0.02, 0.05, 0.1, 0.2, 0.5)]
print("kl_sparsity    ", *(f"{value:7.4f}" for value in values))

# %% [markdown]
# Two rows: in the first, three values are equal, but two are kept. Then two groups, one of them not
# used: its gradient is 0, not NaN.

# %% tags=["check"]
print(KSparse(2).forward(np.array([[3.0, 1, 3, 3], [-5, -1, -2, -4]]))[0])
print(*group_sparsity(np.array([[3.0, 4, 0, 0]]), 2))

# %% nbgrader={"grade": true, "grade_id": "sparsity-grade", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
from tinyae.course import grade_names

result = grade_names(globals(), "sparsity")
print(result)
result.score
### END HIDDEN TESTS
