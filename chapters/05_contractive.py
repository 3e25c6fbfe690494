# %% [markdown]
# # 5 · The contractive autoencoder
#
# A good code should not change when the picture changes in a way that does not matter: a little noise, a smudge in a corner.
# So let us say exactly that to the net: *move the picture a little, and move the code as little as you can*. How much the
# code moves is the Jacobian $J = \partial z/\partial x$, one row for each code unit, one column for each pixel, and its size
# is a number that can be added to the loss. Two forces then pull at every direction in the space of pictures. Reconstruction
# wants the code to feel the directions along which digits differ. Contraction wants it to feel none. What is left is a code
# that feels the digits and little else.
#
# ```
#            across the digits: contract                     ‖J u‖ small
#                     ↑ u
#     ── x₁ ──── x ───┼──── x₂ ──   along the digits: keep   ‖J t‖ large
#                     ↓      → t
# ```
#
# Published programs have got this penalty wrong in more than one way: a well-known tutorial rounds it down to a whole number,
# which has no gradient; in another program, by authors of the method, the gradient is half of that of its own value. Here both
# are derived, from one unit up, and checked.

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
from tinyae.checking import check_penalty
from tinyae.data import Gaussian, load_data
from tinyae.models import tied_autoencoder
from tinyae.penalties import (
    contraction_ratios,
    reconstruction_contractive,
    singular_values,
)
from tinyae.plots import plot_reconstructions, show

FAST = bool(
    os.environ.get("TINYAE_FAST")
)  # a few steps on a few pictures: shows that it runs, not what it learns
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
x_train, x_test = (
    (data.train.flat[:500], data.test.flat[:100])
    if FAST
    else (data.train.flat[:10000], data.test.flat[:1000])
)
EPOCHS = 1 if FAST else 8
print(data, "->", x_train.shape, x_test.shape)

# %% [markdown]
# ## The equation
#
# $$L = \text{reconstruction} + \lambda\,\Omega,\qquad
# \Omega = \frac1N\sum_n \lVert J(x_n)\rVert_F^2 = \frac1N\sum_n\sum_{i,j}\Big(\frac{\partial z_i}{\partial x_j}\Big)^2 .$$
#
# **One sigmoid unit.** $z = \sigma(w\cdot x + b)$ has the slope $z(1-z)$, so $\partial z/\partial x_j = z(1-z)\,w_j$: the unit
# feels the pixels in proportion to its weights, and it feels nothing where it is saturated.
#
# **One sigmoid layer** (Rifai et al. 2011). Row $i$ of $J$ is $z_i(1-z_i)\,W_i$. The square of its norm factors, and no Jacobian
# is needed at all (for one example; the mean over the batch is taken at the end):
#
# $$\lVert J\rVert_F^2 = \sum_i \big(z_i(1-z_i)\big)^2 \sum_j W_{ij}^2 .$$
#
# **A deep net.** $J = J_L\cdots J_2 J_1$. Send each row $e_i$ of the identity backwards through the layers, as backpropagation
# sends a gradient: $V_L = e_i$, $V_{l-1} = J_l^\top V_l$. What arrives at the picture, $V_0$, is row $i$ of $J$. (On paper $V$
# is a column; in the code the rows of all units and examples lie in one array, one row each, and the products stand the other
# way round: $V_{l-1} = V_l W$ at a linear layer.)
#
# ## The gradient
#
# One sigmoid layer first, with $s_i = z_i(1-z_i)$, $n_i = \sum_j W_{ij}^2$ and $a = Wx + b$. $W$ acts twice, through its own
# square and through the point $z$ where the slope is taken, and both must be there:
#
# $$\frac{\partial\Omega}{\partial a_i} = 2 s_i\,\underbrace{s_i (1-2z_i)}_{\sigma''(a_i)}\,n_i,\qquad
# \frac{\partial \Omega}{\partial W_{ij}} = 2 s_i^2\,W_{ij} + \frac{\partial\Omega}{\partial a_i}\,x_j,\qquad
# \frac{\partial\Omega}{\partial b_i} = \frac{\partial\Omega}{\partial a_i}$$
#
# for one example; take the mean over the batch.
#
# In the deep net the same happens at every layer. Computing $V_0$ was a computation like any other, and its gradient
# runs along it in the opposite direction, which is *upwards*:
#
# $$G_0 = \frac{2}{N}V_0,\qquad G_l = J_l\,G_{l-1} .$$
#
# At a linear layer, $V_{l-1} = V_l W$, hence $dW = V_l^\top G_{l-1}$, a product that sums over all rows of all examples. At an
# activation, $V_{l-1} = f'(a) * V_l$, hence one more gradient at $a$, its *bend* $f''(a) * \sum_i G_{l-1} * V_l$, the sum over
# the rows $i$ of one example's $J$. An ordinary backward pass carries the bends down to the weights below. So: rows down,
# tangents up, bends down. That is second-order backpropagation, all of it.
#
# ## The code
#
# Every layer has a method `double_backward(G, V, cache)` with its share: it returns $J_l G$, the bend, and $dW$.


