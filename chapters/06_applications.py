# %% [markdown]
# # 6 · Applications
#
# *Needs: chapters 1 and 3, and chapter 2 for (c). Time: about 60 minutes to read, several to run.
# The four parts can be read in any order; on a first reading, skip the gradient of t-SNE and the
# formula of the AUC.*
#
# Nobody trains an autoencoder just to reconstruct images: we already have the images. But a trained
# autoencoder gives us three useful things: the code, the reconstruction, and the reconstruction
# error. In everything that follows, the autoencoder is trained without labels. Where labels appear,
# they are used to evaluate a result, or to train a classifier with only a few of them.
#
# ![Encoder, code and decoder. Maps and features use the code, cleaning uses the output, and
# anomalies use the difference of output and input.](figures/06_diagram.svg)

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
from tinyae.checking import gradcheck, show_report
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
FAST_NOTE = "(fast mode: nothing has been learned)\n" if FAST else ""
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
train, test = (data.train[:1000], data.test[:300]) if FAST else (data.train, data.test)
x_train, x_test = train.flat, test.flat
print(data, "->", x_train.shape, x_test.shape)


def dense(*sizes, rng=0):
    """784 → sizes → back to 784: ReLU between layers, linear code, Sigmoid output."""
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
# A 32-dimensional code, an *embedding*, cannot be drawn directly. Chapter 1 drew its first two
# principal components, which is a projection onto the best possible plane. **t-SNE** (van der
# Maaten and Hinton 2008) does not project. It places $N$ points in the plane and moves them until
# points that are neighbors in the code are also neighbors on the map.
#
# ## The equation
#
# In the code, similarity is expressed as a probability:
# $p_{j|i}\propto e^{-\lVert z_i-z_j\rVert^2/2\sigma_i^2}$, where $\sigma_i$ is chosen so that each
# point has about thirty neighbors, and $p_{ij} = (p_{j|i}+p_{i|j})/2N$, which sums to 1 over all
# pairs. On the map, similarity $q_{ij}$ is defined in a similar way, but with a heavy-tailed kernel
# $k_{ij}$ instead of the Gaussian, so that a distance that is a little too large is not penalized
# much. The cost $C$ measures how different the two sets of probabilities are:
#
# $$q_{ij} = \frac{k_{ij}}{Z},\qquad k_{ij} = \frac{1}{1 + \lVert y_i - y_j\rVert^2},\qquad
# Z = \sum_{k\ne l}k_{kl},\qquad\qquad C = \sum_{i\ne j} p_{ij}\log\frac{p_{ij}}{q_{ij}} .$$
#
# ## The gradient
#
# Only $\log q_{ij} = \log k_{ij} - \log Z$ depends on $y$, and the $p_{ij}$ sum to 1:
#
# $$C = \text{const} - \sum_{i\ne j}p_{ij}\log k_{ij} + \log Z .$$
#
# Let $d_{ij} = \lVert y_i-y_j\rVert^2$. The differential of the kernel is
# $\delta k_{ij} = -k_{ij}^2\,\delta d_{ij}$, so
#
# $$\delta C = \sum_{i\ne j}p_{ij}k_{ij}\,\delta d_{ij} -
# \sum_{i\ne j}\frac{k_{ij}^2}{Z}\,\delta d_{ij}
# = \sum_{i\ne j}(p_{ij}-q_{ij})\,k_{ij}\,\delta d_{ij} .$$
#
# Point $y_i$ appears in both $d_{ij}$ and $d_{ji}$, each time with
# $\partial d_{ij}/\partial y_i = 2(y_i-y_j)$:
#
# $$\boxed{\ \frac{\partial C}{\partial y_i} = 4\sum_j (p_{ij}-q_{ij})\,k_{ij}\,(y_i-y_j)\ }$$
#
# You can think of a spring between each pair of points. If the pair is more similar in the code
# than on the map, $p > q$, the spring pulls the points together. Otherwise it pushes them apart.


# %%
def tsne_cost(y, p):
    """The cost of the map y (N, 2) for the similarities p (N, N), and its gradient."""
    difference = y[:, None] - y[None]  # (N, N, 2)
    k = 1 / (1 + (difference**2).sum(axis=-1))
    k = k - np.diag(np.diag(k))  # a point is not its own neighbor
    q = k / k.sum()
    pairs = p > 0
    cost = (p[pairs] * np.log(p[pairs] / q[pairs])).sum()
    return cost, 4 * (((p - q) * k)[..., None] * difference).sum(axis=1)


