# %% [markdown]
# # Answers · Chapter 9, Gradient checking
#
# Try each exercise before you read its answer. Everything here takes a few seconds.

# %%
import matplotlib.pyplot as plt
import numpy as np

from tinyae import Conv2d, Linear, Sequential, Tanh
from tinyae.checking import gradcheck
from tinyae.known_bugs import with_bug
from tinyae.plots import show

rng = np.random.default_rng(0)


def cotangent(y):
    """Random signs and sizes, none of them near zero."""
    return rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1.0, 1.0], y.shape)


# %% [markdown]
# ## 1. Directions
#
# Along $u$, the derivative of $s$ is $\langle dv, u\rangle$, a single number. With random signs
# $u_i = \pm1$, the entries of $dv$ are added with random signs, so the sum is about as large as
# $\lVert dv\rVert$. An error $e$ in one entry changes it by exactly $|e|$. So a check with
# $|\langle dv,u\rangle - \text{numeric}| \le \text{rtol}\,\lVert dv\rVert$ finds the error if
# $|e| > \text{rtol}\,\lVert dv\rVert$. In a tensor with $n$ entries of similar size,
# $\lVert dv\rVert$ is $\sqrt n$ times an entry: the relative error of the entry must be larger than
# $\sqrt n$ · rtol. Entry by entry it would be rtol.

# %%
layer = Sequential(Linear(400, 250, rng=0, dtype=np.float64), Tanh())
w = layer.params["0.weight"]  # 100,000 entries
x = rng.standard_normal((4, 400))
y, cache = layer.forward(x)
dy = cotangent(y)
dw = layer.backward(dy, cache)[1]["0.weight"]


def numeric_along(u, h=6e-6):
    """The central difference of s along u: two evaluations for the whole tensor."""
    before, values = w.copy(), []
    for sign in (1, -1):
        w[...] = before + sign * h * u
        values.append((layer.forward(x)[0] * dy).sum())
        w[...] = before
    return (values[0] - values[1]) / (2 * h)


def disagreement(gradient, u):
    return abs((gradient * u).sum() - numeric_along(u))


u = rng.choice([-1.0, 1.0], w.shape)
size = np.linalg.norm(dw)
residual = disagreement(dw, u) / size
print(f"correct gradient: disagreement {residual:.0e} of its norm")
assert residual < 1e-7
typical = size / np.sqrt(w.size)
print("an error in one entry, relative to a typical entry:")
found = []
for error in (1e-1, 1e-3, 1e-5, 1e-7):
    wrong = dw.copy()
    wrong[123, 45] += error * typical
    found.append(disagreement(wrong, u) > 10 * residual * size)
    print(f"  {error:.0e} {'found' if found[-1] else 'missed'}")
assert found[0] and not found[-1]

# %% [markdown]
# ## 2. Bisection
#
# Take a direction that is 0 outside one half of the entries. If the check along it fails, the wrong
# entry is in this half, and otherwise it is in the other one. Each step halves the number of
# candidates, and $2^{17} > 100{,}000$, so 17 directions are enough. The noise gets smaller with the
# half, because $\lVert dv\rVert$ of the half does.

# %%
wrong = dw.copy()
wrong[123, 45] *= 1.01
low, high, directions = 0, w.size, 0
while high - low > 1:
    middle, u = (low + high) // 2, np.zeros(w.size)
    u[low:middle] = rng.choice([-1.0, 1.0], middle - low)
    scale = np.linalg.norm(wrong.ravel()[low:middle])
    failed = disagreement(wrong, u.reshape(w.shape)) > 1e-6 * scale
    low, high = (low, middle) if failed else (middle, high)
    directions += 1
row, column = np.unravel_index(low, w.shape)
print(f"wrong entry: ({row}, {column}), found with {directions} directions")
assert (row, column) == (123, 45) and directions <= 17

# %% [markdown]
# With two wrong entries, the first failing half is followed, and one of them is found. Correct it,
# and search again.
#
# ## 3. An error that a random cotangent hides
#
# If a wrong `backward` is linear in $dy$, it computes $B\,dy$ with some matrix $B \ne J^\top$. The
# cotangents with $B\,dy = J^\top dy$ form a subspace that is not the whole space, and a random $dy$
# is in it with probability 0. So no.
#
# If it is *not* linear, it can be right for all cotangents of ordinary size. A `backward` that
# clips $dy$ is an example. `gradcheck` compares `backward(2a − 3b)` with
# `2 backward(a) − 3 backward(b)`, and these cotangents are up to 7.5 large. A limit of 100 is out
# of its reach, as it is out of reach for every check that does not try such sizes.

# %%
points = rng.standard_normal((6, 5))
for limit in (2, 100):
    clipped = with_bug(
        Linear(5, 4, rng=0, dtype=np.float64),
        x=lambda g, dy, cache, layer, limit=limit: (
            np.clip(dy, -limit, limit) @ layer.params["weight"]
        ),
    )
    report = gradcheck(clipped, points)
    print(f"clipped at {limit}: {'passes' if report.ok else 'caught'}")
    assert report["x"].verdict == "ok"  # every derivative agrees
    assert report.ok == (limit == 100)

