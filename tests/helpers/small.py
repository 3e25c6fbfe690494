"""A net, data and a run small enough for many tests of training."""

import numpy as np

from tinyae import Adam, Autoencoder, Linear, Objective, ReLU, Sequential, Sigmoid, bce, fit

DATA = np.random.default_rng(1).uniform(size=(50, 12)).astype(np.float32)


def small_net(dtype=np.float32, seed=0, code=3):
    rng = np.random.default_rng(seed)
    return Autoencoder(
        Sequential(
            Linear(12, 6, rng=rng, dtype=dtype), ReLU(), Linear(6, code, rng=rng, dtype=dtype)
        ),
        Sequential(Linear(code, 12, rng=rng, dtype=dtype), Sigmoid()),
    )


def run(epochs=4, model=None, data=DATA, objective=None, optimizer=None, **options):
    """``model, history`` after a quiet training run."""
    model = model or small_net(data.dtype)
    options = {"batch_size": 16, "workers": 1, "progress": False, **options}
    return model, fit(
        model,
        data,
        objective or Objective(bce),
        optimizer or Adam(model.params, 0.01),
        epochs,
        **options,
    )


def same_bits(model, other):
    assert model.params.keys() == other.params.keys()
    for key, w in model.params.items():
        np.testing.assert_array_equal(w, other.params[key], err_msg=key)


def noisy(model, x, rng):
    """An objective that uses its random numbers: a denoising autoencoder, with a named part."""
    y, caches = model.forward(x + 0.1 * rng.normal(size=x.shape).astype(x.dtype))
    value, dy = bce(y, x)
    return value, model.backward(dy, caches, input_gradient=False)[1], {"twice": 2 * value}