rng = np.random.default_rng(0)
p = rng.random((9, 9)) * (1 - np.eye(9))
p = (p + p.T) / (p + p.T).sum()
show_report(gradcheck(tsne_cost, rng.normal(size=(9, 2)), p))

# %% [markdown]
# scikit-learn computes the same thing, but approximates the double sum with a tree. We make maps of
# the raw pixels and of the codes of chapter 1's model, both with t-SNE and with the first two
# principal components. We also print one number for each map: for what percentage of the points
# does the nearest *other* point on the map have the same label? The labels were not used in
# training.

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

print("the nearest neighbor has the same label:")
for name, x in {
    **{f"{name}, all {x.shape[1]} dimensions": x for name, x in points.items()},
    **maps,
}.items():
    print(f"  {name:<28}{100 * nearest_neighbor_accuracy(x, labels):5.1f} %")
print(FAST_NOTE, end="")

# %% tags=["hide-input"]
fig, axes = plt.subplots(2, 2, figsize=(8.8, 7.6), layout="constrained")
for ax, (name, y) in zip(axes.flat, maps.items(), strict=True):
    points = ax.scatter(
        *y.T, c=labels, cmap="tab10", s=4, linewidths=0, antialiased=False
    )
    # on the t-SNE maps, write each label at the median of its class
    for label in np.unique(labels) if "SNE" in name else ():
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
# **What to look at.** Look at the clusters that t-SNE finds, and at where they touch. Which digits
# share a cluster, and would you have confused them? Then compare the numbers. The code has far
# fewer dimensions than the image. Does it preserve fewer neighbors than the pixels do? How many are
# lost in a PCA map, and how many in a t-SNE map? A warning: the size of a cluster and the distance
# between two clusters have no meaning. For points that are far apart, $p_{ij}$ is close to zero, so
# it only says that they are far apart, not how far. And a point between two clusters does not
# correspond to any image. t-SNE has moved these particular points; it has not learned a function
# that could map new images to the plane, or points of the plane back to images.
#
# <details><summary>Answer</summary>
#
# Digits with similar strokes touch or share a cluster, such as 4 and 9, or 3, 5 and 8. Look at the
# images at a border and you may hesitate too. After a full training, the code with its 32
# dimensions preserves about as many neighbors as the 784 pixels. A PCA map with two dimensions
# loses a large part of them, and t-SNE loses few, because preserving neighbors is what it
# minimizes. (In fast mode there are few points, t-SNE gets few steps, and the code is not trained.
# Then a t-SNE map may be no better than chance.)
#
# </details>
#
# ## A code that is a map
#
# A *two-dimensional* code is already a map, and it comes with a decoder: every point of it can be
# decoded to an image.

# %%
plane = trained(dense(256, 64, 2), x_train, epochs=15)
codes = encode(plane.encoder, x_test)

# %% tags=["hide-input"]
axes = plot_latent_plane(plane, x_test[shown], labels)
axes[0].collections[0].set_antialiased(False)  # makes the file smaller
show(axes, f"06_plane_{data.name}")

# %%
agreement = nearest_neighbor_accuracy(codes[shown], labels)
print(f"the nearest neighbor has the same label: {100 * agreement:.1f} %")
print(FAST_NOTE, end="")

