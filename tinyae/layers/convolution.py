"""Convolution and transposed convolution.

A convolution is a Linear layer applied to patches. ``unfold`` cuts an image into patches, one per
row. ``fold`` is its transpose: it adds each row back to where it was cut out. With a weight matrix
W, one row per filter,

    Conv2d            y = W · unfold(x)         dx = fold(Wᵀ · dy)         dW = Σ dy · unfold(x)ᵀ
    ConvTranspose2d   y = fold(Wᵀ · x)          dx = W · unfold(dy)        dW = Σ x · unfold(dy)ᵀ

Compare the two lines: they are the same three products, with two roles exchanged. One array is the
*image*, which is cut into patches. The other has one value per patch and filter, at the *output
positions* of the convolution. ``Convolution`` has the three products, ``correlate``,
``correlate_transpose`` and ``filter_gradient``. The two layers only say which array has which role.

Arrays have the shape (N, C, H, W) but are stored channels-last; ``patches`` explains why. The slow
loops that define a convolution are in ``reference``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import DTypeLike

from tinyae._validate import as_rng, check_array, check_dtype, check_flag, check_int, check_shape
from tinyae.backend import Array, Rng, block_size
from tinyae.layers.base import Gradients, LinearMap, uniform_init
from tinyae.layers.patches import Pair, Window, add_patches, as_pair, pair_text, patch_rows, pixels

__all__ = ["Conv2d", "ConvTranspose2d", "Convolution"]

# Patches are made in chunks of this many entries: 2 MiB in float32, so that they are still in the
# processor's cache when they are used.
CHUNK = 1 << 19


class Convolution(LinearMap):
    """What Conv2d and ConvTranspose2d share: the weights (A, B, kh, kw) and three products.

    The image has the shape (N, B, H, W). The values at the output positions, one per patch and
    filter, have the shape (N, A, Ho, Wo). ``forward`` is ``jvp`` plus the bias, since a linear map
    is its own derivative.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        filters_and_image_channels: Pair,
        window: Window,
        bias: bool,
        rng: Rng,
        dtype: DTypeLike,
    ) -> None:
        name = f"{type(self).__name__}: {in_channels} → {out_channels} channels"
        check_int(name, "in_channels", in_channels)
        check_int(name, "out_channels", out_channels)
        check_flag(name, "bias", bias)
        check_dtype(name, dtype)
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.stride, self.padding, self.dilation = self.window = window
        rng = as_rng(name, rng)
        a, b = filters_and_image_channels
        kh, kw = self.kernel_size
        fan_in = b * kh * kw  # PyTorch counts it like this for both layers
        # The order in memory is that of the patches, so that the weight matrix is a view.
        channels_last = uniform_init((a, kh, kw, b), fan_in, rng, dtype)
        self.params = {"weight": channels_last.transpose(0, 3, 1, 2)}
        if bias:
            self.params["bias"] = uniform_init((out_channels,), fan_in, rng, dtype)

    def forward(self, x: Array) -> tuple[Array, Array]:
        self._check(x)
        return self.add_bias(self.jvp(x, x)), x

    def backward(self, dy: Array, x: Array) -> tuple[Array, Gradients]:
        return self.vjp(dy, x), self.parameter_gradients(dy, x)

    def correlate(self, image: Array, out_size: Pair) -> Array:
        """``W · unfold(image)``: (..., N, B, H, W) -> (..., N, A, *out_size). The value at an
        output position is the product of its patch with each filter."""
        w = self._matrix()  # (A, kh·kw·B)
        images = image.reshape(-1, *image.shape[-3:])  # probes are more examples
        dtype, shape = np.result_type(images.dtype, w.dtype), (len(images), *out_size, len(w))
        values = np.empty_like(images, dtype, "C", shape=shape)
        for chunk, patches in self._chunks(images, out_size):  # (n·Ho·Wo, kh·kw·B)
            np.matmul(patches, w.T, out=values[chunk].reshape(-1, len(w)))  # into values: a view
        return values.transpose(0, 3, 1, 2).reshape(*image.shape[:-3], len(w), *out_size)

    def correlate_transpose(self, values: Array, size: Pair) -> Array:
        """``fold(Wᵀ · values)``: (..., N, A, Ho, Wo) -> (..., N, B, *size), the transpose of
        ``correlate``. Each output position adds the filters, times its values, to its patch."""
        w = self._matrix()  # (A, kh·kw·B)
        examples = values.reshape(-1, *values.shape[-3:])  # probes are more examples
        n, _, ho, wo = examples.shape
        (kh, kw), b = self.kernel_size, self.params["weight"].shape[1]
        dtype, shape = np.result_type(examples.dtype, w.dtype), (n, *size, b)
        image = np.empty_like(examples, dtype, "C", shape=shape).transpose(0, 3, 1, 2)
        for chunk in self._slices(n, (ho, wo)):
            patches = (pixels(examples[chunk]) @ w).reshape(-1, ho, wo, kh, kw, b)
            add_patches(patches, image[chunk], self.window)
        return image.reshape(*values.shape[:-3], b, *size)

    def filter_gradient(self, image: Array, values: Array) -> Array:
        """``Σ values · unfold(image)ᵀ``, the sum over examples and output positions: (A, B, kh,
        kw), the shape of the weights."""
        a, b, kh, kw = self.params["weight"].shape
        total: Array = None
        for chunk, patches in self._chunks(image, values.shape[2:]):
            product = pixels(values[chunk]).T @ patches  # (A, n·Ho·Wo) (n·Ho·Wo, kh·kw·B)
            total = product if total is None else np.add(total, product, out=total)
        if total is None:  # a batch of 0 examples
            total = np.zeros_like(self._matrix())
        return total.reshape(a, kh, kw, b).transpose(0, 3, 1, 2)

    def bias_gradient(self, dy: Array) -> Array:
        rows = pixels(dy)  # (N·H·W, out)
        return np.ones_like(rows[:, 0]) @ rows  # their sum: BLAS adds faster than sum(axis=0)

    def _matrix(self) -> Array:
        w = self.params["weight"]
        return w.transpose(0, 2, 3, 1).reshape(len(w), -1)  # (A, kh·kw·B)

    def _chunks(self, image: Array, out_size: Pair) -> Iterator[tuple[slice, Array]]:
        """A few examples at a time, so that the patches' memory does not grow with the batch."""
        for chunk in self._slices(len(image), out_size):
            yield chunk, patch_rows(image[chunk], out_size, self.window)

    def _slices(self, n: int, out_size: Pair) -> list[slice]:
        w, positions = self.params["weight"], out_size[0] * out_size[1]
        entries = positions * (w.size // len(w))  # in the patches of one example
        step = max(1, block_size(w, CHUNK) // entries if positions > 1 else n)
        return [slice(start, start + step) for start in range(0, n, step)]

    def _check(self, x: Array) -> None:
        check_array(self, "input", x, axes=0)
        channels, hint = self.in_channels, ""
        if x.ndim == 4 and x.shape[1] == channels:
            return
        if x.ndim == 4 and x.shape[3] == channels:
            hint = ": this looks like (N, H, W, C): x.transpose(0, 3, 1, 2)"
        elif x.ndim == 3 and x.shape[0] == channels:
            hint = ": a single image needs x[None]"
        elif x.ndim == 3:
            hint = ": x[:, None] adds the channel"
        elif x.ndim == 2:
            hint = ": flat rows need x.reshape(N, C, H, W) first"
        raise ValueError(
            f"{self!r}: input has shape {x.shape}, expected (N, {channels}, H, W){hint}"
        )

    def __repr__(self) -> str:
        parts = [
            f"{self.in_channels} → {self.out_channels}",
            f"kernel {pair_text(self.kernel_size)}",
        ]
        defaults = {"stride": (1, 1), "padding": (0, 0), "output_padding": (0, 0)}
        for name, default in (defaults | {"dilation": (1, 1)}).items():
            value = getattr(self, name, default)
            parts += [f"{name} {pair_text(value)}"] if value != default else []
        parts += [] if "bias" in self.params else ["no bias"]
        return f"{type(self).__name__}({', '.join(parts)})"


class Conv2d(Convolution):
    """Convolution (in this field: cross-correlation), (N, C, H, W) -> (N, out, Ho, Wo).

        ``y[n, o, i, j] = b[o] + Σ_{c,u,v} W[o, c, u, v] · x[n, c, i·s + u·d − p, j·s + v·d − p]``
        ``Ho = ⌊(H + 2p − d·(kh − 1) − 1) / s⌋ + 1``

    with stride s, padding p, dilation d, and x = 0 outside the image. Weights (out, in, kh, kw),
    bias (out,), settings, defaults and initialization as in PyTorch. ``kernel_size``, ``stride``,
    ``padding`` and ``dilation`` are integers or pairs (vertical, horizontal).

    Raises:
        ValueError: a setting is out of range.
        ValueError: in a call, x is not (N, ``in_channels``, H, W) or smaller than the kernel.

    Example:
        >>> layer = Conv2d(1, 8, kernel_size=3, stride=2, padding=1, rng=0)
        >>> layer.params["weight"].shape
        (8, 1, 3, 3)
        >>> layer(np.zeros((5, 1, 28, 28), np.float32)).shape
        (5, 8, 14, 14)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        dilation: int | Pair = 1,
        bias: bool = True,
        rng: Rng = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        window = Window.checked("Conv2d", kernel_size, stride, padding, dilation)
        channels = (out_channels, in_channels)
        super().__init__(in_channels, out_channels, channels, window, bias, rng, dtype)

    def jvp(self, dx: Array, x: Array) -> Array:
        check_shape(self, "dx", dx, x, probes=True)
        return self.correlate(dx, self.output_size(x.shape[2:]))

    def vjp(self, dy: Array, x: Array) -> Array:
        check_shape(self, "dy", dy, self.output_shape(x), probes=True)
        return self.correlate_transpose(dy, x.shape[2:])

    def weight_gradient(self, dy: Array, x: Array) -> Array:
        return self.filter_gradient(image=x, values=dy)

    def output_shape(self, x: Array) -> tuple[int, ...]:
        self._check(x)
        return len(x), self.out_channels, *self.output_size(x.shape[2:])

    def output_size(self, size: Pair) -> Pair:
        """(Ho, Wo) for an input of this (H, W)."""
        return self.window.output_size(self, size)


class ConvTranspose2d(Convolution):
    """The transpose of Conv2d, (N, C, H, W) -> (N, out, Ho, Wo). What the backward pass of Conv2d
    does to dy, this layer does to x.

        ``y[n, o, i·s + u·d − p, j·s + v·d − p] += W[c, o, u, v] · x[n, c, i, j]``   for all
        c, i, j, u, v; then ``y[n, o] += b[o]``
        ``Ho = (H − 1)·s − 2p + d·(kh − 1) + output_padding + 1``

    A convolution with stride s > 1 rounds down, so images of several sizes give the same output
    size, and the way back is ambiguous. ``output_padding`` chooses one of these sizes: it adds rows
    and columns at the far edge (it does not pad with zeros).

    Weights (in, out, kh, kw), bias (out,), settings, defaults and initialization as in PyTorch.
    Dumoulin & Visin 2016, chapter 4.

    Raises:
        ValueError: a setting is out of range, or ``output_padding`` ≥ max(stride, dilation).
        ValueError: in a call, x is not (N, ``in_channels``, H, W), or the output would be empty.

    Example:
        >>> x = np.zeros((5, 8, 14, 14), np.float32)
        >>> ConvTranspose2d(8, 1, 3, stride=2, padding=1)(x).shape
        (5, 1, 27, 27)
        >>> ConvTranspose2d(8, 1, 3, stride=2, padding=1, output_padding=1)(x).shape
        (5, 1, 28, 28)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        output_padding: int | Pair = 0,
        dilation: int | Pair = 1,
        bias: bool = True,
        rng: Rng = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.output_padding = as_pair("ConvTranspose2d", "output_padding", output_padding, least=0)
        window = Window.checked("ConvTranspose2d", kernel_size, stride, padding, dilation)
        channels = (in_channels, out_channels)
        super().__init__(in_channels, out_channels, channels, window, bias, rng, dtype)
        limits = map(max, self.stride, self.dilation)
        if any(p >= limit for p, limit in zip(self.output_padding, limits, strict=True)):
            raise ValueError(f"{self!r}: output_padding must be below max(stride, dilation)")

    def jvp(self, dx: Array, x: Array) -> Array:
        check_shape(self, "dx", dx, x, probes=True)
        return self.correlate_transpose(dx, self.output_size(x.shape[2:]))

    def vjp(self, dy: Array, x: Array) -> Array:
        check_shape(self, "dy", dy, self.output_shape(x), probes=True)
        return self.correlate(dy, x.shape[2:])

    def weight_gradient(self, dy: Array, x: Array) -> Array:
        return self.filter_gradient(image=dy, values=x)

    def output_shape(self, x: Array) -> tuple[int, ...]:
        self._check(x)
        return len(x), self.out_channels, *self.output_size(x.shape[2:])

    def output_size(self, size: Pair) -> Pair:
        """(Ho, Wo) for an input of this (H, W).

        Raises:
            ValueError: the output would be empty.
        """
        settings = zip(size, *self.window, self.output_padding, strict=True)
        ho, wo = ((h - 1) * s - 2 * p + d * (k - 1) + o + 1 for h, k, s, p, d, o in settings)
        if min(ho, wo) < 1:
            raise ValueError(
                f"{self!r}: an input of {size[0]}×{size[1]} gives an empty output ({ho}×{wo}); the "
                "rule: (H − 1)·stride − 2·padding + dilation·(kernel − 1) + output_padding + 1 ≥ 1"
            )
        return ho, wo
