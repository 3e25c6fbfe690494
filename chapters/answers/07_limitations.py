# %% [markdown]
# # Answers · Chapter 7, Limitations
#
# Try each exercise before you read its answer. The experiments use at most 10,000 images, so that
# they take a minute or two. With `TINYAE_FAST=1` they take a few steps and learn nothing.

# %%
import math
import os

import numpy as np

from tinyae import Adam, Objective, fit, gradcheck, mse
from tinyae.applications import accuracy, classification
from tinyae.applications.sample_quality import max_probability, nearest_neighbors
from tinyae.data import load_data
from tinyae.models import basic_autoencoder, classifier
from tinyae.plots import plot_codes, show

FAST = bool(os.environ.get("TINYAE_FAST"))
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
train = data.train[: 1000 if FAST else 10_000]
test = data.test[: 100 if FAST else 1000]
x_train, x_test = train.flat, test.flat
rng = np.random.default_rng(0)


def trained(model, objective=None, x=x_train, epochs=10):
    epochs = 1 if FAST else epochs
    objective = objective or Objective()
    fit(model, x, objective, Adam(model.params), epochs, progress=False)
    return model


def nothing_learned():
    if FAST:
        print("Fast mode: nothing has been learned, so these numbers mean nothing.")


plain = trained(basic_autoencoder(rng=0))
yes_sayer = trained(classifier(rng=0), classification, (x_train, train.labels))

# %% [markdown]
# ## 1. Better than one peak
#
# The codes of one class form one cluster, for which one normal distribution is a better description
# than for ten clusters together. A sample now rarely falls into a gap. In terms of likelihood: ten
# peaks describe the codes better than one, because each one fits the mean and the covariance of its
# own class. What it needed are *labels*, which an autoencoder does not have. (A mixture of normal
# distributions, fitted without labels, is the next idea.)


# %%
def log_density(z, mean, covariance):
    """log N(z; mean, covariance) of each row."""
    L = np.linalg.cholesky(covariance + 1e-6 * np.eye(len(mean)))
    u = np.linalg.solve(L, (z - mean).T)
    return (
        -0.5 * (u**2).sum(0)
        - np.log(np.diag(L)).sum()
        - len(mean) * np.log(2 * np.pi) / 2
    )


codes = plain.encode(x_train).astype(np.float64)
one_peak = log_density(codes, codes.mean(axis=0), np.cov(codes.T)).mean()
samples, per_class = [], []
for label in range(10):
    z = codes[train.labels == label]
    mean, covariance = z.mean(axis=0), np.cov(z.T)
    samples.append(rng.multivariate_normal(mean, covariance, size=20))
    per_class.append(log_density(z, mean, covariance).sum())
ten_peaks = sum(per_class) / len(codes) - np.log(10)  # each class has the weight 1/10
print(
    f"mean log density of the codes: one peak {one_peak:.2f}, ten peaks {ten_peaks:.2f}"
)
if not FAST:
    assert ten_peaks > one_peak
one = rng.multivariate_normal(codes.mean(axis=0), np.cov(codes.T), size=200)
for name, z in [("one peak", one), ("ten peaks", np.concatenate(samples))]:
    images = plain.decode(z.astype(np.float32))
    confident = (max_probability(yes_sayer, images) > 0.9).mean()
    distance = np.median(nearest_neighbors(images, x_train)[0])
    print(
        f"{name}: confidence > 0.9 for {confident:.1%}, nearest (median) {distance:.2f}"
    )
nothing_learned()

# %% [markdown]
# ## 2. The median
#
# Each pixel can be minimized separately. The derivative of $\sum_i|y-a_i|$ is the number of $a_i$
# below $y$ minus the number above. For three values it is 0 on both sides of none, and changes from
# −1 to +1 at the middle one: the best $y$ is the **median**. For two values it is 0 everywhere
# between them: every $y$ between $a_1$ and $a_2$ is equally good, sharp images and blurred ones.
# For three binary images, the result is a majority vote: sharp in each pixel, but not necessarily
# one of the three images.

# %%
values = np.linspace(0, 1, 1001)
for a in ([0.2, 0.9], [0.2, 0.9, 0.3]):
    cost = np.abs(values[:, None] - a).sum(axis=1)
    best = values[cost < cost.min() + 1e-9]
    print(f"a = {a}: best y from {best.min():.2f} to {best.max():.2f}")
    if len(a) == 2:
        assert np.isclose(best.min(), 0.2) and np.isclose(best.max(), 0.9)
    else:
        assert np.allclose(best, np.median(a))
image = (test.images[0, 0] > 0.5).astype(float)
three = np.stack([np.roll(image, shift, axis=1) for shift in (-2, 0, 2)])
for name, y in [("median", np.median(three, axis=0)), ("mean", three.mean(axis=0))]:
    gray = ((y > 0) & (y < 1)).mean()
    print(f"{name:<7} of three binary images: {gray:.1%} of the pixels are gray")
assert set(np.unique(np.median(three, axis=0))) <= {0.0, 1.0}

# %% [markdown]
# ## 3. A classifier that can say no
#
# The eleventh class gets noise and images with shuffled rows. The classifier then rejects images of
# these two kinds. But it has again only learned what it was shown: between the digits and these
# negative examples lies a lot of space. Blurred digits, two digits at once, or digits with one
# stroke missing are neither, and the classifier can still be confident about them.

