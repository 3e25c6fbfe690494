# %% [markdown]
# # Exercise 20 · A gradient checker of your own
#
# *Chapter 9. 10 points. About two hours.*
#
# Write `check(layer, x)`. It returns `True` if the gradients of `layer` at `x` are right, and
# `False` if one of them is wrong. The grader tries it on the collection of known bugs, and on right
# layers that look suspicious. It must catch the bugs *and* accept the right layers.
#
# Everything that is to be checked looks like a layer:
#
# - `y, cache = layer.forward(x)`. `y` can be any array; for a loss it is a single value.
# - `dx, grads = layer.backward(dy, cache)`, where `dy` has the shape of `y`.
# - `layer.params` is a dictionary. `grads` must have the same keys. You may write into the arrays,
#   `layer.params["weight"][0, 1] += h`, or replace them, as in
#   `layer.params["weight"] = layer.params["weight"].astype(np.float64)`.
#
# Nothing else tells you what is inside: the layer itself runs in the grader's process.
# Each call costs about 0.2 ms. There are ten seconds for each layer, and the layers have up to 400
# entries. tinyae's own checker refuses to work here.
#
# For any $dy$, `backward` must return the gradient of $s = \sum_k y_k\,dy_k$:
# $$\frac{\partial s}{\partial v} \approx \frac{s(v + h) - s(v - h)}{2h}$$
# for each entry $v$ of `x` and of the parameters. These ten lines of chapter 9 are the easy part.
# The rest of the work is in these questions:
#
# | points | question |
# |---|---|
# | 6 | One point for each family of layers: the fraction of the bugs that are caught, minus the fraction of the right layers that are rejected. 0.95 gives the whole point, 0.5 or less gives nothing. |
# | 1 | *random dy*: which wrong gradients look right if `dy` is all ones? |
# | 1 | *tolerance*: gradients can be as small as $10^{-8}$. How large may an error be? |
# | 1 | *kinks*: what if a step crosses the kink of ReLU? |
# | 1 | *every entry*: a single wrong entry counts. |
#
# A layer can also misbehave: it can keep something between calls, change its arguments, forget a
# gradient, or return one of the wrong shape, dtype or name. An exception in your function counts
# as `False`.

# %%
import matplotlib.pyplot as plt
import numpy as np

from tinyae.course.checker_score import score_function


# %% nbgrader={"grade": false, "grade_id": "checker-solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
def check(layer, x):
    """Whether the gradients of a layer are right."""
    ### BEGIN SOLUTION
    arrays = {"x": x.astype(float)}  # float32 is too coarse for differences
    for name, w in layer.params.items():
        layer.params[name] = arrays[name] = w.astype(float)
    y, cache = layer.forward(arrays["x"])
    rng = np.random.default_rng(0)
    shape = (2, *y.shape)
    dy, other = rng.uniform(0.5, 1.5, shape) * rng.choice([-1, 1], shape)
    before = {name: a.copy() for name, a in arrays.items()} | {"dy": dy.copy()}

    def backward(dy):
        dx, grads = layer.backward(dy, cache)
        return {name: np.array(g) for name, g in [("x", dx), *grads.items()]}

    # What a layer may not do
    grads, again = backward(dy), backward(dy)
    if grads.keys() != arrays.keys():
        return False
    for name, g in grads.items():
        if (
            g.shape != arrays[name].shape
            or g.dtype != float
            or not np.isfinite(g).all()
        ):
            return False
    sums, others = backward(dy + other), backward(other)
    for name, g in grads.items():
        scale = np.abs(g).max() + np.abs(others[name]).max()
        if not np.array_equal(g, again[name]):
            return False  # it depends on the calls before
        if np.abs(sums[name] - g - others[name]).max() > 1e-12 * scale:
            return False  # it is not linear in dy
    y_again, _ = layer.forward(arrays["x"])
    if not np.array_equal(y_again, y) or y.dtype != float:
        return False
    if any(
        not np.array_equal(a, before[name]) for name, a in [*arrays.items(), ("dy", dy)]
    ):
        return False

    # Differences
    for name, a in arrays.items():
        for direction in directions(a, rng):
            if not agrees(layer, arrays, a, direction, grads[name], y, dy):
                return False
    return True


