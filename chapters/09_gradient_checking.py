# %% [markdown]
# # 9 · Gradient checking
#
# *Needs: chapter 0; sections 8 and 9 mention penalties of chapters 4 and 5. Time: about 60 minutes
# to read, less than 1 to run. On a first reading, skip sections 7 and 11.*
#
# A wrong gradient rarely causes a crash. The model still learns, a little worse, and nobody knows
# why. That is why every derivative in these chapters is *checked*. `backward` claims to know how an
# output value changes when an entry of a tensor moves. We move that entry and look.
#
# ![Above: the values move by h and the outputs change, which gives the numeric derivative. Below:
# backward gives the analytic one. Both are compared.](figures/09_diagram.svg)
#
# A basic check takes ten lines. The rest of this chapter is about what these ten lines get wrong:
# they accept some wrong gradients, reject some correct ones, and never say *why* a gradient is
# wrong. There is also a collection of wrong gradients that people have published. Each takes only a
# few lines, and the checker catches each one. The last section goes from checked to exact.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinyae import Conv2d, Layer, Linear, ReLU, Sequential, Sigmoid, Tanh
from tinyae.checking import check_penalty, gradcheck, show_report, step_sweep
from tinyae.known_bugs import BUGS, CORRECT, Softmax, with_bug
from tinyae.plots import show

FAST = bool(os.environ.get("TINYAE_FAST"))
rng = np.random.default_rng(0)

# %% [markdown]
# ## 1. The equation
#
# Take a fixed cotangent $dy$ with the shape of $y$, and let $s = \sum_k y_k\,dy_k$. The derivative
# of $s$ with respect to $y$ is $dy$. So for every entry $v$ of $x$, $W$ or $b$, `backward(dy)` must
# return $\partial s/\partial v$. By Taylor's formula on both sides,
#
# $$s(v \pm h) = s \pm h\,s' + \tfrac{h^2}{2}s'' \pm \tfrac{h^3}{6}s''' + \dots
# \qquad\Rightarrow\qquad \frac{s(v+h)-s(v-h)}{2h} = s' + \frac{h^2}{6}s''' + \dots$$
#
# The even terms cancel. That is why the *central* difference is worth a second evaluation.
#
# ## 2. Ten lines


# %%
def numeric_gradient(layer, x, v, dy, h=6e-6):
    dv = np.zeros_like(v)
    for i in np.ndindex(v.shape):
        before = v[i]
        v[i] = before + h
        up = (layer.forward(x)[0] * dy).sum()
        v[i] = before - h
        down = (layer.forward(x)[0] * dy).sum()
        v[i] = before
        dv[i] = (up - down) / (2 * h)
    return dv


def simple_check(layer, x, cotangent=np.ones_like):
    """True if backward agrees with finite differences, for x and all parameters."""
    y, cache = layer.forward(x)
    dy = cotangent(y)
    dx, grads = layer.backward(dy, cache)
    tensors = {"x": (x, dx)} | {
        name: (v, grads[name]) for name, v in layer.params.items()
    }
    return all(
        np.allclose(dv, numeric_gradient(layer, x, v, dy), rtol=1e-5, atol=1e-5)
        for v, dv in tensors.values()
    )


x = rng.standard_normal((6, 5))
layer = Linear(5, 4, rng=0, dtype=np.float64)
print("Linear:            ", simple_check(layer, x))
# a bug: dW is half of what it should be
half = with_bug(Linear(5, 4, rng=0, dtype=np.float64), weight=lambda g, *_: g / 2)
print("Linear with dW / 2:", simple_check(half, x))

# %% [markdown]
# **Checking the check.** It accepts the correct layer and rejects the wrong one. `gradcheck` does
# the same, and it also describes the error:

# %%
show_report(gradcheck(half, x))

