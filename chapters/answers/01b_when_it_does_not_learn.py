# %% [markdown]
# # Answers · Chapter 1b, When it does not learn
#
# Try each exercise before you read its answer. The experiments use at most 3,200 images and take
# less than a minute. With `TINYAE_FAST=1` they take a few steps.

# %%
import os
import warnings

import numpy as np

from tinyae import Adam, Linear, Objective, ReLU, Sequential, Sigmoid, fit, load_data
from tinyae.layers import initialize, leaves
from tinyae.models import basic_autoencoder, deep_autoencoder

FAST = bool(os.environ.get("TINYAE_FAST"))
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
x_train = data.train.flat[: 640 if FAST else 3200]
x_test = data.test.flat[:500]
EPOCHS = 3 if FAST else 4


def train(model, lr=1e-3, epochs=EPOCHS):
    how = {"batch_size": 64, "workers": 1, "progress": False}
    return fit(model, x_train, Objective(), Adam(model.params, lr=lr), epochs, **how)


# %% [markdown]
# ## 1. The largest rate
#
# Insert $u' = \mu u + \lambda w$ into $w' = w - \eta u'$:
#
# $$\begin{pmatrix}u'\\w'\end{pmatrix} =
# \begin{pmatrix}\mu & \lambda\\ -\eta\mu & 1 - \eta\lambda\end{pmatrix}
# \begin{pmatrix}u\\w\end{pmatrix}.$$
#
# The steps converge if both eigenvalues are inside the unit circle. Their product is the
# determinant, $\mu(1-\eta\lambda) + \eta\lambda\mu = \mu$, and their sum is the trace,
# $1 + \mu - \eta\lambda$. If they are complex, both have the absolute value $\sqrt\mu < 1$, and the
# steps converge. If they are real, both have the same sign, and they leave the unit circle at
# $-1$ as $\eta$ grows: then the other one is $-\mu$, and $1 + \mu - \eta\lambda = -1 - \mu$, so
# $\eta = 2(1+\mu)/\lambda$.

# %%
lam = 5.0
for mu in (0, 0.5, 0.9):
    limit = 2 * (1 + mu) / lam
    for factor in (0.99, 1.01):
        w, u = 1.0, 0.0
        for _ in range(3000):
            u = mu * u + lam * w
            w = w - factor * limit * u
        print(f"μ = {mu}, η = {factor} × the limit: |w| = {abs(w):.0e}")
        assert (abs(w) < 1) == (factor < 1)

# %% [markdown]
# ## 2. A deeper network
#
# By section 3 of the chapter, a layer and its ReLU multiply the variance by $n v/2$. With the
# default weights, $v = 1/(3n)$, this is $1/6$, so the standard deviation is divided by
# $\sqrt 6 \approx 2.4$ in each layer. With He initialization it stays. (The biases of `Linear` are
# not 0, but they are the same for all images. We measure how much outputs *differ* from image to
# image, and then they do not count.)

# %%
for depth in (2, 4, 8, 16):
    sizes, found = [784, *[100] * depth], {}
    for name in ("default", "he"):
        rng, net = np.random.default_rng(0), []
        for a, b in zip(sizes, sizes[1:], strict=False):
            net += [Linear(a, b, rng=rng), ReLU()]
        net = Sequential(*net[:-1])
        if name == "he":
            initialize(net, "he", rng=0)
        found[name] = float(net(x_test).std(axis=0).mean())
    print(f"{depth:>2} layers: std of a", *(f"{k} {v:.0e}" for k, v in found.items()))
    assert found["default"] < found["he"]
assert found["default"] < 1e-4 and found["he"] > 1e-2

# %% [markdown]
# With He, the differences between images shrink a little too, although the values do not: after a
# ReLU, all outputs are positive, and images become more alike. But it is a factor of ten in 16
# layers, and not a factor of a million.
#
# ## 3. All units start equal
#
# If all rows of $W_1$ are equal, so are all units of $h_1$. If also all columns of $W_2$ are equal,
# all entries of $dh_1$ are equal. Then all rows of $dW_1 = da_1^\top x$ are equal, and after the
# step the rows are equal again. Each layer behaves like one unit, forever: the symmetry is never
# broken. Only the output layer, whose targets differ, gets different rows.

