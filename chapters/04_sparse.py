# %% [markdown]
# # 4 · Sparse codes
#
# *Needs: chapters 0 and 1. Time: about 40 minutes to read, a few to run. On a first reading, skip
# “Two common mistakes” and “Edges”.*
#
# A narrow code is one way to keep a network from simply passing its input through. Here is another:
# the code may have any number of units, but only a few of them may be active at a time. Each image
# is then described by the few features that it contains, and the many features that it does not
# contain are left out. A unit can specialize in one feature, because it does not have to help
# describe all the other images.
#
# ![A narrow code, in which all units are active, and a wide one, in which three units of 24
# are.](figures/04_diagram.svg)

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from tinyae import (
    Adam,
    Autoencoder,
    KSparse,
    Linear,
    Objective,
    ReLU,
    Sequential,
    Sigmoid,
    fit,
)
from tinyae.checking import check_penalty, gradcheck, show_report
from tinyae.data import load_data
from tinyae.models import sparse_autoencoder
from tinyae.penalties import KLSparsity, l1
from tinyae.plots import mosaic, plot_filters, plot_reconstructions, show

FAST = bool(os.environ.get("TINYAE_FAST"))
FAST_NOTE = "(fast mode: nothing has been learned)\n" if FAST else ""
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
train, test = (data.train[:1000], data.test[:200]) if FAST else (data.train, data.test)
x_train, x_test = train.flat, test.flat
print(data, "->", x_train.shape, x_test.shape)

# %% [markdown]
# ## The equation
#
# We add one term to the loss: a penalty $\Omega$ on the codes $z$ of a batch, with a weight
# $\beta$:
#
# $$L = \frac1{ND}\sum_n\lVert\hat x_n - x_n\rVert^2 + \beta\,\Omega(z) .$$
#
# There are two common choices of $\Omega$, and one method without a penalty:
#
# - **L1**, $\ \Omega = \frac1N\sum_{nj}|z_{nj}|$: the cost is proportional to the activation.
# - **KL divergence**: each unit $j$ should be active a fraction $\rho$ of the time, say 5%. The
#   mean activation of the unit over the batch is $\hat\rho_j = \frac1N\sum_n z_{nj}$, and
#   $\ \Omega = \sum_j \mathrm{KL}(\rho\,\Vert\,\hat\rho_j)$, where
#   $\mathrm{KL}(\rho\,\Vert\,\hat\rho)$ is
#   $\rho\log\frac{\rho}{\hat\rho} + (1-\rho)\log\frac{1-\rho}{1-\hat\rho}$.
# - **k-sparse**: only the $k$ largest values of each code are kept, and the others are set to 0.
#   This is a layer, not a penalty.
#
# ## The gradient
#
# $L$ is a sum, so its gradient is a sum too. We add $\beta\,\partial\Omega/\partial z$ to the
# gradient with respect to $z$ that comes back from the decoder. The rest of the backward pass is
# unchanged.
#
# **L1.** $\ \partial|z|/\partial z = \operatorname{sign}(z)$, so the gradient is
# $\operatorname{sign}(z_{nj})/N$. It pulls toward 0, and the pull is as strong at 0.001 as at 10.
# That is why values reach 0 and stay there. To see this, minimize $\frac12(z-a)^2 + \beta|z|$ for a
# positive $a$. For $z>0$ the derivative is $z - a + \beta$. It is zero at $z = a-\beta$ if that is
# positive. If not, the minimum is at 0 exactly. With a penalty $\beta z^2$, the minimum is at
# $a/(1+2\beta)$, which is smaller than $a$ but never 0.
#
# **KL.** $\ \hat\rho_j$ depends on all $N$ codes in the same way,
# $\partial\hat\rho_j/\partial z_{nj} = 1/N$, and
#
# $$\frac{\partial}{\partial\hat\rho}\Big[\rho\log\rho - \rho\log\hat\rho + (1-\rho)\log(1-\rho) -
# (1-\rho)\log(1-\hat\rho)\Big]
# = -\frac{\rho}{\hat\rho} + \frac{1-\rho}{1-\hat\rho}
# = \frac{\hat\rho-\rho}{\hat\rho\,(1-\hat\rho)} .$$
#
# This is negative if $\hat\rho$ is below $\rho$, positive if it is above, and zero at $\rho$. So
# the penalty pulls $\hat\rho$ toward $\rho$ from both sides. Divided by $N$, this is the gradient
# with respect to every $z_{nj}$ in column $j$. It requires $0<\hat\rho<1$, so the code must come
# from a sigmoid.
#
# **k-sparse.** Let $a$ be the input of this layer and $m$ the mask of the values that are kept, so
# $z = m * a$. As long as the same $k$ values remain the largest, $m$ is constant: $da = m * dz$. A
# value that was not kept does not contribute to the reconstruction, so it gets no gradient.
#
# ## The code