# %% [markdown]
# ## 3. Which step size? The V curve
#
# Rounding causes an error of about $\varepsilon|s|$ in each $s(v\pm h)$, and dividing by $h$
# magnifies it. So the total error is about $\frac{h^2}{6}|s'''| + \frac{\varepsilon}{h}|s|$.
# Setting the derivative of this total with respect to $h$ to zero gives
#
# $$h = \left(\frac{3\,\varepsilon\,|s|}{|s'''|}\right)^{1/3}
# \approx \varepsilon^{1/3} \approx 6\cdot10^{-6}$$
#
# if all quantities are of size 1. For larger $v$, multiply this step by $\max(1,|v|)$.
#
# The other methods can be treated in the same way. The best step of a one-sided difference is about
# $\varepsilon^{1/2}$. Richardson extrapolation combines two central differences,
# $(4D_h - D_{2h})/3$, so that the $h^2$ term cancels too, and its best step is about
# $\varepsilon^{1/5}$. `step_sweep` measures the error for any target, and `sweep.plot()` draws the
# V-shaped curves of chapter 0 for it. The complex step does not subtract anything, so its curve has
# no left arm.

# %%
net = Sequential(Linear(5, 4, rng=0), Tanh(), Linear(4, 3, rng=1), Sigmoid())
sweep = step_sweep(net, x, tensor="0.weight")
eps = np.finfo(float).eps
for method, power in [("forward", 2), ("central", 3), ("richardson", 5)]:
    step, error = sweep.best(method)
    rule = eps ** (1 / power)
    print(
        f"{method:<11} best step {step:.0e} (rule of thumb {rule:.0e}), "
        f"error {error:.0e}"
    )

# %% [markdown]
# In this small network, everything is of size 1. Now we measure the error of the *central*
# difference where it is not. All three functions have the form $s(v) = m + \tanh(cv)$. In the
# second one, $s'''$ is large, and in the third one, $|s|$ is. We know their derivatives, so we can
# compare the rule of thumb with the best step of the formula above.


# %%
def central_errors(c, m, h):
    """For s = m + tanh(c v) at v = 1/(2c): the relative error, and the best step."""
    v, t = 0.5 / c, np.tanh(0.5)
    slope, third = c * (1 - t * t), c**3 * (1 - t * t) * (6 * t * t - 2)
    numeric = (np.tanh(c * (v + h)) + m - (np.tanh(c * (v - h)) + m)) / (2 * h)
    best = (3 * eps * abs(m + t) / abs(third)) ** (1 / 3)
    return np.abs(numeric - slope) / slope, best


functions = {"tanh(v)": (1, 0), "tanh(10⁴ v)": (1e4, 0), "10⁷ + tanh(v)": (1, 1e7)}
rule = eps ** (1 / 3)
for name, (c, m) in functions.items():
    best = central_errors(c, m, rule)[1]
    print(
        f"{name:<14} error with the rule's step {central_errors(c, m, rule)[0]:.0e}, "
        f"with the best step, {best:.0e}: {central_errors(c, m, best)[0]:.0e}"
    )

# %% tags=["hide-input"]
steps = np.logspace(-12, -1, 111)
fig, ax = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
for name, (c, m) in functions.items():
    errors, best = central_errors(c, m, steps)
    errors = np.where(errors < 0.5, np.maximum(errors, eps), np.nan)
    (line,) = ax.loglog(steps, errors, ".-", markersize=3, linewidth=0.8, label=name)
    ax.axvline(best, color=line.get_color(), linestyle=":", linewidth=1.2)
ax.axvline(rule, color="k", linestyle="--", linewidth=1)
ax.axhline(1e-5, color="gray", linewidth=0.8)
ax.text(rule, 2e-13, r"rule of thumb, $\varepsilon^{1/3}$ ", ha="right")
ax.text(1.2e-9, 1.4e-5, "a tolerance of 1e-5", color="gray")
ax.set(xlabel="step h", ylabel="relative error of the central difference")
ax.set_ylim(1e-13, 1)
ax.set_title("One step does not fit every function", loc="left", fontsize=11)
ax.legend(frameon=False, loc="lower right")
show(ax, "09_v_curve")

