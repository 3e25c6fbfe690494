# %% [markdown]
# # 1 · The basic autoencoder
#
# *Needs: chapter 0. Time: about 45 minutes to read, a few to run. On a first reading, skip “A
# linear autoencoder finds PCA”.*
#
# Train a network to reproduce its input. That would be trivial if the network could simply pass the
# input through, so we put a bottleneck in the middle. An image of 784 pixels is reduced to 32
# values, its **latent code** (**code** for short; elsewhere called *latent vector* or
# **embedding**), and must be reconstructed from them. No one tells the network what the 32 values
# should mean. It has to discover what images of digits have in common and what makes them
# different, because only the differences are worth storing in the code. No labels are needed: the
# image is its own target.
#
# ![Bars of 784, 512, 256, 32, 256, 512 and 784 units, with the activations between
# them.](figures/01_diagram.svg)
#
# Chapter 0 derived all the derivatives that we need here.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinyae import (
    Adam,
    Autoencoder,
    Linear,
    Objective,
    ReLU,
    Sequential,
    Sigmoid,
    fit,
    summary,
)
from tinyae.checking import gradcheck
from tinyae.data import load_data, minibatches
from tinyae.models import basic_autoencoder, linear_autoencoder
from tinyae.optim import cosine_schedule
from tinyae.plots import (
    mosaic,
    plot_codes,
    plot_filters,
    plot_history,
    plot_images,
    plot_reconstructions,
    show,
)

# fast mode: a few steps on a few images, to test that the chapter runs
FAST = bool(os.environ.get("TINYAE_FAST"))
FAST_NOTE = "(fast mode: nothing has been learned)\n" if FAST else ""
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
train, test = (data.train[:1000], data.test[:500]) if FAST else (data.train, data.test)
x_train, x_test = train.flat, test.flat  # each image is a row of 784 values in [0, 1]
print(data, "->", x_train.shape, x_test.shape)

# %% tags=["hide-input"]
show(plot_images(x_test[:48], columns=16), f"01_data_{data.name}")

# %% [markdown]
# ## The equation
#
# The first half of the network, the **encoder** $f$, maps an image $x$ to its code $z$. The second
# half, the **decoder** $g$, maps $z$ to the **reconstruction** $\hat x$. Let there be $N$ images of
# $D$ pixels. We minimize the mean squared error
#
# $$L = \frac{1}{ND}\sum_{n=1}^{N}\lVert \hat x_n - x_n\rVert^2,\qquad
# \hat x = g(z),\quad z = f(x) .$$
#
# There are six layers. Layer $l$ takes $h_{l-1}$ and computes $a_l = h_{l-1}W_l^\top + b_l$, then
# $h_l = \phi_l(a_l)$. Here $h_0 = x$ is the image, $h_3 = z$ is the code, and $h_6 = \hat x$ is the
# reconstruction. Each column of $h_l$ belongs to one **unit** of the layer. The elementwise
# function $\phi_l$ is called the **activation function**. It is
# $\operatorname{ReLU}(a) = \max(a, 0)$, with two exceptions. The code is linear, $\phi_3(a) = a$
# (we will see why below), and the last layer uses a sigmoid, which keeps the pixels in the range
# $(0, 1)$.
#
# ## The gradient
#
# The backward pass starts at the output, where the loss is computed from $\hat x$, and goes back
# layer by layer. Recall that $dv = \partial L/\partial v$, and let $*$ be the elementwise product:
#
# $$dh_6 = \frac{2}{ND}(\hat x - x),\qquad\quad
# \begin{aligned}
# da_l &= dh_l * \phi_l'(a_l)\\
# dW_l &= da_l^\top\, h_{l-1},\qquad db_l = \textstyle\sum_n da_{l,n}\\
# dh_{l-1} &= da_l\, W_l
# \end{aligned}\qquad l = 6, 5, \dots, 1 .$$
#
# The derivatives $\phi_l'$ can be computed from the outputs: 1 for the code, $h\,(1-h)$ for the
# sigmoid, and for ReLU 1 where $h > 0$ and 0 elsewhere. (ReLU has no derivative at $a = 0$. We use
# 0, which is the usual choice.) Note that $h\,(1-h)$ is at most ¼. In a chain of many sigmoids,
# each one makes the gradient smaller on its way back, until almost nothing is left: a **vanishing
# gradient**. ReLU passes the gradient on unchanged wherever $a > 0$. (We say: the unit is
# *active*.)
#
# ## The code
#
# The `forward` method of a layer returns its output and its cache, which holds the values that
# `backward` will need. So the two passes are two loops, and each layer contributes its own few
# lines of the equations above. Each `Linear` starts with small random weights. This is called the
# **initialization**. Their scale depends on the number of inputs: it should be so large that values
# neither grow nor shrink much on the way through the layers.

