# %% [markdown]
# # 1b · When it does not learn
#
# *Needs: chapters 0 and 1. Time: about 60 minutes to read, 3 to run. On a first reading, skip the
# derivation in section 3, and section 6.*
#
# Chapter 1 went well. Yours may not: the loss does not fall, or it becomes nan, or all
# reconstructions look the same, and no error message tells you why. In this chapter we break the
# autoencoder of chapter 1 on purpose, in every way that beginners meet. Each time we look at a few
# measurements, find the cause, and repair it. At the end there is a table: what you see, where to
# look, what the cause may be, and what to change.
#
# ![Five loss curves: one falls and flattens out below the error of the mean image, one hardly
# falls, one stays far above it, one stops exactly there, and one has a validation loss that rises
# again.](figures/01b_diagram.svg)

# %%
import os
import warnings

import matplotlib.pyplot as plt
import numpy as np

from tinyae import (
    SGD,
    Adam,
    Autoencoder,
    Gaussian,
    LeakyReLU,
    Linear,
    Objective,
    ReLU,
    Sequential,
    Sigmoid,
    Tanh,
    fit,
    gradcheck,
    mse,
)
from tinyae.data import load_data, minibatches, shifts
from tinyae.layers import initialize, leaves
from tinyae.models import basic_autoencoder, deep_autoencoder
from tinyae.plots import mosaic, show
from tinyae.training import TrainingDiverged, evaluate

FAST = bool(os.environ.get("TINYAE_FAST"))
FAST_NOTE = "(fast mode: too few steps to learn anything)\n" if FAST else ""
data = load_data(os.environ.get("TINYAE_CHAPTER_DATA", "strokes"))  # or "mnist"
x_train = data.train.flat[: 640 if FAST else 3200]
x_test = data.test.flat[: 200 if FAST else 1000]
EPOCHS, BATCH = (3 if FAST else 4), 64  # 200 steps; in fast mode 30
print(data, "->", x_train.shape, x_test.shape)

# %% [markdown]
# ## 1. How to read a loss curve
#
# A loss of 0.06 says nothing by itself. Is it good or bad? We need something to compare it with.
# Three outputs need no network at all, because they are the same for every image: gray everywhere
# (what a new network with a sigmoid outputs, since $\sigma(0) = 1/2$), zeros everywhere, and the
# mean of all training images. Their errors are the **baselines**:

# %%
mean_image = x_train.mean(axis=0)
baselines = {
    "gray": ((x_test - 0.5) ** 2).mean(),
    "zeros": (x_test**2).mean(),
    "mean image": ((x_test - mean_image) ** 2).mean(),
}
for name, error in baselines.items():
    print(f"always the same output, {name:<11} mean squared error {error:.4f}")
MEAN_ERROR = baselines["mean image"]

# %% [markdown]
# On the training images, no constant output has a smaller error than the mean image. (To see it, set the derivative of
# $\sum_n (c - x_n)^2$ with respect to $c$ to zero.) So an autoencoder has learned something about
# individual images only when its loss is *below the error of the mean image*. From here on, we
# divide by this error: 1 means "no better than the mean image".
#
# Now we train with the loop of chapter 1 and keep the loss of every step, for three learning rates:


# %%
def losses_of_steps(model, optimizer, epochs):
    objective, losses = Objective(), []
    for epoch in range(epochs):
        for batch in minibatches(len(x_train), BATCH, rng=[0, epoch]):
            loss, grads, _ = objective(model, x_train[batch], None)
            optimizer.step(grads)
            losses.append(loss)
    return np.array(losses)


curves = {}
for lr in (1e-3, 1e-5, 1e-1):
    model = basic_autoencoder(rng=0)
    curves[lr] = losses_of_steps(model, Adam(model.params, lr=lr), EPOCHS)
    print(f"rate {lr:g}: {len(curves[lr])} steps, last loss {curves[lr][-1]:.4f}")


def smooth(losses, n=10):
    """The mean of the last n losses, at each step."""
    sums = np.cumsum(np.concatenate([np.zeros(n), losses]))
    count = np.minimum(np.arange(1, len(losses) + 1), n)
    return (sums[n:] - sums[:-n]) / count


# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
steps = np.arange(1, len(curves[1e-3]) + 1)
axes[0].plot(steps, curves[1e-3], ".", color="0.6", markersize=4, label="each step")
axes[0].plot(steps, smooth(curves[1e-3]), color="tab:blue", label="mean of the last 10")
axes[0].set(title="one run, rate 0.001", xlabel="step", ylabel="loss")
for lr, color in [(1e-5, "tab:green"), (1e-3, "tab:blue"), (1e-1, "tab:red")]:
    axes[1].plot(steps, smooth(curves[lr]), color=color, label=f"rate {lr:g}")
axes[1].set(title="three learning rates", xlabel="step")
for ax in axes:
    for (name, error), up in zip(baselines.items(), (True, True, False), strict=True):
        ax.axhline(error, color="0.4", linestyle="--", linewidth=0.8)
        if ax is axes[0]:
            ax.text(
                steps[-1], error * (1.02 if up else 0.98), name, color="0.4",
                ha="right", va="bottom" if up else "top", fontsize=9,
            )  # fmt: skip
    ax.set_yscale("log")
    ax.set_ylim(None, 0.3)
    ax.set_yticks([0.05, 0.1, 0.2], ["0.05", "0.1", "0.2"])
    ax.minorticks_off()
    ax.legend(frameon=False, loc="upper right", bbox_to_anchor=(1, 0.82))
show(axes, f"01b_curves_{data.name}")

