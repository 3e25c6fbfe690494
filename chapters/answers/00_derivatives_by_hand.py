# %% [markdown]
# # Answers · Chapter 0, Derivatives by hand
#
# Try each exercise before you read its answer. Each answer is a derivation and a few lines of code
# that check it. The `assert` lines fail if a formula is wrong.

# %%
import matplotlib.pyplot as plt
import numpy as np

from tinyae import Layer, cross_entropy
from tinyae.checking import gradcheck
from tinyae.plots import show

rng = np.random.default_rng(0)


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


# %% [markdown]
# ## 1. tanh
#
# By the quotient rule, with $\sinh' = \cosh$ and $\cosh' = \sinh$,
#
# $$\tanh'(x) = \frac{\cosh^2 x - \sinh^2 x}{\cosh^2 x} = \frac{1}{\cosh^2 x} = 1 - \tanh^2 x
# = 1 - y^2 .$$
#
# The derivative needs only the output $y$, so `forward` saves $y$, as for the sigmoid.


# %%
class MyTanh(Layer):
    def forward(self, x):
        y = np.tanh(x)
        return y, y

    def backward(self, dy, y):
        return dy * (1 - y**2), {}


x, dy = rng.normal(size=(5, 4)), rng.normal(size=(5, 4))
layer = MyTanh()
dx = layer.backward(dy, layer.forward(x)[1])[0]
error = worst(dx, numerical_gradient(lambda: (layer.forward(x)[0] * dy).sum(), x))
print(f"worst relative error of dx: {error:.0e}")
print(gradcheck(layer, x))
assert error < 1e-7 and gradcheck(layer, x).ok

# %% [markdown]
# ## 2. A sum instead of a mean
#
# Two lines change: the loss itself in `forward`, and the first line of `backward`, which becomes
# `dy = 2 * (y - t)` without the division by `y.size`. No other line of `backward` knows how the
# loss was computed. Each of the other lines is linear in the gradient that comes in, so every
# gradient becomes larger by the same factor $M = N\cdot D$, the number of entries of $y$. This
# holds for $dW_1$ and for $db_2$ alike.


# %%
def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def gradients(dloss, x, t, W1, b1, W2, b2):
    h = sigmoid(x @ W1.T + b1)
    y = sigmoid(h @ W2.T + b2)
    dc = dloss(y, t) * y * (1 - y)
    da = (dc @ W2) * h * (1 - h)
    return {"W1": da.T @ x, "b1": da.sum(0), "W2": dc.T @ h, "b2": dc.sum(0)}


N, D = 5, 6
x, t = rng.normal(size=(N, D)), rng.uniform(size=(N, D))
weights = [rng.normal(size=shape) for shape in [(4, D), (4,), (D, 4), (D,)]]
of_mean = gradients(lambda y, t: 2 * (y - t) / y.size, x, t, *weights)
of_sum = gradients(lambda y, t: 2 * (y - t), x, t, *weights)
for name in of_mean:
    ratio = of_sum[name] / of_mean[name]
    print(f"d{name}: larger by {ratio.min():.6f} to {ratio.max():.6f}, M = {N * D}")
    assert np.allclose(ratio, N * D)

# %% [markdown]
# In practice: if you change the mean to a sum, divide the learning rate of SGD by $M$ to get the
# same steps. Adam divides by $\sqrt v$, so the factor cancels and its steps stay almost the same.
#
# ## 3. Four points
#
# For $f = e^x$ all derivatives are equal to $f$, so the relative error is about
# $h^4/30 + \varepsilon/h$. The derivative with respect to $h$ is zero at
#
# $$\frac{4h^3}{30} = \frac{\varepsilon}{h^2}\quad\Rightarrow\quad
# h = \Big(\frac{15\,\varepsilon}{2}\Big)^{1/5},\qquad
# \text{and then } \frac{\varepsilon}{h} = \frac{4h^4}{30},\quad
# \text{error} = \frac{5h^4}{30} = \frac{h^4}{6} .$$
#
# This is correct to about four fifths of all digits, after two thirds for the central difference.

# %%
eps, at = np.finfo(float).eps, 1.0
exact = np.exp(at)


def central(h):
    return (np.exp(at + h) - np.exp(at - h)) / (2 * h)


def four_points(h):
    near, far = (np.exp(at + k * h) - np.exp(at - k * h) for k in (1, 2))
    return (8 * near - far) / (12 * h)


steps = np.logspace(-12, 0, 121)
best = {"central": (3 * eps) ** (1 / 3), "four points": (7.5 * eps) ** (1 / 5)}
errors = {
    name: np.abs(f(steps) - exact) / exact
    for name, f in [("central", central), ("four points", four_points)]
}
typical = {}
for name, h in best.items():
    close = np.abs(np.log10(steps / h)) < 0.5  # one point alone may be right by luck
    typical[name] = np.median(errors[name][close])
    print(f"{name:<12} best step in theory {h:.1e}, error near it {typical[name]:.0e}")
