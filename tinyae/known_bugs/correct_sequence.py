"""Correct layers of sequences: attention, recurrent steps, embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyae.known_bugs.correct_base import Array, Rng, correct, needing, sigmoid, softmax
from tinyae.known_bugs.correct_nets import Residual
from tinyae.known_bugs.correct_normalization import Norm
from tinyae.layers import Layer, Sequential


class Attention(Layer):
    """One head: y = softmax(q kᵀ / √d) v, with q = x Wq + bq and so on; x is (N, T, D)."""

    def __init__(self, d: int, rng: Rng, causal: bool = False):
        self.causal = causal
        self.params = {f"W{n}": rng.normal(size=(d, d)) / np.sqrt(d) for n in "qkv"}
        self.params |= {f"b{n}": rng.normal(size=d) for n in "qkv"}

    def forward(self, x: Array) -> tuple[Array, Any]:
        q, k, v = (x @ self.params[f"W{n}"] + self.params[f"b{n}"] for n in "qkv")
        scores = q @ k.swapaxes(1, 2) / np.sqrt(x.shape[2])
        if self.causal:
            scores = np.where(np.tri(x.shape[1], dtype=bool), scores, -np.inf)
        a = softmax(scores)
        return a @ v, (x, q, k, v, a)

    def score_gradient(self, dy: Array, cache: Any) -> Array:
        *_, v, a = cache
        da = dy @ v.swapaxes(1, 2)
        return a * (da - (da * a).sum(axis=-1, keepdims=True))

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        x, q, k, _, a = cache
        ds = self.score_gradient(dy, cache) / np.sqrt(x.shape[2])
        return self.collect(x, ds @ k, ds.swapaxes(1, 2) @ q, a.swapaxes(1, 2) @ dy)

    def collect(self, x: Array, *parts: Array) -> tuple[Array, dict[str, Array]]:
        """From the gradients at q, k and v to those of x and the parameters."""
        dx, grads = np.zeros_like(x), {}
        for n, d in zip("qkv", parts, strict=True):
            dx = dx + d @ self.params[f"W{n}"].T
            grads[f"W{n}"] = np.einsum("nti,ntj->ij", x, d)
            grads[f"b{n}"] = d.sum(axis=(0, 1))
        return dx, grads


class RNN(Layer):
    """h_t = tanh(x_t U + h_{t−1} W + b), x (N, T, D) -> the last h (N, H)."""

    def __init__(self, d: int, h: int, rng: Rng):
        self.params = {"U": rng.normal(size=(d, h)), "W": rng.normal(size=(h, h)) / np.sqrt(h)}
        self.params["b"] = 0.1 * rng.normal(size=h)

    def forward(self, x: Array) -> tuple[Array, Any]:
        hs = [np.zeros((len(x), len(self.params["b"])))]
        for t in range(x.shape[1]):
            hs.append(
                np.tanh(x[:, t] @ self.params["U"] + hs[-1] @ self.params["W"] + self.params["b"])
            )
        return hs[-1], (x, hs)

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        x, hs = cache
        dx, grads, dh = np.zeros_like(x), {n: np.zeros_like(p) for n, p in self.params.items()}, dy
        for t in reversed(range(x.shape[1])):
            da = dh * (1 - hs[t + 1] ** 2)
            grads["U"] += x[:, t].T @ da
            grads["W"] += hs[t].T @ da
            grads["b"] += da.sum(axis=0)
            dx[:, t], dh = da @ self.params["U"].T, da @ self.params["W"].T
        return dx, grads


class LSTMStep(Layer):
    """One step: gates i, f, o and candidate g from x U + h W + b; c′ = f c + i g, h′ = o
    tanh(c′)."""

    def __init__(self, d: int, h: int, rng: Rng):
        self.params = {
            "U": rng.normal(size=(d, 4 * h)),
            "W": rng.normal(size=(h, 4 * h)) / np.sqrt(h),
        }
        self.params["b"] = 0.1 * rng.normal(size=4 * h)

    def forward(self, x: Array, h: Array, c: Array) -> tuple[tuple[Array, Array], Any]:  # type: ignore[override]
        a = x @ self.params["U"] + h @ self.params["W"] + self.params["b"]
        i, f, o, g = np.split(a, 4, axis=1)
        i, f, o, g = sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(g)
        c2 = f * c + i * g
        return (o * np.tanh(c2), c2), (x, h, c, i, f, o, g, np.tanh(c2))

    def backward(self, dy: tuple[Array, Array], cache: Any) -> Any:
        dh, dc = dy
        x, h, c, i, f, o, g, t = cache
        dc = dc + dh * o * (1 - t**2)
        gates = (
            dc * g * i * (1 - i),
            dc * c * f * (1 - f),
            dh * t * o * (1 - o),
            dc * i * (1 - g**2),
        )
        return self.collect(x, h, np.concatenate(gates, axis=1), dc * f)

    def collect(self, x: Array, h: Array, da: Array, dc: Array) -> Any:
        """From the gradients at the gates' sums and at the old c to those of inputs and
        parameters."""
        dx, dh = da @ self.params["U"].T, da @ self.params["W"].T
        return (dx, dh, dc), {"U": x.T @ da, "W": h.T @ da, "b": da.sum(axis=0)}


class GRUStep(Layer):
    """One step: z, r = σ(x U + h W), n = tanh(x V + (r h) R), h′ = (1 − z) n + z h."""

    def __init__(self, d: int, h: int, rng: Rng):
        self.params = {
            "U": rng.normal(size=(d, 2 * h)),
            "W": rng.normal(size=(h, 2 * h)) / np.sqrt(h),
        }
        self.params |= {"V": rng.normal(size=(d, h)), "R": rng.normal(size=(h, h)) / np.sqrt(h)}

    def forward(self, x: Array, h: Array) -> tuple[Array, Any]:  # type: ignore[override]
        z, r = np.split(sigmoid(x @ self.params["U"] + h @ self.params["W"]), 2, axis=1)
        n = np.tanh(x @ self.params["V"] + (r * h) @ self.params["R"])
        return (1 - z) * n + z * h, (x, h, z, r, n)

    def backward(self, dy: Array, cache: Any) -> Any:
        x, h, z, r, n = cache
        dn = dy * (1 - z) * (1 - n**2)
        drh = dn @ self.params["R"].T
        da = np.concatenate([dy * (h - n) * z * (1 - z), drh * h * r * (1 - r)], axis=1)
        return self.collect(x, h, r, da, dn, dy * z + drh * r)

    def collect(self, x: Array, h: Array, r: Array, da: Array, dn: Array, dh: Array) -> Any:
        """From the gradients at the sums (da, dn) and the direct part of dh to all gradients."""
        dx = da @ self.params["U"].T + dn @ self.params["V"].T
        grads = {"U": x.T @ da, "W": h.T @ da, "V": x.T @ dn, "R": (r * h).T @ dn}
        return (dx, dh + da @ self.params["W"].T), grads


class Embedding(Layer):
    """y = E[index]: a row of E for each integer. The integers have no gradient."""

    def __init__(self, words: int, d: int, rng: Rng):
        self.params = {"weight": rng.normal(size=(words, d))}

    def forward(self, index: Array) -> tuple[Array, Any]:
        return self.params["weight"][index], index

    def backward(self, dy: Array, cache: Any) -> Any:
        dw = np.zeros_like(self.params["weight"])
        np.add.at(dw, cache, dy)
        return None, {"weight": dw}


def sequence(rng, scale, n=2, t=5, d=4):
    return (scale * rng.normal(size=(n, t, d)),)


@correct
def attention(rng, scale):
    """One head of attention: the gradient of the keys' bias is exactly 0."""
    return Attention(4, rng), sequence(rng, scale)


