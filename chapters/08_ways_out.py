# %% [markdown]
# # 8 · Ways out
#
# Chapter 7 found an autoencoder wanting in three ways: codes that nobody has asked for decode to nothing in particular, what
# the code cannot tell apart is blurred, and the error is no likelihood. Here are four remedies, each of them another loss for
# the same kind of net. A **variational** autoencoder says where codes should lie and decodes clouds in place of points. An
# **adversarial code** asks for the same through a second net, a discriminator. A **perceptual loss** compares what a net sees in two
# pictures and not only their pixels. And a **discriminator of pictures** looks for the blur. All are judged as in chapter 7, and none is
# free of charge.
#
# ```
#     plain            x ──▶ f ──▶ z ──▶ g ──▶ x̂   ── pixels ──  x
#
#     variational      x ──▶ f ──▶ μ, σ ··▶ z = μ + σε ──▶ g ──▶ x̂         and the clouds are held near N(0, 1)
#     adversarial      x ──▶ f ──▶ z ──▶ g ──▶ x̂                           z ──▶ discriminator ◀── N(0, 1)
#     perceptual       x ──▶ f ──▶ z ──▶ g ──▶ x̂ ──▶ φ  ── features ──  φ ◀── x
#     discriminator           x ──▶ f ──▶ z ──▶ g ──▶ x̂ ──▶ discriminator ◀── x
# ```

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
from tinyae.checking import gradcheck
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
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
train, test = (data.train[:1000], data.test[:200]) if FAST else (data.train, data.test)
x_train, x_test = train.flat, test.flat
n = 100 if FAST else 1000  # pictures to judge
print(data, "->", x_train.shape, x_test.shape)


def epochs(steps):
    """So many that a model makes about so many steps of 128 pictures, whatever the size of the data."""
    return 1 if FAST else round(steps * 128 / len(x_train))


def trained(model, steps, objective, x=x_train):
    fit(model, x, objective, Adam(model.params, lr=1e-3), epochs(steps), progress=False)
    return model


def output(net, x):
    return np.concatenate([net(x[i : i + 500]) for i in range(0, len(x), 500)])


# Chapter 7's judge, and how it judges
rng = np.random.default_rng(0)
judge = trained(classifier(rng=0), 1500, classification, (x_train, train.labels))
print(
    f"the judge's accuracy on test pictures: {accuracy(judge, x_test, test.labels):.4f}"
)
HEADING = f"{'':<34}{'sure > 0.9':>12}{'nearest (median)':>18}{'sharpness':>12}"


def judged(name, x):
    sure, (far, _) = max_probability(judge, x), nearest_neighbors(x, x_train)
    print(
        f"{name:<34}{(sure > 0.9).mean():>12.1%}{np.median(far):>18.2f}{np.median(sharpness(x)):>12.3f}"
    )


# %% [markdown]
# ## 1 · The variational autoencoder
#
# Begin with $p(x)$ itself. Suppose that a picture comes about like this: first a code, $z\sim\mathcal N(0, 1)$, then each pixel
# black or white by the toss of a coin whose probability is $g(z)$. Then $p(x) = \int p(x\mid z)\,p(z)\,dz$, an integral over all
# codes, of which nearly all have nothing to do with a given $x$. So let an encoder propose those that have:
# $q(z\mid x) = \mathcal N(\mu, \sigma^2)$, with $\mu$ and $\log\sigma^2$ its two outputs. For any $z$,
# $p(x) = p(x\mid z)\,p(z)\,/\,p(z\mid x)$. Take the logarithm, add $\log q - \log q$, and average over $z\sim q$:
#
# $$\log p(x) = \underbrace{\mathbb E_q[\log p(x\mid z)] - \mathrm{KL}\big(q(z\mid x)\,\|\,p(z)\big)}_{\text{the bound}}
# + \underbrace{\mathrm{KL}\big(q(z\mid x)\,\|\,p(z\mid x)\big)}_{\ge\,0} .$$
#
# The last part cannot be computed, but it is not negative. Maximise the rest, and $\log p(x)$ is at least that. Its first part
# is the reconstruction: for coins, minus the cross-entropy summed over the pixels. Its second says where codes should lie. In
# one dimension, with $\mathbb E_q(z-\mu)^2 = \sigma^2$ and $\mathbb E_q z^2 = \mu^2+\sigma^2$,
#
# $$\mathrm{KL} = \mathbb E_q[\log q - \log p] = \tfrac12\,\mathbb E_q\Big[-\log\sigma^2 - \frac{(z-\mu)^2}{\sigma^2} + z^2\Big]
# = -\tfrac12\big(1 + \log\sigma^2 - \mu^2 - \sigma^2\big),$$
#
# and several dimensions add up. With a weight $\beta$ (1 is the bound) the loss of a batch is
#
# $$L = \frac1N\sum_n\Big[\,\mathrm{BCE}\big(g(z_n), x_n\big) + \beta\,\mathrm{KL}_n\Big],
# \qquad z_n\sim\mathcal N(\mu_n,\sigma_n^2).$$
#
# ## The gradient
#
# How does one differentiate a draw? Kingma and Welling's answer in 2014: draw $\varepsilon\sim\mathcal N(0,1)$, which depends
# on no weight, and compute $z$ from it. With $v = \log\sigma^2$:
#
# $$z = \mu + e^{v/2}\varepsilon,\qquad\text{so}\qquad d\mu = dz,\qquad dv = dz * \tfrac12 e^{v/2}\varepsilon .$$
#
# That is all that is new. $dz$ comes from the decoder as ever, and the KL adds its own part:
#
# $$d\mu = dz + \frac\beta N\,\mu,\qquad\qquad dv = \tfrac12\,dz * e^{v/2}\varepsilon + \frac{\beta}{2N}\,(e^{v} - 1).$$
#
# ## The code


