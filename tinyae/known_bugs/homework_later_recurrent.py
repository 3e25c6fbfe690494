"""Unseen homework, second set: normalization and recurrent nets."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.correct_base import sigmoid
from tinyae.known_bugs.homework_base import homework
from tinyae.layers import Layer

PATH = r"path|term|branch|as a constant"


def rows(rng, n=6, d=5):
    return rng.normal(size=(n, d))


def images(rng, n=2, c=2, h=6, w=6):
    return rng.normal(size=(n, c, h, w))


def batchnorm(x, gamma, beta):
    mu = x.mean(axis=0)
    xmu = x - mu
    var = (xmu**2).mean(axis=0)
    sqrtvar = np.sqrt(var + 1e-5)
    ivar = 1.0 / sqrtvar
    xhat = xmu * ivar
    return gamma * xhat + beta, (xhat, gamma, xmu, ivar, sqrtvar, var)


def staged(half=0.5, sign=-1.0, mean=True):
    def backward(dout, cache):
        xhat, gamma, xmu, ivar, sqrtvar, var = cache
        n = len(dout)
        dxhat = dout * gamma
        divar = (dxhat * xmu).sum(axis=0)
        dsqrtvar = sign / sqrtvar**2 * divar
        dvar = half / np.sqrt(var + 1e-5) * dsqrtvar
        dxmu = dxhat * ivar + 2 * xmu / n * dvar
        dmu = -dxmu.sum(axis=0) if mean else 0
        return dxmu + dmu / n, (dout * xhat).sum(axis=0), dout.sum(axis=0)

    return backward


@homework("x", r"½|half|factor|2 times|twice|sqrt")
def staged_batch_norm_half(rng):
    """Staged batch norm: the ½ of the square root's derivative is missing."""
    return (batchnorm, staged(half=1.0)), (rows(rng), rng.normal(1, 0.3, 5), rng.normal(size=5))


@homework("x", r"sign")
def staged_batch_norm_sign(rng):
    """Staged batch norm: the derivative of 1/s is −1/s², the minus is missing."""
    return (batchnorm, staged(sign=1.0)), (rows(rng), rng.normal(1, 0.3, 5), rng.normal(size=5))


@homework("gamma", r"normalized|x_?hat|xmu|raw input|another array|where .* belongs|1/|divi")
def batch_norm_gamma_not_divided(rng):
    """Batch norm: dγ = Σ dout·(x − μ), not divided by σ."""

    def backward(dout, cache):
        dx, _, dbeta = staged()(dout, cache)
        return dx, (dout * cache[2]).sum(axis=0), dbeta

    return (batchnorm, backward), (rows(rng), rng.normal(1, 0.3, 5), rng.normal(size=5))


@homework("x", r"mean|as a constant|path|statistic")
def instance_norm_mean_forgotten(rng):
    """Instance norm: the mean's path is missing."""

    def norm(x):
        m = x.mean(axis=(2, 3), keepdims=True)
        s = np.sqrt(x.var(axis=(2, 3), keepdims=True) + 1e-5)
        y = (x - m) / s
        return y, (y, s)

    return (
        norm,
        lambda dy, c: (dy - c[0] * (dy * c[0]).mean(axis=(2, 3), keepdims=True)) / c[1],
    ), (images(rng, h=4, w=4),)


def lstm(x, h, c, w):
    a = np.concatenate([x, h], axis=1) @ w
    i, f, o, g = np.split(a, 4, axis=1)
    i, f, o, g = sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(g)
    c2 = f * c + i * g
    return o * np.tanh(c2), (x, h, c, w, i, f, o, g, c2)


def lstm_back(o_slope=lambda o: o * (1 - o), tanh_slope=lambda t: 1 - t**2):
    def back(dh, cache):
        x, h, c, w, i, f, o, g, c2 = cache
        t = np.tanh(c2)
        do, dc = dh * t, dh * o * tanh_slope(t)
        da = np.concatenate(
            [dc * g * i * (1 - i), dc * c * f * (1 - f), do * o_slope(o), dc * i * (1 - g**2)],
            axis=1,
        )
        dxh = da @ w.T
        return (
            dxh[:, : x.shape[1]],
            dxh[:, x.shape[1] :],
            dc * f,
            np.concatenate([x, h], axis=1).T @ da,
        )

    return back


