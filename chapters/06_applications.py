# %% [markdown]
# # 6 · Applications
#
# Nobody trains an autoencoder for its own sake: we have the picture already. But three things fall out on the way, the code, the
# reconstruction and its error, and each is good for something. None of what follows needs labels for the training; where there
# are labels, they are there to judge, or there are very few of them.
#
# ```
#      x ───▶ encoder ───▶ z ───▶ decoder ───▶ x̂
#      │                   │                   ├──▶ (c) x̂ in place of x: large pictures, cleaned tile by tile
#      │                   ├──▶ (a) maps       │
#      │                   └──▶ (d) features   │
#      └──────────── ‖x̂ − x‖² ─────────────────┘
#                        └──▶ (b) is x unusual?
# ```

# %%
import os
import time
from functools import lru_cache

import matplotlib.pyplot as plt
import numpy as np

from tinyae import (
    Adam,
    Autoencoder,
    Flatten,
    Linear,
    Objective,
    ReLU,
    Sequential,
    Sigmoid,
    Tanh,
    fit,
    freeze,
)
from tinyae.applications import (
    accuracy,
    classification,
    denoise_tiles,
    detect_anomalies,
    encode,
    greedy_pretrain,
    nearest_neighbor_accuracy,
    pca_autoencoder,
    pca_map,
    quantile_threshold,
    random_patches,
    reconstruction_errors,
    roc_auc,
    stratified_subset,
    tsne_map,
)
from tinyae.applications.anomaly import precision_recall_curve, roc_curve
from tinyae.checking import gradcheck
from tinyae.data import Gaussian, Masking, load_data, train_test_split
from tinyae.models import basic_autoencoder, conv_autoencoder, conv_denoiser
from tinyae.optim import cosine_schedule
from tinyae.plots import (
    plot_filters,
    plot_images,
    plot_latent_plane,
    plot_reconstructions,
    show,
)
from tinyae.training import psnr

FAST = bool(os.environ.get("TINYAE_FAST"))
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
train, test = (data.train[:1000], data.test[:300]) if FAST else (data.train, data.test)
x_train, x_test = train.flat, test.flat
print(data, "->", x_train.shape, x_test.shape)


def dense(*sizes, rng=0):
    """784 → sizes → back to 784: ReLU between the layers, the code linear, Sigmoid at the end."""
    rng, sizes = np.random.default_rng(rng), (x_train.shape[1], *sizes)

    def layers(sizes):
        pairs = [
            (Linear(a, b, rng=rng), ReLU())
            for a, b in zip(sizes, sizes[1:], strict=False)
        ]
        return [layer for pair in pairs for layer in pair][:-1]

    return Autoencoder(
        Sequential(*layers(sizes)), Sequential(*layers(sizes[::-1]), Sigmoid())
    )


def trained(model, x, epochs, corrupt=None, batch_size=128):
    fit(
        model,
        x,
        Objective(corrupt=corrupt),
        Adam(model.params),
        1 if FAST else epochs,
        batch_size,
        progress=False,
    )
    return model


# %% [markdown]
# # (a) Maps
#
# A code of 32 numbers cannot be drawn. Chapter 1 drew its first two principal components, a shadow on the best of all planes.
# **t-SNE** (van der Maaten and Hinton 2008) does not project: it lets $N$ points loose in the plane and moves them until
# neighbours in the code are neighbours on the map.
#
# ## The equation
#
# Nearness in the code is a probability. $p_{j|i}\propto e^{-\lVert z_i-z_j\rVert^2/2\sigma_i^2}$ with a $\sigma_i$ that gives
# each point some thirty neighbours, and $p_{ij} = (p_{j|i}+p_{i|j})/2N$: all together they add up to 1. On the map it is the
# same, but the bell has long tails, so that what lies a little too far away is not punished much. $C$ says how unlike they are:
#
# $$q_{ij} = \frac{k_{ij}}{Z},\qquad k_{ij} = \frac{1}{1 + \lVert y_i - y_j\rVert^2},\qquad Z = \sum_{k\ne l}k_{kl},
# \qquad\qquad C = \sum_{i\ne j} p_{ij}\log\frac{p_{ij}}{q_{ij}} .$$
#
# ## The gradient
#
# Only $\log q_{ij} = \log k_{ij} - \log Z$ depends on $y$, and the $p_{ij}$ add up to 1:
#
# $$C = \text{const} - \sum_{i\ne j}p_{ij}\log k_{ij} + \log Z .$$
#
# With $d_{ij} = \lVert y_i-y_j\rVert^2$ the kernel's differential is $\delta k_{ij} = -k_{ij}^2\,\delta d_{ij}$, so
#
# $$\delta C = \sum_{i\ne j}p_{ij}k_{ij}\,\delta d_{ij} - \sum_{i\ne j}\frac{k_{ij}^2}{Z}\,\delta d_{ij}
# = \sum_{i\ne j}(p_{ij}-q_{ij})\,k_{ij}\,\delta d_{ij} .$$
#
# Point $y_i$ is in $d_{ij}$ and in $d_{ji}$, each time with $\partial d_{ij}/\partial y_i = 2(y_i-y_j)$:
#
# $$\boxed{\ \frac{\partial C}{\partial y_i} = 4\sum_j (p_{ij}-q_{ij})\,k_{ij}\,(y_i-y_j)\ }$$
#
# Springs: where the code says nearer than the map, $p > q$, they pull, else they push.


