# %% [markdown]
# # Answers · Chapter 5, The contractive autoencoder
#
# Try each exercise before you read its answer. The experiments use at most 2,000 images, so that
# they take a few minutes. With `TINYAE_FAST=1` they take a few steps and learn nothing.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinyae import (
    Adam,
    Linear,
    Objective,
    Sequential,
    Sigmoid,
    Tanh,
    bce,
    fit,
    gradcheck,
)
from tinyae.checking import check_penalty
from tinyae.data import load_data
from tinyae.models import tied_autoencoder
from tinyae.penalties import (
    contraction_ratios,
    contractive,
    higher_order_contractive,
    singular_values,
)
from tinyae.plots import show

FAST = bool(os.environ.get("TINYAE_FAST"))
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
x_train = data.train.flat[: 300 if FAST else 2000]
x_test = data.test.flat[: 50 if FAST else 200]
EPOCHS = 1 if FAST else 8
rng = np.random.default_rng(0)


def nothing_learned():
    if FAST:
        print("Fast mode: nothing has been learned, so these numbers mean nothing.")


# %% [markdown]
# ## 1. A tanh layer
#
# For $z = \tanh(a)$: $f' = 1-z^2$, and $f'' = -2z\,f' = -2z(1-z^2)$. Put these into the formulas of
# the chapter, with $s_i = 1-z_i^2$ and $n_i = \sum_j W_{ij}^2$. For one example,
#
# $$\lVert J\rVert_F^2 = \sum_i s_i^2\,n_i,\qquad
# \frac{\partial\Omega}{\partial a_i} = 2 s_i\,(-2 z_i s_i)\,n_i = -4 z_i s_i^2 n_i,\qquad
# \frac{\partial\Omega}{\partial W_{ij}} = 2 s_i^2 W_{ij} +
# \frac{\partial\Omega}{\partial a_i}x_j .$$


# %%
def tanh_contractive(encoder, caches, direct=1, indirect=1):
    x, z = caches  # Linear remembers its input, Tanh its output
    W, N = encoder.params["0.weight"], len(x)
    s, n = 1 - z**2, (W**2).sum(axis=1)
    da = -4 * z * s**2 * n / N  # (N, units)
    dW = direct * 2 * (s**2).sum(axis=0)[:, None] * W / N + indirect * da.T @ x
    grads = {"0.weight": dW, "0.bias": indirect * da.sum(axis=0)}
    return float((s**2 * n).sum()) / N, indirect * da @ W, grads


encoder = Sequential(Linear(6, 3, rng=rng, dtype=np.float64), Tanh())
x = rng.uniform(size=(4, 6))
report = check_penalty(tanh_contractive, encoder, x, value="frobenius")
print(report)
ours, library = (
    f(encoder, encoder.forward(x)[1]) for f in (tanh_contractive, contractive)
)
assert report.ok and np.isclose(ours[0], library[0])

# %% [markdown]
# ## 2. Half a gradient
#
# The value is right in both cases, so only the gradients can give the mistake away.


# %%
def no_second_term(encoder, caches):  # the derivative s is treated as a constant
    return tanh_contractive(encoder, caches, indirect=0)


def no_first_term(encoder, caches):  # the weight in front of it is
    return tanh_contractive(encoder, caches, direct=0)


for penalty in (no_second_term, no_first_term):
    report = check_penalty(penalty, encoder, x, value="frobenius")
    print(report, "\n")
    assert not report.ok


def value_after(penalty, steps, rate=0.1):
    net = encoder.astype(np.float64)  # a copy
    for _ in range(steps):
        _, _, grads = penalty(net, net.forward(x)[1])
        for name, g in grads.items():
            net.params[name] -= rate * g
    return tanh_contractive(net, net.forward(x)[1])[0]


for penalty in (tanh_contractive, no_second_term, no_first_term):
    values = [value_after(penalty, steps) for steps in (0, 5, 30)]
    print(
        f"{penalty.__name__:<17} Ω after 0, 5, 30 steps:", *(f"{v:.3f}" for v in values)
    )
assert value_after(no_second_term, 30) < value_after(no_second_term, 0)

# %% [markdown]
# Without the second term, every step still makes the weights smaller, so the penalty falls and
# training looks healthy. This is the mistake that could go unnoticed. What gets lost is the other
# way to a small penalty: moving units into saturation.
#
# ## 3. Probes
#
# The entries $v_i$ are independent and ±1 with equal probability, so $v_i^2 = 1$ and
# $\mathbb E\,v_iv_j = 0$ for $i\ne j$:
#
# $$\mathbb E\lVert J^\top v\rVert^2 = \mathbb E\sum_{ij}v_iv_j\,(JJ^\top)_{ij}
# = \sum_i (JJ^\top)_{ii} = \lVert J\rVert_F^2 .$$
#
# Samples are independent, so the error of their mean falls like $1/\sqrt{\text{samples}}$.

