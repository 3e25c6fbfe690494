# %% [markdown]
# # 3 · Denoising
#
# *Needs: chapters 0 and 1; the convolutional models are those of chapter 2. Time: about 35 minutes
# to read, a few to run. On a first reading, skip the derivation of the boxed formula.*
#
# Corrupt an image, show the network the corrupted version, and ask for the clean image. Now the
# network cannot simply pass its input through, no matter how wide its code is, because the target
# is not the input. To repair a pixel, it has to know what digits look like. Vincent, Larochelle,
# Bengio and Manzagol proposed this idea in 2008 as a way to learn good codes. It also gives us a
# method for removing noise. And we will see that the network learns something more: where the data
# are.
#
# ![x is corrupted, encoded and decoded. The output is compared with the clean
# x.](figures/03_diagram.svg)

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinyae import Adam, Autoencoder, Linear, Objective, Sequential, Tanh, fit
from tinyae.checking import gradcheck, show_report
from tinyae.data import Gaussian, Masking, SaltAndPepper, load_data
from tinyae.models import basic_autoencoder, conv_autoencoder, conv_denoiser
from tinyae.plots import plot_filters, plot_reconstructions, show
from tinyae.training import psnr

FAST = bool(os.environ.get("TINYAE_FAST"))
FAST_NOTE = "(fast mode: nothing has been learned)\n" if FAST else ""
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
train, test = (data.train[:1000], data.test[:200]) if FAST else (data.train, data.test)
x_train, x_test = train.flat, test.flat
print(data, "->", x_train.shape, x_test.shape)

corruptions = [Gaussian(0.3), Masking(0.5), SaltAndPepper(0.25)]
rng = np.random.default_rng(0)
# one example of each class
few = np.concatenate([np.flatnonzero(test.labels == label)[:1] for label in range(10)])
names = ["Gaussian, σ = 0.3", "masking, ν = 0.5", "salt & pepper, ν = 0.25"]

# %% tags=["hide-input"]
show(
    plot_reconstructions(
        x_test[few],
        *[corrupt(x_test[few], rng) for corrupt in corruptions],
        names=["x", *names],
    ),
    f"03_corruptions_{data.name}",
)

# %% [markdown]
# There are three ways to corrupt an image:
#
# - **Gaussian**: $\tilde x = \operatorname{clip}(x + \sigma\varepsilon,\,0,\,1)$, where
#   $\varepsilon$ is a standard normal value for each pixel. The clipping matters: on a background
#   of $x = 0$ it removes half of the noise.
# - **Masking**: a fixed fraction $\nu$ of the pixels of each image, chosen at random, is set to 0.
#   A pixel that is 0 may be background or hidden ink. Only its neighbors can tell which.
# - **Salt and pepper**: a fraction $\nu$ of the pixels is set to 0 or 1, each with probability ½.
#
# ## The equation
#
# Let $q(\tilde x\mid x)$ be the corruption, $f$ the encoder and $g$ the decoder. Then
#
# $$L = \frac{1}{ND}\sum_{n=1}^{N}\lVert \hat x_n - x_n\rVert^2,\qquad
# \hat x_n = g(f(\tilde x_n)),\quad
# \tilde x_n\sim q(\cdot\mid x_n) .$$
#
# Each training step draws new noise. The network never sees the same input twice, so it cannot
# memorize its inputs.
#
# ## The gradient
#
# There is little to derive. The noise does not depend on the weights. Once it is drawn, $\tilde x$
# is a constant like any other input, and the forward and backward pass are those of chapter 1. Two
# places are different, and it is easy to make a mistake in both. The loss uses the clean image, and
# the first layer uses the corrupted image:
#
# $$d\hat x = \frac{2}{ND}(\hat x - x),\qquad\qquad dW_1 = da_1^\top\,\tilde x .$$
#
# No gradient has to go back through `corrupt`, because there are no weights before $\tilde x$.
#
# ## The code


# %%
def denoising(model, x, rng, sigma=0.3):
    noisy = np.clip(x + sigma * rng.standard_normal(x.shape, dtype=x.dtype), 0, 1)
    z, encoder_caches = model.encoder.forward(noisy)  # the caches keep x̃ for dW₁
    x_hat, decoder_caches = model.decoder.forward(z)
    loss = ((x_hat - x) ** 2).mean()  # x, not noisy
    dx_hat = 2 * (x_hat - x) / x.size
    dz, decoder_grads = model.decoder.backward(dx_hat, decoder_caches)
    _, encoder_grads = model.encoder.backward(dz, encoder_caches)
    return loss, model.named({"encoder": encoder_grads, "decoder": decoder_grads}), {}