# %% [markdown]
# **What to look at.** Each dotted line is the best step of the formula, for the curve of the same
# color. Does it meet the bottom of its V? On which arm of each curve does the rule of thumb (dashed)
# lie? Which correct gradients would fail a check with this step and a tolerance of $10^{-5}$? And in
# the table of methods: what is the smallest tolerance that makes sense for each of them?
#
# <details><summary>Answer</summary>
#
# The dotted lines meet the bottoms, up to the jumps of the rounding error. The rule of thumb is
# right for the first function only. For the second it lies on the right arm: the step is so large
# that the curvature counts. For the third it lies on the left arm: $s$ is so large that rounding
# counts. Both errors are above $10^{-5}$, so a fixed step and a fixed tolerance would reject two
# correct gradients. Section 5 shows what `gradcheck` does about it.
#
# The bottom of the V is the best accuracy that a method can reach, and a tolerance must not be
# smaller than that. If a check with a one-sided difference passes with a tolerance of $10^{-9}$,
# this is luck.
#
# </details>
#
# ## 4. A cotangent of ones hides bugs
#
# The simple check above used $dy = 1$, like most checkers in courses. Then $s = \sum_k y_k$, so the
# check cannot see anything that leaves the *sum* of the outputs unchanged. The outputs of softmax
# always sum to 1, so with ones the correct gradient is zero. And if all entries of $dy$ are equal,
# the check cannot notice that a layer uses the wrong ones.


# %%
def signs_and_sizes(y):
    """A random cotangent, as in gradcheck. No entry is near zero: all outputs count."""
    r = np.random.default_rng(1)
    return r.uniform(0.5, 1.5, y.shape) * r.choice([-1.0, 1.0], y.shape)


order = [1, 2, 0, 3]
wrong = {
    "softmax with dx = 0": with_bug(Softmax(), x=lambda g, *_: 0 * g),
    "columns of dy permuted": with_bug(
        Linear(5, 4, rng=0, dtype=np.float64),
        weight=lambda g, *_: g[order],
        bias=lambda g, *_: g[order],
    ),
    "dy ignored, ones used": with_bug(
        Linear(5, 4, rng=0, dtype=np.float64),
        weight=lambda g, dy, x, _: np.ones_like(dy).T @ x,
    ),
}
for name, bad in wrong.items():
    verdicts = [
        f"{'passes' if simple_check(bad, x, c) else 'caught'} with {w}"
        for w, c in (("ones", np.ones_like), ("a random dy", signs_and_sizes))
    ]
    print(f"{name:<24} {verdicts[0]:<18} {verdicts[1]}")

# %% [markdown]
# ## 5. The choice of tolerance
#
# The `atol=1e-5` above is a magic number. It is too large where gradients are small:

# %%
threefold = with_bug(Linear(5, 4, rng=0, dtype=np.float64), weight=lambda g, *_: 3 * g)
print("dW three times too large, gradients of about 1e-7")
print("  simple check passes:", simple_check(threefold, 1e-7 * x, signs_and_sizes))
print("  gradcheck passes:   ", gradcheck(threefold, 1e-7 * x).ok)

# %% [markdown]
# An absolute tolerance is necessary, because a finite difference cannot be more accurate than
# rounding allows. But we can *compute* how accurate it is: each output has a relative error of a
# few $\varepsilon$, which is weighted by $dy$ and divided by $h$. With a generous factor,
#
# $$|\text{backward} - \text{numeric}| \le
# \text{rtol}\cdot\max(|\text{backward}|, |\text{numeric}|) +
# 20\,\varepsilon \sum_k |y_k\,dy_k| / h ,$$
#
# where the sum runs over the outputs that changed. The other outputs contribute exact zeros,
# because the checker subtracts output by output. If an entry fails, the checker tries five other
# steps, and the pair of steps that agrees best decides. So a steep function gets a small step, and
# a tiny gradient gets a large one.
#
# ## 6. Kinks
#
# ReLU does not have a derivative at 0. There the central difference gives the mean of the two
# one-sided slopes, ½, but `backward` returns 0, so a correct layer would be called wrong. How can
# we recognize a kink? We look at the jump between the two one-sided slopes. Where the function is
# smooth, the jump is $h\,|s''|$, and it decreases with the step. At a kink it does not.


# %%
def jump(f, at, h):
    return abs((f(at + h) - f(at)) / h - (f(at) - f(at - h)) / h)


relu = ReLU().f
cases = {
    "ReLU at 0": (relu, 0.0),
    "ReLU at 0.0003": (relu, 3e-4),
    "tanh at 0.5": (np.tanh, 0.5),
}
print("jump of the slopes   h = 1e-1   h = 1e-3   h = 1e-5")
for name, (f, at) in cases.items():
    print(f"{name:<16}", *(f"{jump(f, at, h):>10.1e}" for h in (1e-1, 1e-3, 1e-5)))

