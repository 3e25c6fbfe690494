# %% [markdown]
# # Answers · Chapter 2, Convolution
#
# Try each exercise before you read its answer. The experiments use at most 4,000 images, so that
# they take a few minutes. With `TINYAE_FAST=1` they take a few steps and learn nothing.

# %%
import os
import time

import numpy as np

from tinyae import (
    Adam,
    Autoencoder,
    Conv2d,
    ConvTranspose2d,
    Layer,
    Linear,
    Objective,
    ReLU,
    Sequential,
    Sigmoid,
    fit,
    gradcheck,
    load_data,
    mse,
)
from tinyae.layers import fold, unfold
from tinyae.models import conv_autoencoder
from tinyae.plots import plot_reconstructions, show

FAST = bool(os.environ.get("TINYAE_FAST"))
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
x_train = data.train.images[: 256 if FAST else 4000]
x_test = data.test.images[: 64 if FAST else 500]
EPOCHS = 1 if FAST else 5
rng = np.random.default_rng(0)


def trained(model, x):
    seconds = time.perf_counter()
    fit(model, x, Objective(), Adam(model.params), EPOCHS, progress=False)
    return model, time.perf_counter() - seconds


def nothing_learned():
    if FAST:
        print("Fast mode: nothing has been learned, so do not compare these errors.")


# %% [markdown]
# ## 1. Shuffled pixels
#
# The convolutional network gets worse, because a stroke is no longer a connected shape in a small
# window. The dense network stays the same. This can be proven: permuting the pixels is a
# permutation matrix $P$, and $(xP)W^\top = x\,(WP^\top)^\top$. So the dense network on shuffled
# pixels is a dense network on the original pixels whose first weights are $WP^\top$, and random
# initial weights look the same in any order. (The last layer: likewise.)

# %%
permutation = rng.permutation(784)
linear = Linear(784, 10, rng=0)
x = x_test.reshape(len(x_test), -1)
unshuffled = Linear(784, 10, rng=0)
unshuffled.params["weight"][:, permutation] = linear.params["weight"]
assert np.allclose(linear(x[:, permutation]), unshuffled(x), atol=1e-5)


def dense_autoencoder():
    like = np.random.default_rng(0)
    return Autoencoder(
        Sequential(Linear(784, 256, rng=like), ReLU(), Linear(256, 128, rng=like)),
        Sequential(
            Linear(128, 256, rng=like), ReLU(), Linear(256, 784, rng=like), Sigmoid()
        ),
    )


def shuffled(images):
    return images.reshape(len(images), -1)[:, permutation].reshape(images.shape)


print(f"{'test MSE':<16}{'original':>10}{'shuffled':>10}")
for name, build, shape in [
    ("convolutional", conv_autoencoder, (-1, 1, 28, 28)),
    ("dense", lambda rng: dense_autoencoder(), (-1, 784)),
]:
    cells = ""
    for order in (lambda images: images, shuffled):
        model, _ = trained(build(rng=0), order(x_train).reshape(shape))
        target = order(x_test).reshape(shape)
        cells += f"{mse(model(target), target)[0]:>10.5f}"
    print(f"{name:<16}{cells}")
nothing_learned()

# %% [markdown]
# ## 2. Padding by hand
#
# `unfold` with padding is two linear steps: copy the image into a larger image of zeros, then cut
# patches. The transpose of two steps is the two transposes in reverse order: first `fold` into the
# larger image, then the transpose of the copy, which *cuts the border off*. A value added in the
# border has no pixel that it could belong to.


# %%
def unfold_by_hand(x, k, s, p=0):
    x = np.pad(x, p)
    rows = []
    for i in range(0, x.shape[0] - k + 1, s):
        for j in range(0, x.shape[1] - k + 1, s):
            rows.append(x[i : i + k, j : j + k].ravel())
    return np.array(rows)


def fold_by_hand(rows, shape, k, s, p=0):
    x, rows = np.zeros((shape[0] + 2 * p, shape[1] + 2 * p)), iter(rows)
    for i in range(0, x.shape[0] - k + 1, s):
        for j in range(0, x.shape[1] - k + 1, s):
            x[i : i + k, j : j + k] += next(rows).reshape(k, k)
    return x[p : p + shape[0], p : p + shape[1]]


for k, s, p in [(3, 2, 1), (4, 3, 2), (2, 2, 0)]:
    x = rng.normal(size=(7, 6))
    P = unfold_by_hand(x, k, s, p)
    R = rng.normal(size=P.shape)
    left, right = (R * P).sum(), (fold_by_hand(R, x.shape, k, s, p) * x).sum()
    print(f"k = {k}, s = {s}, p = {p}: {left:.12f} = {right:.12f}")
    assert np.isclose(left, right)
    assert np.array_equal(P, unfold(x[None, None], kernel=k, stride=s, padding=p)[0])