# %%
def omega_and_gradients(layers, x):
    h, caches = x, []
    for layer in layers:
        h, cache = layer.forward(h)
        caches.append(cache)
    n, k = h.shape
    v = np.zeros(
        (k, n, k), x.dtype
    )  # row i of the identity, for each of the n examples
    v[range(k), :, range(k)] = 1
    vs = []
    for layer, cache in zip(
        reversed(layers), reversed(caches), strict=True
    ):  # rows down
        vs.insert(0, v)
        v = layer.vjp(v, cache)  # the last one is J, (k, n, pixels)
    value, g = (v**2).sum() / n, 2 * v / n
    bends, grads = [], []
    for layer, v, cache in zip(layers, vs, caches, strict=True):  # tangents up
        g, bend, of_layer = layer.double_backward(g, v, cache)
        bends.append(bend)
        grads.append(of_layer)
    da = np.zeros_like(h)
    for i in reversed(range(len(layers))):  # bends down
        da, more = layers[i].backward(da, caches[i])
        da = da if bends[i] is None else da + bends[i]
        grads[i] = {name: grads[i][name] + more[name] for name in more}
    return value, da, grads


# %% [markdown]
# ## The check
#
# Does it agree with the closed form, for one layer? With the library's `contractive`, for three? And is the library's right?
# The checker moves every weight and every pixel, and it computes the Jacobian itself by moving the pixels: that is
# `value="frobenius"`.

# %%
rng = np.random.default_rng(0)
x = rng.uniform(size=(4, 6))
layer, sigmoid = Linear(6, 3, rng=rng, dtype=np.float64), Sigmoid()
z, W = sigmoid(layer(x)), layer.params["weight"]
closed = ((z * (1 - z)) ** 2 * (W**2).sum(axis=1)).sum() / len(x)
print(
    f"one layer:   closed form {closed:.12f}   by rows {omega_and_gradients([layer, sigmoid], x)[0]:.12f}"
)

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
    for i, of_layer in enumerate(grads_by_hand)
    for name, g in of_layer.items()
)
gap = max(gap, np.abs(dx - dx_by_hand).max())
print(
    f"three layers: library {value:.12f}   by rows {by_hand:.12f}   gradients differ by {gap:.0e}"
)
print(check_penalty(contractive, deep, x, value="frobenius"))

# %% [markdown]
# ## What the usual code computes
#
# Many pages have a shorter way: back-propagate a vector of *ones* and take the square of what arrives. That is
# $\lVert J^\top \mathbf 1\rVert^2$, the square of the *sum* of the rows where the sum of the rows' squares was wanted. Rows that
# point in opposite directions cancel. Take an encoder whose units come in pairs $w, -w$: $\sigma$ has the same slope at $a$ and
# $-a$, so with biases $b, -b$ the two rows of $J$ are opposite, and nothing arrives at all, however much the code moves.

# %%
pair = Sequential(Linear(6, 4, rng=0, dtype=np.float64), Sigmoid())
w, b = pair.params.values()
w[2:], b[2:] = -w[:2], -b[:2]
caches = pair.forward(x)[1]
ones = pair.vjp(np.ones((len(x), 4)), caches)
print(
    f"‖J‖² = {contractive(pair, caches)[0]:.4f}, but back-propagated ones give ‖Jᵀ1‖² = {(ones**2).sum() / len(x):.1e}"
)

