"""Layers that keep state between forward and backward train with one worker."""

import warnings

import numpy as np
import pytest
from helpers.small import DATA, same_bits

from tinyae import Adam, Autoencoder, Layer, Linear, Objective, ReLU, Sequential, Sigmoid, bce, fit


class RemembersInput(Linear):
    """The old style: self.x in forward, read again in backward."""

    def forward(self, x):
        self.x = x
        return super().forward(x)[0], None

    def backward(self, dy, cache):
        return super().backward(dy, self.x)

    def parameter_gradients(self, dy, cache):
        return super().parameter_gradients(dy, self.x)


class RemembersFirstMask(Layer):
    """The mask of the first batch, kept for all others."""

    mask = None

    def forward(self, x):
        if self.mask is None:
            self.mask = x[:1] > 0.5
        return x * self.mask, self.mask

    def backward(self, dy, mask):
        return dy * mask, {}


class RemembersOutput(Layer):
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y, None

    def backward(self, dy, cache):
        return dy * (1 - self.y**2), {}


class Stateless(Layer):
    def forward(self, x):
        y = np.tanh(x)
        return y, y

    def backward(self, dy, y):
        return dy * (1 - y * y), {}


def net(layer=None, first=Linear):
    rng = np.random.default_rng(0)
    encoder = Sequential(first(12, 6, rng=rng), layer or ReLU(), Linear(6, 3, rng=rng))
    return Autoencoder(encoder, Sequential(Linear(3, 12, rng=rng), Sigmoid()))


def train(model, workers):
    optimizer = Adam(model.params, 0.01)
    fit(model, DATA, Objective(bce), optimizer, 3, 16, workers=workers, progress=False)
    return model


@pytest.mark.parametrize(
    "make", [lambda: net(RemembersOutput()), lambda: net(first=RemembersInput)], ids=["y", "x"]
)
def test_a_layer_with_state_trains_with_one_worker_and_says_why(make):
    with pytest.warns(UserWarning, match="keeps state between forward and backward.*one worker"):
        shared = train(make(), workers=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same_bits(shared, train(make(), workers=1))


def test_layers_without_state_are_shared_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(net(Stateless()), workers=2)
        train(net(), workers=2)