# %%
wide = Sequential(Linear(20, 10, rng=rng, dtype=np.float64), Sigmoid())
x = rng.uniform(size=(1, 20))
caches = wide.forward(x)[1]
exact = contractive(wide, caches)[0]
samples = np.array([contractive(wide, caches, 1, rng)[0] for _ in range(4000)])
counts = 2 ** np.arange(0, 9)
errors = []
for count in counts:  # the root mean square error over separate groups
    means = samples[: len(samples) // count * count].reshape(-1, count).mean(axis=1)
    errors.append(np.sqrt(((means - exact) ** 2).mean()))
slope = np.polyfit(np.log(counts), np.log(errors), 1)[0]
print(f"exact {exact:.5f}, mean of {len(samples)} samples {samples.mean():.5f}")
print(f"the error falls like samples to the power {slope:.2f}")
assert abs(samples.mean() - exact) < 5 * samples.std() / np.sqrt(len(samples))
assert abs(slope + 0.5) < 0.2

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(4.6, 3), layout="constrained")
ax.loglog(counts, errors, "o-", markersize=3, label="measured")
ax.loglog(counts, errors[0] / np.sqrt(counts), "k:", label="1 / √samples")
ax.set(xlabel="samples", ylabel="error of the mean")
ax.legend(frameon=False)
show(ax, "05_probes")

# %% [markdown]
# ## 4. Too much contraction
#
# `measure` gives the norm, the standard deviation of the codes, and the error. As λ grows, the norm
# falls. The ratio tells whether the *shape* of the map has changed. Where the norm still falls and
# the ratio does not, only the scale shrinks, or the units have stopped responding to anything. The
# reconstruction error says which: it rises toward the error of the mean image.


# %%
def measure(model):
    s = singular_values(model.encoder, x_test)
    norm = np.sqrt((s**2).sum(axis=1)).mean()
    spread = np.sqrt(model.encode(x_test).var(axis=0).sum())
    return norm, spread, ((model(x_test) - x_test) ** 2).mean()


def trained(objective):
    model = tied_autoencoder(rng=0, code=64)
    fit(model, x_train, objective, Adam(model.params, 2e-3), EPOCHS, progress=False)
    return model


print(f"{'λ':>8}{'‖J‖':>9}{'std':>9}{'‖J‖ / std':>11}{'MSE':>9}")
for weight in (1e-5, 1e-3, 1e-1) if FAST else (1e-5, 1e-4, 1e-3, 1e-2, 1e-1):
    norm, spread, error = measure(trained(Objective(bce, contraction=weight)))
    print(f"{weight:>8g}{norm:>9.4f}{spread:>9.4f}{norm / spread:>11.4f}{error:>9.5f}")
mean_error = ((x_train.mean(axis=0) - x_test) ** 2).mean()
print(f"the mean image alone: MSE {mean_error:.5f}")
nothing_learned()

# %% [markdown]
# ## 5. The second-order penalty
#
# The objective is a sum, so its gradient is a sum. The encoder's names get the prefix `encoder.`.


# %%
def second_order(weight, sigma=0.1):
    first = Objective(bce, contraction=3e-3)

    def objective(model, x, rng):
        loss, grads, _ = first(model, x, rng)
        value, _, more = higher_order_contractive(model.encoder, x, sigma, 1, rng)
        for name, g in more.items():
            grads[f"encoder.{name}"] = grads[f"encoder.{name}"] + weight * g
        return loss + weight * value, grads, {"higher order": value}

    return objective


small = tied_autoencoder(rng=0, features=8, code=3, dtype=np.float64)
report = gradcheck(
    second_order(0.5), small, np.random.default_rng(1).uniform(size=(3, 8))
)
print(report)
assert report.ok

distances = np.logspace(-1, 1.5, 6)
print("contraction ratio, relative to a small step, r =", *distances.round(1))
for name, objective in [
    ("contraction", Objective(bce, contraction=3e-3)),
    ("+ second order", second_order(3e-2)),
]:
    some, epochs = x_train[: 100 if FAST else 1000], 1 if FAST else 4
    model = tied_autoencoder(rng=0, code=32)
    fit(model, some, objective, Adam(model.params, 2e-3), epochs, progress=False)
    ratios = contraction_ratios(model.encoder, x_test, distances)
    print(f"{name:<15}", *(f"{r:.3f}" for r in ratios / ratios[0]))
nothing_learned()

# %% [markdown]
# A curve that stays close to 1 for longer means that $J$ is nearly the same at points that are
# farther apart. That is what the term asks for: not a smaller $J$, but a $J$ that changes less.
