"""``import tinyae`` needs numpy alone, and has the names that design and chapters rely on."""

import subprocess
import sys

import pytest

import tinyae

HEAVY = "matplotlib tqdm threadpoolctl pooch sklearn PIL safetensors torch scipy cupy pandas"
NAMES = (
    "Layer Linear Conv2d ConvTranspose2d ReLU LeakyReLU ELU Sigmoid Tanh Softplus Flatten Reshape "
    "Sequential Autoencoder summary "
    "mse bce bce_with_logits cross_entropy l1 KLSparsity contractive jacobian Objective SGD Adam "
    "fit History "
    "load_data save_weights load_weights to_device to_numpy gradcheck assert_gradients Report "
    "checking data models penalties plots training"
).split()


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()


@pytest.mark.parametrize(
    "modules", ["tinyae", "tinyae, tinyae.data, tinyae.models, tinyae.training, tinyae.plots"]
)
def test_what_an_import_brings(modules):
    loaded = python(
        f"import sys, {modules}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    )
    assert not set(HEAVY.split()) & set(loaded)


def test_every_promised_name_is_there():
    missing = python(
        f"import tinyae; print(*[name for name in {NAMES} if not hasattr(tinyae, name)])"
    )
    assert not missing


def test_public_names_are_documented():
    undocumented = [
        name for name in NAMES if not (getattr(tinyae, name, tinyae).__doc__ or "").strip()
    ]
    assert not undocumented


def test_importing_does_not_touch_the_global_random_state():
    seed, show = "import numpy as np; np.random.seed(0); ", "print(np.random.rand())"
    assert python(
        seed + "import tinyae.models; tinyae.models.basic_autoencoder(); " + show
    ) == python(seed + show)
