# %% [markdown]
# # 0 · Derivatives by hand
#
# A neural net is a chain of simple functions. To train it we need one thing: how its error, a single number, changes with
# each of its weights. Libraries such as PyTorch find these derivatives by themselves. Here we find them with pen and paper,
# write them down in a few lines of NumPy, and then *prove* them: by moving a weight a little and looking.
#
# All of this chapter in one picture. Values go to the right, derivatives come back to the left:
#
# ```
#             W₁,b₁            W₂,b₂             target t
#               ↓                ↓                  ↓
#      x ──▶ Linear ──a──▶ σ ──h──▶ Linear ──c──▶ σ ──y──▶ MSE ──▶ L
#      dx ◀─────────  da ◀──  dh ◀─────────  dc ◀──  dy ◀────────  1
#               ↓                ↓
#            dW₁,db₁          dW₂,db₂
# ```
#
# **One convention for the whole book.** For any array $v$ that $L$ depends on, $dv$ is the array of the derivatives of $L$,
# one for each entry: $(dv)_{ij} = \partial L / \partial v_{ij}$. So $dv$ always has the shape of $v$. Small *changes* of $v$
# are written $\delta v$, and to first order
#
# $$\delta L = \sum_{ij} dv_{ij}\,\delta v_{ij} = \langle dv, \delta v\rangle .$$
#
# This line is the definition that everything below goes back to: $dv$ is that array whose product with *every* small
# change $\delta v$ gives the change of $L$.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np

import tinyae
from tinyae.checking import gradcheck
from tinyae.plots import show

rng = np.random.default_rng(0)

# %% [markdown]
# ## 1. One weight
#
# Begin with plain numbers: $a = wx + b$, $y = \sigma(a) = 1/(1+e^{-a})$, $L = (y-t)^2$. The chain rule multiplies the slopes
# from the end to the beginning:
#
# $$dy = 2(y-t), \qquad da = dy\,\sigma'(a), \qquad dw = da\,x, \qquad db = da, \qquad dx = da\,w .$$
#
# For the sigmoid, with $u = e^{-a}$: $\sigma' = \dfrac{u}{(1+u)^2} = \dfrac{1}{1+u}\cdot\dfrac{u}{1+u} = y\,(1-y)$. The slope
# can be computed from the *output* alone. We shall use that: what `backward` has to remember is $y$.


# %%
def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def loss_of(w, x=1.5, b=-0.3, t=1.0):
    return (sigmoid(w * x + b) - t) ** 2


x, w, b, t = 1.5, 0.8, -0.3, 1.0
y = sigmoid(w * x + b)  # forward
dy = 2 * (y - t)  # and back
da = dy * y * (1 - y)
dw = da * x

h = 1e-5
print(f"by hand             dw = {dw:.10f}")
print(f"w moved by ±{h:g}       {(loss_of(w + h) - loss_of(w - h)) / (2 * h):.10f}")

# %% [markdown]
# ## 2. A matrix of weights: the linear layer
#
# Each of $N$ examples is a *row* of $x$: shape $(N, \text{in})$. The weights $W$ have the shape $(\text{out}, \text{in})$, so
#
# $$y = xW^\top + b, \qquad\text{entry by entry}\qquad y_{ni} = \sum_j x_{nj} W_{ij} + b_i .$$
#
# Given $dy$, shape $(N, \text{out})$, we want $dW$, $db$ and $dx$. We derive them twice.
#
# **By indices.** $W_{ij}$ enters $y_{ni}$, for every example $n$, and there it is multiplied by $x_{nj}$. The chain rule adds
# up all the ways from $W_{ij}$ to $L$:
#
# $$dW_{ij} = \sum_n dy_{ni}\,\frac{\partial y_{ni}}{\partial W_{ij}} = \sum_n dy_{ni}\,x_{nj} = (dy^\top x)_{ij},\qquad
# dx_{nj} = \sum_i dy_{ni}\,W_{ij} = (dy\,W)_{nj},\qquad db_i = \sum_n dy_{ni} .$$
#
# The sum over the examples in $dW$ is the matrix product's own: nobody has to write it.
#
# **By differentials.** Without a single index: let everything change a little. To first order
# $\delta y = \delta x\,W^\top + x\,\delta W^\top + \mathbf 1\,\delta b^\top$. Two facts are enough:
# $\langle A, B\rangle = \operatorname{tr}(A^\top B)$, and a trace allows $\operatorname{tr}(ABC) = \operatorname{tr}(CAB)$ and
# $\operatorname{tr}(A) = \operatorname{tr}(A^\top)$. For the part with $\delta W$:
#
# $$\langle dy,\, x\,\delta W^\top\rangle = \operatorname{tr}(dy^\top x\,\delta W^\top)
# = \operatorname{tr}\big((dy^\top x)^\top \delta W\big) = \langle dy^\top x,\ \delta W\rangle .$$
#
# (The second step is $\operatorname{tr}(AB^\top) = \operatorname{tr}(A^\top B)$: both are $\sum_{ij}A_{ij}B_{ij}$.) By
# definition, what stands beside $\delta W$ is $dW = dy^\top x$. In the same way
# $\langle dy, \delta x\,W^\top\rangle = \langle dy\,W, \delta x\rangle$ gives $dx = dy\,W$.
#
# **By shapes.** $dW$ must be $(\text{out}, \text{in})$, and the only product of $dy$: $(N, \text{out})$ and $x$: $(N, \text{in})$
# with that shape is $dy^\top x$. Good for remembering, but no proof: the shapes do not see a factor 2, and where
# $\text{in} = \text{out}$ they do not see a transpose.


