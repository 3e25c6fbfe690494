"""Wrong gradients of Conv2d and ConvTranspose2d."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.base import bug, conv, images, up, with_bug
from tinyae.layers import Conv2d


@bug("weight", "flip")
def conv_flipped_weight(rng):
    """dW is turned by 180°: correlation and convolution mixed up."""
    return with_bug(conv(rng), weight=lambda g, *_: g[:, :, ::-1, ::-1]), (images(rng),)


@bug("x", "flip")
def conv_x_unflipped(rng):
    """dx from a kernel that was not turned: right for symmetric kernels only."""

    class Unflipped(Conv2d):
        def backward(self, dy, cache):
            kernel = self.params["weight"]
            grads = super().backward(dy, cache)[1]
            turned = Conv2d(2, 3, 3, rng=0, dtype=dy.dtype)
            turned.params = {"weight": kernel[:, :, ::-1, ::-1], "bias": self.params["bias"]}
            return turned.backward(dy, turned.forward(np.zeros((len(dy), 2, 6, 6)))[1])[0], grads

    return Unflipped(2, 3, 3, rng=rng, dtype=np.float64), (images(rng),)


@bug("weight", "swapped axes")
def conv_swapped_axes(rng):
    """dW has height and width swapped."""
    return with_bug(conv(rng), weight=lambda g, *_: g.swapaxes(2, 3)), (images(rng),)


@bug("weight", "swapped axes")
def conv_swapped_channels(rng):
    """dW has input and output channels swapped, which runs where there are as many of both."""
    return with_bug(conv(rng, 3, 3), weight=lambda g, *_: g.swapaxes(0, 1)), (images(rng, c=3),)


@bug("bias", "missing sum")
def conv_bias_over_batch_only(rng):
    """db is summed over the batch, not over the pixels."""
    return with_bug(conv(rng), bias=lambda g, dy, *_: dy.sum(axis=0)), (images(rng),)


@bug("bias", "missing sum")
def conv_bias_over_pixels_only(rng):
    """db is summed over the pixels, not over the batch."""
    return with_bug(conv(rng), bias=lambda g, dy, *_: dy.sum(axis=(2, 3))), (images(rng),)


@bug("bias", "factor")
def conv_bias_mean_over_pixels(rng):
    """db is the mean over the pixels."""
    return with_bug(conv(rng), bias=lambda g, dy, *_: dy.mean(axis=(2, 3)).sum(axis=0)), (
        images(rng),
    )


@bug("x", "border")
def conv_border(rng):
    """With padding, dx is 0 at the border: the padding was cut off twice."""

    def wrong(g, *_):
        g = g.copy()
        g[:, :, [0, -1]] = 0
        g[:, :, :, [0, -1]] = 0
        return g

    return with_bug(conv(rng, padding=1), x=wrong), (images(rng, h=7, w=7),)


@bug("x", "border")
def conv_far_edge(rng):
    """The last row and column of dx are lost."""

    def wrong(g, *_):
        g = g.copy()
        g[:, :, -1] = 0
        g[:, :, :, -1] = 0
        return g

    return with_bug(conv(rng), x=wrong), (images(rng, h=7, w=6),)


@bug("x", "stride")
def conv_stride(rng):
    """With stride 2, every second row of dx is 0: rows between the windows' starts are
    forgotten."""

    def wrong(g, *_):
        g = g.copy()
        g[:, :, 1::2] = 0
        return g

    return with_bug(conv(rng, stride=2), x=wrong), (images(rng, h=9, w=9),)


@bug("x", "stride")
def conv_stride_both(rng):
    """With stride 2, dx is right at even rows and columns only."""

    def wrong(g, *_):
        out = np.zeros_like(g)
        out[:, :, ::2, ::2] = g[:, :, ::2, ::2]
        return out

    return with_bug(conv(rng, stride=2), x=wrong), (images(rng, h=9, w=9),)


@bug("x", "overwritten sum")
def conv_overlap_assigned(rng):
    """Overlapping windows are assigned where they must be added."""

    class Assigned(Conv2d):
        def backward(self, dy, cache):
            dx, grads = super().backward(dy, cache)
            out = np.zeros_like(dx)
            patches = np.einsum("noij,ockl->nijckl", dy, self.params["weight"])
            for i in range(dy.shape[2]):
                for j in range(dy.shape[3]):
                    out[:, :, i : i + 3, j : j + 3] = patches[:, i, j]
            return out, grads

    return Assigned(2, 3, 3, rng=rng, dtype=np.float64), (images(rng),)


@bug("weight", "slices")
def conv_one_filter(rng):
    """dW is filled in for all filters but the last."""
    return with_bug(
        conv(rng, b=4), weight=lambda g, *_: g * (np.arange(4) < 3)[:, None, None, None]
    ), (images(rng),)


@bug("weight", "one example")
def conv_first_image(rng):
    """dW of the first image only."""

    def wrong(g, dy, cache, layer):
        only = np.where(np.arange(len(dy))[:, None, None, None] == 0, dy, 0)
        return Conv2d.backward(layer, only, cache)[1]["weight"]

    return with_bug(conv(rng), weight=wrong), (images(rng),)


@bug("weight", "flip")
def up_flipped_weight(rng):
    """ConvTranspose2d: dW is turned by 180°."""
    return with_bug(up(rng), weight=lambda g, *_: g[:, :, ::-1, ::-1]), (
        images(rng, c=3, h=4, w=4),
    )


@bug("x", "factor")
def up_x_doubled(rng):
    """ConvTranspose2d: dx is twice too large."""
    return with_bug(up(rng, stride=2), x=lambda g, *_: 2 * g), (images(rng, c=3, h=4, w=4),)


@bug("bias", "missing sum")
def up_bias_over_batch_only(rng):
    """ConvTranspose2d: db is not summed over the pixels."""
    return with_bug(up(rng), bias=lambda g, dy, *_: dy.sum(axis=0)), (images(rng, c=3, h=4, w=4),)


@bug("weight", "permutation")
def up_reversed_channels(rng):
    """ConvTranspose2d: dW's output channels are in reverse order."""
    return with_bug(up(rng, b=4), weight=lambda g, *_: g[:, ::-1]), (images(rng, c=3, h=4, w=4),)
