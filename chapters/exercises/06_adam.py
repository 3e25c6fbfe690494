# %% [markdown]
# # Exercise 6 · Adam, and a training loop
#
# *Chapter 1, "The code". 12 points. About 75 minutes.*
#
# The gradient says which direction is downhill; the optimizer decides how far to go. Write two
# optimizers of Kingma & Ba (2015), and the loop that uses the first one. An optimizer step changes
# the arrays `w`, `m` and `v` **in place** (`m[...] = ...` or `m *= ...`, not `m = ...`) and returns
# nothing, so that the layers see the new weights. It leaves $g$ alone. $t = 1, 2, 3, \dots$ is the
# number of the step.
#
# **`adam_step(w, g, m, v, t, lr, b1, b2, eps)`**
#
# $$m \leftarrow \beta_1 m + (1-\beta_1)\,g,\qquad v \leftarrow \beta_2 v + (1-\beta_2)\,g^2,\qquad
# w \leftarrow w - \eta\,\frac{\hat m}{\sqrt{\hat v} + \epsilon},\qquad
# \hat m = \frac{m}{1-\beta_1^t},\quad \hat v = \frac{v}{1-\beta_2^t}$$
#
# **`adamax_step(w, g, m, u, t, lr, b1, b2, eps)`** scales by the largest gradient of the recent past
# instead of the mean square. Only $m$ needs a correction:
#
# $$m \leftarrow \beta_1 m + (1-\beta_1)\,g,\qquad
# u \leftarrow \max(\beta_2 u,\ \lvert g\rvert + \epsilon),\qquad
# w \leftarrow w - \eta\,\frac{\hat m}{u}$$
#
# **`train(layers, x, epochs, rng, batch_size, lr)`** trains an autoencoder, a list of layers, with
# Adam on the mean squared error between output and input. It returns the list of the losses, one
# number for each step.
#
# - Each epoch draws a new order, `rng.permutation(len(x))`, and takes batches of `batch_size` in
#   this order. The last batch of an epoch may be smaller.
# - A step: forward through all layers, loss and its gradient, backward, `adam_step` for each
#   parameter of each layer. Take the loss before the step.
# - Each parameter has its own $m$ and $v$, which start at 0 and continue through all epochs, and so
#   does $t$.
#
# A layer has `forward(x)`, which returns `y, cache`, `backward(dy, cache)`, which returns
# `dx, grads`, and the dict `params` with the keys of `grads`.

# %%
import numpy as np


# %% nbgrader={"grade": false, "grade_id": "adam-solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
def adam_step(w, g, m, v, t, lr=1e-3, b1=0.9, b2=0.999, eps=1e-8):
    """Change w, m and v in place."""
    ### BEGIN SOLUTION
    m[...] = b1 * m + (1 - b1) * g
    v[...] = b2 * v + (1 - b2) * g**2
    m_hat = m / (1 - b1**t)
    v_hat = v / (1 - b2**t)
    w -= lr * m_hat / (np.sqrt(v_hat) + eps)
    ### END SOLUTION


def adamax_step(w, g, m, u, t, lr=2e-3, b1=0.9, b2=0.999, eps=1e-8):
    """Change w, m and u in place."""
    ### BEGIN SOLUTION
    m[...] = b1 * m + (1 - b1) * g
    u[...] = np.maximum(b2 * u, np.abs(g) + eps)
    w -= lr * m / (1 - b1**t) / u
    ### END SOLUTION


def train(layers, x, epochs, rng, batch_size=64, lr=1e-3):
    """Train in place; return the loss of each step."""
    ### BEGIN SOLUTION
    means = [
        {name: (np.zeros_like(w), np.zeros_like(w)) for name, w in layer.params.items()}
        for layer in layers
    ]
    t, losses = 0, []
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            batch = x[order[start : start + batch_size]]
            y, caches = batch, []
            for layer in layers:
                y, cache = layer.forward(y)
                caches.append(cache)
            losses.append(((y - batch) ** 2).mean())
            dy = 2 * (y - batch) / y.size
            t += 1
            for i in reversed(range(len(layers))):
                dy, grads = layers[i].backward(dy, caches[i])
                for name, g in grads.items():
                    m, v = means[i][name]
                    adam_step(layers[i].params[name], g, m, v, t, lr)
    return losses
    ### END SOLUTION


# %% [markdown]
# ## Check it yourself
#
# If the gradient stays the same, each step of both optimizers has the length `lr`, however large or
# small the gradient is. Without the corrections by $1-\beta^t$ the first steps would be wrong.

# %% tags=["check"]
for step in (adam_step, adamax_step):
    w, m, v = np.zeros(2), np.zeros(2), np.zeros(2)
    for t in range(1, 4):
        step(w, np.array([1e-3, 1e3]), m, v, t, lr=0.1)
        print(
            f"{step.__name__:11}  after step {t}: w = {w} (expected {-0.1 * t:.1f} twice)"
        )

# %% [markdown]
# Now an autoencoder, on generated digits. The aim: the loss on test images is below 0.02 after
# some seconds.

# %% tags=["check"]
from tinyae import Linear, ReLU, Sigmoid
from tinyae.data import strokes

rng = np.random.default_rng(0)
data = strokes(3000, 500)
layers = [Linear(784, 128, rng=rng), ReLU(), Linear(128, 32, rng=rng)]
layers += [Linear(32, 128, rng=rng), ReLU(), Linear(128, 784, rng=rng), Sigmoid()]
losses = train(layers, data.train.flat, epochs=12, rng=rng, lr=2e-3)

y = data.test.flat
for layer in layers:
    y, _ = layer.forward(y)
test = ((y - data.test.flat) ** 2).mean()
print(f"{len(losses)} steps, expected 564")
print(
    f"first loss {losses[0]:.3f}, last loss {losses[-1]:.3f}, loss on test images {test:.4f}"
)

# %% tags=["check"]
from tinyae.plots import plot_reconstructions, show

show(plot_reconstructions(data.test.flat[:10], y[:10]), "06_adam")

# %% nbgrader={"grade": true, "grade_id": "adam-grade", "locked": true, "points": 12, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
from tinyae.course import grade_names

result = grade_names(globals(), "adam")
print(result)
result.score
### END HIDDEN TESTS