# %%
def linear_forward(x, W, b):
    return x @ W.T + b  # (N, in) (in, out) -> (N, out)


def linear_backward(dy, x, W):
    dx = dy @ W  # (N, out) (out, in) -> (N, in)
    dW = dy.T @ x  # (out, N) (N, in) -> (out, in)
    db = dy.sum(axis=0)  # (out,)
    return dx, dW, db


# %% [markdown]
# **The check.** Take any number that depends on $y$; the simplest is $s = \langle dy, y\rangle$ with some fixed array $dy$: its
# derivative with respect to $y$ is $dy$ itself. Move every entry of $x$, $W$ and $b$ up and down, one at a time:


# %%
def numerical_gradient(f, v, h=1e-5):
    """ds/dv for a number s = f(), which depends on the array v: each entry moved by ±h, in place."""
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
    """The largest difference, relative to the largest entry."""
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
# Where $y_{ni} = f(x_{ni})$ acts on each entry alone, each entry has one way to $L$: $dx_{ni} = dy_{ni}\,f'(x_{ni})$, a product
# entry by entry. For the sigmoid $dx = dy * y * (1-y)$.
#
# At the end stands the mean squared error over all $M = N\cdot D$ entries:
#
# $$L = \frac1M\sum_{ni}(y_{ni}-t_{ni})^2, \qquad dy = \frac{2}{M}\,(y-t) .$$
#
# The factor $1/M$ enters here, once, and travels back through the whole net. No other layer has to know about a mean.
#
# ## 4. A net of two layers
#
# Now put the pieces in a row. Read `backward` from top to bottom beside `forward` from bottom to top: line for line they belong
# together, and each line of `backward` needs only what the line above it has computed, and what `forward` has kept.


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
# Six lines of calculus, and each of the derivatives agrees with the difference quotient to many digits. But not to all of
# them: float64 has sixteen. Is what is missing our error, or the quotient's?
#
# ## 5. How small a step?
#
# The forward and the central difference are, by Taylor's formula,
#
# $$\frac{f(x+h)-f(x)}{h} = f' + \frac h2 f'' + \dots, \qquad
# \frac{f(x+h)-f(x-h)}{2h} = f' + \frac{h^2}{6}f''' + \dots$$
#
# so a smaller $h$ should be better. But the computer knows $f$ only up to its relative precision $\varepsilon$
# (`np.finfo(float).eps`), and two almost equal numbers are subtracted: what remains of that error, about $\varepsilon|f|$, is
# divided by $h$. The one error falls with $h$, the other grows. Take $f = e^x$, where $f = f' = f'' = f'''$, so that the
# relative errors are simply
#
# $$\text{forward: } \frac h2 + \frac\varepsilon h, \qquad \text{central: } \frac{h^2}{6} + \frac\varepsilon h .$$
#
# Setting the derivative with respect to $h$ to zero gives the best steps, $h = (2\varepsilon)^{1/2}$ and
# $h = (3\varepsilon)^{1/3}$, and the best errors: half of all digits for the forward difference, two thirds for the central
# one.
#
# ## 6. The complex step
#
# There is a way around the subtraction. Step in the *imaginary* direction:
#
# $$f(x+ih) = f + ih f' - \frac{h^2}{2}f'' - \dots \qquad\Rightarrow\qquad
# \frac{\operatorname{Im} f(x+ih)}{h} = f' - \frac{h^2}{6}f''' + \dots$$
#
# The derivative stands alone in the imaginary part. Nothing is subtracted, so nothing keeps us from taking $h = 10^{-30}$, and
# the error is that of $f$ itself (Squire and Trapp 1998).

