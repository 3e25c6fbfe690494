# %% [markdown]
# # 5 · The contractive autoencoder
#
# *Needs: chapters 0 and 1, and chapter 3 for the comparison with noise. Time: about 60 minutes to
# read, a few to run. On a first reading, skip the gradient of a deep network, and “Contraction and
# small noise are almost the same”.*
#
# A good latent code should not change when the image changes in a way that does not matter: a
# little noise, or a smudge in a corner. So let us put exactly that into the loss: *when the image
# moves a little, the code should move as little as possible*. The Jacobian
# $J = \partial z/\partial x$ tells how much the code moves. It has one row per code unit and one
# column per pixel. We add the sum of its squared entries to the loss, as a **penalty**.
#
# An image of 784 pixels is a point in a space with 784 dimensions, the *image space*. In each
# direction of this space, two goals now compete. For a good reconstruction, the code must respond
# to the directions in which digits differ. For a small penalty, it should respond to no direction
# at all. The result is a code that responds to differences between digits and to little else. In
# geometric terms, the images lie near a thin, curved surface in image space, the **manifold** of
# the data. The code should respond to steps *along* the manifold, and ignore steps *across* it.
#
# ![A curve of data points. At one of them, a tangent t along the curve and a normal u across
# it.](figures/05_diagram.svg)
#
# Published programs have gotten this penalty wrong in more than one way. A well-known tutorial
# rounds it down to an integer, whose derivative is 0 almost everywhere. In another program, by
# authors of the method, the gradient is half of what it should be. In this chapter we derive both
# the penalty and its gradient, starting from a single unit, and check them.

# %%
import os

import matplotlib.pyplot as plt
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
    bce,
    contractive,
    fit,
    gradcheck,
    jacobian,
    mse,
)
from tinyae.checking import check_penalty, show_report
from tinyae.data import Gaussian, load_data
from tinyae.models import tied_autoencoder
from tinyae.penalties import (
    contraction_ratios,
    reconstruction_contractive,
    singular_values,
)
from tinyae.plots import plot_reconstructions, show

# Fast mode takes a few steps on a few images: it shows that the chapter runs, no more
FAST = bool(os.environ.get("TINYAE_FAST"))
FAST_NOTE = "(fast mode: nothing has been learned)\n" if FAST else ""
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
x_train, x_test = (
    (data.train.flat[:500], data.test.flat[:100])
    if FAST
    else (data.train.flat[:10000], data.test.flat[:1000])
)
EPOCHS = 1 if FAST else 8
SEED = int(os.environ.get("TINYAE_CHAPTER_SEED", "0"))  # of weights and batches
print(data, "->", x_train.shape, x_test.shape)

