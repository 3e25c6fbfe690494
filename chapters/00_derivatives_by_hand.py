# %% [markdown]
# # 0 · Derivatives by hand
#
# *Needs: derivatives, matrix products and a little NumPy. Time: about 45 minutes to read, less than
# 1 to run. On a first reading, skip sections 5 and 6.*
#
# A neural network is a chain of simple functions, called **layers**. A layer contains values that
# can be adjusted, its **weights**. One more function compares the output of the network with the
# output that we want, the **target**. Its result is a single value, the **loss**. To make the loss
# smaller, we need to know how it changes with each weight. Libraries such as PyTorch compute these
# derivatives automatically. Here we derive them with pen and paper, write them in a few lines of
# NumPy, and then *check* them: we change a weight slightly and watch how the loss changes.
#
# This diagram shows the whole chapter. Values flow to the right, and derivatives flow back to the
# left. Linear, $\sigma$ and MSE are the three kinds of functions that we will meet:
#
# ![Values go forward in black from x through two linear layers and two sigmoids to the loss L.
# Gradients come back in red, from 1 to dx, and each linear layer also gives dW and
# db.](figures/00_diagram.svg)
#
# **One convention for all chapters.** Let the loss $L$ depend on an array $v$. Then $dv$ is the
# array of the derivatives of $L$ with respect to the entries of $v$:
# $(dv)_{ij} = \partial L / \partial v_{ij}$. The symbol $\partial$ denotes the ordinary derivative
# with respect to one entry, while all other entries stay fixed. So $dv$ always has the same shape
# as $v$. It is called the **gradient** of $L$ with respect to $v$.
#
# We write a small *change* of $v$ as $\delta v$. If one entry changes by $\delta v_{ij}$, then $L$
# changes by about $dv_{ij}\,\delta v_{ij}$. If all entries change, the effects add up:
#
# $$\delta L = \sum_{ij} dv_{ij}\,\delta v_{ij} = \langle dv, \delta v\rangle .$$
#
# The angle brackets denote the **inner product**: multiply two arrays entry by entry, and add up
# the products. The equation holds *to first order*, which means: we drop all terms that contain a
# product of two small changes. Everything below uses this equation as the definition of $dv$: it is
# the array whose inner product with *every* small change $\delta v$ gives the change of $L$.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np

import tinyae
from tinyae.checking import gradcheck, show_report
from tinyae.plots import show

rng = np.random.default_rng(0)

# %% [markdown]
# ## 1. One weight
#
# Start with scalars. The input is $x$, the weights are $w$ and $b$, and the target is $t$:
# $a = wx + b$, $y = \sigma(a) = 1/(1+e^{-a})$, $L = (y-t)^2$. The function $\sigma$ is called the
# **sigmoid**. It maps any value to the range from 0 to 1. The chain rule multiplies the
# derivatives, starting at the loss and working back to the input:
#
# $$dy = 2(y-t), \qquad da = dy\,\sigma'(a), \qquad dw = da\,x, \qquad db = da,
# \qquad dx = da\,w .$$
#
# For the derivative of the sigmoid, let $u = e^{-a}$, so $du/da = -u$. Then $y = \dfrac{1}{1+u}$
# and $1-y = \dfrac{u}{1+u}$, and the chain rule gives
#
# $$\sigma'(a) = -\frac{1}{(1+u)^2}\cdot(-u) = \frac{1}{1+u}\cdot\frac{u}{1+u} = y\,(1-y) .$$
#
# So the derivative can be computed from the *output* alone. We will use this fact: on the way back,
# the code only has to remember $y$.
#
# The next cell computes these values. Its last line compares $dw$ with a **central difference**: it
# moves $w$ up and down by $h$ and divides the change of $L$ by $2h$. Here are the values in the
# graph of the computation:
#
# ![The values w x = 1.2, a = 0.9, y = 0.711 and L = 0.0836 on the edges of the graph, and below
# them in red the gradients dy, da, dw, db and dx.](figures/00_one_weight.svg)


# %%
def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def loss_of(w, x=1.5, b=-0.3, t=1.0):
    return (sigmoid(w * x + b) - t) ** 2


x, w, b, t = 1.5, 0.8, -0.3, 1.0
y = sigmoid(w * x + b)  # forward
dy = 2 * (y - t)  # backward
da = dy * y * (1 - y)
dw = da * x