# %%
rng = np.random.default_rng(0)
layers = [
    Linear(784, 512, rng=rng),
    ReLU(),
    Linear(512, 256, rng=rng),
    ReLU(),
    Linear(256, 32, rng=rng),
    Linear(32, 256, rng=rng),
    ReLU(),
    Linear(256, 512, rng=rng),
    ReLU(),
    Linear(512, 784, rng=rng),
    Sigmoid(),
]


def loss_and_gradients(layers, x):
    h, caches = x, []
    for layer in layers:  # forward
        h, cache = layer.forward(h)
        caches.append(cache)
    loss = ((h - x) ** 2).mean()
    dh = 2 * (h - x) / h.size
    grads = []
    # backward
    for layer, cache in zip(reversed(layers), reversed(caches), strict=True):
        dh, layer_grads = layer.backward(dh, cache)
        grads.insert(0, layer_grads)
    return loss, grads


# %% [markdown]
# Now we change the weights so that the loss falls. The gradient $dw$ is positive where a larger
# weight makes the loss larger, so we take a small step in the opposite direction. The simplest
# method, **gradient descent**, is
#
# $$w \leftarrow w - \eta\,dw .$$
#
# The arrow means that $w$ is replaced by the right-hand side. The factor $\eta$ (eta) is the
# **learning rate**. It is not practical to use all images for each step. So we shuffle the images
# and divide them into **mini-batches** of 128. Each mini-batch gives one gradient and one step. One
# pass through all images is an **epoch**.
#
# A method that computes the step from the gradients is an **optimizer**. We use **Adam** (Kingma
# and Ba 2015). For each weight, it keeps a running mean $m$ of the gradient and a running mean $v$
# of its square. In step $t = 1, 2, \dots$
#
# $$m \leftarrow \beta_1 m + (1-\beta_1)\,dw,\qquad
# v \leftarrow \beta_2 v + (1-\beta_2)\,dw^2,\qquad
# w \leftarrow w - \eta\,\frac{m/(1-\beta_1^t)}{\sqrt{v/(1-\beta_2^t)} + \epsilon} ,$$
#
# with $\beta_1 = 0.9$, $\beta_2 = 0.999$ and $\epsilon = 10^{-8}$. If the gradients agree from step
# to step, then $|m| \approx \sqrt v$ and the weight moves by about $\eta$ per step, no matter how
# large the gradient is. If they keep changing sign, $m$ is small and the weight moves less. Both
# $m$ and $v$ start at 0, so they are too small in the first steps. If $dw$ is constant, then
# $m = (1-\beta_1^t)\,dw$ after $t$ steps. So the division by $1-\beta_1^t$ is the right correction,
# and the same is true of $v$.


# %%
def adam(w, dw, m, v, t, rate=1e-3, beta1=0.9, beta2=0.999):
    m[...] = beta1 * m + (1 - beta1) * dw
    v[...] = beta2 * v + (1 - beta2) * dw**2
    w -= rate * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + 1e-8)