# %% [markdown]
# ## The equation
#
# $$L = \text{reconstruction} + \lambda\,\Omega,\qquad
# \Omega = \frac1N\sum_n \lVert J(x_n)\rVert_F^2
# = \frac1N\sum_n\sum_{i,j}\Big(\frac{\partial z_i}{\partial x_j}\Big)^2 .$$
#
# Here $n$ runs over the $N$ examples, $i$ over the code units, and $j$ over the pixels. The value
# $\lVert J\rVert_F$, the square root of the sum of all squared entries, is called the **Frobenius
# norm** of $J$. The factor $\lambda$ decides how much the penalty counts.
#
# **One sigmoid unit.** The derivative of $z = \sigma(a)$ with respect to $a = w\cdot x + b$ is
# $z(1-z)$, so $\partial z/\partial x_j = z(1-z)\,w_j$. The unit responds to each pixel in
# proportion to its weight. It hardly responds at all where $z$ is close to 0 or 1. There the unit
# is called **saturated**.
#
# **One sigmoid layer** (Rifai et al. 2011). Row $i$ of $J$ is $z_i(1-z_i)\,W_i$. Its squared norm
# is a product of two factors, so we do not need to compute the Jacobian at all. For one example
# (the mean over the batch is taken at the end):
#
# $$\lVert J\rVert_F^2 = \sum_i \big(z_i(1-z_i)\big)^2 \sum_j W_{ij}^2 .$$
#
# **A deep network.** Let $J_l$ be the Jacobian of layer $l$. By the chain rule,
# $J = J_L\cdots J_2 J_1$. We compute $J$ row by row. For row $i$, start at the code with
# $V_L = e_i$, the vector that is 1 for unit $i$ and 0 for all others. Then go backward through the
# layers, just as backpropagation does with a gradient: $V_{l-1} = J_l^\top V_l$. The result at the
# input is $V_0 = J^\top e_i$, which is row $i$ of $J$.
#
# In this equation $V$ is a column vector. In the code, $V$ is one array whose rows are these
# vectors, for all units $i$ and all examples. So a linear layer, with the Jacobian $W$, computes
# $V_{l-1} = V_l W$.
#
# ## The gradient
#
# We start with one sigmoid layer. Let $s_i = z_i(1-z_i)$, $n_i = \sum_j W_{ij}^2$ and $a = Wx + b$.
# Then $\Omega = \sum_i s_i^2\,n_i$. The weights $W$ enter $\Omega$ twice: directly, through $n_i$,
# and indirectly, because $s_i$ depends on $a_i$. The derivative of $z_i$ with respect to $a_i$ is
# $s_i$, so the derivative of $s_i = z_i - z_i^2$ is $s_i(1-2z_i)$. The gradient needs both terms:
#
# $$\frac{\partial\Omega}{\partial a_i}
# = 2 s_i\,\underbrace{s_i (1-2z_i)}_{\sigma''(a_i)}\,n_i,\qquad
# \frac{\partial \Omega}{\partial W_{ij}} = 2 s_i^2\,W_{ij} +
# \frac{\partial\Omega}{\partial a_i}\,x_j,\qquad
# \frac{\partial\Omega}{\partial b_i} = \frac{\partial\Omega}{\partial a_i}$$
#
# for one example. As before, take the mean over the batch.
#
# In a deep network the same thing happens at every layer. Let $G_l$ be the gradient of $\Omega$
# with respect to $V_l$. The rows $V$ were computed from the code down to the input, so their
# gradients are computed the other way, from the input *up* to the code. At the input,
# $\Omega = \frac1N\sum V_0^2$. At layer $l$, $V_{l-1} = J_l^\top V_l$ is a product with the matrix
# $J_l^\top$, so its backward pass is a product with the transpose, $J_l$:
#
# $$G_0 = \frac{2}{N}V_0,\qquad G_l = J_l\,G_{l-1} .$$
#
# The weights appear in these steps in two ways:
#
# - At a linear layer, $V_{l-1} = V_l W$, so $dW = V_l^\top G_{l-1}$, as in chapter 0. This product
#   sums over all rows of all examples.
# - At an activation, $V_{l-1} = f'(a) * V_l$. Since $f'(a)$ depends on $a$, we also need the
#   gradient with respect to $a$. It is $f''(a) * \sum_i G_{l-1} * V_l$, where the sum runs over the
#   rows $i$ of one example's Jacobian. We call it the *second-order term*. The input $a$ depends on
#   the weights of all layers before it, so an ordinary backward pass carries the second-order terms
#   on to these weights.
#
# So there are three passes. First the rows $V$ go down, from the code to the input. Then their
# gradients $G$ go up, as tangents do. Finally the second-order terms go down. This is all there is
# to second-order backpropagation.
#
# ## The code
#
# Every layer has a method `double_backward(G, V, cache)`. It returns the layer's contribution to
# each pass: $J_l G$, the second-order term, and $dW$.


# %%
def omega_and_gradients(layers, x):
    h, caches = x, []
    for layer in layers:
        h, cache = layer.forward(h)
        caches.append(cache)
    n, k = h.shape
    v = np.zeros((k, n, k), x.dtype)  # v[i] is row i of the identity, for n examples
    v[range(k), :, range(k)] = 1
    vs = []
    # Rows V down: the last v is the Jacobian, (k, n, pixels)
    for layer, cache in zip(reversed(layers), reversed(caches), strict=True):
        vs.insert(0, v)
        v = layer.vjp(v, cache)
    value, g = (v**2).sum() / n, 2 * v / n
    # Their gradients G up
    second_order, grads = [], []
    for layer, v, cache in zip(layers, vs, caches, strict=True):
        g, term, layer_grads = layer.double_backward(g, v, cache)
        second_order.append(term)  # None where f'' = 0
        grads.append(layer_grads)
    # Second-order terms down
    da = np.zeros_like(h)
    for i in reversed(range(len(layers))):
        da, more = layers[i].backward(da, caches[i])
        da = da if second_order[i] is None else da + second_order[i]
        grads[i] = {name: grads[i][name] + more[name] for name in more}
    return value, da, grads


# %% [markdown]
# ## The check
#
# We check three things. Does our function agree with the closed form for one layer? Does it agree
# with the library's `contractive` for three layers? And is the library correct? With
# `value="frobenius"`, the checker compares the value with a Jacobian that it computes itself, by
# finite differences. Then it changes every weight and every pixel to check the gradients.

# %%
rng = np.random.default_rng(0)
x = rng.uniform(size=(4, 6))
layer, sigmoid = Linear(6, 3, rng=rng, dtype=np.float64), Sigmoid()
z, W = sigmoid(layer(x)), layer.params["weight"]
closed = ((z * (1 - z)) ** 2 * (W**2).sum(axis=1)).sum() / len(x)
by_rows = omega_and_gradients([layer, sigmoid], x)[0]
print(f"one layer:    closed form {closed:.12f}   row by row {by_rows:.12f}")

