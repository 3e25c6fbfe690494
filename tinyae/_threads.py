"""Threads: BLAS gets one while others work, and where Python runs in a browser there are none."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

IN_BROWSER = sys.platform == "emscripten"  # Pyodide: no threads and no processes

_lock = threading.Lock()
_users = 0
_limits: Any = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """A context in which BLAS has one thread; without threadpoolctl, as in a browser, as before.

    The number of BLAS threads belongs to the process. The first of several contexts that overlap
    sets it to 1, and the last one restores it.
    """
    global _users, _limits
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        yield
        return
    with _lock:
        if not _users:
            _limits = threadpool_limits(limits=1, user_api="blas")
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                _limits.restore_original_limits()
