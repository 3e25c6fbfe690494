import re

import numpy as np
import pytest
from helpers.numeric import close
from hypothesis import given
from hypothesis import strategies as st

from tinyae import Autoencoder, KSparse, Linear, Objective, Sequential, contractive, summary
from tinyae.checking import check_penalty, check_second, gradcheck

few_values = st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0])  # many ties


@given(
    st.lists(st.lists(few_values, min_size=6, max_size=6), min_size=1, max_size=4),
    st.integers(1, 6),
)
def test_keeps_exactly_k_and_the_largest(rows, k):
    x = np.array(rows)
    y, kept = KSparse(k).forward(x)
    assert kept.dtype == bool and (kept.sum(axis=1) == k).all()
    np.testing.assert_array_equal(y, np.where(kept, x, 0))
    for row, mask in zip(x, kept, strict=True):
        assert k == 6 or row[mask].min() >= row[~mask].max()
        first = sorted(range(6), key=lambda i: (-row[i], i))[
            :k
        ]  # among equal entries, the first ones
        assert sorted(first) == np.flatnonzero(mask).tolist()


def test_exactly_k_nonzero_for_random_codes_also_where_all_are_negative():
    x = np.random.default_rng(0).normal(size=(50, 100)).astype(np.float32) - 9
    assert ((KSparse(25)(x) != 0).sum(axis=1) == 25).all()


def test_largest_by_value_not_by_magnitude():
    np.testing.assert_array_equal(KSparse(1)(np.array([[-5.0, 1.0, 0.5]])), [[0, 1, 0]])


def test_a_code_with_several_axes_counts_all_entries():
    x = np.random.default_rng(1).normal(size=(3, 4, 2, 5))
    layer = KSparse(7)
    y, kept = layer.forward(x)
    assert y.shape == x.shape and (kept.reshape(3, -1).sum(axis=1) == 7).all()
    np.testing.assert_array_equal(y.reshape(3, 40), layer(x.reshape(3, 40)))
    assert layer.output_shape(kept) == x.shape and layer(x[:0]).shape == (0, 4, 2, 5)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_derivatives(k):
    x = np.random.default_rng(2).normal(size=(4, 5))
    assert gradcheck(KSparse(k), x).ok
    assert check_second(KSparse(k), x).ok


def test_the_full_protocol():
    layer = KSparse(2)
    rng = np.random.default_rng(3)
    x, dx, dy, g = (rng.normal(size=(4, 5)) for _ in range(4))
    y, kept = layer.forward(x)
    close(layer.jvp(dx, kept), (layer(x + 1e-7 * dx) - layer(x - 1e-7 * dx)) / 2e-7)
    assert (layer.jvp(dx, kept) * dy).sum() == pytest.approx((dx * layer.vjp(dy, kept)).sum())
    probes = np.stack([dy, g])
    np.testing.assert_array_equal(layer.vjp(probes, kept)[1], layer.vjp(g, kept))
    d_dy, dx, grads = layer.double_backward(g, dy, kept)
    np.testing.assert_array_equal(d_dy, layer.jvp(g, kept))
    assert dx is None and grads == {}


def test_in_a_model_with_the_objective_and_the_contraction():
    rng = np.random.default_rng(4)
    like = {"rng": rng, "dtype": np.float64}
    model = Autoencoder(
        Sequential(Linear(6, 8, **like), KSparse(3)), Sequential(Linear(8, 6, **like))
    )
    x = rng.uniform(size=(5, 6))
    assert gradcheck(Objective(contraction=0.1), model, x).ok
    assert check_penalty(contractive, model.encoder, x, value="frobenius").ok
    assert "KSparse(3)" in repr(model) and "KSparse" in str(summary(model, (6,)))


def test_the_cache_keeps_a_chosen_zero():
    """A kept entry that is 0 still has derivative 1: the mask remembers it, the output could
    not."""
    x = np.array([[0.0, -1.0, -2.0]])
    y, kept = KSparse(1).forward(x)
    np.testing.assert_array_equal(y, np.zeros((1, 3)))
    np.testing.assert_array_equal(KSparse(1).backward(np.ones((1, 3)), kept)[0], [[1, 0, 0]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_dtype(dtype):
    x = np.random.default_rng(5).normal(size=(2, 6)).astype(dtype)
    y, kept = KSparse(2).forward(x)
    assert y.dtype == KSparse(2).backward(x, kept)[0].dtype == dtype


def test_nan_goes_through():
    with np.errstate(invalid="ignore"):
        assert np.isnan(KSparse(1)(np.array([[np.nan, 1.0]]))).any()


def test_a_k_larger_than_the_code_names_both():
    with pytest.raises(
        ValueError,
        match=re.escape("KSparse(40): k is 40, but the code has only 32 units (shape (2, 32))"),
    ):
        KSparse(40)(np.zeros((2, 32)))


@pytest.mark.parametrize("k", [0, -1, 2.5, np.nan, True])
def test_k_out_of_range(k):
    with pytest.raises(ValueError, match=f"KSparse: k is {k}, expected an integer of at least 1"):
        KSparse(k)


def test_on_a_device(monkeypatch):
    from helpers.strict_device import DeviceArray, pretend_gpu

    from tinyae import to_device, to_numpy

    pretend_gpu(monkeypatch)
    x = np.round(np.random.default_rng(6).normal(size=(4, 8)))  # with ties
    there = KSparse(3)(to_device(x, "gpu"))
    assert isinstance(there, DeviceArray)
    np.testing.assert_array_equal(to_numpy(there), KSparse(3)(x))