deep = Sequential(
    Linear(6, 5, rng=rng),
    Tanh(),
    Linear(5, 4, rng=rng),
    Sigmoid(),
    Linear(4, 3, rng=rng),
).astype(np.float64)
value, dx, grads = contractive(deep, deep.forward(x)[1])
by_hand, dx_by_hand, grads_by_hand = omega_and_gradients(deep.layers, x)
gap = max(
    np.abs(grads[f"{i}.{name}"] - g).max()
    for i, layer_grads in enumerate(grads_by_hand)
    for name, g in layer_grads.items()
)
gap = max(gap, np.abs(dx - dx_by_hand).max())
print(f"three layers: library     {value:.12f}   row by row {by_hand:.12f}")
print(f"              largest difference between the gradients: {gap:.0e}")
show_report(check_penalty(contractive, deep, x, value="frobenius"))

# %% [markdown]
# ## A common mistake
#
# Many web pages use a shortcut: they backpropagate a vector of *ones* and square the result. That
# computes $\lVert J^\top \mathbf 1\rVert^2$, the squared norm of the sum of the rows. But we want
# the squared norm of each row, and then the sum. Rows that point in opposite directions cancel. For
# example, take an encoder whose units come in pairs with weights $w, -w$ and biases $b, -b$. The
# derivative of $\sigma$ is the same at $a$ and $-a$, so one row of $J$ is the negative of the
# other. The backpropagated result is zero, no matter how much the code moves.

# %%
pair = Sequential(Linear(6, 4, rng=0, dtype=np.float64), Sigmoid())
w, b = pair.params.values()
w[2:], b[2:] = -w[:2], -b[:2]
caches = pair.forward(x)[1]
ones = pair.vjp(np.ones((len(x), 4)), caches)
print(f"‖J‖² = {contractive(pair, caches)[0]:.4f}")
print(f"backpropagated ones give ‖Jᵀ1‖² = {(ones**2).sum() / len(x):.1e}")

# %% [markdown]
# The gradient of this penalty would pass every gradient check. It is a correct gradient, but of the
# wrong function. Only a check of the *value* finds the mistake, by comparing it with finite
# differences of the encoder itself:


# %%
def ones_penalty(encoder, caches):
    """‖Jᵀ1‖² and its gradient: the same three passes, with a single row of ones."""
    ones = np.ones_like(caches[-1])
    n, j = len(ones), encoder.vjp(ones, caches)
    _, dx, grads = encoder.double_backward(2 * j / n, ones, caches)
    return float((j**2).sum()) / n, dx, grads


w[2:] += 0.1  # no exact pairs: with those, the gradient would be zero everywhere
show_report(check_penalty(ones_penalty, pair, x, value="frobenius"))

# %% [markdown]
# ## The experiment
#
# We train three autoencoders with layers 784-256-32-256-784 and a linear code. They differ only in
# their objectives. One is plain. One is denoising: Gaussian noise is added to the input, but the
# target is clean. One is contractive. (This λ assumes an error averaged over the 784 pixels. If you
# sum over the pixels instead, multiply λ by 784.) For each model we measure the mean of
# $\lVert J\rVert_F$ over test images, written ‖J‖ in the table, and the standard deviation (std) of
# the codes, which is the square root of the sum of the 32 variances.

# %%
NOISE, LAMBDA = 0.3, 1e-3


def build(seed=0):
    rng = np.random.default_rng(seed)
    return Autoencoder(
        Sequential(Linear(784, 256, rng=rng), ReLU(), Linear(256, 32, rng=rng)),
        Sequential(
            Linear(32, 256, rng=rng), ReLU(), Linear(256, 784, rng=rng), Sigmoid()
        ),
    )


objectives = {
    "plain": Objective(),
    "denoising": Objective(
        corrupt=lambda x, rng: (
            x + NOISE * rng.standard_normal(x.shape, dtype=np.float32)
        )
    ),
    "contractive": Objective(contraction=LAMBDA),
}
models = {name: build(SEED) for name in objectives}
for name, model in models.items():
    fit(
        model,
        x_train,
        objectives[name],
        Adam(model.params),
        epochs=EPOCHS,
        rng=SEED,
        progress=not FAST,
    )


def measure(model):
    """Mean ‖J‖_F, std of the codes and reconstruction error, on test images."""
    s = singular_values(model.encoder, x_test[:200])
    norm = np.sqrt((s**2).sum(axis=1)).mean()
    spread = np.sqrt(model.encode(x_test).var(axis=0).sum())
    return norm, spread, ((model(x_test) - x_test) ** 2).mean()