# %% [markdown]
# **What to look at.** On the left, each step has its own mini-batch, so the loss jumps up and down.
# That is normal: look at the mean of several steps. Where does the curve pass the baselines, and
# does it become flatter near one of them? On the right, which curve is still at gray, and which one
# stops without ever reaching the mean image?
#
# <details><summary>Answer</summary>
#
# The network starts at gray. First it learns what is the same for all images. This is easy, because
# it needs only the biases of the last layer, and it takes few steps. Then the curve bends. From
# there on, and below the line of the mean image, the network learns what differs from image to
# image. With the rate 0.00001, the curve is still close to gray after all steps: it goes in the
# right direction, but far too slowly. With the rate 0.1, the curve drops at once to a level near
# zeros and stays there. It looks stable, but nothing is learned any more. Section 7 finds out why.
# (In fast mode there are only 30 steps, and the middle rate has not passed the mean image yet.)
#
# </details>
#
# **The first thing to do** when a loss looks wrong: take ten images, and train on them alone. Any
# network that works can reproduce ten images almost perfectly. If yours cannot, there is a bug or a
# wrong setting, and more data or more time will not help.

# %%
ten = x_train[:10]
model = basic_autoencoder(rng=0)
for steps in (0, 100) if FAST else (0, 100, 300):
    optimizer = Adam(model.params, lr=1e-3)
    fit(model, ten, Objective(), optimizer, steps, workers=1, progress=False)
    error = evaluate(model, ten)["mse"] / ((ten - ten.mean(axis=0)) ** 2).mean()
    print(f"ten images, {steps} more steps: {error:.3f} times the error of their mean")

# %% [markdown]
# ## 2. How to choose a learning rate
#
# The gradient is right for an infinitely small step. How long may a real one be? Take the simplest
# loss, $L = \tfrac12\lambda w^2$, with second derivative $\lambda$. A step of gradient descent is
#
# $$w \leftarrow w - \eta\,\lambda w = (1 - \eta\lambda)\,w .$$
#
# If $\eta$ is tiny, $w$ shrinks by the factor $1 - \eta\lambda$, which is almost 1: **too small**.
# The best rate is $\eta = 1/\lambda$. For $\eta > 2/\lambda$ the factor is below $-1$. Then each
# step jumps over the minimum and lands farther away from it, and $w$ grows without limit: **too
# large**. A network has many directions with different second derivatives, and the largest one
# decides what is too large. No one knows them in advance, so we try: the same network, the same
# number of steps, and rates that differ by factors of about 3. This is a **learning-rate sweep**.
#
# We sweep twice: for Adam, and for **SGD** (stochastic gradient descent), the plain step above. SGD
# gets **momentum** here: it moves along a running sum of the gradients, in which the older ones count
# less and less.
#
# Some of these runs will fail, so we need a version of `fit` that reports this and does not stop
# the chapter:


# %%
def train(model, optimizer, x=x_train, objective=None, epochs=EPOCHS):
    """fit, for runs that may fail: the loss of each epoch, and what fit said."""
    objective, losses, said = objective or Objective(), [np.inf], []
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        try:
            how = {"batch_size": BATCH, "workers": 1, "progress": False}
            losses = fit(model, x, objective, optimizer, epochs, **how)["loss"]
        except TrainingDiverged as error:
            said = [str(error)]
    return losses, said + [str(warning.message) for warning in caught]


def linear_output(model):
    """The same network without the sigmoid at the end."""
    return Autoencoder(model.encoder, Sequential(*model.decoder.layers[:-1]))


sweeps = {"Adam, sigmoid output": {}, "SGD, linear output": {}}
for lr in (1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1):
    model = basic_autoencoder(rng=0)
    losses, _ = train(model, Adam(model.params, lr=lr))
    sweeps["Adam, sigmoid output"][lr] = losses[-1]
    print(f"Adam {lr:7g}: loss of the last epoch {losses[-1]:.4f}")
for lr in (1e-3, 1e-2, 1e-1, 0.3, 1, 3, 10, 30, 100):
    model = linear_output(basic_autoencoder(rng=0))
    losses, _ = train(model, SGD(model.params, lr=lr, momentum=0.9))
    sweeps["SGD, linear output"][lr] = losses[-1]
    shown = f"{losses[-1]:.4f}" if np.isfinite(losses[-1]) else "not finite"
    print(f"SGD  {lr:7g}: loss of the last epoch {shown}")
for name, losses in sweeps.items():
    best = min(losses, key=losses.get)
    print(f"{name}: the lowest loss is at the rate {best:g}")
print(FAST_NOTE, end="")

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.5, 3.9), layout="constrained")
top = 0.5
for (name, losses), color in zip(
    sweeps.items(), ("tab:blue", "tab:orange"), strict=True
):
    finite = {lr: loss for lr, loss in losses.items() if loss < top}
    ax.loglog(finite.keys(), finite.values(), "o-", color=color, label=name)
    for lr, loss in losses.items():
        if loss >= top:
            ax.plot(lr, top * 0.92, "x", color=color, markersize=9, markeredgewidth=2)
            text = "nan" if not np.isfinite(loss) else "off the scale"
            ax.text(lr, top * 0.8, text, color=color, ha="center", va="top", fontsize=9)
    best = min(losses, key=losses.get)
    ax.plot(best, losses[best], "o", color=color, markersize=12, fillstyle="none")
ax.axhline(MEAN_ERROR, color="0.4", linestyle="--", linewidth=0.8)
ax.text(1e-6, MEAN_ERROR * 0.97, "mean image", color="0.4", va="top", fontsize=9)
for at, text in [((1e-6, 0.25), "too small"), ((1e-1, 0.125), "too large")]:
    ax.text(*at, text, color="tab:blue", fontsize=9)
