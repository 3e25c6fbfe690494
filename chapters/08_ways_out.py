# %% [markdown]
# # 8 · Ways out
#
# *Needs: chapters 1 and 7, and what a normal distribution and a KL divergence are (chapter 4).
# Time: about 75 minutes to read, about 10 to run. On a first reading, skip “An estimate of the
# likelihood” and part 3.*
#
# Chapter 7 showed three limitations of an autoencoder. Codes that never occurred in training decode
# to nothing in particular. Images with nearly the same code are averaged, which gives blur. And the
# error is not a likelihood. Here are four remedies. Each of them is a different loss for the same
# kind of network. A **variational** autoencoder says where codes should be, and it decodes small
# clouds of codes instead of single points. An **adversarial code** has the same goal, and reaches
# it with a second network, a **discriminator**. A **perceptual loss** compares the features of two
# images, and not only their pixels. And an **image discriminator** learns to detect the blur. We
# evaluate all of them as in chapter 7. Each of them has a price.
#
# ![Five rows of encoder and decoder. Each but the first has an additional term, on the code or on
# the output.](figures/08_diagram.svg)

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinyae import (
    Adam,
    Autoencoder,
    LeakyReLU,
    Linear,
    Objective,
    ReLU,
    Sequential,
    Sigmoid,
    bce,
    fit,
    mse,
)
from tinyae.applications import accuracy, classification, decode_grid
from tinyae.applications.sample_quality import (
    max_probability,
    nearest_neighbors,
    sharpness,
)
from tinyae.checking import gradcheck, show_report
from tinyae.data import load_data
from tinyae.losses import Perceptual
from tinyae.models import basic_autoencoder, classifier, discriminator, vae
from tinyae.objectives.adversarial import (
    Adversarial,
    GeneratorLoss,
    code_batches,
    discriminator_loss,
    image_batches,
)
from tinyae.objectives.variational import Variational, gaussian_kl
from tinyae.plots import mosaic, plot_codes, plot_images, plot_reconstructions, show

FAST = bool(os.environ.get("TINYAE_FAST"))
FAST_NOTE = "(fast mode: nothing has been learned)\n" if FAST else ""
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
train, test = (data.train[:1000], data.test[:200]) if FAST else (data.train, data.test)
x_train, x_test = train.flat, test.flat
n = 100 if FAST else 1000  # images to evaluate
print(data, "->", x_train.shape, x_test.shape)


def epochs(steps):
    """The number of epochs for about this many steps of 128 images."""
    return 1 if FAST else round(steps * 128 / len(x_train))


def trained(model, steps, objective, x=x_train):
    fit(
        model,
        x,
        objective,
        Adam(model.params, lr=1e-3),
        epochs(steps),
        progress=not FAST,
    )
    return model


def output(net, x):
    return np.concatenate([net(x[i : i + 500]) for i in range(0, len(x), 500)])


# The classifier and the scores of chapter 7
rng = np.random.default_rng(0)
digit_classifier = trained(
    classifier(rng=0), 1500, classification, (x_train, train.labels)
)
test_accuracy = accuracy(digit_classifier, x_test, test.labels)
print(f"accuracy of the classifier on test images: {test_accuracy:.4f}")
HEADING = f"{'':<32}{'confidence > 0.9':>16}{'nearest (median)':>18}{'sharpness':>12}"


def print_scores(name, x):
    confidence = max_probability(digit_classifier, x)
    distance, _ = nearest_neighbors(x, x_train)
    print(
        f"{name:<32}{(confidence > 0.9).mean():>16.1%}"
        f"{np.median(distance):>18.2f}{np.median(sharpness(x)):>12.3f}"
    )


# %% [markdown]
# ## 1 · The variational autoencoder
#
# We start with a model of $p(x)$ itself. Suppose that an image is generated in two steps. First, a
# code is sampled, $z\sim\mathcal N(0, 1)$. Then each pixel is black or white, decided by a coin
# flip with probability $g(z)$. This gives $p(x) = \int p(x\mid z)\,p(z)\,dz$, an integral over all
# codes. Almost none of these codes have anything to do with a given $x$, so we let an encoder
# propose the ones that do: $q(z\mid x) = \mathcal N(\mu, \sigma^2)$, where $\mu$ and $\log\sigma^2$
# are its two outputs. For any $z$, $p(x) = p(x\mid z)\,p(z)\,/\,p(z\mid x)$. Take the logarithm,
# add $\log q - \log q$, and average over $z\sim q$:
#
# $$\log p(x) = \underbrace{\mathbb E_q[\log p(x\mid z)] -
# \mathrm{KL}\big(q(z\mid x)\,\|\,p(z)\big)}_{\text{the bound}} +
# \underbrace{\mathrm{KL}\big(q(z\mid x)\,\|\,p(z\mid x)\big)}_{\ge\,0} .$$
#
# We cannot compute the last term, but it is non-negative. So the other two terms are a lower bound
# on $\log p(x)$, the *evidence lower bound* or **ELBO**, and we maximize this bound. Its first term
# is the reconstruction: for coin flips, it is minus the cross-entropy summed over the pixels. Its
# second term says where the codes should be. In one dimension, with $\mathbb E_q(z-\mu)^2 =
# \sigma^2$ and $\mathbb E_q z^2 = \mu^2+\sigma^2$,
#
# $$\mathrm{KL} = \mathbb E_q[\log q - \log p]
# = \tfrac12\,\mathbb E_q\Big[-\log\sigma^2 - \frac{(z-\mu)^2}{\sigma^2} + z^2\Big]
# = -\tfrac12\big(1 + \log\sigma^2 - \mu^2 - \sigma^2\big),$$
#
# and for several dimensions we take the sum. With a weight $\beta$ ($\beta = 1$ gives the bound),
# the loss of a batch is
#
# $$L = \frac1N\sum_n\Big[\,\mathrm{BCE}\big(g(z_n), x_n\big) + \beta\,\mathrm{KL}_n\Big],
# \qquad z_n\sim\mathcal N(\mu_n,\sigma_n^2).$$
#
# ## The gradient
#
# How do you differentiate a random sample? This is the answer of Kingma and Welling (2014): sample
# $\varepsilon\sim\mathcal N(0,1)$, which does not depend on any weight, and compute $z$ from it.
# This is called **reparameterization**. With $v = \log\sigma^2$:
#
# $$z = \mu + e^{v/2}\varepsilon,\qquad\text{so}\qquad d\mu = dz,\qquad
# dv = dz * \tfrac12 e^{v/2}\varepsilon .$$
#
# Nothing else is new. The decoder returns $dz$ as always, and the KL term adds its own gradient:
#
# $$d\mu = dz + \frac\beta N\,\mu,\qquad\qquad
# dv = \tfrac12\,dz * e^{v/2}\varepsilon + \frac{\beta}{2N}\,(e^{v} - 1).$$
#
# ## The code


