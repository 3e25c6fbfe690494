# %% [markdown]
# # Answers · Chapter 1, The basic autoencoder
#
# Try each exercise before you read its answer. The experiments use at most 10,000 images, so that
# they take a minute or two. With `TINYAE_FAST=1` they take a few steps and learn nothing.

# %%
import os

import numpy as np

from tinyae import (
    Adam,
    Autoencoder,
    Layer,
    LeakyReLU,
    Objective,
    ReLU,
    Sequential,
    Sigmoid,
    bce,
    fit,
    gradcheck,
    load_data,
    mse,
)
from tinyae.models import basic_autoencoder
from tinyae.plots import plot_codes, plot_images, show

FAST = bool(os.environ.get("TINYAE_FAST"))
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
x_train = data.train.flat[: 1000 if FAST else 10_000]
x_test, labels = data.test.flat[:500], data.test.labels[:500]
EPOCHS = 2 if FAST else 15
rng = np.random.default_rng(0)


def trained(model, objective=None, epochs=EPOCHS):
    optimizer = Adam(model.params, lr=1e-3)
    fit(model, x_train, objective or Objective(), optimizer, epochs, progress=False)
    return model


# %% [markdown]
# ## 1. A two-dimensional code
#
# `basic_autoencoder(code=2)` has the sizes of the exercise. The plane is decoded over the range
# that the codes fill. To answer the question without looking, take each test image and find the
# nearest code that belongs to *another* label. The label that occurs most often is the neighbor.

# %%
plane = trained(basic_autoencoder(rng=0, code=2))
codes = plane.encode(x_test)
distance = ((codes[:, None] - codes) ** 2).sum(axis=-1)  # (N, N)
distance[labels[:, None] == labels] = np.inf
nearest = labels[distance.argmin(axis=1)]
for label in range(10):
    counts = np.bincount(nearest[labels == label], minlength=10)
    share = counts.max() / counts.sum()
    print(f"closest to {label}: {counts.argmax()} (for {share:.0%} of the images)")
    assert counts.argmax() != label
if FAST:
    print("Fast mode: nothing has been learned, so these neighbors mean nothing.")

# %% [markdown]
# Digits that share strokes are neighbors, such as 4 and 9, or 3, 5 and 8. Which pairs you see
# depends on the data and on the seed. Between two regions the decoder draws something in between.

# %% tags=["hide-input"]
show(plot_codes(codes, labels), f"01_plane_codes_{data.name}")
(left, low), (right, high) = np.percentile(codes, [2, 98], axis=0)
grid = np.stack(
    np.meshgrid(np.linspace(left, right, 12), np.linspace(high, low, 12)), axis=-1
)
images = plane.decode(grid.reshape(-1, 2).astype(np.float32))
show(plot_images(images, columns=12), f"01_plane_{data.name}")

# %% [markdown]
# ## 2. When do units die?
#
# A unit is 0 for all images if its input $a$ is negative for all images. Then its derivative is 0
# for all images, so row $j$ of $dW = da^\top h$ and $db_j$ are exactly 0: the unit cannot come back
# unless the layers below change. With `LeakyReLU` the derivative is small but not 0, so no unit is
# ever stuck.

# %%
for activation in (ReLU(), LeakyReLU()):
    start = basic_autoencoder(rng=0)
    model = Autoencoder(Sequential(*start.encoder.layers, activation), start.decoder)
    optimizer, dead = Adam(model.params, lr=1e-3), []
    for epoch in range(3 if FAST else 6):
        dead.append(int((model.encode(x_test) == 0).all(axis=0).sum()))
        fit(model, x_train, Objective(), optimizer, 1, rng=epoch, progress=False)
    dead.append(int((model.encode(x_test) == 0).all(axis=0).sum()))
    print(f"{activation}: dead units before training and after each epoch: {dead}")
    _, grads, _ = Objective()(model, x_train[:500])
    stuck = (model.encode(x_train[:500]) <= 0).all(axis=0)  # a < 0 for all images
    moves = (grads["encoder.4.weight"] != 0).any(axis=1)
    if isinstance(activation, ReLU):
        assert not moves[stuck].any()
    else:
        assert moves.all() and dead[-1] == 0