ax.set(xlabel="learning rate", ylabel="loss after the same steps", ylim=(None, top))
ax.set_yticks([0.05, 0.1, 0.2, 0.4], ["0.05", "0.1", "0.2", "0.4"])
ax.minorticks_off()
ax.legend(frameon=False, loc="upper center")
show(ax, f"01b_sweep_{data.name}")

# %% [markdown]
# **What to look at.** Follow each curve from left to right. Where does the network hardly move,
# where is it best, and what happens to the right of that? On which side of the best rate is a
# mistake more expensive? Compare the numbers on the axis: could you have guessed the rate of one
# optimizer from the other?
#
# <details><summary>Answer</summary>
#
# On the left, both networks are still near their start. The best rate of Adam is near 0.001, within
# a factor of three, and this holds for many networks, because Adam divides by the size of the
# gradient. SGD does not divide. The loss is a mean over 784 pixels, so its gradients are small, and
# its best rate is a thousand times larger, or more. So a rate that worked with one optimizer, or
# with a sum over the pixels in place of the mean, says nothing about another.
#
# To the right of the best rate the loss rises steeply. A rate that is ten times too small costs
# time. A rate that is ten times too large costs the whole run. With a linear output, the loss
# becomes infinite or nan. With a sigmoid, the loss cannot be larger than 1, so it stops at a bad
# value instead. (In fast mode there are only 30 steps, so the lowest points are higher. The right
# ends of the curves look the same.)
#
# </details>
#
# **The rule.** Sweep in factors of 10, then of 3 around the best. Take the best rate of the sweep,
# or the next smaller one: a long run meets steeper places than a short one. If the loss still jumps
# near the end, let the rate fall during training, as `cosine_schedule` does in chapter 1.
#
# ## 3. Initialization
#
# Training begins with random weights, and their scale decides whether there is anything to train.
# Take one layer, $a_i = \sum_j W_{ij}h_j$, with $n_{\text{in}}$ inputs and independent weights with
# mean 0 and variance $v$. Then
#
# $$\operatorname{Var}(a_i) = n_{\text{in}}\;v\;\mathrm E[h^2] .$$
#
# If $h = \operatorname{ReLU}(a)$ of the layer before, and $a$ is symmetric around 0, half of the
# values are 0, and $\mathrm E[h^2] = \tfrac12\operatorname{Var}(a)$. So the variance stays the same from layer to layer if $v =
# 2/n_{\text{in}}$. This is **He initialization** (He et al. 2015). On the way back, $dh = da\,W$ is
# a sum over $n_{\text{out}}$ terms, so for the gradient, $n_{\text{out}}$ takes the place of
# $n_{\text{in}}$. **Glorot initialization**, $v = 2/(n_{\text{in}} + n_{\text{out}})$, is the
# compromise for layers whose slope is near 1 (Glorot and Bengio 2010). Any other scale multiplies
# the standard deviation by the same factor in every layer, so it grows or shrinks *exponentially*
# with depth.
#
# To see it, we measure each `Linear` layer. The function below is the loop of chapter 1 with three
# measurements. We will use it for every failure in this chapter:


# %%
def layer_by_layer(model, x):
    """Forward and backward. For each Linear layer: how much its output a varies from
    image to image, and the root mean square of da (without the factor 1/M)."""
    h, passed = x, []
    for _, layer in leaves(model):
        h, cache = layer.forward(h)
        passed.append((layer, cache, h))
    dh, variation, gradient, dead = 2 * (h - x), [], [], 0
    for layer, cache, h in reversed(passed):
        if isinstance(layer, Linear):
            variation.insert(0, h.std(axis=0).mean())
            gradient.insert(0, np.sqrt((dh**2).mean()))
        elif isinstance(layer, ReLU | LeakyReLU):
            dead += int((h == 0).all(axis=0).sum())  # units that are 0 for all images
        dh = layer.vjp(dh, cache)
    return variation, gradient, dead


def measure(name, model, x=x_test):
    """Print and return one line: is the model better than the mean image, and how
    do its outputs and gradients look?"""
    y, (_, gradient, dead) = model(x), layer_by_layer(model, x)
    error = ((y - x) ** 2).mean() / ((x - x.mean(axis=0)) ** 2).mean()
    varies = y.std(axis=0).mean() / x.std(axis=0).mean()
    brightness = y.mean() / x.mean()
    print(
        f"{name:<28}{error:>8.2f}{brightness:>11.2f}{varies:>9.3f}{dead:>7}"
        f"{gradient[0]:>11.0e}"
    )
    return error


HEAD = (
    f"{FAST_NOTE}"
    "                               error  brightness   varies   dead   gradient\n"
    "                             / mean's   / data's  / data's  units  layer 1"
)

# %% [markdown]
# The columns of `measure` mean:
#
# - *error*, divided by that of the mean image: below 1, something has been learned;
# - *brightness*: the mean pixel of the outputs, divided by that of the data: should be near 1;
# - *varies*: how much the outputs differ from image to image, divided by how much the data do: 0
#   means that all outputs are equal;
# - *dead units*: hidden units that are 0 for all images;
# - *gradient*: the size of the gradient that arrives at the first layer.
#
# Now we start the same network with He initialization, with weights a tenth as large, and with
# weights three times as large:

