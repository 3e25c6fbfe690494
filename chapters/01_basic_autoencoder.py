# %% [markdown]
# # 1 · The basic autoencoder
#
# Ask a net to repeat what it is shown: trivial, if it may simply pass its input through. So put a bottleneck in its middle.
# A picture of 784 pixels must go through 32 numbers, its **code**, and be rebuilt from them. Nobody says what the 32 numbers
# should mean. The net has to find out by itself what pictures of digits have in common and what tells them apart, because only
# the latter is worth its place in the code. No labels are needed: the picture is its own answer.
#
# ```
#      encoder                           code                           decoder
#
#   x ──▶ 512 ──ReLU──▶ 256 ──ReLU──▶ 32 = z ──▶ 256 ──ReLU──▶ 512 ──ReLU──▶ 784 ──σ──▶ x̂
#  784                                                                                   784
# ```
#
# The chapter before this one derived all the derivatives that are needed here.

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

FAST = bool(
    os.environ.get("TINYAE_FAST")
)  # a few steps on a few pictures: shows that it runs, not what it learns
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
train, test = (data.train[:1000], data.test[:500]) if FAST else (data.train, data.test)
x_train, x_test = train.flat, test.flat  # a picture is a row of 784 numbers in [0, 1]
print(data, "->", x_train.shape, x_test.shape)

show(plot_images(x_test[:48], columns=16), f"01_data_{data.name}")

# %% [markdown]
# ## The equation
#
# With the encoder $f$, the decoder $g$ and $N$ pictures of $D$ pixels, minimise the mean squared error
#
# $$L = \frac{1}{ND}\sum_{n=1}^{N}\lVert \hat x_n - x_n\rVert^2,\qquad \hat x = g(z),\quad z = f(x) .$$
#
# Layer $l$ takes $h_{l-1}$ and computes $a_l = h_{l-1}W_l^\top + b_l$, then $h_l = \phi_l(a_l)$. Here $h_0 = x$, $h_6 = \hat x$,
# and $\phi_l$ is $\operatorname{ReLU}(a) = \max(a, 0)$, with two exceptions: the code is linear, $\phi_3(a) = a$ (why, we shall
# see), and at the end the sigmoid keeps pixels between 0 and 1.
#
# ## The gradient
#
# It begins at the end, where $L$ sees $\hat x$, and goes back layer by layer. With $dv = \partial L/\partial v$ and $*$ the
# product entry by entry:
#
# $$dh_6 = \frac{2}{ND}(\hat x - x),\qquad\quad
# \begin{aligned}
# da_l &= dh_l * \phi_l'(a_l)\\
# dW_l &= da_l^\top\, h_{l-1},\qquad db_l = \textstyle\sum_n da_{l,n}\\
# dh_{l-1} &= da_l\, W_l
# \end{aligned}\qquad l = 6, 5, \dots, 1 .$$
#
# The slopes follow from the outputs: 1 for the code, $h\,(1-h)$ for the sigmoid, and for ReLU 1 where $h > 0$ and 0 elsewhere.
# (At $a = 0$ ReLU has no slope. We take 0, as everybody does.)
#
# ## The code
#
# A layer's `forward` returns its output and what `backward` must remember, its cache. So the two sweeps are two loops, and the
# equations above are spread over the layers' own few lines.

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
    for layer, cache in zip(
        reversed(layers), reversed(caches), strict=True
    ):  # and back
        dh, of_layer = layer.backward(dh, cache)
        grads.insert(0, of_layer)
    return loss, grads


# %% [markdown]
# The gradient says which way is down. How far to go is the optimiser's business. **Adam** keeps for each weight a running mean
# $m$ of its gradient $g$ and a running mean $v$ of $g^2$:
#
# $$m \leftarrow \beta_1 m + (1-\beta_1)\,g,\qquad v \leftarrow \beta_2 v + (1-\beta_2)\,g^2,\qquad
# w \leftarrow w - \eta\,\frac{m/(1-\beta_1^t)}{\sqrt{v/(1-\beta_2^t)} + \epsilon} .$$
#
# Where the gradients agree from step to step, $|m| \approx \sqrt v$ and the weight moves by about $\eta$ a step, whatever the
# gradient's size. Where they contradict each other, it moves less. $m$ and $v$ begin at 0, hence too small in the first
# steps $t = 1, 2, \dots$; the two divisions undo exactly that.


