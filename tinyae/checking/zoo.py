"""The zoo: gradients that are wrong in a known way, and correct ones that look suspicious. A checker must tell them apart.

``BUGS`` and ``SOUND`` are lists of ``Specimen``. Each makes its target and inputs from a seed, so that a checker meets it in
many forms:

    for bug in BUGS:
        target, inputs = bug.make(seed=0)
        assert not my_checker(target, *inputs), bug.about

The bugs are a few lines each. Those marked *published* restate code that people have copied for years.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyae.layers import Conv2d, ConvTranspose2d, Flatten, Layer, LeakyReLU, Linear, ReLU, Sequential, Sigmoid, Softplus, Tanh
from tinyae.layers.activations import ELU
from tinyae.losses import bce, bce_with_logits, cross_entropy, mse

Array = np.ndarray


@dataclass(frozen=True)
class Specimen:
    """A target to be checked. For a bug: the tensor whose gradient is wrong and the kinds of hint (or of finding) that name
    its cause; for a bug without a known name, ``("unknown",)``: a checker should say that it does not know."""

    name: str
    about: str
    build: Callable[[np.random.Generator], tuple[Any, tuple[Any, ...]]]
    tensor: str = ""
    hints: tuple[str, ...] = ()
    published: bool = False

    def make(self, seed: int = 0) -> tuple[Any, tuple[Any, ...]]:
        """``target, inputs``, to be called as ``gradcheck(target, *inputs)``."""
        return self.build(np.random.default_rng(seed))


BUGS: list[Specimen] = []


def bug(tensor: str, *hints: str, published: bool = False) -> Callable[[Any], Any]:
    def add(build: Any) -> Any:
        BUGS.append(Specimen(build.__name__, " ".join((build.__doc__ or "").split()), build, tensor, hints, published))
        return build

    return add


def altered(layer: Layer, **changes: Callable[..., Any]) -> Layer:
    """The layer with one or more gradients spoilt: ``weight=lambda g, dy, cache, layer: g / 2``."""

    class Altered(type(layer)):
        def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
            dx, grads = super().backward(dy, cache)
            spoilt = {n: f({"x": dx, **grads}[n], dy, cache, self) for n, f in changes.items()}
            return spoilt.pop("x", dx), {**grads, **spoilt}

    Altered.__name__ = type(layer).__name__
    layer.__class__ = Altered
    return layer


def dense(rng: np.random.Generator, inputs: int = 5, outputs: int = 4) -> Linear:
    return Linear(inputs, outputs, rng=rng, dtype=np.float64)


def rows(rng: np.random.Generator, n: int = 6, d: int = 5) -> Array:
    return rng.standard_normal((n, d))


def conv(rng: np.random.Generator, a: int = 2, b: int = 3, **settings: Any) -> Conv2d:
    return Conv2d(a, b, 3, rng=rng, dtype=np.float64, **settings)


def up(rng: np.random.Generator, a: int = 3, b: int = 2, **settings: Any) -> ConvTranspose2d:
    return ConvTranspose2d(a, b, 3, rng=rng, dtype=np.float64, **settings)


def images(rng: np.random.Generator, n: int = 3, c: int = 2, h: int = 6, w: int = 6) -> Array:
    return rng.standard_normal((n, c, h, w))


# ---- Linear ---------------------------------------------------------------------------------------------------------------


@bug("weight", "factor")
def linear_half(rng):
    """dW is half of what it should be."""
    return altered(dense(rng), weight=lambda g, *_: g / 2), (rows(rng),)


@bug("weight", "factor")
def linear_sign(rng):
    """dW has the wrong sign."""
    return altered(dense(rng), weight=lambda g, *_: -g), (rows(rng),)


@bug("weight", "factor")
def linear_half_percent(rng):
    """dW is half a percent too large."""
    return altered(dense(rng), weight=lambda g, *_: 1.005 * g), (rows(rng),)


@bug("weight", "factor")
def linear_tiny_threefold(rng):
    """dW is three times too large where gradients are about 1e-7."""
    return altered(dense(rng), weight=lambda g, *_: 3 * g), (1e-7 * rows(rng),)


@bug("x", "factor")
def linear_tiny_weights_threefold(rng):
    """dx is three times too large where the weights, and so dx, are about 1e-7."""
    layer = dense(rng)
    layer.params["weight"] *= 1e-7
    return altered(layer, x=lambda g, *_: 3 * g), (rows(rng),)


@bug("bias", "factor")
def linear_bias_mean(rng):
    """db is the mean over the batch, not the sum."""
    return altered(dense(rng), bias=lambda g, dy, *_: dy.mean(axis=0)), (rows(rng),)


@bug("weight", "factor")
def linear_weight_times_n(rng):
    """dW is multiplied by the batch size."""
    return altered(dense(rng), weight=lambda g, dy, *_: g * len(dy)), (rows(rng),)


@bug("weight", "zero")
def linear_weight_zero(rng):
    """dW was never filled in."""
    return altered(dense(rng), weight=lambda g, *_: np.zeros_like(g)), (rows(rng),)


@bug("x", "zero")
def linear_x_zero(rng):
    """dx was never filled in."""
    return altered(dense(rng), x=lambda g, *_: np.zeros_like(g)), (rows(rng),)


@bug("x", "transpose")
def linear_x_transposed_weight(rng):
    """dx = dy Wᵀ for dy W, which runs where W is square."""
    return altered(dense(rng, 5, 5), x=lambda g, dy, x, layer: dy @ layer.params["weight"].T), (rows(rng),)


@bug("weight", "transpose")
def linear_weight_transposed(rng):
    """dW = xᵀ dy for dyᵀ x, which has the right shape where W is square."""
    return altered(dense(rng, 5, 5), weight=lambda g, dy, x, _: x.T @ dy), (rows(rng),)


@bug("weight", "transpose")
def linear_weight_transposed_shape(rng):
    """dW = xᵀ dy for dyᵀ x: (in, out) for (out, in)."""
    return altered(dense(rng), weight=lambda g, dy, x, _: x.T @ dy), (rows(rng),)


@bug("bias", "missing sum")
def linear_bias_not_summed(rng):
    """db = dy, without the sum over the batch."""
    return altered(dense(rng), bias=lambda g, dy, *_: dy), (rows(rng),)


@bug("bias", "shape")
def linear_bias_keepdims(rng):
    """db has shape (1, out)."""
    return altered(dense(rng), bias=lambda g, *_: g[None]), (rows(rng),)


@bug("bias", "one example")
def linear_bias_first_example(rng):
    """db is that of the first example."""
    return altered(dense(rng), bias=lambda g, dy, *_: dy[0]), (rows(rng),)


@bug("weight", "one example")
def linear_weight_last_example(rng):
    """dW is overwritten example by example: the last one stays."""
    return altered(dense(rng), weight=lambda g, dy, x, _: np.outer(dy[-1], x[-1])), (rows(rng),)


@bug("x", "one example")
def linear_x_first_example(rng):
    """dx is filled in for the first example only."""
    return altered(dense(rng), x=lambda g, *_: g * (np.arange(len(g)) == 0)[:, None]), (rows(rng),)


@bug("x", "bias in dx")
def linear_bias_in_dx(rng):
    """The bias is added on the way back too."""
    return altered(dense(rng, 5, 5), x=lambda g, dy, x, layer: g + layer.params["bias"]), (rows(rng),)


@bug("weight", "entries")
def linear_one_entry(rng):
    """One entry of dW in 192 is off by 1 %."""
    def spoil(g, *_):
        g = g.copy()
        g[3, 7] *= 1.01
        return g
    return altered(dense(rng, 16, 12), weight=spoil), (rows(rng, 6, 16),)


@bug("weight", "entries")
def linear_one_entry_of_many(rng):
    """One entry of dW in 120,000 is 0: no sample will meet it."""
    def spoil(g, *_):
        g = g.copy()
        g[17, 123] = 0
        return g
    return altered(dense(rng, 400, 300), weight=spoil), (rows(rng, 2, 400),)


@bug("weight", "decay")
def linear_weight_decay(rng):
    """Weight decay is added to the gradient, though it is not in the loss."""
    return altered(dense(rng), weight=lambda g, dy, x, layer: g + 0.01 * layer.params["weight"]), (rows(rng),)


@bug("weight", "ones")
def linear_ignores_dy(rng):
    """Backward ignores its dy and takes ones."""
    return altered(dense(rng), weight=lambda g, dy, x, _: np.ones_like(dy).T @ x), (rows(rng),)


@bug("weight", "permutation")
def linear_permuted_columns(rng):
    """dW and db come from permuted columns of dy. A cotangent of ones cannot see it."""
    order = np.array([1, 2, 0, 3])
    return altered(dense(rng), weight=lambda g, *_: g[order], bias=lambda g, *_: g[order]), (rows(rng),)


@bug("weight", "permutation")
def linear_reversed_rows(rng):
    """dW's rows are in reverse order."""
    return altered(dense(rng), weight=lambda g, *_: g[::-1]), (rows(rng),)


