# %% [markdown]
# # Answers · Chapter 6, Applications
#
# Try each exercise before you read its answer. The experiments are smaller than those of the
# chapter, so that they take a few minutes. With `TINYAE_FAST=1` they take a few steps and learn
# nothing.

# %%
import os

import numpy as np

from tinyae import (
    Adam,
    Autoencoder,
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
    classification,
    denoise_tiles,
    encode,
    greedy_pretrain,
    linear_probe,
    pca_autoencoder,
    random_patches,
    reconstruction_errors,
    roc_auc,
)
from tinyae.checking import gradcheck
from tinyae.data import Gaussian, Masking, load_data, train_test_split
from tinyae.layers import Frozen
from tinyae.models import conv_denoiser
from tinyae.training import psnr

FAST = bool(os.environ.get("TINYAE_FAST"))
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
train, test = (data.train[:1000], data.test[:300]) if FAST else (data.train, data.test)
x_train, x_test = train.flat, test.flat
DIGITS = range(2) if FAST else range(10)
rng = np.random.default_rng(0)


def nothing_learned():
    if FAST:
        print("Fast mode: nothing has been learned, so these numbers mean nothing.")


def dense():
    like = np.random.default_rng(0)
    return Autoencoder(
        Sequential(Linear(784, 256, rng=like), ReLU(), Linear(256, 32, rng=like)),
        Sequential(
            Linear(32, 256, rng=like), ReLU(), Linear(256, 784, rng=like), Sigmoid()
        ),
    )


# %% [markdown]
# ## 1. Longer training
#
# The reconstruction of the normal digit keeps improving, but the detector needs a *difference*
# between normal and unusual images. A model that could reconstruct everything would detect nothing.
# For PCA this is exact: with all 784 components, every error is 0, and the AUC is ½. So somewhere
# there is a best capacity and a best training time, and the training error cannot tell where.

# %%
normal = {digit: x_train[train.labels == digit][:1000] for digit in DIGITS}
unusual = {digit: test.labels != digit for digit in DIGITS}
stages = (1, 2) if FAST else (5, 10, 20, 40)
areas = {stage: [] for stage in stages}
for digit in DIGITS:
    model, done = dense(), 0
    optimizer = Adam(model.params)
    for stage in stages:
        more = stage - done
        fit(
            model, normal[digit], Objective(), optimizer, more, rng=done, progress=False
        )
        done = stage
        errors = reconstruction_errors(model, x_test)
        areas[stage].append(roc_auc(errors, unusual[digit]))
for stage, values in areas.items():
    print(f"autoencoder, {stage:>3} epochs:     mean AUC {np.mean(values):.2%}")
for components in (8, 16, 32, 64):
    values = [
        roc_auc(
            reconstruction_errors(pca_autoencoder(normal[digit], components), x_test),
            unusual[digit],
        )
        for digit in DIGITS
    ]
    print(f"PCA, {components:>3} components:         mean AUC {np.mean(values):.2%}")
nothing_learned()
assert roc_auc(np.zeros(len(x_test)), unusual[0]) == 0.5  # all errors equal: a guess

# %% [markdown]
# ## 2. A fairer error
#
# Dividing by $\lVert x\rVert^2$ asks which *fraction* of the ink was not reconstructed. This helps
# a normal digit with a lot of ink: the anomalies with little ink, such as a 1, no longer look
# harmless. A normal digit with little ink, such as the 1 itself, loses an advantage: before, almost
# every other digit had a larger error just because it has more ink. Only the order of the images
# matters: doubling all scores changes nothing.

# %%
print(f"AUC, normal digit:  {'error':>8}{'/ ‖x‖²':>10}{'/ PCA':>10}")
for digit in DIGITS:
    model = dense()
    epochs = 1 if FAST else 10
    fit(model, normal[digit], Objective(), Adam(model.params), epochs, progress=False)
    e = reconstruction_errors(model, x_test)
    of_pca = reconstruction_errors(pca_autoencoder(normal[digit], 32), x_test)
    ink = (x_test**2).sum(axis=1)
    scores = [e, e / ink, e / of_pca]
    areas = [roc_auc(score, unusual[digit]) for score in scores]
    print(f"{digit:>18}: {areas[0]:>8.2%}{areas[1]:>10.2%}{areas[2]:>10.2%}")
    assert np.isclose(areas[0], roc_auc(2 * e, unusual[digit]))
nothing_learned()

# %% [markdown]
# ## 3. No tiles at all
#
# Work backward from output pixel $i$ along one axis. A transposed convolution with $k=3$, $s=2$,
# $p=1$ writes point $j$ to the pixels $2j-1, 2j, 2j+1$. So an even pixel comes from one point and
# an odd pixel from two. After two such layers, a pixel comes from one or two points $m$ of the
# 7 × 7 grid. In the encoder, $m$ reads $2m-1$ to $2m+1$ of the middle grid, and these read $4m-3$
# to $4m+3$ of the image: 7 pixels, and 11 for two neighboring points. So the receptive field is 7 ×
# 7 to 11 × 11 pixels.
#
# The code counts it: with positive weights nothing cancels, so every pixel that can have an effect
# has one. (The last sigmoid is left out, because it would saturate.)