# %%
def variational(model, x, rng, beta=1.0):
    code, encoder_caches = model.encoder.forward(x)
    mean, logvar = np.split(code, 2, axis=1)  # (N, K) each
    s = np.exp(logvar / 2) * rng.standard_normal(mean.shape, dtype=x.dtype)
    x_hat, decoder_caches = model.decoder.forward(mean + s)
    # bce is a mean over all pixels; times 784 it is a sum over the pixels of an image
    cross_entropy, dx_hat = bce(x_hat, x)
    kl = -0.5 * (1 + logvar - mean**2 - np.exp(logvar)).sum() / len(x)
    dz, decoder_grads = model.decoder.backward(x.shape[1] * dx_hat, decoder_caches)
    dmean = dz + beta * mean / len(x)
    dlogvar = dz * s / 2 + beta * (np.exp(logvar) - 1) / (2 * len(x))
    _, encoder_grads = model.encoder.backward(
        np.concatenate([dmean, dlogvar], axis=1), encoder_caches
    )
    terms = {"reconstruction": x.shape[1] * cross_entropy, "kl": kl}
    grads = model.named({"encoder": encoder_grads, "decoder": decoder_grads})
    return terms["reconstruction"] + beta * kl, grads, terms


# %% [markdown]
# ## The check
#
# We check three things: the gradients against finite differences (with the noise fixed by a seed),
# our function against the library's `Variational()`, and the formula for the KL divergence against
# its definition, by averaging over many samples.

# %%
small = vae(0, features=12, hidden=8, code=3, dtype=np.float64)
x_small = np.random.default_rng(1).uniform(size=(5, 12))
show_report(gradcheck(variational, small, x_small))

(loss, grads, _), (library_loss, library_grads, _) = (
    f(small, x_small, np.random.default_rng(2)) for f in (variational, Variational())
)
gap = max(np.abs(grads[name] - library_grads[name]).max() for name in library_grads)
print(f"\nloss {loss:.10f}, the library's loss {library_loss:.10f}")
print(f"largest difference between the gradients: {gap:.0e}\n")

mean, logvar = np.array([0.7, -1.2]), np.array([-0.8, 0.3])
z = mean + np.exp(logvar / 2) * np.random.default_rng(3).normal(size=(200_000, 2))
# both without −½ log 2π, which cancels
log_q = -0.5 * (logvar + (z - mean) ** 2 / np.exp(logvar))
log_p = -0.5 * z**2
samples = (log_q - log_p).sum(axis=1)
standard_error = samples.std() / len(z) ** 0.5
print(f"KL by the formula {gaussian_kl(np.concatenate([mean, logvar])[None])[0]:.4f}")
print(f"KL from {len(z):,} samples {samples.mean():.4f} ± {standard_error:.4f}")

# %% [markdown]
# ## The experiment
#
# We train a variational model, 784-400-20-400-784. We compare it with a plain model that has the
# same layers and is trained for the same number of epochs on the same cross-entropy. The only
# difference is that the plain model encodes an image as a point instead of a cloud. We sample its
# codes from $\mathcal N(0, 1)$, and also from a normal distribution fitted to its codes.

# %%
model = vae(rng=0)
history = fit(
    model,
    x_train,
    variational,
    Adam(model.params, lr=1e-3),
    epochs(4700),
    validation=x_test,
    progress=not FAST,
)
print(f"negative bound, test images: {history['val_loss'][-1]:.2f} nats per image")
cross_entropy, kl = history["reconstruction"][-1], history["kl"][-1]
print(f"training images: cross-entropy {cross_entropy:.2f}, KL {kl:.2f}\n")