# %%
starts = {}
print(HEAD)
for name, gain in [("too small: He / 10", 0.1), ("He", 1), ("too large: He × 3", 3)]:
    model = basic_autoencoder(rng=0)
    initialize(model, "he", rng=0, gain=gain)
    starts[name] = layer_by_layer(model, x_test)
    measure(f"{name}, before", model)
    train(model, Adam(model.params, lr=1e-3))
    measure("    after training", model)
for name, (variation, gradient, _) in starts.items():
    print(f"{name:<19}std of a:", *(f"{v:.0e}" for v in variation))
    print(f"{'':<19}size of da:", *(f"{g:.0e}" for g in gradient))

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
for (name, (variation, gradient, _)), color in zip(
    starts.items(), ("tab:green", "tab:blue", "tab:red"), strict=True
):
    axes[0].semilogy(range(1, 7), variation, "o-", color=color, label=name)
    axes[1].semilogy(range(1, 7), gradient, "o-", color=color, label=name)
axes[0].set(title="forward: standard deviation of a", xlabel="Linear layer")
axes[1].set(title="backward: size of da", xlabel="Linear layer")
axes[1].annotate(
    "", (0.55, 0.06), (0.97, 0.06), xycoords="axes fraction",
    arrowprops={"arrowstyle": "->", "color": "0.4"},
)  # fmt: skip
axes[1].text(
    0.76, 0.09, "the gradient goes this way", color="0.4", ha="center", fontsize=9,
    transform=axes[1].transAxes,
)  # fmt: skip
axes[0].legend(frameon=False)
show(axes, f"01b_initialization_{data.name}")

# %% [markdown]
# **What to look at.** On the left, read from layer 1 to layer 6. On the right, the gradient starts
# at layer 6 and goes back to layer 1. By what factor does each layer multiply? Then compare the
# printed errors after training. Why does the start with large weights have a *small* gradient in
# layer 6?
#
# <details><summary>Answer</summary>
#
# With He initialization, both sizes stay within a factor of about twenty from the first layer to
# the last. With a tenth of the weights, each layer divides by about ten: after six layers, the
# outputs of different images agree to six digits, and almost nothing of the gradient arrives at
# layer 1. This is a **vanishing gradient**. With three times the weights, each layer multiplies by
# about three. Then $a_6$ is in the hundreds, and the sigmoid is **saturated**: its outputs are 0 or
# 1, its slope is almost 0, and the gradient is lost right at the output. The rest of it then grows
# on the way back, an **exploding gradient**. After a full training, only He is clearly below 1: on
# MNIST, over three seeds, the errors are 0.97 to 0.99, 0.32 to 0.33, and 2.8 to 3.0. (In fast mode
# the two figures look the same, but no start has learned much.)
#
# </details>
#
# `Linear` itself starts with $U(\pm 1/\sqrt{n_{\text{in}}})$, as in PyTorch. Its variance is
# $1/(3n_{\text{in}})$, a sixth of He's. This is smaller than ideal, but it works for six layers. In
# a deeper network, call `initialize(model, "he")`.
#
# ## 4. Overfitting and validation
#
# A network with a million weights can memorize a few images. Then the training loss falls, but
# other images are not reconstructed any better: **overfitting**. We can see it only on images that
# are not used for training, the **validation data**. Here is a run on very few images, and three
# attempts to do better: noise on the inputs (chapter 3 explains why this helps), shifted copies of
# the images (**augmentation**), and ten times as many images. All runs take the same number of
# steps. We look at both errors ten epochs at a time, because the loss that `fit` reports is
# measured *during* training and, in the second and third run, on changed images.

