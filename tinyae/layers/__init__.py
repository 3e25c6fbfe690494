"""The layers. Each one has its forward pass and its derivatives on one screen."""

from tinyae.layers.activations import ELU, LeakyReLU, ReLU, Sigmoid, Softplus, Tanh
from tinyae.layers.base import Layer, LinearMap
from tinyae.layers.containers import Autoencoder, Sequential, leaves
from tinyae.layers.convolution import Conv2d, ConvTranspose2d
from tinyae.layers.frozen import Frozen, freeze
from tinyae.layers.initialization import initialize
from tinyae.layers.k_sparse import KSparse
from tinyae.layers.linear import Linear
from tinyae.layers.patches import fold, unfold
from tinyae.layers.reshape import Flatten, Reshape
from tinyae.layers.summary import summary
from tinyae.layers.tied import TiedAutoencoder, TransposedLinear

__all__ = [
    "ELU",
    "Autoencoder",
    "Conv2d",
    "ConvTranspose2d",
    "Flatten",
    "Frozen",
    "KSparse",
    "Layer",
    "LeakyReLU",
    "Linear",
    "LinearMap",
    "ReLU",
    "Reshape",
    "Sequential",
    "Sigmoid",
    "Softplus",
    "Tanh",
    "TiedAutoencoder",
    "TransposedLinear",
    "fold",
    "freeze",
    "initialize",
    "leaves",
    "summary",
    "unfold",
]
