"""Code that returns its input, or zeros, gets no points for being quiet and well-behaved."""

import pytest
from helpers.exercises import grade_text


def layer(name, y, dx):
    return f"""
class {name}:
    params = {{}}
    def __init__(self, *args): pass
    def encode(self, x): return {y}
    def forward(self, x): return {y}, x
    def backward(self, dy, cache): return {dx}, {{}}
    def jvp(self, dx, cache): return {y.replace("x", "dx")}
"""


def layers(*names):
    return {
        "its input": "".join(layer(name, "x", "dy") for name in names),
        "zeros": "".join(layer(name, "0 * x", "0 * dy") for name in names),
    }


def functions(text):
    return {"its input": text.replace("ZERO", "1"), "zeros": text.replace("ZERO", "0")}


CODE = {
    "numeric_gradient": functions("""
def numeric_gradient(f, v, h=1):
    f(v)
    return ZERO * v
numeric_gradient4 = numeric_gradient
"""),
    "activations": layers("ReLU", "Sigmoid", "Tanh", "Softsign"),
    "row_norm": layers("RowNorm"),
    "losses": functions("""
def mse(y, t, *delta):
    return ZERO * 1.0, ZERO * y
huber = bce_with_logits = softmax_cross_entropy = mse
"""),
    "adam": functions("""
def adam_step(w, g, m, v, *settings):
    for a in (w, m, v):
        a += 1 + ZERO
adamax_step = adam_step
def train(layers, x, epochs, rng, batch_size=1, lr=1):
    return [0.2] * (-(-len(x) // batch_size) * epochs)
"""),
    "sequential": layers("Sequential", "Residual", "Autoencoder"),
    "tied": functions("""
def tied_forward(x, W):
    return ZERO * x, W
def tied_backward(dy, W):
    return ZERO * dy, ZERO * W
"""),
    "pooling": layers("Repeat2x", "MaxPool2d"),
    "batch_norm": functions("""
def batch_norm_forward(x, gamma, beta, eps=0):
    return ZERO * x, (gamma, beta)
def batch_norm_backward(dy, cache):
    return ZERO * dy, ZERO * cache[0], ZERO * cache[1]
def update_running(mean, var, x, momentum=0.1):
    return ZERO * mean, ZERO * var
def batch_norm_inference(x, *vectors):
    return ZERO * x
"""),
    "dropout": functions("""
def dropout_forward(x, p, rng):
    return ZERO * x, x
spatial_dropout_forward = dropout_forward
def dropout_backward(dy, cache):
    return ZERO * dy
def dropout_inference(x, p):
    return ZERO * x
"""),
    "anomaly": functions("""
def roc_auc(errors, unusual):
    return ZERO * 0.5
average_precision = threshold = roc_auc
def detect(errors, t):
    return errors == ZERO
"""),
    "variational": functions("""
def reparameterize(mean, logvar, eps):
    return ZERO * mean, eps
def reparameterize_backward(dz, cache):
    return ZERO * dz, ZERO * dz
def gaussian_kl(mean, logvar):
    return ZERO * 1.0, ZERO * mean, ZERO * logvar
def kl_to_prior(*arrays):
    return ZERO * 1.0, [ZERO * a for a in arrays]
"""),
    "adversarial": functions("""
def discriminator_loss(a_real, a_fake, smooth=0):
    return ZERO * 1.0, ZERO * a_real, ZERO * a_fake
hinge_loss = discriminator_loss
def generator_loss(discriminator, z):
    return ZERO * 1.0, ZERO * z
def discriminator_step(discriminator, real, fake, lr, smooth):
    return ZERO * 1.0
"""),
    "checker": functions("def check(layer, x): return ZERO == 1"),
    "bug_hunt": functions("def fixes(): return {'slow_bias': ('', '', '')} if ZERO else {}"),
    "project": functions("""
import types
import numpy as np
def build_model(rng):
    return types.SimpleNamespace(params={"weight": np.ones((2, 3))})
def examples(n, rng):
    return rng.normal(size=(n, 3))
def objective(model, x, rng):
    return ZERO * 1.0, {"weight": 0 * model.params["weight"]}, {"a": ZERO, "b": ZERO}
def check(objective, model, x):
    return True
def figure():
    return np.full((100, 100, 3), 255 * ZERO, np.uint8)
"""),
}


@pytest.mark.parametrize("what", ["its input", "zeros"])
@pytest.mark.parametrize("name", CODE)
def test_code_that_returns_something_simple_gets_nothing(name, what):
    result = grade_text(name, CODE[name][what])
    # at test time, dropout does return its input
    right = {"inference"} if (name, what) == ("dropout", "its input") else set()
    assert {part.name for part in result.tests if part.score} == right, str(result)
