"""Random settings of convolution layers, for the test_convolution files."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import strategies as st

from tinyae import Autoencoder, Conv2d, ConvTranspose2d, ReLU, Sequential, Sigmoid

FOUR = "stride padding output_padding dilation".split()


@dataclass(frozen=True)
class Case:
    """A layer and an input that fits it. Hypothesis prints it if a test fails."""

    kind: type
    channels: tuple  # (in, out)
    kernel: object
    # stride, padding, dilation, bias, and for ConvTranspose2d output_padding: integers or pairs
    options: dict
    size: tuple  # (H, W) of the input
    n: int
    seed: int

    def make(self, dtype=np.float64, whole=False):
        """``layer, x``. ``whole``: all weights and pixels are small integers, so that every
        sum is exact."""
        rng = np.random.default_rng(self.seed)
        layer = self.kind(*self.channels, self.kernel, rng=rng, dtype=dtype, **self.options)
        if whole:
            for w in layer.params.values():
                w[...] = whole_numbers(rng, w.shape)
        return layer, self.draw(rng, (self.n, self.channels[0], *self.size), whole).astype(dtype)

    @staticmethod
    def draw(rng, shape, whole=False):
        return whole_numbers(rng, shape) if whole else rng.normal(size=shape)

    def pairs(self):
        """The settings as the six loops take them."""
        return {name: pair(self.options[name]) for name in FOUR if name in self.options}


def whole_numbers(rng, shape):
    return rng.integers(-4, 5, shape).astype(float)


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


@st.composite
def cases(draw, kinds=(Conv2d, ConvTranspose2d), largest=3, most=3, bias=None):
    """Kernels, strides and dilations up to ``largest``, also where the sizes do not divide evenly;
    up to ``most`` channels and examples."""
    kind = draw(st.sampled_from(kinds))

    def setting(low, high):
        both = draw(st.tuples(st.integers(low, high), st.integers(low, high)))
        return both[0] if both[0] == both[1] and draw(st.booleans()) else both

    kernel, stride, dilation, padding = (
        setting(1, largest),
        setting(1, largest),
        setting(1, largest),
        setting(0, 2),
    )
    options = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "bias": draw(st.booleans()) if bias is None else bias,
    }
    axes = list(zip(pair(kernel), pair(stride), pair(padding), pair(dilation), strict=True))
    if kind is Conv2d:
        least = [max(1, d * (k - 1) + 1 - 2 * p) for k, s, p, d in axes]
        size = tuple(a + draw(st.integers(0, 3)) for a in least)
    else:
        extra = tuple(draw(st.integers(0, max(s, d) - 1)) for k, s, p, d in axes)
        options["output_padding"] = extra[0] if extra[0] == extra[1] else extra
        least = [
            max(1, 1 + math.ceil((2 * p - d * (k - 1) - o) / s))
            for (k, s, p, d), o in zip(axes, extra, strict=True)
        ]
        size = tuple(a + draw(st.integers(0, 2)) for a in least)
    counts = st.integers(1, most)
    return Case(
        kind,
        draw(st.tuples(counts, counts)),
        kernel,
        options,
        size,
        draw(counts),
        draw(st.integers(0, 2**32 - 1)),
    )


# One unusual setting of each layer, for tests that do not need all settings
ODD = {
    "Conv2d": Case(
        Conv2d,
        (2, 3),
        (3, 2),
        {"stride": (2, 3), "padding": (1, 2), "dilation": (2, 1)},
        (8, 6),
        4,
        0,
    ),
    "ConvTranspose2d": Case(
        ConvTranspose2d,
        (3, 2),
        (2, 3),
        {"stride": (1, 3), "padding": (1, 0), "dilation": (3, 1), "output_padding": (2, 1)},
        (3, 4),
        4,
        0,
    ),
    "a kernel as large as the image": Case(Conv2d, (2, 3), (4, 5), {}, (4, 5), 4, 0),
    "a kernel as large as the output": Case(ConvTranspose2d, (3, 2), (4, 5), {}, (1, 1), 4, 0),
    "a kernel as large as the image, with padding": Case(
        Conv2d, (2, 3), 3, {"stride": 3, "padding": 1}, (3, 3), 4, 0
    ),
}
odd = pytest.mark.parametrize("case", ODD.values(), ids=ODD)


def weights(layer):
    return {"w": layer.params["weight"], "b": layer.params.get("bias")}


def equal_products(a, b, c, d, tolerance):
    """``Σ a b = Σ c d``: exactly, or to ``tolerance`` relative to the size of the terms."""
    left, right = (a * b).sum(), (c * d).sum()
    assert abs(left - right) <= tolerance * (
        np.linalg.norm(a) * np.linalg.norm(b) + np.linalg.norm(c) * np.linalg.norm(d)
    )


def everything(layer, x, layout=lambda a: a):
    """Everything that a layer computes, with cotangents that depend on y, as a list of arrays."""
    x = layout(x)
    y, cache = layer.forward(x)
    dx, grads = layer.backward(layout(y), cache)
    g, dy = np.stack([x, 2 * x]), np.stack([y, -y])
    d_dy, _, more = layer.double_backward(g, dy, cache)
    return [
        y,
        dx,
        *grads.values(),
        layer.jvp(x, cache),
        layer.vjp(y, cache),
        layer.jvp(g, cache),
        layer.vjp(dy, cache),
        d_dy,
        *more.values(),
        layer(x),
    ]


def small_net(dtype=np.float32, seed=0):
    """1×8×8 → 3×4×4 → 2×1×1 and back: a small version of chapter 2's model."""
    like = {"rng": np.random.default_rng(seed), "dtype": dtype}
    return Autoencoder(
        Sequential(Conv2d(1, 3, 3, 2, 1, **like), ReLU(), Conv2d(3, 2, 4, **like)),
        Sequential(
            ConvTranspose2d(2, 3, 4, **like),
            ReLU(),
            ConvTranspose2d(3, 1, 3, 2, 1, 1, **like),
            Sigmoid(),
        ),
    )


IMAGES = np.random.default_rng(1).uniform(size=(30, 1, 8, 8)).astype(np.float32)


def channels_last(a):
    return a.transpose(0, 2, 3, 1).flags.c_contiguous
