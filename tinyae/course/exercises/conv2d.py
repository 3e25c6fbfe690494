"""Exercise 10, a convolution and a depthwise convolution: values and gradients."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.random import Generator

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Check, Code, Exercise
from tinyae.course.parametric_layer import ParametricLayer, conduct

K = 3
PLAIN = {"s": 1, "p": 0}
STRIDED = {"s": 2, "p": 1}


def windows(x: Array, s: int, p: int, before: int | None = None) -> Array:
    """(N, C, H, W) -> (N, C, Ho, Wo, k, k). Half of the padding is above and to the left, or
    ``before``."""
    border = (p, p) if before is None else (before, 2 * p - before)
    padded = np.pad(x, ((0, 0), (0, 0), border, border))
    return np.lib.stride_tricks.sliding_window_view(padded, (K, K), axis=(2, 3))[:, :, ::s, ::s]


def conv2d(x: Array, W: Array, b: Array, s: int, p: int, before: int | None = None) -> Array:
    """The reference."""
    return np.einsum("nchwuv,ocuv->nohw", windows(x, s, p, before), W) + b[:, None, None]


def depthwise(x: Array, W: Array, b: Array, s: int, p: int) -> Array:
    """The reference: (C, 1, k, k) filters."""
    return np.einsum("nchwuv,cuv->nchw", windows(x, s, p), W[:, 0]) + b[:, None, None]


def input_gradient(
    dy: Array, W: Array, shape: tuple[int, ...], s: int, p: int, step: int | None = None
) -> Array:
    """dx of ``conv2d``, for the values that mistakes lead to: ``step`` takes the place of s."""
    (N, C, height, width), (ho, wo), step = shape, dy.shape[2:], step or s
    padded = np.zeros((N, C, height + 2 * p, width + 2 * p))
    for u in range(K):
        for v in range(K):
            padded[:, :, u : u + step * ho : step, v : v + step * wo : step] += np.einsum(
                "oc,nohw->nchw", W[:, :, u, v], dy
            )
    return padded[:, :, p : p + height, p : p + width]


def draw(rng: Generator, channels: tuple[int, int], size: tuple[int, int]) -> tuple[Array, ...]:
    """x, W, b for a layer with these channels (in, out)."""
    c, o = channels
    return rng.normal(size=(2, c, *size)), rng.normal(size=(o, c, K, K)), rng.normal(size=o)


def make(
    code: Code, setting: Mapping[str, int], W: Array, b: Array, **options: Any
) -> ParametricLayer:
    """The student's Conv2d with these parameters."""
    channels = W.shape[1], W.shape[0]
    params = {"weight": W, "bias": b}
    return ParametricLayer(code, "Conv2d", *channels, K, **setting, params=params, **options)


def forward_causes(x: Array, W: Array, b: Array, layer: ParametricLayer, s: int, p: int) -> Any:
    turned = W[:, :, ::-1, ::-1]
    causes = {
        "the filter is flipped: pixel (si + u, sj + v) belongs to weight (u, v)": (
            conv2d(x, turned, b, s, p)
        ),
        "rows and columns of the filter are exchanged": conv2d(x, W.swapaxes(2, 3), b, s, p),
        "the whole padding is below and to the right": conv2d(x, W, b, s, p, before=0),
        "the whole padding is above and to the left": conv2d(x, W, b, s, p, before=2 * p),
        "b was not added": conv2d(x, W, 0 * b, s, p),
        "b was subtracted": conv2d(x, W, -b, s, p),
        "b was added for each product of the sum": conv2d(x, W, b * W[0].size, s, p),
        "b was added once for each channel": conv2d(x, W, b * W.shape[1], s, p),
        "forward does not use the arrays in params": (
            conv2d(x, layer.initial["weight"], layer.initial["bias"], s, p)
        ),
    }
    if W.shape[0] == W.shape[1]:
        causes["in and out are exchanged in W"] = conv2d(x, W.swapaxes(0, 1), b, s, p)
    return causes