EPS = np.finfo(float).eps


def directions(a, rng, most=500):
    """Each entry. Of many entries some, and two directions that move all of them."""
    entries = np.arange(a.size) if a.size <= most else rng.permutation(a.size)[:100]
    for i in entries:
        yield (np.arange(a.size) == i).astype(float).reshape(a.shape)
    if a.size > most:
        yield rng.choice([-1.0, 1.0], a.shape)
        yield rng.choice([-1.0, 1.0], a.shape)


def agrees(layer, arrays, a, direction, g, y, dy):
    """Whether g has the right slope along a direction, as far as differences can tell."""
    slope = float((g * direction).sum())
    start, size = a.copy(), np.sqrt((a * a).mean())

    def moved(t):
        a[...] = start + t * direction
        try:
            return layer.forward(arrays["x"])[0]
        except ValueError:  # outside of the domain
            return np.nan
        finally:
            a[...] = start

    def sides(h):
        """The slope to the right and the slope to the left."""
        return np.array([(dy * (moved(h) - y)).sum(), (dy * (y - moved(-h))).sum()]) / h

    def fits(value, noise):
        error = abs(value - slope)
        tolerance = 1e-5 * max(abs(value), abs(slope)) + 1e-7 * np.abs(g).max()
        return error <= tolerance + noise, error

    rounding = EPS * (20 * np.abs(dy * y).sum() + size * np.abs(g).sum())
    h = 2**-17 * max(size, 1)
    is_right, gap = fits(sides(h).mean(), rounding / h)
    if is_right:
        return True
    # Was the step too large? A smaller one decides, if its noise is smaller than the gap.
    for h in (2**-23 * (size or 1), 2**-29 * (size or 1)):
        h = 2.0 ** np.round(np.log2(h))  # so that start + h is exact
        both, half = sides(h), sides(h / 2)
        noise = 4 * rounding / h
        if np.isnan(both).any() or noise > 0.5 * gap:
            continue
        if fits((4 * half.mean() - both.mean()) / 3, noise)[0]:
            return True
        bend = 1e-4 * np.abs(both).max() + noise
        if abs(both[0] - both[1]) > bend and np.abs(both - half).max() <= bend:
            return True  # a kink: there is nothing to compare with
    return False


### END SOLUTION

# %% [markdown]
# ## Check it yourself
#
# First on two families. The table also says which bugs were missed, and gives hints.

# %% tags=["check"]
print(score_function(check, ["linear", "activations"]))

# %% [markdown]
# Now all of them, compared with the ten lines of chapter 9. Aim for 0.95 or more in each family.
# On the command line, `tinyae zoo score 20_checker.py` does the same in a process of its own, and
# with a few layers that have thousands of entries.


# %% tags=["check"]
def ten_lines(layer, x, h=6e-6):
    y, cache = layer.forward(x)
    dx, grads = layer.backward(np.ones_like(y), cache)
    for v, dv in [(x, dx), *((layer.params[name], grads[name]) for name in grads)]:
        for i in np.ndindex(v.shape):
            before = v[i]
            v[i] = before + h
            up = layer.forward(x)[0].sum()
            v[i] = before - h
            down = layer.forward(x)[0].sum()
            v[i] = before
            if not np.isclose((up - down) / (2 * h), dv[i], rtol=1e-5):
                return False
    return True


scores = {"yours": score_function(check), "ten lines": score_function(ten_lines)}
for name, result in scores.items():
    print(f"{name}: {result.total.score:.2f}")
fig, ax = plt.subplots(figsize=(6, 2.8), layout="constrained")
for i, (name, result) in enumerate(scores.items()):
    places = np.arange(len(result.families)) + 0.4 * i
    ax.bar(places, [f.score for f in result.families], 0.4, label=name)
ax.set_xticks(places - 0.2, [f.name for f in result.families], fontsize=7)
ax.set(ylabel="caught − rejected", ylim=(0, 1))
ax.legend()

# %% nbgrader={"grade": true, "grade_id": "checker-grade", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
from tinyae.course import grade_names

result = grade_names(globals(), "checker")
print(result)
result.score
### END HIDDEN TESTS
