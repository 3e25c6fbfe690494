"""A linear layer that accumulates, overwrites, forgets, or computes in the wrong precision."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.base import bug, dense, rows, with_bug
from tinyae.layers import Layer, Linear


@bug("weight", "second call")
def linear_accumulates(rng):
    """Gradients are added to those of the last call, and nobody set them to zero."""

    class Accumulates(Linear):
        def backward(self, dy, x):
            dx, grads = super().backward(dy, x)
            self.sum = {n: g + getattr(self, "sum", {}).get(n, 0) for n, g in grads.items()}
            return dx, dict(self.sum)

    return Accumulates(5, 4, rng=rng), (rows(rng),)


@bug("dy", "overwritten")
def linear_overwrites_dy(rng):
    """dy is scaled in place: whoever passed it in has other numbers now."""

    class Overwrites(Linear):
        def backward(self, dy, x):
            gradients = super().backward(dy, x)
            dy *= 0.5
            return gradients

    return Overwrites(5, 4, rng=rng), (rows(rng),)


@bug("x", "overwritten")
def linear_overwrites_x(rng):
    """The input is centered in place."""

    class Overwrites(Linear):
        def forward(self, x):
            x -= x.mean()
            return super().forward(x)

    return Overwrites(5, 4, rng=rng), (rows(rng),)


@bug("weight", "overwritten")
def linear_updates_in_backward(rng):
    """Backward takes an SGD step, so the gradient can neither be read nor checked (a popular
    repository does this)."""

    class Updates(Linear):
        def backward(self, dy, x):
            dx, grads = super().backward(dy, x)
            self.params["weight"] -= 0.01 * grads["weight"]
            return dx, grads

    return Updates(5, 4, rng=rng), (rows(rng),)


@bug("bias", "missing")
def linear_no_bias_gradient(rng):
    """db is not returned."""

    class Missing(Linear):
        def backward(self, dy, x):
            dx, grads = super().backward(dy, x)
            return dx, {"weight": grads["weight"]}

    return Missing(5, 4, rng=rng), (rows(rng),)


@bug("dW", "extra")
def linear_other_name(rng):
    """The gradient is returned as "dW", so no optimizer will find it."""

    class Renamed(Linear):
        def backward(self, dy, x):
            dx, grads = super().backward(dy, x)
            return dx, {"dW": grads["weight"], "bias": grads["bias"]}

    return Renamed(5, 4, rng=rng), (rows(rng),)


@bug("bias", "flat")
def linear_bias_unused(rng):
    """forward forgets the bias, backward does not."""

    class Unused(Linear):
        def forward(self, x):
            return x @ self.params["weight"].T, x

    return Unused(5, 4, rng=rng), (rows(rng),)


@bug("weight", "dtype")
def linear_float32_gradient(rng):
    """dW is made as float32, whatever came in."""
    return with_bug(dense(rng), weight=lambda g, *_: g.astype(np.float32)), (rows(rng),)


@bug("weight", "nan")
def linear_nan(rng):
    """dW is divided by a norm that can be 0."""

    def wrong(g, dy, x, _):
        return g / (x[:, :1].T @ x[:, :1] * 0)

    return with_bug(dense(rng), weight=wrong), (rows(rng),)


@bug("x", "linear")
def linear_not_linear_in_dy(rng):
    """dx is clipped inside the layer: no longer linear in dy."""
    return with_bug(dense(rng), x=lambda g, *_: np.clip(g, -0.3, 0.3)), (rows(rng),)


@bug("y", "random")
def linear_unseeded_noise(rng):
    """Noise from np.random without a seed: no two calls agree."""

    class Noisy(Linear):
        def forward(self, x):
            return super().forward(x * (np.random.random(x.shape) > 0.5))  # noqa: NPY002

    return Noisy(5, 4, rng=rng), (rows(rng),)


@bug("y", "state")
def dropout_keeps_generator(rng):
    """Dropout with a generator of its own, which goes on with each call."""

    class Dropout(Layer):
        rng = None

        def forward(self, x):
            mask = self.rng.random(x.shape) > 0.5
            return x * mask, mask

        def backward(self, dy, mask):
            return dy * mask, {}

    layer = Dropout()
    layer.rng = np.random.default_rng(0)
    return layer, (rows(rng),)


@bug("weight", "noisy", "dtype")
def linear_float32_inside(rng):
    """forward computes in float32 and casts back: half of the digits are gone."""

    class Narrow(Linear):
        def forward(self, x):
            y, _ = super().forward(x)
            return y.astype(np.float32).astype(np.float64), x

    return Narrow(5, 4, rng=rng), (rows(rng),)
