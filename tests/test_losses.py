import warnings

import numpy as np
import pytest
from helpers.numeric import close, numeric_gradient
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyae import bce, bce_with_logits, cross_entropy, mse

LOSSES = [mse, bce, bce_with_logits, cross_entropy]
shapes = st.tuples(st.integers(1, 5), st.integers(1, 5))


def inputs(loss, shape, seed=0):
    """``y, target`` that fit the loss; soft targets, so that every term counts."""
    rng = np.random.default_rng(seed)
    y = rng.uniform(0.05, 0.95, shape) if loss is bce else rng.normal(size=shape)
    return y, rng.uniform(size=shape)


@pytest.mark.parametrize("loss", LOSSES)
@settings(max_examples=15)
@given(shapes, st.integers(0, 10**6))
def test_dy_is_the_gradient(loss, shape, seed):
    y, target = inputs(loss, shape, seed)
    value, dy = loss(y, target)
    assert isinstance(value, float)
    close(dy, numeric_gradient(lambda: loss(y, target)[0], y), 1e-7)


def test_values_by_hand():
    y, t = np.array([[0.5, 0.25]]), np.array([[1.0, 0.0]])
    assert mse(y, t)[0] == pytest.approx((0.25 + 0.0625) / 2)
    assert mse(y, t)[1].tolist() == [[-0.5, 0.25]]
    assert bce(y, t)[0] == pytest.approx(-(np.log(0.5) + np.log(0.75)) / 2)
    assert bce_with_logits(np.log(y / (1 - y)), t)[0] == pytest.approx(bce(y, t)[0])
    assert cross_entropy(np.log([[0.5, 0.25, 0.25]]), np.array([1]))[0] == pytest.approx(np.log(4))


def test_bce_with_logits_is_bce_of_sigmoid():
    a, t = inputs(bce_with_logits, (4, 6))
    y = 1 / (1 + np.exp(-a))
    value, da = bce_with_logits(a, t)
    reference, dy = bce(y, t)
    assert value == pytest.approx(reference)
    close(da, dy * y * (1 - y), 1e-14)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_and_purity(loss, dtype):
    y, target = (a.astype(dtype) for a in inputs(loss, (4, 3)))
    before = y.copy(), target.copy()
    y.flags.writeable = target.flags.writeable = False
    value, dy = loss(y, target)
    again, dy_again = loss(y, target)
    assert dy.dtype == dtype and isinstance(value, float) and value == again
    np.testing.assert_array_equal(dy, dy_again)
    assert not np.shares_memory(dy, y) and not np.shares_memory(dy, target)
    np.testing.assert_array_equal([y, target], before)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64])
