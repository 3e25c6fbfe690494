"""Exercise 11, a transposed convolution and a pixel shuffle: values, sizes and gradients."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Check, Code, Exercise
from tinyae.course.layer import StudentLayer
from tinyae.course.parametric_layer import ParametricLayer, conduct

K, R = 3, 2


class Setting(NamedTuple):
    """How the filters are moved."""

    s: int
    p: int
    output_padding: int

    def size(self, n: int) -> int:
        return (n - 1) * self.s + K - 2 * self.p + self.output_padding

    def __str__(self) -> str:
        return ", ".join(f"{name} = {value}" for name, value in self._asdict().items())


PLAIN, PADDED = Setting(2, 0, 0), Setting(2, 1, 0)
DOUBLING = Setting(2, 1, 1)
FAR = Setting(3, 0, 2)  # no filter reaches the last two rows


def transposed(x: Array, W: Array, b: Array, setting: Setting, order: str = "add") -> Array:
    """The reference.

    Args:
        order: "add", or what is written last where filters overlap, for the values that a mistake
            leads to: the last of the "positions" or the last of the "weights".
    """
    s, p, _ = setting
    products = np.einsum("ncij,couv->ijuvno", x, W)
    height, width = x.shape[2:]
    sizes = [setting.size(n) for n in (height, width)]
    whole = np.zeros((len(x), W.shape[1], *(n + 2 * p for n in sizes)))
    indices = list(np.ndindex(height, width, K, K))
    if order == "weights":
        indices.sort(key=lambda index: index[2:])
    for i, j, u, v in indices:
        before = whole[:, :, i * s + u, j * s + v] if order == "add" else 0
        whole[:, :, i * s + u, j * s + v] = before + products[i, j, u, v]
    return whole[:, :, p : p + sizes[0], p : p + sizes[1]] + b[:, None, None]


def shuffle(x: Array) -> Array:
    """The reference: (N, C·r·r, H, W) -> (N, C, r·H, r·W)."""
    y = np.zeros((len(x), x.shape[1] // R**2, R * x.shape[2], R * x.shape[3]))
    for a in range(R):
        for b in range(R):
            y[:, :, a::R, b::R] = x[:, a * R + b :: R**2]
    return y


def draw(rng: Generator, channels: tuple[int, int]) -> tuple[Array, Array, Array]:
    """x, W, b for a layer with these channels (in, out)."""
    c, o = channels
    return rng.normal(size=(2, c, 4, 3)), rng.normal(size=(c, o, K, K)), rng.normal(size=o)


def make(code: Code, setting: Setting, W: Array, b: Array, **options: Any) -> ParametricLayer:
    """The student's layer with these parameters."""
    params = {"weight": W, "bias": b}
    return ParametricLayer(
        code, "ConvTranspose2d", *W.shape[:2], K, *setting, params=params, **options
    )


def forward_causes(
    x: Array, W: Array, b: Array, layer: ParametricLayer, setting: Setting
) -> dict[str, Array]:
    def f(x: Array, W: Array, b: Array, setting: Setting = setting, order: str = "add") -> Array:
        return transposed(x, W, b, setting, order)

    none = np.zeros_like(b)
    covered = f(np.ones_like(x), np.ones_like(W) / len(W), none)  # how often a filter reaches it
    replaced = "where filters overlap, one replaces the other: use += for ="
    causes = {
        replaced: f(x, W, b, order="positions"),
        f"{replaced} in the loop over u and v": f(x, W, b, order="weights"),
        "the filter is flipped: weight (u, v) belongs to pixel (si + u, sj + v)": (
            f(x, W[:, :, ::-1, ::-1], b)
        ),
        "rows and columns of the filter are exchanged": f(x, W.swapaxes(2, 3), b),
        "b was not added": f(x, W, none),
        "b was subtracted": f(x, W, -b),
        "b was added with each filter, expected once for each pixel": (
            f(x, W, none) + covered * b[:, None, None]
        ),
        "forward does not use the arrays in params": (
            f(x, layer.initial["weight"], layer.initial["bias"])
        ),
    }
    if W.shape[0] == W.shape[1]:
        causes["in and out are exchanged in W"] = f(x, W.swapaxes(0, 1), b)
    if extra := setting.output_padding:
        after, before = (((0, 0), (0, 0), side, side) for side in ((0, extra), (extra, 0)))
        small = setting._replace(output_padding=0)
        text = "output_padding adds zeros at the end, but filters reach there"
        causes[f"{text}, and b belongs there"] = np.pad(f(x, W, b, small), after)
        causes[text] = np.pad(f(x, W, none, small), after) + b[:, None, None]
        first = np.pad(f(x, W, b, small), before)
        causes["output_padding is at the beginning, expected at the end"] = first
    return causes


def shape_causes(x: Array, out: int, setting: Setting) -> dict[str, tuple[int, ...]]:
    s, p, extra = setting

    def shape(p: int, output_padding: int) -> tuple[int, ...]:
        other = Setting(s, p, output_padding)
        return len(x), out, *(other.size(n) for n in x.shape[2:])

    return {
        "the padding was added, but it is cut off": shape(-p, extra),
        "the padding was not cut off": shape(0, extra),
        "output_padding is not used": shape(p, 0),
        "output_padding was added on both sides": shape(p, 2 * extra),
        "it is too small for the last filter": shape(p, extra - s),
    }