# %%
eps = np.finfo(float).eps
at = 1.0
exact = np.exp(at)
steps = np.logspace(-16, 0, 161)
ways = {
    "forward": (np.exp(at + steps) - np.exp(at)) / steps,
    "central": (np.exp(at + steps) - np.exp(at - steps)) / (2 * steps),
    "complex": np.imag(np.exp(at + 1j * steps)) / steps,
}
errors = {name: np.abs(slope - exact) / exact for name, slope in ways.items()}

fig, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
for name, colour, size in [
    ("forward", "tab:orange", 4),
    ("central", "tab:blue", 6),
    ("complex", "tab:green", 3),
]:
    ax.loglog(
        steps,
        np.maximum(errors[name], eps / 8),
        ".",
        markersize=size,
        color=colour,
        label=name,
    )  # 0 is drawn at the foot
for curve, label, place in [
    (eps / steps, r"$\varepsilon/h$", (2e-13, 5e-3)),
    (steps / 2, "$h/2$", (2e-3, 1e-4)),
    (steps**2 / 6, "$h^2/6$", (2e-2, 4e-6)),
]:
    ax.loglog(steps, curve, "k-", linewidth=0.7)
    ax.text(*place, label)
for best, colour in [
    ((2 * eps) ** (1 / 2), "tab:orange"),
    ((3 * eps) ** (1 / 3), "tab:blue"),
]:
    ax.axvline(best, color=colour, linewidth=1, linestyle=":")
ax.set(xlabel="step h", ylabel="relative error of the derivative", ylim=(eps / 16, 2))
ax.legend(frameon=False, loc="upper center")
show(ax, "00_step_size")

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
slope = (np.exp(single[0] + single[1]) - np.exp(single[0] - single[1])) / (
    2 * single[1]
)
print(
    f"central in float32: best step {single[1]:.0e}, error there {abs(slope - exact) / exact:.0e}: so we check in float64"
)

# %% [markdown]
# **What to look at.** Each curve is a V whose two sides are the two errors. The dotted lines are the best steps computed above:
# they meet the bottom of each V. The left arms are the same for both differences: rounding does not care which formula is used.
# The complex step has no left arm at all.
#
# Now the question of section 4 can be answered: is it our error or the quotient's? All weights of the net again, by the complex
# step:


# %%
def complex_gradient(f, arrays, k, h=1e-30):
    """ds/dv for v = arrays[k] and a number s = f(*arrays), by one imaginary step for each entry."""
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
# It was the quotient's. Our derivatives are right to the last digit or two.
#
# The complex step is allowed where the program computes an *analytic* function: sums, products, `exp`, `tanh`, division. It is
# not allowed where complex numbers mean something else than real ones: `abs`, `max`, comparisons, `np.linalg.norm`, the
# conjugate. The trap is that no error is raised:

# %%
print(
    "d(x²)/dx at 3:    x * x         ->", np.imag((3 + 1e-30j) * (3 + 1e-30j)) / 1e-30
)
print("                  np.abs(x)**2  ->", np.imag(np.abs(3 + 1e-30j) ** 2) / 1e-30)

# %% [markdown]
# ## 7. Backward without a loss: cotangents
#
# `linear_backward` never asks what $L$ is. It takes *any* array $dy$ of the shape of $y$, a **cotangent**, and returns the
# gradient of the number $s = \langle dy, y\rangle$. With the Jacobian $J = \partial y/\partial x$ that is
#
# $$\text{vjp:}\quad dx = J^\top dy .$$
#
# Its counterpart takes a small change $\delta x$, a **tangent**, and says how $y$ moves with it:
#
# $$\text{jvp:}\quad \delta y = J\,\delta x .$$
#
# The cotangent goes back, the tangent forward. Neither ever builds the matrix $J$. They are the same linear map seen from its
# two ends, hence for *any* $\delta x$ and $dy$
#
# $$\langle dy,\ J\,\delta x\rangle = \langle J^\top dy,\ \delta x\rangle .$$
#
# This is the **adjoint test**: exact up to rounding, with no step to choose. For a linear layer followed by a sigmoid:


# %%
def jvp(delta_x, y, W):
    return (
        (delta_x @ W.T) * y * (1 - y)
    )  # forward order: first the linear layer, then the sigmoid