# %%
def adam(w, g, m, v, t, rate=1e-3, beta1=0.9, beta2=0.999):
    m[...] = beta1 * m + (1 - beta1) * g
    v[...] = beta2 * v + (1 - beta2) * g**2
    w -= rate * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + 1e-8)


def train_by_hand(layers, x, epochs, batch_size=128):
    memory = [
        {name: (np.zeros_like(w), np.zeros_like(w)) for name, w in layer.params.items()}
        for layer in layers
    ]
    t, losses = 0, []
    for epoch in range(epochs):
        for batch in minibatches(
            len(x), batch_size, rng=[0, epoch]
        ):  # indices, in a new random order every epoch
            loss, grads = loss_and_gradients(layers, x[batch])
            t += 1
            for layer, of_layer, m_and_v in zip(layers, grads, memory, strict=True):
                for name, g in of_layer.items():
                    adam(layer.params[name], g, *m_and_v[name], t)
            losses.append(loss)
    return losses


losses = train_by_hand(layers, x_train, epochs=1)
print(f"{len(losses)} steps: the loss falls from {losses[0]:.4f} to {losses[-1]:.4f}")

# %% [markdown]
# That is all there is to training an autoencoder. Nothing was hidden: the rest of the library makes the same comfortable and
# fast.
#
# ## The check
#
# Is the gradient right? A small net of the same kind, in float64, every entry of every weight moved up and down, and compared
# with what `backward` says. Because ReLU has no slope at 0, the checker looks out for such places, and counts them.


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
# `Autoencoder` is the list of layers with a name for its two halves, `Objective()` the loss with its gradient, `Adam` the three
# lines above, and `fit` the loop. Is it really the same? Train both on a few pictures in float64, where rounding cannot blur the
# picture, and compare all weights:

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
print(
    f"largest difference between any two weights after {len(losses)} steps: {difference:.0e}"
)

# %% [markdown]
# ## The experiment
#
# Now with all pictures, for several epochs. After each one the loss is also measured on pictures that the net never learns from.