# %% [markdown]
# ## 3. Repeat and convolve
#
# Each pixel is copied four times, so its gradient is the *sum* over the four copies.


# %%
class Repeat(Layer):
    def forward(self, x):
        return x.repeat(2, axis=2).repeat(2, axis=3), None

    def backward(self, dy, cache):
        n, c, h, w = dy.shape
        return dy.reshape(n, c, h // 2, 2, w // 2, 2).sum(axis=(3, 5)), {}


report = gradcheck(Repeat(), rng.normal(size=(2, 3, 4, 3)))
print(report)
assert report.ok


def with_repeat(rng):
    encoder, like = conv_autoencoder(rng).encoder, np.random.default_rng(rng)
    same = {"kernel_size": 3, "padding": 1, "rng": like}
    decoder = Sequential(
        ConvTranspose2d(128, 64, 7, rng=like),
        ReLU(),
        Repeat(),
        Conv2d(64, 32, **same),
        ReLU(),
        Repeat(),
        Conv2d(32, 1, **same),
        Sigmoid(),
    )
    return Autoencoder(encoder, decoder)


def checkerboard_fraction(images):
    images = images - images.mean(axis=(1, 2, 3), keepdims=True)
    quarters = [
        images[:, :, i::2, j::2].mean(axis=(1, 2, 3)) for i in (0, 1) for j in (0, 1)
    ]
    return float(np.mean(np.square(quarters)) / np.mean(np.square(images)))


rows = []
for name, build in [("transposed", conv_autoencoder), ("repeat", with_repeat)]:
    model, seconds = trained(build(rng=0), x_train)
    y = model(x_test)
    rows.append(y[:10])
    print(
        f"{name:<12} test MSE {mse(y, x_test)[0]:.5f}, {seconds:.1f} s, "
        f"checkerboard {checkerboard_fraction(y):.2%}"
    )
print(f"checkerboard in the originals {checkerboard_fraction(x_test):.2%}")
nothing_learned()
names = ["original", "transposed", "repeat"]
show(plot_reconstructions(x_test[:10], *rows, names=names), f"02_repeat_{data.name}")

# %% [markdown]
# ## 4. MyConvTranspose
#
# The second row of the table: $y = \operatorname{fold}(xW)$, $dx = \operatorname{unfold}(dy)
# W^\top$ and $dW = x^\top\operatorname{unfold}(dy)$. The grid $x$ has one row per patch.


# %%
class MyConvTranspose:
    def __init__(self, W, size, **how):  # W: (channels of the grid, k·k·channels)
        self.params, self.size, self.how = {"weight": W}, size, how

    def forward(self, x):  # (N, patches, channels of the grid)
        return fold(x @ self.params["weight"], self.size, **self.how), x

    def backward(self, dy, x):
        dP = unfold(dy, **self.how)
        dW = np.einsum("npo,npk->ok", x, dP)
        return dP @ self.params["weight"].T, {"weight": dW}


how = {"kernel": 3, "stride": 2, "padding": 1}
mine = MyConvTranspose(rng.normal(size=(4, 27)), (5, 5), **how)
x = rng.normal(size=(2, 9, 4))  # a grid of 3 × 3 points with 4 channels
print(gradcheck(mine, x))
assert gradcheck(mine, x).ok

# %% [markdown]
# ## 5. A thousand small images or one code?
#
# The code would have $64\cdot7\cdot7 = 3136$ values, four times as many as the image has pixels. A
# code that is larger than the image can simply store the image, so a small error shows nothing: the
# network may have learned to copy. With 2 channels the code has $2\cdot7\cdot7 = 98$ values. Now it
# must compress again, and the error is of the same kind as with the 128-dimensional code.


# %%
def local_code(channels):
    like = np.random.default_rng(0)
    half = {"kernel_size": 3, "stride": 2, "padding": 1, "rng": like}
    return Autoencoder(
        Sequential(Conv2d(1, 32, **half), ReLU(), Conv2d(32, channels, **half)),
        Sequential(
            ConvTranspose2d(channels, 32, **half, output_padding=1),
            ReLU(),
            ConvTranspose2d(32, 1, **half, output_padding=1),
            Sigmoid(),
        ),
    )


for channels in (64, 2):
    model, _ = trained(local_code(channels), x_train)
    size = model.encode(x_test[:1]).size
    error = mse(model(x_test), x_test)[0]
    print(f"{channels:>2} channels: {size} values for 784 pixels, test MSE {error:.5f}")
    assert (size > 784) == (channels == 64)
nothing_learned()
