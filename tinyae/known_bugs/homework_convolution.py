"""Homework on convolution, pooling and images."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.base import up, with_bug
from tinyae.known_bugs.correct_convolution import Conv, DepthwiseConv, SqueezeExcite
from tinyae.known_bugs.homework_base import homework
from tinyae.layers import Layer

ADD = r"\+=|overwr|overlap|accumulat|add(ed)? up"
EDGE = r"edge|border|last (row|column)|far|margin"


def images(rng, c=2, h=6, w=6, n=2):
    return (rng.normal(size=(n, c, h, w)),)


@homework("x", EDGE, r"padding|cut|cropp")
def conv_padding_cut_at_one_side(rng):
    """Convolution with padding: I cut 2p off the far side, it must be p off each side."""

    class CutAtOneSide(Conv):
        def cut(self, dx):
            return dx[:, :, : dx.shape[2] - 2 * self.padding, : dx.shape[3] - 2 * self.padding]

    return CutAtOneSide(2, 3, rng, padding=1), images(rng)


@homework("x", r"padding|shape|cut|cropp", EDGE)
def conv_padding_not_cut(rng):
    """Convolution with padding: dx still has the padded shape."""

    class NotCut(Conv):
        def cut(self, dx):
            return dx

    return NotCut(2, 3, rng, padding=1), images(rng)


@homework("x", EDGE, r"zero")
def conv_far_edge(rng):
    """Convolution: the loop over the output ends one too early, and the far edge gets no
    gradient."""

    def dx(g, dy, cache, layer):
        short = dy.copy()
        short[:, :, -1], short[:, :, :, -1] = 0, 0
        return Conv.backward(layer, short, cache)[0]

    return with_bug(Conv(2, 3, rng), x=dx), images(rng)


@homework("weight", r"one example|last example|first example|overwr|\+=|accumulat|batch")
def conv_weight_overwritten(rng):
    """Convolution: dW = over the loop of examples where += belongs, the last example stays."""

    def weight(g, dy, cache, layer):
        return Conv.backward(layer, dy[-1:], cache[-1:])[1]["weight"]

    return with_bug(Conv(2, 3, rng), weight=weight), images(rng)


@homework("x", ADD)
def conv_x_overwritten(rng):
    """Convolution: dx[window] = where += belongs."""

    def dx(g, dy, cache, layer):
        out, w = np.zeros_like(cache), layer.params["weight"]
        for i in range(dy.shape[2]):
            for j in range(dy.shape[3]):
                patch = np.einsum("nb,bakl->nakl", dy[:, :, i, j], w)
                out[:, :, i : i + 3, j : j + 3] = patch
        return out

    return with_bug(Conv(2, 3, rng), x=dx), images(rng)


@homework("x", r"stride")
def conv_stride_forgotten_in_x(rng):
    """Convolution with stride 2: dx is put at i where i·stride belongs."""

    def dx(g, dy, cache, layer):
        out, w = np.zeros_like(cache), layer.params["weight"]
        for i in range(dy.shape[2]):
            for j in range(dy.shape[3]):
                out[:, :, i : i + 3, j : j + 3] += np.einsum("nb,bakl->nakl", dy[:, :, i, j], w)
        return out

    return with_bug(Conv(2, 3, rng, stride=2), x=dx), images(rng, h=7, w=7)


@homework("weight", r"stride")
def conv_stride_forgotten_in_weight(rng):
    """Convolution with stride 2: dW reads the windows at i where i·stride belongs."""

    def weight(g, dy, cache, layer):
        out = np.zeros_like(g)
        for i in range(dy.shape[2]):
            for j in range(dy.shape[3]):
                window = cache[:, :, i : i + 3, j : j + 3]
                out += np.einsum("nb,nakl->bakl", dy[:, :, i, j], window)
        return out

    return with_bug(Conv(2, 3, rng, stride=2), weight=weight), images(rng, h=7, w=7)


@homework("x", r"flip|rotat|180|mirror|revers")
def conv_kernel_not_flipped(rng):
    """Convolution: dx is a convolution of dy with the kernel, which must be flipped."""

    def dx(g, dy, cache, layer):
        w = layer.params["weight"][:, :, ::-1, ::-1]
        out = np.zeros_like(cache)
        for i, j in layer.places():
            out[layer.window(i, j, *dy.shape[2:])] += np.einsum("nbhw,ba->nahw", dy, w[:, :, i, j])
        return out

    return with_bug(Conv(2, 3, rng), x=dx), images(rng)


@homework("bias", r"\baxis\b|\baxes\b|shape|sum|pixels|positions")
def conv_bias_wrong_axes(rng):
    """Convolution: db is summed over the last two axes only and then averaged over the batch."""
    return with_bug(
        Conv(2, 3, rng), bias=lambda g, dy, *_: dy.sum(axis=(2, 3)).mean(axis=0)
    ), images(rng)


@homework("bias", r"\baxis\b|\baxes\b|shape|channel")
def conv_bias_channel_axis(rng):
    """Convolution with as many channels as output rows: db is summed over (0, 1, 3)."""
    return with_bug(Conv(2, 4, rng), bias=lambda g, dy, *_: dy.sum(axis=(0, 1, 3))), images(rng)


@homework("weight", r"channel|transpos|swap|order|axes|permut")
def conv_weight_channels_swapped(rng):
    """Convolution with as many input as output channels: dW has the two channel axes swapped."""
    return with_bug(Conv(3, 3, rng), weight=lambda g, *_: g.swapaxes(0, 1)), images(rng, c=3)


@homework("x", r"dilat")
def conv_dilation_forgotten(rng):
    """Convolution with dilation 2: backward puts the kernel's places next to each other."""

    def dx(g, dy, cache, layer):
        out, w, (oh, ow) = np.zeros_like(cache), layer.params["weight"], dy.shape[2:]
        for i, j in layer.places():
            out[:, :, i : i + oh, j : j + ow] += np.einsum("nbhw,ba->nahw", dy, w[:, :, i, j])
        return out

    return with_bug(Conv(2, 3, rng, dilation=2), x=dx), images(rng)