# %%
more = x_train[:2000]
few = more[: len(more) // 10]
CHUNKS = 2 if FAST else 20  # in each, 10 epochs of few or 1 epoch of more
runs = {
    f"{len(few)} images": (few, Objective(), None),
    "with noise": (few, Objective(corrupt=Gaussian(0.2, clip=False)), None),
    "with shifts": (few, Objective(), shifts(1)),
    f"{len(more)} images": (more, Objective(), None),
}
errors = {}
for name, (x, objective, augment) in runs.items():
    model, errors[name] = basic_autoencoder(rng=0), []
    optimizer = Adam(model.params, lr=1e-3)
    for chunk in range(CHUNKS):
        how = {"batch_size": 50, "rng": chunk, "workers": 1, "progress": False}
        epochs = len(more) // len(x)
        fit(model, x, objective, optimizer, epochs, augment=augment, **how)
        pair = evaluate(model, x)["mse"], evaluate(model, x_test)["mse"]
        errors[name].append([error / MEAN_ERROR for error in pair])
    training, validation = np.transpose(errors[name])
    print(
        f"{name:<12} at the end: training {training[-1]:.2f}, validation "
        f"{validation[-1]:.2f}   lowest validation {validation.min():.2f}"
    )
print(FAST_NOTE, end="")

# %% tags=["hide-input"]
fig, axes = plt.subplots(
    1, 4, figsize=(10, 3), sharex=True, sharey=True, layout="constrained"
)
for ax, (name, pairs) in zip(axes, errors.items(), strict=True):
    training, validation = np.transpose(pairs)
    steps = optimizer.steps // CHUNKS * np.arange(1, CHUNKS + 1)
    ax.plot(steps, training, color="tab:blue", label="training")
    ax.plot(steps, validation, color="tab:orange", label="validation")
    best = validation.argmin()
    ax.plot(steps[best], validation[best], "o", color="tab:orange")
    ax.set(title=name, xlabel="step")
    ax.grid(alpha=0.3)
axes[0].set(ylabel="error / mean image's", ylim=(0, None))
axes[0].legend(frameon=False)
show(axes, f"01b_overfitting_{data.name}")

# %% [markdown]
# **What to look at.** Where is the lowest point of each validation curve (the dot)? What does the
# training curve do after that? The gap between the two curves is the overfitting. Which attempt
# makes the gap smaller, and which ones also lower the dot?
#
# <details><summary>Answer</summary>
#
# After a full training with few images, the validation error is lowest early and then rises slowly,
# while the training error falls toward 0. Noise makes the gap smaller, and the validation error at
# the end is lower than without noise, but the lowest point is hardly better. Shifts lower the whole
# curve: a shifted digit is a digit that the network has not seen. Ten times as many images are by
# far the best: the validation error is still falling near the end. On MNIST, over three seeds, the
# validation errors at the end are 0.75 to 0.82, 0.66 to 0.69 with noise, 0.45 to 0.46 with shifts,
# and 0.35 to 0.36 with 2000 images. The lowest ones of the first two runs are 0.66 to 0.68 and 0.64
# to 0.65. (In fast mode there are too few steps for a gap.)
#
# </details>
#
# The cheapest help is **early stopping**: keep the weights of the epoch with the lowest validation
# loss, and stop when it has not become lower for a while. `fit` does this with `patience`:

# %%
model = basic_autoencoder(rng=0)
history = fit(
    model,
    few,
    Objective(),
    Adam(model.params, lr=1e-3),
    epochs=10 * CHUNKS,
    batch_size=50,
    validation=x_test,
    patience=20,
    workers=1,
    progress=False,
)
kept = int(np.argmin(history["val_loss"])) + 1
print(f"trained for {len(history)} epochs, kept the weights of epoch {kept}")
print(f"validation error {evaluate(model, x_test)['mse'] / MEAN_ERROR:.2f}")

# %% [markdown]
# (We have now chosen the epoch by the validation data, so the error on them is a little too good.
# For a final value that is not, keep a third part, the **test data**, and look at it once.)
#
# ## 5. Dead units
#
# A ReLU unit whose input is negative for *every* image outputs 0, has the derivative 0, and gets no
# gradient: a **dead unit**. Chapter 1 found them in the code. They come from steps that are too
# large: one step can push the bias so far down that the unit is never active again. We count them
# in the four hidden layers of a network, for two learning rates and two activations:


# %%
def with_activation(activation):
    """784-512-256-32 and back, with He initialization."""
    sizes = (784, 512, 256, 32)
    return deep_autoencoder(sizes, activation=activation, rng=0, init="he")


_, _, dead = layer_by_layer(with_activation(ReLU), x_test)
print(f"before training: {dead} dead units")
print(HEAD)
for lr, activation in [(1e-3, ReLU), (3e-3, ReLU), (3e-3, LeakyReLU)]:
    model = with_activation(activation)
    train(model, Adam(model.params, lr=lr))
    measure(f"{activation.__name__}, rate {lr:g}", model)

# %% [markdown]
# **What to look at.** There are 1,536 hidden units. How many are dead before the first step, and
# how does the number change with the learning rate? Does the error suffer?
#
# <details><summary>Answer</summary>
#
# Before training, only a few units are dead, by bad luck. After training, more are dead, and with
# the larger rate more than with the smaller one: on MNIST, over three seeds, 166 to 180, and 443 to
# 467. The layers are wide, so the error hardly suffers. It would in the code (section 7), or if
# nearly all units of one layer died. `LeakyReLU` has a small slope for negative inputs, so every
# unit keeps a gradient, and none is dead. A smaller rate helps too. (Fast mode shows the same.)
#
# </details>
#
# ## 6. float32 and float64
#
# All networks so far use float32, with about 7 decimal digits. float64 has 16. Does training need
# them? We train the same network with both, and once more with other random weights, for
# comparison:

# %%
for dtype, seed in [(np.float32, 0), (np.float64, 0), (np.float32, 1)]:
    model = basic_autoencoder(rng=seed).astype(dtype)
    losses, _ = train(model, Adam(model.params, lr=1e-3), x_train.astype(dtype))
    print(f"{dtype.__name__}, seed {seed}: losses", *(f"{v:.5f}" for v in losses))

# %% [markdown]
# Two seeds differ far more than two data types do. The gradient of a mini-batch is only an estimate
# of the gradient of all images anyway, so its eighth digit does not matter. And float32 needs half
# the memory and less time.
#
# A gradient *check* is different. It subtracts two losses that are almost equal (chapter 0, section
# 5). Here is the gradient of a small network with respect to its first weights. `backward` computes
# it, and central differences with several steps $h$, in both data types:


# %%
def central_differences(model, x, w, h):
    """dL/dw, entry by entry. Changes w in place and changes it back."""
    dw = np.zeros(w.shape)
    for i in np.ndindex(w.shape):
        old = w[i]
        w[i] = old + h
        up = mse(model(x), x)[0]
        w[i] = old - h
        dw[i] = (up - mse(model(x), x)[0]) / (2 * h)
        w[i] = old
    return dw


small = Autoencoder(
    Sequential(Linear(12, 8, rng=0), Tanh(), Linear(8, 3, rng=1)),
    Sequential(Linear(3, 8, rng=2), Tanh(), Linear(8, 12, rng=3), Sigmoid()),
)
x_small = np.random.default_rng(1).uniform(size=(6, 12)).astype(np.float32)
exact = Objective()(small.astype(np.float64), x_small.astype(np.float64), None)[1]
exact = exact["encoder.0.weight"]
print("largest error, relative to the largest entry of dW")
print("h            float32     float64")
for h in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7):
    found = []
    for dtype in (np.float32, np.float64):
        net, x = small.astype(dtype), x_small.astype(dtype)
        dw = central_differences(net, x, net.params["encoder.0.weight"], h)
        found.append(np.abs(dw - exact).max() / np.abs(exact).max())
    print(f"{h:.0e}   {found[0]:>12.0e}{found[1]:>12.0e}")