# %% tags=["hide-input"]
fig = plt.figure(figsize=(8.5, 6.4), layout="constrained")
named = fig.subplot_mosaic("ABC;DDD", height_ratios=(1, 1.3))
steps = np.logspace(-8, -1, 60)
for panel, (name, (f, at)), h, color in zip(
    "ABC", cases.items(), (6e-4, 6e-4, 0.3), ("tab:blue", "tab:orange", "tab:green"),
    strict=True,
):  # fmt: skip
    u, ends = np.linspace(at - 2 * h, at + 2 * h, 201), np.array([at - h, at, at + h])
    named[panel].plot(u, f(u), color=color)
    named[panel].plot(ends, f(ends), "ko--", markersize=4, linewidth=1)
    below, above = np.diff(f(ends)) / h
    title = f"{name}, h = {h:g}\nslopes {below:.2f} and {above:.2f}"
    named[panel].set_title(title, fontsize=10)
    named[panel].set_xticks(ends, ["v − h", "v", "v + h"])
    jumps = [max(jump(f, at, h), 1e-9) for h in steps]
    named["D"].loglog(steps, jumps, color=color, label=name)
named["D"].set(xlabel="step h", ylabel="jump between the one-sided slopes")
named["D"].set_ylim(1e-8, 3)
named["D"].legend(frameon=False)
show(named["D"], "09_kinks")

# %%
zeros = rng.standard_normal((20, 10))
zeros[rng.random(zeros.shape) < 0.3] = 0
passes = simple_check(ReLU(), zeros.copy(), signs_and_sizes)
print("ReLU, 30 % exact zeros: simple check passes:", passes)
show_report(gradcheck(ReLU(), zeros))

# %% [markdown]
# **What to look at.** The upper row shows the three functions (in color) and the two chords whose
# slopes are compared. In which panels do the slopes differ, and why? Below: which curve falls with
# the step, which one stays, and what does the sudden drop of the second one mean?
#
# <details><summary>Answer</summary>
#
# In the first panel, the kink is at the point itself. The slopes are 0 and 1 for every step, and
# the jump never falls. In the third panel, the function is smooth: the jump falls in proportion to
# the step, until rounding takes over. The second panel shows why a large step is dangerous: it
# reaches across the kink. A step that is smaller than the distance to the kink does not, so the
# jump drops to zero there.
#
# </details>
#
# So if the kink is near the point, the checker uses a smaller step. If the kink is at the point
# itself, the checker skips the entry *and counts it*. If more than half of a tensor was skipped, the
# check has not shown anything, and the verdict is `KINKS`, not "ok".
#
# There is a tempting rule: "the analytic value must be between the two slopes". But it is not a
# valid test, because $dy/2$ is between the two slopes at every kink.
#
# Kinks are common. Most pixels of a digit are black, and biases start at zero, so after the first
# convolution many values are *exactly* zero:

# %%
images = np.zeros((2, 1, 10, 10))
images[:, :, 3:7, 4:6] = rng.random((2, 1, 4, 2))
first = Sequential(Conv2d(1, 2, 3, padding=1, rng=0), ReLU())
first[0].params["bias"][:] = 0
before_relu = first[0](images)
print(f"pre-activations exactly at the kink: {100 * np.mean(before_relu == 0):.0f} %")
show_report(gradcheck(first, images))

# %% [markdown]
# Both biases are at a kink. The formulas in `backward` are the same a little to the side, so the
# checker moves the parameters slightly and checks there. It does not move your inputs.
#
# ## 7. The complex step
#
# The formula $\operatorname{Im} s(v+ih)/h = s' - \frac{h^2}{6}s''' + \dots$ needs no subtraction,
# so $h$ can be as small as $10^{-30}$. If the layers are analytic and do not cast their inputs, the
# check is accurate almost to the last digit, and it finds errors that are too small for any
# difference. If the function is not analytic, the result would be wrong without a warning, so the
# checker refuses:

# %%
slightly = with_bug(Tanh(), x=lambda g, *_: g * (1 + 1e-9))
print("relative error of 1e-9")
print("  central difference passes:", gradcheck(slightly, x).ok)
report = gradcheck(slightly, x, method="complex", rtol=1e-11)
print("  complex step passes:      ", report.ok)


