# %% [markdown]
# # 3 · Denoising
#
# Spoil a picture, show the net what is left, and ask for the clean picture. Now it cannot simply pass its input through, however
# wide its code may be: the answer is not in the input. To repair a pixel it has to know what digits look like. Vincent,
# Larochelle, Bengio and Manzagol had this idea in 2008, in order to learn good codes. It also gives a machine that removes noise,
# and we shall see that it learns more than that: where the data are.
#
# ```
#                    noise, another draw each time
#                         ↓
#      x ──────────▶  corrupt ──x̃──▶ encoder ──z──▶ decoder ──▶ x̂
#      │                                                        │
#      └──────────────────── compared with x, not with x̃ ───────┘
# ```

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinyae import Adam, Autoencoder, Linear, Objective, Sequential, Tanh, fit
from tinyae.checking import gradcheck
from tinyae.data import Gaussian, Masking, SaltAndPepper, load_data
from tinyae.models import basic_autoencoder, conv_autoencoder, conv_denoiser
from tinyae.plots import plot_filters, plot_reconstructions, show
from tinyae.training import psnr

FAST = bool(os.environ.get("TINYAE_FAST"))
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
train, test = (data.train[:1000], data.test[:200]) if FAST else (data.train, data.test)
x_train, x_test = train.flat, test.flat
print(data, "->", x_train.shape, x_test.shape)

corruptions = [Gaussian(0.3), Masking(0.5), SaltAndPepper(0.25)]
rng = np.random.default_rng(0)
few = np.concatenate(
    [np.flatnonzero(test.labels == label)[:1] for label in range(10)]
)  # one example of each class
names = ["Gaussian, σ = 0.3", "masking, ν = 0.5", "salt & pepper, ν = 0.25"]
show(
    plot_reconstructions(
        x_test[few],
        *[corrupt(x_test[few], rng) for corrupt in corruptions],
        names=["x", *names],
    ),
    f"03_corruptions_{data.name}",
)

# %% [markdown]
# Three ways to spoil a picture:
#
# - **Gaussian**: $\tilde x = \operatorname{clip}(x + \sigma\varepsilon,\,0,\,1)$, for each pixel a standard normal $\varepsilon$.
#   The clip matters: on white paper it cuts off half of the noise.
# - **Masking**: exactly a share $\nu$ of each picture's pixels, chosen at random, becomes 0. A pixel that is 0 may be paper, or
#   may be hidden ink: that can only be seen from its neighbours.
# - **Salt and pepper**: a share $\nu$ becomes 0 or 1 by the toss of a coin.
#
# ## The equation
#
# With a corruption $q(\tilde x\mid x)$, the encoder $f$ and the decoder $g$:
#
# $$L = \frac{1}{ND}\sum_{n=1}^{N}\lVert \hat x_n - x_n\rVert^2,\qquad \hat x_n = g(f(\tilde x_n)),\quad
# \tilde x_n\sim q(\cdot\mid x_n) .$$
#
# Each step of the training draws its own noise. The net never sees the same picture twice, so it cannot learn pictures by heart.
#
# ## The gradient
#
# There is little to derive. The noise does not depend on the weights: once it is drawn, $\tilde x$ is a constant like any
# other input, and the two sweeps are those of chapter 1. Two lines are new, and both are places for mistakes. The clean
# picture enters at the top, the spoiled one at the bottom:
#
# $$d\hat x = \frac{2}{ND}(\hat x - x),\qquad\qquad dW_1 = da_1^\top\,\tilde x .$$
#
# Nothing goes back through `corrupt`: below $\tilde x$ there are no weights.
#
# ## The code


# %%
def denoising(model, x, rng, sigma=0.3):
    seen = np.clip(x + sigma * rng.standard_normal(x.shape, dtype=x.dtype), 0, 1)
    z, encoder_caches = model.encoder.forward(seen)  # which keep x̃ for dW₁
    x_hat, decoder_caches = model.decoder.forward(z)
    loss = ((x_hat - x) ** 2).mean()  # x, not seen
    dx_hat = 2 * (x_hat - x) / x.size
    dz, decoder_grads = model.decoder.backward(dx_hat, decoder_caches)
    _, encoder_grads = model.encoder.backward(dz, encoder_caches)
    return loss, model.named({"encoder": encoder_grads, "decoder": decoder_grads}), {}


