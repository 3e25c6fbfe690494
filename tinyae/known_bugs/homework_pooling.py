"""Homework: pooling and upsampling."""

from __future__ import annotations

import numpy as np

from tinyae.known_bugs.base import with_bug
from tinyae.known_bugs.correct_convolution import (
    AveragePool,
    GlobalAveragePool,
    MaxPool,
    OverlappingMaxPool,
    PixelShuffle,
    Upsample,
    blocks,
    unblocks,
)
from tinyae.known_bugs.homework_base import homework
from tinyae.known_bugs.homework_convolution import ADD, images


@homework("x", r"\btie|equal (values|entries)|twice|doubl|several maxim|mask|x == |same maximum")
def max_pool_ties(rng):
    """Max pooling of an image with equal pixels: the mask x == max gives the gradient to each of
    them."""
    x = rng.integers(0, 3, (2, 2, 6, 6)).astype(float)

    def dx(g, dy, cache, layer):
        b, _ = cache
        return unblocks((b == b.max(axis=-1, keepdims=True)) * dy[..., None], 2)

    return with_bug(MaxPool(2), x=dx), (x,)


@homework("x", r"\ball\b|every|each entry|maximum|max|mask|whole window")
def max_pool_gradient_to_all(rng):
    """Max pooling: all four pixels of a window get the gradient."""
    return with_bug(MaxPool(2), x=lambda g, dy, *_: dy.repeat(2, 2).repeat(2, 3)), images(rng)


@homework("x", r"reshape|order|permut|rearrang|transpos|place|axes")
def max_pool_wrong_reshape(rng):
    """Max pooling: the windows are put back with a plain reshape, the axes not transposed."""

    def dx(g, dy, cache, layer):
        return blocks(g, 2).reshape(g.shape)

    return with_bug(MaxPool(2), x=dx), images(rng)


@homework("x", ADD)
def overlapping_max_pool_overwrites(rng):
    """Overlapping max pooling: dx[window] = where += belongs."""

    def dx(g, dy, cache, layer):
        shape, index = cache
        out = np.zeros(shape)
        n, c, h, w = np.indices(dy.shape)
        out[n, c, 2 * h + index // 3, 2 * w + index % 3] = dy
        return out

    return with_bug(OverlappingMaxPool(), x=dx), images(rng, h=9, w=9)


@homework("x", r"factor|times|1/4|window|divi|mean|k²|ratio")
def average_pool_not_divided(rng):
    """Average pooling: I forgot to divide by the window's size."""
    return with_bug(AveragePool(2), x=lambda g, *_: 4 * g), images(rng)


@homework("x", r"factor|times|window|divi|k²|ratio|3\b")
def average_pool_divided_by_k(rng):
    """Average pooling: divided by k, it must be k²."""
    return with_bug(AveragePool(3), x=lambda g, *_: 3 * g), images(rng)


@homework("x", r"tile|repeat|order|rearrang|permut|place")
def average_pool_tile_for_repeat(rng):
    """Average pooling: np.tile for np.repeat."""
    return with_bug(AveragePool(2), x=lambda g, dy, *_: np.tile(dy, (1, 1, 2, 2)) / 4), images(rng)


@homework("x", r"factor|pixels|mean|divi|number of|times|ratio")
def global_average_pool_not_divided(rng):
    """Global average pooling: dy is copied to all pixels and not divided by their number."""
    return with_bug(GlobalAveragePool(), x=lambda g, *_: 36 * g), images(rng)


@homework("x", r"mean|sum|factor|times|1/4|ratio")
def upsample_mean(rng):
    """Upsampling: the mean of the four pixels' gradients, it must be the sum."""
    return with_bug(Upsample(), x=lambda g, *_: g / 4), images(rng, h=3, w=3)


@homework("x", r"one of|only|sum|first|top")
def upsample_first_pixel(rng):
    """Upsampling: the gradient is taken from one of the four pixels."""
    return with_bug(Upsample(), x=lambda g, dy, *_: dy[:, :, ::2, ::2].copy()), images(rng, h=3)


@homework("x", r"reshape|order|permut|rearrang|transpos|place|axes")
def pixel_shuffle_reshape_only(rng):
    """Pixel shuffle: backward only reshapes, the axes are not put back in order."""
    return with_bug(PixelShuffle(), x=lambda g, dy, shape, _: dy.reshape(shape)), images(rng, c=4)