h = 1e-5
print(f"by hand             dw = {dw:.10f}")
print(f"central difference  dw = {(loss_of(w + h) - loss_of(w - h)) / (2 * h):.10f}")

# %% [markdown]
# ## 2. A matrix of weights: the linear layer
#
# A network processes many examples at once, such as $N$ images. Each example is a *row* of $x$, so
# $x$ has shape $(N, \text{in})$. The weight matrix $W$ has shape $(\text{out}, \text{in})$, and $b$
# has shape $(\text{out},)$. NumPy adds $b$ to each row. The layer computes
#
# $$y = xW^\top + b, \qquad\text{entry by entry}\qquad y_{ni} = \sum_j x_{nj} W_{ij} + b_i .$$
#
# We are given $dy$, which has shape $(N, \text{out})$, and we want $dW$, $db$ and $dx$. We derive
# them in two ways.
#
# **With indices.** The weight $W_{ij}$ contributes to $y_{ni}$ for every example $n$, and there it
# is multiplied by $x_{nj}$. If $W_{ij}$ changes by $\delta$, each of these $y_{ni}$ changes by
# $x_{nj}\,\delta$, and $L$ changes by $\sum_n dy_{ni}\,x_{nj}\,\delta$. So the contributions of all
# paths from $W_{ij}$ to $L$ are added:
#
# $$dW_{ij} = \sum_n dy_{ni}\,\frac{\partial y_{ni}}{\partial W_{ij}}
# = \sum_n dy_{ni}\,x_{nj} = (dy^\top x)_{ij},\qquad
# dx_{nj} = \sum_i dy_{ni}\,W_{ij} = (dy\,W)_{nj},\qquad db_i = \sum_n dy_{ni} .$$
#
# The sum over the examples in $dW$ is part of the matrix product, so the code needs no explicit
# sum. Here are two examples with three inputs and two outputs:
#
# ![Row 2 of x times column 1 of W transposed gives the entry 5 of y. Row 1 of dy transposed times
# column 3 of x gives the entry 2 of dW.](figures/00_matrix.svg)
#
# **With differentials.** This derivation needs no indices. Let $x$, $W$ and $b$ change a little. To
# first order, $\delta y = \delta x\,W^\top + x\,\delta W^\top + \mathbf 1\,\delta b^\top$. (Here
# $\mathbf 1$ is a column of $N$ ones, so the last term has the row $\delta b^\top$ for each
# example.) We use the **trace**, the sum of the diagonal entries of a square matrix. It has three
# properties: $\operatorname{tr}(A^\top B) = \langle A, B\rangle$,
# $\operatorname{tr}(AB^\top) = \langle A, B\rangle$, and
# $\operatorname{tr}(ABC) = \operatorname{tr}(CAB)$. For the term with $\delta W$, the first two
# properties give
#
# $$\langle dy,\, x\,\delta W^\top\rangle = \operatorname{tr}\big((dy^\top x)\,\delta W^\top\big)
# = \langle dy^\top x,\ \delta W\rangle .$$
#
# By definition, the factor next to $\delta W$ is $dW$, so $dW = dy^\top x$. For the term with
# $\delta x$, we also need the third property:
#
# $$\langle dy,\, \delta x\,W^\top\rangle = \operatorname{tr}(dy^\top\,\delta x\,W^\top)
# = \operatorname{tr}(W^\top dy^\top\,\delta x) = \langle dy\,W,\ \delta x\rangle .$$
#
# So $dx = dy\,W$. In the same way as for $\delta W$, the last term gives $db = dy^\top\mathbf 1$,
# the sum of the rows of $dy$.
#
# **With shapes.** $dW$ must have shape $(\text{out}, \text{in})$. The only product of $dy$, with
# shape $(N, \text{out})$, and $x$, with shape $(N, \text{in})$, that has this shape is $dy^\top x$.
# This is a good way to remember the formula, but it is not a proof: shapes cannot reveal a missing
# factor of 2, and if $\text{in} = \text{out}$ they cannot reveal a missing transpose.


# %%
def linear_forward(x, W, b):
    return x @ W.T + b  # (N, in) (in, out) -> (N, out)


def linear_backward(dy, x, W):
    dx = dy @ W  # (N, out) (out, in) -> (N, in)
    dW = dy.T @ x  # (out, N) (N, in) -> (out, in)
    db = dy.sum(axis=0)  # (out,)
    return dx, dW, db


