# %% [markdown]
# # Answers · Chapter 8, Ways out
#
# Try each exercise before you read its answer. The experiments use at most 10,000 images, so that
# they take a few minutes. With `TINYAE_FAST=1` they take a few steps and learn nothing.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinyae import Adam, Linear, Sequential, bce, fit, gradcheck
from tinyae.applications import classification
from tinyae.applications.sample_quality import sharpness
from tinyae.data import load_data
from tinyae.losses import Perceptual
from tinyae.models import classifier, vae
from tinyae.objectives.adversarial import discriminator_loss
from tinyae.objectives.variational import Variational, gaussian_kl
from tinyae.plots import plot_images, show

FAST = bool(os.environ.get("TINYAE_FAST"))
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
train = data.train[: 500 if FAST else 10_000]
x_train, x_test = train.flat, data.test.flat[: 100 if FAST else 1000]
rng = np.random.default_rng(0)


def trained(model, objective, x=x_train, epochs=20):
    epochs = 1 if FAST else epochs
    fit(model, x, objective, Adam(model.params), epochs, progress=False)
    return model


def nothing_learned():
    if FAST:
        print("Fast mode: nothing has been learned, so these numbers mean nothing.")


# %% [markdown]
# ## 1. Both at once
#
# The hint asks for a density $p(x\mid z)$ with $-\log p(x\mid z) = \ell(g(z), x)$, where $\ell$ is
# the perceptual loss times the number of pixels. It would have to be $p(x\mid z) = e^{-\ell(g(z),
# x)}/Z(z)$ with $Z(z) = \sum_x e^{-\ell(g(z), x)}$ over all black and white images. For the
# cross-entropy alone, $Z = 1$ whatever $z$ is. With the features, $Z$ depends on $z$, the sum has
# $2^{784}$ terms, and the loss leaves $\log Z(z)$ out. So it is not the negative ELBO of this
# model.
#
# It is still *some* upper bound: the feature term is non-negative, so the loss is at least the one
# without it, which bounds $-\log p(x)$ of the old model. But it is a looser bound, and it is
# lowered partly by making the features more similar, which says nothing about $\log p(x)$.
#
# With two pixels the sum has four terms. Is it 1?

# %%
phi = trained(classifier(rng=0), classification, (x_train, train.labels), 3)[:2]
two = Sequential(Linear(2, 3, rng=rng, dtype=np.float64))
images = np.array([[a, b] for a in (0.0, 1.0) for b in (0.0, 1.0)])
for name, loss in [
    ("cross-entropy", bce),
    ("with features", Perceptual(two, 0.1, pixels=bce)),
]:
    sums = []
    for y in ([[0.1, 0.7]], [[0.5, 0.4]]):
        losses = [2 * loss(np.array(y), x[None])[0] for x in images]
        sums.append(float(np.exp(-np.array(losses)).sum()))
    print(f"{name:<14} Z for two outputs of the decoder: {sums[0]:.4f}, {sums[1]:.4f}")
    assert np.allclose(sums, 1) == (loss is bce) and max(sums) < 1 + 1e-9

small = vae(0, features=784, hidden=4, code=2, dtype=np.float64)
both = Variational(reconstruction=Perceptual(phi, 0.1, pixels=bce))
report = gradcheck(both, small, x_test[:2], method="directions")
print(report)
assert report.ok

rows = {}
for name, objective in [("cross-entropy", Variational()), ("with features", both)]:
    rows[name] = trained(vae(rng=0), objective).sample(100, rng=1)
    print(f"{name:<14} median sharpness {np.median(sharpness(rows[name])):.3f}")
print(f"{'real':<14} median sharpness {np.median(sharpness(x_test)):.3f}")
nothing_learned()

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(6, 3.2), layout="constrained")
for ax, (name, images) in zip(axes, rows.items(), strict=True):
    plot_images(images[:36], columns=6, title=name, ax=ax)
show(axes[0], f"08_both_{data.name}")

# %% [markdown]
# ## 2. KL from samples
#
# With $z = \mu + e^{v/2}\varepsilon$, we have $(z-\mu)/\sigma = \varepsilon$, and the constants
# $\tfrac12\log 2\pi$ cancel:
#
# $$\log q(z) - \log p(z) = -\tfrac12 v - \tfrac12\varepsilon^2 + \tfrac12 z^2,\qquad
# d\mu = z,\qquad dv = -\tfrac12 + \tfrac12\,z\,e^{v/2}\varepsilon .$$
#
# The mean over $\varepsilon$ gives the gradients of the formula: $\mathbb E\,z = \mu$, and
# $\mathbb E\,z\,e^{v/2}\varepsilon = e^v$. The value of a single sample varies: for $\mu = 0$ and
# $\sigma = 1$ it is always 0, and it varies more the farther $q$ is from the prior.


# %%
def sampled_kl(code, eps):
    mean, logvar = np.split(code, 2, axis=1)
    s = np.exp(logvar / 2) * eps
    z = mean + s
    value = (-logvar / 2 - eps**2 / 2 + z**2 / 2).sum() / len(code)
    return value, np.concatenate([z, -0.5 + z * s / 2], axis=1) / len(code)


