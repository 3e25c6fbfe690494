"""The format of the messages between the grader and the student's process.

One message is

    b"TAE1"   4 bytes
    n         4 bytes, unsigned, big-endian: the length of the header
    header    n bytes of JSON: the structure of the value
    data      the bytes of the arrays, C order, native byte order, in the order of the header

In the header, None, bool, int, float and str stand for themselves. Everything else is an object
with a tag:

    {"list": [...]}   {"tuple": [...]}   {"dict": [[key, value], ...]}
    {"array": [dtype, shape, byte count]}
    {"handle": number, "type": "..."}      an object that stays in the student's process
    {"function": number, "type": "..."}    a function that stays in the grader's process
    {"seed": number, "type": "..."}        a random generator, made by the receiver

There is no pickle: reading a message runs no code. The sender may be hostile, so a reader checks
each length before it uses it, and it allocates memory only for bytes that have arrived. Both sides
use this file. It imports only the standard library and NumPy, because the student's process loads
it by its path.
"""

import json
import math
import struct
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

MAGIC = b"TAE1"
MAX_HEADER = 4 << 20  # bytes
MAX_DATA = 512 << 20  # bytes of all arrays in one message
MAX_ENTRIES = 1 << 19  # values in one message
MAX_DEPTH = 32  # nested containers
MAX_DIMENSIONS = 32
REFERENCES = ("handle", "function", "seed")
SMALL = 1 << 15  # bytes: a message up to here is written at once
_CHUNK = 1 << 20  # bytes per read: memory grows only with what has arrived

DTYPES = {
    name: np.dtype(name)
    for name in (
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "float32", "float64", "complex64", "complex128"),
    )
}


class Stream(Protocol):
    """Where bytes come from; ``read`` returns fewer than ``count`` at the end only."""

    def read(self, count: int, /) -> bytes: ...


class ProtocolError(Exception):
    """The bytes are not a message of this format."""


def sendable(array: np.ndarray) -> bool:
    """Whether the array's dtype can be sent: booleans, integers, floats and complex numbers."""
    return array.dtype.newbyteorder("=") in DTYPES.values()


def encode(value: Any, opaque: Callable[[Any], dict[str, Any]]) -> list[bytes | memoryview]:
    """The message for ``value``, as buffers to be written one after the other.

    Args:
        value: what to send. A NumPy scalar becomes a 0-d array; a subclass becomes its base.
        opaque: called with each object that the format cannot express; returns the entry of a
            handle, a function or a seed, or raises an exception.

    Raises:
        ValueError: if the message is too large to send.
    """
    arrays: list[np.ndarray] = []
    entries, total = 0, 0

    def entry(value: Any, depth: int) -> Any:
        nonlocal entries, total
        entries += 1
        if entries > MAX_ENTRIES:
            raise ValueError(f"the structure has more than {MAX_ENTRIES} entries")
        if isinstance(value, (np.ndarray, np.generic)):
            # Subclasses become plain arrays; byte order becomes native; 0-d stays 0-d.
            array = np.asarray(value)
            if not sendable(array):
                return opaque(value)
            total += array.nbytes
            if total > MAX_DATA:
                raise ValueError(f"the arrays have {total} bytes, at most {MAX_DATA} allowed")
            array = np.asarray(array, dtype=array.dtype.newbyteorder("="), order="C")
            arrays.append(array)
            return {"array": [array.dtype.name, list(array.shape), array.nbytes]}
        if value is None or isinstance(value, bool):
            return value
        for plain in (int, float, str):
            if isinstance(value, plain):
                return plain(value)
        if depth < MAX_DEPTH:
            if isinstance(value, (list, tuple)):
                tag = "list" if isinstance(value, list) else "tuple"
                return {tag: [entry(item, depth + 1) for item in value]}
            if isinstance(value, dict) and all(_is_key(key) for key in value):
                pairs = [[key, entry(item, depth + 1)] for key, item in value.items()]
                return {"dict": pairs}
        return opaque(value)

    header = json.dumps(entry(value, 0)).encode()
    if len(header) > MAX_HEADER:
        raise ValueError(f"the structure needs {len(header)} bytes, at most {MAX_HEADER} allowed")
    data = [array.reshape(-1).view(np.uint8).data for array in arrays if array.size]
    return [MAGIC + struct.pack(">I", len(header)) + header, *data]