# %%
def tsne_cost(y, p):
    """The cost of the map y (N, 2) for the nearnesses p (N, N), and its gradient."""
    apart = y[:, None] - y[None]  # (N, N, 2)
    k = 1 / (1 + (apart**2).sum(axis=-1))
    k = k - np.diag(np.diag(k))  # nobody is one's own neighbour
    q = k / k.sum()
    pairs = p > 0
    cost = (p[pairs] * np.log(p[pairs] / q[pairs])).sum()
    return cost, 4 * (((p - q) * k)[..., None] * apart).sum(axis=1)


rng = np.random.default_rng(0)
p = rng.random((9, 9)) * (1 - np.eye(9))
print(gradcheck(tsne_cost, rng.normal(size=(9, 2)), (p + p.T) / (p + p.T).sum()))

# %% [markdown]
# scikit-learn does the same with a tree in place of the double sum. We map the raw pixels and the codes of chapter 1's model, by
# t-SNE and by their first two principal components. A number goes with each map: for how many points has the nearest *other*
# point of the map the same label? The training has not seen a label.

# %%
basic = trained(basic_autoencoder(rng=0), x_train, epochs=6)
shown = slice(0, 100 if FAST else 1500)
points, labels = (
    {"pixels": x_test[shown], "codes": encode(basic.encoder, x_test)[shown]},
    test.labels[shown],
)
maps = {}
for name, x in points.items():
    maps[f"PCA of {name}"] = pca_map(x)
    maps[f"t-SNE of {name}"] = tsne_map(
        x, **({"max_iter": 250, "method": "exact"} if FAST else {})
    )

print("the nearest neighbour has the same label:")
for name, x in {
    **{f"{name}, all {x.shape[1]} numbers": x for name, x in points.items()},
    **maps,
}.items():
    print(f"  {name:<26}{100 * nearest_neighbor_accuracy(x, labels):5.1f} %")

fig, axes = plt.subplots(2, 2, figsize=(8.8, 7.6), layout="constrained")
for ax, (name, y) in zip(axes.flat, maps.items(), strict=True):
    points = ax.scatter(
        *y.T, c=labels, cmap="tab10", s=4, linewidths=0, antialiased=False
    )
    for label in (
        np.unique(labels) if "SNE" in name else ()
    ):  # the name of each class where its middle is
        ax.text(
            *np.median(y[labels == label], axis=0),
            str(label),
            weight="bold",
            ha="center",
            va="center",
            bbox={
                "boxstyle": "round,pad=0.15",
                "facecolor": "white",
                "alpha": 0.7,
                "linewidth": 0,
            },
        )
    ax.set(title=name, xticks=[], yticks=[])
fig.legend(
    *points.legend_elements(num=None),
    title="label",
    frameon=False,
    loc="outside right center",
)
show(axes, f"06_maps_{data.name}")