code, eps = rng.normal(size=(5, 6)), rng.normal(size=(5, 3))
report = gradcheck(lambda c: sampled_kl(c, eps), code)
print(report)
assert report.ok

one = np.array([[0.7, -1.2, -0.8, 0.3]])  # μ = (0.7, −1.2), v = (−0.8, 0.3)
values = np.array([sampled_kl(one, rng.normal(size=(1, 2)))[0] for _ in range(20_000)])
exact = gaussian_kl(one)[0]
print(f"formula {exact:.3f}, mean of the samples {values.mean():.3f}")
print(f"standard deviation of one sample {values.std():.3f}")
assert abs(values.mean() - exact) < 5 * values.std() / np.sqrt(len(values))
assert np.isclose(sampled_kl(np.zeros((1, 4)), rng.normal(size=(1, 2)))[0], 0)

# %% [markdown]
# ## 3. The best discriminator
#
# The derivative with respect to $a$ is $-p\,(1-\sigma(a)) + q\,\sigma(a)$. It is 0 at
# $\sigma(a) = p/(p+q)$, that is, at
#
# $$a(x) = \log\frac{p(x)}{q(x)} .$$
#
# For $\mathcal N(1,1)$ against $\mathcal N(-1,1)$ this is
# $-\tfrac12(x-1)^2 + \tfrac12(x+1)^2 = 2x$. So one weight and one bias are enough, and training
# must find 2 and 0.

# %%
pair = rng.normal(1, 1, size=(4000, 1)), rng.normal(-1, 1, size=(4000, 1))
net = Sequential(Linear(1, 1, rng=0, dtype=np.float64))
for rate in (0.1, 0.01):
    optimizer = Adam(net.params, rate)
    fit(net, pair, discriminator_loss, optimizer, 15, workers=1, progress=False)
weight, bias = (float(v.ravel()[0]) for v in net.params.values())
print(f"a(x) = {weight:.2f} x + {bias:.2f}, expected 2 x + 0")
assert abs(weight - 2) < 0.2 and abs(bias) < 0.2

# %% [markdown]
# If $p = q$, then $a = 0$ everywhere: the best discriminator can only guess, and its loss is
# $2\log 2$, the gray line in the figures of the chapter.
#
# ## 4. An overconfident discriminator
#
# The derivative of $\log(1-\sigma(a))$ with respect to $a$ is $-\sigma(a)$, which is almost 0 where
# the discriminator is certain that the code is fake. So exactly where the autoencoder is worst, it
# gets no gradient. The derivative of $-\log\sigma(a)$ is $\sigma(a)-1$, which is almost $-1$ there.
# Both have the same sign, and both are 0 only in the limit. This is why Goodfellow et al. 2014
# recommend the second one, the *non-saturating* loss.

# %%
a = np.array([-10.0, -2.0, 0.0, 2.0])
sigma = 1 / (1 + np.exp(-a))
h = 1e-6
for name, loss, by_hand in [
    ("log(1 − σ)", lambda a: -np.logaddexp(0, a), -sigma),
    ("−log σ", lambda a: np.logaddexp(0, -a), sigma - 1),
]:
    quotient = (loss(a + h) - loss(a - h)) / (2 * h)
    print(f"{name:<11} gradient at a = -10, -2, 0, 2:", *(f"{g:.5f}" for g in by_hand))
    assert np.allclose(by_hand, quotient, atol=1e-8)

# %% [markdown]
# ## 5. Unused dimensions
#
# If the KL of a dimension is near 0, its code is almost pure noise, and the decoder learns to
# ignore it. Then the reconstruction gives the encoder no reason to change it, so it rarely comes
# back. At the start the decoder cannot use the codes yet, so this can happen early, and to more
# dimensions the larger β is. If it happens to all of them, it is called **posterior collapse**.
# With β growing from 0, the decoder learns to use the codes before they become expensive. Follow
# the printed counts: do they fall once β is 1? A larger count is not better by itself: a dimension
# that is used costs KL, and the bound decides whether it pays for itself.


# %%
def kl_per_dimension(model):
    mean, sigma = model.posterior(x_test)
    return -0.5 * (1 + 2 * np.log(sigma) - mean**2 - sigma**2).mean(axis=0)


schedules = {"β = 1": [1.0] * 8, "β from 0 to 1": [0, 0.1, 0.25, 0.5, 0.75, 1, 1, 1]}
for name, betas in schedules.items():
    model, used = vae(rng=0), []
    optimizer = Adam(model.params)
    for epoch, beta in enumerate(betas[:2] if FAST else betas):
        objective = Variational(float(beta))
        fit(model, x_train, objective, optimizer, 1, rng=epoch, progress=False)
        used.append(int((kl_per_dimension(model) > 0.05).sum()))
    print(f"{name:<14} dimensions with KL > 0.05 after each epoch: {used}")
    total = gaussian_kl(model.encoder(x_test))[0]
    assert np.isclose(kl_per_dimension(model).sum(), total, rtol=1e-3, atol=1e-5)
nothing_learned()