# %% [markdown]
# **What to look at.** Follow a line across the decoded plane: one digit turns into another, and at
# the border between them there is something that is neither. Is there a place on the right where
# there are no codes on the left? The decoder draws something there anyway, because nothing in the
# training said that it must not. The next chapter is about such holes.
#
# <details><summary>Answer</summary>
#
# Usually yes: somewhere inside the frame of the right figure there are no codes on the left. The
# decoder draws a mixture of the neighboring digits there, or a shape that is no digit. (In fast
# mode all decoded images look almost the same.)
#
# </details>
#
# # (b) Anomaly detection
#
# Train an autoencoder on normal images and on nothing else. The code only has room for the ways in
# which normal images differ from each other, so an image that is not normal will be reconstructed
# badly. A large error is the signal:
#
# $$e(x) = \frac1D\lVert \hat x - x\rVert^2,\qquad x\text{ is unusual}\iff e(x) > t .$$
#
# **The threshold** $t$ depends on how costly a false alarm is. Take normal images that were *held
# out of the training set* (the training images themselves have smaller errors), and let $t$ be the
# 95 % quantile of their errors. Then about one in twenty normal images will raise an alarm. The
# threshold controls the false-alarm rate. It does not control what fraction of the anomalies is
# detected.
#
# **The area under the curve (AUC)** evaluates $e$ itself, independent of $t$. Let $t$ go from high
# to low. Plot the fraction $F(t)$ of the anomalies with an error above $t$ against the fraction
# $G(t)$ of the normal images with an error above $t$. This is the ROC curve. The area under it is
#
# $$\int F\,dG = \frac1M\sum_{m}F(e_m) = \frac{1}{AM}\sum_a\sum_m\,[\,e_a > e_m\,],$$
#
# where $a$ runs over the $A$ anomalies and $m$ over the $M$ normal images. To see why, note that
# each time $t$ passes the error of a normal image, the curve takes a step of width $1/M$ to the
# right, at a height equal to the fraction of the anomalies passed so far. So the AUC is the
# probability that a random anomaly has a larger error than a random normal image. A value of
# $\frac12$ is no better than guessing. We can count the pairs, or we can compute the AUC from the
# ranks. The rank $r_a$ of an anomaly among all images is the number of images with a smaller error,
# plus one. We want to count only the normal ones among these, so we sum the ranks of all anomalies
# and subtract $1 + 2 + \dots + A$, the ranks of the anomalies among themselves:
#
# $$\boxed{\ \mathrm{AUC} = \frac{\sum_a r_a - A(A+1)/2}{A\,M}\ }$$

# %%
# rounded, so that some errors are equal; an equal pair counts as half
errors, unusual = rng.normal(size=200).round(1), rng.random(200) < 0.4
errors[unusual] += 0.8
wins = [(a > m) + 0.5 * (a == m) for a in errors[unusual] for m in errors[~unusual]]
false_alarms, found, _ = roc_curve(errors, unusual)  # scikit-learn's
print(f"AUC by counting pairs           {np.mean(wins):.12f}")
print(f"AUC from ranks                  {roc_auc(errors, unusual):.12f}")
print(f"area under scikit-learn's curve {np.trapezoid(found, false_alarms):.12f}")

# %% [markdown]
# ## The experiment
#
# One digit is normal. The model sees the training images of this digit and nothing else. Then it is
# tested on the whole test set, where the other nine digits are the anomalies. We repeat this ten
# times, so that each digit is the normal one once.
#
# PCA can do the same without any iterative training. Take the mean and the first 32 principal
# components of the training images of the digit, with pixels in [0, 1], and use the reconstruction
# error as it is (no clipping, no scaling). This is the baseline to beat, and papers on deep anomaly
# detection do not always report it.


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

print("area under the ROC curve in %")
print(f"{'normal digit':<16}" + "".join(f"{digit:>7}" for digit in DIGITS) + "    mean")
for name, values in areas.items():
    print(
        f"{name:<16}"
        + "".join(f"{100 * v:>7.2f}" for v in values)
        + f"{100 * np.mean(values):>8.2f}"
    )
print(f"(training all models took {seconds:.0f} s)")
print(FAST_NOTE, end="")

# %% [markdown]
# **What to look at.** Which digit is the easiest to tell apart from all others, and which is the
# hardest? An image with little ink has a small error even if the reconstruction is faint. What does
# this mean for a normal digit that has little ink, and for one that has a lot? Where does the
# nonlinear model do better than PCA, and where does it not?
#
# <details><summary>Answer</summary>
#
# The 1 is usually the easiest normal digit: it has little ink, so almost every other digit has a
# larger error, whatever the model. A digit with a lot of ink and many shapes, such as 8 or 2, is
# usually the hardest, because anomalies with little ink have small errors. PCA is a strong
# baseline. The nonlinear model can be better after a long training on many images of a digit, and
# with few images or few steps it is often worse. (In fast mode it has learned nothing, and PCA wins
# clearly. PCA is computed exactly in any mode.)
#
# </details>
#
# Now take the digit that is hardest for PCA, and do what you would do in practice: hold out some of
# its training images to choose the threshold.

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