# %% [markdown]
# **What to look at.** The islands of t-SNE, and their coasts: which digits share an island, and would you have confused them?
# Then compare the numbers. Does the code, a small part of the numbers that a picture has, lose any neighbours against the pixels?
# How many does a shadow lose, how many does t-SNE? And a warning: the size of an island and the distance between two of them
# mean nothing. $p_{ij}$ is about neighbours, and of those far away it says only that they are far away. Nor is a point between
# two islands a picture: t-SNE has moved these points, it has not learned a function that could take others, or go back.
#
# ## A code that is a map
#
# But a code of *two* numbers is a map by itself, and one with a decoder: each of its points is a picture.

# %%
plane = trained(dense(256, 64, 2), x_train, epochs=15)
codes = encode(plane.encoder, x_test)
axes = plot_latent_plane(plane, x_test[shown], labels)
axes[0].collections[0].set_antialiased(False)  # a smaller file
show(axes, f"06_plane_{data.name}")
print(
    f"the nearest neighbour has the same label: {100 * nearest_neighbor_accuracy(codes[shown], labels):.1f} %"
)

# %% [markdown]
# **What to look at.** Walk across the frame: one digit turns into another, and at the border there is something that is neither.
# Is there a place on the right where nobody lives on the left? The decoder draws something there all the same: it was never
# told that it must not. The next chapter is about such holes.
#
# # (b) Anomaly detection
#
# Train on what is normal and on nothing else. The code has room for the ways in which normal pictures differ from each other, and
# for no others: so what is not normal comes out changed. The error is the alarm:
#
# $$e(x) = \frac1D\lVert \hat x - x\rVert^2,\qquad x\text{ is unusual}\iff e(x) > t .$$
#
# **The threshold** $t$ is a matter of what a false alarm costs. Take normal pictures that were *held out of the training* (those
# that were in it have smaller errors), and let $t$ be the 95 % quantile of their errors: one in twenty normal pictures
# will raise an alarm. What share of the anomalies is found then, is what we can only hope for.
#
# **The area under the curve** judges $e$ itself, whatever $t$ is. Let $t$ go from high to low, and draw the share $F(t)$ of the
# anomalies above $t$ against the share $G(t)$ of the normal pictures above $t$: the ROC curve. The area under it is
#
# $$\int F\,dG = \frac1M\sum_{m}F(e_m) = \frac{1}{AM}\sum_a\sum_m\,[\,e_a > e_m\,],\qquad
# a\text{ the } A\text{ anomalies, } m\text{ the } M\text{ normal pictures},$$
#
# because each normal picture that $t$ passes is one step of width $1/M$ to the right, at the height of the anomalies passed so
# far. It is the chance that an anomaly has a larger error than a normal picture; $\frac12$ is worth nothing. That can be counted,
# and read off the ranks $r_a$ of the anomalies among all: $r_a$ is the number of pictures with a smaller error, plus one.
# The normal ones among them we want, and the $1 + 2 + \dots + A$ of the anomalies we take off:
#
# $$\boxed{\ \mathrm{AUC} = \frac{\sum_a r_a - A(A+1)/2}{A\,M}\ }$$

# %%
errors, unusual = (
    rng.normal(size=200).round(1),
    rng.random(200) < 0.4,
)  # rounded: so some are equal, and count half
errors[unusual] += 0.8
wins = [(a > m) + 0.5 * (a == m) for a in errors[unusual] for m in errors[~unusual]]
false_alarms, found, _ = roc_curve(errors, unusual)  # scikit-learn's
print(
    f"AUC by counting pairs {np.mean(wins):.12f}, from ranks {roc_auc(errors, unusual):.12f}, "
    f"scikit-learn's curve {np.trapezoid(found, false_alarms):.12f}"
)

# %% [markdown]
# ## The experiment
#
# One digit is normal. The model sees the training pictures of this digit and nothing else; then it is shown the whole test set,
# and the other nine digits are the anomalies. This ten times, each digit once.
#
# PCA can do that too, without any training: the mean and the first 32 principal components of the digit's training pictures
# in [0, 1], the error of the reconstruction as it is (not clipped, nothing scaled). It is the opponent to beat, and papers on
# deep anomaly detection do not always show it.


# %%
def normal_models(x):
    started = time.perf_counter()
    pca = pca_autoencoder(x, 32)
    return {
        "PCA": pca,
        "autoencoder": trained(dense(256, 32), x, epochs=10),
    }, time.perf_counter() - started