# %% [markdown]
# **The check.** Take any scalar that depends on $y$. The simplest one is $s = \langle dy, y\rangle$
# with some fixed array $dy$, because its derivative with respect to $y$ is $dy$ itself. Now change
# every entry of $x$, $W$ and $b$ up and down, one entry at a time:


# %%
def numerical_gradient(f, v, h=1e-5):
    """ds/dv for a scalar s = f() that depends on the array v. Changes v in place."""
    dv = np.zeros_like(v)
    for i in np.ndindex(v.shape):
        old = v[i]
        v[i] = old + h
        up = f()
        v[i] = old - h
        down = f()
        v[i] = old
        dv[i] = (up - down) / (2 * h)
    return dv


def worst(by_hand, numerical):
    """The largest absolute difference, relative to the largest entry."""
    return np.abs(by_hand - numerical).max() / np.abs(numerical).max()


N, n_in, n_out = 4, 3, 2
x, W, b = (
    rng.normal(size=(N, n_in)),
    rng.normal(size=(n_out, n_in)),
    rng.normal(size=n_out),
)
dy = rng.normal(size=(N, n_out))

dx, dW, db = linear_backward(dy, x, W)
for name, v, dv in [("x", x, dx), ("W", W, dW), ("b", b, db)]:
    error = worst(
        dv, numerical_gradient(lambda: (linear_forward(x, W, b) * dy).sum(), v)
    )
    print(f"d{name}  shape {dv.shape!s:<7} worst relative error {error:.0e}")

# %% [markdown]
# ## 3. Elementwise functions and the loss
#
# An elementwise function $y_{ni} = f(x_{ni})$ acts on each entry separately, so there is only one
# path from each entry to $L$: $dx_{ni} = dy_{ni}\,f'(x_{ni})$, an elementwise product. For the
# sigmoid, $dx = dy * y * (1-y)$.
#
# The last step is the **mean squared error** (MSE). If the output has $D$ values for each of the
# $N$ examples, it has $M = N\cdot D$ entries, and
#
# $$L = \frac1M\sum_{ni}(y_{ni}-t_{ni})^2, \qquad dy = \frac{2}{M}\,(y-t) .$$
#
# The factor $1/M$ appears only here. Every later step of the backward pass multiplies $dy$ by
# something, so all gradients contain the factor. No other layer has to know that the loss is a
# mean.
#
# ## 4. A network with two layers
#
# Now connect the pieces. `forward` also returns the values that `backward` will need, in a tuple
# called the **cache**. Read `backward` from top to bottom and `forward` from bottom to top: their
# lines match one to one. Each line of `backward` needs only the result of an earlier line, the
# weights and the cache.


# %%
def forward(x, t, W1, b1, W2, b2):
    a = linear_forward(x, W1, b1)
    h = sigmoid(a)
    c = linear_forward(h, W2, b2)
    y = sigmoid(c)
    L = ((y - t) ** 2).mean()
    return L, (x, h, y)


def backward(cache, t, W1, W2):
    x, h, y = cache
    dy = 2 * (y - t) / y.size
    dc = dy * y * (1 - y)
    dh, dW2, db2 = linear_backward(dc, h, W2)
    da = dh * h * (1 - h)
    dx, dW1, db1 = linear_backward(da, x, W1)
    return dx, dW1, db1, dW2, db2


x, t = rng.normal(size=(5, 6)), rng.uniform(size=(5, 6))
W1, b1, W2, b2 = (rng.normal(size=shape) for shape in [(4, 6), (4,), (6, 4), (6,)])

L, cache = forward(x, t, W1, b1, W2, b2)
gradients = backward(cache, t, W1, W2)
for name, v, dv in zip(
    ["x", "W1", "b1", "W2", "b2"], [x, W1, b1, W2, b2], gradients, strict=True
):
    error = worst(dv, numerical_gradient(lambda: forward(x, t, W1, b1, W2, b2)[0], v))
    print(f"d{name:<2}  shape {dv.shape!s:<7} worst relative error {error:.0e}")

