# %% [markdown]
# # 10 · Deep autoencoders: why depth was hard
#
# *Needs: chapters 0 and 1. Time: about 60 minutes to read, about 10 to run. On a first reading, skip
# “Which matrix C?” and “Its inverse, almost”.*
#
# In 2006, Hinton and Salakhutdinov trained an autoencoder with seven hidden layers on MNIST, and
# its 30-dimensional codes were much better than those of PCA. Before that, such nets did not learn:
# gradient descent stopped at the mean image. Their way out was to *pretrain* each layer as a
# restricted Boltzmann machine. Today the same net can be trained from random weights, by steps that
# use the *curvature* of the loss. This chapter shows what the problem was, and both solutions.
#
# ![Nine layers of 784, 1000, 500, 250, 30, 250, 500, 1000 and 784 units. The gradient comes back
# from the loss at the right, and each layer multiplies it by W transposed and by the slope of the
# sigmoid.](figures/10_diagram.svg)

# %%
import os
import time

import matplotlib.pyplot as plt
import numpy as np

from tinyae import SGD, Adam, Linear, Objective, Sequential, Sigmoid, Tanh, bce, fit
from tinyae.applications import pca_autoencoder, rbm_pretrain
from tinyae.checking import check_second
from tinyae.data import load_data
from tinyae.kfac import KFAC
from tinyae.layers import initialize, leaves
from tinyae.losses import bce_with_logits
from tinyae.models import deep_autoencoder
from tinyae.plots import mosaic, plot_codes, plot_reconstructions, show
from tinyae.training import evaluate

# Fast mode takes a few steps on a few images: it shows that the chapter runs, no more
FAST = bool(os.environ.get("TINYAE_FAST"))
FAST_NOTE = "(fast mode: nothing has been learned)\n" if FAST else ""
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
train, test = (data.train[:600], data.test[:200]) if FAST else (data.train, data.test)
x_train, x_test = train.flat[:10_000], test.flat[:2000]
SIZES = (784, 64, 32, 16, 6) if FAST else (784, 1000, 500, 250, 30)
SECONDS = 0.4 if FAST else 60  # of CPU time, for each method in section 4
print(data, "->", x_train.shape, x_test.shape)


def squared_error(model, x=x_test):
    """Per image, summed over the pixels, as in the paper."""
    return x.shape[1] * evaluate(model, x)["mse"]


# %% [markdown]
# ## 1. The gradient on its way down
#
# Let $a_l = W_l h_{l-1} + b_l$ and $h_l = \sigma(a_l)$. Backpropagation multiplies the gradient
# $g_l = \partial L/\partial a_l$ by one matrix and one slope per layer:
#
# $$g_{l-1} = \sigma'(a_{l-1}) \circ W_l^\top g_l, \qquad \sigma' = h(1-h) \le \tfrac14.$$
#
# If the weights are small, both factors shrink $g$, and after eight layers little is left. The
# forward pass has the same problem: $h_l$ differs from image to image by less and less, so the code
# says almost nothing about the image. Then the best that the decoder can do is the mean image.
#
# `cotangents` of a container returns $g_l$ for every layer. We compare four kinds of initial
# weights:
#
# - *small*: normal with standard deviation 0.01, to break the symmetry and no more;
# - *Glorot*: uniform, and as large as keeps the variance, if the slope were 1;
# - *Glorot × 4*: the slope of a sigmoid at 0 is 1/4, so the weights are four times as large;
# - *sparse*: each unit has 15 random inputs with normal weights (Martens 2010).


# %%
def initial_model(kind, sizes=SIZES):
    model = deep_autoencoder(sizes, rng=0, init="sparse")
    if kind == "small":
        for key, w in model.params.items():
            w[...] = 0.01 * np.random.default_rng(len(key)).standard_normal(w.shape)
            w[...] *= key.endswith("weight")  # the biases are 0
    elif kind != "sparse":
        initialize(model, "glorot", rng=1, gain=4 if "4" in kind else 1)
    return model


def layer_by_layer(model, x):
    """For each Linear layer: the size of g, and how much its output varies."""
    net = Sequential(*(layer for _, layer in leaves(model)))
    y, caches = net.forward(x)
    _, dy = bce(y, x)
    given, _ = net.cotangents(dy * dy.size, caches)
    linear = [i for i, layer in enumerate(net.layers) if isinstance(layer, Linear)]
    g = [np.sqrt((given[str(i)] ** 2).mean()) for i in linear]
    outputs = [*caches[1:], y]  # the next layer keeps its input
    spread = [outputs[i].std(axis=0).mean() for i in linear]
    return g, spread


