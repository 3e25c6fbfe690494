"""Wrong gradients of the fully connected layer, and what else a backward may not do."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.base import bug, dense, rows, with_bug


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

    def wrong(g, *_):
        g = g.copy()
        g[3, 7] *= 1.01
        return g

    return with_bug(dense(rng, 16, 12), weight=wrong), (rows(rng, 6, 16),)


@bug("weight", "entries")
def linear_one_entry_of_many(rng):
    """One entry of dW in 120,000 is 0: no sample will meet it."""

    def wrong(g, *_):
        g = g.copy()
        g[17, 123] = 0
        return g

    return with_bug(dense(rng, 400, 300), weight=wrong), (rows(rng, 2, 400),)


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