# %%
def variational(model, x, rng, beta=1.0):
    code, encoder_caches = model.encoder.forward(x)
    mean, logvar = np.split(code, 2, axis=1)  # (N, K) each
    s = np.exp(logvar / 2) * rng.standard_normal(mean.shape, dtype=x.dtype)
    x_hat, decoder_caches = model.decoder.forward(mean + s)
    cross_entropy, dx_hat = bce(
        x_hat, x
    )  # a mean over all pixels: times 784 it is the sum over a picture's
    kl = -0.5 * (1 + logvar - mean**2 - np.exp(logvar)).sum() / len(x)
    dz, decoder_grads = model.decoder.backward(x.shape[1] * dx_hat, decoder_caches)
    dmean = dz + beta * mean / len(x)
    dlogvar = dz * s / 2 + beta * (np.exp(logvar) - 1) / (2 * len(x))
    _, encoder_grads = model.encoder.backward(
        np.concatenate([dmean, dlogvar], axis=1), encoder_caches
    )
    parts = {"reconstruction": x.shape[1] * cross_entropy, "kl": kl}
    return (
        parts["reconstruction"] + beta * kl,
        model.named({"encoder": encoder_grads, "decoder": decoder_grads}),
        parts,
    )


# %% [markdown]
# ## The check
#
# Against differences, with the draw held still; against the library's `Variational()`; and the KL against its definition, by a
# mean over many draws.

# %%
small = vae(0, features=12, hidden=8, code=3, dtype=np.float64)
x_small = np.random.default_rng(1).uniform(size=(5, 12))
print(gradcheck(variational, small, x_small))

ours, theirs = (
    f(small, x_small, np.random.default_rng(2)) for f in (variational, Variational())
)
print(
    f"\nloss {ours[0]:.10f} and the library's {theirs[0]:.10f}, largest difference of a gradient: "
    f"{max(np.abs(ours[1][name] - theirs[1][name]).max() for name in theirs[1]):.0e}"
)

mean, logvar = np.array([0.7, -1.2]), np.array([-0.8, 0.3])
z = mean + np.exp(logvar / 2) * np.random.default_rng(3).normal(size=(200_000, 2))
log_q, log_p = (
    -0.5 * (logvar + (z - mean) ** 2 / np.exp(logvar)),
    -0.5 * z**2,
)  # without −½ log 2π, which both have
draws = (log_q - log_p).sum(axis=1)
print(
    f"KL by its formula {gaussian_kl(np.concatenate([mean, logvar])[None])[0]:.4f}, by {len(z):,} draws {draws.mean():.4f} "
    f"± {draws.std() / len(z) ** 0.5:.4f}"
)

# %% [markdown]
# ## The experiment
#
# 784-400-20-400-784, and beside it a plain model of the same layers, trained for as long on the same cross-entropy: all that it
# lacks are the clouds. Its codes are drawn from $\mathcal N(0, 1)$, too, and from a normal distribution fitted to them.

