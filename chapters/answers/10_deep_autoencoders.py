# %% [markdown]
# # Answers · Chapter 10, Deep autoencoders
#
# Try each exercise before you read its answer. The experiments use at most 5,000 images and small
# nets, so that they take a few minutes. With `TINYAE_FAST=1` they take a few steps and learn
# nothing.

# %%
import os
import time
from dataclasses import replace

import numpy as np

from tinyae import SGD, Adam, Linear, Objective, Sequential, Tanh, bce, fit, mse
from tinyae.applications import ContrastiveDivergence, make_rbm
from tinyae.data import load_data
from tinyae.kfac import KFAC
from tinyae.layers import initialize
from tinyae.models import deep_autoencoder
from tinyae.training import evaluate

FAST = bool(os.environ.get("TINYAE_FAST"))
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
x_train = data.train.flat[: 500 if FAST else 5000]
x_test = data.test.flat[: 100 if FAST else 1000]
SIZES = (784, 32, 6) if FAST else (784, 200, 100, 20)
rng = np.random.default_rng(0)


def squared_error(model):
    return 784 * evaluate(model, x_test)["mse"]


def trained(model, objective, optimizer, epochs, data=x_train):
    epochs = 1 if FAST else epochs
    fit(model, data, objective, optimizer, epochs, 250, workers=1, progress=False)


def nothing_learned():
    if FAST:
        print("Fast mode: nothing has been learned, so these numbers mean nothing.")


# %% [markdown]
# ## 1. Derive $G \otimes A$
#
# From $a_i = \sum_j \bar W_{ij}\bar x_j$ follows $\partial L/\partial\bar W_{ij} = g_i\bar x_j$ for
# one example. The entry of $F$ for the pairs $(i,j)$ and $(k,l)$ is therefore
#
# $$\mathrm E[g_i\bar x_j\,g_k\bar x_l] = \mathrm E[(g_i g_k)(\bar x_j\bar x_l)]
# \approx \mathrm E[g_i g_k]\;\mathrm E[\bar x_j\bar x_l] = G_{ik}A_{jl}.$$
#
# The approximation is the middle step: the mean of a product is replaced by the product of the
# means. If the batch has one example, $\bar x$ is a constant and comes out of the mean, so the step
# is exact. The mean over the targets that are drawn for $g$ remains.
#
# Row by row, $(G\otimes A)\operatorname{vec}(D)$ has the entry
# $\sum_{kl} G_{ik}A_{jl}D_{kl} = (G D A^\top)_{ij}$, and $A$ is symmetric. So the equation
# $(G\otimes A)\operatorname{vec}(\Delta) = \operatorname{vec}(D)$ says $G\Delta A = D$, and its
# solution is $\Delta = G^{-1} D A^{-1}$.

# %%
G, A = (m @ m.T for m in (rng.normal(size=(3, 5)), rng.normal(size=(4, 6))))
D = rng.normal(size=(3, 4))
solved = np.linalg.solve(np.kron(G, A), D.ravel()).reshape(3, 4)
assert np.allclose(solved, np.linalg.inv(G) @ D @ np.linalg.inv(A))

g, one = rng.normal(size=(1000, 3)), rng.normal(size=4)  # many targets, one example
examples = {"one": np.tile(one, (1000, 1)), "1000": g[:, [0] * 4]}
for name, x in examples.items():
    each = np.einsum("ni,nj->nij", g, x).reshape(1000, -1)
    exact, kronecker = each.T @ each / 1000, np.kron(g.T @ g, x.T @ x) / 1000**2
    print(
        f"examples: {name:<4} largest difference {np.abs(exact - kronecker).max():.1e}"
    )
    assert np.allclose(exact, kronecker) == (name == "one")

# %% [markdown]
# The second case is the worst one: $\bar x$ is a function of $g$.
#
# ## 2. The exact step size
#
# Along $\delta = \alpha\Delta$ the model is a parabola in $\alpha$:
#
# $$M = \tfrac12\alpha^2\,\Delta^\top C\Delta + \alpha\,\nabla^\top\Delta,\qquad
# \frac{dM}{d\alpha} = \alpha\,\Delta^\top C\Delta + \nabla^\top\Delta = 0
# \;\Rightarrow\; \alpha = -\frac{\nabla^\top\Delta}{\Delta^\top C\Delta}.$$
#
# There, $\alpha\,\Delta^\top C\Delta = -\nabla^\top\Delta$, so
# $M = -\tfrac12\alpha\nabla^\top\Delta + \alpha\nabla^\top\Delta
# = \tfrac12\alpha\nabla^\top\Delta$. It is negative: $\Delta$ points downhill.