like = np.random.default_rng(0)
plain = trained(
    Autoencoder(
        Sequential(Linear(784, 400, rng=like), ReLU(), Linear(400, 20, rng=like)),
        Sequential(
            Linear(20, 400, rng=like), ReLU(), Linear(400, 784, rng=like), Sigmoid()
        ),
    ),
    4700,
    Objective(bce),
)
z = output(plain.encoder, x_train)
fitted = plain.decode(
    rng.multivariate_normal(z.mean(axis=0), np.cov(z.T), size=n).astype(np.float32)
)
sampled = model.sample(n, rng=1)
print(HEADING)
print_scores("real test images", x_test[:n])
print_scores("reconstructed, plain", output(plain, x_test[:n]))
print_scores("reconstructed, variational", output(model, x_test[:n]))
standard_normal = rng.normal(size=(n, 20)).astype(np.float32)
print_scores("sampled, plain, N(0, 1)", plain.decode(standard_normal))
print_scores("sampled, plain, fitted N", fitted)
print_scores("sampled, variational, N(0, 1)", sampled)
print(FAST_NOTE, end="")

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 3, figsize=(8.8, 3.2), layout="constrained")
for ax, name, x in zip(
    axes,
    ["real", "sampled, plain, fitted N", "sampled, variational"],
    [x_test, fitted, sampled],
    strict=True,
):
    plot_images(x[:36], columns=6, title=name, ax=ax)
show(axes[0], f"08_samples_{data.name}")

# %% [markdown]
# **What to look at.** How many of the generated images are digits? We can sample from the
# variational model directly with $\mathcal N(0,1)$. This does not work for the plain model, whose
# codes have to be analyzed first. But with a normal distribution that was fitted afterward, is the
# plain model much worse, according to the numbers? Keeping each cloud close to the prior does not
# yet make their sum *equal* to the prior, and in twenty dimensions there is a lot of space between
# clouds. Compare the sharpness, too: where clouds overlap, the decoder must average. (The distances
# show whether samples copy training images: a copy has distance zero.)
#
# <details><summary>Answer</summary>
#
# After a full training, many samples of the variational model are digits, and some are mixtures of
# two. The plain model with codes from $\mathcal N(0,1)$ does badly. With the fitted normal
# distribution it comes much closer to the variational one in the numbers, and which of the two is
# ahead depends on the data and on the column. The samples of the variational model are softer than
# real images, and none of the distances is near zero, so nothing is copied. (In fast mode no model
# draws digits, and the confidence of the classifier is near zero for all of them.)
#
# </details>
#
# ## An estimate of the likelihood
#
# The bound gives an upper limit for $-\log p(x)$. For a better estimate we only need more samples:
# with $z_k\sim q(z\mid x)$,
#
# $$p(x) = \mathbb E_q\Big[\frac{p(x\mid z)\,p(z)}{q(z\mid x)}\Big]
# \approx\frac1K\sum_k\frac{p(x\mid z_k)\,p(z_k)}{q(z_k\mid x)} .$$
#
# (The logarithm of a mean of $K$ samples is still too low on average, but less so than the bound,
# which is the case $K = 1$. Trust the estimate only where $q$ proposes the right codes. The encoder
# has learned to do this for digits, but not for noise.) Now that we have a $p(x)$, we can ask the
# last question of chapter 7 again: which images does the model find probable?


# %%
def log_likelihood(model, x, rng, n_samples=20 if FAST else 200):
    mean, sigma = model.posterior(x)
    log_ratios = []
    for _ in range(n_samples):
        eps = rng.standard_normal(mean.shape, dtype=x.dtype)
        z = mean + sigma * eps
        y = model.decode(z).clip(1e-6, 1 - 1e-6)
        log_x = (x * np.log(y) + (1 - x) * np.log(1 - y)).sum(axis=1)  # log p(x|z)
        # log p(z) − log q(z|x)
        log_z = (-0.5 * z**2 + 0.5 * eps**2 + np.log(sigma)).sum(axis=1)
        log_ratios.append(log_x + log_z)
    log_ratios = np.array(log_ratios, dtype=np.float64)
    top = log_ratios.max(axis=0)  # subtracted before exp, so that nothing overflows
    return top + np.log(np.exp(log_ratios - top).mean(axis=0))


few = test[:100]
blurred = (
    sum(
        np.roll(few.images, (i, j), axis=(-2, -1))
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
    ).reshape(len(few), -1)
    / 9
)
bound = Variational()(model, few.flat, np.random.default_rng(0))[0]
estimate = log_likelihood(model, few.flat, rng).mean()
print(
    f"log p(x) of {len(few)} test images: bound {-bound:.1f}, estimate {estimate:.1f}\n"
)
print(f"{'':<20}estimate of log p(x)")
for name, x in {
    "real": few.flat,
    "black and white": few.flat.round(),
    "blurred": blurred,
    "upside down": few.flat[:, ::-1],
    "empty": np.zeros_like(few.flat),
    "noise": rng.uniform(size=few.flat.shape).astype(np.float32),
}.items():
    estimate = log_likelihood(model, np.ascontiguousarray(x), rng).mean()
    print(f"{name:<20}{estimate:>20.1f}")
print(FAST_NOTE, end="")

