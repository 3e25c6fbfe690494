import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyae import Linear


def test_by_hand():
    layer = Linear(2, 1)
    layer.params["weight"][...], layer.params["bias"][...] = [[2, 3]], [10]
    x = np.array([[1, 1], [0, 2]], np.float32)
    y, cache = layer.forward(x)
    assert y.tolist() == [[15], [16]]
    dx, grads = layer.backward(np.array([[1], [10]], np.float32), cache)
    assert dx.tolist() == [[2, 3], [20, 30]]
    assert grads["weight"].tolist() == [[1, 21]] and grads["bias"].tolist() == [11]


@given(st.integers(1, 50), st.integers(1, 50), st.integers(0, 10**6))
def test_initial_weights_are_bounded_and_reproducible(n_in, n_out, seed):
    a, b = Linear(n_in, n_out, rng=seed), Linear(n_in, n_out, rng=np.random.default_rng(seed))
    assert a.params["weight"].shape == (n_out, n_in) and a.params["bias"].shape == (n_out,)
    for key, w in a.params.items():
        assert np.abs(w).max() <= np.float32(1 / np.sqrt(n_in)) and w.dtype == np.float32
        np.testing.assert_array_equal(w, b.params[key])


def test_initial_weights_fill_their_range():
    w = Linear(100, 400, rng=0).params["weight"]
    assert (
        w.min() < -0.099
        and w.max() > 0.099
        and w.std() == pytest.approx(0.1 / np.sqrt(3), rel=0.01)
    )
    assert abs(w.mean()) < 0.001


def test_one_generator_gives_every_layer_different_weights():
    rng = np.random.default_rng(0)
    a, b = Linear(5, 5, rng=rng), Linear(5, 5, rng=rng)
    assert not np.array_equal(a.params["weight"], b.params["weight"])


WRONG = {(128, 1, 28, 28): "flatten it first", (784,): r"x\[None\]", (5, 28): "", (): ""}


@pytest.mark.parametrize(("shape", "hint"), WRONG.items())
def test_a_wrong_input_is_explained(shape, hint):
    with pytest.raises(
        ValueError, match=rf"Linear\(784 → 512\): input has .* expected 784 .*{hint}"
    ) as error:
        Linear(784, 512)(np.zeros(shape, np.float32))
    assert str(shape) in str(error.value)


@pytest.mark.parametrize("sizes", [(0, 3), (3, 0), (-1, 3)])
def test_sizes_below_one_are_refused(sizes):
    with pytest.raises(ValueError, match="at least 1"):
        Linear(*sizes)


def test_repr():
    assert repr(Linear(784, 32)) == "Linear(784 → 32)"
    assert repr(Linear(784, 32, bias=False)) == "Linear(784 → 32, no bias)"