analytic = Objective()(small, x_small, None)[1]["encoder.0.weight"]
error = np.abs(analytic - exact).max() / np.abs(exact).max()
print(f"backward in float32: {error:.0e}")

# %% [markdown]
# **What to look at.** What is the smallest error that central differences can reach in each column?
# Compare it with the last line: how good is the gradient itself in float32?
#
# <details><summary>Answer</summary>
#
# In float64, the differences agree with `backward` to about eight digits. In float32 they reach two
# or three digits at best, and for small $h$ they are pure rounding: the two losses differ only in
# their last digit, or not at all. The gradient from `backward` is fine in float32, to about six
# digits, because it subtracts nothing that cancels. So an error of 1e-2 in a float32 check says
# nothing about the gradient. This is why `gradcheck` computes in float64.
#
# </details>
#
# ## 7. When an autoencoder does not learn
#
# Now the failures themselves. We collect the reconstructions of each, and its error before and
# after the repair:

# %%
labels = data.test.labels[: len(x_test)]
shown = np.concatenate([np.flatnonzero(labels == k)[:1] for k in range(10)])
rows, repaired = {"original": x_test[shown]}, {}


def case(name, model, x=x_test, scale=1):
    """Measure, and keep the reconstructions for the figure at the end."""
    rows[name] = model(x[shown]).astype(np.float32) * scale
    return measure(name, model, x)


# %% [markdown]
# ### All outputs are equal: a vanishing gradient
#
# Before 2006, networks often looked like this one: sigmoids everywhere, trained by gradient
# descent.

# %%
print(HEAD)
model = deep_autoencoder((784, 512, 256, 32), Sigmoid, rng=0, init="glorot")
measure("sigmoids, before", model)
losses, said = train(model, SGD(model.params, lr=1, momentum=0.9))
bad = case("sigmoids, SGD", model)
variation, gradient, _ = layer_by_layer(model, x_test)
model = with_activation(ReLU)
train(model, SGD(model.params, lr=1, momentum=0.9))
repaired["vanishing gradient"] = bad, case("repaired: ReLU, He", model)
print("losses:", *(f"{loss:.4f}" for loss in losses))
print("std of a, layers 1 to 6:  ", *(f"{v:.0e}" for v in variation))
print("size of da, layers 1 to 6:", *(f"{g:.0e}" for g in gradient))

# %% [markdown]
# *Diagnosis.* The loss falls to the error of the mean image and stays there. "Varies" is 0: the
# network outputs one image, whatever it is given. The last two lines tell why. The slope of a
# sigmoid is at most ¼, so each layer makes both the differences between images and the gradient
# smaller. The last layers learn the mean image, and almost no gradient reaches the first ones.
# *Repair:* ReLU with He initialization, and the same optimizer. (Or keep the sigmoids, initialize
# with `initialize(model, "glorot", gain=4)`, and use Adam. Chapter 10 returns to this.)
#
# ### All outputs are equal: a dead code
#
# Put a ReLU after the code, and suppose that its biases have become negative, in a step that was
# too large or by a wrong initialization:

# %%
start = basic_autoencoder(rng=0)
start.params["encoder.4.bias"][...] = -3
model = Autoencoder(Sequential(*start.encoder.layers, ReLU()), start.decoder)
losses, said = train(model, Adam(model.params, lr=1e-3))
print(HEAD)
bad = case("dead code", model)
dead = (model.encode(x_test) == 0).all(axis=0)
model = basic_autoencoder(rng=0)
train(model, Adam(model.params, lr=1e-3))
healthy = case("repaired: a linear code", model)
repaired["dead code"] = bad, healthy
print("losses:", *(f"{loss:.4f}" for loss in losses))
print(f"{dead.sum()} of {len(dead)} code units are 0 for all images")

# %% [markdown]
# *Diagnosis.* The same symptom, but now the gradient at layer 1 is not small: it is *exactly* 0.
# That means that somewhere a factor is exactly 0. Look at the code: all its units are dead. The
# decoder, which gets the same code for all images, can still learn the mean image through its
# biases. *Repair:* no ReLU on the code (chapter 1), biases that start at 0, or a smaller rate. More
# training does not help.
#
# ### Black images: the data have the wrong range
#
# An image of zeros is black on a screen (the figures here print 0 as white paper). The most common
# reason is the scale of the data. Pixels in files go from 0 to 255. Forget to divide, and the
# sigmoid cannot reach them. `fit` refuses this:

# %%
try:
    model = basic_autoencoder(rng=0)
    fit(model, 255 * x_train, Objective(), Adam(model.params), 1, progress=False)
except ValueError as error:
    print("ValueError:", error)

# %% [markdown]
# Now divide twice, once in the function that loads the images and once in your own code. This
# raises no error:

# %%
model = basic_autoencoder(rng=0)
losses, said = train(model, Adam(model.params, lr=1e-3), x_train / 255)
print("losses:", *(f"{loss:.7f}" for loss in losses), "   (very small!)")
print(f"largest pixel of the training data: {(x_train / 255).max():.4f}")
print(HEAD)
bad = case("pixels divided twice", model, x_test / 255)
repaired["pixels divided twice"] = bad, healthy