def train_by_hand(layers, x, epochs, batch_size=128):
    averages = [  # m and v for each weight
        {name: (np.zeros_like(w), np.zeros_like(w)) for name, w in layer.params.items()}
        for layer in layers
    ]
    t, losses = 0, []
    for epoch in range(epochs):
        # indices, in a new random order every epoch
        for batch in minibatches(len(x), batch_size, rng=[0, epoch]):
            loss, grads = loss_and_gradients(layers, x[batch])
            t += 1
            for layer, layer_grads, m_and_v in zip(
                layers, grads, averages, strict=True
            ):
                for name, dw in layer_grads.items():
                    adam(layer.params[name], dw, *m_and_v[name], t)
            losses.append(loss)
    return losses


losses = train_by_hand(layers, x_train, epochs=1)
print(f"{len(losses)} steps: the loss went from {losses[0]:.4f} to {losses[-1]:.4f}")

# %% [markdown]
# That is all there is to training an autoencoder. Nothing is hidden: the rest of the library only
# makes this convenient and fast.
#
# ## The check
#
# Is the gradient right? We take a small network of the same kind in float64, change every entry of
# every weight up and down, and compare the result with `backward`. Because ReLU has no derivative
# at 0, the checker detects the entries where a step crosses such a point, and counts them as kinks.


# %%
def small_autoencoder(rng):
    rng = np.random.default_rng(rng)
    return Autoencoder(
        Sequential(Linear(12, 8, rng=rng), ReLU(), Linear(8, 3, rng=rng)),
        Sequential(Linear(3, 8, rng=rng), ReLU(), Linear(8, 12, rng=rng), Sigmoid()),
    )


print(
    gradcheck(small_autoencoder(rng=0), np.random.default_rng(1).uniform(size=(6, 12)))
)

# %% [markdown]
# ## The same with `fit`
#
# `Autoencoder` is the list of layers, divided into an encoder and a decoder. `Objective()` is the
# loss with its gradient, `Adam` is the three lines above, and `fit` is the loop. Do they really do
# the same thing? We train both versions on a few images in float64, where rounding errors are tiny,
# and compare all the weights:

# %%
fitted = basic_autoencoder(rng=0).astype(np.float64)
by_hand = fitted.astype(np.float64)  # a copy
few = x_train[:640].astype(np.float64)

fit(
    fitted,
    few,
    Objective(),
    Adam(fitted.params),
    epochs=2,
    rng=0,
    workers=1,
    progress=False,
)
losses = train_by_hand(
    [*by_hand.encoder.layers, *by_hand.decoder.layers], few, epochs=2
)

difference = max(
    np.abs(fitted.params[name] - by_hand.params[name]).max() for name in fitted.params
)
print(f"largest difference of any weight after {len(losses)} steps: {difference:.0e}")

# %% [markdown]
# ## The experiment
#
# Now we train on all images for several epochs. After each epoch we also measure the loss on images
# that are never used for training. This is the **validation loss**.