def l1(z):
    return np.abs(z).sum() / len(z), np.sign(z) / len(z)


try:
    gradcheck(l1, x, method="complex")
except ValueError as error:
    print(error)

# %% [markdown]
# ## 8. From "wrong" to "why"
#
# A checker has both arrays: the gradient from `backward` and the numeric one. Their *relation*
# shows what went wrong. Here are error maps for four bugs of a convolution. The pattern is the
# diagnosis.


# %%
def zeroed(where):
    """A bug: the gradient is zero at these places."""

    def change(g, *_):
        g = g.copy()
        g[where] = 0
        return g

    return change


images = rng.standard_normal((1, 1, 9, 9))
border = np.zeros((1, 1, 9, 9), bool)
border[..., [0, -1], :] = border[..., [0, -1]] = True
odd_rows = np.zeros((1, 1, 9, 9), bool)
odd_rows[:, :, 1::2] = True
convolutions = {
    "padding": with_bug(Conv2d(1, 2, 3, padding=1, rng=0), x=zeroed(border)),
    "stride": with_bug(Conv2d(1, 2, 3, stride=2, rng=0), x=zeroed(odd_rows)),
    "factor": with_bug(Conv2d(1, 2, 3, rng=0), x=lambda g, *_: 2 * g),
    "one entry": with_bug(Conv2d(1, 2, 3, rng=0), x=zeroed((0, 0, 4, 6))),
}
reports = {name: gradcheck(bad, images) for name, bad in convolutions.items()}
for name, report in reports.items():
    print(f"{name}: {report.hints[0].text}.")

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 4, figsize=(11, 3), layout="constrained")
for ax, (name, report) in zip(axes, reports.items(), strict=True):
    errors = np.log10(np.maximum(report["x"].errors.reshape(9, 9), 1e-12))
    image = ax.imshow(errors, cmap="cividis", vmin=-12, vmax=0)
    ax.set(title=name, xticks=[], yticks=[])
fig.colorbar(image, ax=axes, label="log₁₀ relative error of dx")
show(axes, "09_error_maps")

# %% [markdown]
# Each hint states its evidence. If no known relation fits every entry, the report says so and does
# not guess.
#
# Sometimes the relation is not visible in one array alone. For *any* cotangent $c$ the numeric
# gradient is $J^\top c$, and the checker knows the rows of $J$ from its finite differences. So it
# can test whether `backward` is correct for *another* cotangent. For ones? For the cotangent of the
# first example only? For $dy$ without the derivative of the activation? It can also test whether
# `backward` would be correct for another *parameter*: for $W^\top$, or for a kernel rotated by
# 180°.

# %%
for name in (
    "linear_weight_last_example",
    "linear_x_transposed_weight",
    "sigmoid_layer_slope_missing",
    "conv_x_unflipped",
):
    bug = next(b for b in BUGS if b.name == name)
    target, inputs = bug.make(0)
    report = gradcheck(target, *inputs)
    print(f"planted: {bug.about}\nhint:    {report.hints[0].text}.\n")

# %% [markdown]
# Many mistakes are one wrong step of the chain rule: a path is left out, or an inner derivative is
# forgotten. A layer follows the dtype of its data, so `forward` also runs on numbers that note
# every operation. From these notes the checker knows forward's own chain rule. It makes one step of
# it wrong on purpose, at each place and in each of the usual ways, and looks for a gradient that
# equals the one from `backward` in every entry, for two draws of the data. So the hint can quote
# the expression:


# %%
class UnitRows(Layer):
    """y = x / ‖x‖, row by row."""

    def forward(self, x):
        norm = np.sqrt((x**2).sum(axis=1, keepdims=True))
        return x / norm, norm

    def backward(self, dy, norm):
        return dy / norm, {}  # wrong: the norm depends on x, too


show_report(gradcheck(UnitRows(), x))

# %% [markdown]
# ## 9. Published wrong gradients
#
# All of the following gradients have been published, and most of them have been copied many times.
# The collection of known bugs (`tinyae.known_bugs`) restates each one in a few lines. The checker
# catches all of them.
#
# To name the mistakes, we need one more idea. Many of these gradients are correct gradients, but
# *of another penalty*. Of which one? `check_penalty` compares `backward` with the numeric gradients
# of a list of candidates. Even without candidates, it can tell whether the output of `backward` is
# the gradient of anything at all. The derivative of a gradient is a matrix of second derivatives,
# so it is symmetric: $u^\top H w = w^\top H u$.