# %%
def l1_by_hand(z):
    return np.abs(z).sum() / len(z), np.sign(z) / len(z)


def kl_by_hand(z, rho=0.05):
    mean = z.mean(axis=0)  # ρ̂, one value per unit
    value = (
        rho * np.log(rho / mean) + (1 - rho) * np.log((1 - rho) / (1 - mean))
    ).sum()
    dmean = (mean - rho) / (mean * (1 - mean))
    return value, np.tile(dmean / len(z), (len(z), 1))  # the same for every example


def k_largest(a, k):  # assumes that there are no ties
    kept = a >= np.sort(a, axis=1)[:, -k, None]
    return a * kept, kept


# %% [markdown]
# ## The check
#
# We check each of them separately and inside a model, and compare them with the library's `l1`,
# `KLSparsity` and `KSparse`:

# %%
rng = np.random.default_rng(0)
z = rng.uniform(0.02, 0.6, size=(8, 5))
for penalty, library in [(l1_by_hand, l1), (kl_by_hand, KLSparsity(0.05))]:
    show_report(gradcheck(penalty, z))
    print(
        "  same as the library:",
        all(
            np.allclose(a, b, atol=1e-15)
            for a, b in zip(penalty(z), library(z), strict=True)
        ),
    )

small = Autoencoder(
    Sequential(Linear(12, 8, rng=0, dtype=np.float64), Sigmoid(), KSparse(3)),
    Sequential(Linear(8, 12, rng=1, dtype=np.float64)),
)
print("k-sparse, same as the layer:", np.array_equal(k_largest(z, 2)[0], KSparse(2)(z)))
l1_objective = Objective(code_penalty=l1, beta=0.1)
show_report(gradcheck(l1_objective, small, rng.uniform(size=(6, 12))))

# %% [markdown]
# ## Two common mistakes
#
# Both of these mistakes are printed in books and copied in many programs. Neither one raises an
# error, and neither one fails a comparison with difference quotients: the gradients are correct,
# but the penalties are not. (`check_penalty` also tests whether a penalty can be negative.)
#
# **Half of the divergence.** The first term alone, $\sum_j\rho\log(\rho/\hat\rho_j)$, looks like a
# divergence. But its derivative $-\rho/\hat\rho$ is negative everywhere: the more active a unit is,
# the smaller the "penalty". So it *rewards* activity.
#
# **An extra sigmoid.** The code is already an activation, but $\hat\rho$ is computed as the mean of
# $\sigma(z)$. For activations $z\ge0$ this is at least $\frac12$, and for $z\le1$ it is at most
# $\sigma(1)$, so it can never come close to a small $\rho$. The minimum of the penalty is at
# $z = 0$ for all units and all images, and such a code contains no information about any image.


# %%
def half(z, rho=0.05):
    mean = z.mean(axis=0)
    return (rho * np.log(rho / mean)).sum(), np.tile(-rho / mean / len(z), (len(z), 1))


def extra_sigmoid(z, rho=0.05):
    s = 1 / (1 + np.exp(-z))
    value, ds = kl_by_hand(s, rho)
    return value, ds * s * (1 - s)


show_report(check_penalty(half, z))
print("the second one passes too:", check_penalty(extra_sigmoid, z).ok, "\n")
print(
    "range of σ(z) for z in [0, 1]:", 1 / (1 + np.exp(-np.array([0.0, 1.0]))).round(3)
)
for name, penalty, best in [
    ("KL", kl_by_hand, 0.05),
    ("extra sigmoid", extra_sigmoid, 0.0),
]:
    least = penalty(np.full((1, 1), best))[0]
    print(f"{name}: minimum per unit for activations from 0 to 1: {least:.3f}")

# %% [markdown]
# What happens in training? We use the same network and data for all three penalties, with the same
# weight, and several values of $\rho$:

# %%
penalties = {"KL": kl_by_hand, "half of KL": half, "extra sigmoid": extra_sigmoid}
asked_for = [0.05, 0.2] if FAST else [0.02, 0.05, 0.1, 0.2, 0.3, 0.4]


def activity_reached(penalty, rho):
    def code_penalty(z):
        return penalty(z, rho)

    net = sparse_autoencoder(rng=0, units=64)
    objective = Objective(code_penalty=code_penalty, beta=0.05)
    fit(
        net,
        x_train[:2000],
        objective,
        Adam(net.params, lr=3e-3),
        epochs=2 if FAST else 10,
        workers=1,  # a part of the batch would have a different mean activation
        progress=False,
    )
    return net.encode(x_train[:2000]).mean()


reached = {
    name: [activity_reached(penalty, rho) for rho in asked_for]
    for name, penalty in penalties.items()
}
for name, activities in reached.items():
    pairs = zip(asked_for, activities, strict=True)
    print(f"{name:<20}" + ", ".join(f"ρ = {rho}: {mean:.3f}" for rho, mean in pairs))
print(FAST_NOTE, end="")

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
means = np.linspace(0.002, 0.998, 400)
for (name, penalty), color in zip(
    penalties.items(), ["tab:blue", "tab:red", "tab:orange"], strict=True
):
    values = [penalty(np.array([[m]]))[0] for m in means]
    axes[0].plot(means, values, color=color, label=name)
    axes[1].plot(asked_for, reached[name], "o-", markersize=4, color=color, label=name)
axes[0].axhline(0, color="gray", linewidth=0.8)
axes[0].axvline(0.05, color="gray", linewidth=0.8, linestyle=":")
axes[0].set(
    xlabel="mean activation of the unit", ylabel="penalty for ρ = 0.05", ylim=(-0.5, 2)
)
axes[1].plot([0, 0.42], [0, 0.42], color="gray", linewidth=0.8, linestyle=":")
axes[1].set(
    xlabel="target ρ", ylabel="mean activation after training", ylim=(-0.03, 1.03)
)
for ax in axes:
    ax.legend(frameon=False)
show(axes[0], f"04_slips_{data.name}")

# %% [markdown]
# **What to look at.** Left: which of the three curves has its minimum at the dotted line? Where do
# the other two have theirs, and can a divergence be negative? Right: on the dotted line, the
# trained networks would have the mean activation that we asked for. Follow each color from left to
# right. Does the result depend on $\rho$? And compare the result with the minimum of the same curve
# on the left.
#
# <details><summary>Answer</summary>
#
# Only the KL divergence has its minimum at the dotted line. Half of it keeps falling to the right
# and becomes negative, which a divergence cannot be. The one with an extra sigmoid has its minimum
# at 0. After a full training, the networks end where their curves have their minimum. With KL, the
# mean activation is close to the target. With half of it, the units are active almost all the time,
# and with the extra sigmoid almost never, in both cases nearly independent of ρ. (In fast mode the
# training is short, and KL may still be on its way. The left plot and the printed minima are exact
# in any mode.)
#
# </details>
#
# ## The experiment
#
# We train four models with 256 code units each: one with a plain sigmoid code for comparison, one
# with a ReLU and L1, one with a sigmoid and KL, and one that is k-sparse. The units of the KL model
# start with the bias $\log\frac{\rho}{1-\rho}$, for which a sigmoid outputs $\rho$. With the usual
# initial bias of 0, every unit would start with an activation of about one half. While all the
# activations are being reduced to $\rho$, some units would lose the information that they carry.

# %%
presets = {
    "plain": (Sigmoid(), Objective()),
    "L1": (ReLU(), Objective(code_penalty=l1, beta=1e-4)),
    "KL": (Sigmoid(), Objective(code_penalty=KLSparsity(0.05), beta=3e-3)),
    "k-sparse": (KSparse(25), Objective()),
}
models = {}
for name, (code, objective) in presets.items():
    models[name] = sparse_autoencoder(
        rng=0, code=code, rho=0.05 if name == "KL" else None
    )
    fit(
        models[name],
        x_train,
        objective,
        Adam(models[name].params, lr=2e-3),
        epochs=1 if FAST else 6,
        progress=False,
    )