# %% [markdown]
# **What to look at.** Are upside-down digits and noise now less probable than real digits, and by
# how many powers of ten? (One power of ten is 2.3 nats.) But compare the empty image with a real
# one. If the result surprises you: it is not an error. The empty image is one specific image, and
# the model is almost certain about each of its pixels. A real digit has about a hundred pixels
# along the edges of its strokes that could easily have been slightly different. A high likelihood
# does not mean that an image looks typical to us: the most probable image of all does not have to
# look like any image that anyone would ever draw. (Also, gray pixels are not coin flips. For black
# and white images $p(x)$ is a probability. For gray ones it is a score of the same form.)
#
# <details><summary>Answer</summary>
#
# After a full training, upside-down digits are less probable than real ones by tens of powers of
# ten or more, and noise by hundreds. But the empty image is *more* probable than a typical real
# one, for the reason given here. (In fast mode the model has learned little more than that most
# pixels are 0: only noise stands out, and the others are about equally probable.)
#
# </details>
#
# ## The plane without holes
#
# Now we do the same with a two-dimensional code. The KL term asks for codes around 0 with standard
# deviation 1, so we know which part of the plane to decode.

# %%
plane = trained(vae(rng=0, code=2), 4700, Variational())
side = 25 if FAST else 60
cells = decode_grid(plane, (-2.5, -2.5), (2.5, 2.5), side)
confidence = max_probability(digit_classifier, cells).reshape(side, side)
some = np.random.default_rng(0).permutation(len(x_train))[:1000]

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
axes[0].imshow(
    confidence,
    extent=(-2.5, 2.5, -2.5, 2.5),
    aspect="auto",
    cmap="gray",
    vmin=0.2,
    vmax=1,
)
plot_codes(plane.encode(x_train[some]), train.labels[some], axes[0])
axes[0].collections[0].set_antialiased(False)  # makes the file smaller
axes[0].set(
    xlim=(-2.5, 2.5),
    ylim=(-2.5, 2.5),
    title="code means; dark: the classifier is not confident",
)
sheet = mosaic(decode_grid(plane, (-2.5, -2.5), (2.5, 2.5), 12), columns=12, fill=0.0)
axes[1].imshow(sheet, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
axes[1].set(xticks=[], yticks=[], title="the same part of the plane, decoded")
show(axes[0], f"08_plane_{data.name}")

# %%
print(f"confidence > 0.9 in {(confidence > 0.9).mean():.1%} of the area shown")
print(FAST_NOTE, end="")

# %%
ends = [np.flatnonzero(test.labels == label)[:2] for label in (0, 1)]
pairs = [(ends[0][0], ends[1][0]), (ends[1][1], ends[0][1])]
t = np.linspace(0, 1, 13, dtype=np.float32)[:, None]
walks = {}
for name, net in [("plain", plain), ("variational", model)]:
    for start, end in pairs:
        a, b = net.encode(x_test[[start, end]])
        walks[" " * len(walks) + name] = net.decode((1 - t) * a + t * b)

# %% tags=["hide-input"]
show(plot_reconstructions(*walks.values(), names=[*walks]), f"08_walk_{data.name}")

# %%
pairs = rng.integers(len(x_test), size=(n, 2))
print("decoded codes halfway between the codes of two test images")
for name, net in [("plain", plain), ("variational", model)]:
    z = np.concatenate(
        [net.encode(x_test[i : i + 500]) for i in range(0, len(x_test), 500)]
    )
    halfway = net.decode((z[pairs[:, 0]] + z[pairs[:, 1]]) / 2)
    confidence = max_probability(digit_classifier, halfway)
    print(f"  {name:<12} confidence > 0.9 for {(confidence > 0.9).mean():.1%}")
print(FAST_NOTE, end="")

# %% [markdown]
# **What to look at.** Where are the holes of chapter 7? The classes are now side by side and share
# borders. At a border, one digit turns into another through shapes that are neither. A map without
# holes must have such borders. Where the classifier is not confident, is it because of the map? In
# the walks, too, there must be something halfway between a 0 and a 1, whatever the model. Does the
# variational model have fewer doubtful places in its twenty dimensions, or only in two?
#
# <details><summary>Answer</summary>
#
# After a full training, there are no holes near the center of the plane: the codes lie close
# together, and doubtful places are thin borders between classes. These borders come from the map:
# two different digits must meet somewhere. In twenty dimensions, the straight line between two
# codes passes through regions with few codes, with both models. The printed confidence of the
# variational model is often no better there, and for some data it is worse. (In fast mode nothing
# of this is visible.)
#
# </details>
#
# ## β, the price of order
#
# The weight β balances two goals: reconstruct the image, and keep each cloud close to $\mathcal
# N(0,1)$. How many of the twenty code dimensions are used at all? If the KL of a dimension is 0,
# then $\mu = 0$ and $\sigma = 1$ for every image: the dimension is pure noise, and the decoder has
# learned to ignore it. If this happens to all dimensions, it is called **posterior collapse**.

# %%
print(f"{'':<38}samples:")
print(
    f"{'β':<6}{'test MSE':>9}{'KL':>8}{'used dims':>11}"
    f"{'confidence > 0.9':>20}{'nearest':>9}{'sharpness':>11}"
)
by_beta = {}
for beta in (0.2, 1, 4):
    net = model if beta == 1 else trained(vae(rng=0), 4700, Variational(beta))
    mean, sigma = net.posterior(x_test[:n])
    # one value per code dimension
    kl = -0.5 * (1 + 2 * np.log(sigma) - mean**2 - sigma**2).mean(axis=0)
    x = by_beta[beta] = net.sample(n, rng=1)
    confidence = max_probability(digit_classifier, x)
    distance, _ = nearest_neighbors(x, x_train)
    print(
        f"{beta:<6}{mse(output(net, x_test), x_test)[0]:>9.5f}"
        f"{kl.sum():>8.2f}{(kl > 0.05).sum():>11}"
        f"{(confidence > 0.9).mean():>20.1%}{np.median(distance):>9.2f}"
        f"{np.median(sharpness(x)):>11.3f}"
    )
print(FAST_NOTE, end="")

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 3, figsize=(8.8, 3.2), layout="constrained")
for ax, (beta, x) in zip(axes, by_beta.items(), strict=True):
    plot_images(x[:36], columns=6, title=f"sampled, β = {beta}", ax=ax)
