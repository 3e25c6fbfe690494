# %% [markdown]
# # Exercise 21 · A bug hunt: eight wrong gradients
#
# *Chapter 9. 10 points. About two hours.*
#
# Eight small files, one bug in each. Most of these bugs have been published. The story at the top
# of each file says where, and what they cost. Each file runs `gradcheck` on its own functions.
#
# 1. Write the files to your folder: `tinyae zoo start NAME` for each of them.
# 2. Run a file, as in `python slow_bias.py`. Read what `gradcheck` says. Then look at the equation in
#    `forward`, derive the gradient, and find the line that is wrong. `forward` is right in all eight.
# 3. Fix it. `tinyae zoo check slow_bias.py` says whether the bug is gone.
# 4. Write your fixes into the function below: for each file, the wrong line, what it should be, and
#    in one sentence why. If a fix needs several lines, at most three, write them into one string
#    with `\n` between them. Indentation at the start of a line does not matter.
#
# Each file gives one point. The sentences give two points, and your instructor reads them.

# %%
HUNT = [
    "slow_bias",
    "softmax_classes",
    "batch_statistics",
    "tied_weights",
    "mirrored_kernel",
    "repeated_words",
    "kl_fractions",
    "half_lambda",
]

# %% tags=["check"]
from tinyae.course import zoo

for name in HUNT:
    print(f"tinyae zoo start {name:18}# {zoo.find_bug(name).title}")


# %% nbgrader={"grade": false, "grade_id": "bug_hunt-solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fixes():
    """File -> (the wrong line, what it should be, why)."""
    ### BEGIN SOLUTION
    return {
        "slow_bias": (
            "db = da.mean(axis=0)",
            "db = da.sum(axis=0)",
            "The bias is shared by all examples, so their contributions are summed, not averaged.",
        ),
        "softmax_classes": (
            "dx = dy * y * (1 - y)",
            "dx = y * (dy - (dy * y).sum(axis=1, keepdims=True))",
            "Each output depends on all inputs, because the outputs sum to 1.",
        ),
        "batch_statistics": (
            "dx = dy / deviation",
            "dx = (dy - dy.mean(axis=0) - y * (dy * y).mean(axis=0)) / deviation",
            "The mean and the deviation depend on x too, so their derivatives are missing.",
        ),
        "tied_weights": (
            "dW = da.T @ x",
            "dW = da.T @ x + h.T @ dy",
            "The decoder uses the same matrix, so its gradient must be added.",
        ),
        "mirrored_kernel": (
            "dx[:, k : k + size] += dy * w[-1 - k]",
            "dx[:, k : k + size] += dy * w[k]",
            "x[i + k] was multiplied by w[k], so its gradient is multiplied by w[k] too.",
        ),
        "repeated_words": (
            "dW[words] += dy",
            "np.add.at(dW, words, dy)",
            "A word that occurs twice must get the sum of both gradients.",
        ),
        "kl_fractions": (
            "dr = -rho / (r + (1 - rho)) / (1 - r)",
            "dr = -rho / r + (1 - rho) / (1 - r)",
            "The derivative of the KL divergence is a difference of two fractions.",
        ),
        "half_lambda": (
            "scale = 1 / len(x)",
            "scale = 2 / len(x)",
            "The derivative of a square has a factor 2, which was forgotten.",
        ),
    }
    ### END SOLUTION


# %% [markdown]
# ## Check it yourself
#
# For each file: `gradcheck`'s report after your fix, shortened to one line.

# %% tags=["check"]
import numpy as np

from tinyae.checking import gradcheck
from tinyae.course.patched import Patched, patch

for name, (old, new, _) in fixes().items():
    text = patch(zoo.find_bug(name).released, old, new, most=3)
    file = Patched(text)
    arrays = file.inputs(np.random.default_rng(0))
    print(str(gradcheck((file.forward, file.backward), *arrays)).splitlines()[0], name)

# %% nbgrader={"grade": true, "grade_id": "bug_hunt-grade", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
from tinyae.course import grade_names

result = grade_names(globals(), "bug_hunt")
print(result)
result.score
### END HIDDEN TESTS