@bug("weight", "second call")
def linear_accumulates(rng):
    """Gradients are added to those of the last call, and nobody set them to zero."""
    class Accumulates(Linear):
        def backward(self, dy, x):
            dx, grads = super().backward(dy, x)
            self.sum = {n: g + getattr(self, "sum", {}).get(n, 0) for n, g in grads.items()}
            return dx, dict(self.sum)
    return Accumulates(5, 4, rng=rng), (rows(rng),)


@bug("dy", "overwritten")
def linear_overwrites_dy(rng):
    """dy is scaled in place: whoever passed it in has other numbers now."""
    class Overwrites(Linear):
        def backward(self, dy, x):
            gradients = super().backward(dy, x)
            dy *= 0.5
            return gradients
    return Overwrites(5, 4, rng=rng), (rows(rng),)


@bug("x", "overwritten")
def linear_overwrites_x(rng):
    """The input is centred in place."""
    class Overwrites(Linear):
        def forward(self, x):
            x -= x.mean()
            return super().forward(x)
    return Overwrites(5, 4, rng=rng), (rows(rng),)


@bug("weight", "overwritten")
def linear_updates_in_backward(rng):
    """Backward takes an SGD step, so the gradient can neither be read nor checked (a popular repository does this)."""
    class Updates(Linear):
        def backward(self, dy, x):
            dx, grads = super().backward(dy, x)
            self.params["weight"] -= 0.01 * grads["weight"]
            return dx, grads
    return Updates(5, 4, rng=rng), (rows(rng),)


@bug("bias", "missing")
def linear_no_bias_gradient(rng):
    """db is not returned."""
    class Missing(Linear):
        def backward(self, dy, x):
            dx, grads = super().backward(dy, x)
            return dx, {"weight": grads["weight"]}
    return Missing(5, 4, rng=rng), (rows(rng),)


@bug("dW", "extra")
def linear_other_name(rng):
    """The gradient is returned as "dW", so no optimiser will find it."""
    class Renamed(Linear):
        def backward(self, dy, x):
            dx, grads = super().backward(dy, x)
            return dx, {"dW": grads["weight"], "bias": grads["bias"]}
    return Renamed(5, 4, rng=rng), (rows(rng),)