# %% [markdown]
# Its gradient would pass every gradient check: it is a perfectly good gradient, of another number. Only a check of the *value*
# finds it, against differences of the encoder itself:


# %%
def ones_penalty(encoder, caches):
    """‖Jᵀ1‖² and its gradient: one row of ones goes down and up."""
    n = len(caches[-1])
    cotangents, j = encoder.cotangents(np.ones((n, 4)), caches)
    _, bends, grads = encoder.tangents(2 * j / n, cotangents, caches)
    dx, more = encoder.backward(None, caches, second_order=bends)
    return (
        float((j**2).sum()) / n,
        dx,
        {key: grads.get(key, 0) + more.get(key, 0) for key in encoder.params},
    )


w[2:] += 0.1  # no perfect pairs, or there would be no gradient to check
print(check_penalty(ones_penalty, pair, x, value="frobenius"))

# %% [markdown]
# ## The experiment
#
# Three autoencoders 784-256-32-256-784 with a linear code, the same but for their objectives: plain; denoising, where the input
# has Gaussian noise and the target has none; contractive. (λ belongs to an error that is a mean over 784 pixels: for a sum over
# the pixels it would be 784 times as large.)

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
models = {name: build() for name in objectives}
for name, model in models.items():
    fit(
        model,
        x_train,
        objectives[name],
        Adam(model.params),
        epochs=EPOCHS,
        progress=False,
    )


def measure(model):
    """Mean ‖J‖_F, the spread of the codes, and the reconstruction's error, on test pictures."""
    norm = np.sqrt(
        (singular_values(model.encoder, x_test[:200]) ** 2).sum(axis=1)
    ).mean()
    spread = np.sqrt(model.encode(x_test).var(axis=0).sum())
    return norm, spread, ((model(x_test) - x_test) ** 2).mean()


def table(models):
    print("                          ‖J‖    std of codes   ‖J‖ / std   MSE per pixel")
    for name, model in models.items():
        norm, spread, mse = measure(model)
        print(
            f"{name:<22}{norm:>9.4f}{spread:>14.4f}{norm / spread:>13.4f}{mse:>14.5f}"
        )


table(models)

# %% [markdown]
# **What to look at.** By how much has the penalty lowered $\lVert J\rVert$, and what did the reconstructions pay for it? But
# look at the second and third column before you believe the first. We come back to them below.
#
# Which directions does a code feel? The **singular values** of $J$ say along how many directions, and how strongly, the code
# moves when the picture moves. Divided by the largest, their scale drops out:

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for name, model in models.items():
    s = singular_values(model.encoder, x_test[:200]).mean(axis=0)
    left.semilogy(range(1, len(s) + 1), s, label=name)
    right.plot(range(1, len(s) + 1), s / s[0], label=name)
left.set(xlabel="i, largest first", ylabel="singular value $s_i$ of J, mean")
right.set(xlabel="i, largest first", ylabel="$s_i / s_1$")
left.legend(frameon=False)
for ax in (left, right):
    ax.grid(alpha=0.3)
show(left, f"05_spectra_{data.name}")

# %% [markdown]
# **What to look at.** On the left, how far apart the curves are; on the right, their forms. A code that only got *smaller* has
# the plain one's curve, shifted on the left and the same on the right. A code that feels some directions and no others has a
# plateau and then a drop; where the drop is, says how many directions it has kept. A code that feels everything a little falls
# slowly all the way. Which of the three curves has the clearest drop, and after how many of the 32 directions?
#
# ## What contraction keeps and what it removes
#
# For each test picture, take the direction to its nearest neighbour among the other pictures: roughly, a direction *along*
# the digits. And take a random direction, which leads nowhere in particular: *across*. How much do code and reconstruction
# move for one small step in either direction? `jvp` says so exactly.

# %%
few = x_test[:200]
distances = (
    (few**2).sum(axis=1)[:, None] + (x_train**2).sum(axis=1) - 2 * few @ x_train.T
)
along = x_train[distances.argmin(axis=1)] - few
across = np.random.default_rng(1).standard_normal(few.shape).astype(np.float32)
along, across = (u / np.linalg.norm(u, axis=1, keepdims=True) for u in (along, across))


