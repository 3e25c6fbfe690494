import numpy as np
import pytest

from tinyae import Flatten, Reshape


def test_order_is_kept_and_reshape_undoes_flatten():
    x = np.arange(24.0).reshape(2, 3, 2, 2)
    flat = Flatten()(x)
    assert flat.tolist() == [list(range(12)), list(range(12, 24))]
    np.testing.assert_array_equal(Reshape(3, 2, 2)(flat), x)


def test_an_input_channels_last_in_memory_gives_the_same():
    x = (
        np.random.default_rng(0).normal(size=(2, 4, 5, 3)).transpose(0, 3, 1, 2)
    )  # (N, C, H, W), strides of (N, H, W, C)
    np.testing.assert_array_equal(Flatten()(x), Flatten()(np.ascontiguousarray(x)))


def test_refusals():
    with pytest.raises(
        ValueError, match=r"Reshape\(1, 28, 28\): .*\(783,\) does not have 784 entries"
    ):
        Reshape(1, 28, 28)(np.zeros((5, 783)))
    with pytest.raises(ValueError, match="at least two axes"):
        Flatten()(np.zeros(5))
    for shape in [(), (0,), (-1, 3)]:
        with pytest.raises(ValueError, match="at least 1"):
            Reshape(*shape)


def test_repr():
    assert repr(Flatten()) == "Flatten()" and repr(Reshape(1, 28, 28)) == "Reshape(1, 28, 28)"