# %% [markdown]
# The backward pass is only five lines of calculus, and each derivative agrees with the central
# difference to many digits. But float64, NumPy's usual data type, has about sixteen digits, and not
# all of them agree. Is the remaining difference an error in our derivatives, or in the central
# difference?
#
# ## 5. How small should the step be?
#
# By Taylor's formula, the forward and the central difference are
#
# $$\frac{f(x+h)-f(x)}{h} = f' + \frac h2 f'' + \dots, \qquad
# \frac{f(x+h)-f(x-h)}{2h} = f' + \frac{h^2}{6}f''' + \dots$$
#
# so a smaller $h$ should be better. But the computer rounds each value of $f$. The relative error
# is about $\varepsilon \approx 2\cdot 10^{-16}$ (`np.finfo(float).eps`), so the absolute error is
# about $\varepsilon|f|$. The two values of $f$ are almost equal, so their difference is tiny, but
# the rounding error is as large as before. Then it is divided by $h$. A smaller $h$ makes one error
# smaller and the other one larger. Take $f = e^x$, for which $f = f' = f'' = f'''$. Then the
# relative errors are about
#
# $$\text{forward: } \frac h2 + \frac\varepsilon h, \qquad
# \text{central: } \frac{h^2}{6} + \frac\varepsilon h .$$
#
# Setting the derivative with respect to $h$ to zero gives the best steps,
# $h = (2\varepsilon)^{1/2}$ and $h = (3\varepsilon)^{1/3}$. With the best step, the forward
# difference is correct to about half of all digits, and the central difference to about two thirds.
#
# ## 6. The complex step
#
# There is a way to avoid the subtraction: take a step in the *imaginary* direction, with
# $i^2 = -1$.
#
# $$f(x+ih) = f + ih f' - \frac{h^2}{2}f'' - \dots \qquad\Rightarrow\qquad
# \frac{\operatorname{Im} f(x+ih)}{h} = f' - \frac{h^2}{6}f''' + \dots$$
#
# The imaginary part contains the derivative and not $f$ itself, so nothing has to be subtracted. We
# can take $h = 10^{-30}$. Then only the rounding errors inside the computation of $f$ are left
# (Squire and Trapp 1998).

# %%
eps = np.finfo(float).eps
at = 1.0
exact = np.exp(at)
steps = np.logspace(-16, 0, 161)
estimates = {
    "forward": (np.exp(at + steps) - np.exp(at)) / steps,
    "central": (np.exp(at + steps) - np.exp(at - steps)) / (2 * steps),
    "complex": np.imag(np.exp(at + 1j * steps)) / steps,
}
errors = {name: np.abs(value - exact) / exact for name, value in estimates.items()}

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
for name, color, size in [
    ("forward", "tab:orange", 4),
    ("central", "tab:blue", 6),
    ("complex", "tab:green", 3),
]:
    ax.loglog(
        steps,
        np.maximum(errors[name], eps / 8),
        ".",
        markersize=size,
        color=color,
        label=name,
    )  # an error of 0 is drawn at the bottom
for curve, label, place in [
    (eps / steps, r"$\varepsilon/h$", (2e-13, 5e-3)),
    (steps / 2, "$h/2$", (2e-3, 1e-4)),
    (steps**2 / 6, "$h^2/6$", (2e-2, 4e-6)),
]:
    ax.loglog(steps, curve, "k-", linewidth=0.7)
    ax.text(*place, label)
for best, color in [
    ((2 * eps) ** (1 / 2), "tab:orange"),
    ((3 * eps) ** (1 / 3), "tab:blue"),
]:
    ax.axvline(best, color=color, linewidth=1, linestyle=":")
ax.set(xlabel="step h", ylabel="relative error of the derivative", ylim=(eps / 16, 2))
ax.legend(frameon=False, loc="upper center")
show(ax, "00_step_size")

# %%
for name, best in [
    ("forward", (2 * eps) ** (1 / 2)),
    ("central", (3 * eps) ** (1 / 3)),
    ("complex", 1e-30),
]:
    i = np.abs(np.log(steps / best)).argmin()
    measured = (
        errors[name][i]
        if name != "complex"
        else abs(np.imag(np.exp(at + 1j * best)) / best - exact) / exact
    )
    print(f"{name}: best step in theory {best:.1e}, error there {measured:.0e}")
single = np.float32(1), np.float32((3 * np.finfo(np.float32).eps) ** (1 / 3))
estimate = (np.exp(single[0] + single[1]) - np.exp(single[0] - single[1])) / (
    2 * single[1]
)
print(
    f"central in float32: best step {single[1]:.0e}, "
    f"error there {abs(estimate - exact) / exact:.0e}. So we check in float64."
)