@bug("bias", "flat")
def linear_bias_unused(rng):
    """forward forgets the bias, backward does not."""
    class Unused(Linear):
        def forward(self, x):
            return x @ self.params["weight"].T, x
    return Unused(5, 4, rng=rng), (rows(rng),)


@bug("weight", "dtype")
def linear_float32_gradient(rng):
    """dW is made as float32, whatever came in."""
    return altered(dense(rng), weight=lambda g, *_: g.astype(np.float32)), (rows(rng),)


@bug("weight", "nan")
def linear_nan(rng):
    """dW is divided by a norm that can be 0."""
    def spoil(g, dy, x, _):
        return g / (x[:, :1].T @ x[:, :1] * 0)
    return altered(dense(rng), weight=spoil), (rows(rng),)


@bug("x", "linear")
def linear_not_linear_in_dy(rng):
    """dx is clipped inside the layer: no longer linear in dy."""
    return altered(dense(rng), x=lambda g, *_: np.clip(g, -0.3, 0.3)), (rows(rng),)


@bug("y", "random")
def linear_unseeded_noise(rng):
    """Noise from np.random without a seed: no two calls agree."""
    class Noisy(Linear):
        def forward(self, x):
            return super().forward(x * (np.random.random(x.shape) > 0.5))  # noqa: NPY002
    return Noisy(5, 4, rng=rng), (rows(rng),)


@bug("y", "state")
def dropout_keeps_generator(rng):
    """Dropout with a generator of its own, which goes on with each call."""
    class Dropout(Layer):
        rng = None
        def forward(self, x):
            mask = self.rng.random(x.shape) > 0.5
            return x * mask, mask
        def backward(self, dy, mask):
            return dy * mask, {}
    layer = Dropout()
    layer.rng = np.random.default_rng(0)
    return layer, (rows(rng),)


@bug("weight", "noisy", "dtype")
def linear_float32_inside(rng):
    """forward computes in float32 and casts back: half of the digits are gone."""
    class Narrow(Linear):
        def forward(self, x):
            y, _ = super().forward(x)
            return y.astype(np.float32).astype(np.float64), x
    return Narrow(5, 4, rng=rng), (rows(rng),)


# ---- activations ------------------------------------------------------------------------------------------------------------


@bug("x", "slope missing")
def sigmoid_slope_missing(rng):
    """dx = dy: the derivative is missing."""
    return altered(Sigmoid(), x=lambda g, dy, *_: dy), (rows(rng),)


@bug("x", "slope at output")
def sigmoid_slope_at_output(rng):
    """The derivative is evaluated at the output: σ'(σ(x))."""
    return altered(Sigmoid(), x=lambda g, dy, y, s: dy * s.slope(s.f(y))), (rows(rng),)


@bug("x", "foreign slope")
def sigmoid_formula_on_input(rng):
    """dx = x (1 − x) dy: the output's formula with the input put in."""
    class Cached(Sigmoid):
        def forward(self, x):
            return self.f(x), x
        def backward(self, dy, x):
            return dy * x * (1 - x), {}
    return Cached(), (rows(rng),)


@bug("x", "slope twice")
def sigmoid_slope_twice(rng):
    """The derivative is multiplied in twice."""
    return altered(Sigmoid(), x=lambda g, dy, y, s: g * s.slope(y)), (rows(rng),)


@bug("x", "unknown")
def tanh_forgets_square(rng):
    """1 − y for 1 − y²."""
    return altered(Tanh(), x=lambda g, dy, y, _: dy * (1 - y)), (rows(rng),)


@bug("x", "foreign slope")
def tanh_with_sigmoid_slope(rng):
    """y (1 − y), the sigmoid's slope, in a tanh."""
    return altered(Tanh(), x=lambda g, dy, y, _: dy * y * (1 - y)), (rows(rng),)


@bug("x", "slope missing", "side")
def relu_passes_everything(rng):
    """dx = dy, also where the input was negative."""
    return altered(ReLU(), x=lambda g, dy, *_: dy), (rows(rng),)


@bug("x", "linear")
def relu_masks_dy(rng):
    """The mask is taken from dy instead of from x."""
    return altered(ReLU(), x=lambda g, dy, *_: np.maximum(dy, 0)), (rows(rng),)


@bug("x", "side", "foreign slope")
def leaky_relu_without_leak(rng):
    """LeakyReLU's gradient is ReLU's."""
    return altered(LeakyReLU(0.1), x=lambda g, dy, y, _: dy * (y > 0)), (rows(rng),)


@bug("x", "side")
def elu_without_alpha(rng):
    """ELU's slope for α = 1, whatever α is."""
    return altered(ELU(0.5), x=lambda g, dy, y, _: np.where(y > 0, dy, dy * (y + 0.5) / 0.5)), (rows(rng),)


@bug("x", "foreign slope")
def softplus_wrong_slope(rng):
    """Softplus with the sigmoid's slope y (1 − y)."""
    return altered(Softplus(), x=lambda g, dy, y, _: dy * y * (1 - y)), (rows(rng),)


class Softmax(Layer):
    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        y = e / e.sum(axis=1, keepdims=True)
        return y, y

    def backward(self, dy, y):
        return y * (dy - (dy * y).sum(axis=1, keepdims=True)), {}


@bug("x", "diagonal")
def softmax_diagonal(rng):
    """dx = y (1 − y) dy: softmax taken for an elementwise function."""
    return altered(Softmax(), x=lambda g, dy, y, _: dy * y * (1 - y)), (rows(rng),)


@bug("x", "zero")
def softmax_zero(rng):
    """dx = 0, which a cotangent of ones takes for right."""
    return altered(Softmax(), x=lambda g, *_: 0 * g), (rows(rng),)


