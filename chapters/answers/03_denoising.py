# %% [markdown]
# # Answers · Chapter 3, Denoising
#
# Try each exercise before you read its answer. The experiments use at most 10,000 images, so that
# they take a minute or two. With `TINYAE_FAST=1` they take a few steps and learn nothing.

# %%
import os

import numpy as np

from tinyae import Adam, Autoencoder, Linear, Objective, Sequential, Tanh, fit
from tinyae.checking import gradcheck
from tinyae.data import Gaussian, load_data
from tinyae.models import basic_autoencoder
from tinyae.plots import plot_reconstructions, show
from tinyae.training import psnr

FAST = bool(os.environ.get("TINYAE_FAST"))
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
x_train = data.train.flat[: 1000 if FAST else 10_000]
x_test = data.test.flat[: 100 if FAST else 1000]
EPOCHS = 1 if FAST else 15


def trained(objective):
    model = basic_autoencoder(rng=0)
    fit(model, x_train, objective, Adam(model.params), EPOCHS, progress=False)
    return model


def nothing_learned():
    if FAST:
        print("Fast mode: nothing has been learned, so these numbers mean nothing.")


# %% [markdown]
# ## 1. The wrong target
#
# If the target is $\tilde x$, the best output is $\tilde x$ itself, noise included. A network
# without a bottleneck would learn to copy. Here the noise has 784 independent values, and they do
# not fit through 32 dimensions. What cannot be transmitted is replaced by its mean. So we predict
# that the output is close to $\mathbb E[\tilde x\mid x]$: the model still removes noise, because of
# the bottleneck, and not because anyone asked it to. But this mean is not $x$. On a background of
# $x = 0$ the noise is clipped at 0, and its mean there is
#
# $$\mathbb E[\max(\sigma\varepsilon, 0)] = \sigma\int_0^\infty
# \frac{\varepsilon}{\sqrt{2\pi}}\,e^{-\varepsilon^2/2}\,d\varepsilon = \frac{\sigma}{\sqrt{2\pi}}
# .$$
#
# So even a clean image should get a gray background.

# %%
noise = Gaussian(0.3)
background = noise(np.zeros((200, 784)), np.random.default_rng(0)).mean()
predicted = noise.sigma / np.sqrt(2 * np.pi)
print(f"mean of clipped noise on x = 0: {background:.4f}, predicted {predicted:.4f}")
assert abs(background - predicted) < 2e-3


def copy_the_noise(model, x, rng):
    noisy = noise(x, rng)
    return Objective()(model, noisy)  # the target is the input, x̃


copier, denoiser = trained(copy_the_noise), trained(Objective(corrupt=noise))
empty = (x_test == 0) & (np.roll(x_test, 3, axis=1) == 0)
for name, model in [("wrong target", copier), ("clean target", denoiser)]:
    print(f"{name}: mean output where x = 0: {model(x_test)[empty].mean():.3f}")
nothing_learned()

# %% [markdown]
# ## 2. Any amount of noise
#
# A corruption is a function. This one draws one σ for each row. It is clipped as before.


# %%
def any_noise(x, rng):
    sigma = rng.uniform(0, 0.6, size=(len(x), 1)).astype(x.dtype)
    return np.clip(x + sigma * rng.standard_normal(x.shape, dtype=x.dtype), 0, 1)


flexible = trained(Objective(corrupt=any_noise))
sigmas = (0, 0.1, 0.3, 0.5, 0.7)
print(f"{'PSNR in dB, σ =':<20}" + "".join(f"{sigma:>8}" for sigma in sigmas))
for name, model in [("trained on 0.3", denoiser), ("trained on any", flexible)]:
    errors = [
        ((model(Gaussian(s)(x_test, np.random.default_rng(1))) - x_test) ** 2).mean()
        for s in sigmas
    ]
    print(f"{name:<20}" + "".join(f"{psnr(float(e)):>8.2f}" for e in errors))
nothing_learned()

moved = any_noise(np.full((500, 784), 0.5, np.float32), np.random.default_rng(2))
spread = moved.std(axis=1)
print(f"standard deviation per image from {spread.min():.2f} to {spread.max():.2f}")
assert spread.min() < 0.1 < 0.3 < spread.max()  # a new σ for each image

# %% [markdown]
# Away from σ = 0.3, the general model gains. At σ = 0.3, a specialist that was trained for long
# enough should be a little ahead, because it knows how much to remove. (In a short training, the
# general model may be ahead even there: on average, its images are easier.) The general model has
# to estimate σ from the image. This is easy, because there are many background pixels.
#
# ## 3. A skip connection
#
# Two lines change: `x_hat` becomes `noisy + g(f(noisy))`, and nothing else in the forward pass. In
# the backward pass, $d\hat x$ is the gradient of the sum, so $dg = d\hat x$ goes into the decoder
# as before. There is a second path from $\tilde x$ to $L$, but there are no weights on it and none
# before $\tilde x$. So $dW_1 = da_1^\top\tilde x$ gets no new term. (Its value changes, because
# $\hat x$ has changed.)