# %%
# 600,000 images in all: 10 epochs of MNIST, or more epochs of a smaller data set
EPOCHS = 2 if FAST else max(1, 600_000 // len(x_train))


def train(model):
    optimizer = Adam(model.params, lr=1e-3)
    return fit(
        model,
        x_train,
        Objective(),
        optimizer,
        EPOCHS,
        batch_size=128,
        validation=x_test,
        progress=not FAST,
    )


model = basic_autoencoder(rng=0)
print(summary(model, (784,)), "\n")
history = train(model)
print(history)
print(FAST_NOTE, end="")

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
plot_history(history, ax)
show(ax, f"01_loss_{data.name}")

# %% [markdown]
# **What to look at.** The loss axis is logarithmic, so on a straight line the loss would fall by
# the same percentage in each epoch. When does most of the progress happen? While both curves fall
# together, the network learns what is true of digits in general. If only the training loss keeps
# falling, the network is beginning to memorize the training images, which is called
# **overfitting**. Is there a gap here, and does it grow? (The training loss of an epoch is the mean
# *during* that epoch, and the validation loss is measured at its end. For this reason the
# validation loss is lower at first.)
#
# <details><summary>Answer</summary>
#
# Most of the progress happens in the first few epochs. After that the curve gets flatter, even on
# the logarithmic axis: each further percent takes longer. At first the validation loss is below the
# training loss, for the reason in the parentheses. If the two curves end close together, there is
# no overfitting worth mentioning: the bottleneck leaves little room to memorize, and there are many
# images. A gap that grows from epoch to epoch would be the sign of it. You can produce one: train
# on 500 images for 200 epochs.
#
# </details>

# %%
# two images of each class
shown = np.concatenate(
    [np.flatnonzero(test.labels == label)[:2] for label in range(10)]
)

# %% tags=["hide-input"]
show(
    plot_reconstructions(x_test[shown], model(x_test[shown])),
    f"01_reconstructions_{data.name}",
)

# %% [markdown]
# **What to look at.** What survives the bottleneck, and what does not? If the network is unsure
# about a pixel, the squared error makes gray a better choice than a wrong black or white. What does
# this do to the edges? And what happens to rare features, such as a gap, a serif or an unusual
# loop?
#
# <details><summary>Answer</summary>
#
# The position, the slant and the overall shape survive. Fine detail does not: edges become softer,
# because a gray pixel is the safest answer where the network is not sure on which side of the edge
# it is. Rare features tend to be replaced by common ones: small gaps close, serifs disappear, an
# unusual loop becomes the usual one. The code has no room for what only few images need.
#
# </details>
#
# What do the units of the first layer respond to? Each unit has one weight per pixel, so we can
# show its weights as an image. Here are the 36 units with the largest weights. Positive weights are
# red: ink in this place makes the input $a$ of the unit larger. Negative weights are blue: ink
# makes it smaller.

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(5.6, 4.8), layout="constrained")
plot_filters(model, 36, ax)
ax.set_title("weights of 36 units of the first layer", fontsize=10)
scale = "weight / largest weight of the same unit"
fig.colorbar(ax.images[0], ax=ax, label=scale, shrink=0.8)
show(ax, f"01_filters_{data.name}")

# %% [markdown]
# **What to look at.** Does any unit have the shape of a whole digit? Find units with a stroke in
# one particular place. Is it red or blue? The rest looks like noise. There are two kinds of noise,
# and the equations explain both:
#
# - Near the border, where every image is white: $dW = da^\top x$ and $x = 0$, so the gradient is
#   always 0. These weights still have their random initial values.
# - Around the digits, where only a few images have ink: the gradients are small and rare, but Adam
#   divides by $\sqrt v$, so even a small gradient causes a full step.
#
# <details><summary>Answer</summary>
#
# Usually no unit has the shape of a whole digit. Most of those with a recognizable pattern have one
# stroke, or the edge of one, in one place, often with the opposite color beside it. On MNIST, most
# of these strokes are blue: ink there turns the unit off, and ink beside it turns the unit on. A
# digit is described by many such units together. (In fast mode you see only the random initial
# weights.)
#
# </details>
#
# And the code? We cannot plot its 32 dimensions, but we can plot the two directions in which the
# codes vary most, their first two **principal components** (the section on PCA below explains how
# to find them). No labels were used in training. They only color the points:

# %%
codes = model.encode(x_test)

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(5.5, 4.5), layout="constrained")
plot_codes(codes[:2000], test.labels[:2000], ax)
show(ax, f"01_codes_{data.name}")

# %% [markdown]
# **What to look at.** Which digits have a region to themselves, and which ones overlap? Keep in
# mind that this plot shows only two of 32 dimensions.
#
# <details><summary>Answer</summary>
#
# Digits with an unusual shape, such as 0 and 1, have regions of their own, usually at opposite
# ends. Digits that share strokes overlap, such as 4, 7 and 9, or 3, 5 and 8. That they overlap here
# does not mean that the code confuses them: the other 30 dimensions may separate them. Chapter 6
# measures this.
#
# </details>
#
# ## Dead units: why the code is linear
#
# What happens if we put a ReLU after the code as well, as after the other layers? We change nothing
# else. Even the random initial weights are the same:

