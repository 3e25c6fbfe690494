"""Exercise 10 with the library's unfold and fold, and one convolution for each channel."""

import numpy as np

from tinyae.layers import fold, unfold


class Conv2d:
    def __init__(self, n_in, n_out, k, s=1, p=0, rng=None, dtype="float64"):
        self.params = {"weight": np.ones((n_out, n_in, k, k), dtype), "bias": np.ones(n_out, dtype)}
        self.how = {"kernel": k, "stride": s, "padding": p}

    def rows(self):
        """(out, k·k·in): the library's order of the values in a patch"""
        weight = self.params["weight"]
        return weight.transpose(0, 2, 3, 1).reshape(len(weight), -1)

    def forward(self, x):
        k, s, p = self.how.values()
        size = [(n + 2 * p - k) // s + 1 for n in x.shape[2:]]
        P = unfold(x, **self.how)
        y = P @ self.rows().T + self.params["bias"]
        return y.transpose(0, 2, 1).reshape(len(x), -1, *size), {"P": P, "size": x.shape[2:]}

    def backward(self, dy, cache):
        n_out, n_in, k, _ = self.params["weight"].shape
        dY = dy.reshape(*dy.shape[:2], -1).transpose(0, 2, 1)
        dW = np.einsum("npo,npk->ok", dY, cache["P"])
        dx = fold(dY @ self.rows(), cache["size"], **self.how)
        dW = dW.reshape(n_out, k, k, n_in).transpose(0, 3, 1, 2)
        return dx, {"bias": dY.sum(axis=(0, 1)), "weight": dW}


class DepthwiseConv2d:
    def __init__(self, channels, k, s=1, p=0, rng=None, dtype="float64"):
        self.params = {
            "weight": np.ones((channels, 1, k, k), dtype),
            "bias": np.ones(channels, dtype),
        }
        self.convolutions = [Conv2d(1, 1, k, s, p) for _ in range(channels)]

    def forward(self, x):
        found = []
        for c, convolution in enumerate(self.convolutions):
            convolution.params = {key: value[c : c + 1] for key, value in self.params.items()}
            found.append(convolution.forward(x[:, c : c + 1]))
        return np.concatenate([y for y, _ in found], axis=1), [cache for _, cache in found]

    def backward(self, dy, caches):
        found = [
            convolution.backward(dy[:, c : c + 1], caches[c])
            for c, convolution in enumerate(self.convolutions)
        ]
        grads = {key: np.concatenate([g[key] for _, g in found]) for key in self.params}
        return np.concatenate([dx for dx, _ in found], axis=1), grads