show(axes[0], f"08_beta_{data.name}")

# %% [markdown]
# **What to look at.** With a small β the model is almost a plain autoencoder again. Its clouds do
# not fill the space that we sample from, so it reconstructs well but its samples are poor. With a
# large β the clouds are kept so close to the prior that they overlap, and where clouds overlap the
# decoder must average, so everything is softer. Is a sample also more often a digit? Which columns
# change in one direction from row to row, and which have their best value in the middle? The value
# $\beta = 1$ gives the bound, but this does not mean that it gives the best samples.
#
# <details><summary>Answer</summary>
#
# After a full training, the test MSE grows with β, and the KL and the number of used dimensions
# fall. The sharpness falls too. The confidence of the samples need not follow: with a small β,
# samples fall between the clouds, and with a large β they are averages that may be easy to
# classify. Look for its best value in your own table. (In fast mode the samples hardly depend on β,
# since none of the decoders has learned to draw.)
#
# </details>
#
# ## 2 · An adversarial code
#
# Now we want the same thing without the KL formula: codes should look like samples from $\mathcal
# N(0,1)$. Let a second network, the discriminator $c$, try to tell the two apart. Its output is a
# single value $a$, the logit of "this is a sample from the prior". The autoencoder is trained to
# make the discriminator fail (Makhzani et al. 2015, following Goodfellow et al. 2014). So there are
# two players, and each has its own loss. (The one that makes the fakes is called the **generator**.
# Here it is the encoder, and in part 4 the whole autoencoder.) With $\tilde z_n\sim\mathcal N(0,
# 1)$ the samples from the prior,
#
# $$L_c = -\frac1N\sum_n\log\sigma\big(c(\tilde z_n)\big) -
# \frac1N\sum_n\log\big(1-\sigma(c(z_n))\big),\qquad
# L = \mathrm{mse}(\hat x, x) - \frac{\lambda}{N}\sum_n\log\sigma\big(c(z_n)\big) .$$
#
# Since $\frac{d}{da}\log\sigma(a) = 1 - \sigma(a)$, the gradients with respect to the logits are
#
# $$\text{discriminator:}\quad da_{\tilde z} = \tfrac1N(\sigma(a)-1),\quad
# da_z = \tfrac1N\,\sigma(a);\qquad\qquad
# \text{autoencoder:}\quad da_z = \tfrac{\lambda}{N}(\sigma(a) - 1).$$
#
# From there the discriminator's `backward` does the rest. In the first case, we keep the gradients
# of the discriminator's weights. In the second case, we discard them and keep $dz$, the gradient
# with respect to its *input*, and add it to the $dz$ that comes from the decoder. In its own loss,
# the discriminator is applied to two batches. Since layers do not store anything between calls,
# this is just two calls and a sum.


# %%
def loss_of_discriminator(net, real, fake):
    a, caches = net.forward(real)
    b, more_caches = net.forward(fake)
    # −log σ(a) = log(1 + e^−a)
    loss = np.logaddexp(0, -a).mean() + np.logaddexp(0, b).mean()
    _, grads = net.backward((1 / (1 + np.exp(-a)) - 1) / len(a), caches)
    _, more = net.backward(1 / (1 + np.exp(-b)) / len(b), more_caches)
    return loss, {name: grads[name] + more[name] for name in grads}


def loss_of_generator(net, fake):
    a, caches = net.forward(fake)
    dz, _ = net.backward((1 / (1 + np.exp(-a)) - 1) / len(a), caches)
    return np.logaddexp(0, -a).mean(), dz


# %% [markdown]
# In the library these are `discriminator_loss`, an objective whose model is the discriminator, and
# `GeneratorLoss(discriminator)`, which has the form of a penalty on the code. Here are the checks:

# %%
rng = np.random.default_rng(0)
small_net = Sequential(
    Linear(3, 6, rng=rng, dtype=np.float64),
    LeakyReLU(0.2),
    Linear(6, 1, rng=rng, dtype=np.float64),
)
pair = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
show_report(gradcheck(discriminator_loss, small_net, pair))
show_report(gradcheck(GeneratorLoss(small_net), pair[1]))
grads = loss_of_discriminator(small_net, *pair)[1]
library_grads = discriminator_loss(small_net, pair)[1]
differences = [np.abs(grads[name] - library_grads[name]).max() for name in grads]
dz = loss_of_generator(small_net, pair[1])[1]
library_dz = GeneratorLoss(small_net)(pair[1])[1]
differences.append(np.abs(dz - library_dz).max())
print(f"\nlargest difference from the library's gradients: {max(differences):.0e}")

# %% [markdown]
# In training they alternate: one step of the discriminator, then one step of the autoencoder.
# `Adversarial` combines the two into a single objective for `fit`. On each batch, the discriminator
# first makes its own step, with its own optimizer. (The weight λ is called `beta` here, because
# `Objective` uses this name for the weight of a penalty on the code. In part 4 it is `gamma`, the
# weight of a penalty on the output.)