print(f"normal: {digit}; threshold: 95 % quantile of {len(x_held)} held-out images")
for name, model in models.items():
    alarm = detect_anomalies(model, x_test, thresholds[name])
    print(
        f"  {name:<12} threshold {thresholds[name]:.4f}, "
        f"AUC {100 * roc_auc(errors[name], unusual):.2f} %, "
        f"false alarms {100 * alarm[~unusual].mean():.1f} %, "
        f"anomalies found {100 * alarm[unusual].mean():.1f} %"
    )
print(FAST_NOTE, end="")

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
bins = np.linspace(0, np.quantile(errors["autoencoder"], 0.995), 60)
for kind, some in [("normal", ~unusual), ("anomalies", unusual)]:
    axes[0].hist(errors["autoencoder"][some], bins, density=True, alpha=0.6, label=kind)
axes[0].axvline(thresholds["autoencoder"], color="k", linewidth=1)
axes[0].set(
    xlabel="error of the autoencoder",
    yticks=[],
    title=f"{digit} is normal; line: threshold",
)
for name, e in errors.items():
    false_alarms, found, _ = roc_curve(e, unusual)
    precision, recall, _ = precision_recall_curve(e, unusual)
    axes[1].plot(false_alarms, found, label=name)
    axes[2].plot(recall, precision, label=name)
axes[1].plot([0, 1], [0, 1], "k:", linewidth=0.8)
axes[1].set(xlabel="false alarms", ylabel="anomalies found", title="ROC curve")
axes[2].axhline(unusual.mean(), color="k", linestyle=":", linewidth=0.8)
axes[2].set(
    xlabel="anomalies found (recall)",
    ylabel="correct alarms (precision)",
    title="precision and recall",
)
for ax in axes:
    ax.legend(frameon=False)
show(axes, f"06_detection_{data.name}")

# %%
rank = np.argsort(errors["autoencoder"])
rows = {
    f"{digit}, best": rank[~unusual[rank]][:12],
    f"{digit}, worst": rank[~unusual[rank]][::-1][:12],
    "others, best": rank[unusual[rank]][:12],
}
image_rows = {}  # names must differ, so some get leading spaces
for name, which in rows.items():
    space = " " * len(image_rows)
    image_rows |= {
        name: x_test[which],
        space + "autoencoder": models["autoencoder"](x_test[which]),
        space + "PCA": models["PCA"](x_test[which]).clip(0, 1),
    }

# %% tags=["hide-input"]
show(
    plot_reconstructions(*image_rows.values(), names=[*image_rows]),
    f"06_worst_{data.name}",
)

# %% [markdown]
# **What to look at.** The normal digits with the largest errors are what a detector should find:
# unusual handwriting. The anomalies with the smallest errors are its mistakes. Some of them look
# like the normal digit. Others are so simple that any model reconstructs them with little error, no
# matter what it was trained on: little ink, little error. The error only compares pixels. It does
# not measure how probable an image is. Now look at the threshold: is the false-alarm rate on the
# test images close to the 5 % that we asked for? The dotted lines show a detector that flips a
# coin. Before you get excited about the third plot, note that nine out of ten test images are
# anomalies, so most of the coin's alarms are correct too. Where anomalies are rare, high precision
# is much harder to reach.
#
# <details><summary>Answer</summary>
#
# The false-alarm rate is near 5 %, but not equal to it: the threshold comes from a small number of
# held-out images, and the test images are others. The fewer images were held out, the larger the
# difference may be. The threshold promises nothing about the fraction of anomalies that is found.
#
# </details>
#
# # (c) Large images
#
# The convolutional model takes 28×28 pixels, and a page is larger. Cut the page into tiles, clean
# each tile, and put them back together. But neighboring tiles do not agree where they meet, because
# neither model call sees what is beyond the border of its tile. So let the tiles overlap. At each
# pixel $p$, choose a compromise $y(p)$ between the tiles $t$ that cover it, where the weight
# $w_t(p)$ says how much we trust tile $t$ there:
#
# $$\text{minimize}\quad \sum_t w_t(p)\,\big(y(p) - \hat x_t(p)\big)^2\quad\Longrightarrow\quad
# 2\sum_t w_t(p)\,\big(y(p)-\hat x_t(p)\big) = 0$$
#
# $$\Longrightarrow\quad\boxed{\ y(p) = \frac{\sum_t w_t(p)\,\hat x_t(p)}{\sum_t w_t(p)}\ }$$
#
# The weight falls linearly from the center of a tile to almost zero at its border. This has two
# advantages: there is no visible step where a tile begins or ends, and a tile has the least
# influence where it sees the least context.
#
# Here is an easy check: a model that changes nothing must return the page unchanged, whatever its
# size.

