"""tinyae: autoencoders from scratch in NumPy and CuPy. No autograd: every derivative by hand, and
proven."""

from tinyae import checking, data, models, penalties, plots
from tinyae.backend import to_device, to_numpy
from tinyae.checking import Report, assert_gradients, gradcheck
from tinyae.data import load_data
from tinyae.io import load_weights, save_weights
from tinyae.layers import (
    ELU,
    Autoencoder,
    Conv2d,
    ConvTranspose2d,
    Flatten,
    Frozen,
    KSparse,
    Layer,
    LeakyReLU,
    Linear,
    ReLU,
    Reshape,
    Sequential,
    Sigmoid,
    Softplus,
    Tanh,
    freeze,
    summary,
)
from tinyae.losses import bce, bce_with_logits, cross_entropy, mse
from tinyae.objectives.autoencoder import Objective
from tinyae.optim import SGD, Adam
from tinyae.penalties import KLSparsity, contractive, jacobian, l1
from tinyae.training import History, fit

__version__ = "0.1.0"