# %%
model = basic_autoencoder(rng=0)
for name, w in model.params.items():
    w[...] = 0.002 if name.endswith("weight") else 0
history = train(
    model, lr=1e-4
)  # all units move together: 1e-3 would saturate the output
for name in ("encoder.0", "encoder.2", "encoder.4", "decoder.0", "decoder.2"):
    w = model.params[f"{name}.weight"]
    spread = np.abs(w - w[:1]).max() / np.abs(w).max()
    print(f"{name}: largest difference of two rows {spread:.0e} of the largest weight")
    assert spread < 1e-3
w = model.params["decoder.4.weight"]
assert (w != w[:1]).any() and history["loss"][-1] < history["loss"][0]
codes = model.encode(x_test)
rank = np.linalg.matrix_rank(codes, tol=1e-4 * np.linalg.norm(codes))
print(f"rank of the codes: {rank}")
assert rank == 1
assert np.abs(codes - codes[:, :1]).max() <= 1e-3 * np.abs(codes).max()

# %% [markdown]
# ## 4. A bias for each pixel
#
# The output of the untrained network is about $\sigma(b)$, because its weights contribute little.
# So set $b = \log\frac p{1-p}$, with the mean image $p$. Pixels that are always 0 would need
# $b = -\infty$, so $p$ is clipped.

# %%
mean = x_train.mean(axis=0)
target = ((x_train - mean) ** 2).mean()
passed = {}
for name in ("default", "mean image"):
    model = basic_autoencoder(rng=0)
    if name == "mean image":
        p = mean.clip(0.01, 0.99)
        model.params["decoder.4.bias"][...] = np.log(p / (1 - p))
    before = ((model(x_train) - x_train) ** 2).mean() / target
    history = train(model)
    losses = np.array(history["loss"]) / target
    print(f"{name:<11} before {before:.2f}, epochs", *(f"{v:.2f}" for v in losses))
    passed[name] = before, losses
assert passed["mean image"][0] < 1.1 < passed["default"][0]
assert passed["mean image"][1][0] < passed["default"][1][0]

# %% [markdown]
# The network starts at the mean image and needs no steps to find it, so it passes this error almost
# at once. This saves one or two epochs here, and is worth it where pixels are mostly 0.
#
# ## 5. Which one is it?
#
# A dead layer gives a hidden activation that is 0 for all images. A saturated output gives a slope
# that is 0 although no layer is dead, so the gradient is 0 already at the *last* layer. A vanishing
# gradient is small at layer 1, but not 0, and not small at the last layer.


# %%
def diagnose(model, x):
    h, passed = x, []
    for _, layer in leaves(model):
        h, cache = layer.forward(h)
        passed.append((layer, cache, h))
    if any(isinstance(layer, ReLU) and not h.any() for layer, _, h in passed):
        return "dead"
    dh, sizes = 2 * (h - x), []
    for layer, cache, _ in reversed(passed):
        if isinstance(layer, Linear):
            sizes.insert(0, float(np.sqrt((dh**2).mean())))
        dh = layer.vjp(dh, cache)
    if sizes[-1] < 1e-6:
        return "saturated"
    return "vanishing" if sizes[0] < 1e-3 * sizes[-1] or sizes[0] == 0 else "healthy"


dead = basic_autoencoder(rng=0)
dead.params["encoder.0.bias"][...] = -100
saturated = basic_autoencoder(rng=0)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # fit sees it, too
    train(saturated, lr=0.1)
vanishing = deep_autoencoder((784, 256, 128, 64, 32), Sigmoid, rng=0, init="glorot")
healthy = basic_autoencoder(rng=0)
initialize(healthy, "he", rng=0)
for expected, model in [
    ("dead", dead),
    ("saturated", saturated),
    ("vanishing", vanishing),
    ("healthy", healthy),
]:
    print(f"{expected:<10} -> {diagnose(model, x_test)}")
    assert diagnose(model, x_test) == expected