# %%
for shape, step in [((28, 28), 14), ((61, 47), 14), ((100, 33), 5), ((40, 56), 28)]:
    image = rng.random(shape)
    result = denoise_tiles(lambda tiles: tiles, image, step=step)
    difference = np.abs(result - image).max()
    print(f"page {shape}, step {step}: largest difference {difference:.0e}")

# %% [markdown]
# ## The experiment
#
# We make pages of digits that are slightly out of line. A model that has only seen centered digits
# would not know what to do with half a digit in a corner. So we train it on noisy patches from
# random positions in such pages. The page to be cleaned is made of digits from the test set.
#
# We compare two models. The first is the convolutional model of chapter 2, with a 128-dimensional
# code per tile. The second is a model without the bottleneck: 28×28 → 14×14 → 7×7 and back. Its
# code has more values than the image. A denoiser does not have to compress.


# %%
def pages(images, n, rows, columns, rng, pitch=22):
    """n pages with digits in rows and columns, each slightly out of line."""
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
print(f"patches {patches.shape[1:]} from {len(sheets)} pages; test page {page.shape}")

# encoder: Conv2d, ReLU, Conv2d, ReLU, Conv2d 7×7, ReLU; the decoder is its mirror image
narrow = conv_autoencoder(rng=0)
# encoder: Conv2d, LeakyReLU, Conv2d, LeakyReLU; the decoder is its mirror image
shallow = conv_denoiser(rng=0)
cleaners = {"128-dimensional code": narrow, "no bottleneck": shallow}
noisy = noise(page[None], np.random.default_rng(2))[0]
cleaned = {}
for name, model in cleaners.items():
    trained(model, patches, 2, noise, batch_size=64)
    cleaned |= {
        (name, step): denoise_tiles(model, noisy, step=step) for step in (28, 14, 7)
    }

print(f"PSNR of the noisy page: {psnr(float(((noisy - page) ** 2).mean())):.2f} dB")
print("PSNR of the cleaned page in dB")
print(f"{'step between tiles':<24}" + "".join(f"{step:>9}" for step in (28, 14, 7)))
for name in cleaners:
    print(
        f"{name:<24}"
        + "".join(
            f"{psnr(float(((cleaned[name, step] - page) ** 2).mean())):>9.2f}"
            for step in (28, 14, 7)
        )
    )
print(FAST_NOTE, end="")

# %% tags=["hide-input"]
fig, axes = plt.subplots(3, 2, figsize=(6.6, 7.4), layout="constrained")
drawn = {"clean page": page, "noisy page": noisy}
drawn |= {
    f"{name}, step {step}": cleaned[name, step] for name in cleaners for step in (28, 7)
}
for ax, (name, y) in zip(axes.flat, drawn.items(), strict=True):
    plot_images(y[None], title=name, ax=ax)
    ax.title.set_fontsize(8)
show(axes, f"06_page_{data.name}")

