# %% [markdown]
# # 4 · Sparse codes
#
# A narrow code is one way to keep a net from passing its input through. Here is another: as many code numbers as you like, but
# only a few of them may be active at a time. A picture is then described as one describes a dish, by the few ingredients that
# are in it and not by all those that are not. Each unit can afford to stand for something special, since it need not say
# anything about all the other pictures.
#
# ```
#   narrow:   x ──▶ ▮▮▮▮▮▮▮▮ ──▶ x̂        sparse:   x ──▶ ▯▯▯▮▯▯▯▯▯▯▯▯▮▯▯▯▯▯▯▯▯▮▯▯ ──▶ x̂
#                  all of them                             few of many, and others for another x
# ```

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
from tinyae.checking import check_penalty, gradcheck
from tinyae.data import load_data
from tinyae.models import sparse_autoencoder
from tinyae.penalties import KLSparsity, l1
from tinyae.plots import mosaic, plot_filters, plot_reconstructions, show

FAST = bool(os.environ.get("TINYAE_FAST"))
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
train, test = (data.train[:1000], data.test[:200]) if FAST else (data.train, data.test)
x_train, x_test = train.flat, test.flat
print(data, "->", x_train.shape, x_test.shape)

# %% [markdown]
# ## The equation
#
# One term is added, a penalty $\Omega$ on the codes $z$ of a batch, with a weight $\beta$:
#
# $$L = \frac1{ND}\sum_n\lVert\hat x_n - x_n\rVert^2 + \beta\,\Omega(z) .$$
#
# Two choices of $\Omega$ and one way without a penalty:
#
# - **L1**, $\ \Omega = \frac1N\sum_{nj}|z_{nj}|$: activity costs, and each unit of it costs the same.
# - **KL divergence**: every unit $j$ is to be active a share $\rho$ of the time, say 5 %. With its mean over the batch,
#   $\hat\rho_j = \frac1N\sum_n z_{nj}$,
#   $\ \Omega = \sum_j \mathrm{KL}(\rho\,\Vert\,\hat\rho_j)$, where
#   $\mathrm{KL}(\rho\,\Vert\,\hat\rho) = \rho\log\frac{\rho}{\hat\rho} + (1-\rho)\log\frac{1-\rho}{1-\hat\rho}$.
# - **k-sparse**: of each code only the $k$ largest numbers stay, the others are set to 0. A layer, not a penalty.
#
# ## The gradient
#
# $L$ is a sum, and so is its gradient. What comes back from the decoder to $z$ gets $\beta\,\partial\Omega/\partial z$ added, and
# from there everything goes on as before.
#
# **L1.** $\ \partial|z|/\partial z = \operatorname{sign}(z)$, hence $\operatorname{sign}(z_{nj})/N$. The pull towards 0 is as
# strong at 0.001 as at 10. That is why numbers arrive at 0 and stay there: minimise $\frac12(z-a)^2 + \beta|z|$ for a positive
# $a$, and where $z>0$ the slope is $z - a + \beta$. It is zero at $z = a-\beta$, if that is positive; if not, the minimum is 0
# itself. A penalty $\beta z^2$ has its minimum at $a/(1+2\beta)$: smaller, never 0.
#
# **KL.** $\ \hat\rho_j$ depends on each of the $N$ codes alike, $\partial\hat\rho_j/\partial z_{nj} = 1/N$, and
#
# $$\frac{\partial}{\partial\hat\rho}\Big[\rho\log\rho - \rho\log\hat\rho + (1-\rho)\log(1-\rho) - (1-\rho)\log(1-\hat\rho)\Big]
# = -\frac{\rho}{\hat\rho} + \frac{1-\rho}{1-\hat\rho} = \frac{\hat\rho-\rho}{\hat\rho\,(1-\hat\rho)} .$$
#
# Negative below $\rho$, positive above, zero at $\rho$: it pulls from both sides. Divided by $N$ it is the gradient at every
# $z_{nj}$ of column $j$. It needs $0<\hat\rho<1$, so the code must come from a sigmoid.
#
# **k-sparse.** With the mask $m$ of those that are kept, $y = m * x$, and as long as no two numbers change places $m$ is
# constant: $dx = m * dy$. What was not kept has no part in the picture and learns nothing from it.
#
# ## The code


# %%
def l1_by_hand(z):
    return np.abs(z).sum() / len(z), np.sign(z) / len(z)


def kl_by_hand(z, rho=0.05):
    mean = z.mean(axis=0)  # ρ̂, one for each unit
    value = (
        rho * np.log(rho / mean) + (1 - rho) * np.log((1 - rho) / (1 - mean))
    ).sum()
    slope = (mean - rho) / (mean * (1 - mean))
    return value, np.tile(slope / len(z), (len(z), 1))  # the same for every example


