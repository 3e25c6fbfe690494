"""Correct gradients that look suspicious: kinks, saturation, huge and tiny numbers. A checker must
let them pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyae.known_bugs.activations import SigmoidLayer, Softmax
from tinyae.known_bugs.base import Example, conv, dense, images, rows, up
from tinyae.known_bugs.losses import net
from tinyae.known_bugs.published import as_pair, codes, contraction, contraction_gradients, encoder
from tinyae.layers import (
    ELU,
    Flatten,
    Layer,
    LeakyReLU,
    Linear,
    ReLU,
    Sequential,
    Sigmoid,
    Softplus,
    Tanh,
)
from tinyae.losses import bce, bce_with_logits, cross_entropy, mse

CORRECT: list[Example] = []


def sound(build: Any) -> Any:
    CORRECT.append(Example(build.__name__, " ".join((build.__doc__ or "").split()), build))
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
    """Linear, ReLU, Linear with zero biases and many zero inputs: some pre-activations are exactly
    0."""
    model = net(rng, ReLU())
    model[0].params["bias"][:] = 0
    x = np.abs(rows(rng, 8))
    x[:2] = 0
    return model, (x,)


@sound
def digits_zero_bias_conv(rng):
    """Pictures, mostly black, through a convolution with zero biases, then ReLU: half of the
    pre-activations on the kink."""
    layer = conv(rng, 1, 2, padding=1)
    layer.params["bias"][:] = 0
    x = np.zeros((2, 1, 7, 7))
    x[:, :, 2:5, 3:5] = rng.random((2, 1, 3, 2))
    return Sequential(layer, ReLU(), Flatten(), Linear(98, 2, rng=rng, dtype=np.float64)), (x,)


@sound
def relu_conv(rng):
    """Convolution, ReLU, transposed convolution."""
    return Sequential(
        conv(rng, stride=2, padding=1), ReLU(), up(rng, stride=2, padding=1, output_padding=1)
    ), (images(rng),)


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
    """TransposedLinear convolution with output padding."""
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
def norm_of_tiny(rng):
    """Norms of vectors of 1e-9: the usual step is a thousand times larger than they are."""

    def norm(z):
        n = np.sqrt((z * z).sum(axis=1))
        return n.sum(), z / n[:, None]

    return norm, (1e-9 * rows(rng),)


@sound
def batch_norm(rng):
    """Batch normalization of inputs around 1e6."""

    class BatchNorm(Layer):
        def forward(self, x):
            d = np.sqrt(x.var(axis=0) + 1e-5)
            y = (x - x.mean(axis=0)) / d
            return y, (y, d)

        def backward(self, dy, cache):
            y, d = cache
            return (dy - dy.mean(axis=0) - y * (dy * y).mean(axis=0)) / d, {}

    return BatchNorm(), (1e6 + rows(rng),)


@sound
def deep_relu(rng):
    """Six layers with ReLU, a hundred examples: many kinks close by."""
    layers = [layer for _ in range(5) for layer in (dense(rng, 5, 5), ReLU())]
    return Sequential(*layers, dense(rng, 5, 2)), (rows(rng, 100),)


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

    return (affine, affine_backward), (
        rows(rng),
        rng.standard_normal((5, 4)),
        rng.standard_normal(4),
    )


@sound
def autoencoder_objective(rng):
    """A denoising objective with a model: the noise comes from the generator that it is given."""

    def objective(model, x, rng):
        noisy = x + 0.1 * rng.standard_normal(x.shape)
        y, caches = model.forward(noisy)
        value, dy = mse(y, x)
        return value, model.backward(dy, caches)[1], {"mse": value}

    return objective, (Sequential(dense(rng, 5, 3), Sigmoid(), dense(rng, 3, 5)), rows(rng))
