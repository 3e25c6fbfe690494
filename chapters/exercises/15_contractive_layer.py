# %% [markdown]
# # Exercise 15 · How much does a code move? One layer
#
# *Chapter 5, "The equation" and "The gradient". 10 points. About 75 minutes.*
#
# A layer $z = f(a)$ with $a = xW^\top + b$ encodes $N$ examples $x$, with shape $(N, D)$, as codes
# with shape $(N, K)$. The contractive penalty is the squared norm of its Jacobian, as a mean over the
# examples:
#
# $$\Omega = \frac1N\sum_n \lVert J_n\rVert_F^2
# = \frac1N\sum_n\sum_{i,j}\Big(\frac{\partial z_{ni}}{\partial x_{nj}}\Big)^2
# = \frac1N\sum_n\sum_i f'(a_{ni})^2\,\sum_j W_{ij}^2 .$$
#
# The last expression needs no Jacobian. It costs no more than the layer itself.
#
# - `contractive_layer(x, W, df, d2f)` returns $\Omega$ and its gradients `value, dx, dW, db`. The
#   arrays `df` and `d2f`, both with the shape $(N, K)$, are $f'(a)$ and $f''(a)$. You do not need to
#   know $f$. The weights act in two ways: directly, and through $a$, on which $f'$ depends. So $dW$
#   has two terms. $dx$ and $db$ have one.
# - `sigmoid_derivatives(z)`, `tanh_derivatives(z)` and `softsign_derivatives(z)` return
#   `df, d2f`, both computed from the *output* $z = f(a)$. The last one is not in the library:
#   $f(a) = a / (1 + |a|)$. (What is $1 - |z|$?)
#
# No loops, and no array with the shape $(N, K, D)$.

# %%
import numpy as np

from tinyae import Linear, Sequential, Tanh, contractive
from tinyae.checking import gradcheck


# %% nbgrader={"grade": false, "grade_id": "contractive_layer-solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
def contractive_layer(x, W, df, d2f):
    """value, dx, dW, db"""
    ### BEGIN SOLUTION
    n = len(x)
    norms = (W**2).sum(axis=1)  # Σ_j W_ij²: (K,)
    value = (df**2 * norms).sum() / n
    da = 2 * df * d2f * norms / n  # (N, K)
    direct = 2 * (df**2).sum(axis=0)[:, None] * W / n  # (K, D)
    dW = direct + da.T @ x
    return value, da @ W, dW, da.sum(axis=0)
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "contractive_layer-derivatives", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sigmoid_derivatives(z):
    """f'(a) and f''(a), from z = f(a)."""
    ### BEGIN SOLUTION
    df = z * (1 - z)
    return df, df * (1 - 2 * z)
    ### END SOLUTION


def tanh_derivatives(z):
    """f'(a) and f''(a), from z = f(a)."""
    ### BEGIN SOLUTION
    slope = 1 - z**2
    return slope, -2 * z * slope
    ### END SOLUTION


def softsign_derivatives(z):
    """f'(a) and f''(a), from z = f(a)."""
    ### BEGIN SOLUTION
    rest = 1 - np.abs(z)  # 1 / (1 + |a|)
    return rest**2, -2 * np.sign(z) * rest**3
    ### END SOLUTION


# %% [markdown]
# ## Check it yourself
#
# First the derivatives, against difference quotients. All numbers must be small.

# %% tags=["check"]
a, h = np.linspace(-2, 2, 8), 1e-4
for f, derivatives in [
    (lambda a: 1 / (1 + np.exp(-a)), sigmoid_derivatives),
    (np.tanh, tanh_derivatives),
    (lambda a: a / (1 + np.abs(a)), softsign_derivatives),
]:
    df, d2f = derivatives(f(a))
    first = (f(a + h) - f(a - h)) / (2 * h)
    second = (f(a + h) - 2 * f(a) + f(a - h)) / h**2
    errors = np.abs(df - first).max(), np.abs(d2f - second).max()
    print(f"{derivatives.__name__:<21} {errors[0]:.0e} {errors[1]:.0e}")

# %% [markdown]
# Then the value for a tanh layer, against the library's penalty, and the gradients:

# %% tags=["check"]
rng = np.random.default_rng(0)
x, W, b = rng.normal(size=(5, 4)), rng.normal(size=(3, 4)), rng.normal(size=3)


def omega(x, W, b):
    value, *gradients = contractive_layer(x, W, *tanh_derivatives(np.tanh(x @ W.T + b)))
    return value, gradients


def omega_backward(dvalue, gradients):
    return tuple(dvalue * gradient for gradient in gradients)


net = Sequential(Linear(4, 3, dtype=np.float64), Tanh())
net.params["0.weight"][...], net.params["0.bias"][...] = W, b
print("value:", omega(x, W, b)[0], "expected", contractive(net, net.forward(x)[1])[0])
print(gradcheck((omega, omega_backward), x, W, b))

# %% nbgrader={"grade": true, "grade_id": "contractive_layer-grade", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
from tinyae.course import grade_names

result = grade_names(globals(), "contractive_layer")
print(result)
result.score
### END HIDDEN TESTS