# %% [markdown]
# **What to look at.** Without overlap there are seams, and some strokes break off at them. With
# overlap, several tiles predict each pixel, each from a different position. Their average is better
# than a single prediction, for the same reason that the average of several measurements is better
# than one. How much more work is it? Which of the two models gains more from it, and why? Remember
# that the narrow code has to describe all the pieces of digits in a tile, and there are more ways
# to arrange them than it can represent.
#
# <details><summary>Answer</summary>
#
# With a step of 14 instead of 28, each pixel is covered by about 4 tiles, with a step of 7 by about
# 16: that is how much more work it is. After a full training, both models gain, and the one with
# the narrow code gains more. Its errors differ more from tile to tile, because each tile contains
# other pieces of digits, and averaging removes errors that differ. (In fast mode the cleaned pages
# may be worse than the noisy one.)
#
# </details>
#
# # (d) Features
#
# Labels are expensive, but images are cheap. Train an encoder on all images without labels. Then
# freeze it, and train a small classifier on its codes with the few labels that you have.
#
# ## The equation and the gradient
#
# Let $f$ be the encoder, which is now constant, and let $t_n$ be the label of example $n$, one of
# $C$ classes:
#
# $$a_n = f(x_n)W^\top + b,\qquad s_{nj} = \frac{e^{a_{nj}}}{\sum_k e^{a_{nk}}},\qquad
# L = -\frac1N\sum_n \log s_{n t_n}
# = \frac1N\sum_n\Big(\log\sum_k e^{a_{nk}} - a_{nt_n}\Big).$$
#
# The derivative of $\log\sum_k e^{a_k}$ with respect to $a_j$ is $e^{a_j}/\sum_k e^{a_k} = s_j$. So
#
# $$da_{nj} = \frac1N\big(s_{nj} - [\,j = t_n\,]\big),\qquad dW = da^\top f(x),\qquad
# db = \textstyle\sum_n da_n,$$
#
# and here we can stop, because nothing below is trained. A frozen model can still compute how its
# output depends on its *input*: it passes on $dx = J^\top dy$, in case there is something to train
# below it. It does not compute $dW$, and it hides its weights from the optimizer: its `params` is
# empty.
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


def objective(model, x, rng):
    return classification(model, (x, t_small), rng)


show_report(gradcheck(objective, net, x_small))

# %% [markdown]
# The list shows the parameters that are trained: those of layers 0 and 2. The correct gradient of
# layer 0 shows that $dx$ was passed correctly through the frozen layers.
#
# ## What should the code be good at?
#
# Chapter 1's model has to *compress*. Features do not need a bottleneck: with a wide code, a linear
# classifier has more freedom to place its decision boundaries. But then something else has to
# prevent the model from just copying the image, and this is the noise, as in chapter 3. Vincent et
# al. (2008) trained deep networks this way, layer by layer. Each layer is a denoising autoencoder,
# and its data are the outputs of the layers below for the *clean* image. With $h_0 = x$, masking
# noise $q$ and tied weights:
#
# $$\tilde h \sim q(\cdot\mid h_{l-1}),\qquad
# y = \sigma\big(\sigma(\tilde h W_l^\top + b_l)\,W_l + c_l\big),$$
#
# $$\text{minimize } -\sum\big[h_{l-1}\log y + (1-h_{l-1})\log(1-y)\big],\qquad
# h_l = \sigma(h_{l-1}W_l^\top + b_l).$$
#
# $W_l$ appears in two places, and its gradient is the sum of both contributions. With
# $z = \sigma(a)$ the code, and $v = zW_l + c_l$,
#
# $$dv = y - h_{l-1},\qquad da = (dv\,W_l^\top) * z * (1-z),\qquad
# dW_l = da^\top\tilde h + z^\top dv .$$
#
# In code this is a loop around `fit`, and `greedy_pretrain` does little more:
#
# ```
# for size in sizes:
#     linear = Linear(h.shape[1], size, rng=rng)
#     encoder = Sequential(linear, Sigmoid())
#     model = TiedAutoencoder(encoder, Sequential(TransposedLinear(linear)))
#     objective = Objective(bce_with_logits, corrupt=Masking(0.25))
#     fit(model, h, objective, Adam(model.params), epochs)
#     layers += [linear, Sigmoid()]
#     h = model.encode(h)              # clean: the noise is only for training
# ```

# %%
UNITS = 500
started = time.perf_counter()
stack, histories = greedy_pretrain(
    (UNITS, UNITS), x_train, Masking(0.25), epochs=1 if FAST else 5
)
print(f"pretraining took {time.perf_counter() - started:.0f} s")
print("cross-entropy in the first and in the last epoch:")
for l, h in enumerate(histories, 1):
    print(f"  layer {l}: {h['loss'][0]:.4f} → {h['loss'][-1]:.4f}")

# %% [markdown]
# ## The experiment
#
# We train the same linear classifier, with the same number of steps and the same learning rates, on
# five kinds of input: the raw pixels; the codes of an untrained encoder with the same architecture;
# the codes of an untrained encoder with weights so large that its sigmoids are clearly nonlinear;
# the codes of the first pretrained layer; and the codes of both pretrained layers. All inputs are
# shifted and scaled (one shift and one scale for all dimensions) to mean 0 and variance 1. The last
# two rows are networks with one hidden layer that are trained as a whole: one starts from random
# weights, the other from the pretrained ones.
#
# Each seed chooses other labeled images (the same number from each class), another initialization
# of the classifier, and another untrained encoder. The pretrained encoder is the same for all
# seeds. It has seen all training images and no labels.