codes = {name: model.encode(x_test) for name, model in models.items()}
print(
    f"{'':<10}{'test MSE':>10}{'mean activation':>17}{'exact zeros':>13}"
    f"{'below 0.1':>11}{'dead units':>13}"
)
for name, z in codes.items():
    # a dead unit has the same value for every image
    alive = z.max(axis=0) - z.min(axis=0) > 1e-3
    error = ((models[name](x_test) - x_test) ** 2).mean()
    print(
        f"{name:<10}{error:>10.5f}{z.mean():>17.4f}{(z == 0).mean():>13.1%}"
        f"{(np.abs(z) < 0.1).mean():>11.1%}{(~alive).sum():>6} of {len(alive)}"
    )
rho_hat = codes["KL"].mean(axis=0)
print(
    f"KL: mean activations of the units from {rho_hat.min():.3f} "
    f"to {rho_hat.max():.3f}, on average {rho_hat.mean():.3f}"
)
active = (codes["k-sparse"] != 0).sum(axis=1)
print(f"k-sparse: between {active.min()} and {active.max()} active units per image")
print(FAST_NOTE, end="")

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 4, figsize=(11, 2.6), layout="constrained", sharey=True)
for ax, (name, z) in zip(axes, codes.items(), strict=True):
    ax.hist(z.ravel(), bins=60, weights=np.full(z.size, 1 / z.size), color="tab:blue")
    ax.set(title=name, yscale="log", xlabel="activation")
axes[0].set_ylabel("fraction of all code values")
show(axes[0], f"04_histograms_{data.name}")

# %% [markdown]
# **What to look at.** The vertical axis is logarithmic. Compare how much of its range each code
# uses. Where do you see a tall bar at 0? Which of these values are exact zeros? (The table counts
# them.) For which method is the height of the bar known before training? Why is there a gap next to
# it? And what does the last column of the table have to do with exact zeros?
#
# <details><summary>Answer</summary>
#
# After a full training, the plain code uses the whole range from 0 to 1, and the other three have a
# tall bar at 0. For L1 (after a ReLU) and k-sparse, the values in the bar are exact zeros. KL gives
# small values, but a sigmoid is never exactly 0. For k-sparse, the fraction of zeros is $1 - k/256$
# before any training, in any mode. There is a gap next to the bar because a value that is only a
# little above 0 is rarely among the $k$ largest.
#
# The last column is the price of exact zeros: a unit that is 0 for every image gets no gradient and
# will almost never recover (exercise 5).
#
# </details>
#
# Here are the codes of three images. The 256 values of each code are arranged as a square:

# %%
few = np.concatenate([np.flatnonzero(test.labels == label)[:1] for label in (0, 1, 4)])

# %% tags=["hide-input"]
fig, axes = plt.subplots(3, 5, figsize=(8.5, 5), layout="constrained")
for row, i in zip(axes, few, strict=True):
    row[0].imshow(test.images[i, 0], cmap="gray_r")
    for ax, z in zip(row[1:], codes.values(), strict=True):
        ax.imshow(
            z[i].reshape(16, 16),
            cmap="RdBu_r",
            vmin=-np.abs(z[i]).max(),
            vmax=np.abs(z[i]).max(),
        )
for ax, name in zip(axes[0], ["x", *codes], strict=True):
    ax.set_title(name)
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
show(axes, f"04_codes_{data.name}")

# %%
ten = np.concatenate([np.flatnonzero(test.labels == label)[:1] for label in range(10)])

# %% tags=["hide-input"]
show(
    plot_reconstructions(
        x_test[ten],
        *[model(x_test[ten]) for model in models.values()],
        names=["original", *models],
    ),
    f"04_reconstructions_{data.name}",
)

