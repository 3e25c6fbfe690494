"""Minibatches and splits contain every example once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyae.data import minibatches, train_test_split

COUNT, SIZE = st.integers(1, 200), st.integers(1, 250)


@given(COUNT, SIZE, st.none() | st.integers(0, 5))
def test_each_example_comes_once(n, size, seed):
    batches = list(minibatches(n, size, seed))
    assert sorted(np.concatenate(batches)) == list(range(n))
    assert [len(b) for b in batches[:-1]] == [size] * (len(batches) - 1) and 1 <= len(
        batches[-1]
    ) <= size
    assert len(batches) == -(-n // size)
    if seed is None:
        assert np.array_equal(np.concatenate(batches), np.arange(n))


@given(COUNT, SIZE, st.integers(0, 5))
def test_drop_last_keeps_full_batches_or_the_only_one(n, size, seed):
    lengths = [len(b) for b in minibatches(n, size, seed, drop_last=True)]
    assert lengths == ([size] * (n // size) if n > size else [n])


def test_a_seed_or_a_generator_shuffles():
    a, b = [np.concatenate(list(minibatches(100, 7, 1))) for _ in range(2)]
    assert np.array_equal(a, b) and not np.array_equal(a, np.arange(100))
    rng = np.random.default_rng(1)
    assert np.array_equal(np.concatenate(list(minibatches(100, 7, rng))), a)
    assert not np.array_equal(
        np.concatenate(list(minibatches(100, 7, rng))), a
    )  # the next epoch differs


def test_minibatches_take_anything_with_a_length():
    assert [list(b) for b in minibatches(np.zeros((5, 2)), 2)] == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize(
    "n, size, message", [(0, 4, "0 examples"), ([], 4, "0 examples"), (5, 0, "batch_size=0")]
)
def test_bad_arguments_are_refused_at_the_call(n, size, message):
    with pytest.raises(ValueError, match=message):
        minibatches(n, size)


@given(st.integers(2, 300), st.floats(0.001, 0.999), st.integers(0, 3))
def test_a_split_contains_each_example_once_with_its_label(n, fraction, seed):
    x = np.arange(n)[:, None] * np.ones(3)
    (a, la), (b, lb) = train_test_split(x, np.arange(n), fraction, seed)
    assert np.array_equal(np.sort(np.concatenate([la, lb])), np.arange(n))
    assert np.array_equal(a[:, 0], la) and np.array_equal(b[:, 0], lb)
    assert len(a) >= 1 and len(b) == min(max(1, round(n * fraction)), n - 1)


def test_a_split_by_number_works_without_labels_and_follows_the_seed():
    x = np.arange(50)
    (a, none), (b, also_none) = train_test_split(x, test=7, rng=2)
    assert len(a) == 43 and len(b) == 7 and none is also_none is None
    assert np.array_equal(b, train_test_split(x, test=7, rng=2)[1][0])
    assert not np.array_equal(b, train_test_split(x, test=7, rng=3)[1][0])


@pytest.mark.parametrize(
    "n, labels, test, message",
    [
        (1, None, 0.5, "1 examples, expected at least 2"),
        (10, 9, 0.5, "10 examples, but 9 labels"),
        (10, None, 0.0, "test=0.0"),
        (10, None, 1.0, "expected a fraction"),
        (10, None, 10, "from 1 to 9"),
        (10, None, -1, "test=-1"),
        (10, None, 2.5, "2.5"),
    ],
)
def test_impossible_splits_are_refused(n, labels, test, message):
    with pytest.raises(ValueError, match=message):
        train_test_split(np.arange(n), None if labels is None else np.arange(labels), test)
