"""Convolution and its adjoint.

A convolution is a Linear layer on patches. ``unfold`` cuts an image into its patches, one a row; ``fold`` is the transpose of
that: it adds each row back where it was cut from. With a weight matrix W, one row for each filter,

    Conv2d            y = W · unfold(x)         dx = fold(Wᵀ · dy)         dW = Σ dy · unfold(x)ᵀ
    ConvTranspose2d   y = fold(Wᵀ · x)          dx = W · unfold(dy)        dW = Σ x · unfold(dy)ᵀ

Read the two lines again: they are the same three products with the roles of the *image* (what is cut into patches) and the
*grid* (one point for each patch) exchanged. ``Convolution`` has the three products; the two layers say which is which.

Arrays have the shape (N, C, H, W), but lie channels-last in memory, (N, H, W, C): then a patch's row of pixels is one run of
k·C numbers, and copying runs is what computers do fastest. The slow textbook loops are in ``textbook.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinyae.backend import Array, block_size
from tinyae.layers.base import Gradients, Layer, uniform_init

Pair = tuple[int, int]
PIECE = (
    1 << 19
)  # numbers of patches made at a time: 2 MiB in float32, so that they are still in the cache when they are used


def unfold(
    x: Array,
    kernel: int | Pair,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
) -> Array:
    """The patches of an image, each as a row: (N, C, H, W) -> (N, Ho·Wo, kh·kw·C), the channels of a pixel side by side.

    Patch (i, j) holds the padded image's pixels (i·stride + u·dilation, j·stride + v·dilation), 0 ≤ u < kh, 0 ≤ v < kw, and

        Ho = ⌊(H + 2·padding − dilation·(kh − 1) − 1) / stride⌋ + 1

    so that pixels on the far edge which no patch reaches are left out, as in PyTorch. (torch.nn.functional.unfold gives the
    same numbers as (N, C·kh·kw, Ho·Wo).) All settings are ints or pairs (vertical, horizontal).

    Raises:
        ValueError: settings out of range, or an image smaller than the kernel.
    """
    kernel, stride, padding, dilation = _settings("unfold", kernel, stride, padding, dilation)
    if x.ndim != 4:
        raise ValueError(f"unfold: input has shape {x.shape}, expected (N, C, H, W)")
    grid = _grid_size("unfold", x.shape[2:], kernel, stride, padding, dilation)
    patches = _patches(x, grid, kernel, stride, padding, dilation)
    return patches.reshape(len(x), grid[0] * grid[1], kernel[0] * kernel[1] * x.shape[1])


def fold(
    patches: Array,
    size: Pair,
    kernel: int | Pair,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
) -> Array:
    """The transpose of ``unfold``: (N, Ho·Wo, kh·kw·C) -> (N, C, *size), every number added to the pixel it was cut from.

    ``Σ unfold(x) · c = Σ x · fold(c)`` for every x and c. Pixels that no patch reaches become 0.

    Raises:
        ValueError: settings out of range, or patches that do not belong to an image of this size.
    """
    kernel, stride, padding, dilation = _settings("fold", kernel, stride, padding, dilation)
    grid = _grid_size("fold", size, kernel, stride, padding, dilation)
    kh, kw = kernel
    if patches.ndim != 3 or patches.shape[1] != grid[0] * grid[1] or patches.shape[2] % (kh * kw):
        raise ValueError(
            f"fold: patches have shape {patches.shape}, but an image of {size[0]}×{size[1]} pixels has "
            f"{grid[0]}·{grid[1]} patches, expected (N, {grid[0] * grid[1]}, {kh * kw}·C)"
        )
    rows = patches.reshape(len(patches), *grid, kh, kw, patches.shape[2] // (kh * kw))
    return _add_patches(rows, size, stride, padding, dilation)


def _patches(
    x: Array, grid: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> Array:
    """(N, C, H, W) -> (N, Ho, Wo, kh, kw, C), a view of the padded image: nothing is copied yet."""
    (ho, wo), (sh, sw), (ph, pw), (dh, dw) = grid, stride, padding, dilation
    x = x.transpose(0, 2, 3, 1)  # (N, H, W, C), as it lies in memory
    if ph or pw:
        n, h, w, c = x.shape
        padded = np.zeros_like(x, shape=(n, h + 2 * ph, w + 2 * pw, c), order="C")
        padded[:, ph : ph + h, pw : pw + w] = x
        x = padded
    reach = dh * (kernel[0] - 1) + 1, dw * (kernel[1] - 1) + 1
    windows = np.lib.stride_tricks.sliding_window_view(
        x, reach, axis=(1, 2)
    )  # (N, H', W', C, reach, reach)
    windows = windows[:, : ho * sh : sh, : wo * sw : sw, :, ::dh, ::dw]  # (N, Ho, Wo, C, kh, kw)
    return windows.transpose(0, 1, 2, 4, 5, 3)


def _add_patches(patches: Array, size: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Array:
    """(N, Ho, Wo, kh, kw, C) -> (N, C, H, W): the transpose of ``_patches``, one kernel position after the other."""
    n, ho, wo, kh, kw, c = patches.shape
    (h, w), (sh, sw), (ph, pw), (dh, dw) = size, stride, padding, dilation
    if (ho, wo, kh, kw, ph, pw, dh, dw) == (
        1,
        1,
        h,
        w,
        0,
        0,
        1,
        1,
    ):  # one patch, which is the whole image
        return patches.reshape(n, h, w, c).transpose(0, 3, 1, 2)
    x = np.zeros_like(patches, shape=(n, h + 2 * ph, w + 2 * pw, c), order="C")
    for u in range(kh):
        for v in range(kw):
            top, left = u * dh, v * dw
            x[:, top : top + ho * sh : sh, left : left + wo * sw : sw] += patches[:, :, :, u, v]
    return x[:, ph : ph + h, pw : pw + w].transpose(0, 3, 1, 2)


class Convolution(Layer):
    """What Conv2d and ConvTranspose2d share: the weights, (grid channels, image channels, kh, kw), and three products.

    An image has shape (N, B, H, W), a grid (N, A, h, w), one point for each patch of the image.
    """

    def __init__(
        self,
        grid_channels: int,
        image_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair,
        padding: int | Pair,
        dilation: int | Pair,
        out_channels: int,
        bias: bool,
        rng: Any,
        dtype: Any,
    ) -> None:
        name = type(self).__name__
        if grid_channels < 1 or image_channels < 1:
            raise ValueError(
                f"{name}: {self.in_channels} → {self.out_channels} channels, expected at least 1 of each"
            )
        settings = _settings(name, kernel_size, stride, padding, dilation)
        self.kernel_size, self.stride, self.padding, self.dilation = settings
        rng = np.random.default_rng(rng)
        kh, kw = self.kernel_size
        fan_in = image_channels * kh * kw  # PyTorch counts so for both layers
        # In memory as the patches are, so that the matrix of the products is a view
        channels_last = uniform_init((grid_channels, kh, kw, image_channels), fan_in, rng, dtype)
        self.params = {"weight": channels_last.transpose(0, 3, 1, 2)}
        if bias:
            self.params["bias"] = uniform_init((out_channels,), fan_in, rng, dtype)

    def forward(self, x: Array) -> tuple[Array, Array]:
        self._check(x)
        y = self.jvp(x, x)  # the layer is its own derivative, but for the bias
        if "bias" in self.params:
            y += self.params["bias"][:, None, None]
        return y, x

    def backward(self, dy: Array, x: Array) -> tuple[Array, Gradients]:
        return self.vjp(dy, x), self.parameter_gradients(dy, x)

    def gather(self, image: Array, grid: Pair) -> Array:
        """``W · unfold(image)``: (N, B, H, W) -> (N, A, *grid). Each grid point is a patch's product with each filter."""
        w = self._matrix()  # (A, kh·kw·B)
        out = np.empty_like(
            image, np.result_type(image.dtype, w.dtype), "C", shape=(len(image), *grid, len(w))
        )
        for piece, patches in self._pieces(image, grid):  # (n·h·w, kh·kw·B)
            out[piece] = (patches @ w.T).reshape(-1, *grid, len(w))
        return out.transpose(0, 3, 1, 2)

    def spread(self, grid: Array, size: Pair) -> Array:
        """``fold(Wᵀ · grid)``: (N, A, h, w) -> (N, B, *size), the transpose of ``gather``: each grid point adds the
        filters, times its values, to its patch."""
        w = self._matrix()
        (n, _, *hw), (kh, kw), b = grid.shape, self.kernel_size, self.params["weight"].shape[1]
        out = np.empty_like(
            grid, np.result_type(grid.dtype, w.dtype), "C", shape=(n, *size, b)
        ).transpose(0, 3, 1, 2)
        for piece in self._cuts(n, hw):
            patches = (_rows(grid[piece]) @ w).reshape(-1, *hw, kh, kw, b)
            out[piece] = _add_patches(patches, size, self.stride, self.padding, self.dilation)
        return out

    def weight_gradient(self, image: Array, grid: Array) -> Array:
        """``Σ grid · unfold(image)ᵀ`` over all examples and grid points, in the shape of the weights."""
        a, b, kh, kw = self.params["weight"].shape
        total = np.zeros_like(self._matrix()) if len(image) == 0 else None
        for piece, patches in self._pieces(image, grid.shape[2:]):
            product = _rows(grid[piece]).T @ patches  # (A, n·h·w) (n·h·w, kh·kw·B)
            total = product if total is None else np.add(total, product, out=total)
        return total.reshape(a, kh, kw, b).transpose(0, 3, 1, 2)

    def _matrix(self) -> Array:
        w = self.params["weight"]
        return w.transpose(0, 2, 3, 1).reshape(len(w), -1)  # (A, kh·kw·B)

    def _pieces(self, image: Array, grid: Pair) -> Iterator[tuple[slice, Array]]:
        """Some examples at a time, so that memory for patches does not grow with the batch: (slice, (n·h·w, kh·kw·B))."""
        for piece in self._cuts(len(image), grid):
            patches = _patches(
                image[piece], grid, self.kernel_size, self.stride, self.padding, self.dilation
            )
            yield (
                piece,
                patches.reshape(patches.shape[0] * grid[0] * grid[1], -1),
            )  # this copies, unless 1 patch = 1 image

    def _cuts(self, n: int, grid: Any) -> list[slice]:
        w = self.params["weight"]
        numbers = grid[0] * grid[1] * (w.size // len(w))  # of one example's patches
        step = max(1, block_size(w, PIECE) // numbers if grid[0] * grid[1] > 1 else n)
        return [slice(start, start + step) for start in range(0, n, step)]

    def _gradients(self, image: Array, grid: Array, bias_gradient: Array | None) -> Gradients:
        grads = {"weight": self.weight_gradient(image, grid)}
        if "bias" in self.params:
            grads["bias"] = (
                np.zeros_like(self.params["bias"]) if bias_gradient is None else bias_gradient
            )
        return grads

    def _check(self, x: Array) -> None:
        if x.ndim == 4 and x.shape[1] == self.in_channels:
            return
        hint = ""
        if x.ndim == 4 and x.shape[3] == self.in_channels:
            hint = ": this looks like (N, H, W, C): x.transpose(0, 3, 1, 2)"
        elif x.ndim == 3:
            hint = (
                ": one picture alone needs x[None]"
                if x.shape[0] == self.in_channels
                else ": x[:, None] adds the channel"
            )
        elif x.ndim == 2:
            hint = ": flat rows need x.reshape(N, C, H, W) first"
        raise ValueError(
            f"{self!r}: input has shape {x.shape}, expected (N, {self.in_channels}, H, W){hint}"
        )

    def __repr__(self) -> str:
        words = [f"{self.in_channels} → {self.out_channels}", f"kernel {_short(self.kernel_size)}"]
        settings = {
            "stride": (1, 1),
            "padding": (0, 0),
            "output_padding": (0, 0),
            "dilation": (1, 1),
        }
        for name, default in settings.items():
            value = getattr(self, name, default)
            words += [f"{name} {_short(value)}"] if value != default else []
        return f"{type(self).__name__}({', '.join(words)}{'' if 'bias' in self.params else ', no bias'})"


class Conv2d(Convolution):
    """Convolution (in the field's sense: cross-correlation), (N, C, H, W) -> (N, out, Ho, Wo).

        ``y[n, o, i, j] = b[o] + Σ_{c,u,v} W[o, c, u, v] · x[n, c, i·stride + u·dilation − padding, j·… + v·… − …]``
        ``Ho = ⌊(H + 2·padding − dilation·(kh − 1) − 1) / stride⌋ + 1``

    with x = 0 outside the image. Weights (out, in, kh, kw), bias (out,), settings, defaults and initialisation as in PyTorch;
    ``kernel_size``, ``stride``, ``padding`` and ``dilation`` are ints or pairs (vertical, horizontal).

    Raises:
        ValueError: settings out of range; an input that is not (N, in_channels, H, W) or smaller than the kernel.
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
        rng: Any = None,
        dtype: Any = np.float32,
    ) -> None:
        self.in_channels, self.out_channels = in_channels, out_channels
        super().__init__(
            out_channels,
            in_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            out_channels,
            bias,
            rng,
            dtype,
        )

    def parameter_gradients(self, dy: Array, x: Array) -> Gradients:
        return self._gradients(image=x, grid=dy, bias_gradient=dy.sum(axis=(0, 2, 3)))

    def jvp(self, dx: Array, x: Array) -> Array:
        grid = _grid_size(
            self, x.shape[2:], self.kernel_size, self.stride, self.padding, self.dilation
        )
        return _with_probes(self.gather, dx, grid)

    def vjp(self, dy: Array, x: Array) -> Array:
        return _with_probes(self.spread, dy, x.shape[2:])

    def double_backward(self, g: Array, dy: Array, x: Array) -> tuple[Array, None, Gradients]:
        # s = Σ g · vjp(dy) is linear in dy and W, as for Linear: the same products with g in the place of x
        return (
            self.jvp(g, x),
            None,
            self._gradients(image=_merged(g), grid=_merged(dy), bias_gradient=None),
        )

    def output_shape(self, x: Array) -> tuple[int, ...]:
        self._check(x)
        grid = _grid_size(
            self, x.shape[2:], self.kernel_size, self.stride, self.padding, self.dilation
        )
        return len(x), self.out_channels, *grid


class ConvTranspose2d(Convolution):
    """The adjoint of Conv2d, (N, C, H, W) -> (N, out, Ho, Wo): what Conv2d's backward does to dy, this does to x.

        ``y[n, o, i·stride + u·dilation − padding, …] += W[c, o, u, v] · x[n, c, i, j]``   for all c, i, j, u, v; plus b[o]
        ``Ho = (H − 1)·stride − 2·padding + dilation·(kh − 1) + output_padding + 1``

    Several image sizes give the same grid when stride > 1 (a convolution rounds down), so the way back is ambiguous:
    ``output_padding`` picks one of them. It adds rows and columns at the far edge, and is no padding with zeros.

    Weights (in, out, kh, kw), bias (out,), settings, defaults and initialisation as in PyTorch. Dumoulin & Visin 2016, ch. 4.

    Raises:
        ValueError: settings out of range, ``output_padding`` not below max(stride, dilation); an input that is not
            (N, in_channels, H, W), or whose output would be empty.
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
        rng: Any = None,
        dtype: Any = np.float32,
    ) -> None:
        self.in_channels, self.out_channels = in_channels, out_channels
        self.output_padding = _pair("ConvTranspose2d", "output_padding", output_padding, least=0)
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            out_channels,
            bias,
            rng,
            dtype,
        )
        if any(
            p >= max(s, d)
            for p, s, d in zip(self.output_padding, self.stride, self.dilation, strict=True)
        ):
            raise ValueError(f"{self!r}: output_padding must be below max(stride, dilation)")

    def parameter_gradients(self, dy: Array, x: Array) -> Gradients:
        return self._gradients(image=dy, grid=x, bias_gradient=dy.sum(axis=(0, 2, 3)))

    def jvp(self, dx: Array, x: Array) -> Array:
        return _with_probes(self.spread, dx, self.output_size(x.shape[2:]))

    def vjp(self, dy: Array, x: Array) -> Array:
        return _with_probes(self.gather, dy, x.shape[2:])

    def double_backward(self, g: Array, dy: Array, x: Array) -> tuple[Array, None, Gradients]:
        return (
            self.jvp(g, x),
            None,
            self._gradients(image=_merged(dy), grid=_merged(g), bias_gradient=None),
        )

    def output_shape(self, x: Array) -> tuple[int, ...]:
        self._check(x)
        return len(x), self.out_channels, *self.output_size(x.shape[2:])

    def output_size(self, size: Pair) -> Pair:
        """(Ho, Wo) for an input of this (H, W)."""
        settings = zip(
            size,
            self.stride,
            self.padding,
            self.dilation,
            self.kernel_size,
            self.output_padding,
            strict=True,
        )
        out = tuple((h - 1) * s - 2 * p + d * (k - 1) + o + 1 for h, s, p, d, k, o in settings)
        if min(out) < 1:
            raise ValueError(
                f"{self!r}: an input of {size[0]}×{size[1]} gives an empty output ({out[0]}×{out[1]}); "
                "the rule: (H − 1)·stride − 2·padding + dilation·(kernel − 1) + output_padding + 1 ≥ 1"
            )
        return out