starts = {
    kind: layer_by_layer(initial_model(kind), x_train[:500])
    for kind in ("small", "Glorot", "Glorot × 4", "sparse")
}
for kind, (g, _) in starts.items():
    print(f"{kind:<11} size of g, last layer to first:", *(f"{v:.0e}" for v in g[::-1]))

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for kind, (g, spread) in starts.items():
    axes[0].semilogy(range(1, 9), g, "o-", label=kind)
    axes[1].semilogy(range(1, 9), np.maximum(spread, 1e-9), "o-", label=kind)
axes[0].set(xlabel="layer", title="backward: root mean square of g")
axes[1].set(xlabel="layer", title="forward: spread between images")
axes[0].legend(fontsize=8)
show(axes, f"10_vanishing_{data.name}")

# %% [markdown]
# **What to look at.** Follow a curve on the left from layer 8, where the loss is, to layer 1. By
# what factor does each layer shrink the gradient? On the right, follow it from layer 1 to the code,
# layer 4, and on to the output. With small weights, how much does the output depend on the image?
# Which start keeps both sizes within a factor of ten or so?
#
# <details><summary>Answer</summary>
#
# With small weights, each layer divides the gradient by about 20, so at layer 1 it is more than a
# hundred million times smaller than at layer 8. With Glorot's weights it is about 4 per layer: the
# weights keep the size, but the slope of the sigmoid is 1/4. With small weights, the output varies
# by a few millionths between images: it is the mean image, whatever the input is. The two largest
# starts, Glorot × 4 and sparse, lose only one factor of ten over the whole net.
#
# </details>
#
# ## 2. Pretraining: one layer at a time
#
# A restricted Boltzmann machine (RBM) has visible units $v$ and hidden units $h$, all 0 or 1, with
#
# $$p(v,h) \propto e^{-E}, \quad -E = h^\top W v + b^\top h + c^\top v
# \quad\Rightarrow\quad p(h_i\!=\!1 \mid v) = \sigma(Wv+b)_i,\;\;
# p(v_j\!=\!1 \mid h) = \sigma(W^\top h+c)_j.$$
#
# The derivative of $\log p(v) = \log \sum_h e^{-E} - \log Z$ with respect to $W$ is a difference of
# two means:
#
# $$\frac{\partial \log p(v)}{\partial W} = \mathrm E_{p(h \mid v)}[h v^\top]
# - \mathrm E_{p(v',h)}[h v'^\top].$$
#
# The second mean runs over everything that the machine might show, so it cannot be computed for
# more than a few units. *Contrastive divergence* (CD-1) replaces it by one step of a random walk
# that starts at the data: $v \to h \to v' \to h'$. That needs four lines:
#
# ```python
# h = encode(v)                                 # probabilities
# v1 = decode(rng.random(h.shape) < h)          # from sampled hidden units
# h1 = encode(v1)
# dW = (h1.T @ v1 - h.T @ v) / len(v)           # the gradient of −log p, about
# ```
#
# The tests of this library compare it with the exact gradient of a machine with 4 + 3 units, whose
# sums have only 128 terms. A deep net is a stack of these machines: the hidden units of one are the
# visible units of the next. In the end the stack is *unrolled*. The decoder starts with the same
# weights, transposed.

# %%
started = time.process_time()
stack, histories = rbm_pretrain(SIZES[1:], x_train, epochs=2 if FAST else 6, rng=0)
rbm_seconds = time.process_time() - started
for layer, history in enumerate(histories, 1):
    print(f"machine {layer}: cross-entropy", *(f"{v:.3f}" for v in history["loss"]))
for name, model in (("sparse start", initial_model("sparse")), ("pretrained", stack)):
    g, spread = layer_by_layer(model, x_train[:500])
    print(f"{name:<13} squared error {squared_error(model):7.2f}", end="   ")
    print("spread of the layers:", *(f"{v:.2f}" for v in spread))

# %% tags=["hide-input"]
first = stack.encoder.layers[0].params["weight"][:32]
first = first / np.abs(first).max(axis=1, keepdims=True)
fig, ax = plt.subplots(figsize=(6.5, 1.2), layout="constrained")
ax.imshow(mosaic(first, columns=16, fill=np.nan), cmap="RdBu_r", vmin=-1, vmax=1)
ax.set_axis_off()
show(ax, f"10_rbm_filters_{data.name}")