# %%
aae = basic_autoencoder(rng=0, code=8)
code_discriminator = discriminator(rng=1, features=8)
objective = Adversarial(
    Objective(code_penalty=GeneratorLoss(code_discriminator), beta=0.01),
    code_discriminator,
    code_batches,
    Adam(code_discriminator.params, 1e-3),
)
history = fit(
    aae, x_train, objective, Adam(aae.params, 1e-3), epochs(2500), progress=not FAST
)
mse8 = trained(basic_autoencoder(rng=0, code=8), 2500, Objective())
sampled_z = np.random.default_rng(1).normal(size=(n, 8)).astype(np.float32)
z = {
    "plain": output(mse8.encoder, x_train),
    "adversarial": output(aae.encoder, x_train),
}
plain8 = mse8.decode(
    rng.multivariate_normal(
        z["plain"].mean(axis=0), np.cov(z["plain"].T), size=n
    ).astype(np.float32)
)

for name, codes8 in z.items():
    mean, std = codes8.mean(axis=0), codes8.std(axis=0)
    deviation = np.abs(np.cov(codes8.T) - np.eye(8)).max()
    print(f"codes, {name}: means from {mean.min():.2f} to {mean.max():.2f}")
    print(f"  standard deviations from {std.min():.2f} to {std.max():.2f}")
    print(f"  largest entry of |covariance − identity| {deviation:.2f}")
print("\ntest MSE, 8-dimensional code")
print(f"  plain       {mse(output(mse8, x_test), x_test)[0]:.5f}")
print(f"  adversarial {mse(output(aae, x_test), x_test)[0]:.5f}\n")
print(HEADING)
print_scores("sampled, plain, fitted N", plain8)
print_scores("sampled, adversarial, N(0, 1)", aae.decode(sampled_z))
print_scores("sampled, variational, N(0, 1)", sampled)
print(FAST_NOTE, end="")


# %% tags=["hide-input"]
def plot_adversarial(histories, axes, penalty):
    """Left: the discriminator's loss and accuracy. Right: the autoencoder's terms."""
    panels = [
        (axes[0, 0], "discriminator", "discriminator: loss", 2 * np.log(2)),
        (axes[1, 0], "discriminator_accuracy", "discriminator: accuracy", 0.5),
        (axes[0, 1], "reconstruction", "autoencoder: mean squared error", None),
        (axes[1, 1], penalty, "autoencoder: mean of −log σ(c)", None),
    ]
    for ax, column, title, guessing in panels:
        for name, history in histories.items():
            ax.plot(history["epoch"], history[column], "o-", markersize=3, label=name)
        if guessing:
            ax.axhline(guessing, color="gray", linewidth=0.8, linestyle="--")
            ax.set_ylim(0, max(1.05 if guessing < 1 else 2, ax.get_ylim()[1]))
            place = {"transform": ax.get_yaxis_transform(), "color": "gray"}
            ax.text(0.98, guessing, "can only guess", va="bottom", ha="right", **place)
        else:
            ax.set_ylim(0, 1.1 * max(max(h[column]) for h in histories.values()))
        ax.set_title(title, loc="left", fontsize=10)
        ax.xaxis.get_major_locator().set_params(integer=True)
    for ax in axes[1]:
        ax.set_xlabel("epoch")
    if len(histories) > 1:
        axes[0, 1].legend(frameon=False)


fig = plt.figure(figsize=(11, 4.6), layout="constrained")
named = fig.subplot_mosaic("ABE;CDE", width_ratios=(1, 1, 1.15))
axes = np.array([[named["A"], named["B"]], [named["C"], named["D"]]])
plot_adversarial({"adversarial": history}, axes, "code_penalty")
sheet = aae.decode(sampled_z)[:36]
plot_images(sheet, columns=6, title="sampled, adversarial", ax=named["E"])
show(axes, f"08_adversarial_{data.name}")

# %% [markdown]
# **What to look at.** At the gray line the discriminator can only guess, and this is the
# autoencoder's goal. How close does it get, and does it stay there? Neither loss has to fall,
# because each player works against the other. So no curve tells you when the training is done. And
# a loss at the gray line says that *this discriminator* sees no difference, not that there is none.
# So look at the means, standard deviations and covariances, and then at the classifier's
# confidence. How much did the order cost in squared error? (The code of this model has eight
# dimensions, and that of the variational model in the same table has twenty. So compare the
# adversarial model with the plain one first.)
#
# <details><summary>Answer</summary>
#
# After a full training, the discriminator's loss stays near the gray line: it can do little more
# than guess. The means of the codes are then close to 0, their standard deviations close to 1, and
# the covariance is much closer to the identity than that of the plain model. The match is not
# perfect, because a discriminator that sees no difference does not prove that there is none. The
# order costs some squared error, and samples from $\mathcal N(0,1)$ are about as good as, or better
# than, those of the plain model with a fitted distribution. (In fast mode, the two players have
# only just begun.)
#
# </details>
#
# ## 3 · A perceptual loss
#
# In chapter 7 we moved a digit by one pixel, and `mse` treated this as a large error. A trained
# classifier has learned to ignore such changes, as far as its task required it. So let us measure
# the error in the features computed by an inner layer $\varphi$ of a network (Johnson, Alahi and
# Fei-Fei 2016):
#
# $$L = \mathrm{mse}(\hat x, x) + w\cdot\mathrm{mse}\big(\varphi(\hat x), \varphi(x)\big),$$
#
# $$d\hat x = \frac{2}{ND}(\hat x - x) +
# w\,J_\varphi^\top\,\frac{2}{NM}\big(\varphi(\hat x)-\varphi(x)\big) .$$
#
# Once again, $J_\varphi^\top$ is a backward pass through a network that is not trained. We only
# need the gradient with respect to its input, and the library calls this `vjp`. For $\varphi$ we
# take the hidden layer of the classifier.