@bug("x", "unknown")
def batch_norm_constant_statistics(rng):
    """Mean and deviation are taken for constants, though they depend on x."""
    class BatchNorm(Layer):
        def forward(self, x):
            d = x.std(axis=0) + 1e-5
            return (x - x.mean(axis=0)) / d, d
        def backward(self, dy, d):
            return dy / d, {}
    return BatchNorm(), (rows(rng),)


class SigmoidLayer(Linear):
    """σ(x Wᵀ + b) in one layer, as many courses write it."""

    def forward(self, x):
        y = 1 / (1 + np.exp(-super().forward(x)[0]))
        return y, (x, y)

    def backward(self, dy, cache):
        x, y = cache
        return super().backward(dy * y * (1 - y), x)


@bug("weight", "slope missing")
def sigmoid_layer_slope_missing(rng):
    """σ(x Wᵀ + b) in one layer, backward without σ'."""
    class Missing(SigmoidLayer):
        def backward(self, dy, cache):
            return Linear.backward(self, dy, cache[0])
    return Missing(5, 4, rng=rng), (rows(rng),)


@bug("weight", "slope twice")
def sigmoid_layer_slope_twice(rng):
    """σ(x Wᵀ + b) in one layer, backward with σ'²."""
    class Twice(SigmoidLayer):
        def backward(self, dy, cache):
            return super().backward(dy * cache[1] * (1 - cache[1]), cache)
    return Twice(5, 4, rng=rng), (rows(rng),)


# ---- convolutions ----------------------------------------------------------------------------------------------------------


@bug("weight", "flip")
def conv_flipped_weight(rng):
    """dW is turned by 180°: correlation and convolution mixed up."""
    return altered(conv(rng), weight=lambda g, *_: g[:, :, ::-1, ::-1]), (images(rng),)


@bug("x", "flip")
def conv_x_unflipped(rng):
    """dx from a kernel that was not turned: right for symmetric kernels only."""
    class Unflipped(Conv2d):
        def backward(self, dy, cache):
            kernel = self.params["weight"]
            grads = super().backward(dy, cache)[1]
            turned = Conv2d(2, 3, 3, rng=0, dtype=dy.dtype)
            turned.params = {"weight": kernel[:, :, ::-1, ::-1], "bias": self.params["bias"]}
            return turned.backward(dy, turned.forward(np.zeros((len(dy), 2, 6, 6)))[1])[0], grads
    return Unflipped(2, 3, 3, rng=rng, dtype=np.float64), (images(rng),)


@bug("weight", "swapped axes")
def conv_swapped_axes(rng):
    """dW has height and width swapped."""
    return altered(conv(rng), weight=lambda g, *_: g.swapaxes(2, 3)), (images(rng),)


@bug("weight", "swapped axes")
def conv_swapped_channels(rng):
    """dW has input and output channels swapped, which runs where there are as many of both."""
    return altered(conv(rng, 3, 3), weight=lambda g, *_: g.swapaxes(0, 1)), (images(rng, c=3),)


@bug("bias", "missing sum")
def conv_bias_over_batch_only(rng):
    """db is summed over the batch, not over the pixels."""
    return altered(conv(rng), bias=lambda g, dy, *_: dy.sum(axis=0)), (images(rng),)


@bug("bias", "missing sum")
def conv_bias_over_pixels_only(rng):
    """db is summed over the pixels, not over the batch."""
    return altered(conv(rng), bias=lambda g, dy, *_: dy.sum(axis=(2, 3))), (images(rng),)


@bug("bias", "factor")
def conv_bias_mean_over_pixels(rng):
    """db is the mean over the pixels."""
    return altered(conv(rng), bias=lambda g, dy, *_: dy.mean(axis=(2, 3)).sum(axis=0)), (images(rng),)


@bug("x", "border")
def conv_border(rng):
    """With padding, dx is 0 at the border: the padding was cut off twice."""
    def spoil(g, *_):
        g = g.copy()
        g[:, :, [0, -1]] = 0
        g[:, :, :, [0, -1]] = 0
        return g
    return altered(conv(rng, padding=1), x=spoil), (images(rng, h=7, w=7),)


@bug("x", "border")
def conv_far_edge(rng):
    """The last row and column of dx are lost."""
    def spoil(g, *_):
        g = g.copy()
        g[:, :, -1] = 0
        g[:, :, :, -1] = 0
        return g
    return altered(conv(rng), x=spoil), (images(rng, h=7, w=6),)


@bug("x", "stride")
def conv_stride(rng):
    """With stride 2, every second row of dx is 0: rows between the windows' starts are forgotten."""
    def spoil(g, *_):
        g = g.copy()
        g[:, :, 1::2] = 0
        return g
    return altered(conv(rng, stride=2), x=spoil), (images(rng, h=9, w=9),)


@bug("x", "stride")
def conv_stride_both(rng):
    """With stride 2, dx is right at even rows and columns only."""
    def spoil(g, *_):
        out = np.zeros_like(g)
        out[:, :, ::2, ::2] = g[:, :, ::2, ::2]
        return out
    return altered(conv(rng, stride=2), x=spoil), (images(rng, h=9, w=9),)


@bug("x", "unknown")
def conv_overlap_assigned(rng):
    """Overlapping windows are assigned where they must be added."""
    class Assigned(Conv2d):
        def backward(self, dy, cache):
            dx, grads = super().backward(dy, cache)
            out = np.zeros_like(dx)
            patches = np.einsum("noij,ockl->nijckl", dy, self.params["weight"])
            for i in range(dy.shape[2]):
                for j in range(dy.shape[3]):
                    out[:, :, i:i + 3, j:j + 3] = patches[:, i, j]
            return out, grads
    return Assigned(2, 3, 3, rng=rng, dtype=np.float64), (images(rng),)