areas, seconds = {"PCA": [], "autoencoder": []}, 0.0
DIGITS = range(2) if FAST else range(10)
for digit in DIGITS:
    models, took = normal_models(x_train[train.labels == digit])
    seconds += took
    for name, model in models.items():
        areas[name].append(
            roc_auc(reconstruction_errors(model, x_test), test.labels != digit)
        )

print("area under the ROC curve, in %")
print(f"{'normal digit':<16}" + "".join(f"{digit:>7}" for digit in DIGITS) + "    mean")
for name, values in areas.items():
    print(
        f"{name:<16}"
        + "".join(f"{100 * v:>7.2f}" for v in values)
        + f"{100 * np.mean(values):>8.2f}"
    )
print(f"({seconds:.0f} s for all models)")

# %% [markdown]
# **What to look at.** Which digit is the easiest to tell from all others, and which the hardest? A picture with little ink
# cannot be far from a faint reconstruction: what follows where it is normal to have little ink, and what where it is not? And
# where does the net's bent surface do better than the plane of PCA, where does it not?
#
# Now the one that is hardest for PCA, as one would really do it: a part of its pictures is held out for the threshold.

# %%
digit = DIGITS[int(np.argmin(areas["PCA"]))]
(x_normal, _), (x_held, _) = train_test_split(
    x_train[train.labels == digit], test=0.1, rng=0
)
models, _ = normal_models(x_normal)
unusual = test.labels != digit
errors = {name: reconstruction_errors(model, x_test) for name, model in models.items()}
thresholds = {
    name: quantile_threshold(reconstruction_errors(model, x_held), 0.95)
    for name, model in models.items()
}

print(
    f"normal: {digit}; threshold: the 95 % quantile of {len(x_held)} pictures held out"
)
for name, model in models.items():
    alarm = detect_anomalies(model, x_test, thresholds[name])
    print(
        f"  {name:<12} threshold {thresholds[name]:.4f}, AUC {100 * roc_auc(errors[name], unusual):.2f} %, "
        f"false alarms {100 * alarm[~unusual].mean():.1f} %, anomalies found {100 * alarm[unusual].mean():.1f} %"
    )

fig, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
bins = np.linspace(0, np.quantile(errors["autoencoder"], 0.995), 60)
for kind, some in [("normal", ~unusual), ("anomalies", unusual)]:
    axes[0].hist(errors["autoencoder"][some], bins, density=True, alpha=0.6, label=kind)
axes[0].axvline(thresholds["autoencoder"], color="k", linewidth=1)
axes[0].set(
    xlabel="error of the autoencoder",
    yticks=[],
    title=f"{digit} is normal; the line: threshold",
)
for name, e in errors.items():
    false_alarms, found, _ = roc_curve(e, unusual)
    precision, recall, _ = precision_recall_curve(e, unusual)
    axes[1].plot(false_alarms, found, label=name)
    axes[2].plot(recall, precision, label=name)
axes[1].plot([0, 1], [0, 1], "k:", linewidth=0.8)
axes[1].set(xlabel="false alarms", ylabel="anomalies found", title="ROC")
axes[2].axhline(unusual.mean(), color="k", linestyle=":", linewidth=0.8)
axes[2].set(
    xlabel="anomalies found (recall)",
    ylabel="alarms that are right (precision)",
    title="precision and recall",
)
for ax in axes:
    ax.legend(frameon=False)
show(axes, f"06_detection_{data.name}")

# %%
rank = np.argsort(errors["autoencoder"])
rows = {
    f"best {digit}": rank[~unusual[rank]][:12],
    f"worst {digit}": rank[~unusual[rank]][::-1][:12],
    "best others": rank[unusual[rank]][:12],
}
pictures = {}
for name, which in rows.items():
    pictures |= {
        name: x_test[which],
        " " * len(pictures) + "autoencoder": models["autoencoder"](x_test[which]),
        " " * len(pictures) + "PCA": models["PCA"](x_test[which]).clip(0, 1),
    }
show(
    plot_reconstructions(*pictures.values(), names=[*pictures]), f"06_worst_{data.name}"
)