def joined(buffers: list[bytes | memoryview]) -> list[bytes | memoryview]:
    """The buffers as one, if they are small: the other process wakes up at each write."""
    return [b"".join(buffers)] if sum(map(len, buffers)) <= SMALL else buffers


def read(stream: Stream, resolve: Callable[[str, int, str], Any]) -> Any:
    """Read one message and return its value, with fresh, plain, writable arrays.

    Args:
        stream: where the bytes come from.
        resolve: called with "handle", "function" or "seed", the number and the type of each such
            entry; returns what stands for it.

    Raises:
        EOFError: if the stream ends before the first byte.
        ProtocolError: if the bytes are not a message of this format.
    """
    start = stream.read(8)
    if not start:
        raise EOFError("no more messages")
    if len(start) < 8 or start[:4] != MAGIC:
        raise ProtocolError(f"expected the start of a message, got {start!r}")
    (length,) = struct.unpack(">I", start[4:])
    if length > MAX_HEADER:
        raise ProtocolError(f"the header claims {length} bytes, at most {MAX_HEADER} allowed")
    try:
        header = json.loads(bytes(_read_exactly(stream, length)).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"the header is not JSON: {type(error).__name__}") from None
    budget = MAX_DATA

    def value(entry: Any, depth: int) -> Any:
        nonlocal budget
        if entry is None or type(entry) in (bool, int, float, str):
            return entry
        if type(entry) is not dict or depth > MAX_DEPTH:
            raise ProtocolError("the header has an entry without a tag, or is nested too deeply")
        match entry:
            case {"list": list(items), **rest} if not rest:
                return [value(item, depth + 1) for item in items]
            case {"tuple": list(items), **rest} if not rest:
                return tuple(value(item, depth + 1) for item in items)
            case {"dict": list(pairs), **rest} if not rest:
                if not all(type(pair) is list and len(pair) == 2 for pair in pairs):
                    raise ProtocolError("a dict's entry is not a pair")
                if not all(_is_key(pair[0]) for pair in pairs):
                    raise ProtocolError("a dict has a key that is not a plain value")
                return {key: value(item, depth + 1) for key, item in pairs}
            case {"array": [str(name), list(shape), int(nbytes)], **rest} if not rest:
                dtype = _checked(name, shape, nbytes, budget)
                budget -= nbytes
                data = _read_exactly(stream, nbytes)
                return np.frombuffer(data, dtype=dtype).reshape(shape)
            case {"type": str(kind), **rest} if len(rest) == 1:
                ((tag, number),) = rest.items()
                if tag in REFERENCES and type(number) is int:
                    return resolve(tag, number, kind)
        raise ProtocolError("the header has an entry with an unknown tag")

    return value(header, 0)


def _checked(name: str, shape: list[Any], nbytes: int, budget: int) -> np.dtype:
    """The dtype of an array entry, once its three claims fit together and into the budget."""
    dtype = DTYPES.get(name)
    if dtype is None:
        raise ProtocolError(f"the dtype {name[:40]!r} is not allowed")
    if len(shape) > MAX_DIMENSIONS or not all(type(n) is int and n >= 0 for n in shape):
        raise ProtocolError("an array's shape is not a short list of non-negative integers")
    # Empty arrays may not claim absurd lengths either: NumPy refuses (0, 2**62).
    if math.prod(max(n, 1) for n in shape) * dtype.itemsize > MAX_DATA:
        raise ProtocolError("an array's shape is too large")
    if math.prod(shape) * dtype.itemsize != nbytes:
        raise ProtocolError("an array's byte count does not fit its shape")
    if nbytes > budget:
        raise ProtocolError(f"the arrays of one message have more than {MAX_DATA} bytes")
    return dtype


def _read_exactly(stream: Stream, length: int) -> bytearray:
    """Read ``length`` bytes in chunks, so that a false length costs no memory."""
    data = bytearray()
    while len(data) < length:
        chunk = stream.read(min(_CHUNK, length - len(data)))
        if not chunk:
            raise ProtocolError(f"the message ends after {len(data)} of {length} bytes")
        data += chunk
    return data


def _is_key(key: Any) -> bool:
    return key is None or type(key) in (bool, int, float, str)
