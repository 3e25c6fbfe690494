"""Two pipes to a process that may be hostile: no read and no write lasts longer than its limit."""

import os
import select
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, BinaryIO

from tinyae.course import wire
from tinyae.course.errors import TimeLimit

_POSIX = os.name == "posix"
_CHUNK = 1 << 16


class Pipes:
    """The grader's ends of the pipes, ``requests`` to write to and ``responses`` to read from.

    ``limit(seconds, text)`` starts the clock of one exchange. After it, ``read`` and ``write``
    raise ``TimeLimit(text)``.
    """

    def __init__(self, requests: BinaryIO, responses: BinaryIO, stop: Callable[[], None]) -> None:
        self._requests, self._responses = requests.fileno(), responses.fileno()
        self._stop = stop
        self._arrived = bytearray()
        self.too_late, self._deadline = "", 0.0
        if _POSIX:
            os.set_blocking(self._requests, False)
            os.set_blocking(self._responses, False)

    def limit(self, seconds: float, text: str) -> AbstractContextManager[Any]:
        """Start the clock. On Windows, where nobody can wait for a pipe with a limit, a timer ends
        the process, which also ends the reading."""
        self.too_late, self._deadline = text, time.monotonic() + seconds
        return nullcontext() if _POSIX else _Timer(seconds, self._stop)

    @property
    def is_late(self) -> bool:
        return time.monotonic() >= self._deadline

    def read(self, count: int) -> bytes:
        """``count`` bytes; fewer where the other end is closed."""
        while len(self._arrived) < count:
            self._wait(self._responses, _READABLE)
            data = os.read(self._responses, max(_CHUNK, min(count, 1 << 20)))
            if not data:
                break
            self._arrived += data
        data = bytes(self._arrived[:count])
        del self._arrived[:count]
        return data

    def write(self, buffers: list[Any]) -> None:
        """Write all buffers, one after the other."""
        for buffer in wire.joined(buffers):
            view = memoryview(buffer)
            while view:
                self._wait(self._requests, _WRITABLE)
                view = view[os.write(self._requests, view[: 1 << 20]) :]

    def _wait(self, descriptor: int, event: int) -> None:
        """Wait until there is something to read, or room to write."""
        if not _POSIX:
            return
        poll = select.poll()
        poll.register(descriptor, event)
        left = self._deadline - time.monotonic()
        if left <= 0 or not poll.poll(1000 * left):
            raise TimeLimit(self.too_late)


class _Timer:
    """Call ``stop`` unless the block ends within ``seconds``."""

    def __init__(self, seconds: float, stop: Callable[[], None]) -> None:
        self._timer = threading.Timer(seconds, stop)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *exception: object) -> None:
        self._timer.cancel()


_READABLE, _WRITABLE = (select.POLLIN, select.POLLOUT) if _POSIX else (0, 0)