# %% [markdown]
# ## 4. Your own bug
#
# The windows of a convolution overlap. `conv_overlap_assigned` keeps only the last window for each
# pixel. Another wrong way is to take the *mean* of the windows instead of their sum. The checker
# sees that no constant factor fits. But the relation is simple: the quotient numeric / backward is
# an integer, it is the same for all images and channels, and it is the number of windows that cover
# the pixel.

# %%
images = rng.standard_normal((2, 1, 7, 7))
ones = Conv2d(1, 1, 3, bias=False, dtype=np.float64)
ones.params["weight"][...] = 1
covered = ones.forward(np.zeros((1, 1, 7, 7)))  # a cotangent of ones counts the windows
covered = ones.backward(np.ones_like(covered[0]), covered[1])[0]  # (1, 1, 7, 7)

averaged = with_bug(
    Conv2d(1, 2, 3, rng=0, dtype=np.float64), x=lambda g, *_: g / covered
)
report = gradcheck(averaged, images)
print(report.hints[0].text)
assert not report.ok and "no known cause fits" in report.hints[0].text


def hint_for_windows(backward, numeric, covered):
    """The missing rule: the quotient is the number of windows, for every pixel."""
    if np.allclose(backward * covered, numeric, rtol=1e-5, atol=1e-8):
        return "the windows that overlap are averaged where they must be added"
    return "no"


sound = Conv2d(1, 2, 3, rng=0, dtype=np.float64)
y, cache = sound.forward(images)
dy = cotangent(y)
right = sound.backward(dy, cache)[0]  # what the differences give
for name, backward in [
    ("averaged", averaged.backward(dy, cache)[0]),
    ("halved", right / 2),
]:
    print(f"{name}: {hint_for_windows(backward, right, covered)}")
assert hint_for_windows(right / covered, right, covered) != "no"
assert hint_for_windows(right / 2, right, covered) == "no"

# %% [markdown]
# A rule must also say no where it does not fit, or it would explain everything.
#
# ## 5. Single precision
#
# With $\varepsilon = 1.2\cdot10^{-7}$ the best step of a central difference is about
# $\varepsilon^{1/3} = 5\cdot10^{-3}$, and its error is about
# $\varepsilon^{2/3} = 2\cdot10^{-5}$ of the size of $s$. A single derivative can be much smaller
# than $s$, so its relative error is larger, and a tolerance below $10^{-3}$ or $10^{-2}$ raises
# false alarms.

# %%
net64 = Sequential(Linear(5, 4, rng=0, dtype=np.float64), Tanh())
net32 = net64.astype(np.float32)
y, cache = net64.forward(points)
dy = cotangent(y)
exact = net64.backward(dy, cache)[1]["0.weight"]


def worst_error(net, h):
    """Of the central differences with this step, relative to the largest entry."""
    dtype = net.params["0.weight"].dtype
    v, x, errors = net.params["0.weight"], points.astype(dtype), []
    for i in np.ndindex(v.shape):
        before = v[i].copy()
        v[i] = before + dtype.type(h)
        up = (net.forward(x)[0] * dy.astype(dtype)).sum()
        v[i] = before - dtype.type(h)
        down = (net.forward(x)[0] * dy.astype(dtype)).sum()
        v[i] = before
        errors.append(abs(float(up - down) / (2 * h) - exact[i]))
    return max(errors) / np.abs(exact).max()


steps = np.logspace(-9, 0, 28)
fig, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
best = {}
for name, net in [("float32", net32), ("float64", net64)]:
    errors = [max(worst_error(net, h), 1e-13) for h in steps]
    ax.loglog(steps, errors, label=name)
    best[name] = min(errors)
    at = steps[int(np.argmin(errors))]
    print(f"{name}: best step {at:.0e}, error {best[name]:.0e}")
ax.set(xlabel="step h", ylabel="worst relative error")
ax.legend(frameon=False)
show(ax, "09_single_precision")
assert best["float32"] > 1000 * best["float64"]

x32, dy32 = points.astype(np.float32), dy.astype(np.float32)
single = net32.backward(dy32, net32.forward(x32)[1])[1]["0.weight"]
rounding = np.abs(single - exact).max() / np.abs(exact).max()
print(f"backward in float32 against backward in float64: {rounding:.0e}")
assert gradcheck(net32, x32, dtype=np.float32).ok and rounding < best["float32"] / 10

# %% [markdown]
# Rounding changes `backward` by about $10^{-7}$. Differences in float32 would hide any error that
# is a hundred times larger. `gradcheck(net, x, dtype=np.float32)` compares with differences in
# float64, and then `backward` in float32 with `backward` in float64. So both tolerances can be
# small.
