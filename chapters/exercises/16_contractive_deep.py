# %% [markdown]
# # Exercise 16 · How much does a code move? A deep encoder
#
# *Chapter 5, "The gradient" and "The code". 10 points. About 120 minutes.*
#
# The Jacobian of a deep encoder is a product, $J = J_L\cdots J_2J_1$. A layer's `vjp(dy, cache)`
# multiplies rows by its Jacobian, $V_{l-1} = V_l J_l$. So the rows of the identity, sent down through
# all layers, become the rows of $J$: they have the shape $(K, N, D)$, with one more axis in front
# than a batch, for the $K$ units of the code. The penalty is
#
# $$\Omega = \frac1N\lVert V_0\rVert^2 .$$
#
# Its gradient runs the other way. For a scalar $s = \sum g\cdot\texttt{vjp}(dy)$, with a given $g$,
# the method `double_backward(g, dy, cache)` returns
#
# - `d_dy` $= \partial s/\partial dy$, with the shape of $dy$,
# - `dx` $= \partial s/\partial x$, with the shape $(N, D)$ of the layer's input, or `None` if $s$ does
#   not depend on $x$. It is the sum over the $K$ rows,
# - `grads`, the gradients of $s$ with respect to the parameters, a dict.
#
# Write it for the four layers below. `Softmax` is not in the library. Its Jacobian
# $\operatorname{diag}(y) - yy^\top$ is not diagonal, and it depends on $x$ through $y$:
#
# $$\texttt{vjp}(dy) = y * \big(dy - \langle y, dy\rangle\big) .$$
#
# *Hint:* differentiate $s$ with respect to $y$ first. The rest is a `vjp`.
#
# Then write `omega(layers, x) -> value, dx, grads`, where `grads` is a list with one dict for each
# layer. Three sweeps: the rows go down, the tangents $G_0 = \frac2N V_0,\ G_l = \texttt{d\_dy}$ go up,
# and the second-order terms `dx` go down to the layers below, as in an ordinary backward pass.

# %%
import numpy as np


# %% nbgrader={"grade": false, "grade_id": "contractive_deep-linear", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Linear:
    def __init__(self, n_in, n_out, rng=None):
        rng = np.random.default_rng(rng)
        self.params = {
            "weight": rng.normal(size=(n_out, n_in)) / np.sqrt(n_in),
            "bias": np.zeros(n_out),
        }

    def forward(self, x):
        return x @ self.params["weight"].T + self.params["bias"], x

    def backward(self, dy, x):
        return self.vjp(dy, x), {"weight": dy.T @ x, "bias": dy.sum(axis=0)}

    def vjp(self, dy, x):
        return dy @ self.params["weight"]  # (K, N, out) -> (K, N, in)

    def double_backward(self, g, dy, x):
        """d_dy, None, grads: g is (K, N, in), dy is (K, N, out)"""
        ### BEGIN SOLUTION
        dweight = np.einsum("pno,pni->oi", dy, g)
        grads = {"weight": dweight, "bias": np.zeros_like(self.params["bias"])}
        return g @ self.params["weight"].T, None, grads
        ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "contractive_deep-sigmoid", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Sigmoid:
    params = {}

    def forward(self, x):
        y = 1 / (1 + np.exp(-x))
        return y, y

    def backward(self, dy, y):
        return self.vjp(dy, y), {}

    def vjp(self, dy, y):
        return dy * y * (1 - y)

    def double_backward(self, g, dy, y):
        """d_dy, dx, {}: g and dy are (K, N, D), y is (N, D)"""
        ### BEGIN SOLUTION
        df = y * (1 - y)
        return g * df, df * (1 - 2 * y) * (g * dy).sum(axis=0), {}
        ### END SOLUTION