# %%
def derivative(a, activation):
    h = 1 / (1 + np.exp(-a)) if activation == "sigmoid" else np.maximum(a, 0)
    return h * (1 - h)  # correct for the sigmoid only


candidates = {
    "(Σ h')² ΣW² (the batch is summed, then squared)": lambda x, w, b: (
        (derivative(x @ w.T + b, "sigmoid").sum(axis=0) ** 2 @ (w**2).sum(axis=1))
        / len(x)
    ),
    "Σ h'² (ΣW)² (the weights are summed, then squared)": lambda x, w, b: (
        (derivative(x @ w.T + b, "sigmoid") ** 2 @ w.sum(axis=1) ** 2).sum() / len(x)
    ),
    "Σ (h (1 − h))² ΣW² (sigmoid formula, ReLU encoder)": lambda x, w, b: (
        (derivative(x @ w.T + b, "relu") ** 2 @ (w**2).sum(axis=1)).sum() / len(x)
    ),
}
for bug in [b for b in BUGS if b.published]:
    target, inputs = bug.make(0)
    is_penalty = bug.name.startswith(("kl", "contraction"))
    report = (
        check_penalty(target, *inputs, others=candidates)
        if is_penalty
        else gradcheck(target, *inputs)
    )
    assert not report.ok
    print(f"- {bug.about}\n    {report.hints[0].text}.")

# %% [markdown]
# Two wrong penalties pass every gradient check, because their gradients are correct: they are the
# gradients of the wrong *value*. One of them is a KL divergence with only the first of its two
# terms. It can be negative, and its minimum is not where it should be. The other one is the penalty
# that backpropagates ones. It does not give $\lVert J\rVert_F^2$, but $\lVert J^\top 1\rVert^2$,
# which can be zero even if $J$ is not. `check_penalty` also looks at the value:


# %%
def half_kl(z, rho=0.1):
    r = z.mean(axis=0)
    dz = np.broadcast_to(-rho / r / len(z), z.shape).copy()
    return (rho * np.log(rho / r)).sum(), dz


def ones_backpropagated(encoder, caches):
    n, v = len(caches[0]), np.ones_like(caches[-1])
    g = encoder.vjp(v, caches)
    _, dx, grads = encoder.double_backward(2 * g / n, v, caches)
    return (g**2).sum() / n, dx, grads


codes = rng.uniform(0.2, 0.9, (6, 4))
encoder = Sequential(Linear(5, 4, rng=0), Sigmoid())
show_report(check_penalty(half_kl, codes))
show_report(check_penalty(ones_backpropagated, encoder, x, value="frobenius"))

# %% [markdown]
# ## 10. The experiment: who checks the checker?
#
# A checker is a program too. It works if it rejects what is wrong *and* accepts what is correct. So
# we test it on the collection of known bugs, and on correct targets that look suspicious (kinks,
# saturation, very large and very small values). For comparison, we run our ten lines, with ones and
# with a random cotangent, on the entries of the collection that are layers.


# %%
def score(check):
    """The fraction of bugs caught and the fraction of correct layers rejected."""
    fractions = []
    for examples in (BUGS, CORRECT):
        made = [example.make(0) for example in examples]
        layers = [
            (target, inputs)
            for target, inputs in made
            if hasattr(target, "forward")
            and sum(p.size for p in target.params.values()) < 2000
        ]
        layers = layers[:: 4 if FAST else 1]
        rejected = [not check(target, *inputs) for target, inputs in layers]
        fractions.append(np.mean(rejected))
    return fractions


def errors_reject(check):
    """The same check, but an exception counts as a rejection."""

    def wrapped(*arguments):
        try:
            with np.errstate(all="ignore"):
                return check(*arguments)
        except Exception:
            return False  # a wrong shape or a missing name, for example

    return wrapped


def with_ones(layer, x):
    return simple_check(layer.astype(np.float64), x.astype(float))


def with_random_dy(layer, x):
    return simple_check(layer.astype(np.float64), x.astype(float), signs_and_sizes)


