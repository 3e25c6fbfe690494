"""The message format: every value comes back equal, and no bytes do harm."""

import io
import json
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinyae.course import wire


def no_handles(value):
    raise TypeError(f"{type(value).__name__} has no handle here")


def keep(tag, number, kind):
    return (tag, number, kind)


def through(value, opaque=no_handles):
    data = b"".join(wire.encode(value, opaque))
    stream = io.BytesIO(data)
    result = wire.read(stream, keep)
    assert stream.read() == b""
    return result


def message(header, data=b""):
    text = json.dumps(header).encode()
    return wire.MAGIC + struct.pack(">I", len(text)) + text + data


def read(data):
    return wire.read(io.BytesIO(data), keep)


arrays = hnp.arrays(
    dtype=st.sampled_from(list(wire.DTYPES.values())).flatmap(
        lambda dtype: st.sampled_from([dtype, dtype.newbyteorder(">")])
    ),
    shape=hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)


@given(arrays, st.sampled_from(["C", "F", "reversed", "read-only"]))
def test_an_array_comes_back_equal_plain_native_and_writable(array, layout):
    if layout == "F":
        array = np.asarray(array, order="F")
    elif layout == "reversed" and array.ndim:
        array = array[::-1]
    elif layout == "read-only":
        array.flags.writeable = False
    back = through(array)
    assert type(back) is np.ndarray
    assert back.shape == array.shape
    assert back.dtype == array.dtype.newbyteorder("=") and back.dtype.isnative
    assert back.flags.writeable and back.flags.c_contiguous
    assert back.tobytes() == array.astype(back.dtype).tobytes()  # NaNs compare too


plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
structures = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(structures)
def test_a_structure_comes_back_equal_with_the_same_types(value):
    back = through(value)
    assert back == value and repr(back) == repr(value)


def test_nan_and_infinity_come_back():
    back = through([float("nan"), float("inf"), float("-inf")])
    assert back[0] != back[0] and back[1:] == [float("inf"), float("-inf")]


def test_arrays_inside_a_structure_come_back_in_order():
    back = through({"grads": [np.arange(3), (np.ones((2, 2)), 1.5)], "n": np.float32(2)})
    np.testing.assert_array_equal(back["grads"][0], np.arange(3))
    np.testing.assert_array_equal(back["grads"][1][0], np.ones((2, 2)))
    assert back["grads"][1][1] == 1.5
    assert back["n"].shape == () and back["n"].dtype == np.float32


def test_the_same_array_twice_comes_back_as_two_arrays():
    x = np.zeros(3)
    first, second = through([x, x])
    first[0] = 1
    assert second[0] == 0


@pytest.mark.parametrize(
    "value",
    [object(), {1, 2}, np.array([None]), np.array(["a"]), np.zeros(1, dtype=[("a", float)])],
    ids=repr,
)
def test_other_objects_become_handles(value):
    back = through([value], lambda value: {"handle": 7, "type": type(value).__name__})
    assert back == [("handle", 7, type(value).__name__)]


def test_a_list_that_contains_itself_becomes_a_handle_at_some_depth():
    value: list = []
    value.append(value)
    back = through(value, lambda value: {"handle": 1, "type": "list"})
    assert "handle" in repr(back)


def test_a_value_that_is_too_large_is_refused_by_the_sender(monkeypatch):
    monkeypatch.setattr(wire, "MAX_DATA", 100)
    with pytest.raises(ValueError, match="104 bytes, at most 100"):
        wire.encode([np.zeros(13)], no_handles)
    monkeypatch.setattr(wire, "MAX_HEADER", 100)
    with pytest.raises(ValueError, match="at most 100"):
        wire.encode("a" * 200, no_handles)


def test_a_stream_that_ends_between_messages_raises_eof():
    with pytest.raises(EOFError):
        read(b"")


HUGE = 1 << 40


@pytest.mark.parametrize(
    "data",
    [
        b"TAE1",
        b"garbage and more",
        wire.MAGIC + struct.pack(">I", 0xFFFFFFFF),
        wire.MAGIC + struct.pack(">I", 1000) + b"{}",
        message({}),
        message([1]),
        message({"array": ["object", [1], 8]}, bytes(8)),
        message({"array": ["float64", [HUGE], 8 * HUGE]}),
        message({"array": ["float64", [1 << 25], 1 << 28]}),  # allowed, but never arrives
        message({"array": ["float64", [0, HUGE], 0]}),
        message({"array": ["float64", [-1, -1], 8]}, bytes(8)),
        message({"array": ["float64", [True], 8]}, bytes(8)),
        message({"array": ["float64", [1] * 33, 8]}, bytes(8)),
        message({"array": ["float64", [2], 8]}, bytes(8)),
        message({"array": ["float64", [1], 8.0]}, bytes(8)),
        message({"array": ["float64", [1], 8], "list": []}, bytes(8)),
        message({"list": 3}),
        message({"dict": [[1]]}),
        message({"dict": [[[], 1]]}),
        message({"handle": "a", "type": "b"}),
        wire.MAGIC + struct.pack(">I", 200_000) + b"[" * 200_000,
        wire.MAGIC + struct.pack(">I", 5000) + b"1" * 5000,
        wire.MAGIC + struct.pack(">I", 2) + b"\xff\xfe",
    ],
)
def test_bytes_of_another_form_raise_protocol_error_and_allocate_little(data):
    tracemalloc.start()
    try:
        with pytest.raises(wire.ProtocolError):
            read(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20


entries = st.recursive(
    plain | st.sampled_from(["array", "list", "float64", 0, 1, 8, HUGE]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["array", "list", "tuple", "dict", "handle", "type"]), inner, max_size=2
        )
    ),
    max_leaves=12,
)


@given(
    st.binary(max_size=200)
    | st.binary(max_size=100).map(lambda b: wire.MAGIC + b)
    | st.binary(max_size=60).map(lambda b: wire.MAGIC + struct.pack(">I", len(b)) + b)
    | st.tuples(entries, st.binary(max_size=30)).map(lambda pair: message(*pair))
)
def test_fuzzed_bytes_raise_nothing_but_protocol_error(data):
    try:
        read(data)
    except wire.ProtocolError:
        pass
    except EOFError:
        assert data == b""


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_message_with_one_byte_changed_raises_nothing_but_protocol_error(position, byte):
    data = bytearray(b"".join(wire.encode({"a": [np.ones((2, 3)), 1]}, no_handles)))
    data[position % len(data)] = byte
    try:
        read(bytes(data))
    except wire.ProtocolError:
        pass