# %% [markdown]
# **What to look at.** The worst of the normal digits are what a detector should find: an unusual hand. The best of the others
# are its mistakes. Some look like the normal digit; others are so simple that they are rebuilt with little error, whatever was
# trained: little ink, little error. The error counts pixels, it does not weigh how likely a picture is. And the threshold: is the
# share of false alarms on the test pictures what was ordered? The dotted lines are a detector that tosses a coin. Before you
# praise the third picture, read its axis: nine of ten test pictures are anomalies, so most alarms of the coin are right as well.
# Where anomalies are rare, precision is the harder judge.
#
# # (c) Large pictures
#
# The convolutional model takes 28×28 pixels, and a page is larger. Cut it into tiles, clean each one, put them together. But two
# tiles that meet do not agree: neither knows what is beyond its rim. So let them overlap, and take at each pixel $p$ a compromise
# $y(p)$ between the tiles $t$ that cover it, each with a weight $w_t(p)$ for how far we trust it there:
#
# $$\text{minimise}\quad \sum_t w_t(p)\,\big(y(p) - \hat x_t(p)\big)^2\quad\Longrightarrow\quad
# 2\sum_t w_t(p)\,\big(y(p)-\hat x_t(p)\big) = 0\quad\Longrightarrow\quad
# \boxed{\ y(p) = \frac{\sum_t w_t(p)\,\hat x_t(p)}{\sum_t w_t(p)}\ }$$
#
# The weight falls linearly from a tile's middle to almost nothing at its rim: so a tile comes in and goes out without a step, and
# where it sees least it says least.
#
# A check that costs nothing: a model that changes nothing must give the page back, whatever its size.

# %%
for shape, step in [((28, 28), 14), ((61, 47), 14), ((100, 33), 5), ((40, 56), 28)]:
    picture = rng.random(shape)
    print(
        shape,
        step,
        f"{np.abs(denoise_tiles(lambda tiles: tiles, picture, step=step) - picture).max():.0e}",
    )

# %% [markdown]
# ## The experiment
#
# Pages of digits, a little untidy. A model that has only seen digits in the middle of their pictures would not know what to do
# with half a digit in a corner, so it is trained on patches from random places of such pages, with noise. The page that it has to
# clean has digits of the test set.
#
# Two models: the convolutional one of chapter 1's kind, whose code is 128 numbers a tile, and the same without its innermost
# layer: 28×28 → 14×14 → 7×7 and back. Its code is wider than the picture. Who cleans need not compress.


# %%
def pages(images, n, rows, columns, rng, pitch=22):
    """n pages with digits in rows and columns, each a little out of line."""
    sheets = np.zeros((n, rows * pitch + 12, columns * pitch + 12), images.dtype)
    for sheet in sheets:
        for row, column in np.ndindex(rows, columns):
            top, left = (row, column) * np.array(pitch) + rng.integers(0, 7, size=2)
            place = sheet[top : top + 28, left : left + 28]
            np.maximum(place, images[rng.integers(len(images)), 0], out=place)
    return sheets


noise = Gaussian(0.3)
sheets = pages(train.images, 5 if FAST else 100, 10, 10, np.random.default_rng(0))
page = pages(test.images, 1, 4, 6, np.random.default_rng(1))[0]
patches = random_patches(sheets, 300 if FAST else 20_000, 28, rng=0)
print(f"patches {patches.shape[1:]} from {len(sheets)} sheets, page {page.shape}")

narrow = conv_autoencoder(
    rng=0
)  # encoder: Conv2d, ReLU, Conv2d, ReLU, Conv2d 7×7, ReLU; the decoder the other way round
shallow = conv_denoiser(rng=0)  # Conv2d, LeakyReLU, Conv2d, LeakyReLU, and back
cleaners = {"128 numbers a tile": narrow, "no bottleneck": shallow}
noisy = noise(page[None], np.random.default_rng(2))[0]
cleaned = {}
for name, model in cleaners.items():
    trained(model, patches, 2, noise, batch_size=64)
    cleaned |= {
        (name, step): denoise_tiles(model, noisy, step=step) for step in (28, 14, 7)
    }

print(f"PSNR: with noise {psnr(float(((noisy - page) ** 2).mean())):.2f} dB")
print(f"{'tiles every … pixels':<22}" + "".join(f"{step:>9}" for step in (28, 14, 7)))
for name in cleaners:
    print(
        f"{name:<22}"
        + "".join(
            f"{psnr(float(((cleaned[name, step] - page) ** 2).mean())):>9.2f}"
            for step in (28, 14, 7)
        )
    )