def table(models):
    print("                          ‖J‖    std of codes   ‖J‖ / std   MSE per pixel")
    for name, model in models.items():
        norm, spread, mse = measure(model)
        print(
            f"{name:<22}{norm:>9.4f}{spread:>14.4f}{norm / spread:>13.4f}{mse:>14.5f}"
        )
    print(FAST_NOTE, end="")


table(models)

# %% [markdown]
# **What to look at.** How much has the penalty lowered $\lVert J\rVert$, and how much worse did the
# reconstructions get? But look at the second and third columns before you trust the first. We will
# come back to them below.
#
# <details><summary>Answer</summary>
#
# After a full training, the contractive model has by far the smallest $\lVert J\rVert$, and its
# reconstructions are somewhat worse than those of the plain model. But the standard deviation of
# its codes has fallen too, so the ratio has changed much less than the norm. A part of the success
# is only a smaller scale.
#
# On MNIST, over three seeds, plain and contractive: $\lVert J\rVert$ is 16.3–16.7 and 1.5–1.6, the
# ratio 1.03–1.05 and 0.79–0.80, and the error per pixel 0.0164–0.0167 and 0.0222–0.0223.
#
# </details>
#
# Which directions does a code respond to? For every matrix $J$ with 32 rows, there are 32
# orthogonal directions in image space with this property: a step of length 1 in direction $i$ moves
# the code by the length $s_i$, and these 32 movements of the code are orthogonal too. The values
# $s_i$ are the **singular values** of $J$, and $\lVert J\rVert_F^2 = \sum_i s_i^2$. So they show in
# how many directions, and how strongly, the code responds. If we divide them by the largest one,
# the scale of the code no longer matters:

# %% tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for name, model in models.items():
    s = singular_values(model.encoder, x_test[:200]).mean(axis=0)
    left.semilogy(range(1, len(s) + 1), s, label=name)
    right.plot(range(1, len(s) + 1), s / s[0], label=name)
left.set(xlabel="i (largest first)", ylabel="mean singular value $s_i$ of J")
right.set(xlabel="i (largest first)", ylabel="$s_i / s_1$")
left.legend(frameon=False)
for ax in (left, right):
    ax.grid(alpha=0.3)
show(left, f"05_spectra_{data.name}")

# %% [markdown]
# **What to look at.** On the left, compare how far apart the curves are. On the right, compare
# their shapes. If a code only got *smaller*, its curve is the plain model's curve shifted down on
# the left, and the same curve on the right. If a code responds to some directions and not to
# others, its curve has a plateau and then a drop, and the position of the drop shows how many
# directions it has kept. If a code responds a little to everything, its curve falls slowly all the
# way. Which of the three curves has the clearest drop, and after how many of the 32 directions?
#
# <details><summary>Answer</summary>
#
# After a full training, the contractive curve is far below the other two on the left. This is the
# smaller scale. On the right it has the clearest drop, somewhere in the middle of the 32 directions
# (on MNIST after about 16): it keeps these directions and gives up the rest. The other two curves
# fall more evenly, and on MNIST they fall fastest a little later, near 20. So contraction has
# changed the shape as well. (In fast mode the three models are almost untrained, and their curves
# have almost the same shape.)
#
# </details>
#
# ## What contraction keeps and what it removes
#
# For each test image, take the direction to its nearest neighbor among the training images. This is
# roughly a direction *along* the manifold. Also take a random direction. Among 784 dimensions, a
# random direction has almost nothing to do with the digits, so this is a direction *across*. How
# much do the code and the reconstruction move for one small step in each direction? The method
# `jvp` computes it exactly.

# %%
few = x_test[:200]
# ‖a − b‖² = ‖a‖² + ‖b‖² − 2 a·b, for all pairs at once
distances = (
    (few**2).sum(axis=1)[:, None] + (x_train**2).sum(axis=1) - 2 * few @ x_train.T
)
along = x_train[distances.argmin(axis=1)] - few
across = np.random.default_rng(1).standard_normal(few.shape).astype(np.float32)
along, across = (u / np.linalg.norm(u, axis=1, keepdims=True) for u in (along, across))


def gain(net, x, u):
    """Mean of ‖J u‖ over the examples, for unit vectors u."""
    return np.linalg.norm(net.jvp(u, net.forward(x)[1]), axis=1).mean()


print("how far a step of length 1 moves the reconstruction and the code")
print("                    reconstruction                    code")
print("                along   across   along/across      along/across")
for name, model in models.items():
    a, b = gain(model, few, along), gain(model, few, across)
    code = gain(model.encoder, few, along) / gain(model.encoder, few, across)
    print(f"{name:<13}{a:>8.3f}{b:>9.3f}{a / b:>15.2f}{code:>18.2f}")