# %% [markdown]
# **What to look at.** In the first figure: how many units does each method use for one digit, and
# do different digits use different units? In the second figure: can you see the cost of the
# restriction? (The first column of the table measures it.) Look for faint strokes and for a gray
# haze. They appear when units cannot be switched off completely.
#
# <details><summary>Answer</summary>
#
# The plain code uses almost all units for every digit, and KL, L1 and k-sparse use few. After a
# full training, different digits use different units, and similar digits share some. The
# restriction costs little: the reconstructions are readable, and only faint strokes are lost or
# weakened. A gray haze, where you see one, comes from sigmoid units that are small but not 0: many
# small contributions add up. (In fast mode, all reconstructions are a blur.)
#
# </details>
#
# What does a single unit represent? Column $j$ of the decoder's weights is what unit $j$ adds to
# the image when it is active. Positive weights are red and add ink. Negative weights are blue and
# remove it. For each model, these are the 25 units that vary most:

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 4, figsize=(10, 2.9), layout="constrained")
for ax, (name, model) in zip(axes, models.items(), strict=True):
    most = np.argsort(-codes[name].std(axis=0))[:25]
    columns = model.decoder.params["0.weight"][:, most].T  # (25, 784)
    columns = columns / np.abs(columns).max(axis=1, keepdims=True)
    ax.imshow(
        mosaic(columns, gap=1, fill=np.nan),
        cmap=plt.get_cmap("RdBu_r", 21),
        vmin=-1,
        vmax=1,
        interpolation="nearest",
    )
    ax.set(title=name, xticks=[], yticks=[])
show(axes[0], f"04_columns_{data.name}")

# %% [markdown]
# **What to look at.** In the plain model many units work together, and a single one means little.
# If only a few units may be active, each one must represent something specific. Look for strokes,
# for pieces of strokes, and for whole digits. Which method gives the most local features, and which
# one gives features that look most like digits? What would a smaller $k$ do?
#
# <details><summary>Answer</summary>
#
# After a full training, the columns of the plain model look like noise with hints of strokes, and
# the sparse ones have clear strokes. The weaker the restriction, the more local the feature: a unit
# that may be combined with many others can be a small piece. With very few units per image, each
# one has to look like a large part of a digit. So a smaller $k$ makes the columns look more like
# whole digits, and the error larger. Makhzani and Frey show this for several $k$.
#
# </details>
#
# ## Edges
#
# This is the classic experiment (Ng, CS294A lecture notes): 8×8 patches of images, 25 sigmoid
# units, $\rho = 0.01$, $\beta = 3$, and weight decay with $\lambda = 10^{-4}$. We use photographs
# of faces if there is a file with them in the folder `TINYAE_DATA`, and otherwise the digits of
# this chapter. To download the faces (the AT&T data set, from scikit-learn) once, run:
#
# ```
# from sklearn.datasets import fetch_olivetti_faces
# np.save("olivetti.npy", (fetch_olivetti_faces().images * 255).astype("uint8"))
# ```
#
# We follow the lecture notes: the mean of each patch is subtracted, all values are clipped at three
# standard deviations, and the result is scaled to the range from 0.1 to 0.9, which a sigmoid can
# reproduce. The loss in the notes is $\frac1{2N}\sum_n\lVert\hat x_n-x_n\rVert^2$, without the
# factor $1/D$, and weight decay adds $\frac\lambda2\sum W^2$. Any function can be an objective, so
# we write one:

# %%
faces = Path(os.environ.get("TINYAE_DATA", "")) / "olivetti.npy"
images, source = (
    (np.load(faces) / 255, "faces")
    if faces.is_file()
    else (train.images[:2000, 0].astype(float), data.name)
)


def cut_patches(images, n, rng):
    # (N, H−7, W−7, 8, 8)
    windows = np.lib.stride_tricks.sliding_window_view(images, (8, 8), axis=(1, 2))
    positions = tuple(rng.integers(0, size, 4 * n) for size in windows.shape[:3])
    patches = windows[positions].reshape(-1, 64)
    patches = patches[patches.std(axis=1) > 0.02][:n]  # leave out empty patches
    patches = patches - patches.mean(axis=1, keepdims=True)
    limit = 3 * patches.std()
    return (0.5 + 0.4 * np.clip(patches / limit, -1, 1)).astype(np.float32)


def half_squares(y, target):
    d = y - target
    return float((d * d).sum()) / (2 * len(y)), d / len(y)


sparse = Objective(reconstruction=half_squares, code_penalty=KLSparsity(0.01), beta=3)


def notes_objective(model, x, rng, decay=1e-4):
    loss, grads, terms = sparse(model, x, rng)
    for name, w in model.params.items():
        if name.endswith("weight"):
            loss += decay / 2 * float((w * w).sum())
            grads[name] = grads[name] + decay * w
    return loss, grads, terms