# %% [markdown]
# This is an objective. Any function `(model, x, rng) -> loss, grads, terms` is an objective, and
# `fit` can train with it. In the library, it is the basic objective with one more argument:
# `Objective(corrupt=Gaussian(0.3))`. Do they give the same result?

# %%
model = basic_autoencoder(rng=0)
ours, our_grads, _ = denoising(model, x_train[:64], np.random.default_rng(1))
theirs, their_grads, _ = Objective(corrupt=Gaussian(0.3))(
    model, x_train[:64], np.random.default_rng(1)
)
difference = max(
    np.abs(our_grads[name] - their_grads[name]).max() for name in their_grads
)
print(f"loss {ours:.8f} and {theirs:.8f}")
print(f"largest difference of any gradient: {difference:.0e}")

# %% [markdown]
# ## The check
#
# A difference quotient compares two values of $L$. If each value uses its own noise, the difference
# between them comes mostly from the noise and not from the weight, and dividing by a small $h$
# makes it huge. So we fix the noise by using the same seed for both values.

# %%
small = Autoencoder(
    Sequential(Linear(12, 8, rng=0, dtype=np.float64), Tanh()),
    Sequential(Linear(8, 12, rng=1, dtype=np.float64)),
)
x_small = np.random.default_rng(2).uniform(size=(6, 12))
w, h = small.params["encoder.0.weight"], 1e-5
by_hand = denoising(small, x_small, np.random.default_rng(3))[1]["encoder.0.weight"][
    0, 0
]
for name, up_seed, down_seed in [("same noise", 3, 3), ("new noise", 3, 4)]:
    w[0, 0] += h
    up = denoising(small, x_small, np.random.default_rng(up_seed))[0]
    w[0, 0] -= 2 * h
    down = denoising(small, x_small, np.random.default_rng(down_seed))[0]
    w[0, 0] += h
    print(f"{name:<14} by hand {by_hand:.8f}   quotient {(up - down) / (2 * h):.8f}")

show_report(gradcheck(denoising, small, x_small))

# %% [markdown]
# ## What does the network learn? It points back to the data
#
# Consider one corrupted image $\tilde x$. Many different clean images may have led to it. The
# output $y$ with the smallest expected squared error is their mean, because with
# $m = \mathbb E[x\mid\tilde x]$
#
# $$\mathbb E\big[\lVert y - x\rVert^2 \mid \tilde x\big] = \lVert y - m\rVert^2 +
# \mathbb E\big[\lVert x - m\rVert^2 \mid \tilde x\big],$$
#
# and only the first term depends on $y$. So a perfect denoiser outputs
# $\hat x = \mathbb E[x\mid\tilde x]$. For Gaussian noise without clipping, we can say more. Let $p$
# be the density of the clean images. The density of the noisy images is
# $p_\sigma(\tilde x) = \int p(x)\,\mathcal N(\tilde x; x, \sigma^2)\,dx$, which is $p$ blurred by
# the noise. The gradient of the normal density is
# $\nabla_{\tilde x}\mathcal N = \mathcal N\,(x-\tilde x)/\sigma^2$. Hence
#
# $$\nabla p_\sigma(\tilde x) = \int p(x)\,\mathcal N(\tilde x; x,\sigma^2)\,
# \frac{x-\tilde x}{\sigma^2}\,dx
# = p_\sigma(\tilde x)\,\frac{\mathbb E[x\mid\tilde x]-\tilde x}{\sigma^2}$$
#
# and, after dividing by $p_\sigma(\tilde x)$,
#
# $$\boxed{\ \mathbb E[x\mid\tilde x] - \tilde x = \sigma^2\,\nabla\log p_\sigma(\tilde x)\ }$$
#
# The change that a perfect denoiser makes to its input points uphill, toward regions where noisy
# data are more likely. But no one has given it a density. In two dimensions we can plot this. We
# use data on a spiral and a small network. We can also check it: for data points $x_i$, the mean is
# $\mathbb E[x\mid\tilde x] = \sum_i w_i x_i / \sum_i w_i$ with
# $w_i = e^{-\lVert\tilde x-x_i\rVert^2/2\sigma^2}$.