print(FAST_NOTE, end="")

# %% [markdown]
# **What to look at.** A value of 1 in the first two columns would mean that the reconstruction
# moves as far as the image, and 0 that it does not move. Every bottleneck already ignores most of a
# random step, because 32 directions out of 784 are few. What matters is how much each model lowers
# the second column, and how much of the first column it loses. The third column is their ratio.
#
# <details><summary>Answer</summary>
#
# After a full training, all three models follow a step along the digits much more than a step
# across. Denoising and contraction both lower the second column by a larger fraction than the
# first, contraction most of all. It also loses the most in the first column. This is the compromise
# between the two goals, and λ decides it. (In fast mode, nothing has been learned yet, so both
# columns are tiny.)
#
# On MNIST, over three seeds, along and across: plain 0.64–0.65 and 0.25–0.26, denoising 0.59 and
# 0.17, contractive 0.49–0.50 and 0.14.
#
# </details>
#
# Next, let us look at what happens with larger steps:

# %%
noisy = (few + 6 * across).clip(0, 1)
print("a step of length 6 across: error against the clean images, MSE per pixel")
for name, model in models.items():
    print(f"{name:<13}{mse(model(noisy), few)[0]:.4f}")
print(FAST_NOTE, end="")
rows = [few[:8], noisy[:8], *(model(noisy[:8]) for model in models.values())]

# %% tags=["hide-input"]
show(
    plot_reconstructions(*rows, names=["original", "moved across", *models]),
    f"05_across_{data.name}",
)

# %% [markdown]
# **What to look at.** The models were given only the second row, the noisy images. In which outputs
# are there spots beside the digits, and which ones are pale? Which errors are the smallest in the
# printed table, over all 200 images? Contraction only says something about *small* steps, and this
# step is large. A length of 6 over 28×28 pixels is a standard deviation of $6/28$ per pixel (before
# clipping), which is not much less than the noise that the denoising model was trained with.
#
# <details><summary>Answer</summary>
#
# After a full training, the plain model leaves spots beside the digits. The outputs of the
# contractive model have few spots, but they are pale, as its reconstructions are even without
# noise.
#
# Which error is the smallest depends on the data. On the generated digits, over three seeds, it is
# 0.023–0.032 for the plain model, 0.016–0.019 for denoising, and 0.018–0.020 for contraction. So
# both help. On MNIST the three are almost equal, and their order depends on the seed: 0.023–0.025,
# 0.021–0.024 and 0.024. Even the denoising model was not trained for exactly this: it was trained
# without clipping. Clipping removes negative noise from the white background, so the background
# gets darker on average. (In fast mode, compare nothing.)
#
# </details>
#
# ## Contraction and small noise are almost the same
#
# Let $r(x)$ be the reconstruction of $x$, and $J_r$ the Jacobian of $r$. For a small step
# $\varepsilon$, $r(x+\varepsilon) \approx r(x) + J_r\,\varepsilon$. Let $\varepsilon$ be Gaussian
# noise with standard deviation $\sigma$ (here not the sigmoid). Its entries are independent:
# $\mathbb E\,\varepsilon_i\varepsilon_j$ is $\sigma^2$ for $i = j$ and 0 otherwise, where
# $\mathbb E$ is the mean over the noise. So in the mean of $\lVert J_r\,\varepsilon\rVert^2$ all
# mixed products vanish, and
#
# $$\mathbb E\,\lVert r(x+\varepsilon) - r(x)\rVert^2 \approx \sigma^2\,\lVert J_r\rVert_F^2 .$$
#
# Up to what noise level does this hold?

# %%
plain, some = models["plain"], x_test[:20]
exact = (jacobian(plain, some) ** 2).sum() / len(some)
rng, sigmas, measured = np.random.default_rng(2), np.logspace(-3, 0, 10), []
for sigma in sigmas:
    steps = sigma * rng.standard_normal((50, *some.shape), dtype=np.float32)
    moved = [plain(some + step) - plain(some) for step in steps]
    measured.append(np.mean([(m**2).sum() for m in moved]) / len(some) / sigma**2)
print(f"‖∂x̂/∂x‖² exactly: {exact:.4f}")
for sigma, estimate in [(sigmas[0], measured[0]), (sigmas[-1], measured[-1])]:
    print(f"estimate from noise with σ = {sigma:g}: {estimate:.4f}")

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(5.4, 3.2), layout="constrained")
ax.semilogx(sigmas, measured, "o-", markersize=4, label="E ‖r(x+ε) − r(x)‖² / σ²")
ax.axhline(exact, color="k", linestyle="--", linewidth=0.8, label="‖∂x̂/∂x‖², exact")
ax.set(xlabel="noise σ", ylim=(0, None))
ax.legend(frameon=False)
ax.grid(alpha=0.3)
show(ax, f"05_noise_{data.name}")

