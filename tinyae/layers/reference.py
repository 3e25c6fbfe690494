"""Convolution as textbooks write it: six loops and a product. Slow; the fast layers are tested
against it.

Only the batch axis has no loop: every line works on all N examples at once.
"""

from __future__ import annotations

import numpy as np

from tinyae.backend import Array

Pair = tuple[int, int]


def conv2d_loops(
    x: Array,
    w: Array,
    b: Array | None = None,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
) -> Array:
    """``y[n, o, i, j] = b[o] + Σ_{c,u,v} w[o, c, u, v] · x[n, c, i·s + u·d − p, j·s + v·d − p]``,
    with stride s, padding p, dilation d, and x = 0 outside the image.

    x: (N, C, H, W), w: (O, C, kh, kw), b: (O,) -> y: (N, O, Ho, Wo). All settings are pairs
    (vertical, horizontal).

    Example:
        >>> from tinyae.layers.reference import conv2d_loops
        >>> layer = Conv2d(2, 3, kernel_size=3, padding=1, rng=0)
        >>> x = np.random.default_rng(0).normal(size=(4, 2, 6, 6))
        >>> w, b = layer.params["weight"], layer.params["bias"]
        >>> y = conv2d_loops(x, w, b, padding=(1, 1))
        >>> bool(np.allclose(y, layer(x)))
        True
    """
    (n, _, height, width), (channels_out, channels_in, kh, kw) = x.shape, w.shape
    ho = (height + 2 * padding[0] - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    wo = (width + 2 * padding[1] - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    y = np.zeros_like(x, shape=(n, channels_out, ho, wo))
    for o in range(channels_out):
        for i in range(ho):
            for j in range(wo):
                for c in range(channels_in):
                    for u in range(kh):
                        for v in range(kw):
                            row = i * stride[0] + u * dilation[0] - padding[0]
                            column = j * stride[1] + v * dilation[1] - padding[1]
                            if 0 <= row < height and 0 <= column < width:
                                y[:, o, i, j] += w[o, c, u, v] * x[:, c, row, column]
    return y if b is None else y + b[:, None, None]


def conv_transpose2d_loops(
    x: Array,
    w: Array,
    b: Array | None = None,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    output_padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
) -> Array:
    """``y[n, o, i·s + u·d − p, j·s + v·d − p] += w[c, o, u, v] · x[n, c, i, j]``; what falls
    outside y is dropped.

    x: (N, C, H, W), w: (C, O, kh, kw), b: (O,) -> y: (N, O, Ho, Wo). The loops of ``conv2d_loops``
    with the roles of the two images exchanged: ``conv2d_loops`` computes where to read, these loops
    compute where to write.

    Example:
        >>> from tinyae.layers.reference import conv_transpose2d_loops
        >>> layer = ConvTranspose2d(2, 3, kernel_size=3, stride=2, rng=0)
        >>> x = np.random.default_rng(0).normal(size=(4, 2, 5, 5))
        >>> w, b = layer.params["weight"], layer.params["bias"]
        >>> y = conv_transpose2d_loops(x, w, b, stride=(2, 2))
        >>> bool(np.allclose(y, layer(x)))
        True
    """
    (n, channels_in, height, width), (_, channels_out, kh, kw) = x.shape, w.shape
    ho = (height - 1) * stride[0] - 2 * padding[0] + dilation[0] * (kh - 1) + output_padding[0] + 1
    wo = (width - 1) * stride[1] - 2 * padding[1] + dilation[1] * (kw - 1) + output_padding[1] + 1
    y = np.zeros_like(x, shape=(n, channels_out, ho, wo))
    for o in range(channels_out):
        for i in range(height):
            for j in range(width):
                for c in range(channels_in):
                    for u in range(kh):
                        for v in range(kw):
                            row = i * stride[0] + u * dilation[0] - padding[0]
                            column = j * stride[1] + v * dilation[1] - padding[1]
                            if 0 <= row < ho and 0 <= column < wo:
                                y[:, o, row, column] += w[c, o, u, v] * x[:, c, i, j]
    return y if b is None else y + b[:, None, None]


def conv2d_loops_backward(
    dy: Array,
    x: Array,
    w: Array,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
) -> tuple[Array, Array, Array]:
    """``dx, dw, db`` of ``conv2d_loops``: the innermost line ``y += w · x`` becomes ``dx += w ·
    dy`` and ``dw += x · dy``."""
    (height, width), (channels_out, channels_in, kh, kw) = x.shape[2:], w.shape
    ho, wo = dy.shape[2:]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for o in range(channels_out):
        for i in range(ho):
            for j in range(wo):
                for c in range(channels_in):
                    for u in range(kh):
                        for v in range(kw):
                            row = i * stride[0] + u * dilation[0] - padding[0]
                            column = j * stride[1] + v * dilation[1] - padding[1]
                            if 0 <= row < height and 0 <= column < width:
                                dx[:, c, row, column] += w[o, c, u, v] * dy[:, o, i, j]
                                dw[o, c, u, v] += (x[:, c, row, column] * dy[:, o, i, j]).sum()
    return dx, dw, dy.sum(axis=(0, 2, 3))