def test_integer_targets_keep_the_dtype(loss, kind):
    y, _ = inputs(loss, (4, 3))
    target = np.eye(4, 3).astype(kind)
    value, dy = loss(y.astype(np.float32), target)
    assert dy.dtype == np.float32
    assert value == pytest.approx(loss(y, target.astype(float))[0], rel=1e-5)
    close(dy.astype(float), loss(y, target.astype(float))[1], 1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", [bce_with_logits, cross_entropy])
def test_large_logits(loss, dtype):
    a = np.array([[1000, -1000, 0], [-1e30, 1e30, 5]], dtype)
    with warnings.catch_warnings(), np.errstate(under="ignore"):
        warnings.simplefilter("error")
        value, da = loss(a, np.array([[1, 0, 0], [0, 1, 0]], dtype))
        wrong, _ = loss(a[:1], np.array([[0, 1, 0]], dtype))
    assert np.isfinite(da).all() and 0 <= value < 10 and 600 < wrong < 2001


def test_bce_at_0_and_1_is_finite():
    y, t = np.array([[0.0, 1.0, 0.0, 1.0]]), np.array([[0.0, 1.0, 1.0, 0.0]])
    value, dy = bce(y, t)
    assert value == 50 and dy.tolist() == [[0, 0, -2.5e11, 2.5e11]]


def test_labels_and_one_hot_agree():
    a = np.random.default_rng(0).normal(size=(5, 3))
    labels = np.array([2, 0, 1, 1, 2])
    value, da = cross_entropy(a, labels)
    reference, da_reference = cross_entropy(a, np.eye(3)[labels])
    assert value == reference
    np.testing.assert_array_equal(da, da_reference)
    for kind in (np.uint8, np.int32, np.int64):
        assert cross_entropy(a, labels.astype(kind))[0] == value


@pytest.mark.parametrize("loss", [mse, bce, bce_with_logits])
def test_shapes_must_be_equal(loss):
    with pytest.raises(
        ValueError, match=rf"{loss.__name__}: y has shape \(2, 3\) and target \(2, 1\)"
    ):
        loss(np.full((2, 3), 0.5), np.full((2, 1), 0.5))


def test_bce_of_logits_is_refused():
    with pytest.raises(
        ValueError, match=r"probabilities in \[0, 1\], got values from -3 to 0.5: .*bce_with_logits"
    ):
        bce(np.array([[-3.0, 0.5]]), np.ones((1, 2)))


@pytest.mark.parametrize("loss", LOSSES)
def test_nan_is_not_hidden(loss):
    y, target = inputs(loss, (2, 3))
    y[0, 0] = np.nan
    try:
        with np.errstate(invalid="ignore"):
            value, _ = loss(y, target)
    except ValueError as error:  # bce's range check is fine too
        assert "nan" in str(error)
    else:
        assert np.isnan(value)


def test_cross_entropy_refusals():
    a = np.zeros((4, 3))
    for target, words in [
        (np.array([0, 1, 2, 3]), "labels run from 0 to 3, expected 0 to 2"),
        (np.array([0, -1, 2, 1]), "labels run from -1 to 2"),
        (np.array([0, 1, 2]), r"target has shape \(3,\)"),
        (np.zeros(4), "dtype float64, expected integer labels"),
        (np.zeros((4, 2)), r"target has shape \(4, 2\)"),
    ]:
        with pytest.raises(ValueError, match=words):
            cross_entropy(a, target)
    with pytest.raises(ValueError, match="expected .N, classes."):
        cross_entropy(np.zeros(3), np.array([0, 1, 2]))


@pytest.mark.oracle
class TestPyTorch:
    @pytest.mark.parametrize("loss", LOSSES)
    @pytest.mark.parametrize("hard", [False, True])
    def test_value_and_gradient(self, loss, hard):
        torch = pytest.importorskip(
            "torch", reason="compares with PyTorch: pip install torch==2.13.0"
        )
        functional = torch.nn.functional
        theirs = {
            mse: functional.mse_loss,
            bce: functional.binary_cross_entropy,
            cross_entropy: functional.cross_entropy,
            bce_with_logits: functional.binary_cross_entropy_with_logits,
        }[loss]
        y, target = inputs(loss, (6, 5))
        if hard:
            target = np.eye(5)[np.random.default_rng(1).integers(5, size=6)]
            if loss is bce:
                y[:2] = np.round(y[:2])  # y = 0 and 1, correct and wrong
        ty = torch.tensor(y, requires_grad=True)
        expected = theirs(ty, torch.tensor(target))
        expected.backward()
        value, dy = loss(y, target)
        assert value == pytest.approx(expected.item(), rel=1e-12)
        # PyTorch's 1e-12, at which bce clamps y (1 − y), is rounded to float32
        np.testing.assert_allclose(
            dy, ty.grad.numpy(), rtol=1e-8 if loss is bce and hard else 1e-12, atol=1e-14
        )

    def test_cross_entropy_of_labels(self):
        torch = pytest.importorskip(
            "torch", reason="compares with PyTorch: pip install torch==2.13.0"
        )
        a, labels = 5 * np.random.default_rng(2).normal(size=(8, 4)), np.arange(8) % 4
        ta = torch.tensor(a, requires_grad=True)
        expected = torch.nn.functional.cross_entropy(ta, torch.tensor(labels))
        expected.backward()
        value, da = cross_entropy(a, labels)
        assert value == pytest.approx(expected.item(), rel=1e-12)
        close(da, ta.grad.numpy(), 1e-14)
