"""Labels of every kind become 0 … K − 1 with their names."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyae.data.labels import encode_labels


def encode(y):
    (labels,), classes = encode_labels([np.asarray(y)])
    return labels, classes


@given(
    st.one_of(
        st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=20),
        st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=20),
    )
)
def test_a_label_is_the_number_of_its_name(y):
    labels, classes = encode(y)
    assert [classes[label] for label in labels] == [str(value) for value in y]
    assert labels.dtype == np.int64 and len(classes) <= 10_000


def test_small_integers_stay_as_they_are():
    for y in (np.arange(5), np.arange(5.0), np.arange(5)[:, None], np.arange(5, dtype=np.uint8)):
        assert encode(y)[0].tolist() == [0, 1, 2, 3, 4]
    assert encode([3, 7])[0].tolist() == [3, 7]
    assert encode([True, False])[1] == ("0", "1")


def test_one_hot_rows_become_the_place_of_the_one():
    y = np.array([2, 0, 1, 1])
    for dtype in (int, float, np.uint8, bool):
        assert np.array_equal(encode(np.eye(3)[y].astype(dtype))[0], y)


def test_training_and_test_labels_are_encoded_together():
    (train, test), classes = encode_labels([np.array(["cat", "dog"]), np.array(["dog", "ant"])])
    assert classes == ("ant", "cat", "dog") and train.tolist() == [1, 2] and test.tolist() == [2, 0]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros((4, 2)), r"shape \(4, 2\), expected \(N,\)"),
        (np.array(3), "shape"),
        (np.full(5, 0.5), "float64 such as 0.5, expected integers or strings"),
        (np.full(5, np.nan), "float64 such as nan"),
        (np.array([1, np.inf]), "expected integers"),
        (np.array([1e300]), "expected integers below"),
        (np.array([1j]), "complex128"),
    ],
)
def test_bad_labels_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        encode(y)