def gain(net, x, u):
    """‖J u‖, mean over the examples, u unit vectors."""
    return np.linalg.norm(net.jvp(u, net.forward(x)[1]), axis=1).mean()


print("                  reconstruction moves by       code: along / across")
print("                  along      across")
gains = {}
for name, model in models.items():
    gains[name] = gain(model, few, along), gain(model, few, across)
    code = gain(model.encoder, few, along) / gain(model.encoder, few, across)
    print(f"{name:<15}{gains[name][0]:>8.3f}{gains[name][1]:>12.3f}{code:>22.2f}")

fig, ax = plt.subplots(figsize=(5.4, 3.2), layout="constrained")
for i, direction in enumerate(
    ("along: to the nearest neighbour", "across: a random direction")
):
    ax.bar(
        np.arange(3) + 0.36 * i,
        [g[i] for g in gains.values()],
        0.34,
        label=direction,
        color=("tab:red", "tab:gray")[i],
    )
ax.set_xticks(np.arange(3) + 0.18, list(gains))
ax.set_ylabel("step of the reconstruction\nfor a step of 1")
ax.set_ylim(0, 1.4 * max(g[0] for g in gains.values()))  # room for the legend
ax.legend(frameon=False)
show(ax, f"05_gains_{data.name}")

# %% [markdown]
# **What to look at.** 1 would mean that the reconstruction follows the step fully, 0 that it ignores it. Every bottleneck already
# ignores most of a random step: 32 of 784 directions are few. What counts is by how much each model lowers the right bar, and
# what it pays for that on the left one. And with larger steps, seen:

# %%
noisy = (few[:8] + 6 * across[:8]).clip(0, 1)
rows = [few[:8], noisy, *(model(noisy) for model in models.values())]
show(
    plot_reconstructions(*rows, names=["original", "step across", *models]),
    f"05_across_{data.name}",
)

# %% [markdown]
# **What to look at.** Which rows are nearest to the first, the clean picture, of which the nets have seen the second only?
# Contraction is a promise about *small* steps. This one is large: 6 over 28×28 pixels is a standard deviation of $6/28$ a pixel
# before the clip, not much less than the noise that the denoising net was trained with.
#
# ## Contraction and small noise are nearly the same
#
# For a small step $\varepsilon$, $r(x+\varepsilon) \approx r(x) + J_r\,\varepsilon$, with the reconstruction $r$ and its own
# Jacobian $J_r$. For Gaussian noise of standard deviation $\sigma$, on average
#
# $$\mathbb E\,\lVert r(x+\varepsilon) - r(x)\rVert^2 \approx \sigma^2\,\lVert J_r\rVert_F^2 .$$
#
# Up to what noise does that hold?

# %%
plain, some = models["plain"], x_test[:20]
exact = (jacobian(plain, some) ** 2).sum() / len(some)
rng, sigmas, measured = np.random.default_rng(2), np.logspace(-3, 0, 10), []
for sigma in sigmas:
    steps = sigma * rng.standard_normal((50, *some.shape), dtype=np.float32)
    moved = [plain(some + step) - plain(some) for step in steps]
    measured.append(np.mean([(m**2).sum() for m in moved]) / len(some) / sigma**2)
print(
    f"‖∂x̂/∂x‖² = {exact:.4f}; from noise of σ = {sigmas[0]:g}: {measured[0]:.4f}, of σ = {sigmas[-1]:g}: {measured[-1]:.4f}"
)

fig, ax = plt.subplots(figsize=(5.4, 3.2), layout="constrained")
ax.semilogx(sigmas, measured, "o-", markersize=4, label="E ‖r(x+ε) − r(x)‖² / σ²")
ax.axhline(exact, color="k", linestyle="--", linewidth=0.8, label="‖∂x̂/∂x‖², exact")
ax.set(xlabel="σ of the noise", ylim=(0, None))
ax.legend(frameon=False)
ax.grid(alpha=0.3)
show(ax, f"05_noise_{data.name}")