def _grid_size(
    name: Any, size: Any, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> Pair:
    """How many patches an image of this size has, down and across."""
    settings = zip(size, kernel, stride, padding, dilation, strict=True)
    grid = tuple((h + 2 * p - d * (k - 1) - 1) // s + 1 for h, k, s, p, d in settings)
    if min(grid) < 1:
        reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
        raise ValueError(
            f"{name}: a kernel that reaches over {reach[0]}×{reach[1]} pixels does not fit into an image of {size[0]}×{size[1]}; "
            "the rule: H + 2·padding ≥ dilation·(kernel − 1) + 1"
        )
    return grid


def _settings(
    name: str, kernel: int | Pair, stride: int | Pair, padding: int | Pair, dilation: int | Pair
) -> tuple[Pair, ...]:
    return (
        _pair(name, "kernel_size", kernel, least=1),
        _pair(name, "stride", stride, least=1),
        _pair(name, "padding", padding, least=0),
        _pair(name, "dilation", dilation, least=1),
    )


def _pair(name: str, setting: str, value: Any, least: int) -> Pair:
    """3 -> (3, 3); (3, 5) stays."""
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(pair) != 2 or not all(isinstance(v, int | np.integer) and v >= least for v in pair):
        raise ValueError(
            f"{name}: {setting} is {value!r}, expected a whole number of at least {least}, or a pair of them"
        )
    return int(pair[0]), int(pair[1])


def _rows(x: Array) -> Array:
    """(N, C, H, W) -> (N·H·W, C), a view where x lies channels-last."""
    return x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1])


def _merged(x: Array) -> Array:
    """(K, N, C, H, W) -> (K·N, C, H, W): to a linear map, probes are just more examples."""
    return x.reshape(-1, *x.shape[-3:])


def _with_probes(product: Any, x: Array, size: Pair) -> Array:
    y = product(_merged(x), size)
    return y.reshape(*x.shape[:-3], *y.shape[1:])


def _short(pair: Pair) -> str:
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}×{pair[1]}"