# %% [markdown]
# **What to look at.** The pretrained net has never been trained as an autoencoder, and not once has
# a gradient gone through more than one layer. How good are its reconstructions already? Its hidden
# units (red: positive weights, blue: negative) look at strokes, at their ends, or at a part of the
# image. Pretraining does not solve the whole problem. It finds a start from which gradients arrive
# everywhere.
#
# <details><summary>Answer</summary>
#
# On MNIST, its squared error is about 17, not far from that of PCA with as many components, and far
# below that of the mean image, which is over 50. The spread of all layers is of the same size as in
# the data, so information gets through. (In fast mode, the machines are hardly trained: the code
# does not vary at all.)
#
# </details>
#
# ## 3. Curvature
#
# The other way is to understand why plain gradient steps are slow. Near the current weights $w$,
# the loss is about a quadratic function of the step $\delta$:
#
# $$M(\delta) = \tfrac12\,\delta^\top C\,\delta + \nabla^\top\delta, \qquad
# \text{minimal at } \delta = -C^{-1}\nabla.$$
#
# If $C$ is steep in one direction and flat in another, a gradient step that is small enough for the
# steep one is much too small for the flat one. Here are 25 steps of three methods on such a valley.
# The third divides by the curvature.

# %%
C = np.array([[1.0, 0.85], [0.85, 0.8]])
print("curvatures of the valley:", *(f"{v:.3f}" for v in np.linalg.eigvalsh(C)))


def path(method, n=25, lr=1.0):
    w, velocity, points = np.array([-0.4, 2.3]), np.zeros(2), []
    for _ in range(n):
        points.append(w.copy())
        gradient = C @ w
        if method == "natural":
            w = w - 0.4 * np.linalg.solve(C, gradient)  # 0.4: to see a path
        else:
            momentum = 0.8 if method == "momentum" else 0
            velocity = momentum * velocity - lr * gradient
            w = w + velocity
    return np.array(points)


paths = {method: path(method) for method in ("gradient", "momentum", "natural")}
for method, points in paths.items():
    print(f"{method:<9} height after 25 steps {points[-1] @ C @ points[-1] / 2:.1e}")

# %% tags=["hide-input"]
u = np.linspace(-2.5, 2.5, 80)
grid = np.stack(np.meshgrid(u, u), axis=-1)
height = np.einsum("...i,ij,...j->...", grid, C, grid) / 2
fig, ax = plt.subplots(figsize=(4.6, 4.2), layout="constrained")
ax.contour(
    u, u, height, levels=np.geomspace(0.005, 8, 14), colors="0.8", linewidths=0.8
)
for method, points in paths.items():
    ax.plot(*points.T, "o-", markersize=3, linewidth=1, label=method)
ax.legend()
ax.set_aspect("equal")
show(ax, "10_valley")

# %% [markdown]
# **What to look at.** The gradient jumps across the valley and creeps along it. Momentum adds up the
# small steps that agree. Where does the third path point from the very beginning?
#
# <details><summary>Answer</summary>
#
# To the minimum, from the first step on. Its steps get shorter only because of the factor 0.4: with
# a factor of 1, a quadratic function needs a single step. The two other methods are slow along the
# valley, in the direction with the small curvature.
#
# </details>
#
# ### Which matrix C?
#
# The second derivative of a deep net is not positive everywhere, so $C^{-1}\nabla$ may point
# uphill. The *Gauss-Newton matrix* takes the net as linear in its weights, with the derivative $J$
# of the outputs, and keeps the curvature $H$ of the loss:
#
# $$F = \mathrm E[J^\top H J], \qquad
# H = \operatorname{diag}(p(1-p)) \text{ for cross-entropy}.$$
#
# It is never negative, and for such losses it equals the Fisher matrix of the model. A product
# $v^\top F v$ needs only $Jv$, one forward sweep: each Linear layer adds its own part,
# `parameter_jvp`, and the layers behind it carry it on. As always, we check the derivative, and
# then the quadratic model against a second difference of the loss. Where the targets equal the
# outputs, the two matrices are the same.