# %%
turn = np.random.default_rng(0).uniform(0.6, 3.2, 4000)
spiral = (
    np.stack([turn * np.cos(3 * turn), turn * np.sin(3 * turn)], axis=1).astype(
        np.float32
    )
    / 3
)  # (4000, 2)
noise = Gaussian(0.12, clip=False)

rng = np.random.default_rng(1)
plane = Autoencoder(
    Sequential(Linear(2, 64, rng=rng), Tanh(), Linear(64, 64, rng=rng), Tanh()),
    Sequential(Linear(64, 2, rng=rng)),
)
for rate in (1e-2, 3e-3, 1e-3):  # first large steps, then small ones
    fit(
        plane,
        spiral,
        Objective(corrupt=noise),
        Adam(plane.params, rate),
        epochs=3 if FAST else 60,
        batch_size=200,
        workers=1,
        progress=not FAST,
    )


def exact(noisy):
    """E[x | x̃] for the points of the spiral."""
    squares = ((noisy[:, None, :] - spiral) ** 2).sum(axis=-1)  # (N, 4000)
    w = np.exp(-squares / (2 * noise.sigma**2))
    return w @ spiral / w.sum(axis=1, keepdims=True)


grid = (
    np.stack(
        np.meshgrid(np.linspace(-1.3, 1.3, 21), np.linspace(-1.3, 1.3, 21)), axis=-1
    )
    .reshape(-1, 2)
    .astype(np.float32)
)
# the part of the grid that noisy training points reach
near = grid[
    ((grid[:, None] - spiral) ** 2).sum(axis=-1).min(axis=1) < (2.5 * noise.sigma) ** 2
]

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.9), layout="constrained", sharey=True)
titles = "network: $\\hat x - \\tilde x$", "$\\sigma^2\\nabla\\log p_\\sigma$"
for ax, name, denoise in zip(axes, titles, (plane, exact), strict=True):
    ax.scatter(*spiral[:1500].T, s=1, color="tab:orange")
    ax.quiver(
        *near.T,
        *(denoise(near) - near).T,
        angles="xy",
        scale_units="xy",
        scale=1,
        width=0.004,
    )
    ax.set(title=name, aspect="equal", xticks=[], yticks=[])
show(axes[0], "03_points_back")

# %%
noisy = noise(spiral, np.random.default_rng(2))
change, ideal = plane(noisy) - noisy, exact(noisy) - noisy
for name, points in [
    ("x̃", noisy),
    ("the network's x̂", plane(noisy)),
    ("E[x|x̃]", exact(noisy)),
]:
    distance = ((points - spiral) ** 2).sum(axis=1).mean()
    print(f"mean squared distance of {name} from the clean point: {distance:.5f}")
correlation = np.corrcoef(change.ravel(), ideal.ravel())[0, 1]
print(f"correlation of the network's changes and the exact ones: {correlation:.4f}")
print(FAST_NOTE, end="")

# %% [markdown]
# **What to look at.** Each arrow is the change that the network makes to one point, drawn at its
# true length. In which direction do the arrows point, and where do they end? Noise *along* the
# curve cannot be detected, so it is not removed. Only the right plot was computed with the formula.
# Where do the two plots differ? Few noisy training points are far from the spiral, so the network
# has little to learn from there. A good code should follow the data and ignore the direction across
# it. The chapter on contractive autoencoders adds a penalty for exactly this.
#
# <details><summary>Answer</summary>
#
# The arrows point to the nearest part of the curve, and they end on it or close to it. After a full
# training the two plots are almost the same where there are many noisy training points. They differ
# far from the spiral and between its arms. There the exact arrows point to an average of two arms,
# and the network has seen few examples. (In fast mode the network has had only a few steps, and its
# arrows are too short or point elsewhere. The right plot is always correct.)
#
# </details>
#
# ## The experiment
#
# We use noise with $\sigma = 0.3$ and train three models: that of chapter 1, a convolutional model,
# and a convolutional model without its innermost layers, whose code of 64×7×7 values is not a
# bottleneck at all. For comparison, we use the plain autoencoder of chapter 1, which has never seen
# noise, and a classical filter that replaces each pixel with the median of the 3×3 pixels around
# it.
#
# We measure the peak signal-to-noise ratio, $\mathrm{PSNR} = 10\log_{10}(1/\mathrm{MSE})$ in
# decibels, for images in [0, 1]. An increase of 10 dB means one tenth of the squared error, and 3
# dB means about half of it.


