"""Arrays and devices.

Layers use only ``np.*`` functions and operators. NumPy passes a call on to the library that made
the arrays (NEP 13 and NEP 18), so the same lines run on the CPU with NumPy arrays and on the GPU
with CuPy arrays. What remains is to move arrays between devices, and this module does that.
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
    """True if CuPy is installed and finds a CUDA device (``import cupy`` works without a GPU).

    Example:
        >>> from tinyae.backend import gpu_available
        >>> device = "gpu" if gpu_available() else "cpu"
        >>> model = models.basic_autoencoder().to(device)
    """
    try:
        import cupy
    except ImportError:
        return False
    try:
        return bool(cupy.cuda.is_available())
    except Exception:  # a broken driver: treat it as no GPU
        return False


def namespace(x: Array) -> ModuleType:
    """The module that made ``x``, ``numpy`` or ``cupy``. Needed only to create new arrays.

    Example:
        >>> from tinyae.backend import namespace
        >>> namespace(np.zeros(3)) is np
        True
    """
    if type(x) is np.ndarray:
        return np  # at once, in the usual case
    if type(x).__module__.partition(".")[0] == "cupy" or getattr(x, "on_gpu", False):
        import cupy

        return cupy
    return np


def device_of(x: Array) -> str:
    """``"cpu"`` for a NumPy array or a Python number, ``"gpu"`` for a CuPy array.

    Example:
        >>> from tinyae.backend import device_of
        >>> device_of(np.zeros(3))
        'cpu'
    """
    return "cpu" if namespace(x) is np else "gpu"


def to_device(x: Array, device: str) -> Array:
    """``x`` on ``device`` (``"cpu"`` or ``"gpu"``): a copy, or ``x`` itself if it is already there.

    Raises:
        ValueError: ``device`` is neither ``"cpu"`` nor ``"gpu"``.
        RuntimeError: ``device`` is ``"gpu"`` and CuPy finds no GPU.

    Example:
        >>> x = np.zeros(3)
        >>> to_device(x, "cpu") is x  # nothing to do
        True
    """
    check_device(device)
    if hasattr(x, "moved_to"):  # examples in a file: each batch is copied when it is read
        return x.moved_to(device)
    if device == "cpu":
        return to_numpy(x)
    import cupy

    return cupy.asarray(x)


def check_device(device: str) -> None:
    """Check that there is such a device.

    Raises:
        ValueError: ``device`` is neither ``"cpu"`` nor ``"gpu"``.
        RuntimeError: ``device`` is ``"gpu"`` and CuPy finds no GPU.

    Example:
        >>> from tinyae.backend import check_device
        >>> check_device("cuda:0")
        Traceback (most recent call last):
            ...
        ValueError: device 'cuda:0' is unknown, expected 'cpu' or 'gpu'
    """
    if not isinstance(device, str) or device not in ("cpu", "gpu"):
        raise ValueError(f"device {device!r} is unknown, expected 'cpu' or 'gpu'")
    if device == "gpu" and not gpu_available():
        raise RuntimeError(
            "device is 'gpu', but CuPy finds no CUDA device. An NVIDIA GPU needs its driver and "
            'CuPy (pip install "tinyae[gpu]", or "tinyae[gpu12]" for CUDA 12); `tinyae info` shows '
            "what is found. Everything also runs with device='cpu'."
        )


def to_numpy(x: Array) -> np.ndarray:
    """``x`` as a NumPy array: copied from the GPU, or ``x`` itself if it already is one.

    Raises:
        TypeError: it is neither an array nor made of numbers.

    Example:
        >>> to_numpy([1.0, 2.0])
        array([1., 2.])
    """
    if isinstance(x, np.ndarray):
        return x
    a = x.get() if device_of(x) == "gpu" else np.asarray(x)
    if a.dtype.kind not in "fciub":
        raise TypeError(f"to_numpy: x is {x!r:.80}, expected an array")
    return a


def scalar(value: Array) -> Scalar:
    """The value of a loss: a Python number on the CPU; on a GPU the 0-d array, so that the CPU does
    not have to wait for the device.

    Example:
        >>> from tinyae.backend import scalar
        >>> scalar(np.mean(np.arange(3.0)))
        1.0
    """
    return value.item() if isinstance(value, np.generic | np.ndarray) else value


def block_size(x: Array, entries: int) -> int:
    """How many entries of ``x`` to process at a time: at most ``entries`` on a CPU, so that a block
    stays in the cache; everything on a GPU, because each call costs a kernel launch.

    Example:
        >>> from tinyae.backend import block_size
        >>> block_size(np.zeros(1000), entries=256)
        256
    """
    return entries if device_of(x) == "cpu" else max(entries, 1 << 40)


def standard_normal(shape: tuple[int, ...], like: Array, rng: Rng) -> Array:
    """Samples from N(0, 1) with the dtype and on the device of ``like``. They are drawn on the CPU,
    so that the same seed gives the same values on a GPU.

    Example:
        >>> from tinyae.backend import standard_normal
        >>> noise = standard_normal((2, 3), like=np.zeros(1, np.float32), rng=0)
        >>> noise.shape, noise.dtype
        ((2, 3), dtype('float32'))
    """
    rng = np.random.default_rng(rng)
    noise = rng.standard_normal(shape, dtype=np.float32 if like.dtype == np.float32 else np.float64)
    return namespace(like).asarray(noise.astype(like.dtype, copy=False))
