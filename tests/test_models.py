import numpy as np
import pytest
from helpers.small import same_bits

from tinyae import Sigmoid, models, summary
from tinyae.layers import leaves


def test_basic_autoencoder():
    model = models.basic_autoencoder(rng=0)
    sizes = [784, 512, 256, 32, 256, 512, 784]
    weights = [w.shape for key, w in model.params.items() if key.endswith("weight")]
    assert weights == [(b, a) for a, b in zip(sizes, sizes[1:], strict=False)]
    assert all(w.dtype == np.float32 for w in model.params.values())
    x = np.random.default_rng(0).uniform(size=(3, 784)).astype(np.float32)
    y = model(x)
    assert model.encode(x).shape == (3, 32) and y.shape == x.shape and 0 < y.min() and y.max() < 1
    assert isinstance(list(leaves(model))[-1][1], Sigmoid)
    assert f"{sum(w.size for w in model.params.values()):,} parameters" in summary(model, (784,))


@pytest.mark.parametrize("make", [models.basic_autoencoder, models.linear_autoencoder])
def test_the_same_seed_gives_the_same_weights(make):
    same_bits(make(rng=5), make(rng=np.random.default_rng(5)))
    assert not np.array_equal(
        make(rng=5).params["encoder.0.weight"], make(rng=6).params["encoder.0.weight"]
    )
    assert {w.dtype for w in make(dtype=np.float64).params.values()} == {np.dtype(np.float64)}


@pytest.mark.parametrize("rho", [0, 1, 1.5, -0.1, float("nan")])
def test_a_rho_outside_0_and_1(rho):
    with pytest.raises(
        ValueError, match=f"sparse_autoencoder: rho is {rho}, expected a number between 0 and 1"
    ):
        models.sparse_autoencoder(rho=rho)
