"""The public names of the package: ``from tinyae import fit`` finds ``fit`` here.

``tinyae/__init__.py`` imports this module when one of the names is first used.
"""

from tinyae import checking, data, models, penalties, plots
from tinyae.backend import to_device, to_numpy
from tinyae.checking import Report, assert_gradients, gradcheck
from tinyae.data import Gaussian, load_data
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
from tinyae.objectives import Adversarial, Objective, Variational
from tinyae.optim import SGD, Adam
from tinyae.penalties import KLSparsity, contractive, jacobian, l1
from tinyae.training import History, fit

__all__ = [
    "Adam",
    "Adversarial",
    "Autoencoder",
    "Conv2d",
    "ConvTranspose2d",
    "ELU",
    "Flatten",
    "Frozen",
    "Gaussian",
    "History",
    "KLSparsity",
    "KSparse",
    "Layer",
    "LeakyReLU",
    "Linear",
    "Objective",
    "ReLU",
    "Report",
    "Reshape",
    "SGD",
    "Sequential",
    "Sigmoid",
    "Softplus",
    "Tanh",
    "Variational",
    "assert_gradients",
    "bce",
    "bce_with_logits",
    "checking",
    "contractive",
    "cross_entropy",
    "data",
    "fit",
    "freeze",
    "gradcheck",
    "jacobian",
    "l1",
    "load_data",
    "load_weights",
    "models",
    "mse",
    "penalties",
    "plots",
    "save_weights",
    "summary",
    "to_device",
    "to_numpy",
]