class Tanh:
    params = {}

    def forward(self, x):
        y = np.tanh(x)
        return y, y

    def backward(self, dy, y):
        return self.vjp(dy, y), {}

    def vjp(self, dy, y):
        return dy * (1 - y**2)

    def double_backward(self, g, dy, y):
        """d_dy, dx, {}: g and dy are (K, N, D), y is (N, D)"""
        ### BEGIN SOLUTION
        df = 1 - y**2
        rows = (g * dy).sum(axis=0)
        return g * df, -2 * y * df * rows, {}
        ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "contractive_deep-softmax", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Softmax:
    params = {}

    def forward(self, x):
        y = np.exp(x - x.max(axis=-1, keepdims=True))
        y = y / y.sum(axis=-1, keepdims=True)
        return y, y

    def backward(self, dy, y):
        return self.vjp(dy, y), {}

    def vjp(self, dy, y):
        return y * (dy - (y * dy).sum(axis=-1, keepdims=True))

    def double_backward(self, g, dy, y):
        """d_dy, dx, {}: g and dy are (K, N, D), y is (N, D)"""
        ### BEGIN SOLUTION
        # s = Σ y g dy − (Σ y g)(Σ y dy), where y occurs three times
        along_g = (y * g).sum(axis=-1, keepdims=True)
        along_dy = (y * dy).sum(axis=-1, keepdims=True)
        ds_dy = (g * dy - along_g * dy - along_dy * g).sum(axis=0)
        return self.vjp(g, y), self.vjp(ds_dy, y), {}  # the Jacobian is symmetric
        ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "contractive_deep-omega", "locked": false, "schema_version": 3, "solution": true, "task": false}
def omega(layers, x):
    """value, dx, grads"""
    ### BEGIN SOLUTION
    h, caches = x, []
    for layer in layers:
        h, cache = layer.forward(h)
        caches.append(cache)
    n, k = h.shape
    v = np.zeros((k, n, k), x.dtype)
    v[range(k), :, range(k)] = 1  # rows of the identity
    rows = []  # what each layer gets on the way down
    for layer, cache in zip(layers[::-1], caches[::-1], strict=True):
        rows.insert(0, v)
        v = layer.vjp(v, cache)
    value = (v**2).sum() / n
    g = 2 * v / n
    second_order, grads = [], []
    for layer, v, cache in zip(layers, rows, caches, strict=True):
        g, term, direct = layer.double_backward(g, v, cache)
        second_order.append(term)
        grads.append(direct)
    da = np.zeros_like(h)
    for i in reversed(range(len(layers))):
        da, through = layers[i].backward(da, caches[i])
        if second_order[i] is not None:
            da = da + second_order[i]
        grads[i] = {name: grads[i].get(name, 0) + through[name] for name in through}
    return value, da, grads
    ### END SOLUTION


# %% [markdown]
# ## Check it yourself
#
# First, each `double_backward` against finite differences of $s$, with three rows:

# %% tags=["check"]
from tinyae.checking import gradcheck

rng = np.random.default_rng(0)
for layer in (Linear(4, 4, rng), Sigmoid(), Tanh(), Softmax()):
    x, dy, g = rng.normal(size=(5, 4)), *rng.normal(size=(2, 3, 5, 4))

    def s(dy, x, layer=layer, g=g):
        cache = layer.forward(x)[1]
        return (g * layer.vjp(dy, cache)).sum(), (dy, cache)

    def s_backward(ds, saved, layer=layer, g=g, x=x):
        d_dy, dx, _ = layer.double_backward(g, *saved)
        return ds * d_dy, ds * (np.zeros_like(x) if dx is None else dx)

    print(type(layer).__name__)
    print(gradcheck((s, s_backward), dy, x))

# %% [markdown]
# Then the penalty of a deep encoder, with the layers of the library, against the library's:

# %% tags=["check"]
import tinyae

net = tinyae.Sequential(
    tinyae.Linear(6, 5, rng=0),
    tinyae.Tanh(),
    tinyae.Linear(5, 4, rng=1),
    tinyae.Sigmoid(),
).astype(np.float64)
x = rng.normal(size=(3, 6))
value, dx, grads = omega(net.layers, x)
expected, expected_dx, expected_grads = tinyae.contractive(net, net.forward(x)[1])
print(f"value {value:.12f}, expected {expected:.12f}")
print("largest difference, dx:", np.abs(dx - expected_dx).max())
for name, gradient in expected_grads.items():
    i, key = name.split(".")
    print(f"largest difference, {name}:", np.abs(grads[int(i)][key] - gradient).max())

# %% nbgrader={"grade": true, "grade_id": "contractive_deep-grade", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
from tinyae.course import grade_names

result = grade_names(globals(), "contractive_deep")
print(result)
result.score
### END HIDDEN TESTS
