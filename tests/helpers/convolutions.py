"""Random settings of convolution layers, for the test_convolution files."""

import math
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from tinyae import Conv2d, ConvTranspose2d

FOUR = "stride padding output_padding dilation".split()


@dataclass(frozen=True)
class Case:
    """A layer and an input that fits it; printed by hypothesis where a test fails."""

    kind: type
    channels: tuple  # (in, out)
    kernel: object
    # stride, padding, dilation, bias, for ConvTranspose2d also output_padding; ints or pairs
    options: dict
    size: tuple  # (H, W) of the input
    n: int
    seed: int

    def make(self, dtype=np.float64, whole=False):
        """``layer, x``. ``whole``: all weights and pixels are small whole numbers, so that every
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
        """The settings as the six loops want them."""
        return {name: pair(self.options[name]) for name in FOUR if name in self.options}


def whole_numbers(rng, shape):
    return rng.integers(-4, 5, shape).astype(float)


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


@st.composite
def cases(draw, kinds=(Conv2d, ConvTranspose2d), largest=3, most=3, bias=None):
    """Kernels, strides and dilations up to ``largest``, also where nothing divides; up to ``most``
    channels and examples."""
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