# %%
start = basic_autoencoder(rng=0)
relu_code = Autoencoder(Sequential(*start.encoder.layers, ReLU()), start.decoder)
relu_history = train(relu_code)

dead = (relu_code.encode(x_test) == 0).all(axis=0)
print(
    f"{dead.sum()} of {len(dead)} code units are 0 for all {len(x_test):,} test images"
)
print(FAST_NOTE, end="")

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
ax.plot(
    relu_history["epoch"],
    relu_history["val_loss"],
    "o-",
    markersize=3,
    label="ReLU on the code",
)
ax.plot(history["epoch"], history["val_loss"], "o-", markersize=3, label="linear code")
ax.set(xlabel="epoch", ylabel="validation loss", ylim=(0, None))
ax.legend(frameon=False)
show(ax, f"01_dead_units_{data.name}")

# %% [markdown]
# **What to look at.** Look at the printed count. If the input $a$ of a unit is negative for
# *every* image, its output is 0 and its derivative is 0 for every image. So its weights get no
# gradient, and the unit will almost never recover. In a wide layer, a few of these **dead units**
# do little harm. In the bottleneck, each one makes the code narrower than it looks. Can you see
# this in the loss?
#
# <details><summary>Answer</summary>
#
# After a full training, several of the 32 units are usually dead, and the model with the ReLU has
# the larger validation loss in every epoch: it has to do the same task with fewer dimensions. How
# many units die depends on the seed and on the data. (In fast mode some units may be dead too, but
# the two losses are not worth comparing.)
#
# </details>
#
# ## How good is that? A comparison with PCA
#
# There is an older way to reduce an image to 32 values. An image of 784 pixels is a point in a
# space with 784 dimensions. **Principal component analysis** (PCA) finds the 32-dimensional flat
# subspace that is closest to the images. Let $\mu$ be the mean image. The **covariance matrix** is
# $C = \frac1N\sum_n (x_n-\mu)(x_n-\mu)^\top$. An **eigenvector** $v$ of $C$ is a vector with
# $Cv = \lambda v$. Its **eigenvalue** $\lambda$ tells how much the images vary in the direction
# $v$. Let the columns of $V$ be the 32 eigenvectors with the largest eigenvalues, each of length 1.
# These are the principal components. Then
#
# $$z = V^\top(x-\mu),\qquad \hat x = \mu + Vz .$$
#
# No other *linear* encoder and decoder has a smaller squared error on the images that PCA was
# computed from. What does the network gain from being nonlinear?

# %%
mean = x_train.mean(axis=0)
centered = x_train - mean
covariance = (centered.T @ centered / len(centered)).astype(np.float64)  # (784, 784)
eigenvalues, eigenvectors = np.linalg.eigh(covariance)  # in ascending order
V = eigenvectors[:, :-33:-1].astype(np.float32)  # (784, 32): the last 32, largest first


def pca(x):
    return mean + (x - mean) @ V @ V.T


def squared_error(x_hat, x):
    """Summed over the pixels, averaged over the images: 784 times the MSE."""
    return float(((x_hat - x) ** 2).mean(axis=0).sum())


print("squared error, test images      per image  per pixel")
for name, x_hat in [
    ("mean image, no code", mean),
    ("PCA, 32 components", pca(x_test)),
    ("autoencoder, ReLU on code", relu_code(x_test)),
    ("autoencoder", model(x_test)),
]:
    error = squared_error(x_hat, x_test)
    print(f"{name:<28}{error:>13.3f}{error / 784:>11.5f}")
print(FAST_NOTE, end="")

# %% tags=["hide-input"]
show(
    plot_reconstructions(
        x_test[shown],
        pca(x_test[shown]),
        model(x_test[shown]),
        names=["original", "PCA", "autoencoder"],
    ),
    f"01_pca_{data.name}",
)