@bug("weight", "slices")
def conv_one_filter(rng):
    """dW is filled in for all filters but the last."""
    return altered(conv(rng, b=4), weight=lambda g, *_: g * (np.arange(4) < 3)[:, None, None, None]), (images(rng),)


@bug("weight", "one example")
def conv_first_image(rng):
    """dW of the first image only."""
    def spoil(g, dy, cache, layer):
        only = np.where(np.arange(len(dy))[:, None, None, None] == 0, dy, 0)
        return Conv2d.backward(layer, only, cache)[1]["weight"]
    return altered(conv(rng), weight=spoil), (images(rng),)


@bug("weight", "flip")
def up_flipped_weight(rng):
    """ConvTranspose2d: dW is turned by 180°."""
    return altered(up(rng), weight=lambda g, *_: g[:, :, ::-1, ::-1]), (images(rng, c=3, h=4, w=4),)


@bug("x", "factor")
def up_x_doubled(rng):
    """ConvTranspose2d: dx is twice too large."""
    return altered(up(rng, stride=2), x=lambda g, *_: 2 * g), (images(rng, c=3, h=4, w=4),)


@bug("bias", "missing sum")
def up_bias_over_batch_only(rng):
    """ConvTranspose2d: db is not summed over the pixels."""
    return altered(up(rng), bias=lambda g, dy, *_: dy.sum(axis=0)), (images(rng, c=3, h=4, w=4),)


@bug("weight", "permutation")
def up_reversed_channels(rng):
    """ConvTranspose2d: dW's output channels are in reverse order."""
    return altered(up(rng, b=4), weight=lambda g, *_: g[:, ::-1]), (images(rng, c=3, h=4, w=4),)


# ---- containers --------------------------------------------------------------------------------------------------------------


def net(rng, *layers):
    return Sequential(Linear(5, 6, rng=rng, dtype=np.float64), *layers, Linear(6, 4, rng=rng, dtype=np.float64))


@bug("0.weight", "upstream")
def sequential_skips_activation(rng):
    """The chain's backward passes over the activation."""
    return net(rng, altered(Tanh(), x=lambda g, dy, *_: dy)), (rows(rng),)


@bug("0.weight", "swapped")
def sequential_swapped_names(rng):
    """Two layers of the same shape get each other's gradient."""
    class Swapped(Sequential):
        def backward(self, dy, caches, input_gradient=True):
            dx, grads = super().backward(dy, caches, input_gradient)
            return dx, grads | {"0.weight": grads["2.weight"], "2.weight": grads["0.weight"]}
    return Swapped(dense(rng, 5, 5), Tanh(), dense(rng, 5, 5)), (rows(rng),)


@bug("0.bias", "factor")
def sequential_bias_mean(rng):
    """The first layer's db is a mean in a net where all others are sums."""
    model = net(rng, Sigmoid())
    altered(model[0], bias=lambda g, dy, *_: dy.mean(axis=0))
    return model, (rows(rng),)


@bug("x", "upstream")
def sequential_stops_early(rng):
    """A net of convolutions whose first dx is spoilt: all parameters are right."""
    first = altered(conv(rng), x=lambda g, *_: np.tanh(np.roll(g, 1, 2)))
    return Sequential(first, ReLU(), Flatten(), Linear(48, 4, rng=rng, dtype=np.float64)), (images(rng),)


# ---- losses ----------------------------------------------------------------------------------------------------------------


@bug("y", "factor")
def mse_without_two(rng):
    """dy = (y − t) / M, without the 2 of the square."""
    def loss(y, target):
        return ((y - target) ** 2).mean(), (y - target) / y.size
    return loss, (rows(rng), rows(rng))


@bug("y", "factor")
def mse_not_divided(rng):
    """dy = 2 (y − t): the value is a mean, its gradient that of a sum."""
    def loss(y, target):
        return ((y - target) ** 2).mean(), 2 * (y - target)
    return loss, (rows(rng), rows(rng))


@bug("y", "factor")
def mse_divided_by_batch(rng):
    """dy is divided by the batch size, the value by the number of elements."""
    def loss(y, target):
        return ((y - target) ** 2).mean(), 2 * (y - target) / len(y)
    return loss, (rows(rng), rows(rng))


@bug("y", "factor")
def mse_sign(rng):
    """dy = 2 (t − y) / M."""
    def loss(y, target):
        return ((y - target) ** 2).mean(), 2 * (target - y) / y.size
    return loss, (rows(rng), rows(rng))


@bug("y", "factor")
def bce_sum_for_mean(rng):
    """The gradient of the sum for the value's mean."""
    def loss(y, target):
        value, dy = bce(y, target)
        return value, dy * y.size
    return loss, (rng.uniform(0.1, 0.9, (6, 5)), rng.random((6, 5)))


@bug("logits", "unknown")
def bce_with_logits_extra_slope(rng):
    """(σ − t) σ (1 − σ): the sigmoid's slope, which cancels in cross-entropy, is multiplied in."""
    def loss(logits, target):
        value, dy = bce_with_logits(logits, target)
        s = 1 / (1 + np.exp(-logits))
        return value, dy * s * (1 - s)
    return loss, (rows(rng), rng.random((6, 5)))


@bug("logits", "factor")
def cross_entropy_not_divided(rng):
    """The gradient is not divided by the batch size."""
    def loss(logits, target):
        value, dy = cross_entropy(logits, target)
        return value, dy * len(logits)
    return loss, (rows(rng), rng.integers(0, 5, 6))


@bug("logits", "unknown")
def cross_entropy_forgets_label(rng):
    """softmax / N, without subtracting 1 at the label."""
    def loss(logits, target):
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        return cross_entropy(logits, target)[0], e / e.sum(axis=1, keepdims=True) / len(logits)
    return loss, (rows(rng), rng.integers(0, 5, 6))


