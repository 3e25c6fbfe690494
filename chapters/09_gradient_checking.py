# %% [markdown]
# # 9 · Gradient checking
#
# A wrong gradient seldom crashes. The net still learns, a little worse, and nobody knows why. So every derivative in this book
# is *checked*: `backward` claims how a number changes when an entry of a tensor moves; we move that entry and look.
#
# ```
#                 x, W, b ──▶ forward ──▶ y ──▶ s = Σ y·dy           one number
#                    │                             │
#      move one entry by ±h                (s₊ − s₋) / 2h            numeric
#                                                  ‖ ?
#      dx, dW, db ◀── backward ◀── dy ─────────────┘                 analytic
# ```
#
# That much takes ten lines. The rest of this chapter is about what the ten lines get wrong: they accept some wrong gradients,
# reject some right ones, and never say *why*. At the end stands a wall of wrong gradients that people have published, each in a
# few lines, each caught and named.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from tinyae import Conv2d, Linear, ReLU, Sequential, Sigmoid, Tanh
from tinyae.checking import check_penalty, gradcheck, step_sweep
from tinyae.known_bugs import BUGS, CORRECT, Softmax, with_bug
from tinyae.plots import show

FAST = bool(os.environ.get("TINYAE_FAST"))
rng = np.random.default_rng(0)

# %% [markdown]
# ## 1. The equation
#
# For a fixed cotangent $dy$, of the shape of $y$, let $s = \sum_k y_k\,dy_k$. The derivative of $s$ by $y$ is $dy$, so for every
# entry $v$ of $x$, $W$ or $b$, `backward(dy)` must return $\partial s/\partial v$. Taylor's formula on both sides,
#
# $$s(v \pm h) = s \pm h\,s' + \tfrac{h^2}{2}s'' \pm \tfrac{h^3}{6}s''' + \dots
# \qquad\Rightarrow\qquad \frac{s(v+h)-s(v-h)}{2h} = s' + \frac{h^2}{6}s''' + \dots$$
#
# The even terms cancel: that is why the *central* difference is worth its second evaluation.
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
    """True where backward agrees with differences for x and every parameter: rtol = atol = 1e-5."""
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
half = with_bug(
    Linear(5, 4, rng=0, dtype=np.float64), weight=lambda g, *_: g / 2
)  # a bug: dW is half of what it should be
print("Linear with dW / 2:", simple_check(half, x))

# %% [markdown]
# **The check of the check.** It accepts the right layer and rejects the wrong one. `gradcheck` does the same, and adds what it
# knows about the error:

# %%
print(gradcheck(half, x))

# %% [markdown]
# ## 3. Which step? The V
#
# Rounding leaves an error of about $\varepsilon|s|$ in each $s(v\pm h)$, and dividing by $h$ magnifies it, so the whole error is
# about $\frac{h^2}{6}|s'''| + \frac{\varepsilon}{h}|s|$. Setting its derivative to zero gives
#
# $$h = \left(\frac{3\,\varepsilon\,|s|}{|s'''|}\right)^{1/3} \approx \varepsilon^{1/3} \approx 6\cdot10^{-6}
# \quad\text{for numbers of size 1; times}\ \max(1,|v|)\ \text{for larger } v .$$
#
# The same for the other rules: a one-sided difference has its best step at $\varepsilon^{1/2}$, Richardson's extrapolation
# $(4D_h - D_{2h})/3$ of two central differences, where the $h^2$ cancels too, at $\varepsilon^{1/5}$. `step_sweep` draws this
# for any target. The complex step subtracts nothing, so its V has no left arm.

# %%
net = Sequential(Linear(5, 4, rng=0), Tanh(), Linear(4, 3, rng=1), Sigmoid())
sweep = step_sweep(net, x, tensor="0.weight")
fig, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
sweep.plot(ax)
show(ax, "09_v_curve")
eps = np.finfo(float).eps
for method, power in [("forward", 2), ("central", 3), ("richardson", 5)]:
    step, error = sweep.best(method)
    print(
        f"{method:<11} best step {step:.0e} (rule of thumb {eps ** (1 / power):.0e}), error there {error:.0e}"
    )

# %% [markdown]
# **What to look at.** The right arms have the slopes 1, 2 and 4 of their truncation errors. The left arms coincide: rounding does
# not care about the formula. And the bottom is what a tolerance has to be measured against: asking for $10^{-7}$ of a
# one-sided difference is asking for luck.
#
# ## 4. A cotangent of ones hides bugs
#
# The simple check above used $dy = 1$, as most checkers in courses do. Then $s = \sum_k y_k$, and whatever leaves the *sum* of
# the outputs alone cannot be seen. The outputs of softmax sum to 1, always: with ones, the right gradient is zero. And where
# all of $dy$ is the same number, it makes no difference which one a layer takes.


