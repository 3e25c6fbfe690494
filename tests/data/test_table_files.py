"""Tables as text: Kaggle's digits, the UCR archive, and other CSV files."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyae.data import DataNote, load_data, read_images

pytestmark = pytest.mark.filterwarnings("ignore::tinyae.data.DataNote")  # tested elsewhere

RNG = np.random.default_rng(0)


def read(path, text=None, encoding="utf-8"):
    if text is not None:
        path.write_text(text, encoding=encoding)
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        data = read_images(path)
    return data, " / ".join(str(note.message) for note in notes)


def csv(rows, header=None, delimiter=","):
    lines = [delimiter.join(map(str, row)) for row in rows]
    return "\n".join([*([delimiter.join(header)] if header else []), *lines]) + "\n"


PIXELS = RNG.integers(0, 256, (12, 784))
DIGITS = np.arange(12) % 10


def test_kaggles_digits(tmp_path):
    rows = np.column_stack([DIGITS, PIXELS])
    text = csv(rows, ["label", *(f"pixel{i}" for i in range(784))])
    data, notes = read(tmp_path / "train.csv", text)
    assert data.images.shape == (12, 1, 28, 28) and data.labels.tolist() == DIGITS.tolist()
    np.testing.assert_allclose(data.flat, PIXELS / 255, rtol=1e-6)
    assert not notes
    data, notes = read(tmp_path / "mnist_train.csv", csv(rows))  # without a header
    assert data.labels.tolist() == DIGITS.tolist() and "first column, 10 integers" in notes
    data, notes = read(tmp_path / "test.csv", csv(PIXELS, [f"pixel{i}" for i in range(784)]))
    assert data.images.shape == (12, 1, 28, 28) and data.labels is None and "no column" in notes


@pytest.mark.parametrize("ending", [".tsv", ".txt", ""])
def test_the_ucr_archive(ending, tmp_path):
    series, labels = RNG.normal(size=(15, 140)), np.arange(15) % 5 + 1
    for part, n in (("TRAIN", 10), ("TEST", 15)):
        rows = np.column_stack([labels, series])[:n]
        delimiter = {"": ",", ".tsv": "\t", ".txt": "  "}[ending]
        np.savetxt(tmp_path / f"ECG5000_{part}{ending}", rows, delimiter=delimiter)
    with pytest.warns(DataNote, match="first column, 5 integers from 1 to 5"):
        data = load_data(tmp_path / f"ECG5000_TRAIN{ending}")
    assert (len(data.train), len(data.test)) == (10, 15)
    np.testing.assert_allclose(data.test.flat, series, rtol=1e-6)
    assert data.test.labels.tolist() == labels.tolist()
    with pytest.warns(DataNote):
        assert len(read_images(tmp_path / f"ECG5000_TRAIN{ending}")) == 10


FLOWERS = RNG.random((9, 4)).round(2)
SPECIES = ["setosa", "versicolor", "virginica"] * 3


def test_labels_that_are_words(tmp_path):
    for header in (["a", "b", "c", "d", "species"], None):
        rows = [[*row, name] for row, name in zip(FLOWERS, SPECIES, strict=True)]
        data, notes = read(tmp_path / "iris.csv", csv(rows, header))
        assert "the only one with text, has the labels" in notes
        np.testing.assert_allclose(data.flat, FLOWERS, rtol=1e-6)
        assert data.labels.tolist() == [0, 1, 2] * 3
    assert load_data(tmp_path / "iris.csv").classes == ("setosa", "versicolor", "virginica")


def test_the_label_column_by_its_name_wherever_it_is(tmp_path):
    for at, name in ((0, "Class"), (2, "TARGET"), (4, '"label"')):
        rows = np.insert(FLOWERS, at, np.arange(9) % 2, axis=1)
        header = list("vwxz")
        header.insert(at, name)
        data, notes = read(tmp_path / "x.csv", csv(rows, header))
        np.testing.assert_allclose(data.flat, FLOWERS, rtol=1e-6)
        assert data.labels.tolist() == [0, 1] * 4 + [0] and not notes


def test_a_last_column_of_classes_without_a_header(tmp_path):
    data, notes = read(tmp_path / "pima.csv", csv([[*r, i % 2] for i, r in enumerate(FLOWERS)]))
    assert data.labels.tolist() == [0, 1] * 4 + [0] and "the last column, 2 integers" in notes
    data, notes = read(tmp_path / "plain.csv", csv(FLOWERS))
    assert data.labels is None and "no column has labels" in notes


def test_the_row_numbers_of_pandas_are_left_out(tmp_path):
    rows = [[i, *row, i % 3] for i, row in enumerate(FLOWERS)]
    data, notes = read(tmp_path / "x.csv", csv(rows, ["", *"abcd", "y"]))
    np.testing.assert_allclose(data.flat, FLOWERS, rtol=1e-6)
    assert "numbers the rows" in notes


@pytest.mark.parametrize(
    ("delimiter", "comma", "encoding"),
    [(",", False, "utf-8-sig"), (";", True, "utf-8"), ("\t", True, "utf-8"), (" ", False, "utf-8")],
)
def test_ways_to_write_numbers(delimiter, comma, encoding, tmp_path):
    text = csv(FLOWERS, list("abcd"), delimiter)
    text = "# a comment\n\n" + (text.replace(".", ",") if comma else text).replace("\n", "\r\n")
    data, _ = read(tmp_path / "x.csv", text, encoding)
    np.testing.assert_allclose(data.flat, FLOWERS, rtol=1e-6)


@settings(max_examples=40)
@given(st.integers(1, 8), st.integers(2, 6), st.sampled_from([",", ";", "\t", " "]), st.booleans())
def test_any_table_is_read_back(tmp_path_factory, n, d, delimiter, header):
    x = np.random.default_rng(n * d).normal(size=(n, d))
    names = [f"column{i}" for i in range(d)] if header else None
    path = tmp_path_factory.mktemp("table") / "x.csv"
    data, notes = read(path, csv(x, names, delimiter))
    np.testing.assert_allclose(data.flat, x, rtol=1e-6)
    assert data.labels is None and "no column has labels" in notes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("once upon a time\nthere was a fox\n", "begins with 'once upon.*np.loadtxt"),
        ("a,b\n1,2\n3,\n", "not a table of numbers.*row 1.*missing"),
        ("a,b\n1,2\n3,nan\n", "missing or infinite values in 1 of 2 rows, first in row 2"),
        ("1,2,3\n4,5\n", "not a table of numbers"),
        ("name,when,x\nAnn,May,1\n", "column 'name' holds text .'Ann'.*pandas"),
        ("when,x\n2020-01-01,1\n2020-01-02,2\n", "column 'when' holds text"),
        ("a,b,c\n1,2\n", "3 names of columns, but 2 values"),
        ("y\n1\n2\n", "no columns of values, only labels"),
        ("\0\0\0", "not text"),
    ],
)
def test_what_is_no_table_is_refused(text, message, tmp_path):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(ValueError, match=f"x.csv: {message}"):
        load_data(tmp_path / "x.csv")


def test_other_encodings_are_refused(tmp_path):
    (tmp_path / "x.csv").write_bytes("größe,y\n1,2\n".encode("latin-1"))
    with pytest.raises(ValueError, match="x.csv: not UTF-8 text"):
        load_data(tmp_path / "x.csv")