patches = cut_patches(images, 2000 if FAST else 10_000, np.random.default_rng(0))
net = sparse_autoencoder(rng=1, units=25, features=64)
print(
    "this objective passes gradcheck:", gradcheck(notes_objective, net, patches[:20]).ok
)
for rate in (1e-2, 3e-3):
    fit(
        net,
        patches,
        notes_objective,
        Adam(net.params, rate),
        epochs=5 if FAST else 150,
        workers=1,  # the penalty needs the mean over the whole batch
        batch_size=1000,
        progress=False,
    )
mean = net.encode(patches).mean()
print(f"{len(patches)} patches of {source}, mean activation {mean:.4f}")
print(FAST_NOTE, end="")

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
axes[0].imshow(
    mosaic(patches[:25], gap=1, fill=np.nan),
    cmap="gray" if source == "faces" else "gray_r",
)
axes[0].set(title=f"25 patches of {source}", xticks=[], yticks=[])
centered = net.astype(np.float32)  # a copy
centered.params["encoder.0.weight"] -= centered.params["encoder.0.weight"].mean(
    axis=1, keepdims=True
)
plot_filters(centered, 25, axes[1])
axes[1].set_title("25 filters (red: positive, blue: negative)")
show(axes[0], f"04_edges_{source}")

# %% [markdown]
# **What to look at.** Each patch has mean 0 (except for the constant 0.5), so the mean $\bar w$ of
# a filter has no effect:
# $\sum_i w_i x_i = \sum_i (w_i-\bar w)\,x_i \le \lVert w - \bar w\rVert\lVert x\rVert$, with
# equality if $x$ is a positive multiple of $w-\bar w$. The figure shows $w-\bar w$: the patch to
# which the unit responds most strongly. How many filters are positive on one side and negative on
# the other, with different directions and positions? These are edge detectors. No one asked for
# edges. They emerge if patches of images must be described with only a few active units at a time.
# Cells in the first stage of the visual cortex also respond to edges.
#
# <details><summary>Answer</summary>
#
# With the photographs of faces, most of the 25 filters are edge detectors after a full training,
# with different directions and positions. With digits, they are rather strokes and the ends of
# strokes, because that is what these patches contain. (In fast mode the filters are still noise.)
#
# </details>
#
# ## Exercises
#
# Answers: [answers/04_sparse.py](answers/04_sparse.py)
#
# 1. **L2.** Use $\Omega = \frac1N\sum z^2$ on the ReLU code. How many values are exactly 0 now?
#    *Hint: compare the gradients of both penalties at $z = 0.001$ and at $z = 10$.*
# 2. **The price of sparsity.** Train with L1 for several $\beta$ from 0 to $10^{-3}$, and plot the
#    test MSE against the fraction of zeros. Do the same for the k-sparse model with several $k$.
#    Which curve is lower? *Hint: `sparse_autoencoder` takes `code=KSparse(k)`.*
# 3. **One image at a time.** What does the KL penalty require of a batch with a single image, and
#    what happens to the code? Try batch sizes of 1, 8 and 128. *Hint: the mean of one value is that
#    value.*
# 4. **A larger k for testing.** Makhzani and Frey train with $k$ and encode with $\alpha k$, where
#    $\alpha$ is between 1 and 3. Measure the MSE for both. Then measure the accuracy of a
#    nearest-neighbor classifier on the codes. *Hint: you can replace a layer,
#    `Sequential(model.encoder.layers[0], KSparse(50))`.*
# 5. **Dead units.** Start the k-sparse model with $k = 128$ and reduce $k$ step by step to 10. Are
#    there fewer dead units than with $k = 10$ from the start? *Hint: a unit that is never among the
#    largest gets no gradient at all.*
#
# - Graded: [Exercise 14 · Four ways to a sparse code](exercises/14_sparsity.py), `tinyae exercise start sparsity`
#
# **You can now** derive the gradients of three kinds of sparsity, tell a correct penalty from one
# that is merely differentiated correctly, and find dead units.
#
# **Next:** chapter 5 asks the code to respond to as few *directions* as possible.
#
# **In the real world:** sparse coding explains the cells of the visual cortex (Olshausen and Field,
# *Emergence of simple-cell receptive field properties by learning a sparse code for natural
# images*, 1996). Today, sparse autoencoders with millions of units are used to find out what the
# inner units of large language models represent (Cunningham et al., *Sparse autoencoders find
# highly interpretable features in language models*, 2024; with a k-sparse layer: Gao et al.,
# *Scaling and evaluating sparse autoencoders*, 2024).