# %% [markdown]
# **What to look at.** On the left the two agree; the wobble is that of a mean over a few random steps. Where does the curve leave
# the line? From there on noise sees the surface's bends, which the Jacobian at one point cannot see.
#
# Now the loss. A denoising autoencoder compares $r(x+\varepsilon)$ with the clean $x$. To second order in $\varepsilon$, with
# $\mathbb E\,\varepsilon = 0$ and $\mathbb E\,\varepsilon_i\varepsilon_j = \sigma^2[i=j]$,
#
# $$\mathbb E\,\lVert r(x+\varepsilon) - x\rVert^2 \approx \lVert r(x)-x\rVert^2 + \sigma^2\,\lVert J_r\rVert_F^2
# + \sigma^2\,\big(r(x)-x\big)\cdot\Delta r(x) .$$
#
# The last term, with the sum $\Delta r$ of $r$'s second derivatives, is small where the net already rebuilds well; drop it. What
# is left is the plain loss and a penalty on the Jacobian of the *reconstruction* (Bishop 1995; Alain & Bengio 2014). Since `mse`
# divides by 784, noise of standard deviation σ is the penalty's weight $\lambda = \sigma^2/784$. Does training with the one and
# with the other end in the same place?


# %%
def penalised(sigma):
    """mse + σ²/784 · mean ‖∂x̂/∂x‖²; the norm is estimated from 4 random ±1 sums of the 784 rows."""

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
print(
    gradcheck(penalised(0.3), small, x_test[:3].astype(np.float64), method="directions")
)
print(
    "\n              trained with noise of σ            trained with the penalty σ²/784"
)
print("σ             ‖∂x̂/∂x‖²   MSE per pixel           ‖∂x̂/∂x‖²   MSE per pixel")
for sigma in (0.05, 0.1, 0.2, 0.4):
    cells = []
    for objective in (Objective(corrupt=Gaussian(sigma, clip=False)), penalised(sigma)):
        net = build()
        fit(net, x_train, objective, Adam(net.params), epochs=EPOCHS, progress=False)
        cells.append(
            f"{(jacobian(net, some) ** 2).sum() / len(some):>8.3f}{mse(net(x_test), x_test)[0]:>14.5f}"
        )
    print(f"{sigma:<12}{cells[0]:>22}{cells[1]:>32}")
print(f"{'neither':<12}{exact:>8.3f}{mse(plain(x_test), x_test)[0]:>14.5f}")

# %% [markdown]
# **What to look at.** Go down the two columns of the norm. How near are they to each other, for which σ nearest? What
# the penalty knows is the slope at the picture itself. Noise goes and looks at what is $\sigma\sqrt{784} = 28\,\sigma$ away.
#
# ## The cheat
#
# Now to the second column of the table. Divide the code layer's weights by 10, and multiply the decoder's first weights by
# 10. Nothing has changed: the reconstructions are the same, up to rounding. But $\lVert J\rVert$ is a tenth, and the penalty a
# hundredth. The penalty on the encoder alone rewards *small codes*, and an untied decoder makes them large again (Rifai 2011,
# footnote 2). The ratio of $\lVert J\rVert$ to the spread of the codes does not fall for it.

# %%
cheat = plain.astype(np.float32)  # a copy
for key in ("encoder.2.weight", "encoder.2.bias"):
    cheat.params[key] /= 10
cheat.params["decoder.0.weight"] *= 10
table(
    {"plain": plain, "plain, codes / 10": cheat, "contractive": models["contractive"]}
)

# %% [markdown]
# How much of the contractive net's success was that? Compare the ratios of the first and the last row.
#
# Two things stop the cheat. **Tied weights:** with $\hat x = \sigma(W^\top z + c)$ the decoder must use the encoder's own
# $W$, and a smaller $W$ makes the reconstruction pale, too. **A saturating code:** a sigmoid unit at 0 or 1 has no slope at
# all, so it can be flat without being small. The model of the paper has both, and minimises the cross-entropy:

# %%
papers = {}
for name, weight in [("tied, plain", 0.0), ("tied, contractive", 3e-3)]:
    model = papers[name] = tied_autoencoder(rng=0, code=256)
    fit(
        model,
        x_train,
        Objective(bce, contraction=weight),
        Adam(model.params, 2e-3),
        epochs=EPOCHS,
        progress=False,
    )