# %% [markdown]
# This is an objective: any function `(model, x, rng) -> loss, grads, parts` is one, and `fit` will train with it. In the library
# it is the basic objective with one part more, `Objective(corrupt=Gaussian(0.3))`. Is it the same?

# %%
model = basic_autoencoder(rng=0)
ours, our_grads, _ = denoising(model, x_train[:64], np.random.default_rng(1))
theirs, their_grads, _ = Objective(corrupt=Gaussian(0.3))(
    model, x_train[:64], np.random.default_rng(1)
)
print(
    f"loss {ours:.8f} and {theirs:.8f}, largest difference between any two gradients: "
    f"{max(np.abs(our_grads[name] - their_grads[name]).max() for name in their_grads):.0e}"
)

# %% [markdown]
# ## The check
#
# A difference quotient compares two values of $L$. If each of them draws its own noise, their difference is the noise's and not
# the weight's, and dividing by a small $h$ makes it huge. So the draw is held still: the same seed for both.

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
for name, up_seed, down_seed in [("the same draw", 3, 3), ("a fresh draw", 3, 4)]:
    w[0, 0] += h
    up = denoising(small, x_small, np.random.default_rng(up_seed))[0]
    w[0, 0] -= 2 * h
    down = denoising(small, x_small, np.random.default_rng(down_seed))[0]
    w[0, 0] += h
    print(f"{name:<14} by hand {by_hand:.8f}   quotient {(up - down) / (2 * h):.8f}")

print(gradcheck(denoising, small, x_small))

# %% [markdown]
# ## What does it learn? It points back to the data
#
# Fix one spoiled picture $\tilde x$. Many clean ones may have led to it. The answer $y$ with the smallest expected squared error
# is their mean, because with $m = \mathbb E[x\mid\tilde x]$
#
# $$\mathbb E\big[\lVert y - x\rVert^2 \mid \tilde x\big] = \lVert y - m\rVert^2
# + \mathbb E\big[\lVert x - m\rVert^2 \mid \tilde x\big],$$
#
# and $y$ is only in the first part. So a perfect denoiser answers $\hat x = \mathbb E[x\mid\tilde x]$. For Gaussian noise without
# a clip there is more. With $p$ the density of clean pictures, that of spoiled ones is $p_\sigma(\tilde x) =
# \int p(x)\,\mathcal N(\tilde x; x, \sigma^2)\,dx$, which is $p$ blurred by the noise, and the gradient of the normal density is
# $\nabla_{\tilde x}\mathcal N = \mathcal N\,(x-\tilde x)/\sigma^2$. Hence
#
# $$\nabla p_\sigma(\tilde x) = \int p(x)\,\mathcal N(\tilde x; x,\sigma^2)\,\frac{x-\tilde x}{\sigma^2}\,dx
# = p_\sigma(\tilde x)\,\frac{\mathbb E[x\mid\tilde x]-\tilde x}{\sigma^2}$$
#
# and, divided by $p_\sigma(\tilde x)$,
#
# $$\boxed{\ \mathbb E[x\mid\tilde x] - \tilde x = \sigma^2\,\nabla\log p_\sigma(\tilde x)\ }$$
#
# What a perfect denoiser adds to its input points uphill, to where spoiled data are likely. Nobody has told it a density. In two
# dimensions this can be drawn: data on a spiral, and a small net. And it can be checked: for data points $x_i$ the mean is
# $\mathbb E[x\mid\tilde x] = \sum_i w_i x_i / \sum_i w_i$ with $w_i = e^{-\lVert\tilde x-x_i\rVert^2/2\sigma^2}$.

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
for rate in (1e-2, 3e-3, 1e-3):  # first far, then fine
    fit(
        plane,
        spiral,
        Objective(corrupt=noise),
        Adam(plane.params, rate),
        epochs=3 if FAST else 60,
        batch_size=200,
        workers=1,
        progress=False,
    )