# %%
rng = np.random.default_rng(0)
small = Sequential(
    Linear(4, 3, rng=rng, dtype=np.float64),
    Tanh(),
    Linear(3, 4, rng=rng, dtype=np.float64),
)
x_small = rng.normal(size=(6, 4))
report = check_second(small, x_small)
print(*(f"{row.name}: {row.verdict}" for row in report.tensors), sep=",  ")

kfac = KFAC(small, bce_with_logits, fraction=1, l2=0)
direction = {key: rng.normal(size=w.shape) for key, w in small.params.items()}
target = Sigmoid()(small(x_small))


def loss_along(t):
    """4 · cross-entropy (a sum over 4 outputs), the weights moved by t · direction."""
    moved = small.map_params(np.copy)
    for key, w in moved.params.items():
        w += t * direction[key]
    return 4 * bce_with_logits(moved(x_small), target)[0]


h = 1e-3
second = (loss_along(h) - 2 * loss_along(0) + loss_along(-h)) / h**2
model_second = kfac.curvature([direction])(small, x_small, None)[1]["matrix"].item()
print(f"second difference of the loss {second:.6f}, vᵀFv {model_second:.6f}")

# %% [markdown]
# ### Its inverse, almost
#
# Hinton's net has 2.8 million weights, so $F$ has $8\cdot10^{12}$ entries. But look at one Linear
# layer, $a = \bar W\bar x$ with $\bar x = (x, 1)$. For one example, the gradient is
# $g\bar x^\top$, and its entries, row by row, are the Kronecker product $g \otimes \bar x$. So the
# layer's block of $F$ is
#
# $$\mathrm E\big[(g \otimes \bar x)(g \otimes \bar x)^\top\big]
# = \mathrm E\big[g g^\top \otimes \bar x\bar x^\top\big]
# \approx \mathrm E[g g^\top] \otimes \mathrm E[\bar x\bar x^\top] = G \otimes A.$$
#
# The first equality is exact. The approximation says that $g$ and $\bar x$ are about independent.
# And $(G \otimes A)^{-1} = G^{-1} \otimes A^{-1}$, which acts on a gradient as
#
# $$\Delta = -G^{-1}\,\frac{\partial L}{\partial\bar W}\,A^{-1}.$$
#
# Two small inverses and two products: this is K-FAC (Martens and Grosse 2015). We compare
# $G \otimes A$ with the exact block for the first layer of the small net. The targets behind $g$
# are drawn from the model, not taken from the data.

# %%
copies = np.repeat(x_small, 2000, axis=0)  # many draws of the targets
means = kfac.factors(small, copies, np.random.default_rng(1))[1]
logits, caches = small.forward(copies)
probability = Sigmoid()(logits)
drawn = np.random.default_rng(1).random(logits.shape, dtype=np.float32) < probability
given, _ = small.cotangents(probability - drawn, caches)
inputs = np.concatenate([copies, np.ones((len(copies), 1))], axis=1)
each = np.einsum("no,ni->noi", given["0"], inputs).reshape(len(copies), -1)
exact_block = each.T @ each / len(each)
kronecker = np.kron(means["G.0"], means["A.0"])
correlation = np.corrcoef(exact_block.ravel(), kronecker.ravel())[0, 1]
print(f"exact block against G ⊗ A: correlation of the entries {correlation:.3f}")

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7, 3.2), layout="constrained")
limit = np.abs(exact_block).max()
for ax, block, name in [(axes[0], exact_block, "exact"), (axes[1], kronecker, "G ⊗ A")]:
    ax.imshow(block, cmap="RdBu_r", vmin=-limit, vmax=limit)
    ax.set_axis_off()
    ax.set_title(name)
show(axes, "10_kronecker")

# %% [markdown]
# **What to look at.** Each small square is one entry of $G$ times the whole matrix $A$. Are the
# squares of the exact block also multiples of one matrix?
#
# <details><summary>Answer</summary>
#
# About, but not exactly. Most squares have nearly the same pattern, with another factor. In the
# square at the lower right, some entries have another sign than in the others. There, the examples
# with a large $g$ are not typical examples: $g$ and $\bar x$ are not independent.
#
# </details>
#
# K-FAC needs no learning rate. It tries the best combination of its direction and its previous
# step, $\delta = \alpha\Delta + \mu\delta_0$. Both values come from a system of two equations, the
# minimum of $M$ over $\alpha$ and $\mu$, with the exact $F$. And because $M$ is only a model, a
# damping $\lambda$ is added to $C$. It grows when the loss falls less than $M$ promised, and
# shrinks when $M$ was right. `tinyae/kfac.py` has it all, in one file.
#
# ## 4. Who leaves the plateau?
#
# All methods train the same logistic net, each for the same time. For pretraining, its own seconds
# count. The dashed line is the error of PCA with as many components as the code has.