# %% [markdown]
# With the ReLU, look at the first steps: the gradients of a new network are large and agree with
# each other, and Adam moves every weight by about the learning rate. Some biases are pushed so far
# down that the unit is never active again.
#
# ## 3. Cross-entropy
#
# Let $M = ND$. The gradient with respect to the output is multiplied by the derivative of the
# sigmoid, $\hat x(1-\hat x)$:
#
# $$\text{MSE:}\quad da_6 = \tfrac2M(\hat x - x)*\hat x(1-\hat x),\qquad
# \text{cross-entropy:}\quad
# da_6 = \tfrac1M\,\frac{\hat x - x}{\hat x(1-\hat x)}*\hat x(1-\hat x) = \tfrac1M(\hat x - x).$$
#
# The factor cancels in the cross-entropy. For a pixel that is confidently wrong, say $x = 1$ and
# $a = -10$, the factor is about $e^{-10}$. With the MSE, almost no gradient is left: the pixel is
# wrong and stays wrong (a **vanishing gradient**). With the cross-entropy, the gradient is as large
# as it can be.

# %%
a, ones = np.array([[-10.0, -2.0, 0.0, 2.0]]), np.ones((1, 4))
x_hat, cache = Sigmoid().forward(a)
for name, loss in [("MSE", mse), ("cross-entropy", bce)]:
    da = Sigmoid().backward(loss(x_hat, ones)[1], cache)[0]
    print(f"{name:<14} da for a = -10, -2, 0, 2:", *(f"{v:.1e}" for v in da[0]))
    factor = 2 * x_hat * (1 - x_hat) if loss is mse else 1
    assert np.allclose(da, (x_hat - ones) * factor / ones.size)

for name, loss in [("MSE", mse), ("cross-entropy", bce)]:
    y = trained(basic_autoencoder(rng=0), Objective(reconstruction=loss))(x_test)
    print(f"trained on {name:<14} test MSE {mse(y, x_test)[0]:.5f}")
if FAST:
    print("Fast mode: nothing has been learned, so do not compare these errors.")

# %% [markdown]
# Do not be surprised if the model trained on the cross-entropy also has the smaller MSE after a
# short training: its gradients at the output are larger where it is wrong. After a long training,
# the model that minimizes the MSE itself should win.
#
# ## 4. Tied weights
#
# With $z = xW^\top$ and $\hat x = zW$, the weight is used twice. The decoder's use gives
# $\langle d\hat x, z\,\delta W\rangle = \langle z^\top d\hat x, \delta W\rangle$, and the encoder's
# use gives $dz^\top x$ as in chapter 0, with $dz = d\hat x\,W^\top$. The sum is
#
# $$dW = dz^\top x + z^\top d\hat x,\qquad dx = dz\,W .$$


# %%
class Tied(Layer):
    def __init__(self, W):
        self.params = {"weight": W}

    def forward(self, x):
        z = x @ self.params["weight"].T  # (N, code)
        return z @ self.params["weight"], (x, z)

    def backward(self, dx_hat, cache):
        (x, z), W = cache, self.params["weight"]
        dz = dx_hat @ W.T
        return dz @ W, {"weight": dz.T @ x + z.T @ dx_hat}


class OnlyTheDecoder(Tied):  # a common mistake: one of the two uses is forgotten
    def backward(self, dx_hat, cache):
        dx, _ = super().backward(dx_hat, cache)
        return dx, {"weight": cache[1].T @ dx_hat}


W, x = rng.normal(size=(3, 6)), rng.normal(size=(5, 6))
print(gradcheck(Tied(W), x))
print(gradcheck(OnlyTheDecoder(W), x))
assert gradcheck(Tied(W), x).ok and not gradcheck(OnlyTheDecoder(W), x).ok

# %% [markdown]
# ## 5. PCA by hand
#
# Let $u = x-\mu$ and $P = I - VV^\top$. Since $V^\top V = I$, we have $P^\top P = P$, and the error
# of one image is $\lVert u - VV^\top u\rVert^2 = u^\top P\,u = \operatorname{tr}(P\,uu^\top)$. The
# mean over the images turns $uu^\top$ into the covariance $C$, so the error is
# $\operatorname{tr}(PC)$. The columns of $V$ are eigenvectors, $CV = V\Lambda$, hence
#
# $$\operatorname{tr}(PC) = \operatorname{tr}(C) - \operatorname{tr}(V^\top C V)
# = \sum_{\text{all } i}\lambda_i - \sum_{i\le 32}\lambda_i = \sum_{i>32}\lambda_i .$$
#
# The first step used only that the columns are orthonormal. The last one also used that they are
# eigenvectors.

# %%
u = (x_train - x_train.mean(axis=0)).astype(np.float64)
C = u.T @ u / len(u)
eigenvalues, vectors = np.linalg.eigh(C)  # in ascending order
V = vectors[:, -32:]
error = ((u - u @ V @ V.T) ** 2).sum(axis=1).mean()
trace = np.trace((np.eye(784) - V @ V.T) @ C)
print(f"squared error {error:.6f}, trace {trace:.6f}")
print(f"sum of the eigenvalues left out {eigenvalues[:-32].sum():.6f}")
assert np.allclose([error, trace], eigenvalues[:-32].sum())