# %%
def trained(model, objective, epochs, x=x_train):
    fit(
        model,
        x,
        objective,
        Adam(model.params, lr=1e-3),
        epochs=1 if FAST else epochs,
        progress=not FAST,
    )
    return model


def output(model, x):
    """model(x) as rows, computed for 500 images at a time."""
    return np.concatenate(
        [model(x[i : i + 500]) for i in range(0, len(x), 500)]
    ).reshape(len(x), -1)


def median_filter(x):
    images = x.reshape(-1, *test.images.shape[2:])
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)), mode="edge")
    # (N, H, W, 3, 3)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    windows = windows.reshape(*images.shape, 9)
    return np.partition(windows, 4, axis=-1)[..., 4].reshape(x.shape)


def error(x_hat):
    return float(((x_hat - x_test) ** 2).mean())


noise = Gaussian(0.3)
plain = trained(basic_autoencoder(rng=0), Objective(), epochs=5)
dense = trained(basic_autoencoder(rng=0), Objective(corrupt=noise), epochs=10)
# convolutional models are slow to train, so they get fewer steps than the dense one
epochs = 2 if len(x_train) > 30_000 else 8
conv = trained(conv_autoencoder(rng=0), Objective(corrupt=noise), epochs, train.images)
wide = trained(conv_denoiser(rng=0), Objective(corrupt=noise), epochs, train.images)
print(
    f"training steps: plain {5 * len(x_train) // 128:,}, "
    f"denoising {10 * len(x_train) // 128:,}, "
    f"convolutional {epochs * len(x_train) // 128:,}"
)


def on_images(model):
    return lambda x: output(model, x.reshape(-1, *test.images.shape[1:]))


methods = {
    "noisy": lambda noisy: noisy,
    "median of 3×3": median_filter,
    "plain": lambda noisy: output(plain, noisy),
    "denoising": lambda noisy: output(dense, noisy),
    "convolutional": on_images(conv),
    "no bottleneck": on_images(wide),
}
noisy = noise(x_test, np.random.default_rng(0))
results = {name: method(noisy) for name, method in methods.items()}
# the same noise, before it is clipped
unclipped = Gaussian(0.3, clip=False)(x_test, np.random.default_rng(0))
print(
    f"{'given noisy images':<24}{'MSE':>9}{'PSNR':>9}"
    f"{'gain over noisy':>20}{'gain over unclipped':>24}"
)
for name, x_hat in {"noisy, unclipped": unclipped, **results}.items():
    gains = [psnr(error(x_hat)) - psnr(error(before)) for before in (noisy, unclipped)]
    print(
        f"{name:<24}{error(x_hat):>9.5f}{psnr(error(x_hat)):>9.2f}"
        f"{gains[0]:>+17.2f} dB{gains[1]:>+21.2f} dB"
    )
print(FAST_NOTE, end="")

# %% tags=["hide-input"]
show(
    plot_reconstructions(
        x_test[few],
        *[x_hat[few] for x_hat in results.values()],
        names=["original", *results],
    ),
    f"03_denoised_{data.name}",
)

# %% [markdown]
# **What to look at.** The median filter knows nothing about digits. It removes single dots, but
# what does it do to thin strokes? The decoder of the plain model can draw only strokes, but its
# encoder was never trained on noisy images. Are they the right strokes? The denoising models draw
# what was probably there. Find a place where they are wrong, and cover the original: would you have
# noticed? Compare the last row with the others, and look at the table too. A narrow code loses some
# detail of every image, with or without noise. If all you want is a clean image, you do not need to
# accept this loss. Which model would you choose if you wanted to learn a *code*?
#
# <details><summary>Answer</summary>
#
# The median filter makes thin strokes thinner, breaks them, or removes them, because in a 3 × 3
# window most pixels are background. The plain model draws strokes that are often the wrong ones:
# its encoder was trained on clean images only, and noise moves the code. The denoising models draw
# what was probably there, and where they are wrong, the result still looks like a digit. Without
# the original you would rarely notice.
#
# The model without a bottleneck has the best PSNR at this noise level after a full training,
# because it does not lose the detail that a narrow code loses. For a clean image, choose this one.
# For a *code*, choose a narrow one: the code of the other has more values than the image. (In fast
# mode the median filter may win, because it is the only method that needs no training.)
#
# </details>
#
# ## Noise levels that the network was not trained for
#
# The network has seen $\sigma = 0.3$ and nothing else. What does it do with less noise, with no
# noise, or with more?