for name, check in [
    ("ten lines, ones", errors_reject(with_ones)),
    ("ten lines, random dy", errors_reject(with_random_dy)),
    ("gradcheck", lambda layer, x: gradcheck(layer, x).ok),
]:
    caught, alarms = score(check)
    print(
        f"{name:<22} bugs caught {100 * caught:3.0f} %   "
        f"correct layers rejected {100 * alarms:3.0f} %"
    )

# %% [markdown]
# **What to look at.** How many more bugs does a random cotangent catch than ones, with the same ten
# lines? What do the ten lines still miss, and which correct layers do they reject?
#
# <details><summary>Answer</summary>
#
# A random cotangent costs nothing and catches bugs that ones cannot catch: section 4 shows which.
# But neither version handles kinks, so both reject correct layers. And neither notices when a
# second call returns something different, or when inputs are overwritten.
#
# </details>
#
# `python benchmarks/checkers.py` prints the whole table, including the rules of several well-known
# checkers.
#
# ## 11. From checked to exact
#
# A central difference leaves an error of about $10^{-10}$, and the complex step leaves one of about
# $10^{-16}$. Can we do without any error?
#
# **Dual numbers.** Calculate with $a + b\,\varepsilon$, where $\varepsilon^2 = 0$. Then
# $f(a + b\,\varepsilon) = f(a) + f'(a)\,b\,\varepsilon$: the second part carries the derivative.
# There is no step, and nothing is subtracted. Python needs two operations and one rule for each
# function, and NumPy calls them for every entry of an array of objects:


# %%
class Dual:
    """a + b ε with ε² = 0."""

    def __init__(self, a, b=0.0):
        self.a, self.b = a, b

    def __add__(self, other):
        other = other if isinstance(other, Dual) else Dual(other)
        return Dual(self.a + other.a, self.b + other.b)

    def __mul__(self, other):
        other = other if isinstance(other, Dual) else Dual(other)
        return Dual(self.a * other.a, self.a * other.b + self.b * other.a)

    __radd__, __rmul__ = __add__, __mul__

    def tanh(self):
        y = np.tanh(self.a)
        return Dual(y, (1 - y * y) * self.b)


net = Sequential(Linear(5, 4, rng=0, dtype=np.float64), Tanh())
u, dy = rng.standard_normal((6, 5)), rng.standard_normal((6, 4))
y = net.forward(np.vectorize(Dual, otypes=[object])(x, u))[0]
ju = np.vectorize(lambda number: number.b)(y)  # J u, along the direction u
dx, _ = net.backward(dy, net.forward(x)[1])
print(f"Σ (J u)·dy = {(ju * dy).sum():.16f}")
print(f"Σ u·dx     = {(u * dx).sum():.16f}")

# %% [markdown]
# Both numbers are $u^\top J^\top dy$. They agree up to rounding, and rounding is a matter of
# digits. `gradcheck(..., method="dual")` takes 50 digits, so its tolerance can be $10^{-40}$. One
# random direction $u$ checks a whole tensor. It must not depend on $x$ or $dy$: for $u = dy$, a
# transposed Jacobian would pass, because $dy^\top J\,dy = dy^\top J^\top dy$.
#
# **Integers.** Some layers only add and multiply: a linear layer, a convolution, a transposed
# convolution. They also run on Python's integers, which have no rounding at all:

# %%
w, x_, u_, dy_ = (
    rng.integers(-(2**61), 2**61, shape).astype(object)
    for shape in [(4, 5), (6, 5), (6, 5), (6, 4)]
)
left, right = ((u_ @ w.T) * dy_).sum(), (u_ * (dy_ @ w)).sum()
print(left)
print(right, "equal" if left == right else "different")

# %% [markdown]
# Suppose that a `backward` is wrong. Then the difference of the two sides is a polynomial in all of
# these integers, and it is not the zero polynomial. Its degree $d$ is small (three here). By the
# lemma of Schwartz and Zippel, a polynomial of degree $d$ that is not zero is zero at a random
# point, with each coordinate one of $N$ values, with a probability of at most $d/N$. With $N$ about
# $2^{61}$, one equality *proves* the gradient, up to a probability of about $10^{-18}$.
# `method="exact"` does this if the target is a polynomial. Otherwise, it uses dual numbers:

# %%
show_report(gradcheck(Linear(5, 4, rng=0), x, method="exact"))
show_report(gradcheck(net, x, method="exact"))