# %%
SEEDS, COUNTS = (range(2), (50, 200)) if FAST else (range(5), (100, 1000))
COUNTS = (*COUNTS, len(x_train))


def train_classifier(model, x, labels, seed):
    """Train for at least 4 epochs and 300 steps; the learning rate falls to 0."""
    steps = -(-len(x) // 128)  # steps per epoch
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
    """A Linear layer on frozen codes. They never change: compute them only once."""

    @lru_cache(maxsize=1)
    def codes(seed):
        z_train, z_test = (encode(encoder(seed), x) for x in (x_train, x_test))
        shift, scale = z_train.mean(), z_train.std()
        return (z_train - shift) / scale, (z_test - shift) / scale

    def run(chosen, seed):
        z_train, z_test = codes(seed)
        head = Sequential(Linear(z_train.shape[1], 10, rng=seed))
        return accuracy(
            train_classifier(head, z_train[chosen], train.labels[chosen], seed),
            z_test,
            test.labels,
        )

    return run


def end_to_end(encoder):
    """The encoder and a Linear layer on top of it, trained together."""

    def run(chosen, seed):
        copy = encoder(seed).astype(np.float32)
        net = Sequential(*copy.layers, Linear(UNITS, 10, rng=seed))
        return accuracy(
            train_classifier(net, x_train[chosen], train.labels[chosen], seed),
            x_test,
            test.labels,
        )

    return run


def untrained(seed, scale=1):
    linear = Linear(x_train.shape[1], UNITS, rng=100 + seed)
    linear.params["weight"] *= scale
    return Sequential(linear, Sigmoid())


methods = {
    "raw pixels": on_features(lambda seed: Flatten()),
    "random features": on_features(untrained),
    "random, weights × 16": on_features(lambda seed: untrained(seed, 16)),
    "denoising features": on_features(lambda seed: stack[:2]),
    "both pretrained layers": on_features(lambda seed: stack),
    "trained as a whole": end_to_end(untrained),
    "fine-tuned as a whole": end_to_end(lambda seed: stack[:2]),
}
table = {
    name: np.array(
        [
            [100 * run(stratified_subset(train.labels, n, seed), seed) for n in COUNTS]
            for seed in SEEDS
        ]
    )
    for name, run in methods.items()
}

print(f"accuracy on {len(x_test):,} test images in %")
print(f"mean over {len(SEEDS)} seeds (lowest to highest)")
print(f"{'':<24}" + "".join(f"{f'{n:,} labels':>24}" for n in COUNTS))
for name, row in table.items():
    cells = [
        f"{column.mean():.2f} ({column.min():.2f} to {column.max():.2f})"
        for column in row.T
    ]
    print(f"{name:<24}" + "".join(f"{cell:>24}" for cell in cells))
print(FAST_NOTE, end="")

advantages = {
    name: (table["denoising features"] - table[name])[:, 1]
    for name in list(methods)[:3]
}
print(f"\nadvantage of the denoising features with {COUNTS[1]:,} labels")
for name, difference in advantages.items():
    print(
        f"  over {name:<23}{difference.mean():.2f} points "
        f"({difference.min():.2f} to {difference.max():.2f} over the seeds)"
    )

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
for (name, row), style in zip(
    table.items(), ["k:", "C7-", "C7:", "C0-", "C2-", "C1--", "C3--"], strict=True
):
    ax.plot(COUNTS, 100 - row.mean(axis=0), style, marker="o", markersize=3, label=name)
ax.set(xscale="log", yscale="log", xlabel="labels", ylabel="test error in %")
ax.set_xticks(COUNTS, [f"{n:,}" for n in COUNTS], minor=False)
ax.yaxis.set_major_locator(plt.FixedLocator([1, 2, 3, 5, 10, 20, 30, 50]))
ax.yaxis.set_major_formatter("{x:g}")
ax.yaxis.set_minor_formatter("")
ax.minorticks_off()
ax.legend(frameon=False)
ax.grid(alpha=0.3)
show(ax, f"06_features_{data.name}")

# %% [markdown]
# **What to look at.** Look at the middle column first: the classifier and the labels are the same,
# and only the input differs. The random features are a serious baseline. With the right amount of
# nonlinearity they may well be better than pixels, although nothing was learned. Whatever advantage
# the pretrained features have over them was learned without labels. Then go from left to right:
# where does a frozen encoder help the most, and where does it become a disadvantage because it
# cannot learn from the labels? And look at the range in parentheses before you believe a difference
# between two rows. With few labels, it matters just as much which images were labeled.
#
# <details><summary>Answer</summary>
#
# After a full training, the pretrained features are clearly better than pixels and random features
# in the middle column, by more than the range over the seeds. A frozen encoder helps most on the
# left, with few labels. On the right, with all labels, a network that is trained as a whole catches
# up and wins, because it can change its features. Starting it from the pretrained weights is
# usually the best of all. (In fast mode, the encoder has seen a few batches: the differences are
# accidents.)
#
# </details>
#
# What has the first layer learned to detect? Here are some of its filters, next to filters of a
# network that was trained on all the labels:

# %%
whole = train_classifier(
    Sequential(*untrained(0).layers, Linear(UNITS, 10, rng=0)), x_train, train.labels, 0
)

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(6, 3.2), layout="constrained")
for ax, name, model in [
    (axes[0], "denoising, no labels", stack),
    (axes[1], "all labels, no pretraining", whole),
]:
    plot_filters(model, 25, ax)
    ax.set_title(name, fontsize=10)