# %%
def perceptual_by_hand(x_hat, x, weight, phi):
    features, caches = phi.forward(x_hat)
    difference = features - phi(x)
    loss = ((x_hat - x) ** 2).mean() + weight * (difference**2).mean()
    dfeatures = 2 * difference / difference.size
    return loss, 2 * (x_hat - x) / x.size + weight * phi.vjp(dfeatures, caches)


phi = digit_classifier[:2]  # Linear and ReLU
y_small, t_small = rng.uniform(size=(2, 3, 784))
show_report(gradcheck(Perceptual(phi, 0.1), y_small, t_small))
_, dy = perceptual_by_hand(y_small, t_small, 0.1, phi)
_, library_dy = Perceptual(phi, 0.1)(y_small, t_small)
difference = np.abs(dy - library_dy).max()
print(f"\nlargest difference from the library's gradient: {difference:.0e}\n")

images = test.images[:n]
moved = np.roll(images, 1, axis=-1).reshape(n, -1)
smeared = (
    sum(
        np.roll(images, (i, j), axis=(-2, -1)) for i in (-1, 0, 1) for j in (-1, 0, 1)
    ).reshape(n, -1)
    / 9
)
images = images.reshape(n, -1)
print("mean squared difference, relative to an empty image")
print(f"{'':<22}{'pixels':>10}{'features':>10}")
for name, y in [
    ("moved by one pixel", moved),
    ("blurred", smeared),
    ("empty", np.zeros_like(images)),
]:
    ratios = [
        mse(f(y), f(images))[0] / mse(f(0 * images), f(images))[0]
        for f in (lambda a: a, phi)
    ]
    print(f"{name:<22}{ratios[0]:>10.1%}{ratios[1]:>10.1%}")
print(FAST_NOTE, end="")

# %% [markdown]
# **What to look at.** Is the digit that was moved by one pixel closer to the original in features
# than in pixels, and by how much? And the blurred one? A classifier can read blurred digits, so its
# task never made it pay attention to blur. A perceptual loss punishes the differences that its
# network was trained to see, and nothing else. To punish blur, we need a network that was trained
# to see blur.
#
# <details><summary>Answer</summary>
#
# After a full training of the classifier, the digit that was moved by one pixel is closer in
# features than in pixels, relative to an empty image. But the difference does not become small. The
# blurred digit is closer than the moved one in pixels, and it is usually close in features as well.
# (In fast mode the classifier is hardly trained, so its features are almost random. Even these
# ignore a part of such changes.)
#
# </details>
#
# ## 4 · An image discriminator
#
# Such a network is a discriminator. Now the real examples are the images of the data set, the fake
# ones are their reconstructions, and the loss of the autoencoder is
#
# $$L = \mathrm{mse}(\hat x, x) - \frac{\lambda}{N}\sum_n\log\sigma\big(c(\hat x_n)\big) .$$
#
# The gradients are those of part 2, but for the decoder's output: $d\hat x$ instead of $dz$. No
# formula tells the discriminator what to look for. It learns to use whatever distinguishes a fake
# image from a real one. All models have an eight-dimensional code and are trained for the same
# number of steps.

# %%
perceptual = trained(
    basic_autoencoder(rng=0, code=8),
    2500,
    Objective(reconstruction=Perceptual(phi, weight=0.1)),
)

# a separate classifier: the perceptual model was trained on features of the first one
second_classifier = trained(
    classifier(rng=5, hidden=200), 1500, classification, (x_train, train.labels)
)
reconstructed = {"mse": output(mse8, x_test), "perceptual": output(perceptual, x_test)}
histories = {}
for weight in (0.001, 0.005):
    gan, image_discriminator = basic_autoencoder(rng=0, code=8), discriminator(rng=1)
    objective = Adversarial(
        Objective(output_penalty=GeneratorLoss(image_discriminator), gamma=weight),
        image_discriminator,
        image_batches,
        Adam(image_discriminator.params, 2e-4),  # a low rate, or it wins at once
    )
    histories[weight] = fit(
        gan, x_train, objective, Adam(gan.params, 1e-3), epochs(2500), progress=not FAST
    )
    reconstructed[f"discriminator, λ {weight}"] = output(gan, x_test)
print("8-dimensional codes; label kept: according to a separate classifier")
print(f"{'':<24}{'test MSE':>10}{'sharpness':>11}{'nearest':>9}{'label kept':>12}")
for name, y in ({"real": x_test} | reconstructed).items():
    distance, _ = nearest_neighbors(y[:n], x_train)
    label_kept = accuracy(second_classifier, y, test.labels)
    print(
        f"{name:<24}{mse(y, x_test)[0]:>10.5f}{np.median(sharpness(y)):>11.3f}"
        f"{np.median(distance):>9.2f}{label_kept:>12.1%}"
    )
print(FAST_NOTE, end="")

