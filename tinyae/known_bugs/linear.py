"""Wrong gradients of the fully connected layer, and what else a backward may not do."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.base import bug, dense, rows, with_bug
from tinyae.layers import Layer, Linear


@bug("weight", "factor")
def linear_half(rng):
    """dW is half of what it should be."""
    return with_bug(dense(rng), weight=lambda g, *_: g / 2), (rows(rng),)


@bug("weight", "factor")
def linear_sign(rng):
    """dW has the wrong sign."""
    return with_bug(dense(rng), weight=lambda g, *_: -g), (rows(rng),)


@bug("weight", "factor")
def linear_half_percent(rng):
    """dW is half a percent too large."""
    return with_bug(dense(rng), weight=lambda g, *_: 1.005 * g), (rows(rng),)


@bug("weight", "factor")
def linear_tiny_threefold(rng):
    """dW is three times too large where gradients are about 1e-7."""
    return with_bug(dense(rng), weight=lambda g, *_: 3 * g), (1e-7 * rows(rng),)


@bug("x", "factor")
def linear_tiny_weights_threefold(rng):
    """dx is three times too large where the weights, and so dx, are about 1e-7."""
    layer = dense(rng)
    layer.params["weight"] *= 1e-7
    return with_bug(layer, x=lambda g, *_: 3 * g), (rows(rng),)


@bug("bias", "factor")
def linear_bias_mean(rng):
    """db is the mean over the batch, not the sum."""
    return with_bug(dense(rng), bias=lambda g, dy, *_: dy.mean(axis=0)), (rows(rng),)


@bug("weight", "factor")
def linear_weight_times_n(rng):
    """dW is multiplied by the batch size."""
    return with_bug(dense(rng), weight=lambda g, dy, *_: g * len(dy)), (rows(rng),)


@bug("weight", "zero")
def linear_weight_zero(rng):
    """dW was never filled in."""
    return with_bug(dense(rng), weight=lambda g, *_: np.zeros_like(g)), (rows(rng),)


@bug("x", "zero")
def linear_x_zero(rng):
    """dx was never filled in."""
    return with_bug(dense(rng), x=lambda g, *_: np.zeros_like(g)), (rows(rng),)


@bug("x", "transpose")
def linear_x_transposed_weight(rng):
    """dx = dy Wᵀ for dy W, which runs where W is square."""
    return with_bug(dense(rng, 5, 5), x=lambda g, dy, x, layer: dy @ layer.params["weight"].T), (
        rows(rng),
    )


@bug("weight", "transpose")
def linear_weight_transposed(rng):
    """dW = xᵀ dy for dyᵀ x, which has the right shape where W is square."""
    return with_bug(dense(rng, 5, 5), weight=lambda g, dy, x, _: x.T @ dy), (rows(rng),)


@bug("weight", "transpose")
def linear_weight_transposed_shape(rng):
    """dW = xᵀ dy for dyᵀ x: (in, out) for (out, in)."""
    return with_bug(dense(rng), weight=lambda g, dy, x, _: x.T @ dy), (rows(rng),)


@bug("bias", "missing sum")
def linear_bias_not_summed(rng):
    """db = dy, without the sum over the batch."""
    return with_bug(dense(rng), bias=lambda g, dy, *_: dy), (rows(rng),)


@bug("bias", "shape")
def linear_bias_keepdims(rng):
    """db has shape (1, out)."""
    return with_bug(dense(rng), bias=lambda g, *_: g[None]), (rows(rng),)


@bug("bias", "one example")
def linear_bias_first_example(rng):
    """db is that of the first example."""
    return with_bug(dense(rng), bias=lambda g, dy, *_: dy[0]), (rows(rng),)


@bug("weight", "one example")
def linear_weight_last_example(rng):
    """dW is overwritten example by example: the last one stays."""
    return with_bug(dense(rng), weight=lambda g, dy, x, _: np.outer(dy[-1], x[-1])), (rows(rng),)


@bug("x", "one example")
def linear_x_first_example(rng):
    """dx is filled in for the first example only."""
    return with_bug(dense(rng), x=lambda g, *_: g * (np.arange(len(g)) == 0)[:, None]), (rows(rng),)


@bug("x", "bias in dx")
def linear_bias_in_dx(rng):
    """The bias is added on the way back too."""
    return with_bug(dense(rng, 5, 5), x=lambda g, dy, x, layer: g + layer.params["bias"]), (
        rows(rng),
    )


@bug("weight", "entries")
def linear_one_entry(rng):
    """One entry of dW in 192 is off by 1 %."""

    def spoil(g, *_):
        g = g.copy()
        g[3, 7] *= 1.01
        return g

    return with_bug(dense(rng, 16, 12), weight=spoil), (rows(rng, 6, 16),)


@bug("weight", "entries")
def linear_one_entry_of_many(rng):
    """One entry of dW in 120,000 is 0: no sample will meet it."""

    def spoil(g, *_):
        g = g.copy()
        g[17, 123] = 0
        return g

    return with_bug(dense(rng, 400, 300), weight=spoil), (rows(rng, 2, 400),)


@bug("weight", "decay")
def linear_weight_decay(rng):
    """Weight decay is added to the gradient, though it is not in the loss."""
    return with_bug(dense(rng), weight=lambda g, dy, x, layer: g + 0.01 * layer.params["weight"]), (
        rows(rng),
    )


@bug("weight", "ones")
def linear_ignores_dy(rng):
    """Backward ignores its dy and takes ones."""
    return with_bug(dense(rng), weight=lambda g, dy, x, _: np.ones_like(dy).T @ x), (rows(rng),)


@bug("weight", "permutation")
def linear_permuted_columns(rng):
    """dW and db come from permuted columns of dy. A cotangent of ones cannot see it."""
    order = np.array([1, 2, 0, 3])
    return with_bug(dense(rng), weight=lambda g, *_: g[order], bias=lambda g, *_: g[order]), (
        rows(rng),
    )


@bug("weight", "permutation")
def linear_reversed_rows(rng):
    """dW's rows are in reverse order."""
    return with_bug(dense(rng), weight=lambda g, *_: g[::-1]), (rows(rng),)


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

    def spoil(g, dy, x, _):
        return g / (x[:, :1].T @ x[:, :1] * 0)

    return with_bug(dense(rng), weight=spoil), (rows(rng),)


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
