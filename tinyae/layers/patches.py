"""The patches of an image: ``unfold`` cuts them out, ``fold`` adds them back. One is the transpose
of the other.

Images have the shape (N, C, H, W) but are stored channels-last, (N, H, W, C). Then a row of pixels
of a patch is k·C consecutive values, and consecutive values are fast to copy.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinyae import compiled
from tinyae._validate import check_array, short
from tinyae.backend import Array, namespace

Pair = tuple[int, int]


def unfold(
    x: Array,
    kernel: int | Pair,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
) -> Array:
    """The patches of an image, one per row: (N, C, H, W) -> (N, Ho·Wo, kh·kw·C). The C channels of
    a pixel are next to each other.

    Patch (i, j) holds the pixels (i·stride + u·dilation, j·stride + v·dilation) of the padded
    image, for 0 ≤ u < kh and 0 ≤ v < kw. The number of patches in a column is

        ``Ho = ⌊(H + 2·padding − dilation·(kh − 1) − 1) / stride⌋ + 1``

    so pixels at the far edge that no patch reaches are left out, as in PyTorch. (The function
    ``torch.nn.functional.unfold`` returns the same values as (N, C·kh·kw, Ho·Wo).) All settings
    are integers or pairs (vertical, horizontal).

    Raises:
        ValueError: a setting is out of range, x is not (N, C, H, W) or smaller than the kernel.

    Example:
        >>> from tinyae.layers import unfold
        >>> unfold(np.arange(9.0).reshape(1, 1, 3, 3), kernel=2)
        array([[[0., 1., 3., 4.],
                [1., 2., 4., 5.],
                [3., 4., 6., 7.],
                [4., 5., 7., 8.]]])
    """
    window = Window.checked("unfold", kernel, stride, padding, dilation)
    check_array("unfold", "input", x, kinds="fcOiub", axes=0)
    if x.ndim != 4:
        raise ValueError(f"unfold: input has shape {x.shape}, expected (N, C, H, W)")
    ho, wo = window.output_size("unfold", x.shape[2:])
    kh, kw = window.kernel
    return cut_patches(x, (ho, wo), window).reshape(len(x), ho * wo, kh * kw * x.shape[1])


def fold(
    patches: Array,
    size: Pair,
    kernel: int | Pair,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
) -> Array:
    """The transpose of ``unfold``: (N, Ho·Wo, kh·kw·C) -> (N, C, *size). Every entry is added to
    the pixel from which ``unfold`` would have copied it.

    ``Σ unfold(x) · c = Σ x · fold(c)`` for every x and c. Pixels that no patch reaches become 0.

    Raises:
        ValueError: a setting is out of range, or the patches do not fit an image of this size.

    Example:
        >>> from tinyae.layers import fold, unfold
        >>> x = np.ones((1, 1, 3, 3))
        >>> fold(unfold(x, kernel=2), (3, 3), kernel=2)  # in how many patches each pixel is
        array([[[[1., 2., 1.],
                 [2., 4., 2.],
                 [1., 2., 1.]]]])
    """
    check_array("fold", "patches", patches, kinds="fcOiub")
    size = as_pair("fold", "size", size, least=1)
    window = Window.checked("fold", kernel, stride, padding, dilation)
    ho, wo = window.output_size("fold", size)
    kh, kw = window.kernel
    if patches.ndim != 3 or patches.shape[1] != ho * wo or patches.shape[2] % (kh * kw):
        raise ValueError(
            f"fold: patches have shape {patches.shape}, but an image of {size[0]}×{size[1]} pixels "
            f"has {ho}·{wo} patches, expected (N, {ho * wo}, {kh * kw}·C)"
        )
    rows = patches.reshape(len(patches), ho, wo, kh, kw, patches.shape[2] // (kh * kw))
    shape = len(rows), *size, rows.shape[-1]
    image = np.empty_like(rows, shape=shape, order="C").transpose(0, 3, 1, 2)
    add_patches(rows, image, window)
    return image


class Window(NamedTuple):
    """How a kernel moves over an image. All four are pairs (vertical, horizontal)."""

    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair

    @classmethod
    def checked(cls, name: str, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Window:
        """From integers or pairs. ``name`` is named in the error messages.

        Raises:
            ValueError: a setting is out of range.
        """
        return cls(
            as_pair(name, "kernel_size", kernel, least=1),
            as_pair(name, "stride", stride, least=1),
            as_pair(name, "padding", padding, least=0),
            as_pair(name, "dilation", dilation, least=1),
        )

    def output_size(self, name: Any, size: Any) -> Pair:
        """(Ho, Wo), how many patches an image of this (H, W) has: its output positions.

        Raises:
            ValueError: the kernel does not fit into the image.
        """
        ho, wo = (
            (h + 2 * p - d * (k - 1) - 1) // s + 1
            for h, k, s, p, d in zip(size, *self, strict=True)
        )
        if min(ho, wo) < 1:
            reach = [d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True)]
            raise ValueError(
                f"{name}: a kernel that reaches over {reach[0]}×{reach[1]} pixels does not fit "
                f"into an image of {size[0]}×{size[1]}; "
                "the rule: H + 2·padding ≥ dilation·(kernel − 1) + 1"
            )
        return ho, wo


def cut_patches(x: Array, out_size: Pair, window: Window) -> Array:
    """(N, C, H, W) -> (N, Ho, Wo, kh, kw, C): a view of the padded image, no copy of the
    patches."""
    (ho, wo), ((kh, kw), (sh, sw), (ph, pw), (dh, dw)) = out_size, window
    x = x.transpose(0, 2, 3, 1)  # (N, H, W, C), the order in memory
    if ph or pw:
        n, h, w, c = x.shape
        padded = np.zeros_like(x, shape=(n, h + 2 * ph, w + 2 * pw, c), order="C")
        padded[:, ph : ph + h, pw : pw + w] = x
        x = padded
    n, h, w, c = x.shape
    if (ho - 1) * sh + dh * (kh - 1) >= h or (wo - 1) * sw + dw * (kw - 1) >= w:
        raise ValueError(f"cut_patches: {ho}×{wo} patches do not fit an image of {h}×{w} pixels")
    # The next patch begins ``stride`` pixels further on; inside a patch, the next row or column is
    # ``dilation`` pixels away. A view may step through memory like that.
    image, row, column, channel = x.strides
    shape = n, ho, wo, kh, kw, c
    steps = image, sh * row, sw * column, dh * row, dw * column, channel
    return namespace(x).lib.stride_tricks.as_strided(x, shape, steps)


def patch_rows(x: Array, out_size: Pair, window: Window) -> Array:
    """(N, C, H, W) -> (N·Ho·Wo, kh·kw·C): the patches, one per row. A copy, unless one patch is the
    whole image."""
    rows = len(x) * out_size[0] * out_size[1]
    stored = x.transpose(0, 2, 3, 1)
    if out_size != (1, 1) and (loop := compiled.loop("unfold", stored)):
        patches = np.empty((len(x), *out_size, *window.kernel, x.shape[1]), x.dtype)
        loop(stored, patches, *window[1:])
        return patches.reshape(rows, -1)
    return cut_patches(x, out_size, window).reshape(rows, -1)


def add_patches(patches: Array, image: Array, window: Window) -> None:
    """(N, Ho, Wo, kh, kw, C) -> (N, C, H, W), written into ``image``: the transpose of
    ``cut_patches``. It adds up all patches at once, one kernel position (u, v) after the other."""
    n, ho, wo, _, _, c = patches.shape
    (h, w), ((kh, kw), (sh, sw), (ph, pw), (dh, dw)) = image.shape[2:], window
    stored = image.transpose(0, 2, 3, 1)  # (N, H, W, C), the order in memory
    one_patch_is_the_image = (ho, wo, kh, kw, ph, pw, dh, dw) == (1, 1, h, w, 0, 0, 1, 1)
    if one_patch_is_the_image:
        stored[...] = patches.reshape(n, h, w, c)
        return
    if loop := compiled.loop("fold", patches, stored):
        loop(patches, stored, *window[1:])
        return
    x = np.zeros_like(patches, shape=(n, h + 2 * ph, w + 2 * pw, c), order="C")
    for u in range(kh):
        for v in range(kw):
            top, left = u * dh, v * dw
            x[:, top : top + ho * sh : sh, left : left + wo * sw : sw] += patches[:, :, :, u, v]
    stored[...] = x[:, ph : ph + h, pw : pw + w]


def as_pair(name: str, setting: str, value: Any, least: int) -> Pair:
    """3 -> (3, 3); (3, 5) stays (3, 5).

    Raises:
        ValueError: not an integer or a pair of integers, or one is below ``least``.
    """
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(pair) != 2 or not all(
        isinstance(v, int | np.integer) and not isinstance(v, bool) and v >= least for v in pair
    ):
        raise ValueError(
            f"{name}: {setting} is {short(value)}, expected an integer of at least {least}, "
            "or a pair of them"
        )
    return int(pair[0]), int(pair[1])


def pair_text(pair: Pair) -> str:
    """(3, 3) -> "3"; (3, 5) -> "3×5"."""
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}×{pair[1]}"


def pixels(x: Array) -> Array:
    """(N, C, H, W) -> (N·H·W, C): one row per pixel. A view if x is stored channels-last."""
    return x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1])
