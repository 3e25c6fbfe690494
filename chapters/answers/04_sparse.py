# %% [markdown]
# # Answers · Chapter 4, Sparse codes
#
# Try each exercise before you read its answer. The experiments use at most 10,000 images, so that
# they take a minute or two. With `TINYAE_FAST=1` they take a few steps and learn nothing.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinyae import Adam, Autoencoder, KSparse, Objective, ReLU, Sequential, fit
from tinyae.applications import nearest_neighbor_accuracy
from tinyae.checking import check_penalty
from tinyae.data import load_data
from tinyae.models import sparse_autoencoder
from tinyae.penalties import KLSparsity, l1
from tinyae.plots import show

FAST = bool(os.environ.get("TINYAE_FAST"))
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
x_train = data.train.flat[: 500 if FAST else 10_000]
x_test, labels = data.test.flat[:500], data.test.labels[:500]
EPOCHS = 1 if FAST else 8


def trained(code, objective=None, x=x_train, epochs=EPOCHS, batch_size=128, rho=None):
    model = sparse_autoencoder(rng=0, code=code, rho=rho)
    optimizer = Adam(model.params, lr=2e-3)
    objective = objective or Objective()
    fit(model, x, objective, optimizer, epochs, batch_size, progress=False)
    return model


def test_error(model):
    return float(((model(x_test) - x_test) ** 2).mean())


def nothing_learned():
    if FAST:
        print("Fast mode: nothing has been learned, so these numbers mean nothing.")


# %% [markdown]
# ## 1. L2
#
# The gradient of L1 is $\operatorname{sign}(z)/N$: the same pull at $z = 0.001$ and at $z = 10$.
# The gradient of $z^2$ is $2z/N$: 10,000 times weaker at 0.001 than at 10. So L2 makes large values
# smaller, and hardly touches small ones. In one dimension, $\frac12(z-a)^2 + \beta z^2$ with $a >
# 0$ has its minimum at $a/(1+2\beta)$, which is never 0. The exact zeros that remain in an L2 model
# come from the ReLU, which outputs 0 wherever its input is negative, with any penalty. (L2 can
# raise their number too: smaller weights and lower biases make more inputs negative. But L1 pulls
# all the way.)


# %%
def l2(z):
    return (z**2).sum() / len(z), 2 * z / len(z)


z = np.random.default_rng(0).normal(size=(6, 4))
print(check_penalty(l2, z))
pull = {p.__name__: p(np.array([[1e-3, 10.0]]))[1][0] for p in (l1, l2)}
for name, (small, large) in pull.items():
    print(f"{name}: gradient {small:g} at 0.001 and {large:g} at 10")
assert check_penalty(l2, z).ok and np.isclose(pull["l2"][1] / pull["l2"][0], 1e4)

values, beta = np.linspace(0, 3, 30_001), 0.5
for a in (0.3, 2.0):
    of_l1 = values[(0.5 * (values - a) ** 2 + beta * values).argmin()]
    of_l2 = values[(0.5 * (values - a) ** 2 + beta * values**2).argmin()]
    print(f"a = {a}: minimum with L1 at {of_l1:.3f}, with L2 at {of_l2:.3f}")
    assert np.isclose(of_l1, max(a - beta, 0), atol=1e-3)
    assert np.isclose(of_l2, a / (1 + 2 * beta), atol=1e-3)

for name, objective in [
    ("no penalty", Objective()),
    ("L1", Objective(code_penalty=l1, beta=1e-4)),
    ("L2", Objective(code_penalty=l2, beta=1e-4)),
]:
    model = trained(ReLU(), objective)
    z = model.encode(x_test)
    print(f"{name:<11} exact zeros {(z == 0).mean():.1%}, MSE {test_error(model):.5f}")
nothing_learned()

# %% [markdown]
# ## 2. The price of sparsity
#
# A stronger penalty gives more zeros and, from some point on, a larger error, so each method has a
# curve. L1 has one disadvantage: it also makes the values that stay active smaller (the minimum
# above is at $a-\beta$), which costs error without adding zeros. The k-sparse layer leaves the kept
# values as they are, but it lets units die, and dead units help no one. Which disadvantage is
# larger depends on the data and on the length of the training, so read both columns. (A little L1
# may even lower the test error.)

# %%
curves = {"L1": [], "k-sparse": []}
for weight in (0, 1e-4, 1e-3) if FAST else (0, 3e-5, 1e-4, 3e-4, 1e-3):
    model = trained(ReLU(), Objective(code_penalty=l1, beta=weight))
    z = model.encode(x_test)
    zeros, dead = (z == 0).mean(), (z == 0).all(axis=0).sum()
    curves["L1"].append((zeros, test_error(model), f"β = {weight:g}", dead))
