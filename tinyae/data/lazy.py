"""Examples that stay in their file: each batch is read and converted when it is used.

An array of images takes four times the size of its file as float32, and may not fit into memory.
A ``LazyArray`` takes the place of such an array. Training reads it batch by batch, and checks go
through it in parts, so the memory needed does not depend on the size of the file.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from tinyae.backend import Array, namespace, to_device, to_numpy
from tinyae.data.file_checks import note

IN_MEMORY = 256 * 2**20  # bytes as float32; larger arrays stay in their file
PART = 2**22  # values that are read at a time
DENSE = 4  # a block of the file is read at once if it has at most this many times what is wanted


def is_large(shape: tuple[int, ...]) -> bool:
    """Whether examples (N, ...) take much memory as float32."""
    return len(shape) > 1 and shape[0] > 1 and 4 * math.prod(shape) > IN_MEMORY


class FileRows:
    """The rows of an array (N, ...) in a file, C order: ``rows[[5, 2]]`` reads two of them.

    The file is not mapped into memory: a file that gets shorter while it is mapped ends the
    process without a message.

    Args:
        offset: where the values begin, in bytes.
    """

    def __init__(self, path: Path, offset: int, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.path, self.offset = path.absolute(), offset
        self.shape, self.dtype = shape, dtype
        self.state = _state(self.path.stat())

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        size = self.dtype.itemsize * math.prod(self.shape[1:])  # of a row, in bytes
        first, count = int(rows.min()), int(rows.max()) - int(rows.min()) + 1
        with self.path.open("rb", buffering=0) as file:
            if _state(os.fstat(file.fileno())) != self.state:
                raise OSError(
                    f"{self.path} has changed since it was opened (its size or its time of "
                    "modification): start again, and leave the file as it is meanwhile"
                )
            if count <= DENSE * len(rows):
                content = self._read(file, self.offset + first * size, count * size)
                block = np.frombuffer(content, self.dtype).reshape(count, *self.shape[1:])
                return block[rows - first]
            places = (self.offset + rows * size).tolist()
            if hasattr(os, "posix_fadvise"):  # the disk may fetch all of them at once
                for place in places:
                    os.posix_fadvise(file.fileno(), place, size, os.POSIX_FADV_WILLNEED)
            content = b"".join([self._read(file, place, size) for place in places])
        return np.frombuffer(content, self.dtype).reshape(len(rows), *self.shape[1:])

    def _read(self, file: IO[bytes], place: int, size: int) -> bytes:
        content = _read_at(file, place, size)
        while len(content) < size:  # one call of the system reads at most 2 GiB
            more = _read_at(file, place + len(content), size - len(content))
            if not more:
                raise OSError(f"{self.path} became shorter while it was read")
            content += more
        return content


def _state(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


def _read_at(file: IO[bytes], place: int, size: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(file.fileno(), size, place)
    file.seek(place)  # Windows
    return file.read(size)


class LazyArray(NDArrayOperatorsMixin):
    """An array of examples (N, ...) whose values are read when they are used.

    ``x[:10]``, ``x[indices]`` and ``x[mask]`` are NumPy arrays. ``len``, ``shape``, ``dtype``,
    ``min()``, ``max()``, ``mean()``, ``var()`` and ``reshape(N, ...)`` need little memory. Whatever
    else NumPy does with it, such as ``1 - x`` or ``np.sort(x)``, reads all of it into memory.

    Args:
        source: the raw examples: ``source[rows]`` returns those rows. It has a shape and a dtype.
        steps: functions of a batch, applied one after the other to what is read.
        rows: which rows of the source, and in which order; None: all of them.
    """

    on_gpu = False

    def __init__(
        self,
        source: FileRows | np.ndarray,
        steps: tuple[Callable[[Array], Array], ...] = (),
        rows: np.ndarray | None = None,
    ) -> None:
        self.source, self.steps, self.rows = source, steps, rows
        self._known: dict[str, float] = {}  # statistics
        n = source.shape[0] if rows is None else len(rows)
        first = self._converted(source[np.zeros(1, np.intp)])
        self.shape: tuple[int, ...] = (n, *first.shape[1:])
        self.dtype = first.dtype
        self.ndim, self.size = len(self.shape), math.prod(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Array:
        if isinstance(index, tuple):  # x[:5, 0]: some of the examples, then a part of them
            first, *others = index or (slice(None),)
            if isinstance(first, slice):
                return self[first][(slice(None), *others)]
            return np.asarray(self)[index]
        if isinstance(index, int | np.integer):
            return self[self._rows([index])][0]
        rows = self._rows(index)
        if not len(rows):
            return namespace(self).empty((0, *self.shape[1:]), self.dtype)
        per_part = self._examples_per_part
        if len(rows) <= per_part:
            return self._read(rows)
        whole = namespace(self).empty((len(rows), *self.shape[1:]), self.dtype)
        for start in range(0, len(rows), per_part):
            whole[start : start + per_part] = self._read(rows[start : start + per_part])
        return whole

    def subset(self, index: Any) -> LazyArray:
        """Some of the examples, still in their file."""
        rows = self._rows(index)
        return self._like(self.steps, rows if self.rows is None else self.rows[rows])

    def map(self, step: Callable[[Array], Array]) -> LazyArray:
        """``step(x)`` of a function that treats each example by itself, applied to each batch."""
        return self._like((*self.steps, step), self.rows)

    def reshape(self, *shape: Any) -> Any:
        new = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
        rest = new[1:]
        if new[0] not in (len(self), -1) or (new[0] == -1 and math.prod(rest) != self._per_example):
            return np.asarray(self).reshape(new)
        rest = np.empty(self.shape[1:], bool).reshape(rest).shape
        reshaped = self.map(lambda x: x.reshape(len(x), *rest))
        reshaped._known = self._known  # the same values
        return reshaped

    def moved_to(self, device: str) -> LazyArray:
        """The same examples on a device; each batch is copied to it when it is read."""
        moved = self.map(lambda x: to_device(x, device))
        moved.on_gpu = device == "gpu"
        return moved

    def parts(self) -> Iterator[Array]:
        """All examples, some at a time, in the order in which they lie in the file."""
        rows = np.arange(len(self)) if self.rows is None else np.argsort(self.rows)
        for start in range(0, len(rows), self._examples_per_part):
            yield self._read(rows[start : start + self._examples_per_part])

    def min(self, *how: Any, **more: Any) -> Any:
        return self._statistic("min", how, more)

    def max(self, *how: Any, **more: Any) -> Any:
        return self._statistic("max", how, more)

    def mean(self, *how: Any, **more: Any) -> Any:
        """The mean of all values, summed in float64."""
        more.pop("dtype", None)
        return self._statistic("mean", how, more)

    def var(self, *how: Any, **more: Any) -> Any:
        """The variance of all values, summed in float64."""
        more.pop("dtype", None)
        return self._statistic("var", how, more)

    def std(self, *how: Any, **more: Any) -> Any:
        return np.sqrt(self.var(*how, **more))

    def _statistic(self, name: str, how: tuple[Any, ...], more: dict[str, Any]) -> Any:
        if how or more:  # along an axis, ...
            return getattr(np.asarray(self), name)(*how, **more)
        if name not in self._known:
            self._known |= self._variance() if name == "var" else self._range_and_mean()
        return self.dtype.type(self._known[name]) if name in ("min", "max") else self._known[name]

    def _range_and_mean(self) -> dict[str, float]:
        lows, highs, total = [], [], 0.0
        for x in self.parts():
            lows.append(x.min().item())
            highs.append(x.max().item())
            total += float(x.sum(dtype=np.float64))
        low, high = np.min(lows).item(), np.max(highs).item()  # NaN, if there is one
        return {"min": low, "max": high, "mean": total / self.size}

    def _variance(self) -> dict[str, float]:
        mean = self.mean()
        squares = (float(np.sum((x.astype(np.float64) - mean) ** 2)) for x in self.parts())
        return {"var": sum(squares) / self.size}

    @property
    def _per_example(self) -> int:
        return math.prod(self.shape[1:])

    @property
    def _examples_per_part(self) -> int:
        largest = max(1, self._per_example, math.prod(self.source.shape[1:]))  # before, after
        return max(1, PART // largest)

    def _rows(self, index: Any) -> np.ndarray:
        """Positions 0 ... N − 1, (n,)."""
        n = len(self)
        if isinstance(index, slice):
            return np.arange(*index.indices(n))
        rows = to_numpy(index)
        if rows.dtype == bool and rows.shape == (n,):
            return np.flatnonzero(rows)
        if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
            raise IndexError(
                f"index of shape {rows.shape} and dtype {rows.dtype} for {n} examples: expected a "
                "slice, integers (n,) or a mask (N,); np.asarray(x)[...] reads all into memory"
            )
        if rows.size and not -n <= rows.min() <= rows.max() < n:
            raise IndexError(f"index from {rows.min()} to {rows.max()} for {n} examples")
        return np.where(rows < 0, rows + n, rows).astype(np.intp)

    def _read(self, rows: np.ndarray) -> Array:
        return self._converted(self.source[rows if self.rows is None else self.rows[rows]])

    def _converted(self, batch: Array) -> Array:
        for step in self.steps:
            batch = step(batch)
        return batch

    def _like(self, steps: tuple[Any, ...], rows: np.ndarray | None) -> LazyArray:
        other = LazyArray(self.source, steps, rows)
        other.on_gpu = self.on_gpu
        return other

    # Everything else that NumPy can do, on the whole array in memory

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("the values are in a file, so an array of them is always a copy")
        return np.asarray(self[:], dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return getattr(ufunc, method)(*_whole(inputs), **options)

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        return function(*_whole(inputs), **{key: _whole(a) for key, a in options.items()})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(np.ndarray, name):
            raise AttributeError(f"LazyArray has no attribute {name!r}")
        return getattr(np.asarray(self), name)

    def __repr__(self) -> str:
        return f"LazyArray(shape {self.shape}, {self.dtype})"


def _whole(value: Any) -> Any:
    if isinstance(value, LazyArray):
        return value[:]
    return type(value)(map(_whole, value)) if isinstance(value, tuple | list) else value


def held_in_memory(x: np.ndarray, path: Path, obstacle: str) -> LazyArray:
    """A large array that cannot be read in parts: it is in memory as it is in the file, and each
    batch is converted when it is used."""
    if x.nbytes > IN_MEMORY:
        note(f"{path}: all of it is read into memory ({x.nbytes / 2**30:.2g} GiB): {obstacle}")
    return LazyArray(x)


def mapped(f: Callable[[Array], Array], x: Array) -> Array:
    """``f(x)`` of a function that treats each example by itself; of a ``LazyArray``, when its
    examples are read."""
    return x.map(f) if isinstance(x, LazyArray) else f(x)


def subset(x: Array, index: Any) -> Array:
    """``x[index]``; of a ``LazyArray``, another one."""
    return x.subset(index) if isinstance(x, LazyArray) else x[index]
