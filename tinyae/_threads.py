"""Threads: where Python runs in a browser (Pyodide) there are none, and nothing needs a limit."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

IN_BROWSER = sys.platform == "emscripten"  # no threads and no processes


def one_blas_thread() -> AbstractContextManager[Any]:
    """A context in which BLAS has one thread; without threadpoolctl, as in a browser, as before."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    limits: AbstractContextManager[Any] = threadpool_limits(limits=1, user_api="blas")
    return limits