def exact(seen):
    """E[x | x̃] for the points of the spiral."""
    squares = ((seen[:, None, :] - spiral) ** 2).sum(axis=-1)  # (N, 4000)
    w = np.exp(-squares / (2 * noise.sigma**2))
    return w @ spiral / w.sum(axis=1, keepdims=True)


grid = (
    np.stack(
        np.meshgrid(np.linspace(-1.3, 1.3, 21), np.linspace(-1.3, 1.3, 21)), axis=-1
    )
    .reshape(-1, 2)
    .astype(np.float32)
)
near = grid[
    ((grid[:, None] - spiral) ** 2).sum(axis=-1).min(axis=1) < (2.5 * noise.sigma) ** 2
]  # where training points get to
fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.9), layout="constrained", sharey=True)
titles = "the net: $\\hat x - \\tilde x$", "$\\sigma^2\\nabla\\log p_\\sigma$"
for ax, name, answer in zip(axes, titles, (plane, exact), strict=True):
    ax.scatter(*spiral[:1500].T, s=1, color="tab:orange")
    ax.quiver(
        *near.T,
        *(answer(near) - near).T,
        angles="xy",
        scale_units="xy",
        scale=1,
        width=0.004,
    )
    ax.set(title=name, aspect="equal", xticks=[], yticks=[])
show(axes[0], "03_points_back")

seen = noise(spiral, np.random.default_rng(2))
step, ideal = plane(seen) - seen, exact(seen) - seen
for name, points in [
    ("x̃", seen),
    ("the net's x̂", plane(seen)),
    ("E[x|x̃]", exact(seen)),
]:
    print(
        f"mean squared distance of {name} from the clean point: {((points - spiral) ** 2).sum(axis=1).mean():.5f}"
    )
print(
    f"the net's steps and the exact ones: correlation {np.corrcoef(step.ravel(), ideal.ravel())[0, 1]:.4f}"
)

# %% [markdown]
# **What to look at.** Each arrow is a step of the net, drawn at its true length. They stand across the spiral and end near it:
# noise *along* the curve cannot be seen, so it is left alone. Only one of the two pictures was given the formula. Where do they
# differ? Far from the data, where a noisy point seldom got, the net has seen too little to know. A code that follows the data
# and forgets the way across: the chapter on contraction asks for that by a penalty.
#
# ## The experiment
#
# Noise of $\sigma = 0.3$, on chapter 1's model, on the convolutional one, and on a convolutional one without its innermost
# layer: its code of 64×7×7 numbers is no bottleneck at all. For comparison: the plain autoencoder of chapter 1, which has never
# seen noise, and an old-fashioned filter that replaces each pixel by the median of the 3×3 around it.
#
# The measure is the peak signal-to-noise ratio, $\mathrm{PSNR} = 10\log_{10}(1/\mathrm{MSE})$ decibels for pictures in [0, 1]:
# 10 dB more is a tenth of the squared error, 3 dB about half.


# %%
def trained(model, objective, epochs, x=x_train):
    fit(
        model,
        x,
        objective,
        Adam(model.params, lr=1e-3),
        epochs=1 if FAST else epochs,
        progress=False,
    )
    return model


def output(model, x):
    """model(x), some pictures at a time, as rows."""
    return np.concatenate(
        [model(x[i : i + 500]) for i in range(0, len(x), 500)]
    ).reshape(len(x), -1)