predicted = best["four points"] ** 4 / 6
print(f"predicted for four points: {predicted:.0e}")
assert typical["four points"] < typical["central"] / 10
assert predicted / 30 < typical["four points"] < 30 * predicted

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
for name, error in errors.items():
    ax.loglog(steps, np.maximum(error, eps / 8), ".", markersize=4, label=name)
    ax.axvline(best[name], color="gray", linestyle=":", linewidth=0.8)
ax.set(xlabel="step h", ylabel="relative error of the derivative")
ax.legend(frameon=False)
show(ax, "00_four_points")

# %% [markdown]
# ## 4. Softmax with cross-entropy
#
# Insert the hint into the loss, and use $\sum_i t_{ni} = 1$:
#
# $$L = -\frac1N\sum_{ni} t_{ni}\,a_{ni} + \frac1N\sum_n\log\sum_k e^{a_{nk}} .$$
#
# The first term has the derivative $-t_{ni}/N$ with respect to $a_{ni}$. The second one has
# $\frac1N\,e^{a_{ni}}/\sum_k e^{a_{nk}} = p_{ni}/N$. Together: $da = (p - t)/N$.
#
# Only `exp`, `log`, sums and divisions occur, so the complex step is valid here. (A program that
# subtracts the largest logit first must not use `max` of complex values.)


# %%
def softmax_cross_entropy(a, t):
    p = np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)
    return -(t * np.log(p)).sum() / len(a), (p - t) / len(a)


a, t = rng.normal(size=(4, 3)), np.eye(3)[[0, 2, 1, 1]]
da = softmax_cross_entropy(a, t)[1]
complex_da = np.zeros_like(da)
for i in np.ndindex(a.shape):
    moved = a.astype(complex)
    moved[i] += 1e-30j
    complex_da[i] = softmax_cross_entropy(moved, t)[0].imag / 1e-30
print(f"worst relative error: {worst(da, complex_da):.0e}")
print("rows of da sum to", *(f"{s:.0e}" for s in da.sum(axis=1)))
assert worst(da, complex_da) < 1e-13
assert np.allclose(cross_entropy(a, t)[1], da)  # the library's loss agrees

# %% [markdown]
# ## 5. Rows of length one
#
# Take one row, $y = x/r$ with $r = \lVert x\rVert$. From $r^2 = \langle x, x\rangle$ follows
# $2r\,\delta r = 2\langle x,\delta x\rangle$, so $\delta r = \langle y, \delta x\rangle$. Then
#
# $$\delta y = \frac{\delta x}{r} - \frac{x\,\delta r}{r^2}
# = \frac{\delta x - y\,\langle y,\delta x\rangle}{r} = J\,\delta x,\qquad
# J = \frac{I - yy^\top}{r} .$$
#
# For the gradient, move everything away from $\delta x$:
# $\langle dy,\delta y\rangle = \frac1r\big(\langle dy,\delta x\rangle
# - \langle dy,y\rangle\langle y,\delta x\rangle\big)
# = \big\langle\frac1r(dy - y\langle y,dy\rangle),\ \delta x\big\rangle$.
#
# So `jvp` and `vjp` are the same function. That means $J = J^\top$: the Jacobian is symmetric. Also
# $Jy = 0$, because a step along $x$ changes the length and not the direction.


# %%
class RowNorm(Layer):
    def forward(self, x):
        r = np.linalg.norm(x, axis=1, keepdims=True)
        return x / r, (x / r, r)

    def backward(self, dy, cache):
        return self.vjp(dy, cache), {}

    def vjp(self, dy, cache):
        y, r = cache
        return (dy - y * (y * dy).sum(axis=-1, keepdims=True)) / r

    jvp = vjp


layer, x = RowNorm(), rng.normal(size=(5, 4))
report = gradcheck(layer, x)
print(report)
y, cache = layer.forward(x)
rows = np.array([layer.vjp(e * np.ones_like(x), cache) for e in np.eye(4)])  # (4, N, 4)
J = rows.transpose(1, 0, 2)  # one Jacobian per example
print(f"largest |J − Jᵀ|: {np.abs(J - J.transpose(0, 2, 1)).max():.0e}")
print(f"largest |J y|: {np.abs(np.einsum('nij,nj->ni', J, y)).max():.0e}")
assert report.ok and np.allclose(J, J.transpose(0, 2, 1))
assert np.allclose(np.einsum("nij,nj->ni", J, y), 0)