def k_largest(x, k):  # ties aside
    kept = x >= np.sort(x, axis=1)[:, -k, None]
    return x * kept, kept


# %% [markdown]
# ## The check
#
# Alone, in a model, and against the library's own `l1`, `KLSparsity` and `KSparse`:

# %%
rng = np.random.default_rng(0)
z = rng.uniform(0.02, 0.6, size=(8, 5))
for penalty, library in [(l1_by_hand, l1), (kl_by_hand, KLSparsity(0.05))]:
    print(gradcheck(penalty, z))
    print(
        "  the library's:",
        all(
            np.allclose(a, b, atol=1e-15)
            for a, b in zip(penalty(z), library(z), strict=True)
        ),
    )

small = Autoencoder(
    Sequential(Linear(12, 8, rng=0, dtype=np.float64), Sigmoid(), KSparse(3)),
    Sequential(Linear(8, 12, rng=1, dtype=np.float64)),
)
print("k-sparse like the layer:", np.array_equal(k_largest(z, 2)[0], KSparse(2)(z)))
print(gradcheck(Objective(code_penalty=l1, beta=0.1), small, rng.uniform(size=(6, 12))))

# %% [markdown]
# ## Two slips
#
# Both are printed in books and copied in many programs. Neither gives an error, and both pass a gradient check.
#
# **Half of the divergence.** The first half alone, $\sum_j\rho\log(\rho/\hat\rho_j)$, looks like a divergence. But its slope
# $-\rho/\hat\rho$ is negative everywhere: the more active a unit is, the smaller the "penalty". It *rewards* activity.
#
# **A sigmoid too many.** The code is an activation already, and $\hat\rho$ is taken as the mean of $\sigma(z)$. For activations
# $z\ge0$ that is $\frac12$ at least, and for $z\le1$ at most $\sigma(1)$: it can never come near a small $\rho$. The best it can
# do is $z = 0$ for all units and all pictures, which says nothing about any of them.


# %%
def half(z, rho=0.05):
    mean = z.mean(axis=0)
    return (rho * np.log(rho / mean)).sum(), np.tile(-rho / mean / len(z), (len(z), 1))


def sigmoid_too_many(z, rho=0.05):
    s = 1 / (1 + np.exp(-z))
    value, ds = kl_by_hand(s, rho)
    return value, ds * s * (1 - s)


print(check_penalty(half, z), "\n")
print("and the second passes:", check_penalty(sigmoid_too_many, z).ok, "\n")
print(
    "range of the mean of σ(z) for z in [0, 1]:",
    1 / (1 + np.exp(-np.array([0.0, 1.0]))).round(3),
)
for name, penalty, best in [
    ("KL", kl_by_hand, 0.05),
    ("a sigmoid too many", sigmoid_too_many, 0.0),
]:
    print(
        f"least value for activations from 0 to 1, each unit: {penalty(np.full((1, 1), best))[0]:.3f}, {name}"
    )

# %% [markdown]
# What happens in training? The same net and data, the three penalties with the same weight, and several $\rho$:

# %%
penalties = {
    "KL": kl_by_hand,
    "half of it": half,
    "a sigmoid too many": sigmoid_too_many,
}
asked_for = [0.05, 0.2] if FAST else [0.02, 0.05, 0.1, 0.2, 0.3, 0.4]


def activity_reached(penalty, rho):
    def code_penalty(z):
        return penalty(z, rho)

    code_penalty.needs_full_batch = (
        True  # fit must not cut a batch in two: each half has another mean
    )
    net = sparse_autoencoder(rng=0, units=64)
    objective = Objective(code_penalty=code_penalty, beta=0.05)
    fit(
        net,
        x_train[:2000],
        objective,
        Adam(net.params, lr=3e-3),
        epochs=2 if FAST else 10,
        progress=False,
    )
    return net.encode(x_train[:2000]).mean()


fig, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
means = np.linspace(0.002, 0.998, 400)
for (name, penalty), colour in zip(
    penalties.items(), ["tab:blue", "tab:red", "tab:orange"], strict=True
):
    axes[0].plot(
        means, [penalty(np.array([[m]]))[0] for m in means], color=colour, label=name
    )
    reached = [activity_reached(penalty, rho) for rho in asked_for]
    axes[1].plot(asked_for, reached, "o-", markersize=4, color=colour, label=name)
    print(
        f"{name:<20}"
        + ", ".join(
            f"asked for {rho}: {mean:.3f}"
            for rho, mean in zip(asked_for, reached, strict=True)
        )
    )
axes[0].axhline(0, color="grey", linewidth=0.8)
axes[0].axvline(0.05, color="grey", linewidth=0.8, linestyle=":")
axes[0].set(
    xlabel="mean activation of the unit", ylabel="penalty for ρ = 0.05", ylim=(-0.5, 2)
)
axes[1].plot([0, 0.42], [0, 0.42], color="grey", linewidth=0.8, linestyle=":")
axes[1].set(xlabel="ρ asked for", ylabel="mean activation reached", ylim=(-0.03, 1.03))
for ax in axes:
    ax.legend(frameon=False)
