# %% [markdown]
# # Exercise 22 · Project: an objective of your own
#
# *All chapters. 10 points by a program, 10 points by your instructor. One to two weeks.*
#
# An autoencoder becomes what its objective asks for: codes that are sparse, robust, contracted or
# normal. Ask for something else. Some ideas, none of which is in the library:
#
# - weights that are orthogonal: $\lVert W W^\top - 1\rVert_F^2$;
# - groups of units that are active or inactive together: $\sum_g \lVert z_g\rVert$;
# - codes that change slowly from one image of a sequence to the next;
# - reconstructions with small differences between neighboring pixels (total variation);
# - codes of which the first $k$ units alone give a good image, for each $k$;
# - codes from which a label *cannot* be read off.
#
# Write five functions. The model can be made of tinyae's layers or of your own.
#
# - `build_model(rng)` returns a model. `model.params` is a dictionary of float64 arrays.
# - `examples(n, rng)` returns $n$ examples, $(n, \dots)$, for example random images.
# - `objective(model, x, rng)` returns `loss, grads, terms`: the loss, its gradient for each
#   parameter with the keys of `model.params`, and a dictionary with at least two numbers, such as
#   `{"mse": 0.03, "orthogonality": 0.4}`. All randomness comes from `rng`. Write every derivative
#   by hand.
# - `check(objective, model, x)` returns `True` if the gradients of an objective are right. It must
#   reject wrong ones. You may use `gradcheck`.
# - `figure()` returns one figure as an array $(\text{height}, \text{width}, 3)$ of uint8. It shows
#   what your objective changes, for example the filters with and without your term. It has ten
#   seconds.
#
# | points | by the program |
# |---|---|
# | 1 | *runs*: the right types, keys and shapes |
# | 0.5 | *terms*: at least two numbers |
# | 3 | *gradients*: they agree with differences of your loss |
# | 1 | *seed*: the same seed gives the same loss, and nothing is changed in place |
# | 1.5 | *learns*: the loss falls by at least 10 % in 60 steps of Adam with 64 examples each |
# | 0.5 | *run time*: at most one second for 64 examples |
# | 1.5 | *check*: it accepts your objective, and rejects it if one gradient is wrong |
# | 1 | *figure*: it is there and is not empty |
#
# | points | by your instructor | all points | half of the points |
# |---|---|---|---|
# | 3 | idea | a question that the figure can answer | a term without a question |
# | 3 | derivation | each line follows from the one before | right, with gaps |
# | 2 | experiment | a fair comparison, with and without the term | one run |
# | 2 | text | short; says also what did not work | results without an explanation |

# %%
import matplotlib.pyplot as plt
import numpy as np

from tinyae import Autoencoder, Linear, Sequential, Sigmoid, Tanh, mse
from tinyae.checking import gradcheck
from tinyae.optim import Adam


def as_image(fig):
    """A Matplotlib figure as an array (height, width, 3)."""
    fig.canvas.draw()
    return np.asarray(fig.canvas.buffer_rgba())[..., :3].copy()


# %% nbgrader={"grade": false, "grade_id": "project-solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
def build_model(rng):
    """A model with params, a dictionary of float64 arrays."""
    ### BEGIN SOLUTION
    return Autoencoder(
        Sequential(Linear(64, 16, rng=rng, dtype=np.float64), Tanh()),
        Sequential(Linear(16, 64, rng=rng, dtype=np.float64), Sigmoid()),
    )
    ### END SOLUTION


def examples(n, rng):
    """n examples, (n, ...)."""
    ### BEGIN SOLUTION
    # Images of 8×8 pixels with bars: each row and each column is on with probability 1/8
    rows, columns = rng.random((2, n, 8)) < 1 / 8
    return (rows[:, :, None] | columns[:, None, :]).reshape(n, 64).astype(float)
    ### END SOLUTION


def objective(model, x, rng, weight=0.05):
    """loss, grads, terms."""
    ### BEGIN SOLUTION
    noisy = x * (rng.random(x.shape) > 0.2)
    y, caches = model.forward(noisy)
    value, dy = mse(y, x)
    _, grads = model.backward(dy, caches)
    # ‖W Wᵀ − 1‖², mean over the K² entries; its gradient is 4 (W Wᵀ − 1) W / K²
    W = model.params["encoder.0.weight"]
    gap = W @ W.T - np.eye(len(W))
    penalty = (gap**2).mean()
    grads["encoder.0.weight"] = (
        grads["encoder.0.weight"] + weight * 4 * gap @ W / gap.size
    )
    return (value + weight * penalty, grads, {"mse": value, "orthogonality": penalty})
    ### END SOLUTION


def check(objective, model, x):
    """True if the gradients of the objective are right."""
    ### BEGIN SOLUTION
    for name, w in model.params.items():
        rng = np.random.default_rng(0)
        direction = rng.choice([-1.0, 1.0], size=w.shape)
        _, grads, _ = objective(model, x, np.random.default_rng(1))
        before = w.copy()
        losses = []
        for h in (1e-5, -1e-5):
            w[...] = before + h * direction
            losses.append(objective(model, x, np.random.default_rng(1))[0])
        w[...] = before
        slope = (losses[0] - losses[1]) / 2e-5
        if not np.isclose((grads[name] * direction).sum(), slope, rtol=1e-4, atol=1e-9):
            return False
    return True
    ### END SOLUTION


def figure():
    """One figure, (height, width, 3), uint8."""
    ### BEGIN SOLUTION
    fig, axes = plt.subplots(1, 2, figsize=(5, 2.8), layout="constrained")
    for ax, weight in zip(axes, (0.0, 0.05), strict=True):
        rng = np.random.default_rng(0)
        model = build_model(rng)
        optimizer = Adam(model.params, lr=0.01)
        for _ in range(300):
            optimizer.step(objective(model, examples(64, rng), rng, weight)[1])
        W = model.params["encoder.0.weight"]
        W = W / np.linalg.norm(W, axis=1, keepdims=True)
        ax.imshow(W @ W.T, cmap="RdBu", vmin=-1, vmax=1)
        ax.set(title=f"weight {weight}", xlabel="unit", ylabel="unit")
    fig.suptitle("cosines between the filters")
    return as_image(fig)
    ### END SOLUTION


# %% [markdown] nbgrader={"grade": true, "grade_id": "project-report", "locked": false, "points": 10, "schema_version": 3, "solution": true, "task": false}
# ## Your report
#
# *The idea, the derivation, the experiment, and what did not work. At most 500 words.*

# %% [markdown]
# ## Check it yourself

# %% tags=["check"]
rng = np.random.default_rng(0)
model, x = build_model(rng), examples(5, rng)
print(gradcheck(objective, model, x), "\n")
print("your check says:", check(objective, model, x))

model, x = build_model(rng), examples(64, rng)
optimizer = Adam(model.params, lr=0.01)
for step in range(61):
    loss, grads, terms = objective(model, examples(64, rng), rng)
    if step % 20 == 0:
        numbers = ", ".join(f"{name} {value:.4f}" for name, value in terms.items())
        print(f"step {step:2d}: loss {loss:.4f} ({numbers})")
    optimizer.step(grads)

# %% tags=["check"]
plt.figure(figsize=(5, 2.8))
plt.imshow(figure())
plt.axis("off")

# %% nbgrader={"grade": true, "grade_id": "project-grade", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
from tinyae.course import grade_names

result = grade_names(globals(), "project")
print(result)
result.score
### END HIDDEN TESTS