# %%
noise = rng.uniform(size=x_train[:1000].shape).astype(np.float32)
order = rng.permutation(28)
shuffled = train.images[:1000][:, :, order].reshape(-1, 784)
x_more = np.concatenate([x_train, noise, shuffled])
labels_more = np.concatenate([train.labels, np.full(2000, 10)])
can_say_no = trained(
    classifier(rng=0, classes=11), classification, (x_more, labels_more)
)
print(f"accuracy: ten classes {accuracy(yes_sayer, x_test, test.labels):.1%}, ", end="")
print(f"eleven {accuracy(can_say_no, x_test, test.labels):.1%}")
two_digits = np.maximum(x_test, x_test[::-1])
kinds = {
    "real": x_test,
    "new noise": rng.uniform(size=x_test.shape).astype(np.float32),
    "decoded, one peak": plain.decode(one.astype(np.float32)),
    "two digits at once": two_digits,
}
for name, x in kinds.items():
    logits = can_say_no(x).astype(np.float64)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    assert np.allclose(p.sum(axis=1), 1)
    old = (max_probability(yes_sayer, x) > 0.9).mean()
    new = (p[:, :10].max(axis=1) > 0.9).mean()
    print(f"{name:<20} confident that it is a digit: before {old:.1%}, now {new:.1%}")
nothing_learned()

# %% [markdown]
# ## 4. Any order is possible
#
# Let $y = h(x)$. Then $p_x(x) = p_y(h(x))\,|\det\partial h(x)|$. For $h(x) = 2x$ in $D$ dimensions
# the factor is $2^D$, the same for all images. For a general $h$ it varies from image to image, so
# a density can rank two images in one order in $x$ and in the other order in $h(x)$. A
# reconstruction error of 0 stays 0: if $g(f(x)) = x$, then $h\circ g\circ f\circ h^{-1}$
# reconstructs $h(x)$ without error. So the error does not see the factor, and a function that does
# not change with it cannot be a density, nor any fixed function of one.
#
# In one dimension, let $x$ be normal, and let $h$ stretch the space around 0:
# $h'(x) = 1 + 3e^{-4x^2}$. We compute the density of $h(x)$ by the formula, and count samples.


# %%
def h(x):
    erf = np.vectorize(math.erf)
    return x + 0.75 * np.sqrt(np.pi) * erf(2 * x)


at = np.array([0.0, 1.0])
p_x = np.exp(-(at**2) / 2) / np.sqrt(2 * np.pi)
p_h = p_x / (1 + 3 * np.exp(-4 * at**2))
samples = h(rng.normal(size=200_000))
counted = [(np.abs(samples - h(a)) < 0.1).mean() / 0.2 for a in at]
print(f"density of x at 0 and at 1:              {p_x.round(3)}")
print(f"density of h(x) at h(0) and at h(1):     {p_h.round(3)}")
print(f"the same, by counting samples near them: {np.round(counted, 3)}")
assert p_x[0] > p_x[1] and p_h[0] < p_h[1]  # the order is reversed
assert np.allclose(p_h, counted, rtol=0.1)

# %% [markdown]
# So the error could not have been a likelihood: a likelihood changes with $h$, and an error of 0
# does not.
#
# ## 5. Fill the holes
#
# The noise is added after the encoder, so its derivative is 1 and $dz$ passes through unchanged.


# %%
def noisy_code(model, x, rng, sigma=0.3):
    z, encoder_caches = model.encoder.forward(x)
    moved = z + sigma * rng.standard_normal(z.shape, dtype=z.dtype)
    x_hat, decoder_caches = model.decoder.forward(moved)
    loss, dx_hat = mse(x_hat, x)
    dz, decoder_grads = model.decoder.backward(dx_hat, decoder_caches)
    _, encoder_grads = model.encoder.backward(dz, encoder_caches)
    return loss, model.named({"encoder": encoder_grads, "decoder": decoder_grads}), {}


small = basic_autoencoder(rng=0, features=6, code=2)
report = gradcheck(noisy_code, small, rng.uniform(size=(4, 6)), method="directions")
print(report)
assert report.ok

for name, objective in [("no noise", Objective()), ("noise on z", noisy_code)]:
    plane = trained(basic_autoencoder(rng=0, code=2), objective, epochs=15)
    z = plane.encode(x_test)
    print(
        f"{name:<11} std of the codes {z.std():.2f}, "
        f"MSE {mse(plane(x_test), x_test)[0]:.5f}"
    )
    show(plot_codes(z, test.labels), f"07_{name.replace(' ', '_')}_{data.name}")
nothing_learned()

# A model whose codes are larger feels the same noise less
far = plane.map_params(np.copy)
for name in ("weight", "bias"):
    far.params[f"encoder.4.{name}"][...] *= 20
far.params["decoder.0.weight"][...] /= 20
losses = [
    np.mean([noisy_code(net, x_test, np.random.default_rng(i))[0] for i in range(5)])
    for net in (plane, far)
]
clean = mse(plane(x_test), x_test)[0]
print(f"loss with noise {losses[0]:.5f}, codes × 20 {losses[1]:.5f}, clean {clean:.5f}")
assert abs(losses[1] - clean) <= abs(losses[0] - clean) + 1e-6

# %% [markdown]
# The encoder can simply move its codes farther apart: multiply the codes by 20, and the same noise
# is 20 times smaller in comparison. Nothing in the loss limits the codes, so training can use this
# way out, and the holes come back at a larger scale. The variational autoencoder of chapter 8
# closes it: its KL term makes large codes expensive.