# %% [markdown]
# **What to look at.** PCA can add and subtract its 32 components, but its reconstructions always
# lie in the same subspace. What do you see next to the strokes, and is the background really white?
# The decoder of the network is nonlinear, so its outputs form a curved 32-dimensional surface, a
# **manifold**. Training moves this surface to where the digits are.
#
# <details><summary>Answer</summary>
#
# Next to the strokes, PCA draws faint gray shadows, and its background is not really white. Its
# components are patterns that cover the whole image, and what one of them adds in the wrong place
# has to be subtracted by another. After a full training, the error of the network is clearly
# smaller, with the same number of code dimensions. (In fast mode it is the other way round: PCA is
# computed exactly, and the network has learned nothing.)
#
# </details>
#
# ## A linear autoencoder finds PCA
#
# Now make the network linear: 784 → 32 → 784, with no ReLU and no sigmoid. The smallest error it
# can reach is that of PCA (Baldi and Hornik 1989). No one tells it about covariances or
# eigenvectors. It only follows the gradient downhill. Each mini-batch gives a slightly different
# gradient, so the weights never come to rest. We let the learning rate fall to 0 during training.
# Then they do.

# %%
linear = linear_autoencoder(rng=0, code=32)
optimizer = Adam(
    linear.params,
    lr=cosine_schedule(1e-3, steps=EPOCHS * len(range(0, len(x_train), 128))),
)
linear_history = fit(
    linear,
    x_train,
    Objective(),
    optimizer,
    EPOCHS,
    validation=x_train,
    progress=not FAST,
)

pca_error = squared_error(pca(x_train), x_train)
# of the training images, after each epoch
linear_errors = 784 * np.array(linear_history["val_loss"])
print(
    f"PCA {pca_error:.3f}, sum of the other eigenvalues {eigenvalues[:-32].sum():.3f}, "
    f"linear autoencoder {linear_errors[-1]:.3f}"
)
print(FAST_NOTE, end="")

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
ax.semilogy(linear_history["epoch"], linear_errors - pca_error, "o-", markersize=3)
ax.set(xlabel="epoch", ylabel="squared error minus that of PCA")
show(ax, f"01_linear_{data.name}")

# %% [markdown]
# Do both methods find the same subspace? Let the columns of $Q$ be an orthonormal basis of one
# subspace (here the one that is spanned by the decoder's weights), and let the columns of $V$ be an
# orthonormal basis of the other. If both had one dimension, $Q^\top V$ would be the cosine of the
# angle between two lines. In 32 dimensions there are 32 angles, and their cosines are the singular
# values of the matrix $Q^\top V$ (`np.linalg.svd` computes them). If the subspaces are the same,
# all the cosines are 1.

# %%
Q = np.linalg.qr(linear.params["decoder.0.weight"])[0]  # (784, 32)
cosines = np.linalg.svd(Q.T @ V, compute_uv=False)
print("cosines of the angles between the subspaces:", *(f"{c:.2f}" for c in cosines))
print(
    "eigenvalues 1, 2, 3 ... 31, 32, 33, 34:",
    *(f"{eigenvalues[-k]:.2f}" for k in (1, 2, 3, 31, 32, 33, 34)),
)

# %% tags=["hide-input"]
fig, axes = plt.subplots(2, figsize=(7, 2.1), layout="constrained")
for ax, columns, name in [
    (axes[0], V, "PCA"),
    (axes[1], linear.params["decoder.0.weight"], "linear autoencoder"),
]:
    images = columns.T[:10] / np.abs(columns.T[:10]).max(axis=1, keepdims=True)
    ax.imshow(mosaic(images, columns=10, fill=np.nan), cmap="RdBu_r", vmin=-1, vmax=1)
    ax.set_axis_off()
    ax.set_title(name, loc="left", fontsize=9)
show(ax, f"01_components_{data.name}")

