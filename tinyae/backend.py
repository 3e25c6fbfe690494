"""Where arrays live.

Layers are written with ``np.*`` and operators only. NumPy hands a call on to the library that its arrays come from (NEP 13
and NEP 18), so the same lines run on the CPU with NumPy arrays and on the GPU with CuPy arrays. All that is left to do
about devices is to move arrays there and back, and that is this file.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

Array = Any  # numpy.ndarray or cupy.ndarray: anything that np.* functions and operators accept
Scalar = Any  # a loss value: a Python float on the CPU, a 0-d array on a GPU
Rng = np.random.Generator | int | Sequence[int] | None  # what np.random.default_rng takes


def gpu_available() -> bool:
    """True where CuPy is installed and sees a CUDA device. (``import cupy`` alone also works where there is no GPU.)"""
    try:
        import cupy
    except ImportError:
        return False
    try:
        return bool(cupy.cuda.is_available())
    except Exception:  # a broken driver: for our purposes, no GPU
        return False


def namespace(x: Array) -> ModuleType:
    """The module that made ``x``: ``numpy`` or ``cupy``. Only for making arrays from nothing (random numbers, ranges)."""
    if type(x).__module__.partition(".")[0] == "cupy":
        import cupy

        return cupy
    return np


def device_of(x: Array) -> str:
    """``"cpu"`` for a NumPy array or a number, ``"gpu"`` for a CuPy array."""
    return "cpu" if namespace(x) is np else "gpu"


def to_device(x: Array, device: str) -> Array:
    """A copy of ``x`` on ``device`` (``"cpu"`` or ``"gpu"``); ``x`` itself where it is there already.

    Raises:
        ValueError: ``device`` is neither ``"cpu"`` nor ``"gpu"``.
        RuntimeError: a GPU is asked for and CuPy sees none.
    """
    if device == "cpu":
        return to_numpy(x)
    if device != "gpu":
        raise ValueError(f"device {device!r} is unknown, expected 'cpu' or 'gpu'")
    if not gpu_available():
        raise RuntimeError(
            "device 'gpu' was asked for, but CuPy sees no CUDA device here. An NVIDIA GPU needs its driver and CuPy "
            '(pip install "tinyae[gpu]", or "tinyae[gpu12]" for CUDA 12); `tinyae info` shows what is found. '
            "Everything also runs with device='cpu'."
        )
    import cupy

    return cupy.asarray(x)


def to_numpy(x: Array) -> np.ndarray:
    """``x`` as a NumPy array: copied from the GPU, itself where it is one already."""
    return x.get() if hasattr(x, "get") and not isinstance(x, np.ndarray) else np.asarray(x)


def scalar(value: Array) -> Any:
    """A loss's value: a Python number on the CPU; on a GPU still the 0-d array, so that nobody waits for the device."""
    return value.item() if isinstance(value, np.generic | np.ndarray) else value


def block_size(x: Array, numbers: int) -> int:
    """How much of ``x`` to work on at a time: ``numbers`` at most on a CPU, where a block should stay in the cache; on a
    GPU everything, since there each call costs a launch."""
    return numbers if device_of(x) == "cpu" else max(numbers, 1 << 40)


def standard_normal(shape: tuple[int, ...], like: Array, rng: Any) -> Array:
    """Standard normal numbers, of the dtype and on the device of ``like``; drawn on the CPU, so that a GPU sees the same."""
    rng = np.random.default_rng(rng)
    noise = rng.standard_normal(shape, dtype=np.float32 if like.dtype == np.float32 else np.float64)
    return namespace(like).asarray(noise.astype(like.dtype, copy=False))