def backward_causes(setting: Setting, dy: Array, x: Array, W: Array, b: Array) -> Any:
    s, p, _ = setting

    def windows(before: int, after: int) -> Array:
        """The part of dy that each filter reaches: (N, O, H, W, k, k)."""
        padded = np.pad(dy, ((0, 0), (0, 0), (before, after), (before, after)))
        cut = np.lib.stride_tricks.sliding_window_view(padded, (K, K), axis=(2, 3))[:, :, ::s, ::s]
        return cut[:, :, : x.shape[2], : x.shape[3]]

    def dx(windows: Array, W: Array) -> Array:
        return np.einsum("nohwuv,couv->nchw", windows, W)

    def dW(windows: Array) -> Array:
        """Of each example."""
        return np.einsum("nchw,nohwuv->ncouv", x, windows)

    right, shifted = windows(p, p), windows(0, 2 * p)
    one_side = "dy was padded on one side, expected p zeros on each side"
    causes = {
        "dx": {
            one_side: dx(shifted, W),
            "the filter is flipped": dx(right, W[:, :, ::-1, ::-1]),
            "rows and columns of the filter are exchanged": dx(right, W.swapaxes(2, 3)),
        },
        "dW": {
            one_side: dW(shifted).sum(axis=0),
            "it is divided by the number of examples": dW(right).mean(axis=0),
            "it is that of the last example: use += for =": dW(right)[-1],
            "it is flipped": dW(right).sum(axis=0)[:, :, ::-1, ::-1],
            "rows and columns of the filter are exchanged": dW(right).sum(axis=0).swapaxes(2, 3),
        },
        "db": {
            "it is divided by the number of examples": dy.sum(axis=(0, 2, 3)) / len(dy),
            "it is the mean over examples and positions": dy.mean(axis=(0, 2, 3)),
        },
    }
    if W.shape[0] == W.shape[1]:
        causes["dx"]["in and out are exchanged in W"] = dx(right, W.swapaxes(0, 1))
        causes["dW"]["in and out are exchanged"] = dW(right).sum(axis=0).swapaxes(0, 1)
    return causes


def forward(code: Code, rng: Generator, part: str, *settings: Setting) -> dict[str, str]:
    for setting in settings:
        for channels in ((3, 2), (3, 3)):
            x, W, b = draw(rng, channels)
            layer = make(code, setting, W, b)
            y, _ = layer.forward(x)
            causes = forward_causes(x, W, b, layer, setting)
            shapes = shape_causes(x, channels[1], setting)
            expected = transposed(x, W, b, setting)
            if text := judge.compare(y, expected, "y", causes, shapes=shapes):
                return {part: f"{text} ({setting})"}
    return {}


def backward(code: Code, rng: Generator) -> dict[str, str]:
    def reference(x: Array, W: Array, b: Array) -> Array:
        return transposed(x, W, b, DOUBLING)

    found: dict[str, str] = {}
    for channels in ((3, 2), (3, 3)):
        x, W, b = draw(rng, channels)
        layer = make(code, DOUBLING, W, b)
        causes = partial(backward_causes, DOUBLING)
        found = judge.gradients(reference, layer.gradients, x, W, b, causes=causes) | found
    return found


def shuffle_forward(code: Code, rng: Generator) -> dict[str, str]:
    x = rng.normal(size=(2, 3 * R**2, 4, 3))
    y, _ = StudentLayer(code, "PixelShuffle", R).forward(x)
    n, channels, height, width = x.shape
    c = channels // R**2
    blocks = (n, c, R, R, height, width)

    def other(shape: tuple[int, ...], order: tuple[int, ...]) -> Array:
        return x.reshape(shape).transpose(order).reshape(n, c, R * height, R * width)

    causes = {
        "a and b are exchanged: a moves down, b moves to the right": (
            other(blocks, (0, 1, 4, 3, 5, 2))
        ),
        "channels are read as (r, r, C), expected (C, r, r)": (
            other((n, R, R, c, height, width), (0, 3, 4, 1, 5, 2))
        ),
        "each channel is a block of the image, expected one pixel of each 2 × 2 block": (
            other(blocks, (0, 1, 2, 4, 3, 5))
        ),
        "a reshape alone does not move the pixels: a transpose is missing": (
            other(blocks, (0, 1, 2, 3, 4, 5))
        ),
    }
    return judge.only_wrong(**{"shuffle y": judge.compare(y, shuffle(x), "y", causes)})


def shuffle_backward(code: Code, rng: Generator) -> dict[str, str]:
    layer = StudentLayer(code, "PixelShuffle", R)
    x = rng.normal(size=(2, 2 * R**2, 2, 3))
    wrong = judge.gradients(shuffle, layer.input_gradient, x)
    return judge.only_wrong(**{"shuffle dx": wrong.get("dx", "")})


def layer_conduct(code: Code, rng: Generator) -> dict[str, str]:
    x, W, b = draw(rng, (3, 2))

    def make_with(dtype: str) -> ParametricLayer:
        return make(code, DOUBLING, W.astype(dtype), b.astype(dtype), dtype=dtype)

    return judge.only_wrong(conduct=conduct(make_with, x, rng.normal(size=x.shape)))


EXERCISE = Exercise(
    name="conv_transpose2d",
    number=11,
    title="From a small grid to a large image",
    chapter="02_convolution",
    checks=(
        Check({"y": 2}, lambda code, rng: forward(code, rng, "y", PLAIN)),
        Check({"y, padding": 1}, lambda code, rng: forward(code, rng, "y, padding", PADDED)),
        Check(
            {"y, output_padding": 1},
            lambda code, rng: forward(code, rng, "y, output_padding", DOUBLING, FAR),
        ),
        Check({"dx": 1, "dW": 1, "db": 1}, backward),
        Check({"shuffle y": 1}, shuffle_forward),
        Check({"shuffle dx": 1}, shuffle_backward),
        Check({"conduct": 1}, layer_conduct, needs=("y",)),
    ),
)