# %% [markdown]
# All methods for one layer: how far apart are `backward` and the reference, and does the method
# find a planted relative error of $10^{-12}$?

# %%
layer, planted = (Linear(5, 4, rng=0, dtype=np.float64) for _ in range(2))
planted = with_bug(planted, weight=lambda g, *_: g * (1 + 1e-12))
limits = {"forward": 1e-6, "central": 1e-6, "richardson": 1e-6, "complex": 1e-13}
print("method      residual   tolerance  finds 1e-12")
for method, rtol in (limits | {"dual": 1e-40, "exact": 1e-40}).items():
    report = gradcheck(layer, x, method=method, rtol=rtol)
    residual = max(tensor.worst for tensor in report.tensors)
    found = not gradcheck(planted, x, method=method, rtol=rtol).ok
    print(f"{method:<11} {residual:8.0e}   {rtol:9.0e}  {'yes' if found else 'no'}")

# %% [markdown]
# **What to look at.** Does the residual depend on the layer or on the method? Which methods find an
# error of $10^{-12}$? For which inputs does each line show that the gradient is right?
#
# <details><summary>Answer</summary>
#
# The residual is a property of the method, not of the layer. *Checked* means: right up to this
# residual, at the points that were tried. *Proven* is only what the last line shows: an identity of
# polynomials, for all inputs and parameters. Dual numbers are exact too, but at one point and along
# one direction. A ReLU, a tanh or a loss with a logarithm is not a polynomial, so its gradient
# stays checked: to 50 digits.
#
# </details>
#
# ## Conclusion
#
# A gradient check compares two numbers, and everything else is about when this comparison can be
# trusted: the cotangent must be random, the step and the tolerance must fit each other, kinks must
# be recognized, and a wrong gradient should be described and not only rejected.
#
# ## Exercises
#
# Answers: [answers/09_gradient_checking.py](answers/09_gradient_checking.py)
#
# 1. **Directions.** Instead of moving each entry, move *all* of them along a random direction $u$,
#    so that two evaluations check a whole tensor. Write this check, and find out how small an error
#    in one of 100,000 entries can be before the check misses it. *Hint:* compare
#    $\langle dv, u\rangle$ with the difference quotient along $u$. How does $\lVert dv\rVert$
#    affect rtol?
# 2. **Bisection.** The check along a direction over 100,000 entries fails. Find the wrong entry
#    with fewer than 40 more directions. *Hint:* which half is wrong?
# 3. **An error that a random cotangent hides.** Is there a wrong backward that passes for *almost
#    every* random $dy$? *Hint:* no, if it is linear in $dy$. What if it is not? `gradcheck` has a
#    rule for that.
# 4. **Your own bug.** Use `with_bug(...)` to plant a bug in `Conv2d` that `gradcheck` catches but
#    cannot name. Which relation between the two arrays would name it? *Hint:* start from
#    `conv_overlap_assigned` in the collection.
# 5. **Single precision.** Check a network in float32, with differences in float32. What is the best
#    step, and what tolerance can you use? Compare with `gradcheck(net, x, dtype=np.float32)`, and
#    explain why it compares with float64 instead. *Hint:* the V curve of section 3 with another
#    $\varepsilon$.
#
# - Graded: [Exercise 20 · A gradient checker of your own](exercises/20_checker.py), `tinyae exercise start checker`
# - Graded: [Exercise 21 · A bug hunt: eight wrong gradients](exercises/21_bug_hunt.py), `tinyae exercise start bug_hunt`
# - Graded: [Exercise 22 · Project: an objective of your own](exercises/22_project.py), `tinyae exercise start project`
#
# **You can now** check any gradient, choose the step and the tolerance, read an error map, and say
# what a check has shown and what it has not.
#
# **Next:** chapter 10 goes back to 2006 and asks why deep autoencoders did not learn.
#
# **In the real world:** every framework tests its layers in this way (`torch.autograd.gradcheck`,
# `jax.test_util.check_grads`). Aircraft are designed with derivatives by the complex step (Martins,
# Sturdza and Alonso, *The complex-step derivative approximation*, 2003), and dual numbers are how
# forward-mode automatic differentiation works (Baydin et al., *Automatic differentiation in machine
# learning: a survey*, 2018).