@correct
def causal_attention(rng, scale):
    """Attention to earlier places only."""
    return Attention(4, rng, causal=True), sequence(rng, scale)


@correct
def transformer_half(rng, scale):
    """x + attention(layer norm(x))."""
    return Residual(Sequential(Norm(-1, (4,), rng), Attention(4, rng))), sequence(rng, scale)


@correct
def recurrent_net(rng, scale):
    """Five steps of a tanh recurrent net."""
    return RNN(4, 3, rng), sequence(rng, scale)


@needing("several outputs")
def lstm_step(rng, scale):
    """One step of an LSTM: three inputs, two outputs."""
    x, h, c = scale * rng.normal(size=(3, 4)), rng.normal(size=(3, 5)), rng.normal(size=(3, 5))
    return LSTMStep(4, 5, rng), (x, h, c)


@needing("several inputs")
def gru_step(rng, scale):
    """One step of a GRU: two inputs."""
    return GRUStep(4, 5, rng), (scale * rng.normal(size=(3, 4)), rng.normal(size=(3, 5)))


@needing("integer inputs")
def embedding(rng, scale):
    """An embedding of integers, some of them repeated, others absent."""
    layer = Embedding(7, 3, rng)
    layer.params["weight"] *= scale
    return layer, (np.array([[0, 2, 2], [5, 0, 2]]),)