# %%
def train_for(seconds, model, objective, optimizer, batch_size):
    """Train epoch by epoch until the time is over: CPU seconds, squared errors."""
    used, errors = [0.0], [squared_error(model)]
    while used[-1] < seconds:
        started, epoch = time.process_time(), len(used)
        fit(
            model,
            x_train,
            objective,
            optimizer,
            1,
            batch_size,
            rng=epoch,
            progress=False,
        )
        used.append(used[-1] + time.process_time() - started)
        errors.append(squared_error(model))
    return np.array(used), errors


models = {
    "SGD, small start": initial_model("small"),
    "SGD, Glorot × 4": initial_model("Glorot × 4"),
    "Adam, Glorot × 4": initial_model("Glorot × 4"),
    "RBMs + Adam": stack,
    "K-FAC, sparse start": initial_model("sparse"),
}
pca = pca_autoencoder(x_train, SIZES[-1])
curves = {}
for name, model in models.items():
    objective, before = Objective(bce), rbm_seconds if "RBM" in name else 0
    if "K-FAC" in name:
        optimizer = KFAC(model, bce)
        objective = optimizer.objective
    else:
        # the mean over 784 pixels makes gradients small, so the rate of SGD is large
        sgd = "SGD" in name
        optimizer = SGD(model.params, 3.0, 0.9) if sgd else Adam(model.params, 1e-3)
    batch = 500 if "K-FAC" in name else 128
    used, errors = train_for(SECONDS - before, model, objective, optimizer, batch)
    curves[name] = used + before, errors
    print(f"{name:<20} squared error {errors[-1]:7.3f}, epochs {len(errors) - 1}")
print(f"{'PCA':<20} squared error {squared_error(pca):7.3f}")
print(FAST_NOTE, end="")

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for name, curve in curves.items():
    ax.semilogy(*curve, "o-", markersize=2, label=name)
ax.axhline(squared_error(pca), color="0.5", linestyle="--", linewidth=1)
ax.set(xlabel="CPU seconds of training", ylabel="squared error of a test image")
ax.legend(fontsize=8)
show(ax, f"10_seconds_{data.name}")

# %% [markdown]
# **What to look at.** Which methods are still at the mean image, and when does each of the others
# cross the line of PCA? An epoch of K-FAC costs more than one of Adam: count the epochs that each
# needed. Which curve is the steepest at the end? Is Adam with a good start far from pretraining
# and Adam? In 2006 nobody had either, the start or Adam. That is why pretraining was a
# breakthrough.
#
# <details><summary>Answer</summary>
#
# SGD from the small start stays at the mean image. On MNIST, pretraining + Adam crosses the line
# first, Adam follows a few seconds later, and then K-FAC, with fewer than 10 epochs in place of
# about 20. At the end, K-FAC has the steepest curve and the lowest error. Adam with a good start is
# not far from pretraining + Adam, and the gap gets smaller. So much of what pretraining gives is a
# good start. (In fast mode, nothing leaves the mean image.)
#
# </details>
#
# `python benchmarks/papers.py hinton` runs this on all of MNIST, with the whole recipe, beside the
# paper's figures.
#
# ## 5. Reconstructions and codes
#
# The reconstructions of the net and those of PCA, with codes of the same size, as in the paper's
# figure 2:

# %%
best = models["K-FAC, sparse start"]
shown = [int(np.flatnonzero(test.labels == digit)[0]) for digit in range(10)]

# %% tags=["hide-input"]
show(
    plot_reconstructions(
        x_test[shown],
        best(x_test[shown]),
        pca(x_test[shown]),
        names=["original", "deep autoencoder", "PCA"],
    ),
    f"10_reconstructions_{data.name}",
)

# %% [markdown]
# And codes of two dimensions, as in figure 3 of the paper: on the left those of PCA, on the right
# those of a deep autoencoder ...-2. Neither has seen a label. The colors are added afterwards.

# %%
flat = deep_autoencoder((*SIZES[:-1], 2), rng=0)
kfac = KFAC(flat, bce)
for epoch in range(2 if FAST else 15):
    fit(flat, x_train, kfac.objective, kfac, 1, 500, rng=epoch, progress=False)