# %% [markdown]
# **What to look at.** Compare the first ten components of PCA (top) with ten columns of the linear
# autoencoder's decoder (bottom). Those of PCA are orthogonal and sorted, from coarse to fine. Is
# any of this true of the columns below? The squared error depends only on the subspace, and every
# basis of the subspace gives the same error.
#
# If the last cosines are below 1, compare the eigenvalues there. Each eigenvalue is the amount of
# error that its direction removes. If number 33 is almost as large as number 32, confusing the two
# directions costs almost nothing. Then the gradient is tiny and the last bit of progress takes a
# long time: gradient descent is slowest where it matters least.
#
# <details><summary>Answer</summary>
#
# The columns of the decoder are neither orthogonal nor sorted. Each one is a mixture of many
# components, and each looks about as coarse as the others. The subspace that they span is
# nevertheless almost that of PCA: after a full training most cosines are close to 1. Only the last
# few may be smaller, where the eigenvalues are almost equal and little is at stake.
#
# </details>
#
# ## Exercises
#
# Answers: [answers/01_basic_autoencoder.py](answers/01_basic_autoencoder.py)
#
# 1. **A two-dimensional code.** Build 784-512-256-2 and back. Plot the codes with `plot_codes`, and
#    decode a grid of points in the plane with `model.decode` and `plot_images`. Which digits are
#    neighbors? *Hint: `np.stack(np.meshgrid(...), axis=-1).reshape(-1, 2).astype(np.float32)`.*
# 2. **When do units die?** Use the model with the ReLU on the code. Count the units that are 0 for
#    all test images, before training and after each of the first epochs. Then try `LeakyReLU()`
#    instead. *Hint: call `fit` several times with `epochs=1` and a different `rng` each time. If
#    you pass the same optimizer, it continues where it stopped.*
# 3. **Cross-entropy.** Train with `Objective(reconstruction=bce)`, the loss
#    $L = -\frac1M\sum [x\log\hat x + (1-x)\log(1-\hat x)]$, where the sum runs over all $M = ND$
#    pixels. Derive $da_6$ for both losses.
#    Which one does not have the factor $\hat x(1-\hat x)$, and what does that mean for a pixel that
#    is confidently wrong? Compare the MSE of both models. *Hint:
#    $d\hat x = (\hat x - x)/(\hat x(1-\hat x))/M$.*
# 4. **Tied weights.** A linear autoencoder with $W_{dec} = W_{enc}^\top$ computes
#    $\hat x = xW^\top W$. Derive $dW$, write the two passes in plain NumPy, and check them. *Hint:
#    $W$ is used twice; the chain rule adds one gradient for each use.*
# 5. **PCA by hand.** Show that if the columns of $V$ are orthonormal, the squared error of PCA on
#    its own training images is the sum of the eigenvalues left out. This is the equality printed
#    above. *Hint: the error is $\operatorname{tr}\big((I-VV^\top)\,C\big)$, where $C$ is the
#    covariance matrix.*
#
# - Graded: [Exercise 6 · Adam, and a training loop](exercises/06_adam.py), `tinyae exercise start adam`
# - Graded: [Exercise 7 · Layers in a row, and around a shortcut](exercises/07_sequential.py), `tinyae exercise start sequential`
# - Graded: [Exercise 8 · Tied weights](exercises/08_tied.py), `tinyae exercise start tied`
# - Graded: [Exercise 23 · Batch normalization](exercises/23_batch_norm.py), `tinyae exercise start batch_norm`
# - Graded: [Exercise 24 · Dropout](exercises/24_dropout.py), `tinyae exercise start dropout`
#
# **You can now** write an autoencoder, its gradient and Adam, read a loss curve, and compare a
# model with PCA.
#
# **Next:** chapter 1b shows what to do when it does not go as well as here.
#
# **In the real world:** autoencoders reduce the dimension of images, text and measurements (Hinton
# and Salakhutdinov, *Reducing the dimensionality of data with neural networks*, 2006). They search
# large collections of documents by their codes (Salakhutdinov and Hinton, *Semantic hashing*,
# 2009), and single-cell biology uses them to remove noise from gene counts (Eraslan et al.,
# *Single-cell RNA-seq denoising using a deep count autoencoder*, 2019).