# %% [markdown]
# **What to look at.** On the left, where the noise is small, the two agree. The small wobble comes
# from averaging over only a few random steps. Where does the curve leave the line? From that point
# on, the noise is large enough to be affected by the curvature of $r$, which the Jacobian at a
# single point does not contain.
#
# <details><summary>Answer: where it leaves the line</summary>
#
# The curve leaves the line somewhere between $\sigma = 0.05$ and $\sigma = 0.5$, where
# $28\,\sigma$, the length of a typical step, is no longer small compared with the distance between
# two images. At the right end it falls: the output sigmoids saturate, and a reconstruction cannot
# move farther than the range of the pixels. (In fast mode, the untrained model is almost linear, so
# the two agree for longer.)
#
# </details>
#
# Now consider the loss. A denoising autoencoder compares $r(x+\varepsilon)$ with the clean $x$.
# Expand $r(x+\varepsilon)$ to second order in $\varepsilon$ and take the mean. Terms with a single
# factor $\varepsilon$ have the mean 0. The second-order term of $r$ has the mean
# $\frac12\sigma^2\,\Delta r$, where $\Delta r = \sum_j \partial^2 r/\partial x_j^2$, and the square
# doubles its product with $r(x) - x$:
#
# $$\mathbb E\,\lVert r(x+\varepsilon) - x\rVert^2 \approx \lVert r(x)-x\rVert^2 +
# \sigma^2\,\lVert J_r\rVert_F^2 + \sigma^2\,\big(r(x)-x\big)\cdot\Delta r(x) .$$
#
# The last term is small where the model already reconstructs well, so drop it. What remains is the
# plain loss plus a penalty on the Jacobian of the *reconstruction* (Bishop 1995; Alain & Bengio
# 2014). Since `mse` divides by 784, noise with standard deviation σ corresponds to a penalty with
# weight $\lambda = \sigma^2/784$. Do training with noise and training with the penalty lead to the
# same result?


# %%
def penalized(sigma):
    """mse + σ²/784 · mean ‖∂x̂/∂x‖², estimated from 4 random ±1 sums of rows."""

    def objective(model, x, rng):
        y, caches = model.forward(x)
        loss, dy = mse(y, x)
        _, grads = model.backward(dy, caches, input_gradient=False)
        value, _, more = reconstruction_contractive(model, caches, probes=4, rng=rng)
        weight = sigma**2 / x.shape[1]
        total = {key: grads[key] + weight * more[key] for key in grads}
        return (
            loss + weight * value,
            total,
            {"reconstruction": loss, "contraction": value},
        )

    return objective


small = build().astype(np.float64)
x_small = x_test[:3].astype(np.float64)
show_report(gradcheck(penalized(0.3), small, x_small, method="directions"))
print("\n              trained with noise σ               trained with penalty σ²/784")
print("σ             ‖∂x̂/∂x‖²   MSE per pixel           ‖∂x̂/∂x‖²   MSE per pixel")
for sigma in (0.05, 0.1, 0.2, 0.4):
    cells = []
    for objective in (Objective(corrupt=Gaussian(sigma, clip=False)), penalized(sigma)):
        net = build()
        fit(net, x_train, objective, Adam(net.params), epochs=EPOCHS, progress=not FAST)
        norm = (jacobian(net, some) ** 2).sum() / len(some)
        cells.append(f"{norm:>8.3f}{mse(net(x_test), x_test)[0]:>14.5f}")
    print(f"{sigma:<12}{cells[0]:>22}{cells[1]:>32}")
print(f"{'neither':<12}{exact:>8.3f}{mse(plain(x_test), x_test)[0]:>14.5f}")
print(FAST_NOTE, end="")

# %% [markdown]
# **What to look at.** Go down the two columns of the norm. How close are they to each other, and
# for which σ are they closest? The penalty only knows the derivative at the image itself. Noise
# tests the model at points that are about $\sigma\sqrt{784} = 28\,\sigma$ away.
#
# <details><summary>Answer</summary>
#
# After a full training, both columns of the norm fall as σ grows, and for small σ they are close to
# each other. For the largest σ they differ most: there the noise leaves the region in which the
# derivative at the image describes the model. (In fast mode the norms are small in all rows and say
# nothing.)
#
# </details>
#
# ## How a model can cheat
#
# Now let us come back to the second column of the first table. Divide the weights and biases of the
# code layer by 10, and multiply the first weights of the decoder by 10. Nothing important has
# changed: the reconstructions are the same, up to rounding. But $\lVert J\rVert$ is now a tenth of
# what it was, and the penalty a hundredth. A penalty on the encoder alone rewards *small codes*,
# and the decoder can simply scale them up again (Rifai 2011, footnote 2). The ratio of
# $\lVert J\rVert$ to the standard deviation of the codes does not change, so it reveals the trick.