# %% [markdown]
# *Diagnosis.* The loss looks excellent, because all pixels are almost 0, and so is the square of
# any error. The *relative* error shows that the network is worse than the mean image. *Repair:*
# print `x.min()` and `x.max()` before every training, and look at a few images.
#
# ### Black images: a saturated output
#
# The rate 0.1 of section 1:

# %%
model = basic_autoencoder(rng=0)
losses, said = train(model, Adam(model.params, lr=0.1))
print("losses:", *(f"{loss:.4f}" for loss in losses))
print(HEAD)
bad = case("rate 0.1", model)
repaired["rate 0.1"] = bad, healthy
a = model.decoder[:-1](model.encode(x_test))  # what the sigmoid is given
y = model(x_test)
print(f"typical size of a at the output: {np.median(np.abs(a)):.0e}")
print(f"outputs below 0.001 or above 0.999: {((y < 0.001) | (y > 0.999)).mean():.1%}")
print("fit said:", *said, sep="\n")

# %% [markdown]
# *Diagnosis.* The first steps were so large that the sigmoid gets huge inputs. All its outputs are
# 0 or 1, and the same for every image: mostly black on a screen, perhaps with a few white spots.
# Its slope $\hat x(1-\hat x)$ is exactly 0 in float32, so the gradient is exactly 0, in *every*
# layer, and the network is stuck for good. `fit` notices this when an epoch has not changed the
# loss at all. *Repair:* new initial weights and a smaller rate. A smaller rate alone cannot help
# any more.
#
# ### Black pixels: the wrong output layer
#
# "Pixels are not negative, so let the output layer be a ReLU."

# %%
start = basic_autoencoder(rng=0)
relu_output = Sequential(*start.decoder.layers[:-1], ReLU())
model = Autoencoder(start.encoder, relu_output)
losses, said = train(model, Adam(model.params, lr=3e-3))
print("losses:", *(f"{loss:.4f}" for loss in losses))
print(HEAD)
bad = case("ReLU as output layer", model)
ink = x_test.mean(axis=0) > 0.05  # pixels that matter
dead = (model(x_test) == 0).all(axis=0)
print(f"always 0: {(dead & ink).sum()} of {ink.sum()} pixels that often have ink")
model = basic_autoencoder(rng=0)
train(model, Adam(model.params, lr=3e-3))
repaired["ReLU as output layer"] = bad, case("repaired: sigmoid", model)

# %% [markdown]
# *Diagnosis.* An output pixel is a unit like any other. If its ReLU is negative for all images, the
# pixel is 0 for all images and gets no gradient: a hole in every reconstruction. *Repair:* a
# sigmoid for data in [0, 1], a linear layer for any other data.
#
# ### The loss becomes infinite or nan
#
# No sigmoid at the end, and a rate from the right end of the sweep:

# %%
model = linear_output(basic_autoencoder(rng=0))
losses, said = train(model, SGD(model.params, lr=100, momentum=0.9))
print("fit said:", *said, sep="\n")
model = linear_output(basic_autoencoder(rng=0))
with np.errstate(all="ignore"):
    exploding = []
    optimizer = SGD(model.params, lr=100, momentum=0.9)
    for _ in range(4):
        loss, grads, _ = Objective()(model, x_train[:BATCH], None)
        optimizer.step(grads)
        exploding.append(loss)
print("loss of the first steps:", *(f"{loss:.3g}" for loss in exploding))
model = linear_output(basic_autoencoder(rng=0))
losses, said = train(model, SGD(model.params, lr=3, momentum=0.9))
print(HEAD)
repaired["rate 100"] = np.inf, case("repaired: rate 3", model)

# %% [markdown]
# *Diagnosis.* After a step or two, the loss multiplies by a large factor each time, as in section 2
# for $\eta > 2/\lambda$, until the largest float32 number is exceeded. Then $\infty - \infty$ is
# nan, and nan spreads to every weight in one step. The message of `fit` names the step and the
# place. *Repair:* a smaller rate. If a few rare batches cause it in the middle of a run, limit the
# gradient: `SGD(..., clip_norm=1)`. If it happens in the first step, look for nan in the data, or
# for a division by 0 or a logarithm of 0 in your own code.
#
# ### The loss falls, but not far: a wrong gradient
#
# Here is a linear layer whose author lost a minus sign, on the way to the layer below. We put it
# right after the code:


# %%
class LostSign(Linear):
    def backward(self, dy, x):
        dx, grads = super().backward(dy, x)
        return -dx, grads


def with_first_decoder_layer(model, layer):
    return Autoencoder(model.encoder, Sequential(layer, *model.decoder.layers[1:]))


model = with_first_decoder_layer(basic_autoencoder(rng=0), LostSign(32, 256, rng=1))
losses, said = train(model, Adam(model.params, lr=1e-3))
print("losses:", *(f"{loss:.4f}" for loss in losses))
print(HEAD)
bad = case("a lost sign", model)
repaired["a lost sign"] = bad, healthy

# the same layer in a small network
wrong = Sequential(Linear(6, 4, rng=0), LostSign(4, 3, rng=1), Linear(3, 6, rng=2))
print(gradcheck(wrong, np.random.default_rng(0).normal(size=(5, 6))))

# %% [markdown]
# *Diagnosis.* This failure is the hardest to notice, because the loss falls at first. The decoder
# has the right gradient and learns the mean image, but the encoder moves uphill. No measurement
# above proves it: the gradients are neither 0 nor huge. `gradcheck` does. Read its report from the
# output back to the input: the tensors of layer 2 and layer 1 are right, and everything before is
# wrong. So the mistake is where layer 1 passes the gradient on. The hint names it: the sign.
# *Repair:* the line that the hint names. Check every layer that you write *before* you train it.
#
# ## 8. All failures together

