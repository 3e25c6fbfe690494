"""A ``LazyArray`` can be used like the array whose place it takes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyae.data.lazy import FileRows, LazyArray

PIXELS = np.random.default_rng(0).integers(0, 256, (300, 6, 6), dtype=np.uint8)


def as_lazy(x):
    return LazyArray(x, (lambda batch: batch / np.float32(255),))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_choice_of_examples(data):
    x, whole = as_lazy(PIXELS), PIXELS / np.float32(255)
    for _ in range(data.draw(st.integers(0, 2))):  # subsets of subsets
        rows = data.draw(st.lists(st.integers(-len(x), len(x) - 1), min_size=1, max_size=40))
        x, whole = x.subset(rows), whole[rows]
    n = len(x)
    index = data.draw(
        st.one_of(
            st.integers(-n, n - 1),
            st.lists(st.integers(-n, n - 1), max_size=20),
            st.slices(n),
            st.lists(st.booleans(), min_size=n, max_size=n).map(np.array),
            st.tuples(st.slices(n), st.integers(0, 5)),
        )
    )
    expected = whole[np.array(index, int) if isinstance(index, list) and not index else index]
    np.testing.assert_array_equal(x[index], expected)
    assert x[index].dtype == np.float32


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 299), min_size=1, max_size=50))
def test_rows_of_a_file_near_each_other_and_far_apart(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("rows") / "x.bin"
    path.write_bytes(b"head" + PIXELS.tobytes())
    source = FileRows(path, 4, PIXELS.shape, PIXELS.dtype)
    np.testing.assert_array_equal(source[np.array(rows)], PIXELS[rows])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: 1 - x,
        lambda x: x.mean(axis=0),
        lambda x: x.min(axis=0, keepdims=True),
        lambda x: x.reshape(-1),
        lambda x: x.reshape(300, -1)[:5],
        lambda x: np.concatenate([x, x[:3]]),
        lambda x: np.stack([x, x]),
        lambda x: np.isfinite(x).all(),
        lambda x: x.astype(np.float64),
        lambda x: np.asarray(x, np.float64),
        lambda x: x[..., 0],
        lambda x: round(float(x.std()), 4),
        lambda x: x.T,
        lambda x: np.array([image.sum() for image in x]),
    ],
)
def test_what_numpy_does_with_an_array_works_on_all_of_it(f):
    x = PIXELS / np.float32(255)
    np.testing.assert_array_equal(f(as_lazy(PIXELS)), f(x))


def test_what_is_wrong_with_an_index():
    x = as_lazy(PIXELS)
    for index in (300, [-301], [0.5], np.ones(3, bool), [[1]]):
        with pytest.raises(IndexError):
            x[index]
    with pytest.raises(AttributeError):
        x.no_such_method()
    with pytest.raises(ValueError, match="copy"):
        np.array(x, copy=False)