fig, axes = plt.subplots(3, 2, figsize=(6.6, 7.4), layout="constrained")
drawn = {"the page": page, "with noise": noisy}
drawn |= {
    f"{name}, tiles every {step} pixels": cleaned[name, step]
    for name in cleaners
    for step in (28, 7)
}
for ax, (name, y) in zip(axes.flat, drawn.items(), strict=True):
    plot_images(y[None], title=name, ax=ax)
    ax.title.set_fontsize(8)
show(axes, f"06_page_{data.name}")

# %% [markdown]
# **What to look at.** Side by side there are seams, and strokes that break off at them. With overlap each pixel is asked several
# times, by tiles that see it in another place, and their mean is better than one of them, for the same reason that the mean
# of several measurements is. How much more work is it? Which of the two models gains more by it, and why? The narrow code
# has to do for all the pieces of digits in a tile, and has learned more of them than it can hold.
#
# # (d) Features
#
# Labels are expensive, pictures are not. Train an encoder on all pictures without labels; then freeze it, and train a small
# classifier on its codes with the few labels that there are.
#
# ## The equation and the gradient
#
# With the encoder $f$, which now is a constant, and labels $t_n$ among $C$ classes:
#
# $$a_n = f(x_n)W^\top + b,\qquad s_{nj} = \frac{e^{a_{nj}}}{\sum_k e^{a_{nk}}},\qquad L = -\frac1N\sum_n \log s_{n t_n}
# = \frac1N\sum_n\Big(\log\sum_k e^{a_{nk}} - a_{nt_n}\Big).$$
#
# The derivative of $\log\sum_k e^{a_k}$ by $a_j$ is $e^{a_j}/\sum_k e^{a_k} = s_j$. So
#
# $$da_{nj} = \frac1N\big(s_{nj} - [\,j = t_n\,]\big),\qquad dW = da^\top f(x),\qquad db = \textstyle\sum_n da_n,$$
#
# and there it ends. A frozen net still says how its output moves with its *input*: $dx = J^\top dy$ goes through it, in case
# there is something to train below. It makes no $dW$ of its own, and it hides its weights from the optimiser: `params` is empty.
#
# ```
# class Frozen(Layer):
#     def forward(self, x):            return self.layer.forward(x)
#     def backward(self, dy, cache):   return self.layer.vjp(dy, cache), {}
# ```

# %%
like = {"rng": rng, "dtype": np.float64}
middle = Sequential(Linear(5, 4, **like), Tanh())
net = Sequential(Linear(6, 5, **like), freeze(middle), Linear(4, 3, **like))
x_small, t_small = rng.normal(size=(7, 6)), rng.integers(3, size=7)
print(
    gradcheck(
        lambda model, x, rng: classification(model, (x, t_small), rng), net, x_small
    )
)

# %% [markdown]
# The list names what is trained: layers 0 and 2. That the gradient of layer 0 is right shows that $dx$ came through the ice.
#
# ## What shall the code be good at?
#
# Chapter 1's model has to *compress*. For features there is no need of a bottleneck; a wide code lets a linear classifier draw
# its borders more freely. What keeps it from passing the picture through is noise, as in chapter 3. That is how Vincent et al.
# (2008) trained deep nets: layer after layer, each a denoising autoencoder of what the layers below make of the *clean* picture.
# With $h_0 = x$, masking noise $q$ and tied weights:
#
# $$\tilde h \sim q(\cdot\mid h_{l-1}),\qquad y = \sigma\big(\sigma(\tilde h W_l^\top + b_l)\,W_l + c_l\big),\qquad
# \text{minimise } -\sum\big[h_{l-1}\log y + (1-h_{l-1})\log(1-y)\big],\qquad h_l = \sigma(h_{l-1}W_l^\top + b_l).$$
#
# $W_l$ stands in two places, and its gradient is the sum of both: with $z = \sigma(a)$ the code, and $v = zW_l + c_l$,
#
# $$dv = y - h_{l-1},\qquad da = (dv\,W_l^\top) * z * (1-z),\qquad dW_l = da^\top\tilde h + z^\top dv .$$
#
# In code it is a loop around `fit`, and `greedy_pretrain` is little more:
#
# ```
# for size in sizes:
#     linear = Linear(h.shape[1], size, rng=rng)
#     model = TiedAutoencoder(Sequential(linear, Sigmoid()), Sequential(TransposedLinear(linear)))
#     fit(model, h, Objective(bce_with_logits, corrupt=Masking(0.25)), Adam(model.params), epochs)
#     layers += [linear, Sigmoid()]
#     h = model.encode(h)              # clean: the noise is for learning only
# ```