# %% [markdown]
# **What to look at.** The curves of the two differences have the shape of a V, and the two sides of
# the V are the two errors. The dotted lines mark the best steps computed above. Do they meet the
# bottom of each V? Compare the left sides of the two V's: why does the rounding error not depend on
# which formula is used? Why does the complex step have no left side at all? (Its points at the
# bottom have an error of at most one rounding. An error of 0 is drawn there too.)
#
# <details><summary>Answer</summary>
#
# The dotted lines meet the bottoms of the V's up to a small factor. They cannot do better: the
# theory describes the *size* of the rounding error, and the error itself jumps up and down from
# step to step.
#
# Both differences subtract two values of about the size $|f|$, and each value is known to a
# relative precision of $\varepsilon$. So the numerator is wrong by about $\varepsilon|f|$ in both
# cases, and it is divided by $h$ or $2h$. The formulas differ only in the terms that remain of
# Taylor's series.
#
# The complex step subtracts nothing. The imaginary part is $h f'$, up to a tiny term, and dividing
# by $h$ keeps its relative precision, however small $h$ is.
#
# </details>
#
# Now we can answer the question from section 4: is the error in our derivatives or in the central
# difference? Here are all the weights of the network again, this time with the complex step:


# %%
def complex_gradient(f, arrays, k, h=1e-30):
    """ds/dv for v = arrays[k] and a scalar s = f(*arrays), by imaginary steps."""
    arrays = [v.astype(complex) for v in arrays]
    dv = np.zeros(arrays[k].shape)
    for i in np.ndindex(dv.shape):
        arrays[k][i] += 1j * h
        dv[i] = f(*arrays).imag / h
        arrays[k][i] = arrays[k][i].real
    return dv


for k, (name, dv) in enumerate(
    zip(["W1", "b1", "W2", "b2"], gradients[1:], strict=True)
):
    error = worst(
        dv,
        complex_gradient(
            lambda *weights: forward(x, t, *weights)[0], [W1, b1, W2, b2], k
        ),
    )
    print(f"d{name}  worst relative error {error:.0e}")

# %% [markdown]
# The error was in the central difference. Our derivatives are correct to the last digit or two.
#
# The complex step is valid if the program computes an *analytic* function: sums, products, `exp`,
# `tanh`, division. It is not valid for operations that mean something different for complex
# numbers: `abs`, `max`, comparisons, `np.linalg.norm`, the conjugate. The danger is that these
# raise no error:

# %%
print(
    "d(x²)/dx at 3:    x * x         ->", np.imag((3 + 1e-30j) * (3 + 1e-30j)) / 1e-30
)
print("                  np.abs(x)**2  ->", np.imag(np.abs(3 + 1e-30j) ** 2) / 1e-30)

# %% [markdown]
# ## 7. Backward without a loss: cotangents
#
# `linear_backward` never asks what $L$ is. It accepts *any* array $dy$ with the shape of $y$,
# called a **cotangent**, and returns the gradient of the scalar $s = \langle dy, y\rangle$.
#
# Write $x$ and $y$ as long column vectors for a moment. The **Jacobian** is the matrix of all
# derivatives, $J_{kj} = \partial y_k/\partial x_j$. Then $ds/dx_j = \sum_k dy_k\,J_{kj}$, so
# `backward` computes $J^\top dy$. This is called the vector-Jacobian product:
#
# $$\text{vjp:}\quad dx = J^\top dy .$$
#
# Its counterpart is the Jacobian-vector product. It takes a small change $\delta x$, called a
# **tangent**, and tells how $y$ changes with it:
#
# $$\text{jvp:}\quad \delta y = J\,\delta x .$$
#
# The cotangent moves backward and the tangent moves forward. Neither computation ever builds the
# matrix $J$. One multiplies by $J$ and the other by $J^\top$, so for *any* $\delta x$ and $dy$
#
# $$\langle dy,\ J\,\delta x\rangle = \langle J^\top dy,\ \delta x\rangle .$$
#
# This is the **adjoint test**. It is exact except for rounding, and there is no step to choose.
# Here it is for a linear layer followed by a sigmoid:


# %%
def jvp(delta_x, y, W):
    # forward order: first the linear layer, then the sigmoid
    return (delta_x @ W.T) * y * (1 - y)