# %%
sigmas = np.linspace(0, 1, 6 if FAST else 11)
part = slice(0, 1000)
curves = {name: [] for name in methods}
for sigma in sigmas:
    noisy = Gaussian(float(sigma))(x_test[part], np.random.default_rng(0))
    for name, method in methods.items():
        mse = float(((method(noisy) - x_test[part]) ** 2).mean())
        curves[name].append(psnr(max(mse, 1e-4)))  # an MSE of 0 would give ∞

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
for name, style in zip(methods, ["k:", "C2-", "C0-", "C3-", "C1-", "C4-"], strict=True):
    ax.plot(sigmas, curves[name], style, marker="o", markersize=3, label=name)
ax.axvline(noise.sigma, color="gray", linewidth=0.8)
ax.text(noise.sigma, ax.get_ylim()[0], " trained here", color="gray", va="bottom")
ax.set(xlabel="noise level σ", ylabel="PSNR in dB", ylim=(None, 30))
ax.legend(frameon=False)
ax.grid(alpha=0.3)
show(ax, f"03_levels_{data.name}")

# %%
print(f"{'PSNR in dB,  σ':<16}" + "".join(f"{sigma:>7.1f}" for sigma in sigmas))
for name, curve in curves.items():
    print(f"{name:<16}" + "".join(f"{value:>7.2f}" for value in curve))
print(FAST_NOTE, end="")

# %% [markdown]
# **What to look at.** Does a denoiser work best at the noise level that it was trained for, or at a
# lower one? Which method is best if there is no noise at all? A denoiser has learned how much of
# its input is noise on average, and it cannot tell that this time there is none. What happens to
# the right of the vertical line? Where does each curve cross the dotted one? To the left of this
# point, it would be better to leave the image unchanged.
#
# <details><summary>Answer</summary>
#
# Its result is best at low noise, not at the level of the training: at 0.3 there is simply more to
# guess. Without any noise, leaving the image unchanged is perfect, so no method can be better. The
# denoisers lose something there, the narrow ones most of all. To the right of the vertical line all
# curves fall. The models with a narrow code fall more slowly than the one without a bottleneck,
# because whatever the input, their decoders can draw only strokes. Each trained denoiser crosses
# the dotted line at a noise level below 0.3.
#
# </details>
#
# ## Other kinds of noise
#
# We train one model for each kind of noise, all for the same number of epochs, and test each of
# them on every kind.

# %%
models = {
    corrupt: trained(basic_autoencoder(rng=0), Objective(corrupt=corrupt), epochs=4)
    for corrupt in corruptions
}

corrupted = {
    corrupt: corrupt(x_test, np.random.default_rng(0)) for corrupt in corruptions
}
print(
    f"{'PSNR in dB':<26}"
    + "".join(f"{'input: ' + str(c).partition('(')[0]:>22}" for c in corruptions)
)
print(
    f"{'unchanged':<26}"
    + "".join(f"{psnr(error(corrupted[c])):>22.2f}" for c in corruptions)
)
for learned, model in {None: plain, **models}.items():
    name = (
        "plain" if learned is None else "trained on " + str(learned).partition("(")[0]
    )
    print(
        f"{name:<26}"
        + "".join(
            f"{psnr(error(output(model, corrupted[c]))):>22.2f}" for c in corruptions
        )
    )
print(FAST_NOTE, end="")

rows, labels = [x_test[few]], ["original"]
for corrupt, name in zip(corruptions[1:], names[1:], strict=True):
    rows += [corrupted[corrupt][few], output(models[corrupt], corrupted[corrupt][few])]
    labels += [name, "denoised"]

# %% tags=["hide-input"]
show(plot_reconstructions(*rows, names=labels), f"03_kinds_{data.name}")