# %%
def with_skip(model, x, rng, sigma=0.12):
    noisy = x + sigma * rng.standard_normal(x.shape, dtype=x.dtype)
    z, encoder_caches = model.encoder.forward(noisy)
    change, decoder_caches = model.decoder.forward(z)
    x_hat = noisy + change
    loss = ((x_hat - x) ** 2).mean()
    dx_hat = 2 * (x_hat - x) / x.size
    dz, decoder_grads = model.decoder.backward(dx_hat, decoder_caches)
    _, encoder_grads = model.encoder.backward(dz, encoder_caches)
    return loss, model.named({"encoder": encoder_grads, "decoder": decoder_grads}), {}


def plane_network():
    rng = np.random.default_rng(1)
    return Autoencoder(
        Sequential(Linear(2, 64, rng=rng), Tanh(), Linear(64, 64, rng=rng), Tanh()),
        Sequential(Linear(64, 2, rng=rng)),
    )


turn = np.random.default_rng(0).uniform(0.6, 3.2, 4000)
spiral = np.stack([turn * np.cos(3 * turn), turn * np.sin(3 * turn)], axis=1) / 3
spiral = spiral.astype(np.float32)
report = gradcheck(with_skip, plane_network(), spiral[:20])
print(report)
assert report.ok


def exact(noisy, sigma=0.12):
    """E[x | x̃] for the points of the spiral, and p_σ(x̃) up to a constant factor."""
    squares = ((noisy[:, None, :] - spiral) ** 2).sum(axis=-1)
    w = np.exp(-squares / (2 * sigma**2))
    return w @ spiral / w.sum(axis=1, keepdims=True), w.sum(axis=1)


noisy = Gaussian(0.12, clip=False)(spiral[:1000], np.random.default_rng(2))
ideal = exact(noisy)[0] - noisy
for name, objective, skip in [
    ("without skip", Objective(corrupt=Gaussian(0.12, clip=False)), 0),
    ("with skip", with_skip, 1),
]:
    net, epochs = plane_network(), 3 if FAST else 60
    fit(net, spiral, objective, Adam(net.params, 3e-3), epochs, progress=False)
    change = net(noisy) - (1 - skip) * noisy
    correlation = np.corrcoef(change.ravel(), ideal.ravel())[0, 1]
    print(f"{name:<13} correlation with the exact change: {correlation:.3f}")
nothing_learned()

# %% [markdown]
# ## 4. A case with a formula
#
# As a function of $x$, the density of $x$ given $\tilde x$ is proportional to
#
# $$\exp\Big(-\frac{x^2}{2s^2} - \frac{(\tilde x-x)^2}{2\sigma^2}\Big)
# \propto \exp\Big(-\frac{s^2+\sigma^2}{2s^2\sigma^2}
# \Big(x - \frac{s^2}{s^2+\sigma^2}\,\tilde x\Big)^2\Big),$$
#
# a normal density whose mean can be read off. The boxed formula agrees: $\tilde x$ has variance
# $s^2+\sigma^2$, so $\nabla\log p_\sigma(\tilde x) = -\tilde x/(s^2+\sigma^2)$, and
# $\tilde x - \sigma^2\tilde x/(s^2+\sigma^2) = \tilde x\,s^2/(s^2+\sigma^2)$.
#
# So the best denoiser is a factor. Least squares must find the same factor from samples.

# %%
s, sigma, rng = 1.5, 0.8, np.random.default_rng(0)
x = s * rng.normal(size=100_000)
x_noisy = x + sigma * rng.normal(size=x.shape)
slope = (x_noisy @ x) / (x_noisy @ x_noisy)
factor = s**2 / (s**2 + sigma**2)
print(f"factor by the formula {factor:.4f}, by least squares {slope:.4f}")
assert abs(slope - factor) < 0.01

# %% [markdown]
# ## 5. Walk uphill
#
# First with the exact denoiser on the spiral, where we can compute $p_\sigma$. Replacing each point
# with $\mathbb E[x\mid\tilde x]$ is one step of *mean shift* (Comaniciu and Meer 2002). The density
# $p_\sigma$ of the noisy data never decreases on the way.

# %%
points = np.random.default_rng(3).uniform(-1.2, 1.2, size=(200, 2))
density = []
for _ in range(20):
    points_next, p = exact(points)
    density.append(p)
    points = points_next
print("mean log of the density, every 4 steps:", *np.log(density).mean(1)[::4].round(2))
assert (np.diff(density, axis=0) > -1e-9 * np.max(density)).all()

# %% [markdown]
# Now images. Without noise, the walk soon stops at a place that the denoiser does not change, and
# from different starts it may stop at the same few images. Noise after each step moves it on, as in
# *Langevin dynamics*: gradient steps on $\log p_\sigma$ plus noise give samples instead of maxima.
# A denoiser trained at one noise level has seen nothing like pure noise, so do not expect clean
# digits. Diffusion models train one denoiser for all noise levels and walk from high to low.

# %%
start = np.random.default_rng(4).uniform(size=(10, 784)).astype(np.float32)
walks = {"still": start, "noise added": start}
rng = np.random.default_rng(5)
for step in range(20):
    walks["still"] = denoiser(walks["still"])
    noisy = walks["noise added"] if step == 0 else noise(walks["noise added"], rng)
    walks["noise added"] = denoiser(noisy)
for name, images in walks.items():
    step = np.abs(denoiser(images) - images).mean()
    print(f"{name:<12} spread over the walks {images.std(axis=0).mean():.3f}, ", end="")
    print(f"mean change by one more step {step:.4f}")
nothing_learned()
show(plot_reconstructions(start, *walks.values()), f"03_walks_{data.name}")