def vjp(dy, y, W):
    return (dy * y * (1 - y)) @ W  # the reverse


y = sigmoid(linear_forward(x, W1, b1))
delta_x, dy = rng.normal(size=x.shape), rng.normal(size=y.shape)
left, right = (dy * jvp(delta_x, y, W1)).sum(), (vjp(dy, y, W1) * delta_x).sum()
print(f"<dy, J δx> = {left:.15f}\n<Jᵀdy, δx> = {right:.15f}")

# %% [markdown]
# **Why we go backward.** For $P$ weights and one loss, the tangent way needs one sweep for each weight, differences even two.
# The cotangent way needs one sweep for all weights together, because there is only one $L$ to come from. For a layer of the
# size that the next chapter begins with:

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
    f"{P:,} weights: one forward pass {1e3 * forward_seconds:.1f} ms, one backward pass {1e3 * backward_seconds:.1f} ms"
)
print(
    f"the same gradient by central differences: {2 * P * forward_seconds / 60:.0f} minutes"
)

# %% [markdown]
# **Why the check uses a random $dy$.** Suppose that somebody's `backward` takes the columns of $dy$ in the wrong order. With a
# cotangent of ones, nobody will ever know:


# %%
def wrong_backward(dy, x, W):
    return linear_backward(dy[:, ::-1], x, W)


for kind, dy in [("ones  ", np.ones((5, 4))), ("random", rng.normal(size=(5, 4)))]:
    dW = wrong_backward(dy, x, W1)[1]
    error = worst(
        dW, numerical_gradient(lambda dy=dy: (linear_forward(x, W1, b1) * dy).sum(), W1)
    )
    print(f"planted bug, dy = {kind}: worst relative error of dW {error:.0e}")

# %% [markdown]
# ## 8. The layer protocol
#
# What each layer needs is now clear, and it is all that `tinyae` asks of one: `forward` returns $y$ and whatever `backward` will
# have to remember; `backward` gets a cotangent and that memory, and returns the cotangent one layer below and the gradients of
# its own parameters. Nothing is stored in the object, so nothing can be stale.


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
    dy, more = layer.backward(dy, cache)
    grads.append(more)

print(
    "the same dW1 as by hand in section 4:",
    np.array_equal(grads[-1]["weight"], gradients[1]),
)

# %% [markdown]
# The layers of the library look like these two (`tinyae/layers/linear.py`, `tinyae/layers/activations.py`), and `Sequential` is
# the two loops. The checks of this chapter are one function there, which also says what is wrong. Once more the planted bug,
# this time as a layer:


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
print(gradcheck(net, x), "\n")
print(gradcheck(WrongLinear(6, 4, rng=0), x))

# %% [markdown]
# ## Exercises
#
# 1. **tanh.** Derive its slope, express it by the output $y$ alone, and write `MyTanh`. Check it with `numerical_gradient`.
#    *Hint: $\tanh = \sinh/\cosh$ and $\cosh^2 - \sinh^2 = 1$.*
# 2. **A sum instead of a mean.** Which lines of section 4 change for $L = \sum (y-t)^2$? By which factor do $dW_1$ and $db_2$
#    change? *Hint: only one line knows about $M$.*
# 3. **Four points.** The formula $\big(8[f(x+h)-f(x-h)] - [f(x+2h)-f(x-2h)]\big)/(12h)$ has the error $h^4 f^{(5)}/30$. Predict
#    its best step and its best error, then add it to the picture. *Hint: balance $h^4$ against $\varepsilon/h$.*
# 4. **Softmax with cross-entropy.** For logits $a$ and a one-hot target $t$, $L = -\frac1N\sum_{ni} t_{ni}\log p_{ni}$ with
#    $p_{ni} = e^{a_{ni}}/\sum_k e^{a_{nk}}$. Show that $da = (p-t)/N$. Check it by the complex step.
#    *Hint: $\log p_{ni} = a_{ni} - \log\sum_k e^{a_{nk}}$, and $\sum_i t_{ni} = 1$.*
# 5. **Rows of length one.** Each row becomes $y_n = x_n/\lVert x_n\rVert$. Show by differentials that
#    $dx_n = \big(dy_n - y_n\langle y_n, dy_n\rangle\big)/\lVert x_n\rVert$. What do `jvp` and `vjp` have in common here, and
#    what does that say about $J$? *Hint: $\delta\lVert x\rVert = \langle y, \delta x\rangle$.*