@bug("x", "factor")
def pair_affine_mean(rng):
    """A course's pair of functions: dx, dw and db divided by the batch size."""
    def affine(x, w, b):
        return x @ w + b, (x, w)
    def affine_backward(dout, cache):
        x, w = cache
        n = len(x)
        return dout @ w.T / n, x.T @ dout / n, dout.sum(axis=0) / n
    return (affine, affine_backward), (rows(rng), rng.standard_normal((5, 4)), rng.standard_normal(4))


@bug("w", "transpose", "swapped")
def pair_returns_swapped(rng):
    """A course's pair of functions that returns db before dw."""
    def affine(x, w, b):
        return x @ w + b, (x, w)
    def affine_backward(dout, cache):
        x, w = cache
        return dout @ w.T, (x.T @ dout).T, dout.sum(axis=0)
    return (affine, affine_backward), (rows(rng), rng.standard_normal((5, 4)), rng.standard_normal(4))


# ---- sparsity and contraction: the wall of wrong gradients --------------------------------------------------------------------


def codes(rng, n=6, k=5):
    return rng.uniform(0.1, 0.9, (n, k))


@bug("z", "side")
def l1_without_sign(rng):
    """dz = 1 / N also where z is negative."""
    def l1(z):
        return np.abs(z).sum() / len(z), np.ones_like(z) / len(z)
    return l1, (rows(rng),)


@bug("z", "factor")
def kl_forgets_batch(rng):
    """KL on the batch mean, its gradient without the 1/N of that mean."""
    def kl(z, rho=0.1):
        r = z.mean(axis=0)
        value = (rho * np.log(rho / r) + (1 - rho) * np.log((1 - rho) / (1 - r))).sum()
        return value, np.broadcast_to((1 - rho) / (1 - r) - rho / r, z.shape).copy()
    return kl, (codes(rng),)


@bug("z", "unknown", published=True)
def kl_per_element(rng):
    """The gradient is that of KL taken element by element, the value that of the batch mean."""
    def kl(z, rho=0.1):
        r = z.mean(axis=0)
        value = (rho * np.log(rho / r) + (1 - rho) * np.log((1 - rho) / (1 - r))).sum()
        return value, ((1 - rho) / (1 - z) - rho / z) / len(z)
    return kl, (codes(rng),)


@bug("z", "unknown", published=True)
def kl_misplaced_brackets(rng):
    """−ρ/(ρ̂ + (1 − ρ))/(1 − ρ̂) for −ρ/ρ̂ + (1 − ρ)/(1 − ρ̂)."""
    def kl(z, rho=0.1):
        r = z.mean(axis=0)
        value = (rho * np.log(rho / r) + (1 - rho) * np.log((1 - rho) / (1 - r))).sum()
        return value, np.broadcast_to(-rho / (r + (1 - rho)) / (1 - r) / len(z), z.shape).copy()
    return kl, (codes(rng),)


def contraction(x, w, b):
    """Ω = Σ_n Σ_j (h_j (1 − h_j))² Σ_i W_ji² / N of one sigmoid layer (Rifai et al. 2011), and what its gradient needs."""
    h = 1 / (1 + np.exp(-(x @ w.T + b)))
    s = h * (1 - h)
    norms = (w * w).sum(axis=1)
    return h, s, norms, ((s * s) @ norms).sum() / len(x)


def contraction_gradients(x, w, h, s, norms):
    da = 2 * s * s * (1 - 2 * h) * norms / len(x)
    return da @ w, da.T @ x + 2 * (s * s).sum(axis=0)[:, None] * w / len(x), da.sum(axis=0)


def as_pair(value_and_gradients):
    """A function (x, w, b) -> value, (dx, dw, db) as a pair of plain functions."""
    def f(x, w, b):
        return value_and_gradients(x, w, b)
    def f_backward(dout, gradients):
        return tuple(dout * g for g in gradients)
    return f, f_backward


def encoder(rng):
    return rows(rng), rng.standard_normal((4, 5)), rng.standard_normal(4)


@bug("w", "factor", published=True)
def contraction_half(rng):
    """ynd/cae.py: the penalty's gradient is half of that of its own value, so λ is silently halved."""
    def penalty(x, w, b):
        h, s, norms, value = contraction(x, w, b)
        return value, tuple(g / 2 for g in contraction_gradients(x, w, h, s, norms))
    return as_pair(penalty), encoder(rng)


@bug("w", "flat", published=True)
def contraction_floor_division(rng):
    """DeepLearningTutorials cA.py, line 211: T.sum(J ** 2) // n has no gradient."""
    def penalty(x, w, b):
        h, s, norms, value = contraction(x, w, b)
        return value * len(x) // len(x), contraction_gradients(x, w, h, s, norms)
    return as_pair(penalty), encoder(rng)


@bug("w", "zero", published=True)
def contraction_no_gradient(rng):
    """The other side of that: an autograd returns zeros for what floor division touched."""
    def penalty(x, w, b):
        return contraction(x, w, b)[-1], (np.zeros_like(x), np.zeros_like(w), np.zeros_like(b))
    return as_pair(penalty), encoder(rng)


@bug("w", "frozen", published=True)
def contraction_frozen_weights(rng):
    """A much-copied blog post: Σ W² comes from a frozen copy of the weights, so its share of dW is missing."""
    def penalty(x, w, b):
        h, s, norms, value = contraction(x, w, b)
        da = 2 * s * s * (1 - 2 * h) * norms / len(x)
        return value, (da @ w, da.T @ x, da.sum(axis=0))
    return as_pair(penalty), encoder(rng)


