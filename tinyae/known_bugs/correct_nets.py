"""Correct nets: residual, tied, deep, with branches."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyae.known_bugs.correct_activations import Elementwise, Softmax, swish_slope
from tinyae.known_bugs.correct_base import Array, Rng, correct, sigmoid
from tinyae.known_bugs.correct_normalization import Norm, RMSNorm, batch_norm_1d, dense
from tinyae.layers import Layer, ReLU, Sequential, Sigmoid, Tanh


class Residual(Layer):
    """y = x + f(x)."""

    def __init__(self, f: Layer):
        self.f = f

    @property
    def params(self):
        return {f"f.{name}": a for name, a in self.f.params.items()}

    def forward(self, x: Array) -> tuple[Array, Any]:
        y, cache = self.f.forward(x)
        return x + y, cache

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        dx, grads = self.f.backward(dy, cache)
        return dy + dx, {f"f.{name}": g for name, g in grads.items()}


class Tied(Layer):
    """y = tanh(x Wᵀ + b) W + c: the weight is used twice."""

    def __init__(self, d: int, h: int, rng: Rng):
        self.params = {"W": rng.normal(size=(h, d)) / np.sqrt(d)}
        self.params |= {"b": 0.1 * rng.normal(size=h), "c": 0.1 * rng.normal(size=d)}

    def forward(self, x: Array) -> tuple[Array, Any]:
        z = np.tanh(x @ self.params["W"].T + self.params["b"])
        return z @ self.params["W"] + self.params["c"], (x, z)

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        x, z = cache
        da = dy @ self.params["W"].T * (1 - z**2)
        grads = {"W": da.T @ x + z.T @ dy, "b": da.sum(axis=0), "c": dy.sum(axis=0)}
        return da @ self.params["W"], grads


class Branches(Layer):
    """y = [f(x), g(x)] along the last axis."""

    def __init__(self, f: Layer, g: Layer):
        self.f, self.g = f, g

    @property
    def params(self):
        first = {f"f.{name}": a for name, a in self.f.params.items()}
        return first | {f"g.{name}": a for name, a in self.g.params.items()}

    def forward(self, x: Array) -> tuple[Array, Any]:
        (a, one), (b, two) = self.f.forward(x), self.g.forward(x)
        return np.concatenate([a, b], axis=-1), (one, two, a.shape[-1])

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        one, two, k = cache
        (da, grads), (db, more) = self.f.backward(dy[:, :k], one), self.g.backward(dy[:, k:], two)
        first = {f"f.{name}": g for name, g in grads.items()}
        return da + db, first | {f"g.{name}": g for name, g in more.items()}


class Reparameterize(Layer):
    """z = μ + ε exp(½ log σ²), x = [μ, log σ²] along the last axis, ε from a fixed seed."""

    def __init__(self, seed: int):
        self.seed = seed

    def forward(self, x: Array) -> tuple[Array, Any]:
        mean, logvar = np.split(x, 2, axis=-1)
        noise = np.random.default_rng(self.seed).normal(size=mean.shape) * np.exp(0.5 * logvar)
        return mean + noise, noise

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        return np.concatenate([dy, 0.5 * dy * cache], axis=-1), {}


def deep(rng: Rng, activation: Any, depth: int = 6, d: int = 6) -> Sequential:
    layers: list[Any] = []
    for _ in range(depth):
        layers += [dense(rng, d, d), activation()]
    return Sequential(*layers[:-1])


def rows(rng, scale, n=5, d=6):
    return (scale * rng.normal(size=(n, d)),)


@correct
def deep_tanh_net(rng, scale):
    """Six linear layers with tanh."""
    return deep(rng, Tanh), rows(rng, scale)


@correct
def deep_relu_net(rng, scale):
    """Six linear layers with ReLU: many kinks, each far away."""
    return deep(rng, ReLU), rows(rng, scale)


@correct
def deep_sigmoid_net(rng, scale):
    """Six linear layers with sigmoids: the first layer's gradient is about 1e-5 of the last
    one's."""
    return deep(rng, Sigmoid), rows(rng, scale)


@correct
def deep_swish_net(rng, scale):
    """Six linear layers with swish."""
    return deep(rng, lambda: Elementwise(lambda x: x * sigmoid(x), swish_slope)), rows(rng, scale)


@correct
def residual_block(rng, scale):
    """x + tanh(linear(x))."""
    return Residual(Sequential(dense(rng, 6, 6), Tanh())), rows(rng, scale)


@correct
def residual_block_zero(rng, scale):
    """x + f(x) where f's last weights are 0, as many nets start: f's first gradient is exactly
    0."""
    last = dense(rng, 6, 6)
    last.params["weight"][...] = 0
    return Residual(Sequential(dense(rng, 6, 6), Tanh(), last)), rows(rng, scale)


@correct
def residual_pre_norm(rng, scale):
    """x + linear(ReLU(linear(layer norm(x))))."""
    f = Sequential(Norm(-1, (6,), rng), dense(rng, 6, 8), ReLU(), dense(rng, 8, 6))
    return Residual(f), rows(rng, scale)


@correct
def residual_batch_norm(rng, scale):
    """Two residual blocks with batch norm."""
    blocks = [Residual(Sequential(dense(rng, 6, 6), batch_norm_1d(rng, 6), Tanh())) for _ in "ab"]
    return Sequential(*blocks), rows(rng, scale)


@correct
def residual_rms_deep(rng, scale):
    """Four residual blocks with RMS norm."""
    f = [Sequential(RMSNorm(6, rng), dense(rng, 6, 6), Tanh()) for _ in range(4)]
    return Sequential(*map(Residual, f)), rows(rng, scale)


@correct
def residual_that_cancels(rng, scale):
    """x + f(x) with f(x) = −x + 1e-3 tanh: dx is a small difference."""
    inner = dense(rng, 6, 6)
    inner.params["weight"][...] = -np.eye(6) + 1e-3 * inner.params["weight"]
    return Residual(inner), rows(rng, scale)


@correct
def tied_net(rng, scale):
    """A tied autoencoder."""
    return Tied(6, 3, rng), rows(rng, scale)


@correct
def concatenated_branches(rng, scale):
    """Two branches side by side."""
    f = Sequential(dense(rng, 6, 3), Tanh())
    return Branches(f, Sequential(dense(rng, 6, 2), ReLU())), rows(rng, scale)


@correct
def reparameterization(rng, scale):
    """A VAE's sample with fixed noise; log σ² stays between −3 and 3, whatever the scale."""
    mean, logvar = scale * rng.normal(size=(5, 3)), np.clip(rng.normal(size=(5, 3)), -3, 3)
    return Reparameterize(1), (np.concatenate([mean, logvar], axis=1),)


@correct
def classifier_with_softmax(rng, scale):
    """Linear, tanh, linear, softmax."""
    return Sequential(dense(rng, 6, 8), Tanh(), dense(rng, 8, 4), Softmax()), rows(rng, scale)


@correct
def mixture_of_two(rng, scale):
    """A softmax, squared and normalized again: sharpened targets."""
    sharpen = Elementwise(lambda x: x**2, lambda x: 2 * x)
    return Sequential(Softmax(), sharpen, Norm(-1, (4,), rng)), rows(rng, scale, d=4)