# %%
scaled = plain.astype(np.float32)  # a copy
for key in ("encoder.2.weight", "encoder.2.bias"):
    scaled.params[key] /= 10
scaled.params["decoder.0.weight"] *= 10
table(
    {"plain": plain, "plain, codes / 10": scaled, "contractive": models["contractive"]}
)

# %% [markdown]
# **What to look at.** How much of the contractive model's success was due to this trick? Compare
# the ratios in the first and last rows.
#
# <details><summary>Answer</summary>
#
# A large part. In the table, the scaled model has a tenth of the norm and the same ratio, up to
# rounding: this holds in any mode. After a full training, the norm of the contractive model is
# several times smaller than that of the plain model, but its ratio has changed much less, if at
# all. What is left of the success is this smaller ratio, and the change of shape in the figure of
# singular values.
#
# </details>
#
# Two things prevent the trick. **Tied weights:** with $\hat x = \sigma(W^\top z + c)$ the decoder
# must use the encoder's own $W$, so a smaller $W$ also makes the reconstruction pale. **A
# saturating code:** a sigmoid unit near 0 or 1 has almost zero derivative. So a small Jacobian does
# not need a small code. The model in the paper has both, and it minimizes the cross-entropy (`bce`,
# exercise 3 of chapter 1) in place of the squared error:

# %%
tied_models = {}
for name, weight in [("tied, plain", 0.0), ("tied, contractive", 3e-3)]:
    model = tied_models[name] = tied_autoencoder(rng=SEED, code=256)
    fit(
        model,
        x_train,
        Objective(bce, contraction=weight),
        Adam(model.params, 2e-3),
        epochs=EPOCHS,
        rng=SEED,
        progress=not FAST,
    )
table(tied_models)
for name, model in tied_models.items():
    z = model.encode(x_test)
    saturated = ((z < 0.05) | (z > 0.95)).mean()
    print(f"{name:<22}{saturated:.0%} of all values z are below 0.05 or above 0.95")

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(5.4, 3.2), layout="constrained")
for name, model in tied_models.items():
    ax.hist(
        model.encode(x_test).ravel(),
        bins=60,
        range=(0, 1),
        density=True,
        histtype="step",
        label=name,
    )
ax.set(xlabel="z", ylabel="density", yscale="log")
ax.legend(frameon=False, loc="upper center")
show(ax, f"05_saturation_{data.name}")

# %% [markdown]
# **What to look at.** In the table, did the ratio fall along with the norm this time? In the
# histogram, find out why a unit's derivative is small. It may be small because the unit is
# saturated, near 0 or 1. Or it may be small because the unit's weights are close to zero: then the
# unit has almost the same value for every image, which would show up as a bump around $z = 1/2$.
# The penalty does not distinguish between saturated units and inactive ones. That is why λ must not
# be too large (exercise 4).
#
# <details><summary>Answer</summary>
#
# After a full training, the ratio falls along with the norm this time: with tied weights the model
# cannot cheat by scaling. The histogram of the contractive model has more values near 0 and 1 and
# fewer in between. There is no bump at ½, so its units are saturated and not inactive. (In fast
# mode, the two histograms are almost equal: few units have left the middle.)
#
# On MNIST, over three seeds: the norm falls from 7.8 to 3.7 or 3.8, and the ratio from 1.35 to
# 0.79. 42 % of the values are saturated without the penalty, and 57 % with it.
#
# </details>
#
# ## What about longer steps?
#
# The Jacobian only describes infinitely small steps. For a step of length $r$ (a length here, not
# the reconstruction), the **contraction ratio** is $\lVert z(x + r u) - z(x)\rVert/r$, averaged
# over random directions $u$ of length 1 (Rifai et al. 2011). In the figure, each curve is divided
# by its first value, so that a code cannot look better just because it is smaller.

# %%
distances = np.logspace(-1, 1.5, 14)
ratios = {
    name: contraction_ratios(model.encoder, few, distances)
    for name, model in {"plain (ReLU)": plain, **tied_models}.items()
}
apart = np.median(np.linalg.norm(few[:50, None] - few[None, 50:100], axis=-1))
at = np.abs(np.log(distances / apart)).argmin()
for name, r in ratios.items():
    print(f"{name:<18} r = {distances[at]:.0f}: {r[at] / r[0]:.2f} of a small step's")
print(f"median distance between two test images: {apart:.1f}")

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
for name, r in ratios.items():
    ax.semilogx(distances, r / r[0], "o-", markersize=3, label=name)