some = np.concatenate(
    [np.flatnonzero(test.labels == label)[1:2] for label in range(10)]
)
rows = {"real": x_test[some]} | {name: y[some] for name, y in reconstructed.items()}

# %% tags=["hide-input"]
show(
    plot_reconstructions(*rows.values(), names=[*rows]), f"08_against_blur_{data.name}"
)

# %% tags=["hide-input"]
fig, axes = plt.subplots(2, 2, figsize=(9, 5.2), sharex=True, layout="constrained")
named = {f"λ = {weight}": history for weight, history in histories.items()}
plot_adversarial(named, axes, "output_penalty")
show(axes, f"08_critic_{data.name}")

# %% [markdown]
# **What to look at.** Look at the MSE column first: what does each remedy cost? (The model in the
# first row minimizes nothing else.) What do we get in return? The perceptual model was told which
# features a classifier looks at. Does it preserve more labels, and is it any sharper? Are the
# discriminator's images sharper because their strokes are clean, or because of dots and grain,
# which also count as sharp?
#
# Then look at the curves. Does the discriminator's loss stay between 0 and the gray line, or does
# one of the two players win? If the discriminator is right every time, $\sigma(c(\hat x))$ is close
# to 0 for every image, and the autoencoder is pushed hard, in whatever direction still changes the
# discriminator's output a little. Dots may appear where no digit ever has ink, and they may stay
# there: if the output sigmoid of a pixel is saturated at 1, its derivative is 0, and no loss,
# however large, can change the pixel back. The only difference between the two curves of a panel is
# λ.
#
# <details><summary>Answer</summary>
#
# After a full training, the plain model has the smallest MSE, as it must, and every remedy costs
# some. The perceptual loss keeps more labels and is hardly sharper. The discriminator with the
# small λ makes images sharper at a moderate price. With the larger λ, the price is higher, and a
# part of the sharpness is dots and grain. The discriminator's loss is then often far below the gray
# line: it wins. (In fast mode, none of the models has learned to draw.)
#
# </details>
#
# ## Conclusion
#
# If a model says where its codes are, we can sample from it, but we pay with sharpness or with
# squared error. A loss on the features of another network preserves what that network was trained
# to see, but we pay with a larger pixel error. A discriminator finds differences that we have no
# formula for, but we pay with stability: there are two losses without a common minimum, and a
# weight that decides whether it helps or does damage. None of the remedies is better in every
# respect, which is why we measured more than one thing. But each of them was one function together
# with its gradient, checked with finite differences like all the others.
#
# ## Exercises
#
# Answers: [answers/08_ways_out.py](answers/08_ways_out.py)
#
# 1. **Both at once.** Give the variational model the perceptual loss: `Variational` takes it as
#    `reconstruction`, and the loss is `Perceptual(phi, 0.1, pixels=bce)`. Are the samples sharper?
#    Is the loss still a bound? *Hint: which $p(x\mid z)$ has this loss as its $-\log$?*
# 2. **KL from samples.** Replace the KL by $\log q(z) - \log p(z)$ at the one sampled $z$. Derive
#    $d\mu$ and $dv$, and check them. The mean is the same, but how much does the value vary from
#    sample to sample? *Hint: $z$ depends on $\mu$ and $v$; $(z-\mu)/\sigma = \varepsilon$ does
#    not.*
# 3. **The best discriminator.** For densities $p$ (real) and $q$ (fake), find the $a(x)$ that
#    minimizes $-p\log\sigma(a) - q\log(1-\sigma(a))$ at each $x$. Train `discriminator_loss` on
#    $\mathcal N(1,1)$ against $\mathcal N(-1,1)$ and compare. *Hint: $\sigma(a) = p/(p+q)$; `fit`
#    accepts the pair as its data.*
# 4. **An overconfident discriminator.** Let the autoencoder *maximize* $L_c$, that is, minimize
#    $\log(1-\sigma(c(z)))$ instead of $-\log\sigma(c(z))$. What is its gradient where the
#    discriminator is certain, $\sigma \approx 0$? *Hint: the derivatives with respect to $a$ are
#    $-\sigma(a)$ and $\sigma(a) - 1$.*
# 5. **Unused dimensions.** Print the KL of each of the twenty code dimensions over the epochs. When
#    do some of them become unused, and are they ever used again? What happens if β grows from 0 to
#    1 during the first epochs? *Hint: call `fit` for one epoch at a time, each with a different
#    `Variational(beta)`.*
#
# - Graded: [Exercise 18 · A sample with a gradient, and the KL divergence](exercises/18_variational.py), `tinyae exercise start variational`
# - Graded: [Exercise 19 · Adversarial training: the losses of both sides](exercises/19_adversarial.py), `tinyae exercise start adversarial`
#
# **You can now** derive and check the losses of variational and adversarial autoencoders, name the
# price of each remedy, and measure it.
#
# **Next:** chapter 9 explains how the checker that you used in every chapter works, and when it can
# be wrong.
#
# **In the real world:** variational codes make new molecules (Gómez-Bombarelli et al., *Automatic
# chemical design using a data-driven continuous representation of molecules*, 2018). An autoencoder
# trained with a perceptual loss and a discriminator is the first half of image generators (Esser,
# Rombach and Ommer, *Taming transformers for high-resolution image synthesis*, 2021; Rombach et
# al., *High-resolution image synthesis with latent diffusion models*, 2022).