def lstm_inputs(rng):
    return rows(rng, 3, 2), rows(rng, 3, 4), rows(rng, 3, 4), rng.normal(size=(6, 16))


@homework("x, h, w", r"slope|derivative|sigmoid|tanh\(0")
def lstm_output_gate_slope(rng):
    """LSTM: the output gate's slope o(1 − o) is forgotten."""
    return (lstm, lstm_back(o_slope=np.ones_like)), lstm_inputs(rng)


@homework("x, h, c, w", r"tanh|slope|derivative")
def lstm_cell_tanh_slope(rng):
    """LSTM: the tanh of the cell has the slope 1 − t, the square is missing."""
    return (lstm, lstm_back(tanh_slope=lambda t: 1 - t)), lstm_inputs(rng)


def gru(x, h, wr, wn, un):
    r = sigmoid(x @ wr)
    u = h @ un
    n = np.tanh(x @ wn + r * u)
    return 0.5 * h + 0.5 * n, (x, h, wr, wn, un, r, u, n)


@homework("x, wr", r"\bu\b|h @ un|another array|where .* belongs")
def gru_reset_uses_h(rng):
    """GRU: dr = dn·h, it must be dn·(h U)."""

    def back(dy, cache):
        x, h, wr, wn, un, r, u, n = cache
        da = 0.5 * dy * (1 - n**2)
        dr = da * h * r * (1 - r)
        du = da * r
        return dr @ wr.T + da @ wn.T, 0.5 * dy + du @ un.T, x.T @ dr, x.T @ da, h.T @ du

    m = lambda a, b: rng.normal(size=(a, b))  # noqa: E731
    return (gru, back), (rows(rng, 4, 3), rows(rng, 4, 4), m(3, 4), m(3, 4), m(4, 4))


@homework("x", r"revers|flip|order|permut|places|axis 1")
def bidirectional_not_flipped_back(rng):
    """Two directions over time: the backward direction's dx is not flipped back."""

    def both(x, u, v):
        return np.tanh(x @ u) + np.tanh(x[:, ::-1] @ v), (x, u, v)

    def back(dy, cache):
        x, u, v = cache
        da = dy * (1 - np.tanh(x @ u) ** 2)
        db = dy * (1 - np.tanh(x[:, ::-1] @ v) ** 2)
        du = np.einsum("ntd,nth->dh", x, da)
        return da @ u.T + db @ v.T, du, np.einsum("ntd,nth->dh", x[:, ::-1], db)

    return (both, back), (
        rng.normal(size=(2, 4, 3)),
        rng.normal(size=(3, 3)),
        rng.normal(size=(3, 3)),
    )


@homework("w", r"last|first|time|step|\+=|overwr|loop|passe?s?\b")
def rnn_weight_last_step_missing(rng):
    """A recurrent net: the loop over time in backward ends one step too early."""

    def rnn(x, w):
        h = np.zeros((len(x), 3))
        for t in range(x.shape[1]):
            h = np.tanh(x[:, t] + h @ w)
        return h, None

    class Net(Layer):
        def __init__(self):
            self.params = {"w": rng.normal(size=(3, 3))}

        def forward(self, x):
            h, hs = np.zeros((len(x), 3)), []
            for t in range(x.shape[1]):
                hs.append(h)
                h = np.tanh(x[:, t] + h @ self.params["w"])
            return h, (x, [*hs, h])

        def backward(self, dy, cache):
            x, hs = cache
            dx, dw, dh = np.zeros_like(x), np.zeros((3, 3)), dy
            for t in reversed(range(x.shape[1])):
                da = dh * (1 - hs[t + 1] ** 2)
                dx[:, t] = da
                dw += hs[t].T @ da if t > 1 else 0
                dh = da @ self.params["w"].T
            return dx, {"w": dw}

    return Net(), (rng.normal(size=(2, 4, 3)),)