def shape_causes(x: Array, out: int, s: int, p: int) -> dict[str, tuple[int, ...]]:
    def shape(s: int, p: int, more: int = 0) -> tuple[int, ...]:
        return len(x), out, *((n + 2 * p - K) // s + 1 + more for n in x.shape[2:])

    return {
        "there is no padding": shape(s, 0),
        "the stride is not used": shape(1, p),
        "the last position is missing": shape(s, p, -1),
        "there is one position too many": shape(s, p, 1),
        "the padding is on one side only": (
            len(x), out, *((n + p - K) // s + 1 for n in x.shape[2:])
        ),
    }  # fmt: skip


def backward_causes(s: int, p: int, dy: Array, x: Array, W: Array, b: Array) -> Any:
    dx = partial(input_gradient, shape=x.shape, s=s, p=p)
    dW = np.einsum("nohw,nchwuv->nocuv", dy, windows(x, s, p))  # of each example
    causes = {
        "dx": {
            "pixel (si + u, sj + v) belongs to weight (u, v) here too; a convolution of dy needs "
            "the flipped filter": dx(dy, W[:, :, ::-1, ::-1]),
            "the stride is not used": dx(dy, W, step=1),
            "rows and columns of the filter are exchanged": dx(dy, W.swapaxes(2, 3)),
        },
        "dW": {
            "it is divided by the number of examples": dW.mean(axis=0),
            "it is that of the last example: use += for =": dW[-1],
            "it is that of the first example": dW[0],
            "it is flipped": dW.sum(axis=0)[:, :, ::-1, ::-1],
            "rows and columns of the filter are exchanged": dW.sum(axis=0).swapaxes(2, 3),
        },
        "db": {
            "it is divided by the number of examples": dy.sum(axis=(0, 2, 3)) / len(dy),
            "it is the mean over examples and positions": dy.mean(axis=(0, 2, 3)),
        },
    }
    if W.shape[0] == W.shape[1]:
        causes["dx"]["in and out are exchanged in W"] = dx(dy, W.swapaxes(0, 1))
        causes["dW"]["in and out are exchanged"] = dW.sum(axis=0).swapaxes(0, 1)
    return causes


def forward(code: Code, rng: Generator, setting: Mapping[str, int], part: str) -> dict[str, str]:
    for channels in ((3, 4), (3, 3)):
        x, W, b = draw(rng, channels, (6, 7))
        layer = make(code, setting, W, b)
        y, _ = layer.forward(x)
        text = judge.compare(
            y,
            conv2d(x, W, b, **setting),
            "y",
            forward_causes(x, W, b, layer, **setting),
            shapes=shape_causes(x, len(W), **setting),
        )
        if text:
            return {part: text}
    return {}


def backward(code: Code, rng: Generator, setting: Mapping[str, int], after: str) -> dict[str, str]:
    """The gradients. ``after`` is written after the names of the parts."""
    x, W, b = draw(rng, (3, 3) if after else (3, 4), (6, 5))
    wrong = judge.gradients(
        partial(conv2d, **setting),
        make(code, setting, W, b).gradients,
        *(x, W, b),
        causes=partial(backward_causes, setting["s"], setting["p"]),
    )
    return {f"{name}{after}": text for name, text in wrong.items() if not (after and name == "db")}


def make_depthwise(code: Code, W: Array, b: Array) -> ParametricLayer:
    params = {"weight": W, "bias": b}
    return ParametricLayer(code, "DepthwiseConv2d", len(W), K, **STRIDED, params=params)


def depthwise_forward(code: Code, rng: Generator) -> dict[str, str]:
    x, W, b = draw(rng, (3, 3), (6, 7))
    W = W[:, :1]
    layer = make_depthwise(code, W, b)
    y, _ = layer.forward(x)
    one, same = np.repeat(W[:1], 3, axis=0), np.repeat(W, 3, axis=1)
    causes = {
        "each channel has its own filter, W[c, 0]: here all have the first one": (
            depthwise(x, one, b, **STRIDED)
        ),
        "it is a sum over the channels, but channel c sees only channel c": [
            conv2d(x, w, b, **STRIDED) for w in (same, same.swapaxes(0, 1))
        ],
        "the filter is flipped": depthwise(x, W[:, :, ::-1, ::-1], b, **STRIDED),
        "b was not added": depthwise(x, W, 0 * b, **STRIDED),
    }
    shapes = shape_causes(x, 3, **STRIDED)
    expected = depthwise(x, W, b, **STRIDED)
    return judge.only_wrong(
        **{"depthwise y": judge.compare(y, expected, "y", causes, shapes=shapes)}
    )


def depthwise_backward(code: Code, rng: Generator) -> dict[str, str]:
    x, W, b = draw(rng, (3, 3), (6, 5))
    W = W[:, :1]

    def causes(dy: Array, x: Array, W: Array, b: Array) -> Any:
        dW = np.einsum("nchw,nchwuv->cuv", dy, windows(x, **STRIDED))[:, None]
        return {
            "dW": {"it is the sum over the channels": np.repeat(dW.sum(0, keepdims=True), 3, 0)}
        }

    wrong = judge.gradients(
        partial(depthwise, **STRIDED),
        make_depthwise(code, W, b).gradients,
        *(x, W, b),
        causes=causes,
    )
    of_parameters = [wrong[name] for name in ("dW", "db") if name in wrong]
    return judge.only_wrong(
        **{"depthwise dx": wrong.get("dx", ""), "depthwise dW, db": "; ".join(of_parameters)}
    )


def layer_conduct(code: Code, rng: Generator) -> dict[str, str]:
    x, W, b = draw(rng, (3, 4), (6, 5))

    def make_with(dtype: str) -> ParametricLayer:
        return make(code, STRIDED, W.astype(dtype), b.astype(dtype), dtype=dtype)

    return judge.only_wrong(conduct=conduct(make_with, x, rng.normal(size=x.shape)))


AFTER = ", stride and padding"

EXERCISE = Exercise(
    name="conv2d",
    number=10,
    title="A convolution, and one filter for each channel",
    chapter="02_convolution",
    checks=(
        Check({"y": 1}, lambda code, rng: forward(code, rng, PLAIN, "y")),
        Check({f"y{AFTER}": 1}, lambda code, rng: forward(code, rng, STRIDED, f"y{AFTER}")),
        Check({"dx": 1, "dW": 1, "db": 1}, lambda code, rng: backward(code, rng, PLAIN, "")),
        Check(
            {f"dx{AFTER}": 1, f"dW{AFTER}": 1},
            lambda code, rng: backward(code, rng, STRIDED, AFTER),
        ),
        Check({"depthwise y": 2}, depthwise_forward),
        Check({"depthwise dx": 1, "depthwise dW, db": 1}, depthwise_backward),
        Check({"conduct": 1}, layer_conduct, needs=("y",)),
    ),
)