# %% [markdown]
# **What to look at.** Is each model the best one for its own kind of noise? Which training helps
# most with a kind of noise that it has not seen? Masking only removes ink. So a model trained on it
# has learned only to add ink. What will it do with pixels that noise has set to 1 ("salt"), which
# look like ink?
#
# <details><summary>Answer</summary>
#
# After a full training, each model is the best or close to the best for its own noise: the diagonal
# of the table. Training on Gaussian noise or on salt and pepper helps with the other one of the
# two. Training on masking usually helps least: it has taught the model to trust every pixel with
# ink and to add ink between them. So it connects the dots of the salt to strokes that were never
# there. (In fast mode the rows hardly differ.)
#
# </details>
#
# How has the noise changed the filters? Here is the first layer of both models. They started from
# the same random weights:

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(6, 3.2), layout="constrained")
for ax, name, model in [(axes[0], "plain", plain), (axes[1], "denoising", dense)]:
    plot_filters(model, 25, ax)
    ax.set_title(name)
show(axes[0], f"03_filters_{data.name}")

# %% [markdown]
# **What to look at.** With noise, a single pixel is no longer reliable, so a unit must combine many
# pixels. Compare the noisy regions of the filters on the left with the same regions on the right:
# what do you see there now? Look at the weights near the border too.
#
# <details><summary>Answer</summary>
#
# After a full training, the filters on the right are smoother: where the left ones have a grainy
# pattern, the right ones have larger connected regions of one sign, often strokes and edges. Near
# the border, the images are always 0 without noise. So the gradient there is always 0, and the
# weights on the left still have their random initial values. With noise, these pixels vary but
# carry no information, and training pushes their weights toward 0. (In fast mode both sides look
# almost the same.)
#
# </details>
#
# ## Exercises
#
# Answers: [answers/03_denoising.py](answers/03_denoising.py)
#
# 1. **The wrong target.** Train a model whose loss compares $\hat x$ with $\tilde x$ instead of
#    $x$. What is the best output now, and what does the model output for a clean image? Make a
#    prediction before you train. *Hint: which part of $\tilde x$ can pass through 32 dimensions?*
# 2. **Any amount of noise.** Write a corruption that draws a new $\sigma$ between 0 and 0.6 for
#    each image, and train a model with it. Add its curve to the figure with the noise levels. How
#    much worse is it at $\sigma = 0.3$? *Hint: a corruption is any function `(x, rng) -> x̃`.*
# 3. **A skip connection.** Let the network compute the *change*:
#    $\hat x = \tilde x + g(f(\tilde x))$. Which lines of `denoising` change, and does $dW_1$ get a
#    new term? Try it on the spiral. *Hint: there are no weights on the new path from $\tilde x$ to
#    $L$.*
# 4. **A case with a formula.** Let $x\sim\mathcal N(0, s^2)$ in one dimension. Show that
#    $\mathbb E[x\mid\tilde x] = \tilde x\,s^2/(s^2+\sigma^2)$ and that the boxed formula agrees.
#    *Hint: $\tilde x\sim\mathcal N(0, s^2+\sigma^2)$.*
# 5. **Walk uphill.** Start from pure noise and apply the denoiser to its own output twenty times.
#    Do digits appear? What happens if you add some noise after each step? *Hint: by the boxed
#    formula, each step is a step of gradient ascent on $\log p_\sigma$, the density of noisy
#    images. It starts at a mean of many digits.*
#
# - Graded: [Exercise 13 · Repair what was destroyed](exercises/13_denoising.py), `tinyae exercise start denoising`
#
# **You can now** train a denoiser, check an objective that contains random noise, and say what a
# perfect denoiser computes.
#
# **Next:** chapter 4 keeps a wide code from copying in another way: only a few units may be active.
#
# **In the real world:** denoisers clean microscope images for which no clean example exists (Krull,
# Buchholz and Jug, *Noise2Void*, 2019). By the boxed formula (Vincent, *A connection between score
# matching and denoising autoencoders*, 2011) a denoiser is also a generator: diffusion models are
# denoisers for all noise levels (Ho, Jain and Abbeel, *Denoising diffusion probabilistic models*,
# 2020). Masking inputs and restoring them trains language models (Devlin et al., *BERT*, 2019) and
# vision models (He et al., *Masked autoencoders are scalable vision learners*, 2022).