@bug("w", "unknown", published=True)
def contraction_sigmoid_formula_on_relu(rng):
    """A much-copied PyTorch model: the sigmoid's h (1 − h) on a ReLU encoder."""
    def penalty(x, w, b):
        a = x @ w.T + b
        h = np.maximum(a, 0)
        value = ((h > 0) @ (w * w).sum(axis=1)).sum() / len(x)
        s, norms = h * (1 - h), (w * w).sum(axis=1)
        da = 2 * s * (1 - 2 * h) * (h > 0) * norms / len(x)
        return value, (da @ w, da.T @ x + 2 * (s * s).sum(axis=0)[:, None] * w / len(x), da.sum(axis=0))
    return as_pair(penalty), encoder(rng)


@bug("w", "unknown", published=True)
def contraction_square_of_sum(rng):
    """The gradient of (Σ h')² for that of Σ h'²: the sum over the batch is inside the square."""
    def penalty(x, w, b):
        h, s, norms, value = contraction(x, w, b)
        da = 2 * s.sum(axis=0) * s * (1 - 2 * h) * norms / len(x)
        return value, (da @ w, da.T @ x + 2 * (s.sum(axis=0) ** 2)[:, None] * w / len(x), da.sum(axis=0))
    return as_pair(penalty), encoder(rng)


@bug("w", "unknown", published=True)
def contraction_weights_summed_first(rng):
    """pylearn2 #90: the gradient of (Σ W)² for that of Σ W²."""
    def penalty(x, w, b):
        h, s, norms, value = contraction(x, w, b)
        da = 2 * s * s * (1 - 2 * h) * norms / len(x)
        direct = 2 * (s * s).sum(axis=0)[:, None] * w.sum(axis=1, keepdims=True) / len(x)
        return value, (da @ w, da.T @ x + direct, da.sum(axis=0))
    return as_pair(penalty), encoder(rng)


@bug("bias", "factor", published=True)
def denoising_bias_mean(rng):
    """yusugomori dA.py: the weight's step is a batch sum, the bias's a batch mean, N times apart."""
    return altered(SigmoidLayer(5, 4, rng=rng), bias=lambda g, dy, *_: g / len(dy)), (rows(rng),)


# ---- correct, though they look suspicious -------------------------------------------------------------------------------------

SOUND: list[Specimen] = []


def sound(build: Any) -> Any:
    SOUND.append(Specimen(build.__name__, " ".join((build.__doc__ or "").split()), build))
    return build


@sound
def linear(rng):
    """Linear."""
    return dense(rng), (rows(rng),)


@sound
def linear_float32(rng):
    """Linear with float32 parameters and input."""
    return Linear(5, 4, rng=rng), (rows(rng).astype(np.float32),)


@sound
def one_example(rng):
    """A batch of one."""
    return Sequential(dense(rng), Tanh(), dense(rng, 4, 3)), (rows(rng, 1),)


@sound
def one_number(rng):
    """Tensors of one entry."""
    return dense(rng, 1, 1), (rows(rng, 1, 1),)


@sound
def inputs_of_a_million(rng):
    """Inputs of 1e6."""
    return Sequential(dense(rng), Tanh()), (1e6 * rows(rng),)


@sound
def linear_inputs_of_a_million(rng):
    """Inputs of 1e6 through a linear layer."""
    return dense(rng), (1e6 * rows(rng),)


@sound
def offset_of_a_million(rng):
    """1e6 plus a little: the step is far larger than what the function is about."""
    return Softmax(), (1e6 + rows(rng),)


@sound
def gradients_of_1e8(rng):
    """Gradients of 1e-8."""
    layer = dense(rng)
    layer.params["weight"] *= 1e-8
    return layer, (1e-8 * rows(rng),)


@sound
def relu_normal(rng):
    """ReLU, N(0, 1) inputs."""
    return ReLU(), (rows(rng, 20, 10),)


@sound
def relu_exact_zeros(rng):
    """ReLU, 30 % exact zeros."""
    x = rows(rng, 8, 10)
    return ReLU(), (np.where(rng.random(x.shape) < 0.3, 0, x),)


@sound
def relu_nearly_zero(rng):
    """ReLU, inputs of 1e-6 to 1e-3, so that steps cross the kink."""
    return ReLU(), (rows(rng) * 10 ** rng.uniform(-6, -3, (6, 5)),)


@sound
def relu_net_exact_zeros(rng):
    """Linear, ReLU, Linear with zero biases and many zero inputs: some pre-activations are exactly 0."""
    model = net(rng, ReLU())
    model[0].params["bias"][:] = 0
    x = np.abs(rows(rng, 8))
    x[:2] = 0
    return model, (x,)


@sound
def digits_zero_bias_conv(rng):
    """Pictures, mostly black, through a convolution with zero biases, then ReLU: half of the pre-activations on the kink."""
    layer = conv(rng, 1, 2, padding=1)
    layer.params["bias"][:] = 0
    x = np.zeros((2, 1, 10, 10))
    x[:, :, 3:7, 4:6] = rng.random((2, 1, 4, 2))
    return Sequential(layer, ReLU(), Flatten(), Linear(200, 3, rng=rng, dtype=np.float64)), (x,)


@sound
def relu_conv(rng):
    """Convolution, ReLU, transposed convolution."""
    return Sequential(conv(rng, stride=2, padding=1), ReLU(), up(rng, stride=2, padding=1, output_padding=1)), (images(rng),)


@sound
def leaky_relu(rng):
    """LeakyReLU."""
    return LeakyReLU(), (rows(rng),)


@sound
def elu_kinked(rng):
    """ELU with α = 0.5 has a kink at 0."""
    x = rows(rng)
    x[0, 0] = 0
    return ELU(0.5), (x,)