# %%
model = vae(rng=0)
history = fit(
    model,
    x_train,
    variational,
    Adam(model.params, lr=1e-3),
    epochs(4700),
    validation=x_test,
    progress=False,
)
print(
    f"negative bound on the test pictures: {history['val_loss'][-1]:.2f} nats a picture "
    f"(training: cross-entropy {history['reconstruction'][-1]:.2f}, KL {history['kl'][-1]:.2f})\n"
)

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
drawn = model.sample(n, rng=1)
print(HEADING)
judged("real test pictures", x_test[:n])
judged("rebuilt, plain", output(plain, x_test[:n]))
judged("rebuilt, variational", output(model, x_test[:n]))
judged(
    "drawn, plain, N(0, 1)", plain.decode(rng.normal(size=(n, 20)).astype(np.float32))
)
judged("drawn, plain, fitted N", fitted)
judged("drawn, variational, N(0, 1)", drawn)

fig, axes = plt.subplots(1, 3, figsize=(8.8, 3.2), layout="constrained")
for ax, name, x in zip(
    axes,
    ["real", "drawn, plain, fitted N", "drawn, variational"],
    [x_test, fitted, drawn],
    strict=True,
):
    plot_images(x[:36], columns=6, title=name, ax=ax)
show(axes[0], f"08_samples_{data.name}")

# %% [markdown]
# **What to look at.** Of the drawn pictures, how many are digits? The variational model is drawn from $\mathcal N(0,1)$ as it is;
# the plain one makes nothing of that, and needs to have its codes looked at first. But with a normal distribution fitted to them
# afterwards, is it much worse, by the numbers? Holding each cloud near the prior is not yet making their sum *equal* to the
# prior, and in twenty dimensions there is much room between clouds. Compare the sharpness, too: clouds overlap, and there the
# decoder must average. (Whether draws are copies of training pictures the distances tell: a copy has none.)
#
# ## A likelihood, nearly
#
# The bound says that $-\log p(x)$ is at most so much. A better estimate needs only more draws: with $z_k\sim q(z\mid x)$,
#
# $$p(x) = \mathbb E_q\Big[\frac{p(x\mid z)\,p(z)}{q(z\mid x)}\Big]
# \approx\frac1K\sum_k\frac{p(x\mid z_k)\,p(z_k)}{q(z_k\mid x)} .$$
#
# (The logarithm of a mean of $K$ draws is itself too low on average, though less so than the bound, which is $K = 1$. It is to be
# trusted where $q$ proposes the right codes, which it has learned for digits and not for noise.) And since there is a $p(x)$ now,
# we can ask chapter 7's last question again: which pictures does it find likely?


# %%
def log_likelihood(model, x, rng, draws=20 if FAST else 200):
    mean, sigma = model.posterior(x)
    terms = []
    for _ in range(draws):
        eps = rng.standard_normal(mean.shape, dtype=x.dtype)
        z = mean + sigma * eps
        y = model.decode(z).clip(1e-6, 1 - 1e-6)
        log_x = (x * np.log(y) + (1 - x) * np.log(1 - y)).sum(axis=1)  # log p(x|z)
        log_z = (-0.5 * z**2 + 0.5 * eps**2 + np.log(sigma)).sum(
            axis=1
        )  # log p(z) − log q(z|x)
        terms.append(log_x + log_z)
    terms = np.array(terms, dtype=np.float64)
    top = terms.max(axis=0)
    return top + np.log(np.exp(terms - top).mean(axis=0))  # without overflow


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
print(
    f"the same {len(few)} test pictures: bound {-bound:.1f}, estimate {log_likelihood(model, few.flat, rng).mean():.1f}\n"
)
for name, x in {
    "real": few.flat,
    "black and white": few.flat.round(),
    "blurred": blurred,
    "upside down": few.flat[:, ::-1],
    "empty": np.zeros_like(few.flat),
    "noise": rng.uniform(size=few.flat.shape).astype(np.float32),
}.items():
    print(
        f"{name:<20} log p(x) about {log_likelihood(model, np.ascontiguousarray(x), rng).mean():9.1f}"
    )