table(papers)
for name, model in papers.items():
    z = model.encode(x_test)
    print(
        f"{name:<22}{((z < 0.05) | (z > 0.95)).mean():.0%} of all answers are saturated (below 0.05 or above 0.95)"
    )

fig, ax = plt.subplots(figsize=(5.4, 3.2), layout="constrained")
for name, model in papers.items():
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
# **What to look at.** In the table, whether the ratio fell along with the norm this time. In the histogram, where a unit's slope
# is small because it stands at 0 or 1, and where it is small for another reason: a hump around $z = 1/2$ would be units whose
# weights have been given up, so that they say nearly the same to every picture. Flat by saturation, or flat by silence: the
# penalty does not mind which. That is why λ must not be too large (exercise 4).
#
# ## And a longer step?
#
# All this was about infinitely small steps. Over a distance $r$ the **contraction ratio** is $\lVert z(x + r u) - z(x)\rVert/r$,
# the mean over random directions $u$ of length 1 (Rifai et al. 2011). Here each curve is divided by its beginning, so that a code
# cannot look better by being smaller.

# %%
distances = np.logspace(-1, 1.5, 14)
fig, ax = plt.subplots(figsize=(5.4, 3.2), layout="constrained")
for name, model in {"plain (ReLU)": plain, **papers}.items():
    ratios = contraction_ratios(model.encoder, few, distances)
    ax.semilogx(distances, ratios / ratios[0], "o-", markersize=3, label=name)
apart = np.median(np.linalg.norm(few[:50, None] - few[None, 50:100], axis=-1))
ax.axvline(apart, color="grey", linewidth=0.8)
ax.text(
    apart,
    0.02,
    "two test pictures ",
    color="grey",
    ha="right",
    va="bottom",
    transform=ax.get_xaxis_transform(),
)
ax.set(
    xlabel="distance r",
    ylabel="contraction ratio,\nbeside that of a small step",
    ylim=(0, None),
)
ax.legend(frameon=False)
ax.grid(alpha=0.3)
show(ax, f"05_ratios_{data.name}")

# %% [markdown]
# **What to look at.** A flat curve is a linear map. Where a curve rises, the calm around the picture was local: a longer step
# leaves the flat part of a unit that was saturated, and finds the slope. Where it falls, the step runs into saturation on its
# way. How far does each model's promise reach, in units of the distance between two pictures (the grey line)?
#
# ## Exercises
# 1. **A tanh layer.** Derive the closed form and its gradient for $z = \tanh(Wx + b)$. Write it as `penalty(encoder, caches)` and
#    hand it to `check_penalty`. *Hint: only $f'$ and $f''$ change; `encoder.forward` leaves $x$ and $z$ in `caches`.*
# 2. **Half a gradient.** Leave the second term of $\partial\Omega/\partial W$ out, then the first, and read what the checker says
#    about each. Which mistake survives training unnoticed? *Hint: a wrong gradient often still goes down.*
# 3. **Probes.** `contractive(encoder, caches, probes=1, rng=rng)` replaces all rows by one random ±1 sum of them. Show that
#    $\mathbb E\lVert J^\top v\rVert^2 = \lVert J\rVert_F^2$, and draw the error of the mean against the number of draws.
#    *Hint: $\mathbb E\,v_iv_j$ is 1 for $i = j$ and 0 elsewhere.*
# 4. **Too much of it.** Train with λ from $10^{-5}$ to $10^{-1}$ and draw $\lVert J\rVert/\mathrm{std}$ against the
#    reconstruction's error. Is there a λ from which on only the scale of the codes shrinks? *Hint: `fit` takes the objective;
#    `measure` gives both.*
# 5. **The second order.** `higher_order_contractive(encoder, x, sigma, samples, rng)` is $\mathbb E\lVert J(x) -
#    J(x+\varepsilon)\rVert^2$: it keeps $J$ from turning (Rifai et al. 2011, CAE+H). Write the objective that adds it to the
#    contraction, and draw the contraction ratios again. *Hint: `penalised` above is nearly it. Take `samples=1`; it is not
#    cheap.*