# %%
model = conv_denoiser(rng=0).astype(np.float64).map_params(np.abs)
positive = Sequential(*model.encoder.layers, *model.decoder.layers[:-1])
pixels = np.eye(28 * 28).reshape(-1, 1, 28, 28)[
    28 * 14 : 28 * 15
]  # one pixel of row 14
moved = positive(0.5 + 1e-3 * pixels) - positive(np.full((1, 1, 28, 28), 0.5))
reached = np.abs(moved).max(axis=(1, 2)) > 1e-12  # (input column, output column)
widths = reached.sum(axis=0)
print("receptive field of the output columns 8 to 19:", *widths[8:20])
assert set(widths[8:20]) == {7, 11}

# %% [markdown]
# So a tile changes nothing except near its border, where Conv2d sees zeros instead of the rest of
# the page. Away from the borders, one large call and separate tiles give the same pixels. The PSNR
# of the whole page is that of tiles without the border errors. Overlapping tiles can even be better,
# because they also average several predictions.

# %%
shallow = conv_denoiser(rng=0)
sheets = np.concatenate([train.images[:64, 0]] * 4).reshape(4, 8, 8, 28, 28)
sheets = sheets.transpose(0, 1, 3, 2, 4).reshape(4, 224, 224)  # 8 × 8 digits per page
page = test.images[:12, 0].reshape(3, 4, 28, 28).transpose(0, 2, 1, 3).reshape(84, 112)
noise = Gaussian(0.3)
patches = random_patches(sheets, 200 if FAST else 4000, 28, rng=0)
epochs = 1 if FAST else 4
objective = Objective(corrupt=noise)
fit(shallow, patches, objective, Adam(shallow.params), epochs, progress=False)
noisy = noise(page[None], rng)[0]
results = {"whole page": shallow(noisy[None, None])[0, 0]}
for step in (28, 14, 7):
    results[f"tiles, step {step}"] = denoise_tiles(shallow, noisy, step=step)
for name, y in results.items():
    print(f"{name:<15} PSNR {psnr(float(((y - page) ** 2).mean())):.2f} dB")
nothing_learned()
inner = np.s_[28 + 4 : 28 + 25, 56 + 4 : 56 + 25]  # inside one of the tiles
assert np.allclose(
    results["whole page"][inner], results["tiles, step 28"][inner], atol=1e-4
)

# %% [markdown]
# ## 4. Which gradient is needed?
#
# The line with `vjp`. Without a layer below, `Sequential` stops above the frozen encoder: nothing
# before it has parameters, so its $dx$ is never computed. With a `Linear` below, $dx = J^\top dy$
# is the only way in which the loss reaches the new weights. A `Frozen` that returned zeros would
# pass the check in the first network and fail in the second.


# %%
class Stops(Frozen):  # a wrong Frozen: it lets no gradient through
    def backward(self, dy, cache):
        return 0 * self.layer.vjp(dy, cache), {}


like = {"rng": rng, "dtype": np.float64}
below, encoder = Linear(6, 5, **like), Sequential(Linear(5, 4, **like), Tanh())
head, labels = Linear(4, 3, **like), rng.integers(3, size=7)


def objective(model, x, rng):
    return classification(model, (x, labels), rng)


x5, x6 = rng.normal(size=(7, 5)), rng.normal(size=(7, 6))
for name, frozen in [("freeze", freeze(encoder)), ("Stops", Stops(encoder))]:
    alone = gradcheck(objective, Sequential(frozen, head), x5).ok
    with_layer = gradcheck(objective, Sequential(below, frozen, head), x6).ok
    print(f"{name:<7} passes without a layer below: {alone}, with one: {with_layer}")
    assert alone and with_layer == (name == "freeze")

# %% [markdown]
# ## 5. More noise, more layers
#
# Every comparison uses images *held out of the training set*. Only the winner is measured on the
# test images, once: the best of many scores on the test set would be too optimistic.

# %%
few = slice(0, 600 if FAST else 4000)
(x_fit, t_fit), (x_held, t_held) = train_test_split(
    x_train[few], train.labels[few], test=0.25, rng=0
)
stacks, held = {}, {}
for noise_level in (0.25, 0.5):
    for layers in (1, 2, 3):
        name = f"masking {noise_level}, {layers} layers"
        sizes, epochs = (100 if FAST else 300,) * layers, 1 if FAST else 5
        stacks[name], _ = greedy_pretrain(sizes, x_fit, Masking(noise_level), epochs)
        z_fit, z_held = encode(stacks[name], x_fit), encode(stacks[name], x_held)
        held[name] = linear_probe(z_fit, t_fit, z_held, t_held)
        print(f"{name:<24} accuracy on held-out images {held[name]:.1%}")
best = max(held, key=held.get)
z_fit, z_test = encode(stacks[best], x_fit), encode(stacks[best], x_test)
score = linear_probe(z_fit, t_fit, z_test, test.labels)
print(f"chosen: {best}; accuracy on test images {score:.1%}")
nothing_learned()