low, high = ax.get_ylim()
margin = 0.25 * max(high - 1, 1 - low, 0.02)
ax.set_ylim(min(low, 1 - margin) - margin, max(high, 1 + margin) + margin)
ax.axhline(1, color="k", linewidth=0.8)
ax.axvline(apart, color="gray", linewidth=0.8, linestyle="--")
place = {"transform": ax.get_xaxis_transform(), "color": "gray", "fontsize": 9}
ax.text(apart, 0.02, "distance between\ntwo test images ", ha="right", **place)
ax.text(0.1, 0.95, "above 1: contracts less than a small step", va="top", **place)
ax.text(0.1, 0.05, "below 1: contracts more than a small step", **place)
ax.set(xlabel="length r of the step", ylabel="contraction ratio / that of a small step")
ax.set_title("Does the contraction hold for longer steps?", loc="left", fontsize=11)
ax.legend(frameon=False, loc="center left")
show(ax, f"05_ratios_{data.name}")

# %% [markdown]
# **What to look at.** A flat curve means that the encoder acts like a linear map. Where a curve
# rises, the small derivative was only local: a longer step takes units out of saturation, to where
# their derivative is larger. Where a curve falls, the step takes units into saturation. How far
# does each model's contraction reach, compared with the distance between two images (the gray
# line)?
#
# <details><summary>Answer</summary>
#
# All curves start flat: a step of length 1 is small. After a full training, the tied contractive
# curve stays near 1, or rises a little, up to the distance between two images and beyond, because
# longer steps take units out of saturation. So its contraction, which the penalty measures at
# single points, still holds at the distance of another image. The curve of the tied plain model
# falls: longer steps saturate its units. The curve of the ReLU model falls too, but less. (In fast
# mode, the curves are flat for longer, because the weights are still small.)
#
# </details>
#
# ## Exercises
#
# Answers: [answers/05_contractive.py](answers/05_contractive.py)
#
# 1. **A tanh layer.** Derive the closed form and its gradient for $z = \tanh(Wx + b)$. Write it as
#    `penalty(encoder, caches)` and pass it to `check_penalty`. *Hint: only $f'$ and $f''$ change;
#    `encoder.forward` returns $x$ and $z$ in `caches`.*
# 2. **Half a gradient.** Leave out the second term of $\partial\Omega/\partial W$, then the first,
#    and read what the checker says about each. Which mistake could go unnoticed in training? *Hint:
#    a step along a wrong gradient often still lowers the loss.*
# 3. **Probes.** `contractive(encoder, caches, probes=1, rng=rng)` replaces the separate rows by a
#    single sum of all rows, $J^\top v$, where each $v_i$ is randomly 1 or −1. Show that
#    $\mathbb E\lVert J^\top v\rVert^2 = \lVert J\rVert_F^2$, and plot the error of the mean against
#    the number of samples. *Hint: $\mathbb E\,v_iv_j$ is 1 for $i = j$ and 0 otherwise.*
# 4. **Too much contraction.** Train with λ from $10^{-5}$ to $10^{-1}$ and plot
#    $\lVert J\rVert/\mathrm{std}$ against the reconstruction error. Is there a λ above which only
#    the scale of the codes shrinks? *Hint: `fit` takes the objective; `measure` returns both
#    values.*
# 5. **The second-order penalty.** `higher_order_contractive(encoder, x, sigma, samples, rng)` is
#    $\mathbb E\lVert J(x) - J(x+\varepsilon)\rVert^2$. It keeps $J$ from changing between nearby
#    points (Rifai et al. 2011, CAE+H). Write an objective that adds it to the contraction, and plot
#    the contraction ratios again. *Hint: `penalized` above is almost the same. Use `samples=1`,
#    because it is expensive.*
#
# - Graded: [Exercise 15 · How much does a code move? One layer](exercises/15_contractive_layer.py), `tinyae exercise start contractive_layer`
# - Graded: [Exercise 16 · How much does a code move? A deep encoder](exercises/16_contractive_deep.py), `tinyae exercise start contractive_deep`
#
# **You can now** derive a penalty on a Jacobian and its gradient by three passes, check the *value*
# of a penalty, and notice when a model cheats.
#
# **Next:** chapter 6 uses trained autoencoders: maps, anomalies, large images, features.
#
# **In the real world:** penalties on input gradients make classifiers harder to fool (Jakubovitz
# and Giryes, *Improving DNN robustness to adversarial attacks using Jacobian regularization*, 2018;
# Hoffman, Roberts and Yaida, *Robust learning with Jacobian regularization*, 2019) and keep
# adversarial training stable (Gulrajani et al., *Improved training of Wasserstein GANs*, 2017). The
# singular vectors of $J$ are used to find the tangents of a manifold (Rifai et al., *The manifold
# tangent classifier*, 2011).