@sound
def saturated_sigmoid(rng):
    """Sigmoid of ±30: gradients of 1e-13."""
    return Sigmoid(), (30 * rng.choice([-1.0, 1.0], (6, 5)) + rows(rng),)


@sound
def very_saturated_sigmoid(rng):
    """Sigmoid of ±1000: gradients of exactly 0."""
    return Sigmoid(), (1000 * rng.choice([-1.0, 1.0], (6, 5)),)


@sound
def saturated_tanh(rng):
    """Tanh of ±15."""
    return Tanh(), (15 * rng.choice([-1.0, 1.0], (6, 5)) + rows(rng),)


@sound
def softplus(rng):
    """Softplus over a wide range."""
    return Softplus(), (10 * rows(rng),)


@sound
def steep(rng):
    """tanh(100 x): strongly curved within a step."""
    model = Sequential(dense(rng), Tanh())
    model[0].params["weight"] *= 100
    return model, (rows(rng),)


@sound
def softmax(rng):
    """Softmax: its outputs sum to 1, so ones as cotangent see nothing."""
    return Softmax(), (rows(rng),)


@sound
def sigmoid_layer(rng):
    """σ(x Wᵀ + b) in one layer."""
    return SigmoidLayer(5, 4, rng=rng), (rows(rng),)


@sound
def convolution(rng):
    """Convolution with stride 2 that does not divide evenly."""
    return conv(rng, stride=2, padding=1), (images(rng, h=7, w=6),)


@sound
def dilated(rng):
    """Dilated convolution."""
    return conv(rng, dilation=2), (images(rng, h=8, w=7),)


@sound
def transposed(rng):
    """Transposed convolution with output padding."""
    return up(rng, stride=2, padding=1, output_padding=1), (images(rng, c=3, h=4, w=3),)


@sound
def large_tensor(rng):
    """A layer large enough to be sampled."""
    return Sequential(dense(rng, 200, 50), ReLU()), (rows(rng, 8, 200),)


@sound
def mse_loss(rng):
    """Mean squared error."""
    return mse, (rows(rng), rows(rng))


@sound
def mse_at_minimum(rng):
    """Mean squared error where it is 0: all slopes are 0, only the curvature is not."""
    y = rows(rng)
    return mse, (y, y.copy())


@sound
def mse_near_minimum(rng):
    """Mean squared error 1e-9 from its minimum."""
    y = rows(rng)
    return mse, (y, y + 1e-9 * rows(rng))


@sound
def mse_float32(rng):
    """Mean squared error of float32 arrays."""
    return mse, (rows(rng).astype(np.float32), rows(rng).astype(np.float32))


@sound
def mse_large(rng):
    """Mean squared error over 20,000 values: gradients of 1e-5 to 1e-9."""
    return mse, (rows(rng, 20, 1000), rows(rng, 20, 1000))


@sound
def bce_loss(rng):
    """Binary cross-entropy, probabilities down to 1e-4."""
    return bce, (1 / (1 + np.exp(-4 * rows(rng))), (rng.random((6, 5)) > 0.5).astype(float))


@sound
def bce_near_edge(rng):
    """Binary cross-entropy of probabilities within 1e-6 of 0 and 1: a step leaves the domain."""
    p = rng.uniform(0.2, 0.8, (6, 5))
    p[0, :2] = 1e-6, 1 - 1e-6
    return bce, (p, (rng.random((6, 5)) > 0.5).astype(float))


@sound
def bce_with_logits_loss(rng):
    """Binary cross-entropy of logits, with some that saturate."""
    return bce_with_logits, (20 * rows(rng), (rng.random((6, 5)) > 0.5).astype(float))


@sound
def bce_with_logits_zero(rng):
    """Binary cross-entropy at logits of exactly 0, where its formula has |a|, but no kink."""
    return bce_with_logits, (np.zeros((6, 5)), rng.random((6, 5)))


@sound
def cross_entropy_labels(rng):
    """Cross-entropy with integer labels."""
    return cross_entropy, (3 * rows(rng), rng.integers(0, 5, 6))


@sound
def l1_penalty(rng):
    """L1 with exact zeros."""
    def l1(z):
        return np.abs(z).sum() / len(z), np.sign(z) / len(z)
    z = rows(rng)
    z[0, :2] = 0
    return l1, (z,)


@sound
def kl_penalty(rng):
    """KL divergence of the batch mean from ρ."""
    def kl(z, rho=0.1):
        r = z.mean(axis=0)
        value = (rho * np.log(rho / r) + (1 - rho) * np.log((1 - rho) / (1 - r))).sum()
        return value, np.broadcast_to(((1 - rho) / (1 - r) - rho / r) / len(z), z.shape).copy()
    return kl, (codes(rng),)


@sound
def contraction_pair(rng):
    """The contraction of one sigmoid layer, with its gradients."""
    def penalty(x, w, b):
        h, s, norms, value = contraction(x, w, b)
        return value, contraction_gradients(x, w, h, s, norms)
    return as_pair(penalty), encoder(rng)


@sound
def affine_pair(rng):
    """A course's pair of functions."""
    def affine(x, w, b):
        return x @ w + b, (x, w)
    def affine_backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout, dout.sum(axis=0)
    return (affine, affine_backward), (rows(rng), rng.standard_normal((5, 4)), rng.standard_normal(4))


@sound
def autoencoder_objective(rng):
    """A denoising objective with a model: the noise comes from the generator that it is given."""
    def objective(model, x, rng):
        noisy = x + 0.1 * rng.standard_normal(x.shape)
        y, caches = model.forward(noisy)
        value, dy = mse(y, x)
        return value, model.backward(dy, caches)[1], {"mse": value}
    return objective, (Sequential(dense(rng, 5, 3), Sigmoid(), dense(rng, 3, 5)), rows(rng))
