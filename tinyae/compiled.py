"""Compiled loops, for speed alone: ``pip install "tinyae[fast]"`` (numba).

Each loop computes, bit for bit, what a few lines of NumPy compute: the lines that call it, which
are its reference. NumPy makes one pass over memory for each operation, and a loop makes one in all.
It also keeps the threads of ``fit`` apart: they wait for each other between NumPy's calls.

``fit`` loads the loops where numba is installed. ``TINYAE_COMPILED=0`` in the environment keeps
NumPy. They have no threads of their own. On a GPU, CuPy compiles the loop of Adam: one kernel per
parameter instead of twelve.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from tinyae.backend import Array, device_of

_loops: dict[str, Callable[..., None]] = {}  # empty: NumPy computes everything


def is_loaded(name: str, a: Array) -> bool:
    """Whether there is a compiled loop of this name for arrays like this one."""
    found = name in _loops if type(a) is np.ndarray else name == "adam" and device_of(a) == "gpu"
    return found and a.dtype.char in "fd"


def loop(name: str, *arrays: Array) -> Callable[..., None] | None:
    """The compiled loop for these arrays, or None: then the caller's NumPy lines compute.

    A loop takes NumPy arrays of one dtype, float32 or float64, that are contiguous in memory.
    """
    first = arrays[0]
    for a in arrays:
        if not is_loaded(name, a) or a.dtype != first.dtype or not a.flags.c_contiguous:
            return None
    return _loops[name] if type(first) is np.ndarray else _adam_on_gpu


@cache
def load() -> str:
    """Compile the loops, or read what an earlier process has compiled.

    Returns:
        What computes, for ``tinyae info``: ``"numba 0.60"``, or why it is NumPy alone.
    """
    if os.environ.get("TINYAE_COMPILED") == "0":
        return "not used: TINYAE_COMPILED is 0"
    try:
        import numba
    except ModuleNotFoundError:
        return 'not installed: pip install "tinyae[fast]"'
    except Exception as error:  # a broken installation, or one for another NumPy: train without
        return f"not used: numba cannot be imported: {error}"
    # Without fastmath: the same roundings as NumPy. error_model: 1 / 0 = inf, as in NumPy.
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    for f in (adam, unfold, fold):
        try:
            _loops[f.__name__] = numba.njit(cache=True, **options)(f)
        except RuntimeError:  # no folder to keep the compiled loops in
            _loops[f.__name__] = numba.njit(**options)(f)
    return f"numba {numba.__version__}"


def unload() -> None:
    """Compute with NumPy alone again (tests)."""
    _loops.clear()
    load.cache_clear()


def adam(
    w: Any,
    m: Any,
    v: Any,
    parts: Any,
    scale: Any,
    decay: Any,
    c1: Any,
    c2: Any,
    eps: Any,
    rate: Any,
) -> None:
    """``Optimizer.step`` with ``Adam._update``, of one array: g = scale · Σ parts, c = 1 − β."""
    buffer = np.empty(4096, w.dtype)  # a block of g, which stays in the first cache
    for start in range(0, w.size, 4096):
        block = slice(start, min(start + 4096, w.size))
        wb, mb, vb, gb = w[block], m[block], v[block], buffer[: block.stop - start]
        gb[:] = parts[0][block]
        for k in range(1, len(parts)):
            gb += parts[k][block]
        for i in range(wb.size):
            g = gb[i] * scale
            mb[i] += (g - mb[i]) * c1
            vb[i] += (g * g - vb[i]) * c2
            wb[i] = wb[i] * decay - mb[i] / (math.sqrt(vb[i]) + eps) * rate


@cache
def _adam_kernel() -> Any:
    import cupy

    body = "m += (g - m) * c1; v += (g * g - v) * c2; w = w * decay - m / (sqrt(v) + eps) * rate"
    inputs = "T g, T decay, T c1, T c2, T eps, T rate"
    return cupy.ElementwiseKernel(inputs, "T w, T m, T v", body, "adam")


def _adam_on_gpu(w: Any, m: Any, v: Any, parts: Any, scale: Any, *constants: Any) -> None:
    """Inputs, then outputs, which are read as well. A GPU has one worker, and so scale is 1."""
    _adam_kernel()(parts[0], *constants, w, m, v)


def unfold(x: Any, patches: Any, stride: Any, padding: Any, dilation: Any) -> None:
    """``patches``: (N, Ho, Wo, kh, kw, C), the copy of ``cut_patches(x)``, x: (N, H, W, C)."""
    n_images, ho, wo, kh, kw, channels = patches.shape
    h, w = x.shape[1], x.shape[2]
    for n in range(n_images):
        for i in range(ho):
            for j in range(wo):
                for u in range(kh):
                    row = i * stride[0] + u * dilation[0] - padding[0]
                    for v in range(kw):
                        column = j * stride[1] + v * dilation[1] - padding[1]
                        if 0 <= row < h and 0 <= column < w:
                            for c in range(channels):
                                patches[n, i, j, u, v, c] = x[n, row, column, c]
                        else:
                            for c in range(channels):
                                patches[n, i, j, u, v, c] = 0


def fold(patches: Any, x: Any, stride: Any, padding: Any, dilation: Any) -> None:
    """``add_patches`` into ``x``: (N, H, W, C). The order of the sums is NumPy's."""
    n_images, ho, wo, kh, kw, channels = patches.shape
    h, w = x.shape[1], x.shape[2]
    for n in range(n_images):
        x[n] = 0
        for u in range(kh):
            for v in range(kw):
                for i in range(ho):
                    row = i * stride[0] + u * dilation[0] - padding[0]
                    if row < 0 or row >= h:
                        continue
                    for j in range(wo):
                        column = j * stride[1] + v * dilation[1] - padding[1]
                        if column < 0 or column >= w:
                            continue
                        for c in range(channels):
                            x[n, row, column, c] += patches[n, i, j, u, v, c]