# %% [markdown]
# **What to look at.** Digits upside down and noise are now found less likely, by how many powers of ten? (One is 2.3 nats.) But
# compare the empty picture with a real one. That is no slip: it is a single picture of which the model is nearly certain pixel by
# pixel, while every real digit has a hundred pixels at its edges that might as well be a little different. A likelihood is not
# what an eye calls likely: the most probable picture of all need not look like any that one ever draws. (And grey pixels are no
# tosses of a coin. For black and white ones $p(x)$ is a probability; for grey ones it is a score of the same form.)
#
# ## The plane without holes
#
# The same with a code of two numbers. The KL asks for codes around 0 with spread 1, so we know which part of the plane to decode.

# %%
flat = trained(vae(rng=0, code=2), 4700, Variational())
side = 25 if FAST else 60
sure = max_probability(
    judge, decode_grid(flat, (-2.5, -2.5), (2.5, 2.5), side)
).reshape(side, side)
some = np.random.default_rng(0).permutation(len(x_train))[:1000]
fig, axes = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
axes[0].imshow(
    sure, extent=(-2.5, 2.5, -2.5, 2.5), aspect="auto", cmap="gray", vmin=0.2, vmax=1
)
plot_codes(flat.encode(x_train[some]), train.labels[some], axes[0])
axes[0].collections[0].set_antialiased(False)  # a smaller file
axes[0].set(
    xlim=(-2.5, 2.5),
    ylim=(-2.5, 2.5),
    title="means of the codes; dark: the judge is not sure",
)
sheet = mosaic(decode_grid(flat, (-2.5, -2.5), (2.5, 2.5), 12), columns=12, fill=0.0)
axes[1].imshow(sheet, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
axes[1].set(xticks=[], yticks=[], title="the same part of the plane, decoded")
show(axes[0], f"08_plane_{data.name}")
print(f"the judge is sure (> 0.9) on {(sure > 0.9).mean():.1%} of the plane's part")

# %%
ends = [np.flatnonzero(test.labels == label)[:2] for label in (0, 1)]
pairs = [(ends[0][0], ends[1][0]), (ends[1][1], ends[0][1])]
t = np.linspace(0, 1, 13, dtype=np.float32)[:, None]
walks = {}
for name, net in [("plain", plain), ("variational", model)]:
    for start, end in pairs:
        a, b = net.encode(x_test[[start, end]])
        walks[" " * len(walks) + name] = net.decode((1 - t) * a + t * b)
show(plot_reconstructions(*walks.values(), names=[*walks]), f"08_walk_{data.name}")

pairs = rng.integers(len(x_test), size=(n, 2))
for name, net in [("plain", plain), ("variational", model)]:
    z = np.concatenate(
        [net.encode(x_test[i : i + 500]) for i in range(0, len(x_test), 500)]
    )
    halfway = net.decode((z[pairs[:, 0]] + z[pairs[:, 1]]) / 2)
    print(
        f"halfway between two test pictures' codes, {name:<12} the judge is sure (> 0.9) of "
        f"{(max_probability(judge, halfway) > 0.9).mean():.1%}"
    )

# %% [markdown]
# **What to look at.** Where are the holes of chapter 7? The classes now lie side by side and share borders, and at a border one
# digit turns into another through forms that are neither. A map without holes must have such borders. Where the judge is not
# sure, is it the map's fault? In the walks, too, something lies halfway between a 0 and a 1, whatever the model: has the
# variational one fewer doubtful places in its twenty dimensions, or only in two?
#
# ## β, the price of order
#
# β weighs the two wishes: rebuild the picture, and keep the cloud near $\mathcal N(0,1)$. How many of the twenty numbers are in
# use at all? One whose KL is 0 has $\mu = 0$, $\sigma = 1$ for every picture: it is pure noise, and the decoder has learned to
# ignore it.

# %%
print(
    f"{'β':<8}{'test MSE':>10}{'KL':>8}{'numbers used':>14}{'drawn: sure > 0.9':>20}{'nearest':>10}{'sharpness':>12}"
)
by_beta = {}
for beta in (0.2, 1, 4):
    net = model if beta == 1 else trained(vae(rng=0), 4700, Variational(beta))
    mean, sigma = net.posterior(x_test[:n])
    kl = -0.5 * (1 + 2 * np.log(sigma) - mean**2 - sigma**2).mean(
        axis=0
    )  # of each of the numbers
    x = by_beta[beta] = net.sample(n, rng=1)
    print(
        f"{beta:<8}{mse(output(net, x_test), x_test)[0]:>10.5f}{kl.sum():>8.2f}{(kl > 0.05).sum():>14}"
        f"{(max_probability(judge, x) > 0.9).mean():>20.1%}{np.median(nearest_neighbors(x, x_train)[0]):>10.2f}"
        f"{np.median(sharpness(x)):>12.3f}"
    )

fig, axes = plt.subplots(1, 3, figsize=(8.8, 3.2), layout="constrained")
for ax, (beta, x) in zip(axes, by_beta.items(), strict=True):
    plot_images(x[:36], columns=6, title=f"drawn, β = {beta}", ax=ax)
show(axes[0], f"08_beta_{data.name}")

# %% [markdown]
# **What to look at.** With a small β the model is on its way back to the plain one: its clouds do not fill the space that one
# draws from, so it rebuilds well and draws badly. With a large β clouds are held so near to the prior that they overlap, and
# where clouds overlap the decoder must average: everything is softer. Is it also more often a digit? Which columns go one way
# from row to row, and which have their best in the middle? That $\beta = 1$ is the bound does not make it the best for drawing.
#
# ## 2 · An adversarial code
#
# The same wish without a formula: codes should look like draws from $\mathcal N(0,1)$. Let a second net, the discriminator $c$, try to
# tell the two apart. It gives one number $a$, the logit of "drawn"; and the autoencoder is to make it fail (Makhzani et al.
# 2015, after Goodfellow et al. 2014). Two players, each with a loss of its own:
#
# $$L_c = -\frac1N\sum_n\log\sigma\big(c(\text{drawn}_n)\big) - \frac1N\sum_n\log\big(1-\sigma(c(z_n))\big),\qquad
# L = \mathrm{mse}(\hat x, x) - \frac{\lambda}{N}\sum_n\log\sigma\big(c(z_n)\big) .$$
#
# With $\frac{d}{da}\log\sigma(a) = 1 - \sigma(a)$ the gradients at the logits are
#
# $$\text{discriminator:}\quad da_\text{drawn} = \tfrac1N(\sigma(a)-1),\quad da_z = \tfrac1N\,\sigma(a);\qquad\qquad
# \text{autoencoder:}\quad da_z = \tfrac{\lambda}{N}(\sigma(a) - 1).$$
#
# From there the discriminator's own backward does the rest: in the first case we keep its weights' gradients, in the second we drop them
# and keep $dz$, the gradient at its *input*, which is added to the one that comes from the decoder. The discriminator is used on two
# batches in one loss. Since no layer remembers anything, that is two calls and a sum.


# %%
def judge_both(discriminator, drawn, z):
    a, caches = discriminator.forward(drawn)
    b, more_caches = discriminator.forward(z)
    loss = (
        np.logaddexp(0, -a).mean() + np.logaddexp(0, b).mean()
    )  # −log σ(a) = log(1 + e^−a)
    _, grads = discriminator.backward((1 / (1 + np.exp(-a)) - 1) / len(a), caches)
    _, more = discriminator.backward(1 / (1 + np.exp(-b)) / len(b), more_caches)
    return loss, {name: grads[name] + more[name] for name in grads}


def fooling(discriminator, z):
    a, caches = discriminator.forward(z)
    dz, _ = discriminator.backward((1 / (1 + np.exp(-a)) - 1) / len(a), caches)
    return np.logaddexp(0, -a).mean(), dz


# %% [markdown]
# In the library they are `discriminator_loss`, an objective whose model is the discriminator, and `GeneratorLoss(discriminator)`, which has the form of a
# penalty on the code. The checks:

# %%
rng = np.random.default_rng(0)
small_critic = Sequential(
    Linear(3, 6, rng=rng, dtype=np.float64),
    LeakyReLU(0.2),
    Linear(6, 1, rng=rng, dtype=np.float64),
)
pair = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
print(gradcheck(discriminator_loss, small_critic, pair), "\n")
print(gradcheck(GeneratorLoss(small_critic), pair[1]))
ours, theirs = judge_both(small_critic, *pair), discriminator_loss(small_critic, pair)
differences = [np.abs(ours[1][name] - theirs[1][name]).max() for name in theirs[1]]
differences.append(
    np.abs(
        fooling(small_critic, pair[1])[1] - GeneratorLoss(small_critic)(pair[1])[1]
    ).max()
)
print(
    f"\nlargest difference between these lines' gradients and the library's: {max(differences):.0e}"
)

# %% [markdown]
# Then they take turns: one step of the discriminator, one of the autoencoder. (λ is `beta` here, the weight of a penalty on the code,
# and `gamma` in part 4, that of a penalty on the output.) `Adversarial` makes that one objective for `fit`: on each
# batch the discriminator first makes its own step, with an optimiser of its own.

# %%
aae, opponent = basic_autoencoder(rng=0, code=8), discriminator(rng=1, features=8)
game = Adversarial(
    Objective(code_penalty=GeneratorLoss(opponent), beta=0.01),
    opponent,
    code_batches,
    Adam(opponent.params, 1e-3),
)
history = fit(aae, x_train, game, Adam(aae.params, 1e-3), epochs(2500), progress=False)
mse8 = trained(basic_autoencoder(rng=0, code=8), 2500, Objective())
drawn_z = np.random.default_rng(1).normal(size=(n, 8)).astype(np.float32)
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
    mean, spread, off = (
        codes8.mean(axis=0),
        codes8.std(axis=0),
        np.abs(np.cov(codes8.T) - np.eye(8)).max(),
    )
    print(
        f"codes, {name:<12} means from {mean.min():5.2f} to {mean.max():5.2f}, standard deviations from {spread.min():.2f} to "
        f"{spread.max():.2f}, largest entry of |covariance − 1| {off:.2f}"
    )
print(
    f"\ntest MSE, 8 numbers: plain {mse(output(mse8, x_test), x_test)[0]:.5f}, adversarial "
    f"{mse(output(aae, x_test), x_test)[0]:.5f}\n"
)
print(HEADING)
judged("drawn, plain, fitted N", plain8)
judged("drawn, adversarial, N(0, 1)", aae.decode(drawn_z))
judged("drawn, variational, N(0, 1)", drawn)


# %%
def plot_game(history, axes, penalty):
    """Left, the discriminator: its loss, and on an axis of its own the share that it gets right. Right, the autoencoder's two terms."""
    passes = history["epoch"]
    curves = [
        (axes[0], "discriminator", "discriminator's loss", "tab:red"),
        (axes[0].twinx(), "discriminator_accuracy", "share right", "tab:orange"),
        (axes[1], "reconstruction", "mean squared error", "tab:blue"),
        (axes[1].twinx(), penalty, "−log σ(c), mean", "tab:green"),
    ]
    for ax, column, name, colour in curves:
        ax.plot(passes, history[column], "o-", markersize=3, color=colour)
        ax.set_ylabel(name, color=colour)
        ax.tick_params(axis="y", labelcolor=colour)
        ax.set(
            xlabel="epoch",
            ylim=(0, 1)
            if column == "discriminator_accuracy"
            else (0, 1.1 * max(*history[column], 1e-9)),
        )
        ax.xaxis.get_major_locator().set_params(integer=True)
    axes[0].set_ylim(0, max(2, 1.1 * max(history["discriminator"])))
    axes[0].axhline(2 * np.log(2), color="grey", linewidth=0.8)
    axes[0].text(
        passes[0], 2 * np.log(2), "here it can only guess", color="grey", va="bottom"
    )


fig, axes = plt.subplots(
    1, 3, figsize=(12, 3.4), layout="constrained", width_ratios=(1, 1, 0.9)
)
plot_game(history, axes, "code_penalty")
plot_images(aae.decode(drawn_z)[:36], columns=6, title="drawn, adversarial", ax=axes[2])
show(axes[0], f"08_adversarial_{data.name}")

# %% [markdown]
# **What to look at.** At the grey line the discriminator can only guess, and that is what the autoencoder wants. How near does it get,
# and does it stay there? Neither loss has to fall: each works against the other, so no curve says "done". And a discriminator at the
# line says that *it* sees no difference, not that there is none: look at means, standard deviations and covariances, then at
# the judge. What did the order cost in squared error? (The draws beside it are of a code of eight numbers, those of the
# variational model of twenty: compare the adversarial ones with the plain ones first.)
#
# ## 3 · A perceptual loss
#
# Chapter 7 moved a digit by one pixel, and to `mse` that was a good part of the way to no digit at all. A trained net has
# learned to see through such things, as far as its task asked for it. So measure in what an inner layer $\varphi$ of a net sees
# (Johnson, Alahi and Fei-Fei 2016):
#
# $$L = \mathrm{mse}(\hat x, x) + w\cdot\mathrm{mse}\big(\varphi(\hat x), \varphi(x)\big),\qquad
# d\hat x = \frac{2}{ND}(\hat x - x) + w\,J_\varphi^\top\,\frac{2}{NM}\big(\varphi(\hat x)-\varphi(x)\big) .$$
#
# $J_\varphi^\top$ is once more a backward pass through a net that is not trained, of which only the gradient at its input is
# kept: the library calls that `vjp`. For $\varphi$ we take the judge's hidden layer.


# %%
def perceptual_by_hand(x_hat, x, weight, phi):
    seen, caches = phi.forward(x_hat)
    difference = seen - phi(x)
    loss = ((x_hat - x) ** 2).mean() + weight * (difference**2).mean()
    return loss, 2 * (x_hat - x) / x.size + weight * phi.vjp(
        2 * difference / difference.size, caches
    )


phi = judge[:2]  # Linear and ReLU
y_small, t_small = rng.uniform(size=(2, 3, 784))
print(gradcheck(Perceptual(phi, 0.1), y_small, t_small))
ours, theirs = (
    perceptual_by_hand(y_small, t_small, 0.1, phi),
    Perceptual(phi, 0.1)(y_small, t_small),
)
print(
    f"\nlargest difference between the lines above and the library: {np.abs(ours[1] - theirs[1]).max():.0e}\n"
)

picture = test.images[:n]
moved = np.roll(picture, 1, axis=-1).reshape(n, -1)
smeared = (
    sum(
        np.roll(picture, (i, j), axis=(-2, -1)) for i in (-1, 0, 1) for j in (-1, 0, 1)
    ).reshape(n, -1)
    / 9
)
picture = picture.reshape(n, -1)
print(
    f"{'':<22}{'pixels':>10}{'features':>10}   (mean squared difference, beside that of an empty picture)"
)
for name, y in [
    ("moved by one pixel", moved),
    ("blurred", smeared),
    ("empty", np.zeros_like(picture)),
]:
    shares = [
        mse(f(y), f(picture))[0] / mse(f(0 * picture), f(picture))[0]
        for f in (lambda a: a, phi)
    ]
    print(f"{name:<22}{shares[0]:>10.1%}{shares[1]:>10.1%}")

# %% [markdown]
# **What to look at.** By how much is the digit that was moved by one pixel nearer to the digit in features than in pixels? Is the
# blurred one, too? A classifier reads blurred digits, so nothing in its task has made it mind the blur. Such a loss punishes what
# its net was made to see, and nothing else. For blur we need a net that was made to see blur.
#
# ## 4 · A discriminator of pictures
#
# That net is a discriminator. The real ones are now the data, the fakes their reconstructions, and the autoencoder's loss is
#
# $$L = \mathrm{mse}(\hat x, x) - \frac{\lambda}{N}\sum_n\log\sigma\big(c(\hat x_n)\big).$$
#
# The gradients are those of part 2, one net further back: $d\hat x$ instead of $dz$. What the discriminator is told to look for is
# nobody's formula: whatever gives a fake away. All models have a code of eight numbers and as many steps.

# %%
seen = trained(
    basic_autoencoder(rng=0, code=8),
    2500,
    Objective(reconstruction=Perceptual(phi, weight=0.1)),
)

# a judge of its own: the perceptual model was trained on what the other judge sees
other = trained(
    classifier(rng=5, hidden=200), 1500, classification, (x_train, train.labels)
)
rebuilt, games = {"mse": output(mse8, x_test), "perceptual": output(seen, x_test)}, {}
for weight in (0.001, 0.005):
    gan, opponent = basic_autoencoder(rng=0, code=8), discriminator(rng=1)
    objective = Objective(output_penalty=GeneratorLoss(opponent), gamma=weight)
    game = Adversarial(
        objective, opponent, image_batches, Adam(opponent.params, 2e-4)
    )  # a slow one, or it wins at once
    games[weight] = fit(
        gan, x_train, game, Adam(gan.params, 1e-3), epochs(2500), progress=False
    )
    rebuilt[f"discriminator, λ {weight}"] = output(gan, x_test)
print(
    f"{'8 numbers a code':<20}{'test MSE':>10}{'sharpness':>12}{'nearest':>10}{'label kept':>12}   (by a judge of its own)"
)
print(
    f"{'real':<20}{'':>10}{np.median(sharpness(x_test)):>12.3f}{np.median(nearest_neighbors(x_test[:n], x_train)[0]):>10.2f}"
    f"{accuracy(other, x_test, test.labels):>12.1%}"
)
for name, y in rebuilt.items():
    print(
        f"{name:<20}{mse(y, x_test)[0]:>10.5f}{np.median(sharpness(y)):>12.3f}{np.median(nearest_neighbors(y[:n], x_train)[0]):>10.2f}"
        f"{accuracy(other, y, test.labels):>12.1%}"
    )

some = np.concatenate(
    [np.flatnonzero(test.labels == label)[1:2] for label in range(10)]
)
rows = {"real": x_test[some]} | {name: y[some] for name, y in rebuilt.items()}
show(
    plot_reconstructions(*rows.values(), names=[*rows]), f"08_against_blur_{data.name}"
)

# %%
fig, axes = plt.subplots(2, 2, figsize=(9.4, 5.8), layout="constrained")
for row, (weight, history) in zip(axes, games.items(), strict=True):
    plot_game(history, row, "output_penalty")
    row[0].set_title(f"λ = {weight}", fontsize=10)
show(axes[0, 0], f"08_critic_{data.name}")

# %% [markdown]
# **What to look at.** First the column of the MSE: what does each remedy cost? (The first row minimises nothing else.) What is
# bought with it? The perceptual model was told what a classifier looks at: does it keep more labels, and is it
# any sharper? Are the discriminator's pictures sharper because their strokes are clean, or because of dots and grain, which count as
# sharp too?
#
# Then the curves. Does the discriminator's loss stay between 0 and the grey line, or does one of the two win? If the discriminator comes to
# be right every time, $\sigma(c(\hat x))$ is 0 for every picture, and the autoencoder is pushed hard, in whatever direction
# still moves the discriminator a little. Dots may appear where no digit ever has ink, and stay: a pixel whose sigmoid has run into 1
# has slope 0, and no loss, however large, can call it back. The only change between the two rows of curves is λ.
#
# ## What it comes to
#
# A model that says where its codes lie can be drawn from, and pays in sharpness or in squared error; a loss that looks through
# another net keeps what that net was made to see, and pays in pixels; a discriminator finds what no formula names, and pays in peace:
# two losses, no common minimum, and a weight that decides whether it helps or wrecks. None of them is a plain improvement,
# which is why we measured more than one thing. But each was one function with its gradient beside it, checked by differences
# like any other.
#
# ## Exercises
#
# 1. **Both at once.** Give the variational model the perceptual loss: `Variational(reconstruction=Perceptual(phi, 0.1,
#    pixels=bce))`. Are draws sharper? Is it still a bound? *Hint: which $p(x\mid z)$ has this loss as its $-\log$?*
# 2. **KL by draws.** Replace the KL by $\log q(z) - \log p(z)$ at the one drawn $z$. Derive $d\mu$ and $dv$, and check them.
#    Same mean, but what about the spread from draw to draw? *Hint: $z$ depends on $\mu$ and $v$; $(z-\mu)/\sigma = \varepsilon$
#    does not.*
# 3. **The best discriminator.** For densities $p$ (real) and $q$ (fake), find the $a(x)$ that minimises $-p\log\sigma(a) -
#    q\log(1-\sigma(a))$ at each $x$. Train `discriminator_loss` on $\mathcal N(1,1)$ against $\mathcal N(-1,1)$ and compare. *Hint:
#    $\sigma(a) = p/(p+q)$; `fit` takes the pair as its data.*
# 4. **Too sure a discriminator.** Let the autoencoder *maximise* $L_c$, that is, minimise $\log(1-\sigma(c(z)))$ in place of
#    $-\log\sigma(c(z))$. What is its gradient where the discriminator is sure, $\sigma \approx 0$? *Hint: the derivatives by $a$ are
#    $-\sigma(a)$ and $\sigma(a) - 1$.*
# 5. **Dead numbers.** Print the KL of each of the twenty numbers over the epochs. When do some die, and do they come back? What
#    if β grows from 0 to 1 in the first epochs? *Hint: fit epoch by epoch, each with another `Variational(beta)`.*