show(axes[0], f"04_slips_{data.name}")

# %% [markdown]
# **What to look at.** Left: which of the three curves has its minimum at the dotted line? Where do the other two have theirs, and
# may a divergence go below 0? Right, what the nets made of it: on the dotted line they would do as they are told. Follow each
# colour from left to right. Does it mind which $\rho$ was asked for? And compare where it ends with its minimum on the left.
#
# ## The experiment
#
# 256 code units, with a sigmoid, a ReLU or k-sparse behind them, and a plain one for comparison. The KL model's units start
# with the bias $\log\frac{\rho}{1-\rho}$, where a sigmoid is $\rho$: from the usual start near 0 every unit is on half of the
# time, and on the long way down some lose what they could say.

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
    f"{'':<10}{'test MSE':>10}{'mean activation':>17}{'numbers that are 0':>20}{'below 0.1':>11}{'dead units':>12}"
)
for name, z in codes.items():
    moves = (
        z.max(axis=0) - z.min(axis=0) > 1e-3
    )  # a dead unit says the same of every picture
    error = ((models[name](x_test) - x_test) ** 2).mean()
    print(
        f"{name:<10}{error:>10.5f}{z.mean():>17.4f}{(z == 0).mean():>20.1%}{(np.abs(z) < 0.1).mean():>11.1%}"
        f"{(~moves).sum():>8} of {len(moves)}"
    )
rho_hat = codes["KL"].mean(axis=0)
print(
    f"KL: the units' mean activations run from {rho_hat.min():.3f} to {rho_hat.max():.3f}, all together {rho_hat.mean():.3f}"
)
active = (codes["k-sparse"] != 0).sum(axis=1)
print(f"k-sparse: active units a picture, from {active.min()} to {active.max()}")

# %%
fig, axes = plt.subplots(1, 4, figsize=(11, 2.6), layout="constrained", sharey=True)
for ax, (name, z) in zip(axes, codes.items(), strict=True):
    ax.hist(z.ravel(), bins=60, weights=np.full(z.size, 1 / z.size), color="tab:blue")
    ax.set(title=name, yscale="log", xlabel="activation")
axes[0].set_ylabel("share of all code numbers")
show(axes[0], f"04_histograms_{data.name}")

# %% [markdown]
# **What to look at.** The axis is logarithmic. The plain code uses its whole range. With L1 a tower stands at 0: these are exact
# zeros, the table counts them. KL knows no exact zeros, only small numbers, and some that are on. For k-sparse the tower's height
# is known before any training, and beside it is a gap: what is small is seldom among the largest. The table's last column is the
# price of exact zeros: a unit that is 0 for every picture gets no gradient and hardly ever comes back (exercise 5).
#
# The codes of three pictures, all 256 numbers of each laid out as a square:

# %%
few = np.concatenate([np.flatnonzero(test.labels == label)[:1] for label in (0, 1, 4)])
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
show(
    plot_reconstructions(
        x_test[ten],
        *[model(x_test[ten]) for model in models.values()],
        names=["original", *models],
    ),
    f"04_reconstructions_{data.name}",
)

# %% [markdown]
# **What to look at.** In the upper picture: how many units does each way spend on one digit, and do different digits use
# different ones? In the lower one: can you see what the restriction costs? (The table's first column has it as a number.) Faint
# strokes and a grey veil are what a unit leaves that may not be quite off.
#
# And what does a unit stand for? Column $j$ of the decoder's weights is what unit $j$ adds to the picture when it is active, red
# for ink and blue for paper. Of each model the 25 units that vary most:

# %%
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
# **What to look at.** In the plain model many units share the work, and no single one means much. Where few may speak, each
# must be about something: look for strokes, for pieces of strokes, for whole digits. Which way gives the most local pictures,
# and which those most like digits? What would a smaller $k$ do?
#
# ## Edges
#
# The classic experiment (Ng, CS294A lecture notes): 8×8 patches cut from pictures, 25 sigmoid units, $\rho = 0.01$, $\beta = 3$,
# and weight decay $\lambda = 10^{-4}$. Photographs of faces if there are any, in the folder that `TINYAE_DATA` names, and this
# chapter's digits else. To get the faces (AT&T's, by scikit-learn, once):
#
# ```
# from sklearn.datasets import fetch_olivetti_faces
# np.save("olivetti.npy", (fetch_olivetti_faces().images * 255).astype("uint8"))
# ```
#
# As in the notes, each patch's mean is taken away, all are cut at three standard deviations and
# brought to the range from 0.1 to 0.9, where a sigmoid can follow. Their loss is $\frac1{2N}\sum_n\lVert\hat x_n-x_n\rVert^2$,
# without the $1/D$, and $\frac\lambda2\sum W^2$ is added. An objective is any function, so here is one:

