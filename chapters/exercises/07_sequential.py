# %% [markdown]
# # Exercise 7 · Layers in a row, and around a shortcut
#
# *Chapter 1, "The code", and chapter 0, section 8. 12 points. About 60 minutes.*
#
# A container is a layer that is made of layers. It has `forward(x)`, which returns `y, cache`,
# `backward(dy, cache)`, which returns `dx, grads`, and a dict `params`. Write three of them:
#
# **`Sequential(layers)`** applies a list of layers one after the other,
# $y = f_L(\dots f_2(f_1(x)))$. Backward visits them from the last to the first, each with the cache
# of its own forward pass. The keys of `params` and `grads` are the layer's place in the list and
# the name of its parameter, such as `"0.weight"` and `"2.bias"`. A layer can be a `Sequential`
# itself (`"1.0.weight"`), and the same layer can occur twice. Then each place has a gradient of its
# own.
#
# **`Residual(layer)`** adds a shortcut around a layer, $y = x + f(x)$. It has the `params` and
# `grads` of its layer, under the same names. The input is used twice: what does that mean for $dx$?
#
# **`Autoencoder(encoder, decoder)`** computes $z = f(x)$ and $\hat x = g(z)$. It also has
# `encode(x)`, which returns $z$. Its keys start with `"encoder."` and `"decoder."`, such as
# `"encoder.0.weight"`.
#
# `params` has the very arrays that the layers use, not copies. An optimizer changes them in place,
# and the layers must see that. (`params` can be a dict or a property.) Store nothing between
# forward and backward, except in the cache.

# %%
import numpy as np


def prefixed(dicts):
    """{"0": {"weight": w}} -> {"0.weight": w}. You may use it, or not."""
    return {f"{first}.{name}": a for first, d in dicts.items() for name, a in d.items()}


# %% nbgrader={"grade": false, "grade_id": "sequential-solution", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Sequential:
    def __init__(self, layers):
        self.layers = list(layers)

    @property
    def params(self):
        ### BEGIN SOLUTION
        return prefixed({i: layer.params for i, layer in enumerate(self.layers)})
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        caches = []
        for layer in self.layers:
            x, cache = layer.forward(x)
            caches.append(cache)
        return x, caches
        ### END SOLUTION

    def backward(self, dy, cache):
        ### BEGIN SOLUTION
        grads = {}
        for i in reversed(range(len(self.layers))):
            dy, grads[i] = self.layers[i].backward(dy, cache[i])
        return dy, prefixed(grads)
        ### END SOLUTION


class Residual:
    def __init__(self, layer):
        self.layer = layer

    @property
    def params(self):
        ### BEGIN SOLUTION
        return self.layer.params
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        y, cache = self.layer.forward(x)
        return x + y, cache
        ### END SOLUTION

    def backward(self, dy, cache):
        ### BEGIN SOLUTION
        dx, grads = self.layer.backward(dy, cache)
        return dy + dx, grads  # one term for each use of x
        ### END SOLUTION


class Autoencoder:
    def __init__(self, encoder, decoder):
        self.encoder, self.decoder = encoder, decoder

    @property
    def params(self):
        ### BEGIN SOLUTION
        return prefixed(
            {"encoder": self.encoder.params, "decoder": self.decoder.params}
        )
        ### END SOLUTION

    def encode(self, x):
        ### BEGIN SOLUTION
        return self.encoder.forward(x)[0]
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        z, encoder_cache = self.encoder.forward(x)
        y, decoder_cache = self.decoder.forward(z)
        return y, (encoder_cache, decoder_cache)
        ### END SOLUTION

    def backward(self, dy, cache):
        ### BEGIN SOLUTION
        encoder_cache, decoder_cache = cache
        dz, decoder_grads = self.decoder.backward(dy, decoder_cache)
        dx, encoder_grads = self.encoder.backward(dz, encoder_cache)
        return dx, prefixed({"encoder": encoder_grads, "decoder": decoder_grads})
        ### END SOLUTION


# %% [markdown]
# ## Check it yourself
#
# The layers in these checks are tinyae's. The checker moves every entry of every parameter, through
# `params`. Do all seven tensors appear, under their names?

# %% tags=["check"]
from itertools import pairwise

from tinyae import Linear, Tanh
from tinyae.checking import gradcheck


def net(sizes, rng):
    layers = []
    for n, m in pairwise(sizes):
        layers += [Linear(n, m, rng=rng, dtype=np.float64), Tanh()]
    return layers[:-1]


rng = np.random.default_rng(0)
x = rng.normal(size=(5, 4))
print(gradcheck(Sequential(net([4, 6, 3, 2], rng)), x), "\n")
print(
    gradcheck(Sequential([Residual(Sequential(net([4, 6, 4], rng))), Tanh()]), x), "\n"
)
print(
    gradcheck(
        Autoencoder(Sequential(net([4, 3], rng)), Sequential(net([3, 4], rng))), x
    )
)

# %% [markdown]
# Why shortcuts? Here are 30 layers of tanh, with and without. The aim: without shortcuts,
# the gradient at the input is almost 0. With them, it is not.

# %% tags=["check"]
dy = np.ones((5, 4))
for name, wrap in {"plain": lambda block: block, "residual": Residual}.items():
    blocks = [
        wrap(Sequential([Linear(4, 4, rng=i, dtype=np.float64), Tanh()]))
        for i in range(30)
    ]
    deep = Sequential(blocks)
    dx, _ = deep.backward(dy, deep.forward(x)[1])
    print(f"{name:8}  mean |dx| after 30 layers: {np.abs(dx).mean():.1e}")

# %% nbgrader={"grade": true, "grade_id": "sequential-grade", "locked": true, "points": 12, "schema_version": 3, "solution": false, "task": false}
### BEGIN HIDDEN TESTS
from tinyae.course import grade_names

result = grade_names(globals(), "sequential")
print(result)
result.score
### END HIDDEN TESTS