for k in (10, 100) if FAST else (5, 10, 25, 50, 100):
    model = trained(KSparse(k))
    z = model.encode(x_test)
    zeros, dead = (z == 0).mean(), (z == 0).all(axis=0).sum()
    curves["k-sparse"].append((zeros, test_error(model), f"k = {k}", dead))
    assert np.isclose(zeros, 1 - k / 256, atol=1e-3)  # known before training
for name, curve in curves.items():
    for zeros, error, setting, dead in curve:
        print(
            f"{name:<9} {setting:<11} zeros {zeros:.1%}, "
            f"test MSE {error:.5f}, dead units {dead}"
        )
nothing_learned()

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(5, 3.2), layout="constrained")
for name, curve in curves.items():
    zeros, errors, *_ = zip(*sorted(curve), strict=True)
    ax.plot(zeros, errors, "o-", markersize=3, label=name)
ax.set(xlabel="fraction of exact zeros", ylabel="test MSE")
ax.legend(frameon=False)
show(ax, f"04_price_{data.name}")

# %% [markdown]
# ## 3. One image at a time
#
# With one image, $\hat\rho_j = z_j$. The penalty asks *every* unit to have the activation ρ for
# *every* image. If it gets its way, the code is the same for all images and contains no
# information. With larger batches, a unit may be active for some images and inactive for others, as
# long as the mean is ρ. Since KL is convex in $\hat\rho$, Jensen's inequality says so in general:
# the penalty of each image alone, averaged, is at least the penalty of the whole batch.

# %%
kl = KLSparsity(0.05)
z = np.random.default_rng(1).uniform(0.001, 0.3, size=(64, 5))
one_by_one = np.mean([kl(row[None])[0] for row in z])
print(f"KL of the batch {kl(z)[0]:.3f}, mean of the KL of each image {one_by_one:.3f}")
assert one_by_one >= kl(z)[0]
assert np.isclose(kl(np.full((1, 5), 0.05))[0], 0)  # one image: the minimum is z = ρ

few = x_train[: 200 if FAST else 2000]
for batch_size in (1, 8, 128):
    objective = Objective(code_penalty=kl, beta=3e-2)
    model = trained(None, objective, few, epochs=2, batch_size=batch_size, rho=0.05)
    spread = model.encode(x_test).std(axis=0).mean()
    print(f"batch size {batch_size:>3}: a unit varies by {spread:.4f} between images")
nothing_learned()

# %% [markdown]
# The number of steps differs too, because each epoch of single images has 128 times as many. That
# is part of the answer: a penalty on a batch depends on the batch size, unlike a mean over
# examples.
#
# ## 4. A larger k for testing
#
# The layer has no weights, so it can be replaced. The reconstruction gets more terms than the
# decoder was trained for, so expect its error to rise. The codes keep more of what the first layer
# has computed. Makhzani and Frey report that a classifier gains from this. Does it here? If many
# units are dead, or the training was short, the additional units may be noise for the classifier.

# %%
model = trained(KSparse(25))
for alpha in (1, 2, 3):
    encoder = Sequential(model.encoder.layers[0], KSparse(25 * alpha))
    wider = Autoencoder(encoder, model.decoder)
    z = wider.encode(x_test)
    assert ((z != 0).sum(axis=1) <= 25 * alpha).all()
    print(
        f"α = {alpha}: test MSE {test_error(wider):.5f}, "
        f"same label as the nearest code {nearest_neighbor_accuracy(z, labels):.1%}"
    )
nothing_learned()

# %% [markdown]
# ## 5. Dead units
#
# A unit that is never among the $k$ largest is masked for every image: $dx = m * dy = 0$, so its
# weights get no gradient. If $k$ starts at 128, half of the units are trained on each image, and
# almost all of them learn something useful before the competition gets hard. So expect fewer dead
# units at the end. (Makhzani and Frey 2014 use such a schedule for this reason.)

# %%
schedules = {"k = 10 from the start": [10] * 6, "k reduced step by step": []}
schedules["k reduced step by step"] = [128, 64, 40, 25, 15, 10]
for name, ks in schedules.items():
    model = sparse_autoencoder(rng=0, code=KSparse(ks[0]))
    linear, optimizer = model.encoder.layers[0], Adam(model.params, lr=2e-3)
    for epoch, k in enumerate(ks):
        model = Autoencoder(Sequential(linear, KSparse(k)), model.decoder)
        fit(model, x_train, Objective(), optimizer, 1, rng=epoch, progress=False)
    batch = x_train[:500]
    dead = (model.encode(batch) == 0).all(axis=0)
    gradient = Objective()(model, batch)[1]["encoder.0.weight"]
    print(f"{name:<23} dead {dead.sum()} of {len(dead)}, MSE {test_error(model):.5f}")
    assert (gradient[dead] == 0).all()
nothing_learned()