# %%
UNITS = 500
started = time.perf_counter()
stack, histories = greedy_pretrain(
    (UNITS, UNITS), x_train, Masking(0.25), epochs=1 if FAST else 5
)
losses = ", ".join(
    f"layer {l}: {h['loss'][0]:.4f} → {h['loss'][-1]:.4f}"
    for l, h in enumerate(histories, 1)
)
print(
    f"cross-entropy in the first and in the last epoch, {losses} ({time.perf_counter() - started:.0f} s)"
)

# %% [markdown]
# ## The experiment
#
# The same linear classifier, with the same number of steps at the same rates, on: the raw pixels; the codes of an encoder of the
# same shape that nobody has trained, and of one with weights so large that its sigmoids bend; those of the pretrained one; those
# of both its layers. All are shifted and scaled by two numbers, to mean 0 and variance 1. The last two rows are nets of one
# hidden layer that are trained as a whole: from random weights, and from the pretrained ones.
#
# Each seed means other labelled pictures, as many of each class, another start of the classifier and another untrained encoder.
# The pretrained encoder is one and the same; it has seen all training pictures and no label.

# %%
SEEDS, COUNTS = (range(2), (50, 200)) if FAST else (range(5), (100, 1000))
COUNTS = (*COUNTS, len(x_train))