# %%
def exact_step(model, batch, kfac):
    """A step against the gradient. Returns α, what M promises, what h loses."""
    before, grads, _ = kfac.objective(model, batch, rng)
    delta = {key: -784 * g for key, g in grads.items()}  # h is a sum over 784 pixels
    slope = -sum((g * g).sum() for g in delta.values())  # ∇ᵀΔ
    form = kfac.curvature([delta])(model, batch, rng)[1]["matrix"].item()
    alpha = -slope / form
    for other in (0.9 * alpha, 1.1 * alpha):
        assert alpha * slope / 2 < other**2 * form / 2 + other * slope
    for key, w in model.params.items():
        w += alpha * delta[key]
    after = kfac.loss(model, batch, rng)[0]
    return alpha, alpha * slope / 2, 784 * (after - before)


steps = 5 if FAST else 300
gradient_net, kfac_net = (deep_autoencoder(SIZES, rng=0) for _ in range(2))
kfac = KFAC(gradient_net, bce, fraction=1, l2=0)
for step in range(steps):
    batch = x_train[rng.choice(len(x_train), 250, replace=False)]
    alpha, promised, kept = exact_step(gradient_net, batch, kfac)
    if step in (0, 1, steps - 1):
        print(f"alpha {alpha:.1e}, promised {promised:.2f}, kept {kept:.2f}")