# %% tags=["hide-input"]
images = np.concatenate(list(rows.values()))
fig, ax = plt.subplots(figsize=(6, 0.42 * len(rows)), layout="constrained")
ax.imshow(mosaic(images, columns=10, fill=0.0), cmap="gray_r", vmin=0, vmax=1)
ax.set_yticks(30 * np.arange(len(rows)) + 14, list(rows))
ax.set_xticks([])
ax.tick_params(length=0)
show(ax, f"01b_failures_{data.name}")

# %%
print("error / that of the mean image     broken   repaired")
for name, (before, after) in repaired.items():
    text = f"{before:.2f}" if np.isfinite(before) else "not finite"
    print(f"{name:<32}{text:>10}{after:>10.2f}")
print(FAST_NOTE, end="")

# %% [markdown]
# **What to look at.** Which rows show the mean image, which one is empty, and which one has holes?
# Can you tell by the images alone why two rows show the mean image?
#
# <details><summary>Answer</summary>
#
# No. Images and losses show *that* something is wrong. The dead code and the vanishing gradient
# give the same mean image, and the lost sign gives something very similar. Only the measurements
# inside the network (a small gradient, one that is exactly 0, a gradient that `gradcheck` reports as wrong)
# tell the causes apart. (In fast mode, the repaired networks have not learned much, either. The
# failures look almost as they do after a full training.)
#
# </details>
#
# Keep this table for later. Each row was produced above, in the section whose number is in
# parentheses:
#
# | what you see | look at | likely cause (section) | what to change |
# |---|---|---|---|
# | the loss falls very slowly | the baselines; a sweep | rate too small (1, 2) | 10 times the rate |
# | the loss stays too high, or rises | a sweep | rate too large (2, 7) | a tenth of the rate |
# | the loss is nan | the first steps; what `fit` says | rate too large (2, 7) | a tenth of the rate, `clip_norm` |
# | all outputs equal, a tiny gradient | std of $a$ and size of $da$, layer by layer | vanishing gradient: small weights, sigmoids (3, 7) | ReLU, He initialization |
# | all outputs equal, the gradient is 0 | units that are 0 for all images | dead code (5, 7) | a linear code, smaller rate |
# | black images, a tiny loss | `x.max()`; loss / that of the mean image | data divided twice (7) | scale to [0, 1] |
# | black images, perhaps with white spots, the gradient is 0 | $a$ at the output | saturated output: rate or weights too large (3, 7) | start again: new weights, smaller rate |
# | some pixels always black | pixels that are always 0 | ReLU as output layer (7) | a sigmoid, or a linear layer |
# | training falls, validation rises | both curves | overfitting (4) | early stopping, more data, shifts, noise |
# | the loss falls, but not far | `gradcheck` | wrong gradient (7) | what its hint names |
# | a gradient check fails at 1e-2 | the data type | float32 (6) | float64 |
#
# ## Exercises
#
# Answers: [answers/01b_when_it_does_not_learn.py](answers/01b_when_it_does_not_learn.py)
#
# 1. **The largest rate.** For $L = \tfrac12\lambda w^2$ with momentum $\mu$, the steps $u
#    \leftarrow \mu u + \lambda w$, $w \leftarrow w - \eta u$ converge if $\eta < 2(1+\mu)/\lambda$.
#    Show this, and check it numerically. *Hint: write both steps as a 2 × 2 matrix. At the limit,
#    one of its eigenvalues is $-1$.*
# 2. **A deeper network.** Measure how much $a$ differs from image to image in networks with 2, 4, 8
#    and 16 hidden layers of 100 units, with the default weights of `Linear` and with He
#    initialization. Predict the factor per layer first. *Hint: compare the variances $1/(3n)$ and
#    $2/n$.*
# 3. **All units start equal.** Set all weights of the basic autoencoder to the same value, 0.002,
#    and train with the rate 0.0001. What happens in training, and why can no step repair it? *Hint:
#    compare two rows of $dW$.*
# 4. **A bias for each pixel.** Before training, set the bias of the last layer so that the
#    untrained network outputs about the mean image. After which epoch is the loss now below the
#    error of the mean image? *Hint: $\sigma^{-1}(p) = \log\frac{p}{1-p}$, with $p$ clipped to
#    $[0.01, 0.99]$.*
# 5. **Which one is it?** Write `diagnose(model, x)`, which returns one of `"dead"`, `"saturated"`,
#    `"vanishing"` and `"healthy"`, and try it on a failure of each kind. *Hint: use
#    `layer_by_layer`; what is exactly 0 in which case?*
#
# **You can now** read a loss curve against its baselines, choose a learning rate and initial
# weights, recognize overfitting and dead units, and find out why an autoencoder does not learn.
#
# **Next:** chapter 2 uses the fact that neighboring pixels belong together.
#
# **In the real world:** every training run of a large network is watched with measurements like
# these: rates are swept and lowered (Smith, *Cyclical learning rates for training neural networks*,
# 2017), loss spikes and their causes are written up (Zhang et al., *OPT: open pre-trained
# transformer language models*, 2022), and weights are scaled by depth and width (He et al.,
# *Delving deep into rectifiers*, 2015; Glorot and Bengio, *Understanding the difficulty of training
# deep feedforward neural networks*, 2010). Float16 and bfloat16 save half the memory again, with a
# scaled loss (Micikevicius et al., *Mixed precision training*, 2018).