# %%
faces = Path(os.environ.get("TINYAE_DATA", "")) / "olivetti.npy"
pictures, source = (
    (np.load(faces) / 255, "faces")
    if faces.is_file()
    else (train.images[:2000, 0].astype(float), data.name)
)


def cut_patches(pictures, n, rng):
    windows = np.lib.stride_tricks.sliding_window_view(
        pictures, (8, 8), axis=(1, 2)
    )  # (N, H−7, W−7, 8, 8)
    patches = windows[
        tuple(rng.integers(0, size, 4 * n) for size in windows.shape[:3])
    ].reshape(-1, 64)
    patches = patches[patches.std(axis=1) > 0.02][:n]  # empty paper teaches nothing
    patches = patches - patches.mean(axis=1, keepdims=True)
    limit = 3 * patches.std()
    return (0.5 + 0.4 * np.clip(patches / limit, -1, 1)).astype(np.float32)


def half_squares(y, target):
    d = y - target
    return float((d * d).sum()) / (2 * len(y)), d / len(y)


sparse = Objective(reconstruction=half_squares, code_penalty=KLSparsity(0.01), beta=3)


def notes_objective(model, x, rng, decay=1e-4):
    loss, grads, parts = sparse(model, x, rng)
    for name, w in model.params.items():
        if name.endswith("weight"):
            loss += decay / 2 * float((w * w).sum())
            grads[name] = grads[name] + decay * w
    return loss, grads, parts


notes_objective.needs_full_batch = True
patches = cut_patches(pictures, 2000 if FAST else 10_000, np.random.default_rng(0))
net = sparse_autoencoder(rng=1, units=25, features=64)
print(
    gradcheck(notes_objective, net, patches[:20]).ok,
    "is what gradcheck says of this objective",
)
for rate in (1e-2, 3e-3):
    fit(
        net,
        patches,
        notes_objective,
        Adam(net.params, rate),
        epochs=5 if FAST else 150,
        batch_size=1000,
        progress=False,
    )
print(
    f"{len(patches)} patches of {source}, mean activation {net.encode(patches).mean():.4f}"
)

fig, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
axes[0].imshow(
    mosaic(patches[:25], gap=1, fill=np.nan),
    cmap="gray" if source == "faces" else "gray_r",
)
axes[0].set(title=f"25 patches of {source}", xticks=[], yticks=[])
centred = net.astype(np.float32)  # a copy
centred.params["encoder.0.weight"] -= centred.params["encoder.0.weight"].mean(
    axis=1, keepdims=True
)
plot_filters(centred, 25, axes[1])
axes[1].set_title("what the 25 units look for (red: more, blue: less)")
show(axes[0], f"04_edges_{source}")

# %% [markdown]
# **What to look at.** Each patch has mean 0 (but for the constant 0.5), so a filter's own mean $\bar w$ meets nothing: $\sum_i
# w_i x_i = \sum_i (w_i-\bar w)\,x_i \le \lVert w - \bar w\rVert\lVert x\rVert$, with equality where $x$ is proportional to
# $w-\bar w$. That is drawn: the patch that a unit waits for. How many of them are more on one side and less on the other, in
# different directions and places? These are edges. Nobody asked for edges. They are what patches of pictures are made of, when
# only few pieces may be used at a time. Cells in the first stage of the visual cortex respond to the same.
#
# ## Exercises
#
# 1. **L2.** Use $\Omega = \frac1N\sum z^2$ on the ReLU code. How many numbers are exactly 0 now? *Hint: compare the pull at
#    $z = 0.001$ and at $z = 10$ for both penalties.*
# 2. **The price.** Train for $\beta$ from 0 to $10^{-3}$ with L1, and draw the test MSE against the share of zeros. Do the same
#    with $k$-sparse for several $k$. Which curve lies lower? *Hint: `sparse_autoencoder(code=KSparse(k))`.*
# 3. **One picture at a time.** What does KL ask of a batch of a single picture, and what becomes of the code? Try batch sizes
#    of 1, 8 and 128. *Hint: the mean of one number is that number.*
# 4. **A larger k for the test.** Makhzani and Frey train with $k$ and encode with $\alpha k$, $\alpha$ from 1 to 3. Measure the
#    MSE for both. Then the classification by a nearest neighbour in the codes. *Hint: a layer can be replaced,
#    `Sequential(model.encoder.layers[0], KSparse(50))`.*
# 5. **Dead units.** Begin $k$-sparse with a $k$ of 128 and lower it step by step to 10. Are there fewer dead units than with 10
#    from the start? *Hint: a unit that is never among the largest gets no gradient at all.*