show(axes, f"06_filters_{data.name}")

# %% [markdown]
# **What to look at.** How large a part of the image does a unit respond to, on the left and on the
# right? To fill in a missing pixel, a unit needs the pixels around it. To tell digits apart, it may
# be more useful to look at the whole image.
#
# <details><summary>Answer</summary>
#
# After a full training, the filters on the left are local: strokes or spots in one place. Those on
# the right are larger and look noisier. Nothing in the classification loss asks for local filters.
# (In fast mode both are nearly the random initial weights.)
#
# </details>
#
# ## Exercises
#
# Answers: [answers/06_applications.py](answers/06_applications.py)
#
# 1. **Longer training.** In (b), plot the mean AUC after 5, 10, 20 and 40 epochs, and for 8, 16, 32
#    and 64 components of PCA. The reconstruction of the normal digit keeps getting better. Does the
#    detector? *Hint: what could a model detect if it could reconstruct everything?*
# 2. **A fairer error.** Images with little ink have small errors. Divide $e(x)$ by
#    $\lVert x\rVert^2$, or by the error of PCA, and compute the AUC again. Which digits gain, and
#    which lose? *Hint: `roc_auc` accepts any scores.*
# 3. **No tiles at all.** `shallow` accepts images of any size that is a multiple of 4, so give it
#    the whole page. Is the PSNR the same as with tiles? How large is its receptive field, that is,
#    which input pixels can change a given output pixel? *Hint: work through the kernels one layer
#    at a time. At the border of a tile, Conv2d pads with zeros instead of seeing the rest of the
#    page.*
# 4. **Which gradient is needed?** Put a `Linear(784, 784)` *below* the frozen encoder, and train it
#    together with the classifier. Which line of `Frozen` is needed now that was not needed before?
#    *Hint: `Sequential` only goes back as far as the first layer that has parameters.*
# 5. **More noise, more layers.** Try `Masking(0.5)`, and a third layer. Choose the best with images
#    held out of the training set, then look at the test set only once. *Hint: `greedy_pretrain`
#    takes one corruption for all layers, or one per layer.*
#
# - Graded: [Exercise 17 · Anomaly detection: AUC, threshold and average precision](exercises/17_anomaly.py), `tinyae exercise start anomaly`
#
# **You can now** draw and judge a map of codes, choose a threshold for anomalies without fooling
# yourself, clean images of any size, and compare features fairly.
#
# **Next:** chapter 7 shows what an autoencoder cannot do.
#
# **In the real world:** reconstruction errors detect defects in factories (Bergmann et al., *MVTec
# AD*, 2019) and unknown physics in colliders (Heimel et al., *QCD or what?*, 2019). Maps of codes
# show cell types in biology (Lopez et al., *Deep generative modeling for single-cell
# transcriptomics*, 2018). Training on unlabeled data first and on few labels later is how most
# large models are made today (Bommasani et al., *On the opportunities and risks of foundation
# models*, 2021).