def learned(model, x, labels, seed):
    """Four epochs at least, and 300 steps at least; the rate falls to 0."""
    steps = -(-len(x) // 128)  # of an epoch
    epochs = 3 if FAST else max(4, -(-300 // steps))
    schedule = cosine_schedule(3e-3, epochs * steps)
    fit(
        model,
        (x, labels),
        classification,
        Adam(model.params, schedule),
        epochs,
        rng=seed,
        progress=False,
    )
    return model


def on_features(encoder):
    """Linear on frozen codes. They do not change in training, so they are computed once, not in every epoch."""

    @lru_cache(maxsize=1)
    def codes(seed):
        z_train, z_test = (encode(encoder(seed), x) for x in (x_train, x_test))
        shift, scale = z_train.mean(), z_train.std()
        return (z_train - shift) / scale, (z_test - shift) / scale

    def run(chosen, seed):
        z_train, z_test = codes(seed)
        head = Sequential(Linear(z_train.shape[1], 10, rng=seed))
        return accuracy(
            learned(head, z_train[chosen], train.labels[chosen], seed),
            z_test,
            test.labels,
        )

    return run


def as_a_whole(encoder):
    """The encoder and a Linear on top, trained together."""

    def run(chosen, seed):
        copy = encoder(seed).astype(np.float32)
        net = Sequential(*copy.layers, Linear(UNITS, 10, rng=seed))
        return accuracy(
            learned(net, x_train[chosen], train.labels[chosen], seed),
            x_test,
            test.labels,
        )

    return run


def untrained(seed, steeper=1):
    linear = Linear(x_train.shape[1], UNITS, rng=100 + seed)
    linear.params["weight"] *= steeper
    return Sequential(linear, Sigmoid())


ways = {
    "raw pixels": on_features(lambda seed: Flatten()),
    "random features": on_features(untrained),
    "random, weights × 16": on_features(lambda seed: untrained(seed, 16)),
    "denoising features": on_features(lambda seed: stack[:2]),
    "stack of two": on_features(lambda seed: stack),
    "as a whole": as_a_whole(untrained),
    "as a whole, fine-tuned": as_a_whole(lambda seed: stack[:2]),
}
table = {
    name: np.array(
        [
            [100 * run(stratified_subset(train.labels, n, seed), seed) for n in COUNTS]
            for seed in SEEDS
        ]
    )
    for name, run in ways.items()
}

print(
    f"accuracy on {len(x_test):,} test pictures in %, mean of {len(SEEDS)} seeds (lowest to highest)"
)
print(f"{'':<24}" + "".join(f"{f'{n:,} labels':>24}" for n in COUNTS))
for name, row in table.items():
    cells = [
        f"{column.mean():.2f} ({column.min():.2f} to {column.max():.2f})"
        for column in row.T
    ]
    print(f"{name:<24}" + "".join(f"{cell:>24}" for cell in cells))

ahead = {
    name: (table["denoising features"] - table[name])[:, 1] for name in list(ways)[:3]
}
for name, difference in ahead.items():
    print(
        f"denoising features ahead of {name} with {COUNTS[1]:,} labels: {difference.mean():.2f} points "
        f"({difference.min():.2f} to {difference.max():.2f} seed by seed)"
    )

fig, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
for (name, row), style in zip(
    table.items(), ["k:", "C7-", "C7:", "C0-", "C2-", "C1--", "C3--"], strict=True
):
    ax.plot(COUNTS, 100 - row.mean(axis=0), style, marker="o", markersize=3, label=name)
ax.set(
    xscale="log", yscale="log", xlabel="labels", ylabel="errors on the test set in %"
)
ax.set_xticks(COUNTS, [f"{n:,}" for n in COUNTS], minor=False)
ax.yaxis.set_major_locator(plt.FixedLocator([1, 2, 3, 5, 10, 20, 30, 50]))
ax.yaxis.set_major_formatter("{x:g}")
ax.yaxis.set_minor_formatter("")
ax.minorticks_off()
ax.legend(frameon=False)
ax.grid(alpha=0.3)
show(ax, f"06_features_{data.name}")

# %% [markdown]
# **What to look at.** The column in the middle: the same classifier, the same labels, and only the input differs. The random
# features are no straw man: with a bend of the right size they may well be better than pixels, and nobody has learned anything.
# What the pretrained ones have on top of that, they have learned without a label. Then go from left to right: where is a frozen
# encoder worth most, and where does it become a hindrance, because it may not learn what the labels know? And read the spread
# in brackets before you believe a difference between two rows: with few labels it matters as much which pictures were labelled.
#
# What has the first layer learned to look for? Some of its filters, and some of a net that was trained with all the labels:

# %%
whole = learned(
    Sequential(*untrained(0).layers, Linear(UNITS, 10, rng=0)), x_train, train.labels, 0
)
fig, axes = plt.subplots(1, 2, figsize=(6, 3.2), layout="constrained")
for ax, name, model in [
    (axes[0], "denoising, no labels", stack),
    (axes[1], "all labels, no pretraining", whole),
]:
    plot_filters(model, 25, ax)
    ax.set_title(name, fontsize=10)
show(axes, f"06_filters_{data.name}")

# %% [markdown]
# **What to look at.** How large a part of the picture does a unit look at, left and right? To repair a hole one needs what is
# around it; to tell digits apart, what goes on in the whole picture may be more use.
#
# ## Exercises
#
# 1. **Training longer.** In (b), draw the mean area under the curve after 5, 10, 20 and 40 epochs, and for 8, 16, 32 and 64
#    components of PCA. The reconstruction of the normal digit keeps getting better; does the detector? *Hint: what would a net
#    detect that can rebuild everything?*
# 2. **A fairer error.** Little ink makes a little error. Divide $e(x)$ by $\lVert x\rVert^2$, or by the error of PCA, and look at
#    the areas again. Which digits gain, which lose? *Hint: `roc_auc` takes any numbers.*
# 3. **No tiles at all.** `shallow` takes pictures of any size that is a multiple of 4: give it the whole page. Is the PSNR that
#    of the tiles? How far does it see, that is, which pixels of the input can change a given pixel of the output? *Hint: count
#    through the kernels. At a tile's rim its page ends, and Conv2d pads it with zeros.*
# 4. **Whose gradient?** Put a `Linear(784, 784)` *below* the frozen encoder, and train it and the classifier. Which line of
#    `Frozen` is needed now and was not before? *Hint: `Sequential` goes back to the first layer that has parameters, no further.*
# 5. **More noise, more layers.** Try `Masking(0.5)`, and a third layer. Choose by pictures held out of the training set, then
#    look once at the test set. *Hint: `greedy_pretrain` takes one corruption for all layers, or one for each.*
