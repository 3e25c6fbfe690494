"""Correct gradients that look suspicious: kinks, saturation, huge and tiny numbers. A checker must
let them pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyae.known_bugs.activations import SigmoidLayer, Softmax
from tinyae.known_bugs.base import Example, conv, dense, images, rows, up
from tinyae.known_bugs.losses import net
from tinyae.layers import ELU, Flatten, LeakyReLU, Linear, ReLU, Sequential, Sigmoid, Softplus, Tanh

CORRECT: list[Example] = []


def correct_example(build: Any) -> Any:
    CORRECT.append(Example(build.__name__, " ".join((build.__doc__ or "").split()), build))
    return build


@correct_example
def linear(rng):
    """Linear."""
    return dense(rng), (rows(rng),)


@correct_example
def linear_float32(rng):
    """Linear with float32 parameters and input."""
    return Linear(5, 4, rng=rng), (rows(rng).astype(np.float32),)


@correct_example
def one_example(rng):
    """A batch of one."""
    return Sequential(dense(rng), Tanh(), dense(rng, 4, 3)), (rows(rng, 1),)


@correct_example
def one_number(rng):
    """Tensors of one entry."""
    return dense(rng, 1, 1), (rows(rng, 1, 1),)


@correct_example
def inputs_of_a_million(rng):
    """Inputs of 1e6."""
    return Sequential(dense(rng), Tanh()), (1e6 * rows(rng),)


@correct_example
def linear_inputs_of_a_million(rng):
    """Inputs of 1e6 through a linear layer."""
    return dense(rng), (1e6 * rows(rng),)


@correct_example
def offset_of_a_million(rng):
    """1e6 plus a little: the step is far larger than what the function is about."""
    return Softmax(), (1e6 + rows(rng),)


@correct_example
def gradients_of_1e8(rng):
    """Gradients of 1e-8."""
    layer = dense(rng)
    layer.params["weight"] *= 1e-8
    return layer, (1e-8 * rows(rng),)


@correct_example
def relu_normal(rng):
    """ReLU, N(0, 1) inputs."""
    return ReLU(), (rows(rng, 20, 10),)


@correct_example
def relu_exact_zeros(rng):
    """ReLU, 30 % exact zeros."""
    x = rows(rng, 8, 10)
    return ReLU(), (np.where(rng.random(x.shape) < 0.3, 0, x),)


@correct_example
def relu_nearly_zero(rng):
    """ReLU, inputs of 1e-6 to 1e-3, so that steps cross the kink."""
    return ReLU(), (rows(rng) * 10 ** rng.uniform(-6, -3, (6, 5)),)


@correct_example
def relu_net_exact_zeros(rng):
    """Linear, ReLU, Linear with zero biases and many zero inputs: some pre-activations are exactly
    0."""
    model = net(rng, ReLU())
    model[0].params["bias"][:] = 0
    x = np.abs(rows(rng, 8))
    x[:2] = 0
    return model, (x,)


@correct_example
def digits_zero_bias_conv(rng):
    """Images, mostly black, through a convolution with zero biases, then ReLU: half of the
    pre-activations on the kink."""
    layer = conv(rng, 1, 2, padding=1)
    layer.params["bias"][:] = 0
    x = np.zeros((2, 1, 7, 7))
    x[:, :, 2:5, 3:5] = rng.random((2, 1, 3, 2))
    return Sequential(layer, ReLU(), Flatten(), Linear(98, 2, rng=rng, dtype=np.float64)), (x,)


@correct_example
def relu_conv(rng):
    """Convolution, ReLU, transposed convolution."""
    return Sequential(
        conv(rng, stride=2, padding=1), ReLU(), up(rng, stride=2, padding=1, output_padding=1)
    ), (images(rng),)


@correct_example
def leaky_relu(rng):
    """LeakyReLU."""
    return LeakyReLU(), (rows(rng),)


@correct_example
def elu_kinked(rng):
    """ELU with α = 0.5 has a kink at 0."""
    x = rows(rng)
    x[0, 0] = 0
    return ELU(0.5), (x,)


@correct_example
def saturated_sigmoid(rng):
    """Sigmoid of ±30: gradients of 1e-13."""
    return Sigmoid(), (30 * rng.choice([-1.0, 1.0], (6, 5)) + rows(rng),)


@correct_example
def very_saturated_sigmoid(rng):
    """Sigmoid of ±1000: gradients of exactly 0."""
    return Sigmoid(), (1000 * rng.choice([-1.0, 1.0], (6, 5)),)


@correct_example
def saturated_tanh(rng):
    """Tanh of ±15."""
    return Tanh(), (15 * rng.choice([-1.0, 1.0], (6, 5)) + rows(rng),)


@correct_example
def softplus(rng):
    """Softplus over a wide range."""
    return Softplus(), (10 * rows(rng),)


@correct_example
def steep(rng):
    """tanh(100 x): strongly curved within a step."""
    model = Sequential(dense(rng), Tanh())
    model[0].params["weight"] *= 100
    return model, (rows(rng),)


@correct_example
def softmax(rng):
    """Softmax: its outputs sum to 1, so ones as cotangent see nothing."""
    return Softmax(), (rows(rng),)


@correct_example
def sigmoid_layer(rng):
    """σ(x Wᵀ + b) in one layer."""
    return SigmoidLayer(5, 4, rng=rng), (rows(rng),)


@correct_example
def convolution(rng):
    """Convolution with stride 2 that does not divide evenly."""
    return conv(rng, stride=2, padding=1), (images(rng, h=7, w=6),)


@correct_example
def dilated(rng):
    """Dilated convolution."""
    return conv(rng, dilation=2), (images(rng, h=8, w=7),)


@correct_example
def transposed(rng):
    """TransposedLinear convolution with output padding."""
    return up(rng, stride=2, padding=1, output_padding=1), (images(rng, c=3, h=4, w=3),)