# %%
EPOCHS = (
    2 if FAST else max(1, 600_000 // len(x_train))
)  # as many steps for few pictures as for MNIST's 60,000


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

# %%
fig, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
plot_history(history, ax)
show(ax, f"01_loss_{data.name}")

# %% [markdown]
# **What to look at.** The axis is logarithmic: a straight line would be progress at a constant rate. Most of it comes early; the
# rest is patience. While both curves fall together, the net learns what is true of all digits; where the training loss goes on
# alone, it begins to learn its own pictures by heart. Is there a gap here, and does it grow? (The training loss of an epoch is
# the mean *during* that epoch, the validation loss is taken at its end: at first the latter is the smaller one for this reason.)

# %%
# two pictures of each class
shown = np.concatenate(
    [np.flatnonzero(test.labels == label)[:2] for label in range(10)]
)
show(
    plot_reconstructions(x_test[shown], model(x_test[shown])),
    f"01_reconstructions_{data.name}",
)

# %% [markdown]
# **What to look at.** What survives the bottleneck, and what does not? Where the net is not sure, the squared error makes it
# prefer grey to a wrong black or white, so edges are soft. And it gives up what is rare: a gap, a serif, an unusual loop.
#
# What do the units of the first layer respond to? Each has one weight for each pixel, so its weights are a picture too. Here are
# the 36 with the largest weights, blue below 0, red above:

# %%
fig, ax = plt.subplots(figsize=(4.5, 4.5), layout="constrained")
plot_filters(model, 36, ax)
show(ax, f"01_filters_{data.name}")

# %% [markdown]
# **What to look at.** No unit looks for a digit. The best ones look for a stroke in one place. The rest is noise, of two kinds,
# and the equations explain both:
#
# - Far outside, where every picture is white: $dW = da^\top x$ and $x = 0$, so the gradient is always 0, and the weights are
#   still the random numbers of the beginning.
# - Around the digits, where only a few pictures have ink, the gradients are small and rare, but Adam divides by $\sqrt v$ and
#   makes a full step of each.
#
# And the code? Its 32 numbers cannot be drawn, but their first two principal components can. No label was used in training:

# %%
codes = model.encode(x_test)
fig, ax = plt.subplots(figsize=(5.5, 4.5), layout="constrained")
plot_codes(codes[:2000], test.labels[:2000], ax)
show(ax, f"01_codes_{data.name}")

# %% [markdown]
# **What to look at.** Which digits have a region of their own, and which share one? Two directions of 32 are not the whole
# story.
#
# ## Dead units: why the code is linear
#
# Put a ReLU behind the code as well. It is no different from the others, is it? Nothing else changes, not even the random numbers
# at the start:

# %%
start = basic_autoencoder(rng=0)
relu_code = Autoencoder(Sequential(*start.encoder.layers, ReLU()), start.decoder)
relu_history = train(relu_code)

silent = (relu_code.encode(x_test) == 0).all(axis=0)
print(
    f"{silent.sum()} of {len(silent)} code units are 0 for every one of {len(x_test):,} test pictures"
)

fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
ax.plot(
    relu_history["epoch"],
    relu_history["val_loss"],
    "o-",
    markersize=3,
    label="a ReLU behind the code",
)
ax.plot(
    history["epoch"], history["val_loss"], "o-", markersize=3, label="the code linear"
)
ax.set(xlabel="epoch", ylabel="validation loss", ylim=(0, None))
ax.legend(frameon=False)
show(ax, f"01_dead_units_{data.name}")

# %% [markdown]
# **What to look at.** The printed number. A unit whose $a$ is negative for *every* picture is 0 for every picture, its slope is 0
# for every picture, so its weights get no gradient: it will hardly ever come back. In a wide layer a few dead units are no loss.
# In the bottleneck each one makes the code narrower than it looks, and the loss says so.
#
# ## How good is that? PCA
#
# There is an old way to put a picture into 32 numbers. Principal component analysis looks for the 32-dimensional plane that the
# pictures lie nearest to: with the mean $\mu$ and the 32 eigenvectors of the covariance matrix with the largest eigenvalues as
# columns of $V$,
#
# $$z = V^\top(x-\mu),\qquad \hat x = \mu + Vz .$$
#
# Among all encoders and decoders that are *linear*, none has a smaller squared error on the pictures it was computed from. What
# does our net gain by its bends?

# %%
mean = x_train.mean(axis=0)
centred = x_train - mean
covariance = (centred.T @ centred / len(centred)).astype(np.float64)  # (784, 784)
eigenvalues, eigenvectors = np.linalg.eigh(covariance)  # in ascending order
V = eigenvectors[:, :-33:-1].astype(np.float32)  # (784, 32): the last 32, largest first


def pca(x):
    return mean + (x - mean) @ V @ V.T


def squared_error(x_hat, x):
    """Summed over the pixels of a picture, mean over the pictures: 784 times the mse."""
    return float(((x_hat - x) ** 2).mean(axis=0).sum())


print("on test pictures              per picture  per pixel")
for name, x_hat in [
    ("the mean, no code at all", mean),
    ("PCA, 32 components", pca(x_test)),
    ("autoencoder, ReLU on code", relu_code(x_test)),
    ("autoencoder", model(x_test)),
]:
    error = squared_error(x_hat, x_test)
    print(f"{name:<28}{error:>13.3f}{error / 784:>11.5f}")

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
# **What to look at.** PCA may add and subtract its 32 pictures, but it cannot leave the plane: strokes get shadows, and the white
# around them is never quite white. The net has bent its 32-dimensional surface to where the digits are.
#
# ## A linear autoencoder finds PCA
#
# Take the bends out: 784 → 32 → 784 with no ReLU and no sigmoid. The best it can do is PCA's error (Baldi and Hornik 1989).
# Nobody tells it about covariances or eigenvectors; it only walks downhill. The learning rate falls to 0 along the way, so that
# the noise of the minibatches dies out.

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

least = squared_error(pca(x_train), x_train)
reached = 784 * np.array(
    linear_history["val_loss"]
)  # of the training pictures, after each epoch
print(
    f"PCA {least:.3f}, the sum of the other eigenvalues {eigenvalues[:-32].sum():.3f}, linear autoencoder {reached[-1]:.3f}"
)

fig, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
ax.semilogy(linear_history["epoch"], reached - least, "o-", markersize=3)
ax.set(xlabel="epoch", ylabel="squared error above PCA's")
show(ax, f"01_linear_{data.name}")

# %% [markdown]
# Do both span the same plane? The cosines of the angles between two planes are the singular values of $Q^\top V$, where the
# columns of $Q$ are an orthonormal basis of the one (here: of the decoder's weights) and those of $V$ of the other. All of them
# are 1 where the planes are the same.

# %%
Q = np.linalg.qr(linear.params["decoder.0.weight"])[0]  # (784, 32)
cosines = np.linalg.svd(Q.T @ V, compute_uv=False)
print("cosines of the angles between the two planes:", *(f"{c:.2f}" for c in cosines))
print(
    "eigenvalues 1, 2, 3 ... 31, 32, 33, 34:",
    *(f"{eigenvalues[-k]:.2f}" for k in (1, 2, 3, 31, 32, 33, 34)),
)

fig, axes = plt.subplots(2, figsize=(7, 2.1), layout="constrained")
for ax, columns, name in [
    (axes[0], V, "PCA"),
    (axes[1], linear.params["decoder.0.weight"], "linear autoencoder"),
]:
    pictures = columns.T[:10] / np.abs(columns.T[:10]).max(axis=1, keepdims=True)
    ax.imshow(mosaic(pictures, columns=10, fill=np.nan), cmap="RdBu_r", vmin=-1, vmax=1)
    ax.set_axis_off()
    ax.set_title(name, loc="left", fontsize=9)
show(ax, f"01_components_{data.name}")

# %% [markdown]
# **What to look at.** The first ten components of PCA, above, go from coarse to fine, are orthogonal, and come in order. Those
# of the linear autoencoder, below, are none of that: the squared error cares only for the plane, and any basis of it will do.
#
# If the last cosines are below 1, compare the eigenvalues there. Each says how much error its direction would remove. Where
# number 33 is almost as large as number 32, to take the one for the other costs almost nothing, so there is hardly a slope to
# walk down, and it takes long: gradient descent is slowest where it matters least.
#
# ## Exercises
#
# 1. **A code of two numbers.** Build 784-512-256-2 and back. Draw the codes with `plot_codes`, and
#    decode a grid of points of the plane with `model.decode` and `plot_images`. Which digits lie side by side?
#    *Hint: `np.stack(np.meshgrid(...), axis=-1).reshape(-1, 2).astype(np.float32)`.*
# 2. **When do units die?** With the ReLU on the code, count the units that are 0 for all test pictures before training and after
#    each of the first epochs. Then try `LeakyReLU()` in its place. *Hint: call `fit` with `epochs=1` several times, each with
#    another `rng`; the same optimiser goes on where it stopped.*
# 3. **Cross-entropy.** Train with `Objective(reconstruction=bce)`. Derive $da_6$ for both losses: which of the two has no factor
#    $\hat x(1-\hat x)$, and what does that mean for a pixel that is confidently wrong? Compare the mse of both models.
#    *Hint: $d\hat x = (\hat x - x)/(\hat x(1-\hat x))/M$.*
# 4. **Tied weights.** A linear autoencoder with $W_{dec} = W_{enc}^\top$: $\hat x = xW^\top W$. Derive $dW$, write the two sweeps
#    in plain NumPy, and check. *Hint: $W$ enters twice; the chain rule adds one gradient for each place.*
# 5. **PCA by hand.** Show that for orthonormal columns $V$ the squared error of PCA on its own pictures is the sum of the
#    eigenvalues left out, the equality printed above. *Hint: the error is $\operatorname{tr}\big((I-VV^\top)\,C\big)$ with the
#    covariance $C$.*