def median_filter(x):
    pictures = x.reshape(-1, *test.images.shape[2:])
    padded = np.pad(pictures, ((0, 0), (1, 1), (1, 1)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(
        padded, (3, 3), axis=(1, 2)
    )  # (N, H, W, 3, 3)
    return np.partition(windows.reshape(*pictures.shape, 9), 4, axis=-1)[
        ..., 4
    ].reshape(x.shape)


def error(x_hat):
    return float(((x_hat - x_test) ** 2).mean())


noise = Gaussian(0.3)
plain = trained(basic_autoencoder(rng=0), Objective(), epochs=5)
dense = trained(basic_autoencoder(rng=0), Objective(corrupt=noise), epochs=10)
passes = (
    2 if len(x_train) > 30_000 else 8
)  # dear ones: fewer steps than the dense model's
conv = trained(conv_autoencoder(rng=0), Objective(corrupt=noise), passes, train.images)
wide = trained(conv_denoiser(rng=0), Objective(corrupt=noise), passes, train.images)
print(
    f"steps of training: plain {5 * len(x_train) // 128:,}, denoising {10 * len(x_train) // 128:,}, "
    f"convolutional {passes * len(x_train) // 128:,}"
)


def on_pictures(model):
    return lambda x: output(model, x.reshape(-1, *test.images.shape[1:]))


ways = {
    "noisy": lambda seen: seen,
    "median of 3×3": median_filter,
    "plain": lambda seen: output(plain, seen),
    "denoising": lambda seen: output(dense, seen),
    "convolutional": on_pictures(conv),
    "no bottleneck": on_pictures(wide),
}
seen = noise(x_test, np.random.default_rng(0))
results = {name: way(seen) for name, way in ways.items()}
print(
    f"{'given noisy pictures':<24}{'MSE':>9}{'PSNR':>9}{'gain: on what it sees':>24}{'on the noise before the clip':>31}"
)
uncut = Gaussian(0.3, clip=False)(
    x_test, np.random.default_rng(0)
)  # the same noise before the clip
for name, x_hat in {"noisy, before the clip": uncut, **results}.items():
    gains = [psnr(error(x_hat)) - psnr(error(before)) for before in (seen, uncut)]
    print(
        f"{name:<24}{error(x_hat):>9.5f}{psnr(error(x_hat)):>9.2f}{gains[0]:>+21.2f} dB{gains[1]:>+28.2f} dB"
    )

# %%
show(
    plot_reconstructions(
        x_test[few],
        *[x_hat[few] for x_hat in results.values()],
        names=["original", *results],
    ),
    f"03_denoised_{data.name}",
)

# %% [markdown]
# **What to look at.** The median filter knows nothing of digits: single dots go, and what happens to thin strokes? The plain
# model's decoder knows nothing but strokes, but its encoder was never asked to look through noise: are they the right ones? The
# denoising models draw what is probably there. Look for a place where they are wrong, and cover the original: would you have seen
# it? And compare the last row with the others, in the table, too. A narrow code loses something of every picture, with noise or
# without; who only has to clean need not pay that. Which of the rows would you choose to learn a *code* from?
#
# ## Noise that it was not trained for
#
# The net has seen $\sigma = 0.3$ and nothing else. What does it do with less, with none, with more?

# %%
sigmas = np.linspace(0, 1, 6 if FAST else 11)
part = slice(0, 1000)
curves = {name: [] for name in ways}
for sigma in sigmas:
    spoiled = Gaussian(float(sigma))(x_test[part], np.random.default_rng(0))
    for name, way in ways.items():
        curves[name].append(
            psnr(max(float(((way(spoiled) - x_test[part]) ** 2).mean()), 1e-4))
        )  # no noise would be ∞

fig, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
for name, style in zip(ways, ["k:", "C2-", "C0-", "C3-", "C1-", "C4-"], strict=True):
    ax.plot(sigmas, curves[name], style, marker="o", markersize=3, label=name)
ax.axvline(noise.sigma, color="grey", linewidth=0.8)
ax.text(noise.sigma, ax.get_ylim()[0], " trained here", color="grey", va="bottom")
ax.set(xlabel="σ of the noise", ylabel="PSNR in dB", ylim=(None, 30))
ax.legend(frameon=False)
ax.grid(alpha=0.3)
show(ax, f"03_levels_{data.name}")

print(f"{'PSNR in dB,  σ':<16}" + "".join(f"{sigma:>7.1f}" for sigma in sigmas))
for name, curve in curves.items():
    print(f"{name:<16}" + "".join(f"{value:>7.2f}" for value in curve))

# %% [markdown]
# **What to look at.** Is a denoiser at its best at the noise that it was trained for, or at less? And who is best where there is
# no noise at all? A denoiser mistrusts its eyes: it has learned how much of what it sees is chance, and it cannot see that today
# there is none. Right of the line it fades slowly. Where does each curve cross the dotted one? To the left of that point it would
# be better to leave the picture as it is.
#
# ## Other noise
#
# One model for each kind of noise, trained as long as each other, and each of them tried on every kind.

# %%
models = {
    corrupt: trained(basic_autoencoder(rng=0), Objective(corrupt=corrupt), epochs=4)
    for corrupt in corruptions
}

spoiled = {
    corrupt: corrupt(x_test, np.random.default_rng(0)) for corrupt in corruptions
}
print(
    "PSNR in dB           "
    + "".join(f"{str(c).partition('(')[0] + ' seen':>22}" for c in corruptions)
)
print(
    f"{'as it is':<21}"
    + "".join(f"{psnr(error(spoiled[c])):>22.2f}" for c in corruptions)
)
for learned, model in {None: plain, **models}.items():
    name = "plain" if learned is None else "on " + str(learned).partition("(")[0]
    print(
        f"{name:<21}"
        + "".join(
            f"{psnr(error(output(model, spoiled[c]))):>22.2f}" for c in corruptions
        )
    )

rows, labels = [x_test[few]], ["original"]
for corrupt, name in zip(corruptions[1:], names[1:], strict=True):
    rows += [spoiled[corrupt][few], output(models[corrupt], spoiled[corrupt][few])]
    labels += [name, "repaired"]
show(plot_reconstructions(*rows, names=labels), f"03_kinds_{data.name}")

# %% [markdown]
# **What to look at.** Is each model the best one for its own noise? Which training helps most with noise that it has not seen?
# Masking only ever takes ink away: a model trained on it has learned to add, and salt it takes for ink.
#
# What has the noise done to the filters? The first layer of both models, which began with the same random numbers:

# %%
fig, axes = plt.subplots(1, 2, figsize=(6, 3.2), layout="constrained")
for ax, name, model in [(axes[0], "plain", plain), (axes[1], "denoising", dense)]:
    plot_filters(model, 25, ax)
    ax.set_title(name)
show(axes[0], f"03_filters_{data.name}")

# %% [markdown]
# **What to look at.** A single pixel can no longer be trusted, so a unit must listen to many that speak together: the noisy
# patches of chapter 1 become smooth, and strokes, edges and blobs appear. The weights at the rim are gone as well. There the
# picture was always white and the gradient always 0; now the noise is there, it carries no news, and its weights are driven to 0.
#
# ## Exercises
#
# 1. **The wrong target.** Compare $\hat x$ with $\tilde x$ in place of $x$. What is the best answer now, and what does the model
#    give for a clean picture? Predict, then train. *Hint: which part of $\tilde x$ fits through 32 numbers?*
# 2. **Any amount of noise.** Write a corruption that draws a $\sigma$ between 0 and 0.6 for each picture anew. Add its curve to
#    the picture of the levels. What does it pay at $\sigma = 0.3$? *Hint: a corruption is any function `(x, rng) -> x̃`.*
# 3. **A shortcut.** Let the net compute what to *add*: $\hat x = \tilde x + g(f(\tilde x))$. Which lines of `denoising` change,
#    and does $dW_1$ get a new term? Try it on the spiral. *Hint: the new path from $\tilde x$ to $L$ has no weights on it.*
# 4. **A case with a formula.** Let $x\sim\mathcal N(0, s^2)$ in one dimension. Show that $\mathbb E[x\mid\tilde x] =
#    \tilde x\,s^2/(s^2+\sigma^2)$ and that the boxed formula agrees. *Hint: $\tilde x\sim\mathcal N(0, s^2+\sigma^2)$.*
# 5. **Walk uphill.** Start from pure noise and apply the denoiser to its own output twenty times. Do digits appear? What if some
#    noise is added after each step? *Hint: the boxed formula makes each step one of gradient ascent; it begins at a mean of many
#    digits.*
