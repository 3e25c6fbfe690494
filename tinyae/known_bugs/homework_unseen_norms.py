"""Unseen homework, first set: normalization, and nets in the style of micrograd."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.homework_base import homework


def rows(rng, n=6, d=5):
    return rng.normal(size=(n, d))


def group_norm(x, groups=2):
    n, c, h, w = x.shape
    g = x.reshape(n, groups, -1)
    s = 1 / np.sqrt(g.var(axis=2, keepdims=True) + 1e-5)
    y = (g - g.mean(axis=2, keepdims=True)) * s
    return y.reshape(x.shape), (y, s, x.shape)


@homework("x", r"\baxis\b|\baxes\b|group|over the wrong|other (rows|examples|channels)")
def group_norm_all_channels(rng):
    """Group norm: the means in backward run over all channels instead of one group."""

    def backward(dy, cache):
        y, s, shape = cache
        d = dy.reshape(y.shape)
        return (
            s
            * (
                d
                - d.mean(axis=(1, 2), keepdims=True)
                - y * (d * y).mean(axis=(1, 2), keepdims=True)
            )
        ).reshape(shape)

    return (group_norm, backward), (rng.normal(size=(2, 4, 3, 3)),)


@homework("x", r"variance|statistic|as if .*constant|as a constant")
def group_norm_constant_variance(rng):
    """Group norm: the variance was treated as a constant."""

    def backward(dy, cache):
        y, s, shape = cache
        d = dy.reshape(y.shape)
        return (s * (d - d.mean(axis=2, keepdims=True))).reshape(shape)

    return (group_norm, backward), (rng.normal(size=(2, 4, 3, 3)),)


@homework("x", r"1/N|batch size|divi|count|number of")
def instance_norm_divided_by_batch_too(rng):
    """Instance norm: the sums are divided by N·H·W, copied from batch norm."""

    def instance_norm(x):
        s = 1 / np.sqrt(x.var(axis=(2, 3), keepdims=True) + 1e-5)
        y = (x - x.mean(axis=(2, 3), keepdims=True)) * s
        return y, (y, s)

    def backward(dy, cache):
        y, s = cache
        m = dy.shape[0] * dy.shape[2] * dy.shape[3]
        total = dy.sum(axis=(2, 3), keepdims=True)
        return s * (dy - total / m - y * (dy * y).sum(axis=(2, 3), keepdims=True) / m)

    return (instance_norm, backward), (rng.normal(size=(3, 2, 4, 4)),)


@homework("x", r"batch size|1/N|divi|count|number of|\bN\b")
def layer_norm_n_for_d(rng):
    """Layer norm: the formula 1/N (N·dx̂ − Σ − x̂ Σ) with the batch size in the sums' place."""

    def layernorm(x, gamma, beta):
        istd = 1 / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
        xhat = (x - x.mean(axis=1, keepdims=True)) * istd
        return gamma * xhat + beta, (xhat, istd, gamma)

    def backward(dout, cache):
        xhat, istd, gamma = cache
        n, d = dout.shape
        dxhat = dout * gamma
        dx = (
            istd
            / n
            * (
                n * dxhat
                - dxhat.sum(axis=1, keepdims=True)
                - xhat * (dxhat * xhat).sum(axis=1, keepdims=True)
            )
        )
        return dx, (dout * xhat).sum(axis=0), dout.sum(axis=0)

    return (layernorm, backward), (
        rng.normal(size=(8, 5)),
        rng.normal(1, 0.3, 5),
        rng.normal(size=5),
    )


class Value:
    """An array with a gradient, and how to pass it on."""

    def __init__(self, data, parents=()):
        self.data, self.parents, self.grad, self.step = data, parents, 0.0, lambda: None

    def __add__(self, other):
        out = Value(self.data + other.data, (self, other))

        def step():
            self.grad = self.grad + out.grad
            other.grad = other.grad + out.grad

        out.step = step
        return out

    def mul(self, other, overwrite=False):
        out = Value(self.data * other.data, (self, other))

        def step():
            self.grad = (0.0 if overwrite else self.grad) + other.data * out.grad
            other.grad = (0.0 if overwrite else other.grad) + self.data * out.grad

        out.step = step
        return out

    def power(self, n, wrong=False):
        out = Value(self.data**n, (self,))

        def step():
            self.grad = self.grad + n * self.data ** (n if wrong else n - 1) * out.grad

        out.step = step
        return out

    def backward(self, dy):
        order, seen = [], set()

        def visit(v):
            if id(v) not in seen:
                seen.add(id(v))
                for p in v.parents:
                    visit(p)
                order.append(v)

        visit(self)
        self.grad = dy
        for v in reversed(order):
            v.step()


@homework("a", r"path|overwr|\+=|accumulat|used twice|term .*missing|second use|skip")
def micrograd_gradient_overwritten(rng):
    """micrograd: a·b + a; the product's step sets self.grad = where += belongs, after the sum."""

    def f(a, b):
        va, vb = Value(a), Value(b)
        out = va.mul(vb, overwrite=True) + va
        return out.data, (va, vb, out)

    def back(dy, cache):
        va, vb, out = cache
        va.grad = vb.grad = 0.0
        for p in out.parents:
            p.grad = 0.0
        out.backward(dy)
        return va.grad, vb.grad

    return (f, back), (rows(rng), rows(rng))


@homework("x", r"factor x|times x|× x|power|exponent|multiplied by x|by x\b")
def micrograd_power_rule(rng):
    """micrograd: the derivative of xⁿ is n·xⁿ⁻¹, I wrote n·xⁿ."""

    def cube(x):
        v = Value(x)
        out = v.power(3, wrong=True)
        return out.data, (v, out)

    def back(dy, cache):
        v, out = cache
        v.grad = 0.0
        out.backward(dy)
        return v.grad

    return (cube, back), (rows(rng),)


@homework("b", r"square|factor b|× b|times b|power|by b\b|1/b")
def division_square_forgotten(rng):
    """a / b: db = −a/b, the denominator's square is missing."""

    def divide(a, b):
        return a / b, (a, b)

    return (divide, lambda dy, c: (dy / c[1], -dy * c[0] / c[1])), (
        rows(rng),
        rng.uniform(0.5, 2, (6, 5)),
    )


@homework("x, w", r"path|term .*missing|skip|second use|used twice|branch")
def net_visited_in_the_wrong_order(rng):
    """h + h V: tanh's step ran before the sum's, so h's direct gradient is lost."""

    def net(x, w, v):
        h = np.tanh(x @ w)
        return h + h @ v, (x, w, v, h)

    def back(dy, cache):
        x, w, v, h = cache
        da = (dy @ v.T) * (1 - h**2)
        return da @ w.T, x.T @ da, h.T @ dy

    return (net, back), (rows(rng), rng.normal(size=(5, 4)), rng.normal(size=(4, 4)))