@homework("x", r"channel")
def depthwise_channels_mixed(rng):
    """Depthwise convolution: each channel gets the sum of all channels' gradients."""
    return with_bug(
        DepthwiseConv(3, rng),
        x=lambda g, *_: np.broadcast_to(g.sum(axis=1, keepdims=True), g.shape).copy(),
    ), images(rng, c=3)


@homework("weight", r"channel|same|mean|averag|sum")
def depthwise_weight_shared(rng):
    """Depthwise convolution: dW is summed over the channels, the same for each."""
    return with_bug(
        DepthwiseConv(3, rng), weight=lambda g, *_: np.broadcast_to(g.sum(axis=0), g.shape).copy()
    ), images(rng, c=3)


@homework("x", r"stride|interleav|zeros between|every second|offset|shift")
def transposed_conv_shifted(rng):
    """Transposed convolution with stride 2: backward reads dy one pixel to the side."""
    layer = up(rng, stride=2, padding=1)

    def dx(g, dy, cache, layer):
        return np.roll(g, 1, axis=3)

    return with_bug(layer, x=dx), (rng.normal(size=(2, 3, 4, 4)),)


@homework("weight", r"flip|rotat|180|mirror|revers")
def transposed_conv_weight_flipped(rng):
    """Transposed convolution: dW is flipped."""
    layer = up(rng)
    return with_bug(layer, weight=lambda g, *_: g[:, :, ::-1, ::-1].copy()), images(rng, c=3)


class FortranFlatten(Layer):
    """Flatten; backward reshapes in another order."""

    def forward(self, x):
        return x.reshape(len(x), -1), x.shape

    def backward(self, dy, shape):
        n, c, h, w = shape
        return dy.reshape(n, h, w, c).transpose(0, 3, 1, 2), {}


@homework("x", r"reshape|order|permut|rearrang|channel|transpos|axes")
def flatten_channels_last(rng):
    """Flatten: backward reshapes to channels last, forward flattened channels first."""
    return FortranFlatten(), images(rng, c=3, h=4, w=4)


@homework("x", r"path|gate|missing|term|branch|second")
def squeeze_excite_gate_path(rng):
    """Squeeze and excite: dx = dy·g, the path through the gate is missing."""
    return with_bug(
        SqueezeExcite(3, rng), x=lambda g, dy, c, _: dy * c[1][:, :, None, None]
    ), images(rng, c=3)