# %%
def signs_and_sizes(y):
    """A random cotangent: what gradcheck uses. Never near zero, so that every output counts."""
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
    "dy ignored, ones taken": with_bug(
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
# ## 5. The tolerance that nobody chooses
#
# `atol=1e-5` above is a magic number. It is too large where gradients are small:

# %%
threefold = with_bug(Linear(5, 4, rng=0, dtype=np.float64), weight=lambda g, *_: 3 * g)
print(
    "dW three times too large, gradients of 1e-7: simple check",
    simple_check(threefold, 1e-7 * x, signs_and_sizes),
    "| gradcheck",
    gradcheck(threefold, 1e-7 * x).ok,
)

# %% [markdown]
# An absolute tolerance is needed, since a difference cannot be better than rounding lets it be. But how large that is can be
# *computed*: each output carries a relative error of a few $\varepsilon$, weighted by $dy$ and divided by $h$. With a generous
# factor,
#
# $$|\text{backward} - \text{numeric}| \le \text{rtol}\cdot\max(|\text{backward}|, |\text{numeric}|) +
# 20\,\varepsilon \sum_k |y_k\,dy_k| / h ,$$
#
# the sum running over the outputs that moved. The others contribute exact zeros, since the difference is taken output by output.
# An entry that fails is looked at again with five other steps, and the pair that agrees best decides: so a steep function
# gets a small step and a tiny gradient a large one.
#
# ## 6. Kinks
#
# ReLU has no derivative at 0. There the central difference gives the mean of both slopes, ½, and backward says 0: a correct layer
# is called wrong. How do we know a kink when we see one? By the jump between the slopes on both sides. Where the function is
# smooth, the jump is $h\,|s''|$ and falls with the step. At a kink it stays.


# %%
def jump(f, at, h):
    return abs((f(at + h) - f(at)) / h - (f(at) - f(at - h)) / h)


steps = np.logspace(-8, -1, 60)
relu = ReLU().f
cases = [
    ("ReLU at 0", relu, 0.0),
    ("ReLU at 0.0003", relu, 3e-4),
    ("tanh at 0.5", np.tanh, 0.5),
]
fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for name, f, at in cases:
    ax.loglog(steps, [max(jump(f, at, h), 1e-9) for h in steps], label=name)
ax.set(xlabel="step h", ylabel="jump between the one-sided slopes", ylim=(1e-8, 3))
ax.legend(frameon=False)
show(ax, "09_kinks")

zeros = rng.standard_normal((20, 10))
zeros[rng.random(zeros.shape) < 0.3] = 0
print(
    "ReLU, 30 % exact zeros: simple check",
    simple_check(ReLU(), zeros.copy(), signs_and_sizes),
)
print(gradcheck(ReLU(), zeros))

# %% [markdown]
# **What to look at.** The middle curve is the reason why a large step is dangerous: it reaches across the kink. A step smaller
# than the distance does not see it. So kinks a little beside the point are handled by a smaller step, kinks at the point are
# skipped *and counted*. If more than half of a tensor was skipped, nothing was shown, and the verdict is `KINKS`, not "ok".
#
# A tempting rule, "the analytic value must lie between the two slopes", is no test: $dy/2$ lies between the slopes at
# every kink.
#
# Kinks are no rare accident. Digits are mostly black, biases start at zero, so behind the first convolution many numbers are
# *exactly* zero:

# %%
pictures = np.zeros((2, 1, 10, 10))
pictures[:, :, 3:7, 4:6] = rng.random((2, 1, 4, 2))
first = Sequential(Conv2d(1, 2, 3, padding=1, rng=0), ReLU())
first[0].params["bias"][:] = 0
before_relu = first[0](pictures)
print(f"pre-activations exactly on the kink: {100 * np.mean(before_relu == 0):.0f} %")
print(gradcheck(first, pictures))

# %% [markdown]
# The biases stand on a kink, all of them. The formulas in backward are the same a little beside it, so the checker moves the
# parameters off and checks there. It does not move your inputs.
#
# ## 7. The complex step
#
# $\operatorname{Im} s(v+ih)/h = s' - \frac{h^2}{6}s''' + \dots$ needs no subtraction, so $h$ may be $10^{-30}$. Where the
# layers are analytic and do not cast, the check is exact to the last digits, and errors that no difference can see become
# visible. Where the function is not analytic the answer would be wrong without a warning, so it is refused:

# %%
slightly = with_bug(Tanh(), x=lambda g, *_: g * (1 + 1e-9))
print(
    "wrong by 1e-9: central says",
    gradcheck(slightly, x).ok,
    "| complex step says",
    gradcheck(slightly, x, method="complex", rtol=1e-11).ok,
)


def l1(z):
    return np.abs(z).sum() / len(z), np.sign(z) / len(z)


try:
    gradcheck(l1, x, method="complex")
except ValueError as error:
    print(error)

# %% [markdown]
# ## 8. From "wrong" to "why"
#
# A checker has both arrays in its hands, backward's and the numeric one. Their *relation* says what happened. Four bugs of a
# convolution, as maps of the error: the pattern is the diagnosis.


# %%
def spoilt(where):
    def spoil(g, *_):
        g = g.copy()
        g[where] = 0
        return g

    return spoil


images = rng.standard_normal((1, 1, 9, 9))
border = np.zeros((1, 1, 9, 9), bool)
border[..., [0, -1], :] = border[..., [0, -1]] = True
odd_rows = np.zeros((1, 1, 9, 9), bool)
odd_rows[:, :, 1::2] = True
convolutions = {
    "padding": with_bug(Conv2d(1, 2, 3, padding=1, rng=0), x=spoilt(border)),
    "stride": with_bug(Conv2d(1, 2, 3, stride=2, rng=0), x=spoilt(odd_rows)),
    "factor": with_bug(Conv2d(1, 2, 3, rng=0), x=lambda g, *_: 2 * g),
    "one entry": with_bug(Conv2d(1, 2, 3, rng=0), x=spoilt((0, 0, 4, 6))),
}
fig, axes = plt.subplots(1, 4, figsize=(11, 3), layout="constrained")
for ax, (name, bad) in zip(axes, convolutions.items(), strict=True):
    report = gradcheck(bad, images)
    errors = np.log10(np.maximum(report["x"].errors.reshape(9, 9), 1e-12))
    image = ax.imshow(errors, cmap="cividis", vmin=-12, vmax=0)
    ax.set(title=name, xticks=[], yticks=[])
    print(f"{name}: {report.hints[0].text}.")
fig.colorbar(image, ax=axes, label="log₁₀ relative error of dx")
show(axes[0], "09_error_maps")

# %% [markdown]
# Each hint states its evidence. Where no known relation fits every single entry, the report says so and does not guess.
#
# The relation need not be visible in one array. For *any* cotangent $c$ the numeric gradient is $J^\top c$, and the checker has
# $J$'s rows from its differences: so it can ask whether backward is right for *another* cotangent. For ones? For
# that of the first example only? For $dy$ without the activation's slope? And whether it would be right for another
# *parameter*: for $W^\top$, or a kernel turned by 180°.

# %%
for name in (
    "linear_weight_last_example",
    "linear_x_transposed_weight",
    "sigmoid_layer_slope_missing",
    "conv_x_unflipped",
):
    bug = next(b for b in BUGS if b.name == name)
    target, inputs = bug.make(0)
    print(
        f"planted: {bug.about}\nhint:    {gradcheck(target, *inputs).hints[0].text}.\n"
    )

# %% [markdown]
# ## 9. The wall of wrong gradients
#
# All of these have been published, and most of them copied many times. The collection (`tinyae.known_bugs`) restates each in a few
# lines. Each is caught.
#
# To name them, one more idea is needed. Many of these gradients are perfectly good gradients, *of another penalty*. Whose
# gradient is it? `check_penalty` compares with the numeric gradients of a list of suspects. And even without suspects it can tell
# whether backward's numbers are the gradient of anything at all: the derivative of a gradient is a matrix of second
# derivatives, hence symmetric, $u^\top H w = w^\top H u$.


# %%
def slopes(a, activation):
    h = 1 / (1 + np.exp(-a)) if activation == "sigmoid" else np.maximum(a, 0)
    return h * (1 - h)  # right for the sigmoid only


suspects = {
    "(Σ h')² ΣW², the batch is summed, then squared": lambda x, w, b: (
        (slopes(x @ w.T + b, "sigmoid").sum(axis=0) ** 2 @ (w**2).sum(axis=1)) / len(x)
    ),
    "Σ h'² (ΣW)², the weights are summed, then squared": lambda x, w, b: (
        (slopes(x @ w.T + b, "sigmoid") ** 2 @ w.sum(axis=1) ** 2).sum() / len(x)
    ),
    "Σ (h (1 − h))² ΣW² of a ReLU encoder, the sigmoid's formula": lambda x, w, b: (
        (slopes(x @ w.T + b, "relu") ** 2 @ (w**2).sum(axis=1)).sum() / len(x)
    ),
}
for bug in [b for b in BUGS if b.published]:
    target, inputs = bug.make(0)
    is_penalty = bug.name.startswith(("kl", "contraction"))
    report = (
        check_penalty(target, *inputs, others=suspects)
        if is_penalty
        else gradcheck(target, *inputs)
    )
    assert not report.ok
    print(f"- {bug.about}\n    {report.hints[0].text}.")

# %% [markdown]
# Two wrong penalties escape every gradient check, because their gradients are right: they are the gradients of the wrong
# *value*. Half of the KL divergence is negative and has no minimum where it should. And back-propagating ones does not give
# $\lVert J\rVert_F^2$, but $\lVert J^\top 1\rVert^2$, which can vanish while $J$ does not. `check_penalty` looks at the value
# too:


# %%
def half_kl(z, rho=0.1):
    r = z.mean(axis=0)
    return (rho * np.log(rho / r)).sum(), np.broadcast_to(
        -rho / r / len(z), z.shape
    ).copy()


def ones_back_propagated(encoder, caches):
    n, v = len(caches[0]), np.ones_like(caches[-1])
    g = encoder.vjp(v, caches)
    _, dx, grads = encoder.double_backward(2 * g / n, v, caches)
    return (g**2).sum() / n, dx, grads


codes, encoder = (
    rng.uniform(0.2, 0.9, (6, 4)),
    Sequential(Linear(5, 4, rng=0), Sigmoid()),
)
print(check_penalty(half_kl, codes), "\n")
print(check_penalty(ones_back_propagated, encoder, x, value="frobenius"))

# %% [markdown]
# ## 10. The experiment: who checks the checker?
#
# A checker is a program too. The only proof that it works is that it rejects what is wrong *and* accepts what is right. So we let
# it loose on a collection: planted bugs, and correct targets that look suspicious (kinks, saturation, huge and tiny numbers).
# Beside it, our ten lines with ones and with a random cotangent, on those inhabitants that are layers.


# %%
def score(check):
    """(share of bugs caught, share of correct layers rejected) among the collection's layers."""
    shares = []
    for cage in (BUGS, CORRECT):
        made = [s.make(0) for s in cage]
        layers = [
            (t, i)
            for t, i in made
            if hasattr(t, "forward") and sum(p.size for p in t.params.values()) < 2000
        ]
        shares.append(
            np.mean([not check(t, *i) for t, i in (layers[:: 4 if FAST else 1])])
        )
    return shares


def forgiving(check):
    def wrapped(*arguments):
        try:
            with np.errstate(all="ignore"):
                return check(*arguments)
        except Exception:
            return False  # it stumbles over a wrong shape or a missing name: also a way of noticing

    return wrapped


for name, check in [
    (
        "ten lines, ones",
        forgiving(lambda t, x: simple_check(t.astype(np.float64), x.astype(float))),
    ),
    (
        "ten lines, random dy",
        forgiving(
            lambda t, x: simple_check(
                t.astype(np.float64), x.astype(float), signs_and_sizes
            )
        ),
    ),
    ("gradcheck", lambda t, x: gradcheck(t, x).ok),
]:
    caught, alarms = score(check)
    print(
        f"{name:<22} bugs caught {100 * caught:3.0f} %   correct layers rejected {100 * alarms:3.0f} %"
    )

# %% [markdown]
# **What to look at.** A random cotangent costs nothing and catches what ones cannot. But neither version knows about kinks, a
# second call that returns something else, or overwritten inputs. `python benchmarks/checkers.py` prints the whole table, with
# the rules of several well-known checkers restated.
#
# ## 11. Exercises
#
# 1. **Directions.** Instead of each entry, move *all* of them along a random direction $u$: two evaluations check a whole
#    tensor. Write it, and find out how small an error in one of 100,000 entries may be before it escapes.
#    *Hint:* compare $\langle dv, u\rangle$ with the difference quotient along $u$; what does $\lVert dv\rVert$ do to rtol?
# 2. **Find it by halving.** A direction over 100,000 entries is wrong. Name the wrong entry with fewer than 40 more directions.
#    *Hint:* which half is wrong?
# 3. **An error that a random cotangent hides.** Is there a wrong backward that passes for *almost every* random $dy$?
#    *Hint:* no, if the rule is linear in $dy$; what if it is not? `gradcheck` has a rule for that.
# 4. **A bug of your own.** Plant a bug in `Conv2d` with `altered(...)` that `gradcheck` catches and cannot name. Which relation
#    between both arrays would name it?
#    *Hint:* start from `conv_overlap_assigned` in the collection.
# 5. **Half precision.** Check a net in float32, by differences in float32. What is the best step, and what tolerance can you
#    keep? Compare with `gradcheck(net, x, dtype=np.float32)`, and explain why that compares with float64 instead.
#    *Hint:* the V of section 3 with another $\varepsilon$.