def vjp(dy, y, W):
    # reverse order: first the sigmoid, then the linear layer
    return (dy * y * (1 - y)) @ W


y = sigmoid(linear_forward(x, W1, b1))
delta_x, dy = rng.normal(size=x.shape), rng.normal(size=y.shape)
left, right = (dy * jvp(delta_x, y, W1)).sum(), (vjp(dy, y, W1) * delta_x).sum()
print(f"<dy, J δx> = {left:.15f}\n<Jᵀdy, δx> = {right:.15f}")

# %% [markdown]
# **Why we go backward.** Suppose that there are $P$ weights and one loss. A tangent tells how $L$
# changes with *one* weight, so we need $P$ forward passes. Central differences need $2P$. A
# cotangent starts at $L$. There is only one $L$, so a single backward pass gives the derivatives
# with respect to *all* weights. Here are the times for a layer as large as the first layer of the
# next chapter:

# %%
big_x, big_W, big_b = (
    rng.normal(size=(128, 784)),
    rng.normal(size=(512, 784)),
    np.zeros(512),
)
started = time.perf_counter()
for _ in range(5):
    big_y = linear_forward(big_x, big_W, big_b)
forward_seconds = (time.perf_counter() - started) / 5
started = time.perf_counter()
for _ in range(5):
    linear_backward(big_y, big_x, big_W)
backward_seconds = (time.perf_counter() - started) / 5
P = big_W.size + big_b.size
print(
    f"{P:,} weights: one forward pass {1e3 * forward_seconds:.1f} ms, "
    f"one backward pass {1e3 * backward_seconds:.1f} ms"
)
print(
    f"the same gradient with central differences: "
    f"{2 * P * forward_seconds / 60:.0f} minutes"
)

# %% [markdown]
# **Why the check uses a random $dy$.** Suppose that a `backward` uses the columns of $dy$ in the
# wrong order. If all entries of $dy$ are 1, the order does not matter, and no check can notice:


# %%
def wrong_backward(dy, x, W):
    return linear_backward(dy[:, ::-1], x, W)


for kind, dy in [("ones  ", np.ones((5, 4))), ("random", rng.normal(size=(5, 4)))]:
    dW = wrong_backward(dy, x, W1)[1]
    error = worst(
        dW, numerical_gradient(lambda dy=dy: (linear_forward(x, W1, b1) * dy).sum(), W1)
    )
    print(f"deliberate bug, dy = {kind}: worst relative error of dW {error:.0e}")

# %% [markdown]
# ## 8. The layer protocol
#
# We now know what each layer needs, and `tinyae` requires nothing else. `forward` returns $y$ and
# whatever `backward` will need later. `backward` takes a cotangent and those saved values. It
# returns the cotangent for the layer before it, $dx$, and the gradients of its own **parameters**
# (its weights and biases). Nothing is stored in the object, so no stored value can be out of date.


# %%
class MyLinear:
    def __init__(self, W, b):
        self.params = {"weight": W, "bias": b}

    def forward(self, x):
        return x @ self.params["weight"].T + self.params["bias"], x

    def backward(self, dy, x):
        return dy @ self.params["weight"], {"weight": dy.T @ x, "bias": dy.sum(axis=0)}


class MySigmoid:
    params = {}

    def forward(self, x):
        y = 1 / (1 + np.exp(-x))
        return y, y

    def backward(self, dy, y):
        return dy * y * (1 - y), {}


layers = [MyLinear(W1, b1), MySigmoid(), MyLinear(W2, b2), MySigmoid()]
y, caches = x, []
for layer in layers:
    y, cache = layer.forward(y)
    caches.append(cache)

L, dy = ((y - t) ** 2).mean(), 2 * (y - t) / y.size
grads = []
for layer, cache in zip(reversed(layers), reversed(caches), strict=True):
    dy, layer_grads = layer.backward(dy, cache)
    grads.append(layer_grads)

print(
    "same dW1 as by hand in section 4:",
    np.array_equal(grads[-1]["weight"], gradients[1]),
)

# %% [markdown]
# The layers of the library look like these two (see `tinyae/layers/linear.py` and
# `tinyae/layers/activations.py`), and `Sequential` consists of the two loops. The library also
# combines the checks of this chapter into one function, `gradcheck`, which reports what is wrong.
# First we check a network of the library, and then a layer with the bug from above:


# %%
class WrongLinear(tinyae.Linear):
    def backward(self, dy, x):
        return super().backward(dy[:, ::-1], x)


net = tinyae.Sequential(
    tinyae.Linear(6, 4, rng=0),
    tinyae.Sigmoid(),
    tinyae.Linear(4, 6, rng=1),
    tinyae.Sigmoid(),
)
show_report(gradcheck(net, x))
show_report(gradcheck(WrongLinear(6, 4, rng=0), x))

# %% [markdown]
# **How to read a report.** Each row is one array: the input, or a parameter of a layer. *Checked*
# is the number of entries that were compared, and *worst rel.err* is the largest relative error
# among them. (*Kinks* counts entries that are left out because the function has no derivative
# there. Chapter 1 has such a function.) The first report passed. The second one failed. It says
# where the worst entry is, what `backward` computed there, and what finite differences give. The
# hint names the bug.
#
# ## Exercises
#
# Answers: [answers/00_derivatives_by_hand.py](answers/00_derivatives_by_hand.py)
#
# 1. **tanh.** Derive its derivative, express it in terms of the output $y$ alone, and write
#    `MyTanh`. Check it with `numerical_gradient`. *Hint: $\tanh = \sinh/\cosh$ and
#    $\cosh^2 - \sinh^2 = 1$.*
# 2. **A sum instead of a mean.** Which lines of section 4 change for $L = \sum (y-t)^2$? By what
#    factor do $dW_1$ and $db_2$ change? *Hint: only one line of `backward`
#    depends on $M$.*
# 3. **Four points.** Let $D_h$ be the central difference with the step $h$. The formula
#    $(4 D_h - D_{2h})/3$ has the error $h^4 f^{(5)}/30$, up to its sign. Predict its best step and
#    its smallest error, then add its curve to the figure. *Hint: set the derivative of
#    $h^4/30 + \varepsilon/h$ to zero.*
# 4. **Softmax with cross-entropy.** A network that sorts examples into classes outputs one value
#    $a_{ni}$ per class, a **logit**. The **softmax** turns the logits of an example into
#    probabilities, $p_{ni} = e^{a_{ni}}/\sum_k e^{a_{nk}}$. The target $t$ is **one-hot**: in each
#    row, it is 1 for the right class and 0 for all others. The loss is the **cross-entropy**,
#    $L = -\frac1N\sum_{ni} t_{ni}\log p_{ni}$. Show that $da = (p-t)/N$. Check it with the complex
#    step. *Hint: $\log p_{ni} = a_{ni} - \log\sum_k e^{a_{nk}}$, and $\sum_i t_{ni} = 1$.*
# 5. **Rows of length one.** Each row is normalized to $y_n = x_n/\lVert x_n\rVert$. Use
#    differentials to show that
#    $dx_n = \big(dy_n - y_n\langle y_n, dy_n\rangle\big)/\lVert x_n\rVert$. What do `jvp` and `vjp`
#    have in common here, and what does that tell you about $J$? *Hint:
#    $\delta\lVert x\rVert = \langle y, \delta x\rangle$.*
#
# - Graded: [Exercise 1 · The derivative by two calls](exercises/01_numeric_gradient.py), `tinyae exercise start numeric_gradient`
# - Graded: [Exercise 2 · A linear layer and its three gradients](exercises/02_linear.py), `tinyae exercise start linear`
# - Graded: [Exercise 3 · Four activations](exercises/03_activations.py), `tinyae exercise start activations`
# - Graded: [Exercise 4 · Rows of length one](exercises/04_row_norm.py), `tinyae exercise start row_norm`
# - Graded: [Exercise 5 · Four losses](exercises/05_losses.py), `tinyae exercise start losses`
#
# **You can now** derive the gradient of a layer with indices or with differentials, write it in
# NumPy, and check it with central differences, the complex step or the adjoint test.
#
# **Next:** chapter 1 connects these layers to an autoencoder and trains it.
#
# **In the real world:** backpropagation trains every neural network today (Rumelhart, Hinton and
# Williams, *Learning representations by back-propagating errors*, 1986). PyTorch and JAX apply the
# same rules automatically (Baydin et al., *Automatic differentiation in machine learning: a
# survey*, 2018), and engineers use the same idea, as the adjoint method, to optimize the shapes of
# wings (Jameson, *Aerodynamic design via control theory*, 1988).