pca_2 = pca_autoencoder(x_train, 2)

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.6), layout="constrained")
labels = test.labels[:1200]
for ax, model, name in [(axes[0], pca_2, "PCA"), (axes[1], flat, "deep autoencoder")]:
    plot_codes(model.encode(x_test[:1200]), labels, ax)
    ax.set_title(f"{name}: squared error {squared_error(model):.1f}")
show(axes, f"10_codes_{data.name}")

# %% [markdown]
# **What to look at.** Which digits does PCA put on top of each other that the net separates? The
# map from image to code is smooth in both cases. What can a nonlinear map do to the plane that a
# linear one cannot?
#
# <details><summary>Answer</summary>
#
# PCA mixes 4, 7 and 9, and also 3, 5 and 8. The deep net moves 0, 1, 2 and 6 away from the others,
# and reconstructs better from two values. A linear map only projects: what lies behind each other
# stays there. A nonlinear one can bend and stretch, so it can unfold what a projection covers. But
# it does not separate everything: nothing in the loss asks for classes. (In fast mode, the net has
# not learned anything yet.)
#
# </details>
#
# ## Conclusion
#
# A deep logistic net with small weights does not learn, because every layer shrinks the gradient on
# its way down and the differences between images on their way up. A better start helps with the
# sizes: by pretraining, or simply by larger weights. Curvature helps with the directions. The
# matrix of second derivatives is too large, but Kronecker factors of each layer are not, and the
# exact quadratic model along two directions replaces the learning rate.
#
# ## Exercises
#
# Answers: [answers/10_deep_autoencoders.py](answers/10_deep_autoencoders.py)
#
# 1. **Derive $G \otimes A$.** For $a = \bar W\bar x$, write $\partial L/\partial\bar W_{ij}$ with
#    $g_i$ and $\bar x_j$, and the entry of $F$ for the pairs $(i,j)$ and $(k,l)$. Which step is an
#    approximation? Show that it is exact for a batch of one example, and then that
#    $(G \otimes A)^{-1}$ acts on a matrix as $G^{-1} \cdot A^{-1}$. *Hint: $(G \otimes A)
#    \operatorname{vec}(D) = \operatorname{vec}(G D A)$, row by row, for symmetric $A$.*
# 2. **The exact step size.** Let $\delta = \alpha\Delta$. Show that $M$ is minimal at
#    $\alpha = -\nabla^\top\Delta\,/\,\Delta^\top C\Delta$, and that there
#    $M = \tfrac12\alpha\nabla^\top\Delta$. Then do the same for gradient descent: train the net of
#    section 4 with $\Delta = -\nabla$ and this step. *Hint: $\Delta^\top F\Delta$ is
#    `kfac.curvature([delta])`.*
# 3. **Targets from the data.** Replace the drawn targets in `factors` by those of the data (the
#    "empirical Fisher"). What becomes of $G$ when the training error goes to 0, and what of the
#    step? *Hint: a `Likelihood` has the field `sample`; `dataclasses.replace` makes a copy with
#    another one.*
# 4. **An affine change of the inputs.** Train on $1 - x$ in place of $x$, with SGD and with K-FAC.
#    Only one of them does not care. Why? *Hint: with $x' = Cx + c$, how do $A$ and
#    $\partial L/\partial\bar W$ change? The damping spoils it a little.*
# 5. **Longer chains.** `ContrastiveDivergence(steps=5)` is closer to the exact gradient. Is it worth
#    five times the work, if the net is fine-tuned afterwards? *Hint: compare at equal seconds.*
#
# **You can now** see in a net of any depth where a gradient gets lost, pretrain a deep net as a
# stack of RBMs, and derive the step of a second-order method and check its parts.
#
# **Next:** the tables of the papers, with `benchmarks/papers.py`, and an objective of your own
# (exercise 22).
#
# **In the real world:** pretraining of single layers has gone, but training on unlabeled data first
# has stayed (Devlin et al., *BERT: pre-training of deep bidirectional transformers for language
# understanding*, 2019; He et al., *Masked autoencoders are scalable vision learners*, 2022).
# Kronecker factors live on in optimizers for large nets (Gupta, Koren and Singer, *Shampoo:
# preconditioned stochastic tensor optimization*, 2018).
