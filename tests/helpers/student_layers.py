"""A student's file with targets of every kind, to be checked in one and in two processes."""

import numpy as np

from tinyae import Linear, Sequential, Tanh


class Layer:
    def __init__(self, n=5):
        self.params = {"W": np.random.default_rng(0).standard_normal((4, n)) * 0.5}

    def forward(self, x):
        return np.tanh(x @ self.params["W"].T), x

    def backward(self, dy, x):
        dz = dy * (1 - np.tanh(x @ self.params["W"].T) ** 2)
        return dz @ self.params["W"], {"W": dz.T @ x}


class Dropout(Layer):
    def forward(self, x):
        mask = np.random.random(x.shape) < 0.5  # noqa: NPY002  the checker finds it out
        return x * mask, mask

    def backward(self, dy, mask):
        return dy * mask, {}


class Stale(Layer):
    def forward(self, x):
        self.x = x
        return super().forward(x)

    def backward(self, dy, x):
        return super().backward(dy, self.x)


class InPlace(Layer):
    def forward(self, x):
        y, x = super().forward(x)
        return y, (x, y)

    def backward(self, dy, cache):
        x, y = cache
        y *= y
        dy *= 1 - y
        return dy @ self.params["W"], {"W": dy.T @ x}


class Buffer(Layer):
    dx = np.zeros((3, 5))

    def backward(self, dy, x):
        dx, grads = super().backward(dy, x)
        self.dx[...] = dx
        return self.dx, grads


class Unlisted(Layer):
    def __init__(self):
        super().__init__()
        self.W = self.params.pop("W")

    def forward(self, x):
        return x @ self.W.T, None

    def backward(self, dy, _):
        return dy @ self.W, {}


class Domain(Layer):
    def forward(self, x):
        if x[0, 0] > 1.00001:
            raise ValueError("outside")
        return np.log(2 + x**2), x

    def backward(self, dy, x):
        return dy * 2 * x / (2 + x**2), {}


class TwoInputs:
    def forward(self, a, b):
        return (a * b, a + b), (a, b)

    def backward(self, dys, cache):
        (d, e), (a, b) = dys, cache
        return (d * b + e, d * a - e), {}


def scaled(x, w, settings):
    return settings["a"] * x * w, (x, w, settings)


def scaled_backward(dy, cache):
    x, w, settings = cache
    return settings["a"] * dy * w, (settings["a"] * dy * x).sum(axis=0), None


def sine(x):
    return np.sin(x)


def cosine(x):
    return np.cos(x)


def mse(y, t):
    return ((y - t) ** 2).mean(), (y - t) / y.size


def labels(x, i):
    return x[np.arange(len(i)), i].sum(), np.eye(x.shape[1])[i]


def length(encoder, caches):
    value = 0.5 * (encoder.params["W"] ** 2).sum()
    return value, None, {"W": encoder.params["W"].copy()}


def objective(model, x, rng):
    y, cache = model.forward(x + rng.standard_normal(x.shape))
    return 0.5 * (y**2).sum(), model.backward(y, cache)[1], {}


def shapes(x):
    return x @ x, x


def singular(x):
    return np.linalg.inv(0 * x), 1


net = Sequential(Linear(5, 4, rng=0), Tanh(), Linear(4, 2, rng=1))