print(f"exact steps along the gradient: {squared_error(gradient_net):.2f}")
kfac = KFAC(kfac_net, bce)
trained(kfac_net, kfac.objective, kfac, steps * 250 // len(x_train))
print(f"as many steps of K-FAC:         {squared_error(kfac_net):.2f}")
nothing_learned()

# %% [markdown]
# Nobody had to choose a learning rate. But an exact step is the best *one* step. In a long valley
# it goes to the bottom, and from there the next gradient points across the valley again. K-FAC has
# the same exact step, but a better direction.
#
# ## 3. Targets from the data
#
# Where the net fits its targets, $g$ is small for every example. So $G$ of the data goes to 0 with
# the square of the residuals, although the function is as curved as before. The step
# $G^{-1}\,\nabla A^{-1}$ then divides by almost nothing, and its length depends on the damping
# alone. With targets drawn from the model, $G$ stays at its value: it measures how much the output
# *would* change the loss, not how wrong it is at the moment. We fit data that a net of the same
# shape can fit exactly.


# %%
def tanh_net(seed):
    sizes = [(4, 3), (3, 2)]
    first, last = (Linear(a, b, rng=seed + a, dtype=np.float64) for a, b in sizes)
    return Sequential(first, Tanh(), last)


x = rng.normal(size=(200, 4))
target = tanh_net(5)(x)
student = tanh_net(9)
kfac, empirical = (KFAC(student, mse, fraction=1, l2=0) for _ in range(2))
# every batch is the full one here, so the targets are always the same
empirical.likelihood = replace(kfac.likelihood, sample=lambda a, _: target)
ratios = []
for step in range(40 if FAST else 400):
    kfac.observe(lambda function: function(student, (x, target), rng))
    loss, grads, _ = kfac.objective(student, (x, target), rng)
    if step % (10 if FAST else 100) == 0:
        both = (k.factors(student, (x, target), rng)[1] for k in (kfac, empirical))
        drawn, of_data = (np.trace(factors["G.2"]) for factors in both)
        print(f"loss {loss:.1e}, trace of G: {drawn:.2f}, of the data {of_data:.1e}")
        ratios.append(of_data / drawn)
    kfac.step(grads)
assert ratios[-1] < 0.1 * ratios[0]


# %% [markdown]
# ## 4. An affine change of the inputs
#
# With $x' = Cx + c$, the net is the same if $W' = WC^{-1}$ and $b' = b - W'c$. In terms of
# $\bar x' = \bar C\bar x$, that is $\bar W' = \bar W\bar C^{-1}$. Then $A' = \bar CA\bar C^\top$, and
# $\partial L/\partial\bar W' = (\partial L/\partial\bar W)\,\bar C^\top$, so
#
# $$\Delta' = -G^{-1}\frac{\partial L}{\partial\bar W}\bar C^\top
# \bar C^{-\top}A^{-1}\bar C^{-1} = \Delta\,\bar C^{-1}:$$
#
# the new step is the old one in the new coordinates, and both nets stay the same. A plain gradient
# gives $\Delta\,\bar C^\top$ instead. For $x' = 1 - x$ the matrix $C$ is $-I$, but $c$ still mixes
# weights and bias. The damping adds $\pi\gamma I$ to $A$, and $I$ is not $\bar C\bar C^\top$: it
# spoils the equation a little. After four steps:


# %%
def reconstruct(model, pair, rng):
    y, caches = model.forward(pair[0])
    loss, dy = bce(y, pair[1])
    return loss, model.parameter_gradients(dy, caches), {}


ratios, few = {}, x_train[:1000]
for name in ("SGD", "K-FAC"):
    outputs = []
    for inputs in (few, 1 - few):
        model = deep_autoencoder(SIZES, rng=0)
        initialize(model, "glorot", 0, gain=4)
        first = model.encoder.layers[0].params
        if inputs is not few:  # the same function at the start
            first["bias"] += first["weight"].sum(axis=1)
            first["weight"] *= -1
        start = model(inputs[:200])
        kfac = KFAC(model, bce)
        sgd = reconstruct, SGD(model.params, 3.0, 0.9)
        method = sgd if name == "SGD" else (kfac.objective, kfac)
        trained(model, *method, 1, (inputs, few))  # 4 steps
        outputs.append(model(inputs[:200]))
    moved = np.abs(outputs[0] - start).mean()
    ratios[name] = np.abs(outputs[0] - outputs[1]).mean() / moved
    print(f"{name:<6} outputs moved by {moved:.2f}, differ by {ratios[name]:.0%} of it")
assert ratios["K-FAC"] < ratios["SGD"]
nothing_learned()

# %% [markdown]
# ## 5. Longer chains
#
# CD-5 is closer to the exact gradient: with 4 + 3 units, that is a sum over all states.

# %%
v, h = (np.indices((2,) * n).reshape(n, -1).T / 1.0 for n in (4, 3))  # all states
small = make_rbm(4, 3, 0).map_params(lambda a: rng.normal(size=a.shape))
w, b, c = small.params.values()
p_model = np.exp(h @ w @ v.T + (h @ b)[:, None] + v @ c).sum(axis=0)
p_model /= p_model.sum()
p_data = rng.dirichlet(np.ones(16) / 2)
exact = small.encode(v).T @ ((p_model - p_data)[:, None] * v)  # of W
drawn = v[rng.choice(16, 50_000, p=p_data)]
angles = []
for chain in (1, 5, 25):
    objective = ContrastiveDivergence(chain, sample_visible=True)
    estimate = objective(small, drawn, rng)[1]["encoder.0.weight"]
    sizes = np.linalg.norm(estimate) * np.linalg.norm(exact)
    cosine = (estimate * exact).sum() / sizes
    angles.append(np.degrees(np.arccos(min(cosine, 1))))
    print(f"CD-{chain:<2} angle to the exact gradient {angles[-1]:4.1f} degrees")
assert angles[0] > angles[2]

# %% [markdown]
# Now train a machine with each for about the same time, and fine-tune it, as the tied autoencoder
# that it is, for the same number of epochs.

# %%
for chain, epochs in ((1, 10), (5, 2)):
    rbm, started = make_rbm(784, SIZES[1], 0), time.process_time()
    trained(rbm, ContrastiveDivergence(chain), SGD(rbm.params, 0.05, 0.9), epochs)
    seconds, before = time.process_time() - started, squared_error(rbm)
    trained(rbm, Objective(bce), Adam(rbm.params), 5)
    print(f"CD-{chain}, {seconds:.1f} s: squared error {before:.2f}, ", end="")
    print(f"fine-tuned {squared_error(rbm):.2f}")
nothing_learned()
